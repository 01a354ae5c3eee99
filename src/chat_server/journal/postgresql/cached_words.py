"""The search index of one node: a cache of the words that were said, in an order of its own, and which lines stand where in it.

It can be deleted at any time, and is made anew. A room is known here by its number, so another name changes nothing. Every method blocks, and may
raise JournalError. Never knows the database.
"""

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

from chat_server.journal.batch_codec import Stored
from chat_server.journal.conversations import MARK
from chat_server.journal.search.search_index import SearchIndex

_TABLES = """
    -- Where lines in a row of a room stand.
    CREATE TABLE place (start INTEGER PRIMARY KEY, count INTEGER NOT NULL, room INTEGER NOT NULL, first INTEGER NOT NULL) STRICT;
    CREATE UNIQUE INDEX place_by_number ON place (room, first);
    -- What is here of a room: lines from `first` to `last`, none if that is smaller.
    CREATE TABLE room (id INTEGER PRIMARY KEY, first INTEGER NOT NULL, last INTEGER NOT NULL) STRICT;
    -- Where the database has been read up to: what was stored, and what was stored otherwise afterwards.
    CREATE TABLE read (tx INTEGER NOT NULL, ticket INTEGER NOT NULL, room INTEGER NOT NULL,
        changed_tx INTEGER NOT NULL, changed_room INTEGER NOT NULL, changed_turn INTEGER NOT NULL, must_purge INTEGER NOT NULL) STRICT;
    INSERT INTO read VALUES (0, 0, 0, 0, 0, 0, 0);
"""

_ROOM = "INSERT OR REPLACE INTO room (id, first, last) VALUES (?, ?, ?)"
_CHANGED = "UPDATE read SET changed_tx = ?, changed_room = ?, changed_turn = ?"
_PURGE = ("UPDATE read SET must_purge = 1", ((),))

Cursor = tuple[int, int, int]
"""Where somebody has read up to, in an order of three numbers."""


NOWHERE: Mapping[str, tuple[int, int]] = {}
"""No room is looked through only in part."""


class Known(NamedTuple):
    """What is here of a room: lines from `first` to `last`, none if that is smaller."""

    first: int
    last: int


class Batch(NamedTuple):
    """Lines in a row of the room with this number. In them, the room's name is `word_of` it."""

    room: int
    first: int
    lines: Sequence[Stored]


def word_of(room: int, *, is_conversation: bool) -> str:
    """What the room with this number is called here."""
    return f"{MARK}{room}" if is_conversation else str(room)


class Place(NamedTuple):
    """Where a line stands: the number of its room, and its own."""

    room: int
    seq: int


class CachedWords:
    """The file of the cache."""

    def __init__(self, path: Path, identity: str | None = None) -> None:
        """Open the cache of the journal with this identity, or make it; None: take what is there."""
        self._words = SearchIndex(path, identity, float("inf"), _TABLES)
        ((self.identity,),) = self._words.ask("SELECT identity FROM state")
        self.rooms = {number: Known(*known) for number, *known in self._words.ask("SELECT id, first, last FROM room")}
        ((*read, must_purge),) = self._words.ask("SELECT * FROM read")
        self.stored: Cursor = (read[0], read[1], read[2])
        self.changed: Cursor = (read[3], read[4], read[5])
        self._must_purge = bool(must_purge)

    @property
    def is_broken(self) -> bool:
        """Whether the file is no good any more."""
        return self._words.is_broken

    @property
    def indexed(self) -> int:
        """How many positions have been given to lines."""
        return self._words.indexed

    def last_of(self, room: int) -> int:
        """The number of the last line that is here of a room; 0: it is not known."""
        return self.rooms[room].last if room in self.rooms else 0

    def add(self, batches: Sequence[Batch], stored: Cursor) -> None:
        """Take in batches, each of which begins with the number after its room's last; what was stored has been read up to here then."""
        rooms: dict[int, Known] = {}
        places: list[tuple[object, ...]] = []
        records: list[tuple[int, Sequence[Stored]]] = []
        position = self.indexed
        for room, first, lines in batches:
            places.append((position + 1, len(lines), room, first))
            position += len(lines)
            records.append((position, lines))
            known = rooms.get(room) or self.rooms.get(room) or Known(first, first - 1)
            rooms[room] = known._replace(last=first + len(lines) - 1)
        self._words.add(
            records,
            ("INSERT INTO place VALUES (?, ?, ?, ?)", places),
            (_ROOM, [(number, *known) for number, known in rooms.items()]),
            ("UPDATE read SET tx = ?, ticket = ?, room = ?", [stored]),
        )
        self.rooms |= rooms
        self.stored = stored

    def replace(self, batches: Iterable[Batch], changed: Cursor) -> None:
        """Take in batches once more that stand otherwise now; what has changed has been read up to here then."""
        records: list[tuple[int, Sequence[Stored]]] = []
        for room, first, lines in batches:
            found = self._words.ask("SELECT start FROM place WHERE room = ? AND first = ?", room, first)
            records += [(start + len(lines) - 1, lines) for (start,) in found]
        self._words.replace(records, (_CHANGED, [changed]), _PURGE)
        self.changed = changed
        self._must_purge = True

    def forget(self, room: int, first: int | None) -> None:
        """Take out what a room has before its line `first`; None: the room is no more."""
        places = self._words.ask(
            "SELECT start, count FROM place WHERE room = ?1 AND (?2 IS NULL OR first < ?2)", room, first
        )
        gone = ("DELETE FROM place WHERE start = ?", [(start,) for start, _ in places])
        if first is None:
            self._words.forget(places, gone, ("DELETE FROM room WHERE id = ?", [(room,)]), _PURGE)
            self._must_purge = True
            self.rooms.pop(room, None)
        else:
            known = Known(first, max(first - 1, self.rooms[room].last))
            self._words.forget(places, gone, (_ROOM, [(room, *known)]))
            self.rooms[room] = known

    def add_room(self, room: int, first: int) -> None:
        """Take in a room of which nothing is here yet; its lines begin with the number `first`."""
        known = Known(first, first - 1)
        self._words.note((_ROOM, [(room, *known)]))
        self.rooms[room] = known

    def begin(self, changed: Cursor) -> None:
        """Nothing has been read yet; whatever was rewritten before this is read as it is."""
        self._words.note((_CHANGED, [changed]))
        self.changed = changed

    def newest(self) -> Place | None:
        """The first line of the batch that was taken in last; None: nothing is here."""
        found = self._words.ask("SELECT room, first FROM place ORDER BY start DESC LIMIT 1")
        return Place(*found[0]) if found else None

    def purge(self) -> None:
        """Leave nothing in the file of what was taken out of it because it is to be nowhere any more."""
        if self._must_purge:
            self._words.purge()
            self._words.note(("UPDATE read SET must_purge = 0", ((),)))
            self._must_purge = False

    def search(
        self, words: str, rooms: Sequence[str] | None, limit: int, since: Mapping[str, tuple[int, int]] = NOWHERE
    ) -> list[Place]:
        """Which lines have all the words, those that were taken in last first; of rooms that are called so.

        In some of them, given with their numbers, only since a line. Raises NoWords where there are none.
        """
        found: list[Place] = []
        lowest = {room: self._position(number, seq) for room, (number, seq) in since.items()}
        for position in self._words.search(words, rooms, limit, lowest):
            ((start, room, first),) = self._words.ask(
                "SELECT start, room, first FROM place WHERE start <= ? ORDER BY start DESC LIMIT 1", position
            )
            found.append(Place(room, first + position - start))
        return found

    def _position(self, room: int, seq: int) -> int:
        """The position of a room's line, or one after which it comes: in a room, they are in the order of the numbers."""
        rows = self._words.ask(
            "SELECT start + ?2 - first FROM place WHERE room = ?1 AND first <= ?2 ORDER BY first DESC LIMIT 1",
            room,
            seq,
        )
        return next((int(position) for (position,) in rows), 0)

    def check(self) -> None:
        """Look the file through. Raises JournalError if it is broken."""
        self._words.check()

    def has_lines(self, batch: Batch) -> bool | None:
        """Whether these lines are what is here for their numbers; None: they have been taken out meanwhile, or were never here."""
        found = self._words.ask("SELECT start FROM place WHERE room = ? AND first = ?", batch.room, batch.first)
        if found:
            return self._words.has_lines(found[0][0], batch.lines)
        is_to_be_here = "SELECT 1 FROM room WHERE id = ?1 AND ?2 BETWEEN first AND last"
        return False if self._words.ask(is_to_be_here, batch.room, batch.first) else None

    def discard(self) -> None:
        """Close and delete the file."""
        self._words.discard()

    def close(self) -> None:
        """Close the file."""
        self._words.close()
