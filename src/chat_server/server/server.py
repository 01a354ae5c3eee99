"""The server: one nursery, with one task for each connection and one broadcaster for each room.

Knows listeners, connections, and the order of starting and stopping. Never knows commands.
"""

import errno
import socket
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from math import inf
from typing import Any

import structlog
import trio
from msgspec.structs import replace

from chat_server import __version__
from chat_server.commands.catalogue import described_commands
from chat_server.config import Config
from chat_server.guard import Guard
from chat_server.journal import Journal, JournalError, RoomRecord
from chat_server.logs import Sampler
from chat_server.protocol.events import Dismissed, Greeted, Welcomed
from chat_server.protocol.preferences import Preferences
from chat_server.protocol.requests import PROTOCOL
from chat_server.protocol.syntax import is_command
from chat_server.rooms.chat_room import REST_AFTER_FAILURE, ChatRoom
from chat_server.rooms.directory import Directory
from chat_server.rooms.hall import Hall
from chat_server.rooms.room import ListedRoom, Occupant
from chat_server.server.connection_limits import Address, Admission
from chat_server.sessions.json_session import ROOMS_MAX, ProgramSession
from chat_server.sessions.pacing import Budget, Turns
from chat_server.sessions.session import READ_MAX_LIMITED, ChatSession, Neighbours
from chat_server.sessions.text_session import PersonSession
from chat_server.sessions.transport import SocketTransport, Transport
from chat_server.wire.detect import CLOSED_DOORS, Door, recognise
from chat_server.wire.json_lines import JsonDecoder
from chat_server.wire.late_programs import LateJsonDecoder
from chat_server.wire.render.profiles import Reader, show_for
from chat_server.wire.text import ProgramCame, TextDecoder

STRANGERS_LINE = 1024
"""Bytes in the line of a person who has not logged in: a name, and a command or two."""

GREETING_DELAY = 0.15
"""Seconds that a caller may be silent before it is greeted as a person. Programs speak first, and at once; a person does not notice the wait."""

LINGER = 5.0
"""Seconds that a reader has to take the last words after their session has ended."""

ROOM_LINGER = 1.0
"""Seconds that the rooms have, at the least, to store what was said last: nobody is left who says more."""

BACKLOG = 4096
"""Connections that the kernel may hold until they are accepted: Linux's own limit since 5.4."""

ACCEPT_MAX = 16
"""Callers accepted before others have their turn: 3 ms, with their greetings."""

FILES_RESERVED = 64
"""Open files kept for everything that is no connection: the journal (three for each of ten connections), the listeners, the log, the kernel's
event queue, and one caller to be refused."""

HIDDEN_NAMED_MAX = 20
"""Rooms that the log names because a command hides them."""

WAITING_TOTAL_MIN = 256 * 2**20
"""Bytes that may wait for all readers together on a machine however small: 256 stuck ones."""

FORGET_SECONDS = 900.0
"""Seconds between two looks for what is too old to be kept."""

FORGET_PAUSE = 0.05
"""Seconds between two transactions that delete: appends go first."""

_OUT_OF_FILES = {errno.EMFILE, errno.ENFILE, errno.ENOBUFS, errno.ENOMEM}

_log = structlog.get_logger()


def open_listeners(host: str, port: int) -> list[socket.socket]:
    """Listen on every address that the host name has.

    Raises:
        OSError: if the name has no address, or an address is in use or not ours.

    """
    listeners: list[socket.socket] = []
    try:
        for family, kind, protocol, _, address in dict.fromkeys(
            socket.getaddrinfo(host or None, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)
        ):
            listener = socket.socket(family, kind, protocol)
            listeners.append(listener)
            listener.setblocking(False)
            listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            if family == socket.AF_INET6:
                listener.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
            listener.bind(address)
            listener.listen(BACKLOG)
    except OSError:
        for listener in listeners:
            listener.close()
        raise
    return listeners


def _address_of(listener: socket.socket) -> str:
    host, port = listener.getsockname()[:2]
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"


class Server:
    """Accepts connections and serves each in its own task, until it is stopped."""

    def __init__(
        self,
        config: Config,
        journal: Journal,
        *,
        files: float = inf,
        memory: int = 0,
        work: Callable[[], float] = lambda: 0.0,
    ) -> None:
        """Make the hall.

        Args:
            config: the settings.
            journal: what keeps the rooms and what is said in them; whoever made it runs it, for longer than the server.
            files: how many files the process may open.
            memory: how many bytes of memory the machine has for it; 0 if that is not known.
            work: tells how many seconds of the processor's time the event loop has taken, if that is to be shared fairly.

        """
        self._config = config
        limits = config.limits
        self._admission = Admission(
            int(min(limits.connections or inf, max(1, files - FILES_RESERVED), 2**31)),
            limits.connections_per_address,
            limits.requests_per_address if limits.connections_per_address and limits.messages_per_second else 0,
            limits.request_burst_per_address,
        )
        self._turns = Turns(work)
        self._budget = Budget(limits.waiting_total_bytes if limits.waiting_total_bytes >= 0 else _share_of(memory))
        self._unwelcome = Sampler()
        self._journal = journal
        self._directory: Directory[ListedRoom, Occupant] = Directory(
            journal,
            start_room=lambda name: self._start_room(RoomRecord(name, "", 1, 0)),
            rooms_max=limits.rooms,
            per_person=limits.rooms_per_person,
            per_address=limits.rooms_per_address if limits.connections_per_address else 0,
        )
        self.hall = Hall(self._directory)
        self.rooms: list[ChatRoom] = []
        self._rooms_running = 0
        self._sessions: set[ChatSession[Any]] = set()
        self._welcome = _welcome(config)
        self._preferences = Preferences(config.server.language)
        self._connections = 0
        self._stop_requested = trio.Event()
        self._stop_at = inf
        self._everybody_gone = trio.Event()
        self._rooms_ended = trio.Event()
        self._cut = 0

    async def run(
        self, listeners: Sequence[socket.socket], task_status: trio.TaskStatus[None] = trio.TASK_STATUS_IGNORED
    ) -> int:
        """Serve until `stop`.

        Args:
            listeners: listening, non-blocking sockets; they are closed when the server stops.
            task_status: told when the server accepts connections.

        Returns:
            How many sessions were cut off with something unsent, or rooms with something unstored.

        Raises:
            JournalError: the rooms cannot be read.

        """
        async with trio.open_nursery() as nursery:
            self._nursery = nursery
            await self._open_rooms()
            nursery.start_soon(self._forget)
            for listener in listeners:
                nursery.start_soon(self._accept, listener)
                _log.info(f"listening on {_address_of(listener)}")
            task_status.started()
            await self._stop_requested.wait()
            await self._wind_down(listeners)
            nursery.cancel_scope.cancel()
        return self._cut

    def stop(self) -> None:
        """Stop in order: no new callers, everybody is told, rooms and readers have `stop_seconds` to take what waits."""
        self._stop_requested.set()

    def cut(self) -> None:
        """Stop at once, whatever waits."""
        self._stop_requested.set()
        self._stop_at = -inf
        for session in self._sessions:
            session.cut()

    async def _wind_down(self, listeners: Sequence[socket.socket]) -> None:
        for listener in listeners:
            trio.lowlevel.notify_closing(listener.fileno())
            listener.close()
        self._stop_at = min(self._stop_at, trio.current_time() + self._config.server.stop_seconds)
        for session in self._sessions:
            session.dismiss("stopping", self._stop_at)
        if self._connections:
            await self._everybody_gone.wait()  # every session has a deadline of its own: self._stop_at
        for room in self.rooms:
            room.close()
        if self._rooms_running:
            with trio.move_on_at(max(self._stop_at, trio.current_time() + ROOM_LINGER)):
                await self._rooms_ended.wait()
        self._cut += self._rooms_running

    async def _open_rooms(self) -> None:
        """Open the rooms that there are, and those of the configuration that are not there yet."""
        for record in await self._journal.rooms():
            self._directory.open_room(self._start_room(record))
        for name in self._config.rooms.names:
            if self._directory.room(name) is not None:
                continue
            try:
                await self._journal.create_room(name)
            except JournalError as error:  # a full disk: the rooms that are there can still be read
                _log.error("cannot open a room of the configuration", room=name, why=str(error))
                continue
            self._directory.open_room(self._start_room(RoomRecord(name, "", 1, 0)))
        hidden = [room.name for room in self._directory.rooms if is_command(room.name)]
        if hidden:
            _log.warning("rooms have the names of commands, so only /join enters them", rooms=hidden[:HIDDEN_NAMED_MAX])

    def _start_room(self, record: RoomRecord) -> ChatRoom:
        room = ChatRoom(record, self._directory, self.hall)
        self.rooms.append(room)
        self._rooms_running += 1
        self._nursery.start_soon(self._run_room, room)
        return room

    async def _run_room(self, room: ChatRoom) -> None:
        guard = Guard("a room began anew", room=room.name)
        guard.has_failed = True
        while guard.has_failed:
            guard.has_failed = False
            with guard:
                await room.run()
            if guard.has_failed:
                await trio.sleep(REST_AFTER_FAILURE)
        self._rooms_running -= 1
        if not self._rooms_running:
            self._rooms_ended.set()

    async def _forget(self) -> None:
        """Delete what the configuration does not keep any longer, and keys that nobody will use again."""
        history = self._config.history
        while True:
            before = time.time() - history.keep_days * 86400 if history.keep_days else -inf
            with Guard("cannot delete what is old"):
                await self._forget_older_than(before, history.keep_lines)
            await trio.sleep(FORGET_SECONDS)

    async def _forget_older_than(self, before: float, keep_lines: int) -> None:
        try:
            while await self._journal.prune(before, keep_lines):
                for room in self.rooms:
                    room.forget_past()
                await trio.sleep(FORGET_PAUSE)
        except JournalError as error:
            _log.error("cannot delete what is old", why=str(error))

    async def _accept(self, listener: socket.socket) -> None:
        guard = Guard("a caller could not be let in")
        while listener.fileno() >= 0:  # it is closed when the server stops
            try:
                await trio.lowlevel.wait_readable(listener.fileno())
            except trio.ClosedResourceError:
                return
            for _ in range(ACCEPT_MAX):
                try:
                    connection, address = listener.accept()
                except BlockingIOError:
                    break
                except OSError as error:
                    if error.errno in _OUT_OF_FILES:
                        self._unwelcome.note("cannot accept a caller", trio.current_time(), why=error.strerror)
                        await trio.sleep(0.1)
                    break
                if not guard.attempt(self._let_in, connection, address[0]):
                    connection.close()

    def _let_in(self, connection: socket.socket, address: str) -> None:
        connection.setblocking(False)
        try:
            _set_tcp_options(connection, self._config.limits.keepalive_seconds)
        except OSError:  # the caller has gone again
            connection.close()
            return
        self.welcome(SocketTransport(connection), address)

    def welcome(self, transport: Transport, address: str) -> None:
        """Start a task for a new caller, or say politely that there is no place."""
        refusal = self._admission.refusal(address)
        if refusal is not None:
            self._unwelcome.note(f"refused a caller: {refusal}", trio.current_time(), address=address)
            with suppress(OSError):
                transport.send_nowait(show_for(Reader(self._config.server.language))(Dismissed(refusal)))
            transport.close()
            return
        known = self._admission.enter(address, trio.current_time())
        self._connections += 1
        self._nursery.start_soon(self._serve, transport, address, known)

    async def _serve(self, transport: Transport, address: str, known: Address) -> None:
        """Serve one caller, of whatever kind."""
        _log.debug("a caller came", address=address)
        try:
            with Guard("a caller could not be served"), suppress(trio.BrokenResourceError, trio.ClosedResourceError):
                if self._config.limits.messages_per_second:
                    await self._wait_turn(known)
                await self._serve_door(transport, address, known)
        finally:
            transport.close()
            self._admission.leave(known, trio.current_time())
            self._connections -= 1
            if not self._connections and self._stop_requested.is_set():
                self._everybody_gone.set()
            _log.debug("a caller went", address=address)

    async def _wait_turn(self, address: Address) -> None:
        """Let a caller wait, unread, until those from its address may ask for more; if they ask for much, for its turn too."""
        seconds = min(address.take(trio.current_time(), 1), address.share_seconds)
        if seconds:
            with trio.move_on_after(seconds):
                await self._stop_requested.wait()
        if address.is_busy:
            await self._turns.take(is_first=False)

    async def _serve_door(self, transport: Transport, address: str, known: Address) -> None:
        """Find out what kind of caller this is, and serve it as that."""
        first = b""
        door = None
        with trio.move_on_after(GREETING_DELAY):
            while door is None:
                data = await transport.receive_some(READ_MAX_LIMITED)
                if not data:
                    return
                first += data
                door = recognise(first)
        if door in CLOSED_DOORS:
            self._unwelcome.note(
                f"a caller speaks {door.value}, which is not served here", trio.current_time(), address=address
            )
            with suppress(OSError):
                transport.send_nowait(CLOSED_DOORS[door])
        elif door is Door.JSON_LINES:
            await self._serve_session(self._new_program(transport, known), first)
        else:
            await self._serve_session(self._new_person(transport, known), first)

    def _new_person(self, transport: Transport, address: Address) -> PersonSession:
        session = PersonSession(
            transport,
            TextDecoder(min(self._config.limits.line_bytes, STRANGERS_LINE)),
            place=self.hall,
            limits=self._config.limits,
            history=self._config.history,
            preferences=self._preferences,
            neighbours=Neighbours(self._turns, self._budget, address),
            start=self._nursery.start_soon,
        )
        session.send(Greeted(__version__))
        return session

    def _new_program(self, transport: Transport, address: Address, came: ProgramCame | None = None) -> ProgramSession:
        limits = self._config.limits
        bounds = min(limits.line_bytes, limits.json_line_bytes), limits.text_bytes
        return ProgramSession(
            transport,
            JsonDecoder(*bounds)
            if came is None
            else LateJsonDecoder(*bounds, telnet=came.telnet, negotiation=came.negotiation, pieces=came.pieces),
            welcome=self._welcome,
            place=self.hall,
            limits=limits,
            history=self._config.history,
            preferences=self._preferences,
            neighbours=Neighbours(self._turns, self._budget, address),
            start=self._nursery.start_soon,
        )

    def _as_program(self, person: PersonSession, came: ProgramCame) -> ProgramSession:
        """The session of a caller who was taken for a person and is a program."""
        program = self._new_program(person.transport, person.address, came)
        program.inherit(person.hand_on())
        program.prefer(replace(program.preferences, language=person.preferences.language))
        self._sessions.discard(person)
        return program

    async def _serve_session(self, session: PersonSession | ProgramSession, first: bytes) -> None:
        guard = Guard("a session could not end", nick=lambda: session.nick)
        try:
            await self._run_session(session, first)
            if isinstance(session, PersonSession) and session.program_came is not None:
                session = self._as_program(session, session.program_came)
                await self._run_session(session, b"")
        finally:
            deadline = self._stop_at if self._stop_requested.is_set() else trio.current_time() + LINGER
            with guard:
                if not await session.end(deadline):
                    self._cut += 1
            self._sessions.discard(session)
            if guard.has_failed or session.has_failed:
                self._forget_session(session)

    async def _run_session(self, session: PersonSession | ProgramSession, first: bytes) -> None:
        self._sessions.add(session)
        if self._stop_requested.is_set():  # who was there when that began has been dismissed already
            session.dismiss("stopping", self._stop_at)
        await session.run(first)

    def _forget_session(self, session: PersonSession | ProgramSession) -> None:
        """Leave nothing of a session that could not end in order: no name, and no place in a room."""
        self._directory.forget(session)
        for room in self.rooms:
            if session in room:
                room.forget(session)


def _share_of(memory: int) -> int:
    """How much of the machine's memory may be full of what waits for readers."""
    return max(memory // 4, WAITING_TOTAL_MIN)


def _welcome(config: Config) -> Welcomed:
    """What programs are told about the server."""
    limits = config.limits
    return Welcomed(
        config.server.name,
        __version__,
        PROTOCOL,
        {
            "line_bytes": limits.json_line_bytes,
            "text_bytes": limits.text_bytes,
            "requests_per_second": limits.messages_per_second,
            "request_burst": limits.message_burst,
            "rooms": ROOMS_MAX,
            "silence_seconds": limits.silence_seconds,
        },
        described_commands(),
        config.server.language,
    )


def _set_tcp_options(connection: socket.socket, keepalive_seconds: float) -> None:
    connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    # A telnet client marks the end of an interrupt with urgent data (RFC 854's Synch); it must stay in its place in the stream.
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_OOBINLINE, 1)
    if keepalive_seconds:
        idle, probes = max(1, round(keepalive_seconds)), 4
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_KEEPIDLE, idle)
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_KEEPINTVL, max(1, idle // probes))
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_KEEPCNT, probes)
