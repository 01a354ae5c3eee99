"""Rooms of several nodes: what people at each are shown of those at the others."""

from collections.abc import Callable

import pytest
import trio
import trio.testing
from trio.testing import wait_all_tasks_blocked

from captured_logs import capture_logs
from chat_server.accounts import Device, Holder, Registration
from chat_server.journal.memory_burying import bury
from chat_server.journal.nodes import Called, Came, Turn, Went
from chat_server.protocol.entries import Entry, Said, TopicSet
from chat_server.protocol.requests import Topic
from chat_server.rooms import gathering, shared_broadcaster
from chat_server.rooms.person import Proof
from chat_server.rooms.room import Room
from fakes import FakeSession
from nodes import Watcher, open_nodes, settled


class Pushed(FakeSession):
    """A session that remembers what it was given at once."""

    def __init__(self, place: Room, nick: str = "") -> None:
        super().__init__(place, nick)
        self.pushes: list[str] = []

    def push(self, data: bytes) -> None:
        self.pushes.append(data.decode())


def take(*sessions: FakeSession) -> list[list[str]]:
    return [session.take_told() for session in sessions]


async def test_what_is_said_at_one_node_is_shown_at_the_other_and_who_comes_is_told_who_is_there(
    autojump_clock: trio.testing.MockClock, nursery: trio.Nursery
) -> None:
    a, b = await open_nodes(nursery)
    ann = await a.come("ann")
    bob = await b.come("bob")
    await settled()
    assert bob.take_told()[:2] == ["* You are in python.", "* Also here: ann"]
    assert ann.take_told()[-1] == "* bob joined"
    await a.say(ann, "hello")
    await settled()
    await b.say(bob, "hi")
    await settled()
    assert take(ann, bob) == [["bob: hi"], ["ann: hello"]]
    assert a.room.population == b.room.population == 2
    assert [nick for _, nick in a.room.others(ann)] == ["bob"]
    assert a.room.last_seq == b.room.last_seq == 2
    await b.room.leave(bob)
    await settled()
    assert ann.take_told() == ["* bob left"]
    assert a.room.nicks == b.room.nicks == ["ann"]


async def test_every_node_shows_lines_and_who_comes_and_goes_in_one_order(
    autojump_clock: trio.testing.MockClock, nursery: trio.Nursery
) -> None:
    a, b = await open_nodes(nursery)
    ann, bob = await a.come("ann"), await b.come("bob")
    await settled()
    take(ann, bob)
    for number in range(10):
        await a.say(ann, f"a{number}")
        carl = await b.come(f"c{number}")
        await b.say(bob, f"b{number}")
        await b.room.leave(carl)
    await settled()
    by_ann, by_bob = take(ann, bob)
    stored = [line.text for line in (await a.nodes.journal.read("python", 1, 99)).lines]
    assert sorted(stored) == sorted(f"{nick}{number}" for nick in "ab" for number in range(10))
    assert [line[5:] for line in by_ann if line.startswith("bob: ")] == [text for text in stored if text[0] == "b"]
    assert [line[5:] for line in by_bob if line.startswith("ann: ")] == [text for text in stored if text[0] == "a"]
    carls = [line for line in by_ann if line.startswith("* c")]
    assert carls == [line for line in by_bob if line.startswith("* c")]
    assert a.turn == b.turn


async def test_who_is_at_two_nodes_joins_with_the_first_session_and_leaves_with_the_last(
    autojump_clock: trio.testing.MockClock, nursery: trio.Nursery
) -> None:
    a, b = await open_nodes(nursery)
    bob = await a.come("bob")
    desk = await a.come("ann", "t")
    phone = await b.come("ann", "t")
    second = await b.add(phone)
    await settled()
    assert [line for line in bob.take_told() if "ann" in line] == ["* ann joined"]
    assert b.room.population == 2
    assert [nick for _, nick in b.room.others(phone)] == ["bob"], "and not oneself elsewhere"
    await a.room.leave(desk)
    await b.room.leave(phone)
    await settled()
    assert bob.take_told() == []
    assert sorted(a.room.nicks) == ["ann", "bob"]
    await b.room.leave(second)
    await settled()
    assert bob.take_told() == ["* ann left"]
    moves = [placed.movement for turn in await a.nodes.turns("python", 0) for placed in turn.movements]
    assert [type(move) for move in moves if move.person == "token:t"] == [Came, Came, Went, Went], "not of each session"


async def test_who_goes_on_at_another_node_is_not_seen_to_come_or_go(
    autojump_clock: trio.testing.MockClock, nursery: trio.Nursery
) -> None:
    a, b = await open_nodes(nursery)
    bob, carl = await a.come("bob"), await b.come("carl")
    old = await a.come("ann", "t")
    await settled()
    take(bob, carl)
    await b.come("ann", "t")
    await a.room.leave(old)
    await settled()
    assert take(bob, carl) == [[], []]
    assert sorted(a.room.nicks) == ["ann", "bob", "carl"]


async def test_a_new_name_is_told_at_every_node_and_counts_there(
    autojump_clock: trio.testing.MockClock, nursery: trio.Nursery
) -> None:
    a, b = await open_nodes(nursery)
    bob = await a.come("bob")
    desk, phone = await a.come("ann", "t"), await b.come("ann", "t")
    await settled()
    take(bob, phone)
    phone.person.nick = "anna"  # the other node hears of it by another way
    await a.rename(desk, "anna")
    await settled()
    assert take(bob, phone) == [["* ann is now anna"]] * 2
    assert sorted(a.room.nicks) == sorted(b.room.nicks) == ["anna", "bob"]
    await b.rename(phone, "anna")
    await settled()
    assert take(bob, phone) == [[], []], "it is known already"


async def test_who_comes_under_another_name_than_a_silent_node_has_for_them_is_called_so_by_all(
    autojump_clock: trio.testing.MockClock, nursery: trio.Nursery
) -> None:
    a, b = await open_nodes(nursery)
    bob = await b.come("bob")
    ghost = await a.come("ann", "t")
    await settled()
    take(bob)
    ghost.person.nick = "anna"  # as if nobody were at that node to say otherwise
    anna = await b.come("anna", "t")
    await b.say(anna, "hello")
    await settled()
    assert bob.take_told() == ["* ann is now anna", "anna: hello"]
    bury(b.nodes._kept, a.nodes.number)
    await settled()
    assert [nick for _, nick in b.room.others(bob)] == ["anna"]


async def test_who_comes_where_it_is_not_known_yet_that_they_are_there_under_another_name_is_called_so_before_they_speak(
    autojump_clock: trio.testing.MockClock, nursery: trio.Nursery
) -> None:
    late: list[Callable[[], None]] = []
    a, b = await open_nodes(nursery, late.append)
    bob = await a.come("bob")
    ghost = await a.come("ann", "t")
    ghost.person.nick = "zoe"  # as if nobody were at that node to say otherwise
    zoe = await b.come("zoe", "t")
    for number in range(3):
        await b.say(zoe, f"hello {number}")
    await settled()
    nicks: dict[str, str] = {}
    for turn in await a.nodes.turns("python", 0):
        for _, movement in turn.movements:
            if isinstance(movement, Called):
                nicks[movement.person] = movement.nick
            elif isinstance(movement, Came):
                nicks.setdefault(movement.person, movement.nick)
        for line in turn.lines:
            assert isinstance(line, Entry)
            assert line.nick in nicks.values(), (line, nicks)
    assert [line for line in bob.take_told() if "ann" in line] == ["* ann joined", "* ann is now zoe"]


@pytest.mark.parametrize("has_account", [False, True], ids=["guest", "account"])
async def test_what_was_said_at_a_node_that_could_not_store_it_is_stored_under_the_name_that_its_author_has_by_then(
    has_account: bool,
    autojump_clock: trio.testing.MockClock,
    nursery: trio.Nursery,
) -> None:
    a, b = await open_nodes(nursery)
    bob, carl = await a.come("bob"), await b.come("carl")
    desk, phone = FakeSession(a.hall, "ann"), FakeSession(b.hall, "ann")
    holder = await a.nodes.journal.accounts.register(Registration("ann", "ann"), 0.0)
    assert isinstance(holder, Holder)
    for node, session in ((a, desk), (b, phone)):
        session.person.sender = "token:t"
        if has_account:
            session.person.account, session.person.sender = holder.account.id, f"account:{holder.account.id}"
        await session.enter(node.room)
    await settled()
    take(bob, carl, phone)
    b.nodes.pause = lambda: 2.0
    await b.say(carl, "zero")
    await trio.sleep(0.1)
    await b.say(phone, "one", "k")
    await trio.sleep(4.5)  # that is on its way now
    await b.say(phone, "two")
    nursery.start_soon(b.room.leave, phone)
    await a.rename(desk, "anna")
    await a.say(desk, "here")
    await a.room.flushed(desk)
    await a.rename(bob, "ann")  # which is free
    await trio.sleep(20)
    by_bob, by_carl = ([line.replace("?", "") for line in told if line.startswith("anna")] for told in take(bob, carl))
    assert by_bob == by_carl == ["anna: here", "anna: one", "anna: two"]
    assert phone.take_told()[-1] == "* Stored in python as #3."


async def test_of_two_names_that_are_chosen_at_once_the_one_that_counts_at_all_nodes_is_the_rooms_in_the_end(
    autojump_clock: trio.testing.MockClock, nursery: trio.Nursery
) -> None:
    a, b = await open_nodes(nursery)
    bob = await a.come("bob")
    desk, phone = await a.come("ann", "t"), await b.come("ann", "t")
    await settled()
    take(bob)
    phone.person.nick = "anne"
    await a.rename(desk, "anna")
    await trio.sleep(1)
    desk.person.nick = "anne"
    assert sorted(b.room.nicks) == ["anna", "bob"]
    await settled()
    assert take(bob) == [["* ann is now anna", "* anna is now anne"]]
    assert sorted(a.room.nicks) == sorted(b.room.nicks) == ["anne", "bob"]


async def test_a_topic_that_is_set_at_one_node_is_the_rooms_at_all(
    autojump_clock: trio.testing.MockClock, nursery: trio.Nursery
) -> None:
    a, b = await open_nodes(nursery)
    ann, bob = await a.come("ann"), await b.come("bob")
    a.room.post(ann, Topic("snakes"))
    await settled()
    assert a.room.topic == b.room.topic == "snakes"
    assert bob.take_told()[-1] == "* ann set the topic: snakes"


async def test_the_people_of_a_node_that_is_given_up_leave_once_but_for_those_who_are_elsewhere_too(
    autojump_clock: trio.testing.MockClock, nursery: trio.Nursery
) -> None:
    a, b = await open_nodes(nursery)
    bob = await b.come("bob")
    await a.come("ann", "t")
    await a.come("carl")
    await b.come("ann", "t")
    await settled()
    take(bob)
    bury(a.nodes._kept, a.nodes.number)
    await settled()
    assert bob.take_told() == ["* carl left"]
    assert sorted(b.room.nicks) == ["ann", "bob"]


async def test_who_was_at_a_node_that_is_given_up_is_shown_elsewhere_what_was_said_until_it_was(
    autojump_clock: trio.testing.MockClock, nursery: trio.Nursery
) -> None:
    a, b = await open_nodes(nursery)
    bob = await b.come("bob")
    await b.say(bob, "before")
    await settled()
    await a.come("ann", "t")
    await settled()
    await b.say(bob, "nobody at the other node is shown this")
    await settled()
    bury(a.nodes._kept, a.nodes.number)
    await settled()
    ann = await b.come("ann", "t")
    told = "".join(ann.take_told())
    assert "nobody at the other node" in told
    assert "before" not in told, "that was shown to them when they came"


async def test_at_a_node_that_is_given_up_who_has_a_key_is_asked_nothing_and_sends_the_line_again_elsewhere(
    autojump_clock: trio.testing.MockClock, nursery: trio.Nursery
) -> None:
    a, b = await open_nodes(nursery)
    ann, nora, bob = await a.come("ann", "t"), await a.come("nora"), await b.come("bob")
    await settled()
    bury(a.nodes._kept, a.nodes.number)
    take(ann, nora, bob)
    await a.say(ann, "once", "k")
    await a.say(nora, "by nc")
    await settled()
    told = take(ann, nora)
    assert told[0] == []
    assert "by nc" not in "".join(told[1])
    assert len(told[1]) == 1, "that it is not stored"
    again = await b.come("ann", "t")
    await b.say(again, "once", "k")
    await settled()
    assert "ann: once" in bob.take_told()


async def test_what_comes_early_waits_for_what_is_before_it_and_what_comes_late_is_not_shown_again(
    autojump_clock: trio.testing.MockClock, nursery: trio.Nursery
) -> None:
    waiting: list[Callable[[], None]] = []
    a, b = await open_nodes(nursery, waiting.append)
    ann, bob = await a.come("ann"), await b.come("bob")
    waiting.clear()
    await trio.sleep(1.5)
    take(bob)
    for number in range(3):
        await a.say(ann, f"line {number}")
        await a.room.flushed(ann)
    for wake in [waiting[2], *waiting]:
        wake()
    await trio.testing.wait_all_tasks_blocked()
    assert [line for line in bob.take_told() if line.startswith("ann")] == [
        f"ann: line {number}" for number in range(3)
    ]
    waiting.clear()
    await a.say(ann, "nobody is woken")
    await trio.sleep(1.1)
    assert bob.take_told() == ["ann: nobody is woken"]


async def test_of_turns_beyond_those_that_may_wait_none_is_lost(
    autojump_clock: trio.testing.MockClock, nursery: trio.Nursery, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(shared_broadcaster, "TURNS_WAITING_MAX", 3)
    a, b = await open_nodes(nursery)
    bob = await b.come("bob")
    await settled()
    take(bob)
    assert b.room.shared is not None
    kept = a.nodes._kept
    for number in range(10):
        kept.store("python", [Said("python", 0, 0.0, "ann", f"line {number}")], {}, is_rising=True)
    turns = await b.nodes.turns("python", b.turn)
    b.room.shared.follow(turns)
    assert len(b.room.shared._waiting) == 3
    b.room.shared.follow(turns[-1:])
    await settled()
    assert bob.take_told() == [f"ann: line {number}" for number in range(10)]


async def test_ones_own_line_comes_after_what_others_said_before_it_though_nobody_was_woken(
    autojump_clock: trio.testing.MockClock, nursery: trio.Nursery, monkeypatch: pytest.MonkeyPatch
) -> None:
    a, b = await open_nodes(nursery, lambda _: None)
    ann, bob, bea = await a.come("ann"), await b.come("bob"), await b.come("bea")
    await settled()
    take(ann, bob, bea)
    await a.say(ann, "one")
    await a.room.flushed(ann)

    async def read(room: str, after: int) -> list[Turn]:
        raise AssertionError

    monkeypatch.setattr(b.nodes, "turns", read)  # the receipt has what was missed
    await b.say(bob, "two")
    await b.room.flushed(bob)
    assert take(bob, bea) == [["ann: one"], ["ann: one", "bob: two"]]


async def test_lines_have_one_time_at_every_node_though_the_clock_of_one_is_wrong(
    autojump_clock: trio.testing.MockClock, nursery: trio.Nursery, monkeypatch: pytest.MonkeyPatch
) -> None:
    a, b = await open_nodes(nursery, lambda _: None)
    ann, bob = await a.come("ann"), await b.come("bob")
    watchers = Watcher(a.hall, "w1"), Watcher(b.hall, "w2")
    for watcher, node in zip(watchers, (a, b), strict=True):
        await watcher.enter(node.room)
    await settled()
    await a.say(ann, "now")
    await a.room.flushed(ann)
    monkeypatch.setattr(shared_broadcaster, "time", lambda: 1000.0)
    for text in ("one", "two", "three"):
        await b.say(bob, text)
    b.room.post(bob, Topic("four"))
    await settled()
    seen = [
        [(line.seq, line.text, line.at) for line in watcher.take(Said, TopicSet) if isinstance(line, Said | TopicSet)]
        for watcher in watchers
    ]
    assert seen[0] == seen[1]
    assert [text for _, text, _ in seen[0]] == ["now", "one", "two", "three", "four"]
    times = [at for *_, at in seen[0]]
    assert times == sorted(set(times))


async def test_what_is_sent_again_at_another_node_is_stored_once_and_answered_with_its_number(
    autojump_clock: trio.testing.MockClock, nursery: trio.Nursery
) -> None:
    a, b = await open_nodes(nursery)
    desk, phone = await a.come("ann", "t"), await b.come("ann", "t")
    bob = await b.come("bob")
    await settled()
    take(bob)
    await a.say(desk, "once", "k")
    await b.say(phone, "once", "k")
    await settled()
    assert bob.take_told() == ["ann: once"]
    assert a.room.last_seq == b.room.last_seq == 1


async def test_who_enters_is_shown_what_they_have_missed_since_they_were_at_whatever_node(
    autojump_clock: trio.testing.MockClock, nursery: trio.Nursery
) -> None:
    a, b = await open_nodes(nursery)
    bob = await b.come("bob")
    ann = await a.come("ann", "t")
    await b.say(bob, "one")
    await settled()
    await a.room.leave(ann)
    await b.say(bob, "two")
    await settled()
    again = await b.come("ann", "t")
    told = again.take_told()
    assert any("two" in line for line in told)
    assert not any("one" in line for line in told)


async def test_a_room_that_has_another_name_goes_on_at_a_node_that_has_not_heard_of_it_yet(
    autojump_clock: trio.testing.MockClock, nursery: trio.Nursery
) -> None:
    a, b = await open_nodes(nursery)
    ann, bob = await a.come("ann"), await b.come("bob")
    watcher = Watcher(b.hall, "watcher")
    await watcher.enter(b.room)
    await settled()
    take(ann, bob)
    assert not await a.room.changes.ask("snakes", lambda named: a.nodes.journal.rename_room("python", "snakes", named))
    await b.say(bob, "by the old name")
    await a.say(ann, "by the new one")
    await settled()
    assert ann.take_told() == ["* python has a new name: snakes.", "python is snakes", "bob: by the old name"]
    assert bob.take_told() == ["ann: by the new one"]
    assert {line.room for line in watcher.take(Said) if isinstance(line, Said)} == {"python"}, "until it is told"
    assert not await b.room.changes.ask("snakes")
    await b.say(bob, "now, too")
    await settled()
    assert ann.take_told() == ["bob: now, too"]
    lines = (await b.nodes.journal.read("snakes", 1, 9)).lines
    assert [(line.seq, line.room) for line in lines] == [(1, "snakes"), (2, "snakes"), (3, "snakes")]


# What cannot be stored.


async def test_while_nothing_can_be_stored_nobody_comes_and_who_goes_has_gone_when_it_can(
    autojump_clock: trio.testing.MockClock, nursery: trio.Nursery
) -> None:
    a, b = await open_nodes(nursery)
    ann, carl, bob = await a.come("ann"), await a.come("carl"), await b.come("bob")
    await settled()
    take(ann, bob)
    a.nodes.is_full = True
    late = await a.come("dan")
    assert late.place is a.hall
    await a.room.leave(carl)
    await a.rename(ann, "anna")
    await a.say(ann, "lost")
    await settled()
    assert carl not in a.room
    assert sorted(a.room.nicks) == sorted(b.room.nicks) == ["ann", "bob", "carl"], "what is not stored is not shown"
    assert bob.take_told() == []
    a.nodes.is_full = False
    await settled()
    assert sorted(a.room.nicks) == sorted(b.room.nicks) == ["anna", "bob"]
    assert sorted(bob.take_told()) == ["* ann is now anna", "* carl left"]


async def test_who_may_say_nothing_more_is_left_out_and_the_others_are_not(
    autojump_clock: trio.testing.MockClock, nursery: trio.Nursery
) -> None:
    a, b = await open_nodes(nursery)
    holder = await a.nodes.journal.accounts.register(Registration("eve", "eve"), 0.0)
    assert isinstance(holder, Holder)
    account = holder.account.id
    a.nodes._kept.accounts.add(Device(7, account, "phone", b"digest", 0.0))
    ann, bob = await a.come("ann"), await b.come("bob")
    eve = FakeSession(a.hall, "eve")
    eve.person.account, eve.person.sender, eve.proof = account, f"account:{account}", Proof(7)
    await eve.enter(a.room)
    await settled()
    take(ann, bob, eve)
    await b.nodes.journal.accounts.drop_devices(account, [7])
    a.room.post(ann, Topic("before"))
    await a.say(eve, "x", "k")
    await a.say(ann, "after")
    await a.say(eve, "y")
    await settled()
    assert bob.take_told() == ["* ann? set the topic: before", "ann?: after"]
    assert len(eve.take_told()) == 4
    assert a.room.last_seq == 2


async def test_while_the_engine_is_away_nobody_comes_in(
    autojump_clock: trio.testing.MockClock, nursery: trio.Nursery
) -> None:
    a, _ = await open_nodes(nursery)
    a.nodes.life.asked("something")
    await trio.sleep(4)
    ann = FakeSession(a.hall, "ann")
    assert await ann.enter(a.room) == -1
    assert ann.place is a.hall
    a.nodes.life.answered("something")
    assert await ann.enter(a.room) == 0
    assert ann in a.room


async def test_who_is_known_to_come_back_elsewhere_is_not_seen_to_go(
    autojump_clock: trio.testing.MockClock, nursery: trio.Nursery
) -> None:
    a, b = await open_nodes(nursery)
    bob = await b.come("bob")
    ann, carl = await a.come("ann", "t"), await a.come("carl")
    await settled()
    take(bob)
    a.nodes.life.leave()
    await a.room.leave(ann)
    await a.room.leave(carl)
    await settled()
    assert bob.take_told() == ["* carl left"]
    assert sorted(b.room.nicks) == ["ann", "bob"]


async def test_who_registers_has_not_come_nor_gone_and_is_known_by_the_account(
    autojump_clock: trio.testing.MockClock, nursery: trio.Nursery
) -> None:
    a, b = await open_nodes(nursery)
    bob, ann = await b.come("bob"), await a.come("ann", "t")
    await settled()
    take(bob)
    holder = await a.nodes.journal.accounts.register(Registration("ann", "ann"), 0.0)
    assert isinstance(holder, Holder)
    ann.person.account, ann.person.sender = holder.account.id, f"account:{holder.account.id}"
    a.room.known_otherwise("ann", ann.person.sender)
    a.room.changes.note_account(ann.person, is_first=False)
    await settled()
    assert bob.take_told() == ["* ann has an account now: nobody else can have the name."]
    assert [one.person for one in (await b.nodes.open("python")).people if one.nick == "ann"] == [ann.person.sender]
    assert sorted(b.room.nicks) == sorted(a.room.nicks) == ["ann", "bob"]
    await a.room.leave(ann)
    await settled()
    assert bob.take_told() == ["* ann left"]


async def test_a_room_that_has_missed_what_is_forgotten_goes_on_from_how_it_is_and_says_so(
    autojump_clock: trio.testing.MockClock, nursery: trio.Nursery
) -> None:
    a, b = await open_nodes(nursery, lambda _: None)
    ann, bob = await a.come("ann"), await b.come("bob")
    await settled()
    take(ann, bob)
    kept = a.nodes._kept.rooms["python"]
    await a.say(ann, "one")
    await a.room.flushed(ann)
    await a.room.leave(ann)
    kept.turns.pop(-2)
    await settled()
    told = bob.take_told()
    assert "* ann left" in told
    assert len(told) == 2
    assert b.room.nicks == ["bob"]
    await b.say(bob, "two")
    await settled()
    assert b.room.last_seq == 2


async def test_who_was_called_otherwise_in_what_is_forgotten_is_called_so_from_then_on(
    autojump_clock: trio.testing.MockClock, nursery: trio.Nursery
) -> None:
    a, b = await open_nodes(nursery, lambda _: None)
    desk, phone, bob = await a.come("ann", "t"), await b.come("ann", "t"), await b.come("bob")
    await settled()
    await b.say(phone, "mine")
    await settled()
    take(desk, phone, bob)
    phone.person.nick = "anna"  # the other node hears of it by another way
    await a.rename(desk, "anna")
    await a.room.leave(desk)
    a.nodes._kept.rooms["python"].turns.pop(-2)
    await settled()
    assert "* ann is now anna" in bob.take_told()
    assert sorted(b.room.nicks) == ["anna", "bob"]
    own = b.room.is_own
    lines = [Said("python", seq, 0.0, nick, "x") for seq, nick in ((1, "ann"), (b.room.last_seq + 1, "anna"))]
    assert [own(phone, line) for line in lines] == [False, True], "it says ann, whoever that is now"


async def test_a_turn_before_which_everything_is_forgotten_is_not_waited_for(
    autojump_clock: trio.testing.MockClock, nursery: trio.Nursery
) -> None:
    waiting: list[Callable[[], None]] = []
    a, b = await open_nodes(nursery, waiting.append)
    ann, bob = await a.come("ann"), await b.come("bob")
    await settled()
    take(ann, bob)
    waiting.clear()
    for text in ("one", "two"):
        await a.say(ann, text)
        await a.room.flushed(ann)
    a.nodes._kept.rooms["python"].turns.clear()
    waiting[-1]()
    await trio.testing.wait_all_tasks_blocked()
    assert b.turn == a.turn
    assert len(bob.take_told()) == 1, "that something may be missing"
    await a.say(ann, "three")
    await settled()
    assert bob.take_told() == ["ann: three"]


async def test_ones_own_turn_before_which_something_is_forgotten_is_shown(
    autojump_clock: trio.testing.MockClock, nursery: trio.Nursery
) -> None:
    a, b = await open_nodes(nursery, lambda _: None)
    ann, bob, bea = await a.come("ann"), await b.come("bob"), await b.come("bea")
    await settled()
    take(ann, bob, bea)
    await a.say(ann, "one")
    await a.room.flushed(ann)
    await a.room.leave(ann)
    a.nodes._kept.rooms["python"].turns.clear()
    with capture_logs():
        await b.say(bob, "two")
        await settled()
    told = bea.take_told()
    assert "bob: two" in told
    assert "* ann left" in told
    assert sorted(b.room.nicks) == ["bea", "bob"]


@pytest.mark.goes_wrong
@pytest.mark.parametrize("step", ["take", "known_as"])
async def test_a_turn_whose_taking_in_failed_is_shown_all_the_same_and_who_is_there_is_put_right(
    autojump_clock: trio.testing.MockClock, nursery: trio.Nursery, monkeypatch: pytest.MonkeyPatch, step: str
) -> None:
    a, b = await open_nodes(nursery)
    ann, bob = await a.come("ann"), await b.come("bob")
    await settled()
    take(ann, bob)

    def fail(*_: object) -> None:
        raise RuntimeError

    with monkeypatch.context() as patched:
        patched.setattr(a.room._members, step, fail)
        await a.say(ann, "seen")
        carl = await a.come("carl")
        await a.say(ann, "and heard")
    await settled()
    assert [line for line in bob.take_told() if line.startswith("ann")] == ["ann: seen", "ann: and heard"]
    people = {one.nick for one in (await a.nodes.open("python")).people}
    assert set(a.room.nicks) == set(b.room.nicks) == people
    assert (carl in a.room) == ("carl" in people)


async def test_what_is_said_while_people_elsewhere_talk_waits_a_moment_for_more_of_it(
    autojump_clock: trio.testing.MockClock, nursery: trio.Nursery, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(gathering, "GATHER_PER_MEMBER", 0.001)
    a, b = await open_nodes(nursery)
    ann, bob = await a.come("ann"), await b.come("bob")
    shared = b.room.shared
    assert shared is not None
    await settled()
    await trio.sleep(10)
    turn = shared.turn
    await b.say(bob, "alone")
    await wait_all_tasks_blocked()
    assert shared.turn == turn + 1, "nobody talks elsewhere: it waits for nothing"
    await a.say(ann, "elsewhere")
    await wait_all_tasks_blocked()
    await trio.sleep(0.06)  # that is shown, and the room does not rest any more
    turn = shared.turn
    await b.say(bob, "one")
    await wait_all_tasks_blocked()
    await b.say(bob, "two")
    await wait_all_tasks_blocked()
    assert shared.turn == turn
    await trio.sleep(0.006)
    assert shared.turn == turn + 1
    await trio.sleep(1)
    await b.say(bob, "long after")
    await wait_all_tasks_blocked()
    assert shared.turn == turn + 2


async def test_what_comes_from_elsewhere_right_after_something_was_shown_is_shown_with_what_is_said_here(
    autojump_clock: trio.testing.MockClock, nursery: trio.Nursery, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(gathering, "REST_PER_MEMBER", 1.0)
    monkeypatch.setattr(gathering, "REST_MAX", 2.0)
    a, b = await open_nodes(nursery)
    ann, bob = await a.come("ann"), await b.come("bob")
    reader = Pushed(b.hall, "carl")
    await reader.enter(b.room)
    await settled()
    reader.pushes.clear()
    await trio.sleep(10)
    await a.say(ann, "first")
    await wait_all_tasks_blocked()
    assert len(reader.pushes) == 1, "nothing was shown just now: it waits for nothing"
    await a.say(ann, "one")
    await wait_all_tasks_blocked()
    await a.say(ann, "two")
    await wait_all_tasks_blocked()
    assert len(reader.pushes) == 1
    await b.say(bob, "three")
    await wait_all_tasks_blocked()
    assert reader.pushes[1:] == ["ann: one\r\nann: two\r\nbob: three\r\n"]
    await a.say(ann, "four")
    await trio.sleep(2.1)
    assert reader.pushes[2:] == ["ann: four\r\n"], "and if nobody here says anything, after its time"
    await a.say(ann, "five")
    await wait_all_tasks_blocked()
    b.room.close()
    await trio.sleep(0.1)
    assert reader.pushes[3:] == ["ann: five\r\n"], "or when the room ends"
