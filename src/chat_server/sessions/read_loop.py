"""The loop that reads what one caller asks for and has it carried out, at what pace and for how long.

Knows the caller's codec, its pace, its time limits, and the turns that it shares with all others. Never knows what a request means, nor where
the session is.
"""

from collections.abc import Coroutine, Iterable
from math import inf
from typing import Any, Generic, TypeVar

import trio
from msgspec import Struct

from chat_server.protocol.events import Dismissed, Refused, Slowed
from chat_server.protocol.incoming import Echo, ProtocolReply
from chat_server.rooms.room import MaybeAwaitable
from chat_server.sessions.asker import Asker, Decoder
from chat_server.sessions.context import SessionContext
from chat_server.sessions.corking import Corked
from chat_server.sessions.outbox import Outbox
from chat_server.sessions.pace import Pace

BYTES_PER_TOKEN = 1024
"""Bytes that count as a line even if no line comes of them: else backspaces, telnet commands and empty lines would be a free way to
keep the server busy. A line of chat is far shorter."""

TURN_SECONDS = 0.05
"""Seconds for which the turn of somebody who asks for much lasts at most while a room shows what they said: a disk may be slow."""

A = TypeVar("A")


class Begun(Struct, frozen=True):
    """What came while the task waited, and is for the task to go on with."""

    size: int
    """In bytes."""
    requests: Iterable[Any] = ()
    """What it asks for, if nothing of it has been carried out."""
    pause: MaybeAwaitable = None
    """What is to be waited for, if all of it has been but for this."""

    def forget(self) -> None:
        """Wait for nothing, if that has not been done already."""
        if isinstance(self.pause, Coroutine):
            self.pause.close()


class ReadLoop(Generic[A]):
    """One session's."""

    __slots__ = (
        "_begun",
        "_context",
        "_ends_at",
        "_idle_since",
        "_is_counted",
        "_session",
        "_takes",
        "decoder",
        "first",
        "heard_at",
        "login_deadline",
        "outbox",
        "pace",
        "scope",
    )

    def __init__(
        self,
        session: Asker[A],
        decoder: Decoder[A],
        outbox: Outbox[dict[str, int]],
        context: SessionContext,
        *,
        pace: Pace | None,
        login_deadline: float,
    ) -> None:
        """Nothing has been read. Without a pace the caller may ask as fast as it likes; it has until `login_deadline` to log in."""
        self._session = session
        self._begun: Begun | None = None
        self.decoder = decoder
        self.first = b""
        """What came before the loop runs."""
        self.outbox = outbox
        self._context = context
        self.pace = pace
        self.login_deadline = login_deadline
        self._ends_at = inf
        self._idle_since = 0.0  # it is set on logging in, before which it counts for nothing
        self._is_counted = False  # whether what has come and is no request yet counts among what waits in memory
        self.heard_at = -inf
        """When something came last while the task waited, of which it need not know."""
        self._takes = False  # whether what comes while the task waits may be carried out there and then
        self.scope = trio.CancelScope(deadline=login_deadline)
        """In which the loop runs; it ends with it."""

    async def run(self) -> None:
        """Read, and carry out what is asked, until the other side ends."""
        came: bytes | Begun | None
        came, self.first = self.first, b""
        asks_for_much = False
        transport = self._session.caller.transport
        transport.reader = self
        try:
            while True:
                asks_for_much = await Corked(self.outbox, self._carry_out(came, asks_for_much=asks_for_much))
                came = None  # while nothing comes, nothing is kept of what came
                while came is None:
                    self._takes = self.pace is None  # else whoever is charged may have to wait
                    await self._session.wait_readable()
                    came, self._begun = self._begun or self._session.receive_nowait(), None
                if not came:
                    return
        finally:
            transport.reader = None
            for left in (came, self._begun):
                if isinstance(left, Begun):
                    left.forget()

    def take(self) -> bool:
        """Take what has come while the task waits, and carry it out if it is nothing but what somebody says, and need not wait. See Reader."""
        self.heard_at = trio.current_time()
        if not self._takes:
            return False
        data = self._session.receive_nowait()
        if not data:
            return data is None
        requests = self.decoder.receive_data(data)
        if type(requests) is not list or len(requests) != 1 or not self._is_light(requests[0]):
            self._begun = Begun(len(data), requests)
            return False
        self.outbox.cork()  # it may be refused line by line
        try:
            pause = self._session.handle(requests[0])
        finally:
            self.outbox.uncork()
        if pause is not None:
            self._begun = Begun(len(data), pause=pause)
            return False
        self._note_carried_out(has_asked=True)
        return True

    def _is_light(self, request: A | ProtocolReply | Echo) -> bool:
        return not isinstance(request, ProtocolReply | Echo) and self._session.is_light(request)

    async def _carry_out(self, came: bytes | Begun, *, asks_for_much: bool) -> bool:
        """Carry out what these bytes ask for; set the time by which more has to come.

        It may be nothing at first: a codec that has been taken over may have something already. `asks_for_much` is what was returned last: whether
        the caller is to wait for its turn.
        """
        if came and self._context.limits.idle_seconds and self._session.nick:
            self.scope.deadline = self._ends_at  # to wait for one's turn is not idleness
        if asks_for_much:
            await self.take_turn()  # keys are dear before anything is asked for
        if isinstance(came, Begun):
            size, count = came.size, await self._go_on(came)
        else:
            if self.pace is not None and self.decoder.is_dear(came):
                await self.take_turn()
            size, count = len(came), await self._dispatch_each(self.decoder.receive_data(came))
        extra = size / BYTES_PER_TOKEN - count
        asks_for_much = self.pace is not None and extra > 0 and await self._throttle(self.pace, extra)
        self._note_carried_out(has_asked=count > 0)
        return asks_for_much

    async def _go_on(self, begun: Begun) -> float:
        """Carry out what is left of what was begun. Returns how many requests it was; see _dispatch_each."""
        if self.scope.cancel_called:  # the session was dismissed after that: nothing more is stored of it
            begun.forget()
            await trio.lowlevel.checkpoint()
        if begun.pause is None:
            return await self._dispatch_each(begun.requests)
        await begun.pause
        self._session.carried_out()
        return 1

    def _note_carried_out(self, *, has_asked: bool) -> None:
        """Everything is carried out that the bytes asked for which have come."""
        self._update_deadline(has_asked=has_asked)
        if self.decoder.held or self._is_counted:
            self._is_counted = self.decoder.held > 0
            self._context.budget.count(self)

    async def _dispatch_each(self, requests: Iterable[A | ProtocolReply | Echo]) -> float:
        """Carry out each before the next is taken. Returns how many there were, those counted for less that cost less than a line."""
        count = 0.0
        session, pace = self._session, self.pace
        costs = session.COSTS
        for request in requests:
            if isinstance(request, ProtocolReply):
                self.outbox.push_urgent(request.data)
                continue
            if isinstance(request, Echo):
                self.outbox.push(request.data)
                continue
            cost = 1.0
            if type(request) in costs:
                cost = costs[type(request)]
                await trio.lowlevel.checkpoint()
            count += cost
            if pace is not None:
                is_light = session.is_light(request)
                if await self._throttle(pace, cost, is_light=is_light) or not is_light:
                    await self._carry_out_alone(request)
                    continue
            elif count > cost and not session.is_light(request):  # a chunk may ask for thousands of things
                await trio.lowlevel.checkpoint()
            pause = session.handle(request)
            if pause is not None:
                await pause
                session.carried_out()
        return count

    async def _carry_out_alone(self, request: A) -> None:
        """Carry out what is dear, or asked for by somebody who asks for much: the next one's turn comes when the room has shown what was said.

        So what waits in a room before the line of somebody else is one of these at most.
        """
        session, turns = self._session, self._context.turns
        await turns.begin(is_first=self._goes_first)
        try:
            if self.outbox.is_closed:
                raise trio.BrokenResourceError
            pause = session.handle(request)
            if pause is None:
                with trio.move_on_after(TURN_SECONDS):
                    await session.flushed()
        finally:
            turns.end()
        if pause is not None:
            await pause
            session.carried_out()

    # Its pace.

    async def pay(self) -> None:
        """Wait until what was asked for is paid, and for one's turn."""
        if self.pace is not None:
            await self._throttle(self.pace, 0)
            await self.take_turn()

    async def _throttle(self, pace: Pace, tokens: float, *, is_light: bool = False) -> bool:
        """Let what the sender sends next wait until the rates allow it.

        Returns whether it still has to wait for its turn, since its sender asks for much.
        """
        own, shared = pace.take(trio.current_time(), tokens, is_light=is_light)
        if own or shared:
            await self._slow_down(pace, own, shared)
        return pace.asks_for_much

    async def _slow_down(self, pace: Pace, own: float, shared: float) -> None:
        """Wait so many seconds, for oneself or for all from one's address; the first time, say so."""
        if pace.warns():
            limits = self._context.limits
            is_own = own >= shared
            self._session.send(
                Slowed(limits.messages_per_second if is_own else limits.requests_per_address, not is_own)
            )
        await trio.sleep(max(own, shared))
        if self._session.is_lost:
            raise trio.BrokenResourceError

    async def take_turn(self) -> None:
        """Wait for one's turn among all who ask for something dear; those who ask for much come last.

        Raises BrokenResourceError if nobody is there any more for whom it would be done.
        """
        if self.pace is None:
            await trio.lowlevel.checkpoint()
        else:
            await self._context.turns.take(is_first=self._goes_first)
        if self.outbox.is_closed:
            raise trio.BrokenResourceError

    @property
    def _goes_first(self) -> bool:
        """Whether neither the session nor its address has asked for much lately."""
        return self.pace is None or not self.pace.asks_for_much

    # What waits in memory; see memory_budget.Holder. What waits to be written is the outbox's.

    @property
    def held(self) -> int:
        """Bytes that have come and are no request yet, if they are many."""
        return self.decoder.held

    def let_go(self) -> None:
        """Forget them, and say so, whatever is being carried out meanwhile."""
        if self.decoder.held:
            for drawn in self.decoder.give_up():
                self.outbox.push(drawn.data)
            self._session.send_unasked(Refused("no-memory"))

    def end(self) -> None:
        """Count them no longer, and do not know the session: nobody is there any more."""
        self._context.budget.forget(self)
        del self._session  # else each that ends would refer to itself by its loop, and wait for the garbage collector

    # Its time limits.

    def logged_in(self) -> None:
        """Who has logged in has all the time for which that is good, until they say nothing for too long."""
        self._idle_since = trio.current_time()
        self.scope.deadline = self._ends_at = self._idle_since + self._session.proof.seconds

    def limits_changed(self) -> None:
        """The next that comes wakes the task, which then waits as it is to wait now."""
        self._takes = False

    def idle_limit_changed(self) -> None:
        """Another time counts from now on for which one may say nothing; nobody is late already."""
        if self._session.nick:
            self._idle_since = trio.current_time()
            self.scope.deadline = min(self._idle_since + (self._context.limits.idle_seconds or inf), self._ends_at)

    def _update_deadline(self, *, has_asked: bool) -> None:
        """Set the time by which more has to come."""
        limits = self._context.limits
        if self._session.nick:
            if limits.idle_seconds:
                if has_asked:
                    self._idle_since = trio.current_time()
                self.scope.deadline = min(self._idle_since + limits.idle_seconds, self._ends_at)
            return
        if not self.decoder.is_mid_line:
            if self.scope.deadline != self.login_deadline:
                self.scope.deadline = self.login_deadline
        elif has_asked or self.scope.deadline == self.login_deadline:
            unfinished = limits.unfinished_line_seconds or inf
            self.scope.deadline = min(self.login_deadline, trio.current_time() + unfinished)

    def timed_out(self) -> Dismissed:
        """Which of the limits is over."""
        limits = self._context.limits
        if trio.current_time() >= self._ends_at:
            return Dismissed("token-ended")
        if self._session.nick:
            return Dismissed("idle", {"seconds": f"{limits.idle_seconds:g}"})
        if trio.current_time() >= self.login_deadline:
            return Dismissed("login-time", {"seconds": f"{limits.login_seconds:g}"})
        return Dismissed("unfinished-line", {"seconds": f"{limits.unfinished_line_seconds:g}"})
