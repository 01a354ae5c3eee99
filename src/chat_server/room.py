"""What the hall and the chat rooms have in common, and the directory of who and what there is.

Sees a session only as an `Occupant`, so that every place is tested with a fake of ten lines. Never knows bytes on the wire.
"""

import difflib
from abc import ABC, abstractmethod
from collections.abc import Callable
from typing import Protocol

from chat_server.commands import CommandHandler, Pause
from chat_server.events import (
    CommandExplained,
    Event,
    Help,
    HelpListed,
    Join,
    LineTooLong,
    ListRooms,
    Logout,
    Refused,
    Rename,
    Request,
    RoomsListed,
    UnknownCommand,
    Unreadable,
    WrongUsage,
)
from chat_server.names import BadName, parse_name, same_name_key
from chat_server.syntax import REQUESTS, usage_of, word_of

SHOWN_MAX = 40
"""Characters of a person's own word that are shown back to them in an answer."""

ROOMS_IN_HELP_MAX = 20
"""Rooms that /help names, and among which a near miss is looked for, at 30 us each; /rooms names them all."""


class EndSession(Exception):
    """Raised by a command to end the session that gave it."""


class Occupant(Protocol):
    """What a place knows of a session."""

    nick: str
    """The nickname, or "" before login."""
    show: Callable[[Event], bytes]
    """How this kind of reader is shown an event. Readers of one kind have the same function, so a room calls it once for all of them."""

    def push(self, data: bytes) -> None:
        """Give bytes to the reader, or drop them: never blocks, never raises."""

    def send(self, event: Event) -> None:
        """Show an event to the reader: `push(show(event))`."""

    def logged_in(self, nick: str) -> None:
        """The person has this nickname from now on, and a member's rights."""

    async def enter(self, place: "Room") -> None:
        """Leave the place where the session is and enter this one."""


class Directory:
    """Who is here under which name, and which rooms there are."""

    def __init__(self) -> None:
        """Nobody, and no rooms."""
        self._people: dict[str, Occupant] = {}
        self._rooms: dict[str, ListedRoom] = {}

    def claim(self, nick: str, person: Occupant) -> bool:
        """Give the name to this person. Return False if somebody else has it, or one that counts as the same."""
        return self._people.setdefault(same_name_key(nick), person) is person

    def release(self, nick: str, person: Occupant) -> None:
        """Take the name back, if this person has it."""
        key = same_name_key(nick)
        if self._people.get(key) is person:
            del self._people[key]

    def open_room(self, room: "ListedRoom") -> None:
        """List a room."""
        self._rooms[same_name_key(room.name)] = room

    def room(self, name: str) -> "ListedRoom | None":
        """The room with this name, or with one that counts as the same."""
        return self._rooms.get(same_name_key(name))

    @property
    def rooms(self) -> "list[ListedRoom]":
        """All rooms, in the order in which they were opened."""
        return list(self._rooms.values())

    def __contains__(self, person: object) -> bool:
        return person in self._people.values()


class Room(CommandHandler, ABC):
    """A place where sessions are: what can be done in all of them."""

    def __init__(self, name: str, directory: Directory) -> None:
        """Make an empty place."""
        self.name = name
        self.directory = directory

    @property
    @abstractmethod
    def place(self) -> str:
        """Where one is when one is here, as part of a sentence."""

    @abstractmethod
    async def enter(self, session: Occupant) -> None:
        """Take the session in. When this returns, it has been told where it is."""

    @abstractmethod
    async def leave(self, session: Occupant) -> None:
        """Let the session go. When this returns, nothing from here reaches it any more. Harmless for one that is not here."""

    def works_for(self, session: Occupant, request: type[Request | Unreadable]) -> bool:
        """Whether this session may ask for this here."""
        del session
        return request in self.commands

    def handle(self, session: Occupant, request: Request | Unreadable) -> Pause:
        """Carry out a request. Raises EndSession if it ends the session."""
        command = self.commands.get(type(request))
        if command is None:
            session.send(Refused("not-here", {"word": word_of(type(request)), "place": self.place}))
            return None
        return command.run(self, session, request)

    def do_help(self, session: Occupant, request: Help) -> Pause:
        """List what can be done here.

        With a command's name, explain that command.
        """
        if not request.command:
            session.send(self._help(session))
            return None
        word = request.command.removeprefix("/")
        asked = REQUESTS.get(word.casefold())
        command = self.commands.get(asked) if asked else None
        if asked and command:
            session.send(CommandExplained(usage_of(asked), command.explanation, asked.aliases))
        elif asked:
            session.send(Refused("not-here", {"word": word_of(asked), "place": self.place}))
        elif room := self.directory.room(word):
            session.send(CommandExplained(f"/{room.name}", f"Enter the room {room.name}.", ()))
        else:
            self._refuse_word(session, word)
        return None

    def do_rooms(self, session: Occupant, request: ListRooms) -> Pause:
        """List the rooms, and how many people are in each."""
        del request
        session.send(RoomsListed(tuple((room.name, room.population) for room in self.directory.rooms)))
        return None

    def do_join(self, session: Occupant, request: Join) -> Pause:
        """Enter a room.

        From another room, this leaves the one and enters the other. The room's name alone does the same: /python is /join python.
        """
        room = self.directory.room(request.room)
        if room is None:
            near = _nearest(request.room, [room.name for room in self.directory.rooms[:ROOMS_IN_HELP_MAX]])
            details = {"room": _shortened(request.room)}
            session.send(
                Refused("no-such-room-but", details | {"near": near}) if near else Refused("no-such-room", details)
            )
            return None
        if room is self:
            session.send(Refused("in-room-already", {"room": room.name}))
            return None
        return session.enter(room)

    def claim(self, session: Occupant, wanted: str) -> str:
        """Give the session this name in the directory. Return the name in its one form, or "" after saying why not."""
        try:
            nick = parse_name(wanted)
        except BadName as error:
            session.send(Refused(error.code))
            return ""
        if not self.directory.claim(nick, session):
            session.send(Refused("name-taken", {"nick": nick}))
            return ""
        return nick

    def do_nick(self, session: Occupant, request: Rename) -> Pause:
        """Change your nickname.

        Everybody in the room is told.
        """
        old = session.nick
        nick = self.claim(session, request.nick)
        if not nick:
            return None
        if nick == old:
            session.send(Refused("same-name", {"nick": nick}))
            return None
        if same_name_key(nick) != same_name_key(old):
            self.directory.release(old, session)
        session.nick = nick
        return self.announce_name(session, old)

    @abstractmethod
    def announce_name(self, session: Occupant, old: str) -> Pause:
        """Tell whom it concerns that the session has a new nickname."""

    def do_logout(self, session: Occupant, request: Logout) -> Pause:
        """Leave the server."""
        del session, request
        raise EndSession

    def do_unknown(self, session: Occupant, request: UnknownCommand) -> Pause:
        """Enter the room with this name; or say that there is no such command."""
        room = self.directory.room(request.word)
        if room is None:
            self._refuse_word(session, request.word)
            return None
        if request.arguments:
            session.send(Refused("usage", {"usage": f"/{room.name}"}))
            return None
        return self.handle(session, Join(room.name))

    def do_refuse_usage(self, session: Occupant, request: WrongUsage) -> Pause:
        """Answer with the usage line."""
        session.send(Refused("usage", {"usage": request.usage}))
        return None

    def do_refuse_length(self, session: Occupant, request: LineTooLong) -> Pause:
        """Answer with the limit."""
        session.send(Refused("line-too-long", {"limit": str(request.limit)}))
        return None

    def _works_here(self, session: Occupant) -> list[type[Request]]:
        return [request for request in Request.__subclasses__() if self.works_for(session, request)]

    def _help(self, session: Occupant) -> HelpListed:
        available = self._works_here(session)
        rooms = [room.name for room in self.directory.rooms[:ROOMS_IN_HELP_MAX]] if Join in available else []
        return HelpListed(
            tuple((usage_of(request), self.commands[request].summary) for request in available), tuple(rooms)
        )

    def _refuse_word(self, session: Occupant, word: str) -> None:
        """Say that there is no such command, and which one may have been meant."""
        available = self._works_here(session)
        words = [word_for for word_for, request in REQUESTS.items() if request in available]
        if Join in available:
            words += [room.name for room in self.directory.rooms[:ROOMS_IN_HELP_MAX]]
        near = _nearest(word, words)
        details = {"word": _shortened(word)}
        session.send(
            Refused("unknown-command-but", details | {"near": near}) if near else Refused("unknown-command", details)
        )


class ListedRoom(Room):
    """A room that the directory lists."""

    @property
    @abstractmethod
    def population(self) -> int:
        """How many are here."""


def _nearest(word: str, words: list[str]) -> str:
    """The word that was probably meant, or ""."""
    near = difflib.get_close_matches(word.casefold()[:SHOWN_MAX], words, n=1, cutoff=0.7)
    return near[0] if near else ""


def _shortened(word: str) -> str:
    return word if len(word) <= SHOWN_MAX else word[:SHOWN_MAX] + "…"
