"""What is done with a journal's file for accounts that have ended, by the thread that writes it and by the commands for files.

Everything here blocks. Never knows Trio.
"""

import sqlite3
import time
from collections.abc import Sequence
from contextlib import closing
from functools import partial

from chat_server.accounts import Ended
from chat_server.journal import UnusableJournal, account_changes
from chat_server.journal.sqlite import rewriting
from chat_server.journal.sqlite.account_tables import SqliteTables
from chat_server.journal.sqlite.data_directory import DataDirectory
from chat_server.journal.sqlite.ended_file import add_ended, read_ended
from chat_server.journal.sqlite.reader import connect, mapped_errors
from chat_server.journal.sqlite.writer import Writer


def apply_ended(folder: DataDirectory, writer: Writer) -> list[Ended]:
    """Close the accounts that the file of the data directory says have ended, in a journal that does not know: it was a backup.

    The file learns of those that only the journal knows.

    Returns:
        The accounts whose lines are still to be rewritten.

    Raises:
        UnusableJournal: the file cannot be read or written.

    """
    try:
        missing = {one.account: one for one in read_ended(folder.ended)}
        known = writer.ask(rewriting.all_ended)
        add_ended(folder.ended, known)
    except (OSError, ValueError) as error:
        raise UnusableJournal(f"cannot use {folder.ended}, which says what has been erased: {error}") from error
    for one in known:
        missing.pop(one.account, None)
    if missing:
        writer.change(
            lambda connection: account_changes.end_again(SqliteTables(connection), missing.values(), time.time())
        )
    return writer.ask(rewriting.pending)


def rewrite_all(writer: Writer, ended: Ended) -> None:
    """Rewrite all lines of an account, in a journal that nobody else has."""
    after: int | None = 0
    while after is not None:
        some = writer.ask(partial(_find, ended, after))
        after = some.after
        rewrite_some(ended, some.batches, writer)
    note_done(ended, writer)


def _find(ended: Ended, after: int, connection: sqlite3.Connection) -> rewriting.SomeBatches:
    return rewriting.batches_of(connection, ended.account, after)


def rewrite_some(ended: Ended, batches: Sequence[int], writer: Writer) -> rewriting.Changed:
    """Rewrite an account's lines in some batches."""
    return writer.change(lambda connection: rewriting.rewrite(connection, batches, ended))


def note_done(ended: Ended, writer: Writer) -> None:
    """Nothing more is to be done for an account."""
    writer.change(lambda connection: rewriting.note_done(connection, ended))


def make_anew(writer: Writer) -> None:
    """Make the journal's file anew of what is in it. A second for a million lines, in which nothing is stored.

    SQLite overwrites what is deleted; but where it has moved a row to another page it leaves the old copy, until something else needs the place.
    """
    with mapped_errors(), closing(connect(writer.path)) as connection:
        connection.execute("PRAGMA temp_store = FILE")
        connection.execute("VACUUM")
