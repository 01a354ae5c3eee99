"""The tables of accounts, as far as what they keep moves to another engine or comes from one. See journal/account_records.py."""

from collections.abc import Iterator
from contextlib import contextmanager

import psycopg

from chat_server.accounts import Account, Code, Device, Ended
from chat_server.accounts.names_index import KeptName
from chat_server.accounts.networks import CameFrom
from chat_server.accounts.office import KeptAct
from chat_server.journal.account_rows import CAME_FROM, DEVICE, ENDED, KEPT_NAME
from chat_server.journal.act_changes import ROOM_ACT, kept_acts, room_values_of
from chat_server.journal.postgresql.account_tables import PostgresqlTables


class PostgresqlRecords(PostgresqlTables):
    """See RecordTables. What is refused has changed nothing: more can be stored after it."""

    @contextmanager
    def _refusals(self) -> Iterator[None]:
        try:
            with self.connection.transaction():
                yield
        except psycopg.IntegrityError as error:
            raise ValueError(f"it is there already, or belongs to nothing: {error.diag.message_primary}") from error

    def came_from(self) -> list[CameFrom]:
        """From which networks accounts have logged in."""
        return [CameFrom(*row) for row in self._rows(f"SELECT {CAME_FROM} FROM came_from ORDER BY account, network")]  # noqa: S608 - a list of columns

    def ended(self) -> list[Ended]:
        """The accounts whose lines stand under another name."""
        return [Ended(*row) for row in self._rows(f"SELECT {ENDED} FROM ended ORDER BY account")]  # noqa: S608 - a list of columns

    def put_account(self, new: Account) -> None:
        """Store an account."""
        with self._refusals():
            super().put_account(new)

    def put_device(self, device: Device) -> None:
        """Store a device under its number. The next one that is added gets a greater one."""
        values = (
            device.id,
            device.account,
            device.name,
            device.digest,
            device.made,
            device.kind,
            device.seen,
            device.network,
            device.ends,
        )
        with self._refusals():
            self._do(
                f"INSERT INTO device ({DEVICE}, is_limited) VALUES ({', '.join(['%s'] * 10)})",  # noqa: S608 - a list of columns
                *(*values, device.rooms is not None),
            )
            self._rows(
                "SELECT setval(pg_get_serial_sequence('device', 'id'), greatest(%s, nextval(pg_get_serial_sequence('device', 'id'))))",
                device.id,
            )
            self._add_rooms("device", device.id, device.rooms or ())

    def add_code(self, new: Code) -> None:
        """Store a code."""
        with self._refusals():
            super().add_code(new)

    def put_kept_name(self, kept: KeptName) -> None:
        """Store a name that is kept."""
        with self._refusals():
            self._do(f"INSERT INTO kept_name ({KEPT_NAME}) VALUES (%s, %s, %s, %s)", *kept)  # noqa: S608 - a list of columns

    def put_network(self, one: CameFrom) -> None:
        """Store from which network an account has logged in."""
        with self._refusals():
            self._do(f"INSERT INTO came_from ({CAME_FROM}) VALUES (%s, %s, %s)", *one)  # noqa: S608 - a list of columns

    def put_ended(self, ended: Ended) -> None:
        """Note that an account's lines are to be rewritten, also if they have been."""
        self._do("DELETE FROM ended WHERE account = %s", ended.account)
        super().put_ended(ended)

    def put_done(self, ended: Ended) -> None:
        """Store that the lines of an account have been rewritten."""
        with self._refusals():
            self._do(f"INSERT INTO ended ({ENDED}, is_done) VALUES (%s, %s, %s, true)", *ended)  # noqa: S608 - a list of columns

    def kept_acts(self) -> Iterator[KeptAct]:
        """What was done by office."""
        yield from kept_acts(
            self._rows("SELECT what, is_lifted FROM act ORDER BY number"),
            self._rows(
                "SELECT what, room_act.room, name FROM room_act LEFT JOIN room ON room.id = room_act.room AND NOT is_deleted"
                " ORDER BY name IS NULL, abs(room_act.room), number, nth"
            ),
        )

    def put_act(self, kept: KeptAct) -> None:
        """Store what was done by office."""
        with self._refusals():
            if not (kept.room or kept.gone):
                self.acts.put(kept.act, is_lifted=kept.is_lifted)
                return
            found = self._rows("SELECT id FROM room WHERE name = %s AND NOT is_deleted", kept.room)
            if kept.room and not found:
                raise ValueError("expected its room first")
            room = found[0][0] if found else -kept.gone
            self._do(
                f"INSERT INTO room_act ({ROOM_ACT}) VALUES (%s, %s, %s, %s, %s, %s)",  # noqa: S608 - a list of columns
                *room_values_of(room, kept.act),
            )
