"""The journal in the database without a server: read and checked, all of one moment. See journal/archive.py.

The search index is looked at if the data directory has one. Everything here blocks, and knows nothing of Trio.
"""

from collections.abc import Iterable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from functools import cached_property
from itertools import count
from pathlib import Path
from typing import Any

import psycopg
from msgspec.structs import replace
from psycopg.rows import TupleRow

from chat_server.accounts import Record
from chat_server.journal import JournalError, RoomRecord
from chat_server.journal.account_records import records
from chat_server.journal.archive import FileProblem, KeptKey, RawBatch, StoredRecord
from chat_server.journal.batch_codec import Stored, decode
from chat_server.journal.postgresql.account_records import PostgresqlRecords
from chat_server.journal.postgresql.cached_words import Batch, CachedWords
from chat_server.journal.postgresql.checks import problems
from chat_server.journal.postgresql.in_order import in_order
from chat_server.journal.postgresql.reading import PARTIES, parties_of
from chat_server.journal.postgresql.schema import MIGRATIONS, version_of
from chat_server.journal.search.search_index import OtherRelease

Connection = psycopg.Connection[TupleRow]

RECORDS_LINES = 4096
"""Lines that `records` gives at once, but for those of the last batch."""

ROWS_AT_A_TIME = 500
"""Rows that the database hands over at a time."""

ROOMS = (
    f"SELECT name, topic, kept_from, last, last_at, turn, state, {PARTIES}, uid"  # noqa: S608 - a list of columns
    " FROM room WHERE NOT is_deleted ORDER BY id"
)
"""Asks for the rooms, and conversations."""

_LINES = "SELECT coalesce(sum(count), 0)::bigint FROM batch WHERE room IN (SELECT id FROM room WHERE NOT is_deleted)"
_BATCHES = """
SELECT room.name, first, count, at, lines, step, authors FROM batch JOIN room ON room.id = batch.room
    WHERE count > 0 AND NOT is_deleted ORDER BY tx, ticket, batch.room
"""
_SENT = """
SELECT name, seq, at, sender, sent.key FROM sent JOIN room ON room.id = sent.room
    WHERE NOT is_deleted ORDER BY at, room.id, seq, sender, sent.key
"""


@contextmanager
def mapped_errors() -> Iterator[None]:
    """What the database refuses is a JournalError; a text that is no batch is one too."""
    try:
        yield
    except (psycopg.Error, ValueError) as error:
        raise JournalError(" ".join(str(error).split())) from error


def version_here(connection: Connection) -> int:
    """The version of the tables in the database; 0: there are none. Raises FileProblem if they are of a newer release."""
    version = version_of(connection)
    if version > len(MIGRATIONS):
        raise FileProblem("the tables in the database are of a newer release of chat-server; this one cannot use them")
    return version


def check_tables(connection: Connection) -> None:
    """Raise FileProblem unless the database has a journal, and of this release."""
    version = version_here(connection)
    if not version:
        raise FileProblem("there is no journal in the database")
    if version < len(MIGRATIONS):
        raise FileProblem(
            "the tables in the database are of an older release of chat-server: start this one's server first"
        )


def records_of(rows: Iterable[Any]) -> list[RoomRecord]:
    """What the rows are that are asked for with ROOMS."""
    return [RoomRecord(*row[:-2])._replace(parties=parties_of(row[-2]), id=row[-1]) for row in rows]


class PostgresqlArchive:
    """See Archive."""

    def __init__(self, connection: Connection, index: Path) -> None:
        """Read what the database has now, by a connection that is this one's alone, and check an index in this file, if it is there.

        Raises:
            FileProblem: there is no journal in the database, or one of another release.

        """
        self._connection = connection
        self._index_path = index
        self._opened = ExitStack()
        self._opened.callback(connection.close)
        self._records: Iterator[StoredRecord] = iter(())
        self._cursors = count()  # each needs a name of its own
        self._position = -1  # up to which records were given
        with ExitStack() as on_failure, mapped_errors():
            on_failure.callback(self.close)
            check_tables(connection)
            connection.execute("BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY")
            self._rooms = records_of(self._rows(ROOMS))
            ((self._lines,),) = self._rows(_LINES)
            on_failure.pop_all()

    def close(self) -> None:
        """Close the connection and the file."""
        self._opened.close()

    def _rows(self, sql: str) -> list[Any]:
        return self._connection.execute(sql.encode()).fetchall()

    def _each(self, sql: str) -> Iterator[Any]:
        """The rows, some at a time."""
        with mapped_errors(), self._connection.cursor(f"each_{next(self._cursors)}") as cursor:
            cursor.itersize = ROWS_AT_A_TIME
            yield from cursor.execute(sql.encode())

    def rooms(self) -> list[RoomRecord]:
        """All rooms; see Archive."""
        return self._rooms

    def end(self) -> int:
        """The position that the next line will have."""
        return int(self._lines) + 1

    def _batches(self) -> Iterator[RawBatch]:
        """Every batch. Turns have holes by design: those in which people only came and went are forgotten."""
        position = 1
        found = (RawBatch(0, *row) for row in self._each(_BATCHES))
        for batch in in_order(found, {room.name: room.first for room in self._rooms}):
            yield replace(batch, position=position)
            position += batch.count

    def records(self, after: int) -> list[StoredRecord]:
        """The next records after a position; see Archive. Whoever asks for others than the next ones waits until they are found."""
        if after != self._position:
            self._records = (record for record in self._decoded() if record.position > after)
        found: list[StoredRecord] = []
        lines = 0
        while lines < RECORDS_LINES and (record := next(self._records, None)) is not None:
            found.append(record)
            lines += len(record.lines)
        self._position = found[-1].position if found else after
        return found

    def _decoded(self) -> Iterator[StoredRecord]:
        for batch in self._batches():
            try:
                lines = decode(batch.text, batch.room, batch.first, batch.at, step=batch.step, authors=batch.authors)
            except ValueError as error:
                raise JournalError(f"{batch.room}, from number {batch.first}: {error}") from error
            yield StoredRecord(batch.position + batch.count - 1, lines)

    def raw_batches(self, end: int) -> Iterator[RawBatch]:
        """Every batch before a position; see Archive."""
        return (batch for batch in self._batches() if batch.position < end)

    def accounts(self) -> Iterator[Record]:
        """What is kept of accounts; see Archive."""
        with mapped_errors():
            yield from records(PostgresqlRecords(self._connection))

    def sent(self) -> Iterator[KeptKey]:
        """What was sent under a key; see Archive."""
        for name, seq, at, sender, key in self._each(_SENT):
            yield KeptKey(name, seq, at, sender, key.decode())

    # For a check.

    def damage(self) -> list[str]:
        """What PostgreSQL has found wrong with its pages, and what is wrong with the search index."""
        found: list[str] = []
        with mapped_errors():
            ((pages,),) = self._rows(
                "SELECT coalesce(checksum_failures, 0) FROM pg_stat_database WHERE datname = current_database()"
            )
        if pages:
            found.append(f"the database: PostgreSQL has found {pages} pages with a wrong checksum (pg_stat_database)")
        return [*found, self._index] if isinstance(self._index, str) else found

    @cached_property
    def _index(self) -> CachedWords | str | None:
        """The search index, or what is wrong with it; None: there is none of this journal and this release."""
        if not self._index_path.exists() or not self._index_path.stat().st_size:
            return None
        try:
            words = CachedWords(self._index_path)
            self._opened.callback(words.close)
            with mapped_errors():
                ((identity,),) = self._rows("SELECT identity FROM journal")
            if words.identity != identity:
                return None
            words.check()
        except OtherRelease:
            return None
        except JournalError as error:
            return str(error)
        return words

    def is_indexed(self, batch: RawBatch) -> bool:
        """Whether a batch is in the search index; see Archive."""
        known = self._index.rooms.get(self._numbers[batch.room]) if isinstance(self._index, CachedWords) else None
        return known is not None and known.first <= batch.first and batch.first + batch.count - 1 <= known.last

    @cached_property
    def _numbers(self) -> dict[str, int]:
        return dict(self._rows("SELECT name, id FROM room WHERE NOT is_deleted"))

    def misfits(self, batch: RawBatch, lines: Sequence[Stored]) -> list[str]:
        """What the search index has otherwise than a batch; see Archive."""
        if isinstance(self._index, CachedWords):
            indexed = Batch(self._numbers[batch.room], batch.first, lines)
            return ["the search index has other words"] if self._index.has_lines(indexed) is False else []
        return []

    def strays(self) -> list[str]:
        """What is kept and cannot be; see checks.py."""
        with mapped_errors():
            return problems(self._rows)
