import re
from collections.abc import Mapping, Sequence

import pytest
import trio
from hypothesis import given
from hypothesis import strategies as st

from captured_logs import capture_logs
from chat_server.commands.table import COMMANDS
from chat_server.journal import PendingAppend, Receipt
from chat_server.journal.keys import SenderKey
from chat_server.journal.memory import MemoryJournal
from chat_server.protocol.entries import Entry, Said
from chat_server.protocol.events import Event
from chat_server.protocol.requests import Act, Back, Join, ListOnline, Login, Rename, Request, Say, TimeNextLine
from chat_server.rooms.batch import Arrival, Departure
from chat_server.rooms.chat_room import ChatRoom
from chat_server.rooms.inbox import INBOX_MAX
from chat_server.rooms.room import Room
from chat_server.sessions.membership import Membership
from chat_server.wire.render.profiles import RenderProfile, renderer_for
from fakes import FakeSession, make_hall, open_rooms


async def ask(session: FakeSession, *requests: Request) -> None:
    """Give requests as a session would, and let the room answer."""
    for request in requests:
        pause = COMMANDS.dispatch(session.place, session, request)
        if pause is not None:
            await pause
    await trio.testing.wait_all_tasks_blocked()


async def enter(room: Room, *nicks: str) -> list[FakeSession]:
    """Let people enter one after the other, and forget what they were told."""
    sessions = [FakeSession(room, nick) for nick in nicks]
    for session in sessions:
        await room.enter(session)
    await trio.sleep(10)
    for session in sessions:
        session.take_told()
    return sessions


async def test_what_is_said_goes_to_everybody_else(autojump_clock: trio.abc.Clock, nursery: trio.Nursery) -> None:
    _, room = open_rooms(nursery)
    ann, bob, carol = await enter(room, "ann", "bob", "carol")
    await ask(ann, Say("hello"), Act("waves"))
    assert ann.told == []
    assert bob.told == carol.told == ["ann: hello", "~ ann waves"]


async def test_of_lines_stored_together_everybody_is_shown_those_of_others_and_their_own_name_bright(
    autojump_clock: trio.abc.Clock, nursery: trio.Nursery
) -> None:
    _, room = open_rooms(nursery)
    people = [FakeSession(room, nick) for nick in ("ann", "bob", "carol")]
    ann, bob, _ = people
    ann.render_mention = renderer_for(RenderProfile(colours=16))
    for session in people:
        await room.enter(session)
    await trio.sleep(10)
    for session in people:
        session.take_told()
    said = [(ann, "one"), (ann, "I, ann"), (bob, "two"), (ann, "three"), (bob, "ann?"), (bob, "four")]
    for session, text in said:
        assert COMMANDS.dispatch(room, session, Say(text)) is None
    await trio.testing.wait_all_tasks_blocked()
    for session in people:
        assert [line.rpartition("\x1b[")[0] == "" for line in session.told].count(False) == (session is ann)
        shown = [re.sub("\x1b\\[[0-9;]*m", "", line) for line in session.take_told()]
        assert shown == [f"{author.nick}: {text}" for author, text in said if author is not session]


async def test_one_who_enters_is_told_where_and_who_else_is_there(
    autojump_clock: trio.abc.Clock, nursery: trio.Nursery
) -> None:
    hall, _ = open_rooms(nursery)
    ann, bob = FakeSession(hall, "ann"), FakeSession(hall, "bob")
    await ask(ann, Join("Python"))
    await ask(bob, Join("python"))
    await trio.sleep(1)
    assert ann.take_told() == ["* You are in python.", "* Nobody else is here.", "* bob joined"]
    assert bob.take_told() == ["* You are in python.", "* Also here: ann"]
    await ask(bob, Back())
    await trio.sleep(1)
    assert ann.take_told() == ["* bob left"]
    assert bob.take_told() == ["* You are in the hall."]


async def test_who_logs_in_again_in_a_room_is_told_what_changes_a_name(
    autojump_clock: trio.abc.Clock, nursery: trio.Nursery
) -> None:
    _, room = open_rooms(nursery)
    (ann,) = await enter(room, "ann")
    await ask(ann, Login("anna"))
    assert ann.told == [
        "* You are already logged in as ann. /nick NICK changes your name; to log in as somebody else, /logout first."
    ], "as in the hall"


async def test_joining_another_room_leaves_the_first(autojump_clock: trio.abc.Clock, nursery: trio.Nursery) -> None:
    _, room = open_rooms(nursery)
    ann, bob = await enter(room, "ann", "bob")
    await ask(ann, Join("pm"), Say("who is here?"))
    await trio.sleep(1)
    assert ann.told == ["* You are in pm.", "* Nobody else is here."]
    assert bob.told == ["* ann left"]
    await ask(bob, Join("python"))
    assert bob.told[1:] == ["* You are already in python."]


async def test_online_shows_who_else_is_here(autojump_clock: trio.abc.Clock, nursery: trio.Nursery) -> None:
    _, room = open_rooms(nursery)
    ann, _, _ = await enter(room, "ann", "bob", "carol")
    await ask(ann, ListOnline())
    assert ann.told == ["* 2 others in python: bob, carol"]


async def test_a_new_nickname_is_told_to_everybody_and_counts_from_then_on(
    autojump_clock: trio.abc.Clock, nursery: trio.Nursery
) -> None:
    _, room = open_rooms(nursery)
    ann, bob = await enter(room, "ann", "bob")
    await ask(ann, Say("one"), Rename("anna"), Say("two"))
    assert ann.told == ["* ann is now anna"]
    assert bob.told == ["ann: one", "* ann is now anna", "anna: two"]


async def test_lines_before_one_enters_and_after_one_leaves_are_not_for_them(
    autojump_clock: trio.abc.Clock, nursery: trio.Nursery
) -> None:
    _, room = open_rooms(nursery)
    ann, bob = await enter(room, "ann", "bob")
    carol = FakeSession(room, "carol")
    async with trio.open_nursery() as at_once:
        room.post(ann, Say("before"))
        at_once.start_soon(room.enter, carol)
        await trio.testing.wait_all_tasks_blocked()
        room.post(ann, Say("between"))
        at_once.start_soon(room.leave, carol)
        await trio.testing.wait_all_tasks_blocked()
        room.post(ann, Say("after"))
    await trio.testing.wait_all_tasks_blocked()
    assert [line for line in bob.told if line.startswith("ann")] == ["ann: before", "ann: between", "ann: after"]
    assert carol.told[:2] == ["* You are in python.", "* Also here: ann, bob"]
    assert [line for line in carol.told if "before" in line] == [carol.told[3]], "shown once, as what was said before"
    assert carol.told[-2:] == ["* --- now ---", "ann: between"]


async def test_a_storm_of_joins_is_told_in_few_lines(autojump_clock: trio.abc.Clock, nursery: trio.Nursery) -> None:
    _, room = open_rooms(nursery)
    (ann,) = await enter(room, "ann")
    for number in range(500):
        await room.enter(FakeSession(room, f"u{number}"))
    await trio.sleep(10)
    assert ann.told[0] == "* u0 joined"
    assert ann.told[-1] == f"* u1, u2 and {500 - 3} others joined"
    assert len(ann.told) == 2


async def test_who_came_and_went_again_is_not_worth_a_line(
    autojump_clock: trio.abc.Clock, nursery: trio.Nursery
) -> None:
    _, room = open_rooms(nursery)
    ann, bob = await enter(room, "ann", "bob")
    carol = FakeSession(room, "carol")
    await room.enter(carol)
    await room.leave(bob)  # within the pause after "carol joined"
    await room.enter(bob)
    await room.leave(carol)
    await trio.sleep(10)
    assert ann.told == ["* carol joined", "* carol left"]


async def test_one_who_has_just_come_is_announced_before_they_are_heard(
    autojump_clock: trio.abc.Clock, nursery: trio.Nursery
) -> None:
    _, room = open_rooms(nursery)
    ann, *_ = await enter(room, *(f"u{number}" for number in range(50)))
    bob, carol = FakeSession(room, "bob"), FakeSession(room, "carol")
    await room.enter(bob)
    await room.enter(carol)
    await ask(carol, Say("hello"))
    assert ann.told == ["* bob joined", "* carol joined", "carol: hello"]


async def test_leaving_twice_or_without_having_entered_is_harmless(
    autojump_clock: trio.abc.Clock, nursery: trio.Nursery
) -> None:
    _, room = open_rooms(nursery)
    ann, bob = await enter(room, "ann", "bob")
    await room.leave(bob)
    await room.leave(bob)
    await room.leave(FakeSession(room, "carol"))
    await trio.sleep(10)
    assert ann.told == ["* bob left"]
    assert room.population == 1


async def test_a_full_inbox_makes_the_sender_wait_and_loses_nothing(
    autojump_clock: trio.abc.Clock, nursery: trio.Nursery
) -> None:
    _, room = open_rooms(nursery)
    ann, bob = await enter(room, "ann", "bob")
    count = INBOX_MAX + 10
    waits = 0
    for number in range(count):
        pause = room.post(ann, Say(str(number)))
        if pause is not None:
            waits += 1
            await pause
    await trio.testing.wait_all_tasks_blocked()
    assert waits
    assert bob.told == [f"ann: {number}" for number in range(count)]


async def test_what_waits_when_the_room_closes_is_delivered(
    autojump_clock: trio.abc.Clock, nursery: trio.Nursery
) -> None:
    _, room = open_rooms(nursery)
    ann, bob = await enter(room, "ann", "bob")
    for text in "abc":
        room.post(ann, Say(text))
    room.close()
    await trio.testing.wait_all_tasks_blocked()
    assert bob.told == ["ann: a", "ann: b", "ann: c"]


@given(st.lists(st.integers(1, 5), max_size=20))
def test_lines_are_numbered_in_order_without_holes_however_they_are_batched(batches: list[int]) -> None:
    seen: list[Event] = []

    def record(event: Event) -> bytes:
        seen.append(event)
        return renderer_for(RenderProfile())(event)

    async def converse() -> None:
        async with trio.open_nursery() as nursery:
            _, room = open_rooms(nursery)
            ann, bob = FakeSession(room, "ann"), FakeSession(room, "bob")
            bob.render = record
            await room.enter(bob)
            await room.enter(ann)
            for batch in batches:
                for _ in range(batch):
                    room.post(ann, Say("x"))
                await trio.testing.wait_all_tasks_blocked()
            nursery.cancel_scope.cancel()

    trio.run(converse, clock=trio.testing.MockClock(autojump_threshold=0))
    numbers = [event.seq for event in seen if isinstance(event, Said)]
    assert numbers == list(range(1, sum(batches) + 1))


async def test_a_batch_is_shown_once_for_each_kind_of_reader(
    autojump_clock: trio.abc.Clock, nursery: trio.Nursery
) -> None:
    _, room = open_rooms(nursery)
    calls: list[Event] = []

    def count(event: Event) -> bytes:
        calls.append(event)
        return renderer_for(RenderProfile())(event)

    others = [FakeSession(room, f"u{number}") for number in range(30)]
    for session in others:
        session.render = count
        await room.enter(session)
    (ann,) = await enter(room, "ann")
    calls.clear()
    for session in others:
        session.take_told()
    await ask(ann, Say("hello"))
    assert len(calls) == 1
    assert all(session.told == ["ann: hello"] for session in others)


async def test_one_who_enters_is_not_told_again_who_came_and_went_before(
    autojump_clock: trio.abc.Clock, nursery: trio.Nursery
) -> None:
    _, room = open_rooms(nursery)
    (ann, bob, *_) = await enter(room, *(f"u{number}" for number in range(20)))
    await room.enter(FakeSession(room, "carol"))  # announced at once: now the room waits a while
    await room.leave(bob)
    dave, erin = FakeSession(room, "dave"), FakeSession(room, "erin")
    await room.enter(dave)
    await room.enter(erin)
    await trio.sleep(10)
    assert ann.told == ["* carol joined", "* u1 left", "* dave joined", "* erin joined"]
    assert [line for line in dave.told if line.endswith(("joined", "left"))] == ["* erin joined"]
    assert [line for line in erin.told if line.endswith(("joined", "left"))] == []


async def test_who_takes_the_name_of_one_who_left_does_not_take_their_place_unseen(
    autojump_clock: trio.abc.Clock, nursery: trio.Nursery
) -> None:
    _, room = open_rooms(nursery)
    ann, *_, bob = await enter(room, *(f"u{number}" for number in range(60)), "bob")
    await room.enter(FakeSession(room, "carol"))  # announced at once: now the room waits a while
    await room.leave(bob)
    room.directory.release("bob", bob.person)
    impostor = FakeSession(room, "bob")
    await room.enter(impostor)
    await ask(impostor, Say("send me your keys"))
    assert ann.told == ["* carol joined", "* bob left", "* bob joined", "bob: send me your keys"]


async def test_coming_back_under_another_name_is_told(autojump_clock: trio.abc.Clock, nursery: trio.Nursery) -> None:
    _, room = open_rooms(nursery)
    ann, bob, *_ = await enter(room, *(f"u{number}" for number in range(60)))
    await room.enter(FakeSession(room, "carol"))
    await ask(bob, Back(), Rename("bert"), Join("python"))
    await trio.sleep(10)
    assert ann.told == ["* carol joined", "* u1 left", "* bert joined"]


async def test_one_who_enters_sees_the_names_that_the_room_has_heard_of(
    autojump_clock: trio.abc.Clock, nursery: trio.Nursery
) -> None:
    _, room = open_rooms(nursery)
    (ann,) = await enter(room, "ann")
    dave = FakeSession(room, "dave")
    room.post(dave, Arrival(trio.Event()))
    COMMANDS.dispatch(room, ann, Rename("anna"))
    await trio.testing.wait_all_tasks_blocked()
    assert dave.told == ["* You are in python.", "* Also here: ann", "* ann is now anna"]


async def test_only_some_of_a_crowd_are_named_to_one_who_enters(
    autojump_clock: trio.abc.Clock, nursery: trio.Nursery
) -> None:
    _, room = open_rooms(nursery)
    await enter(room, *(f"u{number}" for number in range(30)))
    late = FakeSession(room, "late")
    await room.enter(late)
    told = " ".join(late.told)
    assert "u19, " in told
    assert "u20" not in told
    assert "and 10 others" in told


async def test_a_line_waiting_when_somebody_enters_is_not_for_them(
    autojump_clock: trio.abc.Clock, nursery: trio.Nursery
) -> None:
    """The line, the newcomer and the next line are one batch."""
    _, room = open_rooms(nursery)
    (ann,) = await enter(room, "ann")
    dave = FakeSession(room, "dave")
    done = trio.Event()
    room.post(ann, Say("before"))
    room.post(dave, Arrival(done))
    room.post(ann, Say("after"))
    room.post(dave, Departure(trio.Event()))
    room.post(ann, Say("too late"))
    await done.wait()
    await trio.testing.wait_all_tasks_blocked()
    assert [line for line in dave.told if line.startswith("ann")] == ["ann: after"]


async def test_one_who_cannot_wait_for_a_full_inbox_leaves_all_the_same(
    autojump_clock: trio.abc.Clock, nursery: trio.Nursery
) -> None:
    hall = make_hall("python")
    room = hall.directory.room("python")
    assert isinstance(room, ChatRoom)
    ann = FakeSession(room, "ann")
    room.post(ann, Arrival(trio.Event()))
    for _ in range(INBOX_MAX - 1):
        assert room.post(ann, Say("x")) is None
    with trio.move_on_after(5) as patience:
        await room.leave(ann)
    assert patience.cancelled_caught
    nursery.start_soon(room.run)
    await trio.testing.wait_all_tasks_blocked()
    assert room.population == 0


class StalledJournal(MemoryJournal):
    """A journal whose disk stores nothing for a while."""

    def __init__(self) -> None:
        super().__init__()
        self.goes_on = trio.Event()

    def append(self, lines: Sequence[Entry], keys: Mapping[int, SenderKey]) -> PendingAppend:
        self._appended = super().append(lines, keys)
        return self

    async def stored(self) -> Receipt:
        await self.goes_on.wait()
        return await self._appended.stored()


async def test_one_who_was_about_to_enter_and_cannot_wait_for_a_full_inbox_leaves_all_the_same(
    autojump_clock: trio.abc.Clock, nursery: trio.Nursery
) -> None:
    journal = StalledJournal()
    _, room = open_rooms(nursery, journal)
    (bob,) = await enter(room, "bob")
    room.post(bob, Say("what the disk is busy with"))
    await trio.testing.wait_all_tasks_blocked()
    ann = FakeSession(room, "ann")
    room.post(ann, Arrival(trio.Event()))
    for _ in range(INBOX_MAX - 1):
        assert room.post(bob, Say("x")) is None
    with trio.move_on_after(5) as patience:
        await room.leave(ann)
    assert patience.cancelled_caught
    journal.goes_on.set()
    await trio.testing.wait_all_tasks_blocked()
    await trio.sleep(10)
    assert room.nicks == ["bob"]


async def test_one_who_gives_up_waiting_just_when_the_inbox_is_emptied_leaves_all_the_same(
    autojump_clock: trio.abc.Clock, nursery: trio.Nursery
) -> None:
    journal = StalledJournal()
    _, room = open_rooms(nursery, journal)
    ann, bob = await enter(room, "ann", "bob")
    room.post(bob, Say("what the disk is busy with"))
    await trio.testing.wait_all_tasks_blocked()
    for _ in range(INBOX_MAX):
        assert room.post(bob, Say("x")) is None

    async def leave(scope: trio.CancelScope) -> None:
        with scope:
            await room.leave(ann)

    scope = trio.CancelScope()
    nursery.start_soon(leave, scope)
    await trio.testing.wait_all_tasks_blocked()
    scope.cancel()
    journal.goes_on.set()
    await trio.testing.wait_all_tasks_blocked()
    await trio.sleep(10)
    assert room.nicks == ["bob"]


async def test_who_takes_the_name_of_one_who_could_not_wait_for_a_slow_room_comes_after_the_other_has_left(
    autojump_clock: trio.abc.Clock, nursery: trio.Nursery
) -> None:
    journal = StalledJournal()
    hall, room = open_rooms(nursery, journal)
    ann, bob = await enter(room, "ann", "bob")
    await trio.sleep(10)
    room.post(bob, Say("what the disk is busy with"))
    await trio.testing.wait_all_tasks_blocked()
    room.forget(ann)
    hall.directory.release("ann", ann.person)
    other = FakeSession(room, "ann")
    other.person.history = 0
    room.post(other, Arrival(trio.Event()))
    bob.take_told()
    journal.goes_on.set()
    await trio.sleep(10)
    assert bob.told == ["* ann left", "* ann joined"]
    assert other.told[1] == "* Also here: bob"
    assert room.nicks == ["bob", "ann"]


async def test_one_who_strays_is_let_go_though_their_leaving_fails(
    autojump_clock: trio.abc.Clock, nursery: trio.Nursery, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: object) -> None:
        raise RuntimeError("a bug")

    _, room = open_rooms(nursery)
    ann, bob = await enter(room, "ann", "bob")
    monkeypatch.setattr(room._members, "depart", fail)
    with capture_logs():
        room.forget(ann)
        await trio.sleep(10)
    assert room.nicks == ["bob"]
    room.post(bob, Say("anybody?"))
    await trio.testing.wait_all_tasks_blocked()
    assert ann.told == []


async def test_nothing_is_known_any_more_of_one_who_has_been_taken_over(
    autojump_clock: trio.abc.Clock, nursery: trio.Nursery
) -> None:
    hall, room = open_rooms(nursery)
    old = FakeSession(room, "ann")
    room.post(old, Arrival(trio.Event()))  # whoever is taken over at once does not wait for it
    await ask(old, TimeNextLine())
    new = FakeSession(hall)
    new.belong_to(old.person)
    await room.take_over([old], new)
    assert room.nicks == ["ann"]
    assert not room.timing
    assert not room._members.entered_at


async def test_who_is_cut_while_taking_over_leaves_nobody_behind(
    autojump_clock: trio.abc.Clock, nursery: trio.Nursery
) -> None:
    class OldSession(FakeSession):
        @property
        def rooms(self) -> tuple[str, ...]:
            return ("python", "pm")

    journal = StalledJournal()
    hall, python = open_rooms(nursery, journal)
    pm = hall.directory.room("pm")
    assert isinstance(pm, ChatRoom)
    old, bob = OldSession(hall, "ann"), FakeSession(hall, "bob")
    for room in (python, pm):
        await room.enter(old)
    await python.enter(bob)
    python.post(bob, Say("what the disk is busy with"))
    await trio.testing.wait_all_tasks_blocked()
    new = FakeSession(hall)
    new.belong_to(old.person)
    membership = Membership()
    with trio.move_on_after(10) as cut:
        await membership.take_over(new, [python, pm])
    assert cut.cancelled_caught
    journal.goes_on.set()
    await membership.leave_all(new)
    await trio.sleep(10)
    assert python.nicks == ["bob"]
    assert pm.nicks == []
