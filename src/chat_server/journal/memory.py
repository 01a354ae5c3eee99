"""The engine `memory`: a journal that is forgotten with the process. For tests, which it never keeps waiting for a thread or a disk.

What was kept under a directory's name is there again when a journal of that name is opened in the same process.
"""

import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from math import inf
from pathlib import Path

import trio
from msgspec.structs import replace

from chat_server.journal import (
    KEY_SECONDS,
    POSITIONS_MAX,
    Duplicate,
    JournalError,
    Matches,
    Page,
    PendingAppend,
    Pruned,
    Receipt,
    RoomRecord,
)
from chat_server.journal.archive import FileProblem, Progress, RawBatch, StoredRecord
from chat_server.journal.batch_codec import Stored, Unknown, encode, encode_authors
from chat_server.journal.engines import Settings
from chat_server.journal.keys import SenderKey
from chat_server.journal.new_file import OwnFiles
from chat_server.journal.showable import showable
from chat_server.journal.times import settled, step_of
from chat_server.journal.words import has_all, terms_of
from chat_server.logs import log
from chat_server.protocol.entries import Entry, TopicSet

RECORDS_MAX = 1000
"""Records that `records` gives at once."""


@dataclass
class _Room:
    """What is kept of a room."""

    topic: str = ""
    first: int = 1
    lines: list[Stored] = field(default_factory=list)
    positions: dict[str, int] = field(default_factory=dict)
    turn: int = 0

    @property
    def last(self) -> int:
        return self.first + len(self.lines) - 1


@dataclass
class _Kept:
    """Everything that is kept of one journal."""

    rooms: dict[str, _Room] = field(default_factory=dict)
    records: list[StoredRecord] = field(default_factory=list)
    end: int = 1
    sent: dict[SenderKey, tuple[float, Duplicate]] = field(default_factory=dict)

    def add(self, lines: Sequence[Stored]) -> None:
        """Keep a batch that has its numbers."""
        room = self.rooms[lines[0].room]
        room.lines += lines
        room.turn += 1
        self.records.append(StoredRecord(self.end + len(lines) - 1, [*lines]))
        self.end += len(lines)

    def listed(self) -> list[RoomRecord]:
        """All rooms, in the order in which they were created."""
        return [
            RoomRecord(name, room.topic, room.first, room.last, room.lines[-1].at if room.lines else -inf, room.turn)
            for name, room in self.rooms.items()
        ]


_kept: dict[str, _Kept] = {}
"""By the data directory that the journal would have on a disk."""


def open_journal(settings: Settings) -> "MemoryJournal":
    """The journal of this name. See engines.Engine."""
    log.warning("what is said is kept in memory alone, and forgotten when the server ends ([journal] engine)")
    return MemoryJournal(_kept.setdefault(settings.directory, _Kept()))


def open_archive(settings: Settings) -> "MemoryArchive":
    """What is kept under this name."""
    if settings.directory not in _kept:
        raise FileProblem("there is no journal here: one in memory is forgotten with its server")
    return MemoryArchive(_kept[settings.directory])


@contextmanager
def filling(settings: Settings) -> Iterator["MemoryFiller"]:
    """Fill a journal of this name."""
    if any(room.last for room in _kept.get(settings.directory, _Kept()).listed()):
        raise FileProblem("the journal has lines already; an import needs one without any")
    kept = _Kept()
    yield MemoryFiller(kept)
    _kept[settings.directory] = kept


@contextmanager
def editing(settings: Settings) -> Iterator["MemoryRooms"]:
    """Edit the rooms of the journal of this name."""
    open_archive(settings)
    yield MemoryRooms(_kept[settings.directory])


def back_up(settings: Settings, copy: Path, progress: Progress) -> None:
    """There is no file."""
    del settings, copy, progress
    raise FileProblem("a journal in memory has no file that could be copied: an export has everything")


def own_files(settings: Settings) -> OwnFiles:
    """None."""
    del settings
    return OwnFiles()


class _Stored:
    """See PendingAppend."""

    def __init__(self, receipt: Receipt) -> None:
        self._receipt = receipt

    async def stored(self) -> Receipt:
        return self._receipt


class _Refused:
    """See PendingAppend."""

    async def stored(self) -> Receipt:
        raise JournalError("the journal is closed")


class MemoryJournal:
    """See Journal. It stores whether it runs or not, until it is closed."""

    def __init__(self, kept: _Kept | None = None) -> None:
        """Go on with what was kept; None: nothing has been said."""
        self._kept = kept or _Kept()
        self._rooms = self._kept.rooms
        self._is_closed = False
        self._closing = trio.Event()
        self._closed = trio.Event()

    async def run(self, task_status: trio.TaskStatus[None] = trio.TASK_STATUS_IGNORED) -> None:
        """Wait for `close`; see Journal."""
        task_status.started()
        await self._closing.wait()
        self._closed.set()

    def close(self) -> None:
        """Let `run` end; see Journal."""
        self._is_closed = True
        self._closing.set()

    async def wait_closed(self) -> None:
        """Wait until `run` has ended; see Journal."""
        await self._closed.wait()

    def hurry(self, seconds: float) -> None:
        """Nothing waits for another program here."""

    async def rooms(self) -> list[RoomRecord]:
        """All rooms, in the order in which they were created."""
        return self._kept.listed()

    async def create_room(self, name: str) -> None:
        """Keep a new, empty room. Harmless if it is there."""
        self._rooms.setdefault(name, _Room())

    def append(self, lines: Sequence[Entry], keys: Mapping[int, SenderKey]) -> PendingAppend:
        """Keep a batch; see Journal."""
        if self._is_closed:
            return _Refused()
        kept, room = self._kept, self._rooms[lines[0].room]
        duplicates: dict[int, Duplicate] = {}
        first = room.last + 1
        for index, key in sorted(keys.items()):
            if key in kept.sent:
                duplicates[index] = kept.sent[key][1]
            else:
                line = lines[index]
                kept.sent[key] = line.at, Duplicate(line.room, first + index - len(duplicates))
        stored = settled(lines, first, duplicates)
        for line in stored:
            if isinstance(line, TopicSet):
                room.topic = line.text
        if stored:
            kept.add(stored)
        return _Stored(Receipt(first, duplicates, room.turn))

    async def read(self, room: str, first: int, last: int) -> Page:
        """The room's lines from one number to another; see Journal."""
        kept = self._rooms.get(room, _Room())
        found = kept.lines[max(0, first - kept.first) : max(0, last - kept.first + 1)]
        return Page(showable(found), kept.first, tuple(line.seq for line in found if isinstance(line, Unknown)))

    async def seq_at(self, room: str, at: float, until: float = inf) -> int:
        """The number of the first line from `at` on and before `until`; see Journal."""
        kept = self._rooms.get(room, _Room())
        later = [line for line in kept.lines if line.at >= at]
        within = [line for line in later if line.at < until]
        found = within[0] if within else min(later, key=lambda line: line.at, default=None)
        return found.seq if found else kept.last + 1

    async def search(self, words: str, rooms: Sequence[str] | None, limit: int) -> Matches:
        """The newest lines with all the words; see Journal."""
        terms = terms_of(words)
        found = [
            line
            for record in reversed(self._kept.records)
            for line in reversed(showable(record.lines))
            if (rooms is None or line.room in rooms) and has_all(terms, line.text)
        ]
        return Matches(found[:limit], len(found) > limit, 0)

    def save_position(self, room: str, person: str, seq: int) -> None:
        """Note how far somebody has come in a room."""
        positions = self._rooms[room].positions
        positions.pop(person, None)
        positions[person] = seq
        if len(positions) > POSITIONS_MAX:
            del positions[next(iter(positions))]

    async def positions(self, room: str) -> dict[str, int]:
        """How far people had come in a room; see Journal."""
        return dict(self._rooms[room].positions)

    async def prune(self, before: float, keep_lines: int) -> Pruned:
        """Forget what is old or too much; see Journal."""
        now = time.time()
        kept = self._kept
        kept.sent = {key: sent for key, sent in kept.sent.items() if sent[0] >= now - KEY_SECONDS}
        pruned = 0
        rooms: set[str] = set()
        done: set[str] = set()  # rooms of which a batch stays: what comes after it stays too
        for record in list(kept.records):
            lines = record.lines
            room = self._rooms[lines[0].room]
            keep_from = room.last - keep_lines + 1 if keep_lines else 0
            if lines[0].room in done or (lines[0].at >= before and lines[-1].seq >= keep_from):
                done.add(lines[0].room)
                continue
            del room.lines[: len(lines)]
            room.first = lines[-1].seq + 1
            kept.records.remove(record)
            pruned += len(lines)
            rooms.add(lines[0].room)
        return Pruned(frozenset(rooms), pruned)


class MemoryArchive:
    """See Archive."""

    def __init__(self, kept: _Kept) -> None:
        self._kept = kept

    def close(self) -> None:
        """There is nothing to let go of."""

    def rooms(self) -> list[RoomRecord]:
        """All rooms; see Archive."""
        return self._kept.listed()

    def end(self) -> int:
        """The position that the next line will have."""
        return self._kept.end

    def records(self, after: int) -> list[StoredRecord]:
        """The next records after a position; see Archive."""
        return [record for record in self._kept.records if record.position > after][:RECORDS_MAX]

    def raw_batches(self, end: int) -> Iterator[RawBatch]:
        """Every batch before a position; see Archive."""
        for position, lines in [record for record in self._kept.records if record.position < end]:
            first = lines[0]
            beside = step_of(lines), encode_authors(lines)
            yield RawBatch(
                position - len(lines) + 1, first.room, first.seq, len(lines), first.at, encode(lines).decode(), *beside
            )

    def damage(self) -> list[str]:
        """Nothing: there is no file."""
        return []

    @property
    def indexed(self) -> int:
        """Everything is looked through by a search."""
        return self._kept.end - 1

    def misfits(self, batch: RawBatch, lines: Sequence[Stored]) -> list[str]:
        """Nothing: there is no index."""
        del batch, lines
        return []

    def strays(self) -> list[str]:
        """Nothing: rooms go with all that is in them."""
        return []


class MemoryFiller:
    """See Filler."""

    def __init__(self, kept: _Kept) -> None:
        self._kept = kept

    def add_room(self, name: str, topic: str, first: int) -> None:
        """Add a room; see Filler."""
        self._kept.rooms[name] = _Room(topic, first)

    def add(self, batches: Sequence[Sequence[Stored]]) -> None:
        """Add batches; see Filler."""
        for batch in batches:
            self._kept.add(batch)


class MemoryRooms:
    """See RoomEditor."""

    def __init__(self, kept: _Kept) -> None:
        self._kept = kept

    def rooms(self) -> list[RoomRecord]:
        """All rooms; see RoomEditor."""
        return self._kept.listed()

    def rename_room(self, old: str, new: str) -> None:
        """Give a room another name; see RoomEditor."""
        kept = self._kept
        kept.rooms = {new if name == old else name: room for name, room in kept.rooms.items()}
        renamed = kept.rooms[new]
        renamed.lines = [replace(line, room=new) for line in renamed.lines]
        kept.records = [
            record._replace(lines=[replace(line, room=new) if line.room == old else line for line in record.lines])
            for record in kept.records
        ]
        kept.sent = {
            key: (at, where._replace(room=new) if where.room == old else where)
            for key, (at, where) in kept.sent.items()
        }

    def delete_room(self, name: str) -> None:
        """Delete a room; see RoomEditor."""
        kept = self._kept
        del kept.rooms[name]
        kept.records = [record for record in kept.records if record.lines[0].room != name]
        kept.sent = {key: (at, where) for key, (at, where) in kept.sent.items() if where.room != name}
