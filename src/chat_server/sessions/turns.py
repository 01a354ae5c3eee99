"""The turns in which dear work is done, one session's after another's, so that an ordinary line waits for little of it.

Knows Trio's scheduler, and who waits. What counts as dear is for who asks (read_loop.py); never knows what is being asked for.
"""

from collections.abc import Callable
from math import inf

import trio

FIRST_IN_A_ROW = 16
"""Turns of those who are to go first, after which one of the others goes, if any wait: who has pasted ten lines must not wait for as long as
somebody, from wherever, asks for something dear. Low enough for a wait of milliseconds, and high enough that those who go first lose little."""


REST_SHARE = 2
"""For how many times as long as the event loop has worked since one turn began, the next one lets it rest or do what is not dear. A line needs some
five passes of the loop, and the thread that stores it needs Python's lock some ten times: with dear work at a third of the loop's time, it meets one
or two pieces of it on its way instead of one at each step."""

REST_MAX = 0.02
"""Seconds of that at most: however busy the loop is otherwise, what is dear goes on."""


class Turns:
    """Lets those who want something dear go one after another, and have no more than a third of the event loop's time together.

    Between two of them whoever says a line has it taken, stored and shown. So what a thousand callers ask for at once delays a line by no more
    than a few pieces of work, not by a thousand; and where only one wants something now and then, nothing is slower.
    """

    __slots__ = ("_began_at", "_first", "_given_to", "_in_a_row", "_is_taken", "_rest", "_work", "_work_then")

    def __init__(self, work: Callable[[], float]) -> None:
        """Nobody waits. `work` tells how many seconds the event loop has worked."""
        self._is_taken = False
        self._given_to: trio.lowlevel.Task | None = None  # who was woken, and has not begun
        self._in_a_row = 0  # turns of the first while others waited
        self._first = trio.lowlevel.ParkingLot()
        self._rest = trio.lowlevel.ParkingLot()
        self._work = work
        self._began_at, self._work_then = -inf, 0.0

    async def take(self, *, is_first: bool = True) -> None:
        """Wait for one's turn; what is done before the next `await` is done in it.

        Who asks for much waits for those who are to go first, but not for ever: see FIRST_IN_A_ROW.
        """
        await self.begin(is_first=is_first)
        self.end()

    async def begin(self, *, is_first: bool = True) -> None:
        """Wait for one's turn, which lasts until `end`."""
        has_begun = False
        try:
            if self._is_taken:
                await (self._first if is_first else self._rest).park()
            self._is_taken, self._given_to = True, trio.lowlevel.current_task()
            await self._make_way()
            has_begun = True
        finally:  # something else may have gone wrong before it knew that it was given the turn
            is_its = self._given_to is trio.lowlevel.current_task()
            if is_its:
                self._given_to = None
                if not has_begun:
                    self.end()

    async def _make_way(self) -> None:
        """Let the event loop do something else for as long as is due, and for one pass at least."""
        rest = min((self._work() - self._work_then) * REST_SHARE, REST_MAX)
        await trio.sleep_until(max(self._began_at + rest, trio.current_time()))
        self._began_at, self._work_then = trio.current_time(), self._work()

    def end(self) -> None:
        """Let the next one run."""
        is_firsts = bool(self._first) and not (self._rest and self._in_a_row >= FIRST_IN_A_ROW)
        self._in_a_row = self._in_a_row + 1 if is_firsts and self._rest else 0
        waiting = self._first if is_firsts else self._rest
        self._is_taken = bool(waiting)
        self._given_to = next(iter(waiting.unpark()), None)
