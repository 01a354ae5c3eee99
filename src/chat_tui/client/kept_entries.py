"""A room's entries in their order, a hundred thousand in a few MB: those that nobody has looked at lately are packed, some hundred together.

Whoever reads or changes them is not told which are. Knows how they are kept; never knows what they mean, but where each of them stands. Pure.
"""

import zlib
from bisect import bisect_left, bisect_right
from collections.abc import Iterator, Sequence
from functools import cache
from itertools import accumulate, chain, islice
from typing import Any, overload

import msgspec

from chat_tui.client.timeline_entries import TimelineEntry, place

BLOCK = 128
"""Entries that are packed together, at least; at most twice as many. Larger blocks take hardly less in all, and longer to be opened (0.1 ms)."""

OPEN_MAX = 8
"""Blocks that are kept as they are, beside the last: those of the screen, and of whatever was looked up."""

LEVEL = 1
"""How hard to press them: this takes a third of the time of zlib's own level, and an eighth more room."""


@cache
def _codec() -> tuple[msgspec.msgpack.Encoder, Any]:
    return msgspec.msgpack.Encoder(), msgspec.msgpack.Decoder(list[TimelineEntry])


class _Block:
    """Some entries that follow one another. They never change, but that more come behind the last: whoever changes any makes another block."""

    __slots__ = ("_as_they_are", "_packed", "count", "first")

    def __init__(self, entries: list[TimelineEntry]) -> None:
        self._as_they_are: list[TimelineEntry] | None = entries
        self._packed = b""
        self.count = len(entries)
        self.first = place(entries[0])

    @property
    def is_open(self) -> bool:
        """Whether they are there as they are."""
        return self._as_they_are is not None

    @property
    def entries(self) -> list[TimelineEntry]:
        """They themselves, which nobody may change."""
        if self._as_they_are is not None:
            return self._as_they_are
        entries: list[TimelineEntry] = _codec()[1].decode(zlib.decompress(self._packed))
        return entries

    def open(self) -> None:
        """Keep them as they are."""
        self._as_they_are = self.entries

    def close(self) -> None:
        """Keep them packed."""
        if not self._packed:
            try:
                self._packed = zlib.compress(_codec()[0].encode(self._as_they_are), LEVEL)
            except (
                UnicodeEncodeError,
                OverflowError,
            ):  # names of files have bytes that are no text; a server counts as far as it likes
                return
        self._as_they_are = None

    def grow(self, entries: Sequence[TimelineEntry]) -> None:
        """Have these behind them."""
        self.open()
        self.entries.extend(entries)
        self._packed, self.count = b"", self.count + len(entries)


Before = tuple[_Block, ...]
"""What entries were at some time."""


class KeptEntries(Sequence[TimelineEntry]):
    """Entries in their order."""

    def __init__(self) -> None:
        """None yet."""
        self._blocks: list[_Block] = []
        self._starts = [0]
        """The index of each block's first entry; and after them the number of all."""
        self._open: list[_Block] = []
        """Those that are open beside the last, in the order in which they were opened."""

    def __len__(self) -> int:
        """How many there are."""
        return self._starts[-1]

    @overload
    def __getitem__(self, index: int) -> TimelineEntry: ...
    @overload
    def __getitem__(self, index: slice) -> list[TimelineEntry]: ...
    def __getitem__(self, index: int | slice) -> TimelineEntry | list[TimelineEntry]:
        """One of them, or some of them that follow one another."""
        if isinstance(index, slice):
            first, end, _ = index.indices(len(self))
            return list(islice(self.since(first), max(0, end - first)))
        index += len(self) if index < 0 else 0
        if not 0 <= index < len(self):
            raise IndexError(index)
        number = bisect_right(self._starts, index) - 1
        return self._opened(number)[index - self._starts[number]]

    def __iter__(self) -> Iterator[TimelineEntry]:
        """All of them."""
        return self.since(0)

    def __reversed__(self) -> Iterator[TimelineEntry]:
        """All of them, from the last to the first."""
        return (entry for block in reversed(self._blocks) for entry in reversed(block.entries))

    def since(self, index: int) -> Iterator[TimelineEntry]:
        """Those from this index on. What was packed is not kept open for that."""
        number = bisect_right(self._starts, index) - 1
        if number < len(self._blocks):
            yield from islice(self._blocks[number].entries, index - self._starts[number], None)
        for block in self._blocks[number + 1 :]:
            yield from block.entries

    def index_of(self, there: tuple[int, int]) -> int:
        """The index of the entry that stands there, or of the first that stands after that."""
        number = bisect_right(self._blocks, there, key=lambda block: block.first) - 1
        return 0 if number < 0 else self._starts[number] + bisect_left(self._opened(number), there, key=place)

    def extend(self, entries: Sequence[TimelineEntry]) -> None:
        """Have these behind all others."""
        last = self._blocks[-1] if self._blocks else None
        if last is not None and last.count + len(entries) <= 2 * BLOCK:
            last.grow(entries)
            self._starts[-1] += len(entries)
        else:
            self.replace(len(self), len(self), entries)

    def replace(self, first: int, end: int, entries: Sequence[TimelineEntry]) -> None:
        """Have these where those from the index `first` to before `end` are: so entries are added, taken away and changed."""
        low = max(0, min(bisect_right(self._starts, first) - 1, len(self._blocks) - 1))
        high = max(low, bisect_left(self._starts, end) - 1)
        touched = self._blocks[low : high + 1]
        start = self._starts[low]
        before = touched[0].entries[: first - start] if touched else []
        behind = touched[-1].entries[end - self._starts[high] :] if touched else []
        blocks = [_Block(part) for part in _parts([*before, *entries, *behind])]
        self._blocks[low : high + 1] = blocks
        counts = (block.count for block in self._blocks[low:])
        self._starts[low:] = accumulate(counts, initial=start)
        self._keep_open(blocks, instead_of=touched)

    def clear(self) -> None:
        """Have none any more."""
        self._blocks.clear()
        self._open.clear()
        self._starts = [0]

    def as_now(self) -> Before:
        """What they are now, whatever becomes of them: for `same_until`. It takes next to no room."""
        return (*self._blocks[:-1], *(_Block(block.entries.copy()) for block in self._blocks[-1:]))

    def same_until(self, before: Before) -> int:
        """How many of them, from the first on, are the same as before."""
        pairs = enumerate(zip(self._blocks, before, strict=False))
        number = next((at for at, (new, old) in pairs if new is not old), min(len(self._blocks), len(before)))
        start = same = self._starts[number]
        old_entries = chain.from_iterable(block.entries for block in before[number:])
        for new, old in zip(self.since(start), old_entries, strict=False):
            if new != old:
                break
            same += 1
        return same

    def _opened(self, number: int) -> list[TimelineEntry]:
        block = self._blocks[number]
        if not block.is_open:
            block.open()
            self._keep_open([block])
        return block.entries

    def _keep_open(self, blocks: Sequence[_Block], instead_of: Sequence[_Block] = ()) -> None:
        """These are open now: close those that have been for longest, but not the last of all, where the next comes."""
        kept = [*(block for block in self._open if block not in instead_of), *blocks]
        for block in kept[:-OPEN_MAX]:
            if block is not self._blocks[-1]:
                block.close()
        self._open = kept[-OPEN_MAX:]


def _parts(entries: list[TimelineEntry]) -> Iterator[list[TimelineEntry]]:
    """The entries in parts, each of them of a block."""
    first = 0
    while len(entries) - first > 2 * BLOCK:
        yield entries[first : first + BLOCK]
        first += BLOCK
    if first < len(entries):
        yield entries[first:]
