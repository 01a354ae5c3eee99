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
from chat_tui.client.state import RoomState
from chat_tui.client.timeline import StatusMessage, Timeline, TimelineEntry
from chat_tui.language import say_count


class BareLines:
    """The lines of the room where one is, as they were when they were last taken."""

    def __init__(self, room: Callable[[], RoomState | None], time_format: str) -> None:
        """None yet. `room` gives the room, `time_format` is how times are shown, as strftime has it."""
        self._room, self._format = room, time_format
        self._entries: list[TimelineEntry] = []
        self.lines: list[str] = []
        """Each without a line break."""
        self.kept = 0
        """How many of them, from the first on, were the same before they were last taken."""
        self._ends = [0]  # how many lines there are up to each entry

    def take(self) -> bool:
        """Take what is there now; return whether that is something else than before."""
        room = self._room()
        if room is None or room.timeline.entries == self._entries:
            return False
        before, self._entries = self._entries, list(room.timeline.entries)
        pairs = enumerate(zip(before, self._entries, strict=False))
        same = next((at for at, (old, new) in pairs if old is not new), min(len(before), len(self._entries)))
        self.kept = self._ends[same]
        del self._ends[same + 1 :], self.lines[self.kept :]
        for index in range(same, len(self._entries)):
            self.lines += self._told(room, index)
            self._ends.append(len(self.lines))
        return True

    def _told(self, room: RoomState, index: int) -> list[str]:
        entry = self._entries[index]
        day = shown(entry.at)
        told: list[str] = []
        if missing := len(room.timeline.hole_before(index, room.first)):
            earlier = say_count("{number} earlier line", "{number} earlier lines", missing)
            told.append(f"({earlier})")
        if not index or shown(self._entries[index - 1].at)[:3] != day[:3]:
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
