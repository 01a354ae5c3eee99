"""The lobby: where one takes a nickname, and from where one enters a chat room."""

from typing import ClassVar

from chat_server.commands import Pause
from chat_server.directory import Directory
from chat_server.events import (
    EnteredHall,
    Help,
    LineTooLong,
    ListRooms,
    LoggedIn,
    Login,
    Logout,
    Refused,
    Renamed,
    Request,
    Say,
    Search,
    UnknownCommand,
    Unreadable,
    WrongUsage,
)
from chat_server.room import ListedRoom, Occupant, Room


class Hall(Room):
    """Where everybody is who is in no chat room. Nobody hears anybody here."""

    _FOR_STRANGERS: ClassVar[set[type[Request | Unreadable]]] = {
        *(Login, Logout, Help, ListRooms),
        *(UnknownCommand, WrongUsage, LineTooLong),
    }

    def __init__(self, directory: Directory[ListedRoom]) -> None:
        """Open the hall."""
        super().__init__("hall", directory)

    @property
    def place(self) -> str:
        """Where one is when one is here."""
        return "in the hall"

    async def enter(self, session: Occupant) -> None:
        """Take the session in, and say so."""
        session.send(EnteredHall())

    async def leave(self, session: Occupant) -> None:
        """Let the session go; the hall keeps no list."""

    def works_for(self, session: Occupant, request: type[Request | Unreadable]) -> bool:
        """Before login, few commands work; /login works only then. To say something is answered, but it does not work."""
        if session.nick:
            return super().works_for(session, request) and request not in (Login, Say)
        return request in self._FOR_STRANGERS

    def handle(self, session: Occupant, request: Request | Unreadable) -> Pause:
        """Carry out a request, if this session has a nickname or needs none for it."""
        if not session.nick and type(request) in self.commands and not self.works_for(session, type(request)):
            session.send(Refused("login-first"))
            return None
        return super().handle(session, request)

    def rooms_to_search(self, request: Search) -> list[str] | None:
        """There is nothing to find in the hall: look in all rooms."""
        del request
        return None

    def do_login(self, session: Occupant, request: Login) -> Pause:
        """Take a nickname.

        It has 1 to 32 letters of any script, digits, - and _. Upper and lower case count as the same.
        """
        if session.nick:
            session.send(Refused("logged-in-already", {"nick": session.nick}))
            return None
        nick = self.claim(session, request.nick)
        if nick:
            session.logged_in(nick)
            session.send(LoggedIn(nick))
        return None

    def announce_name(self, session: Occupant, old: str) -> Pause:
        """Tell the person; nobody else can see them here."""
        session.send(Renamed(old, session.nick))
        return None

    def do_say(self, session: Occupant, request: Say) -> Pause:
        """Say something; but nobody hears it in the hall."""
        del request
        session.send(Refused("nobody-hears"))
        return None
