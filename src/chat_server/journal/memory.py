"""A journal that keeps everything in memory and forgets it with the process: for tests, which it never keeps waiting for a thread or a disk."""

import time
from collections.abc import AsyncGenerator, Mapping, Sequence
from math import inf

import trio
from msgspec.structs import replace

from chat_server.journal import (
    KEY_SECONDS,
    POSITIONS_MAX,
    Appending,
    Duplicate,
    Matches,
    Page,
    Receipt,
    Record,
    RoomRecord,
    SenderKey,
)
from chat_server.journal.sqlite.search_index import SearchIndex
from chat_server.protocol.entries import Line, TopicSet


class _Room:
    """What is kept of a room."""

    def __init__(self) -> None:
        self.topic = ""
        self.first = 1
        self.lines: list[Line] = []
        self.positions: dict[str, int] = {}

    @property
    def last(self) -> int:
        return self.first + len(self.lines) - 1


class _Kept:
    """See Appending."""

    def __init__(self, receipt: Receipt) -> None:
        self._receipt = receipt

    async def stored(self) -> Receipt:
        return self._receipt


class MemoryJournal:
    """See Journal."""

    def __init__(self) -> None:
        """Nothing has been said."""
        self._rooms: dict[str, _Room] = {}
        self._records: list[Record] = []
        self._end = 1
        self._sent: dict[SenderKey, tuple[float, Duplicate]] = {}
        self._index = SearchIndex(None, "memory", 1)
        self._grown = trio.Event()

    async def rooms(self) -> list[RoomRecord]:
        """All rooms, in the order in which they were created."""
        return [RoomRecord(name, room.topic, room.first, room.last) for name, room in self._rooms.items()]

    async def create_room(self, name: str) -> None:
        """Keep a new, empty room. Harmless if it is there."""
        self._rooms.setdefault(name, _Room())

    def append(self, lines: Sequence[Line], keys: Mapping[int, SenderKey]) -> Appending:
        """Keep a batch; see Journal."""
        room = self._rooms[lines[0].room]
        duplicates: dict[int, Duplicate] = {}
        stored: list[Line] = []
        first = room.last + 1
        for index, sent in enumerate(lines):
            key = keys.get(index)
            if key is not None and key in self._sent:
                duplicates[index] = self._sent[key][1]
                continue
            line = replace(sent, seq=first + len(stored))
            if key is not None:
                self._sent[key] = line.at, Duplicate(line.room, line.seq)
            if isinstance(line, TopicSet):
                room.topic = line.text
            stored.append(line)
        if stored:
            room.lines += stored
            self._records.append(Record(self._end + len(stored) - 1, stored))
            self._end += len(stored)
            self._grown.set()
            self._grown = trio.Event()
        return _Kept(Receipt(first, duplicates))

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
        if new := [record for record in self._records if record.position > self._index.indexed]:
            self._index.add(new)
        wanted = self._index.search(words, rooms, limit + 1)
        lines = {
            record.position - len(record.lines) + 1 + index: line
            for record in self._records
            for index, line in enumerate(record.lines)
        }
        found = [lines[position] for position in wanted if position in lines]
        return Matches(found[:limit], len(found) > limit, 0)

    async def follow(self, after: int) -> AsyncGenerator[Record, None]:
        """Every record behind a position; see Journal."""
        while True:
            for record in list(self._records):
                if record.position > after:
                    after = record.position
                    yield record
            if not self._records or self._records[-1].position <= after:
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
        self._sent = {key: sent for key, sent in self._sent.items() if sent[0] >= now - KEY_SECONDS}
        pruned = 0
        done: set[str] = set()  # rooms of which a batch stays: what is behind it stays too
        for record in list(self._records):
            lines = record.lines
            room = self._rooms[lines[0].room]
            keep_from = room.last - keep_lines + 1 if keep_lines else 0
            if lines[0].room in done or (lines[0].at >= before and lines[-1].seq >= keep_from):
                done.add(lines[0].room)
                continue
            self._index.forget([(record.position - len(lines) + 1, len(lines))])
            del room.lines[: len(lines)]
            room.first = lines[-1].seq + 1
            self._records.remove(record)
            pruned += len(lines)
        return pruned
