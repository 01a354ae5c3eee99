"""The files of a journal without a server: read and checked, copied, filled by an import, and their rooms edited. See journal/archive.py.

Everything here blocks, and knows nothing of Trio.
"""

import os
import sqlite3
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, closing, contextmanager, suppress
from functools import cached_property
from pathlib import Path

from chat_server.accounts import Record
from chat_server.accounts.acts import ServerAct
from chat_server.journal import Damaged, JournalError, RoomRecord
from chat_server.journal.account_checks import account_problems
from chat_server.journal.account_records import add_record, records
from chat_server.journal.archive import DamagedFile, FileProblem, KeptKey, Progress, RawBatch
from chat_server.journal.batch_codec import Stored, encode
from chat_server.journal.case_rows import put_operators_act
from chat_server.journal.new_file import hand_over, sync
from chat_server.journal.search.search_index import OtherRelease, SearchIndex
from chat_server.journal.sqlite.account_records import SqliteRecords
from chat_server.journal.sqlite.batch_rows import Append
from chat_server.journal.sqlite.data_directory import IMPORT_FILE, DataDirectory, remove_database
from chat_server.journal.sqlite.deleted_rooms import forget_all, note_gone
from chat_server.journal.sqlite.ended_accounts import apply_ended, make_anew, rewrite_all
from chat_server.journal.sqlite.reader import Reader, mapped_errors
from chat_server.journal.sqlite.recognising import JOURNAL, newer, told, why_not
from chat_server.journal.sqlite.schema import NewerSchema
from chat_server.journal.sqlite.writer import Writer

INTERRUPTIBLE_STEPS = 1_000_000
"""Steps of SQLite's after which it lets Python look for signals, some ten milliseconds: a check of gigabytes is one statement."""

LOG_LINES = 50_000
"""Lines after which an import brings its log into the file, some 10 MB: so it needs the room of one journal, not of two."""

BACKUP_PAGES = 256
"""Pages copied at a time, between two words about the progress: 1 MB."""

BACKUP_LOG_MAX = 2**30
"""Bytes of the log beside the journal at which a copy is given up: as long as one is made, the log only grows, for the copy is of one moment."""


class SqliteArchive(Reader):
    """See Archive."""

    def __init__(self, path: Path, index: Path) -> None:
        """Open a journal, and its search index when that is checked.

        Raises:
            FileProblem: there is none, or it cannot be read.

        """
        if not path.exists() or not path.stat().st_size:
            raise FileProblem(f"there is no journal in {path.parent}")
        _refuse_other_than(path)
        self._opened = ExitStack()
        try:
            super().__init__(path)
        except JournalError as error:
            kind = DamagedFile if isinstance(error, Damaged) else FileProblem
            raise kind(f"cannot open {path}: {error}") from error
        self._connection.text_factory = _as_it_stands
        self._index_path = index

    def close(self) -> None:
        """Close the files."""
        super().close()
        self._opened.close()

    def raw_batches(self, end: int) -> Iterator[RawBatch]:
        """Every batch before a position, all of one moment; see Archive."""
        with mapped_errors():
            for row in self._connection.execute(
                "SELECT batch.id, name, first, count, at, lines, step, authors, batch.turn FROM batch"
                " JOIN room ON room.id = batch.room WHERE batch.id < ? ORDER BY batch.id",
                (end,),
            ):
                yield RawBatch(*row)

    def accounts(self) -> Iterator[Record]:
        """What is kept of accounts; see Archive."""
        with mapped_errors():
            self._connection.execute("BEGIN")
            yield from records(SqliteRecords(self._connection))
            self._connection.execute("COMMIT")

    def sent(self) -> Iterator[KeptKey]:
        """What was sent under a key; see Archive."""
        with mapped_errors():
            for row in self._connection.execute(
                "SELECT name, seq, at, sender, key FROM sent JOIN room ON room.id = sent.room"
                " ORDER BY at, room.id, seq, sender, key"
            ):
                yield KeptKey(*row)

    def damage(self) -> list[str]:
        """What SQLite finds wrong with the file, and with that of the search index."""
        self._connection.set_progress_handler(_go_on, INTERRUPTIBLE_STEPS)
        problems = []
        try:
            problems = [
                f"the file: {word}" for (found,) in self._rows("PRAGMA integrity_check") for word in told(found)
            ]
        except Damaged as error:
            problems.append(f"the file: {error}")
        return [*problems, self._index] if isinstance(self._index, str) else problems

    @cached_property
    def _index(self) -> SearchIndex | str | None:
        """The search index, or what is wrong with it; None: there is none of this release."""
        if not self._index_path.exists() or not self._index_path.stat().st_size:
            return None
        try:
            index = SearchIndex(self._index_path, None, 0)
            self._opened.callback(index.close)
            index.check()
        except OtherRelease:
            return None
        except JournalError as error:
            return str(error)
        return index

    def is_indexed(self, batch: RawBatch) -> bool:
        """Whether a batch is in the search index; see Archive."""
        return isinstance(self._index, SearchIndex) and batch.position + batch.count - 1 <= self._index.indexed

    def misfits(self, batch: RawBatch, lines: Sequence[Stored]) -> list[str]:
        """What the search index has otherwise than a batch; see Archive."""
        if isinstance(self._index, SearchIndex):
            return [] if self._index.has_lines(batch.position, lines) else ["the search index has other words"]
        return []

    def strays(self) -> list[str]:
        """Batches whose room somebody has deleted by hand, keys of lines that were never stored, and what cannot be so of accounts."""
        roomless = self._rows(
            "SELECT id, count FROM batch WHERE room NOT IN (SELECT id FROM room UNION ALL SELECT room FROM deleted_room) ORDER BY id"
        )
        loose_keys = self._rows(
            "SELECT sender, key FROM sent WHERE seq > coalesce((SELECT max(kept_from - 1, coalesce(max(first + count - 1), 0))"
            " FROM room LEFT JOIN batch ON batch.room = room.id WHERE room.id = sent.room), 0)"
            " AND room NOT IN (SELECT room FROM deleted_room)"
        )
        return [
            *self.ask(lambda connection: account_problems(connection.execute)),
            *(
                f"{count} lines at position {position}: their room is not there, so no export has them"
                for position, count in roomless
            ),
            *(f"key {key!r} of {sender!r} names a line that was never stored" for sender, key in loose_keys),
        ]

    def copy_to(self, target: sqlite3.Connection, pages: int, progress: Callable[[int, int], None]) -> None:
        """Copy the whole file as it is now, so many pages at a time."""
        with mapped_errors():
            self._connection.execute("BEGIN")
            self._connection.execute("SELECT count(*) FROM room").fetchall()  # from here on it is one state
            self._connection.backup(
                target, pages=pages, progress=lambda _, left, total: progress(total - left, total), sleep=0
            )
            self._connection.execute("COMMIT")


def refuse_other_than_copy(path: Path) -> None:
    """See that a file can be a copy. Raises FileProblem."""
    _refuse_other_than(path, "not a copy of a chat server's journal")


def _refuse_other_than(path: Path, what: str = JOURNAL) -> None:
    try:
        why = why_not(path, what)
    except OSError as error:
        raise FileProblem(f"cannot open {path}: {error.strerror}") from error
    except NewerSchema:
        raise FileProblem(newer(path)) from None
    if why:
        raise DamagedFile(why)


def _as_it_stands(text: bytes) -> str:
    """A text of the file, damaged or not: what is no UTF-8 is found by whoever looks at it, and keeps nobody from the next one."""
    return text.decode(errors="surrogateescape")


def _go_on() -> int:
    """Let SQLite go on, after Python has had its chance to raise what a signal means."""
    return 0


def back_up(path: Path, copy_path: Path, progress: Progress) -> None:
    """Copy the journal as it is now, while a server may go on writing. The copy is one file that is whole when this returns.

    Args:
        path: the journal.
        copy_path: an empty file.
        progress: told of pages.

    """
    try:
        with (
            closing(SqliteArchive(path, path)) as archive,
            closing(sqlite3.connect(copy_path, isolation_level=None)) as copy,
        ):
            archive.copy_to(copy, BACKUP_PAGES, _watching(path, progress))
            ((mode,),) = copy.execute("PRAGMA journal_mode = DELETE").fetchall()
            if mode != "delete":
                raise FileProblem(f"the copy stays in the mode {mode}")
    except (sqlite3.Error, JournalError) as error:
        raise FileProblem(f"cannot copy the journal: {error}") from error


def _watching(path: Path, progress: Progress) -> Progress:
    """Tell of progress, unless the journal's log has become too long."""
    log = Path(f"{os.path.realpath(path)}-wal")

    def look(done: int, total: int) -> None:
        with suppress(FileNotFoundError):
            if log.stat().st_size > BACKUP_LOG_MAX:
                raise FileProblem(
                    f"the copy is given up: while it is made {log} cannot be shortened, and has {BACKUP_LOG_MAX // 2**20} MiB already:"
                    " copy to a faster disk, or when less is said"
                )
        progress(done, total)

    return look


class SqliteFiller:
    """See Filler."""

    def __init__(self, writer: Writer) -> None:
        self._writer = writer
        self._log_lines = 0
        self._rows = 0  # of accounts and keys, that are not committed yet

    def add_room(self, room: RoomRecord) -> None:
        """Add a room; see Filler."""
        self.commit_rows()
        self._writer.adopt_room(room)

    def add_account(self, record: Record) -> None:
        """Add what was kept of an account; see Filler."""
        self._add_rows(lambda connection: add_record(SqliteRecords(connection), record))

    def add_key(self, key: KeptKey) -> None:
        """Add what was sent under a key; see Filler."""
        self._add_rows(lambda connection: _add_key(connection, key))

    def _add_rows(self, add: Callable[[sqlite3.Connection], None]) -> None:
        if not self._rows:
            self._writer.ask(lambda connection: connection.execute("BEGIN IMMEDIATE"))
        self._rows += 1
        try:
            self._writer.ask(add)
        except JournalError as error:
            raise ValueError(str(error)) from error
        if self._rows >= LOG_LINES:
            self.commit_rows()

    def commit_rows(self) -> None:
        """Store what has been added of accounts and keys."""
        if self._rows:
            self._rows = 0
            self._writer.ask(lambda connection: connection.execute("COMMIT"))

    def add(self, batches: Sequence[Sequence[Stored]]) -> None:
        """Add batches; see Filler."""
        self.commit_rows()
        self._writer.commit([Append(batch, {}, encode(batch)) for batch in batches], {}, with_changes=False)
        self._log_lines += sum(map(len, batches))
        if self._log_lines >= LOG_LINES:
            self._log_lines = 0
            self._writer.bring_in_log()


def _add_key(connection: sqlite3.Connection, key: KeptKey) -> None:
    try:
        connection.execute(
            "INSERT INTO sent (sender, key, room, seq, at) SELECT ?, ?, id, ?, ? FROM room WHERE name = ?",
            (key.sender, key.key, key.seq, key.at, key.room),
        )
    except sqlite3.IntegrityError as error:
        raise ValueError(f"key {key.key!r} is there already") from error


@contextmanager
def filling(folder: DataDirectory) -> Iterator[SqliteFiller]:
    """A new journal, which becomes that of the data directory; see Engine.filling."""
    try:
        _refuse_to_fill(folder)
        new = folder.path / IMPORT_FILE
        try:
            remove_database(new)
            new.touch(mode=0o600)
            hand_over(new)
            with closing(Writer(new)) as writer:
                filler = SqliteFiller(writer)
                yield filler
                filler.commit_rows()
                for ended in apply_ended(folder, writer):
                    rewrite_all(writer, ended)
                writer.bring_in_log()
            sync(new)
            remove_database(folder.search)
            remove_database(folder.journal, but_itself=True)
            new.replace(folder.journal)
            sync(folder.path)
        finally:
            remove_database(new)
    except JournalError as error:
        raise FileProblem(f"cannot write {folder.journal}: {error}") from error


def _refuse_to_fill(folder: DataDirectory) -> None:
    if folder.journal.stat().st_size:
        with closing(Writer(folder.journal)) as writer:
            if any(room.last for room in writer.rooms()):
                raise FileProblem(f"{folder.journal} has lines already; an import needs a data directory without any")


class SqliteRooms:
    """See RoomEditor."""

    def __init__(self, folder: DataDirectory, writer: Writer) -> None:
        self._folder = folder
        self._writer = writer

    def rooms(self) -> list[RoomRecord]:
        """All rooms; see RoomEditor."""
        return self._writer.rooms("kind = ''")

    def keep_act(self, act: ServerAct, room: str = "") -> None:
        """Keep what was done to a room; see RoomEditor."""
        self._writer.change(lambda connection: put_operators_act(SqliteRecords(connection), act, room))

    def rename_room(self, old: str, new: str, act: ServerAct) -> None:
        """Give a room another name; see RoomEditor."""
        remove_database(self._folder.search)  # it has the old name with every line; the server rebuilds it
        self._writer.rename_room(
            old, new, note=lambda connection: put_operators_act(SqliteRecords(connection), act, new)
        )

    def delete_room(self, name: str) -> None:
        """Delete a room; see RoomEditor. Another program can keep SQLite from overwriting what was said."""
        remove_database(self._folder.search)
        number = self._writer.delete_room(name)
        try:
            forget_all(self._writer, number)
            make_anew(self._writer)
            self._writer.bring_in_log()
            self._writer.change(lambda connection: note_gone(connection, [number]))
        except JournalError as error:
            raise FileProblem(
                f"{name} is deleted, but {error}, so what was said is still in the file: it is overwritten"
                " when that program has ended and the server has been started and stopped"
            ) from error


@contextmanager
def editing(folder: DataDirectory) -> Iterator[SqliteRooms]:
    """The rooms of a data directory; see Engine.editing."""
    with closing(Writer(folder.journal)) as writer:
        yield SqliteRooms(folder, writer)
