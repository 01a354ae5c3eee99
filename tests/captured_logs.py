"""What is logged while a test looks at it."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from chat_server.logs import log


@contextmanager
def capture_logs() -> Iterator[list[dict[str, Any]]]:
    """What is logged meanwhile, wanted or not: each event's details, with its `event` and `log_level`. None of it is written."""
    found: list[dict[str, Any]] = []

    def take(level: str, event: str, details: dict[str, object]) -> None:
        found.append({**details, "event": event, "log_level": level})

    take_before, was_verbose = log.take, log.is_verbose
    log.take, log.is_verbose = take, True
    try:
        yield found
    finally:
        log.take, log.is_verbose = take_before, was_verbose
