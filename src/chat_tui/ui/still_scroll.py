"""A view of many rows that stands still: nothing is animated, and nothing is laid out again when rows are added. Knows Textual only."""

from math import ceil

from textual.geometry import Region, Size
from textual.scroll_view import ScrollView
from textual.scrollbar import ScrollBar
from textual.strip import Strip

EIGHTHS = 8
"""In how many steps of a row a scrollbar moves."""


def thumb_of(rows: int, window: int, total: int, position: float) -> tuple[int, int]:
    """From where to where the thumb of a scrollbar is, in eighths of its rows; nowhere if all is seen."""
    if not 0 < window < total:
        return 0, 0
    high = max(1.0, window * rows / total)
    start = int((rows - high) * position / (total - window) * EIGHTHS)
    return start, start + ceil(high * EIGHTHS)


class StillScroll(ScrollView):
    """Rows that are scrolled at once. What one reads does not swim."""

    awaits_place = False
    """Whether rows were made while there was no place for any: they are fitted before the first is drawn."""
    _is_moving = False
    _thumb = 0, 0
    _inside: tuple[int, int] | None = None  # columns and rows while some are drawn

    @property
    def top_row(self) -> int:
        """The row at the top."""
        return self.scroll_offset.y

    @property
    def rows_high(self) -> int:
        """How many rows there are on the screen."""
        return self._columns_and_rows[1]

    @property
    def columns_wide(self) -> int:
        """How many columns a row has."""
        return max(4, self.columns_drawn - 1)

    @property
    def columns_drawn(self) -> int:
        """How many columns a row is drawn in, with the blank one before the scrollbar."""
        return self._columns_and_rows[0]

    @property
    def _columns_and_rows(self) -> tuple[int, int]:
        return self._inside or (self.scrollable_content_region.width, self.size.height)

    def render_lines(self, crop: Region) -> list[Strip]:
        """Draw rows. How many there are is worked out once for all of them: Textual does it from all styles, 25 us, and each row asks four times.

        What is laid out is drawn before it is told that there is place for it now.
        """
        if self.awaits_place and self.columns_drawn:
            self.fit_rows()
        self._inside = self._columns_and_rows
        try:
            return super().render_lines(crop)
        finally:
            self._inside = None

    def scroll_rows_to(self, row: float, total: int) -> None:
        """Have this row at the top, of so many."""
        if self.virtual_size.height != total:
            # Not by assignment, which has the whole screen laid out and redrawn: 25 ms instead of 8, for each line that comes.
            self.set_reactive(StillScroll.virtual_size, Size(self.columns_wide, total))
            self.vertical_scrollbar.set_reactive(ScrollBar.window_virtual_size, total)
        self._is_moving = True
        try:
            self.scroll_to(y=max(0, row), animate=False, force=True)
        finally:
            self._is_moving = False
        self._move_thumb()

    def _move_thumb(self) -> None:
        """Draw the scrollbar if it looks otherwise now. Textual draws it for every line: a tenth of what that costs, and it moves once in twenty."""
        bar = self.vertical_scrollbar
        thumb = thumb_of(self.rows_high, bar.window_size, bar.window_virtual_size, bar.position)
        if thumb != self._thumb:
            self._thumb = thumb
            bar.refresh()

    def refresh_rows(self, first: int, end: int) -> None:
        """Draw the rows of the screen from one to before another, as far as they are on it."""
        first, end = max(0, first), min(end, self.size.height)
        if first < end:
            self.refresh(Region(0, first, self.size.width, end - first))

    def on_resize(self) -> None:
        """There is more place for rows, or less."""
        self.fit_rows()

    def fit_rows(self) -> None:
        """Have rows fit the place that there is now. To be overridden."""

    def scrolled(self) -> None:
        """The wheel or the scrollbar has moved the view. To be overridden."""

    def watch_scroll_y(self, old_value: float, new_value: float) -> None:
        """See who has moved the view."""
        self.vertical_scrollbar.set_reactive(ScrollBar.position, int(new_value * EIGHTHS) / EIGHTHS)
        super().watch_scroll_y(old_value, new_value)
        if not self._is_moving and self.is_mounted and round(old_value) != round(new_value):
            self.scrolled()
        self._move_thumb()

    def animate(self, attribute: str, value: object, **options: object) -> None:
        """Do at once what Textual would animate, as a click beside the scrollbar's thumb.

        And an animation that meets a jump of ours on its way ends the program (Textual 8.2.8 deletes it twice).
        """
        setattr(self, attribute, value)
        done = options.get("on_complete")
        if callable(done):
            done()
