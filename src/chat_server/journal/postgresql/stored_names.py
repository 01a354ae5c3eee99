"""The names of accounts in PostgreSQL, for the index that each node has of them: all of them, and what any node has changed since.

Each change of names has a number, which is in the rows that it changed: so nothing is missed, in whatever order transactions end.
"""

from collections.abc import Sequence
from typing import Any, NamedTuple

from chat_server.accounts.names_index import KeptName, NamesIndex
from chat_server.journal.account_rows import KEPT_NAME, shown
from chat_server.journal.postgresql.link import Connection


class NamesStored(NamedTuple):
    """The id, name, key and skeleton of some accounts, all names that are kept for them, and the number of the newest change that is in it."""

    change: int
    names: list[tuple[int, str, str, str]]
    kept: list[KeptName]


def load_names(connection: Connection, names: NamesIndex) -> int:
    """Take all names into the index; return the number of a change, all before which are in it.

    Some rows are read at a time: a list of 100,000 would stay in the process's memory.
    """
    change = _newest_change(connection)
    with connection.transaction(), connection.cursor("names") as rows, connection.cursor("kept") as kept:
        rows.execute("SELECT id, name, key, skeleton FROM account")
        kept.execute(f"SELECT {KEPT_NAME} FROM kept_name".encode())  # noqa: S608 - a list of columns
        names.load(map(_name_of, rows), (KeptName(*row) for row in kept))
    return change


def names_after(connection: Connection, change: int) -> NamesStored:
    """What has been stored of names after a change of this number."""
    newest = max(change, _newest_change(connection))
    rows = connection.execute("SELECT id, name, key, skeleton FROM account WHERE change > %s", [change]).fetchall()
    kept = connection.execute(
        f"SELECT {KEPT_NAME} FROM kept_name WHERE change > %s OR account = ANY (%s)".encode(),  # noqa: S608 - as above
        [change, [number for number, *_ in rows]],
    )
    return NamesStored(newest, [*map(_name_of, rows)], [KeptName(*row) for row in kept.fetchall()])


def _newest_change(connection: Connection) -> int:
    """The number of the newest change that can matter to names. Whatever is looked at after it has at least these."""
    asked = "SELECT greatest(0, (SELECT max(number) FROM change), (SELECT max(change) FROM account))"
    ((newest,),) = connection.execute(asked).fetchall()
    return int(newest)


def _name_of(row: Sequence[Any]) -> tuple[int, str, str, str]:
    number, name, key, skeleton = row
    return number, shown(name), key, skeleton
