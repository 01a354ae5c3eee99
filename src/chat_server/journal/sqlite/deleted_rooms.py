"""What is left in the tables of rooms that have been deleted, and is deleted bit by bit, whenever that was broken off.

The room itself is gone by one commit (`schema.DELETE_ROOM`); its lines and keys are of no room then, and nobody who asks by a room's name finds them.
Everything here blocks, and is called by the thread that writes, by readers and by the commands for files. Never knows Trio.
"""

import sqlite3
from collections.abc import Sequence
from typing import NamedTuple

from chat_server.journal.sqlite.reader import Prunable
from chat_server.journal.sqlite.writer import Writer

FORGOTTEN_BATCHES, FORGOTTEN_KEYS = 200, 2000
"""Batches, or keys, that are deleted in one transaction, about 2 ms: that long an append may have to wait."""


def left_rooms(connection: sqlite3.Connection) -> list[int]:
    """The numbers of the rooms of which something may be left."""
    return [number for (number,) in connection.execute("SELECT room FROM deleted_room ORDER BY room")]


def deleted_names(connection: sqlite3.Connection) -> list[tuple[str, int]]:
    """What the search index has such rooms under, and the position from which on that may be another room's."""
    return connection.execute("SELECT name, max(before) FROM deleted_room WHERE name <> '' GROUP BY name").fetchall()


def left_batches(connection: sqlite3.Connection, room: int) -> list[Prunable]:
    """Some batches of such a room, the oldest first; none if there are no more."""
    rows = connection.execute(
        "SELECT id, first, count FROM batch WHERE room = ? ORDER BY first LIMIT ?", (room, FORGOTTEN_BATCHES)
    )
    return [Prunable(room, "", *row) for row in rows.fetchall()]


class Keys(NamedTuple):
    """Some keys of a room, by their ids. The next ones come `after` this id; None: these were the last."""

    ids: list[int]
    after: int | None


def left_keys(connection: sqlite3.Connection, room: int, after: int) -> Keys:
    """Some keys of such a room."""
    rows = connection.execute(
        "SELECT id FROM sent WHERE room = ? AND id > ? ORDER BY id LIMIT ?", (room, after, FORGOTTEN_KEYS)
    ).fetchall()
    ids = [number for (number,) in rows]
    return Keys(ids, ids[-1] if len(ids) == FORGOTTEN_KEYS else None)


def forget_keys(connection: sqlite3.Connection, room: int, ids: Sequence[int]) -> None:
    """Delete these keys; one that has been stored anew meanwhile is another room's."""
    connection.executemany("DELETE FROM sent WHERE id = ? AND room = ?", [(number, room) for number in ids])


def note_forgotten(connection: sqlite3.Connection, room: int) -> None:
    """Nothing of a room is in the tables or in the index any more; in the bytes of the files there may be."""
    connection.execute("UPDATE deleted_room SET name = '' WHERE room = ?", (room,))


def note_gone(connection: sqlite3.Connection, rooms: Sequence[int]) -> None:
    """Nothing of these rooms is in any file any more."""
    connection.executemany("DELETE FROM deleted_room WHERE room = ?", [(number,) for number in rooms])


def forget_all(writer: Writer, room: int) -> None:
    """Delete all that is left of a room, in a journal that nobody else has and that has no index."""
    while batches := writer.ask(lambda connection: left_batches(connection, room)):
        writer.delete(batches)
    after: int | None = 0
    while after is not None:
        ids, after = writer.ask(lambda connection, after=after: left_keys(connection, room, after))  # type: ignore[misc]
        writer.change(lambda connection, ids=ids: forget_keys(connection, room, ids))  # type: ignore[misc]
    writer.change(lambda connection: note_forgotten(connection, room))
