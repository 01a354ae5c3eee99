"""Whole servers that are one, on virtual time: what people and programs at each see of the rooms that both have."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import trio

from streams import House, Program
from test_node_ends import house_at, running


@asynccontextmanager
async def two_houses() -> AsyncIterator[tuple[House, House]]:
    async with (
        running("a", "b") as (first, second),
        house_at(first) as a,
        house_at(second) as b,
    ):
        yield a, b


async def events(program: Program, *kinds: str) -> list[dict[str, object]]:
    """The next events, one of each of these kinds, in that order."""
    return [await program.wait_for(kind) for kind in kinds]


async def test_people_at_two_nodes_are_in_one_room(autojump_clock: trio.abc.Clock) -> None:
    async with two_houses() as (a, b):
        ann, bob = a.call(), b.connect()
        await ann.log_in("ann", "python")
        await bob.enter("bob", "python")
        await ann.read_until("* bob joined\r\n")
        await ann.type("hello", "/topic snakes", "/me waves")
        said, topic, acted = await events(bob, "said", "topic", "acted")
        assert [said["seq"], topic["seq"], acted["seq"]] == [1, 2, 3]
        assert said["nick"] == "ann"
        await bob.ask("say", room="python", text="hi, ann", key="k")
        stored = await bob.wait_for("stored")
        assert stored["seq"] == 4
        await ann.read_until("bob: hi, ann\r\n")
        await ann.type("/online")
        assert "bob" in await ann.read_until("bob\r\n")
        await ann.type("/rooms")
        await ann.read_until("python")
        assert "2" in await ann.read_until("snakes")
        await ann.type("/back")
        assert (await bob.wait_for("left"))["nicks"] == ["ann"]


async def test_what_was_said_at_another_node_is_read_and_found_and_resumed_from(autojump_clock: trio.abc.Clock) -> None:
    async with two_houses() as (a, b):
        ann, bob = a.connect(), b.connect()
        await ann.enter("ann", "python")
        for number in range(5):
            await ann.ask("say", room="python", text=f"line {number}", key=f"k{number}")
            await ann.wait_for("stored")
        await bob.enter("bob")
        await bob.ask("resume", rooms={"python": 2})
        page = await bob.wait_for("page")
        assert [line["text"] for line in page["lines"]] == ["line 2", "line 3", "line 4"]
        await bob.ask("history", room="python", before=3)
        page = await bob.wait_for("page")
        assert [line["text"] for line in page["lines"]] == ["line 0", "line 1"]
        await bob.ask("search", words="line 3", room="python")
        found = await bob.wait_for("found")
        assert [line["text"] for _, lines in found["rooms"] for line in lines] == ["line 3"]


async def test_a_line_that_is_sent_again_at_another_node_has_its_number(autojump_clock: trio.abc.Clock) -> None:
    async with two_houses() as (a, b):
        token = "t" * 30
        desk, phone = a.connect(), b.connect()
        await desk.enter("ann", "python", token=token)
        await desk.ask("say", room="python", text="once", key="k")
        assert (await desk.wait_for("stored"))["seq"] == 1
        await phone.enter("ann", "python", token=token)
        await phone.ask("say", room="python", text="once", key="k")
        assert (await phone.wait_for("stored"))["seq"] == 1
        assert b.server.rooms[0].last_seq == 1
