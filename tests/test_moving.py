"""chat-tui where a server sends its callers to another node: the same talk goes on there, at once and without a word of alarm."""

import asyncio
import json
from contextlib import closing, suppress

import pytest
from msgspec import UNSET

from callers import without_tls
from chat_server.protocol import events
from chat_tui.client.connection import ConnectionChanged, Status
from chat_tui.client.pauses import QUIET_SECONDS, SAID_MAX, SPREAD_MAX, STEADY_SECONDS, Pauses
from plain_programs import plain_program
from test_connection import Client, end, free_port, until


class Node:
    """A node at an address that another has when it has gone; it lets everybody in unless it `refuses` them, and may send them away."""

    def __init__(self, port: int, refuses: str = "") -> None:
        self.port = port
        self.refuses = refuses
        self._writers: list[asyncio.StreamWriter] = []
        self._tasks: set[asyncio.Task[None]] = set()
        self.asked: list[dict[str, object]] = []

    async def begin(self) -> None:
        self._server = await asyncio.start_server(without_tls(self._accept), "127.0.0.1", self.port)
        self.port = self._server.sockets[0].getsockname()[1]

    async def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.create_task(self._serve(reader, writer))
        self._tasks.add(task)
        await asyncio.wait([task])

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with suppress(OSError), closing(writer):
            while line := await reader.readline():
                self.asked.append(json.loads(line))
                if self.asked[-1]["do"] == "login" and self.refuses:
                    refused = {"ref": "login", "is": "refused", "code": self.refuses, "text": "Not now."}
                    writer.write(json.dumps(refused).encode() + b"\n")
                elif self.asked[-1]["do"] == "login":
                    self._writers.append(writer)
                    writer.write(b'{"ref":"login","is":"logged-in","nick":"ann","token":"","rooms":[]}\n')

    async def send_away(self, details: dict[str, str], why: str = "moved", **more: object) -> None:
        self._server.close()
        for writer in self._writers:
            farewell = {"is": "dismissed", "why": why, "details": details, "text": "Gone.", **more}
            writer.write(json.dumps(farewell).encode())
            writer.write(b"\n")
            writer.close()
        await asyncio.sleep(0)

    async def end(self) -> None:
        self._server.close()
        await end(*self._tasks)


async def _moved(client: Client, first: Node, second: Node, *, away: float, details: dict[str, str]) -> None:
    await first.begin()
    task = asyncio.create_task(client.connection.run())
    await until(client, Status.ONLINE)
    client.connection._pauses.online(-STEADY_SECONDS)  # it has been for long
    client.changes.clear()
    await first.send_away(details)
    await asyncio.sleep(away)
    await second.begin()
    await until(client, Status.ONLINE)
    await end(task)
    await first.end()
    await second.end()


@pytest.mark.parametrize("away", [0.0, 0.3])
def test_who_is_sent_to_another_node_is_there_at_once_and_told_nothing(
    away: float, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("chat_tui.client.pauses.FIRST_PAUSE", 0.05 if away else 1000.0)

    async def move() -> None:
        port = free_port()
        client = Client(port, "ann")
        await _moved(client, Node(port), Node(port), away=away, details={})
        assert {change.status for change in client.changes} == {Status.CONNECTING, Status.ONLINE}
        assert client.changes[0].is_moving
        assert not any(change.why for change in client.changes)

    asyncio.run(move())


@pytest.mark.parametrize("why", ["kicked-off-server", "banned-on-server", "network-banned"])
def test_who_is_put_off_the_server_does_not_come_back_by_itself(why: str) -> None:
    async def put_off() -> None:
        port = free_port()
        client, node = Client(port, "ann"), Node(port)
        await node.begin()
        task = asyncio.create_task(client.connection.run())
        await until(client, Status.ONLINE)
        await node.send_away({}, why)
        await until(client, Status.REFUSED)
        assert client.changes[-1].why == "Gone."
        await end(task)
        await node.end()

    asyncio.run(put_off())


def test_many_who_are_sent_at_once_spread_themselves() -> None:
    waits = []
    for _ in range(200):
        pauses = Pauses()
        pauses.online(0.0)
        waits.append(pauses.after_move({"seconds": "4"}, UNSET, 100.0))
    assert min(waits) < 1
    assert 3 < max(waits) <= 4
    pauses = Pauses()
    pauses.online(0.0)
    assert pauses.after_move({"seconds": "100000"}, UNSET, 100.0) <= SPREAD_MAX
    assert Pauses().after_move({"seconds": "soon"}, UNSET, 0.0) < 1


def test_a_node_that_is_not_found_is_told_after_a_few_seconds() -> None:
    pauses = Pauses()
    pauses.online(0.0)
    pause = pauses.after_move({}, UNSET, 100.0)
    assert pause == 0
    assert pauses.is_quiet(100.0 + QUIET_SECONDS / 2)
    assert not pauses.is_quiet(100.0 + QUIET_SECONDS)


def test_nodes_that_send_one_to_and_fro_are_called_more_and_more_seldom() -> None:
    pauses, waits = Pauses(), []
    for _ in range(20):
        pauses.online(100.0)
        waits.append(pauses.after_move({}, UNSET, 100.5))
    assert waits[0] < 1
    assert waits[-1] > STEADY_SECONDS


@pytest.mark.parametrize(("said", "waited"), [(0.7, 0.7), (0.0, 0.0), (-5.0, 0.0), (1e300, SAID_MAX)])
def test_one_comes_back_when_the_server_has_said(said: float, waited: float) -> None:
    pauses = Pauses()
    pauses.online(0.0)
    assert pauses.after_move({"seconds": "9"}, said, 100.0) == waited
    assert pauses.is_quiet(100.0 + waited + QUIET_SECONDS / 2)


def test_a_server_that_restarts_again_and_again_is_called_more_and_more_seldom_but_never_too_soon() -> None:
    pauses, waits = Pauses(), []
    for _ in range(20):
        pauses.online(100.0)
        waits.append(pauses.after_move({}, 2.0, 100.5))
    assert min(waits) >= 2.0
    assert waits[-1] > STEADY_SECONDS


def test_who_is_told_that_the_server_restarts_is_back_at_the_time_that_was_told() -> None:
    async def restart() -> None:
        port = free_port()
        client, first, second = Client(port, "ann"), Node(port), Node(port)
        await first.begin()
        task = asyncio.create_task(client.connection.run())
        await until(client, Status.ONLINE)
        client.connection._pauses.online(-STEADY_SECONDS)  # it has been for long
        client.changes.clear()
        await first.send_away({"seconds": "1"}, "restarting", retry_after=0.3)
        await second.begin()
        await until(client, Status.WAITING)
        told = client.changes[0]
        assert told.is_moving
        assert 0.1 < told.retry_at - asyncio.get_running_loop().time() <= 0.3
        await until(client, Status.ONLINE)
        assert [change.status for change in client.changes] == [Status.WAITING, Status.CONNECTING, Status.ONLINE]
        assert all(change.is_moving for change in client.changes[:2])
        assert asyncio.get_running_loop().time() >= told.retry_at
        await end(task)
        await first.end()
        await second.end()

    asyncio.run(restart())


def test_line_by_line_a_restart_is_told_calmly_and_so_is_that_one_is_back() -> None:
    async def restart() -> None:
        written: list[str] = []
        program, _ = plain_program(written, lambda: 0.0, rooms=["python"])
        program.changed(ConnectionChanged(Status.ONLINE))
        program.client._take(events.Entered("python", ("bob",), 0), None)
        for _ in range(2):
            written.clear()
            program.changed(ConnectionChanged(Status.WAITING, "the server is being restarted", is_moving=True))
            program.changed(ConnectionChanged(Status.CONNECTING, is_moving=True))
            program.changed(ConnectionChanged(Status.ONLINE))
            program.client._take(events.Entered("python", ("bob",), 0), None)
            assert written == ["The server is being restarted. You are back in a moment.", "You are back."]

    asyncio.run(restart())


def test_line_by_line_nothing_is_told_of_a_move_but_of_one_that_fails() -> None:
    async def move() -> None:
        written: list[str] = []
        program, _ = plain_program(written, lambda: 0.0, rooms=["python"])
        program.changed(ConnectionChanged(Status.ONLINE))
        program.client._take(events.Entered("python", ("bob",), 0), None)
        written.clear()
        for status, is_moving in ((Status.CONNECTING, True), (Status.CONNECTING, False), (Status.ONLINE, False)):
            program.changed(ConnectionChanged(status, is_moving=is_moving))
        program.client._take(events.Entered("python", ("bob",), 0), None)
        assert not written
        program.changed(ConnectionChanged(Status.CONNECTING, is_moving=True))
        program.changed(ConnectionChanged(Status.WAITING, "nothing listens there"))
        program.changed(ConnectionChanged(Status.ONLINE))
        program.client._take(events.Entered("python", ("bob",), 0), None)
        assert [line.split()[0] for line in written] == ["No", "Connected", "You"]

    asyncio.run(move())
