"""A view of many rows that stands still: nothing is animated, and nothing is laid out again when rows are added. Knows Textual only."""

from textual.geometry import Region, Size
from textual.scroll_view import ScrollView


class StillScroll(ScrollView):
    """Rows that are scrolled at once. What one reads does not swim."""

    _is_moving = False

    @property
    def top_row(self) -> int:
        """The row at the top."""
        return self.scroll_offset.y

    @property
    def rows_high(self) -> int:
        """How many rows there are on the screen."""
        return self.size.height

    @property
    def columns_wide(self) -> int:
        """How many columns a row has."""
        return max(4, self.scrollable_content_region.width - 1)

    def scroll_rows_to(self, row: float, total: int) -> None:
        """Have this row at the top, of so many."""
        if self.virtual_size.height != total:
            # Not by assignment, which has the whole screen laid out and redrawn: 25 ms instead of 8, for each line that comes.
            self.set_reactive(StillScroll.virtual_size, Size(self.columns_wide, total))
            self.vertical_scrollbar.window_virtual_size = total
        self._is_moving = True
        try:
            self.scroll_to(y=max(0, row), animate=False, force=True)
        finally:
            self._is_moving = False

    def refresh_rows(self, first: int, end: int) -> None:
        """Draw the rows of the screen from one to before another, as far as they are on it."""
        first, end = max(0, first), min(end, self.size.height)
        if first < end:
            self.refresh(Region(0, first, self.size.width, end - first))

    def scrolled(self) -> None:
        """The wheel or the scrollbar has moved the view. To be overridden."""

    def watch_scroll_y(self, old_value: float, new_value: float) -> None:
        """See who has moved the view."""
        super().watch_scroll_y(old_value, new_value)
        if not self._is_moving and self.is_mounted and round(old_value) != round(new_value):
            self.scrolled()

    def animate(self, attribute: str, value: object, **options: object) -> None:
        """Do at once what Textual would animate, as a click beside the scrollbar's thumb.

        And an animation that meets a jump of ours on its way ends the program (Textual 8.2.8 deletes it twice).
        """
        setattr(self, attribute, value)
        done = options.get("on_complete")
        if callable(done):
            done()
