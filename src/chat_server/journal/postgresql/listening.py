"""The connection by which a node hears what PostgreSQL tells, and asks at once what has come of it: Trio's thread alone has it, and never waits.

A thread for the question would have to be woken, and Trio by it, for each line of another node. So only what is short is asked here. Never knows
what a notification means.
"""

from collections.abc import Callable, Sequence
from typing import Any, Protocol

import psycopg
import trio
from psycopg.pq.abc import PGconn, PGresult
from psycopg.rows import TupleRow

from chat_server.journal.postgresql.link import Connection, Held, Link, is_broken
from chat_server.journal.postgresql.prepared import Prepared

ANSWER_SECONDS = 0.3
"""Seconds for which one waits for an answer. Until it has come nothing more can be asked here."""

TOLD_AT_ONCE = 250
"""Notifications that are heard before others have their turn: a few milliseconds. Any user of the database tells as many as they like."""


class NotAnswered(Exception):
    """Nobody listens, or the connection has broken, or something asked before is not answered yet. What was asked is to be asked otherwise."""


class Hearing(Protocol):
    """Who is told."""

    def begun(self) -> None:
        """It is heard from now on; what was told before may have been missed."""
        ...

    def told(self, channel: str, text: str, backend: int) -> None:
        """PostgreSQL's process of this number has told this."""
        ...

    def all_told(self) -> None:
        """That was all for now."""
        ...


class _Question:
    def __init__(self) -> None:
        self.result: PGresult | None = None
        self.is_over = trio.Event()


class Listening:
    """Such a connection, while there is one."""

    def __init__(self, open_connection: Callable[[], Connection], statement: Prepared) -> None:
        """Connect by this, in a thread. The statement is what can be asked."""
        self._open_connection = open_connection
        self._statement = statement
        self._held: Held | None = None
        self._question: _Question | None = None

    async def hear(self, hearing: Hearing) -> None:
        """Connect, and hear what is told, until the connection breaks. Raises JournalError, psycopg.Error or OSError."""
        held = await Link(self._open).take()
        try:
            self._held = held
            hearing.begun()
            session = held.connection.pgconn
            while True:
                await trio.lowlevel.wait_readable(held.connection.fileno())
                while self._tell(session, hearing):
                    await trio.lowlevel.checkpoint()
        finally:
            self._held = None
            if self._question is not None:
                self._question.is_over.set()
                self._question = None
            held.close()

    def _tell(self, session: PGconn, hearing: Hearing) -> bool:
        """Tell what has come, TOLD_AT_ONCE at most. Returns whether there may be more."""
        left, is_more = TOLD_AT_ONCE, True
        while left and is_more:
            session.consume_input()  # raises when the connection has broken
            self._take_answer(session)
            is_more = False
            while left and (told := session.notifies()) is not None:
                hearing.told(told.relname.decode(), told.extra.decode(), told.be_pid)
                left, is_more = left - 1, True
        hearing.all_told()
        return is_more

    def _open(self) -> Connection:
        connection = self._open_connection()
        self._statement.prepare(connection)
        return connection

    async def ask(self, values: Sequence[Any]) -> Sequence[TupleRow]:
        """Carry out the statement with these parameters. Raises NotAnswered; psycopg.Error if it is refused."""
        held = self._held
        if held is None or self._question is not None:
            raise NotAnswered
        self._question = question = _Question()
        try:
            self._statement.send(held.connection, values)
        except psycopg.Error as error:
            self._question = self._held = None
            held.shutter.shut()
            raise NotAnswered from error
        self._take_answer(held.connection.pgconn)  # it may have been read while the question was sent
        with trio.move_on_after(ANSWER_SECONDS):
            await question.is_over.wait()
        if question.result is None or not question.is_over.is_set():
            raise NotAnswered
        try:
            return self._statement.loaded(held.connection, question.result)
        except psycopg.Error as error:
            if is_broken(held.connection, error):
                raise NotAnswered from error
            raise

    def _take_answer(self, session: PGconn) -> None:
        """Take what has come of an answer, whether or not anybody waits for it still."""
        while self._question is not None and not session.is_busy():
            result = session.get_result()
            if result is None:
                self._question.is_over.set()
                self._question = None
            else:
                self._question.result = result

    def shut(self) -> None:
        """End the connection, if there is one."""
        if self._held is not None:
            self._held.shutter.shut()
