"""Whom an act is about at other nodes, with stand-ins for these: what they are asked, whose answers count, and how long they are waited for."""

from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

import trio

from chat_server.accounts.acts import ServerAct
from chat_server.journal import JournalError
from chat_server.journal.nodes import NodeSeen
from chat_server.journal.signs import HitAsked, HitTold
from chat_server.rooms.hits_elsewhere import ANSWER_SECONDS, HitsElsewhere

ACT = ServerAct("banned", 5.0, "ann", 7, "bob", known_as=("bob",), text="floods")
HERE, THERE, THIRD = 1, 2, 3


class Beside:
    """Nodes as one of them, HERE, knows them; and what it has told the others."""

    def __init__(self, *leaving: int, alone: bool = False) -> None:
        self.number = HERE
        self.asked: list[HitAsked] = []
        self._listed = [HERE] if alone else [HERE, THERE, THIRD]
        self._leaving = leaving
        self.signs: Any = SimpleNamespace(tell=self.asked.append)

    async def listed(self) -> list[NodeSeen]:
        return [NodeSeen(one, "", 9.0, 0.0, 1, one in self._leaving) for one in self._listed]


def told(number: int, to: int = HERE, people: int = 1) -> HitTold:
    return HitTold(to, number, people, people)


async def answers(nodes: Any, *told_later: tuple[float, int, Callable[[int], HitTold]]) -> tuple[list[HitTold], float]:
    """What is known when each node has told something, or too late, of the question that was asked; and after how long."""
    hits, found = HitsElsewhere(nodes), list[HitTold]()
    async with trio.open_nursery() as nursery:
        nursery.start_soon(_tell, hits, nodes, told_later)
        began = trio.current_time()
        found += await hits.asked(ACT, "bob")
        seconds = round(trio.current_time() - began, 6)
    return found, seconds


async def _tell(hits: HitsElsewhere, nodes: Any, each: tuple[tuple[float, int, Callable[[int], HitTold]], ...]) -> None:
    for seconds, node, what in each:
        await trio.sleep(seconds)
        hits.heard(node, what(nodes.asked[-1].number if nodes.asked else 1))


async def test_every_other_node_is_asked_once_and_by_nobodys_name(autojump_clock: trio.abc.Clock) -> None:
    nodes = Beside()
    found, seconds = await answers(nodes, (0.1, THERE, told), (0.1, THIRD, lambda number: told(number, people=2)))
    assert sorted(one.people for one in found) == [1, 2]
    assert seconds == 0.2, "nobody waits longer than it takes"
    (asked,) = nodes.asked
    assert (asked.nick, asked.act.known_as, asked.act.at) == ("bob", ("bob",), 5.0)
    assert (asked.act.by, asked.act.whom, asked.act.text) == ("", "", "")


async def test_a_node_that_does_not_answer_or_is_leaving_counts_as_nobody(autojump_clock: trio.abc.Clock) -> None:
    found, seconds = await answers(Beside(), (0.1, THERE, told))
    assert (len(found), seconds) == (1, ANSWER_SECONDS)
    found, seconds = await answers(Beside(THIRD), (0.1, THERE, told))
    assert (len(found), seconds) == (1, 0.1)


async def test_where_there_is_no_other_node_nobody_is_asked(autojump_clock: trio.abc.Clock) -> None:
    nodes = Beside(alone=True)
    assert await answers(nodes) == ([], 0.0)
    assert not nodes.asked


async def test_an_answer_to_another_node_or_to_a_question_that_is_over_is_none(autojump_clock: trio.abc.Clock) -> None:
    to_third = (0.1, THERE, lambda number: told(number, to=THIRD))
    before = (0.1, THERE, lambda number: told(number - 1))
    found, seconds = await answers(Beside(), to_third, before, (0.1, THIRD, told), (5.0, THERE, told))
    assert (len(found), seconds) == (1, ANSWER_SECONDS)


async def test_each_question_has_a_number_of_its_own_and_what_was_answered_before_is_forgotten(
    autojump_clock: trio.abc.Clock,
) -> None:
    nodes = Beside()
    hits = HitsElsewhere(nodes)  # type: ignore[arg-type]  # nodes, as far as this asks
    for _ in range(2):
        async with trio.open_nursery() as nursery:
            nursery.start_soon(_tell, hits, nodes, ((0.1, THERE, told), (0.1, THIRD, told)))
            assert len(await hits.asked(ACT)) == 2
    assert len({one.number for one in nodes.asked}) == 2
    assert not hits._told


async def test_where_the_engine_does_not_say_which_nodes_there_are_nobody_is_known(
    autojump_clock: trio.abc.Clock,
) -> None:
    async def away() -> list[NodeSeen]:
        raise JournalError("it is away")

    nodes: Any = Beside()
    nodes.listed = away
    assert await answers(nodes) == ([], 0.0)
