"""What one turn of a room's broadcaster stores: the lines among everything that waited, numbered, with who said each.

Knows the journal, and how lines are numbered. Never knows who is in the room, nor who is shown what.
"""

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import NamedTuple

import trio
from msgspec.structs import replace

from chat_server.events import Act, Acted, Event, Line, NotStored, Renamed, Said, Say, Stored, Timed, Topic, TopicSet
from chat_server.journal import Duplicate, Journal, JournalError, SenderKey
from chat_server.room import Occupant


class Arrival(NamedTuple):
    """Somebody enters. `done` is set when they are a member."""

    done: trio.Event


class Departure(NamedTuple):
    """Somebody leaves. `done` is set when nothing from here reaches them any more."""

    done: trio.Event


Happening = Say | Act | Topic | Renamed | Arrival | Departure

Entry = tuple[Occupant, str, Happening, float]
"""What waits in the inbox: who, under which nickname at the time, what, and when it was posted (0: nobody wants to know)."""

STORED_KINDS = frozenset((Say, Act, Topic))
"""What is stored. The rest is ordered with it, but takes no number."""


class Batch:
    """The lines among some entries: all of one room, and of one time."""

    __slots__ = ("_appending", "_authors", "_began", "_keys", "_room", "_timed", "answers", "entries", "lines")

    def __init__(self, room: str, last_seq: int, at: float, entries: Sequence[Entry], journal: Journal) -> None:
        """Begin to store the lines.

        Args:
            room: the room's name.
            last_seq: the number of the line before them, if all that is being stored will be.
            at: their time, in seconds since 1970.
            entries: everything that waited.
            journal: where they are kept.

        """
        self._room = room
        self._authors: list[Occupant] = []
        self._keys: dict[int, SenderKey] = {}
        self._timed: dict[int, float] = {}
        self.entries = entries
        self.lines: list[Line] = []
        """Numbered as they will be if nothing goes wrong, and nothing was sent before."""
        self.answers: list[tuple[Occupant, Event]] = []
        """What their authors are to be told when everybody has been shown what was stored."""
        seq = last_seq
        for session, nick, what, posted_at in entries:
            if type(what) is Say:
                line: Line = Said(room, seq := seq + 1, at, nick, what.text)
            elif type(what) is Act:
                line = Acted(room, seq := seq + 1, at, nick, what.action)
            elif type(what) is Topic:
                line = TopicSet(room, seq := seq + 1, at, nick, what.text)
            else:
                continue
            if what.key:
                self._keys[len(self.lines)] = SenderKey(session.sender, what.key)
            if posted_at:
                self._timed[len(self.lines)] = posted_at
            self.lines.append(line)
            self._authors.append(session)
        self._began = trio.current_time()
        self._appending = journal.append(self.lines, self._keys) if self.lines else None

    async def stored(self) -> Sequence[Line | None]:
        """Wait until the lines are stored. Returns them, in order; None for each that is not: it was before, or the disk refused."""
        if self._appending is None:
            return ()
        try:
            first, duplicates = await self._appending.stored()
        except JournalError:
            self._answer_unstored()
            return [None] * len(self.lines)
        stored: Sequence[Line | None] = self.lines
        if duplicates or first != self.lines[0].seq:
            stored = self._renumbered(first, duplicates)
        if self._keys or self._timed:
            self._answer_stored(stored, self._began)
        return stored

    def _renumbered(self, seq: int, duplicates: Mapping[int, Duplicate]) -> list[Line | None]:
        stored: list[Line | None] = []
        for index, line in enumerate(self.lines):
            if index in duplicates:
                room, first_seq = duplicates[index]
                self.answers.append((self._authors[index], Stored(room, first_seq, self._keys[index].key)))
                stored.append(None)
            else:
                stored.append(replace(line, seq=seq))
                seq += 1
        return stored

    def _answer_unstored(self) -> None:
        keys = {index: pair.key for index, pair in self._keys.items()}
        for author, count in Counter(self._authors).items():
            own = tuple(keys[index] for index in keys if self._authors[index] is author)
            self.answers.append((author, NotStored(self._room, count, own)))

    def _answer_stored(self, stored: Sequence[Line | None], began: float) -> None:
        took = trio.current_time() - began
        for index, line in enumerate(stored):
            if line is None:
                continue
            if index in self._keys:
                self.answers.append((self._authors[index], Stored(line.room, line.seq, self._keys[index].key)))
            if index in self._timed:
                queued = began - self._timed[index]
                self.answers.append((self._authors[index], Timed(line.room, line.seq, queued, took)))
