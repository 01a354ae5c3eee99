"""What people and programs see while the engine of several nodes does not answer: whole servers on virtual time."""

import asyncio
import inspect
from collections.abc import Callable, Mapping, Sequence
from functools import partial

import pytest
import trio

from chat_server.accounts import Accounts
from chat_server.journal import Journal
from chat_server.journal.keys import SenderKey
from chat_server.journal.memory_nodes import MemoryNode
from chat_server.journal.node_life import AWAY_SECONDS
from chat_server.journal.nodes import Beside, Nodes, PendingTurn, TurnReceipt
from chat_server.protocol.entries import Entry
from chat_tui.client.connection import Status
from streams import Caller
from test_connection import Client, end, until
from test_faults import typed
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


class CutOff:
    """A node whose engine cannot be reached until `back`."""

    def __init__(self, node: MemoryNode) -> None:
        self._node, self._back = node, trio.Event()
        node.append = self._append  # type: ignore[method-assign]
        node.life.asked("append")

    def _append(self, lines: Sequence[Entry], keys: Mapping[int, SenderKey], beside: Beside) -> PendingTurn:
        store = partial(self._node.store, [*lines], dict(keys), beside)
        return _Waiting(self._back, store)

    def back(self) -> None:
        del self._node.append
        self._node.life.answered("append")
        self._back.set()


class _Waiting:
    def __init__(self, back: trio.Event, store: Callable[[], TurnReceipt]) -> None:
        self._back, self._store = back, store

    async def stored(self) -> TurnReceipt:
        await self._back.wait()
        return self._store()


async def test_lines_wait_while_a_node_is_cut_off_and_come_in_order_with_all_that_was_missed(
    autojump_clock: trio.abc.Clock,
) -> None:
    async with running("a", "b") as (first, second), house_at(first) as here, house_at(second) as there:
        ann, carl, bob = here.call(), here.call(), there.call()
        await bob.log_in("bob", "python")
        await ann.log_in("ann", "python")
        await carl.log_in("carl", "python")
        await bob.read_until("* carl joined\r\n")
        await ann.read_until("* carl joined\r\n")
        engine = CutOff(first.node)
        await ann.type("one", "two")
        await trio.sleep(1)
        await bob.type("three")
        assert await ann.read_until("\n") == WAITS
        await ann.type("four", "/join write")
        await ann.read_until("Try again in a moment.\r\n")
        await carl.type("/logout")
        assert (await carl.read_to_end()).endswith("Goodbye.\r\n")
        await bob.type("five")
        await trio.sleep(20)
        engine.back()
        assert await ann.read_until(GOES_ON) == f"bob: three\r\nbob: five\r\n* carl left\r\n{GOES_ON}"
        assert await bob.read_until("ann: four\r\n") == "ann: one\r\nann: two\r\nann: four\r\n"
        await bob.read_until("* carl left\r\n")
        await ann.type("/since 0")
        shown = await ann.read_until("four\r\n")
        assert [line.split()[-1] for line in shown.splitlines() if "#" in line] == [
            "three",
            "five",
            "one",
            "two",
            "four",
        ]


def hang_all(node: MemoryNode, monkeypatch: pytest.MonkeyPatch) -> None:
    """Have the engine answer nothing any more."""

    async def hang(*_: object, **__: object) -> None:
        await trio.sleep_forever()

    for thing, protocol in ((node, Nodes), (node.journal, Journal), (node.journal.accounts, Accounts)):
        for name, found in vars(protocol).items():
            if inspect.iscoroutinefunction(found) and name not in {"run", "wait_closed"}:
                monkeypatch.setattr(thing, name, hang)
    node.life.asked("heartbeat")


@pytest.mark.parametrize("room", ["", "python"])
async def test_no_command_hangs_while_the_engine_is_away(
    room: str, autojump_clock: trio.abc.Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with running("a") as (only,), house_at(only, {"messages_per_second": 0}) as house:
        ann = house.call()
        await ann.log_in("ann", room)
        hang_all(only.node, monkeypatch)
        await trio.sleep(AWAY_SECONDS + 1)
        for command in [*typed(), "/join write", "/back", "/login bob"]:
            await ann.type(command, "/frobnicate")
            with trio.move_on_after(20) as hangs:
                await ann.read_until("/frobnicate")
            assert not hangs.cancelled_caught, command
