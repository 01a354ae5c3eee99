"""A room's lines as plain text, to be read and copied without anything beside them: each with its time, in the words of the line-by-line program.

Pure; never knows how wide a terminal is.
"""

import time
from collections.abc import Callable

from chat_server.protocol.entries import Entry, LineBlocked, Spoken
from chat_tui.client.amended_words import Beginnings
from chat_tui.client.clocks import shown
from chat_tui.client.days import whole_day
from chat_tui.client.in_order import said_in_words
from chat_tui.client.kept_entries import Before
from chat_tui.client.state import RoomState
from chat_tui.client.timeline import Timeline
from chat_tui.client.timeline_entries import StatusMessage, TimelineEntry
from chat_tui.language import say_count


class BareLines:
    """The lines of the room where one is, as they were when they were last taken."""

    def __init__(self, room: Callable[[], RoomState | None], time_format: str) -> None:
        """None yet. `room` gives the room, `time_format` is how times are shown, as strftime has it."""
        self._room, self._format = room, time_format
        self._before: Before = ()
        self.lines: list[str] = []
        """Each without a line break."""
        self.kept = 0
        """How many of them, from the first on, were the same before they were last taken."""
        self._ends = [0]  # how many lines there are up to each entry

    def take(self) -> bool:
        """Take what is there now; return whether that is something else than before."""
        room = self._room()
        if room is None:
            return False
        entries = room.timeline.entries
        same = entries.same_until(self._before)
        if same == len(entries) == len(self._ends) - 1:
            return False
        self._before = entries.as_now()
        self.kept = self._ends[same]
        del self._ends[same + 1 :], self.lines[self.kept :]
        before = entries[same - 1] if same else None
        for index, entry in enumerate(entries.since(same), same):
            self.lines += self._told(room, index, entry, before)
            self._ends.append(len(self.lines))
            before = entry
        return True

    def _told(self, room: RoomState, index: int, entry: TimelineEntry, before: TimelineEntry | None) -> list[str]:
        day = shown(entry.at)
        told: list[str] = []
        if missing := len(room.timeline.hole_before(index, room.first)):
            earlier = say_count("{number} earlier line", "{number} earlier lines", missing)
            told.append(f"({earlier})")
        if before is None or shown(before.at)[:3] != day[:3]:
            told.append(whole_day(day))
        has_time = not isinstance(entry, StatusMessage) or entry.has_time
        clock = f"{time.strftime(self._format, day)} " if has_time else ""
        return [*told, *(clock + _words(room.timeline, entry)).split("\n")]


def _words(timeline: Timeline, entry: TimelineEntry) -> str:
    if not isinstance(entry, Entry) or isinstance(entry, LineBlocked):
        return entry.text
    beginnings = Beginnings()
    replied = timeline.line(entry.re) if isinstance(entry, Spoken) and entry.re else None
    if replied is not None:
        beginnings.note(replied)
    return said_in_words(entry, beginnings.replied(entry))
