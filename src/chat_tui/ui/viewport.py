"""Which rows of all are on the screen, though the heights of most entries are guesses.

Heights are measured when an entry comes near the screen; whatever turns out otherwise, what one reads stays where it is. Knows numbers of
rows; never knows what stands in them, nor Textual.
"""

from collections.abc import Callable
from typing import Protocol

from chat_tui.ui.row_heights import Heights

MARGIN = 5
"""Rows beyond the screen that are measured with it."""


class Window(Protocol):
    """The part of the screen through which rows are seen."""

    @property
    def top_row(self) -> int:
        """The row at its top."""

    @property
    def rows_high(self) -> int:
        """How many rows it shows."""

    def scroll_rows_to(self, row: float, total: int) -> None:
        """Have this row at the top, of so many."""

    def settled(self) -> None:
        """What is seen has been measured."""


class Viewport:
    """Entries under each other, and the window over them."""

    def __init__(self, window: Window, height_of: Callable[[int], int], *, is_slow: bool) -> None:
        """Over no entries.

        Args:
            window: where they are seen.
            height_of: measures an entry.
            is_slow: scroll by half a page, which costs a slow line a tenth.

        """
        self._window = window
        self._height_of = height_of
        self._is_slow = is_slow
        self.heights = Heights()

    @property
    def bottom(self) -> int:
        """The row that is at the top when the newest line is seen."""
        return max(0, self.heights.total - self._window.rows_high)

    @property
    def padding(self) -> int:
        """Rows above the first entry: few lines stand at the bottom, beside the prompt; on a slow line where they need not move."""
        return 0 if self._is_slow else max(0, self._window.rows_high - self.heights.total)

    @property
    def is_at_bottom(self) -> bool:
        """Whether the newest line is seen."""
        return self._window.top_row >= self.bottom

    @property
    def is_empty(self) -> bool:
        """Whether there is no entry."""
        return not len(self.heights)

    def scroll(self, row: float, *, extra: int = 0) -> None:
        """Have this row at the top."""
        self._window.scroll_rows_to(row, max(self.heights.total, int(row) + extra if self._is_slow else 0))

    def out_of_sight(self, index: int) -> int:
        """By how many rows to scroll to have an entry on the screen, its first row before all others."""
        self.measure(index, index + 1)
        first, shown, high = self.heights.top(index), self._window.top_row, self._window.rows_high
        below = first + self.heights.height(index) - (shown + high)
        return first - shown if first < shown else min(first - shown, below) if below > 0 else 0

    def scroll_by(self, rows: int) -> None:
        """Scroll down by so many rows; up, if negative."""
        top, height = self._window.top_row, self._window.rows_high
        if abs(rows) < 2 * height:  # what one still sees a part of must not jump
            self.measure_rows(top + min(rows, 0), top + max(rows, 0) + height)
        self.scroll(self._window.top_row + rows)
        self.settle()

    def to_bottom(self) -> None:
        """Put the newest line on the last row."""
        self._measure_up()
        total, height, top = self.heights.total, self._window.rows_high, self._window.top_row
        if not self._is_slow or total <= height:
            self.scroll(total - height)
        elif not total - height <= top < total:
            self.scroll(total - height // 2, extra=height)
        else:
            self.scroll(top, extra=height)

    def to_top(self) -> None:
        """Have the first row at the top."""
        self.scroll(0)
        self.settle()

    def to_end_of(self, index: int, rows: int) -> None:
        """Have an entry end so many rows below the top."""
        for _ in range(2):  # what is measured on the way moves it once more
            self.measure(index, index + 1)
            self.scroll(self.heights.top(index) + self.heights.height(index) - rows)
            self.settle()

    def to_middle(self, index: int) -> None:
        """Have an entry in the middle."""
        self.measure(index, index + 1)
        for _ in range(2):
            self.scroll(self.heights.top(index) - self._window.rows_high // 2)
            self.settle()

    def settle(self) -> None:
        """Measure what is seen."""
        top = self._window.top_row
        self.measure_rows(top, top + self._window.rows_high)
        self.scroll(self._window.top_row)
        self._window.settled()

    def _measure_up(self) -> None:
        """Measure the last screen, from the bottom up."""
        rows, index = 0, len(self.heights)
        while index > 0 and rows < self._window.rows_high + MARGIN:
            index -= 1
            self.measure(index, index + 1)
            rows += self.heights.height(index)

    def measure(self, first: int, end: int) -> int:
        """Measure these entries; return by how many rows those in all differ from what they were taken for."""
        change = 0
        for index in range(max(0, first), min(end, len(self.heights))):
            if not self.heights.is_measured(index):
                change += self.heights.measure(index, self._height_of(index))
        return change

    def measure_rows(self, first: int, last: int) -> None:
        """Measure what stands on these rows, and keep what is seen in its place."""
        for _ in range(8):
            if self.is_empty:
                return
            top = self.heights.at(max(0, self._window.top_row))
            above = self.measure(self.heights.at(max(0, first - MARGIN)), top)
            below = self.measure(top, self.heights.at(max(0, last + MARGIN + above)) + 1)
            if above:
                first, last = first + above, last + above
                self.scroll(self._window.top_row + above)
            if not above and not below:
                return
