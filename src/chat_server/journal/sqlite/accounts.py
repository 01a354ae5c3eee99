"""Accounts on disk, for the server: in the journal's file, written by its one thread, read by a connection of their own. See Accounts.

Reading waits for no commit. Bounds: one reading at a time; what is noted waits for a second at most, one value for each account, device and network.
"""

import sqlite3
import time
from collections.abc import Callable
from contextlib import suppress
from functools import partial
from typing import TypeVar

from chat_server.accounts import Account, Ended, Failure, Holder, OwnLines, Rewritten, sender_of
from chat_server.accounts.names_index import NamesIndex
from chat_server.guard import Guard
from chat_server.journal import JournalError
from chat_server.journal.account_changes import Tables
from chat_server.journal.account_notes import AccountNotes, Noted
from chat_server.journal.batch_codec import Stored
from chat_server.journal.showable import showable
from chat_server.journal.sqlite.account_tables import SqliteTables
from chat_server.journal.sqlite.committer import Committer, WriteJob
from chat_server.journal.sqlite.data_directory import DataDirectory
from chat_server.journal.sqlite.endings import Endings
from chat_server.journal.sqlite.readings import Readings
from chat_server.journal.sqlite.rewriting import batches_of, records_of
from chat_server.journal.sqlite.writer import Writer
from chat_server.journal.table_accounts import TableAccounts
from chat_server.journal.table_storage import News

T = TypeVar("T")


class SqliteStorage:
    """See table_accounts.Storage."""

    def __init__(self, folder: DataDirectory, committer: Committer, endings: Endings) -> None:
        self.names = NamesIndex()
        self.notes = AccountNotes()
        self._committer = committer
        self._endings = endings
        self.readings = Readings(folder.journal)

    async def read(self, question: Callable[[Tables], T]) -> T:
        """Ask the tables."""
        return await self.read_lines(lambda connection: question(SqliteTables(connection)))

    async def read_lines(self, question: Callable[[sqlite3.Connection], T]) -> T:
        """Ask the journal."""
        return await self.readings(lambda reader: reader.ask(question))

    async def store(
        self,
        change: Callable[[Tables], T],
        note: Callable[[T], object] | None = None,
        *,
        news: Callable[[T], News] | None = None,
        person: str = "",
    ) -> T:
        """Store a change, by one commit with what was noted; that waits again if it fails. Nobody else has the journal, so nobody hears of it."""
        del news, person
        noted = self.notes.take()
        try:
            return await self._committer.change(_with_notes(change, noted), note)
        except JournalError:
            self.notes.put_back(noted)
            raise

    def submit(self, change: Callable[[Tables], object]) -> None:
        """Have a change stored, for which nobody waits."""
        self._committer.submit(WriteJob(None, change=_with_notes(change, self.notes.take())))

    async def store_positions(self) -> None:
        """Have everybody's read positions stored before whatever is stored next."""
        self._endings.store_positions()

    async def rewrite(self, ended: Ended) -> Rewritten:
        """Have the lines of an account rewritten that has ended, and wait for it."""
        return await self._endings.carry_out(ended)


def _with_notes(change: Callable[[Tables], T], noted: Noted) -> Callable[[sqlite3.Connection], T]:
    """A change, and what was noted before it."""

    def made(connection: sqlite3.Connection) -> T:
        tables = SqliteTables(connection)
        tables.note_seen((*which, *where) for which, where in noted.seen.items())
        if noted.failures:
            tables.note_failures(noted.failures.values())
        return change(tables)

    return made


class SqliteAccounts(TableAccounts):
    """See Accounts."""

    def __init__(self, folder: DataDirectory, writer: Writer, committer: Committer, endings: Endings) -> None:
        """Read all names; blocks, for half a second where there are 100,000. Raises JournalError.

        Args:
            folder: where the journal is.
            writer: what writes it, before anything else does.
            committer: the thread that writes.
            endings: what rewrites the lines of accounts that have ended.

        """
        self._files = SqliteStorage(folder, committer, endings)
        super().__init__(self._files)
        writer.ask(lambda connection: SqliteTables(connection).load_names(self.names))
        writer.ask(lambda connection: self.acts.load(SqliteTables(connection), time.time()))

    async def keep_notes(self) -> None:
        """Store what was noted when nothing else has been stored for a while, for ever."""
        while True:
            await self._files.notes.wait()
            with Guard("cannot note when accounts were used"), suppress(JournalError):
                if self._files.notes:
                    await self._files.store(lambda _: None)

    def close(self) -> None:
        """Have what was noted stored, before the thread that writes has ended."""
        if self._files.notes:
            self._files.submit(lambda _: None)

    def close_files(self) -> None:
        """Let go of the file."""
        self._files.readings.close()

    async def catch_up(self) -> None:
        """Nobody else stores anything; see Accounts."""

    # Where nobody has an account, to ask whose something is costs nothing.

    async def account(self, account: int) -> Account | None:
        """The account with this id."""
        return await super().account(account) if len(self.names) else None

    async def find(self, key: str) -> Account | None:
        """The account with this name's key."""
        number = self.names.holder(key)
        return await super().account(number) if number else None

    async def by_token(self, digest: bytes, at: float) -> Holder | None:
        """The account, and the device, with this token."""
        return await super().by_token(digest, at) if len(self.names) else None

    async def has_owner(self) -> bool:
        """Whether an account that is not closed is an owner's."""
        return await super().has_owner() if len(self.names) else False

    # What is noted, and lines.

    def note_seen(self, account: int, device: int, network: str, at: float) -> None:
        """Note that an account was used; see Accounts."""
        self._files.notes.seen(account, device, network, at)

    def note_failure(self, failure: Failure) -> None:
        """Note how many tries have failed by now; see Accounts."""
        self._files.notes.failed(failure)

    async def lines_of(self, account: int, after: int, limit: int) -> OwnLines:
        """Some of an account's lines; see Accounts. Whole batches are given, so they may be more than `limit`."""
        found: list[Stored] = []
        more: int | None = after
        while more is not None:
            lines, more = await self._files.read_lines(partial(_lines_of, account, more, limit - len(found)))
            found += lines
            if len(found) >= limit:
                break
        return OwnLines(showable(found), more)


def _lines_of(account: int, after: int, limit: int, connection: sqlite3.Connection) -> tuple[list[Stored], int | None]:
    """Some of the account's lines, in the batches that are looked through at once."""
    asked = "SELECT room.id, name FROM party JOIN room ON room.id = party.room WHERE who = ?"
    theirs = dict(connection.execute(asked, (sender_of(account),)).fetchall())  # both sides of conversations
    names = {*theirs.values()}
    some = batches_of(connection, account, after, theirs.keys())
    found: list[Stored] = []
    for number in some.batches:
        for record in records_of(connection, [number]):
            found += [line for line in record.lines if line.author == account or line.room in names]
        if len(found) >= limit:
            return found, number
    return found, some.after
