"""How this program connects to PostgreSQL: what a session may take, and what a connection that is silent may.

Blocks. Never knows what is asked by a connection.
"""

import os
import socket
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from threading import Timer
from typing import Literal

import psycopg
from psycopg.conninfo import conninfo_to_dict, make_conninfo
from psycopg.rows import TupleRow

from chat_server.journal import UnusableJournal
from chat_server.journal.postgresql.arrays import register
from chat_server.journal.postgresql.lineage import Lineage

Purpose = Literal["append", "write", "read", "follow", "listen", "life", "archive"]
"""What a connection is for; it is called `chat-server NODE PURPOSE` in pg_stat_activity. Others end what a node that is over has for reading."""

CONNECT_SECONDS = 5
"""Seconds that one address has to answer."""

LOCK_SECONDS = 9
"""Seconds that an append waits for a room that another commit has locked. Longer means that the commit waits for a standby, or the engine hangs:
the append is sent again, and meanwhile there are not more and more sessions that wait."""

READ_SECONDS = 30
"""Seconds that reading may take."""

_SILENCE = {
    "connect_timeout": str(CONNECT_SECONDS),
    "keepalives": "1",
    "keepalives_idle": "5",
    "keepalives_interval": "2",
    "keepalives_count": "3",
    "tcp_user_timeout": "10000",
}
"""An engine whose machine is gone is noticed after 10 s or so."""

_EVERY = {
    "default_transaction_isolation": "read committed",  # behind its locks, append must see what was stored before
    "idle_in_transaction_session_timeout": "5s",
    "jit": "off",
    # Never one for what stores something: a commit that waits for its standby and is cancelled is shown to everybody, and is not on the standby.
    "statement_timeout": "0",
    "client_connection_check_interval": "0",
    "lock_timeout": f"{LOCK_SECONDS}s",
}
_ALWAYS = {
    # The tables are small when the plans are made, and they stay: to go through a table that has grown since took 20 times as long.
    "plan_cache_mode": "force_generic_plan",
    "enable_seqscan": "off",
    "enable_hashjoin": "off",
    "enable_mergejoin": "off",
}
_READ = {"statement_timeout": f"{READ_SECONDS}s"}
# A command has one transaction, as long as a file is read or written.
_ARCHIVE = {"idle_in_transaction_session_timeout": "0"}
_OF: dict[Purpose, dict[str, str]] = {
    "append": _ALWAYS,
    "follow": _ALWAYS | _READ,  # a plan took twice as long to make as to carry out
    "read": _READ,
    "listen": _ALWAYS | _READ,  # it reads what it hears of
    "archive": _ARCHIVE,
}
_SET = "SELECT set_config(s.name, s.value, false) FROM unnest(%s::text[], %s::text[]) AS s (name, value)"


def checked_url(url: str) -> str:
    """The setting, if a program can use it. Raises UnusableJournal."""
    if not url:
        raise UnusableJournal(
            '[journal] engine = "postgresql" needs [journal] url, such as "host=db.example.org dbname=chat user=chat"'
        )
    try:
        parts = conninfo_to_dict(url)
    except psycopg.Error as error:
        raise UnusableJournal(f"[journal] url is none that PostgreSQL understands: {str(error).strip()}") from None
    if parts.get("password"):
        raise UnusableJournal(
            "[journal] url has a password, which does not belong into a configuration; put it into a file that PGPASSFILE names,"
            " or all of it into a service of pg_service.conf (service=NAME)"
        )
    return url


def connect(
    url: str,
    purpose: Purpose,
    durability: str = "full",
    *,
    node: int = 0,
    may_be_standby: bool = False,
    lineage: Lineage | None = None,
) -> psycopg.Connection[TupleRow]:
    """A connection in autocommit.

    Args:
        url: the setting `[journal] url`.
        purpose: what it is for.
        durability: the setting `[journal] durability`.
        node: the number of the node whose connection it is; 0: of none.
        may_be_standby: whether it may be to a server that stores nothing.
        lineage: what is known of which database is the one; None: whichever answers is.

    Raises:
        psycopg.OperationalError: nobody answers, or nobody who stores something.

    """
    session = {
        **_EVERY,
        **_OF.get(purpose, {}),
        "synchronous_commit": "local" if durability == "process" else "on",
    }
    told: dict[str, str] = {
        **_SILENCE,
        "target_session_attrs": "any" if may_be_standby else "read-write",
        **{name: str(value) for name, value in conninfo_to_dict(url).items()},
        "client_encoding": "UTF8",
        "application_name": f"chat-server {node} {purpose}",
    }
    if lineage is None:
        return _open(told, session)
    return lineage.connected(told, lambda address: _open(address, session))


def _open(told: Mapping[str, str], session: Mapping[str, str]) -> psycopg.Connection[TupleRow]:
    connection = psycopg.connect(make_conninfo("", **told), autocommit=True, prepare_threshold=0)
    try:
        # By a statement, and not as the connection is made: a pooler refuses `options`, or does not hand them on.
        with _at_most(connection, CONNECT_SECONDS):
            connection.execute(_SET, [[*session], [*session.values()]], prepare=False)
    except psycopg.Error:
        connection.close()
        raise
    connection.prepared_max = None  # as many as there are statements in this program
    register(connection)
    return connection


@contextmanager
def _at_most(connection: psycopg.Connection[TupleRow], seconds: float) -> Iterator[None]:
    """Whoever waits for the connection in the block is let go after so many seconds: what keeps them waiting may answer keepalives for ever."""
    with socket.socket(fileno=os.dup(connection.fileno())) as its_socket:
        timer = Timer(seconds, _shut, [its_socket])
        timer.start()
        try:
            yield
        finally:
            timer.cancel()
            timer.join()


def _shut(its_socket: socket.socket) -> None:
    with suppress(OSError):
        its_socket.shutdown(socket.SHUT_RDWR)
