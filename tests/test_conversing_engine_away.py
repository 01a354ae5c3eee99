"""What people write to one another while the engine of several nodes does not answer, or has forgotten what a node missed: on virtual time."""

import time
from collections.abc import Sequence
from typing import Any

import pytest
import trio

from canary import PASSWORD
from chat_server.journal import JournalError
from chat_server.journal.node_life import AWAY_SECONDS
from chat_server.journal.nodes import Turn
from chat_server.rooms import sending
from chat_server.rooms.conversations import conversations_of
from chat_server.rooms.sending import PATIENCE_SECONDS, WAITING_MAX
from dens import told
from node_houses import NodeHouse, open_nodes
from streams import Program
from test_conversing import answer
from test_conversing_among_nodes import at, heard, texts, two_at_two
from test_engine_away import GOES_ON, WAITS, CutOff

pytestmark = pytest.mark.usefixtures("wall_clock")


async def two_who_write(a: NodeHouse, b: NodeHouse) -> tuple[Program, Program]:
    """Two at two nodes, with two lines between them, which they have been shown."""
    ann, bob = await two_at_two(a, b)
    await answer(ann, "msg", nick="bob", text="begin")
    await answer(bob, "msg", nick="ann", text="answer")
    await trio.sleep(5)
    for one in (ann, bob):
        await heard(one, 1)
    return ann, bob


async def answers(program: Program, count: int) -> dict[str, dict[str, Any]]:
    """So many answers that have a ref, by it."""
    found: dict[str, dict[str, Any]] = {}
    while len(found) < count:
        event = await program.read()
        if "ref" in event:
            found[event["ref"]] = event
    return found


async def test_what_one_writes_waits_for_the_engine_in_its_order_and_the_session_goes_on_meanwhile(
    autojump_clock: trio.abc.Clock,
) -> None:
    async with open_nodes(silence_seconds=0) as (a, b):
        ann, bob = await two_who_write(a, b)
        engine = CutOff(a.node)
        await ann.ask("say", room="@bob", text="one", key="1", ref="one")
        await trio.sleep(AWAY_SECONDS + 1)
        await ann.ask("say", room="@bob", text="two", key="2", ref="two")
        await ann.ask("msg", nick="bob", text="three", ref="three")
        await ann.ask("dm", ref="meanwhile")
        assert (await answers(ann, 1))["meanwhile"]["is"] == "dm-chosen"
        await trio.sleep(PATIENCE_SECONDS - 10)
        assert texts(await heard(bob, 1)) == []
        engine.back()
        found = await answers(ann, 3)
        assert [(found[ref]["is"], found[ref]["seq"]) for ref in ("one", "two", "three")] == [
            ("stored", 3),
            ("stored", 4),
            ("message-sent", 5),
        ]
        assert texts(await heard(bob, 5)) == [(3, "one"), (4, "two"), (5, "three")]


async def test_what_waits_for_too_long_is_told_as_not_stored_and_is_not(autojump_clock: trio.abc.Clock) -> None:
    async with open_nodes(silence_seconds=0) as (a, b):
        ann, bob = await two_who_write(a, b)
        a.node.life.asked("heartbeat")
        await trio.sleep(AWAY_SECONDS + 1)
        begun = trio.current_time()
        await ann.ask("say", room="@bob", text="lost", key="1")
        assert await told(ann, "not-stored") == {"is": "not-stored", "room": "@bob", "lines": 1, "key": "1"}
        assert trio.current_time() - begun == pytest.approx(PATIENCE_SECONDS, abs=1)
        a.node.life.answered("heartbeat")
        assert (await answer(ann, "say", room="@bob", text="kept", key="2"))["seq"] == 3
        assert texts(await heard(bob, 5)) == [(3, "kept")]


async def test_only_so_much_of_one_session_and_of_all_waits_and_the_rest_is_refused_in_a_sentence(
    autojump_clock: trio.abc.Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with open_nodes(silence_seconds=0, messages_per_second=0) as (a, b):
        ann, bob = await two_who_write(a, b)
        other = await at(a, "ann", 3)
        a.node.life.asked("heartbeat")
        await trio.sleep(AWAY_SECONDS + 1)
        for number in range(WAITING_MAX):
            await ann.ask("say", room="@bob", text=str(number), key=str(number))
        refused = await answer(ann, "msg", nick="bob", text="more")
        assert refused["code"] == "messages-wait"
        assert refused["text"].startswith("Not sent to bob: what keeps messages does not answer, and too many wait")
        monkeypatch.setattr(sending, "WAITING_IN_ALL_MAX", WAITING_MAX)
        assert (await answer(other, "msg", nick="bob", text="more"))["code"] == "messages-wait"
        a.node.life.answered("heartbeat")
        assert texts(await heard(bob, 5)) == [(3 + number, str(number)) for number in range(WAITING_MAX)]
        assert (await answer(ann, "msg", nick="bob", text="more"))["is"] == "message-sent"
        assert not conversations_of(a.server._directory).sending.writers


async def test_whoever_writes_from_the_hall_is_told_once_that_it_waits_and_once_that_it_goes_on(
    autojump_clock: trio.abc.Clock,
) -> None:
    async with open_nodes(silence_seconds=0) as (a, b):
        await two_who_write(a, b)
        desk = a.call("127.0.0.9")
        await desk.type("/login ann", PASSWORD)
        await desk.read_until("Welcome")
        a.node.life.asked("heartbeat")
        await trio.sleep(AWAY_SECONDS + 1)
        await desk.type("/msg bob one")
        await desk.read_until(WAITS)
        await desk.type("/msg bob two", "/msg bob")
        shown = await desk.read_until("That cannot be done just now")
        assert WAITS not in shown
        a.node.life.answered("heartbeat")
        shown = await desk.read_until("ann (to bob): two")
        assert "ann (to bob): one" in shown
        if GOES_ON not in shown:
            await desk.read_until(GOES_ON)


async def test_what_is_asked_for_before_something_is_stored_is_asked_again_when_the_engine_is_back(
    autojump_clock: trio.abc.Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with open_nodes(silence_seconds=0) as (a, b):
        ann, bob = await two_who_write(a, b)
        await bob.log_out()
        await trio.sleep(20)

        async def fail(*_: Any) -> None:
            raise JournalError("it cannot be reached")

        with monkeypatch.context() as patched:
            patched.setattr(a.server._directory.accounts, "account", fail)
            a.node.life.asked("read")
            await ann.ask("say", room="@bob", text="when you are back", key="1", ref="x")
            await trio.sleep(10)
        a.node.life.answered("read")
        assert (await answers(ann, 1))["x"]["is"] == "stored"
        with monkeypatch.context() as patched:
            patched.setattr(a.server._directory.accounts, "account", fail)
            begun = trio.current_time()
            refused = await answer(ann, "say", room="@bob", text="and again", key="2")
            assert (refused["code"], trio.current_time() - begun < AWAY_SECONDS + 1) == ("cannot-store", True)


async def test_nobody_is_told_that_a_line_is_not_stored_which_is_however_long_that_is_in_doubt(
    autojump_clock: trio.abc.Clock,
) -> None:
    async with open_nodes(silence_seconds=0) as (a, b):
        ann, bob = await two_who_write(a, b)
        engine = CutOff(a.node)  # what has been handed to it is stored when it is back
        await ann.ask("say", room="@bob", text="in doubt", key="1", ref="x")
        await trio.sleep(5 * PATIENCE_SECONDS)
        engine.back()
        assert (await answers(ann, 1))["x"] == {"is": "stored", "room": "@bob", "seq": 3, "key": "1", "ref": "x"}
        assert texts(await heard(bob, 5)) == [(3, "in doubt")]


async def test_what_somebody_has_written_is_stored_though_they_hang_up_while_it_waits(
    autojump_clock: trio.abc.Clock,
) -> None:
    async with open_nodes(silence_seconds=0) as (a, b):
        ann, bob = await two_who_write(a, b)
        a.node.life.asked("heartbeat")
        await trio.sleep(AWAY_SECONDS + 1)
        await ann.ask("say", room="@bob", text="bye", key="1")
        await trio.sleep(1)
        await ann.stream.aclose()
        await trio.sleep(5)
        a.node.life.answered("heartbeat")
        assert texts(await heard(bob, 30)) == [(3, "bye")]


@pytest.mark.goes_wrong
async def test_a_bug_in_what_is_written_ends_the_session_that_meets_it(
    autojump_clock: trio.abc.Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with open_nodes(silence_seconds=0) as (a, b):
        ann, _ = await two_who_write(a, b)
        conversations = conversations_of(a.server._directory)
        monkeypatch.setattr(conversations, "find", lambda *_: 1 / 0)
        await ann.ask("say", room="@bob", text="?", key="1")
        await ann.read_to_end()
        assert not conversations.sending.writers


# What a node has missed, and the engine has forgotten.


class Deaf:
    """A node that hears nothing of what is stored, until it `hears` again; what was stored before is forgotten by then."""

    def __init__(self, house: NodeHouse, monkeypatch: pytest.MonkeyPatch) -> None:
        self._house, self._patched = house, monkeypatch
        self._turns = house.node._turns
        for name in ("_hand_over", "look"):
            monkeypatch.setattr(house.node, name, lambda *_: None)

    def hears(self, room: Any) -> None:
        forgotten, turns = room.turn, self._turns
        self._patched.undo()

        def left(kept: Any, after: int) -> Sequence[Turn]:
            return [turn for turn in turns(kept, after) if turn.number > forgotten]

        self._patched.setattr(self._house.node, "_turns", left)
        now = time.time() - trio.current_time()
        self._patched.setattr(time, "time", lambda: now + trio.current_time())


def kept(house: NodeHouse) -> Any:
    """What is kept of the one conversation."""
    (name,) = conversations_of(house.server._directory)._open
    return house.node._kept.rooms[name]


async def test_what_a_node_has_missed_is_shown_though_its_turns_are_forgotten(
    autojump_clock: trio.abc.Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with open_nodes(silence_seconds=0) as (a, b):
        ann, bob = await two_who_write(a, b)
        deaf = Deaf(a, monkeypatch)
        for number in range(3):
            await answer(bob, "say", room="@ann", text=f"missed {number}", key=str(number))
        deaf.hears(kept(a))
        await answer(bob, "say", room="@ann", text="heard", key="3")
        expected = [*((3 + number, f"missed {number}") for number in range(3)), (6, "heard")]
        assert texts(await heard(ann, 10)) == expected
        await answer(bob, "say", room="@ann", text="and on", key="4")
        assert texts(await heard(ann, 10)) == [(7, "and on")]


async def test_who_writes_where_turns_were_missed_that_are_forgotten_is_shown_them_before_their_own(
    autojump_clock: trio.abc.Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with open_nodes(silence_seconds=0) as (a, b):
        ann, bob = await two_who_write(a, b)
        deaf = Deaf(a, monkeypatch)
        await answer(bob, "say", room="@ann", text="missed", key="1")
        deaf.hears(kept(a))
        await ann.ask("say", room="@bob", text="mine", key="2", ref="x")
        events = await heard(ann, 10)
        assert texts(events) == [(3, "missed"), (4, "mine")]
        assert [(event["is"], event["seq"]) for event in events if event.get("ref") == "x"] == [("stored", 4)]
        assert texts(await heard(bob, 5)) == [(4, "mine")]


async def test_a_conversation_of_which_less_is_kept_than_was_shown_goes_on_from_there_and_says_so(
    autojump_clock: trio.abc.Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with open_nodes(silence_seconds=0) as (a, b):
        ann, bob = await two_who_write(a, b)
        await answer(bob, "say", room="@ann", text="lost", key="1")
        await heard(ann, 5)
        deaf = Deaf(a, monkeypatch)
        await answer(bob, "msg", nick="ann", text="another")
        room = kept(a)
        deaf.hears(room)
        del room.lines[2:]  # another database has this conversation, with fewer lines
        room.turn += 5
        a.node.look()
        (conversation,) = conversations_of(a.server._directory)._open.values()
        conversation.follow([Turn(room.turn + 1, b.node.number, ())])
        assert (await ann.wait_for("faltered")) == {"is": "faltered", "room": "@bob", "after": 2}
        assert (conversation.last_seq, conversation.turn) == (2, room.turn)
        stored = await answer(ann, "say", room="@bob", text="on", key="2")
        assert stored["seq"] == 3


async def test_what_is_edited_is_carried_through_as_what_is_written_while_the_session_goes_on_or_is_gone(
    autojump_clock: trio.abc.Clock,
) -> None:
    async with open_nodes(silence_seconds=0) as (a, b):
        ann, bob = await two_who_write(a, b)
        desk = await at(a, "ann", 3)
        engine = CutOff(a.node)
        await ann.ask("edit", room="@bob", number=1, text="begun", ref="x")
        await ann.ask("time", ref="y")
        with trio.fail_after(2 * AWAY_SECONDS):
            assert [*await answers(ann, 1)] == ["y"], "it waits for nothing but itself"
        await ann.stream.aclose()
        await trio.sleep(PATIENCE_SECONDS)
        engine.back()
        for one in (desk, bob):
            edited = await one.wait_for("edited")
            assert (edited["of"], edited["text"]) == (1, "begun")
