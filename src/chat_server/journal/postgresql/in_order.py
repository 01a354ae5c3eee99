"""The order in which batches of all rooms are read: that in which they were stored, and in each room that of its numbers. Pure.

By the numbers of transactions a batch may come before another of its room that has a smaller number: its transaction had begun earlier, and waited
for the room. So it waits here too. Never knows the database.
"""

from collections.abc import Iterable, Iterator
from typing import Protocol, TypeVar

WAITING_MAX = 1000
"""Batches that wait for one before them. More do so only where a number is missing for good: then they come as they are."""


class Numbered(Protocol):
    """A batch."""

    @property
    def room(self) -> str:
        """Its room."""

    @property
    def first(self) -> int:
        """Its first line's number."""

    @property
    def count(self) -> int:
        """How many lines it has."""


B = TypeVar("B", bound=Numbered)


def in_order(batches: Iterable[B], following: dict[str, int]) -> Iterator[B]:
    """The batches, each when those of its room with smaller numbers have come; `following` are the numbers that come next in each room."""
    waiting: list[B] = []
    for batch in batches:
        if batch.first > following.get(batch.room, batch.first):
            waiting.append(batch)
            if len(waiting) > WAITING_MAX:
                yield from _all(waiting, following)
            continue
        following[batch.room] = batch.first + batch.count
        yield batch
        while (ready := next((one for one in waiting if one.first <= following[one.room]), None)) is not None:
            waiting.remove(ready)
            following[ready.room] = ready.first + ready.count
            yield ready
    yield from _all(waiting, following)


def _all(waiting: list[B], following: dict[str, int]) -> Iterator[B]:
    """What waits, though something is missing before it."""
    waiting.sort(key=lambda batch: batch.first)
    for batch in waiting:
        following[batch.room] = batch.first + batch.count
        yield batch
    waiting.clear()
