"""Accounts on disk, for the server: in the journal's file, written by its one thread, read by a connection of their own. See Accounts.

Reading waits for no commit. Bounds: one reading at a time; what is noted waits for a second at most, one value for each account, device and network.
"""

import sqlite3
from collections.abc import Callable, Collection, Sequence
from contextlib import suppress
from functools import partial
from typing import TypeVar

import trio
from msgspec.structs import replace

from chat_server.accounts import (
    Account,
    Choices,
    Code,
    Device,
    Ended,
    Ending,
    Failure,
    Holder,
    NewDevice,
    OwnLines,
    Registration,
    Rewritten,
    Role,
)
from chat_server.accounts.names_index import NamesIndex, Refusal
from chat_server.accounts.naming import note_change
from chat_server.guard import Guard
from chat_server.journal import JournalError
from chat_server.journal import account_changes as changes
from chat_server.journal.batch_codec import Stored
from chat_server.journal.showable import showable
from chat_server.journal.sqlite.account_tables import SqliteTables
from chat_server.journal.sqlite.committer import Committer, WriteJob
from chat_server.journal.sqlite.data_directory import DataDirectory
from chat_server.journal.sqlite.endings import Endings
from chat_server.journal.sqlite.reader import Reader
from chat_server.journal.sqlite.rewriting import batches_of, records_of
from chat_server.journal.sqlite.writer import Writer

NOTES_DELAY = 1.0
"""Seconds after which what was noted is stored if nothing else is."""

T = TypeVar("T")


class SqliteAccounts:
    """See Accounts."""

    def __init__(self, folder: DataDirectory, writer: Writer, committer: Committer, endings: Endings) -> None:
        """Read all names; blocks, for half a second where there are 100,000. Raises JournalError.

        Args:
            folder: where the journal is.
            writer: what writes it, before anything else does.
            committer: the thread that writes.
            endings: what rewrites the lines of accounts that have ended.

        """
        self._folder = folder
        self._committer = committer
        self._endings = endings
        self._reader: Reader | None = None
        self._reading = trio.CapacityLimiter(1)
        self._seen: dict[tuple[int, int], tuple[str, float]] = {}
        self._failures: dict[tuple[str, int], Failure] = {}
        self._has_notes = trio.Event()
        self.names = NamesIndex()
        writer.ask(lambda connection: SqliteTables(connection).load_names(self.names))

    async def keep_notes(self) -> None:
        """Store what was noted when nothing else has been stored for a while, for ever."""
        while True:
            await self._has_notes.wait()
            self._has_notes = trio.Event()
            await trio.sleep(NOTES_DELAY)
            with Guard("cannot note when accounts were used"), suppress(JournalError):
                if self._seen or self._failures:
                    await self._store(lambda _: None)

    def close(self) -> None:
        """Have what was noted stored, before the thread that writes has ended."""
        if self._seen or self._failures:
            self._submit(lambda _: None)

    def close_files(self) -> None:
        """Let go of the file."""
        if self._reader is not None:
            self._reader.close()

    async def _read(self, question: Callable[[SqliteTables], T]) -> T:
        return await self._read_lines(lambda connection: question(SqliteTables(connection)))

    async def _read_lines(self, question: Callable[[sqlite3.Connection], T]) -> T:
        def read() -> T:
            reader, self._reader = self._reader or Reader(self._folder.journal), None
            is_done = False
            try:
                found = reader.ask(question)
                self._reader, is_done = reader, True
            finally:
                if not is_done:
                    reader.close()  # whatever was wrong with it, the next one starts over
            return found

        return await trio.to_thread.run_sync(read, limiter=self._reading)

    async def _store(self, change: Callable[[SqliteTables], T], note: Callable[[T], object] | None = None) -> T:
        """Store a change, by one commit with what was noted; `note` is called with what came of it before anybody goes on."""
        return await self._committer.call(self._work(change), note)

    def _submit(self, change: Callable[[SqliteTables], object]) -> None:
        """Have a change stored, for which nobody waits."""
        self._committer.submit(WriteJob(None, None, self._work(change)))

    def _work(self, change: Callable[[SqliteTables], T]) -> Callable[[Writer], T]:
        seen, self._seen = self._seen, {}
        failures, self._failures = self._failures, {}

        def with_notes(connection: sqlite3.Connection) -> T:
            tables = SqliteTables(connection)
            tables.note_seen((*which, *where) for which, where in seen.items())
            if failures:
                tables.note_failures(failures.values())
            return change(tables)

        return lambda writer: writer.change(with_notes)

    # Accounts.

    async def register(self, new: Registration, at: float) -> Holder | Refusal:
        """Make an account; see Accounts."""
        self._endings.store_positions()
        return await self._store(lambda tables: changes.register(tables, new, at), self._note_new)

    def _note_new(self, made: Holder | Refusal) -> None:
        if isinstance(made, Holder):
            self.names.put(made.account.id, made.account.name, made.account.key, made.account.skeleton)

    async def account(self, account: int) -> Account | None:
        """The account with this id."""
        return await self._read(lambda tables: tables.account(account)) if len(self.names) else None

    async def find(self, key: str) -> Account | None:
        """The account with this name's key."""
        number = self.names.holder(key)
        return await self._read(lambda tables: tables.account(number)) if number else None

    async def by_token(self, digest: bytes, at: float) -> Holder | None:
        """The account, and the device, with this token. Where nobody has an account, it costs nothing."""
        return await self._read(lambda tables: tables.holder(digest, at)) if len(self.names) else None

    async def listed(self, after: str, limit: int) -> list[Account]:
        """The accounts whose names' keys come after this one."""
        return await self._read(lambda tables: [*tables.accounts("key > ? ORDER BY key LIMIT ?", after, limit)])

    async def has_owner(self) -> bool:
        """Whether an account that is not closed is an owner's. Looks at all accounts, where there are any."""
        if not len(self.names):
            return False
        return await self._read(lambda tables: any(tables.accounts("role = 'owner' AND state != 'closed' LIMIT 1")))

    async def rename(self, account: int, name: str, skeleton: str, at: float) -> Account | Refusal:
        """Give an account another name; see Accounts."""

        def note(renamed: changes.Renamed | Refusal) -> None:
            if isinstance(renamed, changes.Renamed):
                note_change(self.names, renamed.old, renamed.new, at)
                self.names.forget_kept(renamed.free)

        renamed = await self._store(lambda tables: changes.rename(tables, account, name, skeleton, at), note)
        return renamed if isinstance(renamed, Refusal) else renamed.new

    async def change_password(self, account: int, password: str | None, keep: Collection[int]) -> None:
        """Store the hash of another password; see Accounts."""
        await self._store(lambda tables: changes.change_password(tables, account, password, keep))

    def rehash(self, account: int, old: str, new: str) -> None:
        """Have another hash of the same password stored; see Accounts."""
        self._submit(lambda tables: changes.rehash(tables, account, old, new))

    async def change_role(self, account: int, role: Role) -> None:
        """Make somebody another role's."""
        await self._store(lambda tables: changes.change(tables, account, lambda old: replace(old, role=role)))

    async def save_choices(self, account: int, choices: Choices) -> None:
        """Store what somebody has chosen."""
        await self._store(lambda tables: changes.change(tables, account, lambda old: replace(old, choices=choices)))

    def note_seen(self, account: int, device: int, network: str, at: float) -> None:
        """Note that an account was used; see Accounts."""
        self._seen[account, device] = network, at
        self._has_notes.set()

    # Devices.

    async def devices(self, account: int) -> list[Device]:
        """The devices of an account."""
        return await self._read(lambda tables: tables.devices_of(account))

    async def add_device(self, account: int, new: NewDevice, at: float) -> Device | Refusal:
        """Add a device; see Accounts."""
        return await self._store(lambda tables: changes.add_device(tables, account, new, at))

    async def drop_devices(self, account: int, devices: Collection[int]) -> list[int]:
        """Drop those of these devices that are the account's."""
        return await self._store(lambda tables: changes.drop_devices(tables, account, devices))

    # Codes.

    async def make_codes(self, codes: Sequence[Code], *, is_instead: bool = False) -> Refusal | None:
        """Make codes; see Accounts."""
        return await self._store(lambda tables: changes.make_codes(tables, codes, is_instead=is_instead))

    async def code(self, digest: bytes, at: float) -> Code | None:
        """The code, if it may be used now."""
        return await self._read(lambda tables: tables.code(digest, at))

    async def codes(self, account: int) -> list[Code]:
        """The codes that an account has made, or that are for it."""
        whose = "account = ?1 OR made_by = ?1" if account else "account = ?1 AND made_by = ?1"
        return await self._read(lambda tables: [*tables.codes(whose, account)])

    async def use_code(self, digest: bytes, at: float, device: NewDevice | None = None) -> Holder | Refusal:
        """Use a code that lets an account in; see Accounts."""
        return await self._store(lambda tables: changes.use_code(tables, digest, at, device))

    # Failed tries.

    async def failures(self) -> list[Failure]:
        """What was noted last for each network and account."""
        return await self._read(SqliteTables.failures)

    def note_failure(self, failure: Failure) -> None:
        """Note how many tries have failed by now; see Accounts."""
        self._failures[failure.network, failure.account] = failure
        self._has_notes.set()

    # The end.

    async def begin_end(self, account: int, ending: Ending, closes_at: float) -> bool:
        """Have an account end later; see Accounts."""
        return await self._store(lambda tables: changes.begin_end(tables, account, ending, closes_at))

    async def take_back_end(self, account: int) -> bool:
        """Have it go on; see Accounts."""
        return await self._store(lambda tables: changes.take_back_end(tables, account))

    async def due(self, at: float) -> list[Account]:
        """The accounts whose time has come."""
        return await self._read(
            lambda tables: [*tables.accounts("state = 'closing' AND closes_at <= ? ORDER BY closes_at", at)]
        )

    async def end(self, account: int, ending: Ending, at: float, *, is_due: bool = False) -> Rewritten | None:
        """End an account now; see Accounts."""

        def note(ended: tuple[Account, Account] | None) -> None:
            if ended is not None:
                note_change(self.names, *ended, at)

        ended = await self._store(lambda tables: changes.end(tables, account, ending, at, is_due=is_due), note)
        if ended is None:
            return None
        nick = ended[1].name
        return Rewritten(nick) if ending == "close" else await self._endings.carry_out(Ended(account, nick, ending))

    async def lines_of(self, account: int, after: int, limit: int) -> OwnLines:
        """Some of an account's lines; see Accounts. Whole batches are given, so they may be more than `limit`."""
        found: list[Stored] = []
        more: int | None = after
        while more is not None:
            lines, more = await self._read_lines(partial(_lines_of, account, more, limit - len(found)))
            found += lines
            if len(found) >= limit:
                break
        return OwnLines(showable(found), more)

    async def forget_old(self, at: float) -> int:
        """Forget some of what has ended; see Accounts."""
        forgotten, _ = await self._store(
            lambda tables: changes.forget_old(tables, at), lambda done: self.names.forget_kept(done[1])
        )
        return forgotten


def _lines_of(account: int, after: int, limit: int, connection: sqlite3.Connection) -> tuple[list[Stored], int | None]:
    """Some of the account's lines, in the batches that are looked through at once."""
    some = batches_of(connection, account, after)
    found: list[Stored] = []
    for number in some.batches:
        for record in records_of(connection, [number]):
            found += [line for line in record.lines if line.author == account]
        if len(found) >= limit:
            return found, number
    return found, some.after
