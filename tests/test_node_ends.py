"""How a node ends, in order or because the others have given it up; and what its callers are told. Whole servers on virtual time."""

from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from typing import cast

import pytest
import trio
from msgspec import UNSET
from msgspec.structs import replace
from trio.testing import wait_all_tasks_blocked

from chat_server.admin_shown import lines_of
from chat_server.config import Config
from chat_server.journal import JournalError
from chat_server.journal.engines import Store
from chat_server.journal.happened import RETURN_SECONDS
from chat_server.journal.kept_in_memory import Kept
from chat_server.journal.memory_burying import bury
from chat_server.journal.memory_nodes import MemoryNode
from chat_server.journal.nodes import Beside, Came, Nodes, NodeSeen, Placed, Turn, Went
from chat_server.journal.signs import RoomFounded, Signed
from chat_server.protocol.events import Dismissed
from chat_server.server.admin_requests import NodeShown
from chat_server.server.ending import MOVED_PER_SECOND, OTHERS_SECONDS, SPREAD_SECONDS_MAX, Ending
from chat_server.server.server import Server
from chat_server.sessions.session import ChatSession
from fakes import cheap_hashing
from streams import House, open_house


class Running:
    """A node whose journal runs until it is told to end."""

    def __init__(self, kept: Kept, name: str) -> None:
        self.node = MemoryNode(kept, name)
        self.is_cut_off = False
        """Whether what it tells comes to nobody."""
        tell = self.node.signs.tell
        self.node.signs.tell = lambda sign: None if self.is_cut_off else tell(sign)  # type: ignore[method-assign]

    async def end(self) -> None:
        self.node.journal.close()
        await self.node.journal.wait_closed()
        await wait_all_tasks_blocked()


@asynccontextmanager
async def running(*names: str) -> AsyncIterator[list[Running]]:
    kept = Kept()
    async with trio.open_nursery() as nursery:
        nodes = [Running(kept, name) for name in names]
        for one in nodes:
            await nursery.start(one.node.journal.run)
        await nodes[0].node.journal.create_room("python")
        yield nodes
        nursery.cancel_scope.cancel()


async def move(node: MemoryNode, *movements: Came | Went) -> None:
    beside = Beside("python", 0, [Placed(0, movement) for movement in movements])
    await node.append([], {}, beside).stored()


async def departures(node: MemoryNode) -> list[str]:
    turns: Sequence[Turn] = await node.turns("python", 0)
    return [placed.movement.person for turn in turns for placed in turn.movements if isinstance(placed.movement, Went)]


async def test_who_was_at_a_node_that_ended_in_order_is_there_until_they_must_have_come_back(
    autojump_clock: trio.abc.Clock,
) -> None:
    async with running("a", "b") as (first, second):
        await move(first.node, Came("token:1", 0, "ann"), Came("token:2", 0, "bob"))
        first.node.life.leave()
        await first.end()
        await trio.sleep(RETURN_SECONDS - 2)
        assert {one.person for one in (await second.node.open("python")).people} == {"token:1", "token:2"}
        assert [(node.name, node.is_leaving) for node in await second.node.listed()] == [("a", True), ("b", False)]
        await trio.sleep(4)
        assert not (await second.node.open("python")).people
        assert await departures(second.node) == ["token:1", "token:2"]
        assert [node.name for node in await second.node.listed()] == ["b"]


async def test_who_was_at_a_node_that_just_ended_has_left_at_once(autojump_clock: trio.abc.Clock) -> None:
    async with running("a", "b") as (first, second):
        await move(first.node, Came("token:1", 0, "ann"))
        await first.end()
        assert await departures(second.node) == ["token:1"]


async def test_a_node_hears_that_it_was_given_up(autojump_clock: trio.abc.Clock) -> None:
    async with running("a", "b") as (first, _):
        bury(first.node._kept, first.node.number)
        with trio.fail_after(2):
            await first.node.life.wait_given_up()


async def test_signs_come_to_the_other_nodes_and_not_back(autojump_clock: trio.abc.Clock) -> None:
    async with running("a", "b", "c") as (first, *others):
        first.node.signs.tell(RoomFounded("ann", "192.0.2.1"))
        for other in others:
            async for signed in other.node.signs.others:
                assert signed == Signed(first.node.number, RoomFounded("ann", "192.0.2.1"))
                break
        with trio.move_on_after(5):
            async for _ in first.node.signs.others:
                raise AssertionError


# What callers are told.


@asynccontextmanager
async def house_at(running_node: Running, limits: Mapping[str, object] | None = None) -> AsyncIterator[House]:
    """A server that is this node."""
    node = running_node.node
    store = Store(node.journal, node.journal.accounts, cast(Nodes, node))
    config = Config()
    config = replace(config, limits=replace(config.limits, **(limits or {})))
    async with trio.open_nursery() as nursery:
        house = House(Server(config, store, hashing=cheap_hashing()), nursery)
        await nursery.start(house.run)
        yield house
        nursery.cancel_scope.cancel()


async def test_who_is_at_a_node_that_stops_is_sent_to_the_others(autojump_clock: trio.abc.Clock) -> None:
    async with running("a", "b") as (first, _), house_at(first) as house:
        ann, program = house.call(), house.connect()
        await ann.log_in("ann")
        await program.enter("bob")
        house.server.stop()
        assert (await ann.read_to_end()).endswith("connect again, and you are back. Goodbye.\r\n")
        assert [(event["is"], event["why"], event["details"]) for event in await program.rest()] == [
            ("dismissed", "moved", {})
        ]
        await house.ended.wait()
        assert first.node.life.is_leaving
        assert not house.server.ending.was_given_up


async def test_who_is_at_the_last_node_is_told_that_the_server_stops(autojump_clock: trio.abc.Clock) -> None:
    async with running("a", "b") as (first, second), house_at(first) as house:
        second.node.life.leave()
        ann = house.call()
        await ann.log_in("ann")
        house.server.stop()
        assert (await ann.read_to_end()).endswith("* The server is stopping. Goodbye.\r\n")


async def test_who_is_at_a_node_that_was_given_up_is_sent_to_the_others(autojump_clock: trio.abc.Clock) -> None:
    async with running("a", "b") as (first, _), house_at(first) as house:
        program = house.connect()
        await program.enter("bob")
        bury(first.node._kept, first.node.number)
        assert [(event["is"], event["why"]) for event in await program.rest()] == [("dismissed", "moved")]
        await house.ended.wait()
        assert house.server.ending.was_given_up


async def test_a_node_that_stops_is_not_begun_anew_though_it_is_given_up_meanwhile(
    autojump_clock: trio.abc.Clock,
) -> None:
    async with running("a", "b") as (first, _), house_at(first) as house:
        stuck = house.call(stuck=True)
        await stuck.log_in("ann")
        house.server.stop()
        bury(first.node._kept, first.node.number)
        await house.ended.wait()
        assert not house.server.ending.was_given_up


class Unanswered:
    """A node whose engine says nothing, or that it cannot."""

    number = 1

    def __init__(self, running_node: Running, error: Exception | None) -> None:
        self.life = running_node.node.life
        self._error = error

    async def listed(self) -> Sequence[NodeSeen]:
        if self._error is not None:
            raise self._error
        await trio.sleep_forever()
        raise AssertionError


class FakeSession:
    def __init__(self) -> None:
        self.nick = "ann"
        self.told: list[tuple[str, float, dict[str, str]]] = []
        self.waits: list[float] = []

    def dismiss(self, farewell: Dismissed, deadline: float) -> None:
        self.told.append((farewell.why, deadline, farewell.details))
        assert farewell.retry_after is not UNSET
        self.waits.append(farewell.retry_after)


@pytest.mark.parametrize("error", [None, JournalError("away")])
async def test_where_the_engine_does_not_say_whether_there_are_others_everybody_is_sent_to_them_soon(
    error: Exception | None, autojump_clock: trio.abc.Clock
) -> None:
    async with running("a") as (only,):
        ending = Ending(cast(Nodes, Unanswered(only, error)), lambda: 10)
        session, start = FakeSession(), trio.current_time()
        ending.requested.set()
        await ending.begin([cast("ChatSession[object]", session)])
        assert trio.current_time() - start <= OTHERS_SECONDS
        assert session.told == [("moved", start + 10, {})], "the time that there is begins when the end is asked for"


async def test_many_are_told_over_how_many_seconds_to_spread(autojump_clock: trio.abc.Clock) -> None:
    async with running("a", "b") as (first, _):
        ending = Ending(cast(Nodes, first.node), lambda: 10)
        sessions = [FakeSession() for _ in range(3 * MOVED_PER_SECOND)]
        await ending.begin([cast("ChatSession[object]", session) for session in sessions])
        assert sessions[0].told[0][2] == {"seconds": "3"}
        waits = [session.waits[0] for session in sessions]
        assert min(waits) < 0.5
        assert 2.5 < max(waits) <= 3.0
        crowd = [FakeSession() for _ in range(20 * MOVED_PER_SECOND)]
        await ending.begin([cast("ChatSession[object]", session) for session in crowd])
        assert crowd[0].told[0][2] == {"seconds": str(SPREAD_SECONDS_MAX)}


# What operators and programs are told.


async def test_a_node_says_which_it_is_and_lists_all(autojump_clock: trio.abc.Clock) -> None:
    async with running("east", "west") as (first, second), house_at(first) as house, house_at(second) as other:
        await other.call().log_in("ann")
        second.node.life.leave()
        program = house.connect()
        await program.ask("hello", protocol=2)
        assert (await program.wait_for("hello"))["node"] == "east"
        *nodes, _ = await house.ask_as_operator("list-nodes")
        assert [(one["name"], one["people"], one["is_leaving"], one["is_this"]) for one in nodes] == [
            ("east", 0, False, True),
            ("west", 1, True, False),
        ]
        connected, _ = await house.ask_as_operator("who")
        assert connected["node"] == "east"
        figures, _ = await house.ask_as_operator("stats")
        assert (figures["node"], figures["is_engine_away"]) == ("east", False)


async def test_an_engine_that_does_not_say_which_nodes_there_are_keeps_no_operator_waiting(
    autojump_clock: trio.abc.Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with running("east") as (only,), house_at(only) as house:
        monkeypatch.setattr(only.node, "listed", trio.sleep_forever)
        (last,) = await house.ask_as_operator("list-nodes")
        assert last["why"].startswith("the engine of the journal does not say which nodes there are")


async def test_a_server_that_has_its_journal_for_itself_names_no_node(autojump_clock: trio.abc.Clock) -> None:
    async with open_house() as house:
        program = house.connect()
        await program.ask("hello", protocol=2)
        assert "node" not in await program.wait_for("hello")
        (last,) = await house.ask_as_operator("list-nodes")
        assert last["why"] == "this server has its journal for itself: there are no nodes"
        connected, _ = await house.ask_as_operator("who")
        figures, _ = await house.ask_as_operator("stats")
        assert not {"node", "is_engine_away"} & {*connected, *figures}


def test_nodes_are_shown_in_a_table() -> None:
    shown = lines_of([NodeShown(4, "east", 3700, 0.2, 12, False, True), NodeShown(9, "west", 60, 9.7, 1, True, False)])
    assert shown == [
        "     NODE  PEOPLE  FOR        HEARD     STATE",
        "#4*  east  12      1 h 1 min  0 s ago   -",
        "#9   west  1       1 min      10 s ago  ends",
        "* has answered",
        "a node that ends stays in the list for 15 seconds: whoever was there may come back at another one",
    ]
    assert lines_of([NodeShown(4, "east", 3700, 0.2, 12, False, True)])[-1] == "* has answered"
