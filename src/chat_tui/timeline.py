"""What is known of one room's past and present, in order: numbered lines, and notices between them.

Lines may come in any order, and more than once: pages, what was missed, what is said now. Numbers say where they belong. Pure.
"""

from bisect import bisect_left
from collections.abc import Iterable, Sequence
from typing import NamedTuple

import msgspec

from chat_server.events import Line


class Notice(msgspec.Struct, frozen=True, gc=False):
    """Something that is told but not kept: it stands behind the line `after`, and is the `order`-th that does."""

    after: int
    order: int
    at: float
    text: str
    is_error: bool = False


Entry = Line | Notice


class Changes(NamedTuple):
    """What has changed since it was last asked: so many entries came before all others; everything from index `since` on may be new."""

    prepended: int
    since: int


def place(entry: Entry) -> tuple[int, int]:
    """Where an entry stands."""
    return (entry.after, entry.order) if isinstance(entry, Notice) else (entry.seq, 0)


class Timeline:
    """The entries of one room."""

    def __init__(self) -> None:
        """Nothing is known."""
        self.entries: list[Entry] = []
        self.newest = 0
        """The number of the newest line that is known."""
        self._prepended = 0
        self._since: int | None = None
        self._notices = 0

    def add(self, lines: Sequence[Line]) -> list[Line]:
        """Add lines of ascending numbers; return those that are new."""
        if not lines:
            return []
        entries = self.entries
        if not entries or place(entries[-1]) < (lines[0].seq, 0):
            self._changed_from(len(entries))
            entries.extend(lines)
            new = list(lines)
        elif (lines[-1].seq, 0) < place(entries[0]):
            entries[:0] = lines
            self._prepended += len(lines)
            self._since = None if self._since is None else self._since + len(lines)
            new = list(lines)
        else:
            new = [line for line in lines if self._insert(line)]
        self.newest = max(self.newest, lines[-1].seq)
        return new

    def _insert(self, entry: Entry) -> bool:
        index = bisect_left(self.entries, place(entry), key=place)
        if index < len(self.entries) and place(self.entries[index]) == place(entry):
            return False
        self.entries.insert(index, entry)
        self._changed_from(index)
        return True

    def notice(self, text: str, at: float, *, is_error: bool = False) -> None:
        """Add a notice behind everything that is known."""
        self._notices += 1
        self._insert(Notice(self.newest, self._notices, at, text, is_error))

    def forget(self) -> None:
        """Know nothing any more: the room is not the one that it was."""
        self.entries.clear()
        self.newest = 0
        self._prepended, self._since = 0, 0

    def index_of(self, seq: int) -> int:
        """The index of the line with this number, or of the first entry behind it."""
        return bisect_left(self.entries, (seq, 0), key=place)

    def lines(self) -> Iterable[Line]:
        """The numbered lines."""
        return (entry for entry in self.entries if not isinstance(entry, Notice))

    def before(self, index: int) -> Line | None:
        """The line before this index, if any."""
        for at in range(index - 1, -1, -1):
            entry = self.entries[at]
            if not isinstance(entry, Notice):
                return entry
        return None

    def take_changes(self) -> Changes | None:
        """What has changed since the last call; None if nothing has."""
        if self._since is None and not self._prepended:
            return None
        changes = Changes(self._prepended, len(self.entries) if self._since is None else self._since)
        self._prepended, self._since = 0, None
        return changes

    def _changed_from(self, index: int) -> None:
        self._since = index if self._since is None else min(self._since, index)
