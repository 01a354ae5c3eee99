"""Lines that are edited, reacted to and deleted at several nodes at once, in the database: each node's view of it is what is stored."""

import random
import threading
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import msgspec
import psycopg
import pytest
import trio
from msgspec.structs import replace

from chat_server.accounts import Ended
from chat_server.journal.batch_codec import decode
from chat_server.journal.nodes import Beside
from chat_server.journal.postgresql import committer, rewriting, schema
from chat_server.journal.postgresql.appending import append_of
from chat_server.journal.postgresql.indexed import IndexedDatabase
from chat_server.journal.postgresql.schema import MIGRATIONS, migrate
from chat_server.protocol.amending import Edited, Reacted, Redacted, reaction_of
from chat_server.protocol.entries import Amending, Entry, Said, Spoken
from database_nodes import Room, node, running
from postgresql import Cluster, Database
from test_kept_amendments import amending, deleted, edited, folded, reacted
from test_postgresql_append import Node, in_thread, said
from test_postgresql_search import files_with, found, index_of, level, make_room

FIRST = ("one", "two", "three")
SELDOM_DELETED = "e" * 40 + "r" * 80 + "d"


@pytest.fixture
def nodes(database: Database) -> Iterator[list[Node]]:
    """Two nodes, and a room with three lines of account 7."""
    found = [Node(database, "a"), Node(database, "b")]
    make_room(found[0], "python")
    store(found[0], *said(*FIRST, author=7))
    yield found
    for each in found:
        each.close()


def store(node: Node, *lines: Entry, seen: int = 0, ticket: int = 0) -> int:
    """Store a turn; the number of its first line."""
    return node.store(append_of(lines, {}, Beside("python", seen)), ticket=ticket).first


def stored(connection: psycopg.Connection) -> list[Entry]:
    rows = connection.execute("SELECT lines, first, at, step, authors FROM batch ORDER BY first").fetchall()
    found: list[Entry] = []
    for text, first, at, step, authors in rows:
        found += [
            one for one in decode(text, "python", first, at, step=step, authors=authors) if isinstance(one, Entry)
        ]
    return found


def without_times(lines: Sequence[Entry]) -> list[Entry]:
    return [replace(line, at=0.0) for line in lines]


def versions(node: Node) -> list[tuple[int, int, str]]:
    rows = node.ask("SELECT seq, number, text FROM version ORDER BY 1, 2")
    return [(seq, number, msgspec.json.decode(text)) for seq, number, text in rows]


def test_what_two_nodes_do_to_the_same_lines_at_once_is_done_one_after_the_other(
    database: Database, nodes: list[Node]
) -> None:
    entries: dict[int, Amending] = {}
    begin = threading.Barrier(2)

    def amend(node: Node, chance: random.Random) -> None:
        begin.wait()
        for _ in range(60):
            some = [amending(chance, 6, SELDOM_DELETED) for _ in range(chance.choice([1, 1, 3]))]
            first = store(node, *some)
            entries.update({first + place: replace(one, seq=first + place) for place, one in enumerate(some)})

    with ThreadPoolExecutor(2) as pool:
        for done in [pool.submit(amend, node, random.Random(seed)) for seed, node in enumerate(nodes)]:  # noqa: S311
            done.result()
    with database.connect() as connection:
        lines = stored(connection)
    expected = folded(lines_before(), [entries[seq] for seq in sorted(entries)])
    assert without_times(lines) == without_times(expected)
    assert any(isinstance(line, Edited) and not line.text for line in lines)
    assert versions(nodes[0])
    assert versions(nodes[0]) == [
        (line.seq, number, entries[number].text if number in entries else line_text)
        for line, line_text in zip(lines, FIRST, strict=False)
        if isinstance(line, Said)
        for number in [line.seq, *(seq for seq in sorted(entries) if is_edit(entries[seq], line.seq))][:-1]
    ]


def is_edit(entry: Amending, of: int) -> bool:
    return isinstance(entry, Edited) and entry.of == of


def lines_before() -> list[Entry]:
    return [replace(line, seq=seq) for seq, line in enumerate(said(*FIRST, author=7), 1)]


@pytest.mark.parametrize("is_first", [True, False])
def test_a_line_is_edited_at_one_node_while_it_is_deleted_at_the_other(
    database: Database, nodes: list[Node], is_first: bool
) -> None:
    a, b = nodes
    first, second = (edited(1, "swordfish"), deleted(1)) if is_first else (deleted(1), edited(1, "swordfish"))
    with ThreadPoolExecutor(1) as pool:
        a.begin()
        store(a, first)
        later = in_thread(pool, b, append_of([second], {}, Beside("python", 1)), database)
        a.connection.commit()
        later.result()
    with database.connect() as connection:
        assert [line.text for line in stored(connection)] == [
            "",
            "two",
            "three",
            *(("", "#1") if is_first else ("#1", "")),
        ]
    assert versions(b) == []


def test_what_is_sent_again_under_its_ticket_is_done_once(database: Database, nodes: list[Node]) -> None:
    a, b = nodes
    some: list[Entry] = [edited(1, "first"), reacted(1), reacted(1, back=True), reacted(1, "!")]
    store(a, *some, ticket=5)
    store(b, reacted(1, "!", back=True), edited(1, "second"))
    with database.connect() as connection:
        before = stored(connection)
        assert store(a, *some, ticket=5) == 4
        assert stored(connection) == before
    line = before[0]
    assert isinstance(line, Said)
    assert (line.text, line.edited, line.reactions) == ("second", 9, ())
    assert versions(a) == [(1, 1, "one"), (1, 4, "first")]


def test_a_line_said_what_it_said_before_until_the_time_of_the_edit_wherever_that_stands_in_its_turn(
    database: Database, nodes: list[Node]
) -> None:
    first = store(nodes[0], *said("four"), edited(1, "first"), *said("five"), edited(2, "second"))
    with database.connect() as connection:
        at = {line.seq: line.at for line in stored(connection)}
    assert at[first] < at[first + 1] < at[first + 3]
    until: dict[int, float] = dict(nodes[0].ask("SELECT seq, until FROM version"))
    assert until == pytest.approx({1: at[first + 1], 2: at[first + 3]}, abs=5e-7)


def test_who_rewrites_the_lines_of_an_account_meanwhile_is_waited_for(database: Database, nodes: list[Node]) -> None:
    a, b = nodes
    ended = Ended(7, "gone", "erase")
    store(a, edited(1, "swordfish"))
    with ThreadPoolExecutor(1) as pool:
        a.begin()
        assert rewriting.rewrite(a.connection, rewriting.turns_of(a.connection, 7, 0).turns, ended)
        later = in_thread(pool, b, append_of([reacted(1)], {}, Beside("python", 2)), database)
        a.connection.commit()
        later.result()
    with database.connect() as connection:
        line = stored(connection)[0]
    assert isinstance(line, Said)
    assert (line.nick, line.text, line.reactions) == ("gone", "[erased]", (reaction_of("+", [("bob", 8)]),))
    assert versions(a) == []


def test_what_a_crowd_says_of_one_line_in_a_turn_is_stored_with_its_batch_once(
    nodes: list[Node], database: Database
) -> None:
    a, _ = nodes
    store(a, *said(*["x" * 200] * 50))
    crowd: list[Entry] = [reacted(4, nick=f"user{number}", author=100 + number) for number in range(50)]
    crowd += [reacted(4, nick="user3", author=103, back=True), reacted(5), reacted(4, "!")]
    with database.connect() as connection:
        ((before,),) = connection.execute("SELECT pg_current_wal_insert_lsn() - '0/0'").fetchall()
        store(a, *crowd)
        ((after,),) = connection.execute("SELECT pg_current_wal_insert_lsn() - '0/0'").fetchall()
        lines = {line.seq: line for line in stored(connection) if isinstance(line, Spoken)}
    assert after - before < 150_000, "the batch has 10 KB"
    people = [(f"user{number}", 100 + number) for number in range(50) if number != 3]
    assert lines[4].reactions == (reaction_of("+", people), reaction_of("!", [("bob", 8)]))
    assert lines[5].reactions == (reaction_of("+", [("bob", 8)]),)


def test_the_lines_to_which_an_account_has_reacted_are_found_among_those_of_others(nodes: list[Node]) -> None:
    a, _ = nodes
    store(a, reacted(2, nick="eve", author=99))
    places = [place.turn for place in rewriting.turns_of(a.connection, 99, 0).turns]
    assert places == [1, 2]


def test_an_entry_that_nobody_can_read_stays_as_it_is(database: Database, nodes: list[Node]) -> None:
    a, _ = nodes
    later = '[null,["ann","two","said",{"colour":"red"}],["ann","three","sang"]]'
    a.connection.execute("UPDATE batch SET lines = %s", [later])
    store(a, edited(1, "x"), reacted(2), edited(2, "y"), reacted(3), deleted(1), deleted(3))
    ((text,),) = a.ask("SELECT lines FROM batch ORDER BY first LIMIT 1")
    assert text == later
    with database.connect() as connection:
        assert [line.text for line in stored(connection)] == ["", "", "", "", "#1", "#1"]


def test_every_nodes_search_finds_a_line_as_it_was_edited_and_nothing_of_it_once_it_is_deleted(
    database: Database, nodes: list[Node], tmp_path: Path
) -> None:
    indexes: list[IndexedDatabase] = []
    for name in "ab":
        (tmp_path / name).mkdir()
        indexes.append(index_of(database, tmp_path / name))
    store(nodes[0], *said("swordfish"))
    assert [found(index, "swordfish") for index in indexes] == [["swordfish"]] * 2
    store(nodes[1], edited(4, "abracadabra"))
    assert [found(index, "swordfish") for index in indexes] == [[], []], "before they know"
    for index in indexes:
        level(index)
        assert (found(index, "swordfish"), found(index, "abracadabra")) == ([], ["abracadabra"])
    store(nodes[0], deleted(4))
    for index in indexes:
        level(index)
        assert found(index, "abracadabra") == []
        index.close()
    assert files_with(tmp_path / "a", b"abracadabra") == files_with(tmp_path / "b", b"swordfish") == []


def test_lines_of_tables_of_an_older_release_are_amended_once_these_are_brought_up_to_date(
    cluster: Cluster, monkeypatch: pytest.MonkeyPatch
) -> None:
    database = cluster.create(is_empty=True)
    with database.connect() as connection, monkeypatch.context() as patched:
        patched.setattr(schema, "MIGRATIONS", MIGRATIONS[:2])
        migrate(connection)
    a = Node(database, "a")
    make_room(a, "python")
    store(a, *said(*FIRST))
    with database.connect() as connection:
        migrate(connection)
        store(a, edited(1, "first"), deleted(2))
        assert [line.text for line in stored(connection)] == ["first", "", "three", "first", "#1"]
    a.close()
    cluster.drop(database)


@pytest.mark.timeout(120)
async def test_whenever_a_backend_is_ended_each_is_done_once_and_all_nodes_know_the_same(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(committer, "RECONNECT_SECONDS", (0.0, 0.1))
    with database.connect() as connection:
        connection.execute("INSERT INTO room (name, key, skeleton) VALUES ('python', 'python', 'python')")
    chance = random.Random(3)  # noqa: S311 - it is played
    entries: dict[int, Amending] = {}
    all_nodes = [await trio.to_thread.run_sync(node, database, name) for name in "ab"]
    for each in all_nodes:
        each._committer._patience = 300.0  # on a machine that is busy, too, nothing is refused
    async with running(*all_nodes), trio.open_nursery() as nursery:
        rooms = [await Room(each).open() for each in all_nodes]
        await all_nodes[0].append(said(*FIRST, author=7), {}, Beside("python", 0)).stored()
        is_over = False

        async def amend(room: Room) -> None:
            while not is_over:
                entry = amending(chance, 6, SELDOM_DELETED)
                receipt = await room.nodes.append([entry], {}, Beside("python", room.turn)).stored()
                entries[receipt.first] = replace(entry, seq=receipt.first)

        for room in rooms:
            nursery.start_soon(amend, room)
        with database.connect() as connection:
            ended = 0
            while ended < 40 or len(entries) < 100:
                await trio.sleep(chance.uniform(0, 0.05))
                pids = [pid for each in all_nodes if (pid := each._committer.backend)]
                if pids:
                    connection.execute("SELECT pg_terminate_backend(%s)", [chance.choice(pids)])
                    ended += 1
            is_over = True
    with database.connect() as connection:
        lines = stored(connection)
    assert [line.seq for line in lines] == [*range(1, len(entries) + 4)]
    assert without_times(lines) == without_times(folded(lines_before(), [entries[seq] for seq in sorted(entries)]))
    for line in lines[3:]:
        assert isinstance(line, Edited | Reacted | Redacted)
