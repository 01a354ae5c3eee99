"""What the commands do with a journal in the database, by the settings that name it. See engines.Engine. Blocks, and knows nothing of Trio."""

from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Protocol

import psycopg
from psycopg.rows import TupleRow

from chat_server.journal.archive import FileProblem, Progress
from chat_server.journal.data_directory import data_directory
from chat_server.journal.postgresql import filling as filled
from chat_server.journal.postgresql.archive import PostgresqlArchive
from chat_server.journal.postgresql.connections import checked_url, connect
from chat_server.journal.postgresql.lineage import Lineage

SEARCH_FILE = "search-cache.db"
"""The search index of a node, in its data directory. It is called otherwise than that of a journal in SQLite, which may have been there before."""


class Named(Protocol):
    """Which journal it is: what is used here of the settings of the engine."""

    @property
    def directory(self) -> str:
        """The data directory."""

    @property
    def url(self) -> str:
        """How one connects to the database."""


def open_archive(settings: Named) -> PostgresqlArchive:
    """Open what is in the database for reading, and the search index of this data directory for a check."""
    return PostgresqlArchive(_connected(settings), data_directory(settings.directory) / SEARCH_FILE)


@contextmanager
def filling(settings: Named) -> Iterator[filled.PostgresqlFiller]:
    """Fill the database."""
    with closing(_connected(settings)) as connection, filled.filling(connection) as filler:
        yield filler


@contextmanager
def editing(settings: Named) -> Iterator[filled.PostgresqlRooms]:
    """Edit the rooms in the database. Where there is no journal, none is made."""
    with closing(_connected(settings)) as connection, filled.editing(connection) as rooms:
        yield rooms


def back_up(settings: Named, copy: Path, progress: Progress) -> None:
    """PostgreSQL has programs of its own for that."""
    del settings, copy, progress
    raise FileProblem(
        "a journal in PostgreSQL is copied by PostgreSQL's own programs: pg_dump makes a file of the database while servers go on,"
        " pg_basebackup a copy of all that the engine has; an export has everything too, for any engine"
    )


def back_up_beside(settings: Named, directory: Path) -> None:
    """There are no copies of ours beside which it could be."""
    del settings, directory


def open_copy(copy: Path) -> PostgresqlArchive:
    """There are no copies of ours."""
    raise FileProblem(
        f"cannot put {copy} back: a journal in PostgreSQL is put back by PostgreSQL's own programs (pg_restore, or the copy that pg_basebackup has"
        " made), and an export by `chat-server import`"
    )


def restore(settings: Named, copy: Path, progress: Progress, *, force: bool) -> None:
    """There are no copies of ours."""
    del settings, progress, force
    open_copy(copy)


def _connected(settings: Named) -> psycopg.Connection[TupleRow]:
    try:
        return connect(checked_url(settings.url), "archive", lineage=Lineage())
    except psycopg.Error as error:
        raise FileProblem(f"cannot use the database ([journal] url): {' '.join(str(error).split())}") from error
