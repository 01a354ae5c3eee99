"""How far people have come in rooms, as it stands in the file. Blocks; never knows when it is stored."""

import sqlite3
import time
from collections.abc import Mapping

import msgspec

from chat_server.journal import POSITIONS_MAX


def store_positions(
    connection: sqlite3.Connection, rooms: Mapping[str, int], positions: Mapping[tuple[str, str], int]
) -> None:
    """Store how far people have come, by room and person. `rooms` are the rooms' numbers."""
    rows = [(rooms[room], person, seq) for (room, person), seq in positions.items()]
    connection.execute(
        "INSERT INTO position (room, person, seq, at) SELECT json_extract(value, '$[0]'), json_extract(value, '$[1]'),"
        " json_extract(value, '$[2]'), ? FROM json_each(?) WHERE true"
        " ON CONFLICT DO UPDATE SET seq = excluded.seq, at = excluded.at",
        (time.time(), msgspec.json.encode(rows).decode()),
    )


def forget_positions(connection: sqlite3.Connection, limit: int) -> int:
    """Forget places of people beyond POSITIONS_MAX in a room, of each so many at most. Returns how many went."""
    gone = 0
    for (room,) in connection.execute(
        "SELECT room FROM position GROUP BY room HAVING count(*) > ?", (POSITIONS_MAX,)
    ).fetchall():
        gone += connection.execute(
            "DELETE FROM position WHERE room = ?1 AND person IN"
            " (SELECT person FROM position WHERE room = ?1 ORDER BY at DESC LIMIT ?2 OFFSET ?3)",
            (room, limit, POSITIONS_MAX),
        ).rowcount
    return gone
