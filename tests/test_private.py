"""Rooms that are only for their members, who is invited to them, and from which line on somebody reads: by whole servers, on virtual time."""

import time
from itertools import count
from typing import Any

import pytest
import trio

from canary import PASSWORD
from chat_server.journal.memory import MemoryJournal
from chat_server.protocol.entries import AdminCame, MemberJoined, RuleSet, Said
from streams import House, Program, open_house
from test_moderating import den, holder
from test_private_model import SlowJournal

refs = count(1)


@pytest.fixture(autouse=True)
def wall_clock(monkeypatch: pytest.MonkeyPatch, autojump_clock: trio.abc.Clock) -> None:
    """The machine's clock runs as Trio's does."""
    monkeypatch.setattr(time, "time", lambda: 1_764_300_000 + autojump_clock.current_time())


async def answer(program: Program, do: str, **fields: Any) -> dict[str, Any]:
    """What a request is answered by."""
    await program.ask(do, ref=(ref := f"r{next(refs)}"), **fields)
    while (event := dict(await program.read())).get("ref") != ref:
        pass
    return event


async def act(program: Program, kind: str, do: str, **fields: Any) -> dict[str, Any]:
    """What everybody in the room is shown of something that is done there, the one who does it too."""
    await program.ask(do, room="den", **fields)
    return dict(await program.wait_for(kind))


async def test_when_a_room_becomes_private_others_are_put_out_and_members_invite_others(
    autojump_clock: trio.abc.Clock,
) -> None:
    async with open_house(silence_seconds=9999) as house:
        ann, bob, eve = await den(house, "ann", "bob", "eve")
        await act(ann, "role-given", "role", nick="bob", role="member")
        await act(ann, "rule-set", "rule", rule="access", value="members")
        assert (await eve.wait_for("no-member"))["room"] == "den"
        await eve.wait_for("went-back")
        assert (await answer(eve, "join", room="den"))["code"] == "no-such-room"
        assert (await answer(eve, "say", room="den", text="hm"))["code"] == "no-such-room"
        await bob.ask("invite", room="den", nick="eve")
        told = await eve.wait_for("invited-to")
        assert (told["room"], told["by"], told["span"]) == ("den", "bob", "14d")
        assert (await ann.wait_for("member-invited"))["whom"] == "eve"
        assert (await answer(bob, "invite", room="den", nick="eve"))["code"] == "invited-already"
        assert (await answer(ann, "members", room="den"))["members"] == {
            "ann": "owner", "bob": "member", "eve": "invited",
        }  # fmt: skip
        await eve.ask("join", room="den")
        await eve.wait_for("entered")
        assert (await ann.wait_for("member-joined"))["nick"] == "eve"
        assert (await answer(bob, "invite", room="den", nick="eve"))["code"] == "member-already"
        await act(ann, "rule-set", "rule", rule="access", value="invite")
        assert (await answer(bob, "invite", room="den", nick="carl"))["code"] == "moderators-only"
        await act(ann, "role-given", "role", nick="eve", role="none")
        assert (await eve.wait_for("no-member"))["room"] == "den"
        await eve.wait_for("went-back")
        assert (await answer(eve, "join", room="den"))["code"] == "no-such-room"


async def test_who_is_away_is_told_of_an_invitation_on_coming_in_and_it_ends_after_two_weeks(
    autojump_clock: trio.abc.Clock,
) -> None:
    async with open_house(silence_seconds=9999999) as house:
        (ann,) = await den(house, "ann")
        away = await holder(house, "carl", 9)
        await away.ask("logout")
        await act(ann, "rule-set", "rule", rule="access", value="invite")
        await act(ann, "member-invited", "invite", nick="carl")
        carl = await logged_in(house, "carl")
        assert (await carl.wait_for("invited-to"))["room"] == "den"
        await carl.ask("logout")
        await trio.sleep(14 * 86400)
        carl = await logged_in(house, "carl")
        assert (await answer(carl, "join", room="den"))["code"] == "no-such-room"
        guest = house.connect()
        await guest.ask("login", nick="gus")
        assert (await answer(ann, "invite", room="den", nick="gus"))["code"] == "role-needs-account"
        assert (await answer(ann, "invite", room="den", nick="nobody"))["code"] == "no-such-person"


async def logged_in(house: House, nick: str) -> Program:
    """Somebody who has an account, once more."""
    program = house.connect("127.0.0.9")
    await program.ask("hello", protocol=2)
    await program.ask("login", nick=nick, password=PASSWORD)
    await program.wait_for("logged-in")
    return program


async def test_an_admin_of_the_server_comes_in_where_everybody_sees_it(autojump_clock: trio.abc.Clock) -> None:
    journal = MemoryJournal()
    async with open_house(journal=journal, silence_seconds=9999) as house:
        ann, root = await den(house, "ann", "root")
        made_admin(house, "root")
        await act(ann, "rule-set", "rule", rule="access", value="invite")
        await act(ann, "topic", "topic", text="plans")
        await root.ask("back", room="den")
        await root.wait_for("went-back")
        rooms = await answer(root, "rooms")
        assert "den" in dict(rooms["rooms"])
        assert "den" not in rooms["topics"]
        await root.ask("join", room="den")
        await root.wait_for("entered")
        assert (await ann.wait_for("admin-came"))["nick"] == "root"
        kinds = [type(line) for line in (await journal.read("den", 1, 99)).lines]
        assert AdminCame in kinds
        assert MemberJoined not in kinds


def made_admin(house: House, nick: str) -> None:
    """Somebody who is here is an admin of the server from now on."""
    person = house.server._directory.person(nick)
    assert person is not None
    person.role = "admin"


async def test_what_is_said_in_one_turn_with_the_rule_that_makes_a_room_private_is_shown_to_no_outsider(
    autojump_clock: trio.abc.Clock,
) -> None:
    journal = SlowJournal()
    async with open_house(journal=journal, silence_seconds=9999) as house:
        ann, eve = await den(house, "ann", "eve")
        await ann.ask("say", room="den", text="hello")
        await trio.sleep(0.01)
        await ann.ask("rule", room="den", rule="access", value="invite")
        await ann.ask("say", room="den", text="among ourselves")
        assert (await ann.wait_for("said"))["text"] == "hello"
        await ann.wait_for("said")
        assert [type(line) for line in journal._kept.records[-1].lines] == [RuleSet, Said], "they are one turn"
        await trio.sleep(1)
        await eve.ask("logout")
        assert "among ourselves" not in str(await eve.rest())
