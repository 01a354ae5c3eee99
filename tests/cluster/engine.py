"""The engine under several servers: a PostgreSQL that is killed as a power cut would, and another one that is ready to take its place."""

import os
import signal
import time
from contextlib import closing, suppress
from itertools import groupby
from typing import Any

import psycopg
import trio

from chat_server.journal.turn_codec import decode_movements
from cluster.log import Held, Keyed, Log, Member, Room, Turn, lines_of
from postgresql import Cluster
from processes import TIMEOUT


def kill_a_backend(engine: Cluster, database: str) -> None:
    """Kill one of the processes that serve somebody, after which PostgreSQL ends all of them and recovers.

    When this returns it has seen it: from now on it lets nobody in until it has recovered, so whoever waits for it waits for that.
    """
    engine.wait()  # it may have been broken before
    with closing(psycopg.connect(engine.url("postgres"), autocommit=True)) as connection:
        while not (
            found := connection.execute(
                "SELECT pid FROM pg_stat_activity WHERE datname = %s ORDER BY random() LIMIT 1", [database]
            ).fetchone()
        ):
            time.sleep(0.02)  # until somebody has come back
        os.kill(found[0], signal.SIGKILL)
        # Whoever was served by that process hears of its end at once, everybody else when PostgreSQL has noticed.
        with suppress(psycopg.OperationalError):
            connection.execute("SELECT pg_sleep(%s)", [TIMEOUT])
            raise AssertionError("PostgreSQL does not see that one of its processes was killed")


def read_log(url: str) -> Log:
    """Everything that is stored."""
    with closing(psycopg.connect(url)) as connection:  # one transaction, of one moment
        connection.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ")
        rooms = connection.execute("SELECT id, name, last, turn FROM room WHERE NOT is_deleted").fetchall()
        batches: list[tuple[Any, ...]] = connection.execute(
            "SELECT room, turn, first, node, lines, movements FROM batch ORDER BY room, turn"
        ).fetchall()
        names = {number: name for number, name, _, _ in rooms}
        sent = connection.execute("SELECT key, room, seq FROM sent").fetchall()
        members = connection.execute("SELECT room, node, person, device, nick FROM member").fetchall()
        held = connection.execute("SELECT key, person, node FROM held").fetchall()
    turns = {
        room: [
            Turn(number, lines_of(lines, first), decode_movements(movements) if movements else (), node)
            for _, number, first, node, lines, movements in found
        ]
        for room, found in groupby(batches, lambda row: row[0])
    }
    return Log(
        [Room(name, last, turn, turns.get(number, ())) for number, name, last, turn in rooms],
        [Keyed(bytes(key).decode(), names[room], seq) for key, room, seq in sent],
        [Member(names[room], *who) for room, *who in members],
        [Held(*row) for row in held],
    )


async def in_thread(do: Any, *arguments: Any) -> Any:
    """Do what blocks, while people and links go on."""
    return await trio.to_thread.run_sync(do, *arguments)


def require_standby(primary: Cluster) -> None:
    """Have every commit wait until a standby has it."""
    with closing(psycopg.connect(primary.url("postgres"), autocommit=True)) as connection:
        connection.execute("ALTER SYSTEM SET synchronous_standby_names = '*'")
        connection.execute("SELECT pg_reload_conf()")
        while not connection.execute("SELECT FROM pg_stat_replication WHERE sync_state = 'sync'").fetchall():
            time.sleep(0.02)


def promote(standby: Cluster) -> None:
    """Have a standby be the one that is written to."""
    standby.run("pg_ctl", "promote", "--pgdata", standby.data)
