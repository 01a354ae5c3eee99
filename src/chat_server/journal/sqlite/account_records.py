"""The tables of accounts, as far as what they keep moves to another engine or comes from one. See journal/account_records.py."""

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager

from chat_server.accounts import Account, Code, Device, Ended, NewDevice
from chat_server.accounts.names_index import KeptName
from chat_server.accounts.networks import CameFrom
from chat_server.accounts.office import KeptAct
from chat_server.journal.account_rows import CAME_FROM, ENDED
from chat_server.journal.act_changes import ROOM_ACT, kept_acts, room_values_of
from chat_server.journal.sqlite.account_tables import SqliteTables


@contextmanager
def _refusals() -> Iterator[None]:
    try:
        yield
    except sqlite3.IntegrityError as error:
        raise ValueError(f"it is there already, or belongs to nothing: {error}") from error


class SqliteRecords(SqliteTables):
    """See RecordTables."""

    def came_from(self) -> Iterator[CameFrom]:
        """From which networks accounts have logged in."""
        for row in self._connection.execute(f"SELECT {CAME_FROM} FROM came_from ORDER BY account, network"):  # noqa: S608 - a list of columns
            yield CameFrom(*row)

    def ended(self) -> Iterator[Ended]:
        """The accounts whose lines stand under another name."""
        for row in self._connection.execute(f"SELECT {ENDED} FROM ended ORDER BY account"):  # noqa: S608 - a list of columns
            yield Ended(*row)

    def put_account(self, new: Account) -> None:
        """Store an account."""
        with _refusals():
            super().put_account(new)

    def put_device(self, device: Device) -> None:
        """Store a device under its number."""
        new = NewDevice(device.name, device.digest, device.kind, device.network, device.ends, device.rooms)
        with _refusals():
            number = self.add_device(device.account, new, device.made).id
            self._connection.execute(
                "UPDATE device SET id = ?, seen = ? WHERE id = ?", (device.id, device.seen, number)
            )
            self._connection.execute("UPDATE device_room SET device = ? WHERE device = ?", (device.id, number))

    def add_code(self, new: Code) -> None:
        """Store a code."""
        with _refusals():
            super().add_code(new)

    def put_kept_name(self, kept: KeptName) -> None:
        """Store a name that is kept."""
        with _refusals():
            self._connection.execute("INSERT INTO kept_name VALUES (?, ?, ?, ?)", kept)

    def put_network(self, one: CameFrom) -> None:
        """Store from which network an account has logged in."""
        with _refusals():
            self._connection.execute("INSERT INTO came_from VALUES (?, ?, ?)", one)

    def put_done(self, ended: Ended) -> None:
        """Store that the lines of an account have been rewritten."""
        with _refusals():
            self._connection.execute("INSERT INTO ended VALUES (?, ?, ?, 1)", ended)

    def kept_acts(self) -> Iterator[KeptAct]:
        """What was done by office."""
        yield from kept_acts(
            self._connection.execute("SELECT what, is_lifted FROM act ORDER BY number"),
            self._connection.execute(
                "SELECT what, room, name FROM room_act LEFT JOIN room ON room.id = room ORDER BY name IS NULL, abs(room), number, nth"
            ),
        )

    def put_act(self, kept: KeptAct) -> None:
        """Store what was done by office."""
        with _refusals():
            if not (kept.room or kept.gone):
                self.acts.put(kept.act, is_lifted=kept.is_lifted)
                return
            found = self._connection.execute("SELECT id FROM room WHERE name = ?", (kept.room,)).fetchone()
            if kept.room and found is None:
                raise ValueError("expected its room first")
            room = found[0] if found is not None else -kept.gone
            self._connection.execute(
                f"INSERT INTO room_act ({ROOM_ACT}) VALUES (?, ?, ?, ?, ?, ?)",  # noqa: S608 - a list of columns
                room_values_of(room, kept.act),
            )
