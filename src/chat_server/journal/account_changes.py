"""What is done with accounts, whichever engine keeps them: each function is a transaction of it, or part of one.

What it refuses by a value has changed nothing. Never knows SQL, nor who asks.
"""

from collections.abc import Callable, Collection, Iterable, Sequence
from typing import NamedTuple, Protocol

from msgspec.structs import replace

from chat_server.accounts import (
    CODES_MAX,
    DEVICES_MAX,
    FAILURE_SECONDS,
    Account,
    Code,
    Device,
    Ended,
    Ending,
    Failure,
    Holder,
    NewDevice,
    Registration,
    State,
)
from chat_server.accounts.ids import anonymous_names, new_id
from chat_server.accounts.names_index import KeptName, Refusal
from chat_server.accounts.naming import closed, kept_after, made
from chat_server.accounts.networks import NETWORK_SECONDS
from chat_server.journal import case_rows
from chat_server.journal.act_changes import ActTables
from chat_server.journal.case_rows import CaseRows
from chat_server.protocol.names import name_key

FORGOTTEN_MAX = 500
"""Rows of a kind that are forgotten at once."""


class Tables(Protocol):
    """The tables of accounts within one transaction. What is found here stays so until that ends, whoever else wants to change it.

    Those of an engine that only reads promise nothing of the kind.
    """

    @property
    def acts(self) -> ActTables:
        """Those of the acts of the server's moderators."""
        ...

    @property
    def cases(self) -> CaseRows:
        """What waits for moderators."""
        ...

    # Accounts and their names.

    def account(self, number: int) -> Account | None:
        """The account with this id."""

    def called(self, key: str) -> Account | None:
        """The account whose name has this key."""

    def listed(self, after: str, limit: int) -> list[Account]:
        """The accounts whose names' keys come after this one, in their order; at most so many."""
        ...

    def due(self, at: float) -> list[Account]:
        """The accounts whose time has come, in that order."""
        ...

    def has_owner(self) -> bool:
        """Whether an account that is not closed is an owner's."""
        ...

    def living(self, number: int) -> Account | None:
        """The account with this id, unless it is closed."""

    def put_account(self, new: Account) -> None:
        """Store an account as it is now."""

    def is_used(self, number: int) -> bool:
        """Whether this is the id of an account, or was."""
        ...

    def is_called(self, name: str) -> bool:
        """Whether an account has this name, or one that looks like it; the name is its own key and skeleton."""
        ...

    def name_refusal(self, key: str, skeleton: str, number: int, at: float) -> Refusal | None:
        """Why an account (0: a new one) cannot have a name; see NamesIndex.refusal."""

    def keep_name(self, new: Account, kept: KeptName | None) -> None:
        """Note that an account has its name, and another one is kept from others."""

    def free_names(self, number: int) -> list[KeptName]:
        """Keep no more names for an account than may be; return those that are free now."""
        ...

    def carry_over(self, sender: str, person: str, account: int) -> None:
        """The newest keys of a sender, and the read positions of a person, are an account's ("": nobody's are)."""

    # Devices.

    def devices_of(self, number: int) -> list[Device]:
        """The devices of an account."""
        ...

    def holder(self, digest: bytes, at: float) -> Holder | None:
        """Whose token this is the digest of, and by which device; None too if that has ended."""

    def has_token(self, digest: bytes) -> bool:
        """Whether a device has the token with this digest."""
        ...

    def add_device(self, number: int, new: NewDevice, at: float) -> Device:
        """Store a device."""
        ...

    def drop_devices(self, dropped: Collection[int]) -> None:
        """Forget devices."""

    # Codes.

    def code(self, digest: bytes, at: float) -> Code | None:
        """The code with this digest, if it may be used now."""

    def codes_of(self, number: int) -> list[Code]:
        """The codes that an account has made, or that are for it; for 0, those of operators for nobody yet."""
        ...

    def has_code(self, digest: bytes) -> bool:
        """Whether there is a code with this digest."""
        ...

    def codes_beside(self, code: Code) -> int:
        """How many codes count with this one: operators have made them for the same account, or for nobody yet; or they are of who makes it."""
        ...

    def add_code(self, new: Code) -> None:
        """Store a code."""

    def use_up(self, used: Code) -> None:
        """Let a code be used once less; one that cannot be used again is forgotten."""

    def drop_codes_for_devices(self, number: int) -> None:
        """Forget the codes that let an account in at one more device."""

    def drop_codes_like(self, code: Code) -> None:
        """Forget those for the same purpose, and the same account or name."""

    def make_codes_alone(self, codes: Sequence[Code]) -> None:
        """Let nobody else make codes until this is stored, nor end the accounts that these are for."""

    def unless_refused(self, change: Callable[[], Refusal | None]) -> Refusal | None:
        """Do something; if it is refused, nothing of it is done."""

    # Failed tries, and the end.

    def failures(self) -> list[Failure]:
        """Failed tries, those that have been quiet longest first."""
        ...

    def forget_all_of(self, number: int) -> None:
        """Forget an account's devices, the codes that it has made or that are for it, where it came from, its failed tries and its read positions."""

    def put_ended(self, ended: Ended) -> None:
        """Note that an account's lines are to be rewritten."""

    def drop_old_codes(self, at: float, limit: int) -> int:
        """Forget some codes that have ended; return how many."""
        ...

    def old_devices(self, at: float, limit: int) -> list[int]:
        """Some devices that have ended."""
        ...

    def old_names(self, at: float, limit: int) -> list[KeptName]:
        """Some names that need not be kept."""
        ...

    def forget_names(self, free: Iterable[KeptName]) -> None:
        """Keep these names no longer."""

    def drop_old_failures(self, at: float) -> int:
        """Forget failed tries of this time or before; return how many."""
        ...


def register(tables: Tables, new: Registration, at: float) -> Holder | Refusal:
    """Make an account; see Accounts."""
    key = name_key(new.name)
    code = tables.code(new.code, at) if new.code is not None else None
    if new.code is not None and (code is None or not code.may_register(key, at)):
        return Refusal("code")
    refusal = tables.name_refusal(key, new.skeleton, 0, at)
    if refusal is None and new.device is not None:
        refusal = _token_refusal(tables, new.device)
    if refusal is not None:
        return refusal
    account = made(new, new_id(tables.is_used), at, code)
    tables.put_account(account)
    tables.keep_name(account, None)
    if code is not None:
        tables.use_up(code)
    device = tables.add_device(account.id, new.device, at) if new.device is not None else None
    for digest in new.recovery:
        tables.add_code(Code(digest, "recovery", at, None, account.id, made_by=account.id))
    tables.carry_over(new.sender, new.person, account.id)
    return Holder(account, device, code.rooms if code else ())


class Renamed(NamedTuple):
    """What an account was, and what it is; and the names that are kept for it no longer."""

    old: Account
    new: Account
    free: list[KeptName]


def rename(tables: Tables, account: int, name: str, skeleton: str, at: float) -> Renamed | Refusal:
    """Give an account another name; see Accounts."""
    old = tables.living(account)
    if old is None:
        return Refusal("gone")
    refusal = tables.name_refusal(name_key(name), skeleton, account, at)
    if refusal is not None:
        return refusal
    new = replace(old, name=name, skeleton=skeleton)
    tables.put_account(new)
    tables.keep_name(new, kept_after(old, new, at))
    return Renamed(old, new, tables.free_names(account))


def change(tables: Tables, account: int, changed: Callable[[Account], Account], state: State | None = None) -> bool:
    """Let an account that is in a state (None: any but closed) be another value; return whether it was."""
    old = tables.living(account)
    if old is None or old.state != (state or old.state):
        return False
    tables.put_account(changed(old))
    return True


def change_password(tables: Tables, account: int, password: str | None, keep: Collection[int]) -> bool:
    """Store the hash of another password; see Accounts. Returns whether there is such an account."""
    is_changed = change(tables, account, lambda old: replace(old, password=password))
    if is_changed:
        _drop_devices(tables, account, lambda device: device.id not in keep)
    return is_changed


def rehash(tables: Tables, account: int, old: str, new: str) -> None:
    """Store another hash of the same password; see Accounts."""
    change(tables, account, lambda one: replace(one, password=new) if one.password == old else one)


def add_device(
    tables: Tables, account: int, new: NewDevice, at: float, password: str | None = None
) -> Device | Refusal:
    """Add a device; see Accounts."""
    return _device_refusal(tables, account, new, password) or tables.add_device(account, new, at)


def _device_refusal(tables: Tables, account: int, new: NewDevice, password: str | None = None) -> Refusal | None:
    """Why an account cannot have this device, by this hash of its password if one is given."""
    known = tables.living(account)
    if known is None:
        return Refusal("gone")
    if password not in {None, known.password}:
        return Refusal("changed")
    if len(tables.devices_of(account)) >= DEVICES_MAX:
        return Refusal("devices")
    return _token_refusal(tables, new)


def _token_refusal(tables: Tables, new: NewDevice) -> Refusal | None:
    """Whether another device has its token."""
    return Refusal("token") if tables.has_token(new.digest) else None


def drop_devices(tables: Tables, account: int, devices: Collection[int]) -> list[int]:
    """Drop devices of an account's; see Accounts."""
    return _drop_devices(tables, account, lambda device: device.id in devices)


def _drop_devices(tables: Tables, account: int, is_dropped: Callable[[Device], bool] = lambda _: True) -> list[int]:
    """Forget devices, and the codes that let the account in at one more: one that is dropped may have made them."""
    dropped = [device.id for device in tables.devices_of(account) if is_dropped(device)]
    tables.drop_devices(dropped)
    tables.drop_codes_for_devices(account)
    return dropped


def make_codes(tables: Tables, codes: Sequence[Code], *, is_instead: bool) -> Refusal | None:
    """Make codes, all or none; see Accounts. What else the transaction stores is stored, whether they are made or not."""
    tables.make_codes_alone(codes)
    return tables.unless_refused(lambda: _make_codes(tables, codes, is_instead=is_instead))


def _make_codes(tables: Tables, codes: Sequence[Code], *, is_instead: bool) -> Refusal | None:
    """The same; if they are refused, some may have been made."""
    if is_instead:
        for code in codes:
            tables.drop_codes_like(code)
    for code in codes:
        if tables.codes_beside(code) >= CODES_MAX:
            return Refusal("codes")
        if tables.has_code(code.digest):
            return Refusal("code")
        if code.account and tables.living(code.account) is None:
            return Refusal("gone")
        tables.add_code(code)
    return None


def use_code(tables: Tables, digest: bytes, at: float, device: NewDevice | None) -> Holder | Refusal:
    """Use a code that lets an account in; see Accounts."""
    code = tables.code(digest, at)
    account = tables.living(code.account) if code is not None else None
    if code is None or account is None:
        return Refusal("code")
    refusal = _device_refusal(tables, account.id, device) if device is not None else None
    if refusal is not None:
        return refusal
    tables.use_up(code)
    if code.purpose == "owner":
        account = replace(account, role="owner")
        tables.put_account(account)
    added = tables.add_device(account.id, device, at) if device is not None else None
    return Holder(account, added, code.rooms)


def begin_end(tables: Tables, account: int, ending: Ending, closes_at: float) -> bool:
    """Have an account end later; see Accounts."""
    begun = change(
        tables, account, lambda old: replace(old, state="closing", ending=ending, closes_at=closes_at), "active"
    )
    if begun:
        _drop_devices(tables, account)
    return begun


def take_back_end(tables: Tables, account: int) -> bool:
    """Have it go on; see Accounts."""
    return change(tables, account, lambda old: replace(old, state="active", ending=None, closes_at=0.0), "closing")


def end(tables: Tables, account: int, ending: Ending, at: float, *, is_due: bool) -> tuple[Account, Account] | None:
    """Close an account; return what it was and what it is. Its lines are still to be rewritten."""
    old = tables.living(account)
    if old is None or (is_due and not old.is_due(at)):
        return None
    new = closed(old, old.name if ending == "close" else _free_anonymous_name(tables), ending)
    _close(tables, old, new, at)
    return old, new


def _free_anonymous_name(tables: Tables) -> str:
    """A name for an account that ends."""
    return next(name for name in anonymous_names() if not tables.is_called(name))


def _close(tables: Tables, old: Account, new: Account, at: float) -> None:
    """Let an account be what is left of it; nothing that lets anybody in stays."""
    tables.put_account(new)
    tables.keep_name(new, kept_after(old, new, at))
    tables.forget_all_of(new.id)
    case_rows.end(tables, new.id, new.name, new.ending or "close")
    if new.ending is not None and new.ending != "close":
        tables.acts.call(new.id, new.name)
        tables.put_ended(Ended(new.id, new.name, new.ending))


def end_again(tables: Tables, ended: Iterable[Ended], at: float) -> None:
    """End accounts that had ended before an older backup took the journal's place; those that this has not cannot be made again."""
    for one in ended:
        old = tables.account(one.account)
        tables.put_ended(one)
        if old is not None:
            taken = tables.name_refusal(one.nick, one.nick, one.account, at)
            nick = _free_anonymous_name(tables) if taken else one.nick
            _close(tables, old, closed(old, nick, one.ending), at)


def forget_old(tables: Tables, at: float) -> tuple[int, list[KeptName]]:
    """Forget some of what has ended; return how much it was, and which names are free again."""
    gone = tables.drop_old_codes(at, FORGOTTEN_MAX)
    devices = tables.old_devices(at, FORGOTTEN_MAX)
    tables.drop_devices(devices)
    free = tables.old_names(at, FORGOTTEN_MAX)
    tables.forget_names(free)
    gone += tables.drop_old_failures(at - FAILURE_SECONDS) + tables.acts.drop_old_networks(at - NETWORK_SECONDS)
    gone += case_rows.forget_old(tables, at)
    return gone + len(devices) + len(free), free
