"""One person by several sessions: programs with one token, each of which was added to the others. On virtual time."""

from collections import Counter
from collections.abc import Awaitable, Callable, Mapping, Sequence
from contextlib import suppress
from typing import Any, NamedTuple

import pytest
import trio
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace
from trio.testing import MockClock

from captured_logs import capture_logs
from chat_server.commands.renaming import ROOMS_AT_ONCE, ROOMS_PER_LINE
from chat_server.commands.table import COMMANDS
from chat_server.journal import PendingAppend, Receipt
from chat_server.journal.keys import SenderKey
from chat_server.journal.memory import MemoryJournal
from chat_server.protocol.entries import Entry
from chat_server.protocol.requests import Act, Rename, Say
from chat_server.rooms.batch import Arrival
from chat_server.rooms.chat_room import ChatRoom
from chat_server.rooms.hall import Hall
from chat_server.rooms.inbox import INBOX_MAX
from chat_server.rooms.room import Occupant
from chat_server.wire.render.profiles import RenderProfile, renderer_for
from fakes import FakeSession, make_hall, open_rooms
from streams import House, Program, open_house

TOKEN = "a-token-of-twenty-two-characters"  # noqa: S105 - nobody owns it
VISITS = ("joined", "left", "renamed")


async def ann_at_two_desks(house: House, *rooms: str) -> tuple[Program, Program]:
    """Ann by two sessions: one in these rooms, and one that has been added and is in none."""
    desk, phone = house.connect(), house.connect()
    await desk.enter("ann", *rooms, token=TOKEN)
    await phone.enter("ann", token=TOKEN, session="add")
    return desk, phone


async def heard(program: Program) -> list[dict[str, Any]]:
    """All that a program has been told, and is told within a second."""
    events = []
    with trio.move_on_after(1):
        while True:
            events.append(await program.read())
    return [event for event in events if event["is"] != "are-you-there"]


def visits(events: Sequence[dict[str, Any]]) -> list[tuple[str, ...]]:
    """Who came, went or took another name, by what one was told."""
    told: list[tuple[str, ...]] = []
    for event in events:
        if event["is"] == "renamed":
            told.append(("renamed", event["room"], event["old"], event["new"]))
        elif event["is"] in VISITS:
            told += [(event["is"], event["room"], nick) for nick in event["nicks"]]
    return told


def room_of(house: House, name: str) -> ChatRoom:
    room = house.server.hall.directory.room(name)
    assert isinstance(room, ChatRoom)
    return room


# To be added, and to take the place of all others.


async def test_who_logs_in_to_be_added_is_one_more_session_and_begins_in_no_room(
    autojump_clock: trio.abc.Clock,
) -> None:
    async with open_house() as house:
        desk, phone = house.connect(), house.connect()
        await desk.enter("ann", "python", token=TOKEN)
        added = await phone.enter("whoever", token=TOKEN, session="add")
        assert (added["nick"], added["token"], added["rooms"], added["sessions"]) == ("ann", TOKEN, [], 2)
        await phone.ask("say", room="python", text="x")
        assert (await phone.wait_for("refused"))["code"] == "not-in-room"
        await desk.ask("say", room="python", text="still here")
        assert (await desk.wait_for("said"))["text"] == "still here"


async def test_who_is_to_be_added_to_nobody_logs_in(autojump_clock: trio.abc.Clock) -> None:
    async with open_house() as house:
        alone, without = house.connect(), house.connect()
        answer = await alone.enter("ann", token=TOKEN, session="add")
        assert (answer["nick"], answer["sessions"]) == ("ann", 1)
        assert (await without.enter("bob", session="add"))["sessions"] == 1


async def test_an_answer_says_nothing_of_sessions_to_who_has_not_asked_to_be_added(
    autojump_clock: trio.abc.Clock,
) -> None:
    async with open_house() as house:
        desk, _ = await ann_at_two_desks(house)
        assert "sessions" not in await house.connect().enter("bob")
        assert "sessions" not in await house.connect().enter("ann", token=TOKEN)
        await desk.rest()


async def test_a_login_that_does_not_ask_to_be_added_takes_the_place_of_all_sessions_unseen_by_the_others(
    autojump_clock: trio.abc.Clock,
) -> None:
    async with open_house() as house:
        bob = house.connect()
        await bob.enter("bob", "python", "write", "pm")
        desk, phone = await ann_at_two_desks(house, "python", "write")
        for room in ("python", "pm"):
            await phone.ask("join", room=room)
        await heard(bob)
        new = house.connect()
        answer = await new.enter("ann", token=TOKEN)
        assert answer["rooms"] == ["python", "write", "pm"]
        assert [(await new.wait_for("entered"))["nicks"] for _ in range(3)] == [["bob"]] * 3
        for old in (desk, phone):
            assert (await old.rest())[-1]["why"] == "taken-over"
        assert await heard(bob) == []
        for name in ("python", "write", "pm"):
            assert room_of(house, name).nicks == ["bob", "ann"]
            assert len(room_of(house, name)._members.sessions) == 2
        await new.ask("nick", nick="anna")
        assert sorted(visits(await heard(bob))) == [
            ("renamed", room, "ann", "anna") for room in ("pm", "python", "write")
        ]


async def test_whoever_takes_over_a_takeover_that_is_going_on_has_all_the_rooms(
    autojump_clock: trio.abc.Clock,
) -> None:
    for pauses in range(12):
        async with open_house() as house:
            desk, phone = await ann_at_two_desks(house, "python", "write")
            await phone.ask("join", room="pm")
            await phone.wait_for("entered")
            second, third = house.connect(), house.connect()
            await second.ask("login", nick="ann", token=TOKEN)
            for _ in range(pauses):
                await trio.lowlevel.checkpoint()
            await third.ask("login", nick="ann", token=TOKEN)
            await trio.sleep(20)
            (session,) = house.server.hall.directory._people["ann"].sessions
            assert sorted(session.rooms) == ["pm", "python", "write"]
            assert all(room._members.sessions == [session] for room in house.server.rooms)
            await desk.rest()


async def test_who_is_added_while_a_takeover_goes_on_stays(autojump_clock: trio.abc.Clock) -> None:
    for pauses in range(12):
        async with open_house() as house:
            desk, phone = await ann_at_two_desks(house, "python", "pm")
            new, late = house.connect(), house.connect()
            await new.ask("login", nick="ann", token=TOKEN)
            for _ in range(pauses):
                await trio.lowlevel.checkpoint()
            await late.ask("login", nick="ann", token=TOKEN, session="add")
            await trio.sleep(20)
            people = house.server.hall.directory._people
            assert len(people["ann"].sessions) in {1, 2}, "it came before the takeover, or after it"
            assert room_of(house, "pm").nicks == ["ann"]
            for old in (desk, phone):
                await old.rest()


async def test_a_person_has_so_many_sessions_and_no_more(autojump_clock: trio.abc.Clock) -> None:
    async with open_house(sessions_per_person=2) as house:
        desk, phone = await ann_at_two_desks(house, "python")
        tab = house.connect()
        await tab.ask("login", nick="ann", token=TOKEN, session="add", ref=1)
        refused = await tab.wait_for("refused")
        assert (refused["code"], refused["details"], refused["ref"]) == ("too-many-sessions", {"limit": "2"}, 1)
        assert refused["text"] == (
            'You are connected 2 times already. Log out somewhere, or log in without "session":"add", which ends all of them.'
        )
        await phone.ask("logout")
        await phone.rest()
        assert (await tab.enter("ann", token=TOKEN, session="add"))["sessions"] == 2
        new = house.connect()
        await new.enter("ann", token=TOKEN)
        assert (await desk.rest())[-1]["why"] == "taken-over"


async def test_where_there_is_no_limit_a_person_has_many_sessions(autojump_clock: trio.abc.Clock) -> None:
    async with open_house(sessions_per_person=0, silence_seconds=0) as house:
        await house.connect().enter("ann", token=TOKEN)
        for number in range(2, 20):
            assert (await house.connect().enter("ann", token=TOKEN, session="add"))["sessions"] == number


async def test_who_takes_the_place_of_sessions_in_more_rooms_than_one_may_be_in_is_in_the_first_of_them(
    autojump_clock: trio.abc.Clock,
) -> None:
    async with open_house(
        messages_per_second=0, rooms_per_person=0, rooms_per_address=0, connections_per_address=0
    ) as house:
        desk, phone = await ann_at_two_desks(house)
        for number in range(104):
            program = desk if number < 60 else phone
            await program.ask("create", room=f"room-{number}")
            await program.ask("join", room=f"room-{number}")
            await program.wait_for("entered")
        new = house.connect()
        answer = await new.enter("ann", token=TOKEN)
        assert answer["rooms"] == [f"room-{number}" for number in range(100)]
        await trio.sleep(20)
        assert [room.name for room in house.server.rooms if room.population] == answer["rooms"]


class SlowDisk:
    """An append that is stored when the disk moves again."""

    def __init__(self, pending: PendingAppend, moves: trio.Event) -> None:
        self._pending = pending
        self._moves = moves

    async def stored(self) -> Receipt:
        await self._moves.wait()
        return await self._pending.stored()


class SlowJournal(MemoryJournal):
    """A journal whose disk stands still for one room."""

    def __init__(self) -> None:
        super().__init__()
        self.slow_room = ""
        self.moves = trio.Event()

    def append(self, lines: Sequence[Entry], keys: Mapping[int, SenderKey]) -> PendingAppend:
        pending = super().append(lines, keys)
        return SlowDisk(pending, self.moves) if lines[0].room == self.slow_room else pending


async def test_a_takeover_that_takes_long_leaves_nobody_in_the_rooms_that_are_too_many(
    autojump_clock: trio.abc.Clock,
) -> None:
    journal = SlowJournal()
    async with open_house(
        journal=journal, messages_per_second=0, rooms_per_person=0, connections_per_address=0, silence_seconds=0
    ) as house:
        bob = house.connect()
        await bob.enter("bob")
        desk, phone = await ann_at_two_desks(house)
        for number in range(104):
            program = desk if number < 60 else phone
            await program.ask("create", room=f"room-{number}")
            await program.ask("join", room=f"room-{number}")
            await program.wait_for("entered")
        for room in ("room-0", "room-50", "room-103"):
            await bob.ask("join", room=room)
            await bob.wait_for("entered")
        journal.slow_room = "room-0"
        await bob.ask("say", room="room-0", text="x")
        heir = house.connect()
        await heir.enter("ann", token=TOKEN)
        tab = house.connect()
        await tab.enter("ann", token=TOKEN, session="add")
        await tab.ask("join", room="room-102")
        await trio.sleep(20)  # the sessions that end do not wait for so long
        await tab.ask("logout")
        journal.moves.set()
        assert visits(await heard(bob)) == [("left", "room-103", "ann")]
        assert {room.name for room in house.server.rooms if "ann" in room.nicks} == {f"room-{n}" for n in range(100)}


async def test_a_takeover_of_one_that_takes_long_is_as_unseen_by_the_others(autojump_clock: trio.abc.Clock) -> None:
    journal = SlowJournal()
    async with open_house(journal=journal, silence_seconds=0) as house:
        bob = house.connect()
        await bob.enter("bob", "python", "pm")
        await ann_at_two_desks(house, "python", "pm")
        await heard(bob)
        journal.slow_room = "python"
        await bob.ask("say", room="python", text="x")
        for _ in range(2):
            await house.connect().enter("ann", token=TOKEN)
            await trio.sleep(1)
        journal.moves.set()
        assert visits(await heard(bob)) == []
        assert [room_of(house, name).nicks for name in ("python", "pm")] == [["bob", "ann"]] * 2
        (session,) = house.server.hall.directory._people["ann"].sessions
        assert all(len(room_of(house, name)._members.sessions) == 2 for name in session.rooms)


# Who comes and goes.


async def test_somebody_comes_with_the_first_session_and_goes_with_the_last(autojump_clock: trio.abc.Clock) -> None:
    async with open_house() as house:
        bob, reader = house.connect(), house.call()
        await bob.enter("bob", "python")
        await reader.log_in("carol", "python")
        desk, phone = await ann_at_two_desks(house, "python")
        assert visits(await heard(bob)) == [("joined", "python", "carol"), ("joined", "python", "ann")]
        await phone.ask("join", room="python")
        entered = await phone.wait_for("entered")
        assert entered["nicks"] == ["bob", "carol"], "oneself is nobody else"
        await phone.ask("online", room="python")
        assert (await phone.wait_for("online-listed"))["nicks"] == ["bob", "carol"]
        await phone.ask("rooms")
        assert (await phone.wait_for("rooms-listed"))["rooms"][0] == ["python", 3]
        await desk.ask("back", room="python")
        assert visits(await heard(bob)) == []
        await phone.ask("back", room="python")
        assert visits(await heard(bob)) == [("left", "python", "ann")]
        assert visits(await heard(desk)) == [], "who is not here is told nothing"
        await reader.read_until("* ann left\r\n")


@pytest.mark.parametrize("way", ["logout", "lost", "silent"])
async def test_the_end_of_one_session_leaves_the_others_as_they_are(autojump_clock: trio.abc.Clock, way: str) -> None:
    async with open_house() as house:
        bob = house.connect()
        await bob.enter("bob", "python")
        desk, phone = await ann_at_two_desks(house, "python")
        await phone.ask("join", room="python")
        await heard(bob)
        if way == "logout":
            await phone.ask("logout")
        elif way == "lost":
            await phone.stream.aclose()
        for _ in range(5):  # the phone says nothing, and the others do
            await trio.sleep(10)
            await desk.ask("here")
            await bob.ask("here")
        assert len(house.server.hall.directory._people["ann"].sessions) == 1
        await desk.ask("say", room="python", text="at the desk")
        assert [(event["is"], event.get("text")) for event in await heard(bob)] == [("said", "at the desk")]
        await desk.ask("logout")
        assert visits(await heard(bob)) == [("left", "python", "ann")]
        assert set(house.server.hall.directory._people) == {"bob"}
        assert await house.connect().enter("ann"), "the name is free again"


async def test_a_name_stays_taken_as_long_as_one_session_has_it(autojump_clock: trio.abc.Clock) -> None:
    async with open_house() as house:
        desk, phone = await ann_at_two_desks(house)
        await desk.ask("logout")
        await desk.rest()
        thief, telnet = house.connect(), house.call()
        await thief.ask("login", nick="ann")
        assert (await thief.wait_for("refused"))["code"] == "name-taken"
        await telnet.type("/login ann")
        await telnet.read_until("* ann is taken. Choose another name.\r\n")
        await phone.ask("here")


@pytest.mark.goes_wrong
async def test_a_bug_that_one_session_meets_is_not_the_end_of_the_others(
    autojump_clock: trio.abc.Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with open_house() as house:
        desk, phone = await ann_at_two_desks(house, "python")
        session, other = house.server.hall.directory._people["ann"].sessions

        def send_unasked(session: object, event: object) -> None:
            if session is other:
                raise RuntimeError

        monkeypatch.setattr(type(other), "send_unasked", send_unasked)
        await desk.ask("nick", nick="anna")
        assert (await phone.rest())[-1]["why"] == "failed"
        await desk.ask("say", room="python", text="I am here")
        assert (await desk.wait_for("said"))["nick"] == "anna"
        assert house.server.hall.directory._people["anna"].sessions == (session,)


async def test_who_saw_somebody_that_is_announced_to_nobody_is_told_when_they_go_or_come(
    autojump_clock: trio.abc.Clock, nursery: trio.Nursery
) -> None:
    _, room = open_rooms(nursery)
    crowd = [FakeSession(room, f"u{number}") for number in range(50)]
    for session in crowd:
        await room.enter(session)
    await trio.sleep(10)
    await room.enter(FakeSession(room, "first"))  # announced at once: now the room waits a while
    ann, bob, carol = (FakeSession(room, nick) for nick in ("ann", "bob", "carol"))
    for session in crowd:
        session.take_told()
    await room.enter(ann)
    await room.enter(bob)
    await room.leave(ann)
    assert bob.told[-1] == "* ann left", "bob has seen her"
    await room.leave(crowd[0])
    await room.enter(carol)
    carol.take_told()
    await room.enter(crowd[0])
    assert carol.told == ["* u0 joined"], "carol has not seen u0"
    await trio.sleep(10)
    assert crowd[1].told == ["* bob joined", "* carol joined"]
    assert carol.told == ["* u0 joined"]
    assert bob.told[-2:] == ["* ann left", "* carol joined"]


async def test_one_who_was_let_go_when_a_step_failed_is_not_looked_for_when_somebody_goes_whom_they_saw(
    autojump_clock: trio.abc.Clock, nursery: trio.Nursery, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: object) -> None:
        raise RuntimeError("a bug")

    _, room = open_rooms(nursery)
    for number in range(100):
        await room.enter(FakeSession(room, f"u{number}"))
    await trio.sleep(10)
    await room.enter(FakeSession(room, "first"))  # announced at once: now the room waits for two seconds
    ann, lost, bob = (FakeSession(room, nick) for nick in ("ann", "lost", "bob"))
    for session in (ann, lost, bob):
        await room.enter(session)
    with capture_logs() as logs:
        with monkeypatch.context() as patch:
            patch.setattr(room._members, "depart", fail)
            room.forget(lost)
            await trio.testing.wait_all_tasks_blocked()
        await trio.sleep(0.5)  # the room rests
        assert "lost" not in room.nicks
        await room.leave(ann)
    assert bob.told[-1] == "* ann left"
    assert sum(entry["log_level"] == "error" for entry in logs) == 1, "only what failed did"


async def test_who_is_told_alone_is_told_at_once_and_not_as_an_answer(autojump_clock: trio.abc.Clock) -> None:
    async with open_house(messages_per_second=0) as house:
        dan, ann, carol, eve, bob = house.connect(), house.connect(), house.connect(), house.connect(), house.call()
        await bob.log_in("bob")
        await bob.type("/colour on")  # what is laid out waits until a request has been carried out
        await bob.read_until("Colours are on.")
        for program, nick in ((dan, "dan"), (ann, "ann"), (carol, "carol"), (eve, "eve")):
            await program.enter(nick)
        for program in (dan, ann, carol):  # the first is announced at once, the second a moment later
            await program.ask("join", room="python")
            await program.wait_for("entered")
        await bob.type("/join python")
        await bob.read_until("dan, ann, carol")
        await eve.ask("join", room="python", ref="join")
        assert (await eve.wait_for("entered"))["nicks"] == ["dan", "ann", "carol", "bob"]
        await carol.ask("back", room="python")
        assert await eve.wait_for("left") == {"is": "left", "room": "python", "nicks": ["carol"], "more": 0}
        await bob.read_until("carol left")


async def test_a_session_is_not_told_again_whom_it_has_seen_when_it_came(
    autojump_clock: trio.abc.Clock, nursery: trio.Nursery
) -> None:
    hall, room = open_rooms(nursery)
    crowd = [FakeSession(room, f"u{number}") for number in range(50)]
    for session in crowd:
        await room.enter(session)
    await trio.sleep(10)
    await room.enter(FakeSession(room, "first"))  # announced at once: now the room waits a while
    await room.enter(FakeSession(room, "ann"))
    phone, new = FakeSession(hall), FakeSession(hall)
    phone.belong_to(crowd[0].person)
    new.belong_to(crowd[1].person)
    await room.enter(phone)
    await room.take_over([crowd[1]], new)
    await room.enter(FakeSession(room, "bob"))
    await trio.sleep(10)
    assert crowd[0].told[-2:] == ["* ann joined", "* bob joined"]
    for session in (phone, new):
        assert [line for line in session.told if line.endswith("joined")] == ["* bob joined"]


# What is said, and its keys.


async def test_the_other_sessions_hear_what_one_says_and_only_that_one_is_told_that_it_is_stored(
    autojump_clock: trio.abc.Clock,
) -> None:
    async with open_house() as house:
        desk, phone = await ann_at_two_desks(house, "python")
        await phone.ask("join", room="python")
        await phone.wait_for("entered")
        await phone.ask("say", room="python", text="on my way", key="k", ref=1)
        told = await heard(phone)
        assert [(event["is"], event.get("ref")) for event in told] == [("said", None), ("stored", 1)]
        assert await heard(desk) == told[:1]


async def test_a_key_from_two_sessions_of_one_person_is_stored_once(autojump_clock: trio.abc.Clock) -> None:
    async with open_house() as house:
        desk, phone = await ann_at_two_desks(house, "python")
        await phone.ask("join", room="python")
        await phone.wait_for("entered")
        for program, ref in ((desk, "desk"), (phone, "phone")):  # in one turn
            await program.ask("say", room="python", text="once", key="k", ref=ref)
        for program, ref in ((desk, "desk"), (phone, "phone")):
            stored = await program.wait_for("stored")
            assert (stored["seq"], stored["ref"]) == (1, ref)
        await phone.ask("say", room="python", text="once", key="k", ref="again")
        assert (await phone.wait_for("stored"))["seq"] == 1, "and later too"
        assert room_of(house, "python").last_seq == 1


async def test_a_line_that_names_somebody_is_shown_so_to_each_of_their_sessions(
    autojump_clock: trio.abc.Clock, nursery: trio.Nursery
) -> None:
    _, room = open_rooms(nursery)
    bob, desk, phone, other = (FakeSession(room, nick) for nick in ("bob", "ann", "", "carol"))
    phone.belong_to(desk.person)
    naming = renderer_for(replace(RenderProfile(colours=16), is_named=True))
    for session in (desk, phone, other):
        session.render, session.render_mention = renderer_for(RenderProfile(colours=16)), naming
    for session in (bob, desk, phone, other):
        await room.enter(session)
    await trio.sleep(5)

    async def told_of(*sessions: FakeSession) -> list[str]:
        for session in sessions:
            session.take_told()
        room.post(bob, Act("waves at ann"))
        await trio.testing.wait_all_tasks_blocked()
        return [session.take_told()[-1] for session in sessions]

    at_desk, on_phone, elsewhere = await told_of(desk, phone, other)
    assert at_desk == on_phone != elsewhere
    COMMANDS.dispatch(room, bob, Rename("bert"))
    await room.leave(desk)
    on_phone, elsewhere = await told_of(phone, other)
    assert on_phone != elsewhere, "the one that stays"
    await room.leave(phone)
    assert room._audience._mention_members.keys() == {"carol"}


async def test_a_session_that_comes_to_where_its_person_is_already_is_shown_what_a_newcomer_is(
    autojump_clock: trio.abc.Clock,
) -> None:
    async with open_house() as house:
        bob = house.connect()
        await bob.enter("bob", "python")
        desk, phone = await ann_at_two_desks(house, "python")
        await bob.ask("say", room="python", text="one")
        await trio.sleep(1)
        await phone.ask("join", room="python")
        recalled = await phone.wait_for("recalled")
        assert ([line["text"] for line in recalled["lines"]], recalled["missed"]) == (["one"], None)
        for program in (desk, phone):
            await program.ask("back", room="python")
        await bob.ask("say", room="python", text="two")
        await trio.sleep(1)
        await phone.ask("join", room="python")
        recalled = await phone.wait_for("recalled")
        assert ([line["text"] for line in recalled["lines"]], recalled["missed"]) == (["two"], 1), "nobody was here"


# What belongs to the person.


async def test_a_new_name_is_the_persons_and_each_room_and_each_session_is_told_once(
    autojump_clock: trio.abc.Clock,
) -> None:
    async with open_house() as house:
        bob, tab = house.connect(), house.connect()
        await bob.enter("bob", "python", "pm")
        desk, phone = await ann_at_two_desks(house, "python")
        await tab.enter("ann", token=TOKEN, session="add")
        for room in ("python", "pm"):
            await phone.ask("join", room=room)
        for program in (bob, desk, phone, tab):
            await heard(program)
        await tab.ask("nick", nick="anna", ref=1)
        own = {"is": "renamed", "old": "ann", "new": "anna", "room": ""}
        in_rooms = [own | {"room": room} for room in ("python", "pm")]
        assert await heard(tab) == [own | {"ref": 1}]
        assert await heard(desk) == [own, in_rooms[0]]
        (first, *others), by_room = await heard(phone), lambda event: -len(event["room"])
        assert (first, sorted(others, key=by_room)) == (own, in_rooms)
        assert sorted(await heard(bob), key=by_room) == in_rooms
        await desk.ask("say", room="python", text="x")
        assert (await bob.wait_for("said"))["nick"] == "anna"
        assert set(house.server.hall.directory._people) == {"bob", "anna"}


async def bob_and_ann_with_her_phone(hall: Hall, room: ChatRoom) -> tuple[FakeSession, FakeSession, FakeSession]:
    """Bob and Ann in the room; a further session of hers is in the hall."""
    bob, desk, phone = FakeSession(room, "bob"), FakeSession(room, "ann"), FakeSession(hall)
    phone.belong_to(desk.person)
    for session in (bob, desk):
        await room.enter(session)
    return bob, desk, phone


async def test_a_further_session_is_shown_who_else_is_here_and_hears_of_a_new_name_as_everybody_does(
    autojump_clock: trio.abc.Clock, nursery: trio.Nursery
) -> None:
    hall, room = open_rooms(nursery)
    bob, desk, phone = await bob_and_ann_with_her_phone(hall, room)
    shown = desk.take_told()
    room.post(phone, Arrival(trio.Event()))
    COMMANDS.dispatch(room, desk, Rename("anna"))
    phone.take_told()  # outside of the room it is told at once
    await trio.sleep(1)
    assert phone.told[: len(shown)] == shown
    for session in (bob, phone):
        assert session.told[-1] == "* ann is now anna"


async def test_a_takeover_that_fails_half_way_is_done_and_unseen_all_the_same(
    autojump_clock: trio.abc.Clock, nursery: trio.Nursery, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: object) -> None:
        raise RuntimeError("a bug")

    hall, room = open_rooms(nursery)
    bob, old, new = FakeSession(room, "bob"), FakeSession(room, "ann"), FakeSession(hall)
    new.belong_to(old.person)
    for session in (bob, old):
        await room.enter(session)
    await trio.sleep(10)
    bob.take_told()
    monkeypatch.setattr(room._members, "take_over", fail)
    with capture_logs():
        await room.take_over([old], new)
        await trio.sleep(10)
    assert room._members.sessions == [bob, new]
    assert [line for line in bob.told if "ann" in line] == []


async def test_who_has_come_is_announced_before_they_are_called_otherwise(
    autojump_clock: trio.abc.Clock, nursery: trio.Nursery
) -> None:
    _, room = open_rooms(nursery)
    bob, ann, eve = (FakeSession(room, nick) for nick in ("bob", "ann", "eve"))
    for session in (bob, eve, ann):  # the first is announced at once, the others a moment later
        await room.enter(session)
    COMMANDS.dispatch(room, ann, Rename("anna"))
    await trio.sleep(10)
    assert bob.told[-2:] == ["* ann joined", "* ann is now anna"]


async def test_a_name_that_changes_while_a_rooms_inbox_is_full_is_told_all_the_same(
    autojump_clock: trio.abc.Clock, nursery: trio.Nursery
) -> None:
    hall, room = open_rooms(nursery)
    bob, desk, phone = await bob_and_ann_with_her_phone(hall, room)
    for _ in range(INBOX_MAX):
        assert room.post(desk, Say("x")) is None
    assert COMMANDS.dispatch(hall, phone, Rename("anna")) is None, "nobody waits"
    await trio.testing.wait_all_tasks_blocked()
    assert bob.told[-2:] == ["ann: x", "* ann is now anna"]
    assert phone.told == ["* ann is now anna"]
    await room.leave(desk)
    await trio.sleep(30)
    assert bob.told[-1] == "* anna left"


@pytest.mark.parametrize("failing", ["python", "pm", "write"])
async def test_what_goes_wrong_when_a_new_name_is_told_keeps_it_from_no_room_and_the_old_one_from_nobody(
    autojump_clock: trio.abc.Clock, nursery: trio.Nursery, monkeypatch: pytest.MonkeyPatch, failing: str
) -> None:
    def fail(*_: object) -> None:
        raise RuntimeError("a bug")

    hall = make_hall("python", "pm", "write")
    phone = FakeSession(hall, "ann")
    rooms = hall.directory.rooms
    for room in rooms:
        assert isinstance(room, ChatRoom)
        nursery.start_soon(room.run)
        session = FakeSession(room)
        session.belong_to(phone.person)
        await room.enter(session)
    with monkeypatch.context() as patch:
        patch.setattr(phone, "send", fail)
        with pytest.raises(RuntimeError):
            COMMANDS.dispatch(hall, phone, Rename("anna"))
    await trio.sleep(1)
    assert [room.nicks for room in rooms] == [["anna"]] * 3
    assert set(hall.directory._people) == {"anna"}
    monkeypatch.setattr(hall.directory.room(failing), "announce_name", fail)
    with pytest.raises(RuntimeError):
        COMMANDS.dispatch(hall, phone, Rename("ann"))
    await trio.sleep(1)
    assert [room.nicks for room in rooms] == [["anna"] if room.name == failing else ["ann"] for room in rooms]
    assert set(hall.directory._people) == {"ann"}


async def test_who_can_be_shown_nothing_under_a_new_name_ends(
    autojump_clock: trio.abc.Clock, nursery: trio.Nursery, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: object) -> None:
        raise RuntimeError("a bug")

    _, room = open_rooms(nursery)
    ann, bob = FakeSession(room, "ann"), FakeSession(room, "bob")
    for session in (ann, bob):
        await room.enter(session)
    with capture_logs(), monkeypatch.context() as patch:
        patch.setattr(room._audience, "add", fail)
        COMMANDS.dispatch(room, ann, Rename("anna"))
        await trio.sleep(1)
    assert "failed" in ann.told
    assert bob.told[-2:-1] == ["* ann is now anna"]
    assert "failed" not in bob.told


async def test_who_takes_a_name_that_was_given_up_just_before_a_rooms_inbox_was_full_has_it_when_the_other_has_it_no_more(
    autojump_clock: trio.abc.Clock, nursery: trio.Nursery
) -> None:
    journal = SlowJournal()
    _, room = open_rooms(nursery, journal)
    bob, zoe, eve = (FakeSession(room, nick) for nick in ("bob", "zoe", "eve"))
    for session in (bob, zoe, eve):
        await room.enter(session)
    journal.slow_room = "python"
    room.post(bob, Say("what the disk is busy with"))
    await trio.testing.wait_all_tasks_blocked()
    for _ in range(INBOX_MAX - 1):
        assert room.post(bob, Say("x")) is None
    COMMANDS.dispatch(room, zoe, Rename("ann"))
    COMMANDS.dispatch(room, eve, Rename("zoe"))
    journal.moves.set()
    await trio.sleep(1)
    assert [line for line in bob.told if "is now" in line] == ["* zoe is now ann", "* eve is now zoe"]


async def test_who_takes_another_name_before_they_are_in_a_room_comes_under_the_one_that_was_theirs(
    autojump_clock: trio.abc.Clock, nursery: trio.Nursery
) -> None:
    journal = SlowJournal()
    _, room = open_rooms(nursery, journal)
    carol, bob, ann = (FakeSession(room, nick) for nick in ("carol", "bob", "ann"))
    for session in (carol, bob):
        await room.enter(session)
    await trio.sleep(10)
    journal.slow_room = "python"
    room.post(bob, Say("what the disk is busy with"))
    await trio.testing.wait_all_tasks_blocked()
    room.post(ann, Arrival(trio.Event()))
    for session, nick in ((ann, "anna"), (bob, "ann"), (ann, "bob")):
        COMMANDS.dispatch(room, session, Rename(nick))
    carol.take_told()
    journal.moves.set()
    await trio.sleep(10)
    assert carol.told[1:] == ["* ann joined", "* ann is now anna", "* bob is now ann", "* anna is now bob"]


async def test_of_two_new_names_both_are_told_in_order_though_a_rooms_inbox_was_full_when_the_later_one_was_chosen(
    autojump_clock: trio.abc.Clock, nursery: trio.Nursery
) -> None:
    journal = SlowJournal()
    hall, room = open_rooms(nursery, journal)
    bob, _, phone = await bob_and_ann_with_her_phone(hall, room)
    journal.slow_room = "python"
    room.post(bob, Say("what the disk is busy with"))
    await trio.testing.wait_all_tasks_blocked()
    for _ in range(INBOX_MAX - 1):
        assert room.post(bob, Say("x")) is None
    for nick in ("anna", "annabel"):
        COMMANDS.dispatch(hall, phone, Rename(nick))
    journal.moves.set()
    await trio.testing.wait_all_tasks_blocked()
    assert room.nicks == ["bob", "annabel"]
    assert [line for line in bob.told if "is now" in line] == ["* ann is now anna", "* anna is now annabel"]
    for nick in ("zoe", "ann"):
        COMMANDS.dispatch(hall, phone, Rename(nick))
    await trio.testing.wait_all_tasks_blocked()
    assert [line for line in bob.told if "is now" in line][2:] == ["* annabel is now zoe", "* zoe is now ann"]


async def ann_in_many_rooms(house: House, count: int) -> tuple[Program, Program]:
    """Ann by two sessions, each in half of so many rooms, with all that they may ask for at once."""
    desk, phone = await ann_at_two_desks(house)
    for number in range(count):
        await house.server.hall.directory.create_room(f"room-{number}")
    for program, numbers in ((desk, range(count // 2)), (phone, range(count // 2, count))):
        await program.ask("resume", rooms={f"room-{number}": 0 for number in numbers})
    await trio.sleep(100)
    return desk, phone


async def test_a_new_name_is_told_to_a_few_rooms_at_a_time_and_the_old_one_is_free_when_all_have_been_told(
    autojump_clock: trio.abc.Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with open_house(silence_seconds=0) as house:
        desk, _ = await ann_in_many_rooms(house, 40)
        directory, passes, told = house.server.hall.directory, 0, Counter[int]()
        bob = FakeSession(house.server.hall, "bob").person
        announce = ChatRoom.announce_name

        def announce_name(room: ChatRoom, session: Occupant) -> None:
            told[passes] += 1
            assert directory.claim("ann", bob) is not None, "somebody may still be shown there by it"
            announce(room, session)

        monkeypatch.setattr(ChatRoom, "announce_name", announce_name)
        await desk.ask("nick", nick="anna")
        while told.total() < 40:
            passes += 1
            await trio.lowlevel.checkpoint()
        assert max(told.values()) <= 2 * ROOMS_AT_ONCE, "one pass of the loop may be seen as half of two"
        await trio.sleep(1)
        assert all(room.nicks in ([], ["anna"]) for room in house.server.rooms)
        assert set(directory._people) == {"anna", "bob"}


async def test_a_name_that_is_chosen_again_while_the_rooms_are_told_of_another_stays(
    autojump_clock: trio.abc.Clock,
) -> None:
    for pauses in range(12):
        async with open_house(silence_seconds=0) as house:
            desk, phone = await ann_in_many_rooms(house, 40)
            await desk.ask("nick", nick="anna")
            for _ in range(pauses):
                await trio.lowlevel.checkpoint()
            await phone.ask("nick", nick="ann")
            await trio.sleep(1)
            (nick,) = {nick for room in house.server.rooms for nick in room.nicks}
            assert set(house.server.hall.directory._people) == {nick}


async def test_a_takeover_while_many_rooms_are_told_of_a_new_name_leaves_none_with_the_old_one(
    autojump_clock: trio.abc.Clock,
) -> None:
    for pauses in range(12):
        async with open_house(silence_seconds=0) as house:
            desk, _ = await ann_in_many_rooms(house, 40)
            heir = house.connect()
            await desk.ask("nick", nick="anna")
            for _ in range(pauses):
                await trio.lowlevel.checkpoint()
            await heir.enter("ann", token=TOKEN)
            await trio.sleep(20)
            (nick,) = {nick for room in house.server.rooms for nick in room.nicks}
            assert set(house.server.hall.directory._people) == {nick}


async def test_a_new_name_costs_what_it_takes_to_tell_all_rooms(autojump_clock: trio.abc.Clock) -> None:
    async with open_house(silence_seconds=0) as house:
        desk, _ = await ann_in_many_rooms(house, 128)
        began = trio.current_time()
        for nick in ("anna", "ann", "anna"):
            await desk.ask("nick", nick=nick)
        while (await desk.wait_for("renamed"))["old"] != "ann":
            pass
        assert trio.current_time() == began, "the first waits for nothing"
        while not ((event := await desk.wait_for("renamed"))["room"] == "" and event["old"] == "ann"):
            pass
        assert trio.current_time() - began > 2 * (128 - ROOMS_AT_ONCE) / ROOMS_PER_LINE / 4 - 20 / 4


async def test_zone_history_and_language_are_the_persons(autojump_clock: trio.abc.Clock) -> None:
    async with open_house() as house:
        desk, phone = await ann_at_two_desks(house, "python")
        await desk.ask("say", room="python", text="x")
        await desk.ask("time", zone="Europe/Berlin")
        await desk.ask("history", count=7)
        await heard(desk)
        await phone.ask("time")
        assert (await phone.wait_for("zone-shown"))["zone"] == "Europe/Berlin"
        await phone.ask("history")
        assert (await phone.wait_for("history-chosen"))["count"] == 7
        await phone.ask("lang", language="zh", ref=1)
        chosen = {"is": "chosen", "setting": "language", "value": "zh", "is_new": True}
        assert await heard(phone) == [chosen | {"ref": 1}]
        assert await heard(desk) == [chosen], "what the server says to it is in another language from now on"
        await desk.ask("join", room="nowhere")
        assert "没有房间" in (await desk.wait_for("refused"))["text"]
        tab = house.connect()
        await tab.enter("ann", token=TOKEN, session="add")
        assert await heard(tab) == [chosen]
        new = house.connect()
        await new.enter("ann", token=TOKEN)
        assert (await new.wait_for("chosen"))["value"] == "zh"
        await new.ask("time")
        assert (await new.wait_for("zone-shown"))["zone"] == "Europe/Berlin"


async def test_a_language_that_was_chosen_before_logging_in_is_the_persons_from_then_on(
    autojump_clock: trio.abc.Clock,
) -> None:
    async with open_house() as house:
        desk, phone = house.connect(), house.connect()
        await desk.ask("lang", language="zh")
        await desk.enter("ann", token=TOKEN)
        await phone.ask("lang", language="en")
        await phone.enter("ann", token=TOKEN, session="add")
        assert (await desk.wait_for("chosen"))["value"] == "en"
        await desk.ask("join", room="nowhere")
        assert "no room" in (await desk.wait_for("refused"))["text"]


# Anything that can happen, against a model.

PEOPLE = ("ann", "bob", "eve")
ROOMS = ("python", "pm")
NAMES = ("ann", "bob", "eve", "Ann", "zoe")
SESSIONS = 3


class Step(NamedTuple):
    """Something that one session of a person does."""

    do: str
    person: str
    session: int
    to: str = ""


EVERYBODY = [Step("add", person, session) for session in range(SESSIONS) for person in PEOPLE]


def steps() -> st.SearchStrategy[list[Step]]:
    """Everybody may be there from the beginning."""
    who = (st.sampled_from(PEOPLE), st.integers(0, SESSIONS - 1))
    plain = st.builds(Step, st.sampled_from(("login", "add", "add", "logout", "lost")), *who)
    in_room = st.builds(Step, st.sampled_from(("join", "join", "back")), *who, st.sampled_from(ROOMS))
    rename = st.builds(Step, st.just("nick"), *who, st.sampled_from(NAMES))
    some = st.lists(st.one_of(plain, in_room, in_room, in_room, rename), max_size=40)
    return st.builds(list.__add__, st.sampled_from([EVERYBODY, []]), some)


class Known:
    """What the model knows of a person: the name, and for each session that is there its rooms."""

    def __init__(self) -> None:
        self.nick = ""
        self.sessions: dict[int, list[str]] = {}

    @property
    def rooms(self) -> list[str]:
        return list(dict.fromkeys(room for rooms in self.sessions.values() for room in rooms))


class Model:
    """Who is where, and what each session is to be told of who comes, goes and takes another name."""

    def __init__(self) -> None:
        self.people = {person: Known() for person in PEOPLE}
        self.told: dict[tuple[str, int], list[tuple[str, ...]]] = {}

    def is_taken(self, nick: str, person: str) -> bool:
        return any(
            known.sessions and known.nick.casefold() == nick.casefold() and other != person
            for other, known in self.people.items()
        )

    def there(self, room: str) -> list[str]:
        return sorted(known.nick for known in self.people.values() if room in known.rooms)

    def _tell(self, room: str, told: tuple[str, ...], *, but: str = "") -> None:
        for person, known in self.people.items():
            for number, rooms in known.sessions.items():
                if room in rooms and person != but:
                    self.told.setdefault((person, number), []).append(told)

    def _end(self, person: str, number: int) -> None:
        known = self.people[person]
        rooms = known.sessions.pop(number)
        for room in rooms:
            if room not in known.rooms:
                self._tell(room, ("left", room, known.nick))

    def take(self, step: Step) -> None:
        if step.session in self.people[step.person].sessions:
            self._act(step)
        elif step.do in {"login", "add"}:
            self._come(step)

    def _come(self, step: Step) -> None:
        known = self.people[step.person]
        if step.do == "add" and known.sessions:
            known.sessions[step.session] = []
        elif known.sessions:
            known.sessions = {step.session: known.rooms}
        elif not self.is_taken(step.person, step.person):
            known.nick, known.sessions = step.person, {step.session: []}

    def _act(self, step: Step) -> None:
        known = self.people[step.person]
        rooms = known.sessions[step.session]
        match step.do:
            case "join" if step.to not in rooms:
                is_first = step.to not in known.rooms
                rooms.append(step.to)
                if is_first:
                    self._tell(step.to, ("joined", step.to, known.nick), but=step.person)
            case "back" if step.to in rooms:
                rooms.remove(step.to)
                if step.to not in known.rooms:
                    self._tell(step.to, ("left", step.to, known.nick))
            case "nick" if step.to != known.nick and not self.is_taken(step.to, step.person):
                old, known.nick = known.nick, step.to
                for number in known.sessions:
                    self.told.setdefault((step.person, number), []).append(("renamed", "", old, step.to))
                for room in known.rooms:
                    self._tell(room, ("renamed", room, old, step.to))
            case "logout" | "lost":
                self._end(step.person, step.session)


class Play:
    """The same steps, done by programs at a real server."""

    def __init__(self, house: House) -> None:
        self.house = house
        self.programs: dict[tuple[str, int], Program] = {}
        self.views: dict[tuple[str, int], View] = {}

    async def take(self, step: Step) -> None:
        who = step.person, step.session
        if who not in self.programs:
            if step.do in {"login", "add"}:
                self.programs[who], self.views[who] = self.house.connect(), View()
                fields = {"session": "add"} if step.do == "add" else {}
                token = f"{step.person}-{TOKEN}"
                await self.programs[who].ask("login", ref="login", nick=step.person, token=token, **fields)
            return
        program = self.programs[who]
        with suppress(trio.BrokenResourceError):  # another has taken its place just now
            if step.do == "lost":
                del self.programs[who]
                await program.stream.aclose()
            elif step.do in {"join", "back"}:
                await program.ask(step.do, room=step.to)
            elif step.do in {"nick", "logout"}:
                await program.ask(step.do, **({"nick": step.to} if step.do == "nick" else {}))

    async def listen(self) -> dict[tuple[str, int], list[tuple[str, ...]]]:
        """What each has been told of others since this was last asked; who has been let go, or was not let in, may come again."""
        told = {}
        for who, program in list(self.programs.items()):
            events = await told_so_far(program)
            self.views[who].take(events)
            if visits(events):
                told[who] = visits(events)
            if any((event["is"], event.get("ref")) == ("refused", "login") for event in events):
                await program.stream.aclose()
                del self.programs[who]
            elif events and events[-1]["is"] in {"dismissed", "logged-out"}:
                del self.programs[who]
        return told

    def check(self) -> None:
        """What each was told comes to who is there."""
        for who, program in self.programs.items():
            for room, nicks in self.views[who].rooms.items():
                if room in self.views[who].crowded:
                    continue
                assert sorted([*nicks, self.views[who].nick]) == sorted(room_of(self.house, room).nicks), (who, program)


class View:
    """What a client makes of what it is told: who is in each of its rooms besides its user."""

    def __init__(self) -> None:
        self.nick = ""
        self.rooms: dict[str, set[str]] = {}
        self._own: set[str] = set()  # what the user was ever called
        self.crowded: set[str] = set()  # rooms where not everybody was named who came or went

    def take(self, events: Sequence[dict[str, Any]]) -> None:
        self.crowded |= {event["room"] for event in events if event.get("more")}
        for event in events:
            if not (event["is"] in VISITS and event["room"] in self.crowded):
                self._take(event)

    def _take(self, event: dict[str, Any]) -> None:
        match event:
            case {"is": "logged-in", "nick": nick} | {"is": "renamed", "room": "", "new": nick}:
                self.nick = nick
                self._own.add(nick)
            case {"is": "entered", "room": room, "nicks": nicks}:
                self.rooms[room] = set(nicks)
            case {"is": "went-back", "room": room}:
                del self.rooms[room]
            case {"is": "joined", "room": room, "nicks": nicks}:
                assert not self.rooms[room] & set(nicks), "they are there already"
                self.rooms[room] |= set(nicks)
            case {"is": "left", "room": room, "nicks": nicks}:
                assert self.rooms[room] >= set(nicks), "they are not there"
                self.rooms[room] -= set(nicks)
            case {"is": "renamed", "room": room, "old": old, "new": new}:
                assert old in self.rooms[room] | self._own
                if old in self.rooms[room]:
                    self.rooms[room] = self.rooms[room] - {old} | {new}


async def told_so_far(program: Program) -> list[dict[str, Any]]:
    told = []
    with trio.move_on_after(0.01), suppress(AssertionError, trio.BrokenResourceError):  # it may have been closed
        while True:
            told.append(await program.read())
    return told


def play(act: Callable[[House], Awaitable[None]]) -> None:
    async def run() -> None:
        async with open_house(messages_per_second=0, connections_per_address=0, silence_seconds=0) as house:
            await act(house)

    with capture_logs() as logs:
        trio.run(run, clock=MockClock(autojump_threshold=0))
    assert not [entry for entry in logs if entry["log_level"] == "error"]


@given(steps())
def test_who_comes_goes_and_takes_another_name_is_told_as_the_model_says(taken: list[Step]) -> None:
    async def act(house: House) -> None:
        model, happens = Model(), Play(house)
        for step in taken:
            model.told.clear()
            model.take(step)
            await happens.take(step)
            await trio.sleep(5)
            told = await happens.listen()
            in_any_order = {
                who: sorted(events) for who, events in model.told.items()
            }  # each room has an order of its own
            assert {who: sorted(events) for who, events in told.items()} == in_any_order, step
            happens.check()
            for room in ROOMS:
                assert sorted(room_of(house, room).nicks) == model.there(room), step
            names = {known.nick.casefold() for known in model.people.values() if known.sessions}
            assert set(house.server.hall.directory._people) == names
            assert len(house.server.hall.directory._identities) == len(names)

    play(act)


@given(steps(), st.lists(st.integers(0, 30), max_size=40))
def test_however_fast_everybody_comes_and_goes_what_one_is_told_comes_to_who_is_there(
    taken: list[Step], pauses: list[int]
) -> None:
    async def act(house: House) -> None:
        happens = Play(house)
        for step, pause in zip(taken, [*pauses, *[0] * len(taken)], strict=False):
            await happens.take(step)
            for _ in range(pause):
                await trio.lowlevel.checkpoint()
        await trio.sleep(20)
        await happens.listen()
        happens.check()
        there = {nick for room in ROOMS for nick in room_of(house, room).nicks}
        directory = house.server.hall.directory
        assert there <= {person.nick for person in directory._people.values()}
        for program in happens.programs.values():
            await program.stream.aclose()
        await trio.sleep(20)
        assert not directory.people
        assert not any(room.population or room._members.sessions for room in house.server.rooms)

    play(act)
