"""The contract of a journal, run over every engine."""

import io
import random
import shutil
import subprocess
import sys
import time
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager, closing
from itertools import groupby, product
from pathlib import Path
from typing import NamedTuple, get_args

import pytest
import trio

from archives import no_progress
from captured_logs import capture_logs
from chat_server.config import JournalTable
from chat_server.journal import KEY_SECONDS, Duplicate, Journal, JournalError, Matches, NoWords, Page, Receipt
from chat_server.journal.archive import FileProblem
from chat_server.journal.batch_codec import Unknown
from chat_server.journal.engines import MODULES, Engine, EngineName, Store, engine_named
from chat_server.journal.keys import KeysInRuns, SenderKey
from chat_server.journal.maintenance import check, export, import_
from chat_server.journal.rooms import delete_room, rename_room
from chat_server.journal.times import MICROSECOND, MILLISECOND, settled, times_of
from chat_server.protocol.acts import RuleSet
from chat_server.protocol.amending import Redacted
from chat_server.protocol.entries import Acted, Entry, Said, TopicSet
from chat_server.protocol.runs import LinesInRuns, Piece, SaidRun, each_of
from postgresql import url_beside

Kind = tuple[EngineName, str]
KINDS: list[Kind] = [*product(MODULES, ("full", "process"))]
"""Every engine, with every durability."""


class Place(NamedTuple):
    """An engine, and where it is to keep a journal."""

    engine: Engine
    settings: JournalTable

    def open(self) -> Journal:
        return self.open_both().journal

    def open_both(self) -> Store:
        return self.engine.open_store(self.settings)


def place_in(directory: Path, engine: EngineName, durability: str = "full", url: str = "") -> Place:
    return Place(
        engine_named(engine), JournalTable(engine, str(directory), "full" if durability == "full" else "process", url)
    )


@asynccontextmanager
async def opened(journal: Journal) -> AsyncIterator[Journal]:
    """Run a journal for as long as the block lasts."""
    async with trio.open_nursery() as nursery:
        await nursery.start(journal.run)
        yield journal
        journal.close()
        await journal.wait_closed()


async def create_rooms(journal: Journal) -> None:
    await journal.create_room("python", room_id="1" * 16)
    await journal.create_room("pm", room_id="2" * 16)


@pytest.fixture(scope="module", params=KINDS, ids=", ".join)
def begun(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> tuple[Kind, Path]:
    """An engine, and a directory in which it has kept two rooms, for tests to copy: a disk takes ten times as long to make them."""
    directory = tmp_path_factory.mktemp("begun") / "data"
    if request.param[0] == "postgresql":
        return request.param, directory

    async def begin() -> None:
        async with opened(place_in(directory, *request.param).open()) as journal:
            await create_rooms(journal)

    trio.run(begin)
    return request.param, directory


@pytest.fixture
def place(begun: tuple[Kind, Path], tmp_path: Path, request: pytest.FixtureRequest) -> Place:
    kind, directory = begun
    if directory.exists():
        shutil.copytree(directory, tmp_path / "data")
    url = request.getfixturevalue("database").url if kind[0] == "postgresql" else ""
    return place_in(tmp_path / "data", *kind, url)


@pytest.fixture
async def journal(place: Place) -> AsyncIterator[Journal]:
    async with opened(place.open()) as journal:
        if not await journal.rooms():
            await create_rooms(journal)
        yield journal


def test_who_has_what_is_said_kept_in_memory_alone_is_warned(tmp_path: Path) -> None:
    with capture_logs() as logs:
        place_in(tmp_path, "memory").open()
    assert [log["log_level"] for log in logs] == ["warning"]
    assert "forgotten when the server ends" in logs[0]["event"]


def test_every_engine_has_its_module() -> None:
    assert tuple(MODULES) == get_args(EngineName)


def said(*texts: str, room: str = "python", at: float = 1000.0, nick: str = "ann") -> list[Entry]:
    """Lines with whatever number: it is the journal that numbers them."""
    return [Said(room, 0, at, nick, text) for text in texts]


async def store(
    journal: Journal, lines: Sequence[Entry], keys: dict[int, str] | None = None, *, in_runs: bool = False
) -> Receipt:
    each = {n: SenderKey("ann", key) for n, key in (keys or {}).items()}
    return await journal.append(lines, keys_in_runs(each) if in_runs else each).stored()


def keys_in_runs(each: Mapping[int, SenderKey]) -> KeysInRuns:
    """The same keys, those of lines in a row of one sender together."""
    keys = KeysInRuns()
    for (sender, _), row in groupby(
        enumerate(sorted(each)), lambda numbered: (each[numbered[1]][0], numbered[1] - numbered[0])
    ):
        places = [place for _, place in row]
        keys.add(places[0], sender, [each[place].key for place in places])
    return keys


async def texts(journal: Journal, first: int, last: int, room: str = "python") -> list[tuple[int, str]]:
    return [(line.seq, line.text) for line in (await journal.read(room, first, last)).lines]


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


async def test_a_search_does_not_wait_for_lines_that_were_stored_before(journal: Journal) -> None:
    await store(journal, said("a needle"), {0: "k"})
    for _ in range(3):
        await store(journal, said("a needle"), {0: "k"})
    assert (await journal.search("needle", None, 10)).unsearched == 0, "it is no line that is still to be indexed"


async def test_the_first_line_of_a_time_is_found(journal: Journal) -> None:
    for hour in range(10):
        await store(journal, said("a", "b", "c", at=hour * 3600.0))
    assert await journal.seq_at("python", 0) == 1
    assert await journal.seq_at("python", 3600) == 4
    assert await journal.seq_at("python", 3601) == 7
    assert await journal.seq_at("python", 9 * 3600) == 28
    assert await journal.seq_at("python", 1e9) == 31
    assert await journal.seq_at("python", float("-inf")) == 1
    assert await journal.seq_at("pm", 0) == 1


async def test_the_first_line_of_a_day_is_found_though_the_clock_has_run_back(journal: Journal) -> None:
    chance = random.Random(4)  # noqa: S311 - the same times every time
    times: list[float] = []
    at = 0.0
    for _ in range(200):
        at += chance.choice([0, 1, 1, 5, 60, -3, -200, 2000]) if chance.random() < 0.5 else 1
        count = chance.randint(1, 3)
        await store(journal, said(*["x"] * count, at=at))
        times += [at] * count
        since = at + chance.randint(-300, 300)
        until = since + chance.choice([1, 100, float("inf")])
        later = [(when, seq) for seq, when in enumerate(times, 1) if when >= since]
        within = [seq for when, seq in later if when < until]
        wanted = within[0] if within else min(later)[1] if later else len(times) + 1
        assert await journal.seq_at("python", since, until) == wanted


async def test_the_first_line_of_a_day_is_found_after_an_import_though_the_clock_had_run_back(place: Place) -> None:
    async with opened(place.open()) as journal:
        await create_rooms(journal)
        for at in (1000.0, 5000.0, 2000.0, 3000.0, 4000.0):
            await store(journal, said("x", "y", at=at))
    there = elsewhere(place)
    imported(there, exported(place).splitlines())
    for one in (place, there):
        async with opened(one.open()) as journal:
            assert [await journal.seq_at("python", at) for at in (0, 1500, 2500, 4500, 6000)] == [1, 3, 3, 3, 11]
            assert [await journal.seq_at("python", at, at + 1) for at in (1000, 2000, 3000, 5000)] == [1, 5, 7, 3]


async def test_lines_keep_their_own_times_and_their_authors(journal: Journal) -> None:
    lines: list[Entry] = [
        Said("python", number, at, "ann", "x", number % 3)
        for number, at in enumerate(times_of(1764300000.25, MICROSECOND, 39), 1)
    ]
    await store(journal, lines)
    assert (await journal.read("python", 1, 39)).lines == lines
    assert (await journal.read("python", 7, 7)).lines == [lines[6]]
    assert (await journal.rooms())[0].last_at == lines[-1].at


async def test_the_first_line_of_a_time_is_found_inside_a_batch(journal: Journal) -> None:
    first: list[Entry] = [Said("python", 0, at, "ann", "x") for at in times_of(1000.0, MILLISECOND, 5)]
    await store(journal, first)
    await store(journal, said("y", at=1001.0))
    for number in range(5):
        assert await journal.seq_at("python", first[number].at) == number + 1
        assert await journal.seq_at("python", first[number].at - MILLISECOND / 2) == number + 1
    assert await journal.seq_at("python", first[4].at + MILLISECOND / 2) == 6


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


async def found(journal: Journal, words: str, rooms: list[str] | None = None, limit: int = 20) -> list[str]:
    return [line.text for line in (await journal.search(words, rooms, limit)).lines]


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        ("hello", ["hello你好", "Hello again, world", "hello world"]),
        ("WORLD hello", ["Hello again, world", "hello world"]),
        ('"hello world"', ["hello world"]),
        ("hel*", ["hello你好", "Hello again, world", "help", "hello world"]),
        ("hel", []),
        ("he*", []),
        ("cafe", ["café"]),
        ("你好", ["hello你好", "我说你好吗"]),
        ("好", ["hello你好", "我说你好吗"]),
        ("说你好", ["我说你好吗"]),
        ("我好", []),
        ("吗", ["我说你好吗"]),
        ("hello你好", ["hello你好"]),
        ("ガラス", ["ガラス"]),
        ("ｶﾞﾗｽ", ["ガラス"]),
        ("라면", ["신라면"]),
        ('" OR NEAR(', []),
        ("AND", []),
        ("text:hello", []),
    ],
)
async def test_lines_are_found_by_their_words_newest_first(journal: Journal, words: str, expected: list[str]) -> None:
    await store(journal, said("hello world", "我说你好吗", "café", "help"))
    await store(journal, said("ガラス", "신라면", "Hello again, world", "hello你好"))
    assert await found(journal, words) == expected


THAI, LAO, KHMER, BURMESE = "ภาษาไทยง่ายมาก", "ພາສາລາວງ່າຍ", "ភាសាខ្មែរងាយ", "မြန်မာစာလွယ်တယ်"


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        ("ไทย", [THAI]),
        ("ง่าย", [THAI]),
        ("ภาษา ง่าย", [THAI]),
        ("ที่", []),
        ("ลาว", []),
        ("ລາວ", [LAO]),
        ("ខ្មែរ", [KHMER]),
        ("စာ", [BURMESE]),
        ("हिन्दी", ["मैं हिन्दी बोलता हूँ"]),
        ("हिन्", []),
    ],
)
async def test_words_are_found_inside_a_text_of_a_script_without_spaces(
    journal: Journal, words: str, expected: list[str]
) -> None:
    await store(journal, said(THAI, LAO, KHMER, BURMESE, "मैं हिन्दी बोलता हूँ"))
    assert await found(journal, words) == expected


SIGNS = (
    *("C++ and (C#), or `C`?", "the C language", "C++11: new", "use C++/CLI; not AT&T"),
    *("ping @ann: 50% of $HOME", "ann at HOME, 50 percent", "x = y", "用C++语言写"),
)
WAVES = ("hi 👋🏽!", "hi 👋👋", "❤️ and ❤", "team 👨‍👩‍👧", "flags 🇩🇪🇨🇳", "costs €5, → there")


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        ("C++", [SIGNS[7], SIGNS[3], SIGNS[0]]),
        ("c++*", [SIGNS[7], SIGNS[3], SIGNS[2], SIGNS[0]]),
        ("C#", [SIGNS[0]]),
        ("c", [*reversed([*SIGNS[:4], SIGNS[7]])]),
        ("C++ C#", [SIGNS[0]]),
        ("语言 C++", [SIGNS[7]]),
        ("AT&T", [SIGNS[3]]),
        ("at t", [SIGNS[3]]),
        ("@ANN", [SIGNS[4]]),
        ("ann", [SIGNS[5], SIGNS[4]]),
        ("50%", [SIGNS[4]]),
        ("$home", [SIGNS[4]]),
        ("=", [SIGNS[6]]),
        ('"C++ and"', [SIGNS[0]]),
        ("+", []),
        ("👋", [WAVES[1], WAVES[0]]),
        ("👋🏽", [WAVES[0]]),
        ("hi👋", [WAVES[1], WAVES[0]]),
        ("❤", [WAVES[2]]),
        ("❤️", [WAVES[2]]),
        ("👩", [WAVES[3]]),
        ("👨‍👩‍👧", [WAVES[3]]),
        ("🇩🇪", [WAVES[4]]),
        ("🇪🇨", []),
        ("€", [WAVES[5]]),
        ("→", [WAVES[5]]),
        ('"and ❤"', [WAVES[2]]),
    ],
)
async def test_words_with_signs_and_emoji_are_found_as_they_are_written(
    journal: Journal, words: str, expected: list[str]
) -> None:
    await store(journal, said(*SIGNS, *WAVES))
    assert await found(journal, words) == expected


@pytest.mark.parametrize("words", ["", "--", '"', "* *", "!?"])
async def test_where_there_is_no_word_nothing_can_be_looked_for(journal: Journal, words: str) -> None:
    with pytest.raises(NoWords):
        await journal.search(words, None, 20)


async def test_a_search_looks_in_the_rooms_that_it_is_told(journal: Journal) -> None:
    await journal.create_room("聊天")
    for room in ("python", "pm", "聊天"):
        await store(journal, said(f"hello {room}", room=room))
    assert await found(journal, "hello", ["pm"]) == ["hello pm"]
    assert await found(journal, "hello", ["python", "聊天"]) == ["hello 聊天", "hello python"]
    assert await found(journal, "hello", None) == ["hello 聊天", "hello pm", "hello python"]
    assert await found(journal, "hello", []) == []


async def test_a_search_looks_at_nothing_before_a_number_and_does_not_say_that_there_is_more(journal: Journal) -> None:
    for number in range(1, 30, 2):
        await store(journal, said(f"needle {number}", f"needle {number + 1}"))
        await store(journal, said("needle pm", room="pm"))

    async def looked_up(first: int, rooms: Sequence[str] = ("python",), limit: int = 50) -> tuple[list[int], bool]:
        matches = await journal.search("needle", rooms, limit, {"python": first})
        return [line.seq for line in matches.lines if line.room == "python"], matches.has_more

    assert await looked_up(28) == ([30, 29, 28], False)
    assert await looked_up(28, limit=2) == ([30, 29], True)
    assert await looked_up(28, limit=3) == ([30, 29, 28], False)
    assert await looked_up(31) == ([], False)
    assert await looked_up(1) == ([*range(30, 0, -1)], False)
    assert await looked_up(29, ("python", "pm")) == ([30, 29], False)
    await prune_all(journal, 0, 4)
    assert await looked_up(2) == ([30, 29, 28, 27], False)


async def test_a_search_finds_what_was_stored_just_before_and_says_when_there_is_more(journal: Journal) -> None:
    for number in range(1500):
        await store(journal, said(f"needle {number}")) if number % 100 == 0 else journal.append(
            said(f"needle {number}"), {}
        )
    matches = await journal.search("needle", None, 20)
    assert [line.text for line in matches.lines][-1] == f"needle {matches.lines[-1].seq - 1}"
    assert len(matches.lines) == 20
    assert matches.has_more
    await store(journal, said("the last one"))
    assert await journal.search("last one", None, 20) == (
        [Said("python", 1501, 1000.0, "ann", "the last one")],
        False,
        0,
    )


async def test_how_far_somebody_has_come_is_remembered_the_last_word_counts(journal: Journal) -> None:
    journal.save_position("python", "ann", 7)
    journal.save_position("python", "bob", 3)
    journal.save_position("pm", "ann", 1)
    journal.save_position("python", "ann", 9)
    await store(journal, said("so that it is stored"))
    assert await journal.positions("python") == {"bob": 3, "ann": 9}
    assert await journal.positions("pm") == {"ann": 1}


async def prune_all(journal: Journal, before: float, keep_lines: int) -> int:
    pruned = 0
    while some := (await journal.prune(before, keep_lines)).total:
        pruned += some
    return pruned


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


# What is kept, without a server.


async def talk(place: Place) -> None:
    """Two rooms, five numbers in them, a topic, a key, and how far Bob has come."""
    async with opened(place.open()) as journal:
        await create_rooms(journal)
        await store(journal, said("a", "b"), {0: "k"})
        await store(journal, said("x\x1b[2J", room="pm", at=2000.0))
        await store(journal, [TopicSet("python", 0, 3000.0, "bob", "snakes")])
        await store(journal, said("c", at=4000.0))
        journal.save_position("python", "bob", 3)


def exported(place: Place, *, with_secrets: bool = False) -> bytes:
    out = io.BytesIO()
    with closing(place.engine.open_archive(place.settings)) as archive:
        export(archive, out, no_progress, with_secrets=with_secrets)
    return out.getvalue()


def imported(place: Place, lines: Sequence[bytes]) -> int:
    return import_(place.engine.filling(place.settings), lines, no_progress)


def elsewhere(place: Place) -> Place:
    url = url_beside(place.settings.url) if place.settings.url else ""
    return Place(place.engine, JournalTable(directory=f"{place.settings.directory}-elsewhere", url=url))


async def test_records_are_read_exactly_as_they_were_stored_and_in_that_order(place: Place) -> None:
    await talk(place)
    with closing(place.engine.open_archive(place.settings)) as archive:
        everything = archive.records(0)
        assert [
            (position, [line.text for line in lines if not isinstance(line, Unknown)]) for position, lines in everything
        ] == [*((2, ["a", "b"]), (3, ["x\x1b[2J"]), (4, ["snakes"]), (5, ["c"]))]
        assert archive.records(3) == everything[2:]
        assert (archive.records(5), archive.end()) == ([], 6)
        assert [batch.position for batch in archive.raw_batches(5)] == [1, 3, 4]


async def test_what_is_exported_and_imported_is_the_same_and_its_numbers_go_on(place: Place) -> None:
    await talk(place)
    text = exported(place)
    other = elsewhere(place)
    assert imported(other, text.splitlines()) == 5
    assert exported(other) == text
    async with opened(other.open()) as journal:
        assert (await journal.rooms())[0][:4] == ("python", "snakes", 1, 4)
        assert (await store(journal, said("d")))[:2] == (5, {})
        assert await found(journal, "b") == ["b"]


async def test_what_was_sent_before_an_export_is_not_stored_again_after_the_import(place: Place) -> None:
    await talk(place)
    theirs = SenderKey("account:7", "k")
    async with opened(place.open()) as journal:
        await journal.append(said("d"), {0: theirs}).stored()
    plain, whole = exported(place), exported(place, with_secrets=True)
    assert whole.splitlines()[-2:] == [
        b'{"is":"key","room":"python","seq":1,"at":1000.0,"sender":"ann","key":"k"}',
        b'{"is":"key","room":"python","seq":5,"at":1000.0,"sender":"account:7","key":"k"}',
    ]
    assert [line for line in whole.splitlines() if line not in plain.splitlines()] == [whole.splitlines()[-2]], (
        "who has no account is known by the digest of a secret"
    )
    other = elsewhere(place)
    assert imported(other, whole.splitlines()) == 6
    assert exported(other, with_secrets=True) == whole
    async with opened(other.open()) as journal:
        assert (await store(journal, said("a"), {0: "k"}))[:2] == (6, {0: Duplicate("python", 1)})
        again = await journal.append(said("d"), {0: theirs}).stored()
        assert again[:2] == (6, {0: Duplicate("python", 5)})


@pytest.mark.parametrize(
    ("key", "complaint"),
    [
        (
            '"room":"python","seq":2,"at":1.0',
            "line 5: expected a key of a line before it, got one of number 2 of python",
        ),
        (
            '"room":"python","seq":0,"at":1.0',
            "line 5: expected a key of a line before it, got one of number 0 of python",
        ),
        ('"room":"pm","seq":1,"at":1.0', "line 5: expected a key of a line before it, got one of number 1 of pm"),
        ('"room":"python","seq":1,"at":1e18', "line 5: expected a time in seconds since 1970, got 1e+18"),
        ('"room":"python","seq":1,"at":1.0', "line 6: key 'k' is there already"),
    ],
)
async def test_what_cannot_be_the_key_of_a_line_is_not_imported(place: Place, key: str, complaint: str) -> None:
    line = f'{{"is":"key",{key},"sender":"ann","key":"k"}}'.encode()
    before = [
        b'{"is":"export","version":3}',
        b'{"is":"room","room":"python","topic":"","first":1}',
        b'{"is":"room","room":"pm","topic":"","first":1}',
        b'{"is":"said","room":"python","seq":1,"at":1.0,"nick":"ann","text":"a"}',
    ]
    with pytest.raises(FileProblem) as refused:
        imported(elsewhere(place), [*before, line, line])
    assert str(refused.value) == complaint


RUNS: list[tuple[list[Piece], dict[int, str]]] = [
    ([SaidRun("python", 1, times_of(1000.0, MICROSECOND, 3), "ann", ["one", "two ärger", "三 👋"])], {}),
    (
        [
            Said("python", 4, 2000.0, "bob", "four"),
            SaidRun("python", 5, [2000.0 + MILLISECOND, 2000.0 + 2 * MILLISECOND], "小明", ["five", 'six "\\"'], 7),
            TopicSet("python", 7, 2000.0 + 3 * MILLISECOND, "bob", "snakes"),
        ],
        {},
    ),
    ([SaidRun("python", 8, times_of(3000.0, MILLISECOND, 4), "ann", ["a", "b", "c", "d"])], {0: "k", 2: "k", 3: "new"}),
    ([SaidRun("python", 12, times_of(4000.0, MILLISECOND, 2), "ann", ["e", "f"])], {0: "k2", 1: "k3"}),
    ([SaidRun("python", 12, times_of(4000.0, MILLISECOND, 2), "ann", ["e", "f"])], {0: "k2", 1: "k3"}),
]
"""Batches with runs in them, and the keys of their lines."""


async def test_where_a_line_is_that_was_sent_under_a_key_is_known(place: Place) -> None:
    async with opened(place.open()) as journal:
        await create_rooms(journal)
        await store(
            journal,
            [Said("python", 0, 1000.0, "ann", "one"), Said("python", 0, 1000.0, "ann", "two")],
            {1: "k\n1"},
        )
        assert await journal.stored_under(SenderKey("ann", "k\n1")) == Duplicate("python", 2)
        assert await journal.stored_under(SenderKey("bob", "k\n1")) is None
        await journal.rename_room("python", "snakes")
        assert await journal.stored_under(SenderKey("ann", "k\n1")) == Duplicate("snakes", 2)
        await journal.delete_room("snakes")
        assert await journal.stored_under(SenderKey("ann", "k\n1")) is None
        await journal.create_room("snakes")
        assert await journal.positions("snakes") == {}
        assert (await store(journal, [Said("snakes", 0, 1000.0, "ann", "anew")], {0: "k\n1"})).first == 1


async def test_lines_in_runs_are_kept_as_they_are_one_by_one(place: Place) -> None:
    kept: list[tuple[list[Receipt], Page, list[str], bytes]] = []
    for one, in_runs in ((place, True), (elsewhere(place), False)):
        async with opened(one.open()) as journal:
            await create_rooms(journal)
            receipts: list[Receipt] = []
            for pieces, keys in RUNS:
                lines = LinesInRuns(pieces, len(list(each_of(pieces))))
                receipts.append(await store(journal, lines if in_runs else [*lines], keys, in_runs=in_runs))
            page, matches = await journal.read("python", 1, 50), await found(journal, "ärger")
        kept.append((receipts, page, matches, exported(one)))
    assert kept[0] == kept[1]
    receipts, page, matches, _ = kept[0]
    assert [receipt.duplicates.keys() for receipt in receipts] == [set(), set(), {2}, set(), {0, 1}]
    assert [line.text for line in page.lines] == [
        *("one", "two ärger", "三 👋", "four", "five", 'six "\\"'),
        "snakes",
        *"abdef",
    ]
    assert [line.author for line in page.lines] == [0] * 4 + [7] * 2 + [0] * 6
    assert matches == ["two ärger"]


async def test_an_import_is_whole_or_nothing_of_it_is_there(place: Place) -> None:
    await talk(place)
    text = exported(place).splitlines()
    with pytest.raises(FileProblem, match="lines already"):
        imported(place, text)
    assert exported(place).splitlines() == text
    other = elsewhere(place)
    with pytest.raises(FileProblem, match=r"^line 7: "):
        imported(other, [*text[:6], b"no line"])
    with pytest.raises(FileProblem, match="there is no journal"):
        exported(other)
    assert imported(other, text) == 5


async def test_a_check_of_what_was_stored_and_pruned_finds_no_problem(place: Place) -> None:
    await talk(place)
    async with opened(place.open()) as journal:
        await found(journal, "a")
        await prune_all(journal, 2500.0, 0)
    with closing(place.engine.open_archive(place.settings)) as archive:
        assert check(archive, no_progress) == (2, 2, 2, [])


async def test_a_check_finds_a_hole(place: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    await talk(place)
    with closing(place.engine.open_archive(place.settings)) as archive:
        batches = [*archive.raw_batches(archive.end())]
        monkeypatch.setattr(type(archive), "raw_batches", lambda *_: iter([batches[0], *batches[2:], batches[1]]))
        assert check(archive, no_progress).problems == ["pm: position 3 comes after 5"]
        monkeypatch.setattr(type(archive), "raw_batches", lambda *_: iter(batches[1:]))
        assert check(archive, no_progress).problems == ["python: number 3 stands where 1 is due"]


async def test_a_room_is_renamed_with_everything_that_belongs_to_it(place: Place) -> None:
    await talk(place)
    renamed = rename_room(place.engine.editing(place.settings), "PYTHON", "snakes", lambda *_: "")
    assert renamed == ("python", "snakes")
    async with opened(place.open()) as journal:
        assert [room.name for room in await journal.rooms()] == ["snakes", "pm"]
        assert await journal.positions("snakes") == {"bob": 3}
        assert [line.room for line in (await journal.read("snakes", 1, 9)).lines] == ["snakes"] * 4
        again = await store(journal, said("a", room="snakes"), {0: "k"})
        assert again[:2] == (5, {0: Duplicate("snakes", 1)})
        assert await found(journal, "b", ["snakes"]) == ["b"]


async def test_a_room_is_deleted_and_no_position_is_used_again(place: Place) -> None:
    await talk(place)
    assert delete_room(place.engine.editing(place.settings), "python")[:4] == ("python", "snakes", 1, 4)
    async with opened(place.open()) as journal:
        assert [room.name for room in await journal.rooms()] == ["pm"]
        assert await journal.search("b", None, 20) == Matches([], False, 0), (
            "what is deleted is not missing from the index"
        )
        assert not (await journal.append(said("a", room="pm"), {0: SenderKey("ann", "k")}).stored()).duplicates
    with closing(place.engine.open_archive(place.settings)) as archive:
        if place.settings.engine != "postgresql":  # whose positions are counted when they are asked for
            assert [record.position for record in archive.records(0)] == [3, 6]


async def test_a_room_of_a_journal_that_is_being_written_is_renamed_and_who_reads_by_its_old_name_reads_on(
    place: Place,
) -> None:
    await talk(place)
    async with opened(place.open()) as journal:
        assert await found(journal, "b", ["python"]) == ["b"]
        journal.save_position("python", "ann", 4)
        async with trio.open_nursery() as nursery:
            read: list[int] = []

            async def keep_reading() -> None:
                read.extend([len((await journal.read("python", 1, 9)).lines) for _ in range(50)])

            nursery.start_soon(keep_reading)
            await journal.rename_room("python", "snakes")
            assert (await store(journal, said("e", room="snakes")))[0] == 5
        assert set(read) <= {4, 5} or place.engine.directory(place.settings) is None, "no read of these lasts"
        assert [room.name for room in await journal.rooms()] == ["snakes", "pm"]
        assert await journal.positions("snakes") == {"bob": 3, "ann": 4}
        assert await journal.seq_at("snakes", 0) == 1
        again = await store(journal, said("a", room="snakes"), {0: "k"})
        assert again[:2] == (6, {0: Duplicate("snakes", 1)})
        assert await found(journal, "b", ["snakes"]) == ["b"]
        await journal.create_room("python")
        assert not (await journal.read("python", 1, 9)).lines
        await journal.rename_room("snakes", "serpents")
        await journal.rename_room("serpents", "snakes")
        assert len((await journal.read("snakes", 1, 9)).lines) == 5
    with closing(place.engine.open_archive(place.settings)) as archive:
        assert check(archive, no_progress).problems == []


def files_with(place: Place, text: bytes) -> list[str]:
    directory = place.engine.directory(place.settings)
    files = directory.iterdir() if directory is not None else ()
    return [path.name for path in files if path.is_file() and text in path.read_bytes()]


async def test_a_room_of_a_journal_that_is_being_written_is_deleted_and_nothing_of_it_is_left(place: Place) -> None:
    await talk(place)
    async with opened(place.open()) as journal:
        await store(journal, *(said("abracadabra", room="python"),))
        assert await found(journal, "abracadabra", None) == ["abracadabra"]
        journal.save_position("python", "ann", 4)
        assert await journal.delete_room("python") == ""
        assert [room.name for room in await journal.rooms()] == ["pm"]
        assert await journal.search("abracadabra", None, 20) == Matches([], False, 0)
        assert not (await journal.read("python", 1, 9)).lines
        assert files_with(place, b"abracadabra") == []
        await journal.create_room("python")
        assert (await store(journal, said("a", room="python"), {0: "k"}))[:2] == (1, {})
    with closing(place.engine.open_archive(place.settings)) as archive:
        assert check(archive, no_progress).problems == []


async def test_where_nothing_is_kept_there_is_nothing_to_read_or_edit_and_none_is_made(place: Place) -> None:
    other = elsewhere(place)
    for _ in range(2):
        with pytest.raises(FileProblem, match="there is no journal"):
            other.engine.open_archive(other.settings)
        with pytest.raises(FileProblem, match="there is no journal"):
            delete_room(other.engine.editing(other.settings), "python")


async def test_a_backup_is_all_that_is_kept_or_the_engine_says_that_it_makes_none(place: Place, tmp_path: Path) -> None:
    await talk(place)
    copy = tmp_path / "copy"
    copy.touch()
    try:
        place.engine.back_up(place.settings, copy, no_progress)
        said_instead = ""
    except FileProblem as problem:
        said_instead = str(problem)
    assert b"snakes" in copy.read_bytes() or "an export has everything" in said_instead


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
        "python", 0, [1000.0 + number * MICROSECOND for number in range(300)], "ann", [f"n{n}" for n in range(300)]
    )
    await journal.append(LinesInRuns([run], 300), {}).stored()
    await store(journal, redacted((2, 2), (100, 199)))
    left = await texts(journal, 1, 300)
    assert [seq for seq, text in left if not text] == [2, *range(100, 200)]
    assert [text for seq, text in left if text] == [f"n{n - 1}" for n in range(1, 301) if n != 2 and not 100 <= n < 200]
