"""The contract of a journal, run over every engine: what is looked for is found, by its words, its day and its time."""

import random
from collections.abc import Sequence

import pytest

from chat_server.journal import Journal, NoWords
from chat_server.journal.times import MILLISECOND, times_of
from chat_server.protocol.entries import Entry, Said
from journals import (
    Place,
    begun,
    create_rooms,
    elsewhere,
    exported,
    found,
    imported,
    journal,
    opened,
    place,
    prune_all,
    said,
    store,
)

__all__ = ["begun", "journal", "place"]


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


async def test_the_first_line_of_a_time_is_found_inside_a_batch(journal: Journal) -> None:
    first: list[Entry] = [Said("python", 0, at, "ann", "x") for at in times_of(1000.0, MILLISECOND, 5)]
    await store(journal, first)
    await store(journal, said("y", at=1001.0))
    for number in range(5):
        assert await journal.seq_at("python", first[number].at) == number + 1
        assert await journal.seq_at("python", first[number].at - MILLISECOND / 2) == number + 1
    assert await journal.seq_at("python", first[4].at + MILLISECOND / 2) == 6


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
