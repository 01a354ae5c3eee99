"""The way out to one connection, and the bound on what waits for it.

Nobody ever waits for a reader: `push` is synchronous, bounded, and cannot raise. What does not fit is skipped, and the reader is told so when it
reads again, in the words of the outbox's owner (`skip_notice` in session.py). Knows the transport, and who writes; the order of what waits, and what
is skipped of it, is in backlog.py. Never knows events, sessions or rooms.
"""

from collections.abc import Awaitable, Callable, Iterable
from math import inf
from typing import ClassVar, Generic, TypeVar

import trio

from chat_server.guard import Guard
from chat_server.rooms.sink import NOWHERE, TARGETS, Target
from chat_server.sessions.backlog import SMALL, Backlog, Owner
from chat_server.sessions.memory_budget import Budget
from chat_server.sessions.transport import HELD, Transport

NEVER = -inf
"""When something was that has not been: one value for all."""

CORKED_MAX = 16
"""Pieces of less than SMALL bytes that are gathered for one `send`: they count in no bound, and a longer one gains nothing by waiting."""

M = TypeVar("M")


class Outbox(Generic[M]):
    """The way out to one reader.

    What the kernel takes at once never waits. When more than `limit` bytes wait, they are dropped, down to the end of the line that is
    half-way out, and nothing more is kept until the reader reads again; then it is told, by the owner's `skip_notice`, how many lines were left out,
    and from where on: the owner's `positions` are asked for whenever something must wait, and those of the first that was dropped are given to
    `skip_notice`.
    Only a reader to whom nothing could be written for `patience` seconds (0: no limit) loses its connection.

    While it is corked, what the kernel would be given at once is gathered, and given to it in one `send` when that ends. What it does not take then
    waits as if it had been pushed piece by piece.
    """

    __slots__ = (
        "_budget",
        "_corked",
        "_emptied",
        "_is_closed",
        "_start",
        "_transport",
        "_waiting",
        "limit",
        "owner",
        "patience",
        "prepares",
        "progressed_at",
        "send",
        "target",
    )

    def __init__(
        self,
        transport: Transport,
        owner: Owner[M],
        *,
        start: Callable[[Callable[[], Awaitable[None]]], None],
        limit: int,
        patience: float,
        budget: Budget,
    ) -> None:
        """Write to `transport`, in a task made with `start` while something waits; what waits counts in the `budget` of all."""
        self._transport = transport
        self.send: Callable[[bytes], int] = transport.send_nowait
        """Takes whole lines, and returns how many bytes it has taken; see rooms.sink.Sink. It is the socket's own `send` where nothing
        waits, for a room calls it for every member: with a method and its questions in between, S3 took a tenth more."""
        self.target: Target = transport
        """What `send` writes to, as long as it is the socket's own; else one without a descriptor."""
        self.prepares = transport.prepare is not None
        self._start = start
        self.owner = owner
        """Who is asked for positions and notices; another may take over what waits."""
        self.patience = patience or inf
        """For how long the reader may take nothing; what has begun to wait for it already has the time that there was then."""
        self._budget = budget
        self.limit = limit or inf
        self.progressed_at = NEVER
        """When the reader last took something for which it had let us wait: a sign of life."""
        self._waiting: Backlog[M] | None = None  # None: nothing waits and no task writes
        self._corked: list[tuple[bytes, bool]] | None = None  # pieces, and whether each is urgent
        self._is_closed = False
        self._emptied: trio.Event | None = None

    @property
    def size(self) -> int:
        """Bytes that wait."""
        return 0 if self._waiting is None else self._waiting.size

    @property
    def lines(self) -> int:
        """Lines that wait; they are counted now."""
        return 0 if self._waiting is None else self._waiting.lines

    @property
    def is_empty(self) -> bool:
        """Whether the kernel has taken everything."""
        return self._waiting is None and not self._corked

    @property
    def is_closed(self) -> bool:
        """Whether the connection is closed or lost."""
        return self._is_closed

    def push(self, data: bytes) -> None:
        """Write these whole lines now, or as soon as the reader lets us, or never if they would wait among more than `limit` bytes."""
        if not data:  # as an event is shown that is not for this kind of reader
            return
        try:
            sent = self.send(data)
        except OSError as error:
            self.refused(data, error)
        else:
            if sent != len(data):
                self.took(data, sent)

    def took(self, data: bytes, sent: int) -> None:
        """Have the rest wait of data of which `send` has taken only so many bytes."""
        waiting = self._begin_to_wait(data, sent)
        if sent != HELD and waiting.add(data[sent:], self.owner, self.limit):
            self._budget.count(self)

    def refused(self, data: bytes, error: OSError) -> None:
        """Have data wait for which `send` had no room; if the connection is gone, close: the reader's task sees that for itself."""
        if isinstance(error, BlockingIOError):
            self.took(data, 0)
        else:
            self.close()

    def _add(self, data: bytes) -> int:
        """Take what has to wait after what waits already."""
        if self._waiting is not None and self._waiting.add(data, self.owner, self.limit):
            self._budget.count(self)
        return len(data)

    def push_urgent(self, data: bytes) -> None:
        """Write what a protocol needs, which is no text: before whatever waits, and not dropped with it.

        At most backlog.URGENT_MAX bytes wait.
        """
        if self._corked is not None:
            self._gather(data, is_urgent=True)
        elif self._waiting is None:
            self.push(data)
            if self._waiting is not None:
                self._waiting.is_first_urgent = True
        elif not self._is_closed:
            self._waiting.add_urgent(data)

    def _begin_to_wait(self, data: bytes, sent: int) -> Backlog[M]:
        """The kernel has taken only so much of this: have a task write what is left, and what follows."""
        waiting = self._waiting = Backlog(data, sent)
        self._write_by(self._add, NOWHERE)
        self._start(self._write)
        return waiting

    def _write_by(self, send: Callable[[bytes], int], target: Target) -> None:
        self.send, self.target = send, target
        TARGETS.changes += 1

    # What is written in one piece; see corking.py.

    def cork(self) -> None:
        """Gather what is pushed, until `uncork`; not where something waits already. Harmless when repeated."""
        if self._waiting is None and self._corked is None and not self._is_closed:
            self._corked = []
            self.send, self.target = self._gather, NOWHERE
            TARGETS.gathering += 1

    def _gather(self, data: bytes, *, is_urgent: bool = False) -> int:
        """Keep a piece until `uncork`."""
        if self._corked is not None:
            self._corked.append((data, is_urgent))
            if len(data) >= SMALL or len(self._corked) >= CORKED_MAX:
                self.uncork()
                self.cork()
        return len(data)

    def uncork(self) -> None:
        """Write what has been gathered. Harmless where nothing has been."""
        pieces, self._corked = self._corked, None
        if pieces is None:
            return
        self.send, self.target = self._transport.send_nowait, self._transport
        TARGETS.gathering -= 1
        if not pieces:
            return
        data = b"".join([piece for piece, _ in pieces])
        sent = self._sent(data)
        if sent == HELD:
            self._begin_to_wait(data, sent)
        elif sent < len(data) and not self._is_closed:
            self._push_rest(pieces, sent)

    def _push_rest(self, pieces: Iterable[tuple[bytes, bool]], sent: int) -> None:
        """Have those pieces wait, each by itself, that are beyond the bytes which the kernel has taken."""
        for piece, is_urgent in pieces:
            if self._waiting is not None:
                (self.push_urgent if is_urgent else self.push)(piece)
            elif sent >= len(piece):
                sent -= len(piece)
            else:
                waiting = self._begin_to_wait(piece, sent)
                waiting.add(piece[sent:], self.owner, self.limit)
                waiting.is_first_urgent = is_urgent
                self._budget.count(self)

    def _sent(self, data: bytes) -> int:
        """How many of the bytes the kernel takes, or HELD. A connection that is gone is closed."""
        try:
            return self._transport.send_nowait(data)
        except BlockingIOError:
            return 0
        except OSError:
            self.close()
            return 0

    # What waits in memory; see memory_budget.Holder.

    @property
    def held(self) -> int:
        """Bytes that wait."""
        return self.size

    def let_go(self) -> None:
        """Skip what waits: there is no memory for it."""
        if self._waiting is not None:
            self._waiting.skip()

    # The end, and what comes before it.

    async def emptied(self) -> None:
        """Wait until the kernel has taken everything, or the connection is closed."""
        self.uncork()
        while self._waiting is not None and not self._is_closed:
            if self._emptied is None:
                self._emptied = trio.Event()
            await self._emptied.wait()

    def close(self) -> None:
        """Drop what waits and take nothing more."""
        self.uncork()
        self._is_closed = True
        self._write_by(len, NOWHERE)  # takes everything
        if self._waiting is not None:
            self._waiting.clear()
        self._budget.forget(self)
        self._wake()

    def end(self) -> None:
        """Close, and do not know the owner, who is nobody any more: as ReadLoop.end."""
        self.close()
        del self.owner

    async def _write(self) -> None:
        """Write what waits; end when nothing does. Whatever goes wrong ends this connection, and nothing else."""
        guard = Guard("what waits for a reader could not be written")
        with guard:
            await self._write_all()
        if guard.has_failed:
            self.close()
            self._transport.close()

    async def _write_all(self) -> None:
        while self._waiting is not None and not self._is_closed:
            with trio.move_on_after(self.patience) as patience:
                try:
                    await self._transport.wait_writable()
                except (trio.ClosedResourceError, trio.BrokenResourceError):
                    self.close()
                    return
            if patience.cancelled_caught:
                self._budget.cut_readers += 1
                self.close()
                self._transport.close()
                return
            self._write_what_fits(self._waiting)
            self._budget.count(self)

    def _write_what_fits(self, waiting: Backlog[M]) -> None:
        while not self._is_closed:
            self._budget.skipped_lines += waiting.put_first(self.owner)
            if not waiting:
                self._waiting = None
                self._write_by(self._transport.send_nowait, self._transport)
                self._wake()
                return
            data = waiting.first()
            sent = self._sent(data)
            is_held = sent == HELD
            if is_held:
                sent = len(data)
            if sent:
                self.progressed_at = trio.current_time()
            waiting.take_out(data, sent)
            if sent < len(data) or is_held:
                return

    def _wake(self) -> None:
        if self._emptied is not None:
            self._emptied.set()
            self._emptied = None


class PushSink:
    """A sink (rooms.sink.Sink) made of a function that takes everything."""

    __slots__ = ("_push",)

    prepares = False
    is_empty = True
    target: ClassVar[Target] = NOWHERE

    def __init__(self, push: Callable[[bytes], None]) -> None:
        self._push = push

    def send(self, data: bytes) -> int:
        """Give it to the function."""
        self._push(data)
        return len(data)

    def took(self, data: bytes, sent: int) -> None:
        """It never takes less than all."""

    def refused(self, data: bytes, error: OSError) -> None:
        """It never refuses anything."""
