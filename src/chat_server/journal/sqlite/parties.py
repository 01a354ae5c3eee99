"""How it stands in the tables between whom a conversation is. Never begins or ends a transaction."""

import sqlite3
from collections.abc import Sequence

import msgspec

from chat_server.journal import Party

CONVERSATION = "dm"
"""The kind of room that is a conversation."""

PARTIES = (
    "CASE WHEN kind = '' THEN '' ELSE (SELECT json_group_array(json_array(who, has_accepted, began_at)) FROM"
    " (SELECT * FROM party WHERE party.room = room.id ORDER BY place)) END"
)
"""Asks for those of a room, as `parties_of` reads them."""

_NEXT = "1 + max(coalesce((SELECT max(id) FROM room), 0), coalesce((SELECT max(room) FROM deleted_room), 0))"
"""Asks for a number that no room has, nor one of which there is still anything."""


def parties_of(text: str) -> tuple[Party, ...]:
    """Between whom a room is a conversation, by what PARTIES has of it."""
    found: list[tuple[str, int, float]] = msgspec.json.decode(text) if text else []
    return tuple(Party(who, bool(has_accepted), began_at) for who, has_accepted, began_at in found)


def add_room(connection: sqlite3.Connection, name: str, room_id: str, parties: Sequence[Party]) -> int:
    """Add a room, or a conversation between these, as part of somebody's transaction, unless it is there. Returns its number."""
    kind = CONVERSATION if parties else ""
    made = connection.execute(
        f"INSERT INTO room (id, name, uid, kind) VALUES ({_NEXT}, ?, ?, ?) ON CONFLICT (name) DO NOTHING",  # noqa: S608 - what asks for a number
        (name, room_id, kind),
    )
    is_new = made.rowcount > 0
    ((number,),) = connection.execute("SELECT id FROM room WHERE name = ?", (name,))
    if is_new:
        connection.executemany(
            "INSERT INTO party (room, place, who, has_accepted, began_at) VALUES (?, ?, ?, ?, ?)",
            [(number, place, one.who, one.has_accepted, one.began_at) for place, one in enumerate(parties)],
        )
    return int(number)
