"""What the hall and the chat rooms have in common.

Sees a session only as an `Occupant`, so that every place is tested with a fake. Never knows bytes on the wire.
"""

import time
from abc import ABC, abstractmethod
from collections.abc import Callable, Collection
from itertools import islice
from typing import Protocol

import trio

from chat_server.commands.handler import Pause
from chat_server.commands.settings import Choices, Chooser
from chat_server.journal import JournalError
from chat_server.protocol.events import (
    CommandExplained,
    Event,
    HelpListed,
    HistoryChosen,
    Refused,
    RoomCreated,
    RoomsListed,
    ZoneShown,
)
from chat_server.protocol.incoming import Invalid, UnknownCommand, Unreadable
from chat_server.protocol.names import BadName, parse_new_name, parse_nickname, same_name_key
from chat_server.protocol.requests import (
    GROUPS,
    HISTORY_MAX,
    ROOMS_SHOWN_MAX,
    TOPIC_SHOWN_MAX,
    Create,
    Help,
    History,
    Join,
    ListRooms,
    Logout,
    Rename,
    Request,
    Resume,
    Search,
    Time,
)
from chat_server.protocol.syntax import REQUESTS, is_command, usage_of, wrong_usage
from chat_server.protocol.time_zones import BadZone, parse_zone
from chat_server.protocol.typed import nearest, shortened, unexpected, unknown_command
from chat_server.rooms.directory import Directory
from chat_server.rooms.paging import search

RESUMED_MAX = 100
"""Rooms that one request enters again."""

ROOMS_IN_HELP_MAX = 20
"""Rooms that /help names, and among which a near miss is looked for, at 30 us each; /rooms names them all."""


_TYPED = sorted(
    (request for request in Request.__subclasses__() if request.is_typed),
    key=lambda request: GROUPS.index(request.group),
)
"""What people type, by what it is about."""


class EndSession(Exception):
    """Raised by a command to end the session that gave it."""


class Occupant(Chooser, Protocol):
    """What a place knows of a session."""

    nick: str
    """The nickname, or "" before login."""
    sender: str
    """Who this is to the journal, whatever the nickname becomes: the same key from the same sender is stored once."""

    @property
    def network(self) -> str:
        """The address that it is from, as far as addresses count; else "".

        What one may do seldom is counted by it too.
        """

    history: int
    """How many lines one wants to see on entering a room."""
    zone: str
    """In which zone one wants times shown (see time_zones.py)."""
    show: Callable[[Event], bytes]
    """How this kind of reader is shown an event. Readers of one kind have the same function, so a room calls it once for all of them."""

    def show_among(self, kinds: Collection[Callable[[Event], bytes]], limit: int) -> Callable[[Event], bytes]:
        """How it can be shown things where so many kinds of readers are known that there should be no more of them, if possible."""

    show_naming: Callable[[Event], bytes] | None
    """The same for a line that names the reader; None if that makes no difference."""

    @property
    def push(self) -> Callable[[bytes], None]:
        """What gives bytes to the reader, or drops them: never blocks, never raises."""

    @property
    def hears_itself(self) -> bool:
        """Whether it is shown its own lines as everybody else is. Who types them into a program of their own sees them already."""

    @property
    def rooms(self) -> tuple[str, ...]:
        """The names of the rooms where it is."""

    def logged_in(self, nick: str, token: str) -> None:
        """The person has this nickname from now on, and a member's rights; who has no token is known by the nickname."""

    async def enter(self, place: "Room", *, is_return: bool = False) -> int:
        """Enter this place; who can be in one place only leaves the other first.

        Args:
            place: where to.
            is_return: it has been here on a connection that was lost, and asks by itself for what it missed.

        Returns:
            The number of the last line that was said in it before.

        """

    async def leave(self, place: "Room", hall: "Room") -> None:
        """Leave this place; who can be in one place only enters the hall."""

    def renamed(self, old: str) -> Pause:
        """Tell everybody who should know that the nickname has changed."""

    async def take_over(self, ghost: "Occupant") -> None:
        """Be in all the rooms where the same person's lost connection is, instead of it, and end it."""

    async def drained(self) -> None:
        """Wait until nothing waits to be written to the reader."""

    def has_come_to(self, room: str, seq: int | None) -> None:
        """Note that the reader has been given a room's lines up to this one, and is being given more; None: up to where the room is."""

    def be_replaced(self, heir_is_there: trio.Event) -> None:
        """Carry out nothing more, and end when the heir is there: the same person on another connection."""

    def fail(self) -> None:
        """End: something of the server's went wrong for this session alone. Never raises."""


class Room(Choices, ABC):
    """A place where sessions are: what can be done in all of them."""

    def __init__(self, name: str, directory: "Directory[ListedRoom, Occupant]") -> None:
        """Make an empty place."""
        self.name = name
        self.directory = directory

    @abstractmethod
    def not_here(self, session: Occupant, request: type[Request | Unreadable]) -> Refused:
        """That this does not work here."""

    @property
    def nicks(self) -> list[str]:
        """Who is here, as far as others can see."""
        return []

    def shown_anew(self, session: Occupant, shown_before: Callable[[Event], bytes]) -> None:
        """Somebody who is here is shown things in another way from now on, or by another `push`."""
        del session, shown_before

    @property
    def position(self) -> dict[str, int]:
        """The room, and the number of its line, up to which somebody who is here has been shown everything; {} where nothing is said."""
        return {}

    @abstractmethod
    async def enter(self, session: Occupant, *, is_return: bool = False) -> int:
        """Take the session in. When this returns, it has been told where it is; see `Occupant.enter`."""

    @abstractmethod
    async def leave(self, session: Occupant) -> None:
        """Let the session go. When this returns, nothing from here reaches it any more. Harmless for one that is not here."""

    def forget(self, session: Occupant) -> None:
        """Let the session go without its waiting for it: `leave` has failed."""
        del session

    def works_for(self, session: Occupant, request: type[Request | Unreadable]) -> bool:
        """Whether this session may ask for this here."""
        del session
        return request in self.commands

    def handle(self, session: Occupant, request: Request | Unreadable) -> Pause:
        """Carry out a request. Raises EndSession if it ends the session."""
        command = self.commands.get(type(request))
        if command is None:
            session.send(self.not_here(session, type(request)))
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
            session.send(self.not_here(session, asked))
        elif room := self.directory.room(word):
            session.send(CommandExplained(f"/{room.name}", f"Enter the room {room.name}.", (), room.name))
        else:
            self._refuse_word(session, word)
        return None

    def do_rooms(self, session: Occupant, request: ListRooms) -> Pause:
        """List the rooms, and how many people are in each.

        The busiest come first. With a name: list the rooms that have it in their names.
        """
        rooms = self.directory.rooms_with(request.name)
        busiest = sorted(rooms, key=lambda room: -room.population)[:ROOMS_SHOWN_MAX]
        topics = {room.name: room.topic[:TOPIC_SHOWN_MAX] for room in busiest if room.topic}
        session.send(RoomsListed(tuple((room.name, room.population) for room in rooms), topics, request.name))
        return None

    def do_join(self, session: Occupant, request: Join) -> Pause:
        """Enter a room.

        From another room, this leaves the one and enters the other. The room's name alone does the same: /python is /join python.
        """
        room = self.directory.room(request.room)
        if room is None:
            near = nearest(request.room, [room.name for room in self.directory.rooms[:ROOMS_IN_HELP_MAX]])
            details = {"room": shortened(request.room)}
            session.send(
                Refused("no-such-room-but", details | {"near": near}) if near else Refused("no-such-room", details)
            )
            return None
        if room is self:
            session.send(Refused("in-room-already", {"room": room.name}))
            return None
        return self._enter(session, room)

    async def _enter(self, session: Occupant, room: "ListedRoom") -> None:
        await session.enter(room)

    def do_resume(self, session: Occupant, request: Resume) -> Pause:
        """Enter rooms again, and have all that was said in them since."""
        return self._resume(session, request)

    async def _resume(self, session: Occupant, request: Resume) -> None:
        if len(request.rooms) > RESUMED_MAX:
            session.send(Refused("too-many-rooms", {"limit": str(RESUMED_MAX)}))
            return
        for name, number in {same_name_key(name): number for name, number in request.rooms.items()}.items():
            room = self.directory.room(name)
            if room is None:
                session.send(Refused("no-such-room", {"room": shortened(name)}))
                continue
            last = await session.enter(room, is_return=True)
            if last >= 0:
                await room.catch_up(session, number, last)

    def do_create(self, session: Occupant, request: Create) -> Pause:
        """Open a new room.

        It is open to everybody, and stays. Its name follows the rules for nicknames.
        """
        try:
            name = parse_new_name(request.room)
        except BadName as error:
            session.send(Refused(error.code))
            return None
        if is_command(name) and self.directory.room(name) is None:
            session.send(Refused("room-is-command", {"room": name}))
            return None
        return self._found(session, name)

    async def _found(self, session: Occupant, name: str) -> None:
        try:
            refusal = await self.directory.found_room(name, session.sender, session.network)
        except JournalError:
            session.send(Refused("cannot-store"))
            return
        session.send(refusal or RoomCreated(name))

    def do_search(self, session: Occupant, request: Search) -> Pause:
        """Search this room (-a: all rooms).

        It finds lines that have all of the words.
        "Words in quotes" are found together; wor* is any word that begins with wor (three letters or more).
        With -a it looks in all rooms.
        """
        return self._search(session, request)

    async def _search(self, session: Occupant, request: Search) -> None:
        await self.settled(session)
        await search(self.directory.journal, session, request.words, self.rooms_to_search(request))

    async def settled(self, session: Occupant) -> None:
        """Wait until what the session has said here is stored and shown: what it reads then must not lack its own last line."""
        del session

    @abstractmethod
    def rooms_to_search(self, request: Search) -> list[str] | None:
        """In which rooms to look; None: in all."""

    def do_history(self, session: Occupant, request: History) -> Pause:
        """Choose how many lines you see on entering a room.

        It is 0 to 50. Without a number: show how many.
        """
        if request.before is not None or request.after is not None:
            return self.read_history(session, request)
        if request.count is not None:
            session.history = min(request.count, HISTORY_MAX)
        session.send(HistoryChosen(session.history))
        return None

    def read_history(self, session: Occupant, request: History) -> Pause:
        """Show a page of the past, where there is one."""
        session.send(self.not_here(session, type(request)))
        return None

    def do_time(self, session: Occupant, request: Time) -> Pause:
        """Choose the zone in which times are shown.

        Such as Europe/Berlin or +02:00. Without one: show the time, and in which zone.
        """
        if request.zone:
            try:
                session.zone = parse_zone(request.zone)
            except BadZone:
                session.send(Refused("no-such-zone", {"zone": shortened(request.zone)}))
                return None
        session.send(ZoneShown(session.zone, time.time()))
        return None

    def claim(self, session: Occupant, wanted: str) -> str:
        """Give the session this name in the directory. Return the name in its one form, or "" after saying why not."""
        try:
            nick = parse_nickname(wanted)
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
        return session.renamed(old)

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
            return self.do_refuse(session, wrong_usage(f"/{room.name}", unexpected(request.arguments)))
        return self.handle(session, Join(room.name))

    def do_refuse(self, session: Occupant, request: Invalid) -> Pause:
        """Answer with what is wrong."""
        session.send(Refused(request.code, request.details))
        return None

    def _works_here(self, session: Occupant) -> list[type[Request]]:
        return [
            request
            for request in _TYPED
            if self.works_for(session, request) and (session.has_terminal or not request.is_for_terminals)
        ]

    def _help(self, session: Occupant) -> HelpListed:
        available = self._works_here(session)
        rooms = self._rooms_as_commands() if Join in available else []
        return HelpListed(
            tuple((usage_of(request), self.commands[request].summary) for request in available),
            tuple(rooms),
            tuple(request.group for request in available),
        )

    def _rooms_as_commands(self) -> list[str]:
        """The rooms that are entered by their name alone, as far as /help names them; one that is called as a command is, is not."""
        entered = (room.name for room in self.directory.rooms if not is_command(room.name))
        return list(islice(entered, ROOMS_IN_HELP_MAX))

    def _refuse_word(self, session: Occupant, word: str) -> None:
        """Say that there is no such command, and which one may have been meant."""
        available = self._works_here(session)
        words = [word_for for word_for, request in REQUESTS.items() if request in available]
        if Join in available:
            words += self._rooms_as_commands()
        session.send(Refused(*unknown_command(word, words)))


class ListedRoom(Room):
    """A room that the directory lists."""

    @property
    @abstractmethod
    def population(self) -> int:
        """How many are here."""

    @property
    @abstractmethod
    def topic(self) -> str:
        """What is said to be its topic, or ""."""

    @abstractmethod
    async def catch_up(self, session: Occupant, after: int, last: int) -> None:
        """Show the session every line behind `after`, up to and with `last`."""

    @abstractmethod
    async def succeed(self, ghost: Occupant, heir: Occupant) -> int:
        """Take `heir` in instead of `ghost`, unseen by the others; see `enter`."""
