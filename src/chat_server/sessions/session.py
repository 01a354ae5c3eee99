"""One connection: the loop that reads requests, at what pace and for how long, and what is sent back.

Knows its codec and its outbox. Where the session is, and which place carries a request out, is the business of the two kinds of session
(text_session.py, json_session.py). Never knows what a command means, nor how an event is put in words.
"""

from abc import ABC, abstractmethod
from collections.abc import Awaitable, Callable, Iterable, Mapping
from math import inf
from typing import ClassVar, Generic, NamedTuple, Protocol, TypeVar

import trio

from chat_server.commands.handler import Pause
from chat_server.config import HistoryTable, Limits
from chat_server.guard import Guard
from chat_server.protocol.events import Dismissed, Event, LoggedOut, Refused, Skipped, Slowed
from chat_server.protocol.incoming import Echo, ProtocolReply
from chat_server.protocol.names import same_name_key
from chat_server.protocol.preferences import Preferences
from chat_server.rooms.room import EndSession, Occupant, Room
from chat_server.rooms.tokens import identity_of
from chat_server.server.connection_limits import Address
from chat_server.sessions.outbox import Outbox
from chat_server.sessions.pacing import Budget, Turns
from chat_server.sessions.token_bucket import TokenBucket
from chat_server.sessions.transport import Transport

READ_MAX = 8192
"""Bytes taken from a connection before others have their turn. The dearest, nothing but backspaces, take 7 ms."""

READ_MAX_LIMITED = 512
"""The same where the message rate is limited. What has been read waits for its turn as requests, fifty times its size at the worst."""

BYTES_PER_TOKEN = 1024
"""Bytes that count as a line even if no line comes of them: else backspaces, telnet commands and empty lines would be a free way to
keep the server busy. A line of chat is far shorter."""

ANSWER_BYTES_PER_TOKEN = 16384
"""Bytes of answers that count as a line. To show as much takes 0.1 to 5 ms, by what is in it, which is what a line costs in all at the worst."""

ANSWER_BYTES_FREE = 1024
"""Bytes of an answer that cost nothing beside the request for it, as most have."""

LIGHT_CHARACTERS = 256
"""Characters of a line that waits for no turn among what is dear. Most that people say are shorter, and a longer one hardly waits."""

TURN_SECONDS = 0.05
"""Seconds for which the turn of somebody who asks for much lasts at most while a room shows what they said: a disk may be slow."""


async def left(place: Room, session: Occupant) -> None:
    """Let the session leave a place; if that fails, the place forgets it."""
    guard = Guard("a session could not leave a room", nick=session.nick)
    with guard:
        await place.leave(session)
    if guard.has_failed:
        guard.attempt(place.forget, session)


class Neighbours(NamedTuple):
    """What a session shares with others."""

    turns: Turns
    """In which what is dear is done, for all sessions."""
    budget: Budget
    """Of what waits in memory, for all sessions."""
    address: Address
    """What is known of all sessions from the same address."""


class Inheritance(NamedTuple):
    """What outlives a session whose caller turns out to be of another kind."""

    outbox: Outbox[dict[str, int]]
    bucket: TokenBucket | None
    owed: float
    is_warned: bool
    login_deadline: float


A = TypeVar("A")
A_co = TypeVar("A_co", covariant=True)


class Decoder(Protocol[A_co]):
    """A door's codec, one for each connection."""

    @property
    def is_mid_line(self) -> bool:
        """Whether a request has been begun and not ended."""

    @property
    def held(self) -> int:
        """Bytes of memory for what has been begun and not ended, about."""

    def give_up(self) -> Iterable[ProtocolReply | Echo]:
        """Forget what has been begun: there is no memory for it. Give what is to be written."""

    def is_dear(self, data: bytes) -> bool:
        """Whether taking these bytes may cost more than an ordinary line does: they end something long, or are many keys."""

    def receive_data(self, data: bytes) -> Iterable[A_co | ProtocolReply | Echo]:
        """Take bytes as they came; give the requests that they complete and the replies due, in order. Never raises.

        Each is carried out before the next is taken: it may change how the bytes behind it are read.
        """


class ChatSession(ABC, Generic[A]):
    """Somebody on a connection, from the greeting to the last byte. What they ask for comes as `A`."""

    COSTS: ClassVar[Mapping[type, float]] = {}
    """What counts for more or less than a line where lines are counted."""

    __slots__ = (
        "_answer_bytes",
        "_bucket",
        "_decoder",
        "_ending",
        "_farewell",
        "_heir_is_there",
        "_idle_since",
        "_is_counted",
        "_is_warned",
        "_limits",
        "_login_deadline",
        "_neighbours",
        "_outbox",
        "_owed",
        "_scope",
        "_transport",
        "has_failed",
        "history",
        "nick",
        "place",
        "preferences",
        "push",
        "sender",
        "show",
        "show_naming",
        "zone",
    )

    def __init__(
        self,
        transport: Transport,
        decoder: Decoder[A],
        show: Callable[[Event], bytes],
        *,
        place: Room,
        limits: Limits,
        history: HistoryTable,
        preferences: Preferences,
        neighbours: Neighbours,
        start: Callable[[Callable[[], Awaitable[None]]], None],
    ) -> None:
        """Begin in `place`; `start` starts a task that may outlive a call."""
        self.nick = ""
        self._neighbours = neighbours
        self._answer_bytes = float(ANSWER_BYTES_PER_TOKEN)
        self._owed = 0.0  # what answers have cost beyond the requests for them
        self.sender = ""
        self.history = history.on_entering
        self.zone = history.time_zone
        self.place = place
        self.preferences = preferences
        self.show = show
        self.show_naming: Callable[[Event], bytes] | None = None
        self._transport = transport
        self._decoder = decoder
        self._limits = limits
        self._outbox: Outbox[dict[str, int]] = Outbox(
            transport,
            start=start,
            notice=self._notice_of,
            mark=self.positions,
            limit=limits.waiting_bytes_before_login,
            patience=limits.no_progress_seconds,
            budget=neighbours.budget,
        )
        self.push = self._outbox.push  # itself, not a method around it: a room calls it for every member
        now = trio.current_time()
        self._bucket: TokenBucket | None = None
        if limits.messages_per_second:
            self._bucket = TokenBucket(limits.messages_per_second, limits.message_burst, now)
        self._is_warned = False
        self._is_counted = False  # whether what has come and is no request yet counts among what waits in memory
        self._idle_since = now
        self._login_deadline = now + (limits.login_seconds or inf)
        self._scope = trio.CancelScope(deadline=self._login_deadline)
        self._farewell: Event | None = None
        self._ending: trio.CancelScope | None = None
        self._heir_is_there: trio.Event | None = None
        self.has_failed = False
        """Whether a bug ended the session, or met it while it ended: then it may have left something undone."""

    def hand_on(self) -> "Inheritance":
        """End without closing the connection: what is returned is for the session that goes on here."""
        self._neighbours.budget.forget(self)
        return Inheritance(self._outbox, self._bucket, self._owed, self._is_warned, self._login_deadline)

    def inherit(self, left: "Inheritance") -> None:
        """Go on where a session of another kind ended: with what waits to be written, the pace, and the time that is left to log in."""
        self._outbox, self._bucket, self._owed, self._is_warned, self._login_deadline = left
        self._outbox.belong_to(self._notice_of, self.positions)
        self.push = self._outbox.push
        self._scope.deadline = self._login_deadline

    @property
    def transport(self) -> Transport:
        """The connection."""
        return self._transport

    @property
    def address(self) -> Address:
        """What is known of all sessions from the same address."""
        return self._neighbours.address

    # What places and the server say to the person.

    def send(self, event: Event) -> None:
        """Show an event to the reader; if that fails, show that it does."""
        self._answer(self.shown(event))

    def send_unasked(self, event: Event) -> None:
        """Show an event that answers no request."""
        self.send(event)

    def shown(self, event: Event) -> bytes:
        """The event as the reader is shown it, or that it cannot be."""
        with Guard("something could not be shown to a session", nick=self.nick):
            return self.show(event)
        return self.show(Refused("cannot-show"))

    def _answer(self, data: bytes) -> None:
        """Write an answer, and count what it cost beyond its request. Whatever a command shows goes this way, so none need count for itself."""
        if len(data) > ANSWER_BYTES_FREE:
            self.owe(len(data) / self._answer_bytes)
        self.push(data)

    def owe(self, tokens: float) -> None:
        """Count something that costs as much as so many lines; it is paid before the next request."""
        self._owed += tokens

    @property
    def network(self) -> str:
        """The address that the session is from, as far as it counts; "" where addresses do not."""
        return self._neighbours.address.network if self._limits.connections_per_address else ""

    def logged_in(self, nick: str, token: str) -> None:
        """The person has this nickname from now on, and a member's rights."""
        self.nick = nick
        self.sender = identity_of(token) or same_name_key(nick)
        self._outbox.limit = self._limits.waiting_bytes or inf
        self._scope.deadline = inf
        self._idle_since = trio.current_time()

    @property
    @abstractmethod
    def rooms(self) -> tuple[str, ...]:
        """The names of the rooms where the session is."""

    @abstractmethod
    def positions(self) -> dict[str, int]:
        """How far a reader has come who has been shown everything: the last line's number in each room where the session is."""

    @abstractmethod
    def heard_since(self) -> dict[str, int]:
        """Behind which line the session hears each room where it is."""

    @abstractmethod
    async def leave_all(self) -> None:
        """Leave wherever the session is."""

    @abstractmethod
    def handle(self, asked: A) -> Pause:
        """Have a request carried out, by the place that it is for."""

    async def drained(self) -> None:
        """Wait until the kernel has taken everything, and what was asked for is paid. Raises BrokenResourceError if it never will."""
        await self._outbox.emptied()
        if self._outbox.is_closed or self._transport.is_lost():
            raise trio.BrokenResourceError
        if self._bucket is not None:
            await self._wait_turn(self._bucket, 0)
            await self.take_turn()

    def _notice_of(self, lines: int, after: dict[str, int]) -> bytes:
        """What to say when lines have been skipped after some positions. They are of use only in rooms where the session still is."""
        return self.show(Skipped(lines, {room: after.get(room, seq) for room, seq in self.heard_since().items()}))

    # The person's side.

    async def run(self, first: bytes) -> None:
        """Serve the person until they leave, are lost, or are dismissed. Raises nothing but Cancelled.

        Args:
            first: what they have sent already.

        """
        # A bug in a command ends the session that met it, and no other.
        guard = Guard("a session failed", nick=lambda: self.nick)
        with guard:
            try:
                with self._scope:
                    await self._converse(first)
            except EndSession:
                self._farewell = LoggedOut()
            except (trio.BrokenResourceError, trio.ClosedResourceError):
                self._outbox.close()
        if guard.has_failed:
            self.has_failed = True
            self._farewell = Dismissed("failed")
        if self._scope.cancelled_caught and self._farewell is None:
            self._farewell = self._out_of_time()

    async def end(self, deadline: float) -> bool:
        """Leave no trace of the session, say goodbye, and let the reader have what waits.

        Args:
            deadline: the time until which the room may take to let go and the reader to read. Only `dismiss` and `cut` can make it earlier.

        Returns:
            Whether the kernel has taken everything. What nobody can take any more, for the connection is lost, does not count.

        """
        self._ending = leaving = trio.CancelScope(shield=True, deadline=deadline)
        guard = Guard("a session could not end in order", nick=self.nick)
        with leaving, guard:
            if self._heir_is_there is not None:
                await self._heir_is_there.wait()
            await self.leave_all()
        if self.nick:
            guard.attempt(self.place.directory.release, self.nick, self)
            guard.attempt(self.place.directory.forget_identity, self.sender, self)
        if self._farewell is not None:
            guard.attempt(self.say_farewell, self._farewell)
        self.has_failed = self.has_failed or guard.has_failed
        self._ending = emptying = trio.CancelScope(shield=True, deadline=leaving.deadline)
        with emptying:
            await self._outbox.emptied()
        self._outbox.close()
        self._neighbours.budget.forget(self)
        self._transport.close()
        return not (leaving.cancelled_caught or emptying.cancelled_caught)

    def say_farewell(self, farewell: Event) -> None:
        """Show the last event; nothing follows it."""
        self.send(farewell)

    def be_replaced(self, heir_is_there: trio.Event) -> None:
        """Carry out nothing more; end the session when its heir is in its rooms."""
        self._heir_is_there = heir_is_there
        if self._ending is None:
            self.dismiss("taken-over", trio.current_time())

    @property
    def is_over(self) -> bool:
        """Whether nothing more is to be carried out, though it may have been read already."""
        return self._scope.cancel_called

    def dismiss(self, why: str, deadline: float) -> None:
        """End the session for a reason of the server's; if it is ending already, let that take no longer than until `deadline`."""
        if self._ending is None:
            self._farewell = Dismissed(why)
            self._scope.cancel()
        else:
            self._ending.deadline = min(self._ending.deadline, deadline)

    def fail(self) -> None:
        """End the session, with a bland sentence: something of the server's went wrong for it alone."""
        self.has_failed = True
        self.dismiss("failed", inf)

    def cut(self) -> None:
        """End the session at once, whatever waits."""
        self._scope.cancel()
        if self._ending is not None:
            self._ending.deadline = -inf

    async def _converse(self, data: bytes) -> None:
        """Read, and carry out what is asked, until the other side ends."""
        while True:
            if self._bucket is not None and self._decoder.is_dear(data):
                await self.take_turn()
            count = await self._carry_out(self._decoder.receive_data(data))
            extra = len(data) / BYTES_PER_TOKEN - count
            asks_for_much = self._bucket is not None and extra > 0 and await self._wait_turn(self._bucket, extra)
            self._watch_time(has_asked=count > 0)
            if self._decoder.held or self._is_counted:
                self._is_counted = self._decoder.held > 0
                self._neighbours.budget.count(self)
            data = await self.receive()
            if not data:
                return
            if self.nick and self._limits.idle_seconds:
                self._scope.deadline = inf  # to wait for one's turn is not idleness
            if asks_for_much:
                await self.take_turn()  # keys are dear before anything is asked for

    async def receive(self) -> bytes:
        """Wait for what the other side sends next; b"" when it has ended."""
        return await self._transport.receive_some(READ_MAX if self._bucket is None else READ_MAX_LIMITED)

    async def _carry_out(self, requests: Iterable[A | ProtocolReply | Echo]) -> float:
        """Carry out each before the next is taken. Returns how many there were, those counted for less that cost less than a line."""
        count = 0.0
        costs, bucket = self.COSTS, self._bucket
        for request in requests:
            if isinstance(request, ProtocolReply):
                self._outbox.push_urgent(request.data)
                continue
            if isinstance(request, Echo):
                self._outbox.push(request.data)
                continue
            cost = 1.0
            if type(request) in costs:
                cost = costs[type(request)]
                await trio.lowlevel.checkpoint()
            count += cost
            if bucket is not None:
                is_light = self.is_light(request)
                if await self._wait_turn(bucket, cost, is_light=is_light) or not is_light:
                    await self._carry_out_alone(request)
                    continue
            pause = self.handle(request)
            if pause is not None:
                await pause
                self.carried_out()
        return count

    @abstractmethod
    def is_light(self, asked: A) -> bool:
        """Whether this is no more than a line, which waits for nothing that others have asked for."""

    # What waits in memory; see pacing.Holder. What waits to be written is the outbox's.

    @property
    def held(self) -> int:
        """Bytes that have come and are no request yet, if they are many."""
        return self._decoder.held

    def let_go(self) -> None:
        """Forget them, and say so, whatever is being carried out meanwhile."""
        if self._decoder.held:
            for drawn in self._decoder.give_up():
                self._outbox.push(drawn.data)
            self.send_unasked(Refused("no-memory"))

    def carried_out(self) -> None:
        """A request that took its time has been carried out."""

    async def _carry_out_alone(self, request: A) -> None:
        """Carry out what is dear, or asked for by somebody who asks for much: the next one's turn comes when the room has shown what was said.

        So what waits in a room before the line of somebody else is one of these at most.
        """
        turns = self._neighbours.turns
        await turns.begin(is_first=self._goes_first)
        try:
            if self._outbox.is_closed:
                raise trio.BrokenResourceError
            pause = self.handle(request)
            if pause is None:
                with trio.move_on_after(TURN_SECONDS):
                    await self.settled()
        finally:
            turns.end()
        if pause is not None:
            await pause
            self.carried_out()

    @abstractmethod
    async def settled(self) -> None:
        """Wait until what the last request said is stored and shown."""

    async def _wait_turn(self, bucket: TokenBucket, tokens: float = 1, *, is_light: bool = False) -> bool:
        """Let what the sender sends next wait until the rates allow it.

        Returns whether it still has to wait for its turn, since its sender asks for much.
        """
        now = trio.current_time()
        if self._owed:
            tokens += self._owed
            self._owed = 0.0
        address = self._neighbours.address
        if bucket.is_full(now) and not address.is_busy:
            self._is_warned = False
        own, shared = bucket.take(now, tokens), address.take(now, tokens)
        # What others at the address have asked for, however dear, is not the debt of one who says a line now and then.
        if is_light and not bucket.is_low:
            shared = min(shared, address.share_seconds)
        if own or shared:
            await self._slow_down(own, shared)
        return bucket.is_low or address.is_busy

    async def take_turn(self) -> None:
        """Wait for one's turn among all who ask for something dear; those who ask for much come last.

        Raises BrokenResourceError if nobody is there any more for whom it would be done.
        """
        if self._bucket is None:
            await trio.lowlevel.checkpoint()
        else:
            await self._neighbours.turns.take(is_first=self._goes_first)
        if self._outbox.is_closed:
            raise trio.BrokenResourceError

    @property
    def _goes_first(self) -> bool:
        """Whether neither the session nor its address has asked for much lately."""
        return self._bucket is None or not (self._bucket.is_low or self._neighbours.address.is_busy)

    async def _slow_down(self, own: float, shared: float) -> None:
        """Wait so many seconds, for oneself or for all from one's address; the first time, say so."""
        if not self._is_warned:
            self._is_warned = True
            limits = self._limits
            is_own = own >= shared
            self.send(Slowed(limits.messages_per_second if is_own else limits.requests_per_address, not is_own))
        await trio.sleep(max(own, shared))
        if self._outbox.is_closed or self._transport.is_lost():
            raise trio.BrokenResourceError

    def _watch_time(self, *, has_asked: bool) -> None:
        """Set the time by which more has to come."""
        limits = self._limits
        if self.nick:
            if limits.idle_seconds:
                if has_asked:
                    self._idle_since = trio.current_time()
                self._scope.deadline = self._idle_since + limits.idle_seconds
            return
        if not self._decoder.is_mid_line:
            self._scope.deadline = self._login_deadline
        elif has_asked or self._scope.deadline == self._login_deadline:
            unfinished = limits.unfinished_line_seconds or inf
            self._scope.deadline = min(self._login_deadline, trio.current_time() + unfinished)

    def _out_of_time(self) -> Dismissed:
        limits = self._limits
        if self.nick:
            return Dismissed("idle", {"seconds": f"{limits.idle_seconds:g}"})
        if trio.current_time() >= self._login_deadline:
            return Dismissed("login-time", {"seconds": f"{limits.login_seconds:g}"})
        return Dismissed("unfinished-line", {"seconds": f"{limits.unfinished_line_seconds:g}"})
