"""How people are called where several servers have one journal: by one name at all nodes, whichever is asked. Whole servers, on virtual time."""

from typing import Any

import pytest
import trio

from account_house import told
from chat_server.journal import JournalError
from chat_server.rooms import owed
from chat_server.rooms.owed import TOLD_AT_ONCE
from node_houses import open_nodes
from node_people import TOKEN, settled
from one_person import heard, visits


async def test_a_name_of_somebody_at_a_terminal_is_refused_at_the_other_node(autojump_clock: trio.abc.Clock) -> None:
    async with open_nodes() as (a, b):
        ann, other = a.call(), b.call()
        await ann.log_in("ann")
        await other.type("/login Ann")
        await other.read_until("* Ann is taken. Choose another name.")
        await ann.type("/quit")
        await ann.read_to_end()
        await settled()
        await other.type("/login Ann")
        await other.read_until("Welcome")


async def test_a_name_that_looks_like_one_at_the_other_node_is_refused(autojump_clock: trio.abc.Clock) -> None:
    async with open_nodes() as (a, b):
        await a.call().log_in("paypal")
        refused = await told(b.connect(), "login", nick="paypaI")
        assert (refused["code"], refused["details"]["other"]) == ("name-like-another", "paypal")


async def test_of_two_who_want_a_name_at_once_at_two_nodes_one_has_it(autojump_clock: trio.abc.Clock) -> None:
    async with open_nodes(delay=lambda: 0.1) as (a, b):
        ann, other = a.connect(), b.connect()
        await ann.ask("login", nick="ann")
        await other.ask("login", nick="ann")
        assert {(await ann.read())["is"], (await other.read())["is"]} == {"logged-in", "refused"}


async def test_whoever_wants_a_name_that_is_just_being_given_back_here_waits_for_that(
    autojump_clock: trio.abc.Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with open_nodes(connections_per_address=0) as (a, _):
        told_at_once = a.node.release

        async def slowly(*what: Any) -> None:
            await trio.sleep(1)
            await told_at_once(*what)

        monkeypatch.setattr(a.node, "release", slowly)
        people = [a.connect() for _ in range(2 * TOLD_AT_ONCE)]
        for number, program in enumerate(people):
            await program.enter(f"ann{number}")
        for program in people:
            await program.ask("logout")
        for program in people:
            await program.read_to_end()
        began = trio.current_time()
        assert (await told(a.connect(), "login", nick=f"Ann{2 * TOLD_AT_ONCE - 1}"))["is"] == "logged-in"
        assert 1 < trio.current_time() - began < 3


async def test_who_hangs_up_while_a_name_is_asked_for_has_it_no_longer(autojump_clock: trio.abc.Clock) -> None:
    async with open_nodes(delay=lambda: 1.0) as (a, b):
        ann = a.connect()
        await ann.ask("login", nick="ann")
        await trio.sleep(0.5)
        await ann.stream.aclose()
        await trio.sleep(20)
        assert (await told(b.connect(), "login", nick="ann"))["is"] == "logged-in"


async def test_a_name_that_the_engine_could_not_give_is_free_and_whoever_asked_is_told_so(
    autojump_clock: trio.abc.Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with open_nodes() as (a, b):
        given = a.node.claim

        async def given_and_never_known(*asked: Any) -> None:
            await given(*asked)
            raise JournalError("the connection was lost")

        monkeypatch.setattr(a.node, "claim", given_and_never_known)
        ann = a.connect()
        assert (await told(ann, "login", nick="ann"))["code"] == "engine-away"
        await settled()
        assert (await told(b.connect(), "login", nick="ann"))["is"] == "logged-in"


async def test_where_the_engine_says_nothing_one_is_told_so_within_ten_seconds(
    autojump_clock: trio.abc.Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def never(*_: object) -> None:
        await trio.sleep_forever()

    async with open_nodes() as (a, _):
        monkeypatch.setattr(a.node, "claim", never)
        with trio.fail_after(10.5):
            assert (await told(a.connect(), "login", nick="ann"))["code"] == "engine-away"


async def test_a_name_is_given_back_to_an_engine_that_was_away(
    autojump_clock: trio.abc.Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def away(*_: object) -> None:
        raise JournalError("the engine is away")

    async with open_nodes() as (a, b):
        ann = a.connect()
        await ann.enter("ann")
        with monkeypatch.context() as patched:
            patched.setattr(a.node, "release", away)
            await ann.log_out()
            await settled()
            assert (await told(b.connect(), "login", nick="ann"))["code"] == "name-taken"
        await settled()
        assert (await told(b.connect(), "login", nick="ann"))["is"] == "logged-in"


async def test_where_the_engine_is_owed_too_much_nobody_is_given_a_name(
    autojump_clock: trio.abc.Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def away(*_: object) -> None:
        raise JournalError("the engine is away")

    monkeypatch.setattr(owed, "OWED_MAX", 2)
    async with open_nodes(connections_per_address=0) as (a, _):
        people = [a.connect() for _ in range(TOLD_AT_ONCE + 2)]
        for number, program in enumerate(people):
            await program.enter(f"ann{number}")
        with monkeypatch.context() as patched:
            patched.setattr(a.node, "release", away)
            for program in people:
                await program.log_out()
            assert (await told(a.connect(), "login", nick="bob"))["code"] == "engine-away"
        await settled()
        assert (await told(a.connect(), "login", nick="bob"))["is"] == "logged-in"


async def test_a_person_at_two_nodes_has_one_name_and_another_one_at_both(autojump_clock: trio.abc.Clock) -> None:
    async with open_nodes() as (a, b):
        bob = b.connect()
        await bob.enter("bob", "python")
        desk, phone = a.connect(), b.connect()
        await desk.enter("ann", "python", token=TOKEN)
        added = await phone.enter("whoever", "python", "pm", token=TOKEN, session="add")
        assert added["nick"] == "ann"
        await settled()
        await heard(bob)
        await heard(phone)
        await desk.ask("nick", nick="anna")
        await settled()
        assert visits(await heard(bob)) == [("renamed", "python", "ann", "anna")]
        assert sorted(visits([event for event in await heard(phone) if event.get("room")])) == [
            ("renamed", "pm", "ann", "anna"),
            ("renamed", "python", "ann", "anna"),
        ]
        await phone.ask("say", room="pm", text="x")
        assert (await phone.wait_for("said"))["nick"] == "anna"
        assert (await told(b.connect(), "login", nick="ann"))["is"] == "logged-in"
        assert (await told(a.connect(), "login", nick="anna"))["code"] == "name-taken"


async def test_a_person_who_takes_two_names_at_once_at_two_nodes_has_the_one_of_them_at_both(
    autojump_clock: trio.abc.Clock,
) -> None:
    for late in (0.0, 0.1, 0.2, 0.3, 0.5):
        async with open_nodes(delay=lambda: 0.2) as (a, b):
            desk = a.connect()
            await desk.enter("ann", "python", token=TOKEN)
            phone = b.connect()
            await phone.enter("ann", "python", token=TOKEN, session="add")
            await desk.ask("nick", nick="anna")
            await trio.sleep(late)
            await phone.ask("nick", nick="anne")
            await settled()
            nicks = {session.nick for house in (a, b) for session in house.server._sessions}
            assert len(nicks) == 1
            assert {nick for house in (a, b) for room in house.server.rooms for nick in room.nicks} == nicks
            assert {held.nick for held in a.node._kept.nodes.names._held.values()} == nicks


async def test_a_node_that_hears_late_of_a_name_does_not_give_its_person_the_one_before_again(
    autojump_clock: trio.abc.Clock,
) -> None:
    async with open_nodes() as (a, b):
        bob = a.connect()
        await bob.enter("bob", "python")
        desk, phone = a.connect(), b.connect()
        await desk.enter("ann", "python", token=TOKEN)
        await phone.enter("ann", "python", token=TOKEN, session="add")
        await settled()
        await heard(bob)
        b.node.hears_late = 20.0
        await desk.ask("nick", nick="anna")
        for _ in range(8):
            await trio.sleep(2)
            await desk.ask("say", room="python", text="x")
            assert (await bob.wait_for("said"))["nick"] == "anna"
        assert {one.nick for one in a.node._kept.rooms["python"].people.values()} == {"bob", "anna"}
        await trio.sleep(20)
        assert visits(await heard(bob)) == []
        assert {session.nick for session in b.server._sessions} == {"anna"}


async def test_who_comes_back_to_a_node_that_has_not_heard_of_their_name_is_called_by_it(
    autojump_clock: trio.abc.Clock,
) -> None:
    async with open_nodes() as (a, b):
        bob = b.connect()
        await bob.enter("bob", "python")
        await a.connect().enter("ann", "python", token=TOKEN)
        await settled()
        a.node.hears_late = 20.0
        elsewhere = b.connect()
        await elsewhere.enter("ann", token=TOKEN)
        await elsewhere.ask("nick", nick="anna")
        await trio.sleep(1)
        back = a.connect()
        assert (await back.enter("ann", token=TOKEN))["nick"] == "anna"
        await back.ask("say", room="python", text="x")
        assert (await bob.wait_for("said"))["nick"] == "anna"
        assert {one.nick for one in a.node._kept.rooms["python"].people.values()} == {"bob", "anna"}


async def test_a_name_of_which_a_node_that_fails_has_told_rooms_and_nobody_else_is_heard_of_by_those(
    autojump_clock: trio.abc.Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with open_nodes() as (a, b):
        bob = a.connect()
        await bob.enter("bob", "python")
        desk, phone = a.connect(), b.connect()
        await desk.enter("ann", "python", token=TOKEN)
        await phone.enter("ann", "python", token=TOKEN, session="add")
        await settled()

        async def never(*_: object) -> None:
            await trio.sleep_forever()

        monkeypatch.setattr(a.node, "renamed", never)
        await desk.ask("nick", nick="anna")
        await settled()
        await phone.ask("say", room="python", text="x")
        assert (await bob.wait_for("said"))["nick"] == "anna"
        assert {session.nick for session in b.server._sessions} == {"anna"}
        assert {held.nick for held in a.node._kept.nodes.names._held.values()} == {"anna", "bob"}


async def test_whoever_has_another_name_while_they_come_into_a_room_is_in_it_by_that(
    autojump_clock: trio.abc.Clock,
) -> None:
    async with open_nodes(delay=lambda: 0.2) as (a, b):
        bob = b.connect()
        await bob.enter("bob", "python")
        eve = a.connect()
        await eve.enter("eve", "python")
        desk = a.connect()
        await desk.enter("ann", token=TOKEN)
        phone = a.connect()
        await phone.enter("ann", token=TOKEN, session="add")
        await settled()
        await heard(bob)
        await phone.ask("nick", nick="anna")
        await trio.sleep(0.2)
        await eve.ask("say", room="python", text="x")
        await trio.sleep(0.1)
        await desk.ask("join", room="python")  # she is still called ann, and comes in with the next turn
        await trio.sleep(0.8)
        await desk.ask("say", room="python", text="y")
        await trio.sleep(0.6)
        assert {one.nick for one in a.node._kept.rooms["python"].people.values()} == {"bob", "eve", "anna"}
        await settled()
        assert [event["nick"] for event in await heard(bob) if event["is"] == "said"] == ["eve", "anna"]
