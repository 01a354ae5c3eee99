"""Names of accounts in PostgreSQL, as every node asks for them: one after the other, and refused as the index of names refuses them."""

import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from typing import Any

import psycopg
import pytest

from chat_server.accounts.names_index import KeptName, NamesIndex
from postgresql import Database

ACCOUNTS = [(1, "Ann", "ann", "ann"), (2, "b0b", "b0b", "bob")]
KEPT = [KeptName("eve", "eve", 1, 100.0), KeptName("gus", "gus", 0, 100.0)]
ASKED = [
    ("ann", "ann"),
    ("x", "ann"),
    ("bob", "bob"),
    ("b0b", "bob"),
    ("eve", "eve"),
    ("x", "eve"),
    ("gus", "gus"),
    ("hal", "hal"),
]


@pytest.mark.parametrize("whose", [0, 1, 2])
@pytest.mark.parametrize("at", [50.0, 100.0])
def test_a_name_is_refused_for_what_the_index_refuses_it_for(database: Database, whose: int, at: float) -> None:
    names = NamesIndex()
    names.load(ACCOUNTS, KEPT)
    with closing(database.connect()) as connection:
        for number, name, key, skeleton in ACCOUNTS:
            connection.execute(
                "INSERT INTO account VALUES (%s, %s, %s, %s, NULL, 0, 0, 'member', 'active', NULL, 0, '{}', 0)",
                [number, name, key, skeleton],
            )
        for kept in KEPT:
            connection.execute("INSERT INTO kept_name VALUES (%s, %s, %s, %s)", kept)
        for key, skeleton in ASKED:
            refusal = names.refusal(key, skeleton, whose, at)
            asked = "SELECT * FROM account_refusal(%s, %s, %s, %s)"
            expected = (refusal.why, refusal.name) if refusal else (None, None)
            assert connection.execute(asked, [key, skeleton, whose, at]).fetchall() == [expected]


def test_whoever_gives_away_names_that_are_alike_does_so_one_after_the_other_and_nobody_waits_for_ever(
    database: Database,
) -> None:
    def lock(number: int) -> None:
        names = ["ann", "bob", "eve"] if number % 2 else ["eve", "bob", "ann"]
        with closing(database.connect()) as connection:
            for _ in range(20):
                with connection.transaction():
                    connection.execute("SELECT lock_names(%s)", [names])
                    ((before,),) = connection.execute("SELECT changes FROM journal").fetchall()
                    connection.execute("UPDATE journal SET changes = %s", [before + 1])

    with ThreadPoolExecutor(4) as pool:
        assert [*pool.map(lock, range(4))] == [None] * 4
    with closing(database.connect()) as connection:
        assert connection.execute("SELECT changes FROM journal").fetchall() == [(80,)]


def test_a_name_that_is_being_given_away_is_waited_for_by_its_key_and_by_what_it_looks_like(database: Database) -> None:
    with closing(database.connect()) as one, closing(database.connect()) as other:
        other.execute("SET lock_timeout = '50ms'")
        with one.transaction():
            one.execute("SELECT lock_names(ARRAY['paypai', 'paypal'])")
            for names in (["paypai", "x"], ["y", "paypal"]):
                with pytest.raises(psycopg.errors.LockNotAvailable):
                    other.execute("SELECT lock_names(%s)", [names])
            other.execute("SELECT lock_names(%s)", [["another"]])
        other.execute("SELECT lock_names(%s)", [["paypai", "paypal"]])


def two_nodes_with_ann(connection: psycopg.Connection[tuple[Any, ...]]) -> tuple[int, int]:
    """A node at which rooms list ann, and another that holds her name."""
    ((room,),) = connection.execute(
        "INSERT INTO room (name, key, skeleton) VALUES ('python', 'python', 'python') RETURNING id"
    ).fetchall()
    there, here = (
        number for (number,) in connection.execute("INSERT INTO node (name) VALUES ('a'), ('b') RETURNING id")
    )
    connection.execute("INSERT INTO member VALUES (%s, %s, 'token:x', 0, 'ann', 0)", [room, there])
    connection.execute("INSERT INTO held VALUES ('ann', 'ann', 'ann', 'token:x', %s)", [here])
    return there, here


def give_ann_back(connection: psycopg.Connection[tuple[Any, ...]], node: int) -> list[tuple[int, bool]]:
    """Returns for which nodes a name is held then, and whether it was left to them."""
    connection.execute(
        "SELECT change_names(%s, ARRAY[NULL]::text[], ARRAY['ann'], ARRAY[''], ARRAY['token:x'], ARRAY[false])", [node]
    )
    held = connection.execute("SELECT node, is_left FROM held ORDER BY node")
    return [(node, is_left) for node, is_left in held]


def test_a_name_is_left_to_no_node_that_is_just_being_buried(database: Database) -> None:
    with (
        closing(database.connect()) as one,
        closing(database.connect()) as other,
        closing(database.connect()) as third,
        ThreadPoolExecutor(1) as pool,
    ):
        there, here = two_nodes_with_ann(one)
        with one.transaction():
            one.execute("SELECT take_out(ARRAY[%s::bigint])", [there])
            given_back = pool.submit(give_ann_back, other, here)
            waits = "SELECT FROM pg_stat_activity WHERE pid = %s AND wait_event_type = 'Lock'"
            while not given_back.done() and not third.execute(waits, [other.info.backend_pid]).fetchall():
                time.sleep(0.01)
        assert given_back.result() == []


def test_a_name_is_left_to_a_node_for_the_rooms_that_there_still_are(database: Database) -> None:
    with closing(database.connect()) as connection:
        there, here = two_nodes_with_ann(connection)
        assert give_ann_back(connection, here) == [(there, True)]
        connection.execute("UPDATE held SET node = %s, is_left = false", [here])
        connection.execute("UPDATE room SET is_deleted = true")
        assert give_ann_back(connection, here) == []
