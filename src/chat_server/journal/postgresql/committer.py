"""The one thread that appends to the journal in PostgreSQL: whatever waits when it is free is one statement, which is a transaction of its own.

Each statement has a ticket. Where the connection breaks before the answer has come, the same is sent again on a new one, before anything else, until
it is answered: the engine knows the ticket if it has stored it. So nobody is told that something is not stored which is. What was never sent is
refused when it has waited for `PATIENCE`. Nothing is ever cancelled here, and no backend ended that may be committing: with a synchronous standby
that would show to all what the standby has not got. Bounds: a room has one turn here at most (chat_room.py). Never knows what is in a turn.
"""

import random
import threading
import time
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from typing import Any, Protocol

import outcome
import psycopg
import trio

from chat_server.guard import Guard
from chat_server.journal import JournalError
from chat_server.journal.commit_times import CommitTimes
from chat_server.journal.node_life import NodeLife
from chat_server.journal.nodes import NodeIsOver, TurnReceipt
from chat_server.journal.postgresql.appending import Append
from chat_server.journal.postgresql.in_doubt import Sent, is_at_work
from chat_server.journal.postgresql.link import ANSWER_SECONDS, PASSING, Connection, Held, Shutter, is_broken, said
from chat_server.journal.postgresql.probing import Probe, ProbeJob, Probes
from chat_server.logs import Repeats, log

PATIENCE = 30.0
"""Seconds for which what was never sent waits for an engine that is away; those who said it are told then that it is not stored."""

RECONNECT_SECONDS = (0.1, 2.0)
"""Seconds between two tries to reach the engine, at random: all nodes try at once when it is back."""

HURRIED_SECONDS = 1.0
"""Seconds that an answer may take in any case, however great the hurry."""

TURNS_AT_A_TIME = 500
"""Turns in one statement at most. Only where more rooms talk at once."""

LOOK_SECONDS = 0.2
"""Seconds between two looks whether a backend is still at work on what was sent before the connection broke."""

SILENT = "it hangs, or its standby is away (pg_stat_replication)"
"""Why an answer may not have come in ANSWER_SECONDS."""

APPENDS = "appends"
"""What the engine owes an answer to (NodeLife.asked)."""

OVER = "the other nodes have given this one up"
CLOSED = "the journal is closed"
AWAY = "the database is away"


class Storing(Protocol):
    """How turns are stored, by one statement."""

    def __call__(
        self, connection: Connection, ticket: int, appends: Sequence[Append], /
    ) -> Sequence[TurnReceipt | JournalError]:
        """Store these turns of different rooms, or find that they are stored under this ticket.

        Returns each one's receipt, or why nothing of it is stored.

        Raises:
            NodeIsOver: nothing is stored, nor ever will be.
            psycopg.Error: nothing is stored; or if the connection is closed by it, that is not known.

        """
        ...


class TurnJob:
    """A turn on its way into the journal. See PendingTurn."""

    __slots__ = ("_done", "_outcome", "append", "begun", "is_alone")

    def __init__(self, append: Append) -> None:
        self.append = append
        self.begun = time.monotonic()
        self.is_alone = False
        """Whether it is sent alone: the engine has refused it together with others."""
        self._done = trio.Event()
        self._outcome: outcome.Outcome[TurnReceipt] = outcome.Error(JournalError("not stored yet"))

    def finish(self, result: outcome.Outcome[TurnReceipt]) -> None:
        """Let whoever waits go on. For Trio's thread."""
        self._outcome = result
        self._done.set()

    async def stored(self) -> TurnReceipt:
        """Wait until it is; see PendingTurn."""
        await self._done.wait()
        return self._outcome.unwrap()


class Committer:
    """The thread, and the way to it."""

    def __init__(
        self,
        open_connection: Callable[[], Connection],
        store: Storing,
        life: NodeLife,
        note: Callable[[Append, TurnReceipt | None], object],
        probe: Probe,
        *,
        patience: float = PATIENCE,
    ) -> None:
        """Store with `store`. `note` is called in Trio's thread, before those who wait go on, with each turn's receipt; None if it is not stored.

        `probe` is what is stored to see whether anything can be.
        """
        self._open_connection = open_connection
        self._store = store
        self._life = life
        self._note = note
        self._patience = patience
        self._state = threading.Condition()
        self._waiting: deque[TurnJob] = deque()
        self._probes = Probes(probe)
        self._give_up_at = float("inf")
        self._is_closed = False
        self._unanswered = 0  # jobs; for Trio's thread
        # For the thread alone, but `_asked`, which Trio's reads: since when the connection has been asked, and that.
        self._held: Held | None = None
        self._backend: tuple[int, Any] = (0, None)  # the process at the other end, and since when it is one
        self._sent: Sent[TurnJob] | None = None  # not answered yet
        self._asked: tuple[float, Shutter] | None = None
        self._ticket = 0
        self._is_away = False  # and the log says so
        self._complaint = Repeats()
        self.times = CommitTimes()
        """How long commits took."""
        self.ended = trio.Event()
        """Set when `run` has stored all that it ever will."""

    @property
    def backend(self) -> int:
        """The number of PostgreSQL's process at the other end; 0: there is none."""
        return self._backend[0]

    async def run(self, task_status: trio.TaskStatus[None] = trio.TASK_STATUS_IGNORED) -> None:
        """Store until `close`."""
        token = trio.lowlevel.current_trio_token()
        threading.Thread(target=self._work, args=(token,), name="journal", daemon=True).start()
        task_status.started()
        try:
            while not self.ended.is_set():
                asked = self._asked
                if asked is not None:
                    give_up_at = max(self._give_up_at, asked[0] + HURRIED_SECONDS)
                    if time.monotonic() >= min(asked[0] + ANSWER_SECONDS, give_up_at):
                        asked[1].shut()
                with trio.move_on_after(0.5):
                    await self.ended.wait()
        finally:
            self.close()

    def close(self) -> None:
        """Let `run` end when everything that waits has been stored, or refused. Nothing more is taken."""
        self.hurry(self._patience)
        with self._state:
            self._is_closed = True
            self._state.notify()

    def hurry(self, seconds: float) -> None:
        """Wait no longer than this for an engine that is away."""
        self._give_up_at = min(self._give_up_at, time.monotonic() + seconds)

    def submit(self, append: Append) -> TurnJob:
        """Have a turn stored. Never blocks."""
        job = TurnJob(append)
        if self._is_closed or self._life.is_over:
            self._finish(job, NodeIsOver(OVER) if self._life.is_over else JournalError(CLOSED))
        else:
            self._unanswered += 1
            self._life.asked(APPENDS)
            with self._state:
                self._waiting.append(job)
                self._state.notify()
        return job

    def probe(self) -> ProbeJob:
        """See whether anything can be stored. Never blocks."""
        with self._state:
            self._state.notify()
            return self._probes.add(OVER if self._life.is_over else CLOSED if self._is_closed else "")

    # In the thread.

    def _work(self, token: trio.lowlevel.TrioToken) -> None:
        self._token = token
        while self._has_work():
            with Guard("something went wrong while turns were being stored"):
                self._do_some()
        self._refuse(self._left(), JournalError(CLOSED))
        self._tell(self._probes.refused(CLOSED))
        self._drop_connection()
        self._tell(self.ended.set)

    def _has_work(self) -> bool:
        """Wait for something to do: a turn, or a connection that has broken."""
        with self._state:
            while not (self._waiting or self._probes or self._sent or self._held is None or self._is_closed):
                self._state.wait()
            is_left = bool(self._waiting or self._probes or self._sent)
        is_at_hand = self._held is not None and self._sent is None
        return (is_left or not self._is_closed) and (is_at_hand or time.monotonic() < self._give_up_at)

    def _do_some(self) -> None:
        """Store what waits; or without a connection, try to get one."""
        if self._held is None:
            if not self._connect():
                self._refuse_impatient()
                self._pause(random.uniform(*RECONNECT_SECONDS))  # noqa: S311 - no secret
        elif self._sent is not None:
            self._send_again(self._held, self._sent)
        elif self._probes:
            with self._asking(self._held):
                told, is_lost = self._probes.stored(self._held.connection)
            self._tell(told)
            if is_lost:
                self._drop_connection()
        elif jobs := self._taken():
            self._ticket += 1
            self._sent = Sent(self._ticket, jobs)
            self._send(self._held, self._sent)

    def _connect(self) -> bool:
        try:
            self._held = held = Held(self._open_connection())
            with self._asking(held):
                (backend,) = held.connection.execute(
                    "SELECT pid, backend_start FROM pg_stat_activity WHERE pid = pg_backend_pid()"
                ).fetchall()
        except (psycopg.Error, OSError) as error:
            self._drop_connection()
            if not self._is_away:
                log.warning("the database cannot be reached to store what is said", why=said(error))
            self._is_away = True
            return False
        self._is_away = False
        self._backend = backend
        if self._sent is None:  # else something is in doubt, and may go on waiting for a standby: that is no answer
            self._tell(self._note_answer)
        return True

    def _drop_connection(self) -> None:
        if self._held is not None:
            self._held.close()
        self._held = None

    @contextmanager
    def _asking(self, held: Held) -> Iterator[None]:
        """Whoever waits here is let go after ANSWER_SECONDS."""
        self._asked = (time.monotonic(), held.shutter)
        try:
            yield
        finally:
            self._asked = None

    def _send_again(self, held: Held, sent: Sent[TurnJob]) -> None:
        """Resolve what is in doubt: once no backend is at work on it any more, it is sent again."""
        try:
            with self._asking(held):
                is_busy = is_at_work(held.connection, sent.backends)
        except psycopg.Error:
            self._drop_connection()
            return
        if is_busy:
            self._refuse_impatient()
            self._pause(LOOK_SECONDS)
        else:
            self._send(held, sent)

    def _send(self, held: Held, sent: Sent[TurnJob]) -> None:
        """Store turns by one statement, or find that they are stored."""
        sent.backends.append(self._backend)
        begun = time.monotonic()
        with self._asking(held):
            stored = outcome.capture(self._store, held.connection, sent.ticket, [job.append for job in sent.jobs])
        if isinstance(stored, outcome.Value):
            self._sent, times = None, (time.monotonic() - begun, begun - sent.jobs[0].begun)
            self._tell(lambda: self._deliver(sent.jobs, stored.value, times))
        elif is_broken(held.connection, stored.error):
            why = said(stored.error) if time.monotonic() - begun < ANSWER_SECONDS else SILENT
            log.warning("the connection to the database broke while something was stored", why=why)
            self._drop_connection()
        else:
            self._sent = None
            self._sort_out(sent.jobs, stored.error)

    def _sort_out(self, jobs: Sequence[TurnJob], error: BaseException) -> None:
        """Nothing of these is stored, and it is known why: they wait for another try, all together or each alone, or are refused."""
        if isinstance(error, NodeIsOver):
            self._refuse(jobs, error, is_answer=True)
        elif isinstance(error, psycopg.Error) and error.sqlstate in PASSING:
            self._put_back(jobs)
            self._refuse_impatient()
            self._pause(random.uniform(0, LOOK_SECONDS))  # noqa: S311 - no secret
        elif isinstance(error, psycopg.Error) and len(jobs) > 1:
            for job in jobs:
                job.is_alone = True
            self._put_back(jobs)
        else:
            self._complaint.error("the database cannot store what was said", why=said(error))
            self._refuse(jobs, JournalError(f"the database cannot store it: {said(error)}"), is_answer=True)

    # What waits.

    def _taken(self) -> list[TurnJob]:
        """What is stored next, together."""
        jobs: list[TurnJob] = []
        left: list[TurnJob] = []  # whose room has one among these already
        rooms: set[str] = set()
        with self._state:
            while self._waiting and len(jobs) < TURNS_AT_A_TIME and not (jobs and self._waiting[0].is_alone):
                job = self._waiting.popleft()
                room = job.append.beside.room
                (left if room in rooms else jobs).append(job)
                rooms.add(room)
                if job.is_alone:
                    break
            self._waiting.extendleft(reversed(left))
        return jobs

    def _put_back(self, jobs: Sequence[TurnJob]) -> None:
        with self._state:
            self._waiting.extendleft(reversed(jobs))

    def _refuse_impatient(self) -> None:
        """Refuse what is certainly not stored and has waited for too long."""
        before = time.monotonic() - self._patience
        jobs: list[TurnJob] = []
        with self._state:
            while self._waiting and self._waiting[0].begun <= before:
                jobs.append(self._waiting.popleft())
        self._refuse(jobs, JournalError(AWAY))
        self._tell(self._probes.refused(AWAY, before))

    def _left(self) -> list[TurnJob]:
        with self._state:
            self._is_closed = True
            return [*(self._sent.jobs if self._sent else ()), *self._waiting]

    def _pause(self, seconds: float) -> None:
        time.sleep(max(0.0, min(seconds, self._give_up_at - time.monotonic())))

    def _refuse(self, jobs: Sequence[TurnJob], error: JournalError, *, is_answer: bool = False) -> None:
        if jobs:
            self._tell(lambda: self._deliver_refusal(jobs, error, is_answer=is_answer))

    def _tell(self, call: Callable[[], None]) -> None:
        with suppress(trio.RunFinishedError):  # nobody is left to be told
            self._token.run_sync_soon(call)

    # In Trio's thread. Nothing here may raise: Trio would end.

    def _note_answer(self) -> None:
        self._life.answered(APPENDS)
        if self._unanswered:
            self._life.asked(APPENDS)

    def _deliver(
        self, jobs: Sequence[TurnJob], results: Sequence[TurnReceipt | JournalError], times: tuple[float, float]
    ) -> None:
        self.times.note(*times, sum(len(job.append.lines) for job in jobs), trio.current_time())
        self._unanswered -= len(jobs)
        self._note_answer()
        for job, result in zip(jobs, results, strict=False):
            self._finish(job, result)

    def _deliver_refusal(self, jobs: Sequence[TurnJob], error: JournalError, *, is_answer: bool) -> None:
        self._unanswered -= len(jobs)
        self.times.failed += str(error) != CLOSED  # at the end what waits is refused, and nothing has failed
        if is_answer:
            self._note_answer()
        if isinstance(error, NodeIsOver):
            self._life.give_up()
        for job in jobs:
            self._finish(job, type(error)(*error.args))

    def _finish(self, job: TurnJob, result: TurnReceipt | JournalError) -> None:
        if isinstance(result, JournalError):
            _guard.attempt(self._note, job.append, None)
            job.finish(outcome.Error(result))
        else:
            _guard.attempt(self._note, job.append, result)
            job.finish(outcome.Value(result))


_guard = Guard("something went wrong when a turn had been stored")
