"""The log: one line an event on standard error, as text for people or JSON for machines.

Nothing that a person typed reaches it but nicknames, which are clean; and what is not printable is escaped all the same, tracebacks
included. Callers who knock on the wrong door cannot fill it.
"""

import sys
from collections.abc import MutableMapping
from contextlib import suppress
from typing import Any, Literal

import structlog

from chat_server.console import escaped

SAMPLE_SECONDS = 60.0
SAMPLE_MAX = 5
"""Log lines for each kind of unwelcome caller in SAMPLE_SECONDS; the rest are counted and told in one line later."""


class _StandardError:
    """Writes to standard error as long as somebody takes it: a full disk behind it must not stop the server."""

    def write_line(self, line: str) -> None:
        """Write one line, or lose it."""
        if sys.stderr is None:  # closed by whoever started us
            return
        with suppress(OSError):
            sys.stderr.write(line + "\n")
            sys.stderr.flush()

    debug = info = warning = error = exception = write_line


def configure(form: Literal["text", "json"], *, verbose: bool) -> None:
    """Make structlog write to standard error in this form."""
    structlog.configure(
        processors=[
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            structlog.processors.format_exc_info,
            structlog.processors.JSONRenderer() if form == "json" else _as_text,
        ],
        wrapper_class=structlog.make_filtering_bound_logger(10 if verbose else 20),
        logger_factory=_StandardError,
        cache_logger_on_first_use=True,
    )


def _as_text(_logger: object, _method: str, event: MutableMapping[str, Any]) -> str:
    traceback = event.pop("exception", "")
    start = f"{event.pop('timestamp')} {event.pop('level')}: {escaped(event.pop('event'))}"
    details = "".join(f" {key}={escaped(value)}" for key, value in event.items())
    return start + details + "".join(f"\n    {escaped(line)}" for line in traceback.splitlines())


class Sampler:
    """Logs the first few events of a kind, and how many more there were."""

    def __init__(self) -> None:
        self._counts: dict[str, int] = {}
        self._since = 0.0

    def note(self, what: str, now: float, **details: object) -> None:
        """Log that `what` happened at the time `now`, or only count it."""
        log = structlog.get_logger()
        if now - self._since >= SAMPLE_SECONDS:
            for kind, count in self._counts.items():
                if count > SAMPLE_MAX:
                    log.info(f"{kind}: {count - SAMPLE_MAX} more times")
            self._counts.clear()
            self._since = now
        count = self._counts[what] = self._counts.get(what, 0) + 1
        if count <= SAMPLE_MAX:
            log.info(what, **details)
