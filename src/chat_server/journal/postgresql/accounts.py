"""Accounts in PostgreSQL, shared by all nodes. See Accounts: what is asked and changed is in table_accounts.py, how in account_storage.py.

Bounds: one question is asked at a time, and one change made. Never knows who asks, nor what other nodes do with what they hear.
"""

import time
from collections.abc import Awaitable, Callable
from functools import partial
from itertools import groupby

import trio

from chat_server.accounts import Failure, OwnLines, sender_of
from chat_server.journal.batch_codec import Stored
from chat_server.journal.postgresql.account_commits import FORGET_OLD, AccountCommits
from chat_server.journal.postgresql.account_storage import PostgresqlStorage
from chat_server.journal.postgresql.account_tables import PostgresqlTables
from chat_server.journal.postgresql.endings import Endings
from chat_server.journal.postgresql.link import Connection, Link
from chat_server.journal.postgresql.rewriting import lines_in, turns_of
from chat_server.journal.showable import showable
from chat_server.journal.table_accounts import TableAccounts

CLOCKS_APART = 3600.0
"""Seconds by which this machine's clock may be ahead of the database's: what is over by less is taken in too, and holds nobody."""


class PostgresqlAccounts(TableAccounts):
    """See Accounts. Nothing is stored unless `run` runs."""

    def __init__(
        self,
        connection: Connection,
        reading: Link,
        writing: Link,
        node: Callable[[], int],
        store_positions: Callable[[], Awaitable[None]],
    ) -> None:
        """Read all names; blocks, for half a second where there are 100,000. Raises psycopg.Error.

        Args:
            connection: by which they are read.
            reading: the connection for questions, closed at the end.
            writing: the connection for changes, and nothing else; closed at the end, too.
            node: the number of this node.
            store_positions: has all read positions stored that are noted.

        """
        self._links = (reading, writing)
        self._commits = AccountCommits(writing, node)
        self._endings = Endings(writing, node)
        self._stored = PostgresqlStorage(reading, self._commits, store_positions, self._endings.carry_out)
        super().__init__(self._stored)
        connection.execute(FORGET_OLD)
        self._stored.load_names(connection)
        self.acts.load(PostgresqlTables(connection), time.time() - CLOCKS_APART)

    async def run(self, task_status: trio.TaskStatus[None] = trio.TASK_STATUS_IGNORED) -> None:
        """Store what is changed until `close`, then what waits. Before it has started it rewrites what was left undone of the lines of accounts."""
        async with trio.open_nursery() as nursery:
            await self._endings.catch_up()
            nursery.start_soon(self._endings.run)
            nursery.start_soon(self._keep_notes)
            task_status.started()
            await self._commits.run()
            nursery.cancel_scope.cancel()
        for link in self._links:
            link.close()

    async def _keep_notes(self) -> None:
        """Have stored what was noted when nothing else has been stored for a while, for ever."""
        while True:
            await self._stored.notes.wait()
            self._stored.store_notes()

    def close(self) -> None:
        """Let `run` end when what waits is stored, what was noted too. What is changed from now on is refused."""
        self._stored.store_notes()
        self._commits.close()

    async def catch_up(self) -> None:
        """Take in what other nodes have stored; see Accounts. Raises JournalError: then it is to be asked for again."""
        await self._stored.catch_up()

    async def forget_old(self, at: float) -> int:
        """Forget some of what has ended; see Accounts. What other nodes have forgotten this one's index forgets, too."""
        self.names.forget_old(at)
        return await super().forget_old(at)

    # What is noted, and lines.

    def note_seen(self, account: int, device: int, network: str, at: float) -> None:
        """Note that an account was used; see Accounts."""
        self._stored.notes.seen(account, device, network, at)

    async def failures(self) -> list[Failure]:
        """What was noted for each network and account, at all nodes together."""
        found = await super().failures()
        self._stored.note_counted_before(found)
        return found

    def note_failure(self, failure: Failure) -> None:
        """Note how many tries have failed by now at this node; see Accounts."""
        self._stored.notes.failed(failure)

    async def lines_of(self, account: int, after: int, limit: int) -> OwnLines:
        """Some of an account's lines; see Accounts. Whole commits are given, so they may be more than `limit`."""
        found: list[Stored] = []
        more: int | None = after
        while more is not None:
            lines, more = await self._stored.ask(partial(_lines_of, account, more, limit - len(found)))
            found += lines
            if len(found) >= limit:
                break
        return OwnLines(showable(found), more)


def _lines_of(account: int, after: int, limit: int, connection: Connection) -> tuple[list[Stored], int | None]:
    """Some of the account's lines, in the turns that are looked through at once."""
    asked = "SELECT room.id, name FROM party JOIN room ON room.id = party.room WHERE who = %b"
    theirs: dict[int, str] = dict(
        connection.execute(asked, [sender_of(account)]).fetchall()
    )  # both sides of conversations
    names = {*theirs.values()}
    some = turns_of(connection, account, after, theirs.keys())
    found: list[Stored] = []
    for number, turns in groupby(lines_in(connection, some.turns), lambda turn: turn.place.position):
        for turn in turns:
            found += [line for line in turn.lines if line.author == account or line.room in names]
        if len(found) >= limit:
            return found, number
    return found, some.after
