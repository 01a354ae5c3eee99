"""What people and programs see while the engine of several nodes does not answer: whole servers on virtual time."""

import asyncio

import trio

from chat_server.journal.node_life import AWAY_SECONDS
from chat_tui.client.connection import Status
from streams import Caller
from test_connection import Client, end, until
from test_moving import Node
from test_node_ends import house_at, running

WAITS = "* What keeps all that is said here does not answer. What you say waits, and is shown when it is back.\r\n"
GOES_ON = "* What is said here is stored and shown again.\r\n"


async def _silent(caller: Caller, seconds: float) -> None:
    with trio.move_on_after(seconds):
        raise AssertionError(await caller.read_until("\n"))


async def test_everybody_in_a_room_is_told_once_that_what_they_say_waits_and_once_that_it_goes_on(
    autojump_clock: trio.abc.Clock,
) -> None:
    async with running("a") as (only,), house_at(only) as house:
        ann, bob, program = house.call(), house.call(), house.connect()
        await ann.log_in("ann", "python")
        await bob.log_in("bob")
        await program.enter("dice", "python", "write")
        await ann.read_until("* dice joined\r\n")
        only.node.life.asked("append")
        await _silent(ann, AWAY_SECONDS - 0.1)
        assert await ann.read_until("\n") == WAITS
        assert (await program.wait_for("storing-waits")) == {"is": "storing-waits"}
        await _silent(ann, 30)
        await _silent(bob, 1)
        only.node.life.answered("append")
        assert await ann.read_until("\n") == GOES_ON
        await program.wait_for("storing-goes-on")
        await _silent(ann, 10)
        await _silent(bob, 1)


async def test_an_engine_that_is_slow_for_a_moment_is_told_to_nobody(autojump_clock: trio.abc.Clock) -> None:
    async with running("a") as (only,), house_at(only) as house:
        ann = house.call()
        await ann.log_in("ann", "python")
        for _ in range(5):
            only.node.life.asked("append")
            await trio.sleep(AWAY_SECONDS - 0.5)
            only.node.life.answered("append")
        await _silent(ann, 10)


async def test_what_would_hang_is_refused_with_a_sentence_and_works_when_the_engine_is_back(
    autojump_clock: trio.abc.Clock,
) -> None:
    async with running("a") as (only,), house_at(only) as house:
        ann, stranger, program = house.call(), house.call(), house.connect()
        await ann.log_in("ann", "python")
        await program.enter("dice")
        only.node.life.asked("heartbeat")
        await ann.read_until(WAITS)
        refused = "* That cannot be done just now: what keeps all that is said here does not answer. Try again in a moment.\r\n"
        for typed in ("/join write", "/nick anna", "/last", "/search x", "/create dev", "/back"):
            await ann.type(typed)
            assert await ann.read_until("\n") == refused, typed
        await stranger.type("/login bob")
        await stranger.read_until(refused)
        await program.ask("join", room="python", ref=1)
        answer = await program.wait_for("refused")
        assert (answer["code"], answer["ref"]) == ("engine-away", 1)
        await ann.type("/online", "/rooms")
        await ann.read_until("* Rooms: ")
        only.node.life.answered("heartbeat")
        await ann.read_until(GOES_ON)
        await stranger.type("/login bob", "/join python")
        await ann.read_until("* bob joined\r\n")


async def test_who_may_not_ask_for_something_is_told_that_first(autojump_clock: trio.abc.Clock) -> None:
    async with running("a") as (only,), house_at(only) as house:
        stranger = house.call()
        only.node.life.asked("heartbeat")
        await trio.sleep(AWAY_SECONDS)
        await stranger.type("/join python")
        assert (await stranger.read_until("* Log in first: /login NICK\r\n")).count("*") < 10


def test_a_program_that_cannot_log_in_because_the_engine_is_away_tries_again_by_itself() -> None:
    async def try_it() -> None:
        node = Node(0, refuses="engine-away")
        await node.begin()
        client = Client(node.port, "ann")
        task = asyncio.create_task(client.connection.run())
        assert (await until(client, Status.WAITING)).why == "Not now."
        node.refuses = ""
        await until(client, Status.ONLINE)
        await end(task)
        await node.end()

    asyncio.run(try_it())
