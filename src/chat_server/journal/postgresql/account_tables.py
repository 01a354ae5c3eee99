"""The tables of accounts in PostgreSQL: what is asked of them, as part of somebody's transaction or of a reading.

In a transaction that changes something, what it has looked at is locked until it ends: accounts before codes, codes before names. Never begins or
ends one; knows nothing of lines, but whose keys and read positions they have.
"""

from collections.abc import Callable, Collection, Iterable, Sequence
from typing import Any

import psycopg

from chat_server.accounts import (
    CARRIED_MAX,
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
from chat_server.accounts.names_index import KeptName, Refusal
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
    values_of,
)
from chat_server.journal.case_rows import CaseRows
from chat_server.journal.postgresql.account_functions import CASES_LOCK, CODES_LOCK
from chat_server.journal.postgresql.act_tables import PostgresqlActs

Connection = psycopg.Connection[tuple[Any, ...]]

_ROOMS = (
    "(SELECT coalesce(json_agg(name ORDER BY room.id), '[]')::text FROM {table}_room JOIN room ON room.id = {table}_room.room"
    " WHERE {table}_room.{table} = {table}.id AND NOT is_deleted)"
)
_DEVICE_ROOMS = f"CASE WHEN is_limited THEN {_ROOMS.format(table='device')} END"
_CODE_ROOMS = _ROOMS.format(table="code")
_STORED = f"{ACCOUNT}, key"


class PostgresqlTables:
    """See account_changes.Tables."""

    def __init__(self, connection: Connection, *, is_changing: bool = False, person: str = "") -> None:
        """Ask this connection.

        Args:
            connection: it is in a transaction if something is changed.
            is_changing: whether it is.
            person: who may have a name that is taken, among those who are here (`held`).

        """
        self.connection, self.cases = connection, _cases_in(connection)  # the first, for what else is stored with it
        self.acts = PostgresqlActs(connection)
        self._lock = " FOR NO KEY UPDATE" if is_changing else ""
        self._person = person

    def _rows(self, question: str, *values: object) -> list[tuple[Any, ...]]:
        return self.connection.execute(question.encode(), values).fetchall()

    def _finds(self, question: str, *values: object) -> bool:
        return bool(self._rows(question, *values))

    def _do(self, statement: str, *values: object) -> int:
        """Returns how many rows it was done to."""
        return self.connection.execute(statement.encode(), values).rowcount

    # Accounts.

    def accounts(self, condition: str, *values: object) -> list[Account]:
        """The accounts of which something is so."""
        return [*map(account_of, self._rows(f"SELECT {ACCOUNT} FROM account WHERE {condition}", *values))]  # noqa: S608 - never what somebody typed

    def _account(self, condition: str, *values: object) -> Account | None:
        return next(iter(self.accounts(condition, *values)), None)

    def account(self, number: int) -> Account | None:
        """The account with this id."""
        return self._account("id = %s", number)

    def called(self, key: str) -> Account | None:
        """The account whose name has this key."""
        return self._account("key = %s", key)

    def listed(self, after: str, limit: int) -> list[Account]:
        """The accounts whose names' keys come after this one."""
        return self.accounts("key > %s ORDER BY key LIMIT %s", after, limit)

    def due(self, at: float) -> list[Account]:
        """The accounts whose time has come."""
        return self.accounts("state = 'closing' AND closes_at <= %s ORDER BY closes_at", at)

    def has_owner(self) -> bool:
        """Whether an account that is not closed is an owner's. Looks at all accounts."""
        return self._finds("SELECT FROM account WHERE role = 'owner' AND state <> 'closed' LIMIT 1")

    def living(self, number: int) -> Account | None:
        """The account with this id, unless it is closed."""
        return self._account(f"id = %s AND state <> 'closed'{self._lock}", number)

    def put_account(self, new: Account) -> None:
        """Store an account as it is now."""
        columns = _STORED.split(", ")
        self._do(
            f"INSERT INTO account ({_STORED}) VALUES ({', '.join(['%s'] * len(columns))}) ON CONFLICT (id) DO UPDATE"  # noqa: S608 - as above
            f" SET {', '.join(f'{column} = excluded.{column}' for column in columns[1:])}",
            *values_of(new),
        )

    def is_used(self, number: int) -> bool:
        """Whether this is the id of an account, or was."""
        return self._finds(
            "SELECT 1 FROM account WHERE id = %s UNION SELECT 1 FROM ended WHERE account = %s", number, number
        )

    # Names.

    def is_called(self, name: str) -> bool:
        """Whether an account has this name, or one that looks like it."""
        return self._finds("SELECT FROM account WHERE key = %s OR skeleton = %s", name, name)

    def name_refusal(self, key: str, skeleton: str, number: int, at: float) -> Refusal | None:
        """Why an account (0: a new one) cannot have a name; see NamesIndex.refusal. Nor can it have one that another person has who is here."""
        self._rows("SELECT lock_names(%s)", [key, skeleton])
        ((why, other),) = self._rows("SELECT * FROM account_refusal(%s, %s, %s, %s)", key, skeleton, number, at)
        if why is not None:
            return Refusal(why, other)
        held = self._rows(
            "SELECT key = %s, nick FROM held WHERE (key = %s OR skeleton = %s) AND person <> %s"
            " AND NOT EXISTS (SELECT FROM account WHERE id = %s AND account.key = %s) ORDER BY 1 DESC LIMIT 1",
            *(
                key,
                key,
                skeleton,
                self._person,
                number,
                key,
            ),  # whoever has its own name was somebody before it was made
        )
        return Refusal("held" if held[0][0] else "like-held", held[0][1]) if held else None

    def keep_name(self, new: Account, kept: KeptName | None) -> None:
        """Note that an account has its name, and another one is kept from others."""
        self._do("DELETE FROM kept_name WHERE key = %s", new.key)
        if kept is not None:
            self._do(
                f"INSERT INTO kept_name ({KEPT_NAME}) VALUES (%s, %s, %s, %s) ON CONFLICT (key) DO UPDATE"  # noqa: S608 - as above
                " SET skeleton = excluded.skeleton, account = excluded.account, until = excluded.until, change = NULL",
                *kept,
            )

    def kept_names(self, condition: str, *values: object) -> list[KeptName]:
        """The names that are kept and of which something is so."""
        rows = self._rows(f"SELECT {KEPT_NAME} FROM kept_name WHERE {condition}", *values)  # noqa: S608 - as above
        return [KeptName(*row) for row in rows]

    def free_names(self, number: int) -> list[KeptName]:
        """Keep no more names for an account than may be; return those that are free now."""
        free = self.kept_names("account = %s ORDER BY until OFFSET %s", number, KEPT_NAMES_MAX)
        self.forget_names(free)
        return free

    def forget_names(self, free: Iterable[KeptName]) -> None:
        """Keep these names no longer."""
        self._do("DELETE FROM kept_name WHERE key = ANY (%s)", [name.key for name in free])

    def carry_over(self, sender: str, person: str, account: int) -> None:
        """Keys and positions of whoever was a guest are the account's. The name that they have is handed on by each node that they are at."""
        to = sender_of(account)
        if sender:
            self._do(
                "UPDATE sent SET sender = %s WHERE sender = %s AND key IN"
                " (SELECT key FROM sent WHERE sender = %s ORDER BY at DESC, seq DESC LIMIT %s)",
                *(to, sender, sender, CARRIED_MAX),
            )
        if person:
            self._do("UPDATE position SET person = %s WHERE room IN (SELECT id FROM room) AND person = %s", to, person)

    # Devices.

    def devices(self, condition: str, *values: object) -> list[Device]:
        """The devices of which something is so, the oldest first."""
        question = f"SELECT {DEVICE}, {_DEVICE_ROOMS} FROM device WHERE {condition} ORDER BY id"  # noqa: S608 - as above
        return [*map(device_of, self._rows(question, *values))]

    def devices_of(self, number: int) -> list[Device]:
        """The devices of an account."""
        return self.devices("account = %s", number)

    def holder(self, digest: bytes, at: float) -> Holder | None:
        """Whose token this is the digest of."""
        found = self.devices("digest = %s AND coalesce(ends > %s, true)", digest, at)
        whose = self.account(found[0].account) if found else None
        return Holder(whose, found[0]) if whose else None

    def has_token(self, digest: bytes) -> bool:
        """Whether a device has the token with this digest."""
        return self._finds("SELECT FROM device WHERE digest = %s", digest)

    def add_device(self, number: int, new: NewDevice, at: float) -> Device:
        """Store a device."""
        is_limited = new.rooms is not None
        ((device,),) = self._rows(
            "INSERT INTO device (account, name, digest, made, kind, seen, network, ends, is_limited)"
            " VALUES (%s, %s, %s, %s, %s, %s, %s, %s, %s) RETURNING id",
            *(number, new.name, new.digest, at, new.kind, at, new.network, new.ends, is_limited),
        )
        self._add_rooms("device", device, new.rooms or ())
        (added,) = self.devices("id = %s", device)
        return added

    def _add_rooms(self, table: str, number: int, rooms: Sequence[str]) -> None:
        if rooms:
            self._do(
                f"INSERT INTO {table}_room ({table}, room) SELECT %s, id FROM room WHERE name = ANY (%s) AND NOT is_deleted",  # noqa: S608 - as above
                *(number, [*rooms]),
            )

    def drop_devices(self, dropped: Collection[int]) -> None:
        """Forget devices."""
        for question in ("DELETE FROM device_room WHERE device = ANY (%s)", "DELETE FROM device WHERE id = ANY (%s)"):
            self._do(question, [*dropped])

    # Codes.

    def codes(self, condition: str, *values: object) -> list[Code]:
        """The codes of which something is so, the oldest first."""
        question = f"SELECT {CODE}, {_CODE_ROOMS} FROM code WHERE {condition} ORDER BY id"  # noqa: S608 - as above
        return [*map(code_of, self._rows(question, *values))]

    def codes_of(self, number: int) -> list[Code]:
        """The codes that an account has made, or that are for it."""
        return self.codes(f"account = %s {'OR' if number else 'AND'} made_by = %s", number, number)

    def code(self, digest: bytes, at: float) -> Code | None:
        """The code with this digest, if it may be used now."""
        if self._lock:
            # The account is locked before the code: who ends what lets it in has the account, and wants its codes.
            for (account,) in self._rows("SELECT account FROM code WHERE digest = %s", digest):
                self.living(account)  # before the code: who ends what lets it in has the account, and wants its codes
            self._rows("SELECT FROM code WHERE digest = %s FOR UPDATE", digest)
        found = self.codes("digest = %s", digest)
        return found[0] if found and found[0].is_good(at) else None

    def has_code(self, digest: bytes) -> bool:
        """Whether there is a code with this digest."""
        return self._finds("SELECT FROM code WHERE digest = %s", digest)

    def codes_beside(self, code: Code) -> int:
        """How many codes count with this one."""
        whose, values = (
            ("(account = %s OR made_by = %s)", (code.made_by, code.made_by))
            if code.made_by
            else ("account = %s AND made_by = 0", (code.account,))
        )
        ((count,),) = self._rows(
            f"SELECT count(*) FROM code WHERE uses > 0 AND coalesce(ends > %s, true) AND {whose}",  # noqa: S608 - as above
            *(code.made, *values),
        )
        return int(count)

    def add_code(self, new: Code) -> None:
        """Store a code."""
        ((number,),) = self._rows(
            f"INSERT INTO code ({CODE}) VALUES (%s, %s, %s, %s, %s, %s, %s, %s) RETURNING id",  # noqa: S608 - as above
            *(new.digest, new.purpose, new.made, new.ends, new.account, new.name, new.made_by, new.uses),
        )
        self._add_rooms("code", number, new.rooms)

    def use_up(self, used: Code) -> None:
        """Let a code be used once less; one that cannot be used again is forgotten."""
        self._do("UPDATE code SET uses = uses - 1 WHERE digest = %s", used.digest)
        self._drop_codes("digest = %s AND uses <= 0", used.digest)

    def _drop_codes(self, condition: str, *values: object) -> int:
        """Forget the codes of which something is so; return how many."""
        dropped = [number for (number,) in self._rows(f"DELETE FROM code WHERE {condition} RETURNING id", *values)]  # noqa: S608 - as above
        if dropped:
            self._do("DELETE FROM code_room WHERE code = ANY (%s)", dropped)
        return len(dropped)

    def drop_codes_for_devices(self, number: int) -> None:
        """Forget the codes that let an account in at one more device."""
        self._drop_codes("account = %s AND purpose = 'device'", number)

    def drop_codes_like(self, code: Code) -> None:
        """Forget those for the same purpose, and the same account or name."""
        self._drop_codes("account = %s AND purpose = %s AND name = %s", code.account, code.purpose, code.name)

    def make_codes_alone(self, codes: Sequence[Code]) -> None:
        """Let nobody else make codes until this is stored, nor end the accounts that these are for."""
        self._rows("SELECT pg_advisory_xact_lock(%s)", CODES_LOCK)
        for account in sorted({code.account for code in codes} - {0}):
            self.living(account)

    def unless_refused(self, change: Callable[[], Refusal | None]) -> Refusal | None:
        """Do something; if it is refused, nothing of it is done."""
        self._do("SAVEPOINT attempt")
        refusal = change()
        if refusal is not None:
            self._do("ROLLBACK TO attempt")
        self._do("RELEASE attempt")
        return refusal

    # Failed tries, and the end.

    def failures(self) -> list[Failure]:
        """Failed tries, those that have been quiet longest first."""
        return [Failure(*row) for row in self._rows(f"SELECT {FAILURE} FROM failure ORDER BY at")]  # noqa: S608 - as above

    def forget_all_of(self, number: int) -> None:
        """Forget an account's devices, codes, failed tries and read positions."""
        self.drop_devices([device.id for device in self.devices_of(number)])
        self._drop_codes("account = %s OR made_by = %s", number, number)
        for table in ("failure", "mention", "came_from"):
            self._do(f"DELETE FROM {table} WHERE account = %s", number)  # noqa: S608 - as above
        self._do("DELETE FROM position WHERE room IN (SELECT id FROM room) AND person = %s", sender_of(number))

    def put_ended(self, ended: Ended) -> None:
        """Note that an account's lines are to be rewritten."""
        self._do(f"INSERT INTO ended ({ENDED}, is_done) VALUES (%s, %s, %s, false)", *ended)  # noqa: S608 - as above

    def drop_old_codes(self, at: float, limit: int) -> int:
        """Forget some codes that have ended; return how many."""
        return self._drop_codes(
            "id IN (SELECT id FROM code WHERE ends <= %s LIMIT %s FOR UPDATE SKIP LOCKED)", at, limit
        )

    def old_devices(self, at: float, limit: int) -> list[int]:
        """Some devices that have ended."""
        question = "SELECT id FROM device WHERE ends <= %s LIMIT %s FOR UPDATE SKIP LOCKED"
        return [number for (number,) in self._rows(question, at, limit)]

    def old_names(self, at: float, limit: int) -> list[KeptName]:
        """Some names that need not be kept."""
        return self.kept_names("until <= %s LIMIT %s FOR UPDATE SKIP LOCKED", at, limit)

    def drop_old_failures(self, at: float) -> int:
        """Forget failed tries of this time or before; return how many."""
        return self._do("DELETE FROM failure WHERE at <= %s", at)


def _cases_in(connection: Connection) -> CaseRows:
    """The table of what waits for moderators."""

    def do(statement: str, *values: object) -> psycopg.Cursor[tuple[Any, ...]]:
        return connection.execute(statement.replace("?", "%s").encode(), values)

    def begin() -> None:
        connection.execute("SELECT pg_advisory_xact_lock(%s)", [CASES_LOCK])

    return CaseRows(lambda question, *values: do(question, *values).fetchall(), do, begin, " AND NOT room.is_deleted")
