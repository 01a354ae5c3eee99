"""What PostgreSQL keeps of lines that are not said yet, of which nodes ask each other: nothing for longer than somebody waits, whatever it does."""

import os
import signal
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from functools import partial

import psycopg
import pytest
import trio
import trio.lowlevel

from chat_server.journal import JournalError
from chat_server.journal.lines_asked import LINES_MAX, LineAsked
from chat_server.journal.postgresql import lines_asked
from chat_server.journal.postgresql.connections import connect
from chat_server.journal.postgresql.lines_asked import PostgresqlLinesAsked
from chat_server.journal.postgresql.link import Connection, Link
from postgresql import Database

NODE = 7

LINE = LineAsked("den", (1,), "eve", "not said yet", "said", is_guest=True)


def numbers_in(database: Database) -> list[int]:
    with database.connect() as connection:
        return [number for (number,) in connection.execute("SELECT number FROM asked_line ORDER BY number").fetchall()]


async def until(database: Database, *numbers: int) -> None:
    with trio.fail_after(10):
        while await trio.to_thread.run_sync(numbers_in, database) != [*numbers]:
            await trio.sleep(0.02)


@asynccontextmanager
async def asking(open_connection: Callable[[], Connection]) -> AsyncIterator[PostgresqlLinesAsked]:
    link = Link(open_connection)
    async with trio.open_nursery() as nursery:
        lines = PostgresqlLinesAsked(link, lambda: NODE)
        nursery.start_soon(lines.run)
        yield lines
        nursery.cancel_scope.cancel()
    link.close()


async def test_a_line_is_kept_until_it_is_forgotten(database: Database) -> None:
    async with asking(partial(connect, database.url, "write")) as lines:
        lines.put(1, [8], LINE)
        lines.put(2, [8], LINE)
        await until(database, 1, 2)
        assert await lines.read(NODE, [1, 2, 3]) == {1: LINE, 2: LINE}
        lines.forget(1)
        await until(database, 2)
        lines.forget(2)
        await until(database)


async def test_what_a_database_puts_late_that_stood_still_is_forgotten_all_the_same(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(lines_asked, "DOUBT_SECONDS", 2.0)
    backends: list[int] = []

    def open_connection() -> Connection:
        connection = connect(database.url, "write")
        backends.append(connection.info.backend_pid)
        return connection

    async with asking(open_connection) as lines:
        lines.put(1, [8], LINE)
        await until(database, 1)
        os.kill(backends[0], signal.SIGSTOP)
        lines.put(2, [8], LINE)
        await trio.sleep(0.2)
        for number in (1, 2):
            lines.forget(number)
        await until(database)
        assert len(backends) == 2, "it is asked by another connection"
        os.kill(backends[0], signal.SIGCONT)
        await until(database, 2)
        await until(database)


async def test_of_lines_that_a_database_that_is_away_was_never_asked_of_nothing_is_remembered() -> None:
    def refuse() -> Connection:
        raise psycopg.OperationalError("nobody answers")

    async with asking(refuse) as lines:
        for number in range(5 * LINES_MAX):
            lines.put(number, [8], LINE)
            if number % 100 == 0:
                await trio.lowlevel.checkpoint()
        assert len(lines._asked) <= LINES_MAX
        for number in range(2 * LINES_MAX):
            lines.answer(8, number, "pass", "")
        assert len(lines._answers) <= LINES_MAX
        for number in range(5 * LINES_MAX):
            lines.forget(number)
        assert not lines._asked
        assert not lines._to_put


@pytest.mark.goes_wrong
async def test_what_goes_wrong_over_one_line_ends_nothing_and_lines_are_forgotten_all_the_same(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(lines_asked, "AGAIN_SECONDS", 0.1)
    is_broken = False

    def open_connection() -> Connection:
        if is_broken:
            raise RuntimeError("no thread, no memory, a bug")
        return connect(database.url, "write")

    async with asking(open_connection) as lines:
        lines.put(1, [8], LINE)
        await until(database, 1)
        is_broken = True
        with database.connect() as connection:
            connection.execute(
                "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
                " WHERE pid <> pg_backend_pid() AND datname = current_database()"
            )
        lines.forget(1)
        lines.put(2, [8], LINE)
        await trio.sleep(0.3)
        lines.forget(2)
        await trio.sleep(0.3)
        is_broken = False
        await until(database)


async def test_where_the_database_refuses_it_is_not_known_what_is_asked(database: Database) -> None:
    async with asking(partial(connect, database.url, "write")) as lines:
        with database.connect() as connection:
            connection.execute("ALTER TABLE asked_line RENAME TO elsewhere")
        with pytest.raises(JournalError):
            await lines.read(NODE, [1])
        with pytest.raises(JournalError):
            await lines.why(1)
        with database.connect() as connection:
            connection.execute("ALTER TABLE elsewhere RENAME TO asked_line")
        assert await lines.read(NODE, [1]) == {}
        assert await lines.why(1) == ""
