"""The engine `postgresql`: a journal in a database, which several servers have together. See engines.Engine.

In the data directory is what each server has for itself: its search index, its certificate.
"""

from contextlib import closing
from pathlib import Path

import psycopg

from chat_server.journal import UnusableJournal
from chat_server.journal.data_directory import LOCK_FILE, LockedDirectory, data_directory
from chat_server.journal.engines import ALONE, NodeSettings, Settings, Store
from chat_server.journal.new_file import OwnFiles
from chat_server.journal.postgresql.connections import checked_url, connect
from chat_server.journal.postgresql.for_commands import (
    SEARCH_FILE,
    back_up,
    back_up_beside,
    editing,
    filling,
    open_archive,
    open_copy,
    restore,
)
from chat_server.journal.postgresql.lineage import Connection, Lineage
from chat_server.journal.postgresql.schema import MIGRATIONS, NewerSchema, migrate, version_of
from chat_server.journal.postgresql.start_checks import Connect, check_database
from chat_server.logs import log

__all__ = [
    "back_up",
    "back_up_beside",
    "check",
    "directory",
    "editing",
    "filling",
    "open_archive",
    "open_copy",
    "open_store",
    "own_files",
    "probe",
    "restore",
]

SQLITE_FILE = "journal.db"
"""What the engine `sqlite` calls its journal in a data directory."""

NEWER = "the journal in the database was made by a newer release of chat-server; this one cannot use it"

_BESIDE = ("", "-wal", "-shm", "-journal")


def check(settings: Settings) -> None:
    """See that the address can be one."""
    checked_url(settings.url)


def quick_look(settings: Settings, seconds: float) -> str:
    """The database looks after its files itself, and says so where it cannot read them."""
    del settings, seconds
    return ""


def probe(settings: Settings) -> list[str]:
    """Ask the database what a start asks it, and make nothing."""
    url = checked_url(settings.url)
    lineage, connect_to_check = _to_check(url)
    warnings = check_database(connect_to_check, settings.durability)
    try:
        with closing(connect(url, "read", lineage=lineage)) as connection:
            if version_of(connection) > len(MIGRATIONS):
                raise UnusableJournal(NEWER)
    except psycopg.Error as error:
        raise UnusableJournal(f"cannot use the database ([journal] url): {' '.join(str(error).split())}") from error
    return warnings


def _to_check(url: str) -> tuple[Lineage, Connect]:
    """Where the database's past is noted, and what connects to it to see how it is."""
    lineage = Lineage()

    def connect_to_check(*, may_be_standby: bool = False) -> Connection:
        return connect(url, "read", may_be_standby=may_be_standby, lineage=None if may_be_standby else lineage)

    return lineage, connect_to_check


def open_store(settings: Settings, node: NodeSettings = ALONE) -> Store:
    """Be one of the nodes of the journal in the database; where there is none, make it."""
    from chat_server.journal.postgresql.store import open_node  # noqa: PLC0415 - the commands need no server, nor Trio

    url = checked_url(settings.url)
    lineage, connect_to_check = _to_check(url)
    folder = LockedDirectory(data_directory(settings.directory))
    is_open = False

    try:
        for warning in check_database(connect_to_check, settings.durability):
            log.warning(warning)
        with closing(connect(url, "write", lineage=lineage)) as connection:
            migrate(connection)
            if connection.execute("SELECT settle_order()").fetchone() == (True,):
                log.warning(
                    "the journal has come from another PostgreSQL; the order of what was said in it is right again"
                )
            if connection.execute("SELECT settle_place()").fetchone() == (True,):
                log.warning(
                    "the journal has been put back from a copy, or has moved to another PostgreSQL: it is another one from now on, so that no client"
                    " takes what is said for what it knows"
                )
            if (folder.path / SQLITE_FILE).exists() and not connection.execute("SELECT FROM batch LIMIT 1").fetchall():
                log.warning(
                    "the data directory has a journal in SQLite, of which nothing is in the database: `chat-server export` by its"
                    " configuration and `import` by this one bring it there, before anybody says anything"
                )
        store = open_node(url, settings.durability, node, folder, folder.path / SEARCH_FILE, lineage=lineage)
        is_open = True
    except NewerSchema:
        raise UnusableJournal(NEWER) from None
    except psycopg.errors.LockNotAvailable:
        raise UnusableJournal(
            "another node has not finished making the tables of the database; it may be waiting for a synchronous standby: try again"
        ) from None
    except psycopg.Error as error:
        raise UnusableJournal(f"cannot use the database ([journal] url): {' '.join(str(error).split())}") from error
    finally:
        if not is_open:
            folder.close()
    return store


def directory(settings: Settings) -> Path:
    """The data directory."""
    return data_directory(settings.directory)


def own_files(settings: Settings) -> OwnFiles:
    """The files of the data directory."""
    names = {LOCK_FILE, *(f"{SEARCH_FILE}{ending}" for ending in _BESIDE)}
    return OwnFiles(data_directory(settings.directory), frozenset(names))
