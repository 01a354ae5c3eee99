"""The canary of real nodes on a real PostgreSQL: heard by another node, and not heard while the database is away."""

import time
from collections.abc import Callable
from functools import partial
from pathlib import Path

import pytest

from postgresql import Cluster, Database
from processes import TIMEOUT
from test_monitor_programs import fetched
from test_node_processes import node

pytestmark = pytest.mark.slow


def wait_until(is_so: Callable[[], bool]) -> None:
    until = time.monotonic() + 2 * TIMEOUT
    while not is_so():
        assert time.monotonic() < until
        time.sleep(0.3)


def has(where: Path, name: str) -> bool:
    return f"\n{name} " in fetched(str(where), "/metrics")[1]


def test_each_node_hears_its_own_and_the_others_and_a_database_that_is_away_is_no_health(tmp_path: Path) -> None:
    cluster = Cluster()
    try:
        database: Database = cluster.create()
        first, second = tmp_path / "one.sock", tmp_path / "two.sock"
        listen = '[metrics]\nlisten = "{}"\n'
        with node(database, "one", listen.format(first)), node(database, "two", listen.format(second)):
            for where in (first, second):
                wait_until(partial(has, where, "chat_canary_seconds"))
                assert fetched(str(where), "/healthz") == (200, "ok\n")
                assert "\nchat_engine_away 0\n" in fetched(str(where), "/metrics")[1]
            wait_until(lambda: has(second, "chat_canary_other_node_seconds"))
            with database.connect() as connection:
                ((rooms,),) = connection.execute("SELECT count(*) FROM room WHERE name = 'canary'").fetchall()
                ((probed,),) = connection.execute("SELECT count(*) FROM node WHERE probed IS NOT NULL").fetchall()
                ((lines,),) = connection.execute("SELECT count(*) FROM batch").fetchall()
            assert (rooms, probed, lines) == (0, 2, 0)
            cluster.stop()
            wait_until(lambda: fetched(str(first), "/healthz")[0] == 503)
            assert "stored and shown" in fetched(str(first), "/healthz")[1]
            assert fetched(str(first), "/readyz")[0] == 200
            cluster.start()
            wait_until(lambda: fetched(str(first), "/healthz") == (200, "ok\n"))
            wait_until(lambda: has(first, "chat_canary_other_node_seconds"))
    finally:
        cluster.close()
