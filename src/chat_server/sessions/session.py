"""One connection: what places and the server may ask of it, and how it begins and ends.

Knows its outbox, and the loop that reads what is asked for (read_loop.py). Where the session is, and which place carries a request out, is the
business of the kinds of session (text_session.py, json_session.py). Never knows what a command means, nor how an event is put in words.
"""

from abc import ABC, abstractmethod
from collections.abc import Awaitable, Callable, Collection, Iterable, Mapping
from math import inf
from typing import Any, ClassVar, Generic, TypeVar, cast

import trio
from msgspec import Struct

from chat_server.commands.handler import EndSession
from chat_server.guard import Guard
from chat_server.limits import Limits
from chat_server.protocol.events import Dismissed, Event, LoggedOut, Refused, Skipped
from chat_server.rooms.person import NO_PROOF, Person
from chat_server.rooms.room import Line, MaybeAwaitable, Occupant, Room
from chat_server.rooms.sink import Sink
from chat_server.sessions.asker import Decoder
from chat_server.sessions.caller import Caller
from chat_server.sessions.context import SessionContext
from chat_server.sessions.outbox import Outbox
from chat_server.sessions.pace import Pace
from chat_server.sessions.read_loop import ReadLoop
from chat_server.sessions.reserved import RESERVED_SECONDS
from chat_server.sessions.session_end import Leaver, SessionEnd
from chat_server.sessions.token_bucket import TokenBucket

READ_MAX_LIMITED = 512
"""Bytes taken from a connection before others have their turn, where the message rate is limited. What has been read waits for its turn
as requests, fifty times its size at the worst."""

ANSWER_BYTES_PER_TOKEN = 16384
"""Bytes of answers that count as a line. To show as much takes 0.1 to 5 ms, by what is in it, which is what a line costs in all at the worst."""

ANSWER_BYTES_FREE = 1024
"""Bytes of an answer that cost nothing beside the request for it, as most have."""

LIGHT_CHARACTERS = 256
"""Characters of a line that waits for no turn among what is dear. Most that people say are shorter, and a longer one hardly waits."""

A = TypeVar("A")


class Handover(Struct, frozen=True):
    """What outlives a session whose caller turns out to be of another kind: who it is, what waits to be written, the pace, the time to log in."""

    person: Person[Occupant]
    outbox: Outbox[dict[str, int]]
    pace: Pace | None
    login_deadline: float


def _stranger(session: Occupant, context: SessionContext) -> Person[Occupant]:
    return Person(session, history=context.history.on_entering, zone=context.history.time_zone)


def _pace_of(caller: Caller, limits: Limits, now: float) -> Pace | None:
    rate = limits.messages_per_second
    return Pace(TokenBucket(rate, limits.message_burst, now), caller.address) if rate else None


class ChatSession(ABC, Generic[A]):
    """Somebody on a connection, from the greeting to the last byte. What they ask for comes as `A`."""

    COSTS: ClassVar[Mapping[type, float]] = {}
    """What counts for more or less than a line where lines are counted."""

    READ_MAX: ClassVar[int] = 8192
    """Bytes taken from a connection before others have their turn. The dearest, nothing but backspaces, take 7 ms."""

    program: str = ""  # see Occupant

    __slots__ = (
        "__weakref__",
        *("_context", "_ending", "_loop", "_outbox"),
        *("caller", "has_failed"),
        *("person", "place", "preferences", "proof"),
        *("render", "render_mention", "sink"),
    )

    def __init__(
        self, caller: Caller, decoder: Decoder[A], render: Callable[[Event], bytes], context: SessionContext
    ) -> None:
        limits, now = context.limits, trio.current_time()
        self.person = _stranger(cast(Occupant, self), context)  # every kind of session is an occupant
        self.place = context.hall
        self.preferences = context.preferences
        self.render = render
        self.render_mention: Callable[[Event], bytes] | None = None
        self.proof = NO_PROOF
        self.has_failed = False  # whether a bug ended it, or met it while it ended
        self._context = context
        self.caller = caller
        self._outbox: Outbox[dict[str, int]] = Outbox(
            caller.transport,
            self,
            start=context.start,
            limit=limits.waiting_bytes_before_login,
            patience=limits.no_progress_seconds,
            budget=context.budget,
        )
        self.sink: Sink = self._outbox  # itself, not a method around it: a room calls it for every member
        self._loop: ReadLoop[A] = ReadLoop(
            self,
            decoder,
            self._outbox,
            context,
            pace=_pace_of(caller, limits, now),
            login_deadline=now + min(limits.login_seconds or inf, RESERVED_SECONDS if caller.reserved else inf),
        )
        self._ending: SessionEnd | None = None

    def begin(self, first: bytes) -> None:
        """Have what is told before `run` go out together with the answers to what the caller has sent first, if it has."""
        self._loop.first = first
        self._outbox.cork()

    def successor(self) -> "ChatSession[Any] | None":
        """Who goes on here, if the caller has turned out to be of another kind; then this session has ended without a farewell."""
        return None

    def hand_on(self) -> Handover:
        """End without closing the connection: what is returned is for the session that goes on here."""
        self._context.budget.forget(self._loop)
        return Handover(self.person, self._outbox, self._loop.pace, self._loop.login_deadline)

    def inherit(self, handover: Handover) -> None:
        """Go on where a session of another kind ended."""
        self.person = handover.person
        self.person.sessions = (cast(Occupant, self),)
        self._outbox = self._loop.outbox = handover.outbox
        self._outbox.owner = self
        self.sink = self._outbox
        self._loop.pace = handover.pace
        self._loop.login_deadline = self._loop.scope.deadline = handover.login_deadline

    @property
    def nick(self) -> str:
        """The person's nickname, or "" before login."""
        return self.person.nick

    # What places and the server say to the person.

    def send(self, event: Event) -> None:
        """Show an event to the reader; if that fails, show that it does."""
        self._context.note(event)
        self._answer(self.shown(event))

    def send_all(self, events: Iterable[Event]) -> None:
        """Show events to the reader, in one piece if that can be."""
        for event in events:
            self.send(event)

    def send_unasked(self, event: Event) -> None:
        """Show an event that answers no request."""
        self.send(event)

    def answer_later(self) -> Callable[[Event], None]:
        """What answers the request in hand, whenever that is."""
        return self.send

    def shown(self, event: Event) -> bytes:
        """The event as the reader is shown it, or that it cannot be."""
        shown = Guard("something could not be shown to a session", nick=self.nick).made_by(self.render, event)
        return self.render(Refused("cannot-show")) if shown is None else shown

    def _answer(self, data: bytes) -> None:
        """Write an answer, and count what it cost beyond its request. Whatever a command shows goes this way, so none need count for itself."""
        if len(data) > ANSWER_BYTES_FREE:
            self.owe(self.cost_of_answer(len(data)))
        self.push(data)

    def push(self, data: bytes) -> None:
        """Write whole lines."""
        self._outbox.push(data)

    def cost_of_answer(self, size: int) -> float:
        """For how many lines an answer of so many bytes counts; for more where it is laid out (text_session.py)."""
        return size / ANSWER_BYTES_PER_TOKEN

    def key_of_act(self, key: str = "") -> str:
        """People see what they have done."""
        return key

    def owe(self, tokens: float) -> None:
        """Count something that costs as much as so many lines; it is paid before the next request."""
        if self._loop.pace is not None:
            self._loop.pace.owe(tokens)

    @property
    def network(self) -> str:
        """The address that the session is from."""
        return self.caller.address.network

    @property
    def takes_secrets(self) -> bool:
        """Whether a secret may be asked for here, and accepted."""
        return self.caller.origin.is_confidential or self._context.takes_secrets_anywhere

    @property
    def line(self) -> Line:
        """The way to the caller."""
        return self.caller.line(self._context.fingerprint())

    def withhold_next(self) -> None:
        """A program sends a secret with what it asks for, and behind it no line that may be one."""

    def logged_in(self, nick: str, sender: str, role: str) -> None:
        """The person has this nickname from now on, and these rights; see Occupant. Raises EndSession if they may not be here after all."""
        person = self.person
        person.nick, person.role, person.sender = nick, role, sender
        self._outbox.limit = self._context.limits.waiting_bytes or inf
        self.allow_lines()
        self._loop.logged_in()
        self.place.directory.has_logged_in(self)

    @abstractmethod
    def allow_lines(self) -> None:
        """Take lines of as many bytes as the limits say for whoever has logged in, if they have."""

    def belong_to(self, person: Person[Occupant]) -> None:
        """Be one more session of somebody; a language that was chosen here just now is what they want."""
        person.language = self.person.language or person.language
        self.person = person
        person.add(cast(Occupant, self))

    @property
    @abstractmethod
    def rooms(self) -> tuple[str, ...]:
        """The names of the rooms where the session is."""

    @abstractmethod
    def positions(self) -> dict[str, int]:
        """The last line's number in each room where the session is: how far a reader who has been shown everything has come."""

    @abstractmethod
    def live_since(self) -> dict[str, int]:
        """After which line the session hears each room where it is."""

    def replayed_up_to(self, room: str, seq: int | None) -> None:
        """Note how far a room has been caught up with, where a room's whole past can be asked for."""

    async def take_over(self, rooms: Collection[Room]) -> None:
        """Be where the same person's other sessions are, at a door where there is a token that proves it."""

    @abstractmethod
    async def leave_all(self) -> None:
        """Leave wherever the session is."""

    async def drained(self) -> None:
        """Wait until the kernel has taken everything, and what was asked for is paid. Raises BrokenResourceError if it never will."""
        await self._outbox.emptied()
        if self.is_lost:
            raise trio.BrokenResourceError
        await self._loop.pay()

    def skip_notice(self, lines: int, after: dict[str, int]) -> bytes:
        """What to say when lines have been skipped after some positions. They are of use only in rooms where the session still is."""
        return self.render(Skipped(lines, {room: after.get(room, seq) for room, seq in self.live_since().items()}))

    # What the person asks for; see asker.Asker.

    @property
    def is_lost(self) -> bool:
        """Whether the connection is known to be gone."""
        return self._outbox.is_closed or self.caller.transport.is_lost()

    def wait_readable(self) -> Awaitable[None]:
        """Wait until the other side has sent something, or has ended."""
        return self.caller.transport.wait_readable()

    def receive_nowait(self) -> bytes | None:
        """Take what has come; None if nothing has, b"" when the other side has ended."""
        try:
            return self.caller.transport.receive_nowait(self.READ_MAX if self._loop.pace is None else READ_MAX_LIMITED)
        except trio.WouldBlock:
            return None

    @abstractmethod
    def is_light(self, asked: A) -> bool:
        """Whether this is no more than a line, or a run of lines, which waits for nothing that others have asked for."""

    @abstractmethod
    def handle(self, asked: A) -> MaybeAwaitable:
        """Have a request carried out, by the place that it is for."""

    def carried_out(self) -> None:
        """A request that took its time has been carried out."""

    @abstractmethod
    async def flushed(self) -> None:
        """Wait until what the last request said is stored and shown."""

    # How it begins and ends.

    async def run(self) -> None:
        """Serve the person until they leave, are lost, or are dismissed. Raises nothing but Cancelled."""
        try:
            try:
                with self._loop.scope:
                    await self._loop.run()
            except EndSession:
                self._end.farewell = self._end.farewell or LoggedOut()
            except (trio.BrokenResourceError, trio.ClosedResourceError):
                self._outbox.close()
        except Exception as error:  # noqa: BLE001 - a bug ends the session that met it, and no other; see guard.py
            Guard("a session failed", nick=self.nick).note(error)
            self.has_failed, self._end.farewell = True, Dismissed("failed")
        if self._loop.scope.cancelled_caught and self._end.farewell is None:
            self._end.farewell = self._loop.timed_out()

    @property
    def _end(self) -> SessionEnd:
        """How it ends: made when that is first asked."""
        if self._ending is None:
            self._ending = SessionEnd()
        return self._ending

    async def end(self, deadline: float) -> bool:
        """Leave no trace of the session, say goodbye, and let the reader have what waits. The connection is the server's to close.

        Args:
            deadline: the time until which the room may take to let go and the reader to read. Only `dismiss` and `abort` can make it earlier.

        Returns:
            Whether the kernel has taken everything. What nobody can take any more, for the connection is lost, does not count.

        """
        whole = await self._end.carry_out(cast(Leaver, self), self._outbox, deadline)
        self._loop.end()
        self._outbox.end()
        return whole

    def say_farewell(self, farewell: Event) -> None:
        """Show the last event; nothing follows it."""
        self.send(farewell)

    def end_after_takeover(self, done: trio.Event, rooms: Collection[Room]) -> None:
        """Carry out nothing more; end the session when the one that takes it over is in its rooms."""
        self.person.replace(cast(Occupant, self))
        self._end.wait_for_takeover(done, rooms)
        if not self._end.has_begun:
            self.dismiss("taken-over", trio.current_time())

    def dismiss(self, why: str | Dismissed, deadline: float, details: Mapping[str, str] | None = None) -> None:
        """End the session, for a reason or with these last words; if it is ending already, let that take no longer than until `deadline`."""
        if self._end.has_begun:
            self._end.hurry(deadline)
            return
        self._end.farewell = why if isinstance(why, Dismissed) else Dismissed(why, dict(details or {}))
        self._loop.scope.cancel()

    def fail(self) -> None:
        """End the session, with a bland sentence: something of the server's went wrong for it alone."""
        self.has_failed = True
        self.dismiss("failed", inf)

    def abort(self) -> None:
        """End the session at once, whatever waits."""
        self._loop.scope.cancel()
        self._end.hurry(-inf)


def lines_waiting_for(session: ChatSession[Any]) -> int:
    """Lines that wait to be written to a session's reader; they are counted now."""
    return session._outbox.lines  # noqa: SLF001 - it is of this module


def waiting_for(session: ChatSession[Any]) -> int:
    """Bytes that wait to be written to a session's reader."""
    return session._outbox.size  # noqa: SLF001 - it is of this module


def change_limits(session: ChatSession[Any], before: Limits) -> None:
    """Have the limits count that there are now instead of these. Most are read where they count; of some there are copies, where every line asks."""
    limits, loop, outbox = session._context.limits, session._loop, session._outbox  # noqa: SLF001 - as above
    outbox.limit = (limits.waiting_bytes if session.nick else limits.waiting_bytes_before_login) or inf
    outbox.patience = limits.no_progress_seconds or inf
    session.allow_lines()
    loop.limits_changed()
    if loop.pace is None or not limits.messages_per_second:
        loop.pace = _pace_of(session.caller, limits, trio.current_time())
        loop.decoder.in_runs = loop.decoder.in_runs and loop.pace is None
    else:
        loop.pace.allow(limits.messages_per_second, limits.message_burst, trio.current_time())
    if limits.idle_seconds != before.idle_seconds:
        loop.idle_limit_changed()
