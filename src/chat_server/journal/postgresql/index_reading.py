"""What a node's search index is made of, as the database is asked for it: rooms, what was stored, and what was rewritten.

What was stored is read in the order of transactions; a room's lines are numbered without holes, so what a commit that took longer has left out of
that order is seen by the numbers, and read. What was rewritten is read by the order of the transactions that did it, as far as none before them can
still end. Blocks; each function reads the one moment that the connection sees.
"""

from collections.abc import Mapping, Sequence
from typing import NamedTuple

import psycopg
from msgspec import Struct
from psycopg.rows import TupleRow

from chat_server.journal.batch_codec import Stored, Unknown, decode
from chat_server.journal.postgresql.cached_words import Batch, Cursor, Known, Place, word_of
from chat_server.journal.showable import showable
from chat_server.protocol.entries import Entry

Connection = psycopg.Connection[TupleRow]

_COLUMNS = "batch.room, first, count, at, step, lines, authors, (SELECT kind FROM room AS its WHERE its.id = batch.room) AS kind"

_STORED = f"""
SELECT {_COLUMNS}, tx::text::bigint, ticket FROM (
    SELECT room, turn, sum(count) OVER (ORDER BY tx, ticket, room) - count AS before FROM (
        SELECT tx, ticket, room, turn, count FROM batch WHERE count > 0 AND (tx, ticket, room) > (%b::text::xid8, %b, %b)
        ORDER BY tx, ticket, room LIMIT %b
    ) AS following
) AS chosen JOIN batch USING (room, turn) WHERE before < %b ORDER BY tx, ticket, room
"""  # noqa: S608 - a list of columns, as below
_BETWEEN = f"""
SELECT {_COLUMNS} FROM batch WHERE count > 0 AND room = %b AND first > %b AND first <= %b ORDER BY first LIMIT %b
"""  # noqa: S608
_REWRITTEN = f"""
SELECT {_COLUMNS}, rewritten::text::bigint, turn FROM batch
    WHERE (rewritten, room, turn) > (%b::text::xid8, %b, %b) AND rewritten < pg_snapshot_xmin(pg_current_snapshot())
    ORDER BY rewritten, room, turn LIMIT %b
"""  # noqa: S608
_LINES = f"""
SELECT {_COLUMNS}, room.name, wanted.seq
    FROM unnest(%b::bigint[], %b::bigint[]) WITH ORDINALITY AS wanted (room, seq, number), room, LATERAL (
        SELECT * FROM batch WHERE count > 0 AND room = wanted.room AND first <= wanted.seq ORDER BY first DESC LIMIT 1
    ) AS batch WHERE room.id = wanted.room AND NOT is_deleted ORDER BY wanted.number
"""  # noqa: S608
_ONE = f"SELECT {_COLUMNS} FROM batch WHERE count > 0 AND room = %b AND first = %b"  # noqa: S608

Rooms = Mapping[int, Known]
"""What the database keeps of rooms, by their numbers."""


class _Row(Struct, frozen=True):
    """A row of the columns above."""

    room: int
    first: int
    count: int
    at: float
    step: float
    text: str
    authors: str
    kind: str | None

    @property
    def last(self) -> int:
        return self.first + self.count - 1

    def lines(self, room: str = "") -> Sequence[Stored]:
        """The lines, in a room that is called so, or by its number. A batch that cannot be read fills its numbers, and a check tells of it."""
        name = room or word_of(self.room, is_conversation=bool(self.kind))
        try:
            found = decode(self.text, name, self.first, self.at, step=self.step, authors=self.authors)
        except ValueError:
            found = []
        if len(found) == self.count:
            return found
        return [Unknown(name, seq, self.at, b"null") for seq in range(self.first, self.last + 1)]

    def batch(self) -> Batch:
        return Batch(self.room, self.first, self.lines())


class Journal(NamedTuple):
    """Which journal it is; what began before the transaction `oldest` has ended, and nothing has begun from `newest` on."""

    identity: str
    oldest: int
    newest: int


class Following(NamedTuple):
    """Batches, each the next one of its room, and up to where they were read."""

    batches: Sequence[Batch]
    stored: Cursor


def journal(connection: Connection) -> Journal:
    """Which journal the database has."""
    ((identity, oldest, newest),) = connection.execute(
        "SELECT identity, pg_snapshot_xmin(pg_current_snapshot())::text::bigint,"
        " pg_snapshot_xmax(pg_current_snapshot())::text::bigint FROM journal"
    ).fetchall()
    return Journal(identity, oldest, newest)


def rooms_of(connection: Connection) -> dict[int, Known]:
    """All rooms, and what they keep."""
    rows = connection.execute("SELECT id, kept_from, last FROM room WHERE NOT is_deleted ORDER BY id").fetchall()
    return {number: Known(first, last) for number, first, last in rows}


def words_of(connection: Connection, names: Sequence[str]) -> list[str]:
    """What the rooms are called in the index that have these names."""
    rows = connection.execute("SELECT id, kind FROM room WHERE name = ANY (%b::text[]) AND NOT is_deleted", ([*names],))
    return [word_of(number, is_conversation=bool(kind)) for number, kind in rows.fetchall()]


def numbered(connection: Connection, name: str) -> list[tuple[str, int]]:
    """What the room is called in the index that has this name, if there is one, and its number."""
    rows = connection.execute("SELECT id, kind FROM room WHERE name = %b AND NOT is_deleted", (name,))
    return [(word_of(number, is_conversation=bool(kind)), number) for number, kind in rows.fetchall()]


def following(connection: Connection, after: Cursor, lasts: dict[int, int], limit: int) -> Following:
    """What was stored after what was read, about `limit` lines; `lasts` are the numbers of the last lines that rooms have in the index."""
    found: list[Batch] = []

    def take(batch: _Row) -> bool:
        """Take a batch, unless it is there or its room is no more. Returns whether that was possible: none of its room before it is missing."""
        last = lasts.get(batch.room, batch.last)
        if batch.first > last + 1:
            return False
        if batch.last > last:
            found.append(batch.batch())
            lasts[batch.room] = batch.last
        return True

    tx, ticket, room = after
    rows = connection.execute(_STORED, (str(tx), ticket, room, limit, limit)).fetchall()
    for *row, tx, ticket in rows:
        batch = _Row(*row)
        if not take(batch):
            # It waited for longer than what its room was given before it: as many of these as were to be read at once, before what follows.
            between = (batch.room, lasts[batch.room], batch.first - 1, limit)
            for missed in connection.execute(_BETWEEN, between).fetchall():
                take(_Row(*missed))
            if not take(batch):
                return Following(found, after)
        after = (tx, ticket, batch.room)
    return Following(found, after)


def left_out(connection: Connection, rooms: Rooms, lasts: Mapping[int, int], limit: int) -> list[Batch]:
    """What has been read of no room yet, about `limit` lines, when nothing more follows in the order of transactions."""
    found: list[Batch] = []
    lines = 0
    for number, room in rooms.items():
        if room.last > lasts[number] and lines < limit:
            rows = connection.execute(_BETWEEN, (number, lasts[number], room.last, limit - lines)).fetchall()
            found += [_Row(*row).batch() for row in rows]
            lines = sum(len(batch.lines) for batch in found)
    return found


def rewritten(connection: Connection, after: Cursor, limit: int) -> Following:
    """What was rewritten after what was read."""
    tx, room, turn = after
    rows = connection.execute(_REWRITTEN, (str(tx), room, turn, limit)).fetchall()
    return Following(
        [_Row(*row).batch() for *row, _, _ in rows], (rows[-1][-2], rows[-1][0], rows[-1][-1]) if rows else after
    )


def lines_at(connection: Connection, places: Sequence[Place]) -> list[Entry]:
    """The lines at these places, as they may be shown; those that are not there any more are left out."""
    found: list[Stored] = []
    wanted = ([place.room for place in places], [place.seq for place in places])
    for *row, name, seq in connection.execute(_LINES, wanted).fetchall():
        batch = _Row(*row)
        found += batch.lines(name)[seq - batch.first : seq - batch.first + 1]
    return showable(found)


def batch_at(connection: Connection, place: Place) -> Batch | None:
    """The batch that begins there."""
    row = connection.execute(_ONE, place).fetchone()
    return _Row(*row).batch() if row else None
