"""The connection by which a node hears what PostgreSQL tells, and asks at once."""

import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from struct import pack

import psycopg
import pytest
import trio

from chat_server.journal.postgresql.connections import connect
from chat_server.journal.postgresql.link import Connection
from chat_server.journal.postgresql.listening import ANSWER_SECONDS, TOLD_AT_ONCE, Listening, NotAnswered
from chat_server.journal.postgresql.prepared import Prepared
from postgresql import Database

SLOW = Prepared(b"slow", b"SELECT $1, 1 / $2, pg_sleep($3)", (20, 20, 701))
"""What takes some seconds, and fails where it divides by nothing."""


def asked(number: int, by: int = 1, seconds: float = 0.0) -> list[bytes]:
    return [pack(">q", number), pack(">q", by), pack(">d", seconds)]


class Heard:
    """Whoever is told."""

    def __init__(self) -> None:
        self.has_begun = trio.Event()
        self.texts: list[str] = []
        self.has_ended = trio.Event()

    def begun(self) -> None:
        self.has_begun.set()

    def told(self, channel: str, text: str, backend: int) -> None:
        assert backend
        self.texts.append(f"{channel} {text}")

    def all_told(self) -> None:
        pass


@asynccontextmanager
async def listening(database: Database) -> AsyncIterator[tuple[Listening, Heard]]:
    def opened() -> Connection:
        connection = connect(database.url, "listen")
        connection.execute("LISTEN news")
        return connection

    one, heard = Listening(opened, SLOW), Heard()

    async def hear() -> None:
        with pytest.raises(psycopg.OperationalError):
            await one.hear(heard)
        heard.has_ended.set()

    async with trio.open_nursery() as nursery:
        nursery.start_soon(hear)
        with trio.fail_after(5):
            await heard.has_begun.wait()
        yield one, heard
        nursery.cancel_scope.cancel()


async def test_it_is_asked_one_thing_after_the_other_and_hears_meanwhile(database: Database) -> None:
    async with listening(database) as (one, heard):
        with database.connect() as other:
            for number in range(20):
                other.execute("SELECT pg_notify('news', %s)", [str(number)])
                assert [row[:2] for row in await one.ask(asked(number))] == [(number, 1)]
        with trio.fail_after(2):
            while len(heard.texts) < 20:
                await trio.sleep(0.01)
        assert heard.texts == [f"news {number}" for number in range(20)]


async def test_what_is_refused_is_raised_and_it_goes_on(database: Database) -> None:
    async with listening(database) as (one, _):
        with pytest.raises(psycopg.errors.DivisionByZero):
            await one.ask(asked(1, by=0))
        assert [row[0] for row in await one.ask(asked(2))] == [2]


async def test_an_answer_that_comes_too_late_is_nobodys(database: Database) -> None:
    async with listening(database) as (one, _):
        begun = trio.current_time()
        with pytest.raises(NotAnswered):
            await one.ask(asked(1, seconds=1))
        assert trio.current_time() - begun < 2 * ANSWER_SECONDS
        begun = trio.current_time()
        with pytest.raises(NotAnswered):
            await one.ask(asked(2))
        assert trio.current_time() - begun < ANSWER_SECONDS / 2, "nobody waits for what cannot be asked"
        await trio.sleep(1.2)
        assert [row[0] for row in await one.ask(asked(3))] == [3]


async def test_who_gives_up_leaves_no_answer_to_the_next(database: Database) -> None:
    async with listening(database) as (one, _):
        with trio.move_on_after(0.05):
            await one.ask(asked(1, seconds=0.2))
        await trio.sleep(0.4)
        assert [row[0] for row in await one.ask(asked(2))] == [2]


@pytest.mark.parametrize("is_shut_here", [False, True])
async def test_a_connection_that_breaks_over_a_question_does_not_answer_it(
    database: Database, *, is_shut_here: bool
) -> None:
    async with listening(database) as (one, heard):
        is_told = False

        async def ask() -> None:
            nonlocal is_told
            with pytest.raises(NotAnswered):
                await one.ask(asked(1, seconds=10))
            is_told = True

        begun = trio.current_time()
        async with trio.open_nursery() as nursery:
            nursery.start_soon(ask)
            await trio.sleep(0.05)
            if is_shut_here:
                one.shut()
            else:
                with database.connect() as other:
                    other.execute(
                        "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name LIKE '% listen'"
                        " AND datname = current_database()"
                    )
        assert is_told
        assert trio.current_time() - begun < ANSWER_SECONDS
        with trio.fail_after(2):
            await heard.has_ended.wait()
        with pytest.raises(NotAnswered):
            await one.ask(asked(2))


async def test_however_much_is_told_at_once_others_have_their_turn_meanwhile_and_all_of_it_is_heard_in_order(
    database: Database,
) -> None:
    count = 20 * TOLD_AT_ONCE
    async with listening(database) as (_, heard):
        with database.connect() as stranger:
            stranger.execute("SELECT pg_notify('news', n::text) FROM generate_series(1, %s) AS n", [count])
        time.sleep(1)  # noqa: ASYNC251 - so that all of it has come
        at_once, before = 0, 0
        with trio.fail_after(5):
            while before < count:
                await trio.lowlevel.checkpoint()
                at_once, before = max(at_once, len(heard.texts) - before), len(heard.texts)
        assert heard.texts == [f"news {number}" for number in range(1, count + 1)]
        assert at_once <= 2 * TOLD_AT_ONCE, "Trio has this task run before or after the other"
