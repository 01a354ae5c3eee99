"""The bound on what waits in memory for all sessions together: who holds most loses it when there is too much.

Knows how much each holds. Never knows what it is, nor whose.
"""

from typing import Protocol

from chat_server.guard import Guard


class Holder(Protocol):
    """Somebody for whom something waits in memory."""

    @property
    def held(self) -> int:
        """How many bytes."""

    def let_go(self) -> None:
        """Drop it, as far as that can be done, and say so to whom it concerns."""


ROOM_MADE = 1 / 16
"""The part of the budget that is freed when it is used up. To look who holds most takes 4 ms among ten thousand; a line for all of them may ask
for it hundreds of times if only as much is freed as is needed just then."""


WAITING_TOTAL_MIN = 256 * 2**20
"""Bytes that may wait for all readers together on a machine however small: 256 stuck ones."""


def share_of(memory: int) -> int:
    """How much of the machine's memory may be full of what waits for readers."""
    return max(memory // 4, WAITING_TOTAL_MIN)


class Budget:
    """The bound on what waits for all together, in bytes: when it is reached, those who hold most lose it. 0 is no limit."""

    __slots__ = ("_counted", "_is_making_room", "cut_readers", "limit", "skipped_lines", "total")

    def __init__(self, limit: int) -> None:
        self.limit = limit
        self.total = 0
        self.skipped_lines = 0
        """Lines that readers were told they have not been given, for too much waited."""
        self.cut_readers = 0
        """Readers whose connection was ended, for they had taken nothing for too long."""
        self._counted: dict[Holder, int] = {}
        self._is_making_room = False

    def count(self, holder: Holder) -> None:
        """Note what this one holds now, and have room made if that is too much."""
        self._note(holder)
        if self.limit and self.total > self.limit and not self._is_making_room:
            self._is_making_room = True
            self._make_room()
            self._is_making_room = False

    def _note(self, holder: Holder) -> None:
        held = holder.held
        self.total += held - self._counted.pop(holder, 0)
        if held:
            self._counted[holder] = held

    def _make_room(self) -> None:
        guard = Guard("somebody could not let go of what waits for them")
        for holder in sorted(self._counted, key=self._counted.__getitem__, reverse=True):
            guard.attempt(holder.let_go)
            self._note(holder)
            if self.total <= self.limit * (1 - ROOM_MADE):
                return

    def forget(self, holder: Holder) -> None:
        """No longer count what somebody held who is gone."""
        self.total -= self._counted.pop(holder, 0)
