"""The PostgreSQLs of these tests break as real ones do, and what is stored is read as it stands."""

import os
import signal
import threading
from contextlib import closing
from functools import partial

import psycopg
import pytest
import trio

from cluster import engine
from cluster.engine import in_thread
from cluster.links import linked
from postgresql import Cluster, Database

pytestmark = pytest.mark.slow


def put(database: Database, number: int) -> None:
    with database.connect() as connection:
        connection.execute("CREATE TABLE IF NOT EXISTS kept (number int)")
        connection.execute("INSERT INTO kept VALUES (%s)", [number])


def kept(database: Database) -> list[int]:
    with database.connect() as connection:
        return [number for (number,) in connection.execute("SELECT number FROM kept ORDER BY number").fetchall()]


def test_an_engine_that_was_killed_has_what_was_committed(own: Database) -> None:
    put(own, 1)
    with closing(own.connect()) as connection:
        own.cluster.kill()
        with pytest.raises(psycopg.OperationalError):
            connection.execute("SELECT")
    with pytest.raises(psycopg.OperationalError):
        own.connect()
    own.cluster.start()
    assert kept(own) == [1]


def test_an_engine_of_which_a_process_is_killed_ends_all_connections_and_goes_on(own: Database) -> None:
    put(own, 1)
    with closing(own.connect()) as connection:
        engine.kill_a_backend(own.cluster, own.name)
        with pytest.raises(psycopg.OperationalError):
            connection.execute("SELECT")
    own.cluster.wait()
    assert kept(own) == [1]


def test_an_engine_has_noticed_that_a_process_was_killed_though_it_is_slow_to(
    own: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    put(own, 1)
    kill = os.kill
    first = own.cluster.pid

    def kill_unseen(pid: int, number: int) -> None:
        kill(first, signal.SIGSTOP)
        kill(pid, number)
        threading.Timer(0.5, kill, [first, signal.SIGCONT]).start()

    with closing(own.connect()):
        with monkeypatch.context() as patched:
            patched.setattr(os, "kill", kill_unseen)
            engine.kill_a_backend(own.cluster, own.name)
        assert "terminating any other active server processes" in own.cluster.log()
    own.cluster.wait()
    assert kept(own) == [1]


def test_an_engine_that_recovers_is_killed_all_the_same(own: Database) -> None:
    put(own, 1)
    with closing(own.connect()):
        engine.kill_a_backend(own.cluster, own.name)
        own.cluster.kill()
    own.cluster.start()
    assert kept(own) == [1]


def test_a_standby_has_what_was_committed_and_takes_the_engines_place(own: Database) -> None:
    standby = Cluster("wal_retrieve_retry_interval=200ms", standby_of=own.cluster)
    try:
        engine.require_standby(own.cluster)
        put(own, 1)
        own.cluster.kill()
        engine.promote(standby)
        promoted = Database(standby, own.name)
        put(promoted, 2)
        assert kept(promoted) == [1, 2]
    finally:
        standby.close()


async def test_a_link_knows_who_listens_at_the_engine(shared: Database) -> None:
    async with linked(partial(trio.open_tcp_stream, "127.0.0.1", shared.cluster.port)) as link:
        url = shared.cluster.url(shared.name, host="127.0.0.1", port=link.port)
        listener, other = [await in_thread(partial(psycopg.connect, url, autocommit=True)) for _ in range(2)]
        await in_thread(listener.execute, "LISTEN chat_turns")
        await in_thread(other.execute, "SELECT 1")
        assert link.drop(only_listeners=True) == 1
        with pytest.raises(psycopg.OperationalError):
            await in_thread(listener.execute, "SELECT 1")
        await in_thread(other.execute, "SELECT 1")
        other.close()
