"""When the screen is painted: soon, but only so often, however much comes from the server.

Never knows what is painted.
"""

import time
from collections.abc import Callable

from textual.screen import Screen
from textual.timer import Timer

PAINT_GAP = 0.06
"""Seconds between two paints of what comes from the server. One paint a line at 1000 lines a second would take a whole core."""

PAINT_GAP_SLOW = 0.3
"""The same on a slow line."""


class PaintTimer:
    """That of one screen."""

    def __init__(self, screen: Screen[None], paint: Callable[[], None], *, is_slow: Callable[[], bool]) -> None:
        """Nothing has been painted. `is_slow`: whether the screen is at the other end of a slow line."""
        self._screen, self._paint, self._is_slow = screen, paint, is_slow
        self._timer: Timer | None = None
        self._painted_at = -1.0

    def start(self) -> None:
        """Have it painted as soon as may be, if that is not to be yet."""
        if self._timer is None:
            gap = PAINT_GAP_SLOW if self._is_slow() else PAINT_GAP
            wait = self._painted_at + gap - time.monotonic()
            self._timer = self._screen.set_timer(max(0.001, wait), self._paint)

    def has_come(self) -> None:
        """It is painted now."""
        self._timer = None
        self._painted_at = time.monotonic()
