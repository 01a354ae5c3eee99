"""The one thread that writes the journal: whatever waits when it is free is stored in one transaction.

It takes the next batches by itself, without asking Trio's loop in between: so one commit follows another while the loop delivers what the
last one stored. Changes that are not about lines (a login's, say) are stored together in the same way, in the order in which they came, each with
its own result; where one of them fails, each is a transaction by itself. Bounds: a room has one batch here at most (chat_room.py). Never knows what
is in a batch, nor what a change does.
"""

import sqlite3
import threading
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from queue import SimpleQueue
from time import perf_counter
from typing import Any, TypeVar

import outcome
import trio

from chat_server.guard import Guard
from chat_server.journal import JournalError, Receipt
from chat_server.journal.commit_times import CommitTimes
from chat_server.journal.sqlite.batch_rows import Append
from chat_server.journal.sqlite.writer import LogInUse, Writer

KEYS_AT_A_TIME = 768
"""Keys after which no more is put into a commit. They are what takes time in one, 1 to 3 us each: while these are stored the event loop shows what
the last commit stored, and reads what the next one will. All that waited in one commit took S1j a fifth of its rate."""

BATCHES_AT_A_TIME = 2000
"""What is put into a commit at most: SQLite takes 32,766 values in one statement, of which a batch has nine, and a row of keys five. Only where more
rooms talk at once."""

CHANGES_AT_A_TIME = 32
"""Changes in a commit at most, 0.1 to 0.2 ms each: the lines that wait meanwhile do so for as long as two or three syncs take, not for 32."""

T = TypeVar("T")

Change = Callable[[sqlite3.Connection], T]

Positions = Mapping[tuple[str, str], int]


_NOT_WRITTEN: outcome.Outcome[Any] = outcome.Error(JournalError("not written yet"))


class WriteJob:
    """Something to be written, and what became of it. See PendingAppend."""

    __slots__ = ("_done", "_outcome", "append", "begun", "change", "note", "positions", "work")

    def __init__(
        self,
        append: Append | None,
        positions: Positions | None = None,
        work: Callable[[Writer], Any] | None = None,
        note: Callable[[Any], object] | None = None,
        change: Change[Any] | None = None,
    ) -> None:
        """A batch, people's positions, a change, or other work, whatever is not None; and what is called with what came of these two."""
        self.append = append
        self.positions = positions
        self.work = work
        self.note = note
        self.change = change
        self.begun = perf_counter()
        self._done = trio.Event()
        self._outcome: outcome.Outcome[Any] = _NOT_WRITTEN

    def goes_with(self, other: "WriteJob") -> bool:
        """Whether they may be stored by one commit."""
        return self.work is None and other.work is None and (self.change is None) == (other.change is None)

    def finish(self, result: outcome.Outcome[Any]) -> None:
        """Let whoever waits go on. For Trio's thread."""
        self._outcome = result
        self._done.set()

    async def stored(self) -> Any:
        """Wait until it is written; see PendingAppend."""
        await self._done.wait()
        result = self._outcome
        if isinstance(
            result, outcome.Value
        ):  # asked first: these classes' answer to whether it is of another one takes a microsecond
            return result.unwrap()
        if isinstance(result, outcome.Error) and isinstance(result.error, JournalError):
            raise JournalError(str(result.error)) from result.error  # one error, and many who wait
        return result.unwrap()


class Committer:
    """The thread, and the way to it."""

    def __init__(
        self,
        writer: Writer,
        note: Callable[[int, Sequence[WriteJob]], None],
        note_failure: Callable[[Exception], None],
    ) -> None:
        """Write with `writer`. In Trio's thread, before those who wait go on, one of the others is called.

        Args:
            writer: what writes.
            note: called with how many lines have been stored together, and what they were part of.
            note_failure: called with the reason why something has not.

        """
        self._writer = writer
        self._note = note
        self._note_failure = note_failure
        self._queue: SimpleQueue[WriteJob] = SimpleQueue()
        self._end = WriteJob(None, work=lambda _: None)  # after which nothing is written
        self.times = CommitTimes()
        """How long commits took."""
        self._is_closed = False
        self.ended = trio.Event()
        """Set when `run` has written all that it ever will."""

    async def run(self, task_status: trio.TaskStatus[None] = trio.TASK_STATUS_IGNORED) -> None:
        """Write until `close`."""
        token = trio.lowlevel.current_trio_token()
        threading.Thread(target=self._write, args=(token,), name="journal", daemon=True).start()
        task_status.started()
        try:
            await self.ended.wait()
        finally:
            self.close()

    def close(self) -> None:
        """Let `run` end when everything that waits has been written. Nothing more is taken."""
        self._is_closed = True
        self._queue.put(self._end)

    def submit(self, job: WriteJob) -> None:
        """Have something written. Never blocks."""
        if self._is_closed:
            job.finish(outcome.Error(JournalError("the journal is closed")))
        else:
            self._queue.put(job)

    async def call(self, work: Callable[[Writer], T], note: Callable[[T], object] | None = None) -> T:
        """Do other work that writes, and wait for it. If it is done, `note` is called in Trio's thread, whether anybody still waits or not."""
        done: T = await self._stored(WriteJob(None, work=work, note=note))
        return done

    async def change(self, change: Change[T], note: Callable[[T], object] | None = None) -> T:
        """Make a change that may be made together with others, and wait for it; `note`: see `call`. It is made anew where another one fails."""
        done: T = await self._stored(WriteJob(None, change=change, note=note))
        return done

    async def _stored(self, job: WriteJob) -> Any:
        self.submit(job)
        return await job.stored()

    # In the thread.

    def _write(self, token: trio.lowlevel.TrioToken) -> None:
        job = self._queue.get()
        while job is not self._end:
            jobs, following = self._with_those_that_wait(job)
            if job.work is not None:
                self._finish(token, jobs, [outcome.capture(job.work, self._writer)])
            elif job.change is not None:
                self._finish(token, jobs, self._change(jobs))
            else:
                begun = perf_counter()
                results = self._commit(jobs)
                self._finish(token, jobs, results, (perf_counter() - begun, begun - jobs[0].begun))
            job = following or self._queue.get()
        self._tell(token, self.ended.set)

    def _with_those_that_wait(self, first: WriteJob) -> tuple[list[WriteJob], WriteJob | None]:
        """What waits and may be stored by one commit with this; and what was taken after it, and is still to be done."""
        jobs, keys, limit = [first], 0, BATCHES_AT_A_TIME if first.change is None else CHANGES_AT_A_TIME
        while True:
            if (append := jobs[-1].append) and append.keys:
                keys += len(append.keys)
            if keys >= KEYS_AT_A_TIME or len(jobs) >= limit or self._queue.empty():
                return jobs, None
            following = self._queue.get()
            if not following.goes_with(first):
                return jobs, following
            jobs.append(following)

    def _change(self, jobs: Sequence[WriteJob]) -> list[outcome.Outcome[Any]]:
        """What came of each change. If one cannot be made, nobody's else is lost by that: each is made by itself then."""
        changes = [job.change for job in jobs if job.change is not None]
        if len(changes) > 1:
            made: list[Any] = []
            failing: list[Change[Any]] = []  # the one that is being made

            def make_all(connection: sqlite3.Connection) -> list[Any]:
                made.clear()
                for change in changes:
                    failing[:] = [change]
                    made.append(change(connection))
                failing.clear()
                return made

            done = outcome.capture(self._writer.change, make_all)
            if not failing:
                return _of_each(jobs, done)
        return [outcome.capture(self._writer.change, change) for change in changes]

    def _commit(self, jobs: Sequence[WriteJob]) -> list[outcome.Outcome[Any]]:
        return _of_each(jobs, outcome.capture(self._receipts, jobs))

    def _receipts(self, jobs: Sequence[WriteJob]) -> list[Receipt | None]:
        positions: dict[tuple[str, str], int] = {}
        for job in jobs:
            if job.positions:
                positions |= job.positions
        appends = [one.append for one in jobs if one.append]
        receipts = self._writer.commit(appends, positions)
        if len(appends) == len(jobs):
            return [*receipts]
        following = iter(receipts)
        return [next(following) if one.append else None for one in jobs]

    def _finish(
        self,
        token: trio.lowlevel.TrioToken,
        jobs: Sequence[WriteJob],
        results: Sequence[outcome.Outcome[Any]],
        times: tuple[float, float] | None = None,
    ) -> None:
        self._tell(token, lambda: self._deliver(jobs, results, times))

    @staticmethod
    def _tell(token: trio.lowlevel.TrioToken, call: Callable[[], None]) -> None:
        with suppress(trio.RunFinishedError):  # nobody is left to be told
            token.run_sync_soon(call)

    # In Trio's thread.

    def _deliver(
        self, jobs: Sequence[WriteJob], results: Sequence[outcome.Outcome[Any]], times: tuple[float, float] | None
    ) -> None:
        """Note what became of it, how long it took and had waited, and tell whoever waits. Never raises: Trio would end."""
        done = [
            (job, result.value) for job, result in zip(jobs, results, strict=True) if isinstance(result, outcome.Value)
        ]
        if done:
            lines = sum([_lines(one, receipt) for one, receipt in done])
            if times is not None:
                self.times.note(*times, lines, trio.current_time())
            _guard.attempt(self._note, lines, [job for job, _ in done])
        told: dict[int, BaseException] = {}  # what failed for all of them together is noted once
        for job, result in zip(jobs, results, strict=True):
            if isinstance(result, outcome.Value):
                if job.note is not None:
                    _guard.attempt(job.note, result.value)
                job.finish(result)
            elif isinstance(result, outcome.Error):
                known = told.get(id(result.error))
                self.times.failed += known is None and not isinstance(result.error, LogInUse)
                error = told[id(result.error)] = known or self._noted(result.error)
                job.finish(outcome.Error(error))

    def _noted(self, error: BaseException) -> BaseException:
        """Note why something is not stored. Returns what those who wait are told: all or nothing is, so it is a journal that cannot store."""
        if isinstance(error, LogInUse):
            return error
        if isinstance(error, JournalError):
            _guard.attempt(self._note_failure, error)
        elif isinstance(error, Exception):
            _guard.note(error)
            return JournalError("something went wrong while it was being stored")
        return error


def _of_each(jobs: Sequence[WriteJob], done: outcome.Outcome[list[Any]]) -> list[outcome.Outcome[Any]]:
    """What came of each of those that were stored together, or were not."""
    if isinstance(done, outcome.Error):
        return [done] * len(jobs)
    return [outcome.Value(one) for one in done.unwrap()]


def _lines(job: WriteJob, receipt: Receipt) -> int:
    """How many lines of it are stored now, and were not before."""
    return len(job.append.lines) - len(receipt.duplicates) if job.append else 0


_guard = Guard("something went wrong in the journal")
