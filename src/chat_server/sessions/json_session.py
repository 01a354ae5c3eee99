"""One program's connection: a session that is in as many rooms as it asks for, and names the room in every request.

Knows which place a request is for, which request an answer belongs to, and by pings whether the program is still there. Never knows what a
command means.
"""

from collections.abc import Awaitable, Callable, Collection, Iterable
from typing import ClassVar

import trio
from msgspec.structs import replace

from chat_server.commands.direct_places import conversation_named, names_somebody, nobody_named
from chat_server.commands.handler import EndSession
from chat_server.commands.table import COMMANDS, dispatch
from chat_server.commands.writing import IsWriting, NoteRead
from chat_server.guard import Guard
from chat_server.limits import Limits
from chat_server.protocol.choices import find_language
from chat_server.protocol.entries import Storable
from chat_server.protocol.events import (
    Dismissed,
    Entered,
    Event,
    NotStored,
    Pinged,
    Ponged,
    Refused,
    Slowed,
    Stored,
    Timed,
    WentBack,
)
from chat_server.protocol.incoming import Addressed, Ref, Unreadable
from chat_server.protocol.names import name_key
from chat_server.protocol.preferences import Preferences
from chat_server.protocol.requests import Hello, Ping, Pong, Request, Say
from chat_server.protocol.runs import SayRun, StoredRun
from chat_server.protocol.versions import common
from chat_server.rooms.conversations import conversations_of
from chat_server.rooms.known_rooms import known_room
from chat_server.rooms.room import MaybeAwaitable, Room
from chat_server.rooms.tokens import new_token
from chat_server.sessions.caller import Caller
from chat_server.sessions.context import SessionContext
from chat_server.sessions.membership import Membership
from chat_server.sessions.session import LIGHT_CHARACTERS, ChatSession
from chat_server.wire.connection_events import ProgramDetected
from chat_server.wire.json_lines import JsonDecoder, object_parser, renderer_for, show_answer, show_stored
from chat_server.wire.late_programs import LateJsonDecoder

ASKED_AFTER = 1 / 3
"""The part of `silence_seconds` after which a silent program is asked whether it is still there; then again after the same."""

ROOM_SHOWN_MAX = 40
"""Characters of a room's name that does not exist which are sent back."""

_UNASKED = (Timed, Slowed, Dismissed, Pinged)
"""What comes by itself, whatever has been asked last."""

_LIGHT = frozenset((IsWriting, NoteRead, SayRun))
"""Requests that only note something, which costs less than a line; and lines in a run, which come only where nothing is charged."""

_ABOUT_CONNECTION = frozenset((Hello, Ping, Pong))
"""Requests for which no place is asked."""


PARSE = object_parser(COMMANDS.vocabulary.requests)
"""Reads what programs ask for."""


def bounds_of(limits: Limits) -> tuple[int, int]:
    """How many bytes a line, and a text, of a program may have that has not logged in."""
    return min(limits.line_bytes, limits.json_line_bytes), limits.text_bytes


class JsonSession(ChatSession[Addressed]):
    """A program on a connection. It is always in the hall, where what names no room is done, and in rooms beside."""

    READ_MAX: ClassVar[int] = 16384
    """A line of a program is twice as long as a person's."""

    receives_own: ClassVar[bool] = True
    has_terminal: ClassVar[bool] = False
    is_in_hall: ClassVar[bool] = True
    speaks_telnet: ClassVar[bool] = False
    shows_typing: ClassVar[bool] = False

    __slots__ = ("_asked_room", "_json", "_key", "_membership", "_protocol", "_ref", "_refs", "program")

    def __init__(self, caller: Caller, decoder: JsonDecoder, context: SessionContext) -> None:
        super().__init__(caller, decoder, renderer_for(context.preferences.language, 1), context)
        self._json = decoder
        self.program = ""
        self._protocol = 1  # until it says that it knows a newer one
        self._membership = Membership()
        self._refs: dict[str, list[Ref]] = {}  # of what is being stored, by key
        self._ref: Ref | None = None  # of the request in hand, and of the room it is for, and its key
        self._asked_room = ""
        self._key = ""

    # What places and the server say to the program.

    def send(self, event: Event) -> None:
        """Answer the request in hand; or, if the event says for which key it is, the one that had the key."""
        self._context.note(event)
        self._answer(self._answered(event))

    def send_all(self, events: Iterable[Event]) -> None:
        """Answer with several events, in one piece."""
        events = events if type(events) is StoredRun else [*events]
        if not self._refs and (type(events) is StoredRun or all(type(event) is Stored for event in events)):
            self._answer(show_stored(events))
        else:
            super().send_all(events)

    def _answered(self, event: Event) -> bytes:
        ref = self._ref
        if isinstance(event, Stored | NotStored):
            ref = self._take_ref(event.key)
        elif isinstance(event, _UNASKED):
            ref = None
        elif isinstance(event, Refused) and event.room:
            # A room has refused it in its turn: something else may be in hand by now.
            ref = next(iter(self._refs.get(event.key or "", ())), None)
        else:
            if self._refs.get(self._key):  # it has been answered, and is not being stored
                self._refs[self._key].pop()
                if not self._refs[self._key]:
                    del self._refs[self._key]
                self._key = ""
            if isinstance(event, Refused):
                event = replace(event, room=self._asked_room)
        return self._shown_answer(event, ref)

    def send_unasked(self, event: Event) -> None:
        """Show an event; the request in hand is still to be answered."""
        self._answer(self._shown_answer(event, None))

    def answer_later(self) -> Callable[[Event], None]:
        """What answers the request in hand, by its ref, when another one may be in hand."""
        asked = self._ref, self._asked_room, self._key

        def answer(event: Event) -> None:
            in_hand = self._ref, self._asked_room, self._key
            self._ref, self._asked_room, self._key = asked
            try:
                self.send(event)
            finally:
                self._ref, self._asked_room, self._key = in_hand

        return answer

    def _shown_answer(self, event: Event, ref: Ref | None) -> bytes:
        with Guard("something could not be shown to a program", nick=self.nick):
            return show_answer(event, ref, self.preferences.language, self._protocol)
        return show_answer(
            Refused("cannot-show", room=self._asked_room), ref, self.preferences.language, self._protocol
        )

    def renderer_among(self, kinds: Collection[Callable[[Event], bytes]], limit: int) -> Callable[[Event], bytes]:
        """Programs are of one kind for each language, and cost little."""
        del kinds, limit
        return self.render

    def set_preferences(self, preferences: Preferences) -> None:
        """Speak in this language from now on."""
        self.preferences = preferences
        self._change_renderer()

    def _greet(self, hello: Hello) -> None:
        """Speak the newest version of the protocol that both know from now on, in the language that it asks for where nobody has chosen one."""
        self._protocol, self.program = common(hello.protocol), hello.program
        language = None if self.person.language else find_language(hello.language)
        if language is not None:
            self.preferences = replace(self.preferences, language=language)
        self._change_renderer()
        self.send(replace(self._context.welcome(), protocol=self._protocol, language=self.preferences.language))

    def _change_renderer(self) -> None:
        self.render = renderer_for(self.preferences.language, self._protocol)
        for room in self._membership.rooms:
            room.member_changed(self)

    def effective(self, setting: str) -> str:
        """What was chosen."""
        return str(getattr(self.preferences, setting))

    def allow_lines(self) -> None:
        """A program that has logged in may send longer lines than a stranger."""
        limits = self._context.limits
        line_bytes, text_bytes = bounds_of(limits)
        self._json.allow(limits.json_line_bytes if self.nick else line_bytes, text_bytes)

    def ask_secret(self, prompt: str, then: Callable[[str], MaybeAwaitable]) -> None:
        """Say that a program sends its secrets with what it asks for."""
        del prompt, then
        self.send(Refused("password-missing"))

    def key_of_act(self, key: str = "") -> str:
        """A program that asks with a ref is answered by what became of it."""
        if self._ref is None or self._key:
            return key
        self._key = key or new_token()
        self._refs.setdefault(self._key, []).append(self._ref)
        return self._key

    def _take_ref(self, key: str) -> Ref | None:
        refs = self._refs.get(key)
        if not refs:
            return None
        ref = refs.pop(0)
        if not refs:
            del self._refs[key]
        return ref

    # Where the program is.

    @property
    def rooms(self) -> tuple[str, ...]:
        """The names of the rooms where the program is."""
        return self._membership.names

    async def enter(self, place: Room, *, is_return: bool = False) -> int:
        """Be in this room too. Returns -1 if that cannot be."""
        self._outbox.uncork()  # what was said before is kept, if it must be, with the positions that there were then
        return await self._membership.enter(self, place, is_return=is_return)

    async def leave(self, place: Room, hall: Room) -> None:
        """Leave this room, and stay in the others."""
        del hall
        await self._membership.leave(self, place)

    def room_renamed(self, old: str, entered: Entered) -> None:
        """Be in the room under its new name: programs that know nothing of new names leave one, and enter the other."""
        self._outbox.uncork()
        self._membership.renamed(old, entered.room)
        if name_key(old) != name_key(entered.room):
            self.send_unasked(WentBack(old))
        self.send_unasked(entered)

    def put_out(self, room: Room) -> None:
        """Be in this room no longer."""
        if self._membership.drop(room):
            self.send_unasked(WentBack(room.name))

    def _room(self, name: str) -> Room | None:
        """The room of this name where the program is, by the name that it has, or had when the program last heard of it; or a conversation."""
        if names_somebody(name):
            return conversation_named(self.place, self, name)
        room = self._membership.room(name)
        if room is None and (former := self.place.directory.formerly(name)) is not None:
            room = former if self._membership.room(former.name) is former else None
        return room

    async def leave_all(self) -> None:
        """Leave all rooms."""
        await self._membership.leave_all(self)

    async def take_over(self, rooms: Collection[Room]) -> None:
        """Be in these rooms instead of the person's other sessions."""
        self._outbox.uncork()
        await self._membership.take_over(self, rooms)

    def positions(self) -> dict[str, int]:
        """How far the program has come in each room."""
        return self._membership.positions() | conversations_of(self.place.directory).positions(self)

    def live_since(self) -> dict[str, int]:
        """After which line the program hears each room."""
        heard = conversations_of(self.place.directory).positions(self, is_live_since=True)
        return self._membership.live_since() | heard

    def replayed_up_to(self, room: str, seq: int | None) -> None:
        """Note how far a room has been caught up with."""
        self._outbox.uncork()  # a page that was sent is kept, if it must be, with the position before it
        self._membership.replayed_up_to(room, seq)

    # The program's side.

    def wait_readable(self) -> Awaitable[None]:
        """Wait for what the program sends; ask it whether it is there. Raises EndSession if nothing shows that it lives.

        Any byte that comes shows it, also of half a line or half a TLS record: nobody sends these on behalf of a program that is gone.
        """
        if self.nick and self._context.limits.silence_seconds:
            return self._wait_or_ask()
        return super().wait_readable()

    async def _wait_or_ask(self) -> None:
        heard = asked = trio.current_time()
        while patience := self._context.limits.silence_seconds:
            heard = max(heard, self._loop.heard_at)
            asked = max(asked, heard)
            if (now := trio.current_time()) >= (end := max(heard, self._outbox.progressed_at) + patience):
                self._end.farewell = Dismissed("silent", {"seconds": f"{patience:g}"})
                raise EndSession
            if now >= asked + patience * ASKED_AFTER:
                asked = now
                self.send(Pinged())
            with trio.move_on_at(min(asked + patience * ASKED_AFTER, end)):
                await super().wait_readable()
                return
        await super().wait_readable()

    def is_light(self, asked: Addressed) -> bool:
        """Whether it is an ordinary line, lines in a run, or a sign that is told with those of others."""
        request = asked.request
        return len(request.text) <= LIGHT_CHARACTERS if type(request) is Say else type(request) in _LIGHT

    async def flushed(self) -> None:
        """Wait until what was said in the room that the last request was for is stored and shown."""
        room = self._room(self._asked_room) or self.place
        await room.flushed(self)

    def handle(self, asked: Addressed) -> MaybeAwaitable:
        """Answer what is about the connection; have the hall or a room carry out the rest."""
        if self.is_over:
            return None
        self._ref, self._asked_room, self._key = asked.ref, asked.room, ""
        if type(asked.request) in _ABOUT_CONNECTION:
            self._handle_here(asked.request)
            return None
        if type(asked.request) is SayRun:
            return self._handle_run(asked.request)
        return self._handle_in_place(asked.request)

    @property
    def is_over(self) -> bool:
        """Whether nothing more is to be carried out, though it may have been read already."""
        return self._loop.scope.cancel_called

    def _handle_here(self, request: Request | SayRun | Unreadable) -> None:
        if isinstance(request, Hello):
            self._greet(request)
        elif isinstance(request, Ping):
            self.send(Ponged())

    def _handle_in_place(self, request: Request | Unreadable) -> MaybeAwaitable:
        if not self._asked_room:
            return dispatch(self.place, self, request)
        place = self._room(self._asked_room)
        if place is None:
            self.send(self._why_not_in(self._asked_room))
            return None
        if isinstance(request, Storable) and self._ref is not None:
            request = replace(request, key=self.key_of_act(request.key))
        return dispatch(place, self, request)

    def _handle_run(self, run: SayRun) -> MaybeAwaitable:
        place = self._room(self._asked_room)
        if place is not None:
            return dispatch(place, self, run)
        for request in run:
            self._handle_in_place(request)  # which refuses it, and waits for nothing
        return None

    def _why_not_in(self, room: str) -> Refused:
        if not self.nick:
            return Refused("login-first")
        if names_somebody(room):
            return nobody_named(room)
        if known_room(self.place, self, room) is None:
            return Refused("no-such-room", {"room": room[:ROOM_SHOWN_MAX]})
        return Refused("not-in-room", {"room": room})


def late_program(came: ProgramDetected, caller: Caller, context: SessionContext) -> JsonSession:
    """The session of a caller who was taken for a person until this came."""
    bounds = bounds_of(context.limits)
    decoder = LateJsonDecoder(PARSE, *bounds, telnet=came.telnet, negotiation=came.negotiation, pieces=came.pieces)
    return JsonSession(caller, decoder, context)
