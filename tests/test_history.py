"""What people get of the past: on entering, by number, by day, by words; and what they are told about what they say."""

import random
import time
from collections.abc import Sequence
from math import inf

import pytest
import trio
from hypothesis import given, settings
from hypothesis import strategies as st

from chat_server.commands.history import catch_up
from chat_server.commands.table import COMMANDS
from chat_server.config import Config, HistoryTable
from chat_server.journal import JournalError, Page, RoomRecord
from chat_server.journal.memory import MemoryJournal
from chat_server.protocol.entries import Acted, Amending, Entry, PageShown, Recalled, Said, TopicSet
from chat_server.protocol.events import Entered, Event, Joined, Left, Renamed
from chat_server.protocol.requests import (
    Act,
    Around,
    Back,
    Before,
    Create,
    History,
    Join,
    Last,
    ListRooms,
    OnDate,
    Rename,
    Request,
    Say,
    Search,
    Since,
    Time,
    TimeNextLine,
    Topic,
)
from chat_server.rooms.chat_room import ChatRoom
from chat_server.rooms.hall import Hall
from chat_server.rooms.paging import READINGS_MAX, Unchanged, as_amended
from chat_server.rooms.recent_history import RecentHistory
from chat_server.rooms.room import Room
from chat_server.wire.render.profiles import RenderProfile, renderer_for
from fakes import FakeSession, FaultyJournal, make_hall, open_rooms
from streams import open_house


async def ask(session: FakeSession, *requests: Request) -> list[str]:
    """Give requests as a session would, let the room answer, and return what the session was told."""
    for request in requests:
        pause = COMMANDS.dispatch(session.place, session, request)
        if pause is not None:
            await pause
    await trio.testing.wait_all_tasks_blocked()
    return session.take_told()


async def come(hall: Room, nick: str, room: str = "python") -> tuple[FakeSession, list[str]]:
    """Somebody comes from the hall into a room. Returns them, and what they were told but where they are."""
    session = FakeSession(hall, nick)
    told = await ask(session, Join(room))
    assert told[0] == f"* You are in {room}."
    return session, told[2:]


@pytest.fixture
async def talk(nursery: trio.Nursery, monkeypatch: pytest.MonkeyPatch) -> FakeSession:
    """Ann, in python, who has said 100 lines: one a minute."""
    hall, _ = open_rooms(nursery)
    ann, _ = await come(hall, "ann")
    start = 1_795_500_000.0  # 2026-11-24 06:00 UTC
    for number in range(1, 101):
        monkeypatch.setattr("time.time", lambda at=start + number * 60: at)
        await ask(ann, Say(f"line {number}"))
    return ann


def hall_of(session: FakeSession) -> Room:
    assert isinstance(session.place, ChatRoom)
    return session.place.hall


def numbers(told: list[str]) -> list[int]:
    return [int(line.split()[0][1:]) for line in told if line.startswith("#")]


async def test_a_newcomer_sees_the_last_20_lines_with_their_times_then_a_rule(talk: FakeSession) -> None:
    _, told = await come(hall_of(talk), "bob")
    assert numbers(told) == list(range(81, 101))
    assert told[0] == "* --- 2026-11-24 ---"
    assert told[1] == "#81 07:21 ann: line 81"
    assert told[-1] == "* --- now ---"


async def test_one_may_choose_how_many_lines_one_sees_on_entering(talk: FakeSession) -> None:
    hall = hall_of(talk)
    for count, shown in ((0, 0), (5, 5), (50, 50), (1000, 50)):
        bob = FakeSession(hall, f"bob{count}")
        await ask(bob, History(count))
        assert len(numbers(await ask(bob, Join("python")))) == shown
        assert await ask(bob, History()) == [f"* Lines shown to you on entering a room: {shown}"]


@pytest.mark.parametrize(
    ("missed", "intro", "shown"),
    [
        (1, "* 1 line since you left (101)", [101]),
        (12, "* 12 lines since you left (101–112)", range(101, 113)),
        (50, "* 50 lines since you left (101–150)", range(101, 151)),
        (51, "* 51 lines since you left (101–151); /since 100 shows them from the first.", range(102, 152)),
    ],
)
async def test_one_who_was_here_before_sees_what_they_missed(
    talk: FakeSession, missed: int, intro: str, shown: list[int]
) -> None:
    bob, _ = await come(hall_of(talk), "bob")
    await ask(bob, Back())
    for _ in range(missed):
        await ask(talk, Say("news"))
    told = (await ask(bob, Join("python")))[2:]
    assert told[0] == intro
    assert numbers(told) == list(shown)
    assert told[-1] == "* --- now ---"


async def test_one_who_missed_nothing_is_shown_nothing(talk: FakeSession) -> None:
    bob, _ = await come(hall_of(talk), "bob")
    await ask(bob, Back())
    assert await ask(bob, Join("python")) == ["* You are in python.", "* Also here: ann"]


async def test_one_who_wants_no_history_is_only_told_how_much_they_missed(talk: FakeSession) -> None:
    """A program that reads along must not be made to answer what was said yesterday."""
    bob, _ = await come(hall_of(talk), "bob")
    await ask(bob, Back(), History(0))
    await ask(talk, Say("news"))
    assert (await ask(bob, Join("python")))[2:] == [
        "* 1 line since you left (101); /since 100 shows them from the first."
    ]


@pytest.mark.parametrize(
    ("request_", "shown", "footer"),
    [
        (Last(), range(81, 101), "* Lines 81–100 of 100. Older: /before 81."),
        (Last(3), range(98, 101), "* Lines 98–100 of 100. Older: /before 98."),
        (Last(10_000), range(1, 101), "* Lines 1–100 of 100."),
        (Since(0), range(1, 51), "* Lines 1–50 of 100. Newer: /since 50."),
        (Since(97), range(98, 101), "* Lines 98–100 of 100. Older: /before 98."),
        (Before(10), range(1, 10), "* Lines 1–9 of 100. Newer: /since 9."),
        (Before(1_000_000), range(51, 101), "* Lines 51–100 of 100. Older: /before 51."),
        (Around(50), range(40, 61), "* Lines 40–60 of 100. Older: /before 40. Newer: /since 60."),
        (Around(100), range(90, 101), "* Lines 90–100 of 100. Older: /before 90."),
        (OnDate("2026-11-24"), range(1, 51), "* Lines 1–50 of 100. Newer: /since 50."),
        (OnDate("0001-01-01"), range(1, 51), "* Lines 1–50 of 100. Newer: /since 50."),
        (OnDate("today"), range(1, 51), "* Lines 1–50 of 100. Newer: /since 50."),
        (OnDate("yesterday"), range(1, 51), "* Lines 1–50 of 100. Newer: /since 50."),
        (OnDate("-3d"), range(1, 51), "* Lines 1–50 of 100. Newer: /since 50."),
        (OnDate("07:30"), range(90, 101), "* Lines 90–100 of 100. Older: /before 90."),
        (OnDate("07:50"), range(1, 51), "* Lines 1–50 of 100. Newer: /since 50."),
        (
            OnDate("yesterdy"),
            [],
            '* "yesterdy" is not a day. Write it as 2026-11-20, yesterday, monday, 3 days ago or yesterday 14:00.',
        ),
        (Since(100), [], "* There is nothing there. Of python you can read the lines 1–100."),
        (Before(1), [], "* There is nothing there. Of python you can read the lines 1–100."),
        (OnDate("2026-11-25"), [], "* There is nothing there. Of python you can read the lines 1–100."),
        (OnDate("9999-12-31"), [], "* There is nothing there. Of python you can read the lines 1–100."),
    ],
)
async def test_pages_are_turned_by_number_and_day(
    talk: FakeSession, request_: Request, shown: list[int], footer: str
) -> None:
    told = await ask(talk, request_)
    assert numbers(told) == list(shown)
    assert told[-1] == footer


async def test_a_page_of_long_lines_is_short_enough_to_wait_for_a_slow_reader(talk: FakeSession) -> None:
    for _ in range(60):
        await ask(talk, Say("x" * 4000))
    for request, first in ((Since(100), 101), (Last(60), 153), (Before(161), 153)):
        told = await ask(talk, request)
        assert sum(map(len, told)) < 40_000
        assert numbers(told)[0] == first


async def test_times_are_shown_in_the_zone_that_one_chooses(talk: FakeSession) -> None:
    assert await ask(talk, Time("Asia/Shanghai")) == ["* It is 2026-11-24 15:40. Times are shown in Asia/Shanghai."]
    assert (await ask(talk, Last(1)))[1] == "#100 15:40 ann: line 100"
    assert await ask(talk, Time("-10")) == ["* It is 2026-11-23 21:40. Times are shown in -10:00."]
    assert (await ask(talk, Last(1)))[:2] == ["* --- 2026-11-23 ---", "#100 21:40 ann: line 100"]
    assert await ask(talk, Time("Nowhere/../etc")) == [
        "* There is no zone Nowhere/../etc. A zone is written as Europe/Berlin or +02:00."
    ]


async def test_a_day_begins_at_midnight_in_ones_own_zone(talk: FakeSession) -> None:
    await ask(talk, Time("+17:00"))
    told = await ask(talk, OnDate("2026-11-25"))
    assert told[1] == "#60 00:00 ann: line 60"
    assert (await ask(talk, OnDate("today")))[1] == "#60 00:00 ann: line 60"
    assert (await ask(talk, OnDate("0:30")))[1] == "#90 00:30 ann: line 90"


async def test_a_search_looks_here_or_everywhere(talk: FakeSession) -> None:
    bob, _ = await come(hall_of(talk), "bob", "pm")
    await ask(bob, Say("line 7 in pm"))
    end = "* 1 line found. /around NUMBER shows the lines around it."
    assert await ask(talk, Search("line 7")) == ["* In python:", "* --- 2026-11-24 ---", "#7 06:07 ann: line 7", end]
    told = await ask(talk, Search("line 7", everywhere=True))
    assert [line for line in told if not line.startswith("* ---")] == [
        *("* In python:", "#7 06:07 ann: line 7", "* In pm:", "#1 07:40 bob: line 7 in pm"),
        "* 2 lines found. /around NUMBER shows the lines around a line.",
    ]
    assert (await ask(talk, Search("line")))[-1].startswith("* The newest 20 lines that were found")
    assert await ask(talk, Search("nothing of the kind")) == [
        "* Nothing found in python. /search -a looks in all rooms."
    ]
    assert await ask(talk, Search("--")) == ["* There is nothing in that to search for."]
    assert await ask(talk, Search("a " * 17)) == ["* At most 16 words can be searched for at once."]
    await ask(talk, Back())
    assert (await ask(talk, Search("line 7")))[-1] == told[-1], "in the hall it looks everywhere"


async def test_a_topic_is_told_kept_and_shown_to_whoever_enters(
    autojump_clock: trio.abc.Clock, nursery: trio.Nursery
) -> None:
    journal = MemoryJournal()
    hall, _ = open_rooms(nursery, journal)
    ann, _ = await come(hall, "ann")
    bob, _ = await come(hall, "bob")
    await trio.sleep(5)
    assert await ask(ann, Topic()) == ["* bob joined", "* python has no topic."]
    assert await ask(ann, Topic("snakes")) == ["* ann set the topic: snakes"], "its author is told too"
    assert bob.take_told() == ["* ann set the topic: snakes"]
    assert await ask(bob, Topic()) == ["* Topic of python: snakes"]
    assert await ask(bob, ListRooms()) == ["* python (2): snakes", "* 1 empty room: pm"]
    assert await ask(bob, Topic("x" * 301)) == ["* A topic has at most 300 characters."]
    assert await ask(FakeSession(hall, "carol"), Join("python")) == [
        *("* You are in python.", "* Topic: snakes", "* Also here: ann, bob"),
        *(
            line
            for line in renderer_for(RenderProfile())(
                Recalled("python", tuple((await journal.read("python", 1, 1)).lines), None, 1, "UTC")
            )
            .decode()
            .splitlines()
        ),
    ]
    assert (await journal.rooms())[0].topic == "snakes"


async def test_the_next_line_after_ping_is_timed(autojump_clock: trio.abc.Clock, nursery: trio.Nursery) -> None:
    hall, _ = open_rooms(nursery)
    ann, _ = await come(hall, "ann")
    bob, _ = await come(hall, "bob")
    await ask(bob, Say("one"))
    ann.take_told()
    assert await ask(ann, TimeNextLine(), Act("waves"), Say("again")) == [
        "* Your next line will be timed.",
        "* #2 waited 0.0 ms in the queue and was stored in 0.0 ms.",
    ]


async def test_a_room_can_be_opened_by_anybody_once(autojump_clock: trio.abc.Clock) -> None:
    journal = MemoryJournal()
    async with open_house(journal=journal, rooms=4) as house:
        ann = house.call()
        await ann.log_in("ann")
        await ann.type(
            "/create 聊天", "/create 聊天", "/create help", "/create a:b", "/create fifth", "/聊天", "/rooms"
        )
        told = (await ann.read_until("* Rooms: ")).splitlines()
        assert told[:5] == [
            "* The room 聊天 is open. /join 聊天 enters it.",
            "* There is already a room 聊天. /join 聊天 enters it.",
            "* /help is a command: choose another name for the room.",
            "* A name is made of letters of any script, digits, - and _; it cannot begin with a combining mark.",
            "* There are already as many rooms as this server allows.",
        ]
    async with open_house(journal=journal) as house:
        ann = house.call()
        await ann.log_in("ann", "聊天")


async def test_when_the_disk_refuses_the_author_is_told_nobody_sees_the_line_and_the_room_lives(
    autojump_clock: trio.abc.Clock, nursery: trio.Nursery
) -> None:
    journal = FaultyJournal()
    hall, _ = open_rooms(nursery, journal)
    ann, _ = await come(hall, "ann")
    bob, _ = await come(hall, "bob")
    await trio.sleep(5)
    ann.take_told()
    await ask(ann, Say("before"))
    journal.is_full = True
    assert await ask(ann, Say("one")) == ["* Your line could not be stored, so nobody has seen it. Try again later."]
    for text in "ab":
        COMMANDS.dispatch(ann.place, ann, Say(text))
    assert await ask(ann, Topic("new")) == [
        "* 3 of your lines could not be stored, so nobody has seen them. Try again later."
    ]
    carol, told = await come(hall, "carol")
    assert told[1:] == [told[1], "* --- now ---"]
    assert await ask(carol, Topic()) == ["* python has no topic."]
    journal.is_full = False
    await ask(ann, Say("after"))
    assert [line for line in bob.told if line.startswith("ann")] == ["ann: before", "ann: after"]
    assert [line.seq for line in (await journal.read("python", 1, 9)).lines] == [1, 2]


async def test_a_room_that_cannot_be_stored_is_not_opened(
    autojump_clock: trio.abc.Clock, nursery: trio.Nursery
) -> None:
    journal = FaultyJournal()
    hall, _ = open_rooms(nursery, journal)
    journal.is_full = True
    assert await ask(FakeSession(hall, "ann"), Create("new")) == [
        "* That could not be stored just now. Try again later."
    ]
    assert hall.directory.room("new") is None


async def test_what_is_sent_again_is_answered_with_its_number_and_shown_to_nobody(
    autojump_clock: trio.abc.Clock, nursery: trio.Nursery
) -> None:
    hall, _ = open_rooms(nursery)
    ann, _ = await come(hall, "ann")
    bob, _ = await come(hall, "bob")
    await trio.sleep(5)
    ann.take_told()
    bob.take_told()
    assert await ask(ann, Say("once", "k1")) == ["* Stored in python as #1."]
    for request in (Say("between"), Say("once", "k1"), Say("more", "k2")):
        COMMANDS.dispatch(ann.place, ann, request)
    assert await ask(ann, Say("last")) == ["* Stored in python as #1.", "* Stored in python as #3."]
    assert bob.take_told() == ["ann: once", "ann: between", "ann: more", "ann: last"]
    await ask(ann, Rename("anna"))
    assert await ask(ann, Say("once", "k1")) == ["* Stored in python as #1."], "whatever she is called now"
    assert numbers(await ask(bob, Last())) == [1, 2, 3, 4]


async def test_two_members_of_different_speed_end_with_the_same_history(autojump_clock: trio.abc.Clock) -> None:
    async with open_house(waiting_bytes=3000, messages_per_second=0) as house:
        ann, bob = await house.ann_and_bob(bob_is_stuck=True)
        carol = house.call()
        await carol.log_in("carol", "python")
        await trio.sleep(10)
        chance = random.Random(1)  # noqa: S311 - the same every time
        count = 600
        for number in range(count):
            await ann.type(f"line {number} {'x' * chance.randrange(60)}")
            await trio.testing.wait_all_tasks_blocked()
        await ann.type("/back")
        quick = [line for line in (await carol.read_until("* ann left")).splitlines() if line.startswith("ann: ")]
        told = (await bob.read_until("shows what was said.\r\n")).splitlines()
        slow = [line for line in told if line.startswith("ann: ")]
        after = int(told[-1].split("/since ")[1].split()[0])
        del slow[after:]
        while len(slow) < count:
            await bob.type(f"/since {len(slow)}")
            page = (await bob.read_until(f" of {count}.")).splitlines()
            slow += [line.split(" ", 2)[2] for line in page if line.startswith("#")]
        assert after < count // 2, "he missed most of it"
        assert slow == quick
        assert len(quick) == count


async def test_what_is_too_old_is_shown_to_nobody_any_more(autojump_clock: trio.abc.Clock) -> None:
    config = Config(history=HistoryTable(keep_days=1))
    journal = MemoryJournal()
    await journal.create_room("python")
    old = [Said("python", 0, 1000.0, "ann", "old")]
    await journal.append(old, {}).stored()
    async with open_house(config, journal) as house:
        await trio.sleep(1)
        bob = house.call()
        await bob.type("/login bob", "/python", "/last")
        assert "* There are no lines in python" in await bob.read_until("can read.\r\n")


State = tuple[frozenset[str], str, tuple[tuple[int, str, str], ...]]
"""Who is in a room, its topic, and its last lines."""


async def test_what_has_been_deleted_is_not_shown_from_memory_either(
    autojump_clock: trio.abc.Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    now = time.time()
    async with open_house(Config(history=HistoryTable(keep_days=1))) as house:
        ann = house.call()
        await ann.log_in("ann", "python")
        await ann.type("old", "/last")
        await ann.read_until("* Line 1 of 1.")
        monkeypatch.setattr("time.time", lambda: now + 2 * 86400)
        await trio.sleep(1000)
        bob = house.call()
        await bob.log_in("bob")
        await bob.type("/python", "/last")
        assert "ann: old" not in await bob.read_until("* There are no lines in python yet")


async def test_only_the_rooms_of_which_lines_were_deleted_read_their_past_again(
    autojump_clock: trio.abc.Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    journal, now, reads = MemoryJournal(), time.time(), list[str]()
    read = MemoryJournal.read

    async def noted(self: MemoryJournal, room: str, first: int, last: int) -> Page:
        reads.append(room)
        return await read(self, room, first, last)

    monkeypatch.setattr(MemoryJournal, "read", noted)
    async with open_house(Config(history=HistoryTable(keep_days=1)), journal) as house:
        ann = house.call()
        await ann.log_in("ann", "python")
        await ann.type("old", "/write")
        await ann.read_until("in write.")
        monkeypatch.setattr("time.time", lambda: now + 2 * 86400)
        await ann.type("new", "/python", "/write")
        await trio.sleep(1000)
        reads.clear()
        await ann.type("in write", "/python", "in python")
        await trio.sleep(10)
        assert reads == ["python"]


async def test_a_reader_who_has_gone_elsewhere_is_not_sent_to_numbers_of_another_room(
    autojump_clock: trio.abc.Clock,
) -> None:
    async with open_house(waiting_bytes=2000, messages_per_second=0) as house:
        ann, bob = await house.ann_and_bob(bob_is_stuck=True)
        await ann.type(*(f"line {number}" for number in range(500)))
        await bob.type("/join pm")
        await trio.sleep(1)
        assert (await bob.read_until("did not keep up.")).count("/since") == 0
        assert await bob.read_until("\r\n") == "\r\n"


class Observer(FakeSession):
    """One who reads along and keeps a state of the room by what they are told."""

    def __init__(self, place: Room, nick: str) -> None:
        super().__init__(place, nick)
        self.people: set[str] = set()
        self.topic = ""
        self.lines: list[tuple[int, str, str]] = []
        self.render = self._observe

    def push(self, data: bytes) -> None:
        """Nothing: `render` has seen it already."""

    def send(self, event: Event) -> None:
        self._observe(event)

    def _observe(self, event: Event) -> bytes:
        match event:
            case Entered():
                self.people = {*event.nicks, self.nick}
                self.topic = event.topic
            case Joined():
                self.people |= set(event.nicks)
            case Left():
                self.people -= set(event.nicks)
            case Renamed():
                self.people = {event.new if nick == event.old else nick for nick in self.people}
            case PageShown() | Recalled():
                self.lines = [(line.seq, line.nick, line.text) for line in event.lines if isinstance(line, Entry)]
            case Said() | Acted() | TopicSet():
                self.lines.append((event.seq, event.nick, event.text))
                if isinstance(event, TopicSet):
                    self.topic = event.text
        return b""

    def state(self) -> State:
        return frozenset(self.people), self.topic, tuple(self.lines[-20:])


STEPS = st.lists(
    st.tuples(st.sampled_from(["say", "say", "me", "topic", "join", "leave", "rename", "restart"]), st.integers(0, 3)),
    min_size=10,
    max_size=40,
)


class Life:
    """A room from one start of the server to the next."""

    def __init__(self, hall: Hall, room: ChatRoom, generation: int) -> None:
        self.hall, self.room, self.generation = hall, room, generation
        self.people = [FakeSession(hall, f"p{number}") for number in range(4)]

    async def step(self, what: str, who: int, left: int) -> None:
        """Let one person do something, if they can."""
        person = self.people[who]
        inside = person.place is self.room
        if what == "join" and not inside:
            await person.enter(self.room)
        elif what == "leave" and inside:
            await person.enter(self.hall)
        elif what == "rename":
            await self._ask(person, Rename(f"n{left}x{who}g{self.generation}"))
        elif inside and what in {"say", "me", "topic"}:
            await self._ask(person, {"say": Say("hi"), "me": Act("waves"), "topic": Topic(f"topic {left}")}[what])

    async def _ask(self, person: FakeSession, request: Request) -> None:
        pause = COMMANDS.dispatch(person.place, person, request)
        if pause is not None:
            await pause


@pytest.mark.slow
@settings(max_examples=settings().max_examples * 3 // 2, deadline=None)
@given(STEPS)
def test_applying_the_events_to_a_state_read_earlier_equals_the_state_read_fresh(steps: list[tuple[str, int]]) -> None:
    journal = MemoryJournal()

    async def live_until_restart(steps: list[tuple[str, int]], generation: int) -> list[tuple[str, int]]:
        async with trio.open_nursery() as nursery:
            hall = make_hall(journal=journal)
            await journal.create_room("python")
            room = ChatRoom((await journal.rooms())[0], hall.directory, hall)
            hall.directory.open_room(room)
            nursery.start_soon(room.run)
            observer = Observer(hall, f"observer{generation}")
            await observer.enter(room)
            life = Life(hall, room, generation)
            while steps:
                (what, who), *steps = steps
                if what == "restart":
                    break
                await life.step(what, who, len(steps))
                if len(steps) % 3 == 0:
                    await trio.sleep(3)
            await trio.sleep(10)
            fresh = Observer(hall, f"fresh{generation}")
            await fresh.enter(room)
            await trio.sleep(10)
            assert observer.state() == fresh.state()
            nursery.cancel_scope.cancel()
        return steps

    async def live() -> None:
        rest, generation = steps, 0
        while rest or not generation:
            rest = await live_until_restart(rest, generation)
            generation += 1

    trio.run(live, clock=trio.testing.MockClock(autojump_threshold=0))


class LaterJournal(MemoryJournal):
    """A journal in which a later release has stored some lines of kinds that this one does not know."""

    def __init__(self, unknown: set[int]) -> None:
        super().__init__()
        self.unknown = unknown

    async def read(self, room: str, first: int, last: int) -> Page:
        page = await super().read(room, first, last)
        hidden = tuple(line.seq for line in page.lines if line.seq in self.unknown)
        return Page([line for line in page.lines if line.seq not in self.unknown], page.first, hidden)


async def test_lines_of_an_unknown_kind_fill_their_numbers_on_pages_that_can_be_turned(
    autojump_clock: trio.abc.Clock, nursery: trio.Nursery
) -> None:
    hall, _ = open_rooms(nursery, LaterJournal({2, *range(10, 70), 99, 100}))
    ann, _ = await come(hall, "ann")
    for number in range(1, 101):
        await ask(ann, Say(f"line {number}"))
    assert (await ask(ann, Since(1)))[-1] == "* Lines 2–51 of 100. Older: /before 2. Newer: /since 51."
    assert (await ask(ann, Since(12)))[-1] == "* Lines 13–62 of 100. Older: /before 13. Newer: /since 62."
    assert numbers(await ask(ann, Last(5))) == [96, 97, 98]
    assert numbers(await ask(ann, Around(9))) == [1, 3, 4, 5, 6, 7, 8, 9]
    seen: list[int] = []
    after = 0
    while after < 100:
        told = await ask(ann, Since(after))
        seen += numbers(told)
        after = int(told[-1].split("–")[1].split()[0])
    assert seen == [1, *range(3, 10), *range(70, 99)]


async def test_who_catches_up_is_shown_what_comes_after_many_lines_of_an_unknown_kind(
    autojump_clock: trio.abc.Clock, nursery: trio.Nursery
) -> None:
    hall, room = open_rooms(nursery, LaterJournal(set(range(5, 180))))
    ann, _ = await come(hall, "ann")
    for number in range(1, 201):
        await ask(ann, Say(f"line {number}"))
    ann.take_told()
    await catch_up(room, ann, 2, 200)
    assert numbers(ann.take_told()) == [3, 4, *range(180, 201)]


async def test_one_who_missed_only_lines_of_an_unknown_kind_is_not_shown_older_ones_as_missed(
    autojump_clock: trio.abc.Clock, nursery: trio.Nursery
) -> None:
    journal = LaterJournal({3})
    hall, room = open_rooms(nursery, journal)
    ann, _ = await come(hall, "ann")
    await ask(ann, Say("one"))
    bob, _ = await come(hall, "bob")
    await ask(ann, Say("two"))
    await ask(bob, Back())
    await ask(ann, Say("of a later release"))
    room.forget_past()
    _, told = await come(hall, "bob2")
    assert numbers(told) == [1, 2]
    bob.person.nick = "bob"
    told = (await ask(bob, Join("python")))[1:]
    assert numbers(told) == []


async def test_days_and_their_pages_are_right_where_the_clock_ran_back_under_an_older_release(
    nursery: trio.Nursery,
) -> None:
    journal = MemoryJournal()
    await journal.create_room("python")
    midnight = 1_795_478_400.0  # 2026-11-24 00:00 UTC
    year = 365 * 86400
    for number, at in enumerate([-7200, -3600, year, year + 60, -1800, 600, -60, 1200, 90_000], 1):
        await journal.append([Said("python", number, midnight + at, "ann", f"line {number}")], {}).stored()
    hall, _ = open_rooms(nursery, journal, last=9)
    ann, _ = await come(hall, "ann")

    async def day(year: int, month: int, day: int) -> list[str]:
        return [
            line for line in await ask(ann, OnDate(f"{year}-{month:02}-{day:02}")) if line.startswith(("#", "* ---"))
        ]

    assert (await day(2026, 11, 24))[:2] == ["* --- 2026-11-24 ---", "#6 00:10 ann: line 6"]
    assert (await day(2026, 11, 23))[:2] == ["* --- 2026-11-23 ---", "#1 22:00 ann: line 1"]
    assert (await day(2027, 11, 24))[:2] == ["* --- 2027-11-24 ---", "#3 00:00 ann: line 3"]
    assert (await day(2026, 11, 1))[1] == "#1 22:00 ann: line 1"
    assert (await day(2027, 1, 1))[1] == "#3 00:00 ann: line 3", "the next that was said, by its time"
    shown = await day(2026, 11, 23)
    marks = [line for line in shown if line.startswith("*")]
    assert marks == [
        f"* --- {name} ---"
        for name in ("2026-11-23", "2027-11-24", "2026-11-23", "2026-11-24", "2026-11-23", "2026-11-24", "2026-11-25")
    ]


async def test_what_is_deleted_while_a_room_reads_its_past_is_not_shown_to_whoever_comes_later(
    autojump_clock: trio.abc.Clock,
) -> None:
    history = RecentHistory(RoomRecord("python", "", 1, 0))

    class Deleting(MemoryJournal):
        text = "secret"

        async def read(self, room: str, first: int, last: int) -> Page:
            page = Page([Said("python", 1, 5.0, "ann", self.text)], 1)
            if self.text:
                self.text = ""
                history.forget(None)
            return page

        async def positions(self, room: str) -> dict[str, int]:
            return {}

    await history.read(Deleting())
    recalled = history.recalled("bob", 20, "UTC", 0)
    assert recalled is not None
    assert recalled.lines
    assert "secret" not in str(recalled.lines)


async def test_who_deletes_without_end_holds_nobody_up_who_reads() -> None:
    readings = 0

    class Deleted(Unchanged):
        """Of which it is not known what has become of it, so often."""

        times = inf

        def amended_since(self, rewritings: int) -> Sequence[Amending] | None:
            return () if readings > self.times else None

    async def read() -> int:
        nonlocal readings
        readings += 1
        return readings

    room = Deleted()
    with pytest.raises(JournalError):
        await as_amended(room, read, lambda number, _: number)
    assert readings == READINGS_MAX
    room.times, readings = 4, 0
    assert await as_amended(room, read, lambda number, _: number) == 5, (
        "what has not changed since it was begun to be read"
    )
