"""Coming back at another node, and going from node to node: nothing is missed or told twice. Whole servers, on virtual time."""

from collections.abc import Sequence
from random import Random
from typing import Any

import pytest
import trio

from account_house import HERE, register, told
from chat_server.journal.nodes import Came
from chat_server.rooms.hearing import HEARD_SECONDS
from node_houses import NodeHouse, open_nodes
from node_people import TOKEN, accounts, settled
from one_person import heard, visits
from streams import Program


def texts(events: Sequence[dict[str, Any]]) -> list[str]:
    return [event["text"] for event in events if event["is"] == "said"]


async def test_who_comes_back_to_a_node_that_ends_has_not_come_twice(autojump_clock: trio.abc.Clock) -> None:
    async with open_nodes() as (a, _):
        ann = a.connect()
        await ann.enter("ann", "python", token=TOKEN)
        await settled()
        a.node.life.leave()
        await ann.stream.aclose()
        await settled()
        ann = a.connect()
        await ann.enter("ann", "python", token=TOKEN)
        await ann.ask("say", room="python", text="x")
        await settled()
        turns = a.node._kept.rooms["python"].turns
        assert [type(placed.movement) for turn in turns for placed in turn.movements] == [Came]
        assert visits(await heard(ann)) == []


async def test_a_program_taken_over_from_another_node_misses_nothing_and_nobody_sees_it_leave(
    autojump_clock: trio.abc.Clock,
) -> None:
    async with open_nodes() as (a, b):
        bob, cat = a.connect(), b.connect()
        await bob.enter("bob", "python", "pm")
        await cat.enter("cat", "python")
        ann = a.connect()
        await ann.enter("ann", "python", "pm", token=TOKEN)
        await settled()
        for program in (bob, cat, ann):
            await heard(program)
        await ann.ask("say", room="python", text="before", key="k1")
        await bob.ask("say", room="python", text="one")
        await settled()
        before = await heard(ann)
        assert texts(before) == ["before", "one"]
        last = max(event["seq"] for event in before if event["is"] == "said")
        again = b.connect()
        answer = await again.enter("ann", token=TOKEN)
        assert sorted(answer["rooms"]) == ["pm", "python"]
        await bob.ask("say", room="python", text="two")
        await again.ask("say", room="python", text="before", key="k1")  # it may not have been stored
        await again.ask("resume", rooms={"python": last})
        await settled()
        assert (await ann.rest())[-1]["why"] == "taken-over"
        events = await heard(again)
        assert sorted({(event["seq"], event["text"]) for event in said_in(events)}) == [(last + 1, "two")]
        await settled()
        for program in (bob, cat):
            events = await heard(program)
            assert visits(events) == []
            assert [text for text in texts(events) if text == "before"] in ([], ["before"])
        await again.ask("say", room="pm", text="still here")
        await settled()
        assert texts(await heard(bob)) == ["still here"]
        assert [len(room.nicks) for room in (*a.server.rooms, *b.server.rooms) if room.name == "pm"] == [2, 2]


async def test_who_knows_more_of_a_room_than_there_is_waits_a_moment_for_all_rooms_together(
    autojump_clock: trio.abc.Clock,
) -> None:
    async with open_nodes() as (a, _):
        ann = a.connect()
        await ann.enter("ann")
        began = trio.current_time()
        await ann.ask("resume", rooms=dict.fromkeys(("python", "write", "pm"), 4711))
        assert [(await ann.wait_for("page"))["last"] for _ in range(3)] == [0, 0, 0]
        assert trio.current_time() - began < HEARD_SECONDS + 1


@pytest.mark.parametrize("seed", range(8))
async def test_a_program_that_goes_from_node_to_node_while_others_talk_hears_each_line_once_and_says_each_once(
    autojump_clock: trio.abc.Clock, seed: int
) -> None:
    chance = Random(seed)  # noqa: S311 - the same delays every time
    delays = (0.0, 0.0, 0.05, 0.3)
    async with open_nodes(3, delay=lambda: chance.choice(delays), messages_per_second=0) as houses:
        witnesses: list[Program] = []
        for number, house in enumerate(houses):
            witnesses.append(house.connect())
            await witnesses[-1].enter(f"bob{number}", "python")
        heard_by_ann, last = dict[int, str](), 0
        ann = houses[0].connect()
        await ann.enter("ann", "python", token=TOKEN)
        await settled()
        for witness in witnesses:
            await heard(witness)
        for number in range(12):
            await chance.choice(witnesses).ask("say", room="python", text=f"b{number}")
            await ann.ask("say", room="python", text=f"a{number}", key=f"a{number}")
            await trio.sleep(chance.uniform(0, 0.4))
            if (
                number % 3 == 2
            ):  # the line is lost, and nobody but she knows: she comes elsewhere, and says again what may not have come
                last = max([last, *heard_by_ann])
                ann = chance.choice(houses).connect()
                await ann.enter("ann", token=TOKEN)
                await ann.ask("resume", rooms={"python": last})
                await ann.ask("say", room="python", text=f"a{number}", key=f"a{number}")
            for line in said_in(await heard(ann)):
                assert line["seq"] not in heard_by_ann
                heard_by_ann[line["seq"]] = line["text"]
        await settled()
        heard_by_ann |= {line["seq"]: line["text"] for line in said_in(await heard(ann))}
        assert sorted(heard_by_ann) == [*range(1, 25)]
        assert sorted(heard_by_ann.values()) == sorted(f"{who}{number}" for who in "ab" for number in range(12))
        for witness in witnesses:
            events = await heard(witness)
            assert visits(events) == []
            assert {line["seq"]: line["text"] for line in said_in(events)} == heard_by_ann
        assert [
            room.nicks.count("ann") for house in houses for room in house.server.rooms if room.name == "python"
        ] == [1] * 3
        assert sum(session.nick == "ann" for house in houses for session in house.server._sessions) == 1


def said_in(events: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
    """Lines, live or of pages."""
    lines = [event for event in events if event["is"] == "said"]
    for event in events:
        lines += [line for line in event.get("lines", ()) if isinstance(line, dict)]
    return lines


async def test_who_is_added_at_another_node_leaves_the_others_as_they_are(autojump_clock: trio.abc.Clock) -> None:
    async with open_nodes() as (a, b):
        desk, phone = a.connect(), b.connect()
        await desk.enter("ann", "python", token=TOKEN)
        await phone.enter("ann", "python", token=TOKEN, session="add")
        await settled()
        await heard(desk)
        await phone.ask("say", room="python", text="x")
        assert texts(await heard(desk)) == ["x"]


@pytest.mark.parametrize("has_account", [False, True])
async def test_the_sessions_of_one_person_count_at_all_nodes(has_account: bool, autojump_clock: trio.abc.Clock) -> None:
    async with open_nodes(3, config=accounts(), sessions_per_person=4) as (a, b, c):
        token = (await register(a))["token"] if has_account else TOKEN

        async def one_more(house: NodeHouse) -> dict[str, Any]:
            return await told(house.connect(HERE), "login", nick="ann", token=token, session="add")

        for house in (a, a, a, b):
            assert (await one_more(house))["is"] == "logged-in"
        await trio.sleep(1)
        for house in (a, b, c):
            refused = await one_more(house)
            assert (refused["code"], refused["details"]) == ("too-many-sessions", {"limit": "4"})
        await trio.sleep(20)  # it is told again
        assert (await one_more(c))["is"] == "refused"
        (kicked, _) = await c.ask_as_operator("kick", name="ann")
        assert [one["sessions"] for one in kicked["elsewhere"]] == [3, 1]
        await trio.sleep(1)
        for house in (c, c, c, b):
            assert (await one_more(house))["is"] == "logged-in"


async def test_who_takes_the_place_of_their_sessions_comes_in_however_many_they_are(
    autojump_clock: trio.abc.Clock,
) -> None:
    async with open_nodes(config=accounts(), sessions_per_person=2) as (a, b):
        for _ in range(2):
            await told(a.connect(HERE), "login", nick="ann", token=TOKEN, session="add")
        await trio.sleep(1)
        ann = b.connect(HERE)
        assert (await told(ann, "login", nick="ann", token=TOKEN))["is"] == "logged-in"
        await trio.sleep(2)
        assert (await told(b.connect(HERE), "login", nick="ann", token=TOKEN, session="add"))["is"] == "logged-in"


async def test_who_goes_from_node_to_node_and_back_at_once_is_where_they_came_last(
    autojump_clock: trio.abc.Clock,
) -> None:
    for number in range(12):
        delays = iter((number * 0.05, 0.1, 0.0, 0.2) * 1000)
        async with open_nodes(delay=lambda delays=delays: next(delays)) as (a, b):  # type: ignore[misc]
            await a.connect().enter("ann", "python", token=TOKEN)
            await b.connect().enter("ann", token=TOKEN)
            third = a.connect()
            await third.enter("ann", token=TOKEN)
            await trio.sleep(10)
            rooms = [session.rooms for house in (a, b) for session in house.server._sessions if session.nick]
            assert rooms == [("python",)]
            await third.ask("say", room="python", text="here")
            assert (await third.wait_for("said"))["text"] == "here"


async def test_who_comes_from_a_room_of_which_the_node_has_not_heard_yet_is_in_it(
    autojump_clock: trio.abc.Clock,
) -> None:
    async with open_nodes() as (a, b):
        await settled()
        b.node.hears_late = 1.0
        ann = a.connect()
        await ann.enter("ann", token=TOKEN)
        await ann.ask("create", room="lisp")
        await ann.ask("join", room="lisp")
        await ann.wait_for("entered")
        again = b.connect()
        assert (await again.enter("ann", token=TOKEN))["rooms"] == ["lisp"]
        assert (await again.wait_for("entered"))["room"] == "lisp"
