"""The contract of a journal, run over every engine: what is done with what is kept while no server runs, as exports, checks and backups."""

from contextlib import closing
from pathlib import Path

import pytest
import trio

from archives import no_progress
from chat_server.journal import Duplicate, Matches, Page, Receipt
from chat_server.journal.archive import FileProblem
from chat_server.journal.batch_codec import Unknown
from chat_server.journal.keys import SenderKey
from chat_server.journal.maintenance import check
from chat_server.journal.rooms import delete_room, rename_room
from chat_server.journal.times import MICROSECOND, MILLISECOND, times_of
from chat_server.protocol.entries import Said, TopicSet
from chat_server.protocol.runs import LinesInRuns, Piece, RunTexts, SaidRun, each_of
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
    talk,
)

__all__ = ["begun", "journal", "place"]


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
    ([SaidRun("python", 1, times_of(1000.0, MICROSECOND, 3), "ann", RunTexts.of(["one", "two ärger", "三 👋"]))], {}),
    (
        [
            Said("python", 4, 2000.0, "bob", "four"),
            SaidRun(
                "python",
                5,
                [2000.0 + MILLISECOND, 2000.0 + 2 * MILLISECOND],
                "小明",
                RunTexts.of(["five", 'six "\\"']),
                7,
            ),
            TopicSet("python", 7, 2000.0 + 3 * MILLISECOND, "bob", "snakes"),
        ],
        {},
    ),
    (
        [SaidRun("python", 8, times_of(3000.0, MILLISECOND, 4), "ann", RunTexts.of(["a", "b", "c", "d"]))],
        {0: "k", 2: "k", 3: "new"},
    ),
    ([SaidRun("python", 12, times_of(4000.0, MILLISECOND, 2), "ann", RunTexts.of(["e", "f"]))], {0: "k2", 1: "k3"}),
    ([SaidRun("python", 12, times_of(4000.0, MILLISECOND, 2), "ann", RunTexts.of(["e", "f"]))], {0: "k2", 1: "k3"}),
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
