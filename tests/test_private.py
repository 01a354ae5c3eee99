"""Rooms that are only for their members, who is invited to them, and from which line on somebody reads: by whole servers, on virtual time."""

import random
from itertools import count
from typing import Any, cast

import pytest
import trio
from msgspec.structs import replace

from canary import PASSWORD
from chat_server.commands.completion import completions
from chat_server.config import Config
from chat_server.journal.memory import MemoryJournal
from chat_server.protocol.acts import AdminCame, MemberJoined, RuleSet
from chat_server.protocol.entries import Said
from chat_server.protocol.room_state import RoomState, read
from chat_server.rooms.chat_room import ChatRoom
from chat_server.rooms.person import HOLDER, Person
from chat_server.rooms.room import Occupant
from dens import den, holder, make_den
from node_houses import open_nodes
from streams import Caller, House, Program, open_house
from test_private_model import SlowJournal

refs = count(1)


pytestmark = pytest.mark.usefixtures("wall_clock")


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
        await guest.enter("gus")
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


def made_admin(house: House, nick: str) -> Person[Occupant]:
    """Somebody who is here is an admin of the server from now on."""
    person = house.server._directory.person(nick)
    assert person is not None
    person.role = "admin"
    return person


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


async def test_all_nodes_put_out_who_may_not_be_there_tell_who_is_invited_and_keep_one_bound(
    autojump_clock: trio.abc.Clock,
) -> None:
    chance = random.Random(5)  # noqa: S311 - no secret
    async with open_nodes(2, delay=lambda: chance.uniform(0, 0.2), silence_seconds=9999) as (a, b):
        ann, bob, eve = await holder(a, "ann"), await holder(b, "bob", 2), await holder(b, "eve", 3)
        await make_den(ann, eve, seconds=3)
        await act(ann, "rule-set", "rule", rule="history", value="joined")
        await ann.ask("say", room="den", text="for all")
        await ann.ask("rule", room="den", rule="access", value="members")
        await ann.ask("say", room="den", text="among ourselves")
        await trio.sleep(3)
        assert (await answer(eve, "join", room="den"))["code"] == "no-such-room"
        assert "den" not in dict((await answer(bob, "rooms"))["rooms"])
        assert (await answer(bob, "search", words="ourselves"))["rooms"] == []
        await ann.ask("invite", room="den", nick="bob")
        assert (await bob.wait_for("invited-to"))["by"] == "ann"
        await bob.ask("join", room="den")
        await bob.wait_for("entered")
        joined = await ann.wait_for("member-joined")
        for number in range(5):  # while both nodes store something, numbers are others than they were planned to be
            await ann.ask("say", room="den", text=f"a{number}")
            await bob.ask("say", room="den", text=f"b{number}")
            await trio.sleep(chance.uniform(0, 0.1))
        await trio.sleep(3)
        page = await answer(bob, "since", room="den", number=0)
        assert page["first"] == joined["seq"] == page["lines"][0]["seq"]
        assert len(page["lines"]) == 11
        found = (await answer(bob, "search", words="all"))["rooms"] + (await answer(bob, "search", words="ourselves"))[
            "rooms"
        ]
        assert found == []
        await eve.ask("logout")
        assert "among ourselves" not in str(await eve.rest())
        states = [cast(ChatRoom, house.server._directory.room("den")).gate.state for house in (a, b)]
        assert states[0] == states[1] == read((await a.server._journal.rooms())[-1].state)


async def test_a_name_that_a_private_room_has_or_looks_like_cannot_be_had_and_costs_as_much_as_a_room(
    autojump_clock: trio.abc.Clock,
) -> None:
    config = Config(limits=replace(Config().limits, rooms_per_person=3, silence_seconds=9999))
    async with open_house(config) as house:
        (ann,) = await den(house, "ann")
        await act(ann, "rule-set", "rule", rule="access", value="invite")
        await ann.ask("create", room="pill")
        await ann.wait_for("room-created")
        await ann.ask("join", room="pill")
        await ann.wait_for("entered")
        await ann.ask("rule", room="pill", rule="access", value="members")
        await ann.wait_for("rule-set")
        eve = await holder(house, "eve", 2)
        names = ("Den", "pi1l", "den")
        refusals = [await answer(eve, "create", room=name) for name in (*names, "other")]
        assert [one["code"] for one in refusals] == [*["room-name-unusable"] * 3, "rooms-by-person"]
        assert [one["details"] for one in refusals[:3]] == [{"room": name} for name in names]
        assert (await answer(ann, "create", room="den"))["code"] == "room-exists"


async def test_who_is_no_admin_of_the_server_any_more_is_put_out_of_a_private_room(
    autojump_clock: trio.abc.Clock,
) -> None:
    async with open_house(silence_seconds=9999) as house:
        ann, root = await den(house, "ann", "root")
        person = made_admin(house, "root")
        await act(ann, "rule-set", "rule", rule="access", value="invite")
        await trio.sleep(1)
        person.role = HOLDER
        cast(ChatRoom, house.server._directory.room("den")).look_again()
        assert (await root.wait_for("no-member"))["room"] == "den"
        await ann.wait_for("left")


async def test_members_are_listed_page_by_page(autojump_clock: trio.abc.Clock) -> None:
    async with open_house(silence_seconds=9999, messages_per_second=0) as house:
        (ann,) = await den(house, "ann")
        room = cast(ChatRoom, house.server._directory.room("den"))
        account = room.directory.accounts.names.holder("ann")
        roles = {account: "owner", **dict.fromkeys(range(1002, 1102), "member")}
        names = {number: f"m{number}" for number in roles}
        room.gate.state = RoomState(roles=roles, names=names)  # type: ignore[arg-type]
        first, last = [await answer(ann, "members", room="den", page=page) for page in (1, 99)]
        assert (first["count"], first["page"], first["pages"], len(first["members"])) == (101, 1, 3, 50)
        assert list(first["members"])[:2] == ["ann", "m1002"]
        assert (last["page"], list(last["members"])) == (3, ["m1101"])


async def test_at_a_terminal_invitations_are_told_and_completed(autojump_clock: trio.abc.Clock) -> None:
    async with open_house(silence_seconds=9999) as house:
        ann = await den_at_terminal(house)
        bob = await holder(house, "bob", 2)
        await bob.ask("join", room="python")
        await bob.wait_for("entered")
        person = house.server._directory.person("ann")
        assert person is not None
        session = person.sessions[0]
        assert completions("/invite b", cast(Any, session).place, session)[0] == ["bob "]
        await ann.type("/invite bob")
        await ann.read_until("* ann invited bob\r\n")
        await ann.type("/members")
        await ann.read_until("* 2 in den, page 1 of 1:\r\n")
        await bob.wait_for("invited-to")
        await ann.type("/rule access members", "/topic plans")
        await ann.read_until("ann set the topic: plans")


async def den_at_terminal(house: House) -> Caller:
    """Somebody at a terminal, with an account, in a room of theirs."""
    ann = await holder(house, "ann")
    await ann.ask("create", room="den")
    await ann.wait_for("room-created")
    await ann.ask("logout")
    caller = house.call("127.0.0.1")
    await caller.type("/login ann")
    await caller.read_until("type the password")
    await caller.type(PASSWORD)
    await caller.read_until("/help tells more.\r\n")
    await caller.type("/join den")
    await caller.read_until("* You are in den.")
    return caller


async def test_nobody_hears_of_an_invitation_by_whom_they_have_blocked(autojump_clock: trio.abc.Clock) -> None:
    async with open_house(silence_seconds=9999) as house:
        ann, bob = await den(house, "ann", "bob")
        eve = await holder(house, "eve", 9)
        await eve.ask("block", nick="ann")
        await eve.wait_for("person-blocked")
        await act(ann, "role-given", "role", nick="bob", role="moderator")
        await act(ann, "rule-set", "rule", rule="access", value="invite")
        await act(ann, "member-invited", "invite", nick="eve")
        again = await logged_in(house, "eve")
        for program in (eve, again):
            await trio.sleep(1)
            await program.ask("logout")
            assert "invited-to" not in str(await program.rest())
        await act(ann, "role-given", "role", nick="eve", role="none")
        eve = await logged_in(house, "eve")
        await bob.ask("invite", room="den", nick="eve")
        assert (await eve.wait_for("invited-to"))["by"] == "bob"
