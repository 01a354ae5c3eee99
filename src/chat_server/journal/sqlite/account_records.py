"""What is kept of accounts, for exports and imports. Never begins or ends a transaction."""

import sqlite3
from collections.abc import Iterator

from chat_server.accounts import Account, Code, Device, Ended, NewDevice, Record
from chat_server.accounts.names_index import KeptName
from chat_server.journal.account_rows import ENDED
from chat_server.journal.sqlite.account_tables import SqliteTables
from chat_server.protocol.names import was_a_name


def records(connection: sqlite3.Connection) -> Iterator[Record]:
    """Everything but failed tries; the connection sees one moment as long as this lasts."""
    tables = SqliteTables(connection)
    yield from tables.accounts("true ORDER BY id")
    yield from tables.devices("true")
    yield from tables.codes("true")
    yield from tables.kept_names("true ORDER BY key")
    for row in connection.execute(f"SELECT {ENDED} FROM ended ORDER BY account"):  # noqa: S608 - a list of columns
        yield Ended(*row)


def add_record(connection: sqlite3.Connection, record: Record) -> None:
    """Store what was kept elsewhere. Raises ValueError if it is of an account that is not there, or there already."""
    tables = SqliteTables(connection)
    try:
        match record:
            case Account():
                if tables.is_used(record.id):
                    raise ValueError(f"account {record.id} is there already")
                if not was_a_name(record.name):
                    raise ValueError(f"expected a name, got {record.name!r}")
                tables.put_account(record)
            case Device():
                _check_account(tables, record.account)
                new = NewDevice(record.name, record.digest, record.kind, record.network, record.ends, record.rooms)
                number = tables.add_device(record.account, new, record.made).id
                connection.execute("UPDATE device SET id = ?, seen = ? WHERE id = ?", (record.id, record.seen, number))
                connection.execute("UPDATE device_room SET device = ? WHERE device = ?", (record.id, number))
            case Code():
                if record.account:
                    _check_account(tables, record.account)
                tables.add_code(record)
            case KeptName():
                connection.execute("INSERT INTO kept_name VALUES (?, ?, ?, ?)", record)
            case Ended():
                connection.execute("INSERT INTO ended VALUES (?, ?, ?, 1)", record)
    except sqlite3.IntegrityError as error:
        raise ValueError(f"it is there already, or belongs to nothing: {error}") from error


def _check_account(tables: SqliteTables, number: int) -> None:
    if tables.account(number) is None:
        raise ValueError("expected its account first")
