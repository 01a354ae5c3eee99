"""What waits to be written to one connection, and the bound on it.

Nobody ever waits for a reader: `push` is synchronous, bounded, and cannot raise. What does not fit is skipped, and the reader is told so when it
reads again, in the words of the outbox's owner (`skip_notice` in session.py). Knows bytes and lines; keeps what the owner says of the reader's
positions, without understanding it. Never knows events, sessions or rooms.
"""

from collections import deque
from collections.abc import Awaitable, Callable
from math import inf
from typing import Generic, Protocol, TypeVar

import trio

from chat_server.guard import Guard
from chat_server.sessions.memory_budget import Budget
from chat_server.sessions.transport import HELD, Transport

_CHUNK = 65536
"""Bytes given to the kernel at a time when a reader catches up."""

POSITIONS_EVERY = 16384
"""Bytes that wait between two questions to the owner for its positions. Those of a session in a hundred rooms are several kilobytes."""

URGENT_MAX = 4096
"""Bytes of answers to a protocol that wait. A whole negotiation has some 300."""

SMALL = 1024
"""Bytes below which data is appended to what waits already: an entry of its own costs a hundred bytes more, whatever it holds."""

_NEWLINE = ord("\n")


M = TypeVar("M")


class Owner(Protocol[M]):
    """Whose reader it is."""

    def skip_notice(self, lines: int, after: M, /) -> bytes:
        """What to say when so many lines were left out; `after` are the positions that were kept with the first of them."""

    def positions(self) -> M:
        """How far the reader has come; kept with what must wait now."""


class Outbox(Generic[M]):
    """The way out to one reader.

    What the kernel takes at once never waits. When more than `limit` bytes wait, they are dropped, down to the end of the line that is
    half-way out, and nothing more is kept until the reader reads again; then it is told, by the owner's `skip_notice`, how many lines were left out,
    and from where on: the owner's `positions` are asked for whenever something must wait, and those of the first that was dropped are given to
    `skip_notice`.
    Only a reader to whom nothing could be written for `patience` seconds (0: no limit) loses its connection.
    """

    __slots__ = (
        "_announced",
        "_budget",
        "_bytes_since_positions",
        "_emptied",
        "_is_amid_entry",
        "_is_closed",
        "_is_first_urgent",
        "_is_mid_line",
        "_patience",
        "_send_nowait",
        "_size",
        "_skipped",
        "_skipped_after",
        "_start",
        "_transport",
        "_urgent",
        "_waiting",
        "limit",
        "owner",
        "progressed_at",
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
        self._send_nowait = transport.send_nowait
        self._start = start
        self.owner = owner
        """Who is asked for positions and notices; another may take over what waits."""
        self._patience = patience or inf
        self._budget = budget
        self.limit = limit or inf
        self.progressed_at = -inf
        """When the reader last took something for which it had let us wait: a sign of life."""
        self._waiting: deque[tuple[bytes, M]] | None = None  # None: nothing waits and no task writes
        self._size = 0
        self._urgent = b""  # sent before what waits, and never dropped
        self._bytes_since_positions = 0  # which wait since the owner was last asked for its positions
        self._skipped = 0
        self._skipped_after: M | None = None  # what stood beside the first of what was skipped, if anything was
        self._announced = 0  # lines of which the notice tells that stands first, if none of it has been sent
        self._is_mid_line = False
        self._is_first_urgent = False  # what stands first is not to be dropped
        self._is_amid_entry = False  # part of what stands first has been sent
        self._is_closed = False
        self._emptied: trio.Event | None = None

    @property
    def size(self) -> int:
        """Bytes that wait."""
        return self._size

    @property
    def is_empty(self) -> bool:
        """Whether the kernel has taken everything."""
        return self._waiting is None

    @property
    def is_closed(self) -> bool:
        """Whether the connection is closed or lost."""
        return self._is_closed

    def push(self, data: bytes) -> None:
        """Write these whole lines now, or as soon as the reader lets us, or never if they would wait among more than `limit` bytes."""
        if self._is_closed:
            return
        waiting = self._waiting
        if waiting is None:
            try:
                sent = self._send_nowait(data)
            except BlockingIOError:
                sent = 0
            except OSError:
                self.close()  # the reader's task sees for itself that the connection is gone
                return
            if sent == len(data):
                return
            waiting = self._waiting = deque()
            self._start(self._write)
            self._is_amid_entry = sent > 0
            self._is_mid_line = sent > 0 and data[sent - 1] != _NEWLINE
            if sent == HELD:
                return
            data = data[sent:]
        if self._skipped:
            self._skipped += data.count(b"\n")
            return
        self._keep(waiting, data)
        self._size += len(data)
        if self._size > self.limit:
            self._skip(waiting)
        self._budget.count(self)

    @property
    def held(self) -> int:
        """Bytes that wait; see memory_budget.Holder."""
        return self._size

    def let_go(self) -> None:
        """Skip what waits: there is no memory for it."""
        if self._waiting and not self._skipped:
            self._skip(self._waiting)

    def push_urgent(self, data: bytes) -> None:
        """Write what a protocol needs, which is no text: before whatever waits, and not dropped with it.

        At most URGENT_MAX bytes wait; who asks for more answers than that and reads none has no protocol.
        """
        if self._waiting is None:
            self.push(data)
            self._is_first_urgent = self._waiting is not None
        elif not self._is_closed and len(self._urgent) + len(data) <= URGENT_MAX:
            self._urgent += data

    def _keep(self, waiting: deque[tuple[bytes, M]], data: bytes) -> None:
        """Have data wait, small data together with what came before it; positions that are too old are safe, and new ones may cost a kilobyte."""
        self._bytes_since_positions += len(data)
        if not waiting or self._bytes_since_positions > POSITIONS_EVERY:
            self._bytes_since_positions = 0
            waiting.append((data, self.owner.positions()))
            return
        last, positions = waiting[-1]
        if len(waiting) > 1 and len(data) < SMALL and len(last) < POSITIONS_EVERY:
            waiting[-1] = last + data, positions
        else:
            waiting.append((data, positions))

    async def emptied(self) -> None:
        """Wait until the kernel has taken everything, or the connection is closed."""
        while self._waiting is not None and not self._is_closed:
            if self._emptied is None:
                self._emptied = trio.Event()
            await self._emptied.wait()

    def close(self) -> None:
        """Drop what waits and take nothing more."""
        self._is_closed = True
        if self._waiting is not None:
            self._waiting.clear()
        self._size = self._skipped = 0
        self._budget.forget(self)
        self._urgent = b""
        self._wake()

    def _skip(self, waiting: deque[tuple[bytes, M]]) -> None:
        """Drop what waits, but not the rest of a line whose beginning the reader has."""
        first, positions = waiting[0]
        self._skipped_after = positions
        rest = b""
        if self._is_first_urgent:
            rest = first
        elif self._is_mid_line:
            end = first.find(b"\n") + 1
            rest = first[:end] if end else first
        self._skipped = sum(data.count(b"\n") for data, _ in waiting) - rest.count(b"\n")
        if self._announced:  # the notice that stands first, unread, goes too: what it told of is still to be told
            self._skipped += self._announced - 1
            self._announced = 0
        waiting.clear()
        if rest:
            waiting.append((rest, positions))
        else:
            self._is_amid_entry = False
        self._size = len(rest)

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
            with trio.move_on_after(self._patience) as patience:
                try:
                    await self._transport.wait_writable()
                except (trio.ClosedResourceError, trio.BrokenResourceError):
                    self.close()
                    return
            if patience.cancelled_caught:
                self.close()
                self._transport.close()
                return
            self._write_what_fits(self._waiting)
            self._budget.count(self)

    def _write_what_fits(self, waiting: deque[tuple[bytes, M]]) -> None:
        while not self._is_closed:
            self._put_first(waiting)
            if not waiting:
                self._waiting = None
                self._wake()
                return
            pieces: list[bytes] = []
            length = 0
            for data, _ in waiting:
                pieces.append(data)
                length += len(data)
                if length >= _CHUNK or self._urgent:  # what is urgent comes after the entry that is half-way out
                    break
            data = b"".join(pieces)
            try:
                sent = self._send_nowait(data)
            except BlockingIOError:
                sent = 0
            except OSError:
                self.close()
                return
            is_held = sent == HELD
            if is_held:
                sent = length
            if sent:
                self._announced = 0
                self.progressed_at = trio.current_time()
                self._is_mid_line = data[sent - 1] != _NEWLINE
            self._take_out(waiting, sent)
            if sent < length or is_held:
                return

    def _put_first(self, waiting: deque[tuple[bytes, M]]) -> None:
        """Have the notice of what was skipped, and what a protocol needs, sent before anything else."""
        if not waiting and self._skipped and self._skipped_after is not None:
            notice = self.owner.skip_notice(self._skipped, self._skipped_after)
            self._announced, self._skipped = self._skipped, 0
            waiting.append((notice, self._skipped_after))
            self._size += len(notice)
        if self._urgent and not self._is_amid_entry:
            waiting.appendleft((self._urgent, waiting[0][1] if waiting else self.owner.positions()))
            self._size += len(self._urgent)
            self._urgent = b""
            self._is_first_urgent = True

    def _take_out(self, waiting: deque[tuple[bytes, M]], sent: int) -> None:
        """Take out what has been sent."""
        if not sent:
            return
        self._size -= sent
        while waiting and sent >= len(waiting[0][0]):
            sent -= len(waiting.popleft()[0])
            self._is_first_urgent = self._is_amid_entry = False
        self._is_amid_entry = self._is_amid_entry or sent > 0
        if sent:
            data, positions = waiting[0]
            waiting[0] = data[sent:], positions

    def _wake(self) -> None:
        if self._emptied is not None:
            self._emptied.set()
            self._emptied = None
