"""Who is named by a server that is killed at once is told of it, though they have come into the room before that server was given up."""

from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any

import pytest
import trio

import canary
from cluster.nodes import Node
from cluster.servers import SHORT_SILENCE, several
from cluster.test_filters import Line
from postgresql import Database

pytestmark = pytest.mark.slow


async def came(stack: AsyncExitStack, node: Node, nick: str, *, is_new: bool = False) -> Line:
    """Somebody with an account, at a server."""
    line = Line(await stack.enter_async_context(await trio.open_tcp_stream("127.0.0.1", node.port)))
    await line.ask("hello", do="hello", protocol=2)
    if is_new:
        await line.ask("registered", do="register", nick=nick, password=canary.PASSWORD)
    else:
        await line.ask("logged-in", do="login", nick=nick, password=canary.PASSWORD, session="add")
    return line


async def mentions(line: Line) -> list[str]:
    """In which lines somebody is kept as named."""
    shown: dict[str, Any] = await line.ask("mentions", "no-mentions", do="mentions")
    return [one["text"] for _, lines in shown.get("rooms", ()) for one in lines]


async def test_whoever_was_not_there_is_told_that_a_server_has_named_them_just_before_it_was_killed(
    tmp_path: Path, shared: Database
) -> None:
    async with several("abc", tmp_path, shared, silence=SHORT_SILENCE) as servers, AsyncExitStack() as stack:
        a, b, c = servers.nodes
        ann, bob = await came(stack, a, "ann", is_new=True), await came(stack, a, "bob", is_new=True)
        await ann.ask("room-created", do="create", room="den")
        await trio.sleep(1.5)
        for one in (ann, bob):
            await one.ask("entered", do="join", room="den")
        await bob.ask("went-back", do="back", room="den")
        await trio.sleep(12)  # who gives others up has run for a while
        await ann.ask("stored", do="say", room="den", text="bob: call me", key="1")
        await a.kill()
        again = await came(stack, b, "bob")
        await again.ask("entered", do="join", room="den")
        elsewhere = await came(stack, c, "bob")
        with trio.fail_after(40):
            while await mentions(elsewhere) != ["bob: call me"]:
                await trio.sleep(0.5)
        with shared.connect() as connection, trio.fail_after(10):
            while connection.execute("SELECT FROM gone_node").fetchall():
                await trio.sleep(0.2)
