"""An ordered stop of one of several nodes: who is there comes back at another, and nobody sees them go. Whole servers on virtual time."""

from contextlib import AsyncExitStack
from typing import Any

import trio

from chat_server.journal.happened import RETURN_SECONDS
from chat_server.journal.kept_in_memory import Kept
from chat_server.journal.memory_burying import bury
from streams import Caller, House, Program
from test_node_ends import Running, house_at, running

TOKEN = "a-token-that-nobody-guesses"  # noqa: S105 - a test's


async def sent_away(program: Program) -> None:
    last = (await program.rest())[-1]
    assert (last["is"], last["why"]) == ("dismissed", "moved")


async def ann_and_bob(here: House, there: House) -> tuple[Program, Caller]:
    """She comes by a token and a program, and he is at a terminal, both in one room and each at a node of their own."""
    program, bob = here.connect(), there.call()
    await bob.log_in("bob", "python")
    await program.enter("ann", "python", token=TOKEN)
    await bob.read_until("* ann joined\r\n")
    return program, bob


async def test_who_is_sent_to_another_node_goes_on_there_and_nobody_sees_them_go(
    autojump_clock: trio.abc.Clock,
) -> None:
    async with running("a", "b") as (first, second), house_at(first) as here, house_at(second) as there:
        program, bob = await ann_and_bob(here, there)
        await program.ask("say", room="python", text="one", key="k1")
        await program.wait_for("stored")
        await bob.read_until("ann: one\r\n")
        here.server.stop()
        await sent_away(program)
        await here.ended.wait()
        await first.end()
        await bob.type("meanwhile")
        await trio.sleep(2)
        program = there.connect()
        answer = await program.enter("ann", token=TOKEN)
        assert (answer["nick"], answer["rooms"]) == ("ann", ["python"])
        await program.ask("resume", rooms={"python": 1})
        page = await program.wait_for("page")
        assert [line["text"] for line in page["lines"]] == ["meanwhile"]
        await program.ask("say", room="python", text="two", key="k2")
        await program.wait_for("stored")
        await trio.sleep(2 * RETURN_SECONDS)
        await bob.type("/online")
        assert await bob.read_until("1 other in python: ann\r\n") == "ann: two\r\n* 1 other in python: ann\r\n"


async def test_who_does_not_come_back_leaves_once_after_a_while(autojump_clock: trio.abc.Clock) -> None:
    async with running("a", "b") as (first, second), house_at(first) as here, house_at(second) as there:
        _, bob = await ann_and_bob(here, there)
        here.server.stop()
        await here.ended.wait()
        await first.end()
        begun = trio.current_time()
        assert await bob.read_until("\r\n") == "* ann left\r\n"
        assert RETURN_SECONDS - 1 < trio.current_time() - begun < RETURN_SECONDS + 5
        await trio.sleep(60)
        await bob.type("/online")
        assert await bob.read_until("\r\n") == "* Nobody else is in python.\r\n"


async def test_who_has_no_token_leaves_at_once_and_may_come_again_under_the_same_name(
    autojump_clock: trio.abc.Clock,
) -> None:
    async with running("a", "b") as (first, second), house_at(first) as here, house_at(second) as there:
        ann, bob = here.call(), there.call()
        await bob.log_in("bob", "python")
        await ann.log_in("ann", "python")
        await bob.read_until("* ann joined\r\n")
        here.server.stop()
        await ann.read_to_end()
        assert await bob.read_until("\r\n") == "* ann left\r\n"
        ann = there.call()
        await ann.log_in("ann", "python")
        await bob.read_until("* ann joined\r\n")
        await here.ended.wait()
        await first.end()
        await trio.sleep(3 * RETURN_SECONDS)
        await bob.type("/online")
        assert await bob.read_until("\r\n") == "* 1 other in python: ann\r\n"


async def test_who_follows_through_a_restart_of_all_nodes_misses_nothing_and_is_seen_by_nobody(
    autojump_clock: trio.abc.Clock,
) -> None:
    rooms = ("python", "write", "pm")
    async with AsyncExitStack() as stack:
        kept, nursery = Kept(), await stack.enter_async_context(trio.open_nursery())

        async def begin(name: str) -> tuple[Running, House]:
            one = Running(kept, name)
            await nursery.start(one.node.journal.run)
            return one, await stack.enter_async_context(house_at(one))

        nodes = [await begin(name) for name in "abc"]
        bob, program = nodes[2][1].connect(), nodes[0][1].connect()
        await bob.enter("bob", *rooms)
        await program.enter("ann", *rooms, token=TOKEN)
        heard: list[dict[str, Any]] = []
        had = dict.fromkeys(rooms, 0)
        for number in range(3):
            (one, house), (_, next_house) = nodes[number % 2], nodes[(number + 1) % 2]
            for room in rooms:
                await program.ask("say", room=room, text=f"{room} {number}", key=f"{room} {number}")
                await bob.ask("say", room=room, text="seen")
            house.server.stop()
            last = await program.rest()
            for event in last:
                if event["is"] == "said":
                    had[event["room"]] = max(had[event["room"]], event["seq"])
            assert last[-1]["why"] == "moved"
            for room in rooms:
                await bob.ask("say", room=room, text="unseen")
            await trio.sleep(3)
            await house.ended.wait()
            await one.end()
            program = next_house.connect()
            assert set((await program.enter("ann", token=TOKEN))["rooms"]) == set(rooms)
            await program.ask("resume", rooms=had)
            for room in rooms:  # the same again, for nobody knows whether it was stored
                await program.ask("say", room=room, text=f"{room} {number}", key=f"{room} {number}")
            stored = [await program.wait_for("stored") for _ in rooms]
            had |= {event["room"]: max(had[event["room"]], event["seq"]) for event in stored}
            nodes[number % 2] = await begin(f"{one.node.name}'")
            await trio.sleep(RETURN_SECONDS + 2)
        await bob.ask("logout")
        heard += await bob.rest()
        assert {event["is"] for event in heard if event["is"] in {"left", "joined", "faltered"}} == {"joined"}
        assert sum(event["is"] == "joined" for event in heard) == len(rooms)
        for room in rooms:
            said = [event["text"] for event in heard if event["is"] == "said" and event["room"] == room]
            assert [text for text in said if text.startswith(room)] == [f"{room} {number}" for number in range(3)]
        nursery.cancel_scope.cancel()


async def test_who_was_at_a_node_that_was_given_up_comes_back_to_where_they_were(
    autojump_clock: trio.abc.Clock,
) -> None:
    async with running("a", "b") as (first, second), house_at(first) as here, house_at(second) as there:
        program, bob = await ann_and_bob(here, there)
        bury(first.node._kept, first.node.number)
        await bob.read_until("* ann left\r\n")
        await program.ask("say", room="python", text="too late", key="k1")
        assert [event["is"] for event in await program.rest()][-1] == "dismissed"
        program = there.connect()
        await program.enter("ann", token=TOKEN)
        await program.ask("resume", rooms={"python": 0})
        assert await bob.read_until("\r\n") == "* ann joined\r\n"
        await program.ask("say", room="python", text="too late", key="k1")
        assert await bob.read_until("\r\n") == "ann: too late\r\n"
