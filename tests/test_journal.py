"""The contract of a journal, run over every implementation."""

import os
import random
import resource
import shutil
import sqlite3
import subprocess
import time
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import aclosing, asynccontextmanager, closing, contextmanager, suppress
from pathlib import Path

import pytest
import trio
from hypothesis import given
from hypothesis import strategies as st

from chat_server.journal import Duplicate, Journal, JournalError, Receipt, RoomRecord, SenderKey
from chat_server.journal.memory import MemoryJournal
from chat_server.journal.sqlite.data_directory import DataFolder
from chat_server.journal.sqlite.indexer import Indexer
from chat_server.journal.sqlite.journal import SqliteJournal
from chat_server.journal.sqlite.maintenance import check
from chat_server.journal.sqlite.new_file import TargetError, refuse_own_file
from chat_server.journal.sqlite.reader import mapped_errors
from chat_server.journal.sqlite.search_index import NoWords, SearchIndex
from chat_server.journal.sqlite.writer import Writer
from chat_server.protocol.entries import Acted, Line, Said, TopicSet

IMPLEMENTATIONS: list[Callable[[Path], Journal]] = [
    lambda _: MemoryJournal(),
    lambda folder: SqliteJournal(DataFolder(folder)),
    lambda folder: SqliteJournal(DataFolder(folder), "process"),
]


@asynccontextmanager
async def opened(journal: Journal) -> AsyncIterator[Journal]:
    """Run a journal for as long as the block lasts."""
    if not isinstance(journal, SqliteJournal):
        yield journal
        return
    async with trio.open_nursery() as nursery:
        await nursery.start(journal.run)
        yield journal
        journal.close()
        await journal.closed.wait()
    journal._folder.close()


async def create_rooms(journal: Journal) -> None:
    async with opened(journal):
        await journal.create_room("python")
        await journal.create_room("pm")


@pytest.fixture(scope="module")
def begun(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of a journal with two rooms, for tests to copy: a disk takes ten times as long to make one."""
    folder = tmp_path_factory.mktemp("begun") / "data"
    trio.run(create_rooms, SqliteJournal(DataFolder(folder)))
    return folder


@pytest.fixture(params=IMPLEMENTATIONS, ids=["memory", "sqlite", "sqlite, process"])
async def journal(request: pytest.FixtureRequest, begun: Path, tmp_path: Path) -> AsyncIterator[Journal]:
    shutil.copytree(begun, tmp_path / "data")
    journal = request.param(tmp_path / "data")
    if isinstance(journal, MemoryJournal):
        await create_rooms(journal)
    async with opened(journal):
        yield journal


def said(*texts: str, room: str = "python", at: float = 1000.0, nick: str = "ann") -> list[Line]:
    """Lines with whatever number: it is the journal that numbers them."""
    return [Said(room, 0, at, nick, text) for text in texts]


async def store(journal: Journal, lines: list[Line], keys: dict[int, str] | None = None) -> Receipt:
    return await journal.append(lines, {n: SenderKey("ann", key) for n, key in (keys or {}).items()}).stored()


async def texts(journal: Journal, first: int, last: int, room: str = "python") -> list[tuple[int, str]]:
    return [(line.seq, line.text) for line in (await journal.read(room, first, last)).lines]


async def test_lines_are_numbered_by_room_without_a_hole(journal: Journal) -> None:
    assert await store(journal, said("a", "b")) == Receipt(1, {})
    assert await store(journal, said("x", room="pm")) == Receipt(1, {})
    assert await store(journal, said("c")) == Receipt(3, {})
    assert await texts(journal, 1, 10) == [(1, "a"), (2, "b"), (3, "c")]
    assert await texts(journal, 1, 10, "pm") == [(1, "x")]
    assert await journal.rooms() == [RoomRecord("python", "", 1, 3), RoomRecord("pm", "", 1, 1)]


async def test_every_kind_of_line_is_read_as_it_was_stored(journal: Journal) -> None:
    lines: list[Line] = [
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
    assert await store(journal, said("once", "more"), {0: "k1", 1: "k2"}) == Receipt(2, {})
    again = await store(journal, said("once", "new", "more"), {0: "k1", 2: "k2"})
    assert again == Receipt(4, {0: Duplicate("python", 2), 2: Duplicate("python", 3)})
    assert await texts(journal, 1, 10) == [(1, "before"), (2, "once"), (3, "more"), (4, "new")]


async def test_a_key_counts_in_every_room_but_only_for_its_sender(journal: Journal) -> None:
    await store(journal, said("once"), {0: "k"})
    assert (await store(journal, said("once", room="pm"), {0: "k"})).duplicates == {0: Duplicate("python", 1)}
    assert (await journal.append(said("once"), {0: SenderKey("bob", "k")}).stored()) == Receipt(2, {})


async def test_a_key_that_stands_twice_in_one_batch_counts_once(journal: Journal) -> None:
    receipt = await store(journal, said("a", "b", "a", "c"), {0: "k", 2: "k"})
    assert receipt == Receipt(1, {2: Duplicate("python", 1)})
    assert await texts(journal, 1, 10) == [(1, "a"), (2, "b"), (3, "c")]


async def test_a_batch_of_nothing_but_repetitions_takes_no_number(journal: Journal) -> None:
    await store(journal, said("a", "b"), {0: "k1", 1: "k2"})
    assert (await store(journal, said("a", "b"), {0: "k1", 1: "k2"})).duplicates.keys() == {0, 1}
    assert await store(journal, said("c")) == Receipt(3, {})


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


@given(st.lists(st.text(st.sampled_from("aB1 ไท你👋🇩+#@$%&=^\\*\"'-_.€\u0301\ufe0f\u200d"), max_size=12), max_size=4))
def test_whatever_a_line_says_it_is_found_by_its_words(texts: list[str]) -> None:
    index = SearchIndex(None, "test", 1)
    lines = [Said("python", number, 0.0, "ann", text) for number, text in enumerate(["x", *texts], 1)]
    index.add([(len(lines), lines)])
    for number, text in enumerate(texts, 2):
        for word in text.replace('"', " ").split():
            with suppress(NoWords):
                assert number in index.search(word.rstrip("*"), None, 100)
            with suppress(NoWords):
                index.search(f'{word}* "{word}', None, 100)
    index.close()


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


async def test_who_follows_sees_every_record_in_order_those_to_come_included(journal: Journal) -> None:
    await store(journal, said("a", "b"))
    await store(journal, said("x", room="pm"))
    seen: list[tuple[int, str]] = []

    async def follow(after: int, count: int) -> None:
        async with aclosing(journal.follow(after)) as records:
            async for record in records:
                seen.extend((record.position, line.room + line.text) for line in record.lines)
                if len(seen) >= count:
                    return

    async with trio.open_nursery() as nursery:
        nursery.start_soon(follow, 0, 5)
        await trio.sleep(0.05)
        await store(journal, said("c"))
        await store(journal, said("y", room="pm"))
    assert seen == [(2, "pythona"), (2, "pythonb"), (3, "pmx"), (4, "pythonc"), (5, "pmy")]
    seen.clear()
    await follow(3, 2)
    assert seen == [(4, "pythonc"), (5, "pmy")]


async def test_how_far_somebody_has_come_is_remembered_the_last_word_counts(journal: Journal) -> None:
    journal.remember("python", "ann", 7)
    journal.remember("python", "bob", 3)
    journal.remember("pm", "ann", 1)
    journal.remember("python", "ann", 9)
    await store(journal, said("so that it is stored"))
    assert await journal.remembered("python") == {"bob": 3, "ann": 9}
    assert await journal.remembered("pm") == {"ann": 1}


async def prune_all(journal: Journal, before: float, keep_lines: int) -> int:
    pruned = 0
    while some := await journal.prune(before, keep_lines):
        pruned += some
    return pruned


async def test_pruning_by_age_leaves_the_numbers_as_they_are(journal: Journal) -> None:
    for hour in range(1, 6):
        await store(journal, said(f"hour {hour}", "b", at=hour * 3600.0))
    await found(journal, "hour")
    assert await prune_all(journal, 3 * 3600.0, 0) == 4
    assert await texts(journal, 1, 6) == [(5, "hour 3"), (6, "b")]
    assert (await journal.read("python", 1, 2)).first == 5
    assert (await journal.rooms())[0] == RoomRecord("python", "", 5, 10)
    assert await found(journal, "hour") == ["hour 5", "hour 4", "hour 3"]
    assert await journal.seq_at("python", 0) == 5
    assert await store(journal, said("next")) == Receipt(11, {})


async def test_pruning_by_count_keeps_as_many_lines_of_each_room_and_no_batch_in_part(journal: Journal) -> None:
    for _ in range(10):
        await store(journal, said("a", "b", "c"))
    await store(journal, said("x", room="pm"))
    await found(journal, "a")
    assert await prune_all(journal, 0, 10) == 18
    assert [record[2:] for record in await journal.rooms()] == [(19, 30), (1, 1)]


async def test_a_room_that_has_been_pruned_empty_goes_on_with_the_next_number(journal: Journal) -> None:
    await store(journal, said("a", "b", "c"))
    await found(journal, "a")
    assert await prune_all(journal, 1e9, 0) == 3
    assert (await journal.rooms())[0] == RoomRecord("python", "", 4, 3)
    assert await store(journal, said("d", at=2e9)) == Receipt(4, {})
    assert await found(journal, "d") == ["d"]
    assert await texts(journal, 1, 10) == [(4, "d")]


async def test_keys_are_remembered_for_two_days(journal: Journal, monkeypatch: pytest.MonkeyPatch) -> None:
    await store(journal, said("a", at=1_000_000.0), {0: "k"})
    monkeypatch.setattr("time.time", lambda: 1_000_000.0 + 2 * 86400 - 1)
    await journal.prune(0, 0)
    assert (await store(journal, said("a"), {0: "k"})).duplicates
    monkeypatch.setattr("time.time", lambda: 1_000_000.0 + 2 * 86400 + 1)
    await journal.prune(0, 0)
    assert not (await store(journal, said("a"), {0: "k"})).duplicates


async def test_everything_is_there_again_after_a_restart(tmp_path: Path) -> None:
    async with opened(SqliteJournal(DataFolder(tmp_path))) as journal:
        await journal.create_room("python")
        await store(journal, said("a", "needle"), {0: "k"})
        await store(journal, [TopicSet("python", 0, 1000.0, "ann", "snakes")])
        await found(journal, "needle")
        journal.remember("python", "ann", 2)
    async with opened(SqliteJournal(DataFolder(tmp_path))) as journal:
        assert await journal.rooms() == [RoomRecord("python", "snakes", 1, 3)]
        assert await texts(journal, 1, 3) == [(1, "a"), (2, "needle"), (3, "snakes")]
        assert await journal.remembered("python") == {"ann": 2}
        assert await found(journal, "needle") == ["needle"]
        assert await store(journal, said("a"), {0: "k"}) == Receipt(4, {0: Duplicate("python", 1)})
        assert await store(journal, said("b")) == Receipt(4, {})


@pytest.mark.parametrize(
    "harm", ["missing", "another journal's", "broken", "of a later state", "of an older release", "no index at all"]
)
async def test_a_search_index_that_does_not_fit_is_made_anew(tmp_path: Path, harm: str) -> None:
    other = DataFolder(tmp_path / "other")
    async with opened(SqliteJournal(other)) as journal:
        await journal.create_room("python")
        await store(journal, said("needle of the other"))
        await found(journal, "needle")
    folder = tmp_path / "data"
    backup = b"", b""
    async with opened(SqliteJournal(DataFolder(folder))) as journal:
        await journal.create_room("python")
        await store(journal, said("needle"))
        await found(journal, "needle")
        if harm == "of a later state":
            backup = (folder / "journal.db").read_bytes(), (folder / "journal.db-wal").read_bytes()
            await store(journal, said("needle that is not in the backup"))
            await found(journal, "needle")
    index = folder / "search.db"
    match harm:
        case "missing":
            index.unlink()
        case "another journal's":
            index.write_bytes((tmp_path / "other" / "search.db").read_bytes())
        case "broken":
            index.write_bytes(index.read_bytes()[:5000] + b"x" * 20_000)
        case "of an older release":
            _make_older(index)
        case "of a later state":
            (folder / "journal.db").write_bytes(backup[0])
            (folder / "journal.db-wal").write_bytes(backup[1])
        case _:
            index.write_bytes(b"this is no database, but a letter" * 100)
    async with opened(SqliteJournal(DataFolder(folder))) as journal:
        assert await found(journal, "needle") == ["needle"]
        assert await found(journal, "👋") == []


def _make_older(index: Path) -> None:
    """Leave the search index as release 0.1.0 made it."""
    with closing(sqlite3.connect(index)) as connection:
        connection.executescript(
            """
            DROP TABLE words;
            CREATE VIRTUAL TABLE words USING fts5(text, room, tokenize = 'unicode61 remove_diacritics 2', columnsize = 0);
            INSERT INTO words (rowid, text, room) VALUES (1, 'needle', 'r707974686f6e');
            PRAGMA user_version = 1;
            """
        )


async def test_an_index_of_an_older_release_is_no_fault_of_the_journal(tmp_path: Path) -> None:
    folder = DataFolder(tmp_path / "data")
    async with opened(SqliteJournal(folder)) as journal:
        await journal.create_room("python")
        await store(journal, said("needle"))
        await found(journal, "needle")
    _make_older(folder.search)
    assert check(folder.journal, folder.search, lambda *_: None).problems == []


async def test_a_journal_that_is_closed_refuses(tmp_path: Path) -> None:
    async with opened(SqliteJournal(DataFolder(tmp_path))) as journal:
        await journal.create_room("python")
    with pytest.raises(JournalError):
        await store(journal, said("too late"))


async def test_what_waits_when_the_journal_closes_is_stored(tmp_path: Path) -> None:
    async with opened(SqliteJournal(DataFolder(tmp_path))) as journal:
        await journal.create_room("python")
        for number in range(100):
            journal.append(said(str(number)), {})
        journal.remember("python", "ann", 100)
    async with opened(SqliteJournal(DataFolder(tmp_path))) as journal:
        assert (await journal.rooms())[0].last == 100
        assert await journal.remembered("python") == {"ann": 100}


async def test_the_log_is_brought_into_the_file_and_begins_anew(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("chat_server.journal.sqlite.journal.CHECKPOINT_PAGES", 50)
    async with opened(SqliteJournal(DataFolder(tmp_path))) as journal:
        await journal.create_room("python")
        for number in range(600):
            await store(journal, said(f"{number} {'x' * 4000}"))
        assert (tmp_path / "journal.db-wal").stat().st_size < 2_000_000, "600 lines alone are 10 MB of log"
        assert (tmp_path / "journal.db").stat().st_size > 1_000_000


async def test_a_full_disk_refuses_whole_batches_and_takes_them_again_when_it_has_room(tmp_path: Path) -> None:
    """RLIMIT_FSIZE makes files as small as a full disk would, without a disk."""
    async with opened(SqliteJournal(DataFolder(tmp_path))) as journal:
        await journal.create_room("python")
        await store(journal, said("before"), {0: "k0"})
        size = (tmp_path / "journal.db").stat().st_size
        hard = resource.getrlimit(resource.RLIMIT_FSIZE)[1]
        refused = 0
        resource.setrlimit(resource.RLIMIT_FSIZE, (size + 8192, hard))
        try:
            for number in range(20):
                try:
                    await store(journal, said("x" * 4000, f"refused {number}"), {0: f"k{number + 1}"})
                except JournalError:
                    refused += 1
        finally:
            resource.setrlimit(resource.RLIMIT_FSIZE, (hard, hard))
        assert refused >= 15
        last = (await journal.rooms())[0].last
        assert last == 1 + (20 - refused) * 2
        assert await store(journal, said("after"), {0: "k20"}) == Receipt(last + 1, {})
        assert await texts(journal, last + 1, last + 1) == [(last + 1, "after")]
        assert await found(journal, "after") == ["after"]


async def test_the_search_index_is_made_once_however_many_want_it_first(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What prunes asks how far the index has come while the indexer makes it: two threads must not both make its tables."""
    made = 0

    class SlowIndex(SearchIndex):
        def __init__(self, path: Path | None, identity: str | None, end: int) -> None:
            nonlocal made
            made += 1
            time.sleep(0.05)
            super().__init__(path, identity, end)

    monkeypatch.setattr("chat_server.journal.sqlite.indexer.SearchIndex", SlowIndex)
    folder = DataFolder(tmp_path)
    Writer(folder.journal).close()
    indexer = Indexer(folder.journal, folder.search)
    async with trio.open_nursery() as nursery:
        for _ in range(4):
            nursery.start_soon(indexer.indexed)
        nursery.start_soon(indexer.forget, [(1, 1)])
    assert (made, await indexer.indexed()) == (1, 0)
    indexer.close()
    folder.close()


async def test_a_journal_that_was_deleted_or_replaced_refuses_until_it_is_back(tmp_path: Path) -> None:
    elsewhere = tmp_path / "elsewhere.db"
    file = tmp_path / "journal.db"
    async with opened(SqliteJournal(DataFolder(tmp_path))) as journal:
        await journal.create_room("python")
        await store(journal, said("before"))
        file.rename(elsewhere)
        for _ in range(2):
            with pytest.raises(JournalError, match=r"journal\.db was deleted or replaced while the server was running"):
                await store(journal, said("into nowhere"), {0: "k"})
        with pytest.raises(JournalError):
            await journal.create_room("pm")
        assert not file.exists(), "and no other one is made"
        file.write_bytes(elsewhere.read_bytes())
        with pytest.raises(JournalError, match="deleted or replaced"):
            await store(journal, said("into a copy"))
        elsewhere.replace(file)
        assert await store(journal, said("after")) == Receipt(2, {})
        log = tmp_path / "journal.db-wal"
        log.rename(elsewhere)
        with pytest.raises(JournalError, match=r"journal\.db-wal was deleted or replaced"):
            await store(journal, said("into a log that nobody finds"))
        elsewhere.rename(log)
        assert await store(journal, said("at last")) == Receipt(3, {})
    async with opened(SqliteJournal(DataFolder(tmp_path))) as journal:
        assert await texts(journal, 1, 9) == [(1, "before"), (2, "after"), (3, "at last")]


@pytest.mark.parametrize(
    ("name", "size"), [("journal.db", 0), ("journal.db", 4096), ("journal.db-wal", 0), ("journal.db-wal", 4152)]
)
async def test_a_journal_that_was_cut_short_refuses(tmp_path: Path, name: str, size: int) -> None:
    async with opened(SqliteJournal(DataFolder(tmp_path))) as journal:
        await journal.create_room("python")
        await store(journal, said("before"))
        os.truncate(tmp_path / name, size)
        for _ in range(2):
            with pytest.raises(
                JournalError, match=rf"{name} was cut short or written over while the server was running"
            ):
                await store(journal, said("into a ruin"))
        with pytest.raises(JournalError):
            await journal.create_room("pm")


async def test_a_journal_that_another_program_has_made_smaller_in_order_goes_on(tmp_path: Path) -> None:
    async with opened(SqliteJournal(DataFolder(tmp_path))) as journal:
        await journal.create_room("python")
        for _ in range(1, 40):
            await store(journal, said("x" * 4000))
        with closing(sqlite3.connect(tmp_path / "journal.db", isolation_level=None)) as shell:
            shell.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchall()
            before = (tmp_path / "journal.db").stat().st_size
            assert await store(journal, said("after the log was emptied")) == Receipt(40, {})
            shell.execute("DELETE FROM batch WHERE first < 30")
            shell.execute("VACUUM")
            shell.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchall()
        assert (tmp_path / "journal.db").stat().st_size < before
        assert await store(journal, said("after the file was shortened")) == Receipt(41, {})
    async with opened(SqliteJournal(DataFolder(tmp_path))) as journal:
        assert (await texts(journal, 40, 41))[1] == (41, "after the file was shortened")


async def test_a_log_that_is_deleted_is_in_the_file_after_an_orderly_stop(tmp_path: Path) -> None:
    async with opened(SqliteJournal(DataFolder(tmp_path))) as journal:
        await journal.create_room("python")
        await store(journal, said("before"))
        (tmp_path / "journal.db-wal").unlink()
        with pytest.raises(JournalError):
            await store(journal, said("refused"))
    async with opened(SqliteJournal(DataFolder(tmp_path))) as journal:
        assert await texts(journal, 1, 9) == [(1, "before")]


async def test_a_lock_of_another_programs_is_waited_for_until_the_server_is_in_a_hurry(tmp_path: Path) -> None:
    journal = SqliteJournal(DataFolder(tmp_path))
    async with opened(journal):
        await journal.create_room("python")
        with closing(sqlite3.connect(tmp_path / "journal.db", isolation_level=None)) as shell:
            shell.execute("BEGIN IMMEDIATE")
            appending = journal.append(said("waits"), {})
            await trio.sleep(0.2)
            shell.execute("COMMIT")
            assert await appending.stored() == Receipt(1, {})
            shell.execute("BEGIN IMMEDIATE")
            appending = journal.append(said("is refused"), {})
            journal.hurry(0.1)
            with trio.fail_after(5), pytest.raises(JournalError, match="locked"):
                await appending.stored()
            with trio.fail_after(5), pytest.raises(JournalError, match="locked"):
                await store(journal, said("so is this"))
            with trio.fail_after(5):
                journal.close()
                await journal.closed.wait()


@contextmanager
def small_disk(folder: Path, size: str) -> Iterator[Path]:
    """A disk in memory. Only root may make one; CI does."""
    folder.mkdir()
    made = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", f"size={size}", "tmpfs", folder], capture_output=True, check=False
    )
    if made.returncode:
        assert "CI" not in os.environ, "CI may mount"
        pytest.skip("only root may mount a small disk")
    try:
        yield folder
    finally:
        subprocess.run(["umount", "--lazy", folder], check=True)


async def test_a_disk_that_the_log_has_filled_takes_lines_again_by_itself(tmp_path: Path) -> None:
    """Whatever is stored again and again fills the log with what takes no room in the file."""
    with small_disk(tmp_path / "disk", "2m") as disk:
        journal = SqliteJournal(DataFolder(disk / "data"))
        async with opened(journal):
            await journal.create_room("python")
            await store(journal, said("first"))

            def fill(writer: Writer) -> None:
                with mapped_errors():
                    for number in range(10_000):
                        if number == 1:
                            writer.bring_in_log()
                        writer._store_positions({("python", f"{person} {'x' * 200}"): number for person in range(100)})

            with pytest.raises(JournalError, match="full"):
                await journal._committer.call(fill)
            log = (disk / "data" / "journal.db-wal").stat().st_size
            assert log > 1_000_000
            with suppress(OSError), (disk / "rest").open("wb") as rest:
                while True:
                    rest.write(b"x" * 4096)
                    rest.flush()
            assert await store(journal, said("second")) == Receipt(2, {})
            # Brought into the file, and begun anew: shorter, or of the same length with its beginning overwritten.
            assert (disk / "data" / "journal.db-wal").stat().st_size <= log


@pytest.mark.parametrize("name", ["data", "d?t#a %41", "d\udcffta"])
async def test_the_journal_may_be_a_symbolic_link_and_stand_under_any_name(tmp_path: Path, name: str) -> None:
    (tmp_path / "elsewhere").mkdir()
    folder = DataFolder(tmp_path / name)
    (tmp_path / name / "journal.db").unlink()
    (tmp_path / name / "journal.db").symlink_to(tmp_path / "elsewhere" / "real.db")
    async with opened(SqliteJournal(folder)) as journal:
        await journal.create_room("python")
        await store(journal, said("needle"))
        assert await found(journal, "needle") == ["needle"]
        with pytest.raises(TargetError, match="a file that the server itself writes"):
            refuse_own_file((tmp_path / "elsewhere" / "real.db-wal").stat(), tmp_path / name, "x")
    assert (tmp_path / "elsewhere" / "real.db").stat().st_size
    assert sorted(path.name for path in (tmp_path / name).iterdir()) == ["journal.db", "lock", "search.db"]


async def test_a_time_that_cannot_be_does_not_keep_a_room_for_ever(tmp_path: Path) -> None:
    async with opened(SqliteJournal(DataFolder(tmp_path))) as journal:
        await journal.create_room("python")
        for at in (1000.0, 1e18, 2000.0, 9000.0):
            await store(journal, said("a", at=at))
        await found(journal, "a")
        assert await prune_all(journal, float("-inf"), 0) == 0
        assert await prune_all(journal, 5000.0, 0) == 3
        assert await texts(journal, 1, 9) == [(4, "a")]


async def test_a_search_goes_on_though_the_index_is_locked(tmp_path: Path) -> None:
    async with opened(SqliteJournal(DataFolder(tmp_path))) as journal:
        await journal.create_room("python")
        await store(journal, said("needle"))
        assert await found(journal, "needle") == ["needle"]
        with closing(sqlite3.connect(tmp_path / "search.db", isolation_level=None)) as shell:
            shell.execute("BEGIN IMMEDIATE")
            await store(journal, said("needle"))
            matches = await journal.search("needle", None, 10)
            assert ([line.seq for line in matches.lines], matches.unsearched) == ([1], 1)


async def test_a_room_whose_name_could_act_on_a_terminal_is_not_opened_and_topics_are_shown_clean(
    tmp_path: Path,
) -> None:
    async with opened(SqliteJournal(DataFolder(tmp_path))) as journal:
        for room in ("python", "pm", "server"):
            await journal.create_room(room)
    with closing(sqlite3.connect(tmp_path / "journal.db")) as connection, connection:
        connection.execute("UPDATE room SET name = char(27) || '[2J' WHERE name = 'pm'")
        connection.execute("UPDATE room SET topic = 'a' || char(10) || char(27) || 'b' WHERE name = 'python'")
    async with opened(SqliteJournal(DataFolder(tmp_path))) as journal:
        assert [(room.name, room.topic) for room in await journal.rooms()] == [("python", "a b"), ("server", "")]


def test_a_full_disk_is_tried_once_more_however_long_a_try_takes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(
        "chat_server.journal.sqlite.writer.MAKE_ROOM_SECONDS", -1
    )  # as where each try takes longer than that
    writer = Writer(DataFolder(tmp_path).journal)
    tries = []

    def refuse(_writer: Writer) -> None:
        tries.append(1)
        assert len(tries) < 10
        with mapped_errors():
            error = sqlite3.OperationalError("database or disk is full")
            error.sqlite_errorcode = sqlite3.SQLITE_FULL
            raise error

    monkeypatch.setattr(Writer, "_transaction", refuse)
    with pytest.raises(JournalError, match="full"):
        writer.create_room("python")
    assert len(tries) == 2
    writer.close()
