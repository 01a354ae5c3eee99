"""Whom somebody does not want to hear, where they and those are at whatever nodes: whole servers with one journal, on virtual time."""

from typing import Any

import pytest
import trio

from canary import PASSWORD
from node_houses import NodeHouse, open_nodes
from node_people import accounts
from streams import Program

pytestmark = pytest.mark.usefixtures("wall_clock")


async def account_at(house: NodeHouse, nick: str, place: int) -> Program:
    """Somebody who has just made an account, at a node, in the room."""
    program = house.connect(f"127.0.0.{place}")
    await program.ask("hello", protocol=2)
    await program.ask("register", nick=nick, password=PASSWORD)
    await program.wait_for("registered")
    await program.ask("join", room="python")
    await program.wait_for("entered")
    return program


async def guest_at(house: NodeHouse, nick: str, **login: Any) -> Program:
    program = house.connect("127.0.0.9")
    await program.ask("hello", protocol=2)
    await program.enter(nick, "python", **login)
    return program


async def heard_in_room(program: Program, speaker: Program, text: str) -> list[str]:
    """What somebody is shown of what another says: its text, or that they have blocked who says it."""
    await trio.sleep(1)
    await speaker.ask("say", room="python", text=text)
    shown: list[str] = []
    with trio.move_on_after(5):
        while True:
            event = await program.read()
            if event["is"] in {"said", "blocked"}:
                shown.append(event.get("text", "-") if event["is"] == "said" else "-")
    return shown


async def test_a_guest_at_another_node_is_blocked_under_whatever_name_and_until_they_leave(
    autojump_clock: trio.abc.Clock,
) -> None:
    async with open_nodes(config=accounts(), silence_seconds=0) as (a, b):
        ann, gus = await account_at(a, "ann", 1), await guest_at(b, "gus")
        assert await heard_in_room(ann, gus, "one") == ["one"]
        await ann.ask("block", nick="gus")
        await ann.wait_for("guest-blocked")
        assert await heard_in_room(ann, gus, "two") == ["-"]
        await gus.ask("nick", nick="gustav")
        await gus.wait_for("renamed")
        assert await heard_in_room(ann, gus, "three") == ["-"]
        await trio.sleep(20)
        await ann.ask("block")
        assert (await ann.wait_for("blocks"))["nicks"] == ["gustav"]
        other = await guest_at(b, "gus")
        assert await heard_in_room(ann, other, "four") == ["four"]
        await gus.log_out()
        await trio.sleep(20)
        await ann.ask("block")
        await ann.wait_for("nobody-blocked")
        assert await heard_in_room(ann, await guest_at(a, "gustav"), "five") == ["five"]


async def test_a_guest_who_takes_the_name_of_one_who_is_blocked_is_another(autojump_clock: trio.abc.Clock) -> None:
    async with open_nodes(config=accounts(), silence_seconds=0) as (a, b):
        ann, gus = await account_at(a, "ann", 1), await guest_at(b, "gus")
        await trio.sleep(1)
        await ann.ask("block", nick="gus")
        await ann.wait_for("guest-blocked")
        await gus.log_out()
        assert await heard_in_room(ann, await guest_at(b, "gus"), "new here") == ["new here"]


async def test_a_guest_in_no_room_at_another_node_is_blocked(autojump_clock: trio.abc.Clock) -> None:
    async with open_nodes(config=accounts(), silence_seconds=0) as (a, b):
        ann = await account_at(a, "ann", 1)
        gus = b.connect("127.0.0.9")
        await gus.enter("gus")
        await ann.ask("block", nick="gus")
        await ann.wait_for("guest-blocked")
        await gus.ask("nick", nick="gustav")
        await gus.wait_for("renamed")
        await gus.ask("join", room="python")
        await gus.wait_for("entered")
        await trio.sleep(6)
        assert await heard_in_room(ann, gus, "hello") == ["-"]
        await ann.ask("unblock", nick="gustav")
        await ann.wait_for("person-unblocked")
        assert await heard_in_room(ann, gus, "again") == ["again"]


async def test_whom_somebody_blocks_at_one_node_they_do_not_hear_at_another_either(
    autojump_clock: trio.abc.Clock,
) -> None:
    async with open_nodes(config=accounts(), silence_seconds=0) as (a, b):
        ann, gus = await account_at(a, "ann", 1), await guest_at(b, "gus", token="g" * 32)
        eve = await guest_at(a, "eve")
        await trio.sleep(1)
        phone = b.connect("127.0.0.1")
        await phone.ask("hello", protocol=2)
        await phone.enter("ann", "python", password=PASSWORD, session="add")
        await ann.ask("block", nick="eve")
        await ann.wait_for("guest-blocked")
        assert await heard_in_room(phone, eve, "one") == ["-"]
        desk = await guest_at(a, "gus", token="g" * 32, session="add")
        await gus.ask("block", nick="eve")
        await gus.wait_for("guest-blocked")
        await gus.ask("block", nick="ann")
        await gus.wait_for("person-blocked")
        assert await heard_in_room(desk, eve, "two") == ["-"]
        assert await heard_in_room(desk, ann, "three") == ["-"]
        await desk.ask("unblock", nick="eve")
        await desk.wait_for("person-unblocked")
        assert await heard_in_room(gus, eve, "four") == ["-", "-", "four"]
        later = await at_more(a, "ann")
        assert await heard_in_room(later, eve, "five") == ["-"]


async def at_more(house: NodeHouse, nick: str) -> Program:
    """One more session of somebody's, with the password."""
    program = house.connect("127.0.0.1")
    await program.ask("hello", protocol=2)
    await program.enter(nick, "python", password=PASSWORD, session="add")
    return program


async def test_who_comes_to_another_node_has_blocked_there_whom_they_have_blocked(
    autojump_clock: trio.abc.Clock,
) -> None:
    async with open_nodes(config=accounts(), silence_seconds=0) as (a, b):
        await account_at(a, "ann", 1)
        gus, eve = await guest_at(a, "gus", token="g" * 32), await guest_at(a, "eve")
        await trio.sleep(1)
        for nick in ("eve", "ann"):
            await gus.ask("block", nick=nick)
        await gus.wait_for("person-blocked")
        again = b.connect("127.0.0.9")
        await again.ask("hello", protocol=2)
        await again.ask("login", nick="gus", token="g" * 32)
        await again.wait_for("logged-in")
        await gus.read_to_end()
        assert await heard_in_room(again, eve, "hello") == ["-"]
        await again.ask("block")
        assert (await again.wait_for("blocks"))["nicks"] == ["ann", "eve"]


async def test_who_has_blocked_a_guest_that_registers_has_blocked_the_account_at_whatever_node_and_for_good(
    autojump_clock: trio.abc.Clock,
) -> None:
    async with open_nodes(config=accounts(), silence_seconds=0) as (a, b):
        ann, gus = await account_at(a, "ann", 1), await guest_at(b, "gus")
        await trio.sleep(1)
        await ann.ask("block", nick="gus")
        await ann.wait_for("guest-blocked")
        await gus.ask("register", nick="gus", password=PASSWORD)
        await gus.wait_for("registered")
        assert await heard_in_room(ann, gus, "now with an account") == ["-"]
        await ann.log_out()
        again = await at_more(b, "ann")
        await again.ask("block")
        assert (await again.wait_for("blocks"))["nicks"] == ["gus"]
        assert await heard_in_room(again, gus, "still") == ["-"]


async def test_whom_somebody_blocks_no_longer_at_another_node_they_hear_when_they_are_back_where_they_were_before(
    autojump_clock: trio.abc.Clock,
) -> None:
    async with open_nodes(config=accounts(), silence_seconds=0) as (a, b):
        ann, eve = await account_at(a, "ann", 1), await guest_at(a, "eve")
        gus = await guest_at(a, "gus", token="g" * 32)
        await trio.sleep(1)
        for nick in ("eve", "ann"):
            await gus.ask("block", nick=nick)
        await gus.wait_for("person-blocked")
        again = await guest_at(b, "gus", token="g" * 32)
        await gus.read_to_end()
        await trio.sleep(1)
        for nick in ("eve", "ann"):
            await again.ask("unblock", nick=nick)
            await again.wait_for("person-unblocked")
        await again.log_out()
        await trio.sleep(1)
        back = await guest_at(a, "gus", token="g" * 32)
        assert await heard_in_room(back, eve, "one") == ["one"]
        assert await heard_in_room(back, ann, "two") == ["two"]
        await back.ask("block")
        await back.wait_for("nobody-blocked")
