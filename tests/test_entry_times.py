"""Each line of a room has a time of its own, later than that of the line before it, whatever the clock does; what is shown is what is kept."""

import itertools
from collections.abc import Mapping, Sequence

import pytest
import trio
from hypothesis import example, given
from hypothesis import strategies as st

from chat_server.journal import PendingAppend
from chat_server.journal.keys import SenderKey
from chat_server.journal.memory import MemoryJournal
from chat_server.journal.times import (
    FLOOD_LINES,
    MICROSECOND,
    MILLISECOND,
    goes_on,
    settled,
    step_of,
    times_for,
    times_of,
)
from chat_server.protocol.entries import KINDS, Entry, PageShown, Said
from chat_server.protocol.requests import Back, Join, Say
from chat_server.protocol.stored_event import StoredEvent
from chat_server.protocol.time_zones import LATEST
from chat_server.wire.json_lines import renderer_for, show_answer
from fakes import FakeSession, open_rooms
from streams import open_house
from test_chat_room import ask, enter

CLOCK = st.floats(1.7e9, 1.9e9) | st.sampled_from([1.7e9, 1.7e9 + 0.001, 1.7e9 + 0.0005])


@given(st.lists(st.tuples(CLOCK, st.integers(1, 1024)), max_size=8))
@example([(1.7e9, 1), (1.7e9, 1)])
def test_times_only_go_on_whatever_the_clock_says(turns: list[tuple[float, int]]) -> None:
    last_at = float("-inf")
    for now, count in turns:
        at, step = times_for(now, last_at, count)
        times = times_of(at, step, count)
        assert all(before < after for before, after in itertools.pairwise([last_at, *times]))
        assert at == now or now <= last_at
        lines = [Said("python", 0, time, "ann", "x") for time in times]
        assert count == 1 or step_of(lines) == step, "the journal finds the step"
        assert count == 1 or goes_on(lines[:-1], lines[-1]), "and so does an import"
        last_at = times[-1]


@given(CLOCK, st.lists(st.booleans(), min_size=1, max_size=30))
def test_whichever_lines_were_sent_before_the_others_close_up_in_number_and_in_time(
    now: float, sent_before: list[bool]
) -> None:
    at, step = times_for(now, 0.0, len(sent_before))
    times = times_of(at, step, len(sent_before))
    lines = [Said("python", number, time, "ann", f"line {number}") for number, time in enumerate(times, 1)]
    left_out = {index for index, is_left_out in enumerate(sent_before) if is_left_out}
    kept = [line.text for index, line in enumerate(lines) if index not in left_out]
    stored = settled(lines, 8, left_out)
    assert [(line.seq, line.at, line.text) for line in stored] == [
        *zip(range(8, 8 + len(kept)), times, kept, strict=False)
    ]


@pytest.mark.parametrize(("lines", "step"), [(3, MILLISECOND), (FLOOD_LINES + 1, MICROSECOND)])
async def test_lines_of_one_turn_are_a_millisecond_apart_and_in_a_flood_a_microsecond(
    autojump_clock: trio.abc.Clock, nursery: trio.Nursery, monkeypatch: pytest.MonkeyPatch, lines: int, step: float
) -> None:
    monkeypatch.setattr("time.time", lambda: 1.7e9)
    _, room = open_rooms(nursery)
    (ann,) = await enter(room, "ann")
    for number in range(lines):
        room.post(ann, Say(f"line {number}"))
    await trio.testing.wait_all_tasks_blocked()
    stored = (await room.directory.journal.read("python", 1, lines)).lines
    assert [line.at for line in stored] == times_of(1.7e9, step, lines)


async def test_when_the_clock_runs_back_times_go_on_and_the_journal_says_how_far_they_have_come(
    autojump_clock: trio.abc.Clock, nursery: trio.Nursery, monkeypatch: pytest.MonkeyPatch
) -> None:
    journal = MemoryJournal()
    now = 1.7e9
    monkeypatch.setattr("time.time", lambda: now)
    _, room = open_rooms(nursery, journal)
    (ann,) = await enter(room, "ann")
    for later in (0, -3600, -3599, 0):
        now = 1.7e9 + later
        await ask(ann, Say("hello"))
    times = [line.at for line in (await journal.read("python", 1, 9)).lines]
    assert times == [*itertools.accumulate([MICROSECOND] * 3, initial=1.7e9)]
    (record, *_) = await journal.rooms()
    assert (record.last_at, record.turn) == (times[-1], 4)


async def test_everybody_is_shown_the_times_that_are_kept(autojump_clock: trio.abc.Clock) -> None:
    async with open_house() as house:
        program = house.connect()
        await program.enter("ann", "python")
        for key in ("a", "b", "a", "c"):  # what is sent again is left out, and the others close up
            await program.ask("say", room="python", text=key, key=key)
        shown = [await program.wait_for("said") for _ in range(3)]
        await program.ask("history", room="python", after=0)
        assert (await program.wait_for("page"))["lines"] == shown
        assert len({line["at"] for line in shown}) == 3


async def test_lines_that_were_all_sent_before_are_answered_as_stored_in_one_turn_too(
    autojump_clock: trio.abc.Clock, nursery: trio.Nursery
) -> None:
    _, room = open_rooms(nursery)
    (ann,) = await enter(room, "ann")
    for _ in range(2):
        ann.told.clear()
        for number in range(1, 4):
            room.post(ann, Say(f"line {number}", f"key {number}"))
        await trio.testing.wait_all_tasks_blocked()
        assert ann.told == [f"* Stored in python as #{number}." for number in range(1, 4)]


async def test_who_only_comes_and_goes_makes_no_commit_and_no_turn(
    autojump_clock: trio.abc.Clock, nursery: trio.Nursery, monkeypatch: pytest.MonkeyPatch
) -> None:
    appended: list[Sequence[object]] = []
    append = MemoryJournal.append

    def noted(self: MemoryJournal, lines: Sequence[Entry], keys: Mapping[int, SenderKey]) -> PendingAppend:
        appended.append(lines)
        return append(self, lines, keys)

    monkeypatch.setattr(MemoryJournal, "append", noted)
    hall, room = open_rooms(nursery)
    ann = FakeSession(hall, "ann")
    await ask(ann, Join("python"), Back(), Join("python"))
    await trio.sleep(10)
    (record, *_) = await room.directory.journal.rooms()
    assert (record.turn, appended) == (0, [])
    await ask(ann, Say("hello"), Back())
    (record, *_) = await room.directory.journal.rooms()
    assert (record.turn, len(appended)) == (1, 1)


@pytest.mark.parametrize("kind", KINDS)
def test_an_author_does_not_cross_the_programs_door(kind: type[StoredEvent]) -> None:
    by_an_account, by_a_guest = (kind("python", 1, 1.7e9, "ann", "hello", author) for author in (7, 0))
    assert renderer_for("en")(by_an_account) == renderer_for("en")(by_a_guest)
    assert b"author" not in renderer_for("en")(by_a_guest)
    page = PageShown("python", (by_an_account,), 1, 1, "UTC")  # type: ignore[arg-type]
    assert b"author" not in show_answer(page, 1, "en")


def test_no_line_of_a_batch_is_later_than_the_latest_time_that_can_be_kept() -> None:
    assert times_of(LATEST - 0.0015, MILLISECOND, 4)[-2:] == [LATEST, LATEST]
    assert times_of(LATEST - 60, MILLISECOND, 4)[-1] < LATEST
