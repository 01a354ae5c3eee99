"""Names of accounts in PostgreSQL, as every node asks for them: one after the other, and refused as the index of names refuses them."""

from concurrent.futures import ThreadPoolExecutor
from contextlib import closing

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
