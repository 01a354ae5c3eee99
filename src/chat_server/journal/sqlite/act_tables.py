"""The table of acts of the server's moderators in SQLite, as part of somebody's transaction or of a reading. See act_changes.ActTables."""

import sqlite3
from collections.abc import Mapping, Sequence

import msgspec

from chat_server.accounts.acts import ActPlace, Neighbour, OfficeHolder, ServerAct
from chat_server.accounts.networks import NETWORKS_MAX, CameFrom
from chat_server.journal.account_rows import CAME_FROM, shown
from chat_server.journal.act_changes import (
    ACT,
    ROOM_ACT,
    acts_of,
    audited,
    called,
    room_values_of,
    values_of,
    written,
)
from chat_server.journal.batch_codec import Stored
from chat_server.protocol.requests import NUMBER_MAX

_SEEN_SINCE = (
    "SELECT account, network FROM came_from WHERE at >= ?1"
    " UNION SELECT account, network FROM device WHERE seen >= ?1 AND network != ''"
)

_IN_FORCE = "kind IN ('kicked', 'muted', 'banned') AND NOT is_lifted AND until > ?"


def keep_acts(connection: sqlite3.Connection, rooms: Mapping[str, int], lines: Sequence[Stored]) -> None:
    """Keep what of these lines, which have their numbers, somebody has done by office. `rooms` are the rooms' numbers."""
    connection.executemany(
        f"INSERT OR REPLACE INTO room_act ({ROOM_ACT}) VALUES (?, ?, ?, ?, ?, ?)",  # noqa: S608 - a list of columns
        [room_values_of(rooms[lines[place].room], act) for place, act in audited(lines)],
    )


class SqliteActs:
    """See act_changes.ActTables."""

    def __init__(self, connection: sqlite3.Connection) -> None:
        self._connection = connection

    def _acts(self, condition: str, *values: object) -> list[ServerAct]:
        rows = self._connection.execute(f"SELECT what FROM act WHERE {condition}", values)  # noqa: S608 - never what somebody typed
        return acts_of(rows)

    def begin(self) -> int:
        """The number of the newest act; nobody else changes anything in a transaction of this file."""
        return self.newest()

    def newest(self) -> int:
        """The number of the newest act."""
        ((newest,),) = self._connection.execute("SELECT coalesce(max(number), 0) FROM act")
        return int(newest)

    def put(self, act: ServerAct, *, is_lifted: bool = False) -> None:
        """Store an act."""
        values = values_of(act, is_lifted=is_lifted)
        self._connection.execute(f"INSERT INTO act ({ACT}) VALUES (?, ?, ?, ?, ?, ?, ?, ?)", values)  # noqa: S608 - as above

    def in_force(self, number: int, at: float) -> ServerAct | None:
        """What forbids somebody something, if it is in force."""
        return next(iter(self._acts(f"number = ? AND {_IN_FORCE}", number, at)), None)

    def are_in_force(self, at: float) -> list[ServerAct]:
        """All of that, and the newest panic."""
        panic = self._acts("number = (SELECT max(number) FROM act WHERE kind = 'panic') AND until > ?", at)
        return [*self._acts(f"{_IN_FORCE} ORDER BY number", at), *panic]

    def count_in_force(self, at: float) -> int:
        """How many there are."""
        ((count,),) = self._connection.execute(f"SELECT count(*) FROM act WHERE {_IN_FORCE}", (at,))  # noqa: S608 - as above
        return int(count)

    def lift(self, number: int) -> None:
        """Have it in force no longer."""
        self._connection.execute("UPDATE act SET is_lifted = 1 WHERE number = ?", (number,))

    def after(self, number: int, limit: int) -> list[ServerAct]:
        """Some acts after a number."""
        return self._acts("number > ? ORDER BY number LIMIT ?", number, limit)

    def before(self, number: int, limit: int) -> list[ServerAct]:
        """Some acts before a number."""
        return self._acts("number < iif(?1, ?1, 9223372036854775807) ORDER BY number DESC LIMIT ?2", number, limit)

    def of_room(self, room: str, before: ActPlace | None, limit: int) -> list[ServerAct]:
        """Some of what was done in a room."""
        rows = self._connection.execute(
            "SELECT what FROM room_act WHERE room = (SELECT id FROM room WHERE name = ?)"
            " AND (number, nth) < (?, ?) ORDER BY number DESC, nth DESC LIMIT ?",
            (room, *(before or ActPlace(NUMBER_MAX)), limit),
        )
        return acts_of(rows)

    def call(self, account: int, nick: str) -> None:
        """Whoever has this account is called so in all acts."""
        for act in self._acts("author = ?1 OR account = ?1", account):
            what = values_of(called(act, account, nick))[-1]
            self._connection.execute("UPDATE act SET what = ? WHERE number = ?", (what, act.number))
        rows = self._connection.execute(
            "SELECT room, number, nth, what FROM room_act WHERE author = ?1 OR account = ?1", (account,)
        ).fetchall()
        for *where, text in rows:
            for act in acts_of([(text,)]):
                what = written(called(act, account, nick))
                self._connection.execute(
                    "UPDATE room_act SET what = ? WHERE room = ? AND number = ? AND nth = ?", (what, *where)
                )

    def holders(self) -> list[OfficeHolder]:
        """Who has a role on the server."""
        rows = self._connection.execute(
            "SELECT name, role FROM account WHERE role != 'member' AND state != 'closed' ORDER BY key LIMIT 1000"
        )
        return [OfficeHolder(shown(name), role) for name, role in rows]

    def has_other_admin(self, account: int) -> bool:
        """Whether another account is an admin's or an owner's."""
        found = self._connection.execute(
            "SELECT 1 FROM account WHERE role IN ('admin', 'owner') AND state != 'closed' AND id != ?", (account,)
        )
        return found.fetchone() is not None

    def seen_since(self, at: float) -> list[tuple[int, str]]:
        """From which networks accounts have come."""
        rows = self._connection.execute(f"SELECT account, network FROM ({_SEEN_SINCE})", (at,))  # noqa: S608 - as above
        return [(int(account), str(network)) for account, network in rows]

    def note_network(self, account: int, network: str, at: float) -> None:
        """One more network from which an account has come, instead of the one that it came from longest ago; "" is none."""
        self._connection.execute(
            f"INSERT INTO came_from ({CAME_FROM}) SELECT id, ?2, ?3 FROM account WHERE id = ?1 AND state != 'closed' AND ?2 != ''"  # noqa: S608 - as above
            " ON CONFLICT (account, network) DO UPDATE SET at = max(at, excluded.at)",
            (account, network, at),
        )
        self._connection.execute(
            "DELETE FROM came_from WHERE account = ?1 AND network NOT IN"
            " (SELECT network FROM came_from WHERE account = ?1 ORDER BY at DESC, network LIMIT ?2)",
            (account, NETWORKS_MAX),
        )

    def drop_old_networks(self, at: float) -> int:
        """Forget where accounts have come from at this time or before; return how much."""
        return self._connection.execute("DELETE FROM came_from WHERE at <= ?", (at,)).rowcount

    def networks_of(self, account: int) -> list[CameFrom]:
        """The networks from which an account has come."""
        question = f"SELECT {CAME_FROM} FROM came_from WHERE account = ? ORDER BY at DESC, network"  # noqa: S608 - as above
        return [CameFrom(*row) for row in self._connection.execute(question, (account,))]

    def networks_since(self, at: float) -> list[str]:
        """From which networks accounts have come since a time."""
        rows = self._connection.execute(f"SELECT DISTINCT network FROM ({_SEEN_SINCE})", (at,))  # noqa: S608 - as above
        return [str(network) for (network,) in rows]

    def came_from(self, networks: Sequence[str], at: float) -> list[Neighbour]:
        """The accounts that have come from these since a time."""
        rows = self._connection.execute(
            f"SELECT id, name, made, role FROM account WHERE state != 'closed' AND id IN (SELECT account FROM ({_SEEN_SINCE})"  # noqa: S608 - as above
            " WHERE network IN (SELECT value FROM json_each(?2))) ORDER BY key",
            (at, msgspec.json.encode(networks).decode()),
        )
        return [Neighbour(number, shown(name), made, role) for number, name, made, role in rows]
