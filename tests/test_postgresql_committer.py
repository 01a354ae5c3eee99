"""The thread that stores turns in PostgreSQL, over an engine that is a fake: who waits is told what became of it, and what counts as a failure."""

import socket
import threading
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import cast

import psycopg
import pytest
import trio

from captured_logs import capture_logs
from chat_server.journal import JournalError
from chat_server.journal.node_life import NodeLife
from chat_server.journal.postgresql import committer
from chat_server.journal.postgresql.appending import plain_append_of
from chat_server.journal.postgresql.committer import Committer
from chat_server.journal.postgresql.link import Connection
from chat_server.protocol.entries import Said

TURN = plain_append_of([Said("python", 0, 1000.0, "ann", "hello")], {})


class FakeConnection:
    """One that is open: what is asked of it is answered as if all were well."""

    closed = False

    def __init__(self) -> None:
        self._sockets = socket.socketpair()

    def fileno(self) -> int:
        return self._sockets[0].fileno()

    def execute(self, *_: object) -> "FakeConnection":
        return self

    def fetchall(self) -> list[tuple[tuple[int, None]]]:
        return [((1, None),)]

    def close(self) -> None:
        self.closed = True
        for one in self._sockets:
            one.close()


def connected() -> Connection:
    return cast("Connection", FakeConnection())


def away() -> Connection:
    raise psycopg.OperationalError("nobody listens there")


@asynccontextmanager
async def running(
    open_connection: Callable[[], Connection], probe: Callable[[Connection], None] = lambda _: None
) -> AsyncIterator[Committer]:
    def store(*_: object) -> list[JournalError]:
        return [JournalError("not here")]

    one = Committer(open_connection, store, NodeLife(), lambda *_: None, probe)
    async with trio.open_nursery() as nursery:
        await nursery.start(one.run)
        yield one
        one.hurry(0)
        one.close()


async def refusal(wait: Callable[[], object]) -> str:
    with trio.fail_after(5), pytest.raises(JournalError) as refused:
        await wait()  # type: ignore[misc]
    return str(refused.value)


@pytest.mark.parametrize(
    "error", [ZeroDivisionError("of ours"), psycopg.DataError("no such value"), OSError(5, "of the disk")]
)
async def test_whatever_goes_wrong_with_a_probe_everybody_who_waits_for_it_is_told(
    error: Exception,
) -> None:
    errors = [error]
    goes_on = threading.Event()

    def probe(_: Connection) -> None:
        goes_on.wait(5)
        while errors:
            raise errors.pop()

    with capture_logs() as logs:
        async with running(connected, probe) as one:
            waiting = [one.probe() for _ in range(3)]
            goes_on.set()
            for job in waiting:
                assert str(error) in await refusal(job.stored)
            with trio.fail_after(5):
                await one.probe().stored()
    assert [log["exc_info"] for log in logs if log["log_level"] == "error"] == [error] * isinstance(
        error, ZeroDivisionError
    )


async def test_what_waits_when_the_journal_is_closed_is_refused_and_no_commit_has_failed() -> None:
    async with running(away) as one:
        jobs = [one.submit(TURN) for _ in range(3)]
        one.hurry(0)
        one.close()
        for job in [*jobs, one.submit(TURN)]:
            assert await refusal(job.stored) == committer.CLOSED
        assert one.times.failed == 0


async def test_what_an_engine_that_is_away_cannot_store_in_time_is_a_failure() -> None:
    one = Committer(away, lambda *_: [], NodeLife(), lambda *_: None, lambda _: None, patience=0.0)
    async with trio.open_nursery() as nursery:
        await nursery.start(one.run)
        assert await refusal(one.submit(TURN).stored) == committer.AWAY
        assert one.times.failed == 1
        one.close()
