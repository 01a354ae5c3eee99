"""The lobby: where one takes a nickname, and from where one enters a chat room."""

from typing import ClassVar

from msgspec.structs import replace

from chat_server.commands.handler import Pause
from chat_server.protocol.events import EnteredHall, LoggedIn, Refused, Renamed
from chat_server.protocol.incoming import Invalid, UnknownCommand, Unreadable
from chat_server.protocol.requests import (
    ChooseCharset,
    ChooseColour,
    ChooseKeepalive,
    ChooseLanguage,
    ChooseMode,
    ChoosePlain,
    ChooseWrap,
    Help,
    ListRooms,
    Login,
    Logout,
    Request,
    Say,
    Search,
)
from chat_server.protocol.syntax import word_of
from chat_server.rooms.directory import Directory
from chat_server.rooms.room import ListedRoom, Occupant, Room
from chat_server.rooms.tokens import identity_of


class Hall(Room):
    """Where everybody is who is in no chat room. Nobody hears anybody here."""

    FOR_STRANGERS: ClassVar[set[type[Request | Unreadable]]] = {
        *(Login, Logout, Help, ListRooms),
        *(ChooseLanguage, ChooseCharset, ChooseMode, ChooseColour, ChooseWrap, ChoosePlain, ChooseKeepalive),
        *(UnknownCommand, Invalid),
    }

    FOR_NOBODY: ClassVar[set[type[Request | Unreadable]]] = {Login, Say}

    def __init__(self, directory: Directory[ListedRoom, Occupant]) -> None:
        """Open the hall."""
        super().__init__("hall", directory)

    def not_here(self, session: Occupant, request: type[Request | Unreadable]) -> Refused:
        """That this works in rooms only."""
        del session
        return Refused("not-in-hall", {"word": word_of(request)})

    async def enter(self, session: Occupant, *, is_return: bool = False) -> int:
        """Take the session in, and say so."""
        del is_return
        session.send(EnteredHall())
        return 0

    async def leave(self, session: Occupant) -> None:
        """Let the session go; the hall keeps no list."""

    def works_for(self, session: Occupant, request: type[Request | Unreadable]) -> bool:
        """Before login, few commands work; /login works only then. To say something is answered, but it does not work."""
        if session.nick:
            return super().works_for(session, request) and request not in self.FOR_NOBODY
        return request in self.FOR_STRANGERS

    def handle(self, session: Occupant, request: Request | Unreadable) -> Pause:
        """Carry out a request, if this session has a nickname or needs none for it."""
        if not session.nick and not self.works_for(session, type(request)):
            session.send(Refused("login-first"))
            return None
        return super().handle(session, request)

    def rooms_to_search(self, request: Search) -> list[str] | None:
        """There is nothing to find in the hall: look in all rooms."""
        del request
        return None

    def do_search(self, session: Occupant, request: Search) -> Pause:
        """Search all rooms.

        It finds lines that have all of the words.
        "Words in quotes" are found together; wor* is any word that begins with wor (three letters or more).
        """
        return super().do_search(session, request)

    def do_login(self, session: Occupant, request: Login) -> Pause:
        """Take a nickname.

        It has 1 to 32 letters of any script, digits, - and _. Upper and lower case count as the same.
        /login NICK plain starts in plain mode (see /help plain).
        """
        if session.nick:
            session.send(Refused("logged-in-already", {"nick": session.nick}))
            return None
        identity = identity_of(request.token)
        ghost = self.directory.identified(identity)
        if ghost is not None:
            return self._take_over(session, ghost, request.token)
        nick = self.claim(session, request.nick)
        if nick:
            if request.plain and session.has_terminal:
                session.prefer(replace(session.preferences, plain=True))
            self._log_in(session, nick, request.token)
        return None

    async def _take_over(self, session: Occupant, ghost: Occupant, token: str) -> None:
        """Give the session the name and the rooms of the same person's connection that was lost."""
        self.directory.hand_over(ghost.nick, ghost, session)
        self._log_in(session, ghost.nick, token, ghost.rooms)
        await session.take_over(ghost)

    def _log_in(self, session: Occupant, nick: str, token: str, rooms: tuple[str, ...] = ()) -> None:
        if token:
            self.directory.identify(identity_of(token), session)
        session.logged_in(nick, token)
        session.send(LoggedIn(nick, token, rooms))

    def announce_name(self, session: Occupant, old: str) -> Pause:
        """Tell the person; nobody else can see them here."""
        session.send(Renamed(old, session.nick))
        return None

    def do_say(self, session: Occupant, request: Say) -> Pause:
        """Say something; but nobody hears it in the hall."""
        del request
        session.send(Refused("nobody-hears"))
        return None
