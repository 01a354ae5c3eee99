"""What the journal in PostgreSQL does beyond the contract of every journal (test_journal.py): for other nodes, by the engine's clock, without it."""

import time
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from functools import partial
from pathlib import Path

import pytest
import trio

from captured_logs import capture_logs
from chat_server.config import HistoryTable, JournalTable, NodeTable
from chat_server.journal import Journal, JournalError, Pruned, RoomTaken, UnusableJournal
from chat_server.journal.engines import Store, engine_named
from chat_server.journal.happened import LinesRewritten, RoomDeleted, RoomMade, RoomRenamed
from chat_server.journal.nodes import Beside, Came, Placed
from chat_server.journal.postgresql import heartbeat
from chat_server.journal.postgresql.journal import PostgresqlJournal
from chat_server.journal.turn_codec import decode_change
from chat_server.server.retention import forget_what_is_old
from journals import opened, prune_all, said, store, texts
from postgresql import Cluster, Database


def settings(url: str, directory: Path) -> JournalTable:
    return JournalTable("postgresql", str(directory), "process", url)


def open_node(database: Database, directory: Path, name: str) -> Store:
    return engine_named("postgresql").open_store(settings(database.url, directory / name), NodeTable(name))


@asynccontextmanager
async def two_nodes(database: Database, directory: Path) -> AsyncIterator[tuple[Store, Store]]:
    """Two nodes with one journal."""
    a, b = (open_node(database, directory, name) for name in "ab")
    async with opened(a.journal), opened(b.journal):
        yield a, b


def changes(database: Database) -> list[object]:
    with database.connect() as connection:
        rows = connection.execute("SELECT number, what FROM change ORDER BY number").fetchall()
    assert [number for number, _ in rows] == [*range(1, len(rows) + 1)]
    return [decode_change(what) for _, what in rows]


async def test_what_becomes_of_rooms_at_one_node_is_told_to_all(database: Database, tmp_path: Path) -> None:
    async with two_nodes(database, tmp_path) as (a, b):
        await a.journal.create_room("python", room_id="abc")
        await b.journal.create_room("python")
        assert [room.id for room in await b.journal.rooms()] == ["abc"]
        with pytest.raises(JournalError, match="a room python already, whose name counts as the same as PYTHON"):
            await b.journal.create_room("PYTHON")
        await b.journal.rename_room("python", "snakes")
        await a.journal.delete_room("snakes")
        assert await b.journal.rooms() == []
        assert changes(database) == [
            RoomMade(1, "python", "abc"),
            RoomRenamed(2, "python", "snakes"),
            RoomDeleted(1, "snakes"),
        ]


async def test_two_nodes_that_make_one_room_at_once_have_one(database: Database, tmp_path: Path) -> None:
    async with two_nodes(database, tmp_path) as (a, b):
        async with trio.open_nursery() as nursery:
            for node in (a, b):
                for room in ("python", "pm"):
                    nursery.start_soon(node.journal.create_room, room)
        assert sorted(room.name for room in await a.journal.rooms()) == ["pm", "python"]
        assert len(changes(database)) == 2


@pytest.mark.parametrize("names", [("paypal", "paypal"), ("paypal", "PayPal"), ("paypal", "paypaI")])
async def test_of_two_who_make_rooms_at_once_that_are_one_or_look_alike_the_second_is_told_whose_name_is_in_the_way(
    database: Database, tmp_path: Path, names: Sequence[str]
) -> None:
    async with two_nodes(database, tmp_path) as (a, b):
        in_the_way: list[str] = []

        async def make(journal: Journal, name: str) -> None:
            try:
                await journal.create_room(name, is_new=True)
            except RoomTaken as taken:
                in_the_way.append(taken.other)

        for _ in range(5):
            async with trio.open_nursery() as nursery:
                for node, name in zip((a, b), names, strict=True):
                    nursery.start_soon(make, node.journal, name)
            (room,) = await a.journal.rooms()
            assert in_the_way == [room.name]
            in_the_way.clear()
            await a.journal.delete_room(room.name)


async def test_rooms_of_the_configuration_may_look_alike(database: Database, tmp_path: Path) -> None:
    async with two_nodes(database, tmp_path) as (a, b):
        for node in (a, b):
            for name in ("paypal", "paypaI"):
                await node.journal.create_room(name)
        assert [room.name for room in await a.journal.rooms()] == ["paypal", "paypaI"]


async def test_a_room_is_given_no_name_that_looks_like_one_that_another_node_has_just_given(
    database: Database, tmp_path: Path
) -> None:
    async with two_nodes(database, tmp_path) as (a, b):
        for room in ("python", "pm"):
            await a.journal.create_room(room)
        refusals: list[str] = []

        async def rename(journal: Journal, room: str, name: str) -> None:
            try:
                await journal.rename_room(room, name)
            except JournalError as error:
                refusals.append(str(error))

        async with trio.open_nursery() as nursery:
            nursery.start_soon(rename, a.journal, "python", "paypal")
            nursery.start_soon(rename, b.journal, "pm", "paypaI")
        names = {room.name for room in await a.journal.rooms()}
        assert names in ({"paypal", "pm"}, {"python", "paypaI"})
        (new,) = names - {"python", "pm"}
        assert refusals == [f"another node has just given a room the name {new}, which looks like it"]


async def test_a_room_that_has_another_name_at_another_node_is_not_renamed_but_can_be_deleted(
    database: Database, tmp_path: Path
) -> None:
    async with two_nodes(database, tmp_path) as (a, b):
        await a.journal.create_room("python")
        await a.journal.create_room("pm")
        await store(b.journal, said("x"))
        await a.journal.rename_room("python", "snakes")
        with pytest.raises(JournalError, match="another node has just given it another name, or deleted it"):
            await b.journal.rename_room("python", "cobras")
        with pytest.raises(
            JournalError, match="another node has just given a room the name snakes, which counts as the same"
        ):
            await b.journal.rename_room("pm", "SNAKES")
        await b.journal.delete_room("python")
        assert [room.name for room in await a.journal.rooms()] == ["pm"]
        await a.journal.delete_room("snakes")
        assert changes(database)[2:] == [RoomRenamed(1, "python", "snakes"), RoomDeleted(0, "snakes")]


async def test_a_room_is_deleted_though_what_was_said_there_cannot_be_forgotten_just_then(
    database: Database, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with two_nodes(database, tmp_path) as (a, b):
        for room in ("python", "pm"):
            await a.journal.create_room(room)
        await store(a.journal, said("x"))

        async def fails(_: PostgresqlJournal, sql: str, *values: object) -> None:
            raise JournalError(f"the database refuses: {sql}, {values}")

        with monkeypatch.context() as patch:
            patch.setattr(PostgresqlJournal, "_write", fails)
            assert "the database refuses: SELECT forget_deleted" in await a.journal.delete_room("python")
        assert [room.name for room in await b.journal.rooms()] == ["pm"]
        await prune_all(b.journal, 0.0, 0)
        with database.connect() as connection:
            assert connection.execute("SELECT count(*) FROM batch").fetchall() == [(0,)]


async def test_what_a_node_does_not_know_to_have_done_to_a_room_it_hears_of_like_all_others(tmp_path: Path) -> None:
    cluster = Cluster()
    try:
        database = cluster.create()

        def wait_for_standby(name: str) -> None:
            with database.connect() as connection:
                connection.execute("SET synchronous_commit = off")
                connection.execute(f"ALTER SYSTEM SET synchronous_standby_names = '{name}'")
                connection.execute("SELECT pg_reload_conf()")

        directory = tmp_path / "a"
        table = JournalTable("postgresql", str(directory), "full", database.url)
        store_of_node = engine_named("postgresql").open_store(table, NodeTable("a"))
        async with opened(store_of_node.journal) as journal:
            await journal.create_room("python", room_id="abc")
            wait_for_standby("nobody")
            await trio.sleep(0.5)
            with pytest.raises(JournalError, match="if it has stored that all the same, everybody is told"):
                await journal.rename_room("python", "snakes")
            wait_for_standby("")
            assert store_of_node.nodes
            heard: list[object] = []
            with trio.fail_after(20):
                async for numbered in store_of_node.nodes.changes():
                    heard.append(numbered.change)
                    if heard[-1] == RoomRenamed(0, "python", "snakes"):
                        break
            assert heard == [RoomMade(1, "python", "abc"), RoomRenamed(0, "python", "snakes")]
    finally:
        cluster.close()


async def test_what_was_said_at_one_node_is_read_and_found_at_the_other(database: Database, tmp_path: Path) -> None:
    async with two_nodes(database, tmp_path) as (a, b):
        await a.journal.create_room("python")
        await store(a.journal, said("a needle"))
        await store(b.journal, said("another"))
        for node in (a, b):
            assert await texts(node.journal, 1, 9) == [(1, "a needle"), (2, "another")]
            assert [line.text for line in (await node.journal.search("needle", None, 9)).lines] == ["a needle"]
        b.journal.save_position("python", "ann", 2)
        await b.journal.positions("python")
        assert await a.journal.positions("python") == {"ann": 2}


async def test_what_every_node_may_not_have_seen_yet_is_not_forgotten(database: Database, tmp_path: Path) -> None:
    async with two_nodes(database, tmp_path) as (a, _):
        await a.journal.create_room("python")
        assert a.nodes
        for number in range(3):
            came = Placed(0, Came(f"1:{number}", 0, "ann"))
            await a.nodes.append(said("x"), {}, Beside("python", 0, [came])).stored()
        await a.nodes.append([], {}, Beside("python", 0, [Placed(0, Came("1:9", 0, "bob"))])).stored()
        assert await a.journal.prune(time.time() + 1000, 1) == Pruned(frozenset(), 0)
        with database.connect() as connection:
            connection.execute("UPDATE batch SET at = at - 1000 WHERE turn IN (1, 2, 4)")
        assert await a.journal.prune(0, 2) == Pruned(frozenset(["python"]), 3)
        with database.connect() as connection:
            kept = connection.execute("SELECT turn, count, movements IS NULL FROM batch ORDER BY turn").fetchall()
        assert kept == [(2, 1, True), (3, 1, False)], (
            "of the old it is forgotten who came, and of those where nobody said anything all"
        )
        assert changes(database)[1:] == [LinesRewritten(1, ("python",))]


@pytest.mark.parametrize("is_buried", [False, True])
async def test_who_came_and_went_around_the_end_of_a_node_is_kept_until_it_was_looked_who_was_named(
    is_buried: bool, database: Database, tmp_path: Path
) -> None:
    async with two_nodes(database, tmp_path) as (a, b):
        await a.journal.create_room("python")
        assert a.nodes
        for text in ("long before", "x", "long after"):
            await a.nodes.append(said(text), {}, Beside("python", 0, [Placed(0, Came("1:1", 0, "ann"))])).stored()
        with database.connect() as connection:
            connection.execute("UPDATE batch SET at = at - (ARRAY[10000, 4000, 1000])[turn::int]")
            dead = connection.execute("INSERT INTO node (name) VALUES ('dead') RETURNING id").fetchall()[0][0]
            connection.execute("UPDATE node SET seen = seen - interval '4000 s' WHERE id = %s", [dead])
            if is_buried:
                connection.execute("SELECT take_out(ARRAY[%s::bigint])", [dead])

            def kept() -> list[int]:
                rows = connection.execute("SELECT turn FROM batch WHERE movements IS NOT NULL ORDER BY turn").fetchall()
                return [turn for (turn,) in rows]

            await b.journal.prune(0, 0)
            assert kept() == [2, 3]
            if not is_buried:
                connection.execute("SELECT take_out(ARRAY[%s::bigint])", [dead])
            await b.journal.prune(0, 0)
            assert kept() == [2, 3]
            assert b.nodes
            await b.nodes.gone.made_up([dead])
            await b.journal.prune(0, 0)
            assert kept() == []


async def test_one_node_forgets_at_a_time(database: Database, tmp_path: Path) -> None:
    async with two_nodes(database, tmp_path) as (a, b):
        await a.journal.create_room("python")
        await store(a.journal, said("x", "y"))
        with database.connect() as connection, connection.transaction():
            connection.execute("SELECT forget_old(1, 0, 0, 0, 1)")
            assert await b.journal.prune(1e9, 0) == Pruned(frozenset(), 0)
        assert await prune_all(b.journal, 1e9, 0) == 2


async def test_keys_are_not_forgotten_early_where_the_clock_of_a_node_is_fast(
    database: Database, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with two_nodes(database, tmp_path) as (a, b):
        await a.journal.create_room("python")
        await store(a.journal, said("x", at=time.time()), {0: "k"})
        now = time.time()
        monkeypatch.setattr("time.time", lambda: now + 10 * 86400)
        await b.journal.prune(0, 0)
        assert (await store(b.journal, said("x"), {0: "k"})).duplicates


async def test_what_is_kept_for_days_is_forgotten_by_the_engine_s_clock_and_not_by_a_node_s(
    database: Database, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with two_nodes(database, tmp_path) as (a, b):
        await a.journal.create_room("python")
        now = time.time()
        await store(a.journal, said("x", at=now - 3600))
        monkeypatch.setattr("time.time", lambda: now + 30 * 86400)
        await trio.sleep(heartbeat.BEAT_SECONDS + 0.5)  # it is told the time with each sign of life
        assert abs(b.now() - now) < 60
        for days, kept in ((7.0, [(1, "x")]), (0.01, [])):
            with trio.move_on_after(1):
                await forget_what_is_old(b, partial(HistoryTable, keep_days=days), [])
            assert await texts(a.journal, 1, 9) == kept


async def test_a_room_that_was_half_deleted_is_deleted_by_whoever_forgets_next(
    database: Database, tmp_path: Path
) -> None:
    async with two_nodes(database, tmp_path) as (a, b):
        await a.journal.create_room("python")
        await store(a.journal, said("x"), {0: "k"})
        with database.connect() as connection:
            connection.execute("SELECT delete_room('python', '{}')")
            await prune_all(b.journal, 0, 0)
            for table in ("room", "batch", "sent"):
                assert connection.execute(f"TABLE {table}").fetchall() == []


async def test_a_directory_is_one_node_s(database: Database, tmp_path: Path) -> None:
    node = open_node(database, tmp_path, "a")
    with pytest.raises(UnusableJournal, match="in use by another chat-server"):
        open_node(database, tmp_path, "a")
    async with opened(node.journal):
        pass
    async with opened(open_node(database, tmp_path, "a").journal):
        pass
    with database.connect() as connection:
        assert connection.execute("SELECT count(*) FROM node").fetchall() == [(0,)]


def test_tables_of_a_newer_release_are_refused_in_a_sentence(database: Database, tmp_path: Path) -> None:
    with database.connect() as connection:
        connection.execute("UPDATE journal SET version = version + 1")
    with pytest.raises(UnusableJournal, match="made by a newer release of chat-server"):
        open_node(database, tmp_path, "a")


def test_a_store_is_opened_where_the_database_has_nothing_and_warns_of_what_it_does_not_promise(
    cluster: Cluster, tmp_path: Path
) -> None:
    database = cluster.create(is_empty=True)
    with capture_logs() as logs:
        engine_named("postgresql").open_store(JournalTable("postgresql", str(tmp_path), "full", database.url))
    assert [log["event"] for log in logs if log["log_level"] == "warning" and "no synchronous standby" in log["event"]]
    cluster.drop(database)


async def test_positions_wait_for_a_database_that_is_away(tmp_path: Path) -> None:
    cluster = Cluster()
    try:
        database = cluster.create()
        async with opened(open_node(database, tmp_path, "a").journal) as journal:
            await journal.create_room("python")
            cluster.stop()
            journal.save_position("python", "ann", 7)
            with pytest.raises(JournalError):
                await journal.positions("python")
            cluster.start()
            with trio.fail_after(20):
                while True:
                    try:
                        assert await journal.positions("python") == {"ann": 7}
                    except JournalError:
                        await trio.sleep(0.1)
                    else:
                        break
    finally:
        cluster.close()


async def test_who_reads_by_a_connection_that_was_lost_meanwhile_reads_by_another(
    database: Database, tmp_path: Path
) -> None:
    async with opened(open_node(database, tmp_path, "a").journal) as journal:
        await journal.create_room("python")
        await store(journal, said("x"))
        assert await texts(journal, 1, 9) == [(1, "x")]
        with database.connect() as connection:
            connection.execute(
                "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name LIKE '% read' AND datname = current_database()"
            )
        for _ in range(5):
            assert await texts(journal, 1, 9) == [(1, "x")]
