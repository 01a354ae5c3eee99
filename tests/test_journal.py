"""The contract of a journal, run over every engine: what is stored, under which numbers and keys, and what is deleted."""

import subprocess
import sys
import time
from pathlib import Path
from typing import get_args

import pytest
import trio

from captured_logs import capture_logs
from chat_server.journal import KEY_SECONDS, Duplicate, Journal, JournalError
from chat_server.journal.engines import MODULES, EngineName
from chat_server.journal.keys import SenderKey
from chat_server.journal.times import MICROSECOND, MILLISECOND, settled, times_of
from chat_server.protocol.acts import RuleSet
from chat_server.protocol.amending import Redacted
from chat_server.protocol.entries import Acted, Entry, Said, TopicSet
from chat_server.protocol.runs import LinesInRuns, RunTexts, SaidRun
from journals import Place, begun, create_rooms, found, journal, opened, place, place_in, prune_all, said, store, texts

__all__ = ["begun", "journal", "place"]


def test_who_has_what_is_said_kept_in_memory_alone_is_warned(tmp_path: Path) -> None:
    with capture_logs() as logs:
        place_in(tmp_path, "memory").open()
    assert [log["log_level"] for log in logs] == ["warning"]
    assert "forgotten when the server ends" in logs[0]["event"]


def test_every_engine_has_its_module() -> None:
    assert tuple(MODULES) == get_args(EngineName)


async def test_lines_are_numbered_by_room_without_a_hole(journal: Journal) -> None:
    assert (await store(journal, said("a", "b")))[:2] == (1, {})
    assert (await store(journal, said("x", room="pm")))[:2] == (1, {})
    assert (await store(journal, said("c")))[:2] == (3, {})
    assert await texts(journal, 1, 10) == [(1, "a"), (2, "b"), (3, "c")]
    assert await texts(journal, 1, 10, "pm") == [(1, "x")]
    assert [room[:4] for room in await journal.rooms()] == [("python", "", 1, 3), ("pm", "", 1, 1)]


async def test_a_probe_is_stored_again_and_again_and_takes_no_number(journal: Journal) -> None:
    before = await journal.rooms()
    for _ in range(3):
        await journal.probe().stored()
    probes = [journal.probe() for _ in range(10)]
    await store(journal, said("hello"))
    for probe in probes:
        await probe.stored()
    assert [room.last for room in await journal.rooms()] == [before[0].last + 1, before[1].last]
    assert [room.name for room in await journal.rooms()] == [room.name for room in before]


async def test_a_probe_of_a_journal_that_is_closed_is_refused(place: Place) -> None:
    async with opened(place.open()) as journal:
        await journal.probe().stored()
    with pytest.raises(JournalError):
        await journal.probe().stored()


async def test_what_a_closed_journal_refuses_is_no_commit_that_failed(place: Place) -> None:
    async with opened(place.open()) as journal:
        if not await journal.rooms():
            await create_rooms(journal)
        await store(journal, said("hello"))
        journal.close()
        with pytest.raises(JournalError):
            await store(journal, said("too late"))
        with pytest.raises(JournalError):
            await journal.probe().stored()
    times = journal.activity().times
    assert times is None or times.failed == 0


async def test_every_kind_of_line_is_read_as_it_was_stored(journal: Journal) -> None:
    lines: list[Entry] = [
        Said("python", 1, 1234.5, "ann", '你好 "quoted" \\ 👋'),
        Acted("python", 2, 1234.5, "ann", "topic"),
        TopicSet("python", 3, 1234.5, "bob", "snakes"),
        Said("python", 4, 1234.5, "小明", "topic"),
    ]
    await store(journal, lines)
    page = await journal.read("python", 1, 4)
    assert page.lines == lines
    assert page.first == 1
    assert (await journal.rooms())[0].topic == "snakes"


@pytest.mark.parametrize(
    ("first", "last", "expected"),
    [(1, 1, [1]), (2, 5, [2, 3, 4, 5]), (0, 2, [1, 2]), (-5, 0, []), (9, 20, [9]), (10, 20, []), (5, 4, [])],
)
async def test_a_range_of_numbers_is_read_however_it_lies_in_the_batches(
    journal: Journal, first: int, last: int, expected: list[int]
) -> None:
    for batch in ("abc", "d", "efgh", "i"):
        await store(journal, said(*batch))
    assert [seq for seq, _ in await texts(journal, first, last)] == expected


async def test_a_room_that_is_not_there_has_no_lines(journal: Journal) -> None:
    assert (await journal.read("nowhere", 1, 10)).lines == []
    assert await journal.seq_at("nowhere", 0) == 1


async def test_many_rooms_store_at_once_and_each_keeps_its_order(journal: Journal) -> None:
    rooms = [f"room{number}" for number in range(20)]

    async def talk(room: str) -> None:
        for number in range(50):
            receipt = await store(journal, said(f"{number}a", f"{number}b", room=room))
            assert receipt.first == number * 2 + 1

    async with trio.open_nursery() as nursery:
        for room in rooms:
            await journal.create_room(room)
            nursery.start_soon(talk, room)
    for room in rooms:
        assert [text for _, text in await texts(journal, 1, 100, room)] == [f"{n}{x}" for n in range(50) for x in "ab"]


async def test_batches_of_one_room_are_stored_in_the_order_in_which_they_are_given(journal: Journal) -> None:
    appendings = [journal.append(said(str(number)), {}) for number in range(30)]
    assert [(await appending.stored()).first for appending in appendings] == list(range(1, 31))
    assert [text for _, text in await texts(journal, 1, 30)] == [str(number) for number in range(30)]


async def test_what_is_sent_again_under_its_key_is_stored_once_and_answered_with_the_first_number(
    journal: Journal,
) -> None:
    await store(journal, said("before"))
    assert (await store(journal, said("once", "more"), {0: "k1", 1: "k2"}))[:2] == (2, {})
    again = await store(journal, said("once", "new", "more"), {0: "k1", 2: "k2"})
    assert again[:2] == (4, {0: Duplicate("python", 2), 2: Duplicate("python", 3)})
    assert await texts(journal, 1, 10) == [(1, "before"), (2, "once"), (3, "more"), (4, "new")]


async def test_a_key_counts_in_every_room_but_only_for_its_sender(journal: Journal) -> None:
    await store(journal, said("once"), {0: "k"})
    assert (await store(journal, said("once", room="pm"), {0: "k"})).duplicates == {0: Duplicate("python", 1)}
    assert (await journal.append(said("once"), {0: SenderKey("bob", "k")}).stored())[:2] == (2, {})


async def test_a_key_that_stands_twice_in_one_batch_counts_once(journal: Journal) -> None:
    receipt = await store(journal, said("a", "b", "a", "c"), {0: "k", 2: "k"})
    assert receipt[:2] == (1, {2: Duplicate("python", 1)})
    assert await texts(journal, 1, 10) == [(1, "a"), (2, "b"), (3, "c")]


async def test_what_stands_after_a_repetition_is_known_by_the_number_that_it_got(journal: Journal) -> None:
    await store(journal, said("once"), {0: "k1"})
    receipt = await store(journal, said("once", "between", "once", "new"), {0: "k1", 2: "k1", 3: "k2"})
    assert receipt.duplicates.keys() == {0, 2}
    assert await texts(journal, 1, 10) == [(1, "once"), (2, "between"), (3, "new")]
    assert (await store(journal, said("new"), {0: "k2"})).duplicates == {0: Duplicate("python", 3)}


async def test_a_batch_of_nothing_but_repetitions_takes_no_number(journal: Journal) -> None:
    await store(journal, said("a", "b"), {0: "k1", 1: "k2"})
    assert (await store(journal, said("a", "b"), {0: "k1", 1: "k2"})).duplicates.keys() == {0, 1}
    assert (await store(journal, said("c")))[:2] == (3, {})


async def test_lines_keep_their_own_times_and_their_authors(journal: Journal) -> None:
    lines: list[Entry] = [
        Said("python", number, at, "ann", "x", number % 3)
        for number, at in enumerate(times_of(1764300000.25, MICROSECOND, 39), 1)
    ]
    await store(journal, lines)
    assert (await journal.read("python", 1, 39)).lines == lines
    assert (await journal.read("python", 7, 7)).lines == [lines[6]]
    assert (await journal.rooms())[0].last_at == lines[-1].at


async def test_where_a_line_is_left_out_the_others_close_up_in_number_and_in_time(journal: Journal) -> None:
    lines: list[Entry] = [
        Said("python", 0, at, "ann", text) for at, text in zip(times_of(1000.0, MILLISECOND, 3), "abc", strict=True)
    ]
    await store(journal, lines[:1], {0: "k"})
    receipt = await store(journal, lines, {0: "k"})
    assert (await journal.read("python", 2, 9)).lines == settled(lines, 2, receipt.duplicates)
    assert [line.at for line in settled(lines, 2, {0})] == [1000.0, 1000.001]


async def test_the_batches_of_a_room_are_numbered_without_holes(journal: Journal) -> None:
    assert (await store(journal, said("a", "b"), {0: "k"})).turn == 1
    assert (await store(journal, said("x", room="pm"))).turn == 1
    assert (await store(journal, said("c"))).turn == 2
    assert (await store(journal, said("a"), {0: "k"})).turn == 2, "nothing is stored"
    assert [room.turn for room in await journal.rooms()] == [2, 1]
    await found(journal, "a")
    await prune_all(journal, 1e9, 0)
    assert [room.turn for room in await journal.rooms()] == [2, 1]
    assert (await store(journal, said("d", at=2e9))).turn == 3


async def test_how_far_somebody_has_come_is_remembered_the_last_word_counts(journal: Journal) -> None:
    journal.save_position("python", "ann", 7)
    journal.save_position("python", "bob", 3)
    journal.save_position("pm", "ann", 1)
    journal.save_position("python", "ann", 9)
    await store(journal, said("so that it is stored"))
    assert await journal.positions("python") == {"bob": 3, "ann": 9}
    assert await journal.positions("pm") == {"ann": 1}


async def test_pruning_by_age_leaves_the_numbers_as_they_are(journal: Journal) -> None:
    for hour in range(1, 6):
        await store(journal, said(f"hour {hour}", "b", at=hour * 3600.0))
    await found(journal, "hour")
    assert await prune_all(journal, 3 * 3600.0, 0) == 4
    assert await texts(journal, 1, 6) == [(5, "hour 3"), (6, "b")]
    assert (await journal.read("python", 1, 2)).first == 5
    assert (await journal.rooms())[0][:4] == ("python", "", 5, 10)
    assert await found(journal, "hour") == ["hour 5", "hour 4", "hour 3"]
    assert await journal.seq_at("python", 0) == 5
    assert (await store(journal, said("next")))[:2] == (11, {})


async def test_pruning_by_count_keeps_as_many_lines_of_each_room_and_no_batch_in_part(journal: Journal) -> None:
    for _ in range(10):
        await store(journal, said("a", "b", "c"))
    await store(journal, said("x", room="pm"))
    await found(journal, "a")
    assert await prune_all(journal, 0, 10) == 18
    assert [record[2:4] for record in await journal.rooms()] == [(19, 30), (1, 1)]


async def test_a_room_that_has_been_pruned_empty_goes_on_with_the_next_number(journal: Journal) -> None:
    await store(journal, said("a", "b", "c"))
    await found(journal, "a")
    assert await prune_all(journal, 1e9, 0) == 3
    assert (await journal.rooms())[0][:4] == ("python", "", 4, 3)
    assert (await store(journal, said("d", at=2e9)))[:2] == (4, {})
    assert await found(journal, "d") == ["d"]
    assert await texts(journal, 1, 10) == [(4, "d")]


async def test_keys_are_remembered_for_two_days(journal: Journal) -> None:
    now = time.time()
    await store(journal, said("a", at=now - KEY_SECONDS - 60), {0: "old"})
    await store(journal, said("b", at=now - KEY_SECONDS + 60), {0: "new"})
    await journal.prune(0, 0)
    assert (await store(journal, said("b", at=now), {0: "new"})).duplicates
    assert not (await store(journal, said("a", at=now), {0: "old"})).duplicates


async def test_everything_is_there_again_after_a_restart(place: Place) -> None:
    async with opened(place.open()) as journal:
        await journal.create_room("python")
        await store(journal, said("a", "needle"), {0: "k"})
        await store(journal, [TopicSet("python", 0, 1000.0, "ann", "snakes")])
        await found(journal, "needle")
        journal.save_position("python", "ann", 2)
    async with opened(place.open()) as journal:
        assert (await journal.rooms())[0][:4] == ("python", "snakes", 1, 3)
        assert await texts(journal, 1, 3) == [(1, "a"), (2, "needle"), (3, "snakes")]
        assert await journal.positions("python") == {"ann": 2}
        assert await found(journal, "needle") == ["needle"]
        assert (await store(journal, said("a"), {0: "k"}))[:2] == (4, {0: Duplicate("python", 1)})
        assert (await store(journal, said("b")))[:2] == (4, {})


async def test_a_journal_that_is_closed_refuses(place: Place) -> None:
    async with opened(place.open()) as journal:
        await journal.create_room("python")
    with pytest.raises(JournalError):
        await store(journal, said("too late"))


async def test_who_is_in_a_hurry_is_stored_all_the_same_where_nothing_has_to_be_waited_for(journal: Journal) -> None:
    journal.hurry(0)
    assert (await store(journal, said("quick")))[:2] == (1, {})


async def test_what_waits_when_the_journal_closes_is_stored(place: Place) -> None:
    async with opened(place.open()) as journal:
        await journal.create_room("python")
        for number in range(100):
            journal.append(said(str(number)), {})
        journal.save_position("python", "ann", 100)
    async with opened(place.open()) as journal:
        assert (await journal.rooms())[0].last == 100
        assert await journal.positions("python") == {"ann": 100}


def test_an_engine_is_imported_when_it_is_chosen_and_only_then() -> None:
    modules = "chat_server.cli, chat_server.maintenance_cli, chat_server.server.process"
    imported = "{name for name in sys.modules if name.startswith('chat_server.journal.')}"
    engines = {module.rpartition(".engine")[0] or module for module in MODULES.values()}
    check = f"import sys, {modules}; sys.exit(str({imported} & {engines}) if {imported} & {engines} else 0)"
    assert subprocess.run([sys.executable, "-c", check], check=False).returncode == 0


def redacted(*of: tuple[int, int], room: str = "python", at: float = 2000.0) -> list[Entry]:
    return [Redacted(room, 0, at, "bob", "#1", whom="ann", of=of)]


async def test_what_is_deleted_is_gone_with_the_commit_that_says_so_and_its_number_stays(journal: Journal) -> None:
    await store(journal, [*said("swordfish one", "two"), Acted("python", 0, 1000.0, "ann", "eats swordfish")])
    await store(journal, said("swordfish elsewhere", room="pm"))
    await store(journal, [*said("swordfish four"), Said("python", 0, 1000.0, "bert", "five", 0, bot=True)])
    await store(journal, [RuleSet("python", 0, 1000.0, "ann", "slow 5")])
    await store(journal, redacted((1, 1), (3, 3), (5, 9)))
    page = await journal.read("python", 1, 99)
    kinds = ["Deleted", "Said", "Deleted", "Said", "Deleted", "RuleSet", "Redacted"]
    assert [type(line).__name__ for line in page.lines] == kinds
    assert [line.seq for line in page.lines] == [1, 2, 3, 4, 5, 6, 7]
    assert [line.text for line in page.lines] == ["", "two", "", "swordfish four", "", "slow 5", "#1"]
    assert [line.nick for line in page.lines][:5] == ["ann", "ann", "ann", "ann", "bert"]
    assert page.lines[4].bot
    assert [(line.room, line.seq) for line in (await journal.search("swordfish", None, 9)).lines] == [
        ("python", 4),
        ("pm", 1),
    ]
    await store(journal, redacted((4, 4), (800, 900)))
    assert [line.room for line in (await journal.search("swordfish", None, 9)).lines] == ["pm"]
    await store(journal, redacted((1, 900)))
    assert (await journal.read("python", 6, 6)).lines[0].text == "slow 5"


async def test_a_key_of_what_was_deleted_still_counts(journal: Journal) -> None:
    await store(journal, said("once"), {0: "k"})
    await store(journal, redacted((1, 1)))
    receipt = await store(journal, said("once"), {0: "k"})
    assert receipt.duplicates == {0: Duplicate("python", 1)}
    assert await texts(journal, 1, 9) == [(1, ""), (2, "#1")]


async def test_what_is_deleted_stays_deleted_where_it_was_said_in_a_run(journal: Journal) -> None:
    run = SaidRun(
        "python",
        0,
        [1000.0 + number * MICROSECOND for number in range(300)],
        "ann",
        RunTexts.of([f"n{n}" for n in range(300)]),
    )
    await journal.append(LinesInRuns([run], 300), {}).stored()
    await store(journal, redacted((2, 2), (100, 199)))
    left = await texts(journal, 1, 300)
    assert [seq for seq, text in left if not text] == [2, *range(100, 200)]
    assert [text for seq, text in left if text] == [f"n{n - 1}" for n in range(1, 301) if n != 2 and not 100 <= n < 200]
