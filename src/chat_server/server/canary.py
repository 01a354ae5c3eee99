"""The canary: a caller of the server's own, who says a line every half minute in a room that nobody else sees, and waits until it is shown.

It comes by a pair of sockets and the programs' door, logs in, and its line takes the way of all lines: pace, inbox, the journal's commit, fan-out,
the socket. Only that the journal keeps no more of it than that it was there: one row, over the last one's, without a number. What it does it does in
a directory of its own, with names, rooms and bounds of its own: it is in no list and no count, takes nobody's place, and is named nowhere.

So it meets what keeps a line from being shown: a disk that hangs or is full, a database that is away, a bug in the way of a line.
"""

import socket
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from math import inf

import msgspec
import trio
from msgspec.structs import replace

from chat_server.accounts.authentication import Authentication, Policy
from chat_server.accounts.hashing import Argon2, HashingQueue
from chat_server.config import Config
from chat_server.guard import Guard
from chat_server.journal import Journal, JournalError, PendingAppend, PendingProbe, Receipt, RoomRecord
from chat_server.journal.engines import Store
from chat_server.journal.keys import SenderKey
from chat_server.journal.memory import MemoryJournal
from chat_server.limits import Limits
from chat_server.logs import Repeats
from chat_server.protocol.entries import Entry
from chat_server.protocol.preferences import Preferences
from chat_server.rooms.chat_room import ChatRoom
from chat_server.rooms.directory import Directory
from chat_server.rooms.hall import Hall
from chat_server.rooms.person import Person
from chat_server.rooms.room import Occupant, Room
from chat_server.server.echoes import Echoes
from chat_server.sessions.caller import Caller
from chat_server.sessions.context import SessionContext
from chat_server.sessions.doors import PROGRAM
from chat_server.sessions.memory_budget import Budget
from chat_server.sessions.origin import Origin
from chat_server.sessions.pace import Address
from chat_server.sessions.readiness import Readiness
from chat_server.sessions.token_bucket import TokenBucket
from chat_server.sessions.transport import SocketTransport
from chat_server.sessions.turns import Turns
from chat_server.sessions.welcome import welcome_of
from chat_server.wire.proxy_protocol import UNIX

EVERY_SECONDS = 30.0
"""Seconds between two lines of it: a commit more, of one page, in so long."""

AGAIN_SECONDS = 5.0
"""Seconds after which it tries again when it was not heard: it is soon known that all is well again."""

HEARD_WITHIN = 10.0
"""Seconds in which it is heard, if all is well. A slow disk takes half a second for a commit, a database that fails over 5."""

SILENT_SECONDS = EVERY_SECONDS + HEARD_WITHIN + 5
"""Seconds after which something is wrong where nothing was heard of it, whatever keeps it from saying one."""

LEAVE_SECONDS = 1.0
"""Seconds that it has to leave."""

READ_MAX = 65536

ROOM = "canary"

_BEGIN = b'{"do":"login","nick":"canary"}\n{"do":"join","room":"canary"}\n'


class Unheard(Exception):
    """A line of the canary's was not shown in time; the sentence says why."""


class _Stored:
    """See PendingAppend: a line is stored when what was probed is."""

    def __init__(self, probe: PendingProbe, first: int, note: Callable[[str], None]) -> None:
        self._probe = probe
        self._first = first
        self._note = note

    async def stored(self) -> Receipt:
        try:
            await self._probe.stored()
        except JournalError as error:
            self._note(str(error))
            raise
        return Receipt(self._first, {}, 0)


class _ProbedJournal(MemoryJournal):
    """A journal of nothing, whose lines are stored when the server's own journal has stored something."""

    def __init__(self, journal: Journal) -> None:
        super().__init__()
        self._probed = journal
        self.why = ""
        """Why the last that was not stored was not."""

    def append(self, lines: Sequence[Entry], keys: Mapping[int, SenderKey]) -> PendingAppend:
        """Have it probed whether lines can be stored; these are not kept."""
        del keys
        return _Stored(self._probed.probe(), lines[0].seq, self._note)

    def _note(self, why: str) -> None:
        self.why = why


class Canary:
    """What is known of it."""

    def __init__(
        self,
        store: Store,
        limits: Callable[[], Limits],
        echoes: Echoes | None = None,
        readiness: Callable[[], Readiness | None] = lambda: None,
    ) -> None:
        """It has not sung.

        Args:
            store: what keeps the server's lines.
            limits: those of callers.
            echoes: what it tells other nodes, and hears of them.
            readiness: gives what tells callers' connections that something has come.

        """
        self._limits = limits
        self._readiness = readiness
        self._echoes = echoes
        self._journal = _ProbedJournal(store.journal)
        self._complaint = Repeats()
        self.began_at = trio.current_time()
        """When it began to be there, by the event loop's clock."""
        self.heard_at = -inf
        """When it was last heard."""
        self.seconds: float | None = None
        """How long it took then until it was."""
        self.unheard = 0
        """How often it was not."""
        self._is_over = False  # the server ends: nothing is to be heard any more
        self._trying_since: float | None = None
        self._problem = ""

    @property
    def age(self) -> float:
        """Seconds since it was last heard, or since it is there."""
        return trio.current_time() - max(self.heard_at, self.began_at)

    def trouble(self) -> str:
        """What is wrong by what it says; see health.Check."""
        if self._is_over:
            return ""
        if self._problem:
            return f"a line cannot be stored and shown: {self._problem}"
        tries_for = 0.0 if self._trying_since is None else trio.current_time() - self._trying_since
        if tries_for > HEARD_WITHIN or self.age > SILENT_SECONDS:
            seconds = tries_for if tries_for > HEARD_WITHIN else self.age
            return f"for {seconds:.0f} seconds no line could be stored and shown: the disk, or the database, does not answer"
        return ""

    async def run(self) -> None:
        """Say a line now and then, until cancelled; then nothing is missed."""
        try:
            async with trio.open_nursery() as nursery:
                hall, room = self._place()
                nursery.start_soon(room.run)
                await self._go_on(hall, nursery)
        finally:
            self._is_over = trio.current_effective_deadline() == -inf  # else it is missed: something went wrong

    async def _go_on(self, hall: Hall, nursery: trio.Nursery) -> None:
        guard = Guard("something went wrong with the canary")
        while True:
            began = trio.current_time()
            with guard:
                await self._try(hall, nursery)
            if guard.has_failed:
                self._note_unheard("something went wrong with the canary, and is in the log")
                guard.has_failed = False
            self._trying_since = None
            rest = 0.0 if self._problem else began + EVERY_SECONDS - trio.current_time()
            await trio.sleep(max(rest, AGAIN_SECONDS))

    def _place(self) -> tuple[Hall, ChatRoom]:
        """Where it is: nothing of that is anybody else's."""
        journal = self._journal
        directory: Directory[Room, Person[Occupant]] = Directory(
            journal,
            journal.accounts,
            authentication=Authentication(journal.accounts, HashingQueue(Argon2()), Policy()),
            start_room=lambda *_: room,
        )
        hall = Hall(directory)
        room = ChatRoom(RoomRecord(ROOM, "", 1, 0), directory, hall)
        directory.open_room(room)
        return hall, room

    async def _try(self, hall: Hall, nursery: trio.Nursery) -> None:
        self._trying_since = trio.current_time()
        try:
            seconds = await self._say_one(hall, nursery)
        except Unheard as error:
            self._note_unheard(str(error))
            return
        self.heard_at, self.seconds, self._problem = trio.current_time(), seconds, ""
        if self._echoes is not None:
            self._echoes.ask()

    def _note_unheard(self, why: str) -> None:
        self.unheard += 1
        self._problem = why
        self._complaint.error("what is said cannot be stored and shown: the canary is not heard", why=why)

    async def _say_one(self, hall: Hall, nursery: trio.Nursery) -> float:
        """Come, say a line, and wait until it is shown. Returns how long that took. Raises Unheard."""
        ours, theirs = socket.socketpair()
        with trio.socket.from_stdlib_socket(ours) as connection:
            theirs.setblocking(False)
            gone = trio.Event()
            nursery.start_soon(self._serve, hall, nursery, theirs, gone)
            try:
                return await _heard(_Lines(connection), lambda: self._journal.why)
            finally:
                connection.close()
                with trio.move_on_after(2 * LEAVE_SECONDS):
                    await gone.wait()

    async def _serve(self, hall: Hall, nursery: trio.Nursery, connection: socket.socket, gone: trio.Event) -> None:
        """Serve it as the server serves every program."""
        transport = SocketTransport(connection, self._readiness())
        try:
            with Guard("the canary could not be served"):
                session = PROGRAM.begin and PROGRAM.begin(self._context(hall, nursery), self._caller(transport), _BEGIN)
                if session is not None:
                    await session.run()
                    await session.end(trio.current_time() + LEAVE_SECONDS)
        finally:
            transport.close()
            gone.set()

    def _caller(self, transport: SocketTransport) -> Caller:
        limits, now = self._limits(), trio.current_time()
        rate = limits.requests_per_address
        bucket = TokenBucket(rate, limits.request_burst_per_address, now) if rate else None
        return Caller(transport, Origin(UNIX), Address(ROOM, bucket), now)

    def _context(self, hall: Hall, nursery: trio.Nursery) -> SessionContext:
        config = Config()
        return SessionContext(
            hall=hall,
            limits=replace(self._limits(), silence_seconds=0.0, idle_seconds=0.0),  # a disk that hangs is waited for
            history=config.history,
            preferences=Preferences(),
            welcome=lambda: welcome_of(config),
            turns=Turns(lambda: 0.0),
            budget=Budget(0),
            start=nursery.start_soon,
            takes_secrets_anywhere=False,
            late_hello=lambda: None,
            fingerprint=str,
        )


class _Lines:
    """What it is told."""

    def __init__(self, connection: trio.socket.SocketType) -> None:
        self.connection = connection
        self._received = bytearray()

    async def next(self) -> dict[str, object]:
        """The next. Raises Unheard if there is none."""
        while (end := self._received.find(b"\n")) < 0:
            data = b""
            with suppress(OSError):
                data = await self.connection.recv(READ_MAX)
            if not data:
                raise Unheard("the server has ended the connection of its own canary")
            self._received += data
        line = bytes(self._received[:end])
        del self._received[: end + 1]
        told: dict[str, object] = msgspec.json.decode(line)
        return told


async def _heard(lines: _Lines, why: Callable[[], str]) -> float:
    """Say a line as soon as it is in the room, and wait until it is shown. Raises Unheard."""
    await _wait_for("entered", lines, why)
    began = trio.current_time()
    await lines.connection.send(msgspec.json.encode({"do": "say", "room": ROOM, "text": "tweet"}) + b"\n")
    await _wait_for("said", lines, why)
    return trio.current_time() - began


async def _wait_for(kind: str, lines: _Lines, why: Callable[[], str]) -> None:
    while (told := await lines.next())["is"] != kind:
        match told["is"]:
            case "not-stored":
                raise Unheard(why() or "it was not stored")
            case "refused":
                raise Unheard(f"it was refused ({told['code']})")
            case "faltered":
                raise Unheard("something went wrong in its room, and is in the log")
