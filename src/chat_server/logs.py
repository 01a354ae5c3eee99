"""The log: one line an event on standard error, as text for people or JSON for machines.

Nothing that a person typed reaches it but nicknames, which are clean; and what is not printable is escaped all the same, tracebacks
included. What must not stand there is taken out last of all (log_cleaning.py). Callers who knock on the wrong door cannot fill it. Never knows what
the events mean.
"""

import sys
import time
import traceback
from collections.abc import Callable, Hashable
from contextlib import suppress
from datetime import UTC, datetime
from math import inf
from threading import Lock
from typing import Literal
from weakref import WeakSet

from chat_server.console import escaped, leads_to_journal, with_priority
from chat_server.log_cleaning import Addresses, cleaned, cleaner_for

REPEAT_SECONDS = 60.0
"""Seconds within which what repeats is one line; how often it did is told at their end."""

KINDS_MAX = 200
"""Kinds of which one Repeats counts how often they repeat; of the eldest it is told before its time when there are more."""


Take = Callable[[str, str, dict[str, object]], None]
"""Does something with a level, an event, and its details."""


class Log:
    """Takes what happens, each event with its details. `exc_info` among them is an exception, which is told with its traceback."""

    __slots__ = ("is_verbose", "take")

    def __init__(self) -> None:
        self.is_verbose = False
        """Whether what is told by `debug` is wanted."""
        self.take: Take
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


def configure(form: Literal["text", "json"], *, verbose: bool, addresses: Addresses = "full") -> None:
    """Have the log written in this form, and callers' addresses in it as far as is said."""
    tell_repeats(is_end=True)
    made = _json_line if form == "json" else _text_line
    log.take = Written(made, cleaner_for(addresses), is_counted=True, is_for_journal=leads_to_journal()).take
    log.is_verbose = verbose


Form = Callable[[str, str, dict[str, object], str], str]
"""Makes a line of a level, an event, its details, and a traceback or ""."""


class Written:
    """Where what is told becomes lines: without what must not stand there, and what goes wrong again and again once a minute."""

    def __init__(
        self, form: Form, clean: Callable[[str], str], *, is_counted: bool = False, is_for_journal: bool = False
    ) -> None:
        """Nothing has gone wrong yet. Unless it `is_counted`, what does so again is written each time."""
        self._is_for_journal = is_for_journal
        self._is_counted = is_counted
        self._form = form
        self._clean = clean
        self._failures = Repeats(self._write)

    def take(self, level: str, event: str, details: dict[str, object]) -> None:
        """Write an event; see Log.take. What failed just as before is the same whatever else is told of it: the traceback's end says what it is."""
        error = details.get("exc_info")
        if self._is_counted and isinstance(error, BaseException):
            last = error.__traceback__
            while last is not None and last.tb_next is not None:
                last = last.tb_next
            where = (last.tb_frame.f_code.co_filename, last.tb_lineno) if last is not None else None
            self._failures.note(level, event, details, kind=(event, type(error), where))
        else:
            self._write(level, event, details)

    def _write(self, level: str, event: str, details: dict[str, object]) -> None:
        error = details.pop("exc_info", None)
        told = "".join(traceback.format_exception(error)).removesuffix("\n") if isinstance(error, BaseException) else ""
        lines = self._form(level, self._clean(event), cleaned(details, self._clean), self._clean(told))
        _write_line(with_priority(level, lines) if self._is_for_journal else lines)


def _text_line(level: str, event: str, details: dict[str, object], told: str) -> str:
    values = "".join(f" {key}={escaped(value)}" for key, value in details.items())
    lines = "".join(f"\n    {escaped(line)}" for line in told.splitlines())
    return f"{_now()} {level}: {escaped(event)}{values}{lines}"


def _json_line(level: str, event: str, details: dict[str, object], told: str) -> str:
    import json  # noqa: PLC0415 - 3 ms, for nothing where the log is for people

    values = {**details, "event": event, "level": level, "timestamp": _now()}
    return json.dumps({**values, "exception": told} if told else values, default=repr)


def _now() -> str:
    return f"{datetime.now(UTC).replace(tzinfo=None).isoformat()}Z"


def _write_line(line: str) -> None:
    """Write one line, or lose it: a full disk behind standard error must not stop the server."""
    if sys.stderr is None:  # closed by whoever started us
        return
    with suppress(OSError):
        sys.stderr.write(line + "\n")
        sys.stderr.flush()


class _Kind:
    """Something that has happened, and how often since that was told."""

    __slots__ = ("count", "details", "event", "level", "since")

    def __init__(self, level: str, event: str, since: float) -> None:
        self.level, self.event, self.since = level, event, since
        self.count = 0
        self.details: dict[str, object] = {}


class Repeats:
    """Tells once a minute of what may happen a thousand times a second: the first time at once, then how often, with the details of the last.

    How often is told when the minute is over (`tell_repeats`), earlier where there are too many kinds, and at the end of the program. For any
    thread.
    """

    def __init__(self, take: Take | None = None, clock: Callable[[], float] = time.monotonic) -> None:
        """Nothing has happened yet. Events are given to `take`; None: to the log."""
        self._clock = clock
        self._take = take
        self._kinds: dict[Hashable, _Kind] = {}
        self._lock = Lock()
        with _REPEATS_LOCK:
            _REPEATS.add(self)

    def info(self, event: str, /, **details: object) -> None:
        """Tell of a caller who is not welcome, or the like."""
        self.note("info", event, details)

    def error(self, event: str, /, **details: object) -> None:
        """Tell that something does not work."""
        self.note("error", event, details)

    def note(self, level: str, event: str, details: dict[str, object], kind: Hashable = None) -> None:
        """Tell of an event, or count it if one of this kind (None: of this name) has been told of within the minute."""
        now, kind = self._clock(), event if kind is None else kind
        with self._lock:
            due = self._due(now)
            known = self._kinds.get(kind)
            if known is not None:
                known.count += 1
                known.details = {key: value for key, value in details.items() if key != "exc_info"}
            else:
                if len(self._kinds) >= KINDS_MAX:
                    due.append(self._kinds.pop(next(iter(self._kinds))))
                self._kinds[kind] = _Kind(level, event, now)
        for one in due:
            self._tell(one)
        if known is None:
            (self._take or log.take)(level, event, details)

    def look(self, *, is_end: bool = False) -> None:
        """Tell of what has repeated, where the minute is over, or at the end of everything."""
        with self._lock:
            due = self._due(inf if is_end else self._clock())
        for one in due:
            self._tell(one)

    def _due(self, now: float) -> list[_Kind]:
        """What is to be told of now. What repeats still begins another minute; the rest is forgotten."""
        due = []
        while self._kinds:
            kind, known = next(iter(self._kinds.items()))  # the one that has begun first
            if now - known.since < REPEAT_SECONDS:
                break
            del self._kinds[kind]
            if known.count:
                due.append(known)
                if now < inf:
                    self._kinds[kind] = _Kind(known.level, known.event, now)
        return due

    def _tell(self, known: _Kind) -> None:
        if known.count:
            times = "once more" if known.count == 1 else f"{known.count} more times"
            (self._take or log.take)(known.level, f"{known.event}: {times}", known.details)


_REPEATS: WeakSet[Repeats] = WeakSet()
_REPEATS_LOCK = Lock()


def tell_repeats(*, is_end: bool = False) -> None:
    """Tell of everything that has repeated and is due; at the end of everything, of all that was not told."""
    with _REPEATS_LOCK:
        every = [*_REPEATS]
    for repeats in every:
        repeats.look(is_end=is_end)


log = Log()
"""The log of the program."""

log.take = Written(_text_line, cleaner_for("full")).take
