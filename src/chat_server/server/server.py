"""The server: one nursery, with one task for each connection and one broadcaster for each room.

Knows connections, and the order of starting and stopping. Never knows commands, nor what makes one door another.
"""

import socket
import ssl
from collections.abc import Callable, Sequence
from functools import partial
from math import inf
from typing import TYPE_CHECKING, Any, cast

import trio

from chat_server.accounts.authentication import Authentication
from chat_server.accounts.hashing import Argon2, HashingQueue
from chat_server.config import Config
from chat_server.guard import Guard
from chat_server.journal import RoomRecord
from chat_server.journal.engines import Store
from chat_server.logs import Repeats, log
from chat_server.protocol.events import Dismissed
from chat_server.protocol.preferences import Preferences
from chat_server.rooms.chat_room import ChatRoom
from chat_server.rooms.directory import Directory
from chat_server.rooms.enforcing import Enforcement
from chat_server.rooms.hall import Hall
from chat_server.rooms.person import Person
from chat_server.rooms.room import Occupant, Room
from chat_server.rooms.sink import SendMany
from chat_server.server.arrival import Arrival, turn_away
from chat_server.server.beside import Beside
from chat_server.server.config_in_use import ConfigInUse
from chat_server.server.connection_limits import Admission, admission_within, network_of
from chat_server.server.echoes import Echoes
from chat_server.server.ending import Ending
from chat_server.server.full_house import is_panic, look_at
from chat_server.server.handshakes import Handshakes
from chat_server.server.health import STOPPING, Health
from chat_server.server.in_effect import InEffect, Ruled
from chat_server.server.listening import let_callers_in
from chat_server.server.open_rooms import OpenRooms
from chat_server.server.operators import let_operators_in
from chat_server.server.policy import policy_of
from chat_server.server.proxies import receive_header
from chat_server.server.retention import forget_what_is_old
from chat_server.server.shared_counts import SharedCounts
from chat_server.server.tally import Tally
from chat_server.server.time_limits import TimeLimits
from chat_server.server.way_in import WayIn
from chat_server.sessions.caller import Caller
from chat_server.sessions.context import SessionContext
from chat_server.sessions.memory_budget import Budget
from chat_server.sessions.origin import Origin
from chat_server.sessions.readiness import Readiness
from chat_server.sessions.reserved import RESERVED_MAX, ReservedPlaces
from chat_server.sessions.session import ChatSession
from chat_server.sessions.transport import LAST_WORDS_SECONDS, Transport, see_off
from chat_server.sessions.turns import Turns
from chat_server.wire.proxy_protocol import BadHeader, Forwarded, Header, Unforwarded

if TYPE_CHECKING:
    from chat_server.server.observed import Observed
    from chat_server.server.operations import Operations

LINGER = 5.0
"""Seconds that a reader has to take the last words after their session has ended."""

ROOM_LINGER = 1.0
"""Seconds that the rooms have, at the least, to store what was said last: nobody is left who says more."""

FILES_RESERVED = 96 + RESERVED_MAX
"""Open files kept for everything that is no caller: the journal (three for each of ten connections), the listeners, the log, the two
event queues, operators (admin.CONNECTIONS_MAX), programs that watch over it (monitor_door.CONNECTIONS_MAX), those who moderate the server when it is
full, and one caller to be refused."""


class Server:
    """Accepts connections and serves each in its own task, until it is stopped."""

    def __init__(
        self,
        config: Config,
        store: Store,
        *,
        files: float = inf,
        memory: int = 0,
        work: Callable[[], float] = lambda: 0.0,
        tls: Callable[[], ssl.SSLContext | None] = lambda: None,
        fingerprint: Callable[[], str] = lambda: "",
        send_many: SendMany | None = None,
        hashing: HashingQueue | None = None,
        in_use: ConfigInUse | None = None,
    ) -> None:
        """Make the hall.

        Args:
            config: the settings.
            store: what keeps accounts, the rooms and what is said in them; whoever made it runs it, for longer than the server.
            files: how many files the process may open.
            memory: how many bytes of memory the machine has for it; 0 if that is not known.
            work: tells how many seconds of the processor's time the event loop has taken, if that is to be shared fairly.
            tls: gives the certificate in use, and how TLS is spoken with it; None while there is none.
            fingerprint: gives that of the certificate in use, in groups; "" while there is none.
            send_many: sends the same bytes to many sockets at once, if the system can.
            hashing: where passwords are hashed; None: as they should be.
            in_use: by what operators have the settings read again; None: they cannot.

        """
        self.in_use = in_use or ConfigInUse(config)
        counts = SharedCounts(lambda: self.in_effect.config.limits.connections_per_address, trio.current_time)
        self._counts = counts if store.nodes else None
        self._admission = admission_within(
            config.limits, files - FILES_RESERVED, self._counts, partial(is_panic, store)
        )
        self._turns = Turns(work)
        self._fingerprint = fingerprint
        self._send_many = send_many
        self._budget = Budget(0)
        self._rejected, self._time_limits, self._partings = Repeats(), TimeLimits(), TimeLimits()
        waits = self._time_limits, self._rejected
        self._handshakes = Handshakes(tls, *waits, fingerprint=fingerprint, by_network=True)
        self._store, self._journal = store, store.journal
        self._directory: Directory[Room, Person[Occupant]] = Directory(
            *store,
            authentication=Authentication(
                store.accounts, hashing or HashingQueue(Argon2()), policy_of(config), store.now
            ),
            start_room=lambda name, room_id: self._open_rooms.start(RoomRecord(name, "", 1, 0, id=room_id)),
        )
        self.hall = Hall(self._directory)
        self._enforcement = Enforcement(self._directory)
        self._directory.has_logged_in = partial(look_at, self._enforcement)
        self._reserved = ReservedPlaces(self._enforcement.knows)
        self.health, self._tally = Health(), Tally()
        self.echoes = Echoes(store.nodes.signs) if store.nodes else None
        self._open_rooms = OpenRooms(store, send_many)
        self._unserved = Guard("a caller could not be served")
        self._sessions: dict[ChatSession[Any], None] = {}  # of 5000, a set takes 105 bytes for each, and this 30
        self._connections = self._cut = 0
        parts = (self._admission, self._budget, self._directory, self._handshakes, self._open_rooms, self._sessions)
        node = store.nodes.name if store.nodes else None
        self.in_effect = InEffect(config, Ruled(*parts), files=files - FILES_RESERVED, memory=memory, node=node)
        self.ending = Ending(store.nodes, lambda: self.in_effect.config.server.stop_seconds)
        self._everybody_gone = trio.Event()
        self.readiness: Readiness | None = None
        """What tells connections that something has come."""

    async def run(
        self,
        listeners: Sequence[socket.socket],
        task_status: trio.TaskStatus[None] = trio.TASK_STATUS_IGNORED,
        *,
        tls_listeners: Sequence[socket.socket] = (),
        way_in: WayIn = WayIn(),  # noqa: B008 - a value
    ) -> int:
        """Serve until `stop`.

        Args:
            listeners: listening, non-blocking sockets; they are closed when the server stops.
            task_status: told when the server accepts connections.
            tls_listeners: the same, for callers who have to begin TLS before anything else is said.
            way_in: how operators come in, if they can; nothing is left of it when this returns.

        Returns:
            How many sessions were cut off with something unsent, or rooms with something unstored.

        Raises:
            JournalError: the rooms cannot be read.

        """
        async with trio.open_nursery() as nursery:
            self._nursery = nursery
            self._arrival = self._new_arrival(nursery)
            others = self._directory.others
            changes = None
            if others is not None:
                from chat_server.server.changes_elsewhere import ChangesElsewhere  # noqa: PLC0415 - only where there are several nodes

                changes = ChangesElsewhere(self._directory, others, self.hall)  # before anything is read
            await self._directory.authentication.restore()  # who has tried passwords in vain
            await self._enforcement.restore()
            await self._open_rooms.begin(nursery, self._directory, self.hall, self.in_effect.config.rooms.names)
            nursery.start_soon(forget_what_is_old, self._store, lambda: self.in_effect.config.history, self.rooms)
            nursery.start_soon(self._directory.calls.run)
            nursery.start_soon(self._directory.guest_blocks.run)
            nursery.start_soon(let_operators_in, way_in.socket, partial(self.operations, way_in))
            self.readiness = let_callers_in(nursery, listeners, tls_listeners, self.admit, self._rejected)
            if others is not None and changes is not None and self._counts is not None:
                from chat_server.server.among_nodes import be_among_nodes  # noqa: PLC0415 - as above
                from chat_server.server.shared_limits import Certificates, Shared  # noqa: PLC0415 - as above

                shared = Shared(self._counts, Certificates(self._fingerprint), self.echoes)
                task = (others, changes, self.ending, self._sessions, shared)
                nursery.start_soon(be_among_nodes, *task)
            task_status.started()
            await self.ending.requested.wait()
            await self._wind_down((*listeners, *tls_listeners))
            nursery.cancel_scope.cancel()
        return self._cut

    def _new_arrival(self, nursery: trio.Nursery) -> Arrival:
        config = self.in_effect.config
        context = SessionContext(
            hall=self.hall,
            limits=config.limits,
            history=config.history,
            preferences=Preferences(config.server.language),
            welcome=self.in_effect.welcome(),
            turns=self._turns,
            budget=self._budget,
            start=nursery.start_soon,
            takes_secrets_anywhere=config.tls.require == "none",
            late_hello=self._handshakes.note_late_hello,
            fingerprint=self._fingerprint,
            refusals=self._tally.refusals,
        )
        all_encrypted = config.tls.require == "all"
        arrival = Arrival(context, self._handshakes, self._time_limits, self._rejected, all_encrypted=all_encrypted)
        self.in_effect.rules(context, arrival, nursery)
        return arrival

    def observed(self, beside: Beside) -> "Observed":
        """What there is to be measured, with what the process has beside."""
        from chat_server.server.observed import Observed  # noqa: PLC0415 - see let_monitors_in

        shared = self._directory, self._store, self._sessions, self._budget
        return Observed(*shared, self._handshakes, self._connections, self._tally, beside)

    def operations(self, way_in: WayIn, began_at: float) -> "Operations":
        """What operators may do here who come in by this, where all began at this time."""
        from chat_server.server.operations import Means, Operations  # noqa: PLC0415 - see let_operators_in

        shared = self._directory, self._sessions, self._journal, self._budget, self.ending.requested.is_set
        means = Means(self.health, self.in_use, way_in)
        return Operations(*shared, means=means, began_at=began_at)

    @property
    def rooms(self) -> list[ChatRoom]:
        """The chat rooms that there are."""
        return self._open_rooms.listed

    def stop(self, *, is_restart: bool = False) -> None:
        """Stop in order: no new callers, everybody is told, rooms and readers have time to take what waits. See Ending.ask_for."""
        self.health.leave("it restarts" if is_restart else STOPPING)
        self.ending.ask_for(is_restart=is_restart)

    def abort(self) -> None:
        """Stop at once, whatever waits."""
        self.ending.hurry()
        self._partings.end()
        for session in self._sessions:
            session.abort()

    async def _wind_down(self, listeners: Sequence[socket.socket]) -> None:
        for listener in listeners:
            trio.lowlevel.notify_closing(listener.fileno())
            listener.close()
        self._time_limits.end()
        await self.ending.begin(self._sessions)
        if self._connections:
            await self._everybody_gone.wait()  # every session has a deadline of its own: Ending.at
        self._cut += await self._open_rooms.close(max(self.ending.at, trio.current_time() + ROOM_LINGER))
        with trio.move_on_after(ROOM_LINGER):
            await self._directory.calls.look()

    def admit(self, transport: Transport, address: str, *, must_encrypt: bool = False) -> None:
        """Start a task for a new caller, or say politely that there is no place."""
        if address not in self.in_effect.proxies:
            self._let_in(transport, Origin(address), must_encrypt=must_encrypt)
        elif self._admission.is_full and (self._reserved.is_full or not self._enforcement.has_office):
            self._refuse(transport, address, "server-full")
        else:
            keep = self._reserved if self._admission.is_full else self._admission
            keep.hold()
            self._connections += 1
            self._nursery.start_soon(self._let_in_by_proxy, transport, address, must_encrypt, keep)

    def _let_in(
        self, transport: Transport, origin: Origin, received: bytes = b"", *, must_encrypt: bool = False
    ) -> None:
        """Start a task for a caller who comes from there and has sent this already, unless there is no place."""
        refusal = self._admission.refusal(origin.address)
        reserved = None
        if refusal == "server-full" and self._enforcement.has_office:
            reserved = self._reserved.take(network_of(origin.address))
        if refusal is not None and reserved is None:
            self._refuse(transport, origin.address, refusal)
            return
        self._tally.callers["let-in"] += 1
        now = trio.current_time()
        address = self._admission.enter(origin.address, now)
        caller = Caller(transport, origin, address, now, must_encrypt, reserved=reserved)
        self._connections += 1
        self._nursery.start_soon(self._serve, caller, received, name="Server._serve")  # a name of its own is 170 bytes

    def _refuse(self, transport: Transport, address: str, why: str) -> None:
        self._tally.callers[why] += 1
        self._rejected.info(f"refused a caller: {why}", address=address)
        turn_away(transport, Dismissed(why), self.in_effect.config.server.language)

    async def _let_in_by_proxy(
        self, transport: Transport, proxy: str, must_encrypt: bool, kept: Admission | ReservedPlaces
    ) -> None:
        """Wait until a proxy has said for whom it connects, and let them in."""
        header: Header = Unforwarded()
        received = b""
        try:
            with self._unserved:
                header, received = await receive_header(transport, self._time_limits)
        finally:
            kept.release()
            if not self._unserved.attempt(self._heed, header, received, transport, proxy, must_encrypt):
                transport.close()
            self._count_out()

    def _heed(self, header: Header, received: bytes, transport: Transport, proxy: str, must_encrypt: bool) -> None:
        """Do as a proxy's header says. Nothing is said where it connects for nobody."""
        match header:
            case Forwarded():
                origin = Origin(header.address, header.is_encrypted, is_proxied=True)
                self._let_in(transport, origin, received, must_encrypt=must_encrypt)
            case BadHeader():
                self._rejected.info("a trusted proxy sent no valid PROXY header", address=proxy, why=header.why)
                turn_away(transport, Dismissed("no-proxy-header"), self.in_effect.config.server.language)
            case Unforwarded():
                transport.close()

    async def _serve(self, caller: Caller, received: bytes) -> None:
        """Serve one caller, of whatever kind. Everything is done in this one frame: it is there for as long as the caller is."""
        log.debug("a caller came", address=caller.origin.address)
        session: ChatSession[Any] | None = None
        try:
            session = following = await self._arrival.begin(caller, received)
            while following is not None:
                session = following
                self._sessions[session] = None
                self.ending.dismiss(session)  # who was there when that began has been dismissed already
                await session.run()
                following = session.successor()
                if following is not None:
                    self._sessions.pop(session, None)
        except Exception as error:  # noqa: BLE001 - see guard.py
            self._unserved.note(error)
        finally:
            try:
                if session is not None:
                    await self._end(session)
            finally:
                self._let_go(caller)
                log.debug("a caller went", address=caller.origin.address)

    async def _end(self, session: ChatSession[Any]) -> None:
        deadline = self.ending.at if self.ending.requested.is_set() else trio.current_time() + LINGER
        guard = Guard("a session could not end", nick=session.nick)
        with guard:
            if not await session.end(deadline):
                self._cut += 1
        self._sessions.pop(session, None)
        if guard.has_failed or session.has_failed:
            _forget_session(session, self._directory, self.rooms)
        with self._partings.within(max(0, min(LAST_WORDS_SECONDS, self.ending.at - trio.current_time()))):
            await see_off(session.caller.transport)

    def _let_go(self, caller: Caller) -> None:
        caller.transport.close()
        if caller.reserved is not None:
            self._reserved.leave(caller.reserved)
        self._admission.leave(caller.address, trio.current_time())
        self._count_out()

    def _count_out(self) -> None:
        self._connections -= 1
        if not self._connections and self.ending.requested.is_set():
            self._everybody_gone.set()


def _forget_session(
    session: ChatSession[Any], directory: Directory[Room, Person[Occupant]], rooms: Sequence[ChatRoom]
) -> None:
    """Leave nothing of a session that could not end in order: no place in a room, and no name that was its alone."""
    for person in directory.people:
        person.let_go(session)
        if not person.sessions:
            directory.forget(person)
    occupant = cast(Occupant, session)  # every kind of session is one
    for room in rooms:
        if occupant in room:
            room.forget(occupant)
