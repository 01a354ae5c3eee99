"""What waits to be written to one reader: in order, with what was skipped of it, and what a protocol needs before it.

Knows bytes and lines; keeps what the owner says of the reader's positions, without understanding it. Pure: never knows what writes, nor when.
"""

from collections import deque
from typing import Generic, Protocol, TypeVar

CHUNK = 65536
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


class Backlog(Generic[M]):
    """Made when something must wait, and of no use any more when nothing does."""

    __slots__ = (
        "_announced",
        "_bytes_since_positions",
        "_counted",
        "_entries",
        "_is_amid_entry",
        "_is_mid_line",
        "_skipped",
        "_skipped_after",
        "_urgent",
        "is_first_urgent",
        "size",
    )

    def __init__(self, data: bytes, sent: int) -> None:
        """Nothing waits yet; of this data so many bytes have been sent, and the rest is to be added."""
        self._entries: deque[tuple[bytes, M]] = deque()
        self.size = 0
        """Bytes that wait."""
        self._urgent = b""  # sent before what waits, and never dropped
        self._bytes_since_positions = 0  # which wait since the owner was last asked for its positions
        self._skipped = 0
        self._skipped_after: M | None = None  # what stood beside the first of what was skipped, if anything was
        self._counted = 0  # of what was skipped, lines of which a notice has told that nobody was sent
        self._announced = 0  # lines of which the notice tells that waits first, if none of it has been sent
        self._is_mid_line = sent > 0 and data[sent - 1] != _NEWLINE
        self.is_first_urgent = False
        """Whether what stands first is not to be dropped."""
        self._is_amid_entry = sent > 0  # part of what stands first has been sent

    def __len__(self) -> int:
        return len(self._entries)

    def add(self, data: bytes, owner: Owner[M], limit: float) -> bool:
        """Have it wait after all else, or skip it; if more than `limit` bytes wait then, skip what waits. Returns whether `size` is another."""
        if self._skipped:
            self._skipped += data.count(b"\n")
            return False
        self._keep(data, owner)
        self.size += len(data)
        if self.size > limit:
            self.skip()
        return True

    def _keep(self, data: bytes, owner: Owner[M]) -> None:
        """Have data wait, small data together with what came before it; positions that are too old are safe, and new ones may cost a kilobyte."""
        entries = self._entries
        self._bytes_since_positions += len(data)
        if not entries or self._bytes_since_positions > POSITIONS_EVERY:
            self._bytes_since_positions = 0
            entries.append((data, owner.positions()))
            return
        last, positions = entries[-1]
        if len(entries) > 1 and len(data) < SMALL and len(last) < POSITIONS_EVERY:
            entries[-1] = last + data, positions
        else:
            entries.append((data, positions))

    @property
    def lines(self) -> int:
        """Lines that wait. It reads all that does."""
        return sum(data.count(b"\n") for data, _ in self._entries)

    def add_urgent(self, data: bytes) -> None:
        """Have it wait before all else, unless there is too much of the kind: who asks for more answers and reads none has no protocol."""
        if len(self._urgent) + len(data) <= URGENT_MAX:
            self._urgent += data

    def clear(self) -> None:
        """Forget everything."""
        self._entries.clear()
        self.size = self._skipped = 0
        self._urgent = b""

    def skip(self) -> None:
        """Drop what waits, but not the rest of a line whose beginning the reader has."""
        if self._skipped or not self._entries:
            return
        first, positions = self._entries[0]
        self._skipped_after = positions
        rest = b""
        if self.is_first_urgent:
            rest = first
        elif self._is_mid_line:
            end = first.find(b"\n") + 1
            rest = first[:end] if end else first
        self._skipped = sum(data.count(b"\n") for data, _ in self._entries) - rest.count(b"\n")
        if self._announced:  # the notice that stands first, unread, goes too: what it told of is still to be told
            self._skipped += self._announced - 1
            self._counted += self._announced
            self._announced = 0
        self._entries.clear()
        if rest:
            self._entries.append((rest, positions))
        else:
            self._is_amid_entry = False
        self.size = len(rest)

    def put_first(self, owner: Owner[M]) -> int:
        """Have the notice of what was skipped, and what a protocol needs, sent before anything else. Returns how many lines more were skipped."""
        entries, told = self._entries, 0
        if not entries and self._skipped and self._skipped_after is not None:
            notice = owner.skip_notice(self._skipped, self._skipped_after)
            told = max(0, self._skipped - self._counted)
            self._announced, self._skipped, self._counted = self._skipped, 0, 0
            entries.append((notice, self._skipped_after))
            self.size += len(notice)
        if self._urgent and not self._is_amid_entry:
            entries.appendleft((self._urgent, entries[0][1] if entries else owner.positions()))
            self.size += len(self._urgent)
            self._urgent = b""
            self.is_first_urgent = True
        return told

    def first(self) -> bytes:
        """What is to be written next."""
        pieces: list[bytes] = []
        length = 0
        for data, _ in self._entries:
            pieces.append(data)
            length += len(data)
            if length >= CHUNK or self._urgent:  # what is urgent comes after the entry that is half-way out
                break
        return b"".join(pieces)

    def take_out(self, first: bytes, sent: int) -> None:
        """So many bytes of what `first` gave have been sent."""
        if not sent:
            return
        entries = self._entries
        if not self.is_first_urgent or sent > len(entries[0][0]):  # what is urgent stands before the notice
            self._announced = 0
        self._is_mid_line = first[sent - 1] != _NEWLINE
        self.size -= sent
        while entries and sent >= len(entries[0][0]):
            sent -= len(entries.popleft()[0])
            self.is_first_urgent = self._is_amid_entry = False
        self._is_amid_entry = self._is_amid_entry or sent > 0
        if sent:
            data, positions = entries[0]
            entries[0] = data[sent:], positions
