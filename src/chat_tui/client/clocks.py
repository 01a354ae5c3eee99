"""When something was said, as the clock and the calendar here show it; and how long ago something was, though somebody sets the clock.

Never raises, whatever time a server names.
"""

import time
from collections.abc import Callable

from chat_server.protocol.time_zones import possible


def minute_of(at: float) -> int:
    """The minute, counted since 1970, of a time in seconds since then."""
    return int(possible(at) // 60)


def shown(at: float) -> time.struct_time:
    """The time on the clock here; the nearest that it can show."""
    return time.localtime(possible(at))


class Steady:
    """A clock that stands still where another is set back, and then goes on: what is due in a second is due in a second."""

    def __init__(self, clock: Callable[[], float]) -> None:
        self._clock = clock
        self._behind = 0.0
        self._last = clock()

    def __call__(self) -> float:
        """The time; never one before the last."""
        self._behind = max(self._behind, self._last - self._clock())
        self._last = self._clock() + self._behind
        return self._last
