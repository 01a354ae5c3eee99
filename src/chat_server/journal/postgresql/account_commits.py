"""Changes of accounts in PostgreSQL: each a transaction, one after the other.

A change is stored or it is not, and whoever waits is told which, though the connection is lost while it is being committed: it has a ticket, by which
the engine is asked what became of it. Other nodes hear of it by the same commit. What takes a right from somebody waits, as the last thing before its
commit, for whatever is just being said, and what is said after that waits for the commit: nothing is stored of those who had the right.

Bounds: CHANGES_MAX wait; more are refused. Never knows what is changed.
"""

import secrets
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import suppress
from functools import partial
from random import random
from typing import Any

import outcome
import psycopg
import trio

from chat_server.accounts.names_index import Refusal
from chat_server.guard import Guard
from chat_server.journal import InDoubt, JournalError
from chat_server.journal.happened import AccountChanged, Change, ChoicesMade, DevicesRevoked, ServerActed
from chat_server.journal.postgresql.account_tables import PostgresqlTables
from chat_server.journal.postgresql.append_function import REVOCATION_LOCK
from chat_server.journal.postgresql.link import PASSING, Connection, Link, said
from chat_server.journal.table_storage import News
from chat_server.journal.turn_codec import encode_change

CHANGES_MAX = 10_000
"""Changes that wait. There are as many as callers who wait for one, and some hashes of passwords."""

TRIES = 4
"""How often a change is tried that meets another one, or finds that its connection was lost before."""

DOUBT_SECONDS = 30.0
"""Seconds for which the engine is asked what became of a change whose answer was lost."""

REST = 0.2
"""Seconds between two tries, or two of these questions."""

AGAIN = PASSING | {"23505"}
"""Refusals (SQLSTATE) after which a change is tried again: those about the moment, and that a name, token or code has just come to be there.
Whoever looks again sees it."""


FORGET_OLD = "DELETE FROM account_commit WHERE at < now() - interval '1 day'"
"""Forgets what became of the newest change of nodes that are no more; those that are ask within DOUBT_SECONDS."""


class AccountChange:
    """Something to be changed, or to be asked after all changes before it; and what became of it."""

    def __init__(
        self,
        change: Callable[[PostgresqlTables], Any],
        note: Callable[[Any], object] | None = None,
        news: Callable[[Any], News] | None = None,
        person: str = "",
        *,
        is_question: bool = False,
        is_durable: bool = True,
        give_back: Callable[[], object] | None = None,
    ) -> None:
        """See table_accounts.Storage.store; `give_back` is called if it is not stored. What is not durable need not be on a disk when it is."""
        self.change = change
        self.news = news
        self.person = person
        self.is_question = is_question
        self.is_durable = is_durable
        self._note = note
        self._give_back = give_back
        self._done = trio.Event()
        self._outcome: outcome.Outcome[Any] = outcome.Error(JournalError("something went wrong while it was stored"))

    def stored(self, result: object) -> None:
        """It is; note what came of it."""
        self._outcome = outcome.Value(result)
        if self._note is not None:
            _guard.attempt(self._note, result)

    def refused(self, error: JournalError) -> None:
        """It is not."""
        self._outcome = outcome.Error(error)
        if self._give_back is not None:
            _guard.attempt(self._give_back)

    def end(self) -> None:
        """Let whoever waits go on."""
        self._done.set()

    async def wait(self) -> Any:
        """Wait until it is stored. Raises JournalError if it is not."""
        await self._done.wait()
        if isinstance(self._outcome, outcome.Error):
            kind = InDoubt if isinstance(self._outcome.error, InDoubt) else JournalError
            raise kind(str(self._outcome.error)) from self._outcome.error
        return self._outcome.unwrap()


class _Try:
    """One transaction for a change. Its thread may be given up and go on for a moment; what it finds then is nobody's."""

    def __init__(self, change: AccountChange, ticket: int) -> None:
        self.change = change
        self.ticket = ticket
        self.is_sent = False
        """Whether its commit may have reached the engine."""
        self.result: Any = None


class AccountCommits:
    """The changes of this node, and the connection by which they are stored."""

    def __init__(self, link: Link, node: Callable[[], int]) -> None:
        """Change by this connection, as the node of this number."""
        self._link = link
        self._node = node
        self._writer = secrets.token_hex(16)
        self._tickets = 0
        self._waiting: deque[AccountChange] = deque()
        self._has_more = trio.Event()
        self._is_closed = False

    def put(self, change: AccountChange) -> None:
        """Have something changed, when what waits already has been. Never blocks."""
        if self._is_closed or len(self._waiting) >= CHANGES_MAX:
            change.refused(JournalError("the journal is closed" if self._is_closed else "too much waits to be stored"))
            change.end()
        else:
            self._waiting.append(change)
            self._has_more.set()

    async def run(self) -> None:
        """Store what waits until `close`, and what waits then."""
        try:
            while self._waiting or not self._is_closed:
                if self._waiting:
                    await self.store(self._waiting.popleft())
                else:
                    await self._has_more.wait()
                    self._has_more = trio.Event()
        finally:
            self._is_closed = True
            self._refuse_all(JournalError("the journal is closed"))

    def close(self) -> None:
        """Let `run` end when everything that waits has been stored. Nothing more is taken."""
        self._is_closed = True
        self._has_more.set()

    def _refuse_all(self, error: JournalError) -> None:
        """Nothing that waits is stored."""
        while self._waiting:
            change = self._waiting.popleft()
            change.refused(error)
            change.end()

    async def store(self, change: AccountChange) -> None:
        """Store one change now. For `run`, and for what it calls."""
        try:
            with _guard:
                await self._store(change)
        finally:
            change.end()

    async def _store(self, change: AccountChange) -> None:
        lost = 0
        error = JournalError("the database does not answer")
        for _ in range(TRIES):
            self._tickets += 1
            one = _Try(change, self._tickets)
            try:
                await self._link.call(partial(self._in_thread, one))
            except psycopg.Error as refusal:
                error = JournalError(f"the database refuses it: {said(refusal)}")
                if refusal.sqlstate not in AGAIN:
                    break
                await trio.sleep(REST * random())  # noqa: S311 - so that two do not meet again
            except JournalError as away:
                error = away
                became = await self._became_of(one) if one.is_sent else False
                if became:
                    change.stored(one.result)
                    return
                if became is None:
                    error = InDoubt("the database went away while it was stored, and has not said what became of it")
                lost += 1
                if (
                    became is None or lost > 1
                ):  # else the connection may have been lost long before, and there is another
                    self._refuse_all(JournalError("the database went away before it was stored"))
                    break
            else:
                change.stored(one.result)
                return
        change.refused(error)

    async def _became_of(self, one: _Try) -> bool | None:
        """Whether it is stored. None: the engine does not say, for too long."""

        def ask(connection: Connection) -> bool:
            ((is_stored,),) = connection.execute(
                "SELECT is_account_change_stored(%s, %s)", [self._writer, one.ticket]
            ).fetchall()
            return bool(is_stored)

        with trio.move_on_after(DOUBT_SECONDS):
            while True:
                with suppress(JournalError, psycopg.Error):
                    return await self._link.call(ask)
                if self._is_closed:
                    break
                await trio.sleep(REST)
        return None

    # In a thread.

    def _in_thread(self, one: _Try, connection: Connection) -> None:
        change = one.change
        if change.is_question:
            one.result = change.change(PostgresqlTables(connection))
            return
        connection.execute("BEGIN")
        if not change.is_durable:
            connection.execute("SET LOCAL synchronous_commit = off")
        one.result = change.change(PostgresqlTables(connection, is_changing=True, person=change.person))
        if isinstance(one.result, Refusal):
            connection.execute("ROLLBACK")
            return
        news = change.news(one.result) if change.news is not None else News()
        told = [encode_change(what) for what in self._told(news)]
        lock = REVOCATION_LOCK if news.revoked or news.acted else None
        with connection.pipeline():  # once that is sent nobody waits for this node, whatever becomes of it
            one.is_sent = True
            connection.execute(
                "SELECT finish_account_change(%s, %s, %s, %s, %s)", [self._writer, one.ticket, lock, told, news.changed]
            )
            connection.execute("COMMIT")

    def _told(self, news: News) -> Iterator[Change]:
        if news.revoked:
            yield DevicesRevoked(self._node(), news.revoked, news.devices, news.why)
        if news.chooser and news.chosen:
            yield ChoicesMade(self._node(), news.chooser, news.chosen)
        if news.acted:
            yield ServerActed(self._node(), news.acted)
        if news.changed:  # the last: the rows that have changed have the number of this one
            yield AccountChanged(self._node(), news.changed)


_guard = Guard("something went wrong with accounts in the database")
