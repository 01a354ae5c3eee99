"""The pane where a room's lines are read.

A virtual view: only the rows on the screen are made (`entry_rows.py`), and the heights of most entries are guesses (`viewport.py`). Knows where
one is in each room, and whether one follows what comes; never knows the connection.
"""

import re
from collections.abc import Callable
from typing import ClassVar, NamedTuple

from textual.message import Message
from textual.selection import Selection
from textual.strip import Strip

from chat_server.protocol.mentions import Names
from chat_tui.client.pending import Pending
from chat_tui.client.state import RoomState
from chat_tui.client.timeline_entries import TimelineEntry, place
from chat_tui.ui import looks
from chat_tui.ui.drawing import Drawing
from chat_tui.ui.entry_rows import EntryRows
from chat_tui.ui.looks import Wanted
from chat_tui.ui.row import Look, Spacing
from chat_tui.ui.still_scroll import StillScroll
from chat_tui.ui.viewport import Viewport

PENDING = 2**60
"""Where lines stand that have no number yet: after all others."""


OVERLAP = 2
"""Rows of a page that are seen on the next one too."""


class Place(NamedTuple):
    """Where one is in a room: at the bottom; or some entry ends so many rows below the top of the screen.

    By its end, for what stands above it (a day, how many lines are not loaded) comes and goes.
    """

    entry: tuple[int, int] | None = None
    rows: int = 0


class Places(NamedTuple):
    """Where one was last in the rooms of a server, by their names, and the newest number there when the bottom was seen last."""

    left: dict[str, Place]
    seen: dict[str, int]


class ChatView(StillScroll):
    """A room's lines."""

    COMPONENT_CLASSES: ClassVar[set[str]] = looks.PARTS
    DEFAULT_CSS = looks.CSS

    class OlderWanted(Message):
        """Lines before a number are about to be seen, and are not loaded."""

        def __init__(self, room: RoomState, before: int) -> None:
            super().__init__()
            self.room = room
            self.before = before

    class Moved(Message, bubble=True):
        """Another part is seen now, or more stands below it."""

    def __init__(self, wanted: Wanted, *, is_slow: bool, clock: Callable[[], float], id: str) -> None:  # noqa: A002 - Textual's name
        """Show no room yet. `is_slow`: scroll by half a page, which costs a slow line a tenth."""
        super().__init__(id=id)
        self.can_focus = False  # one writes, wherever one clicks
        self.drawing = Drawing(self, wanted)
        """How lines look, and which are marked."""
        self._is_slow = is_slow
        self.room: RoomState | None = None  # the one that is shown
        self.entry_rows = EntryRows(lambda: self.look, clock)
        """What there is to be shown, and where the rule between read and unread stands."""
        self._viewport = Viewport(self, lambda index: len(self.entry_rows.at(index)), is_slow=is_slow)
        self._places = Places({}, {})
        self._follows = True
        self._place = Place()
        self._seen = 0  # the newest number when the bottom was seen last
        self._pending_count = 0
        self._made_for: object = None  # what heights are for

    # What the screen asks for.

    def show_room(self, room: RoomState | None, me: str, mention: Names | None) -> None:
        """Show a room, where one was in it last. The rule between read and unread stands where it is now."""
        if self.room is not None:
            self.room.timeline.take_changes()
            self._places.left[self.room.name] = self._place
            self._places.seen[self.room.name] = self._seen
        self.room, self.drawing.hit, self.drawing.chosen = room, None, None
        self.drawing.want(me=me, mention=mention, found=None)
        self.entry_rows.show(room, room.read if room is not None and room.unread else None)
        self._start_over()
        if room is not None:
            room.timeline.take_changes()
            self._go(self._places.left.get(room.name, Place()))
            if not self._follows:
                self._seen = self._places.seen.get(room.name, room.read or 0)
        self._tell()

    def go_to_server(self, places: "Places") -> None:
        """Show no room, and know the places in the rooms of another server: its rooms of the same name are others."""
        self.show_room(None, "", None)
        self._places = places

    def sync(self) -> None:
        """Take what has changed in the room."""
        if (room := self.room) is None:
            return
        changes = room.timeline.take_changes()
        pending = len(room.pending)
        if changes is None and pending == self._pending_count == 0:
            return
        here, viewport, heights = self._place, self._viewport, self._viewport.heights
        shown_before, total_before = (self.top_row, viewport.padding), heights.total
        if changes is not None and changes.prepended:
            self.screen.clear_selection()
        start = self.entry_rows.update(
            heights, changes, self._pending_count, self.drawing.wanted.text_width(self.columns_wide)
        )
        self._pending_count = pending
        if self.entry_rows.longest_name != self.drawing.wanted.name_width:
            self._start_over()
        if self._follows:
            self._to_bottom()
        else:
            self._go(here)
        if (self.top_row, viewport.padding) != shown_before or (changes is not None and changes.prepended):
            self.refresh()
        else:  # only what stands below: on a slow line the rest of the pane is ten times as much
            hidden = self.top_row - viewport.padding
            self.refresh_rows(heights.top(start) - hidden, max(total_before, heights.total) - hidden)
        self._tell()

    def tick(self) -> None:
        """Time has passed: what has waited for long gets its mark, and after midnight days have other names."""
        self.sync()
        if self.entry_rows.grow_old(self._viewport.heights):
            self._viewport.settle()
            self.refresh()

    def set_names(self, me: str, mention: Names | None) -> None:
        """The reader has another name."""
        self.drawing.want(me=me, mention=mention)
        self._restyle()

    def show_numbers(self, *, is_wanted: bool) -> None:
        """Have a column for the numbers of lines, as wide as this room's are, or none."""
        width = looks.number_width(self.room.last) if is_wanted and self.room is not None else 0
        if self.drawing.want(number_width=width):
            self.screen.clear_selection()
            self.fit_rows()

    def space_out(self, spacing: Spacing) -> None:
        """Have empty rows there."""
        if self.drawing.want(spacing=spacing):
            self.fit_rows()

    def highlight(self, found: re.Pattern[str] | None) -> None:
        """Mark what is searched for; None: nothing is."""
        self.drawing.find(found)
        self._restyle()

    def mark_hit(self, seq: int | None) -> None:
        """Mark the line with this number as the one to which one has gone, by a search or by its number."""
        self.drawing.hit = seq
        self._redraw()

    def choose(self, seq: int | None) -> None:
        """Mark the line with this number as the one that the user has chosen, in sight if it is loaded; None: none."""
        self.drawing.chosen = seq
        self._redraw()
        self.sync()
        if (index := self.entry_rows.index_of(seq)) is not None and (rows := self._viewport.out_of_sight(index)):
            self.scroll_rows(rows)

    def entry_at(self, y: int) -> TimelineEntry | Pending | None:
        """What stands on a row of the screen."""
        row = self.top_row + y - self._viewport.padding
        is_there = self.room is not None and 0 <= row < self._viewport.heights.total
        return self.entry_rows.entry(self._viewport.heights.at(row)) if is_there else None

    def go_to_line(self, seq: int) -> bool:
        """Show the line with this number in the middle. Returns False if it is not loaded."""
        index = self.entry_rows.index_of(seq)
        if index is None:
            return False
        self._follows = False
        self._viewport.to_middle(index)
        self._follows = self._viewport.is_at_bottom
        self._tell()
        return True

    def go_to_bottom(self) -> None:
        """Show the newest lines, and stay with them. A line to which one had gone is marked no longer."""
        if self.drawing.hit is not None:
            self.mark_hit(None)
        self._follows = True
        self._to_bottom()
        self._tell()

    def go_to_top(self) -> None:
        """Show the oldest lines that are loaded."""
        self._leave_bottom()
        self._viewport.to_top()
        self._tell()

    def scroll_pages(self, pages: float) -> None:
        """Scroll down by so many screens; up, if negative."""
        rows = max(1, round((self.rows_high - OVERLAP) * abs(pages)))
        self.scroll_rows(rows if pages > 0 else -rows)
        if pages > 0 and not self._follows and self._viewport.bottom - self.top_row <= OVERLAP:
            self.go_to_bottom()  # the row that says what is below takes one: as many pages up and down would not end there

    def scroll_rows(self, rows: int) -> None:
        """Scroll down by so many rows; up, if negative."""
        self.sync()
        self._leave_bottom()
        self._viewport.scroll_by(rows)
        self._follows = self._viewport.is_at_bottom
        self._tell()

    @property
    def follows(self) -> bool:
        """Whether the newest line is on the screen, and will be."""
        return self._follows

    @property
    def below(self) -> int:
        """How many lines have come below since the bottom was seen last."""
        return 0 if self.room is None or self._follows else max(0, self.room.last - self._seen)

    @property
    def first_seen(self) -> int:
        """The number of the first line on the screen; 0 if there is none."""
        return 0 if self._viewport.is_empty else self.entry_rows.seq_from(self._viewport.heights.at(self.top_row))

    def put_rule(self, after: int | None) -> None:
        """Have the rule between read and unread stand after this number; None: nowhere. One stays where one is."""
        self.entry_rows.unread_from, self._made_for = after, None
        self.entry_rows.unread = self.room.unread if self.room is not None else 0
        self.fit_rows()

    # Where things are.

    def _here(self) -> Place:
        """Where one is, by what is shown now."""
        if self._follows or self._viewport.is_empty or self.room is None:
            return Place()
        index = (heights := self._viewport.heights).at(self.top_row)
        entry = self.entry_rows.entry(index)
        key = (PENDING, index - len(self.room.timeline.entries)) if isinstance(entry, Pending) else place(entry)
        return Place(key, heights.top(index) + heights.height(index) - self.top_row)

    def _go(self, there: Place) -> None:
        if there.entry is None or self.room is None or self._viewport.is_empty:
            self._follows = True
            self._to_bottom()
            return
        self._follows = False
        index = self.room.timeline.entries.index_of(there.entry) + (there.entry[1] if there.entry[0] == PENDING else 0)
        self._viewport.to_end_of(min(index, len(self._viewport.heights) - 1), there.rows)
        self._follows = self._viewport.is_at_bottom

    def _start_over(self) -> None:
        self.drawing.fit(self.entry_rows.start_over(self.columns_wide))
        self._made_for, self.awaits_place = self.drawing.shape(self.columns_wide), not self.columns_drawn
        self._viewport.heights = self.entry_rows.guessed_heights(self.drawing.wanted.text_width(self.columns_wide))
        self._pending_count = len(self.room.pending) if self.room is not None else 0
        self.refresh()

    def _leave_bottom(self) -> None:
        if self._follows and self.room is not None:
            self._seen = self.room.last
        self._follows = False

    def _to_bottom(self) -> None:
        """Put the newest line on the last row."""
        self._viewport.to_bottom()
        if self.room is not None:
            self._seen = self.room.last
        self.settled()

    def scrolled(self) -> None:
        """The wheel or the scrollbar has moved the view."""
        self.sync()
        self._leave_bottom()
        self._viewport.settle()
        self._follows = self._viewport.is_at_bottom
        self._tell()

    def fit_rows(self) -> None:
        """Guess again how high everything is, and stay where one was. Which panes there is place for, panes.py says (`fit`)."""
        self.sync()
        here = self._place
        self.drawing.fit(self.entry_rows.longest_name)
        if self._made_for != self.drawing.shape(self.columns_wide):
            self._start_over()
        self._go(here)

    def settled(self) -> None:
        """What is seen has been measured: ask for lines that are about to be seen and are not loaded."""
        before = self.entry_rows.missing_near(self._viewport.heights, self.top_row, self.rows_high)
        if before is not None and self.room is not None:
            self.post_message(self.OlderWanted(self.room, before))
        if self.entry_rows.longest_name != self.drawing.wanted.name_width:
            self.call_later(self.fit_rows)

    def _tell(self) -> None:
        self._place = self._here()
        self.post_message(self.Moved())

    # How things look.

    @property
    def look(self) -> Look:
        """How lines look now."""
        return self.drawing.look(self.columns_wide)

    def _restyle(self) -> None:
        self.drawing.forget()
        self.entry_rows.forget()
        self.refresh()

    def _redraw(self) -> None:
        self.entry_rows.forget_drawn()
        self.refresh()

    def notify_style_update(self) -> None:
        """Another theme."""
        super().notify_style_update()
        self._restyle()

    def render_line(self, y: int) -> Strip:
        """One row of the screen."""
        width, heights = self.columns_drawn, self._viewport.heights
        row = self.top_row + y - self._viewport.padding
        if self.room is None or not 0 <= row < heights.total:
            return self.drawing.beyond(self.entry_rows, width, self.rows_high - 1 - y)
        index = heights.at(row)
        span = self.text_selection.get_span(row) if self.text_selection is not None else None
        return self.drawing.row(self.entry_rows, (index, row - heights.top(index), row), width, span)

    def get_selection(self, selection: Selection) -> tuple[str, str] | None:
        """What was said where it is selected: byte for byte, however it is shown, and in however many rows."""
        return self.entry_rows.selected(selection, self._viewport.heights), "\n"
