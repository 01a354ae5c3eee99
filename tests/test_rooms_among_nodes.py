"""Rooms where several servers have one journal: made, renamed and deleted at one node, so at all. Whole servers, on virtual time."""

import pytest
import trio

from account_house import holder, register, told
from captured_logs import capture_logs
from chat_server.journal.happened import RoomMade, RoomRenamed
from chat_server.journal.kept_in_memory import Kept
from chat_server.journal.memory import MemoryJournal
from chat_server.server.changes_elsewhere import CHANGE_SECONDS
from node_houses import open_nodes
from node_people import accounts, settled
from one_person import heard


async def test_a_room_made_at_one_node_is_there_at_the_other(autojump_clock: trio.abc.Clock) -> None:
    async with open_nodes() as (a, b):
        ann, bob = a.call(), b.call()
        await ann.log_in("ann")
        await bob.log_in("bob")
        await ann.type("/create lisp")
        await settled()
        await bob.type("/join lisp")
        await bob.read_until("* You are in lisp.")
        await ann.type("/join lisp", "hello")
        await bob.read_until("ann: hello")


async def test_of_two_who_make_a_room_at_once_at_two_nodes_the_second_is_told_that_there_is_one(
    autojump_clock: trio.abc.Clock,
) -> None:
    async with open_nodes() as (a, b):
        ann, bob = a.connect(), b.connect()
        await ann.enter("ann")
        await bob.enter("bob")
        b.node.hears_late = 5
        assert (await told(ann, "create", room="paypal"))["is"] == "room-created"
        refused = await told(bob, "create", room="PayPal")
        assert (refused["code"], refused["text"]) == (
            "room-exists",
            "There is already a room PayPal. /join PayPal enters it.",
        )
        refused = await told(bob, "create", room="paypaI")
        assert (refused["code"], refused["details"]["other"]) == ("room-like-another", "paypal")
        await trio.sleep(11)
        assert (await told(bob, "join", room="paypal"))["is"] == "entered"
        assert [room.name for room in b.server.rooms].count("paypal") == 1
        assert "PayPal" not in a.node._kept.rooms.keys() | b.node._kept.rooms.keys()


async def test_who_could_not_make_a_room_because_another_node_has_may_make_as_many_others_as_before(
    autojump_clock: trio.abc.Clock,
) -> None:
    async with open_nodes(rooms_per_person=1) as (a, b):
        ann, bob = a.connect(), b.connect()
        await ann.enter("ann")
        await bob.enter("bob")
        b.node.hears_late = 5
        assert (await told(ann, "create", room="lisp"))["is"] == "room-created"
        assert (await told(bob, "create", room="lisp"))["code"] == "room-exists"
        assert (await told(bob, "create", room="scheme"))["is"] == "room-created"


async def test_two_rooms_are_not_given_names_that_look_alike_at_once_at_two_nodes(
    autojump_clock: trio.abc.Clock,
) -> None:
    async with open_nodes() as (a, b):
        b.node.hears_late = 5
        assert (await a.ask_as_operator("rename-room", room="python", name="paypal"))[0]["is"] == "renamed"
        (answer,) = await b.ask_as_operator("rename-room", room="pm", name="paypaI")
        assert (answer["is"], answer["why"]) == (
            "not-done",
            "pm keeps its name: another node has just given a room the name paypal, which looks like it",
        )
        bob = b.connect()
        await bob.enter("bob")
        assert (await told(bob, "create", room="PAYPAL"))["code"] in {"room-exists", "room-like-another"}


async def test_a_room_renamed_and_deleted_at_one_node_is_so_at_the_other(autojump_clock: trio.abc.Clock) -> None:
    async with open_nodes() as (a, b):
        bob = b.connect()
        await bob.enter("bob", "python", "pm")
        await a.ask_as_operator("rename-room", room="python", name="snakes")
        assert (await bob.wait_for("room-renamed"))["new"] == "snakes"
        await told(bob, "say", room="snakes", text="hiss")
        await a.ask_as_operator("delete-room", room="pm")
        assert (await bob.wait_for("room-deleted"))["room"] == "pm"
        assert {room.name for room in a.server.rooms} == {room.name for room in b.server.rooms}


async def test_of_two_new_names_that_a_room_is_given_at_once_at_two_nodes_it_has_the_one_at_both(
    autojump_clock: trio.abc.Clock,
) -> None:
    async with open_nodes() as (a, b):
        bob = b.connect()
        await bob.enter("bob", "python")
        b.node.hears_late = 5
        assert (await a.ask_as_operator("rename-room", room="python", name="snakes"))[0]["is"] == "renamed"
        (answer,) = await b.ask_as_operator("rename-room", room="python", name="cobras")
        assert answer["is"] == "not-done"
        assert (await bob.wait_for("room-renamed"))["new"] == "snakes"
        await told(bob, "say", room="snakes", text="hiss")
        assert {room.name for room in a.server.rooms} == {room.name for room in b.server.rooms}


async def test_a_room_that_is_renamed_at_one_node_and_deleted_at_the_other_at_once_is_deleted(
    autojump_clock: trio.abc.Clock,
) -> None:
    async with open_nodes() as (a, b):
        ann = a.connect()
        await ann.enter("ann", "python")
        b.node.hears_late = 5
        assert (await a.ask_as_operator("rename-room", room="python", name="snakes"))[0]["is"] == "renamed"
        assert (await b.ask_as_operator("delete-room", room="python"))[0]["is"] == "deleted"
        assert (await ann.wait_for("room-deleted"))["room"] == "snakes"
        await trio.sleep(20)
        for node in (a, b):
            assert {room.name for room in node.server.rooms} == {"write", "pm"}


async def test_what_a_node_has_done_to_a_room_without_knowing_it_is_put_into_effect_there_too(
    autojump_clock: trio.abc.Clock,
) -> None:
    kept = Kept()
    async with open_nodes(kept=kept) as (a, b):
        ann = a.connect()
        await ann.enter("ann", "python")
        await MemoryJournal(kept).rename_room("python", "snakes")
        await MemoryJournal(kept).create_room("new")
        kept.nodes.changes.add(RoomRenamed(0, "python", "snakes"))
        kept.nodes.changes.add(RoomMade(0, "new"))
        assert (await ann.wait_for("room-renamed"))["new"] == "snakes"
        await told(ann, "say", room="snakes", text="hiss")
        assert (await a.ask_as_operator("rename-room", room="new", name="newer"))[0]["is"] == "renamed"
        await MemoryJournal(kept).create_room("new")
        kept.nodes.changes.add(RoomMade(0, "new"))
        kept.nodes.changes.add(RoomRenamed(0, "new", "newer"))  # which was done long ago, and is told as if nobody knew
        await trio.sleep(3)
        for node in (a, b):
            assert {room.name for room in node.server.rooms} == {"write", "pm", "snakes", "new", "newer"}


async def test_what_cannot_be_put_into_effect_is_logged_and_what_comes_after_it_is(
    autojump_clock: trio.abc.Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def fails(*_: object) -> None:
        raise ValueError("a bug")

    async def never(*_: object) -> None:
        await trio.sleep_forever()

    async with open_nodes() as (a, b):
        ann = a.connect()
        await ann.enter("ann")
        for number, broken in enumerate((fails, never)):
            with capture_logs() as logged, monkeypatch.context() as patched:
                patched.setattr(b.server._directory, "open_room_of_others", broken)
                await told(ann, "create", room=f"lost-{number}")
                await trio.sleep(CHANGE_SECONDS + 1)
            assert [entry["log_level"] for entry in logged if "another node" in entry["event"]] == ["error"]
            await told(ann, "create", room=f"found-{number}")
            await settled()
            assert f"found-{number}" in {room.name for room in b.server.rooms}


async def test_what_is_read_of_a_room_is_read_again_where_lines_were_rewritten_elsewhere(
    autojump_clock: trio.abc.Clock,
) -> None:
    async with open_nodes(config=accounts()) as (a, b):
        token = (await register(a))["token"]
        ann = await holder(a, token=token)
        await told(ann, "join", room="python")
        await told(ann, "say", room="python", text="my secret plan")
        await told(ann, "topic", room="python", text="ann's topic")
        bob = b.connect()
        await bob.enter("bob", "python")
        await settled()
        await a.ask_as_operator("end-account", name="ann", ending="erase")
        await settled()
        cat = b.connect()
        await cat.ask("login", nick="cat")
        await cat.wait_for("logged-in")
        await cat.ask("join", room="python")
        assert (await cat.wait_for("entered"))["topic"] == ""
        assert "secret" not in repr(await heard(cat))
