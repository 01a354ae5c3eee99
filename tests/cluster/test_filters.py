"""A bot that filters a room at one server, and what is said at another: the real database passes the lines on, and keeps none."""

import json
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from itertools import count
from pathlib import Path
from typing import Any

import psycopg
import pytest
import trio

import canary
from chat_server.journal.postgresql.sign_channel import SIGNS_CHANNEL
from cluster.engine import in_thread
from cluster.nodes import Node
from cluster.servers import SHORT_SILENCE, Servers, several
from postgresql import Database

pytestmark = pytest.mark.slow

NUMBERS = count(1)


class Line:
    """A program's connection to a server."""

    def __init__(self, stream: trio.SocketStream) -> None:
        self.stream = stream
        self._lines: list[bytes] = []
        self._unfinished = b""

    async def read(self) -> dict[str, Any]:
        """The next event."""
        while not self._lines:
            if not (data := bytes(await self.stream.receive_some())):
                raise EOFError
            *self._lines, self._unfinished = (self._unfinished + data).split(b"\n")
        line = self._lines.pop(0)
        return dict(json.loads(line)) if line.startswith(b"{") else {"is": ""}

    async def ask(self, *wanted: str, **request: Any) -> dict[str, Any]:
        """Ask, and wait for an event of one of these kinds."""
        await self.stream.send_all(json.dumps(request).encode() + b"\n")
        with trio.fail_after(30):
            while (event := await self.read())["is"] not in wanted:
                assert event["is"] != "refused", event
            return event

    async def say(self, text: str) -> dict[str, Any]:
        """Say something, and wait for what becomes of it."""
        return await self.ask(
            *("stored", "line-held", "filter-refused"), do="say", room="den", text=text, key=f"k{next(NUMBERS)}"
        )


async def come(node: Node, nick: str, *, token: str = "") -> Line:
    """Somebody who has come into the den at a server."""
    line = Line(await trio.open_tcp_stream("127.0.0.1", node.port))
    await line.ask("hello", do="hello", protocol=2)
    await line.ask("logged-in", do="login", nick=nick, **({"token": token} if token else {}))
    await line.ask("entered", do="join", room="den")
    return line


async def look(bot: Line) -> None:
    """Have a bot say of each line what its first word says, as long as its server lives."""
    with suppress(EOFError, trio.BrokenResourceError):
        while True:
            event = await bot.read()
            if event["is"] == "filter-asked":
                verdict = event["line"].split()[0]
                answer = {"do": "filter-answer", "room": "den", "id": event["id"], "verdict": verdict}
                await bot.stream.send_all(json.dumps(answer).encode() + b"\n")


def asked(database: Database) -> int:
    """How many lines the database has of which servers ask each other."""
    with database.connect() as connection:
        ((found,),) = connection.execute("SELECT count(*) FROM asked_line").fetchall()
    return int(found)


@asynccontextmanager
async def heard(database: Database) -> AsyncIterator[list[str]]:
    """What goes through the database as signs while the block lasts."""
    with psycopg.connect(database.url, autocommit=True) as connection:
        connection.execute(f"LISTEN {SIGNS_CHANNEL}".encode())
        signs: list[str] = []
        yield signs
        signs += [one.payload for one in connection.notifies(timeout=0.5)]


async def until_held(eve: Line, what: str = "hold") -> None:
    """Say something until the bot has it wait: a busy machine may be late."""
    with trio.fail_after(30):
        while (await eve.say(f"{what} this"))["is"] != "line-held":
            await trio.sleep(0.3)


@asynccontextmanager
async def filtered(servers: Servers) -> AsyncIterator[Line]:
    """A bot in the den at the first server, which the others know; gives somebody who is at the second."""
    here, there = servers.nodes
    async with AsyncExitStack() as stack, trio.open_nursery() as nursery:
        ann = Line(await stack.enter_async_context(await trio.open_tcp_stream("127.0.0.1", here.port)))
        await ann.ask("hello", do="hello", protocol=2)
        await ann.ask("registered", do="register", nick="ann", password=canary.PASSWORD)
        await ann.ask("room-created", do="create", room="den")
        await ann.ask("entered", do="join", room="den")
        await ann.ask("filter-set", do="filter", room="den", nick="ann", on="on")
        token = (await ann.ask("bot-made", do="code", purpose="bot", name="guard"))["token"]
        bot = await come(here, "ann", token=token)
        await stack.enter_async_context(bot.stream)
        nursery.start_soon(look, bot)
        await trio.sleep(1)
        eve = await come(there, "eve")
        await stack.enter_async_context(eve.stream)
        yield eve
        nursery.cancel_scope.cancel()


async def test_a_line_waits_for_a_bot_at_another_server_and_its_text_is_in_no_sign_nor_left_in_the_database(
    tmp_path: Path, shared: Database
) -> None:
    async with several("ab", tmp_path, shared) as servers, filtered(servers) as eve:
        async with heard(shared) as signs:
            await until_held(eve)
            assert (await eve.say("pass this on"))["is"] == "stored"
        assert any("lines-judged" in sign for sign in signs)
        assert not any("this" in sign for sign in signs)
        with trio.fail_after(5):
            while await in_thread(asked, shared):
                await trio.sleep(0.05)


@pytest.mark.parametrize("fault", ["stopped", "killed"])
async def test_lines_pass_where_the_server_of_the_bot_does_not_answer(
    fault: str, tmp_path: Path, shared: Database
) -> None:
    async with several("ab", tmp_path, shared, silence=SHORT_SILENCE) as servers, filtered(servers) as eve:
        await until_held(eve)
        here = servers.nodes[0]
        if fault == "killed":
            await here.kill()
        else:
            here.pause()
        for number in range(8):
            assert (await eve.say(f"hold {number}"))["is"] == "stored"
        with trio.fail_after(5):
            while await in_thread(asked, shared):
                await trio.sleep(0.05)
        if fault == "stopped":
            here.go_on()
