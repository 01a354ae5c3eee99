"""The entries of one room, and the rows of those that have been looked at.

Rows are kept while nothing about them changes. Knows the timeline, and how things look; never knows where on the screen they are.
"""

from collections.abc import Callable, Iterator
from itertools import chain, islice

from rich.cells import cell_len
from textual.geometry import Offset
from textual.selection import Selection
from textual.strip import Strip

from chat_server.protocol.amending import Deleted
from chat_server.protocol.entries import Spoken
from chat_tui.client.pending import Pending
from chat_tui.client.state import RoomState
from chat_tui.client.timeline import Changes
from chat_tui.client.timeline_entries import Numbered, StatusMessage, TimelineEntry, place
from chat_tui.language import say, say_count
from chat_tui.ui.line_rows import Rows
from chat_tui.ui.rendering import day_of, replies_to, rows_of
from chat_tui.ui.row import NAME_MAX, NAME_USUAL, Look
from chat_tui.ui.row_heights import Heights

ROWS_KEPT_MAX = 2000
"""Entries whose rows are kept: some forty screens."""

CHARACTERS_KEPT_MAX = 1_000_000
"""Characters of the entries whose rows are kept: sixty messages of 16 KiB, some 20 MB."""

TALKERS_MAX = 60
"""Of how many of the newest entries those who talk are given their colours before any is drawn."""

STRIPS_KEPT_MAX = 4000
"""Rows that are kept as they were drawn."""


def say_coming() -> str:
    """That lines are on their way which are not here."""
    return _aside(say("earlier lines are coming"))


def _aside(words: str) -> str:
    return f"· {words} ·"


class EntryRows:
    """What there is to be shown of a room: its timeline, and after that what is not stored yet."""

    def __init__(self, look: Callable[[], Look], clock: Callable[[], float]) -> None:
        """Of no room. `look` gives how things look, `clock` the time."""
        self._look, self._clock = look, clock
        self._today = day_of(clock())
        self.room: RoomState | None = None
        """The room that is shown."""
        self._rows: dict[int, Rows] = {}
        self._kept = 0  # characters of their entries, counted again for those that were made again
        self._made_up_to = 0  # the index behind the last entry that has rows
        self._strips: dict[tuple[int, int, int], Strip] = {}  # by entry, row of it, and row of all
        self.unread_from: int | None = None
        """The number after which the rule between read and unread stands."""
        self.unread = 0
        """How many lines were unread when it was put there."""
        self.longest_name = NAME_USUAL
        """Columns of the longest name that has been seen since the room was opened or the window had another size; NAME_MAX at most."""
        self._columns = 0  # in which they were counted
        self.coming = 0
        """The number before which lines are said to be coming; 0: nothing is said."""

    @property
    def look(self) -> Look:
        """How they look."""
        return self._look()

    def show(self, room: RoomState | None, unread_from: int | None) -> None:
        """Be those of another room."""
        self.room, self.unread_from = room, unread_from
        self.unread = room.unread if room is not None else 0
        self._columns = 0
        self.forget()

    def entry(self, index: int) -> TimelineEntry | Pending:
        """One of the entries."""
        entries = self.room.timeline.entries if self.room else []
        return entries[index] if index < len(entries) or not self.room else self.room.pending[index - len(entries)]

    def seq_at(self, index: int) -> int | None:
        """The number of one of the entries; None if it has none, or is gone since its rows were made: what is drawn is looked at later."""
        count = len(self.room.timeline.entries) + len(self.room.pending) if self.room else 0
        return getattr(self.entry(index), "seq", None) if index < count else None

    def index_of(self, seq: int | None) -> int | None:
        """The index of the line with this number; None if it is not loaded."""
        if self.room is None or seq is None:
            return None
        index, entries = self.room.timeline.index_of(seq), self.room.timeline.entries
        return index if index < len(entries) and place(entries[index]) == (seq, 0) else None

    def seq_from(self, index: int) -> int:
        """The number of the first of the entries from here on that has one; 0 if none has."""
        entries = self.room.timeline.entries.since(index) if self.room else ()
        return next((seq for entry in entries if (seq := getattr(entry, "seq", 0))), 0)

    def guessed_heights(self, width: int) -> Heights:
        """About how high all entries are in so many columns."""
        heights = Heights()
        if self.room is not None:
            count = len(self.room.timeline.entries) + len(self.room.pending)
            heights.replace(0, self._guesses(0, count, width))
        return heights

    def update(self, heights: Heights, changes: Changes | None, pending_before: int, width: int) -> int:
        """Take what has changed in the timeline, and what is not stored yet; return from which entry on."""
        room = self.room
        if room is None:
            return 0
        if changes is not None and changes.prepended:
            heights.prepend(self._guesses(0, changes.prepended, width))
            self.forget()
        count = len(room.timeline.entries)
        start = count if changes is None else changes.since
        start = max(0, min(start, len(heights) - pending_before, count))
        heights.replace(start, self._guesses(start, count + len(room.pending), width))
        self.note_talkers(start)
        self.forget_from(start)
        if changes is not None and changes.prepended:
            heights.forget(changes.prepended)
        return start

    def note_talkers(self, start: int) -> None:
        """Give those who talk in the newest lines, from `start` on, their colours in the order in which they do: other panes show these too."""
        if self.room is None:
            return
        entries, hues, look = self.room.timeline.entries, self.room.hues, self._look()
        for entry in entries.since(max(start, len(entries) - TALKERS_MAX)):
            self._note_name(entry)
            if isinstance(entry, Spoken) and entry.nick != look.me:
                hues.talks(entry.nick, len(look.nicks))

    def start_over(self, columns: int) -> int:
        """Make all rows anew, in so many columns; return how many the longest name has.

        Only where these are others, or the room is, do names get fewer than they had: else all would jump.
        """
        self.forget()
        if columns != self._columns:
            self._columns, self.longest_name = columns, min(NAME_MAX, cell_len(self._look().me))
        self.note_talkers(0)
        return self.longest_name

    def _note_name(self, entry: TimelineEntry | Pending) -> None:
        if isinstance(entry, Spoken) and self.longest_name < NAME_MAX:
            self.longest_name = max(self.longest_name, min(NAME_MAX, cell_len(entry.nick) + len(entry.mark)))

    def missing_near(self, heights: Heights, top: int, height: int) -> int | None:
        """The number before which lines are missing, beside the newest entry near the screen that has such a gap; None if none has."""
        room = self.room
        if room is None or not room.is_joined:
            return None
        first = max(0, heights.at(max(0, top - height)))
        if not (seq := self.seq_from(first)):
            return self._missing_before_all() if first == 0 else None
        if self._is_whole_from(seq):
            return None
        for index in range(heights.at(top + height), first - 1, -1):
            if not isinstance(self.entry(index), StatusMessage | Pending):
                hole = room.timeline.hole_before(index, room.first)
                if hole:
                    return hole.stop
        return None

    def _missing_before_all(self) -> int | None:
        """The number before which lines are missing where all that is known stands nowhere: edits, reactions."""
        hole = self._hole_before(self.room.timeline.newest) if self.room is not None else None
        return hole.stop if hole else None

    def _is_whole_from(self, seq: int) -> bool:
        """Whether nothing is missing before this number, nor from there on: so it nearly always is."""
        timeline = self.room.timeline if self.room is not None else None
        if timeline is None or self._hole_before(seq):
            return False
        return timeline.numbers.run_from(seq) >= timeline.newest

    def _hole_before(self, seq: int) -> range:
        """The numbers that are not known before the stretch with this one in it: what is known just before it may stand nowhere."""
        return self.room.timeline.numbers.hole_before(seq, self.room.first) if self.room is not None else range(0)

    def selected(self, selection: Selection, heights: Heights) -> str:
        """What was said where it is selected: byte for byte, however it is shown, and in however many rows."""
        total = heights.total
        start = selection.start or Offset(0, 0)
        end = selection.end or Offset(0, total)
        parts: list[str] = []
        row = start.y
        while row < min(end.y + 1, total):
            index = heights.at(row)
            rows, top = self.at(index), heights.top(index)
            last = min(end.y, top + heights.height(index) - 1)
            first_span, last_span = selection.get_span(row), selection.get_span(last)
            if first_span is not None and last_span is not None:
                stop = (last - top, last_span[1]) if last == end.y else None
                parts.append(rows.said((row - top, first_span[0]), stop))
            row = last + 1
        return "\n".join(part for part in parts if part)

    def _guesses(self, first: int, end: int, width: int) -> Iterator[int]:
        """About how many rows these entries take: right for most, and made in a tenth of the time."""
        room = self.room
        entries = chain(room.timeline.entries.since(first), room.pending) if room is not None else ()
        for entry in islice(entries, end - first):
            text = entry.text
            rows = 1 if len(text) <= width and "\n" not in text else 1 + text.count("\n") + len(text) // width
            yield rows + 2 if isinstance(entry, Spoken) and entry.has_more else rows

    def at(self, index: int) -> Rows:
        """The rows of an entry."""
        rows = self._rows.get(index)
        if rows is None:
            entry = self.entry(index)
            self._kept += len(entry.text)
            if len(self._rows) >= ROWS_KEPT_MAX or self._kept > CHARACTERS_KEPT_MAX:
                self.forget()
                self._kept = len(entry.text)
            rows = self._rows[index] = self._made(index, entry)
            self._made_up_to = max(self._made_up_to, index + 1)
        return rows

    def _made(self, index: int, entry: TimelineEntry | Pending) -> Rows:
        self._note_name(entry)
        before = self.entry(index - 1) if index else None
        re = replies_to(entry) if self.room is not None else 0
        quoted = self.room.timeline.line(re) if re and self.room is not None else None
        look = self._look() if self.room is None else self._look()._replace(hues=self.room.hues)
        if isinstance(entry, StatusMessage | Pending) or self.room is None:
            return rows_of(entry, before, look, quoted=quoted, now=self._clock())
        return rows_of(
            entry,
            before,
            look,
            is_first_unread=self._is_first_unread(index, entry),
            unread=self.unread,
            missing=self._missing(self.room.timeline.hole_before(index, self.room.first)),
            quoted=quoted,
            deleter=self.room.timeline.deleter(entry.seq) if type(entry) is Deleted else "",
            is_read=entry.seq == self.room.activity.read_line,
            now=self._clock(),
        )

    def tell_coming(self, before: int) -> None:
        """Say from now on that lines before a number are on their way; 0: that none are."""
        self.coming = before
        self.forget()

    def _missing(self, hole: range) -> str:
        """What there is to say of lines that are not here."""
        if hole and hole.stop == self.coming:
            return say_coming()
        count = len(hole)
        return _aside(say_count("{number} earlier line", "{number} earlier lines", count)) if count else ""

    def _is_first_unread(self, index: int, entry: Numbered) -> bool:
        if self.unread_from is None or entry.seq <= self.unread_from or self.room is None:
            return False
        before = self.room.timeline.before(index)
        return before.seq <= self.unread_from if before else entry.seq == self.unread_from + 1

    def drawn(self, index: int, within: int, row: int, draw: Callable[[], Strip]) -> Strip:
        """A row as it was drawn, which `draw` does if it was not yet."""
        strip = self._strips.get((index, within, row))
        if strip is None:
            if len(self._strips) >= STRIPS_KEPT_MAX:
                self._strips.clear()
            strip = self._strips[index, within, row] = draw()
        return strip

    def forget(self) -> None:
        """Everything may look otherwise now."""
        self._rows.clear()
        self._strips.clear()
        self._kept = self._made_up_to = 0

    def grow_old(self, heights: Heights) -> bool:
        """Time has passed: forget what looks otherwise by now, and may be of another height. Returns whether anything does."""
        before, self._today = self._today, day_of(self._clock())
        if is_another_day := self._today != before:  # what was said today was said yesterday now
            self.forget()
        if self.room is None or not self.room.pending:
            return is_another_day
        start = len(self.room.timeline.entries)
        self.forget_from(start)
        for index in range(start, len(heights)):
            heights.forget(index)
        return True

    def forget_drawn(self) -> None:
        """Rows are the same, and are drawn otherwise."""
        self._strips.clear()

    def forget_from(self, start: int) -> None:
        """Entries from here on are others now."""
        if start >= self._made_up_to:
            return
        for index in [index for index in self._rows if index >= start]:
            del self._rows[index]
        for key in [key for key in self._strips if key[0] >= start]:
            del self._strips[key]
