"""Connections that read the SQLite file of the journal, beside the one that writes and without waiting for it (WAL).

Everything here blocks, and is called from worker threads and from the commands for files. Never knows Trio.
"""

import os
import sqlite3
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager, suppress
from math import inf
from pathlib import Path
from typing import Any, NamedTuple, TypeVar
from urllib.parse import quote

from msgspec import Struct

from chat_server.journal import (
    POSITIONS_MAX,
    Damaged,
    Duplicate,
    JournalError,
    Page,
    RoomRecord,
)
from chat_server.journal.archive import StoredRecord
from chat_server.journal.batch_codec import Stored, Unknown, decode, legible
from chat_server.journal.first_of_time import RUNS_MAX, TimedBatch, first_of_time
from chat_server.journal.keys import SenderKey
from chat_server.journal.showable import showable
from chat_server.journal.sqlite.parties import PARTIES, parties_of
from chat_server.journal.sqlite.recognising import is_damage
from chat_server.journal.sqlite.schema import show_as_newest
from chat_server.journal.times import times_of
from chat_server.protocol.entries import Entry
from chat_server.protocol.time_zones import is_possible

DECODED_MAX = 4096
"""Lines that `records` returns at most, but for the first batch."""

RUNS_BATCHES = 5000
"""Batches that are looked through at once for such times, 20 ms: whoever reads a page meanwhile waits no longer."""

WAIT_SECONDS = 2.0
"""Seconds that a reader waits for a file that another program has locked as a whole."""

T = TypeVar("T")


class Runs(NamedTuple):
    """A room's numbers, cut where its clock has run back: from one of `starts` to the next, times only go on.

    It has been looked for up to the batch `through`; `has_more`: there may be more after it.
    """

    starts: tuple[int, ...] = ()
    through: int = 0
    has_more: bool = True


class Prunable(Struct, frozen=True):
    """A batch that is to be pruned."""

    room: int
    room_name: str
    id: int
    first: int
    count: int


@contextmanager
def mapped_errors() -> Iterator[None]:
    """What SQLite or the disk refuses is a JournalError; a text that is no batch is one too. What people have said is in none of them."""
    try:
        yield
    except (sqlite3.Error, ValueError) as error:
        kind = Damaged if is_damage(error) else JournalError
        raise kind(str(error).partition(" with text ")[0]) from error


class Reader:
    """A connection that reads. Every method sees one state of the file, and may raise JournalError."""

    def __init__(self, path: Path) -> None:
        """Open a journal that is there."""
        self.path = path
        with mapped_errors():
            self._connection = connect(path)
            with ExitStack() as on_failure:
                on_failure.callback(self.close)
                show_as_newest(self._connection)
                self._connection.execute("PRAGMA query_only = ON")
                on_failure.pop_all()

    def close(self) -> None:
        """Close the connection."""
        with suppress(sqlite3.Error):
            self._connection.close()

    def _rows(self, sql: str, *values: object) -> list[Any]:
        with mapped_errors():
            return self._connection.execute(sql, values).fetchall()

    def ask(self, question: Callable[[sqlite3.Connection], T]) -> T:
        """Ask for something that is not about lines."""
        with mapped_errors():
            return question(self._connection)

    def identity(self) -> str:
        """Which journal this is: another one for each that was ever begun."""
        return str(self._rows("SELECT identity FROM journal")[0][0])

    def end(self) -> int:
        """The position that the next line will have."""
        ((last,),) = self._rows("SELECT coalesce((SELECT id + count FROM batch ORDER BY id DESC LIMIT 1), 1)")
        ((kept,),) = self._rows("SELECT next_id FROM journal")
        return int(max(last, kept))

    def rooms(self, only: str = "true", *values: object) -> list[RoomRecord]:
        """All rooms, and conversations, of which something is so, in the order in which they were created."""
        rows = self._rows(
            "SELECT name, topic, kept_from, coalesce(first + count - 1, kept_from - 1), coalesce(batch.turn, room.turn),"  # noqa: S608 - never what somebody typed
            f" state, at, step, count, {PARTIES}, uid FROM room LEFT JOIN batch ON batch.room = room.id"
            f" AND first = (SELECT max(first) FROM batch WHERE room = room.id) WHERE {only} ORDER BY room.id",
            *values,
        )
        return [
            RoomRecord(name, topic, first, last, _last_time(*batch), turn, state, parties_of(parties), uid)
            for name, topic, first, last, turn, state, *batch, parties, uid in rows
        ]

    def read(self, room: str, first: int, last: int) -> Page:
        """The room's lines from one number to another, as they may be shown."""
        rows = self._rows("SELECT id, kept_from FROM room WHERE name = ?", room)
        if not rows:
            return Page([], 1)
        ((number, kept_from),) = rows
        batches = self._rows(
            # As bytes: what is no UTF-8 any more would keep everybody from the whole page.
            "SELECT first, at, CAST(lines AS BLOB), count, step, authors FROM batch WHERE room = ?1 AND first <= ?3 AND first >="
            " coalesce((SELECT max(first) FROM batch WHERE room = ?1 AND first <= ?2), 0) ORDER BY first",
            *(number, first, last),
        )
        lines: list[Stored] = []
        with mapped_errors():
            for start, at, text, count, step, authors in batches:
                found = legible(text, room, start, at, count=count, step=step, authors=authors)
                lines += found[max(0, first - start) : last - start + 1]
        hidden = tuple(line.seq for line in lines if isinstance(line, Unknown))
        return Page(showable(lines), kept_from, hidden)

    def runs(self, room: str, known: Runs) -> Runs:
        """Where the room's clock has run back, with the next batches after those in which `known` was found."""
        rows = self._rows("SELECT id FROM room WHERE name = ?", room)
        if not rows or len(known.starts) >= RUNS_MAX:
            return known._replace(has_more=False)
        ((number,),) = rows
        ((through, batches),) = self._rows(
            "SELECT max(first), count(*) FROM (SELECT first FROM batch WHERE room = ? AND first > ? ORDER BY first LIMIT ?)",
            *(number, known.through, RUNS_BATCHES),
        )
        rows = self._rows(
            "SELECT first FROM (SELECT first, at < lag(at) OVER (ORDER BY first) AS runs_back FROM batch"
            " WHERE room = ? AND first BETWEEN ? AND ?) WHERE runs_back ORDER BY first LIMIT ?",
            *(number, known.through, through, RUNS_MAX - len(known.starts)),
        )
        found = tuple(first for (first,) in rows)
        return Runs(known.starts + found, through or known.through, batches == RUNS_BATCHES)

    def seq_at(self, room: str, at: float, until: float, runs: Runs) -> int:
        """The number of the first line from one time on and before another; see Journal."""
        for record in self.rooms("name = ?", room):
            numbers = range(record.first, record.last + 1)
            return first_of_time(numbers, runs.starts, at, until, lambda seq: self._batch_with(room, seq))
        return 1

    def _batch_with(self, room: str, seq: int) -> TimedBatch | None:
        rows = self._rows(
            "SELECT first, count, at, step FROM batch WHERE room = (SELECT id FROM room WHERE name = ?) AND first <= ?"
            " ORDER BY first DESC LIMIT 1",
            *(room, seq),
        )
        return TimedBatch(*rows[0]) if rows else None

    def records(self, after: int, limit: int = DECODED_MAX) -> list[StoredRecord]:
        """The next records after a position: about `limit` lines; none when there is nothing more."""
        rows = self._rows(
            "SELECT batch.id, name, first, count, at, lines, step, authors FROM batch JOIN room ON room.id = batch.room"
            " WHERE batch.id > ? ORDER BY batch.id LIMIT ?",
            *(after, limit),
        )
        found: list[StoredRecord] = []
        lines = 0
        with mapped_errors():
            for start, name, first, count, at, text, step, authors in rows:
                if lines + count > limit and found:
                    break
                found.append(
                    StoredRecord(start + count - 1, _decoded(text, name, first, at, step=step, authors=authors))
                )
                lines += count
        return found

    def record_at(self, position: int) -> StoredRecord | None:
        """The record that ends at this position; None if there is none, or none any more."""
        ((start,),) = self._rows("SELECT coalesce(max(id), 0) FROM batch WHERE id <= ?", position)
        found = self.records(start - 1, 1)[:1]
        return found[0] if found and found[0].position == position else None

    def at_positions(self, positions: Sequence[int]) -> list[Entry]:
        """The lines at these positions, as they may be shown; those that have been pruned are left out."""
        found: list[Stored] = []
        for position in positions:
            rows = self._rows(
                "SELECT batch.id, name, first, at, lines, step, authors FROM batch JOIN room ON room.id = batch.room"
                " WHERE batch.id <= ? ORDER BY batch.id DESC LIMIT 1",
                position,
            )
            with mapped_errors():
                for start, name, first, at, text, step, authors in rows:
                    found += decode(text, name, first, at, step=step, authors=authors)[
                        position - start : position - start + 1
                    ]
        return showable(found)

    def position_of(self, room: str, seq: int) -> int:
        """The position of a room's line, or one after which it comes."""
        rows = self._rows(
            "SELECT id + ?2 - first FROM batch WHERE room = (SELECT id FROM room WHERE name = ?1) AND first <= ?2"
            " ORDER BY first DESC LIMIT 1",
            *(room, seq),
        )
        return next((int(position) for (position,) in rows), 0)

    def stored_under(self, sent: SenderKey) -> Duplicate | None:
        """Where the line is that was sent under this key; see Journal."""
        asked = "SELECT name, seq FROM sent JOIN room ON room.id = sent.room WHERE sender = ? AND key = ?"
        return next((Duplicate(*row) for row in self._rows(asked, sent.sender, sent.key)), None)

    def positions(self, room: str) -> dict[str, int]:
        """How far people had come in a room, those who left it longest ago first."""
        rows = self._rows(
            "SELECT person, seq FROM position WHERE room = (SELECT id FROM room WHERE name = ?) ORDER BY at DESC LIMIT ?",
            *(room, POSITIONS_MAX),
        )
        return dict(reversed(rows))

    def prunable(self, before: float, keep_lines: int, limit: int, indexed: int) -> list[Prunable]:
        """Up to `limit` batches of one room that are to be pruned. What comes after the position `indexed` is left for later."""
        if before == -inf and not keep_lines:
            return []
        for record in self.rooms():
            if found := self._prunable_of(record, before, keep_lines, limit, indexed):
                return found
        return []

    def _prunable_of(
        self, room: RoomRecord, before: float, keep_lines: int, limit: int, indexed: int
    ) -> list[Prunable]:
        """The oldest batches of a room, as far as they are to be pruned. Row by row, for in most rooms the first is young."""
        keep_from = room.last - keep_lines + 1 if keep_lines else 0
        found: list[Prunable] = []
        with mapped_errors():
            for number, start, first, count, at in self._connection.execute(
                "SELECT room, id, first, count, at FROM batch WHERE room = (SELECT id FROM room WHERE name = ?)"
                " ORDER BY first LIMIT ?",
                (room.name, limit),
            ):
                # A time that cannot be keeps nothing for ever.
                is_young = at >= before if is_possible(at) else before == -inf
                if (is_young and first + count > keep_from) or start + count - 1 > indexed:
                    break
                found.append(Prunable(number, room.name, start, first, count))
        return found


class Checkpointer(Reader):
    """A connection that brings the write-ahead log into the file while another goes on writing."""

    def __init__(self, path: Path) -> None:
        """Open a journal that is there."""
        self.path = path
        with mapped_errors():
            self._connection = connect(path)

    def checkpoint(self) -> None:
        """Bring what the log has by now into the file."""
        self._rows("PRAGMA wal_checkpoint(PASSIVE)")


def _last_time(at: float | None, step: float, count: int) -> float:
    """The time of a batch's last line; nothing that counts if there is no batch, or its time cannot be."""
    return times_of(at, step, count)[-1] if at is not None and is_possible(at) else -inf


def _decoded(text: str, room: str, first: int, at: float, *, step: float, authors: str) -> list[Stored]:
    """The lines of a batch. Raises ValueError if it is none; the message says which."""
    try:
        return decode(text, room, first, at, step=step, authors=authors)
    except ValueError as error:
        raise ValueError(f"{room}, from number {first}: {error}") from error


def connect(path: Path, *, may_make: bool = False, wait: float = WAIT_SECONDS) -> sqlite3.Connection:
    """Open the file, or make it. Raises sqlite3.Error.

    Args:
        path: the file.
        may_make: whether it is made if it is not there. A server whose file has been deleted must not begin another one.
        wait: seconds to wait for a lock of another program's.

    """
    connection = sqlite3.connect(
        f"file:{quote(os.fsencode(path.absolute()))}?mode={'rwc' if may_make else 'rw'}",
        uri=True,
        isolation_level=None,
        check_same_thread=False,
        timeout=wait,
    )
    connection.execute("PRAGMA temp_store = MEMORY")
    return connection
