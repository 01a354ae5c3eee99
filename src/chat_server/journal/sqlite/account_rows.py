"""The rows of accounts, their devices and codes, and what is asked of them: each function is part of somebody's transaction, or of a reading.

Never begins or ends a transaction; knows nothing of lines.
"""

import sqlite3
from collections.abc import Collection, Iterable, Iterator
from typing import Any

import msgspec

from chat_server.accounts import (
    DEVICES_MAX,
    KEPT_NAMES_MAX,
    Account,
    Choices,
    Code,
    Device,
    Ended,
    Failure,
    Holder,
    NewDevice,
    Record,
)
from chat_server.accounts.names_index import KeptName, NamesIndex, Refusal
from chat_server.journal.showable import showable_name, showable_topic
from chat_server.protocol.names import NAME_MAX, was_a_name

_ACCOUNT = "id, name, skeleton, made, password, invited_by, role, state, ending, closes_at, choices, seen"
_DEVICE = "id, account, name, digest, made, kind, seen, network, ends"
_CODE = "digest, purpose, made, ends, account, name, made_by, uses"
_ROOMS = (
    "(SELECT json_group_array(name) FROM (SELECT name FROM {table}_room JOIN room ON room.id = {table}_room.room"
    " WHERE {table}_room.{table} = {table}.id ORDER BY room.id))"
)
_DEVICE_ROOMS = f"iif(is_limited, {_ROOMS.format(table='device')}, NULL)"
_CODE_ROOMS = _ROOMS.format(table="code")

_choices = msgspec.json.Decoder(Choices)
_names = msgspec.json.Decoder(tuple[str, ...])

# Accounts.


def _account_of(row: Any) -> Account:
    number, name, *columns, choices, seen = row
    return Account(*(number, _shown(name), *columns, _choices.decode(choices), seen))


def _shown(name: str) -> str:
    """The name as it may be shown, whoever has written it into the file. Most of them need no look at each letter."""
    is_plain = name.isascii() and len(name) <= NAME_MAX and name.replace("-", "a").replace("_", "a").isalnum()
    return name if is_plain else showable_name(name)


def accounts(connection: sqlite3.Connection, condition: str, *values: object) -> list[Account]:
    """The accounts of which something is so."""
    return [*_accounts(connection, condition, *values)]


def _accounts(connection: sqlite3.Connection, condition: str, *values: object) -> Iterator[Account]:
    rows = connection.execute(f"SELECT {_ACCOUNT} FROM account WHERE {condition}", values)  # noqa: S608 - never what somebody typed
    return map(_account_of, rows)


def account(connection: sqlite3.Connection, number: int) -> Account | None:
    """The account with this id."""
    return next(iter(accounts(connection, "id = ?", number)), None)


def living(connection: sqlite3.Connection, number: int) -> Account | None:
    """The account with this id, unless it is closed."""
    return next(iter(accounts(connection, "id = ? AND state != 'closed'", number)), None)


def put_account(connection: sqlite3.Connection, new: Account) -> None:
    """Store an account as it is now."""
    connection.execute(
        f"INSERT INTO account ({_ACCOUNT}, key) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT (id) DO UPDATE"  # noqa: S608 - as above
        f" SET {', '.join(f'{column} = excluded.{column}' for column in f'{_ACCOUNT}, key'.split(', ')[1:])}",
        (
            *(new.id, new.name, new.skeleton, new.made, new.password, new.invited_by, new.role, new.state, new.ending),
            *(new.closes_at, msgspec.json.encode(new.choices).decode(), new.seen, new.key),
        ),
    )


def is_used(connection: sqlite3.Connection, number: int) -> bool:
    """Whether this is the id of an account, or was."""
    found = "SELECT 1 FROM account WHERE id = ?1 UNION SELECT 1 FROM ended WHERE account = ?1"
    return connection.execute(found, (number,)).fetchone() is not None


# Names.


def name_refusal(connection: sqlite3.Connection, key: str, skeleton: str, number: int, at: float) -> Refusal | None:
    """Why an account (0: a new one) cannot have a name; see NamesIndex.refusal."""
    for column, text, why in (("key", key, "taken"), ("skeleton", skeleton, "alike")):
        others = accounts(connection, f"{column} = ? AND id != ?", text, number)
        if others:
            return Refusal("taken" if why == "taken" else "alike", others[0].name)
    kept = connection.execute(
        "SELECT 1 FROM kept_name WHERE (key = ?1 OR skeleton = ?2) AND until > ?3 AND (?4 = 0 OR account != ?4)",
        (key, skeleton, at, number),
    ).fetchone()
    return Refusal("kept") if kept else None


def keep_name(connection: sqlite3.Connection, new: Account, kept: KeptName | None) -> None:
    """Note that an account has its name, and another one is kept from others."""
    connection.execute("DELETE FROM kept_name WHERE key = ?", (new.key,))
    if kept is not None:
        connection.execute("INSERT OR REPLACE INTO kept_name (key, skeleton, account, until) VALUES (?, ?, ?, ?)", kept)


def free_names(connection: sqlite3.Connection, number: int) -> list[KeptName]:
    """Keep no more names for an account than may be; return those that are free now."""
    free = [
        KeptName(*row)
        for row in connection.execute(
            "SELECT key, skeleton, account, until FROM kept_name WHERE account = ? ORDER BY until LIMIT -1 OFFSET ?",
            (number, KEPT_NAMES_MAX),
        )
    ]
    forget_names(connection, free)
    return free


def forget_names(connection: sqlite3.Connection, free: Iterable[KeptName]) -> None:
    """Keep these names no longer."""
    connection.executemany("DELETE FROM kept_name WHERE key = ?", [(name.key,) for name in free])


def load_names(connection: sqlite3.Connection, names: NamesIndex) -> None:
    """Take all names into the index, row by row: a list of 100,000 rows would stay in the process's memory."""
    names.load(
        (
            (number, _shown(name), key, skeleton)
            for number, name, key, skeleton in connection.execute("SELECT id, name, key, skeleton FROM account")
        ),
        (KeptName(*row) for row in connection.execute("SELECT key, skeleton, account, until FROM kept_name")),
    )


# Devices.


def devices(connection: sqlite3.Connection, condition: str, *values: object) -> list[Device]:
    """The devices of which something is so, the oldest first."""
    return [*_devices(connection, condition, *values)]


def _devices(connection: sqlite3.Connection, condition: str, *values: object) -> Iterator[Device]:
    rows = connection.execute(
        f"SELECT {_DEVICE}, {_DEVICE_ROOMS} FROM device WHERE {condition} ORDER BY id",  # noqa: S608 - as above
        values,
    )
    return map(_device_of, rows)


def _device_of(row: Any) -> Device:
    number, account, name, *columns, rooms = row
    shown = showable_topic(name)
    return Device(*(number, account, shown, *columns, None if rooms is None else _names.decode(rooms)))


def holder(connection: sqlite3.Connection, digest: bytes, at: float) -> Holder | None:
    """Whose token this is the digest of."""
    found = devices(connection, "digest = ? AND coalesce(ends > ?, true)", digest, at)
    whose = account(connection, found[0].account) if found else None
    return Holder(whose, found[0]) if whose else None


def device_refusal(connection: sqlite3.Connection, number: int, new: NewDevice) -> Refusal | None:
    """Why an account cannot have this device."""
    if living(connection, number) is None:
        return Refusal("gone")
    if connection.execute("SELECT count(*) FROM device WHERE account = ?", (number,)).fetchone()[0] >= DEVICES_MAX:
        return Refusal("devices")
    return token_refusal(connection, new)


def token_refusal(connection: sqlite3.Connection, new: NewDevice) -> Refusal | None:
    """Whether another device has its token."""
    return Refusal("token") if devices(connection, "digest = ?", new.digest) else None


def add_device(connection: sqlite3.Connection, number: int, new: NewDevice, at: float) -> Device:
    """Store a device."""
    is_limited = new.rooms is not None
    values = (number, new.name, new.digest, at, new.kind, at, new.network, new.ends, is_limited)
    device = connection.execute(
        "INSERT INTO device (account, name, digest, made, kind, seen, network, ends, is_limited)"
        " VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)",
        values,
    ).lastrowid
    _add_rooms(connection, "device", device, new.rooms or ())
    (added,) = devices(connection, "id = ?", device)
    return added


def _add_rooms(connection: sqlite3.Connection, table: str, number: int | None, rooms: Iterable[str]) -> None:
    connection.executemany(
        f"INSERT OR IGNORE INTO {table}_room ({table}, room) SELECT ?, id FROM room WHERE name = ?",  # noqa: S608 - as above
        [(number, room) for room in rooms],
    )


def drop_devices(connection: sqlite3.Connection, dropped: Collection[int]) -> None:
    """Forget devices."""
    numbers = [(number,) for number in dropped]
    connection.executemany("DELETE FROM device_room WHERE device = ?", numbers)
    connection.executemany("DELETE FROM device WHERE id = ?", numbers)


# Codes.


def codes(connection: sqlite3.Connection, condition: str, *values: object) -> list[Code]:
    """The codes of which something is so, the oldest first."""
    return [*_codes(connection, condition, *values)]


def _codes(connection: sqlite3.Connection, condition: str, *values: object) -> Iterator[Code]:
    rows = connection.execute(f"SELECT {_CODE}, {_CODE_ROOMS} FROM code WHERE {condition} ORDER BY id", values)  # noqa: S608 - as above
    return (Code(*(*row, _names.decode(rooms))) for *row, rooms in rows)


def code(connection: sqlite3.Connection, digest: bytes, at: float) -> Code | None:
    """The code with this digest, if it may be used now."""
    found = codes(connection, "digest = ?", digest)
    return found[0] if found and found[0].is_good(at) else None


def add_code(connection: sqlite3.Connection, new: Code) -> None:
    """Store a code."""
    number = connection.execute(
        f"INSERT INTO code ({_CODE}) VALUES (?, ?, ?, ?, ?, ?, ?, ?)",  # noqa: S608 - as above
        (new.digest, new.purpose, new.made, new.ends, new.account, new.name, new.made_by, new.uses),
    ).lastrowid
    _add_rooms(connection, "code", number, new.rooms)


def use_up(connection: sqlite3.Connection, used: Code) -> None:
    """Let a code be used once less; one that cannot be used again is forgotten."""
    connection.execute("UPDATE code SET uses = uses - 1 WHERE digest = ?", (used.digest,))
    drop_codes(connection, "digest = ? AND uses <= 0", used.digest)


def drop_codes(connection: sqlite3.Connection, condition: str, *values: object) -> int:
    """Forget the codes of which something is so; return how many."""
    connection.execute(f"DELETE FROM code_room WHERE code IN (SELECT id FROM code WHERE {condition})", values)  # noqa: S608 - as above
    return connection.execute(f"DELETE FROM code WHERE {condition}", values).rowcount  # noqa: S608 - as above


# For exports.


def records(connection: sqlite3.Connection) -> Iterator[Record]:
    """Everything but failed tries; the connection sees one moment as long as this lasts."""
    yield from _accounts(connection, "true ORDER BY id")
    yield from _devices(connection, "true")
    yield from _codes(connection, "true")
    for row in connection.execute("SELECT key, skeleton, account, until FROM kept_name ORDER BY key"):
        yield KeptName(*row)
    for row in connection.execute("SELECT account, nick, ending FROM ended ORDER BY account"):
        yield Ended(*row)


def add_record(connection: sqlite3.Connection, record: Record) -> None:
    """Store what was kept elsewhere. Raises ValueError if it is of an account that is not there, or there already."""
    try:
        match record:
            case Account():
                if is_used(connection, record.id):
                    raise ValueError(f"account {record.id} is there already")
                if not was_a_name(record.name):
                    raise ValueError(f"expected a name, got {record.name!r}")
                put_account(connection, record)
            case Device():
                _check_account(connection, record.account)
                new = NewDevice(record.name, record.digest, record.kind, record.network, record.ends, record.rooms)
                number = add_device(connection, record.account, new, record.made).id
                connection.execute("UPDATE device SET id = ?, seen = ? WHERE id = ?", (record.id, record.seen, number))
                connection.execute("UPDATE device_room SET device = ? WHERE device = ?", (record.id, number))
            case Code():
                if record.account:
                    _check_account(connection, record.account)
                add_code(connection, record)
            case KeptName():
                connection.execute("INSERT INTO kept_name VALUES (?, ?, ?, ?)", record)
            case Ended():
                connection.execute("INSERT INTO ended VALUES (?, ?, ?, 1)", record)
    except sqlite3.IntegrityError as error:
        raise ValueError(f"it is there already, or belongs to nothing: {error}") from error


def _check_account(connection: sqlite3.Connection, number: int) -> None:
    if account(connection, number) is None:
        raise ValueError("expected its account first")


# Failed tries.


def failures(connection: sqlite3.Connection) -> list[Failure]:
    """Failed tries, those that have been quiet longest first."""
    return [Failure(*row) for row in connection.execute("SELECT network, account, count, at FROM failure ORDER BY at")]
