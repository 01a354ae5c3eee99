"""When a room of several nodes waits a moment, so that more goes into one turn, and into one push to everybody.

A turn costs the engine and the members nearly the same, whatever is in it. Never knows what is said, nor by whom.
"""

from math import inf

import trio

REST_PER_MEMBER, REST_MAX = 0.0001, 0.05
"""Seconds, for each member and at most, after everybody was shown something, in which turns of other nodes wait for what people here say, and are
shown with it: a push to a member costs some 8 us, whatever is in it. Until then they need not even be asked for: a turn that is stored brings what
it missed. What comes to a room in which nothing was shown just now waits for nothing."""

GATHER_PER_MEMBER, GATHER_MAX = 0.000005, 0.0025
"""Seconds, for each member and at most, for which what is said here waits for more of it, while people at other nodes talk in the same room. With
half of the talkers at each node a turn has 51 lines without that, and all 64 that can wait with it: 7 % of the CPU of a delivery in S2 on two
nodes. Twice as long makes no turn longer, and the rate a sixth lower."""

GATHER_MIN = 0.0005
"""A shorter time is not worth it: a room of less than a hundred waits for nothing."""

GATHERING_SECONDS = 0.1
"""For how long after lines of another node what is said here waits so."""


class Gathering:
    """The pauses of one room."""

    def __init__(self) -> None:
        self._until = -inf

    def note_lines_elsewhere(self) -> None:
        """Somebody at another node has said something."""
        self._until = trio.current_time() + GATHERING_SECONDS

    def pause(self, members: int) -> float:
        """Seconds for which what is said here just now waits for more; 0: it does not."""
        pause = min(members * GATHER_PER_MEMBER, GATHER_MAX)
        return pause if pause >= GATHER_MIN and trio.current_time() < self._until else 0.0

    def end_of_rest(self, members: int) -> float:
        """Until when, by Trio's clock, turns of other nodes wait, where everybody has been shown something just now."""
        return trio.current_time() + min(members * REST_PER_MEMBER, REST_MAX)
