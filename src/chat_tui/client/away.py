"""Who of the people in a room is away, and why, as far as the server tells: on entering, in the list of people, when one has named one. Pure."""

from collections.abc import Collection, Mapping
from typing import Protocol

from msgspec import UNSET, UnsetType

from chat_server.protocol.names import name_key
from chat_server.protocol.people_events import PersonAway


class Room(Protocol):
    """A room, as far as it matters here."""

    away: dict[str, str]
    people_changes: int


class Rooms(Protocol):
    """What is known of a server, as far as it matters here."""

    def known(self, name: str) -> Room | None:
        """The room with this name, if it is known."""


def note_away(room: Room, away: Collection[str] | UnsetType, reasons: Mapping[str, str] | UnsetType = UNSET) -> None:
    """These are away, for these reasons, and nobody else whose name is known."""
    said = {} if isinstance(reasons, UnsetType) else reasons
    _change(room, {} if isinstance(away, UnsetType) else {name_key(nick): said.get(nick, "") for nick in away})


def has_spoken(room: Room, nick: str) -> None:
    """Somebody has said something: they are not away."""
    if room.away:
        _change(room, {key: why for key, why in room.away.items() if key != name_key(nick)})


def person_away(rooms: Rooms, event: PersonAway) -> None:
    """Somebody is away who was named in a room."""
    room = rooms.known(event.room) if event.room else None
    if room is not None:
        _change(room, room.away | {name_key(event.nick): event.away})


def renamed(room: Room, old: str, new: str) -> None:
    """Somebody is called otherwise, and as much away as before."""
    _change(room, {name_key(new) if key == name_key(old) else key: why for key, why in room.away.items()})


def _change(room: Room, away: dict[str, str]) -> None:
    if away != room.away:
        room.away = away
        room.people_changes += 1
