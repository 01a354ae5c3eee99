"""The journal on disk, for the server: SQLite in worker threads, so that Trio's loop never waits for the disk.

One writer commits whatever batches wait, of all rooms, in one transaction; readers read beside it. Bounds: a room waits for its batch, so at
most one batch of each room waits; one page is read and one search made at a time, and more wait their turn.
"""

import sqlite3
import time
from collections.abc import Mapping, Sequence
from contextlib import suppress
from math import inf

import trio

from chat_server.guard import Guard
from chat_server.journal import (
    EVERYTHING,
    Activity,
    Damaged,
    DamagedJournal,
    Duplicate,
    JournalError,
    Matches,
    Page,
    Pruned,
    Receipt,
    RoomRecord,
    UnusableJournal,
)
from chat_server.journal.batch_codec import encode
from chat_server.journal.keys import SenderKey
from chat_server.journal.search.indexer import Indexer
from chat_server.journal.showable import showable_topic
from chat_server.journal.sqlite.accounts import SqliteAccounts
from chat_server.journal.sqlite.amending import versions_of
from chat_server.journal.sqlite.batch_rows import Append
from chat_server.journal.sqlite.committer import Committer, Positions, WriteJob
from chat_server.journal.sqlite.conversations import SqliteConversations
from chat_server.journal.sqlite.data_directory import DataDirectory
from chat_server.journal.sqlite.deleted import Deletions
from chat_server.journal.sqlite.deleted_rooms import left_rooms
from chat_server.journal.sqlite.ended_accounts import apply_ended
from chat_server.journal.sqlite.endings import Endings
from chat_server.journal.sqlite.indexed import IndexedFile
from chat_server.journal.sqlite.mentions import SqliteMentions
from chat_server.journal.sqlite.reader import Checkpointer, Runs
from chat_server.journal.sqlite.readings import Readings
from chat_server.journal.sqlite.rewriting import left_to_overwrite
from chat_server.journal.sqlite.room_changes import Remains, RoomChanges
from chat_server.journal.sqlite.writer import PAGE_SIZE, Writer
from chat_server.journal.versions import Version
from chat_server.logs import log
from chat_server.protocol.entries import Entry
from chat_server.protocol.names import was_a_name

POSITIONS_DELAY = 1.0
"""Seconds after which people's places are stored if nothing else is."""

CHECKPOINT_PAGES = 1000
"""Pages written to the log after which a checkpoint begins in the background: SQLite's own default, 4 MB."""

LOG_PAGES_MAX = 16384
"""Pages in the log (64 MiB) at which the writer stops to bring them into the file. Only hundreds of thousands of lines a second get there."""

FAILURE_LOG_SECONDS = 10.0
"""Seconds between two log lines that say that the disk refuses."""

PROBE_PAGES = 1
"""Pages that a probe writes to the log. A server on which nobody says anything writes no others."""

PRUNED_BATCHES_MAX = 200
"""Batches pruned in one transaction, about 2 ms: that long an append may have to wait."""


def _store_probe(connection: sqlite3.Connection) -> None:
    connection.execute("UPDATE probe SET at = ?", (time.time(),))


def _tell_of_upgrade(doing: str, done: float) -> None:
    log.info("bringing the journal of an older release up to date", step=doing, done=f"{done:.0%}")


class SqliteJournal:
    """See Journal. Nothing is stored unless `run` runs."""

    def __init__(self, folder: DataDirectory, durability: str = "full") -> None:
        """Open or make the journal of a data directory. Blocks, for a few milliseconds.

        Raises:
            UnusableJournal: the file cannot be opened as a journal.

        """
        self._folder = folder
        self._writer = Writer(folder.journal, durability, _tell_of_upgrade)
        self._committer = Committer(self._writer, self._note_stored, self._note_failure)
        self._in_reader = Readings(folder.journal)
        self._indexer = Indexer(IndexedFile(folder.journal, folder.search))
        self._endings = Endings(folder, self._committer, self._indexer, self._store_positions)
        try:
            self._left = apply_ended(folder, self._writer)
            left = self._writer.ask(left_to_overwrite)
            rooms = self._writer.ask(left_rooms)
            self.accounts = SqliteAccounts(folder, self._writer, self._committer, self._endings)
        except (JournalError, UnusableJournal) as error:
            self._writer.close()
            kind = DamagedJournal if isinstance(error, (Damaged, DamagedJournal)) else UnusableJournal
            raise kind(str(error)) from error
        self._runs: dict[str, Runs] = {}
        self.conversations = SqliteConversations(self._committer, self._in_reader, lambda: self._positions)
        """Between whom there are conversations; see Journal."""
        self.mentions = SqliteMentions(self._committer, self._in_reader)
        """Who was named while they were not there; see Journal."""
        self._remains = Remains(self._committer, self._indexer, self._endings, self._in_reader, rooms)
        self._changes = RoomChanges(
            *(self._committer, self._indexer, self._endings, self._in_reader.limit, self._runs), remains=self._remains
        )
        self._deletions = Deletions(self._committer, self._indexer, self._endings, self._changes.current, left)
        self._looking_back = trio.Lock()
        self._end = self._writer.end()
        self._lines_stored = 0
        self._positions: dict[tuple[str, str], int] = {}
        self._has_positions = trio.Event()
        self._grown = trio.Event()  # something has been stored since
        self._pages = 0  # written to the log since it was last brought into the file
        self._log_is_long = trio.Event()
        self._is_log_nearly_empty = False
        self._closed = trio.Event()
        self._stored_at = 0.0
        self._failure_logged_at = -inf

    async def run(self, task_status: trio.TaskStatus[None] = trio.TASK_STATUS_IGNORED) -> None:
        """Store what is appended, and look after the files, until `close`; then store what waits, and close them."""
        async with trio.open_nursery() as nursery:
            nursery.start_soon(self._keep_positions)
            nursery.start_soon(self._keep_checkpointing)
            nursery.start_soon(self._indexer.run, lambda: self._grown, self._is_busy)
            nursery.start_soon(self.accounts.keep_notes)
            nursery.start_soon(self._endings.run)
            await nursery.start(self._committer.run)
            await self._endings.catch_up(self._left)
            nursery.start_soon(self._deletions.run)
            nursery.start_soon(self._remains.run)
            task_status.started()
            await self._committer.ended.wait()
            nursery.cancel_scope.cancel()
        await trio.to_thread.run_sync(self._close_files)
        self._closed.set()

    def close(self) -> None:
        """Let `run` end; see Journal."""
        self._store_positions()
        self.accounts.close()
        self._deletions.close()
        self._remains.close()
        self._committer.close()

    async def wait_closed(self) -> None:
        """Wait until everything is stored, the files are closed, and the data directory is anybody's."""
        await self._closed.wait()

    def hurry(self, seconds: float) -> None:
        """Wait no longer than this for a lock of another program's; see Journal."""
        self._writer.hurry(seconds)

    def activity(self) -> Activity:
        """What it has done so far; see Journal."""
        indexed = self._indexer.indexed
        unindexed = None if indexed is None else max(0, self._end - 1 - indexed)
        return Activity(self._lines_stored, self._committer.times, unindexed)

    def _close_files(self) -> None:
        self._writer.checkpoint()
        self._writer.close()
        self.accounts.close_files()
        self._in_reader.close()
        self._indexer.close()
        self._folder.close()

    # Storing.

    def append(self, lines: Sequence[Entry], keys: Mapping[int, SenderKey]) -> WriteJob:
        """Begin to store a batch; see Journal."""
        job = WriteJob(Append(lines, keys, encode(lines)), self._take_positions() if self._positions else None)
        self._committer.submit(job)
        return job

    def probe(self) -> WriteJob:
        """Begin to store that this was asked; see Journal."""
        job = WriteJob(None, change=_store_probe, note=self._note_probe)
        self._committer.submit(job)
        return job

    def _note_probe(self, _: object) -> None:
        self._pages += PROBE_PAGES
        self._shorten_log()

    def _note_stored(self, lines: int, jobs: Sequence[WriteJob]) -> None:
        if lines:
            self._end += lines
            self._lines_stored += lines
            self._pages += sum([2 + len(one.append.encoded) // PAGE_SIZE for one in jobs if one.append])
            self._stored_at = trio.current_time()
            self._grown.set()
            self._grown = trio.Event()
            self._shorten_log()
            for one in jobs:
                if one.append:
                    self._deletions.note(one.append.lines)

    def _note_failure(self, error: Exception) -> None:
        """Log it, but not for each of a thousand lines that a full disk refuses."""
        if trio.current_time() - self._failure_logged_at > FAILURE_LOG_SECONDS:
            self._failure_logged_at = trio.current_time()
            log.error("cannot store what was said", why=str(error))

    async def create_room(self, name: str, *, is_new: bool = False, room_id: str = "") -> None:
        """Store a new, empty room; see Journal."""
        del is_new
        await self._committer.call(lambda writer: writer.create_room(name, room_id))
        self._changes.created(name)

    async def rename_room(self, old: str, new: str, named: Entry | None = None) -> Receipt | None:
        """Give a room another name; see Journal."""
        return await self._changes.rename(
            old, new, named, lambda receipt: self._note_stored(int(receipt is not None), ())
        )

    async def delete_room(self, name: str) -> str:
        """Delete a room; see Journal."""
        return await self._changes.delete(name)

    def save_position(self, room: str, person: str, seq: int) -> None:
        """Note how far somebody has come in a room; stored with the next batch, or soon."""
        self._positions[room, person] = seq
        self._has_positions.set()

    def _store_positions(self) -> None:
        """Have them stored before whatever is stored next."""
        if self._positions:
            self._committer.submit(WriteJob(None, self._take_positions()))

    def _take_positions(self) -> Positions:
        positions, self._positions = self._positions, {}
        return positions

    async def _keep_positions(self) -> None:
        """Store people's positions when nothing else is being stored for a while."""
        while True:
            await self._has_positions.wait()
            self._has_positions = trio.Event()
            await trio.sleep(POSITIONS_DELAY)
            with Guard("cannot note how far people have come"):
                if self._positions:
                    job = WriteJob(None, self._take_positions())
                    self._committer.submit(job)
                    with suppress(
                        JournalError
                    ):  # nobody waits for it, and whoever comes back is shown what a newcomer is
                        await job.stored()

    def _is_busy(self) -> bool:
        return trio.current_time() - self._stored_at < 1

    # The write-ahead log. A checkpoint in the background never keeps an append waiting, but while appends go on it never gets to the log's
    # end, where the log can start over; so the writer does the little that is left of it.

    def _shorten_log(self) -> None:
        if self._is_log_nearly_empty or self._pages > LOG_PAGES_MAX:
            self._is_log_nearly_empty = False
            self._pages = 0
            self._committer.submit(WriteJob(None, None, Writer.checkpoint))
        elif self._pages > CHECKPOINT_PAGES:
            self._log_is_long.set()

    async def _keep_checkpointing(self) -> None:
        while True:
            await self._log_is_long.wait()
            is_done = False
            with Guard("something went wrong in a checkpoint of the journal"):
                try:
                    await trio.to_thread.run_sync(self._checkpoint)
                    is_done = True
                except JournalError as error:
                    log.error("cannot bring the journal's log into its file", why=str(error))
            if not is_done:
                await trio.sleep(10)
            self._is_log_nearly_empty = True
            self._log_is_long = trio.Event()

    def _checkpoint(self) -> None:
        checkpointer = Checkpointer(self._folder.journal)
        try:
            checkpointer.checkpoint()
        finally:
            checkpointer.close()

    # Reading.

    async def rooms(self) -> list[RoomRecord]:
        """All rooms, in the order in which they were created; none whose name could act on a terminal."""
        rooms: list[RoomRecord] = []
        for room in await self._in_reader(lambda reader: reader.rooms("kind = ''")):
            if was_a_name(room.name):
                rooms.append(room._replace(topic=showable_topic(room.topic)))
            else:
                log.warning(
                    "a room has a name that cannot be shown; `chat-server rooms rename` gives it another",
                    room=room.name,
                )
        return rooms

    async def stored_under(self, sent: SenderKey) -> Duplicate | None:
        """Where the line is that was sent under this key; see Journal."""
        return await self._in_reader(lambda reader: reader.stored_under(sent))

    async def read(self, room: str, first: int, last: int) -> Page:
        """The room's lines from one number to another; see Journal."""
        return await self._in_reader(lambda reader: reader.read(self._changes.current(room), first, last))

    async def versions(self, room: str, seq: int) -> list[Version]:
        """What a line has said before it was edited; see Journal."""
        room = self._changes.current(room)
        return await self._in_reader(lambda reader: reader.ask(lambda connection: versions_of(connection, room, seq)))

    async def seq_at(self, room: str, at: float, until: float = inf) -> int:
        """The number of the first line from `at` on and before `until`; see Journal."""
        runs = await self._find_runs(room)
        while runs.has_more:
            runs = await self._find_runs(room)
        return await self._in_reader(lambda reader: reader.seq_at(self._changes.current(room), at, until, runs))

    async def _find_runs(self, room: str) -> Runs:
        """Look for some more of a room's runs. One at a time: what is found for one is there for all."""
        async with self._looking_back:
            known = self._runs.get(room, Runs())
            runs = self._runs[room] = await self._in_reader(
                lambda reader: reader.runs(self._changes.current(room), known)
            )
        return runs

    async def positions(self, room: str) -> dict[str, int]:
        """How far people had come in a room; see Journal."""
        return await self._in_reader(lambda reader: reader.positions(self._changes.current(room)))

    async def search(
        self, words: str, rooms: Sequence[str] | None, limit: int, since: Mapping[str, int] = EVERYTHING
    ) -> Matches:
        """The newest lines with all the words; see Journal."""
        return await self._indexer.search(
            words,
            lambda: self._changes.current_of(rooms),
            limit,
            self._end,
            lambda: {self._changes.current(name): seq for name, seq in since.items()},
        )

    # Forgetting.

    async def prune(self, before: float, keep_lines: int) -> Pruned:
        """Forget what is old or too much; see Journal. Lines that are not indexed yet wait until they are."""
        indexed = await self._indexer.call(IndexedFile.indexed)
        prunable = await self._in_reader(
            lambda reader: reader.prunable(before, keep_lines, PRUNED_BATCHES_MAX, indexed)
        )
        if prunable:
            ranges = [(batch.id, batch.count) for batch in prunable]
            await self._indexer.call(lambda file: file.forget(ranges))
            await self._committer.call(lambda writer: writer.delete(prunable))
        forgotten = await self._committer.call(lambda writer: writer.forget_old(time.time(), PRUNED_BATCHES_MAX))
        rooms = frozenset(batch.room_name for batch in prunable)
        return Pruned(rooms, sum(batch.count for batch in prunable) + forgotten)
