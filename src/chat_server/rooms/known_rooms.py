"""Of which rooms somebody may know: a room that is only for its members is to everybody else as one that does not exist.

Whatever names a room to somebody, or answers differently where there is one, asks here, and not the directory. Never knows what was asked for.
"""

from collections.abc import Iterable

from chat_server.rooms.directory import Directory
from chat_server.rooms.person import Person
from chat_server.rooms.room import Occupant, Room


def known_room(place: Room, session: Occupant, name: str) -> Room | None:
    """The room with this name, or with one that counts as the same, if somebody may know of it."""
    return known_in(place.directory, session, name)


def known_in(directory: Directory[Room, Person[Occupant]], session: Occupant, name: str) -> Room | None:
    """The same, of the rooms of a directory."""
    return _if_shown(directory.room(name), session)


def formerly_known(place: Room, session: Occupant, name: str) -> Room | None:
    """The room that had this name before, if somebody may know of it."""
    return _if_shown(place.directory.formerly(name), session)


def known_room_of_id(place: Room, session: Occupant, room_id: str) -> Room | None:
    """The room with this id, whatever it is called, if somebody may know of it."""
    return _if_shown(place.directory.room_of_id(room_id), session)


def known_rooms(place: Room, session: Occupant, part: str = "") -> list[Room]:
    """The rooms that have this in their names, of which somebody may know, in the order in which they were opened; "" is in all."""
    return shown_to(place.directory.rooms_with(part), session)


def shown_to(rooms: Iterable[Room], session: Occupant) -> list[Room]:
    """Those of the rooms of which somebody may know."""
    return [room for room in rooms if room.is_shown_to(session)]


def _if_shown(room: Room | None, session: Occupant) -> Room | None:
    return room if room is not None and room.is_shown_to(session) else None
