"""The tables in PostgreSQL: made once, whoever tries, and left alone where a newer release has made them."""

from concurrent.futures import ThreadPoolExecutor

import pytest

from chat_server.journal.postgresql import schema
from chat_server.journal.postgresql.rename_function import IN_ORDER
from chat_server.journal.postgresql.rewriting import turns_of
from chat_server.journal.postgresql.schema import MIGRATIONS, NewerSchema, migrate, version_of
from postgresql import Cluster, Database


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
        migrate(connection)
        assert [(one.room, one.turn) for one in turns_of(connection, 7, 0).turns] == [(1, 1)]
