"""The log: one line an event on standard error, as text for people or JSON for machines.

Nothing that a person typed reaches it but nicknames, which are clean; and what is not printable is escaped all the same, tracebacks
included. Callers who knock on the wrong door cannot fill it. Never knows what the events mean.
"""

import sys
import time
import traceback
from collections.abc import Callable
from contextlib import suppress
from datetime import UTC, datetime
from math import inf
from typing import Literal

from chat_server.console import escaped

SAMPLE_SECONDS = 60.0
SAMPLE_MAX = 5
"""Log lines for each kind of unwelcome caller in SAMPLE_SECONDS; the rest are counted and told in one line later."""

COMPLAINT_SECONDS = 10.0
"""Seconds between two complaints of the same."""


class Log:
    """Takes what happens, each event with its details. `exc_info` among them is an exception, which is told with its traceback."""

    __slots__ = ("is_verbose", "take")

    def __init__(self) -> None:
        self.is_verbose = False
        """Whether what is told by `debug` is wanted."""
        self.take: Callable[[str, str, dict[str, object]], None] = _take_as_text
        """What is done with a level, an event, and its details."""

    def debug(self, event: str, /, **details: object) -> None:
        """Tell what only somebody wants to know who looks for something."""
        if self.is_verbose:
            self.take("debug", event, details)

    def info(self, event: str, /, **details: object) -> None:
        """Tell what happens in the ordinary course of things."""
        self.take("info", event, details)

    def warning(self, event: str, /, **details: object) -> None:
        """Tell what somebody should look at."""
        self.take("warning", event, details)

    def error(self, event: str, /, **details: object) -> None:
        """Tell that something does not work as it should."""
        self.take("error", event, details)


def configure(form: Literal["text", "json"], *, verbose: bool) -> None:
    """Have the log written in this form."""
    log.take = _take_as_json if form == "json" else _take_as_text
    log.is_verbose = verbose


def _take_as_text(level: str, event: str, details: dict[str, object]) -> None:
    error = details.pop("exc_info", None)
    told = "".join(f" {key}={escaped(value)}" for key, value in details.items())
    lines = "".join(f"\n    {escaped(line)}" for line in _traceback(error).splitlines())
    _write_line(f"{_now()} {level}: {escaped(event)}{told}{lines}")


def _take_as_json(level: str, event: str, details: dict[str, object]) -> None:
    import json  # noqa: PLC0415 - 3 ms, for nothing where the log is for people

    error = details.pop("exc_info", None)
    told = {**details, "event": event, "level": level, "timestamp": _now()}
    if error is not None:
        told["exception"] = _traceback(error)
    _write_line(json.dumps(told, default=repr))


def _now() -> str:
    return f"{datetime.now(UTC).replace(tzinfo=None).isoformat()}Z"


def _traceback(error: object) -> str:
    return "".join(traceback.format_exception(error)).removesuffix("\n") if isinstance(error, BaseException) else ""


def _write_line(line: str) -> None:
    """Write one line, or lose it: a full disk behind standard error must not stop the server."""
    if sys.stderr is None:  # closed by whoever started us
        return
    with suppress(OSError):
        sys.stderr.write(line + "\n")
        sys.stderr.flush()


log = Log()
"""The log of the program."""


class Sampler:
    """Logs the first few events of a kind, and how many more there were."""

    def __init__(self) -> None:
        self._counts: dict[str, int] = {}
        self._since = 0.0

    def note(self, what: str, now: float, **details: object) -> None:
        """Log that `what` happened at the time `now`, or only count it."""
        if now - self._since >= SAMPLE_SECONDS:
            for kind, count in self._counts.items():
                if count > SAMPLE_MAX:
                    log.info(f"{kind}: {count - SAMPLE_MAX} more times")
            self._counts.clear()
            self._since = now
        count = self._counts[what] = self._counts.get(what, 0) + 1
        if count <= SAMPLE_MAX:
            log.info(what, **details)


class Complaint:
    """Logs what may go wrong a thousand times a second, as on a full disk, when it does so first and now and then."""

    def __init__(self, event: str) -> None:
        self._event = event
        self._last = -inf

    def log(self, **details: object) -> None:
        """Log that it has gone wrong, unless that was done just before."""
        if time.monotonic() - self._last >= COMPLAINT_SECONDS:
            self._last = time.monotonic()
            log.error(self._event, **details)
