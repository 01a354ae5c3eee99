"""The whole server on virtual time: connections are Trio streams, and nothing waits for a real clock."""

import json
import ssl
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any

import trio
from msgspec.structs import replace
from trio.testing import lockstep_stream_pair, memory_stream_pair

from chat_server.accounts.hashing import HashingQueue
from chat_server.config import Config
from chat_server.journal import Journal
from chat_server.server.admin import AdminDoor
from chat_server.server.server import Server
from chat_server.server.way_in import WayIn
from chat_server.sessions.transport import Reader
from fakes import cheap_hashing, store_of

ROOT_USER = 0

SLOT = 4096
"""Bytes that the adapter below takes at a time: the "kernel buffer" of a test's connection."""


class StreamTransport:
    """A Transport over any Trio stream, with a writer task."""

    descriptor = -1
    prepare = None
    reader: Reader | None = None

    def __init__(self, stream: trio.abc.Stream) -> None:
        self._stream = stream
        self._slot = b""
        self._come: bytes | None = None
        self._is_closed = False
        self._filled = trio.Event()
        self._freed = trio.Event()
        self._receiving = trio.CancelScope()
        self._writing = trio.CancelScope()

    def send_nowait(self, data: bytes) -> int:
        if self._is_closed:
            raise BrokenPipeError
        if self._slot:
            raise BlockingIOError
        self._slot = data[:SLOT]
        self._filled.set()
        return len(self._slot)

    async def wait_writable(self) -> None:
        while self._slot:
            if self._is_closed:
                raise trio.ClosedResourceError
            self._freed = trio.Event()
            await self._freed.wait()

    async def wait_readable(self) -> None:
        await trio.lowlevel.checkpoint()
        if self._come is None:
            await self._receive()
            while self.reader is not None and self.reader.take() and self._come is None:
                await self._receive()

    async def _receive(self) -> None:
        if not self._is_closed:
            self._receiving = trio.CancelScope()
            with self._receiving:
                self._come = bytes(await self._stream.receive_some(SLOT))
        if self._come is None:
            raise trio.ClosedResourceError

    def receive_nowait(self, limit: int) -> bytes:
        come = self._come
        if come is None:
            raise trio.WouldBlock
        if come:  # the end is told again to whoever asks again
            self._come = come[limit:] or None
        return come[:limit]

    def is_lost(self) -> bool:
        return self._is_closed

    async def linger(self) -> None:
        self.close()  # nothing that is on its way is lost by that

    def close(self) -> None:
        self._is_closed = True
        self._receiving.cancel()
        self._writing.deadline = trio.current_time() + 1  # what has been sent may still arrive
        self._filled.set()
        self._freed.set()

    async def write(self) -> None:
        """Be the writer task."""
        while True:
            await self._filled.wait()
            self._filled = trio.Event()
            try:
                if self._slot:
                    with self._writing:
                        await self._stream.send_all(self._slot)
                    self._writing = trio.CancelScope(deadline=self._writing.deadline)
            except (trio.BrokenResourceError, trio.ClosedResourceError):
                self._is_closed = True
            self._slot = b""
            self._freed.set()
            if self._is_closed:
                await trio.aclose_forcefully(self._stream)
                return


class Caller:
    """A person at the other end of a connection."""

    def __init__(self, stream: trio.abc.Stream) -> None:
        self.stream = stream
        self._received = bytearray()

    async def type(self, *lines: str) -> None:
        """Type lines as nc sends them, so that nothing of telnet comes back."""
        await self.stream.send_all("".join(f"{line}\n" for line in lines).encode())

    async def read_until(self, text: str) -> str:
        """Return everything up to and with `text`."""
        wanted = text.encode()
        with trio.fail_after(10_000):
            searched = 0
            while (found := self._received.find(wanted, searched)) < 0:
                searched = max(0, len(self._received) - len(wanted))
                data = await self.stream.receive_some(65536)
                assert data, f"closed before {text!r}; the last was {self._received.decode()!r}"
                self._received += data
        end = found + len(wanted)
        read = self._received[:end].decode(errors="replace")
        del self._received[:end]
        return read

    async def read_to_end(self) -> str:
        """Return everything until the server closes."""
        with trio.fail_after(100_000):
            try:
                while data := await self.stream.receive_some(65536):
                    self._received += data
            except trio.BrokenResourceError:
                pass
        read = self._received.decode(errors="replace")
        self._received.clear()
        return read

    async def log_in(self, nick: str, room: str = "") -> None:
        await self.type(f"/login {nick}")
        await self.read_until("/help for more.\r\n* Welcome")
        await self.read_until("/help tells more.\r\n")
        if room:
            await self.type(f"/join {room}")
            await self.read_until(f"* You are in {room}.\r\n")
            await self.read_until("\r\n")


class Program(Caller):
    """A program at the other end of a connection."""

    async def ask(self, do: str, **fields: Any) -> None:
        await self.stream.send_all(json.dumps({"do": do, **fields}).encode() + b"\n")

    async def read(self) -> dict[str, Any]:
        """The next event."""
        event: dict[str, Any] = json.loads(await self.read_until("\n"))
        return event

    async def wait_for(self, tag: str) -> dict[str, Any]:
        """The next event with this tag; others are passed over."""
        while (event := await self.read())["is"] != tag:
            pass
        return event

    async def rest(self) -> list[dict[str, Any]]:
        """Everything until the server closes."""
        return [json.loads(line) for line in (await self.read_to_end()).splitlines()]

    async def log_out(self) -> None:
        """Leave, and wait until the server has closed."""
        await self.ask("logout")
        await self.read_to_end()

    async def enter(self, nick: str, *rooms: str, **login: Any) -> dict[str, Any]:
        """Log in and join rooms; return the answer to the login."""
        await self.ask("login", nick=nick, **login)
        answer = await self.wait_for("logged-in")
        for room in rooms:
            await self.ask("join", room=room)
            await self.wait_for("entered")
        return answer


class Operator:
    """One who asks, over a stream that the door serves."""

    def __init__(self, nursery: trio.Nursery, door: AdminDoor, user: int) -> None:
        self._stream, theirs = memory_stream_pair()
        nursery.start_soon(self._serve, door, theirs, user)

    @staticmethod
    async def _serve(door: AdminDoor, stream: trio.abc.Stream, user: int) -> None:
        await door.serve(stream, user)
        await stream.aclose()

    async def send(self, data: bytes) -> None:
        await self._stream.send_all(data)

    async def answers(self) -> list[dict[str, Any]]:
        """Everything until the server closes."""
        received = b""
        while data := await self._stream.receive_some(65536):
            received += data
        return [json.loads(line) for line in received.splitlines()]

    async def ask(self, do: str, **fields: Any) -> list[dict[str, Any]]:
        await self.send(json.dumps({"do": do, "protocol": 1, **fields}).encode() + b"\n")
        return await self.answers()

    async def hang_up(self) -> None:
        await self._stream.aclose()


class House:
    """A running server without sockets."""

    def __init__(self, server: Server, nursery: trio.Nursery) -> None:
        self.server = server
        self.nursery = nursery
        self.exit_code: int | None = None
        self._operators: AdminDoor | None = None
        self.ended = trio.Event()

    def call(self, address: str = "192.0.2.1", *, stuck: bool = False) -> Caller:
        """Connect. A stuck caller's connection holds nothing that the caller does not read."""
        return Caller(self._connect(address, stuck=stuck))

    def connect(self, address: str = "192.0.2.2", *, stuck: bool = False) -> Program:
        """Connect a program."""
        return Program(self._connect(address, stuck=stuck))

    def call_tls_port(self, address: str = "192.0.2.1") -> Caller:
        """Connect where TLS has to begin before anything else is said."""
        return Caller(self._connect(address, stuck=False, must_encrypt=True))

    def _connect(self, address: str, *, stuck: bool, must_encrypt: bool = False) -> trio.abc.Stream:
        ours, theirs = lockstep_stream_pair() if stuck else memory_stream_pair()
        transport = StreamTransport(ours)
        self.nursery.start_soon(transport.write)
        self.server.admit(transport, address, must_encrypt=must_encrypt)
        return theirs

    @property
    def operators(self) -> AdminDoor:
        """The door by which operators come."""
        if self._operators is None:
            self._operators = AdminDoor(self.server.operations(WayIn(), trio.current_time()).carry_out)
        return self._operators

    def operator(self, user: int = ROOT_USER) -> Operator:
        """Connect an operator."""
        return Operator(self.nursery, self.operators, user)

    async def ask_as_operator(self, do: str, **fields: Any) -> list[dict[str, Any]]:
        return await self.operator().ask(do, **fields)

    async def ann_and_bob(self, *, bob_is_stuck: bool = False) -> tuple[Caller, Caller]:
        """Two people in the room python; Bob came first, and may be one whose connection holds nothing that he does not read."""
        ann, bob = self.call(), self.call(stuck=bob_is_stuck)
        await bob.log_in("bob", "python")
        await ann.log_in("ann", "python")
        return ann, bob

    async def run(self, task_status: trio.TaskStatus[None]) -> None:
        self.exit_code = await self.server.run([], task_status)
        self.ended.set()


@asynccontextmanager
async def open_house(
    config: Config | None = None,
    journal: Journal | None = None,
    *,
    tls: Callable[[], ssl.SSLContext | None] = lambda: None,
    fingerprint: Callable[[], str] = str,
    hashing: HashingQueue | None = None,
    **limits: Any,
) -> AsyncIterator[House]:
    """Run a server with these limits for as long as the block lasts. Passwords are hashed at once and at no cost, if not in this queue."""
    config = config or Config()
    config = replace(config, limits=replace(config.limits, **limits))
    async with trio.open_nursery() as nursery:
        hashing = hashing or cheap_hashing()
        house = House(Server(config, store_of(journal), tls=tls, fingerprint=fingerprint, hashing=hashing), nursery)
        await nursery.start(house.run)
        yield house
        nursery.cancel_scope.cancel()


class StepCounter(trio.abc.Instrument):
    """Calls `act` just before the task of a session runs for the `step`-th time."""

    def __init__(self, step: int, act: Callable[[], None]) -> None:
        self._left = step
        self._act = act

    def before_task_step(self, task: trio.lowlevel.Task) -> None:
        if "Server._serve" in task.name:
            self._left -= 1
            if self._left == 0:
                self._act()
