"""What is done with accounts: each function is a transaction of the writer's, or part of one. What it refuses by a value has changed nothing.

Never knows Trio, nor who asks.
"""

import sqlite3
from collections.abc import Callable, Collection, Iterable, Sequence
from typing import NamedTuple

from msgspec.structs import replace

from chat_server.accounts import (
    CARRIED_MAX,
    CODES_MAX,
    FAILURE_SECONDS,
    FAILURES_MAX,
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
    sender_of,
)
from chat_server.accounts.ids import anonymous_names, new_id
from chat_server.accounts.names_index import KeptName, Refusal
from chat_server.accounts.naming import closed, kept_after, made
from chat_server.journal.sqlite import account_rows as rows
from chat_server.protocol.names import name_key

FORGOTTEN_MAX = 500
"""Rows of a kind that are forgotten at once."""


def register(connection: sqlite3.Connection, new: Registration, at: float) -> Holder | Refusal:
    """Make an account; see Accounts."""
    key = name_key(new.name)
    code = rows.code(connection, new.code, at) if new.code is not None else None
    if new.code is not None and (code is None or not code.may_register(key, at)):
        return Refusal("code")
    refusal = rows.name_refusal(connection, key, new.skeleton, 0, at)
    if refusal is None and new.device is not None:
        refusal = rows.token_refusal(connection, new.device)
    if refusal is not None:
        return refusal
    account = made(new, new_id(lambda number: rows.is_used(connection, number)), at, code)
    rows.put_account(connection, account)
    rows.keep_name(connection, account, None)
    if code is not None:
        rows.use_up(connection, code)
    device = rows.add_device(connection, account.id, new.device, at) if new.device is not None else None
    for digest in new.recovery:
        rows.add_code(connection, Code(digest, "recovery", at, None, account.id, made_by=account.id))
    _carry_over(connection, new, account.id)
    return Holder(account, device, code.rooms if code else ())


def _carry_over(connection: sqlite3.Connection, new: Registration, account: int) -> None:
    """Keys and positions of whoever was a guest are the account's. Room by room, for positions stand by room."""
    to = sender_of(account)
    if new.sender:
        connection.execute(
            "UPDATE sent SET sender = ? WHERE id IN (SELECT id FROM sent WHERE sender = ? ORDER BY id DESC LIMIT ?)",
            (to, new.sender, CARRIED_MAX),
        )
    if new.person:
        connection.execute(
            "UPDATE position SET person = ? WHERE room IN (SELECT id FROM room) AND person = ?", (to, new.person)
        )


class Renamed(NamedTuple):
    """What an account was, and what it is; and the names that are kept for it no longer."""

    old: Account
    new: Account
    free: list[KeptName]


def rename(connection: sqlite3.Connection, account: int, name: str, skeleton: str, at: float) -> Renamed | Refusal:
    """Give an account another name; see Accounts."""
    old = rows.living(connection, account)
    if old is None:
        return Refusal("gone")
    refusal = rows.name_refusal(connection, name_key(name), skeleton, account, at)
    if refusal is not None:
        return refusal
    new = replace(old, name=name, skeleton=skeleton)
    rows.put_account(connection, new)
    rows.keep_name(connection, new, kept_after(old, new, at))
    return Renamed(old, new, rows.free_names(connection, account))


def change(
    connection: sqlite3.Connection, account: int, changed: Callable[[Account], Account], state: State | None = None
) -> bool:
    """Let an account that is in a state (None: any but closed) be another value; return whether it was."""
    old = rows.living(connection, account)
    if old is None or old.state != (state or old.state):
        return False
    rows.put_account(connection, changed(old))
    return True


def change_password(connection: sqlite3.Connection, account: int, password: str | None, keep: Collection[int]) -> None:
    """Store the hash of another password; see Accounts."""
    if change(connection, account, lambda old: replace(old, password=password)):
        _drop_devices(connection, account, lambda device: device.id not in keep)


def rehash(connection: sqlite3.Connection, account: int, old: str, new: str) -> None:
    """Store another hash of the same password; see Accounts."""
    change(connection, account, lambda one: replace(one, password=new) if one.password == old else one)


def add_device(connection: sqlite3.Connection, account: int, new: NewDevice, at: float) -> Device | Refusal:
    """Add a device; see Accounts."""
    return rows.device_refusal(connection, account, new) or rows.add_device(connection, account, new, at)


def drop_devices(connection: sqlite3.Connection, account: int, devices: Collection[int]) -> list[int]:
    """Drop devices of an account's; see Accounts."""
    return _drop_devices(connection, account, lambda device: device.id in devices)


def _drop_devices(
    connection: sqlite3.Connection, account: int, is_dropped: Callable[[Device], bool] = lambda _: True
) -> list[int]:
    """Forget devices, and the codes that let the account in at one more: one that is dropped may have made them."""
    dropped = [device.id for device in rows.devices(connection, "account = ?", account) if is_dropped(device)]
    rows.drop_devices(connection, dropped)
    rows.drop_codes(connection, "account = ? AND purpose = 'device'", account)
    return dropped


def make_codes(connection: sqlite3.Connection, codes: Sequence[Code], *, is_instead: bool) -> Refusal | None:
    """Make codes, all or none; see Accounts. What else the transaction stores is stored, whether they are made or not."""
    connection.execute("SAVEPOINT codes")
    refusal = _make_codes(connection, codes, is_instead=is_instead)
    if refusal is not None:
        connection.execute("ROLLBACK TO codes")
    connection.execute("RELEASE codes")
    return refusal


def _make_codes(connection: sqlite3.Connection, codes: Sequence[Code], *, is_instead: bool) -> Refusal | None:
    """The same; if they are refused, some may have been made."""
    if is_instead:
        for which in {(code.account, code.purpose, code.name) for code in codes}:
            rows.drop_codes(connection, "account = ? AND purpose = ? AND name = ?", *which)
    for code in codes:
        ((made,),) = connection.execute(
            "SELECT count(*) FROM code WHERE uses > 0 AND coalesce(ends > ?3, true)"
            " AND iif(?1, account = ?1 OR made_by = ?1, account = ?2 AND made_by = 0)",
            (code.made_by, code.account, code.made),
        )
        if made >= CODES_MAX:
            return Refusal("codes")
        if rows.codes(connection, "digest = ?", code.digest):
            return Refusal("code")
        if code.account and rows.living(connection, code.account) is None:
            return Refusal("gone")
        rows.add_code(connection, code)
    return None


def use_code(connection: sqlite3.Connection, digest: bytes, at: float, device: NewDevice | None) -> Holder | Refusal:
    """Use a code that lets an account in; see Accounts."""
    code = rows.code(connection, digest, at)
    account = rows.living(connection, code.account) if code is not None else None
    if code is None or account is None:
        return Refusal("code")
    refusal = rows.device_refusal(connection, account.id, device) if device is not None else None
    if refusal is not None:
        return refusal
    rows.use_up(connection, code)
    if code.purpose == "owner":
        account = replace(account, role="owner")
        rows.put_account(connection, account)
    added = rows.add_device(connection, account.id, device, at) if device is not None else None
    return Holder(account, added, code.rooms)


def note_seen(connection: sqlite3.Connection, seen: Iterable[tuple[int, int, str, float]]) -> None:
    """Note when and where accounts and devices were used last."""
    for account, device, network, at in seen:
        connection.execute("UPDATE account SET seen = ? WHERE id = ? AND state != 'closed'", (at, account))
        connection.execute(
            "UPDATE device SET seen = ?, network = ? WHERE id = ? AND account = ?", (at, network, device, account)
        )


def note_failures(connection: sqlite3.Connection, failures: Iterable[Failure]) -> None:
    """Note how many tries have failed."""
    for one in failures:
        where = one.network, one.account
        connection.execute("DELETE FROM failure WHERE network = ? AND account = ?", where)
        if one.count:
            connection.execute(
                "INSERT INTO failure (network, account, count, at) VALUES (?, ?, ?, ?)", (*where, one.count, one.at)
            )
    ((count,),) = connection.execute("SELECT count(*) FROM failure")
    if count > FAILURES_MAX:
        connection.execute(
            "DELETE FROM failure WHERE (network, account) IN (SELECT network, account FROM failure ORDER BY at LIMIT ?)",
            (count - FAILURES_MAX,),
        )


def begin_end(connection: sqlite3.Connection, account: int, ending: Ending, closes_at: float) -> bool:
    """Have an account end later; see Accounts."""
    begun = change(
        connection, account, lambda old: replace(old, state="closing", ending=ending, closes_at=closes_at), "active"
    )
    if begun:
        _drop_devices(connection, account)
    return begun


def take_back_end(connection: sqlite3.Connection, account: int) -> bool:
    """Have it go on; see Accounts."""
    return change(connection, account, lambda old: replace(old, state="active", ending=None, closes_at=0.0), "closing")


def end(
    connection: sqlite3.Connection, account: int, ending: Ending, at: float, *, is_due: bool
) -> tuple[Account, Account] | None:
    """Close an account; return what it was and what it is. Its lines are still to be rewritten; see endings.py."""
    old = rows.living(connection, account)
    if old is None or (is_due and not old.is_due(at)):
        return None
    nick = old.name if ending == "close" else free_anonymous_name(connection)
    new = closed(old, nick, ending)
    close(connection, old, new, at)
    return old, new


def free_anonymous_name(connection: sqlite3.Connection) -> str:
    """A name for an account that ends."""
    return next(name for name in anonymous_names() if not rows.accounts(connection, "key = ?1 OR skeleton = ?1", name))


def close(connection: sqlite3.Connection, old: Account, new: Account, at: float) -> None:
    """Let an account be what is left of it; nothing that lets anybody in stays."""
    rows.put_account(connection, new)
    rows.keep_name(connection, new, kept_after(old, new, at))
    rows.drop_devices(connection, [device.id for device in rows.devices(connection, "account = ?", new.id)])
    rows.drop_codes(connection, "account = ?1 OR made_by = ?1", new.id)
    connection.execute("DELETE FROM failure WHERE account = ?", (new.id,))
    connection.execute("DELETE FROM position WHERE room IN (SELECT id FROM room) AND person = ?", (sender_of(new.id),))
    if new.ending != "close":
        connection.execute("INSERT OR REPLACE INTO ended VALUES (?, ?, ?, 0)", (new.id, new.name, new.ending))


def end_again(connection: sqlite3.Connection, ended: Iterable[Ended], at: float) -> None:
    """End accounts that had ended before an older backup took the journal's place; those that this has not cannot be made again."""
    for one in ended:
        old = rows.account(connection, one.account)
        connection.execute("INSERT INTO ended VALUES (?, ?, ?, 0)", one)
        if old is not None:
            taken = rows.name_refusal(connection, one.nick, one.nick, one.account, at)
            nick = free_anonymous_name(connection) if taken else one.nick
            close(connection, old, closed(old, nick, one.ending), at)


def forget_old(connection: sqlite3.Connection, at: float) -> tuple[int, list[KeptName]]:
    """Forget some of what has ended; return how much it was, and which names are free again."""
    gone = rows.drop_codes(connection, "id IN (SELECT id FROM code WHERE ends <= ? LIMIT ?)", at, FORGOTTEN_MAX)
    devices = rows.devices(connection, "id IN (SELECT id FROM device WHERE ends <= ? LIMIT ?)", at, FORGOTTEN_MAX)
    rows.drop_devices(connection, [device.id for device in devices])
    free = [
        KeptName(*row)
        for row in connection.execute(
            "SELECT key, skeleton, account, until FROM kept_name WHERE until <= ? LIMIT ?", (at, FORGOTTEN_MAX)
        )
    ]
    rows.forget_names(connection, free)
    gone += connection.execute("DELETE FROM failure WHERE at <= ?", (at - FAILURE_SECONDS,)).rowcount
    return gone + len(devices) + len(free), free
