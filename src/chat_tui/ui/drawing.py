"""Rows of lines as they are drawn: how they look just now, and which lines are marked. Knows Textual's styles; never knows which rows are seen."""

import re
from typing import Any

from textual.content import Content
from textual.strip import Strip
from textual.style import Style
from textual.widget import Widget

from chat_tui.language import say, spoken
from chat_tui.ui import looks
from chat_tui.ui.entry_rows import EntryRows, say_coming
from chat_tui.ui.row import Look, Mark


class Drawing:
    """Draws rows in a widget."""

    def __init__(self, widget: Widget, wanted: looks.Wanted) -> None:
        self._widget = widget
        self.wanted = wanted
        """How the reader wants lines to look."""
        self.hit: int | None = None
        """The number of the line to which one has gone."""
        self.chosen: int | None = None
        """The number of the line that the user has chosen."""
        self._look: tuple[int, Look] | None = None

    def look(self, width: int) -> Look:
        """How lines look now, in so many columns."""
        if self._look is None or self._look[0] != width:
            self._look = width, looks.look_of(self._widget, width, self.wanted)
        return self._look[1]

    def want(self, **changes: Any) -> bool:
        """Have lines look otherwise from when they are forgotten on. Returns False if that is no change."""
        before, self.wanted = self.wanted, self.wanted._replace(**changes)
        return before != self.wanted

    def find(self, found: re.Pattern[str] | None) -> None:
        """Mark what is searched for, wherever that has not come to a line yet; None: nothing is."""
        self.hit = None
        self.want(found=found)

    def shape(self, width: int) -> object:
        """What heights depend on beside the entries, in so many columns."""
        return width, self.wanted.number_width, self.wanted.name_width, self.wanted.spacing, spoken()

    def fit(self, name_width: int) -> None:
        """They look otherwise now, with so many columns for names."""
        self.want(name_width=name_width)
        self.forget()

    def forget(self) -> None:
        """They look otherwise now."""
        self._look = None

    def beyond(self, rows: EntryRows, width: int, from_bottom: int) -> Strip:
        """A row where nothing stands: the last one says so of a room in which nobody has said anything, or from which lines are still coming."""
        look, room = self.look(width), rows.room
        is_empty = room is not None and room.is_joined and not (room.timeline.entries or room.pending)
        if room is None or from_bottom or not is_empty or (room.last and not rows.coming):
            return Strip.blank(width, look.rich)
        told = say_coming() if room.last else say("Nobody has said anything here yet.")
        words = Content(" " * look.grid.gutter) + Content.styled(told, look.dim)
        return Strip(words.render_segments(look.text)).adjust_cell_length(width, look.rich)

    def row(self, rows: EntryRows, at: tuple[int, int, int], width: int, span: tuple[int, int] | None) -> Strip:
        """Draw a row: of which entry, which of its rows, and which of all (`at`). `span`: what of it is selected."""
        index, within, row = at
        shown, look = rows.at(index), rows.look
        mark = self._mark(rows.seq_at(index)) or (look.called if shown.is_called else None)
        if within >= len(shown):
            return Strip.blank(width, look.rich)
        if span is not None:
            selected = Style.from_styles(self._widget.screen.get_component_styles("screen--selection"))
            return looks.drawn(shown[within].marked(selected, *span), row, width, look, mark)
        return rows.drawn(index, within, row, lambda: looks.drawn(shown[within], row, width, look, mark))

    def _mark(self, seq: int | None) -> Mark | None:
        if seq is None:
            return None
        name = "chosen" if seq == self.chosen else "hit" if seq == self.hit else ""
        glyph = looks.MARK_ASCII if self.wanted.is_ascii else looks.MARK
        return looks.marked(self._widget, name, "here", glyph) if name else None
