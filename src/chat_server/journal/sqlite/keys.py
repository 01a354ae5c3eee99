"""The keys under which lines were sent, so that what is sent again is stored once.

What is done here is part of a transaction of the writer's. Never begins or ends one.
"""

import sqlite3
from collections.abc import Mapping

import msgspec

from chat_server.journal import Duplicate
from chat_server.journal.sqlite.batch_rows import Append


def store_keys(
    connection: sqlite3.Connection, append: Append, first: int, rooms: Mapping[str, int]
) -> dict[int, Duplicate]:
    """Store the keys of the lines that have one.

    Args:
        connection: in a transaction.
        append: the batch, in which some lines have keys.
        first: the number that the first of its lines gets.
        rooms: the rooms' numbers, by name.

    Returns:
        Which lines, by index, were stored before, or stand twice in the batch.

    """
    if _are_stored_as_new(connection, append, first, rooms):
        return {}
    duplicates: dict[int, Duplicate] = {}
    for index, pair in sorted(append.keys.items()):
        line = append.lines[index]
        known = connection.execute(
            "SELECT name, seq FROM sent JOIN room ON room.id = sent.room WHERE sender = ? AND key = ?", pair
        ).fetchall()
        if known:
            duplicates[index] = Duplicate(*known[0])
        else:
            connection.execute(  # in place of one of a room that is no more
                "INSERT OR REPLACE INTO sent (sender, key, room, seq, at) VALUES (?, ?, ?, ?, ?)",
                (*pair, rooms[line.room], first + index - len(duplicates), line.at),
            )
    return duplicates


def _are_stored_as_new(connection: sqlite3.Connection, append: Append, first: int, rooms: Mapping[str, int]) -> bool:
    """Store all keys by one statement, if all are new; else store none. To look up and store each by itself took four times as long."""
    line = append.lines[0]  # what it says of the time is near enough: keys are kept for days
    rows = [(first + index, *pair) for index, pair in append.keys.items()]
    stored = connection.execute(
        "INSERT INTO sent (sender, key, room, seq, at) SELECT json_extract(value, '$[1]'), json_extract(value, '$[2]'), ?,"
        " json_extract(value, '$[0]'), ? FROM json_each(?) WHERE true ON CONFLICT DO NOTHING",
        (rooms[line.room], line.at, msgspec.json.encode(rows).decode()),
    )
    if stored.rowcount == len(rows):
        return True
    if stored.rowcount:
        connection.execute("DELETE FROM sent WHERE id > ?", ((stored.lastrowid or 0) - stored.rowcount,))
    return False
