"""How accounts are read and changed in PostgreSQL: reading by one connection, each change a transaction by another. See table_accounts.Storage.

What is noted is stored before the next change, or soon. Failed tries are counted over all nodes: what is stored is by how many more they are at this
one. Bounds: one question is asked at a time; see account_commits.py. Never knows what is asked or changed.
"""

from collections.abc import Awaitable, Callable, Iterable
from typing import TypeVar

import psycopg

from chat_server.accounts import FAILURES_MAX, Ended, Failure, Rewritten
from chat_server.accounts.names_index import NamesIndex
from chat_server.accounts.naming import note_stored
from chat_server.journal import JournalError
from chat_server.journal.account_changes import Tables
from chat_server.journal.account_notes import AccountNotes
from chat_server.journal.postgresql.account_commits import AccountChange, AccountCommits
from chat_server.journal.postgresql.account_noted import note_failures, note_seen
from chat_server.journal.postgresql.account_tables import PostgresqlTables
from chat_server.journal.postgresql.link import Connection, Link, said
from chat_server.journal.postgresql.stored_names import NamesStored, load_names, names_after
from chat_server.journal.table_storage import News

T = TypeVar("T")


class PostgresqlStorage:
    """See table_accounts.Storage."""

    def __init__(
        self,
        reading: Link,
        commits: AccountCommits,
        store_positions: Callable[[], Awaitable[None]],
        rewrite: Callable[[Ended], Awaitable[Rewritten]],
    ) -> None:
        """Read by this connection, and change by these commits. The other two are what Storage says of them."""
        self.names = NamesIndex()
        self.notes = AccountNotes()
        self._reading = reading
        self._commits = commits
        self._store_positions = store_positions
        self._rewrite = rewrite
        self._change = 0
        """The number of the newest change of which the index of names knows all that was stored before."""
        self._counted: dict[tuple[str, int], int] = {}

    # The index of names.

    def load_names(self, connection: Connection) -> None:
        """Take in all names. Blocks. Raises psycopg.Error."""
        self._change = load_names(connection, self.names)

    async def catch_up(self) -> None:
        """Take in what other nodes have stored. Whatever this one stores is noted before, or after. Raises JournalError."""
        asked = AccountChange(
            lambda tables: names_after(tables.connection, self._change), self._note_names, is_question=True
        )
        self._commits.put(asked)
        await asked.wait()

    def _note_names(self, stored: NamesStored) -> None:
        note_stored(self.names, stored.names, stored.kept)
        self._change = stored.change

    # Reading.

    async def read(self, question: Callable[[Tables], T]) -> T:
        """Ask the tables."""
        return await self.ask(lambda connection: question(PostgresqlTables(connection)))

    async def ask(self, question: Callable[[Connection], T]) -> T:
        """Ask the journal. Raises JournalError."""
        try:
            return await self._reading.call(question, may_repeat=True)
        except psycopg.Error as error:
            raise JournalError(f"the database cannot be read: {said(error)}") from error

    # Changing.

    async def store(
        self,
        change: Callable[[Tables], T],
        note: Callable[[T], object] | None = None,
        *,
        news: Callable[[T], News] | None = None,
        person: str = "",
    ) -> T:
        """Store a change, after what was noted before. It is stored whether anybody waits or not."""
        self.store_notes()
        stored = AccountChange(change, note, news, person)
        self._commits.put(stored)
        done: T = await stored.wait()
        return done

    def submit(self, change: Callable[[Tables], object]) -> None:
        """Have a change stored, for which nobody waits."""
        self.store_notes()
        self._commits.put(AccountChange(change))

    async def store_positions(self) -> None:
        """Have everybody's read positions stored that are noted."""
        await self._store_positions()

    async def rewrite(self, ended: Ended) -> Rewritten:
        """Have the lines of an account rewritten that has ended, and wait for it."""
        return await self._rewrite(ended)

    # What is noted.

    def store_notes(self) -> None:
        """Have stored what was noted, on no disk in particular. What cannot be stored waits for the next time."""
        if not self.notes:
            return
        noted = self.notes.take()
        seen = [(*which, *where) for which, where in noted.seen.items()]

        def store(tables: PostgresqlTables) -> None:
            if seen:
                note_seen(tables.connection, seen)
            if noted.failures:
                note_failures(tables.connection, [self._more(one) for one in noted.failures.values()])

        self._commits.put(
            AccountChange(
                store,
                lambda _: self._note_counted(noted.failures.values()),
                is_durable=False,
                give_back=lambda: self.notes.put_back(noted),
            )
        )

    def _more(self, failure: Failure) -> tuple[str, int, int | None, float]:
        """By how much more it is than what is stored of this node's."""
        network, account, count, at = failure.network, failure.account, failure.count, failure.at
        return network, account, count - self._counted.get((network, account), 0) if count else None, at

    def _note_counted(self, failures: Iterable[Failure]) -> None:
        for one in failures:
            self._counted.pop((one.network, one.account), None)
            if one.count:
                self._counted[one.network, one.account] = one.count
        while len(self._counted) > FAILURES_MAX:
            del self._counted[next(iter(self._counted))]

    def note_counted_before(self, failures: Iterable[Failure]) -> None:
        """So many had failed when this node began, at whatever node: those that it counts are on top of these."""
        known = self._counted
        self._counted = {}
        self._note_counted(failures)
        self._counted |= known
