"""The connection to the server: made, kept, and made again, so that what is said arrives once and in order.

It needs nothing of Textual: a bot or a test uses it as the screens do. It never knows what an event means to the user; all it takes
from events is what the connection itself needs.
"""

import asyncio
import time
from collections.abc import Awaitable, Callable, Iterable
from contextlib import suppress
from enum import Enum
from functools import partial
from math import inf
from typing import TYPE_CHECKING

import msgspec

from chat_server.protocol import events, requests
from chat_server.protocol.events import Event
from chat_server.protocol.incoming import Ref
from chat_server.protocol.names import name_key
from chat_server.protocol.versions import tag_in
from chat_tui.client.accounts import WAYS_IN, Proof, seconds_to_wait
from chat_tui.client.askers import Answer, Askers
from chat_tui.client.calling import Called, Caller, Distrusted, Line, LineDetails
from chat_tui.client.codec import EventReader, LineTooLong, said, write
from chat_tui.client.dialling import dial, reason
from chat_tui.client.link import Link
from chat_tui.client.lost import RESTARTING, Lost, SentAway, TakenForPerson, Unwanted, end_of
from chat_tui.client.pauses import Pauses
from chat_tui.client.pending import Pending
from chat_tui.client.same_room import KnownState
from chat_tui.client.signing_in import LOGIN, Identity, SigningIn, kept_nowhere
from chat_tui.language import say

if TYPE_CHECKING:
    from chat_tui.client.trust_words import Doubt

ASK_AFTER = 20.0
"""Seconds of silence after which the server is asked whether it is still there."""

DEAD_AFTER = 45.0
"""Seconds of silence after which the connection is taken for lost, as the server does."""

CONNECT_SECONDS = 10.0
"""Seconds that connecting may take, and then logging in."""

TEXT_SECONDS = 1.0
"""Seconds after a server has begun to speak as to a person within which it must have gone over to JSON. It has read our first line by then, or
never will: those before 0.2.0 do not look again."""

TEXTS_MAX = 3
"""Attempts in a row, each at once after the one before, after which a server that speaks to a person is taken for another program."""


class Status(Enum):
    """How the connection is."""

    CONNECTING = "connecting"
    ONLINE = "online"
    WAITING = "waiting"
    """Not connected; it will be tried again by itself."""
    REFUSED = "refused"
    """The server does not want us under this name, or is not trusted; the user must do something."""


class ConnectionChanged(msgspec.Struct, frozen=True):
    """The connection is in another state."""

    status: Status
    why: str = ""
    """Why, in a sentence; once there is a connection, what is new about who vouches for it."""
    retry_at: float = 0.0
    """When it will be tried again, by the event loop's clock."""
    code: str = ""
    """The server's, if it refused."""
    asks_proof: bool = False
    """Whether it may let the user in who proves that the account of this name is theirs."""
    wait: int = 0
    """Seconds after which it may be tried again, if the server has said so."""
    doubt: "Doubt | None" = None
    """Why the server is not trusted, if that is why nothing goes on."""
    line: Line = Line.LOCAL
    """Who may listen in, once there is a connection, or where the server has refused."""
    details: LineDetails = LineDetails()
    is_moving: bool = False
    """Whether it only goes on elsewhere, or anew in a moment, as the server has asked: nothing is wrong."""


def _tell_nobody(room: str, refused: events.Refused) -> None:
    """Nobody waits for the room."""


class Connection:
    """One user's connection to one server."""

    def __init__(
        self,
        host: str,
        port: int,
        identity: Identity,
        *,
        caller: Caller,
        known: KnownState,
        rooms: Iterable[str] = (),
        unsent: Callable[[], list[Pending]],
        token_for: Callable[[Identity], Awaitable[str]] = kept_nowhere,
        on_event: Callable[[Event, Ref | None], None],
        on_change: Callable[[ConnectionChanged], object],
        on_room_refused: Callable[[str, events.Refused], object] = _tell_nobody,
    ) -> None:
        """Connect to nothing yet.

        Args:
            host: where the server is.
            port: its port.
            identity: who the user is; the connection puts the name and the token here that the server gives.
            caller: calls the server, if it is trusted.
            known: what is known already, to go on from after the connection was lost.
            rooms: rooms to be in from the start.
            unsent: what waits to be stored, in order.
            token_for: gives the token that is shown to the server; one that has just been made must not be lost then.
            on_event: called with every event, in order, but what refuses the login or a room, and with the ref of the request that it answers.
            on_change: called when the connection's state changes.
            on_room_refused: called with a room that was wanted from the start and cannot be entered, and why.

        """
        self.host = host
        self.port = port
        self.identity = identity
        self.status = Status.CONNECTING
        self.line = Line.LOCAL
        self.details = LineDetails()
        """Who may listen in on the connection that there is, or was last."""
        self._signing_in = SigningIn(identity, token_for)
        self._caller = caller
        self._known = known
        self._rooms = dict.fromkeys(rooms)
        self._unsent = unsent
        self._on_event = on_event
        self._on_change = on_change
        self._on_room_refused = on_room_refused
        self.askers = Askers()
        self._joins: dict[Ref | None, str] = {}  # rooms that were asked for on this connection, by the `ref`
        self._link: Link | None = None
        self._again = asyncio.Event()
        self._pauses = Pauses()
        self._protocol = 1  # of the server, until it says that it knows a newer one
        self._texts = 0  # attempts in a row in which the server spoke as to a person

    async def run(self) -> None:
        """Be connected whenever that is possible, until cancelled."""
        while True:
            self._again.clear()
            try:
                await self._live()
            except Unwanted as refused:
                self._change(
                    ConnectionChanged(Status.REFUSED, str(refused), code=refused.code, line=self.line, **refused.more)
                )
                await self._again.wait()
            except TakenForPerson as lost:
                self._texts += 1
                if self._texts >= TEXTS_MAX:
                    self._texts = 0
                    await self._pause(say("that is no chat-server"))
                else:
                    self._change(ConnectionChanged(Status.CONNECTING, str(lost)))
            except SentAway as sent:
                await self._pause(str(sent), sent.farewell)
            except Lost as lost:
                await self._pause(str(lost))

    def try_now(self) -> None:
        """Do not wait any longer for the next attempt."""
        self._pauses.begin_small()
        self._again.set()

    def prove(self, proof: Proof | None) -> None:
        """Log in by this, now, instead of by the token; with None, do not, if that has not been done yet."""
        self._signing_in.prove(proof)
        if proof is not None:
            self.try_now()

    def hang_up(self) -> None:
        """Leave this connection, for a new one at once: as somebody else, say."""
        if self._link is not None:
            self._link.close()
        self.try_now()

    def trust(self, doubt: "Doubt") -> None:
        """The user says yes to what they were asked about the server: have that kept, and go on."""
        self._caller.accept(doubt)
        self._change(ConnectionChanged(Status.CONNECTING))
        self.try_now()

    def request(self, do: str, *, on_answer: Answer | None = None, **fields: object) -> bool:
        """Ask the server for something; have `on_answer` called with what answers it.

        Returns False if there is no connection: then nothing is asked, and nothing will be.
        """
        if self.status is not Status.ONLINE or self._link is None:
            return False
        ref = self.askers.note(on_answer) if on_answer is not None else None
        self._link.write(write(do, ref=ref, **fields))
        return True

    def say(self, pending: Pending) -> bool:
        """Send a line that is among the unsent. Returns False if it has to wait for a connection."""
        if self.status is not Status.ONLINE or self._link is None:
            return False
        self._link.write(said(pending))
        return True

    async def _live(self) -> None:
        """Connect, and take what comes until the connection is lost. Raises Lost."""
        if self.status is not Status.CONNECTING or not self._texts:
            self._change(ConnectionChanged(Status.CONNECTING, is_moving=self._pauses.is_quiet(time.monotonic())))
        called = await self._call(await self._signing_in.first_words())
        reader, writer = await asyncio.open_connection(sock=called.connection)
        link = self._link = Link(reader, writer, called)
        self._protocol, self.line, self.details = 1, link.line, link.details
        try:
            words = self._signing_in.second_words(link.line)
            if words is None:
                raise Unwanted(say(WAYS_IN), "no-secrets-here", asks_proof=True)
            link.write(words)
            await self._read_loop(link)
        except (OSError, LineTooLong) as error:
            raise Lost(
                say("the connection broke") if isinstance(error, OSError) else say("that is no chat-server")
            ) from None
        finally:
            self._link = None
            self.askers.forget()
            link.close()

    async def _call(self, first_words: bytes) -> Called:
        """Have a connection on which these have been said. Raises Lost."""
        call = partial(self._caller.call, self.host, self.port, first_words)
        try:
            return await dial(self.host, self.port, call, seconds=CONNECT_SECONDS)
        except Distrusted as distrusted:
            raise Unwanted(distrusted.doubt.title, doubt=distrusted.doubt) from None
        except TimeoutError:
            raise Lost(say("there is no answer")) from None
        except OSError as error:
            raise Lost(reason(error)) from None
        except ValueError:  # two dots in a row, a label of 64 letters: to try again would not help
            raise Unwanted(say("{host} is not a host name.", host=self.host)) from None

    async def _read_loop(self, link: Link) -> None:
        incoming = EventReader()
        await self._log_in(incoming, link)
        silent = 0.0
        while True:
            try:
                async with asyncio.timeout(ASK_AFTER):
                    data = await link.read()
            except TimeoutError:
                silent += ASK_AFTER
                if silent + ASK_AFTER > DEAD_AFTER + 1:
                    raise Lost(say("the server is silent")) from None
                link.write(write(tag_in(requests.Ping, self._protocol)))
                continue
            silent = 0.0
            self._receive(incoming, data, link)

    async def _log_in(self, incoming: EventReader, link: Link) -> None:
        """Take what comes until the server has let the user in, or has not. The time for it is one, however its words drip in."""
        try:
            async with asyncio.timeout(CONNECT_SECONDS) as patience:
                while self.status is Status.CONNECTING:
                    self._receive(incoming, await link.read(), link)
                    if incoming.texts and not incoming.has_json and not patience.expired():
                        patience.reschedule(
                            min(patience.when() or inf, asyncio.get_running_loop().time() + TEXT_SECONDS)
                        )
        except TimeoutError:
            if incoming.texts and not incoming.has_json:
                raise TakenForPerson(
                    say("The server took this program for a person, because it spoke too late. Trying again now.")
                ) from None
            raise Lost(say("the server is silent")) from None
        self._texts = 0

    def _receive(self, incoming: EventReader, data: bytes, link: Link) -> None:
        if not data:
            raise Lost(say("the connection was closed"))
        for received in incoming.receive_data(data):
            self._take(received.event, received.ref, link)

    def _take(self, event: Event, ref: Ref | None, link: Link) -> None:
        """See what the connection needs to know; hand the event on."""
        match event:
            case events.Pinged():
                link.write(write(tag_in(requests.Pong, self._protocol)))
            case events.Welcomed():
                self._protocol = event.protocol
            case events.Refused() if self._is_of_own(event, ref):
                return
            case events.Renamed(room=""):
                self.identity.nick = event.new
            case events.LoggedIn() | events.Registered():
                self._signing_in.take(event)
        self._follow(event, ref, link)

    def _follow(self, event: Event, ref: Ref | None, link: Link) -> None:
        """Hand an event on, and do what follows. Raises Lost."""
        self._on_event(event, ref)
        match event:
            case events.Entered():
                self.room_settled(event.room)
            case events.Registered() if ref == LOGIN:
                self._take(events.LoggedIn(event.nick, event.token), None, link)
            case events.LoggedIn():
                self._go_on(set(event.rooms), link)
            case events.Dismissed():
                raise end_of(event)
            case events.LoggedOut():
                raise Unwanted(say("You have logged out."))

    def _is_of_own(self, refused: events.Refused, ref: Ref | None) -> bool:
        """Whether this refuses what the connection itself has asked for. Raises Unwanted if that was the login."""
        if ref == LOGIN:
            if refused.code == "engine-away":
                raise Lost(refused.text)
            asks, wait = self._signing_in.refused(refused), seconds_to_wait(refused.details)
            raise Unwanted(refused.text, refused.code, asks_proof=asks, wait=wait)
        room = self._joins.get(ref)
        if room is None:
            return False
        self.room_settled(room)
        self._on_room_refused(room, refused)
        return True

    def room_settled(self, room: str) -> None:
        """A room that was wanted from the start is there, or cannot be; until then every new connection asks for it again."""
        for wanted in [wanted for wanted in self._rooms if name_key(wanted) == name_key(room)]:
            del self._rooms[wanted]

    def _go_on(self, carried: set[str], link: Link) -> None:
        """Be in the rooms where the user was, with what was missed; then send what waits, in order."""
        known = self._known.positions()
        if known:
            link.write(write("resume", rooms=known, ids=self._known.ids()))
        there = {name_key(room) for room in known.keys() | carried}
        wanted = (room for room in self._rooms if name_key(room) not in there)
        self._joins = {-number: room for number, room in enumerate(wanted, 1)}  # whose numbers are no askers'
        for ref, room in self._joins.items():
            link.write(write("join", ref=ref, room=room))
        for room in carried - known.keys():  # it has entered there, and has never been told
            link.write(write("history", room=room, before=requests.NUMBER_MAX, count=50))
        link.write(write("rooms"))
        self._pauses.online(time.monotonic())
        self._change(ConnectionChanged(Status.ONLINE, link.news, line=link.line, details=link.details))
        for pending in self._unsent():
            self.say(pending)

    async def _pause(self, why: str, sent: events.Dismissed | None = None) -> None:
        """Wait for the next attempt. Nobody is told why while the connection only moves; that the server restarts is told without alarm."""
        now = time.monotonic()
        pause = self._pauses.next(now) if sent is None else self._pauses.after_move(sent.details, sent.retry_after, now)
        waiting = ConnectionChanged(Status.WAITING, why, asyncio.get_running_loop().time() + pause)
        if not self._pauses.is_quiet(now):
            self._change(waiting)
        elif sent is not None and sent.why == RESTARTING:
            self._change(msgspec.structs.replace(waiting, why=say("the server is being restarted"), is_moving=True))
        else:
            self._change(ConnectionChanged(Status.CONNECTING, is_moving=True))
        with suppress(TimeoutError):
            async with asyncio.timeout(pause):
                await self._again.wait()

    def _change(self, change: ConnectionChanged) -> None:
        self.status = change.status
        self._on_change(change)
