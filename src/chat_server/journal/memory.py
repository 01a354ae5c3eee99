"""The engine `memory`: a journal that is forgotten with the process. For tests, which it never keeps waiting for a thread or a disk.

What was kept under a directory's name is there again when a journal of that name is opened in the same process.
"""

import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from math import inf
from pathlib import Path

import trio
from msgspec.structs import replace

from chat_server.accounts.memory import MemoryAccounts
from chat_server.journal import (
    EVERYTHING,
    KEY_SECONDS,
    POSITIONS_MAX,
    Activity,
    Duplicate,
    JournalError,
    Matches,
    Page,
    PendingAppend,
    PendingProbe,
    Pruned,
    Receipt,
    RoomRecord,
    new_room_id,
)
from chat_server.journal.amending_in_memory import forget_versions
from chat_server.journal.archive import FileProblem, Progress
from chat_server.journal.batch_codec import Unknown
from chat_server.journal.engines import ALONE, NodeSettings, Settings, Store
from chat_server.journal.kept_in_memory import Kept, KeptConversations, KeptLines, KeptRoom
from chat_server.journal.keys import SenderKey
from chat_server.journal.memory_archive import MemoryArchive, MemoryFiller, MemoryRooms
from chat_server.journal.memory_mentions import KeptMentions
from chat_server.journal.new_file import OwnFiles
from chat_server.journal.showable import showable
from chat_server.journal.versions import Version, showable_versions
from chat_server.journal.words import has_all, terms_of
from chat_server.logs import log
from chat_server.protocol.entries import Entry

_kept: dict[str, Kept] = {}
"""By the data directory that the journal would have on a disk."""


def check(settings: Settings) -> None:
    """Nothing can be wrong with them."""
    del settings


def probe(settings: Settings) -> list[str]:
    """There is nothing."""
    del settings
    return []


def quick_look(settings: Settings, seconds: float) -> str:
    """There is nothing."""
    del settings, seconds
    return ""


def open_store(settings: Settings, node: NodeSettings = ALONE) -> Store:
    """The journal of this name, and its accounts. See engines.Engine."""
    del node
    log.warning("what is said is kept in memory alone, and forgotten when the server ends ([journal] engine)")
    journal = MemoryJournal(_kept.setdefault(settings.directory, Kept()))
    return Store(journal, journal.accounts)


def open_archive(settings: Settings) -> MemoryArchive:
    """What is kept under this name."""
    if settings.directory not in _kept:
        raise FileProblem("there is no journal here: one in memory is forgotten with its server")
    return MemoryArchive(_kept[settings.directory])


@contextmanager
def filling(settings: Settings) -> Iterator[MemoryFiller]:
    """Fill a journal of this name."""
    if any(room.last for room in _kept.get(settings.directory, Kept()).listed()):
        raise FileProblem("the journal has lines already; an import needs one without any")
    kept = Kept()
    yield MemoryFiller(kept)
    _kept[settings.directory] = kept


@contextmanager
def editing(settings: Settings) -> Iterator[MemoryRooms]:
    """Edit the rooms of the journal of this name."""
    open_archive(settings)
    yield MemoryRooms(_kept[settings.directory])


def back_up(settings: Settings, copy: Path, progress: Progress) -> None:
    """There is no file."""
    del settings, copy, progress
    raise FileProblem("a journal in memory has no file that could be copied: an export has everything")


def back_up_beside(settings: Settings, directory: Path) -> None:
    """There is nothing."""
    del settings, directory


def open_copy(copy: Path) -> MemoryArchive:
    """There are no copies."""
    raise FileProblem(f"{copy} is no copy of a journal in memory: there are none")


def restore(settings: Settings, copy: Path, progress: Progress, *, force: bool) -> None:
    """There are no copies."""
    del settings, progress, force
    open_copy(copy)


def directory(settings: Settings) -> None:
    """None."""
    del settings


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


class _Probed:
    """See PendingProbe."""

    async def stored(self) -> None:
        pass


class _Refused:
    """See PendingAppend."""

    async def stored(self) -> Receipt:
        raise JournalError("the journal is closed")


class MemoryJournal:
    """See Journal. It stores whether it runs or not, until it is closed."""

    def __init__(self, kept: Kept | None = None, node: int = 0) -> None:
        """Go on with what was kept; None: nothing has been said. It is this node's among several (0: there is no other)."""
        self._kept = kept or Kept()
        self._lines_stored = 0
        self._is_closed = False
        lines = KeptLines(self._kept, lambda: self._is_closed, node)
        self.accounts = MemoryAccounts(self._kept.accounts, lines)
        self.conversations = KeptConversations(self._kept, lines.check_open, node)
        """Between whom there are conversations; see Journal."""
        self.mentions = KeptMentions(self._kept, lines.check_open)
        """Who was named while they were not there; see Journal."""
        self._closing = trio.Event()
        self._closed = trio.Event()

    @property
    def _rooms(self) -> dict[str, KeptRoom]:
        return self._kept.rooms

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

    def activity(self) -> Activity:
        """How many lines were stored; nothing takes time here."""
        return Activity(self._lines_stored)

    async def rooms(self) -> list[RoomRecord]:
        """All rooms, in the order in which they were created."""
        return self._kept.listed()

    async def create_room(self, name: str, *, is_new: bool = False, room_id: str = "") -> None:
        """Keep a new, empty room; see Journal."""
        del is_new
        self._rooms.setdefault(name, KeptRoom(id=room_id or new_room_id()))

    async def rename_room(self, old: str, new: str, named: Entry | None = None) -> Receipt | None:
        """Give a room another name; see Journal."""
        MemoryRooms(self._kept).call_room(old, new)
        if named is None:
            return None
        first, _, _ = self._kept.store(new, [named], {}, is_rising=True)
        self._lines_stored += 1
        return Receipt(first, {}, self._rooms[new].turn)

    async def delete_room(self, name: str) -> str:
        """Delete a room; see Journal."""
        MemoryRooms(self._kept).delete_room(name)
        return ""

    def append(self, lines: Sequence[Entry], keys: Mapping[int, SenderKey]) -> PendingAppend:
        """Keep a batch; see Journal."""
        if self._is_closed:
            return _Refused()
        first, duplicates, stored = self._kept.store(lines[0].room, lines, keys)
        self._lines_stored += len(stored)
        return _Stored(Receipt(first, duplicates, self._rooms[lines[0].room].turn))

    def probe(self) -> PendingProbe:
        """See Journal."""
        return _Refused() if self._is_closed else _Probed()

    async def stored_under(self, sent: SenderKey) -> Duplicate | None:
        """Where the line is that was sent under this key; see Journal."""
        found = self._kept.sent.get(sent)
        return found[1] if found is not None else None

    def _called(self, name: str) -> KeptRoom:
        """The room that is called so, or was until another node has renamed it just now."""
        return self._rooms.get(self._kept.name_now(name) or name) or KeptRoom()

    async def read(self, room: str, first: int, last: int) -> Page:
        """The room's lines from one number to another; see Journal."""
        kept = self._called(room)
        found = kept.lines[max(0, first - kept.first) : max(0, last - kept.first + 1)]
        lines = [line if line.room == room else replace(line, room=room) for line in showable(found)]
        return Page(lines, kept.first, tuple(line.seq for line in found if isinstance(line, Unknown)))

    async def versions(self, room: str, seq: int) -> list[Version]:
        """What a line has said before it was edited; see Journal."""
        return showable_versions(self._rooms.get(room, KeptRoom()).versions.get(seq, ()))

    async def seq_at(self, room: str, at: float, until: float = inf) -> int:
        """The number of the first line from `at` on and before `until`; see Journal."""
        kept = self._called(room)
        later = [line for line in kept.lines if line.at >= at]
        within = [line for line in later if line.at < until]
        found = within[0] if within else min(later, key=lambda line: line.at, default=None)
        return found.seq if found else kept.last + 1

    async def search(
        self, words: str, rooms: Sequence[str] | None, limit: int, since: Mapping[str, int] = EVERYTHING
    ) -> Matches:
        """The newest lines with all the words; see Journal."""
        terms = terms_of(words)
        found = [
            line
            for record in reversed(self._kept.records)
            for line in reversed(showable(record.lines))
            if (line.room in rooms if rooms is not None else not self._rooms[line.room].parties)
            and line.seq >= since.get(line.room, 0)
            and line.is_found
            and has_all(terms, line.text)
        ]
        return Matches(found[:limit], len(found) > limit, 0)

    def save_position(self, room: str, person: str, seq: int) -> None:
        """Note how far somebody has come in a room."""
        positions = self._called(room).positions
        positions.pop(person, None)
        positions[person] = seq
        if len(positions) > POSITIONS_MAX:
            del positions[next(iter(positions))]

    async def positions(self, room: str) -> dict[str, int]:
        """How far people had come in a room; see Journal."""
        return dict(self._called(room).positions)

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
        return Pruned(frozenset(rooms), pruned + forget_versions([*self._rooms.values()], now))
