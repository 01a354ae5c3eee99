"""The tables of accounts, their devices and codes: what is asked of them, as part of somebody's transaction or of a reading.

Never begins or ends a transaction; knows nothing of lines, but whose keys and read positions they have.
"""

import sqlite3
from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from typing import Any

from chat_server.accounts import (
    CARRIED_MAX,
    FAILURES_MAX,
    KEPT_NAMES_MAX,
    Account,
    Code,
    Device,
    Ended,
    Failure,
    Holder,
    NewDevice,
    sender_of,
)
from chat_server.accounts.names_index import KeptName, NamesIndex, Refusal
from chat_server.journal.account_rows import (
    ACCOUNT,
    CODE,
    DEVICE,
    ENDED,
    FAILURE,
    KEPT_NAME,
    account_of,
    code_of,
    device_of,
    shown,
    values_of,
)
from chat_server.journal.case_rows import CaseRows
from chat_server.journal.sqlite.act_tables import SqliteActs

_ROOMS = (
    "(SELECT json_group_array(name) FROM (SELECT name FROM {table}_room JOIN room ON room.id = {table}_room.room"
    " WHERE {table}_room.{table} = {table}.id ORDER BY room.id))"
)
_DEVICE_ROOMS = f"iif(is_limited, {_ROOMS.format(table='device')}, NULL)"
_CODE_ROOMS = _ROOMS.format(table="code")


class SqliteTables:
    """See account_changes.Tables."""

    def __init__(self, connection: sqlite3.Connection) -> None:
        """Ask this connection, which is in a transaction where something is changed."""
        self._connection, self.cases = connection, _cases_in(connection)

    @property
    def acts(self) -> SqliteActs:
        """Those of the acts of the server's moderators."""
        return SqliteActs(self._connection)

    # Accounts.

    def accounts(self, condition: str, *values: object) -> Iterator[Account]:
        """The accounts of which something is so."""
        rows = self._connection.execute(f"SELECT {ACCOUNT} FROM account WHERE {condition}", values)  # noqa: S608 - never what somebody typed
        return map(account_of, rows)

    def account(self, number: int) -> Account | None:
        """The account with this id."""
        return next(self.accounts("id = ?", number), None)

    def called(self, key: str) -> Account | None:
        """The account whose name has this key."""
        return next(self.accounts("key = ?", key), None)

    def listed(self, after: str, limit: int) -> list[Account]:
        """The accounts whose names' keys come after this one."""
        return [*self.accounts("key > ? ORDER BY key LIMIT ?", after, limit)]

    def due(self, at: float) -> list[Account]:
        """The accounts whose time has come."""
        return [*self.accounts("state = 'closing' AND closes_at <= ? ORDER BY closes_at", at)]

    def has_owner(self) -> bool:
        """Whether an account that is not closed is an owner's. Looks at all accounts."""
        return self._finds("SELECT 1 FROM account WHERE role = 'owner' AND state != 'closed'")

    def living(self, number: int) -> Account | None:
        """The account with this id, unless it is closed."""
        return next(self.accounts("id = ? AND state != 'closed'", number), None)

    def put_account(self, new: Account) -> None:
        """Store an account as it is now."""
        self._connection.execute(
            f"INSERT INTO account ({ACCOUNT}, key) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT (id) DO UPDATE"  # noqa: S608 - as above
            f" SET {', '.join(f'{column} = excluded.{column}' for column in f'{ACCOUNT}, key'.split(', ')[1:])}",
            values_of(new),
        )

    def is_used(self, number: int) -> bool:
        """Whether this is the id of an account, or was."""
        return self._finds("SELECT 1 FROM account WHERE id = ?1 UNION SELECT 1 FROM ended WHERE account = ?1", number)

    def _finds(self, question: str, *values: object) -> bool:
        return self._connection.execute(question, values).fetchone() is not None

    # Names.

    def is_called(self, name: str) -> bool:
        """Whether an account has this name, or one that looks like it."""
        return self._finds("SELECT 1 FROM account WHERE key = ?1 OR skeleton = ?1", name)

    def name_refusal(self, key: str, skeleton: str, number: int, at: float) -> Refusal | None:
        """Why an account (0: a new one) cannot have a name; see NamesIndex.refusal."""
        if other := next(self.accounts("key = ? AND id != ?", key, number), None):
            return Refusal("taken", other.name)
        if other := next(self.accounts("skeleton = ? AND id != ?", skeleton, number), None):
            return Refusal("alike", other.name)
        question = (
            "SELECT 1 FROM kept_name WHERE (key = ?1 OR skeleton = ?2) AND until > ?3 AND (?4 = 0 OR account != ?4)"
        )
        return Refusal("kept") if self._finds(question, key, skeleton, at, number) else None

    def keep_name(self, new: Account, kept: KeptName | None) -> None:
        """Note that an account has its name, and another one is kept from others."""
        self._connection.execute("DELETE FROM kept_name WHERE key = ?", (new.key,))
        if kept is not None:
            self._connection.execute(f"INSERT OR REPLACE INTO kept_name ({KEPT_NAME}) VALUES (?, ?, ?, ?)", kept)  # noqa: S608 - as above

    def kept_names(self, condition: str, *values: object) -> Iterator[KeptName]:
        """The names that are kept and of which something is so."""
        rows = self._connection.execute(f"SELECT {KEPT_NAME} FROM kept_name WHERE {condition}", values)  # noqa: S608 - as above
        return (KeptName(*row) for row in rows)

    def free_names(self, number: int) -> list[KeptName]:
        """Keep no more names for an account than may be; return those that are free now."""
        free = [*self.kept_names("account = ? ORDER BY until LIMIT -1 OFFSET ?", number, KEPT_NAMES_MAX)]
        self.forget_names(free)
        return free

    def forget_names(self, free: Iterable[KeptName]) -> None:
        """Keep these names no longer."""
        self._connection.executemany("DELETE FROM kept_name WHERE key = ?", [(name.key,) for name in free])

    def load_names(self, names: NamesIndex) -> None:
        """Take all names into the index, row by row: a list of 100,000 rows would stay in the process's memory."""
        rows = self._connection.execute("SELECT id, name, key, skeleton FROM account")
        names.load(
            ((number, shown(name), key, skeleton) for number, name, key, skeleton in rows), self.kept_names("true")
        )

    def carry_over(self, sender: str, person: str, account: int) -> None:
        """Keys and positions of whoever was a guest are the account's. Room by room, for positions stand by room."""
        to = sender_of(account)
        if sender:
            self._connection.execute(
                "UPDATE sent SET sender = ? WHERE id IN (SELECT id FROM sent WHERE sender = ? ORDER BY id DESC LIMIT ?)",
                (to, sender, CARRIED_MAX),
            )
        if person:
            self._connection.execute(
                "UPDATE position SET person = ? WHERE room IN (SELECT id FROM room) AND person = ?", (to, person)
            )

    # Devices.

    def devices(self, condition: str, *values: object) -> Iterator[Device]:
        """The devices of which something is so, the oldest first."""
        question = f"SELECT {DEVICE}, {_DEVICE_ROOMS} FROM device WHERE {condition} ORDER BY id"  # noqa: S608 - as above
        return map(device_of, self._connection.execute(question, values))

    def devices_of(self, number: int) -> list[Device]:
        """The devices of an account."""
        return [*self.devices("account = ?", number)]

    def holder(self, digest: bytes, at: float) -> Holder | None:
        """Whose token this is the digest of."""
        found = next(self.devices("digest = ? AND coalesce(ends > ?, true)", digest, at), None)
        whose = self.account(found.account) if found else None
        return Holder(whose, found) if whose else None

    def has_token(self, digest: bytes) -> bool:
        """Whether a device has the token with this digest."""
        return self._finds("SELECT 1 FROM device WHERE digest = ?", digest)

    def add_device(self, number: int, new: NewDevice, at: float) -> Device:
        """Store a device."""
        is_limited = new.rooms is not None
        values = (number, new.name, new.digest, at, new.kind, at, new.network, new.ends, is_limited)
        device = self._connection.execute(
            "INSERT INTO device (account, name, digest, made, kind, seen, network, ends, is_limited)"
            " VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)",
            values,
        ).lastrowid
        self._add_rooms("device", device, new.rooms or ())
        (added,) = self.devices("id = ?", device)
        return added

    def _add_rooms(self, table: str, number: int | None, rooms: Iterable[str]) -> None:
        self._connection.executemany(
            f"INSERT OR IGNORE INTO {table}_room ({table}, room) SELECT ?, id FROM room WHERE name = ?",  # noqa: S608 - as above
            [(number, room) for room in rooms],
        )

    def drop_devices(self, dropped: Collection[int]) -> None:
        """Forget devices."""
        numbers = [(number,) for number in dropped]
        self._connection.executemany("DELETE FROM device_room WHERE device = ?", numbers)
        self._connection.executemany("DELETE FROM device WHERE id = ?", numbers)

    # Codes.

    def codes(self, condition: str, *values: object) -> Iterator[Code]:
        """The codes of which something is so, the oldest first."""
        question = f"SELECT {CODE}, {_CODE_ROOMS} FROM code WHERE {condition} ORDER BY id"  # noqa: S608 - as above
        return map(code_of, self._connection.execute(question, values))

    def codes_of(self, number: int) -> list[Code]:
        """The codes that an account has made, or that are for it."""
        whose = "account = ?1 OR made_by = ?1" if number else "account = ?1 AND made_by = ?1"
        return [*self.codes(whose, number)]

    def code(self, digest: bytes, at: float) -> Code | None:
        """The code with this digest, if it may be used now."""
        found = next(self.codes("digest = ?", digest), None)
        return found if found is not None and found.is_good(at) else None

    def has_code(self, digest: bytes) -> bool:
        """Whether there is a code with this digest."""
        return self._finds("SELECT 1 FROM code WHERE digest = ?", digest)

    def codes_beside(self, code: Code) -> int:
        """How many codes count with this one."""
        ((count,),) = self._connection.execute(
            "SELECT count(*) FROM code WHERE uses > 0 AND coalesce(ends > ?3, true)"
            " AND iif(?1, account = ?1 OR made_by = ?1, account = ?2 AND made_by = 0)",
            (code.made_by, code.account, code.made),
        )
        return int(count)

    def add_code(self, new: Code) -> None:
        """Store a code."""
        number = self._connection.execute(
            f"INSERT INTO code ({CODE}) VALUES (?, ?, ?, ?, ?, ?, ?, ?)",  # noqa: S608 - as above
            (new.digest, new.purpose, new.made, new.ends, new.account, new.name, new.made_by, new.uses),
        ).lastrowid
        self._add_rooms("code", number, new.rooms)

    def use_up(self, used: Code) -> None:
        """Let a code be used once less; one that cannot be used again is forgotten."""
        self._connection.execute("UPDATE code SET uses = uses - 1 WHERE digest = ?", (used.digest,))
        self._drop_codes("digest = ? AND uses <= 0", used.digest)

    def _drop_codes(self, condition: str, *values: object) -> int:
        """Forget the codes of which something is so; return how many."""
        self._connection.execute(
            f"DELETE FROM code_room WHERE code IN (SELECT id FROM code WHERE {condition})",  # noqa: S608 - as above
            values,
        )
        return self._connection.execute(f"DELETE FROM code WHERE {condition}", values).rowcount  # noqa: S608 - as above

    def drop_codes_for_devices(self, number: int) -> None:
        """Forget the codes that let an account in at one more device."""
        self._drop_codes("account = ? AND purpose = 'device'", number)

    def drop_codes_like(self, code: Code) -> None:
        """Forget those for the same purpose, and the same account or name."""
        self._drop_codes("account = ? AND purpose = ? AND name = ?", code.account, code.purpose, code.name)

    def make_codes_alone(self, codes: Sequence[Code]) -> None:
        """Nobody else changes anything in a transaction of this file."""

    def unless_refused(self, change: Callable[[], Refusal | None]) -> Refusal | None:
        """Do something; if it is refused, nothing of it is done."""
        self._connection.execute("SAVEPOINT attempt")
        refusal = change()
        if refusal is not None:
            self._connection.execute("ROLLBACK TO attempt")
        self._connection.execute("RELEASE attempt")
        return refusal

    # What is noted.

    def note_seen(self, seen: Iterable[tuple[int, int, str, float]]) -> None:
        """Note when and where accounts and devices were used last."""
        for account, device, network, at in seen:
            self._connection.execute("UPDATE account SET seen = ? WHERE id = ? AND state != 'closed'", (at, account))
            self._connection.execute(
                "UPDATE device SET seen = ?, network = ? WHERE id = ? AND account = ?", (at, network, device, account)
            )
            self.acts.note_network(account, network, at)

    def failures(self) -> list[Failure]:
        """Failed tries, those that have been quiet longest first."""
        return [Failure(*row) for row in self._connection.execute(f"SELECT {FAILURE} FROM failure ORDER BY at")]  # noqa: S608 - as above

    def note_failures(self, failures: Iterable[Failure]) -> None:
        """Note how many tries have failed."""
        for one in failures:
            where = one.network, one.account
            self._connection.execute("DELETE FROM failure WHERE network = ? AND account = ?", where)
            if one.count:
                self._connection.execute(
                    f"INSERT INTO failure ({FAILURE}) VALUES (?, ?, ?, ?)",  # noqa: S608 - as above
                    (*where, one.count, one.at),
                )
        ((count,),) = self._connection.execute("SELECT count(*) FROM failure")
        if count > FAILURES_MAX:
            self._connection.execute(
                "DELETE FROM failure WHERE (network, account) IN (SELECT network, account FROM failure ORDER BY at LIMIT ?)",
                (count - FAILURES_MAX,),
            )

    # The end.

    def forget_all_of(self, number: int) -> None:
        """Forget an account's devices, codes, failed tries and read positions."""
        self.drop_devices([device.id for device in self.devices_of(number)])
        self._drop_codes("account = ?1 OR made_by = ?1", number)
        self._connection.execute("DELETE FROM failure WHERE account = ?", (number,))
        self._connection.execute("DELETE FROM mention WHERE account = ?", (number,))
        self._connection.execute("DELETE FROM came_from WHERE account = ?", (number,))
        self._connection.execute(
            "DELETE FROM position WHERE room IN (SELECT id FROM room) AND person = ?", (sender_of(number),)
        )

    def put_ended(self, ended: Ended) -> None:
        """Note that an account's lines are to be rewritten."""
        self._connection.execute(f"INSERT OR REPLACE INTO ended ({ENDED}, is_done) VALUES (?, ?, ?, 0)", ended)  # noqa: S608 - as above

    def drop_old_codes(self, at: float, limit: int) -> int:
        """Forget some codes that have ended; return how many."""
        return self._drop_codes("id IN (SELECT id FROM code WHERE ends <= ? LIMIT ?)", at, limit)

    def old_devices(self, at: float, limit: int) -> list[int]:
        """Some devices that have ended."""
        found = self._connection.execute("SELECT id FROM device WHERE ends <= ? LIMIT ?", (at, limit))
        return [number for (number,) in found]

    def old_names(self, at: float, limit: int) -> list[KeptName]:
        """Some names that need not be kept."""
        return [*self.kept_names("until <= ? LIMIT ?", at, limit)]

    def drop_old_failures(self, at: float) -> int:
        """Forget failed tries of this time or before; return how many."""
        return self._connection.execute("DELETE FROM failure WHERE at <= ?", (at,)).rowcount


def _cases_in(connection: sqlite3.Connection) -> CaseRows:
    """The table of what waits for moderators."""

    def rows(question: str, *values: object) -> list[tuple[Any, ...]]:
        return connection.execute(question, values).fetchall()

    return CaseRows(rows, rows)
