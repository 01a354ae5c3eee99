"""The pane where a room's lines are read.

A virtual view: only the rows on the screen are made, and kept while nothing about them changes. Heights are guessed until an entry comes
near the screen; whatever turns out otherwise, what one is reading stays where it is. Knows timelines and looks; never knows the
connection.
"""

import re
from bisect import bisect_left
from collections.abc import Callable, Iterator
from typing import ClassVar, NamedTuple

from textual.geometry import Offset, Region, Size
from textual.message import Message
from textual.scroll_view import ScrollView
from textual.selection import Selection
from textual.strip import Strip
from textual.style import Style

from chat_server.protocol.entries import Line
from chat_server.protocol.mentions import Names
from chat_tui.client.state import Pending, RoomState
from chat_tui.client.timeline import Entry, Notice, place
from chat_tui.ui.markup import Styles, resolver
from chat_tui.ui.rendering import Look, Row, Rows, columns, rows_of
from chat_tui.ui.row_heights import Heights
from chat_tui.ui.themes import nick_colours, part_style

ROWS_KEPT_MAX = 2000
"""Entries whose rows are kept: some forty screens."""

CHARACTERS_KEPT_MAX = 1_000_000
"""Characters of the entries whose rows are kept: sixty messages of 16 KiB, some 20 MB."""

STRIPS_KEPT_MAX = 4000
"""Rows that are kept as they were drawn."""

PENDING = 2**60
"""Where lines stand that have no number yet: behind all others."""

HIT_MARK = "▌"
"""What stands between the name and the text of the line that a search has come to, for those who see no colours."""

MARGIN = 5
"""Rows beyond the screen that are measured with it."""


class Place(NamedTuple):
    """Where one is in a room: at the bottom; or some entry ends so many rows below the top of the screen.

    By its end, for what stands above it (a day, how many lines are not loaded) comes and goes.
    """

    entry: tuple[int, int] | None = None
    rows: int = 0


class ChatView(ScrollView):
    """A room's lines."""

    COMPONENT_CLASSES: ClassVar[set[str]] = {
        "chat-view--dim",
        "chat-view--rule",
        "chat-view--unread",
        "chat-view--failed",
        "chat-view--pending",
        "chat-view--code",
        "chat-view--quote",
        "chat-view--link",
        "chat-view--mention",
        "chat-view--found",
        "chat-view--hit",
    }
    DEFAULT_CSS = """
    ChatView {
        scrollbar-size-vertical: 1;
        scrollbar-background: $background;
        scrollbar-background-hover: $background;
        scrollbar-color: $panel;
        overflow-x: hidden;
        overflow-y: scroll;
        & > .chat-view--dim { color: $text-muted; }
        & > .chat-view--rule { color: $text-muted; }
        & > .chat-view--unread { color: $text-accent; text-style: bold; }
        & > .chat-view--failed { color: $text-error; }
        & > .chat-view--pending { color: $text-muted; }
        & > .chat-view--code { background: $boost; color: $text-accent; }
        & > .chat-view--quote { color: $text-muted; text-style: italic; }
        & > .chat-view--link { color: $text-primary; text-style: underline; }
        & > .chat-view--mention { background: $warning 30%; text-style: bold; }
        & > .chat-view--found { background: $warning; color: $background; }
        & > .chat-view--hit { background: $primary 25%; text-style: bold; }
        &:ansi > .chat-view--mention { background: ansi_default; text-style: bold reverse; }
        &:ansi > .chat-view--found { background: ansi_default; text-style: reverse; }
        &:ansi > .chat-view--hit { background: ansi_default; text-style: bold reverse; }
    }
    """

    class OlderWanted(Message):
        """Lines before a number are about to be seen, and are not loaded."""

        def __init__(self, room: str, before: int) -> None:
            """Of this room, before this number."""
            super().__init__()
            self.room = room
            self.before = before

    class Moved(Message, bubble=True):
        """Another part is seen now, or more stands below it."""

    def __init__(self, *, time_format: str, markdown: bool, is_slow: bool, clock: Callable[[], float], id: str) -> None:  # noqa: A002 - Textual's name
        """Show no room yet. `is_slow`: scroll by half a page, which costs a slow line a tenth."""
        super().__init__(id=id)
        self.can_focus = False  # one writes, wherever one clicks
        self._time_format = time_format
        self._markdown = markdown
        self._is_slow = is_slow
        self._clock = clock
        self._room: RoomState | None = None
        self._me = ""
        self._heights = Heights()
        self._rows: dict[int, Rows] = {}
        self._kept = 0  # characters of their entries, counted again for those that were made again
        self._strips: dict[tuple[int, int, int], Strip] = {}  # by entry, row of it, and row of all
        self._look: Look | None = None
        self._places: dict[str, Place] = {}
        self._follows = True
        self._place = Place()
        self._unread_from: int | None = None
        self._seen = 0  # the newest number when the bottom was seen last
        self._seen_in: dict[str, int] = {}
        self._mention: Names | None = None
        self._found: re.Pattern[str] | None = None
        self._hit: int | None = None
        self._pending_count = 0
        self._made_for = 0  # the width that heights are for
        self._moving = False

    # What the screen asks for.

    def show_room(self, room: RoomState | None, me: str, mention: Names | None) -> None:
        """Show a room, where one was in it last. The rule between read and unread stands where it is now."""
        if self._room is not None:
            self._room.timeline.take_changes()
            self._places[self._room.name] = self._place
            self._seen_in[self._room.name] = self._seen
        self._room, self._me, self._mention = room, me, mention
        self._unread_from = room.read if room is not None and room.unread else None
        self._found, self._hit = None, None
        self._begin_anew()
        if room is not None:
            room.timeline.take_changes()
            place_there = self._places.get(room.name, Place())
            self._go(place_there)
            if not self._follows:
                self._seen = self._seen_in.get(room.name, room.read or 0)
        self._tell()

    def sync(self) -> None:
        """Take what has changed in the room."""
        room = self._room
        if room is None:
            return
        changes = room.timeline.take_changes()
        pending = len(room.pending)
        if changes is None and pending == self._pending_count == 0:
            return
        here = self._place
        shown_before, total_before = (self._scroll_row, self._padding), self._heights.total
        if changes is not None and changes.prepended:
            self._heights.prepend(self._guesses(0, changes.prepended))
            self._forget_rows()
            self.screen.clear_selection()
        start = len(room.timeline.entries) if changes is None else changes.since
        start = max(0, min(start, len(self._heights) - self._pending_count, len(room.timeline.entries)))
        self._heights.replace(start, self._guesses(start, len(room.timeline.entries) + pending))
        for index in [index for index in self._rows if index >= start]:
            del self._rows[index]
        for key in [key for key in self._strips if key[0] >= start]:
            del self._strips[key]
        if changes is not None and changes.prepended:
            self._heights.forget(changes.prepended)
        self._pending_count = pending
        if self._follows:
            self._to_bottom()
        else:
            self._go(here)
        if (self._scroll_row, self._padding) != shown_before or (changes is not None and changes.prepended):
            self.refresh()
        else:  # only what stands below: on a slow line the rest of the pane is ten times as much
            hidden = self._scroll_row - self._padding
            first = max(0, self._heights.top(start) - hidden)
            end = min(max(total_before, self._heights.total) - hidden, self.size.height)
            if first < end:
                self.refresh(Region(0, first, self.size.width, end - first))
        self._tell()

    def tick(self) -> None:
        """Time has passed: what has waited for long gets its mark."""
        self.sync()
        if self._room is not None and self._room.pending:
            start = len(self._room.timeline.entries)
            for index in range(start, len(self._heights)):
                self._rows.pop(index, None)
                self._heights.forget(index)
            self._strips.clear()
            self._settle()
            self.refresh()

    def set_names(self, me: str, mention: Names | None) -> None:
        """The reader has another name."""
        self._me, self._mention = me, mention
        self._restyle()

    def highlight(self, found: re.Pattern[str] | None) -> None:
        """Mark what is searched for; None: nothing is."""
        self._found, self._hit = found, None
        self._restyle()

    def mark_hit(self, seq: int | None) -> None:
        """Mark the line with this number as the one that the search has come to."""
        if seq != self._hit:
            self._hit = seq
            self._restyle()

    def go_to_line(self, seq: int) -> bool:
        """Show the line with this number in the middle. Returns False if it is not loaded."""
        room = self._room
        if room is None:
            return False
        index = room.timeline.index_of(seq)
        if index >= len(room.timeline.entries) or place(room.timeline.entries[index]) != (seq, 0):
            return False
        self._follows = False
        self._measure(index, index + 1)
        self._scroll(self._heights.top(index) - self.size.height // 2)
        self._settle()
        self._scroll(self._heights.top(index) - self.size.height // 2)
        self._settle()
        self._follows = self._scroll_row >= self._bottom
        self._tell()
        return True

    def go_to_bottom(self) -> None:
        """Show the newest lines, and stay with them."""
        self._follows = True
        self._to_bottom()
        self._tell()

    def go_to_top(self) -> None:
        """Show the oldest lines that are loaded."""
        self._leave_bottom()
        self._scroll(0)
        self._settle()
        self._tell()

    def scroll_pages(self, pages: float) -> None:
        """Scroll down by so many screens; up, if negative."""
        rows = max(1, round((self.size.height - 2) * abs(pages)))
        self.scroll_rows(rows if pages > 0 else -rows)

    def scroll_rows(self, rows: int) -> None:
        """Scroll down by so many rows; up, if negative."""
        self.sync()
        self._leave_bottom()
        if abs(rows) < 2 * self.size.height:  # what one still sees a part of must not jump
            self._measure_rows(self._scroll_row + min(rows, 0), self._scroll_row + max(rows, 0) + self.size.height)
        self._scroll(self._scroll_row + rows)
        self._settle()
        if self._scroll_row >= self._bottom:
            self._follows = True
        self._tell()

    @property
    def follows(self) -> bool:
        """Whether the newest line is on the screen, and will be."""
        return self._follows

    @property
    def below(self) -> int:
        """How many lines have come below since the bottom was seen last."""
        return 0 if self._room is None or self._follows else max(0, self._room.last - self._seen)

    @property
    def unread_from(self) -> int | None:
        """The number after which the rule between read and unread stands."""
        return self._unread_from

    # Where things are.

    def _entry(self, index: int) -> Entry | Pending:
        entries = self._room.timeline.entries if self._room else []
        return entries[index] if index < len(entries) or not self._room else self._room.pending[index - len(entries)]

    def _guesses(self, first: int, end: int) -> Iterator[int]:
        """About how many rows these entries take: right for most, and made in a tenth of the time."""
        width = max(2, self._text_width)
        for index in range(first, end):
            text = self._entry(index).text
            yield 1 if len(text) <= width and "\n" not in text else 1 + text.count("\n") + len(text) // width

    @property
    def _text_width(self) -> int:
        return self._width - sum(columns(self._width, self._time_format))

    @property
    def _width(self) -> int:
        return max(4, self.scrollable_content_region.width - 1)

    @property
    def _scroll_row(self) -> int:
        return self.scroll_offset.y

    @property
    def _bottom(self) -> int:
        return max(0, self._heights.total - self.size.height)

    @property
    def _padding(self) -> int:
        """Rows above the first entry: few lines stand at the bottom, beside the prompt; on a slow line where they need not move."""
        return 0 if self._is_slow else max(0, self.size.height - self._heights.total)

    def _here(self) -> Place:
        """Where one is, by what is shown now."""
        if self._follows or not len(self._heights) or self._room is None:
            return Place()
        index = self._heights.at(self._scroll_row)
        entry = self._entry(index)
        key = (PENDING, index - len(self._room.timeline.entries)) if isinstance(entry, Pending) else place(entry)
        return Place(key, self._heights.top(index) + self._heights.height(index) - self._scroll_row)

    def _go(self, there: Place) -> None:
        if there.entry is None or self._room is None or not len(self._heights):
            self._follows = True
            self._to_bottom()
            return
        self._follows = False
        entries = self._room.timeline.entries
        index = bisect_left(entries, there.entry, key=place) + (there.entry[1] if there.entry[0] == PENDING else 0)
        index = min(index, len(self._heights) - 1)
        for _ in range(2):  # what is measured on the way moves it once more
            self._measure(index, index + 1)
            self._scroll(self._heights.top(index) + self._heights.height(index) - there.rows)
            self._settle()
        self._follows = self._scroll_row >= self._bottom

    def _begin_anew(self) -> None:
        room = self._room
        self._made_for = self._width
        self._forget_rows()
        self._heights = Heights()
        if room is not None:
            self._pending_count = len(room.pending)
            self._heights.replace(0, self._guesses(0, len(room.timeline.entries) + len(room.pending)))
        self.refresh()

    def _forget_rows(self) -> None:
        self._rows.clear()
        self._strips.clear()
        self._kept = 0

    def _restyle(self) -> None:
        self._look = None
        self._forget_rows()
        self.refresh()

    def _leave_bottom(self) -> None:
        if self._follows and self._room is not None:
            self._seen = self._room.last
        self._follows = False

    def _to_bottom(self) -> None:
        """Put the newest line on the last row."""
        self._measure_up()
        total, height = self._heights.total, self.size.height
        if not self._is_slow or total <= height:
            self._scroll(total - height)
        elif not total - height <= self._scroll_row < total:
            self._scroll(total - height // 2, extra=height)
        else:
            self._scroll(self._scroll_row, extra=height)
        if self._room is not None:
            self._seen = self._room.last
        self._want_older()

    def _measure_up(self) -> None:
        """Measure the last screen, from the bottom up."""
        rows, index = 0, len(self._heights)
        while index > 0 and rows < self.size.height + MARGIN:
            index -= 1
            self._measure(index, index + 1)
            rows += self._heights.height(index)

    def _measure(self, first: int, end: int) -> int:
        """Measure these entries; return by how many rows those in all differ from what they were taken for."""
        change = 0
        for index in range(max(0, first), min(end, len(self._heights))):
            if not self._heights.is_measured(index):
                change += self._heights.measure(index, len(self._rows_at(index)))
        return change

    def _measure_rows(self, first: int, last: int) -> None:
        """Measure what stands on these rows, and keep what is seen in its place."""
        for _ in range(8):
            if not len(self._heights):
                return
            top = self._heights.at(max(0, self._scroll_row))
            above = self._measure(self._heights.at(max(0, first - MARGIN)), top)
            below = self._measure(top, self._heights.at(max(0, last + MARGIN + above)) + 1)
            if above:
                first, last = first + above, last + above
                self._scroll(self._scroll_row + above)
            if not above and not below:
                return

    def _settle(self) -> None:
        """Measure what is seen."""
        self._measure_rows(self._scroll_row, self._scroll_row + self.size.height)
        self._scroll(self._scroll_row)
        self._want_older()

    def _scroll(self, row: float, *, extra: int = 0) -> None:
        """Have this row at the top. Never animated: what one reads does not swim."""
        total = max(self._heights.total, int(row) + extra if self._is_slow else 0)
        if self.virtual_size.height != total:
            # Not by assignment, which has the whole screen laid out and drawn anew: 25 ms instead of 8, for each line that comes.
            self.set_reactive(ChatView.virtual_size, Size(self._width, total))
            self.vertical_scrollbar.window_virtual_size = total
        self._moving = True
        try:
            self.scroll_to(y=max(0, row), animate=False, force=True)
        finally:
            self._moving = False

    def animate(self, attribute: str, value: object, **options: object) -> None:
        """Do at once what Textual would animate, as a click beside the scrollbar's thumb: what one reads does not swim.

        And an animation that meets a jump of ours on its way ends the program (Textual 8.2.8 deletes it twice).
        """
        setattr(self, attribute, value)
        done = options.get("on_complete")
        if callable(done):
            done()

    def watch_scroll_y(self, old_value: float, new_value: float) -> None:
        """The wheel or the scrollbar has moved the view."""
        super().watch_scroll_y(old_value, new_value)
        if not self._moving and self.is_mounted and round(old_value) != round(new_value):
            self.sync()
            self._leave_bottom()
            self._settle()
            if self._scroll_row >= self._bottom:
                self._follows = True
            self._tell()

    def on_resize(self) -> None:
        """Guess anew how high everything is, and stay where one was."""
        self.sync()
        here = self._place
        self._look = None
        if self._made_for != self._width:
            self._begin_anew()
        self._go(here)

    def _want_older(self) -> None:
        """Ask for lines that are about to be seen and are not loaded."""
        room = self._room
        if room is None or not room.is_joined or not room.timeline.entries:
            return
        first = self._heights.at(max(0, self._scroll_row - self.size.height))
        last = self._heights.at(self._scroll_row + self.size.height)
        for index in range(last, first - 1, -1):
            entry = self._entry(index)
            if not isinstance(entry, Notice | Pending) and (hole := room.timeline.hole_before(index, room.first)):
                self.post_message(self.OlderWanted(room.name, hole.stop))
                return

    def _missing(self, index: int) -> int:
        """How many lines before this one are kept by the server, and not loaded."""
        return len(self._room.timeline.hole_before(index, self._room.first)) if self._room is not None else 0

    def _tell(self) -> None:
        self._place = self._here()
        self.post_message(self.Moved())

    # How things look.

    @property
    def look(self) -> Look:
        """How lines look now."""
        if self._look is None:
            time_width, nick_width = columns(self._width, self._time_format)
            self._look = Look(
                width=self._width,
                time_width=time_width,
                nick_width=nick_width,
                time_format=self._time_format,
                markdown=self._markdown,
                me=self._me,
                text=self.visual_style,
                rich=self.rich_style,
                dim=self._part("dim"),
                rule=self._part("rule"),
                unread=self._part("unread"),
                failed=self._part("failed"),
                pending=self._part("pending"),
                nicks=tuple(Style(foreground=colour) for colour in nick_colours(self.app.current_theme)),
                parts=Styles(
                    code=self._part("code"),
                    quote=self._part("quote"),
                    link=self._part("link"),
                    mention=self._part("mention"),
                    found=self._part("found"),
                ),
                resolve=resolver(self.app.theme_variables),
                mention=self._mention,
                found=self._found,
            )
        return self._look

    def _part(self, name: str) -> Style:
        return part_style(self, f"chat-view--{name}")

    def notify_style_update(self) -> None:
        """Another theme."""
        super().notify_style_update()
        self._restyle()

    def _rows_at(self, index: int) -> Rows:
        rows = self._rows.get(index)
        if rows is None:
            entry = self._entry(index)
            self._kept += len(entry.text)
            if len(self._rows) >= ROWS_KEPT_MAX or self._kept > CHARACTERS_KEPT_MAX:
                self._forget_rows()
                self._kept = len(entry.text)
            before = self._entry(index - 1) if index else None
            if isinstance(entry, Notice | Pending):
                rows = rows_of(entry, before, self.look, now=self._clock())
            else:
                rows = rows_of(
                    entry,
                    before,
                    self.look,
                    is_first_unread=self._is_first_unread(index, entry),
                    missing=self._missing(index),
                )
            self._rows[index] = rows
        return rows

    def _is_first_unread(self, index: int, entry: Line) -> bool:
        if self._unread_from is None or entry.seq <= self._unread_from or self._room is None:
            return False
        before = self._room.timeline.before(index)
        return before.seq <= self._unread_from if before else entry.seq == self._unread_from + 1

    def render_line(self, y: int) -> Strip:
        """One row of the screen."""
        width = self.scrollable_content_region.width
        total = self._heights.total
        row = self._scroll_row + y - self._padding
        if self._room is None or not 0 <= row < total:
            return Strip.blank(width, self.look.rich)
        index = self._heights.at(row)
        rows = self._rows_at(index)
        within = row - self._heights.top(index)
        if within >= len(rows):
            return Strip.blank(width, self.look.rich)
        selection = self.text_selection
        span = selection.get_span(row) if selection is not None else None
        is_hit = self._is_hit(index)
        if span is not None:
            return self._drawn(self._selected(rows[within], *span), row, width, is_hit=is_hit)
        strip = self._strips.get((index, within, row))
        if strip is None:
            if len(self._strips) >= STRIPS_KEPT_MAX:
                self._strips.clear()
            strip = self._strips[index, within, row] = self._drawn(rows[within], row, width, is_hit=is_hit)
        return strip

    def _is_hit(self, index: int) -> bool:
        return self._hit is not None and getattr(self._entry(index), "seq", None) == self._hit

    def _drawn(self, row: Row, number: int, width: int, *, is_hit: bool) -> Strip:
        is_hit = is_hit and bool(row.text.plain)
        style = self.look.text + self._part("hit") if is_hit else self.look.text
        marked = row.gutter[:-1] + HIT_MARK if is_hit and row.gutter.plain.endswith(" ") else row.gutter
        gutter = Strip(marked.render_segments(style))
        body = Strip(row.text.render_segments(style)).apply_offsets(0, number)
        return Strip.join([gutter, body]).adjust_cell_length(width, style.rich_style if is_hit else self.look.rich)

    def _selected(self, row: Row, start: int, end: int) -> Row:
        style = Style.from_styles(self.screen.get_component_styles("screen--selection"))
        return row._replace(text=row.text.stylize(style, start, len(row.text) if end == -1 else end))

    def get_selection(self, selection: Selection) -> tuple[str, str] | None:
        """What was said where it is selected: byte for byte, however it is shown, and in however many rows."""
        total = self._heights.total
        start = selection.start or Offset(0, 0)
        end = selection.end or Offset(0, total)
        parts: list[str] = []
        row = start.y
        while row < min(end.y + 1, total):
            index = self._heights.at(row)
            rows, top = self._rows_at(index), self._heights.top(index)
            last = min(end.y, top + self._heights.height(index) - 1)
            first_span, last_span = selection.get_span(row), selection.get_span(last)
            if first_span is not None and last_span is not None:
                stop = (last - top, last_span[1]) if last == end.y else None
                parts.append(rows.said((row - top, first_span[0]), stop))
            row = last + 1
        return "\n".join(part for part in parts if part), "\n"
