"""Lines that are edited, reacted to and deleted at several nodes at once: everybody is shown what is stored."""

from collections.abc import Sequence
from typing import Any, cast

import pytest
import trio

from chat_server.rooms.guest_reactions import GUESTS_MAX, REACTED_MAX, GuestReactions
from chat_server.rooms.person import Device, Person
from dens import holder, make_den, told
from node_houses import NodeHouse, open_nodes
from streams import Program
from test_taking_back import guest, page_of, said

pytestmark = pytest.mark.usefixtures("wall_clock")


async def two_in_the_den(houses: Sequence[NodeHouse]) -> tuple[Program, Program]:
    """Its owner at the second node, and somebody at the first."""
    first, second = houses
    ann, bob = await holder(second, "ann", 1), await holder(first, "bob", 2)
    await make_den(ann, bob, seconds=2)
    return ann, bob


async def line_in_the_den(houses: Sequence[NodeHouse]) -> tuple[Program, int]:
    """Its owner, and the number of a line of hers that is shown at both nodes."""
    ann, bob = await two_in_the_den(houses)
    number = await said(ann, "first")
    await bob.wait_for("said")
    return ann, number


async def test_an_edit_is_shown_nowhere_of_a_line_that_is_deleted_at_another_node_before_it_is_stored(
    autojump_clock: trio.abc.Clock,
) -> None:
    async with open_nodes(2, silence_seconds=9999) as houses:
        ann, bob = await two_in_the_den(houses)
        eve, tom = await guest(houses[0], "eve", 3), await guest(houses[1], "tom", 4)
        number = await said(bob, "first")
        houses[0].node._delay = lambda: 0.5
        await bob.ask("edit", room="den", number=number, text="swordfish")
        await trio.sleep(0.1)
        await ann.ask("delete", room="den", number=number)
        for one in (ann, bob, eve, tom):
            await told(one, "redacted")
            assert await told(one, "edited") == {"is": "edited", "room": "den", "nick": "bob", "text": "", "of": number}
        houses[0].node._delay = lambda: 0.0
        pages = [[kind(line) for line in await page_of(one, number)] for one in (bob, ann)]
        assert pages == [[("deleted", ""), ("redacted", f"#{number}"), ("edited", "")]] * 2


def kind(line: dict[str, Any]) -> tuple[str, str]:
    return line["is"], line["text"]


async def test_who_edits_at_one_node_and_who_reacts_at_another_make_one_line_for_everybody(
    autojump_clock: trio.abc.Clock,
) -> None:
    async with open_nodes(2, silence_seconds=9999) as houses:
        ann, bob = await two_in_the_den(houses)
        number = await said(bob, "first")
        await ann.wait_for("said")
        for house in houses:
            house.node._delay = lambda: 0.3
        await bob.ask("edit", room="den", number=number, text="second")
        await ann.ask("react", room="den", number=number, sign=":+1:")
        await bob.ask("react", room="den", number=number, sign=":+1:")
        for one in (ann, bob):
            await told(one, "edited")
            await one.wait_for("reacted")
        await trio.sleep(2)
        for house in houses:
            house.node._delay = lambda: 0.0
        pages = [(await page_of(one, number, 1))[0] for one in (ann, bob)]
        eves = [await guest(house, f"eve{place}", place) for place, house in enumerate(houses, 3)]
        recalled = [
            next(line for line in (await eve.wait_for("recalled"))["lines"] if line["seq"] == number) for eve in eves
        ]
        assert pages == [pages[0]] * 2
        assert recalled == [pages[0]] * 2
        assert pages[0]["text"] == "second"
        assert sorted(pages[0]["reactions"][0]["nicks"]) == ["ann", "bob"]


async def test_whoever_takes_the_name_of_a_guest_who_has_gone_does_not_have_their_lines(
    autojump_clock: trio.abc.Clock,
) -> None:
    async with open_nodes(2, silence_seconds=9999) as houses:
        await two_in_the_den(houses)
        for place, house in enumerate(houses):
            thief, zoe = await guest(house, f"mallory{place}", 3), await guest(houses[0], "zoe", 4)
            number = await said(zoe, "first")
            await zoe.ask("logout")
            await thief.wait_for("left")
            await thief.ask("nick", nick="zoe")
            await thief.wait_for("renamed")
            await trio.sleep(2)
            await thief.ask("delete", room="den", number=number)
            assert (await thief.wait_for("refused"))["code"] == "moderators-only"
            await thief.ask("edit", room="den", number=number, text="I owe mallory money")
            assert (await thief.wait_for("refused"))["code"] == "not-known-yours"
            own = await said(thief, "mine")
            await thief.ask("edit", room="den", number=own, text="still mine")
            assert (await told(thief, "edited"))["of"] == own
            await thief.ask("logout")
            await trio.sleep(2)


async def guest_by_token(house: NodeHouse, nick: str, place: int, **more: Any) -> Program:
    program = house.connect(f"127.0.0.{place}")
    await program.ask("hello", protocol=2)
    await program.ask("login", nick=nick, token="g" * 32, **more)
    await program.ask("join", room="den")
    await program.wait_for("entered")
    return program


THUMB = "\N{THUMBS UP SIGN}"


async def reactions_to(reader: Program, number: int) -> list[str]:
    (line,) = await page_of(reader, number, 1)
    return [nick for one in line.get("reactions", ()) for nick in one["nicks"]]


async def test_a_guest_with_a_token_takes_their_reaction_back_at_another_node_whatever_they_are_called_by_then(
    autojump_clock: trio.abc.Clock,
) -> None:
    async with open_nodes(2, silence_seconds=9999) as houses:
        ann, number = await line_in_the_den(houses)
        gus = await guest_by_token(houses[0], "gus", 3)
        there = await guest_by_token(houses[1], "gus", 4, session="add")
        await gus.ask("react", room="den", number=number, sign=THUMB)
        await gus.wait_for("reacted")
        await gus.ask("nick", nick="gustav")
        await gus.wait_for("renamed")
        await trio.sleep(2)
        thief = await guest(houses[1], "gus", 5)
        await thief.ask("react", room="den", number=number, sign=THUMB)
        assert (await thief.wait_for("refused"))["code"] == "namesake-reacted"
        assert await reactions_to(ann, number) == ["gus"]
        await there.ask("react", room="den", number=number, sign=THUMB)
        await trio.sleep(2)
        assert await reactions_to(ann, number) == []
        await there.ask("react", room="den", number=number, sign=THUMB)
        await trio.sleep(2)
        assert await reactions_to(ann, number) == ["gustav"]
        await gus.ask("react", room="den", number=number, sign=THUMB)
        await trio.sleep(5)
        assert await reactions_to(ann, number) == []


async def test_a_reaction_that_was_taken_back_at_another_node_is_no_longer_a_guests_at_the_one_where_they_gave_it(
    autojump_clock: trio.abc.Clock,
) -> None:
    async with open_nodes(2, silence_seconds=9999) as houses:
        ann, number = await line_in_the_den(houses)
        gus = await guest_by_token(houses[0], "gus", 3)
        there = await guest_by_token(houses[1], "gus", 4, session="add")
        for one in (gus, there):
            await one.ask("react", room="den", number=number, sign=THUMB)
            await trio.sleep(3)
        assert await reactions_to(ann, number) == []
        await gus.ask("nick", nick="gustav")
        await gus.wait_for("renamed")
        await trio.sleep(2)
        namesake = await guest(houses[1], "gus", 5)
        await namesake.ask("react", room="den", number=number, sign=THUMB)
        await trio.sleep(2)
        for one in (gus, there):
            await one.ask("react", room="den", number=number, sign=THUMB)
            await trio.sleep(3)
            assert "gus" in await reactions_to(ann, number), "it is a namesake's"


async def test_whoever_reacts_as_others_have_asks_no_node_and_does_not_wait(autojump_clock: trio.abc.Clock) -> None:
    async with open_nodes(2, silence_seconds=9999) as houses:
        ann, number = await line_in_the_den(houses)
        for name, place in (("gus", 3), ("tim", 4)):
            one = await (guest_by_token if name == "gus" else guest)(houses[0], name, place)
            began = trio.current_time()
            await one.ask("react", room="den", number=number, sign=THUMB)
            await one.wait_for("reacted")
            assert trio.current_time() - began < 1
        assert await reactions_to(ann, number) == ["gus", "tim"]


async def test_a_guest_with_a_token_takes_their_reaction_back_when_they_have_gone_and_come_again(
    autojump_clock: trio.abc.Clock,
) -> None:
    async with open_nodes(2, silence_seconds=9999) as houses:
        ann, number = await line_in_the_den(houses)
        gus = await guest_by_token(houses[0], "gus", 3)
        await gus.ask("react", room="den", number=number, sign=THUMB)
        await gus.wait_for("reacted")
        await gus.log_out()
        await trio.sleep(5)
        for house in houses:
            again = await guest_by_token(house, "gus", 3)
            await again.ask("react", room="den", number=number, sign=THUMB)
            await trio.sleep(3)
            assert await reactions_to(ann, number) == []
            await again.ask("react", room="den", number=number, sign=THUMB)
            await trio.sleep(3)
            assert await reactions_to(ann, number) == ["gus"]
            await again.log_out()
            await trio.sleep(5)


def test_of_reactions_and_guests_only_the_newest_are_known_to_be_theirs() -> None:
    known, device = GuestReactions(), cast(Device, object())

    def person(sender: str) -> Person[Device]:
        one = Person(device, history=0, zone="UTC")
        one.sender, one.nick = sender, "gus"
        return one

    people = [person(f"token:{number}") for number in range(GUESTS_MAX + 1)]
    for number, one in enumerate(people):
        known.note(one, ("room", number, THUMB), is_back=False)
    last = people[-1]
    assert known.of("token:0") == {}
    assert known.of("token:1") == {("room", 1, THUMB): "gus"}
    for number in range(REACTED_MAX + 5):
        known.note(last, ("room", number, THUMB), is_back=False)
    assert len(last.reacted) == REACTED_MAX
    assert known.of(last.sender) == last.reacted
    assert ("room", 5, THUMB) in last.reacted
    known.note(last, ("room", 5, THUMB), is_back=True)
    assert ("room", 5, THUMB) not in last.reacted
    by_name = person("gus")
    known.note(by_name, ("room", 1, THUMB), is_back=False)
    assert by_name.reacted
    assert known.of("gus") == {}
