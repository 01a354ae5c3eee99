"""The engine `memory`: a journal that is forgotten with the process. For tests, which it never keeps waiting for a thread or a disk.

What was kept under a directory's name is there again when a journal of that name is opened in the same process.
"""

import time
from collections.abc import AsyncGenerator, Mapping, Sequence
from dataclasses import dataclass, field
from math import inf

import trio
from msgspec.structs import replace

from chat_server.journal import (
    KEY_SECONDS,
    POSITIONS_MAX,
    Appending,
    Duplicate,
    JournalError,
    Matches,
    Page,
    Receipt,
    Record,
    RoomRecord,
    SenderKey,
)
from chat_server.journal.engines import Settings
from chat_server.journal.words import has_all, terms_of
from chat_server.protocol.entries import Line, TopicSet


@dataclass
class _Room:
    """What is kept of a room."""

    topic: str = ""
    first: int = 1
    lines: list[Line] = field(default_factory=list)
    positions: dict[str, int] = field(default_factory=dict)

    @property
    def last(self) -> int:
        return self.first + len(self.lines) - 1


@dataclass
class _Kept:
    """Everything that is kept of one journal."""

    rooms: dict[str, _Room] = field(default_factory=dict)
    records: list[Record] = field(default_factory=list)
    end: int = 1
    sent: dict[SenderKey, tuple[float, Duplicate]] = field(default_factory=dict)


_kept: dict[str, _Kept] = {}
"""By the data directory that the journal would have on a disk."""


def open_journal(settings: Settings) -> "MemoryJournal":
    """The journal of this name. See engines.Engine."""
    return MemoryJournal(_kept.setdefault(settings.directory, _Kept()))


class _Stored:
    """See Appending."""

    def __init__(self, receipt: Receipt) -> None:
        self._receipt = receipt

    async def stored(self) -> Receipt:
        return self._receipt


class _Refused:
    """See Appending."""

    async def stored(self) -> Receipt:
        raise JournalError("the journal is closed")


class MemoryJournal:
    """See Journal. It stores whether it runs or not, until it is closed."""

    def __init__(self, kept: _Kept | None = None) -> None:
        """Go on with what was kept; None: nothing has been said."""
        self._kept = kept or _Kept()
        self._rooms = self._kept.rooms
        self._grown = trio.Event()
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
        return [RoomRecord(name, room.topic, room.first, room.last) for name, room in self._rooms.items()]

    async def create_room(self, name: str) -> None:
        """Keep a new, empty room. Harmless if it is there."""
        self._rooms.setdefault(name, _Room())

    def append(self, lines: Sequence[Line], keys: Mapping[int, SenderKey]) -> Appending:
        """Keep a batch; see Journal."""
        if self._is_closed:
            return _Refused()
        kept, room = self._kept, self._rooms[lines[0].room]
        duplicates: dict[int, Duplicate] = {}
        stored: list[Line] = []
        first = room.last + 1
        for index, sent in enumerate(lines):
            key = keys.get(index)
            if key is not None and key in kept.sent:
                duplicates[index] = kept.sent[key][1]
                continue
            line = replace(sent, seq=first + len(stored))
            if key is not None:
                kept.sent[key] = line.at, Duplicate(line.room, line.seq)
            if isinstance(line, TopicSet):
                room.topic = line.text
            stored.append(line)
        if stored:
            room.lines += stored
            kept.records.append(Record(kept.end + len(stored) - 1, stored))
            kept.end += len(stored)
            self._grown.set()
            self._grown = trio.Event()
        return _Stored(Receipt(first, duplicates))

    async def read(self, room: str, first: int, last: int) -> Page:
        """The room's lines from one number to another; see Journal."""
        kept = self._rooms.get(room, _Room())
        return Page(kept.lines[max(0, first - kept.first) : max(0, last - kept.first + 1)], kept.first)

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
            for line in reversed(record.lines)
            if (rooms is None or line.room in rooms) and has_all(terms, line.text)
        ]
        return Matches(found[:limit], len(found) > limit, 0)

    async def follow(self, after: int) -> AsyncGenerator[Record, None]:
        """Every record behind a position; see Journal."""
        while True:
            for record in list(self._kept.records):
                if record.position > after:
                    after = record.position
                    yield record
            if not self._kept.records or self._kept.records[-1].position <= after:
                await self._grown.wait()

    def remember(self, room: str, person: str, seq: int) -> None:
        """Note how far somebody has come in a room."""
        positions = self._rooms[room].positions
        positions.pop(person, None)
        positions[person] = seq
        if len(positions) > POSITIONS_MAX:
            del positions[next(iter(positions))]

    async def remembered(self, room: str) -> dict[str, int]:
        """How far people had come in a room; see Journal."""
        return dict(self._rooms[room].positions)

    async def prune(self, before: float, keep_lines: int) -> int:
        """Forget what is old or too much; see Journal."""
        now = time.time()
        kept = self._kept
        kept.sent = {key: sent for key, sent in kept.sent.items() if sent[0] >= now - KEY_SECONDS}
        pruned = 0
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
        return pruned
