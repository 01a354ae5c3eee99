"""One program's connection: a session that is in as many rooms as it asks for, and names the room in every request.

Knows which place a request is for, and which request an answer belongs to. Never knows what a command means.
"""

from collections.abc import Awaitable, Callable, Collection
from typing import ClassVar

import trio
from msgspec.structs import replace

from chat_server.commands.handler import Pause
from chat_server.config import HistoryTable, Limits
from chat_server.guard import Guard
from chat_server.protocol.entries import Storable
from chat_server.protocol.events import (
    AliveAnswered,
    AliveAsked,
    Dismissed,
    Event,
    NotStored,
    Refused,
    Slowed,
    Stored,
    Timed,
    Welcomed,
    WentBack,
)
from chat_server.protocol.incoming import Addressed, Unreadable
from chat_server.protocol.names import same_name_key
from chat_server.protocol.preferences import Preferences
from chat_server.protocol.requests import PROTOCOL, AnswerAlive, AskAlive, Hello, Login, Ref, Request, Say
from chat_server.rooms.room import Occupant, Room
from chat_server.rooms.tokens import new_token
from chat_server.sessions.session import LIGHT_CHARACTERS, ChatSession, Neighbours, left
from chat_server.sessions.transport import Transport
from chat_server.wire.json_lines import JsonDecoder, show_answer, show_for

ROOMS_MAX = 100
"""Rooms in which one session can be at a time. Each costs its broadcaster one push a batch."""

ASKED_AFTER = 1 / 3
"""The part of `silence_seconds` after which a silent program is asked whether it is still there; then again after the same."""

ROOM_SHOWN_MAX = 40
"""Characters of a room's name that does not exist which are sent back."""

_UNASKED = (Timed, Slowed, Dismissed, AliveAsked)
"""What comes by itself, whatever has been asked last."""


class ProgramSession(ChatSession[Addressed]):
    """A program on a connection. It is always in the hall, where what names no room is done, and in rooms beside."""

    hears_itself: ClassVar[bool] = True

    __slots__ = ("_asked_room", "_catching_up", "_json", "_key", "_marks", "_protocol", "_ref", "_rooms", "_welcome")

    def __init__(
        self,
        transport: Transport,
        decoder: JsonDecoder,
        *,
        welcome: Welcomed,
        place: Room,
        limits: Limits,
        history: HistoryTable,
        preferences: Preferences,
        neighbours: Neighbours,
        start: Callable[[Callable[[], Awaitable[None]]], None],
    ) -> None:
        """Begin in no room. `welcome` is the answer to a hello; `start` starts a task that may outlive a call."""
        self._welcome = welcome
        self._protocol = 1  # until it says that it knows a newer one
        self._rooms: dict[str, tuple[Room, int]] = {}  # by the name's key, with the number behind which it is heard
        self._catching_up: dict[str, int] = {}  # the number up to which a room's past has been sent
        self._marks: dict[str, list[Ref]] = {}  # of what is being stored, by key
        self._json = decoder
        self._ref: Ref | None = None  # of the request in hand, and of the room it is for, and its key
        self._asked_room = ""
        self._key = ""
        super().__init__(
            transport,
            decoder,
            show_for(preferences.language, 1),
            place=place,
            limits=limits,
            history=history,
            preferences=preferences,
            neighbours=neighbours,
            start=start,
        )

    # What places and the server say to the program.

    def send(self, event: Event) -> None:
        """Answer the request in hand; or, if the event says for which key it is, the one that had the key."""
        ref = self._ref
        if isinstance(event, Stored | NotStored):
            ref = self._take_mark(event.key)
        elif isinstance(event, _UNASKED):
            ref = None
        else:
            if self._marks.get(self._key):  # it has been answered, and is not being stored
                self._marks[self._key].pop()
                if not self._marks[self._key]:
                    del self._marks[self._key]
                self._key = ""
            if isinstance(event, Refused):
                event = replace(event, room=self._asked_room)
        self._answer(self._shown_answer(event, ref))

    def send_unasked(self, event: Event) -> None:
        """Show an event; the request in hand is still to be answered."""
        self._answer(self._shown_answer(event, None))

    def _shown_answer(self, event: Event, ref: Ref | None) -> bytes:
        with Guard("something could not be shown to a program", nick=self.nick):
            return show_answer(event, ref, self.preferences.language, self._protocol)
        return show_answer(
            Refused("cannot-show", room=self._asked_room), ref, self.preferences.language, self._protocol
        )

    @property
    def has_terminal(self) -> bool:
        """A program shows text in its own way."""
        return False

    @property
    def speaks_telnet(self) -> bool:
        """Nor does it."""
        return False

    def show_among(self, kinds: Collection[Callable[[Event], bytes]], limit: int) -> Callable[[Event], bytes]:
        """Programs are of one kind for each language, and cost little."""
        del kinds, limit
        return self.show

    def prefer(self, preferences: Preferences) -> None:
        """Speak in this language from now on."""
        self.preferences = preferences
        self._show_anew()

    def _greet(self, hello: Hello) -> None:
        """Speak the newest version of the protocol that both know from now on."""
        self._protocol = min(hello.protocol, PROTOCOL)
        self._show_anew()
        self.send(replace(self._welcome, protocol=self._protocol))

    def _show_anew(self) -> None:
        shown_before, self.show = self.show, show_for(self.preferences.language, self._protocol)
        for room, _ in self._rooms.values():
            room.shown_anew(self, shown_before)

    def in_force(self, setting: str) -> str:
        """What was chosen."""
        return str(getattr(self.preferences, setting))

    def logged_in(self, nick: str, token: str) -> None:
        """The program has this nickname from now on, and may send longer lines than a stranger."""
        super().logged_in(nick, token)
        self._json.limit = self._limits.json_line_bytes

    def _take_mark(self, key: str) -> Ref | None:
        marks = self._marks.get(key)
        if not marks:
            return None
        mark = marks.pop(0)
        if not marks:
            del self._marks[key]
        return mark

    @property
    def rooms(self) -> tuple[str, ...]:
        """The names of the rooms where the program is."""
        return tuple(room.name for room, _ in self._rooms.values())

    async def enter(self, place: Room, *, is_return: bool = False) -> int:
        """Be in this room too. Returns -1 if that cannot be."""
        known = self._heard_from(place, is_return=is_return)
        if known is not None:
            return known
        last = await place.enter(self, is_return=is_return)
        self._rooms[same_name_key(place.name)] = place, last
        return last

    def _heard_from(self, place: Room, *, is_return: bool) -> int | None:
        """Behind which line the room is heard, if the program is in it already; -1 if it cannot be; else None, and it is about to be."""
        key = same_name_key(place.name)
        if key in self._rooms:
            if not is_return:
                self.send(Refused("in-room-already", {"room": place.name}))
            return self._rooms[key][1]
        if len(self._rooms) >= ROOMS_MAX:
            self.send(Refused("too-many-rooms", {"limit": str(ROOMS_MAX)}))
            return -1
        self._rooms[key] = place, 0
        return None

    async def leave(self, place: Room, hall: Room) -> None:
        """Leave this room, and stay in the others."""
        del hall
        await place.leave(self)
        del self._rooms[same_name_key(place.name)]
        self.send(WentBack(place.name))

    async def leave_all(self) -> None:
        """Leave all rooms at once: a room whose disk is slow must not keep the session in the others."""
        async with trio.open_nursery() as nursery:
            for room, _ in self._rooms.values():
                nursery.start_soon(left, room, self)

    def renamed(self, old: str) -> Pause:
        """Tell the program, and everybody in its rooms."""
        self.place.announce_name(self, old)
        return self._announce_name(old)

    async def _announce_name(self, old: str) -> None:
        for room, _ in self._rooms.values():
            pause = room.announce_name(self, old)
            if pause is not None:
                await pause

    async def take_over(self, ghost: Occupant) -> None:
        """Be in the ghost's rooms instead of it. Whoever takes this session over meanwhile finds all of them here."""
        known = (self.place.directory.room(name) for name in ghost.rooms)
        rooms = [room for room in known if room is not None]
        self._rooms = {same_name_key(room.name): (room, 0) for room in rooms}
        is_there = trio.Event()
        ghost.be_replaced(is_there)
        try:
            for room in rooms:
                self._rooms[same_name_key(room.name)] = room, await room.succeed(ghost, self)
        finally:
            is_there.set()

    def positions(self) -> dict[str, int]:
        """The last line's number in each room where the session is; where it is still catching up, how far it has come."""
        positions: dict[str, int] = {}
        for room, _ in self._rooms.values():
            positions |= room.position
        for name, seq in self._catching_up.items():
            positions[name] = min(positions.get(name, seq), seq)
        return positions

    def heard_since(self) -> dict[str, int]:
        """Behind which line the program hears each room."""
        return {room.name: self._catching_up.get(room.name, seq) for room, seq in self._rooms.values()}

    def has_come_to(self, room: str, seq: int | None) -> None:
        """Note how far a room has been caught up with."""
        if seq is None:
            self._catching_up.pop(room, None)
        else:
            self._catching_up[room] = seq

    # The program's side.

    async def receive(self) -> bytes:
        """Wait for what the program sends; ask it whether it is there; b"" when it has ended, or nothing shows that it lives."""
        patience = self._limits.silence_seconds
        if not patience or not self.nick:
            return await super().receive()
        heard = asked = trio.current_time()
        while (now := trio.current_time()) < (end := max(heard, self._outbox.progressed_at) + patience):
            if now >= asked + patience * ASKED_AFTER:
                asked = now
                self.send(AliveAsked())
            with trio.move_on_at(min(asked + patience * ASKED_AFTER, end)):
                return await super().receive()
        self._farewell = Dismissed("silent", {"seconds": f"{patience:g}"})
        return b""

    def is_light(self, asked: Addressed) -> bool:
        """Whether it is an ordinary line."""
        return type(asked.request) is Say and len(asked.request.text) <= LIGHT_CHARACTERS

    async def settled(self) -> None:
        """Wait until what was said in the room that the last request was for is stored and shown."""
        room, _ = self._rooms.get(same_name_key(self._asked_room), (self.place, 0))
        await room.settled(self)

    def handle(self, asked: Addressed) -> Pause:
        """Answer what is about the connection; have the hall or a room carry out the rest."""
        if self.is_over:
            return None
        self._ref, self._asked_room, self._key = asked.ref, asked.room, ""
        if isinstance(asked.request, Hello):
            self._greet(asked.request)
            return None
        if isinstance(asked.request, AskAlive):
            self.send(AliveAnswered())
            return None
        if isinstance(asked.request, AnswerAlive):
            return None
        return self._handle_in_place(asked.request)

    def _handle_in_place(self, request: Request | Unreadable) -> Pause:
        if isinstance(request, Login) and not request.token:
            request = replace(request, token=new_token())
        if not self._asked_room:
            return self.place.handle(self, request)
        place, _ = self._rooms.get(same_name_key(self._asked_room), (None, 0))
        if place is None:
            self.send(self._why_not_in(self._asked_room))
            return None
        if isinstance(request, Storable) and self._ref is not None:
            self._key = request.key or new_token()
            self._marks.setdefault(self._key, []).append(self._ref)
            request = replace(request, key=self._key)
        return place.handle(self, request)

    def _why_not_in(self, room: str) -> Refused:
        if not self.nick:
            return Refused("login-first")
        if self.place.directory.room(room) is None:
            return Refused("no-such-room", {"room": room[:ROOM_SHOWN_MAX]})
        return Refused("not-in-room", {"room": room})
