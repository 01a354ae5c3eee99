"""Accounts in memory: for tests, and for trying things out. What is kept goes with the process.

Asks the journal in memory for what stands in its lines; never knows how that keeps them.
"""

from collections.abc import Collection, Sequence
from typing import Protocol

from msgspec.structs import replace

from chat_server.accounts import (
    CODES_MAX,
    FAILURE_SECONDS,
    FAILURES_MAX,
    KEPT_NAMES_MAX,
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
    with_choices,
)
from chat_server.accounts.acts import ServerAct
from chat_server.accounts.ids import anonymous_names, new_id
from chat_server.accounts.kept_accounts import KeptAccounts
from chat_server.accounts.memory_acts import MemoryActs
from chat_server.accounts.memory_cases import MemoryCases
from chat_server.accounts.names_index import KeptName, NamesIndex, Refusal
from chat_server.accounts.naming import closed, kept_after, made, note_change, note_stored
from chat_server.accounts.networks import NETWORK_SECONDS
from chat_server.protocol.names import name_key


class Lines(Protocol):
    """What a journal in memory keeps, as far as it is somebody's."""

    def check_open(self) -> None:
        """Raise JournalError if nothing more can be stored."""

    def carry_over(self, sender: str, person: str, account: int) -> None:
        """The keys of a sender and the read positions of a person are an account's from now on."""

    def account_changed(self, account: int) -> None:
        """Have whoever else has this journal hear of an account."""

    def chosen(self, account: int, chosen: Choices) -> None:
        """Have them hear what somebody has chosen."""

    def revoked(self, account: int, devices: tuple[int, ...] | None, why: str) -> None:
        """Have them hear that these devices, or None: nothing that has until now, let anybody in any more."""

    def acts_of(self, room: str) -> list[ServerAct]:
        """What was done in a room by office: more can be put there."""
        ...

    def call_in_acts(self, account: int, nick: str) -> None:
        """Put this name into what was done in rooms."""

    def acted(self, act: ServerAct) -> None:
        """Have them hear what a moderator or an admin of the server has done."""

    def forget(self, account: int) -> None:
        """Forget the account's read positions."""

    def of(self, account: int, after: int, limit: int) -> OwnLines:
        """Some of its lines; see Accounts.lines_of."""
        ...

    def rewrite(self, account: int, nick: str, *, is_erased: bool) -> Rewritten:
        """Put them under another name, and overwrite their texts if they are to be erased."""
        ...


class MemoryAccounts:
    """See Accounts."""

    def __init__(self, kept: KeptAccounts, lines: Lines) -> None:
        self._kept = kept
        self._lines = lines
        self.names = NamesIndex()
        self.acts = MemoryActs(kept, lines)
        self.cases = MemoryCases(kept, self.acts, lines.check_open)
        known = ((one.id, one.name, one.key, one.skeleton) for one in kept.accounts.values())
        self.names.load(known, kept.names)

    async def catch_up(self) -> None:
        """Take in what other nodes have stored; see Accounts."""
        known = ((one.id, one.name, one.key, one.skeleton) for one in self._kept.accounts.values())
        note_stored(self.names, known, self._kept.names)

    # Accounts.

    async def register(self, new: Registration, at: float) -> Holder | Refusal:
        """Make an account; see Accounts."""
        self._lines.check_open()
        key = name_key(new.name)
        code = self._kept.codes.get(new.code) if new.code is not None else None
        if new.code is not None and (code is None or not code.may_register(key, at)):
            return Refusal("code")
        refusal = self.names.refusal(key, new.skeleton, 0, at)
        if refusal is not None:
            return refusal
        if new.device is not None and self._kept.device_of(new.device.digest) is not None:
            return Refusal("token")
        number = new_id(lambda account: account in self._kept.accounts or account in self._kept.ended)
        account = made(new, number, at, code)
        self._kept.accounts[number] = account
        self._kept.names = [name for name in self._kept.names if name.key != key]
        self.names.put(number, account.name, key, account.skeleton)
        if code is not None:
            self._kept.use(code)
        device = self._kept.add_device(number, new.device, at) if new.device is not None else None
        for digest in new.recovery:
            self._kept.codes[digest] = Code(digest, "recovery", at, None, number, made_by=number)
        self._lines.carry_over(new.sender, new.person, number)
        self._lines.account_changed(number)
        return Holder(account, device, code.rooms if code else ())

    async def account(self, account: int) -> Account | None:
        """The account with this id."""
        return self._kept.accounts.get(account)

    async def find(self, key: str) -> Account | None:
        """The account with this name's key."""
        return self._kept.accounts.get(self.names.holder(key))

    async def by_token(self, digest: bytes, at: float) -> Holder | None:
        """The account, and the device, with this token."""
        device = self._kept.device_of(digest)
        if device is None or (device.ends is not None and device.ends <= at):
            return None
        return Holder(self._kept.accounts[device.account], device)

    async def listed(self, after: str, limit: int) -> list[Account]:
        """The accounts whose names' keys come after this one."""
        found = sorted((one for one in self._kept.accounts.values() if one.key > after), key=lambda one: one.key)
        return found[:limit]

    async def has_owner(self) -> bool:
        """Whether an account that is not closed is an owner's."""
        return any(one.role == "owner" and one.state != "closed" for one in self._kept.accounts.values())

    async def rename(self, account: int, name: str, skeleton: str, at: float) -> Account | Refusal:
        """Give an account another name; see Accounts."""
        self._lines.check_open()
        old = self._kept.active(account)
        if old is None:
            return Refusal("gone")
        key = name_key(name)
        refusal = self.names.refusal(key, skeleton, account, at)
        if refusal is not None:
            return refusal
        new = self._kept.change(account, lambda one: replace(one, name=name, skeleton=skeleton))
        self._put_name(old, new, at)
        self._forget_names([name for name in self._kept.names if name.account == account][KEPT_NAMES_MAX:])
        self._lines.account_changed(account)
        return new

    async def change_password(self, account: int, password: str | None, keep: Collection[int]) -> None:
        """Store the hash of another password; see Accounts."""
        self._lines.check_open()
        if self._kept.active(account) is None:
            return
        self._kept.change(account, lambda one: replace(one, password=password))
        self._kept.drop_all(account, keep)
        self._lines.revoked(account, None, "password-changed")

    def rehash(self, account: int, old: str, new: str) -> None:
        """Have another hash of the same password stored; see Accounts."""
        known = self._kept.active(account)
        if known is not None and known.password == old:
            self._kept.change(account, lambda one: replace(one, password=new))

    async def add_choices(self, account: int, chosen: Choices) -> None:
        """Store what somebody has just chosen."""
        self._lines.check_open()
        if self._kept.active(account) is not None:
            self._kept.change(account, lambda one: replace(one, choices=with_choices(one.choices, chosen)))
            self._lines.chosen(account, chosen)

    def note_seen(self, account: int, device: int, network: str, at: float) -> None:
        """Note that an account was used; see Accounts."""
        if self._kept.active(account) is not None:
            self._kept.change(account, lambda one: replace(one, seen=at))
            if network:
                self._kept.note_network(account, network, at)
        found = self._kept.devices.get(device)
        if found is not None and found.account == account:
            self._kept.devices[device] = replace(found, seen=at, network=network)

    # Devices.

    async def devices(self, account: int) -> list[Device]:
        """The devices of an account."""
        return self._kept.devices_of(account)

    async def add_device(
        self, account: int, new: NewDevice, at: float, *, password: str | None = None
    ) -> Device | Refusal:
        """Add a device; see Accounts."""
        self._lines.check_open()
        return self._kept.device_refusal(account, new, password) or self._kept.add_device(account, new, at)

    async def drop_devices(
        self, account: int, devices: Collection[int], *, why: str = "dropped", is_all: bool = False
    ) -> list[int]:
        """Drop those of these devices that are the account's."""
        self._lines.check_open()
        dropped = [one.id for one in self._kept.devices_of(account) if one.id in devices]
        self._kept.drop(dropped)
        self._kept.drop_codes_for_devices(account)
        if dropped or is_all:
            self._lines.revoked(account, None if is_all else tuple(dropped), why)
        return dropped

    # Codes.

    async def make_codes(self, codes: Sequence[Code], *, is_instead: bool = False) -> Refusal | None:
        """Make codes; see Accounts."""
        self._lines.check_open()
        kept = dict(self._kept.codes)
        if is_instead:
            gone = {(code.account, code.purpose, code.name) for code in codes}
            kept = {
                digest: code for digest, code in kept.items() if (code.account, code.purpose, code.name) not in gone
            }
        for code in codes:
            beside = [other for other in kept.values() if other.is_good(code.made) and _is_beside(other, code)]
            if len(beside) >= CODES_MAX:
                return Refusal("codes")
            if code.digest in kept:
                return Refusal("code")
            if code.account and self._kept.active(code.account) is None:
                return Refusal("gone")
            kept[code.digest] = code
        self._kept.codes = kept
        return None

    async def code(self, digest: bytes, at: float) -> Code | None:
        """The code, if it may be used now."""
        code = self._kept.codes.get(digest)
        return code if code is not None and code.is_good(at) else None

    async def codes(self, account: int) -> list[Code]:
        """The codes that an account has made, or that are for it."""
        return [code for code in self._kept.codes.values() if _is_of(code, account)]

    async def use_code(self, digest: bytes, at: float, device: NewDevice | None = None) -> Holder | Refusal:
        """Use a code that lets an account in; see Accounts."""
        self._lines.check_open()
        code = self._kept.codes.get(digest)
        if code is None or not code.is_good(at) or not code.account:
            return Refusal("code")
        refusal = self._kept.device_refusal(code.account, device) if device is not None else None
        if refusal is not None:
            return refusal
        self._kept.use(code)
        if code.purpose == "owner":
            self._kept.change(code.account, lambda one: replace(one, role="owner"))
            self._lines.account_changed(code.account)
        added = self._kept.add_device(code.account, device, at) if device is not None else None
        return Holder(self._kept.accounts[code.account], added, code.rooms)

    # Failed tries.

    async def failures(self) -> list[Failure]:
        """What was noted last for each network and account."""
        return list(self._kept.failures.values())

    def note_failure(self, failure: Failure) -> None:
        """Note how many tries have failed by now; see Accounts."""
        failures, which = self._kept.failures, (failure.network, failure.account)
        failures.pop(which, None)
        if failure.count:
            failures[which] = failure
        if len(failures) > FAILURES_MAX:
            del failures[next(iter(failures))]

    # The end.

    async def begin_end(self, account: int, ending: Ending, closes_at: float) -> bool:
        """Have an account end later; see Accounts."""
        self._lines.check_open()
        known = self._kept.accounts.get(account)
        if known is None or known.state != "active":
            return False
        self._kept.change(account, lambda one: replace(one, state="closing", ending=ending, closes_at=closes_at))
        self._kept.drop_all(account)
        self._lines.revoked(account, None, "account-ends")
        return True

    async def take_back_end(self, account: int) -> bool:
        """Have it go on; see Accounts."""
        self._lines.check_open()
        known = self._kept.accounts.get(account)
        if known is None or known.state != "closing":
            return False
        self._kept.change(account, lambda one: replace(one, state="active", ending=None, closes_at=0.0))
        return True

    async def due(self, at: float) -> list[Account]:
        """The accounts whose time has come."""
        due = [one for one in self._kept.accounts.values() if one.state == "closing" and one.closes_at <= at]
        return sorted(due, key=lambda one: one.closes_at)

    async def end(self, account: int, ending: Ending, at: float, *, is_due: bool = False) -> Rewritten | None:
        """End an account now; see Accounts."""
        self._lines.check_open()
        old = self._kept.active(account)
        if old is None or (is_due and not old.is_due(at)):
            return None
        nick = old.name
        if ending != "close":
            nick = next(name for name in anonymous_names() if not self.names.holder(name))
        new = closed(old, nick, ending)
        self._kept.accounts[account] = new
        if nick != old.name:
            self._put_name(old, new, at)
        self._kept.drop(one.id for one in self._kept.devices_of(account))
        self._kept.codes = {digest: code for digest, code in self._kept.codes.items() if not _is_of(code, account)}
        self._kept.failures = {which: one for which, one in self._kept.failures.items() if one.account != account}
        self._kept.forget_networks(lambda one: one.account == account)
        self.cases.end(account, nick, ending)
        self._lines.forget(account)
        self._lines.revoked(account, None, "account-ended")
        self._lines.account_changed(account)
        if ending == "close":
            return Rewritten(nick)
        self.acts.call(account, nick)
        self._kept.ended[account] = Ended(account, nick, ending)
        return self._lines.rewrite(account, nick, is_erased=ending == "erase")

    async def lines_of(self, account: int, after: int, limit: int) -> OwnLines:
        """Some of an account's lines; see Accounts."""
        return self._lines.of(account, after, limit)

    async def forget_old(self, at: float) -> int:
        """Forget what has ended; see Accounts."""
        self._lines.check_open()
        kept = self._kept
        codes = [code.digest for code in kept.codes.values() if not code.is_good(at)]
        devices = [one.id for one in kept.devices.values() if one.ends is not None and one.ends <= at]
        names = [name for name in kept.names if name.until <= at]
        failures = [which for which, one in kept.failures.items() if one.at <= at - FAILURE_SECONDS]
        for digest in codes:
            del kept.codes[digest]
        self._kept.drop(devices)
        self._forget_names(names)
        for which in failures:
            del kept.failures[which]
        networks = kept.forget_networks(lambda one: one.at <= at - NETWORK_SECONDS)
        return len(codes) + len(devices) + len(names) + len(failures) + networks + self.cases.forget_old(at)

    # What they are made of.

    def _put_name(self, old: Account, new: Account, at: float) -> None:
        """Note the account's other name, and keep the old one from others."""
        kept = kept_after(old, new, at)
        others = [name for name in self._kept.names if name.key not in {new.key, kept.key if kept else None}]
        self._kept.names = [*others, kept] if kept else others
        note_change(self.names, old, new, at)

    def _forget_names(self, free: Sequence[KeptName]) -> None:
        """Keep these names no longer."""
        self._kept.names = [name for name in self._kept.names if name not in free]
        self.names.forget_kept(free)


def _is_beside(other: Code, code: Code) -> bool:
    """Whether the other one counts with it: operators have made both for the same account, or for nobody yet; or both are of who makes this one."""
    if not code.made_by:
        return (other.account, other.made_by) == (code.account, 0)
    return _is_of(other, code.made_by)


def _is_of(code: Code, account: int) -> bool:
    """Whether an account has made it, or it is for it; for 0, whether the operator has made it for nobody yet."""
    return account in (code.account, code.made_by) if account else not (code.account or code.made_by)
