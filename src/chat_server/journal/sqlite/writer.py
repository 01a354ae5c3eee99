"""The connection that writes the SQLite file of the journal; there is never another one.

Lines are stored by it, with the keys that make sending them again harmless, a room's topic when one is among them, and how far people have come. An
older release's file is brought up to date when it is opened (upgrade.py).

Everything here blocks, and is called from the thread that writes and from the commands for files. Never knows Trio.
"""

import sqlite3
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager, suppress
from functools import update_wrapper
from math import inf
from pathlib import Path
from typing import Concatenate, ParamSpec, TypeVar

from chat_server.journal import (
    KEY_SECONDS,
    DamagedJournal,
    Duplicate,
    JournalError,
    Party,
    Receipt,
    RoomRecord,
    UnusableJournal,
    new_room_id,
)
from chat_server.journal.batch_codec import Stored, encode
from chat_server.journal.showable import showable_state
from chat_server.journal.sqlite.act_tables import keep_acts
from chat_server.journal.sqlite.amending import amend, forget_versions
from chat_server.journal.sqlite.batch_rows import INCOMING, Append, BatchRows, Last
from chat_server.journal.sqlite.keys import store_keys
from chat_server.journal.sqlite.known_files import KnownFiles
from chat_server.journal.sqlite.parties import add_room
from chat_server.journal.sqlite.positions import forget_positions, store_positions
from chat_server.journal.sqlite.reader import Prunable, Reader, T, connect, mapped_errors
from chat_server.journal.sqlite.recognising import is_damage, newer, refuse_other
from chat_server.journal.sqlite.schema import DELETE_ROOM, NewerSchema, NotAJournal
from chat_server.journal.sqlite.upgrade import Tell, bring_up_to_date, tell_nobody
from chat_server.journal.times import settled
from chat_server.protocol.entries import CHANGING, Amending, Enacted, TopicSet
from chat_server.protocol.room_state import after, written
from chat_server.protocol.runs import pieces_of

PAGE_SIZE = 4096
"""Bytes of a page of the file: SQLite's default."""

SYNCHRONOUS = {"full": "FULL", "process": "NORMAL"}
"""What the durabilities of the configuration are called by SQLite."""


OPEN_PATIENCE = 10.0
"""Seconds that opening the journal waits for another program that has locked it."""

LOCK_PATIENCE = 10.0
"""Seconds that a commit waits for another program that has locked the journal, such as somebody's sqlite3 shell. `hurry` shortens it."""

LOCK_LOOK = 0.05
"""Seconds between two looks whether that lock is gone, or the patience at its end."""

MAKE_ROOM_SECONDS = 1.0
"""Seconds between two tries to win room on a full disk: each costs some milliseconds, and every refused batch would ask for one."""

NO_ROOM = {sqlite3.SQLITE_FULL, sqlite3.SQLITE_IOERR_WRITE}
"""What SQLite says when the disk is full, or a quota is used up."""

P = ParamSpec("P")
R = TypeVar("R")


def _patient(
    method: "Callable[Concatenate[Writer, P], R]",
) -> "Callable[Concatenate[Writer, P], R]":
    """A method that writes, tried again while another program has a lock, and once when there may be room on a full disk after all."""

    def write(self: "Writer", /, *args: P.args, **kwargs: P.kwargs) -> R:
        begun = time.monotonic()
        may_make_room = True
        while True:
            try:
                return method(self, *args, **kwargs)
            except JournalError as error:
                if self._may_wait_for_lock(error, begun):
                    continue
                if not may_make_room or not self._make_room(error):
                    raise
                may_make_room = False

    update_wrapper(write, method)
    return write


class LogInUse(JournalError):
    """The log cannot be brought into the file just now, for somebody reads it. All that was to be stored is."""


class Writer(Reader):
    """The one connection that writes. Makes the file, or brings it up to date, when it is opened.

    What is stored is stored in the file that has the journal's name: if that is deleted, replaced or cut short meanwhile, everything is refused.
    """

    def __init__(self, path: Path, durability: str = "full", tell: Tell = tell_nobody) -> None:
        """Open or make the journal; tell how far it is with what an older release has made.

        Raises:
            UnusableJournal: the file is from a newer release, or of something else, or cannot be read.

        """
        self.path = path
        self._durability = durability
        self._is_lost = False
        self._give_up_at = inf
        self._made_room_at = -inf
        self._open(may_make=True, tell=tell)

    def _open(self, *, may_make: bool, tell: Tell = tell_nobody) -> None:
        try:
            if may_make:  # later there are readers in this program, whose locks that would take
                refuse_other(self.path)
            self._connection = connect(self.path, may_make=may_make, wait=OPEN_PATIENCE if may_make else LOCK_LOOK)
            with ExitStack() as on_failure:
                on_failure.callback(self.close)
                bring_up_to_date(self._connection, self.path, tell)
                self._connection.execute("PRAGMA journal_mode = WAL")
                self._connection.execute("PRAGMA wal_autocheckpoint = 0")  # journal.py says when
                self._connection.execute("PRAGMA journal_size_limit = 67108864")
                self._connection.execute(f"PRAGMA synchronous = {SYNCHRONOUS[self._durability]}")
                self._connection.execute("PRAGMA fullfsync = ON")  # on macOS a plain fsync stops at the disk's cache
                self._connection.execute("PRAGMA secure_delete = ON")  # what is deleted is overwritten
                self._connection.executescript(INCOMING)
                self._next_id = self.end()
                self._rooms = dict[str, int](self._rows("SELECT name, id FROM room"))
                self._last = {record.name: Last(record.last, record.turn) for record in self.rooms()}
                self._connection.execute(f"PRAGMA busy_timeout = {LOCK_LOOK * 1000:.0f}")
                self._files = KnownFiles(self.path, self._rows)
                on_failure.pop_all()
        except NewerSchema:
            raise UnusableJournal(newer(self.path)) from None
        except NotAJournal:
            raise DamagedJournal(f"{self.path} is no journal of chat-server") from None
        except (sqlite3.Error, JournalError, OSError, LookupError, TypeError, ValueError) as error:
            kind = DamagedJournal if is_damage(error) else UnusableJournal
            raise kind(f"cannot open {self.path}: {error}") from error

    def hurry(self, seconds: float) -> None:
        """Wait no longer than this from now on for any lock of another program's. For any thread."""
        self._give_up_at = time.monotonic() + seconds

    def _may_wait_for_lock(self, error: JournalError, begun: float) -> bool:
        """Whether another program has a lock, and may give it back in time; the connection has waited LOCK_LOOK by itself."""
        is_locked = _code_of(error) & 0xFF == sqlite3.SQLITE_BUSY
        return is_locked and time.monotonic() < min(begun + LOCK_PATIENCE, self._give_up_at)

    def _make_room(self, error: JournalError) -> bool:
        """Bring what the log has into the file, which gives the log's room on a full disk back. Returns whether that was worth a try."""
        now = time.monotonic()
        if _code_of(error) not in NO_ROOM or now <= self._made_room_at + MAKE_ROOM_SECONDS:
            return False
        self._made_room_at = now
        with suppress(sqlite3.Error, JournalError), self._healthy_connection() as connection:
            connection.execute("PRAGMA wal_checkpoint(PASSIVE)").fetchall()
            connection.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchall()
        return True

    @contextmanager
    def _healthy_connection(self) -> Iterator[sqlite3.Connection]:
        """The connection, opened again if the disk had broken it; what fails on it is undone and a JournalError."""
        with mapped_errors():
            if self._is_lost:
                self._open_again()
            self._files.check()
            is_done = False
            try:
                yield self._connection
                is_done = True
            finally:
                if not is_done:
                    self._roll_back()
            self._check_after()

    def _check_after(self) -> None:
        """What has just been stored may be in a file that is no longer there. Then what is known of it does not count either."""
        try:
            self._files.note_growth()
        except JournalError:
            self.close()
            self._is_lost = True
            raise

    @contextmanager
    def _transaction(self) -> Iterator[sqlite3.Connection]:
        """All of it is stored, or nothing and JournalError."""
        with self._healthy_connection() as connection:
            connection.execute("BEGIN IMMEDIATE")
            yield connection
            connection.execute("COMMIT")

    def _roll_back(self) -> None:
        """Undo what was begun; after some failures of the disk SQLite has done so itself."""
        try:
            if self._connection.in_transaction:
                self._connection.execute("ROLLBACK")
        except sqlite3.Error:
            self.close()
            self._is_lost = True

    def _open_again(self) -> None:
        """Open the same file again: another one under its name is not what was shown to people."""
        self._files.check_journal()
        try:
            self._open(may_make=False)
        except UnusableJournal as error:
            raise JournalError(str(error)) from error
        self._is_lost = False

    @_patient
    def change(self, change: Callable[[sqlite3.Connection], T]) -> T:
        """Store something that is not about rooms, in one transaction."""
        with self._transaction() as connection:
            return change(connection)

    @_patient
    def create_room(self, name: str, room_id: str = "", parties: Sequence[Party] = ()) -> None:
        """Store a new, empty room, or a conversation between these, with this id ("": any). Harmless if it is there."""
        with self._transaction() as connection:
            self._rooms[name] = add_room(connection, name, room_id or new_room_id(), parties)
        self._last.setdefault(name, Last(0, 0))

    def adopt_room(self, room: RoomRecord) -> None:
        """Store a new room, or a conversation, as it stands in the record before its first line."""
        self.create_room(room.name, room.id, room.parties)
        with self._transaction() as connection:
            values = (room.topic, room.first, room.state, room.name)
            connection.execute("UPDATE room SET topic = ?, kept_from = ?, state = ? WHERE name = ?", values)
        self._last[room.name] = Last(room.first - 1, 0)

    @_patient
    def commit(
        self, appends: Sequence[Append], positions: Mapping[tuple[str, str], int], *, with_changes: bool = True
    ) -> list[Receipt]:
        """Store batches, and how far people have come, in one transaction.

        Args:
            appends: the batches.
            positions: how far people have come, by room and person.
            with_changes: whether what changes a room among the lines does: its topic, and what follows from its log.

        Returns:
            Each batch's receipt.

        """
        changes = with_changes and any(
            not CHANGING.isdisjoint(map(type, pieces_of(append.lines))) for append in appends
        )
        if not changes and not positions:
            receipts = self._store_at_once(appends)
            if receipts is not None:
                return receipts
        receipts = []
        with self._transaction() as connection:
            batches = self._batch_rows()
            for append in appends:
                last = batches.last_of(append)
                first, left, duplicates = last.seq + 1, append, dict[int, Duplicate]()
                if append.keys:
                    duplicates = store_keys(connection, append, first, self._rooms)
                    if duplicates:
                        lines = settled(append.lines, first, duplicates)
                        left = Append(lines, {}, encode(lines))
                if left.lines:
                    last = batches.add(left)
                    if changes:
                        batches.store(connection)  # what comes later may be about them
                        changed = left.lines if left.lines[0].seq == first else settled(left.lines, first, ())
                        self._store_changes(changed, self._rooms)
                receipts.append(Receipt(first, duplicates, last.turn))
            batches.store(connection)
            if positions:
                store_positions(connection, self._rooms, positions)
        self._next_id = batches.next_id
        self._last |= batches.last
        return receipts

    def _store_at_once(self, appends: Sequence[Append]) -> list[Receipt] | None:
        """Store batches, and their lines' keys, by one statement, which is a transaction of its own; None, and nothing is stored, if that cannot be.

        So this thread asks for the interpreter once, not for each batch.
        """
        receipts: list[Receipt] = []
        try:
            with self._healthy_connection() as connection:
                batches = self._batch_rows()
                for append in appends:
                    last = batches.add(append)
                    first = last.seq - len(append.lines) + 1
                    receipts.append(Receipt(first, {}, last.turn))
                    if append.keys:
                        batches.add_keys(append, first)
                connection.execute(batches.sql, batches.values)
        except JournalError as error:
            if _code_of(error) == sqlite3.SQLITE_CONSTRAINT_UNIQUE:  # a key is there already
                return None
            raise
        self._next_id = batches.next_id
        self._last |= batches.last
        return receipts

    def _batch_rows(self) -> BatchRows:
        """Rows for what comes next. Only with `_healthy_connection`: until then more may be in the file than is known here."""
        return BatchRows(self._next_id, self._last, self._rooms)

    def _store_changes(self, lines: Sequence[Stored], rooms: Mapping[str, int]) -> None:
        keep_acts(self._connection, rooms, lines)
        amend(self._connection, [line for line in pieces_of(lines) if isinstance(line, Amending)], self._next_id)
        for line in pieces_of(lines):
            if isinstance(line, TopicSet):
                self._connection.execute("UPDATE room SET topic = ? WHERE name = ?", (line.text, line.room))
            elif isinstance(line, Enacted):
                ((state,),) = self._connection.execute("SELECT state FROM room WHERE name = ?", (line.room,))
                state = written(after(showable_state(state), line))
                self._connection.execute("UPDATE room SET state = ? WHERE name = ?", (state, line.room))

    @_patient
    def rename_room(
        self, old: str, new: str, named: Append | None = None, note: Callable[[sqlite3.Connection], object] = bool
    ) -> Receipt | None:
        """Give a room another name; everything that belongs to it stays. `named` tells of it in its log; what is noted is stored with it."""
        rooms, last = self._rooms | {new: self._rooms[old]}, self._last | {new: self._last[old]}
        receipt = None
        with self._transaction() as connection:
            batches = BatchRows(self._next_id, last, rooms)
            connection.execute("UPDATE room SET name = ? WHERE name = ?", (new, old))
            connection.execute("UPDATE deleted_room SET name = '' WHERE name = ?", (new,))  # the index is made anew
            note(connection)
            if named is not None:
                first, turn = batches.last_of(named).seq + 1, batches.add(named).turn
                batches.store(connection)
                self._store_changes(settled(named.lines, first, ()), rooms)
                receipt = Receipt(first, {}, turn)
        self._next_id, self._rooms, self._last = batches.next_id, rooms, last | batches.last
        del self._rooms[old], self._last[old]
        return receipt

    @_patient
    def delete_room(self, name: str) -> int:
        """Delete a room, as far as anybody can see; deleted_rooms.py does the rest. No position is used again. Returns its number."""
        number: int = self._rooms[name]
        with self._transaction() as connection:
            connection.execute("UPDATE journal SET next_id = ?", (self._next_id,))
            for sql in DELETE_ROOM:
                connection.execute(sql, (number,))
        del self._rooms[name], self._last[name]
        return number

    @_patient
    def delete(self, prunable: Sequence[Prunable]) -> None:
        """Prune batches, oldest first of one room. Numbers stay as they are."""
        with self._transaction() as connection:
            last = prunable[-1]
            connection.execute(
                "UPDATE room SET kept_from = ?, turn = (SELECT turn FROM batch WHERE id = ?) WHERE id = ?",
                (last.first + last.count, last.id, last.room),
            )
            connection.executemany("DELETE FROM batch WHERE id = ?", [(batch.id,) for batch in prunable])
            connection.execute("DELETE FROM version WHERE room = ? AND seq < ?", (last.room, last.first + last.count))
            connection.execute("UPDATE journal SET next_id = ?", (self._next_id,))

    @_patient
    def forget_old(self, now: float, limit: int) -> int:
        """Forget keys and versions that are old enough, and the places of people beyond POSITIONS_MAX in a room. Returns how many went."""
        with self._transaction() as connection:
            oldest = connection.execute("SELECT id, at FROM sent ORDER BY id LIMIT ?", (limit,)).fetchall()
            old = [number for number, at in oldest if at < now - KEY_SECONDS]
            connection.executemany("DELETE FROM sent WHERE id = ?", [(number,) for number in old])
            gone = forget_positions(connection, limit) + forget_versions(connection, now)
        return len(old) + gone

    def checkpoint(self) -> None:
        """Bring what the write-ahead log has into the file, as far as no reader needs it. A failing disk may refuse; nothing is lost."""
        with suppress(sqlite3.Error):
            self._connection.execute("PRAGMA wal_checkpoint(PASSIVE)").fetchall()

    def bring_in_log(self) -> None:
        """Bring all of the write-ahead log into the file, so that the file alone is the journal. Raises JournalError unless all of it is there."""
        ((is_busy, frames, moved),) = self._rows("PRAGMA wal_checkpoint(TRUNCATE)")
        if is_busy or frames != moved:
            raise LogInUse(f"another program is using {self.path}")


def _code_of(error: JournalError) -> int:
    """What SQLite calls the reason."""
    return getattr(error.__cause__, "sqlite_errorcode", sqlite3.SQLITE_OK)
