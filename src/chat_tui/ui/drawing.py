"""Rows of lines as they are drawn: how they look just now, and which lines are marked. Knows Textual's styles; never knows which rows are seen."""

from textual.strip import Strip
from textual.style import Style
from textual.widget import Widget

from chat_tui.ui import looks
from chat_tui.ui.entry_rows import EntryRows
from chat_tui.ui.rendering import Look


class Drawing:
    """Draws rows in a widget."""

    def __init__(self, widget: Widget, wanted: looks.Wanted) -> None:
        self._widget = widget
        self.wanted = wanted
        """How the reader wants lines to look."""
        self.hit: int | None = None
        """The number of the line that a search has come to."""
        self.chosen: int | None = None
        """The number of the line that the user has chosen."""
        self._look: tuple[int, Look] | None = None

    def look(self, width: int) -> Look:
        """How lines look now, in so many columns."""
        if self._look is None or self._look[0] != width:
            self._look = width, looks.look_of(self._widget, width, self.wanted)
        return self._look[1]

    def forget(self) -> None:
        """They look otherwise now."""
        self._look = None

    def row(self, rows: EntryRows, at: tuple[int, int, int], width: int, span: tuple[int, int] | None) -> Strip:
        """Draw a row: of which entry, which of its rows, and which of all (`at`). `span`: what of it is selected."""
        index, within, row = at
        shown, mark, look = rows.at(index), self._mark(rows.seq_at(index)), rows.look
        if within >= len(shown):
            return Strip.blank(width, look.rich)
        if span is not None:
            selected = Style.from_styles(self._widget.screen.get_component_styles("screen--selection"))
            return looks.drawn(shown[within].marked(selected, *span), row, width, look, mark)
        return rows.drawn(index, within, row, lambda: looks.drawn(shown[within], row, width, look, mark))

    def _mark(self, seq: int | None) -> Style | None:
        if seq is None:
            return None
        name = "chosen" if seq == self.chosen else "hit" if seq == self.hit else ""
        return looks.part(self._widget, name) if name else None
