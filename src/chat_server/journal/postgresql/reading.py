"""What is asked of the rooms and lines in the database, each by one statement. Blocks; never knows whose connection it is."""

from math import inf
from typing import Any

import msgspec
import psycopg
from psycopg.rows import TupleRow

from chat_server.journal import POSITIONS_MAX, Duplicate, Page, Party, RoomRecord
from chat_server.journal.batch_codec import Stored, Unknown, decode
from chat_server.journal.first_of_time import TimedBatch, first_of_time
from chat_server.journal.keys import SenderKey
from chat_server.journal.showable import showable
from chat_server.journal.times import times_of
from chat_server.journal.versions import Version, showable_versions
from chat_server.protocol.time_zones import is_possible

Connection = psycopg.Connection[TupleRow]

CONVERSATION = "dm"
"""The kind of room that is a conversation, in the tables."""

PARTIES = """CASE WHEN kind <> '' THEN (
    SELECT json_agg(json_build_array(who, has_accepted, began_at) ORDER BY place)::text FROM party WHERE party.room = room.id
) END"""
"""Asks for those of a room, as `parties_of` reads them."""

_ROOMS = f"""
    SELECT name, topic, kept_from, room.last, turn, state, {PARTIES}, uid, newest.at, newest.step, newest.count
    FROM room LEFT JOIN LATERAL (
        SELECT at, step, count FROM batch WHERE batch.room = room.id AND count > 0 ORDER BY first DESC LIMIT 1
    ) AS newest ON true WHERE NOT is_deleted AND
"""  # noqa: S608 - a list of columns
_PAGE = """
    SELECT kept_from, first, at, lines, step, authors FROM room LEFT JOIN batch ON batch.room = room.id AND count > 0
        AND first <= %b AND first >= coalesce(
            (SELECT max(first) FROM batch WHERE batch.room = room.id AND count > 0 AND first <= %b), 0
        ) WHERE room.id = %b AND NOT is_deleted ORDER BY first
"""
_BATCH = (
    "SELECT first, count, at, step FROM batch WHERE room = %b AND count > 0 AND first <= %b ORDER BY first DESC LIMIT 1"
)
_VERSIONS = "SELECT number, until, text, author FROM version WHERE room = %b AND seq = %b ORDER BY number"
_POSITIONS = "SELECT person, seq FROM position WHERE room = %b ORDER BY at DESC LIMIT %b"


def read_rooms(connection: Connection, only: str = "kind = ''", *values: object) -> list[RoomRecord]:
    """All rooms of which something is so, those for everybody if it is not said, in the order in which they were created, as they are stored."""
    asked = f"{_ROOMS} {only} ORDER BY id".encode()
    return [
        RoomRecord(name, topic, first, last, _last_time(*newest), turn, state, parties_of(parties), uid)
        for name, topic, first, last, turn, state, parties, uid, *newest in connection.execute(
            asked, values, binary=True
        ).fetchall()
    ]


def parties_of(text: str | None) -> tuple[Party, ...]:
    """Between whom a room is a conversation, by what `PARTIES` has of it."""
    return tuple(Party(*one) for one in msgspec.json.decode(text, type=list[tuple[str, bool, float]])) if text else ()


def _last_time(at: float | None, step: float, count: int) -> float:
    """The time of a batch's last line; nothing that counts if there is no batch, or its time cannot be."""
    return times_of(at, step, count)[-1] if at is not None and is_possible(at) else -inf


def read_page(connection: Connection, room: str, number: int, first: int, last: int) -> Page:
    """The lines of a room of this number and name, from one number to another, as they may be shown. Raises ValueError if one is damaged."""
    rows: list[Any] = connection.execute(_PAGE, [_bounded(last), _bounded(first), number], binary=True).fetchall()
    lines: list[Stored] = []
    for _, start, at, text, step, authors in rows:
        if start is not None:
            found = decode(text, room, start, at, step=step, authors=authors)
            lines += found[max(0, first - start) : last - start + 1]
    hidden = tuple(line.seq for line in lines if isinstance(line, Unknown))
    return Page(showable(lines), rows[0][0] if rows else 1, hidden)


def _bounded(number: int) -> int:
    """The number, or the nearest that PostgreSQL can count."""
    return max(-(2**63), min(number, 2**63 - 1))


def find_seq(connection: Connection, number: int, at: float, until: float) -> int:
    """The number of the first line of a room from one time on and before another; see Journal.seq_at."""

    def batch_with(seq: int) -> TimedBatch | None:
        found = connection.execute(_BATCH, [number, seq], binary=True).fetchall()
        return TimedBatch(*found[0]) if found else None

    asked = "SELECT kept_from, last, runs FROM room WHERE id = %b AND NOT is_deleted"
    for first, last, starts in connection.execute(asked, [number], binary=True).fetchall():
        return first_of_time(range(first, last + 1), starts, at, until, batch_with)
    return 1


def find_sent(sent: SenderKey, connection: Connection) -> Duplicate | None:
    """Where the line is that was sent under a key."""
    asked = "SELECT name, seq FROM sent JOIN room ON room.id = sent.room WHERE sender = %b AND sent.key = %b AND NOT is_deleted"
    rows = connection.execute(asked, [sent.sender, sent.key.encode()], binary=True).fetchall()
    return Duplicate(*rows[0]) if rows else None


def read_positions(connection: Connection, number: int) -> dict[str, int]:
    """How far people had come in a room, those who left it longest ago first."""
    return dict(reversed(connection.execute(_POSITIONS, [number, POSITIONS_MAX], binary=True).fetchall()))


def read_versions(connection: Connection, number: int, seq: int) -> list[Version]:
    """What a line of a room has said before, the oldest first."""
    rows = connection.execute(_VERSIONS, [number, seq], binary=True).fetchall()
    return showable_versions(
        Version(entry, until, msgspec.json.decode(text, type=str), author) for entry, until, text, author in rows
    )
