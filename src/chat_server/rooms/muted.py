"""Whether somebody may say nothing on the server, or is muted where they are: what they say otherwise than by a line is refused for that, too.

Never knows what they want to say.
"""

from chat_server.protocol.events import Refused
from chat_server.rooms.chat_room import ChatRoom
from chat_server.rooms.directory import Directory
from chat_server.rooms.person import Person
from chat_server.rooms.room import Occupant, Room
from chat_server.rooms.visitors import refusal_beside_rooms


def muted_anywhere(
    directory: Directory[Room, Person[Occupant]], session: Occupant, *, in_rooms: bool
) -> Refused | None:
    """Why somebody says nothing on the whole server, by a mute or panic, or, `in_rooms`, in one of the rooms where they are; None if they may."""
    in_force, now = directory.accounts.acts.in_force, directory.authentication.now()
    refusal = None if in_force.is_calm(now) else refusal_beside_rooms(in_force, session, now)
    if refusal is not None or not in_rooms:
        return refusal
    rooms = (directory.room(name) for name in session.person.rooms)
    gates = (room.gate for room in rooms if isinstance(room, ChatRoom) and room.gate.state.curbs)
    return next(filter(None, (gate.refusal_by_mute(session, now) for gate in gates)), None)
