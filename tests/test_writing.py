"""Who is writing, and who has read what: told to those who want it, and kept nowhere. Whole servers on virtual time."""

import time
from collections.abc import AsyncIterator
from typing import Any

import pytest
import trio

from canary import PASSWORD
from chat_server.journal.kept_in_memory import Kept
from chat_server.journal.signs import PARTS_BYTES, PeopleWriting, Read, Writer, WritingIn, in_signs
from chat_server.rooms.writing import (
    NAMES_MAX,
    PLACES_MAX,
    ROOM_MAX,
    SIGNS_AT_ONCE,
    WRITING_SECONDS,
    WritingSigns,
    writing_of,
)
from dens import den
from node_houses import open_nodes
from node_people import accounts
from streams import House, Program, open_house
from test_blocks_among_nodes import account_at, guest_at
from test_conversing import answer


@pytest.fixture(autouse=True)
def wall_clock(wall_clock: None, monkeypatch: pytest.MonkeyPatch) -> None:
    """For the turns of nodes too."""
    monkeypatch.setattr("chat_server.rooms.shared_broadcaster.time", time.time)


@pytest.fixture
async def house(autojump_clock: trio.abc.Clock) -> AsyncIterator[House]:
    async with open_house(accounts()) as house:
        yield house


async def heard(program: Program, seconds: float = 4) -> list[dict[str, Any]]:
    """All that a program is told within some seconds."""
    events: list[dict[str, Any]] = []
    with trio.move_on_after(seconds):
        while True:
            events.append(await program.read())
    return events


async def writing(program: Program, seconds: float = 4) -> list[list[str]]:
    """Who is told to be writing within some seconds, each time it is told."""
    return [event["nicks"] for event in await heard(program, seconds) if event["is"] == "writing"]


async def choose(*people: Program, what: str = "typing", value: str = "on") -> None:
    for one in people:
        await one.ask(what, **{what: value})
        shown = await one.wait_for("chosen")
        assert (shown["setting"], shown["value"]) == (what, value)


async def asked(program: Program, do: str, **fields: Any) -> str:
    """The code with which it is refused; "" if nothing is said."""
    await program.ask(do, ref="asked", **fields)
    answers = [event for event in await heard(program, 0.5) if event.get("ref") == "asked"]
    return str(answers[0]["code"]) if answers else ""


async def trio_in(house: House) -> list[Program]:
    """Three in a room: two who show when they write, and one who does not."""
    people = await den(house, "ann", "bob", "carol")
    await choose(*people[:2])
    for one in people:
        await heard(one, 1)
    return people


async def two_who_talk(house: House) -> tuple[Program, Program]:
    """Two who have a conversation, both of whom want all signs."""
    ann, bob, _ = await trio_in(house)
    await answer(ann, "msg", nick="bob", text="hello")
    await answer(bob, "msg", nick="ann", text="hi")
    await choose(ann, bob, what="receipts")
    for one in (ann, bob):
        await heard(one, 1)
    return ann, bob


# Who is told.


async def test_who_writes_is_told_to_whoever_wants_to_know_and_to_nobody_else(
    autojump_clock: trio.abc.Clock, house: House
) -> None:
    ann, bob, carol = await trio_in(house)
    await ann.ask("writing", room="den")
    assert await writing(bob, 2) == [["ann"]]
    assert await writing(carol, 2) == await writing(ann, 2) == []


async def test_who_does_not_want_it_shows_nothing_and_is_told_so(autojump_clock: trio.abc.Clock, house: House) -> None:
    _, bob, carol = await trio_in(house)
    assert await asked(carol, "writing", room="den") == "typing-off"
    assert await writing(bob) == []


async def test_who_wants_it_no_longer_is_not_shown_from_then_on(autojump_clock: trio.abc.Clock, house: House) -> None:
    ann, bob, _ = await trio_in(house)
    await ann.ask("writing", room="den")
    assert await writing(bob, 2) == [["ann"]]
    await choose(ann, value="off")
    assert await writing(bob, 2) == [[]]
    assert await asked(ann, "writing", room="den") == "typing-off"


async def test_it_ends_by_itself_and_with_what_is_said_and_when_it_is_taken_away(
    autojump_clock: trio.abc.Clock, house: House
) -> None:
    ann, bob, _ = await trio_in(house)
    await ann.ask("writing", room="den")
    told = await writing(bob, 2 * WRITING_SECONDS)
    assert told[0] == ["ann"]
    assert told[-1] == []
    await ann.ask("writing", room="den")
    assert await writing(bob, 2) == [["ann"]]
    await ann.ask("say", room="den", text="done")
    assert await writing(bob, 2) == [[]]
    await ann.ask("writing", room="den")
    assert await writing(bob, 2) == [["ann"]]
    await ann.ask("writing", room="den", on=False)
    assert await writing(bob, 2) == [[]]
    await ann.ask("writing", room="den")
    await trio.sleep(0.5)
    await ann.ask("logout")
    assert (await writing(bob, 4))[-1] == []


async def test_who_reads_back_meanwhile_is_writing_still(autojump_clock: trio.abc.Clock, house: House) -> None:
    ann, bob, _ = await trio_in(house)
    await ann.ask("writing", room="den")
    assert await writing(bob, 1.5) == [["ann"]]
    await ann.ask("last", room="den", count=1)
    assert await writing(bob, 3) == [["ann"]]


async def test_what_goes_on_is_told_again_and_never_more_than_once_a_second(
    autojump_clock: trio.abc.Clock, house: House
) -> None:
    ann, bob, carol = await trio_in(house)
    await choose(carol)
    await heard(bob, 2)
    for _ in range(20):
        for one in (ann, carol):
            await one.ask("writing", room="den")
            await one.ask("writing", room="den", on=False)
            await one.ask("writing", room="den")
    assert len(await writing(bob, 10)) <= 11


async def test_nobody_is_told_of_those_they_have_blocked_nor_of_those_who_have_blocked_them(
    autojump_clock: trio.abc.Clock, house: House
) -> None:
    ann, bob, carol = await trio_in(house)
    await choose(carol)
    await answer(ann, "block", nick="bob")
    for one, other in ((ann, bob), (bob, ann)):
        await one.ask("writing", room="den")
        assert await writing(other) == []
        assert await writing(carol, 10) != []


async def test_of_who_is_muted_or_may_say_nothing_nobody_is_told(autojump_clock: trio.abc.Clock, house: House) -> None:
    ann, bob, _ = await trio_in(house)
    await bob.ask("writing", room="den")
    assert await writing(ann, 2) == [["bob"]]
    await answer(ann, "mute", nick="bob", room="den")
    assert await writing(ann, 3) == [[]]
    assert await asked(bob, "writing", room="den") == "typing-unseen"
    assert await writing(ann) == []


async def test_in_an_archived_room_nobody_is_writing(autojump_clock: trio.abc.Clock, house: House) -> None:
    ann, bob, _ = await trio_in(house)
    await ann.ask("archive", room="den")
    await heard(ann, 2)
    assert await asked(bob, "writing", room="den") == "typing-unseen"


async def test_who_is_not_in_a_room_neither_writes_there_nor_is_told(
    autojump_clock: trio.abc.Clock, house: House
) -> None:
    ann, bob, carol = await trio_in(house)
    await choose(carol)
    await answer(ann, "rule", room="den", name="access", value="members")
    await carol.ask("back", room="den")
    await heard(carol, 2)
    assert await asked(carol, "writing", room="den") == "not-in-room"
    await ann.ask("writing", room="den")
    assert await writing(carol) == []
    assert await writing(bob, 4) != []


async def test_in_a_room_of_many_nobody_is_told(
    autojump_clock: trio.abc.Clock, house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert ROOM_MAX >= 3
    ann, bob, _ = await trio_in(house)
    await ann.ask("writing", room="den")
    assert await writing(bob, 2) == [["ann"]]
    monkeypatch.setattr("chat_server.rooms.writing.ROOM_MAX", 2)
    assert await writing(bob, 2) == [[]]
    assert await asked(ann, "writing", room="den") == "typing-unseen"


async def test_only_so_many_are_named(autojump_clock: trio.abc.Clock, house: House) -> None:
    people = await den(house, *(f"p{number}" for number in range(NAMES_MAX + 3)))
    await choose(*people)
    for one in people:
        await one.ask("writing", room="den")
    await heard(people[0], 0.5)
    assert [len(nicks) for nicks in await writing(people[0], 2)] == [NAMES_MAX]


async def test_at_a_terminal_it_can_be_chosen_and_nothing_is_shown(
    autojump_clock: trio.abc.Clock, house: House
) -> None:
    ann, _, _ = await trio_in(house)
    dan = house.call("127.0.0.8")
    await dan.type("/login dan")
    await dan.read_until("/help tells more.\r\n")
    await dan.type("/typing on", "/typing")
    assert "not at telnet" in await dan.read_until("/typing off turns that off.")
    await dan.type("/den")
    await dan.read_until("Also here: ann")
    await ann.ask("writing", room="den")
    await trio.sleep(5)
    await dan.type("/writing", "/logout")
    rest = (await dan.read_to_end()).partition("There is no command /writing")
    assert rest[1]
    assert "writing" not in rest[0]


async def test_a_choice_is_the_accounts_and_its_programs_are_told(autojump_clock: trio.abc.Clock, house: House) -> None:
    ann, _, _ = await trio_in(house)
    again = house.connect("127.0.0.1")
    await again.ask("hello", protocol=2)
    await again.ask("login", nick="ann", password=PASSWORD, session="add")
    told = [(event["setting"], event["value"]) for event in await heard(again, 3) if event["is"] == "chosen"]
    assert told == [("typing", "on")]
    await choose(ann, value="off")
    told = [(event["setting"], event["value"]) for event in await heard(again, 3) if event["is"] == "chosen"]
    assert told == [("typing", "off")]


# Conversations.


async def test_in_a_conversation_the_other_is_told(autojump_clock: trio.abc.Clock, house: House) -> None:
    ann, bob = await two_who_talk(house)
    await ann.ask("writing", room="@bob")
    told = [event for event in await heard(bob, 2) if event["is"] == "writing"]
    assert [(event["room"], event["nicks"]) for event in told] == [("@ann", ["ann"])]


async def test_who_has_not_accepted_somebody_is_told_nothing_of_them_and_tells_nothing(
    autojump_clock: trio.abc.Clock, house: House
) -> None:
    ann, bob, _ = await trio_in(house)
    await answer(ann, "msg", nick="bob", text="hello")
    await heard(bob, 1)
    for one, other, name in ((ann, bob, "@bob"), (bob, ann, "@ann")):
        assert await asked(one, "writing", room=name) == ""
        assert await writing(other) == []


async def test_how_far_one_has_read_is_told_to_the_other_if_both_want_it(
    autojump_clock: trio.abc.Clock, house: House
) -> None:
    ann, bob = await two_who_talk(house)
    await bob.ask("has-read", room="@ann", seq=1)
    told = [event for event in await heard(ann) if event["is"] == "has-read"]
    assert [(event["room"], event["seq"]) for event in told] == [("@bob", 1)]
    await bob.ask("has-read", room="@ann", seq=9000)
    assert [event["seq"] for event in await heard(ann) if event["is"] == "has-read"] == [2]
    await choose(ann, what="receipts", value="off")
    await bob.ask("has-read", room="@ann", seq=2)
    assert not [event for event in await heard(ann) if event["is"] == "has-read"]
    assert await asked(ann, "has-read", room="@bob", seq=2) == "receipts-off"
    assert not [event for event in await heard(bob) if event["is"] == "has-read"]


@pytest.mark.parametrize("blocker", ["ann", "bob"])
async def test_a_block_hides_all_signs_in_a_conversation(
    autojump_clock: trio.abc.Clock, house: House, blocker: str
) -> None:
    ann, bob = await two_who_talk(house)
    await answer(*((ann, "block") if blocker == "ann" else (bob, "block")), nick="bob" if blocker == "ann" else "ann")
    await heard(ann, 1)
    for one, other, name in ((ann, bob, "@bob"), (bob, ann, "@ann")):
        assert await asked(one, "writing", room=name) == ""
        assert await asked(one, "has-read", room=name, seq=2) == ""
        assert not [event for event in await heard(other) if event["is"] in ("writing", "has-read")]


# Bounds.


async def test_what_is_known_is_bounded_and_gone_soon(autojump_clock: trio.abc.Clock, house: House) -> None:
    ann, bob, _ = await trio_in(house)
    signs: WritingSigns = writing_of(house.server._directory)
    session = next(one for one in house.server._sessions if one.nick == "ann")
    for number in range(PLACES_MAX + 10):
        signs.writes(f"room {number}", session)  # type: ignore[arg-type]
    assert len(signs._places) == PLACES_MAX
    await heard(bob, 3)
    assert signs._places == {}
    del ann


async def test_who_floods_waits_like_anybody_who_asks_for_much_and_others_are_told_once_a_second(
    autojump_clock: trio.abc.Clock,
) -> None:
    async with open_house(accounts(), messages_per_second=4, message_burst=20) as house:
        ann, bob, carol = await trio_in(house)
        await ann.stream.send_all(b'{"do":"writing","room":"den"}\n{"do":"writing","room":"den","on":false}\n' * 200)
        began = trio.current_time()
        await carol.ask("say", room="den", text="hello")
        await bob.wait_for("said")
        assert trio.current_time() - began < 1
        assert len(await writing(bob, 10)) <= 11


# Several nodes.


async def test_signs_cross_nodes_and_end_there(autojump_clock: trio.abc.Clock) -> None:
    async with open_nodes(config=accounts(), silence_seconds=0) as (a, b):
        ann, bob = await account_at(a, "ann", 1), await account_at(b, "bob", 2)
        gus = await guest_at(b, "gus")
        await choose(ann, bob, gus)
        for one in (ann, bob, gus):
            await heard(one, 5)
        await ann.ask("writing", room="python")
        assert (await writing(bob, 3))[:1] == (await writing(gus, 1) or [["ann"]])[:1] == [["ann"]]
        await ann.ask("say", room="python", text="done")
        assert (await writing(bob, 5))[-1] == []
        await gus.ask("writing", room="python")
        told = await writing(ann, 20)
        assert (told[0], told[-1]) == (["gus"], [])
        await heard(bob, 1)
        await answer(ann, "block", nick="bob")
        await trio.sleep(2)
        await ann.ask("writing", room="python")
        assert await writing(bob, 5) == []
        await bob.ask("writing", room="python")
        assert await writing(ann, 5) == []


async def test_conversations_cross_nodes_with_both_signs(autojump_clock: trio.abc.Clock) -> None:
    async with open_nodes(config=accounts(), silence_seconds=0) as (a, b):
        ann, bob = await account_at(a, "ann", 1), await account_at(b, "bob", 2)
        await trio.sleep(5)
        await answer(ann, "msg", nick="bob", text="hello")
        await trio.sleep(2)
        await answer(bob, "msg", nick="ann", text="hi")
        for what in ("typing", "receipts"):
            await choose(ann, bob, what=what)
        for one in (ann, bob):
            await heard(one, 5)
        await ann.ask("writing", room="@bob")
        told = [(event["room"], event["nicks"]) for event in await heard(bob, 3) if event["is"] == "writing"]
        assert told[:1] == [("@ann", ["ann"])]
        await bob.ask("has-read", room="@ann", seq=1)
        told = [(event["room"], event["seq"]) for event in await heard(ann, 3) if event["is"] == "has-read"]
        assert told == [("@bob", 1)]
        await answer(bob, "block", nick="ann")
        await bob.ask("has-read", room="@ann", seq=2)
        await bob.ask("writing", room="@ann")
        assert not [event for event in await heard(ann, 5) if event["is"] in ("writing", "has-read")]


async def test_a_choice_at_one_node_holds_at_the_others(autojump_clock: trio.abc.Clock) -> None:
    async with open_nodes(config=accounts(), silence_seconds=0) as (a, b):
        ann = await account_at(a, "ann", 1)
        phone = b.connect("127.0.0.1")
        await phone.ask("hello", protocol=2)
        await phone.ask("login", nick="ann", password=PASSWORD, session="add")
        await heard(phone, 3)
        await choose(ann)
        told = [(event["setting"], event["value"]) for event in await heard(phone, 3) if event["is"] == "chosen"]
        assert told == [("typing", "on")]


async def test_nodes_are_told_in_few_signs_whatever_there_is(
    autojump_clock: trio.abc.Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with open_nodes(config=accounts(), kept=Kept(), silence_seconds=0) as (a, b):
        ann, _ = await account_at(a, "ann", 1), await account_at(b, "bob", 2)
        await choose(ann)
        signs = writing_of(a.server._directory)
        session = next(one for one in a.server._sessions if one.nick == "ann")
        told: list[object] = []
        monkeypatch.setattr(a.node.signs, "tell", told.append)
        monkeypatch.setattr(WritingSigns, "may_write", lambda *_: True)
        for number in range(PLACES_MAX):
            signs.writes(f"{number:0200}", session)  # type: ignore[arg-type]
        await trio.sleep(0.5)
        assert sum(isinstance(sign, PeopleWriting) for sign in told) == SIGNS_AT_ONCE


def test_what_fits_into_no_sign_is_left_out() -> None:
    large = WritingIn("large", (Writer("x" * PARTS_BYTES, "x"),))
    small = [WritingIn(str(number), (Writer("token:x" * 20, "ann"),)) for number in range(100)]
    pieces = [*in_signs([large, *small])]
    assert [one for piece in pieces for one in piece] == small
    assert 1 < len(pieces) < 10
    assert [*in_signs([Read("@1-2", "account:1", 5)])] == [(Read("@1-2", "account:1", 5),)]
