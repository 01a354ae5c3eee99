"""How many lines wait for somebody in all, of whatever conversations: who writes to them is refused where that is too much.

It is counted now and then, and in between what is written from here is added; what other nodes store in between, and what is read, counts from
the next time on. What is hidden from somebody who has blocked its writer does not count: those could keep everybody else from writing, and would
learn of it. Never knows who may write, nor how it is counted.
"""

from collections.abc import Awaitable, Callable, Iterable
from typing import NamedTuple

import trio

COUNTED_SECONDS = 10.0
"""Seconds for which it holds what was counted: of somebody with a thousand conversations that takes milliseconds."""

KNOWN_MAX = 4096
"""People of whom it is known; beyond that it is counted anew."""


class Waiting(NamedTuple):
    """Lines that wait: of those whom somebody has accepted, and of those who ask."""

    accepted: int = 0
    asking: int = 0

    def for_one(self, *, is_accepted: bool) -> int:
        """How many count for one who writes: for whom somebody has accepted, no stranger's."""
        return self.accepted if is_accepted else self.accepted + self.asking


class Unread:
    """What waits for those to whom somebody here writes."""

    def __init__(self) -> None:
        """Nothing has been counted."""
        self._counted: dict[str, tuple[float, Waiting]] = {}

    async def of(self, who: str, count: Callable[[], Awaitable[Waiting]]) -> Waiting:
        """What waits for somebody; `count` counts it. Raises what that raises."""
        until, waiting = self._counted.get(who, (0.0, Waiting()))
        if trio.current_time() < until:
            return waiting
        waiting = await count()
        if len(self._counted) >= KNOWN_MAX:
            self._counted.clear()
        self._counted[who] = trio.current_time() + COUNTED_SECONDS, waiting
        return waiting

    def note(self, who: str, *, is_accepted: bool) -> None:
        """One more line waits for somebody, of one whom they have accepted, or who asks."""
        if who in self._counted:
            until, waiting = self._counted[who]
            more = Waiting(waiting.accepted + is_accepted, waiting.asking + (not is_accepted))
            self._counted[who] = until, more


def waiting_in(conversations: Iterable[tuple[bool, int]]) -> Waiting:
    """What waits in conversations: of each, whether it is accepted, and how many lines wait in it."""
    counts = [0, 0]
    for is_accepted, lines in conversations:
        counts[not is_accepted] += lines
    return Waiting(*counts)
