"""Whether a server uses the PostgreSQL that it is told: it says in a sentence why not."""

import socket
import subprocess
import sys
import time
from contextlib import closing, suppress
from functools import partial
from pathlib import Path
from typing import Any

import psycopg
import pytest
import trio

from captured_logs import capture_logs
from chat_server.config import JournalTable
from chat_server.journal import UnusableJournal
from chat_server.journal.postgresql import engine
from chat_server.journal.postgresql.connections import LOCK_SECONDS, checked_url, connect
from chat_server.journal.postgresql.lineage import Lineage
from chat_server.journal.postgresql.start_checks import check_database
from chat_server.journal.sqlite.data_directory import JOURNAL_FILE
from postgresql import Cluster, Database, free_port
from processes import TIMEOUT, program


def checked(url: str, durability: str = "full") -> list[str]:
    return check_database(partial(connect, checked_url(url), "read"), durability)


def refused(url: str, durability: str = "full") -> str:
    with pytest.raises(UnusableJournal) as refusal:
        checked(url, durability)
    return str(refusal.value)


def test_a_database_without_a_standby_is_used_and_its_owner_told_what_that_means(database: Database) -> None:
    (warning,) = checked(database.url)
    assert "no synchronous standby" in warning
    assert checked(database.url, "process") == []


@pytest.mark.parametrize("setting", ["fsync", "full_page_writes"])
def test_a_database_that_keeps_nothing_for_sure_is_refused(setting: str) -> None:
    cluster = Cluster(f"{setting}=off")
    try:
        assert f"the database has {setting} off" in refused(cluster.url("postgres"))
    finally:
        cluster.close()


def test_a_standby_is_refused_unless_the_primary_s_address_is_there_too() -> None:
    primary = Cluster()
    standby = Cluster(standby_of=primary)
    try:
        assert "is a standby" in refused(standby.url("postgres"))
        both = (
            f"host={standby.directory},{primary.directory} port={standby.port},{primary.port} dbname=postgres user=chat"
        )
        assert checked(both)
        with Database(primary, "postgres").connect() as connection:
            connection.execute("ALTER SYSTEM SET synchronous_standby_names = '*'")
            connection.execute("SELECT pg_reload_conf()")
        assert not checked(both)
        primary.stop()
        assert "the primary is down" in refused(both)
    finally:
        standby.close()
        primary.close()


def test_a_database_that_comes_back_after_a_failover_is_passed_over_or_refused() -> None:
    old = Cluster()
    new = Cluster(standby_of=old)
    both = f"host={old.directory},{new.directory} port={old.port},{new.port} dbname=postgres user=chat"

    def port_of(url: str, lineage: Lineage) -> int:
        with closing(connect(url, "append", lineage=lineage)) as connection:
            return connection.info.port

    try:
        running = Lineage()
        assert port_of(both, running) == old.port
        old.stop()
        new.run("pg_ctl", "promote", "--pgdata", new.data)
        assert port_of(both, running) == new.port
        old.start()
        with capture_logs() as logs:
            assert port_of(both, running) == new.port
            assert port_of(both, running) == new.port
            assert port_of(both, Lineage()) == new.port, "so it is for a server that has just been started"
        assert ["before a failover" in str(told["event"]) for told in logs] == [True, True], "each says so once"
        with pytest.raises(psycopg.OperationalError, match="before a failover"):
            port_of(old.url("postgres"), running)
    finally:
        new.close()
        old.close()


def test_that_a_start_waits_for_a_standby_is_told_before_it_does(tmp_path: Path) -> None:
    cluster = Cluster("synchronous_standby_names=*")
    config = tmp_path / "chat.toml"
    config.write_text(f'[journal]\nengine = "postgresql"\nurl = "{cluster.url("postgres")}"\n[server]\nport = 0\n')
    command = [sys.executable, "-m", "chat_server", "--config", str(config), "--data"]
    try:
        with subprocess.Popen([*command, str(tmp_path / "a")], stderr=subprocess.PIPE, text=True) as waiting:
            assert waiting.stderr is not None
            try:
                assert "no standby is connected to the database" in waiting.stderr.readline()
                second = subprocess.run([*command, str(tmp_path / "b")], capture_output=True, text=True, check=False)
                assert second.returncode == 2
                assert "another node has not finished making the tables" in second.stderr
            finally:
                waiting.kill()
        assert checked(cluster.url("postgres"), "process") == []
    finally:
        cluster.close()


def test_a_database_in_which_not_everything_can_be_said_is_refused(cluster: Cluster) -> None:
    with Database(cluster, "postgres").connect() as connection:
        connection.execute("CREATE DATABASE latin ENCODING LATIN1 TEMPLATE template0")
    assert "the encoding LATIN1" in refused(cluster.url("latin"))


def test_where_nobody_answers_it_is_said_why(tmp_path: Path) -> None:
    assert refused(f"host={tmp_path} dbname=chat").startswith("cannot use the database ([journal] url): connection")


def test_an_old_database_is_refused(database: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(psycopg.ConnectionInfo, "server_version", 130009)
    assert refused(database.url) == "the database is PostgreSQL 13; a journal needs 14 or newer"


def test_a_pooler_that_lends_one_session_to_two_is_refused(database: Database) -> None:
    with database.connect() as session:

        class Lent:
            """A connection through a pooler: others have the same session."""

            def __getattr__(self, name: str) -> Any:
                return getattr(session, name)

            def close(self) -> None:
                """It is the pooler's."""

        def connect_to_pooler(*, may_be_standby: bool = False) -> Any:
            return Lent()

        with pytest.raises(UnusableJournal, match="a pooler that lends sessions"):
            check_database(connect_to_pooler, "full")


def wait_for_port(port: int) -> None:
    until = time.monotonic() + TIMEOUT
    while True:
        with suppress(ConnectionRefusedError), socket.create_connection(("127.0.0.1", port)):
            return
        assert time.monotonic() < until
        time.sleep(0.02)


@pytest.mark.parametrize("mode", ["transaction", "session"])
def test_pgbouncer_is_refused_in_a_sentence_unless_it_pools_whole_sessions(mode: str, database: Database) -> None:
    pgbouncer = program("pgbouncer", folder="/usr/sbin")
    cluster, port = database.cluster, free_port()
    file = cluster.directory / f"{mode}.ini"
    file.write_text(
        f"[databases]\n* = host={cluster.directory} port={cluster.port} user=chat\n"
        f"[pgbouncer]\nlisten_addr = 127.0.0.1\nlisten_port = {port}\nauth_type = any\nunix_socket_dir =\npool_mode = {mode}\n"
    )
    with subprocess.Popen([pgbouncer, "-q", file], user=cluster.user, cwd="/", stderr=subprocess.DEVNULL) as pooler:
        try:
            wait_for_port(port)
            url = cluster.url(database.name, host="127.0.0.1", port=port)
            if mode == "transaction":
                assert "a pooler that lends sessions" in refused(url)
            else:
                assert checked(url, "process") == []
                with closing(connect(url, "append")) as connection:
                    assert connection.execute("SHOW lock_timeout").fetchone() == (f"{LOCK_SECONDS}s",)
        finally:
            pooler.terminate()


@pytest.mark.parametrize(
    ("url", "why"),
    [
        ("", "needs [journal] url"),
        ("dbname=chat password=geheim", "has a password"),
        ("postgresql://chat:geheim@db/chat", "has a password"),
        ("host=db colour=red", 'none that PostgreSQL understands: invalid connection option "colour"'),
    ],
)
def test_a_url_that_cannot_be_used_is_refused_before_anybody_is_asked(url: str, why: str) -> None:
    with pytest.raises(UnusableJournal) as refusal:
        checked_url(url)
    assert why in str(refusal.value)
    assert "geheim" not in str(refusal.value)


async def test_a_journal_in_sqlite_that_is_left_beside_an_empty_database_is_told_of(
    database: Database, tmp_path: Path
) -> None:
    assert engine.SQLITE_FILE == JOURNAL_FILE
    (tmp_path / JOURNAL_FILE).touch()
    settings = JournalTable(engine="postgresql", directory=str(tmp_path), url=database.url)
    for told in (1, 0):
        with capture_logs() as logs:
            store = engine.open_store(settings)
        async with trio.open_nursery() as nursery:
            await nursery.start(store.journal.run)
            store.journal.close()
        assert len([log for log in logs if "has a journal in SQLite" in str(log["event"])]) == told
        with database.connect() as connection:
            connection.execute(
                "INSERT INTO batch (room, turn, first, count, at, step, node, ticket, lines, authors)"
                " VALUES (1, 1, 1, 1, 1, 0, 1, 1, '[]', '') ON CONFLICT DO NOTHING"
            )


def test_a_configuration_is_checked_and_the_database_asked_if_it_can_be_one(tmp_path: Path) -> None:
    config = tmp_path / "chat.toml"
    for url, code, told in (
        ("host=nowhere.invalid dbname=chat", 2, "cannot use the database ([journal] url)"),
        ("dbname=chat password=geheim", 2, "has a password"),
        ("", 2, "needs [journal] url"),
    ):
        config.write_text(f'[journal]\nengine = "postgresql"\nurl = "{url}"\n')
        done = subprocess.run(
            [sys.executable, "-m", "chat_server", "--config", config, "--check-config", "--port", "0"],
            capture_output=True,
            text=True,
            check=False,
        )
        assert (done.returncode, told in done.stdout + done.stderr) == (code, True), done
        assert "geheim" not in done.stdout + done.stderr


@pytest.mark.parametrize("command", [[], ["--check-config"], ["check-journal"]])
def test_without_the_client_library_the_engine_says_what_installs_it(tmp_path: Path, command: list[str]) -> None:
    config = tmp_path / "chat.toml"
    config.write_text('[journal]\nengine = "postgresql"\nurl = "dbname=chat"\n[server]\nport = 0\n')
    program = "import sys; sys.modules['psycopg'] = None; from chat_server.cli import main; sys.exit(main())"
    done = subprocess.run(
        [sys.executable, "-c", program, "--config", config, "--data", tmp_path, *command],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 2
    assert done.stderr.count("\n") == 1
    assert 'pip install "chat-server[postgresql]"' in done.stderr
