"""The table of acts of the server's moderators in PostgreSQL, as part of somebody's transaction or of a reading. See act_changes.ActTables."""

from collections.abc import Sequence
from typing import Any

import psycopg

from chat_server.accounts.acts import ActPlace, Neighbour, OfficeHolder, ServerAct
from chat_server.accounts.networks import CameFrom
from chat_server.journal.account_rows import CAME_FROM, shown
from chat_server.journal.act_changes import ACT, acts_of, called, values_of, written
from chat_server.journal.postgresql.account_functions import ACTS_LOCK
from chat_server.protocol.requests import NUMBER_MAX

Connection = psycopg.Connection[tuple[Any, ...]]

_IN_FORCE = "kind IN ('kicked', 'muted', 'banned') AND NOT is_lifted AND until > %s"

_SEEN_SINCE = "SELECT account, network FROM came_from WHERE at >= %s UNION SELECT account, network FROM device WHERE seen >= %s AND network <> ''"


class PostgresqlActs:
    """See act_changes.ActTables."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def _acts(self, condition: str, *values: object) -> list[ServerAct]:
        return acts_of(self._rows(f"SELECT what FROM act WHERE {condition}", *values))  # noqa: S608 - never what somebody typed

    def _rows(self, question: str, *values: object) -> list[tuple[Any, ...]]:
        return self._connection.execute(question.encode(), values).fetchall()

    def _do(self, statement: str, *values: object) -> int:
        """Returns how many rows it was done to."""
        return self._connection.execute(statement.encode(), values).rowcount

    def begin(self) -> int:
        """The number of the newest act; nobody else stores one until this transaction ends."""
        self._rows("SELECT pg_advisory_xact_lock(%s)", ACTS_LOCK)
        return self.newest()

    def newest(self) -> int:
        """The number of the newest act."""
        ((newest,),) = self._rows("SELECT coalesce(max(number), 0) FROM act")
        return int(newest)

    def put(self, act: ServerAct, *, is_lifted: bool = False) -> None:
        """Store an act."""
        values = values_of(act, is_lifted=is_lifted)
        self._do(f"INSERT INTO act ({ACT}) VALUES (%s, %s, %s, %s, %s, %s, %s, %s)", *values)  # noqa: S608 - as above

    def in_force(self, number: int, at: float) -> ServerAct | None:
        """What forbids somebody something, if it is in force."""
        return next(iter(self._acts(f"number = %s AND {_IN_FORCE}", number, at)), None)

    def are_in_force(self, at: float) -> list[ServerAct]:
        """All of that, and the newest panic."""
        panic = self._acts("number = (SELECT max(number) FROM act WHERE kind = 'panic') AND until > %s", at)
        return [*self._acts(f"{_IN_FORCE} ORDER BY number", at), *panic]

    def count_in_force(self, at: float) -> int:
        """How many there are."""
        ((count,),) = self._rows(f"SELECT count(*) FROM act WHERE {_IN_FORCE}", at)  # noqa: S608 - as above
        return int(count)

    def lift(self, number: int) -> None:
        """Have it in force no longer."""
        self._do("UPDATE act SET is_lifted = true WHERE number = %s", number)

    def after(self, number: int, limit: int) -> list[ServerAct]:
        """Some acts after a number."""
        return self._acts("number > %s ORDER BY number LIMIT %s", number, limit)

    def before(self, number: int, limit: int) -> list[ServerAct]:
        """Some acts before a number."""
        return self._acts("number < %s ORDER BY number DESC LIMIT %s", number or NUMBER_MAX, limit)

    def of_room(self, room: str, before: ActPlace | None, limit: int) -> list[ServerAct]:
        """Some of what was done in a room."""
        question = (
            "SELECT what FROM room_act WHERE room = (SELECT id FROM room WHERE name = %s AND NOT is_deleted)"
            " AND (number, nth) < (%s, %s) ORDER BY number DESC, nth DESC LIMIT %s"
        )
        return acts_of(self._rows(question, room, *(before or ActPlace(NUMBER_MAX)), limit))

    def call(self, account: int, nick: str) -> None:
        """Whoever has this account is called so in all acts."""
        for act in self._acts("author = %s OR account = %s", account, account):
            what = values_of(called(act, account, nick))[-1]
            self._do("UPDATE act SET what = %s WHERE number = %s", what, act.number)
        question = "SELECT room, number, nth, what FROM room_act WHERE author = %s OR account = %s"
        for *where, text in self._rows(question, account, account):
            for act in acts_of([(text,)]):
                what = written(called(act, account, nick))
                self._do("UPDATE room_act SET what = %s WHERE room = %s AND number = %s AND nth = %s", what, *where)

    def holders(self) -> list[OfficeHolder]:
        """Who has a role on the server."""
        rows = self._rows(
            "SELECT name, role FROM account WHERE role <> 'member' AND state <> 'closed' ORDER BY key LIMIT 1000"
        )
        return [OfficeHolder(shown(name), role) for name, role in rows]

    def has_other_admin(self, account: int) -> bool:
        """Whether another account is an admin's or an owner's."""
        question = "SELECT FROM account WHERE role IN ('admin', 'owner') AND state <> 'closed' AND id <> %s LIMIT 1"
        return bool(self._rows(question, account))

    def seen_since(self, at: float) -> list[tuple[int, str]]:
        """From which networks accounts have come."""
        return [(int(account), str(network)) for account, network in self._rows(_SEEN_SINCE, at, at)]

    def drop_old_networks(self, at: float) -> int:
        """Forget where accounts have come from at this time or before; return how much."""
        return self._do("DELETE FROM came_from WHERE at <= %s", at)

    def networks_of(self, account: int) -> list[CameFrom]:
        """The networks from which an account has come."""
        question = f"SELECT {CAME_FROM} FROM came_from WHERE account = %s ORDER BY at DESC, network"  # noqa: S608 - as above
        return [CameFrom(*row) for row in self._rows(question, account)]

    def networks_since(self, at: float) -> list[str]:
        """From which networks accounts have come since a time."""
        rows = self._rows(f"SELECT DISTINCT network FROM ({_SEEN_SINCE}) AS one", at, at)  # noqa: S608 - as above
        return [str(network) for (network,) in rows]

    def came_from(self, networks: Sequence[str], at: float) -> list[Neighbour]:
        """The accounts that have come from these since a time."""
        rows = self._rows(
            f"SELECT id, name, made, role FROM account WHERE state <> 'closed' AND id IN (SELECT account FROM ({_SEEN_SINCE}) AS one"  # noqa: S608 - as above
            " WHERE network = ANY (%s)) ORDER BY key",
            *(at, at, [*networks]),
        )
        return [Neighbour(number, shown(name), made, role) for number, name, made, role in rows]
