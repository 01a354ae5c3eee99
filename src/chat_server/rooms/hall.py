"""The lobby: where one takes a nickname, and from where one enters a chat room. Never knows what can be asked for in it."""

from typing import ClassVar

from chat_server.protocol.events import EnteredHall, Refused
from chat_server.protocol.room_state import EMPTY
from chat_server.rooms.directory import Directory
from chat_server.rooms.person import MEMBER, Person
from chat_server.rooms.rights import ON_SERVER, Act, may, on_server
from chat_server.rooms.room import HALL, Occupant, Room


class Hall(Room):
    """The lobby, for everybody who is in no chat room. Nobody hears anybody here."""

    kind: ClassVar[str] = HALL

    def __init__(self, directory: Directory[Room, Person[Occupant]]) -> None:
        super().__init__("hall", directory)

    def refusal_of(self, session: Occupant, act: Act) -> Refused | None:
        """Why somebody may not do such a thing here: what is done in the hall is done to the whole server. A bot has no role there."""
        role = MEMBER if session.proof.is_bot else session.person.role
        refusal = may(ON_SERVER.get(act, act), on_server(session.person.account, role), None, EMPTY)
        if refusal is not None and refusal.code == "moderators-only":  # which speaks of a room
            return Refused("server-moderators-only")
        return refusal

    async def enter(self, session: Occupant, *, is_return: bool = False) -> int:
        """Take the session in, and say so."""
        del is_return
        session.send(EnteredHall())
        return 0

    async def leave(self, session: Occupant) -> None:
        """Let the session go; the hall keeps no list."""
