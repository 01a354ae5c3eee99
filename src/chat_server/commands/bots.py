"""Where a bot may be: in the rooms to which its token is limited, whatever they are called by now.

What is stored of the token is asked each time that it matters, so a room that has been renamed, or a token that is gone, counts at once.
Never knows how a bot logs in.
"""

from typing import ClassVar

from chat_server.commands.letting_in import readable
from chat_server.protocol.events import Refused
from chat_server.rooms.room import Occupant, Room


class NotForThisBot(Refused, frozen=True):
    """A bot's token is limited to other rooms."""

    code: str = "bot-elsewhere"
    sentence: ClassVar[str] = "This bot's token is not for {room}. /code bot makes one that is."


async def rooms_of_bot(place: Room, session: Occupant) -> tuple[str, ...] | Refused | None:
    """The rooms to which a bot is limited; None: it is not."""
    devices = await readable(place.directory.accounts.devices(session.person.account))
    if isinstance(devices, Refused):
        return devices
    return next((one.rooms for one in devices if one.id == session.proof.device), ())


async def refusal_of_room(room: Room, session: Occupant) -> Refused | None:
    """Why a bot may not be in this room, or open it; None if it may, or is none."""
    rooms = await rooms_of_bot(room, session) if session.proof.is_bot else None
    if rooms is None or isinstance(rooms, Refused):
        return rooms
    return None if room.name in rooms else NotForThisBot(details={"room": room.name})
