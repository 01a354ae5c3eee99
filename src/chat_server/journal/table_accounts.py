"""Accounts that an engine keeps in tables: what each of their methods asks of these, what the index of names learns, and what other nodes hear of it.

How a question is asked, how a change is stored and what becomes of lines is the engine's. See Accounts.
"""

from collections.abc import Collection, Sequence

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
    Registration,
    Rewritten,
    sender_of,
    with_choices,
)
from chat_server.accounts.names_index import Refusal
from chat_server.accounts.naming import note_change
from chat_server.journal import account_changes as changes
from chat_server.journal.table_acts import TableActs
from chat_server.journal.table_cases import TableCases
from chat_server.journal.table_storage import News, Storage


class TableAccounts:
    """What Accounts promises, but for what is only noted, for lines, and for what other nodes do."""

    def __init__(self, storage: Storage) -> None:
        self.names = storage.names
        self.acts = TableActs(storage)
        self.cases = TableCases(storage, self.acts)
        self._storage = storage

    # Accounts.

    async def register(self, new: Registration, at: float) -> Holder | Refusal:
        """Make an account; see Accounts."""

        def note(made: Holder | Refusal) -> None:
            if isinstance(made, Holder):
                self.names.put(made.account.id, made.account.name, made.account.key, made.account.skeleton)

        if new.person:
            await self._storage.store_positions()
        return await self._storage.store(
            lambda tables: changes.register(tables, new, at),
            note,
            news=lambda made: News(made.account.id if isinstance(made, Holder) else 0),
            person=new.claimed_by,
        )

    async def account(self, account: int) -> Account | None:
        """The account with this id."""
        return await self._storage.read(lambda tables: tables.account(account))

    async def find(self, key: str) -> Account | None:
        """The account with this name's key."""
        return await self._storage.read(lambda tables: tables.called(key))

    async def by_token(self, digest: bytes, at: float) -> Holder | None:
        """The account, and the device, with this token."""
        return await self._storage.read(lambda tables: tables.holder(digest, at))

    async def listed(self, after: str, limit: int) -> list[Account]:
        """The accounts whose names' keys come after this one."""
        return await self._storage.read(lambda tables: tables.listed(after, limit))

    async def has_owner(self) -> bool:
        """Whether an account that is not closed is an owner's."""
        return await self._storage.read(lambda tables: tables.has_owner())

    async def rename(self, account: int, name: str, skeleton: str, at: float) -> Account | Refusal:
        """Give an account another name; see Accounts."""

        def note(renamed: changes.Renamed | Refusal) -> None:
            if isinstance(renamed, changes.Renamed):
                note_change(self.names, renamed.old, renamed.new, at)
                self.names.forget_kept(renamed.free)

        renamed = await self._storage.store(
            lambda tables: changes.rename(tables, account, name, skeleton, at),
            note,
            news=lambda renamed: News(account if isinstance(renamed, changes.Renamed) else 0),
            person=sender_of(account),
        )
        return renamed if isinstance(renamed, Refusal) else renamed.new

    async def change_password(self, account: int, password: str | None, keep: Collection[int]) -> None:
        """Store the hash of another password; see Accounts."""
        await self._storage.store(
            lambda tables: changes.change_password(tables, account, password, keep),
            news=lambda is_changed: News(revoked=account * is_changed, why="password-changed"),
        )

    def rehash(self, account: int, old: str, new: str) -> None:
        """Have another hash of the same password stored; see Accounts."""
        self._storage.submit(lambda tables: changes.rehash(tables, account, old, new))

    async def add_choices(self, account: int, chosen: Choices) -> None:
        """Store what somebody has just chosen; see Accounts."""

        def add(old: Account) -> Account:
            return replace(old, choices=with_choices(old.choices, chosen))

        await self._storage.store(
            lambda tables: changes.change(tables, account, add),
            news=lambda is_changed: News(chooser=account * is_changed, chosen=chosen),
        )

    # Devices.

    async def devices(self, account: int) -> list[Device]:
        """The devices of an account."""
        return await self._storage.read(lambda tables: tables.devices_of(account))

    async def add_device(
        self, account: int, new: NewDevice, at: float, *, password: str | None = None
    ) -> Device | Refusal:
        """Add a device; see Accounts."""
        return await self._storage.store(lambda tables: changes.add_device(tables, account, new, at, password))

    async def drop_devices(
        self, account: int, devices: Collection[int], *, why: str = "dropped", is_all: bool = False
    ) -> list[int]:
        """Drop those of these devices that are the account's; see Accounts."""

        def news(dropped: list[int]) -> News:
            return News(
                revoked=account if dropped or is_all else 0, devices=None if is_all else tuple(dropped), why=why
            )

        return await self._storage.store(lambda tables: changes.drop_devices(tables, account, devices), news=news)

    # Codes.

    async def make_codes(self, codes: Sequence[Code], *, is_instead: bool = False) -> Refusal | None:
        """Make codes; see Accounts."""
        return await self._storage.store(lambda tables: changes.make_codes(tables, codes, is_instead=is_instead))

    async def code(self, digest: bytes, at: float) -> Code | None:
        """The code, if it may be used now."""
        return await self._storage.read(lambda tables: tables.code(digest, at))

    async def codes(self, account: int) -> list[Code]:
        """The codes that an account has made, or that are for it."""
        return await self._storage.read(lambda tables: tables.codes_of(account))

    async def use_code(self, digest: bytes, at: float, device: NewDevice | None = None) -> Holder | Refusal:
        """Use a code that lets an account in; see Accounts."""

        def news(used: Holder | Refusal) -> News:
            return News(used.account.id if isinstance(used, Holder) and used.account.role == "owner" else 0)

        return await self._storage.store(lambda tables: changes.use_code(tables, digest, at, device), news=news)

    # Failed tries.

    async def failures(self) -> list[Failure]:
        """What was noted last for each network and account."""
        return await self._storage.read(lambda tables: tables.failures())

    # The end.

    async def begin_end(self, account: int, ending: Ending, closes_at: float) -> bool:
        """Have an account end later; see Accounts."""
        return await self._storage.store(
            lambda tables: changes.begin_end(tables, account, ending, closes_at),
            news=lambda is_begun: News(revoked=account * is_begun, why="account-ends"),
        )

    async def take_back_end(self, account: int) -> bool:
        """Have it go on; see Accounts."""
        return await self._storage.store(lambda tables: changes.take_back_end(tables, account))

    async def due(self, at: float) -> list[Account]:
        """The accounts whose time has come."""
        return await self._storage.read(lambda tables: tables.due(at))

    async def end(self, account: int, ending: Ending, at: float, *, is_due: bool = False) -> Rewritten | None:
        """End an account now; see Accounts."""

        def note(ended: tuple[Account, Account] | None) -> None:
            if ended is not None:
                note_change(self.names, *ended, at)

        def news(ended: tuple[Account, Account] | None) -> News:
            return News() if ended is None else News(account, account, None, "account-ended")

        await self._storage.store_positions()
        ended = await self._storage.store(
            lambda tables: changes.end(tables, account, ending, at, is_due=is_due), note, news=news
        )
        if ended is None:
            return None
        nick = ended[1].name
        return Rewritten(nick) if ending == "close" else await self._storage.rewrite(Ended(account, nick, ending))

    async def forget_old(self, at: float) -> int:
        """Forget some of what has ended; see Accounts."""
        forgotten, _ = await self._storage.store(
            lambda tables: changes.forget_old(tables, at), lambda done: self.names.forget_kept(done[1])
        )
        return forgotten
