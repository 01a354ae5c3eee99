"""What it means that lines are deleted: which can be, what stands in their place, and how their numbers are told. Pure.

What becomes of a line by the entry that deletes it is said in amendments.py. Never knows who may delete what.
"""

from collections.abc import Iterable

from chat_server.protocol.amending import Deleted, Ranges
from chat_server.protocol.entries import Entry

NUMBERS_MAX = 1000
"""Lines that one entry deletes at most."""

RANGES_MAX = 200
"""Rows of numbers that one entry has at most: 3 KB of them."""


def can_be_deleted(line: Entry) -> bool:
    """Whether it is something that somebody has said. What somebody has done to others, or to the room, stays on record."""
    return line.request is not None


def deleted(line: Entry) -> Deleted:
    """What stands in the line's place from then on."""
    return Deleted(line.room, line.seq, line.at, line.nick, "", line.author, line.guest, line.bot)


def has(ranges: Ranges, seq: int) -> bool:
    """Whether the number is among them."""
    return any(first <= seq <= last for first, last in ranges)


def ranges_of(numbers: Iterable[int]) -> Ranges:
    """Numbers, in their order, as rows."""
    ranges: list[tuple[int, int]] = []
    for number in numbers:
        if ranges and ranges[-1][1] + 1 == number:
            ranges[-1] = ranges[-1][0], number
        else:
            ranges.append((number, number))
    return tuple(ranges)


def in_words(ranges: Ranges) -> str:
    """The numbers as people read them, in whatever language: `#7`, `#7-#9` where they are one row, `#7..#9` where they are some of these."""
    first, last = ranges[0][0], ranges[-1][1]
    if first == last:
        return f"#{first}"
    return f"#{first}-#{last}" if len(ranges) == 1 else f"#{first}..#{last}"
