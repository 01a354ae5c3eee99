"""Whether a PostgreSQL keeps what people were shown, before anything is kept there. Blocks; never knows what is kept."""

from contextlib import closing, suppress
from typing import Protocol

import psycopg
from psycopg.rows import TupleRow

from chat_server.journal import UnusableJournal

Connection = psycopg.Connection[TupleRow]

VERSION_MIN = 14

MUST_BE_ON = {
    "fsync": "a crash of its machine would damage the journal",
    "full_page_writes": "a crash of its machine would damage the journal",
}
"""Settings of the database without which it keeps nothing for sure, and why."""


NO_STANDBY = (
    "the database has no synchronous standby: if its machine is lost, so are the last moments that people were shown"
    " (synchronous_standby_names; [journal] durability)"
)

STANDBY_AWAY = (
    "no standby is connected to the database, which waits for one before it stores anything: so does this start"
    " (pg_stat_replication, synchronous_standby_names)"
)


class Connect(Protocol):
    """Connects to the database. Raises psycopg.Error."""

    def __call__(self, *, may_be_standby: bool = False) -> Connection:
        """Connect to one that stores something, or also to one that does not."""
        ...


def check_database(connect: Connect, durability: str) -> list[str]:
    """Raise UnusableJournal if the database that this connects to cannot be used. Returns what its owner should know."""
    try:
        with closing(connect()) as connection, closing(connect()) as other:
            return _problems(connection, other, durability)
    except psycopg.Error as error:
        _refuse_standby(connect)
        raise UnusableJournal(f"cannot use the database ([journal] url): {' '.join(str(error).split())}") from error


def _refuse_standby(connect: Connect) -> None:
    """Nobody was there who stores something; say so if somebody was there at all."""
    with suppress(psycopg.Error), closing(connect(may_be_standby=True)) as connection:
        if connection.execute("SELECT pg_is_in_recovery()").fetchall() == [(True,)]:
            raise UnusableJournal(
                "the database that answers is a standby, which stores nothing: [journal] url must have the primary's address, too or alone;"
                " if it has, the primary is down, and is to be brought back, or the standby promoted"
            )


def _problems(connection: Connection, other: Connection, durability: str) -> list[str]:
    _refuse_pooler(connection, other)  # first: to what is prepared in another's session there is no other answer
    version = connection.info.server_version
    if version < VERSION_MIN * 10000:
        raise UnusableJournal(f"the database is PostgreSQL {version // 10000}; a journal needs {VERSION_MIN} or newer")
    encoding = _shown(connection, "server_encoding")
    if encoding != "UTF8":
        raise UnusableJournal(
            f"the database has the encoding {encoding}, in which not everything can be said; make one with ENCODING 'UTF8'"
        )
    for name, why in MUST_BE_ON.items():
        if _shown(connection, name) != "on":
            raise UnusableJournal(f"the database has {name} off: {why}; turn it on in postgresql.conf")
    if durability != "full":
        return []
    if not _shown(connection, "synchronous_standby_names"):
        return [NO_STANDBY]
    # Others than superusers are shown that a standby is there, and nothing of it.
    return [] if connection.execute("SELECT FROM pg_stat_replication LIMIT 1").fetchall() else [STANDBY_AWAY]


def _shown(connection: Connection, setting: str) -> str:
    ((shown,),) = connection.execute("SELECT current_setting(%s)", [setting]).fetchall()
    return str(shown)


def _backend(connection: Connection) -> int:
    ((number,),) = connection.execute("SELECT pg_backend_pid()", prepare=False).fetchall()
    return int(number)


def _refuse_pooler(connection: Connection, other: Connection) -> None:
    """Two connections that are open at once have two sessions, and each keeps its own, unless something in between lends them."""
    mine, others = _backend(connection), _backend(other)
    connection.execute("LISTEN chat_probe", prepare=False)
    hears = connection.execute("SELECT pg_listening_channels()", prepare=False).fetchall()
    connection.execute("UNLISTEN chat_probe", prepare=False)
    if mine == others or hears != [("chat_probe",)]:
        raise UnusableJournal(
            "between this server and the database there is a pooler that lends sessions for one transaction each, by which nothing can be"
            " heard; connect to the database itself, or pool whole sessions"
        )
