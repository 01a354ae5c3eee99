"""Who of the people in a room is away, as far as the server tells: on entering, in the list of people, and when one has named somebody. Pure."""

from collections.abc import Collection
from typing import Protocol

from msgspec import UnsetType

from chat_server.protocol.names import name_key
from chat_server.protocol.people_events import PersonAway


class Room(Protocol):
    """A room, as far as it matters here."""

    away: set[str]
    people_changes: int


class Rooms(Protocol):
    """What is known of a server, as far as it matters here."""

    def known(self, name: str) -> Room | None:
        """The room with this name, if it is known."""


def note_away(room: Room, away: Collection[str] | UnsetType) -> None:
    """These are away, and nobody else whose name is known."""
    _change(room, set() if isinstance(away, UnsetType) else set(map(name_key, away)))


def has_spoken(room: Room, nick: str) -> None:
    """Somebody has said something: they are not away."""
    if room.away:
        _change(room, room.away - {name_key(nick)})


def person_away(rooms: Rooms, event: PersonAway) -> None:
    """Somebody is away who was named in a room."""
    room = rooms.known(event.room) if event.room else None
    if room is not None:
        _change(room, room.away | {name_key(event.nick)})


def _change(room: Room, away: set[str]) -> None:
    if away != room.away:
        room.away = away
        room.people_changes += 1
