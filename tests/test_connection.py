"""The client's connection against the real server, through a proxy that cuts, delays and half-closes. No Textual is needed for that."""

import asyncio
import json
import os
import random
import socket
import subprocess
import sys
import threading
from collections.abc import Callable
from contextlib import closing, suppress
from pathlib import Path
from typing import Any, cast

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from callers import newcomer, without_tls
from chat_server.protocol import events
from chat_server.protocol.entries import Entry, PageShown, Said
from chat_server.protocol.events import Entered, Event, LoggedIn, Stored
from chat_server.protocol.incoming import Ref
from chat_server.protocol.requests import NUMBER_MAX
from chat_tui.client.calling import Address, Called, Line, LineDetails
from chat_tui.client.client import Client as Whole
from chat_tui.client.codec import LINE_MAX, EventReader, LineTooLong
from chat_tui.client.connection import Connection, ConnectionChanged, Status
from chat_tui.client.dialling import dial
from chat_tui.client.link import Link
from chat_tui.client.local_store import LocalStore
from chat_tui.client.pending import Pending
from chat_tui.client.signing_in import Identity
from chat_tui.client.state import State
from processes import TIMEOUT, running_server


class Client:
    """A user without a screen."""

    def __init__(self, port: int, nick: str, *, rooms: tuple[str, ...] = ("python",)) -> None:
        self.state = State()
        self.store = LocalStore(None)
        self.changes: list[ConnectionChanged] = []
        self.connection = Connection(
            "127.0.0.1",
            port,
            Identity(nick),
            caller=newcomer(),
            known=self.state,
            rooms=rooms,
            unsent=lambda: self.store.unsent,
            on_event=self.take,
            on_change=self.changes.append,
        )
        self.doubles = 0
        self._had = 0
        self._came: set[int] = set()
        self._is_told = False

    def take(self, event: Event, ref: Ref | None) -> None:
        # What came after a hole on a connection that was lost comes again; what came before it does not, nor anything twice on one connection.
        if isinstance(event, LoggedIn):
            self._had, self._came = self.state.positions().get("python", 0), set()
        # Whoever takes over a connection that was lost before it was told where it is hears the room at once, and asks for the newest page of it:
        # what is said meanwhile is in both.
        is_told, self._is_told = self._is_told, self._is_told or isinstance(event, Entered | PageShown)
        numbers = {event.seq} if isinstance(event, Said) else set()
        if isinstance(event, PageShown) and ref is None:
            numbers = {line.seq for line in event.lines}
        if is_told or isinstance(event, Said):
            self.doubles += sum(number <= self._had or number in self._came for number in numbers)
        self._came |= numbers
        self.state.apply(event, ref)
        if isinstance(event, Stored):
            self.store.remove(event.key)

    def lines(self) -> list[Entry]:
        return [line for line in self.state.room("python").timeline.lines() if isinstance(line, Entry)]

    def read_older(self) -> None:
        """Ask for what was said before one came, as who scrolls up does; for the newest, if the line was cut before the room's past came."""
        lines = self.lines()
        before = lines[0].seq if lines else NUMBER_MAX
        if before > 1 and self.state.room("python").last:
            self.connection.request("history", on_answer=lambda _: True, room="python", before=before, count=200)

    def say(self, key: str, text: str) -> None:
        pending = Pending(key, "python", "say", text, 0.0)
        self.store.add(pending)
        self.state.typed(pending)
        self.connection.say(pending)


class Proxy:
    """Stands between a client and the server, and does what networks do."""

    def __init__(self, port: int, chance: random.Random) -> None:
        self._port = port
        self._chance = chance
        self.port = 0
        self.is_calm = False
        self._tasks: list[asyncio.Task[None]] = []
        self.cuts = 0

    async def __aenter__(self) -> "Proxy":
        self._server = await asyncio.start_server(self._accept, "127.0.0.1", 0)
        self.port = self._server.sockets[0].getsockname()[1]
        return self

    async def __aexit__(self, *_: object) -> None:
        self._server.close()
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._tasks.append(asyncio.create_task(self._serve(reader, writer)))

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        up_reader, up_writer = await asyncio.open_connection("127.0.0.1", self._port)
        try:
            await asyncio.gather(self._carry(reader, up_writer, writer), self._carry(up_reader, writer, up_writer))
        finally:
            writer.transport.abort()
            up_writer.transport.abort()

    async def _carry(
        self, source: asyncio.StreamReader, sink: asyncio.StreamWriter, back: asyncio.StreamWriter
    ) -> None:
        with suppress(OSError):
            while data := await source.read(self._chance.choice([1, 7, 100, 4096])):
                mischief = self._chance.random()
                if not self.is_calm and mischief < 0.04:
                    self.cuts += 1
                    sink.write(data[: len(data) // 2])
                    if mischief < 0.01:
                        sink.write_eof()  # half-closed: the other way stays open
                        return
                    if mischief < 0.02:
                        await asyncio.sleep(2)
                        return  # nothing comes any more, and nobody is told
                    sink.transport.abort()
                    back.transport.abort()
                    return
                if mischief > 0.9:
                    await asyncio.sleep(self._chance.random() / 100)
                sink.write(data)
                await sink.drain()
        sink.close()


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(int(os.environ.get("CHAT_SEEDS", "3"))))
def test_nothing_is_lost_and_nothing_doubled_and_order_kept_whatever_the_network_does(
    seed: int, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr("chat_tui.client.pauses.FIRST_PAUSE", 0.01)
    monkeypatch.setattr("chat_tui.client.pauses.LONGEST_PAUSE", 0.05)
    monkeypatch.setattr("chat_tui.client.connection.ASK_AFTER", 0.3)
    monkeypatch.setattr("chat_tui.client.connection.DEAD_AFTER", 0.5)
    monkeypatch.setattr("chat_tui.client.connection.CONNECT_SECONDS", 1.0)
    count = 150

    async def talk(port: int) -> None:
        chance = random.Random(seed)  # noqa: S311 - the same mischief every time
        async with Proxy(port, chance) as ann_proxy, Proxy(port, chance) as bob_proxy:
            ann, bob = Client(ann_proxy.port, "ann"), Client(bob_proxy.port, "bob")
            running = [asyncio.create_task(client.connection.run()) for client in (ann, bob)]
            for number in range(count):
                ann.say(f"{seed}-{number}", f"line {number}")
                await asyncio.sleep(0.01)
            ann_proxy.is_calm = bob_proxy.is_calm = True
            async with asyncio.timeout(200):
                while ann.store.unsent or len(ann.lines()) < count or len(bob.lines()) < count:
                    await asyncio.sleep(0.05)
                    for client in (ann, bob):
                        client.read_older()
            for task in running:
                task.cancel()
            assert ann_proxy.cuts + bob_proxy.cuts > 1
            said = [f"line {number}" for number in range(count)]
            for client in (ann, bob):
                assert [line.text for line in client.lines()] == said
                assert client.doubles == 0, "what comes is exactly what followed"
            assert not ann.state.room("python").pending

    config = tmp_path / "chat.toml"
    config.write_text("[limits]\nmessages_per_second = 0\n")
    with running_server("--config", str(config)) as server:
        asyncio.run(talk(server.port))


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        return int(listener.getsockname()[1])


async def until(client: Client, status: Status) -> ConnectionChanged:
    async with asyncio.timeout(TIMEOUT):
        while not client.changes or client.changes[-1].status is not status:
            await asyncio.sleep(0.01)
    return client.changes[-1]


def test_who_finds_no_server_is_told_what_was_tried_and_when_it_is_tried_again(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(
        "chat_tui.client.pauses.FIRST_PAUSE", 200.0
    )  # much longer than the test takes: who tries at once does not wait for it
    monkeypatch.setattr("chat_tui.client.pauses.LONGEST_PAUSE", 200.0)

    async def try_it() -> None:
        port = free_port()
        client = Client(port, "ann")
        task = asyncio.create_task(client.connection.run())
        change = await until(client, Status.WAITING)
        assert change.why == "nothing listens there"
        assert 0 < change.retry_at - asyncio.get_running_loop().time() < 300
        client.connection.try_now()
        async with asyncio.timeout(80):  # at once
            while [change.status for change in client.changes].count(Status.CONNECTING) < 2:
                await asyncio.sleep(0.01)
        task.cancel()

    asyncio.run(try_it())


def test_a_name_that_is_taken_is_told_and_another_may_be_tried() -> None:
    async def try_it(port: int) -> None:
        ann, other = Client(port, "ann"), Client(port, "ann")
        tasks = [asyncio.create_task(ann.connection.run())]
        await until(ann, Status.ONLINE)
        tasks.append(asyncio.create_task(other.connection.run()))
        assert (await until(other, Status.REFUSED)).why == "ann is taken. Choose another name."
        other.connection.identity.nick = "bob"
        other.connection.try_now()
        await until(other, Status.ONLINE)
        for task in tasks:
            task.cancel()

    with running_server() as server:
        asyncio.run(try_it(server.port))


def test_who_is_here_on_another_connection_does_not_fight_for_the_name() -> None:
    async def try_it(port: int) -> None:
        ann = Client(port, "ann")
        task = asyncio.create_task(ann.connection.run())
        await until(ann, Status.ONLINE)
        again = Client(port, "ann")
        again.connection.identity.token = ann.connection.identity.token
        tasks = [task, asyncio.create_task(again.connection.run())]
        await until(again, Status.ONLINE)
        assert (await until(ann, Status.REFUSED)).why.startswith("You have logged in on another connection")
        for running in tasks:
            running.cancel()

    with running_server() as server:
        asyncio.run(try_it(server.port))


def test_what_the_user_says_by_another_session_is_read_and_names_nobody_and_a_name_that_is_taken_there_is_the_users() -> (
    None
):
    async def try_it(port: int) -> None:
        ann = Client(port, "ann")
        task = asyncio.create_task(ann.connection.run())
        await until(ann, Status.ONLINE)
        room = ann.state.room("python")
        while not room.is_joined:
            await asyncio.sleep(0.01)
        _, writer = await asyncio.open_connection("127.0.0.1", port)

        async def ask_until(count: int, *asked: dict[str, Any]) -> None:
            writer.writelines(json.dumps(request).encode() + b"\n" for request in asked)
            while len(ann.lines()) < count:
                await asyncio.sleep(0.01)

        token = ann.connection.identity.token
        await ask_until(
            1,
            {"do": "login", "nick": "ann", "token": token, "session": "add"},
            {"do": "join", "room": "python"},
            {"do": "say", "room": "python", "text": "ann: remember the milk"},
        )
        await ask_until(
            2,
            {"do": "nick", "nick": "anna"},
            {"do": "lang", "language": "zh"},
            {"do": "me", "room": "python", "action": "is anna now"},
        )
        assert [(line.nick, line.text) for line in ann.lines()] == [
            ("ann", "ann: remember the milk"),
            ("anna", "is anna now"),
        ]
        assert (room.unread, room.mentions, room.pending) == (0, set(), [])
        assert list(room.people.values()) == ["anna"]
        assert (ann.state.nick, ann.connection.identity.nick, ann.state.language) == ("anna", "anna", "zh")
        assert ann.connection.status is Status.ONLINE
        writer.close()
        await end(task)

    with running_server() as server:
        asyncio.run(try_it(server.port))


async def end(*tasks: asyncio.Task[None]) -> None:
    """End them, and let what they had open be closed."""
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)
    await asyncio.sleep(0)


class OldServer:
    """A server that greets a caller first, as 0.1.0 does when a program speaks late; this one does so for the first `late` callers.

    If it `drops`, it closes each connection when it has let the caller in.
    """

    GREETING = b"* Hello. This is chat-server 0.1.0.\r\n* /login NICK lets you in, /help tells more.\r\n"

    def __init__(self, *, late: int = 0, looks_again: bool = False, drops: bool = False) -> None:
        self._late = late
        self._drops = drops
        self._looks_again = looks_again
        self._tasks: list[asyncio.Task[None]] = []
        self.calls: list[bytes] = []
        self.port = 0

    async def __aenter__(self) -> "OldServer":
        self._server = await asyncio.start_server(without_tls(self._accept), "127.0.0.1", 0)
        self.port = self._server.sockets[0].getsockname()[1]
        return self

    async def __aexit__(self, *_: object) -> None:
        self._server.close()
        await end(*self._tasks)

    async def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.create_task(self._serve(reader, writer))
        self._tasks.append(task)
        await asyncio.wait([task])

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with suppress(OSError), closing(writer):
            is_person = len(self.calls) < self._late
            self.calls.append(b"")
            if is_person:
                writer.write(self.GREETING)
            while line := await reader.readline():
                self.calls[-1] += line
                if is_person and not self._looks_again:
                    writer.write(b"* Log in first: /login NICK\r\n")
                elif b'"login"' in line:
                    writer.write(b'{"ref":"login","is":"logged-in","nick":"ann","token":"","rooms":[]}\n')
                    if self._drops:
                        return


def test_who_is_removed_by_an_operator_does_not_come_back_by_itself(tmp_path: Path) -> None:
    async def try_it(port: int) -> None:
        ann = Client(port, "ann")
        task = asyncio.create_task(ann.connection.run())
        await until(ann, Status.ONLINE)
        command = (sys.executable, "-m", "chat_server", "admin", "kick", "ann", "for now", "--data", str(tmp_path))
        asking = await asyncio.create_subprocess_exec(*command, stdout=asyncio.subprocess.DEVNULL)
        assert await asking.wait() == 0
        assert (await until(ann, Status.REFUSED)).why == "An operator has ended your connection: for now. Goodbye."
        ann.connection.try_now()
        await until(ann, Status.ONLINE)
        task.cancel()

    with running_server(data=tmp_path) as server:
        asyncio.run(try_it(server.port))


def test_a_program_that_was_taken_for_a_person_tries_again_at_once_and_says_why(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("chat_tui.client.connection.TEXT_SECONDS", 0.05)
    monkeypatch.setattr("chat_tui.client.pauses.FIRST_PAUSE", 1000.0)

    async def try_it() -> None:
        async with OldServer(late=1) as server:
            client = Client(server.port, "ann")
            task = asyncio.create_task(client.connection.run())
            await until(client, Status.ONLINE)
            told = [(change.status, change.why) for change in client.changes]
            assert [status for status, _ in told] == [Status.CONNECTING, Status.CONNECTING, Status.ONLINE]
            assert "took this program for a person" in told[1][1]
            await end(task)

    asyncio.run(try_it())


def test_what_a_server_said_to_a_person_before_it_saw_a_program_is_passed_over() -> None:
    async def try_it() -> None:
        async with OldServer(late=1, looks_again=True) as server:
            client = Client(server.port, "ann")
            task = asyncio.create_task(client.connection.run())
            await until(client, Status.ONLINE)
            assert len(server.calls) == 1
            await end(task)

    asyncio.run(try_it())


def test_a_server_that_only_talks_to_people_is_not_called_without_a_pause(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("chat_tui.client.connection.TEXT_SECONDS", 0.01)
    monkeypatch.setattr("chat_tui.client.pauses.FIRST_PAUSE", 1000.0)

    async def try_it() -> None:
        async with OldServer(late=1000) as server:
            client = Client(server.port, "ann")
            task = asyncio.create_task(client.connection.run())
            assert (await until(client, Status.WAITING)).why == "that is no chat-server"
            assert len(server.calls) == 3
            await end(task)

    asyncio.run(try_it())


@pytest.mark.parametrize(("steady", "waits_longer"), [(1000.0, True), (0.0, False)])
def test_a_server_that_drops_everybody_after_the_login_is_called_less_and_less_often(
    monkeypatch: pytest.MonkeyPatch, *, steady: float, waits_longer: bool
) -> None:
    monkeypatch.setattr("chat_tui.client.pauses.FIRST_PAUSE", 0.001)
    monkeypatch.setattr("chat_tui.client.pauses.STEADY_SECONDS", steady)

    async def try_it() -> None:
        async with OldServer(drops=True) as server:
            client = Client(server.port, "ann")
            task = asyncio.create_task(client.connection.run())
            while len(server.calls) < 6:
                await asyncio.sleep(0.001)
            assert (client.connection._pauses.attempts >= 5) is waits_longer
            await end(task)

    asyncio.run(try_it())


def words(first_words: bytes) -> Callable[[Address], Called]:
    """Call an address of a server of which nothing is known, and say this."""
    return lambda address: newcomer().call("chat.example.org", 5000, first_words, address)


def accept_without_tls(listener: socket.socket) -> socket.socket:
    """Hang up on who says hello as TLS does; return the call after that."""
    listener.settimeout(20)
    with listener.accept()[0] as caller:
        caller.settimeout(20)
        assert caller.recv(1000).startswith(b"\x16\x03")
    again = listener.accept()[0]
    again.settimeout(20)
    return again


def test_the_first_words_are_sent_with_the_connection_however_busy_the_program_is() -> None:
    """A server greets as a person who says nothing for 0.15 s. Here the loop does nothing at all until the words are there."""

    async def try_it() -> None:
        with socket.create_server(("127.0.0.1", 0)) as listener:
            dialling = asyncio.create_task(dial("127.0.0.1", listener.getsockname()[1], words(b"hello\n"), seconds=20))
            await asyncio.sleep(0)
            with accept_without_tls(listener) as caller:
                assert caller.recv(100) == b"hello\n"
                (await dialling).close()

    asyncio.run(try_it())


class Handed:
    """What comes of a call, which may be closed."""

    is_closed = False

    def close(self) -> None:
        self.is_closed = True


def test_a_connection_that_comes_in_the_moment_in_which_it_is_given_up_is_closed() -> None:
    handed, may_end = Handed(), threading.Event()

    def call(_: Address) -> Handed:
        may_end.wait(20)
        return handed

    async def try_it() -> None:
        dialling = asyncio.create_task(dial("127.0.0.1", 9, call, seconds=20))
        await asyncio.sleep(0)
        (thread,) = (thread for thread in threading.enumerate() if thread.name == "dial")
        may_end.set()
        thread.join(20)
        asyncio.get_running_loop().call_soon(dialling.cancel)
        await asyncio.gather(dialling, return_exceptions=True)
        assert dialling.cancelled()
        assert handed.is_closed

    asyncio.run(try_it())


def test_nobody_waits_for_a_name_server_that_gives_no_answer(monkeypatch: pytest.MonkeyPatch) -> None:
    answer = threading.Event()
    monkeypatch.setattr(socket, "getaddrinfo", lambda *_, **__: answer.wait(20))

    async def try_it() -> None:
        with pytest.raises(TimeoutError):
            await dial("chat.example.org", 5000, words(b""), seconds=0.01)

    asyncio.run(try_it())  # and the end of the program does not wait either
    assert not answer.is_set()
    answer.set()


class Written:
    """In place of a connection: what is asked for on it."""

    line, news, details = Line.LOCAL, "", LineDetails()

    def __init__(self) -> None:
        self.asked: list[dict[str, Any]] = []

    def write(self, data: bytes) -> None:
        self.asked += [msgspec.json.decode(line) for line in data.splitlines()]


def test_who_asked_on_a_connection_is_forgotten_with_it() -> None:
    async def act() -> None:
        async def hang_up(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            await reader.readline()
            writer.close()

        server = await asyncio.start_server(without_tls(hang_up), "127.0.0.1", 0)
        client = Client(server.sockets[0].getsockname()[1], "ann")
        ref = client.connection.askers.note(lambda _: True)
        running = asyncio.create_task(client.connection.run())
        async with asyncio.timeout(TIMEOUT):
            while not any(change.status is Status.WAITING for change in client.changes):
                await asyncio.sleep(0.01)
        running.cancel()
        server.close()
        assert client.connection.askers.of(ref) is None

    asyncio.run(act())


def test_a_room_is_asked_for_until_one_is_there_or_cannot_be() -> None:
    known = State()
    told: list[Event] = []
    refs: dict[str, Ref] = {}
    connection = Connection(
        "127.0.0.1",
        5000,
        Identity("ann"),
        caller=newcomer(),
        known=known,
        rooms=["python", "gone", "None"],
        unsent=list,
        on_event=lambda event, _: told.append(event),
        on_change=lambda _: None,
    )

    def asked(*carried: str) -> set[tuple[str, str]]:
        """What a new connection asks for, on which the user is in some rooms."""
        writer = Written()
        connection._take(events.LoggedIn("ann", "secret", carried), "login", cast("Link", writer))
        refs.update((request["room"], request["ref"]) for request in writer.asked if request["do"] == "join")
        return {(request["do"], request["room"]) for request in writer.asked if "room" in request}

    writer = cast("Link", Written())
    assert asked() == {("join", "python"), ("join", "gone"), ("join", "None")}
    connection._take(events.Entered("Python", (), 0, "", 0), refs["python"], writer)
    connection._take(events.Refused("no-such-room", {}, "", "There is no room gone."), refs["gone"], writer)
    connection._take(events.Refused("too-long", {}, "", "That was too long."), None, writer)
    assert asked() == {("join", "None")}
    assert asked("none", "write") == {("history", "none"), ("history", "write")}, "what was said where one is already"


def test_who_is_no_longer_waited_for_does_not_log_in(monkeypatch: pytest.MonkeyPatch) -> None:
    """A name server that takes too long: the login that comes late would end the one that was made meanwhile."""
    answer = threading.Event()
    with socket.create_server(("127.0.0.1", 0)) as listener:
        addresses = socket.getaddrinfo("127.0.0.1", listener.getsockname()[1], type=socket.SOCK_STREAM)

        def late(*_: object, **__: object) -> object:
            answer.wait(20)
            return addresses

        async def try_it() -> None:
            with pytest.raises(TimeoutError):
                await dial("chat.example.org", 5000, words(b"login\n"), seconds=0.01)
            answer.set()
            with await asyncio.to_thread(accept_without_tls, listener) as caller:
                assert await asyncio.to_thread(caller.recv, 100) == b""

        monkeypatch.setattr(socket, "getaddrinfo", late)
        asyncio.run(try_it())


def test_an_address_of_a_family_that_the_system_has_not_is_passed_over(monkeypatch: pytest.MonkeyPatch) -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        (good,) = socket.getaddrinfo("127.0.0.1", listener.getsockname()[1], type=socket.SOCK_STREAM)
        monkeypatch.setattr(socket, "getaddrinfo", lambda *_, **__: [(250, *good[1:]), good])

        async def try_it() -> None:
            hearing = asyncio.to_thread(lambda: accept_without_tls(listener).close())
            dialling = dial("chat.example.org", 5000, words(b"hello\n"), seconds=20)
            called, _ = await asyncio.gather(dialling, hearing)
            called.close()

        asyncio.run(try_it())


@pytest.mark.parametrize("host", ["chat..example.org", "a" * 64 + ".org"])
def test_what_is_no_host_is_said_at_once_and_not_tried_again(host: str) -> None:
    async def try_it() -> None:
        client = Client(1, "ann")
        client.connection.host = host
        task = asyncio.create_task(client.connection.run())
        assert (await until(client, Status.REFUSED)).why == f"{host} is not a host name."
        await end(task)

    asyncio.run(try_it())


def test_a_server_that_drips_words_has_no_more_time_than_a_silent_one(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("chat_tui.client.connection.CONNECT_SECONDS", 0.3)

    async def drip(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with suppress(OSError), closing(writer):
            while not writer.is_closing():
                writer.write(b'{"is":"news"}\n')
                await writer.drain()
                await asyncio.sleep(0.01)

    async def try_it() -> None:
        async with await asyncio.start_server(without_tls(drip), "127.0.0.1", 0) as server:
            client = Client(server.sockets[0].getsockname()[1], "ann")
            task = asyncio.create_task(client.connection.run())
            assert (await until(client, Status.WAITING)).why == "the server is silent"
            await end(task)

    asyncio.run(try_it())


def test_what_proves_who_one_is_is_on_the_disk_before_the_first_login(tmp_path: Path) -> None:
    async def try_it() -> None:
        seen: list[bytes] = []

        async def look(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            seen.extend([await reader.readline(), await reader.readline()])
            seen.append((tmp_path / "kept" / "memory.json").read_bytes())
            writer.close()

        async with await asyncio.start_server(without_tls(look), "127.0.0.1", 0) as server:
            store = LocalStore(tmp_path / "kept")
            client = Whole(
                "127.0.0.1",
                server.sockets[0].getsockname()[1],
                "ann",
                store=store,
                caller=newcomer(),
                on_event=lambda *_: None,
                on_change=lambda _: None,
            )
            task = asyncio.create_task(client.connection.run())
            async with asyncio.timeout(20):
                while len(seen) < 3:
                    await asyncio.sleep(0.01)
            await end(task)
            store.close()
        token = json.loads(seen[1])["token"]
        assert json.loads(seen[2])["tokens"] == {"ann": token}
        again = Whole(
            "h",
            1,
            "ann",
            store=LocalStore(tmp_path / "kept"),
            caller=newcomer(),
            on_event=lambda *_: None,
            on_change=lambda _: None,
        )
        assert again.connection.identity.token == token

    asyncio.run(try_it())


def test_what_is_too_long_for_the_server_is_not_sent_for_ever(tmp_path: Path) -> None:
    """A server does not read what is too long, so it cannot say under which key it was."""

    async def try_it(port: int) -> None:
        store = LocalStore(None)
        store.add(
            Pending("k1", "python", "say", "x" * 70_000, 0.0),
            Pending("k2", "python", "say", '"' * 16_384, 0.0),
            Pending("k3", "python", "say", "short", 0.0),
        )
        client = Whole(
            "127.0.0.1", port, "ann", store=store, caller=newcomer(), on_event=lambda *_: None, on_change=lambda _: None
        )
        task = asyncio.create_task(client.connection.run())
        async with asyncio.timeout(20):
            while len(store.unsent) > 2:
                await asyncio.sleep(0.01)
        assert [pending.why for pending in store.unsent] == [
            "That is 70000 bytes; a message has at most 16384.",
            "That is too long for one message. Send it in 2 parts.",
        ]
        await end(task)

    config = tmp_path / "chat.toml"
    config.write_text("[limits]\njson_line_bytes = 20000\n")
    with running_server("--config", str(config)) as server:
        asyncio.run(try_it(server.port))


@given(st.lists(st.binary(max_size=30)), st.integers(0, 200))
def test_any_bytes_from_a_server_are_some_events(pieces: list[bytes], cut: int) -> None:
    said = b'{"is":"said","room":"r","seq":1,"at":1,"nick":"a\\u001b[2J","text":"x\\u202ey\\n\xc2\x9bz"}\n'
    whole = b"\n".join(pieces) + b"\n" + said
    reader = EventReader()
    received = reader.receive_data(whole[:cut]) + reader.receive_data(whole[cut:])
    assert received[-1].event == Said("r", 1, 1.0, "a[2J", "xy\nz")


def test_a_line_without_an_end_is_not_kept_for_ever() -> None:
    reader = EventReader()
    for _ in range(LINE_MAX // 65536):
        reader.receive_data(b"x" * 65536)
    with pytest.raises(LineTooLong):
        reader.receive_data(b"x")


def test_what_waits_survives_the_end_of_the_program(tmp_path: Path) -> None:
    store = LocalStore(tmp_path / "kept")
    store.add(Pending("k1", "python", "say", "one", 1.0))
    store.add(Pending("k2", "python", "say", "two", 2.0))
    store.remove("k1")
    store.saved.token = "secret"  # noqa: S105 - it is none
    store.save()
    second = LocalStore(tmp_path / "kept")
    assert second.why_refused, "one program at a time"
    assert second.unsent == []
    store.close()
    again = LocalStore(tmp_path / "kept")
    assert [pending.text for pending in again.unsent] == ["two"]
    assert again.saved.token == "secret"  # noqa: S105 - it is none
    assert (tmp_path / "kept" / "memory.json").stat().st_mode & 0o077 == 0
    again.close()
    (tmp_path / "kept" / "outbox.json").write_text("{")
    broken = LocalStore(tmp_path / "kept")
    assert broken.unsent == []
    assert (tmp_path / "kept" / "outbox.json.unreadable").read_text() == "{"
    broken.close()


def test_the_client_without_screens_needs_neither_textual_nor_trio() -> None:
    check = "import sys, chat_tui.client.connection, chat_tui.client.local_store; sys.exit(bool({'textual', 'trio'} & set(sys.modules)))"
    assert subprocess.run([sys.executable, "-c", check], check=False).returncode == 0


def test_what_is_said_on_a_connection_that_has_just_broken_is_complained_of_by_nobody(
    caplog: pytest.LogCaptureFixture,
) -> None:
    async def talk() -> None:
        ours, theirs = socket.socketpair()
        ours.setblocking(False)
        link = Link(*await asyncio.open_connection(sock=ours), Called(ours, None, Line.LOCAL))
        theirs.close()
        for _ in range(20):  # the lines that wait are sent again before anything is read
            link.write(b"x" * 10_000)
        with suppress(OSError):
            assert await link.read() == b""
        link.close()

    asyncio.run(talk())
    assert caplog.messages == []
