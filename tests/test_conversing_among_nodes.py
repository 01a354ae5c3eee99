"""People write to one another who are at different nodes: whole servers with one journal, on virtual time."""

import time
from random import Random
from typing import Any

import pytest
import trio

from canary import PASSWORD
from chat_server.accounts.acts import ServerAct
from chat_server.journal import JournalError
from chat_server.journal.memory_burying import bury
from chat_server.rooms.conversations import conversations_of
from chat_server.rooms.own_turn import ACTS_SECONDS
from dens import holder, told
from node_houses import NodeHouse, open_nodes
from streams import Program
from test_conversing import answer

pytestmark = pytest.mark.usefixtures("wall_clock")


async def at(house: NodeHouse, nick: str, place: int = 1) -> Program:
    """One more program of somebody's, at a node."""
    program = house.connect(f"127.0.0.{place}")
    await program.ask("hello", protocol=2)
    await program.ask("login", nick=nick, password=PASSWORD, session="add")
    await program.wait_for("logged-in")
    return program


async def two_at_two(a: NodeHouse, b: NodeHouse) -> tuple[Program, Program]:
    """Two who are at different nodes, and let everybody write to them."""
    ann, bob = await holder(a, "ann", 1), await holder(b, "bob", 2)
    await trio.sleep(5)
    for one in (ann, bob):
        await answer(one, "dm", who="all")
    await trio.sleep(5)
    return ann, bob


def texts(events: list[dict[str, Any]]) -> list[tuple[int, str]]:
    return [(event["seq"], event["text"]) for event in events if event["is"] == "said"]


def later(events: list[dict[str, Any]]) -> list[tuple[int, str]]:
    """What has been said after the first two lines."""
    return [one for one in texts(events) if one[0] in range(3, 999)]


async def heard(program: Program, seconds: float = 30) -> list[dict[str, Any]]:
    """All that a program is told within some seconds."""
    events: list[dict[str, Any]] = []
    with trio.move_on_after(seconds):
        while True:
            events.append(await program.read())
    return events


async def test_a_conversation_of_two_at_different_nodes_is_shown_at_both_in_one_order(
    autojump_clock: trio.abc.Clock,
) -> None:
    async with open_nodes(silence_seconds=0) as (a, b):
        ann, bob = await two_at_two(a, b)
        await answer(ann, "msg", nick="bob", text="hello")
        assert (await bob.wait_for("request-came"))["nick"] == "ann"
        await bob.ask("accept", nick="ann")
        assert (await told(bob, "said"))["text"] == "hello"
        desk = await at(b, "ann")
        await trio.sleep(5)
        await answer(bob, "say", room="@ann", text="from b", key="1")
        await answer(ann, "say", room="@bob", text="from a", key="2")
        await trio.sleep(5)
        assert texts(await heard(desk)) == [(2, "from b"), (3, "from a")]
        assert [line["seq"] for line in (await answer(bob, "last", room="@ann"))["lines"]] == [1, 2, 3]


async def test_who_comes_from_another_node_is_never_told_that_a_conversation_ends_before_what_they_know(
    autojump_clock: trio.abc.Clock,
) -> None:
    async with open_nodes(silence_seconds=0) as (a, b):
        ann, bob = await two_at_two(a, b)
        await answer(ann, "msg", nick="bob", text="hello")
        await bob.ask("accept", nick="ann")
        desk = await at(b, "ann")
        await trio.sleep(5)
        places, b.node._followers = b.node._followers, []
        number = (await answer(ann, "say", room="@bob", text="one", key="1"))["seq"]
        await desk.ask("resume", rooms={"@bob": number})
        await trio.sleep(0.5)
        b.node._followers = places
        b.node.look()
        assert (await desk.wait_for("entered"))["last"] == number
        assert (await desk.wait_for("page"))["last"] == number


async def test_what_is_written_while_somebody_is_away_waits_at_whichever_node_they_come_to(
    autojump_clock: trio.abc.Clock,
) -> None:
    async with open_nodes(silence_seconds=0) as (a, b):
        ann, bob = await two_at_two(a, b)
        await answer(ann, "msg", nick="bob", text="hello")
        await answer(bob, "msg", nick="ann", text="hi")
        await bob.log_out()
        await trio.sleep(5)
        assert await answer(ann, "say", room="@bob", text="are you there?", key="k")
        later = await at(a, "bob")
        listed = (await later.wait_for("conversations"))["conversations"]
        assert listed == [{"room": "@ann", "last": 3, "unread": 1}]


async def test_two_who_write_to_one_another_at_once_miss_nothing_and_see_the_same(
    autojump_clock: trio.abc.Clock,
) -> None:
    random = Random(7)  # noqa: S311 - the same each time
    async with open_nodes(delay=lambda: random.random() / 5, silence_seconds=0, messages_per_second=0) as (a, b):
        ann, bob = await two_at_two(a, b)
        await answer(ann, "msg", nick="bob", text="begin")
        await answer(bob, "msg", nick="ann", text="answer")
        await trio.sleep(5)
        for number in range(40):
            await ann.ask("say", room="@bob", text=f"a{number}", key=f"a{number}")
            await bob.ask("say", room="@ann", text=f"b{number}", key=f"b{number}")
            await trio.sleep(random.random() / 5)
        at_a, at_b = later(await heard(ann, 120)), later(await heard(bob, 120))
        assert at_a == at_b
        assert [seq for seq, _ in at_a] == [*range(3, 83)]


async def test_what_another_node_stores_while_this_one_hears_nothing_is_shown_before_what_comes_later(
    autojump_clock: trio.abc.Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with open_nodes(silence_seconds=0) as (a, b):
        ann, bob = await two_at_two(a, b)
        await answer(ann, "msg", nick="bob", text="begin")
        await answer(bob, "msg", nick="ann", text="answer")
        await trio.sleep(5)
        await heard(ann, 1)
        monkeypatch.setattr(a.node, "_hand_over", lambda *_: None)
        monkeypatch.setattr(a.node, "look", lambda: None)
        await answer(bob, "say", room="@ann", text="unheard", key="1")
        await trio.sleep(5)
        assert texts(await heard(ann, 5)) == []
        await ann.ask("say", room="@bob", text="later", key="2")
        assert texts(await heard(ann, 5)) == [(3, "unheard"), (4, "later")]


async def test_another_name_is_told_at_the_node_of_the_other_and_found_by_it(autojump_clock: trio.abc.Clock) -> None:
    async with open_nodes(silence_seconds=0) as (a, b):
        ann, bob = await two_at_two(a, b)
        await answer(ann, "msg", nick="bob", text="begin")
        await answer(bob, "msg", nick="ann", text="answer")
        await bob.ask("nick", nick="robert")
        renamed = await ann.wait_for("room-renamed")
        assert (renamed["room"], renamed["new"]) == ("@bob", "@robert")
        assert (await answer(ann, "say", room="@robert", text="?", key="k"))["seq"] == 3


async def test_conversations_are_closed_at_a_node_where_neither_is(autojump_clock: trio.abc.Clock) -> None:
    async with open_nodes(silence_seconds=0) as (a, b):
        ann, bob = await two_at_two(a, b)
        await answer(ann, "msg", nick="bob", text="begin")
        await trio.sleep(5)
        opened = [conversations_of(house.server._directory)._open for house in (a, b)]
        assert [len(one) for one in opened] == [1, 1]
        await bob.log_out()
        await trio.sleep(5)
        assert [len(one) for one in opened] == [1, 0]
        assert len(b.node._followers) < len(a.node._followers)


async def test_a_line_is_shown_to_the_other_though_its_writer_hangs_up_while_it_is_stored(
    autojump_clock: trio.abc.Clock,
) -> None:
    delay = [0.0]
    async with open_nodes(delay=lambda: delay[0], silence_seconds=0) as (a, b):
        ann, bob = await two_at_two(a, b)
        carl = await holder(a, "carl", 3)
        await answer(carl, "dm", who="all")
        for one, nick in ((ann, "bob"), (ann, "carl")):
            await answer(one, "msg", nick=nick, text="begin")
        for one in (bob, carl):
            await answer(one, "msg", nick="ann", text="answer")
        await trio.sleep(5)
        for one in (bob, carl):
            await heard(one, 1)
        delay[0] = 1.0
        await ann.ask("say", room="@carl", text="last words", key="1")
        await trio.sleep(0.5)
        await ann.stream.aclose()
        assert texts(await heard(carl, 20)) == [(3, "last words")]
        assert texts(await heard(bob, 20)) == []


@pytest.mark.goes_wrong
async def test_a_line_that_is_stored_is_shown_though_something_goes_wrong_after_that(
    autojump_clock: trio.abc.Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with open_nodes(silence_seconds=0) as (a, b):
        ann, bob = await two_at_two(a, b)
        await answer(ann, "msg", nick="bob", text="begin")
        await answer(bob, "msg", nick="ann", text="answer")
        await heard(bob, 5)
        desk = await at(a, "ann")
        (conversation,) = conversations_of(a.server._directory)._open.values()
        shown, broken = conversation._show_before, [True]

        async def once(seq: int) -> None:
            if broken.pop() if broken else False:
                raise ZeroDivisionError
            await shown(seq)

        monkeypatch.setattr(conversation, "_show_before", once)
        assert (await answer(ann, "say", room="@bob", text="all the same", key="1"))["seq"] == 3
        assert texts(await heard(desk, 20)) == texts(await heard(bob, 20)) == [(3, "all the same")]
        assert (await answer(ann, "say", room="@bob", text="and on", key="2"))["seq"] == 4


@pytest.mark.goes_wrong
async def test_what_was_stored_and_not_shown_is_shown_before_the_next_line(
    autojump_clock: trio.abc.Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with open_nodes(silence_seconds=0) as (a, _):
        ann, bob = await holder(a, "ann", 1), await holder(a, "bob", 2)
        await answer(bob, "dm", who="all")
        await answer(ann, "msg", nick="bob", text="begin")
        await answer(bob, "msg", nick="ann", text="answer")
        await heard(bob, 1)
        (conversation,) = conversations_of(a.server._directory)._open.values()
        with monkeypatch.context() as patched:
            patched.setattr(type(conversation), "_show_lines", lambda *_: 1 / 0)
            await ann.ask("say", room="@bob", text="unseen", key="1")
            await trio.sleep(5)
        again = await at(a, "ann")
        await again.ask("say", room="@bob", text="seen", key="2")
        assert texts(await heard(bob, 20)) == [(3, "unseen"), (4, "seen")]


async def test_people_go_on_writing_to_one_another_when_moderators_have_done_something(
    autojump_clock: trio.abc.Clock,
) -> None:
    async with open_nodes(silence_seconds=0) as (a, b):
        ann, bob = await two_at_two(a, b)
        await answer(ann, "msg", nick="bob", text="begin")
        await answer(bob, "msg", nick="ann", text="answer")
        await forbid(b, "kicked", "nobody")
        await trio.sleep(5)
        assert (await answer(ann, "say", room="@bob", text="still here", key="1"))["seq"] == 3
        assert (await answer(bob, "say", room="@ann", text="so am I", key="2"))["seq"] == 4


async def test_who_is_muted_at_another_node_has_nothing_stored_by_a_node_that_has_not_heard_of_it(
    autojump_clock: trio.abc.Clock,
) -> None:
    async with open_nodes(silence_seconds=0) as (a, b):
        ann, bob = await two_at_two(a, b)
        await answer(ann, "msg", nick="bob", text="begin")
        await answer(bob, "msg", nick="ann", text="answer")
        await trio.sleep(5)
        a.node.hears_late = 60.0
        await forbid(b, "muted", "ann")
        assert (await answer(ann, "say", room="@bob", text="psst", key="1"))["code"] == "muted-on-server"
        assert (await answer(bob, "say", room="@ann", text="oh", key="2"))["seq"] == 3


async def test_where_the_engine_does_not_tell_what_moderators_have_done_it_is_said_that_nothing_is_stored(
    autojump_clock: trio.abc.Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with open_nodes(silence_seconds=0) as (a, b):
        ann, bob = await two_at_two(a, b)
        await answer(ann, "msg", nick="bob", text="begin")
        await answer(bob, "msg", nick="ann", text="answer")
        await answer(ann, "create", room="den")
        await ann.ask("join", room="den")
        await trio.sleep(5)
        a.node.hears_late = 300.0

        async def says_nothing(_: object) -> None:
            raise JournalError("it is away")

        await forbid(b, "muted", "carl")
        with monkeypatch.context() as away:
            away.setattr(type(a.server._directory.accounts.acts), "catch_up", says_nothing)
            for room in ("@bob", "den"):
                began = trio.current_time()
                assert (await answer(ann, "say", room=room, text="hello", key=room))["is"] == "not-stored"
                assert trio.current_time() - began < ACTS_SECONDS + 2
        await trio.sleep(20)
        for room in ("@bob", "den"):
            assert (await answer(ann, "say", room=room, text="hello again", key=f"{room} 2"))["is"] == "stored"


async def forbid(house: NodeHouse, kind: str, nick: str) -> None:
    """A moderator of the server has done something at this node."""
    accounts = house.server._directory.accounts
    account = accounts.names.holder(nick)
    known_as = () if account else (nick,)
    act = ServerAct(kind, time.time(), "root", whom=nick, account=account, known_as=known_as, until=time.time() + 1e6)
    await accounts.acts.enact(act, lambda *_: "")


async def test_who_writes_slowly_while_there_is_panic_does_so_whoever_else_writes_meanwhile(
    autojump_clock: trio.abc.Clock,
) -> None:
    delay = [0.0]
    async with open_nodes(delay=lambda: delay[0], silence_seconds=0) as (a, b):
        ann, bob = await two_at_two(a, b)
        carl = await holder(a, "carl", 3)
        await answer(ann, "msg", nick="bob", text="begin")
        await answer(bob, "msg", nick="ann", text="answer")
        await answer(carl, "msg", nick="bob", text="begin")
        for person in a.server._directory.people:
            person.account_made = 0.0  # who is new says nothing at all
        await forbid(b, "panic", "")
        await trio.sleep(5)
        delay[0] = 1.0
        await ann.ask("say", room="@bob", text="one", key="1")
        await trio.sleep(0.5)
        await carl.ask("say", room="@bob", text="two", key="2")
        assert (await answer(ann, "say", room="@bob", text="at once", key="3"))["code"] == "slow-here"
        assert (await answer(carl, "say", room="@bob", text="at once", key="4"))["code"] == "slow-here"


async def in_den(house: NodeHouse, program: Program) -> None:
    await program.ask("join", room="python")
    await program.wait_for("entered")


async def with_guest(a: NodeHouse, b: NodeHouse, **login: Any) -> tuple[Program, Program]:
    """Somebody with an account at one node, and a guest at the other, in one room."""
    ann = await holder(a, "ann", 1)
    await trio.sleep(5)
    gus = b.connect("127.0.0.9")
    await gus.ask("hello", protocol=2)
    await gus.ask("login", nick="gus", **login)
    await gus.wait_for("logged-in")
    for house, program in ((a, ann), (b, gus)):
        await in_den(house, program)
    await trio.sleep(5)
    return ann, gus


async def test_a_guest_at_another_node_is_written_to_answers_and_is_told_that_it_passes(
    autojump_clock: trio.abc.Clock,
) -> None:
    async with open_nodes(silence_seconds=0) as (a, b):
        ann, gus = await with_guest(a, b)
        assert (await answer(ann, "msg", nick="gus", text="hello"))["is"] == "message-sent"
        assert (await gus.wait_for("conversation-passes"))["nick"] == "ann"
        assert (await told(gus, "said"))["text"] == "hello"
        assert (await answer(gus, "reply", text="hi"))["is"] == "message-sent"
        assert (await told(ann, "said"))["text"] == "hi"
        assert (await answer(gus, "say", room="@ann", text="and?", key="k"))["seq"] == 3
        assert [line["text"] for line in (await answer(ann, "last", room="@gus"))["lines"]] == ["hello", "hi", "and?"]
        await gus.log_out()
        ended = await ann.wait_for("conversation-ended")
        assert (ended["room"], ended["nick"]) == ("@gus", "gus")
        await trio.sleep(5)
        assert await a.node.journal.conversations.passing() == []
        assert (await answer(ann, "msg", nick="gus", text="there?"))["code"] == "no-such-person"
        for house in (a, b):
            conversations = conversations_of(house.server._directory)
            assert (conversations._open, conversations._of, conversations.guests) == ({}, {}, {})
            assert conversations.elsewhere._nicks == conversations.elsewhere._by_key == {}


async def test_a_guest_is_told_when_who_has_an_account_leaves_the_other_node(autojump_clock: trio.abc.Clock) -> None:
    async with open_nodes(silence_seconds=0) as (a, b):
        ann, gus = await with_guest(a, b)
        await answer(ann, "msg", nick="gus", text="hello")
        await ann.log_out()
        assert (await gus.wait_for("conversation-ended"))["nick"] == "ann"


async def test_another_name_of_a_guest_is_told_at_the_other_node_and_found_by_it(
    autojump_clock: trio.abc.Clock,
) -> None:
    async with open_nodes(silence_seconds=0) as (a, b):
        ann, gus = await with_guest(a, b)
        await answer(ann, "msg", nick="gus", text="hello")
        await gus.ask("nick", nick="gustav")
        renamed = await ann.wait_for("room-renamed")
        assert (renamed["room"], renamed["new"]) == ("@gus", "@gustav")
        assert (await answer(ann, "say", room="@gustav", text="?", key="k"))["seq"] == 2
        assert (await answer(ann, "say", room="@gus", text="?", key="l"))["code"] == "no-such-person"


async def test_what_a_guest_has_chosen_holds_for_who_writes_to_them_from_another_node(
    autojump_clock: trio.abc.Clock,
) -> None:
    async with open_nodes(silence_seconds=0) as (a, b):
        ann, gus = await with_guest(a, b)
        await answer(gus, "dm", who="known")
        assert (await answer(ann, "msg", nick="gus", text="hello"))["code"] == "dm-known"
        await answer(gus, "dm", who="all")
        eve = a.connect("127.0.0.8")
        await eve.enter("eve")
        assert (await answer(eve, "msg", nick="gus", text="hello"))["is"] == "message-sent"
        assert (await told(gus, "said"))["nick"] == "eve"
        await answer(ann, "join", room="@gus")
        assert (await answer(ann, "msg", nick="GUS", text="hello"))["is"] == "message-sent"


async def test_a_guest_writes_to_an_account_at_another_node_that_lets_everybody(
    autojump_clock: trio.abc.Clock,
) -> None:
    async with open_nodes(silence_seconds=0) as (a, b):
        ann, gus = await with_guest(a, b)
        assert (await answer(gus, "msg", nick="ann", text="hello"))["code"] == "dm-accounts"
        await answer(ann, "dm", who="all")
        await trio.sleep(5)
        assert (await answer(gus, "msg", nick="ann", text="hello"))["is"] == "message-sent"
        assert (await ann.wait_for("request-came"))["nick"] == "gus"
        await ann.ask("accept", nick="gus")
        assert (await told(ann, "said"))["text"] == "hello"
        await ann.log_out()
        await gus.wait_for("conversation-ended")
        await trio.sleep(5)
        assert (await answer(gus, "msg", nick="ann", text="hello"))["code"] == "dm-accounts"


async def test_who_goes_on_at_another_node_has_what_was_written_to_the_guest_that_they_are(
    autojump_clock: trio.abc.Clock,
) -> None:
    async with open_nodes(silence_seconds=0) as (a, b):
        ann, gus = await with_guest(a, b, token="g" * 32)
        await answer(ann, "msg", nick="gus", text="hello")
        await trio.sleep(5)
        assert (await answer(gus, "say", room="@ann", text="said there", key="k"))["seq"] == 2
        again = a.connect("127.0.0.9")
        await again.ask("hello", protocol=2)
        await again.ask("login", nick="gus", token="g" * 32)
        await again.wait_for("logged-in")
        await gus.read_to_end()
        await trio.sleep(5)
        assert (await answer(ann, "say", room="@gus", text="still?", key="k"))["seq"] == 3
        assert [text for _, text in texts(await heard(again, 5))] == ["still?"]
        assert (await answer(again, "edit", room="@ann", number=1, text="said"))["code"] in {
            "not-yours",
            "not-your-line",
        }
        assert (await answer(again, "edit", room="@ann", number=2, text="said here"))["is"] == "stored"
        edited = await ann.wait_for("edited")
        assert (edited["of"], edited["text"]) == (2, "said here")
        assert "said there" in str(await answer(again, "versions", room="@ann", number=2))
        assert (await answer(ann, "delete", room="@gus", number=2))["code"] in {"not-yours", "not-your-line"}
        assert (await answer(again, "delete", room="@ann", number=2))["count"] == 1
        await again.log_out()
        assert (await ann.wait_for("conversation-ended"))["nick"] == "gus"


async def test_of_two_guests_each_changes_what_they_have_said_at_whatever_node(
    autojump_clock: trio.abc.Clock,
) -> None:
    async with open_nodes(silence_seconds=0) as (a, b):
        guests = []
        for house, nick in ((a, "tim"), (b, "gus")):
            guest = house.connect("127.0.0.9")
            await guest.ask("hello", protocol=3)
            assert (await answer(guest, "login", nick=nick, token=nick[0] * 32))["is"] == "logged-in"
            assert (await answer(guest, "dm", who="all"))["who"] == "all"
            guests.append(guest)
        tim, gus = guests
        await trio.sleep(5)
        assert (await answer(tim, "msg", nick="gus", text="hello"))["is"] == "message-sent"
        await trio.sleep(5)
        assert (await answer(gus, "say", room="@tim", text="said there", key="k"))["seq"] == 2
        assert (await answer(gus, "edit", room="@tim", number=2, text="said so"))["is"] == "stored"
        assert (await answer(gus, "edit", room="@tim", number=1, text="not said"))["code"] in {
            "not-your-line",
            "not-known-yours",
        }
        again = a.connect("127.0.0.8")
        await again.ask("hello", protocol=3)
        await again.ask("login", nick="gus", token="g" * 32)
        await again.wait_for("logged-in")
        await gus.read_to_end()
        await trio.sleep(5)
        assert (await answer(again, "edit", room="@tim", number=2, text="changed"))["is"] == "stored"
        assert await answer(again, "say", room="@tim", text="without a key")
        assert (await answer(again, "edit", room="@tim", number=1, text="x"))["code"] in {
            "not-known-yours",
            "not-your-line",
        }


async def test_what_a_guest_sends_again_to_another_by_its_key_is_stored_once(autojump_clock: trio.abc.Clock) -> None:
    async with open_nodes(silence_seconds=0) as houses:
        guests = []
        for number, (house, nick) in enumerate(zip(houses, ("gus", "tim"), strict=True)):
            guest = house.connect(f"127.0.0.{number + 5}")
            await guest.ask("hello", protocol=3)
            assert (await answer(guest, "login", nick=nick, token=nick[0] * 32))["is"] == "logged-in"
            assert (await answer(guest, "dm", who="all"))["who"] == "all"
            guests.append(guest)
        await trio.sleep(5)
        gus, tim = guests
        assert (await answer(gus, "msg", nick="tim", text="hello"))["seq"] == 1
        assert (await answer(tim, "msg", nick="gus", text="hi"))["seq"] == 2
        for _ in range(2):
            assert (await answer(gus, "say", room="@tim", text="once", key="k"))["seq"] == 3
        assert (await answer(gus, "say", room="@tim", text="the next"))["seq"] == 4


@pytest.mark.parametrize("seed", range(6))
async def test_wherever_two_guests_go_and_whatever_they_are_called_each_changes_their_own_lines_alone(
    seed: int, autojump_clock: trio.abc.Clock
) -> None:
    chance = Random(seed)  # noqa: S311 - no secret
    async with open_nodes(3, silence_seconds=0, messages_per_second=0) as houses:
        tokens, names = ["g" * 32, "t" * 32], ["gus", "tim"]

        async def come(number: int) -> Program:
            guest = chance.choice(houses).connect(f"127.0.0.{number + 5}")
            await guest.ask("hello", protocol=3)
            assert (await answer(guest, "login", nick=names[number], token=tokens[number]))["is"] == "logged-in"
            return guest

        guests = [await come(0), await come(1)]
        for guest in guests:
            assert (await answer(guest, "dm", who="all"))["who"] == "all"
        await trio.sleep(5)
        assert (await answer(guests[0], "msg", nick="tim", text="line 1"))["seq"] == 1
        assert (await answer(guests[1], "msg", nick="gus", text="line 2"))["seq"] == 2
        said = {1: 0, 2: 1}
        for step in range(15):
            number = chance.randrange(2)
            other = names[1 - number]
            match chance.choice(("say", "say", "move", "names")):
                case "say":
                    key = {"key": f"k{step}"} if chance.random() < 0.5 else {}
                    await guests[number].ask("say", room=f"@{other}", text=f"step {step}", **key)
                    await guests[1 - number].wait_for("said")
                    said[len(said) + 1] = number
                case "move":
                    before, guests[number] = guests[number], await come(number)
                    await before.read_to_end()
                case "names":
                    for which, nick in ((0, "spare"), (1, names[0]), (0, names[1])):
                        assert (await answer(guests[which], "nick", nick=nick))["is"] == "renamed"
                        await trio.sleep(3)
                    names.reverse()
            await trio.sleep(3)
            of = chance.choice([*said])
            for which in (0, 1):
                edited = await answer(guests[which], "edit", room=f"@{names[1 - which]}", number=of, text=f"now {step}")
                if which == said[of]:
                    assert edited["is"] == "stored", edited
                    said[len(said) + 1] = -1  # the entry that says so
                else:
                    assert edited["code"] in {"not-your-line", "not-known-yours", "nothing-said"}, edited
                await trio.sleep(1)


async def test_who_registers_is_a_guest_no_more_and_what_was_written_to_them_as_one_is_deleted(
    autojump_clock: trio.abc.Clock,
) -> None:
    async with open_nodes(silence_seconds=0) as (a, b):
        ann, gus = await with_guest(a, b)
        await answer(ann, "msg", nick="gus", text="hello")
        await gus.ask("register", nick="gus", password=PASSWORD)
        await gus.wait_for("registered")
        assert (await ann.wait_for("conversation-ended"))["nick"] == "gus"
        await trio.sleep(5)
        assert (await answer(ann, "msg", nick="gus", text="again"))["is"] == "message-sent"
        assert await a.node.journal.conversations.passing() == []


async def test_whoever_is_in_a_conversation_with_a_guest_goes_on_with_the_account_for_which_they_register_at_another_node(
    autojump_clock: trio.abc.Clock,
) -> None:
    async with open_nodes(silence_seconds=0) as (a, b):
        _, gus = await with_guest(a, b)
        desk = a.call("127.0.0.1")
        await desk.type("/login ann", PASSWORD, "/msg gus hello", "/join @gus")
        await desk.read_until("ann: hello")
        await gus.ask("register", nick="gus", password=PASSWORD)
        await desk.read_until("one of you has left, or is no guest any more")
        await trio.sleep(5)
        await desk.type("are you the same?")
        assert (await gus.wait_for("request-came"))["nick"] == "ann"
        await desk.type("/last 9")
        assert "hello" not in await desk.read_until("Line 1 of 1")


async def test_who_is_at_a_node_that_dies_has_left_and_the_other_is_told(autojump_clock: trio.abc.Clock) -> None:
    async with open_nodes(silence_seconds=0) as (a, b):
        ann, _ = await with_guest(a, b)
        await answer(ann, "msg", nick="gus", text="hello")
        bury(a.node._kept, b.node.number)
        assert (await ann.wait_for("conversation-ended"))["nick"] == "gus"
        assert await a.node.journal.conversations.passing() == []
