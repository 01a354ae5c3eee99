"""Seeing whether anything can be stored, by the connection that stores turns, and between two of these. See Journal.probe.

Knows jobs; never knows when they are done, nor what is stored.
"""

import time
from collections import deque
from collections.abc import Callable, Sequence
from math import inf

import outcome
import psycopg
import trio

from chat_server.guard import Guard
from chat_server.journal import JournalError
from chat_server.journal.postgresql.link import Connection, is_broken, said

Probe = Callable[[Connection], None]
"""Stores something over what was there. Raises psycopg.Error, and JournalError."""


class ProbeJob:
    """See PendingProbe."""

    def __init__(self) -> None:
        self.begun = time.monotonic()
        self._done = trio.Event()
        self._why = ""

    def finish(self, why: str) -> None:
        """Let whoever waits go on: it is stored, or is not for this reason. For Trio's thread."""
        self._why = why
        self._done.set()

    async def stored(self) -> None:
        """Wait until it is."""
        await self._done.wait()
        if self._why:
            raise JournalError(self._why)


class Probes:
    """Those that wait. What tells those who wait is for Trio's thread."""

    def __init__(self, probe: Probe) -> None:
        self._probe = probe
        self._waiting: deque[ProbeJob] = deque()

    def __len__(self) -> int:
        return len(self._waiting)

    def add(self, refusal: str) -> ProbeJob:
        """One more waits, unless it is refused at once. For Trio's thread."""
        job = ProbeJob()
        if refusal:
            job.finish(refusal)
        else:
            self._waiting.append(job)
        return job

    def stored(self, connection: Connection) -> tuple[Callable[[], None], bool]:
        """Store for all that wait. Returns what tells them, and whether the connection is lost."""
        jobs = [self._waiting.popleft() for _ in range(len(self._waiting))]
        stored = outcome.capture(self._probe, connection)
        if isinstance(stored, outcome.Value):
            return _telling(jobs), False
        error = stored.error
        if isinstance(error, JournalError):
            return _telling(jobs, str(error)), False
        if isinstance(error, (psycopg.Error, OSError)):
            return _telling(jobs, f"the database cannot store it: {said(error)}"), is_broken(connection, error)
        if isinstance(error, Exception):
            _guard.note(error)
        return _telling(jobs, f"something went wrong while it was being stored: {said(error)}"), True

    def refused(self, why: str, before: float = inf) -> Callable[[], None]:
        """What tells those that began to wait before."""
        jobs: list[ProbeJob] = []
        while self._waiting and self._waiting[0].begun <= before:
            jobs.append(self._waiting.popleft())
        return _telling(jobs, why)


def _telling(jobs: Sequence[ProbeJob], why: str = "") -> Callable[[], None]:
    def tell() -> None:
        for job in jobs:
            job.finish(why)

    return tell


_guard = Guard("something went wrong when it was tried whether anything can be stored")
