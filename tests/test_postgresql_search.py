"""The search index that each node has of the journal in the database: it finds what any node has stored, and nothing that is no more."""

import os
import signal
import sqlite3
import threading
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from pathlib import Path

import pytest

from chat_server.journal import JournalError, Matches
from chat_server.journal.batch_codec import encode
from chat_server.journal.nodes import Beside
from chat_server.journal.postgresql.appending import append_of
from chat_server.journal.postgresql.connections import connect
from chat_server.journal.postgresql.indexed import IndexedDatabase
from chat_server.journal.search.indexer import Indexer
from chat_server.protocol.entries import Entry
from journals import opened, place_in
from postgresql import Database
from test_postgresql_append import Node, said

SLICE = 7
"""Lines indexed at a time: few, so that there are many slices."""


@pytest.fixture
def nodes(database: Database) -> Iterator[list[Node]]:
    """Two nodes, and two rooms."""
    found = [Node(database, "a"), Node(database, "b")]
    for room in ("python", "pm"):
        make_room(found[0], room)
    yield found
    for node in found:
        node.close()


@pytest.fixture
def index(database: Database, tmp_path: Path) -> Iterator[IndexedDatabase]:
    opened = index_of(database, tmp_path)
    yield opened
    opened.close()


def index_of(database: Database, directory: Path) -> IndexedDatabase:
    return IndexedDatabase(lambda: connect(database.url, "read"), directory / "search.db")


def make_room(node: Node, room: str) -> None:
    node.ask("SELECT make_room(%s, %s, %s, false, '{}')", room, room, room)


def say(node: Node, *texts: str, room: str = "python") -> None:
    node.store(append_of(said(*texts, room=room), {}, Beside(room, 0)))


def found(index: IndexedDatabase, words: str, rooms: Sequence[str] | None = None, limit: int = 20) -> list[str]:
    """What is found when the index has caught up, newest first."""
    end = index.end()
    while index.indexed() < end - 1:
        assert index.index_some(SLICE)
    return [line.text for line in index.search(words, rooms, limit)]


def level(index: IndexedDatabase) -> None:
    """Let it do all that there is to be done."""
    while index.index_some(SLICE):
        pass


def test_what_any_node_stores_is_found_newest_first(nodes: list[Node], index: IndexedDatabase) -> None:
    a, b = nodes
    say(a, "first needle", "hay")
    say(b, "second needle", room="pm")
    assert found(index, "needle") == ["second needle", "first needle"]
    say(a, "third needle")
    assert found(index, "needle") == ["third needle", "second needle", "first needle"]
    assert found(index, "needle", limit=2) == ["third needle", "second needle"]
    assert found(index, "needle", ["pm"]) == ["second needle"]
    assert found(index, "needle", ["nowhere"]) == []
    assert (index.indexed(), index.end()) == (4, 5)


def test_lines_are_given_as_they_are_kept(nodes: list[Node], index: IndexedDatabase) -> None:
    say(nodes[0], "hay", "你好 needle")
    found(index, "needle")
    (line,) = index.search("你好", None, 1)
    ((at, step),) = nodes[0].ask("SELECT at, step FROM batch")
    assert (line.room, line.seq, line.at, line.nick, line.text) == ("python", 2, at + step, "ann", "你好 needle")


def test_a_commit_that_ends_late_is_found_though_later_ones_have_been_read(
    nodes: list[Node], index: IndexedDatabase
) -> None:
    """Its transaction had begun before those that were read, so it is before them in the order in which the index reads."""
    a, b = nodes
    with a.connection.transaction():
        a.ask("SELECT pg_current_xact_id()::text")
        say(b, "early needle", room="pm")
        assert found(index, "needle") == ["early needle"]
        say(a, "late needle")
        assert found(index, "needle") == ["early needle"]
    say(b, "more needle", room="pm")
    assert sorted(found(index, "needle")) == ["early needle", "late needle", "more needle"]


def test_a_commit_that_ends_late_is_found_though_nothing_comes_after_it(
    nodes: list[Node], index: IndexedDatabase
) -> None:
    a, b = nodes
    with a.connection.transaction():
        a.ask("SELECT pg_current_xact_id()::text")
        say(b, "early needle")
        assert found(index, "needle") == ["early needle"]
        say(a, "late needle")
    assert found(index, "needle") == ["late needle", "early needle"]


def test_what_one_has_waited_for_is_not_taken_for_a_later_line(nodes: list[Node], index: IndexedDatabase) -> None:
    """Who stores in two rooms may have its number before another who stores meanwhile in the second of them."""
    a, b = nodes
    with a.connection.transaction():
        a.ask("SELECT pg_current_xact_id()::text")
        say(b, "one needle", "two needle")
        say(a, "three needle")
    assert found(index, "needle") == ["three needle", "two needle", "one needle"]


def test_one_that_has_waited_for_more_than_is_read_at_once_comes_after_all_of_that(
    nodes: list[Node], index: IndexedDatabase
) -> None:
    a, b = nodes
    texts = [f"needle {number}" for number in range(3 * SLICE)]
    with a.connection.transaction():
        a.ask("SELECT pg_current_xact_id()::text")
        for text in texts:
            say(b, text)
        say(a, "late needle", room="pm")
        say(a, "last needle")
    say(b, "later needle")
    assert sorted(found(index, "needle", limit=100)) == sorted([*texts, "last needle", "late needle", "later needle"])
    in_room = [line.seq for line in index.search("needle", ["python"], 100)]
    assert in_room == [*range(len(texts) + 2, 0, -1)], "in the room's order"


def test_an_index_goes_on_where_it_was_when_it_is_opened_again(
    nodes: list[Node], database: Database, tmp_path: Path
) -> None:
    for number in range(20):
        say(nodes[number % 2], f"needle {number}", room=("python", "pm")[number % 3 == 0])
    first = index_of(database, tmp_path)
    assert first.index_some(SLICE)
    before = first.indexed()
    assert 0 < before < 20
    first.close()
    second = index_of(database, tmp_path)
    assert second.indexed() == before
    assert found(second, "needle", limit=30) == [f"needle {number}" for number in reversed(range(20))]
    second.close()


@pytest.mark.parametrize("harm", ["missing", "broken", "no database", "another journal's", "of a later state"])
def test_an_index_that_does_not_fit_is_made_anew(
    nodes: list[Node], database: Database, tmp_path: Path, harm: str
) -> None:
    say(nodes[0], "a needle")
    first = index_of(database, tmp_path)
    assert found(first, "needle") == ["a needle"]
    first.close()
    file = tmp_path / "search.db"
    match harm:
        case "missing":
            file.unlink()
        case "broken":
            file.write_bytes(file.read_bytes()[:5000] + b"x" * 20_000)
        case "no database":
            file.write_bytes(b"this is no database, but a letter" * 100)
        case "another journal's":
            nodes[0].connection.execute("UPDATE journal SET identity = 'another'")
        case _:
            nodes[0].connection.execute("UPDATE batch SET lines = %s", (encode(said("other needle")).decode(),))
            nodes[0].connection.execute("UPDATE batch SET rewritten = NULL")
    second = index_of(database, tmp_path)
    is_other = harm == "of a later state"
    assert found(second, "other") == ["other needle"] * is_other
    assert found(second, "a") == ["a needle"] * (not is_other)
    second.close()


def test_an_index_of_what_was_stored_after_a_backup_is_made_anew(
    nodes: list[Node], database: Database, tmp_path: Path
) -> None:
    say(nodes[0], "kept needle")
    say(nodes[0], "lost needle")
    first = index_of(database, tmp_path)
    assert len(found(first, "needle")) == 2
    first.close()
    nodes[0].connection.execute("DELETE FROM batch WHERE first = 2")
    nodes[0].connection.execute("UPDATE room SET last = 1 WHERE name = 'python'")
    second = index_of(database, tmp_path)
    assert found(second, "needle") == ["kept needle"]
    second.close()


def test_an_index_of_another_clusters_transactions_is_made_anew(
    nodes: list[Node], database: Database, tmp_path: Path
) -> None:
    """Their numbers may be greater than any of this one: what comes next would be before what was read."""
    say(nodes[0], "needle")
    first = index_of(database, tmp_path)
    found(first, "needle")
    first.close()
    with closing(sqlite3.connect(tmp_path / "search.db")) as connection, connection:
        connection.execute("UPDATE read SET tx = tx + 1000000")
    second = index_of(database, tmp_path)
    assert second.indexed() == 0
    assert found(second, "needle") == ["needle"]
    second.close()


def files_with(directory: Path, text: bytes) -> list[str]:
    return [path.name for path in directory.iterdir() if text in path.read_bytes()]


def test_what_was_rewritten_is_found_as_it_stands_now_and_is_in_no_file(
    nodes: list[Node], index: IndexedDatabase, tmp_path: Path
) -> None:
    say(nodes[0], "abracadabra", "hay needle")
    assert found(index, "abracadabra") == ["abracadabra"]
    rewritten = encode(said("[erased]", "hay needle")).decode()
    nodes[0].connection.execute("UPDATE batch SET lines = %s", (rewritten,))
    assert found(index, "abracadabra") == [], "before the index knows"
    level(index)
    assert found(index, "erased") == ["[erased]"]
    assert found(index, "needle") == ["hay needle"]
    assert files_with(tmp_path, b"abracadabra") == []


def test_what_was_rewritten_by_a_transaction_that_ends_late_is_read_again(
    nodes: list[Node], index: IndexedDatabase, database: Database
) -> None:
    a, b = nodes
    say(a, "abracadabra")
    say(a, "needle", room="pm")
    level(index)
    with a.connection.transaction():
        a.ask("UPDATE batch SET lines = %s WHERE room = 1 RETURNING 1", encode(said("[erased]")).decode())
        b.connection.execute("UPDATE batch SET lines = %s WHERE room = 2", (encode(said("other")).decode(),))
        level(index)
    level(index)
    assert found(index, "other") == ["other"]
    assert found(index, "erased") == ["[erased]"]


def forget(node: Node, keep: int = 2) -> list[tuple[object, ...]]:
    """Keep so many lines of each room."""
    return node.ask("SELECT * FROM forget_old(%s, '-infinity', %s, 0, 200)", node.number, keep)


def places_in(directory: Path) -> list[tuple[int, int]]:
    """The positions that have words, and the numbers of the lines that are there."""
    with closing(sqlite3.connect(directory / "search.db")) as connection:
        words = [position for (position,) in connection.execute("SELECT rowid FROM words ORDER BY rowid")]
        return [
            *zip(
                words, [first for (first,) in connection.execute("SELECT first FROM place ORDER BY start")], strict=True
            )
        ]


def test_what_was_pruned_is_found_no_more(nodes: list[Node], index: IndexedDatabase, tmp_path: Path) -> None:
    for number in range(5):
        say(nodes[0], f"needle {number}")
    assert len(found(index, "needle")) == 5
    nodes[0].connection.execute("UPDATE batch SET at = at - 1e6")
    assert forget(nodes[0]) == [("python", 3)]
    assert found(index, "needle") == ["needle 4", "needle 3"]
    level(index)
    assert places_in(tmp_path) == [(4, 4), (5, 5)]
    say(nodes[0], "needle 5")
    assert found(index, "needle") == ["needle 5", "needle 4", "needle 3"]
    assert index.end() == index.indexed() + 1, "nothing is missing"


def test_what_was_pruned_before_it_was_indexed_is_not_missing(nodes: list[Node], index: IndexedDatabase) -> None:
    for number in range(5):
        say(nodes[0], f"needle {number}")
    nodes[0].connection.execute("UPDATE batch SET at = at - 1e6")
    forget(nodes[0])
    assert found(index, "needle") == ["needle 4", "needle 3"]
    assert (index.indexed(), index.end()) == (2, 3)


def test_a_room_that_is_deleted_is_found_no_more_and_is_in_no_file(
    nodes: list[Node], index: IndexedDatabase, tmp_path: Path
) -> None:
    say(nodes[0], "abracadabra")
    say(nodes[0], "needle", room="pm")
    assert found(index, "abracadabra") == ["abracadabra"]
    nodes[0].ask("SELECT delete_room('python', '{}')")
    assert found(index, "abracadabra") == []
    level(index)
    assert files_with(tmp_path, b"abracadabra") == []
    make_room(nodes[0], "python")
    say(nodes[1], "abracadabra again")
    assert found(index, "abracadabra") == ["abracadabra again"]
    assert found(index, "needle") == ["needle"]


def test_a_room_is_found_by_its_new_name(nodes: list[Node], index: IndexedDatabase) -> None:
    say(nodes[0], "needle")
    assert found(index, "needle", ["python"]) == ["needle"]
    before = index.indexed()
    nodes[0].ask("SELECT rename_room('python', 'snakes', 'snakes', 'snakes', '{}')")
    assert found(index, "needle", ["python"]) == []
    assert found(index, "needle", ["snakes"]) == ["needle"]
    assert [line.room for line in index.search("needle", None, 1)] == ["snakes"]
    assert index.indexed() == before, "nothing is indexed anew"


def test_a_batch_that_nobody_can_read_keeps_no_other_from_being_found(
    nodes: list[Node], index: IndexedDatabase
) -> None:
    say(nodes[0], "one needle")
    say(nodes[0], "two needle")
    say(nodes[0], "three needle")
    nodes[0].connection.execute("UPDATE batch SET lines = 'broken' WHERE first = 2")
    assert found(index, "needle") == ["three needle", "one needle"]
    assert index.end() == index.indexed() + 1


def test_after_a_restart_from_a_dump_the_order_is_as_it_was(
    nodes: list[Node], database: Database, tmp_path: Path
) -> None:
    """Numbers of transactions may be greater than any of the cluster to which the tables have come."""
    for number in range(4):
        say(nodes[number // 2], f"needle {number}", room=("pm", "python")[number % 2])
    nodes[0].connection.execute("UPDATE batch SET tx = (tx::text::bigint + 1000000)::text::xid8")
    assert nodes[0].ask("SELECT settle_order()") == [(True,)]
    assert nodes[0].ask("SELECT settle_order()") == [(False,)]
    say(nodes[0], "needle 4")
    index = index_of(database, tmp_path)
    assert found(index, "needle") == [f"needle {number}" for number in (4, 3, 2, 1, 0)]
    index.close()


def test_many_who_store_at_once_are_all_found_while_they_do(
    nodes: list[Node], index: IndexedDatabase, database: Database
) -> None:
    more = [Node(database, "c"), Node(database, "d")]
    everybody = [*nodes, *more]
    is_over = threading.Event()

    def store(node: Node) -> None:
        for number in range(60):
            rooms = ("python", "pm") if number % 3 else ("pm",)
            appends = [
                append_of(said(f"needle {node.number} {number}", room=room), {}, Beside(room, 0)) for room in rooms
            ]
            node.store_all(*appends)

    def keep_indexing() -> None:
        while not is_over.is_set():
            index.index_some(SLICE)

    with ThreadPoolExecutor(5) as pool:
        indexing = pool.submit(keep_indexing)
        for done in [pool.submit(store, node) for node in everybody]:
            done.result()
        is_over.set()
        indexing.result()
    for node in more:
        node.close()
    lines: list[Entry] = []
    assert len(found(index, "needle", limit=1000)) == 400
    lines = index.search("needle", ["pm"], 1000)
    assert [line.seq for line in lines] == [*range(240, 0, -1)], "a room's lines are in its order"


def test_an_engine_that_hangs_is_given_up_and_asked_again_when_it_is_back(
    nodes: list[Node], index: IndexedDatabase, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("chat_server.journal.postgresql.indexed.ANSWER_SECONDS", 0.3)
    say(nodes[0], "needle")
    assert found(index, "needle") == ["needle"]
    ((backend,),) = nodes[0].ask("SELECT pid FROM pg_stat_activity WHERE application_name LIKE '%% read'")
    os.kill(backend, signal.SIGSTOP)
    try:
        with pytest.raises(JournalError, match="cannot read what is in the database"):
            index.end()
        assert found(index, "needle") == ["needle"]
    finally:
        os.kill(backend, signal.SIGCONT)


async def test_every_node_finds_what_any_has_stored_and_nothing_that_any_has_deleted(
    database: Database, tmp_path: Path
) -> None:
    a, b = (place_in(tmp_path / name, "postgresql", url=database.url).open() for name in "ab")
    async with opened(a), opened(b):
        await a.create_room("python")
        await a.append(said("first needle"), {}).stored()
        await b.append(said("second needle"), {}).stored()
        for journal in (a, b):
            found_here = await journal.search("needle", ["python"], 20)
            assert ([line.text for line in found_here.lines], found_here.unsearched) == (
                ["second needle", "first needle"],
                0,
            )
        assert await b.delete_room("python") == ""
        for journal in (a, b):
            assert await journal.search("needle", None, 20) == Matches([], False, 0)


async def test_a_search_says_how_much_it_could_not_cover_in_time(
    database: Database, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("chat_server.journal.search.indexer.PATIENCE", 0)
    node = Node(database)
    make_room(node, "python")
    for number in range(3):
        say(node, "needle", f"hay {number}")
    indexer = Indexer(index_of(database, tmp_path))
    end = await indexer.call(IndexedDatabase.end)
    assert await indexer.search("needle", lambda: None, 20, end) == Matches([], False, 6)
    indexer.close()
    node.close()
