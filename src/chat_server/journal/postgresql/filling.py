"""The journal in the database without a server: filled by an import, and its rooms edited. See journal/archive.py.

Everything here blocks, and knows nothing of Trio.
"""

import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from math import inf

import psycopg
from psycopg.rows import TupleRow

from chat_server.accounts import Ended, Record
from chat_server.accounts.acts import ServerAct
from chat_server.accounts.look_alikes import skeleton
from chat_server.journal import JournalInUse, RoomRecord, new_room_id
from chat_server.journal.account_changes import end_again
from chat_server.journal.account_records import add_record
from chat_server.journal.archive import FileProblem, KeptKey
from chat_server.journal.batch_codec import Stored, encode, encode_authors
from chat_server.journal.case_rows import put_operators_act
from chat_server.journal.first_of_time import RUNS_MAX
from chat_server.journal.happened import RoomDeleted, RoomRenamed
from chat_server.journal.postgresql.account_records import PostgresqlRecords
from chat_server.journal.postgresql.archive import ROOMS, mapped_errors, records_of, version_here
from chat_server.journal.postgresql.reading import CONVERSATION
from chat_server.journal.postgresql.schema import migrate
from chat_server.journal.times import step_of, times_of
from chat_server.journal.turn_codec import encode_change
from chat_server.protocol.names import name_key

Connection = psycopg.Connection[TupleRow]

KEPT = (
    *("room", "batch", "sent", "position", "member", "held", "node", "change", "account", "device", "device_room"),
    *(
        "code",
        "code_room",
        "kept_name",
        "came_from",
        "failure",
        "ended",
        "account_commit",
        "party",
        "mention",
        "matter",
    ),
    *("act", "room_act", "version", "gone_node", "asked_line"),
)
"""The tables that an import empties: all but `journal`."""

ALIVE_SECONDS = 10
"""Seconds since its last sign of life for which a server counts as one that has the journal. It gives one every 2 s."""

FORGOTTEN_AT_ONCE = 1000
"""Batches and keys of a room that is deleted by one statement."""


@dataclass
class _Room:
    """A room that is being filled."""

    number: int
    last: int
    turn: int = 0
    last_at: float = -inf
    runs: list[int] = field(default_factory=list)


class PostgresqlFiller:
    """See Filler. All of it is one transaction of somebody's."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        self._rooms: dict[str, _Room] = {}
        self._batches = 0

    def add_room(self, room: RoomRecord) -> None:
        """Add a room; see Filler."""
        name, key = room.name, name_key(room.name)
        other = self._connection.execute("SELECT name FROM room WHERE key = %s", (key,)).fetchone()
        if other is not None:
            raise FileProblem(
                f"the rooms {other[0]} and {name} have names that count as the same: rename one before the export"
            )
        ((number,),) = self._connection.execute(
            "INSERT INTO room (uid, name, key, skeleton, topic, kept_from, last, state, kind)"
            " VALUES (%s, %s, %s, %s, %s, %s, %s, %s, %s) RETURNING id",
            (
                *(room.id or new_room_id(), name, key, skeleton(name)),
                room.topic.replace("\0", ""),  # PostgreSQL keeps no NUL, which is shown to nobody
                *(room.first, room.first - 1, room.state, CONVERSATION if room.parties else ""),
            ),
        ).fetchall()
        for place, one in enumerate(room.parties):
            self._connection.execute(
                "INSERT INTO party (who, room, place, has_accepted, began_at) VALUES (%s, %s, %s, %s, %s)",
                (one.who, number, place, one.has_accepted, one.began_at),
            )
        self._rooms[name] = _Room(number, room.first - 1)

    def add_account(self, record: Record) -> None:
        """Add what was kept of an account; see Filler."""
        add_record(PostgresqlRecords(self._connection), record)

    def add(self, batches: Sequence[Sequence[Stored]]) -> None:
        """Add batches; see Filler. Their place in the import is their order in the whole journal."""
        columns = "room, turn, first, count, at, step, node, ticket, lines, authors"
        with self._connection.cursor() as cursor, cursor.copy(f"COPY batch ({columns}) FROM STDIN") as copy:
            for lines in batches:
                room = self._rooms[lines[0].room]
                self._batches += 1
                room.turn += 1
                room.last = lines[-1].seq
                at, step = lines[0].at, step_of(lines)
                if at < room.last_at and len(room.runs) < RUNS_MAX:
                    room.runs.append(lines[0].seq)
                room.last_at = times_of(at, step, len(lines))[-1]
                beside = (at, step, 0, self._batches, encode(lines).decode(), encode_authors(lines))
                copy.write_row((room.number, room.turn, lines[0].seq, len(lines), *beside))

    def add_key(self, key: KeptKey) -> None:
        """Add what was sent under a key; see Filler."""
        stored = self._connection.execute(
            "INSERT INTO sent (sender, key, room, seq, at) VALUES (%s, %s, %s, %s, %s) ON CONFLICT DO NOTHING",
            (key.sender, key.key.encode(), self._rooms[key.room].number, key.seq, key.at),
        )
        if not stored.rowcount:
            raise ValueError(f"key {key.key!r} is there already")

    def finish(self) -> None:
        """Let rooms go on after what was added."""
        with self._connection.cursor() as cursor:
            cursor.executemany(
                "UPDATE room SET last = %s, turn = %s, last_at = %s, runs = %s WHERE id = %s",
                [(room.last, room.turn, room.last_at, room.runs, room.number) for room in self._rooms.values()],
            )


@contextmanager
def filling(connection: Connection) -> Iterator[PostgresqlFiller]:
    """A new journal, which becomes the one of the database when the block has ended well; see Engine.filling."""
    try:
        with connection.transaction():
            version_here(connection)
            migrate(connection)
            # Who begins a node, or gives a sign of life, waits until all of this is stored.
            connection.execute("LOCK TABLE node IN SHARE ROW EXCLUSIVE MODE")
            _refuse_while_alive(connection)
            if connection.execute("SELECT FROM batch WHERE count > 0 LIMIT 1").fetchone() is not None:
                raise FileProblem(
                    "the journal in the database has lines already; an import needs a database without any"
                )
            ended = PostgresqlRecords(connection).ended()
            connection.execute(f"TRUNCATE {', '.join(KEPT)}".encode())
            connection.execute("UPDATE journal SET identity = DEFAULT")  # the nodes' search indexes are of another one
            filler = PostgresqlFiller(connection)
            yield filler
            filler.finish()
            _end_again(connection, ended)
    except psycopg.Error as error:
        raise FileProblem(f"cannot write the journal into the database: {error}") from error


def _end_again(connection: Connection, ended: Sequence[Ended]) -> None:
    """Accounts that had ended here have ended, whatever was added; the next server rewrites their lines."""
    tables = PostgresqlRecords(connection)
    known = {one.account for one in tables.ended()}
    end_again(tables, [one for one in ended if one.account not in known], time.time())


def _refuse_while_alive(connection: Connection) -> None:
    names = [
        name
        for (name,) in connection.execute(
            "SELECT name FROM node WHERE seen > clock_timestamp() - make_interval(secs => %s) ORDER BY id",
            (ALIVE_SECONDS,),
        ).fetchall()
    ]
    if names:
        raise JournalInUse(f"the journal in the database is in use by {', '.join(names)}")


class PostgresqlRooms:
    """See RoomEditor."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def rooms(self) -> list[RoomRecord]:
        """All rooms; see RoomEditor."""
        with mapped_errors():
            return [one for one in records_of(self._connection.execute(ROOMS).fetchall()) if not one.parties]

    def keep_act(self, act: ServerAct, room: str = "") -> None:
        """Keep what was done to a room; see RoomEditor."""
        with mapped_errors(), self._connection.transaction():
            put_operators_act(PostgresqlRecords(self._connection), act, room)

    def rename_room(self, old: str, new: str, act: ServerAct) -> None:
        """Give a room another name; see RoomEditor. A server that begins just now hears of it."""
        with mapped_errors(), self._connection.transaction():
            told = encode_change(RoomRenamed(0, old, new))
            ((other, _),) = self._connection.execute(
                "SELECT * FROM rename_room(%s, %s, %s, %s, %s)", (old, new, name_key(new), skeleton(new), told)
            ).fetchall()
            if other is None:
                self.keep_act(act, new)
        if other is not None:
            raise FileProblem(f"there is a room {other}, whose name counts as the same as {new}, or looks like it")

    def delete_room(self, name: str) -> None:
        """Delete a room; see RoomEditor. PostgreSQL overwrites what was said when it needs the place."""
        with mapped_errors():
            self._connection.execute("SELECT delete_room(%s, %s)", (name, encode_change(RoomDeleted(0, name))))
            while self._connection.execute("SELECT forget_deleted(%s)", (FORGOTTEN_AT_ONCE,)).fetchone() != (0,):
                pass
            for table in ("batch", "sent", "position", "version"):
                self._connection.execute(f"VACUUM {table}".encode())


@contextmanager
def editing(connection: Connection) -> Iterator[PostgresqlRooms]:
    """The rooms of the database; see Engine.editing."""
    with mapped_errors():
        if not version_here(connection):
            raise FileProblem("there is no journal in the database")
        migrate(connection)
        _refuse_while_alive(connection)
    yield PostgresqlRooms(connection)
