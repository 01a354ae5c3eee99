"""The tables in PostgreSQL: made once, whoever tries, and left alone where a newer release has made them."""

from concurrent.futures import ThreadPoolExecutor
from contextlib import closing

import psycopg
import pytest

from chat_server.journal.postgresql import schema
from chat_server.journal.postgresql.rename_function import IN_ORDER
from chat_server.journal.postgresql.rewriting import turns_of
from chat_server.journal.postgresql.schema import MIGRATIONS, NewerSchema, migrate, version_of
from postgresql import USER, Cluster, Database


def migrated(database: Database) -> int:
    with database.connect() as connection:
        migrate(connection)
        return version_of(connection)


def test_tables_are_made_once_though_several_servers_start_at_once(cluster: Cluster) -> None:
    database = cluster.create(is_empty=True)
    with database.connect() as connection:
        assert version_of(connection) == 0
    with ThreadPoolExecutor(4) as pool:
        assert [*pool.map(migrated, [database] * 4)] == [len(MIGRATIONS)] * 4
    with database.connect() as connection:
        ((identity, changes),) = connection.execute("SELECT identity, changes FROM journal").fetchall()
        assert len(identity) == 32
        assert changes == 0
    cluster.drop(database)


def test_tables_of_a_newer_release_are_refused_and_stay_as_they_are(database: Database) -> None:
    with database.connect() as connection:
        connection.execute("UPDATE journal SET version = version + 1")
        with pytest.raises(NewerSchema):
            migrate(connection)
        assert version_of(connection) == len(MIGRATIONS) + 1


def test_tables_of_an_older_release_are_brought_up_to_date_and_keep_what_is_in_them(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(schema, "MIGRATIONS", [*MIGRATIONS, "ALTER TABLE room ADD COLUMN colour text"])
    with database.connect() as connection:
        connection.execute("INSERT INTO room (name, key, skeleton) VALUES ('python', 'python', 'python')")
        migrate(connection)
        assert version_of(connection) == len(MIGRATIONS) + 1
        assert connection.execute("SELECT name, colour FROM room").fetchall() == [("python", None)]


def test_a_migration_that_fails_changes_nothing(database: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(schema, "MIGRATIONS", [*MIGRATIONS, "DROP TABLE held; SELECT no_such_function()"])
    with database.connect() as connection:
        with pytest.raises(Exception, match="no_such_function"):
            migrate(connection)
        assert version_of(connection) == len(MIGRATIONS)
        assert connection.execute("SELECT count(*) FROM held").fetchall() == [(0,)]


def test_a_turn_in_which_a_room_was_renamed_by_an_older_release_is_read_in_its_order(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = MIGRATIONS.index(IN_ORDER)
    monkeypatch.setattr(schema, "MIGRATIONS", MIGRATIONS[: made + 1])  # what comes after it is there already
    with database.connect() as connection:
        connection.execute("UPDATE journal SET version = %s", [made])
        connection.execute(
            "INSERT INTO batch (room, turn, first, count, at, step, node, ticket, lines, authors) VALUES (1, 1, 1, 1, 0, 0, 0, NULL, %s, '[7]')",
            ['["name-set"]'],
        )
        connection.execute("INSERT INTO room_act (room, number, author, account, what) VALUES (1, 1, 7, 0, '{}')")
        migrate(connection)
        assert [(one.room, one.turn) for one in turns_of(connection, 7, 0).turns] == [(1, 1)]


def test_while_nobody_may_read_turns_no_migration_looks_through_all_of_them(database: Database) -> None:
    with database.connect() as connection:
        connection.execute(
            "INSERT INTO batch (room, turn, first, count, at, step, node, ticket, lines, authors)"
            " SELECT 1, n, n, 1, 0, 0, 0, n, '[]', '' FROM generate_series(1, 20000) AS n"
        )
        connection.execute(
            "INSERT INTO room_act (room, number, author, account, what) SELECT 1, n, 7, 0, '{}' FROM generate_series(1, 50) AS n"
        )
        connection.execute("ANALYZE")
        with connection.transaction():
            connection.execute(IN_ORDER.encode(), prepare=False)
            read = connection.execute(
                "SELECT seq_tup_read, idx_tup_fetch FROM pg_stat_xact_user_tables WHERE relname = 'batch'"
            ).fetchall()
        assert read == [(0, 50)]


def settled(connection: psycopg.Connection) -> tuple[bool, bool, bool]:
    """Whether the journal is noticed to be elsewhere when a node starts; whether it and its rooms are others since."""

    def identities() -> tuple[str, str]:
        ((journal, room),) = connection.execute("SELECT identity, uid FROM journal, room").fetchall()
        return journal, room

    before = identities()
    ((is_elsewhere,),) = connection.execute("SELECT settle_place()").fetchall()
    after = identities()
    return is_elsewhere, before[0] != after[0], before[1] != after[1]


SAME = (False, False, False)
ANOTHER = (True, True, True)


def with_room(database: Database) -> None:
    with database.connect() as connection:
        connection.execute("INSERT INTO room (name, key, skeleton) VALUES ('python', 'python', 'python')")
        assert settled(connection) == SAME


def test_a_journal_stays_the_same_whatever_is_done_to_its_tables_files(database: Database) -> None:
    with_room(database)
    with database.connect() as connection:
        for statement in ("VACUUM FREEZE", "VACUUM FULL", "REINDEX TABLE journal"):
            connection.execute(statement.encode())
            assert settled(connection) == SAME


def test_a_database_that_was_made_as_a_copy_of_anothers_files_is_another_journal_once(cluster: Cluster) -> None:
    database = cluster.create()
    with_room(database)
    copy = Database(cluster, f"{database.name}_copy")
    with psycopg.connect(cluster.url("postgres"), autocommit=True) as connection:
        connection.execute(f"CREATE DATABASE {copy.name} TEMPLATE {database.name}")
    with database.connect() as connection:
        assert settled(connection) == SAME
    with copy.connect() as connection:
        assert settled(connection) == ANOTHER
        assert settled(connection) == SAME
    cluster.drop(copy)
    cluster.drop(database)


def test_where_the_release_before_has_noted_less_of_its_place_a_journal_is_the_same(database: Database) -> None:
    with_room(database)
    with database.connect() as connection:
        connection.execute("UPDATE journal SET place = split_part(place, '/', 1) || '/' || split_part(place, '/', 2)")
        assert settled(connection) == SAME
        connection.execute("UPDATE journal SET place = '7/' || split_part(place, '/', 2)")
        assert settled(connection) == ANOTHER


@pytest.mark.slow
def test_after_pg_upgrade_a_journal_is_the_same_and_after_a_dump_in_that_postgresql_another() -> None:
    with closing(Cluster()) as old, closing(Cluster()) as new:
        database = old.create()
        with_room(database)
        dump = old.directory / "dump"
        where = ("--host", old.directory, "--port", str(old.port), "--username", USER)
        old.run("pg_dump", *where, "--format", "custom", "--file", dump, database.name)
        for one in (old, new):
            one.stop("fast")
        both = ("--old-bindir", old.binaries, "--new-bindir", new.binaries, "--old-datadir", old.data)
        new.run("pg_upgrade", *both, "--new-datadir", new.data, "--username", USER)
        new.start()
        with Database(new, database.name).connect() as connection:
            assert settled(connection) == SAME
            assert settled(connection) == SAME
        where = ("--host", new.directory, "--port", str(new.port), "--username", USER)
        new.run("createdb", *where, "--template", "template0", "restored")
        new.run("pg_restore", *where, "--dbname", "restored", "--single-transaction", dump)
        with Database(new, "restored").connect() as connection:
            assert settled(connection) == ANOTHER


@pytest.mark.slow
def test_a_copy_that_is_put_back_in_a_new_postgresql_is_another_journal_also_where_it_is_one_of_a_copy() -> None:
    """Each new PostgreSQL counts transactions and tables from the same numbers on."""
    with closing(Cluster()) as first, closing(Cluster()) as second, closing(Cluster()) as third:
        database = first.create()
        with_room(database)
        for before, after in ((first, second), (second, third)):
            dump = before.directory / "dump"
            where = ("--host", before.directory, "--port", str(before.port), "--username", USER)
            before.run("pg_dump", *where, "--format", "custom", "--file", dump, database.name)
            where = ("--host", after.directory, "--port", str(after.port), "--username", USER)
            after.run("createdb", *where, "--template", "template0", database.name)
            after.run("pg_restore", *where, "--dbname", database.name, "--single-transaction", dump)
            with Database(after, database.name).connect() as connection:
                assert settled(connection) == ANOTHER
                assert settled(connection) == SAME
