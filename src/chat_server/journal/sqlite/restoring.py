"""A copy of the journal takes its place. What was there is put aside, never deleted; and no client takes what is said then for what it knows already.

Everything here blocks, and knows nothing of Trio. Never knows whence a copy comes, nor whether it is good.
"""

import os
import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager, suppress
from itertools import count
from pathlib import Path

from chat_server.journal import JournalError
from chat_server.journal.archive import FileProblem, Progress
from chat_server.journal.new_file import hand_over, sync
from chat_server.journal.sqlite.archive import back_up
from chat_server.journal.sqlite.data_directory import ENDED_FILE, IMPORT_FILE, DataDirectory, remove_database
from chat_server.journal.sqlite.ended_file import add_ended, read_ended

REPLACED = "journal.db.replaced"
"""What the journal is called that a copy has taken the place of; with a number after it if there is one already."""

_ANOTHER_JOURNAL = (
    "UPDATE journal SET identity = lower(hex(randomblob(16)))",
    "UPDATE room SET uid = lower(hex(randomblob(8))) WHERE uid <> ''",
)
"""What makes the copy another journal than the one that it is of: both go on with lines of the same numbers. Search indexes go by the identity of
the journal, clients by the ids of rooms."""


def keep_ended(source: Path, target: Path) -> None:
    """Add, to the list in one directory, which accounts have ended by the list in another. Raises FileProblem."""
    try:
        add_ended(target / ENDED_FILE, read_ended(source / ENDED_FILE))
    except (OSError, ValueError) as error:
        raise FileProblem(f"cannot keep which accounts have ended ({ENDED_FILE}) in {target}: {error}") from error


def restore(folder: DataDirectory, copy: Path, progress: Progress, *, force: bool) -> Path | None:
    """Put a copy in the place of the journal; see Engine.restore. Killed meanwhile, it has left the old journal in its place, or beside it."""
    journal = folder.journal
    if copy.exists() and os.path.samestat(copy.stat(), journal.stat()):
        raise FileProblem(f"{copy} is the journal itself")
    is_there = journal.stat().st_size > 0
    if is_there and not force:
        raise FileProblem(f"{journal} is there already; --force puts it aside, as {_free_name(folder).name}")
    with _mapped(folder):
        new = folder.path / IMPORT_FILE
        try:
            remove_database(new)
            new.touch(mode=0o600)
            hand_over(new)
            back_up(copy, new, progress)
            _make_another(new)
            sync(new)
            keep_ended(copy.parent, folder.path)
            remove_database(folder.search)
            aside = _put_aside(folder) if is_there else None
            new.replace(journal)
            sync(folder.path)
        finally:
            remove_database(new)
    return aside


@contextmanager
def _mapped(folder: DataDirectory) -> Iterator[None]:
    try:
        yield
    except (sqlite3.Error, JournalError) as error:
        raise FileProblem(f"cannot write to {folder.path}: {error}") from error


def _make_another(new: Path) -> None:
    with closing(sqlite3.connect(new, isolation_level=None)) as connection:
        connection.execute("PRAGMA synchronous = EXTRA")
        columns = {name for _, name, *_ in connection.execute("PRAGMA table_info(room)")}
        connection.execute("BEGIN")
        for statement in _ANOTHER_JOURNAL if "uid" in columns else _ANOTHER_JOURNAL[:1]:
            connection.execute(statement)
        connection.execute("COMMIT")


def _put_aside(folder: DataDirectory) -> Path:
    """Give the journal another name too, its log with it, so that nothing is beside whatever takes its place."""
    # It may be broken: that may be why. Then what SQLite says of it may not even be text.
    with suppress(sqlite3.Error, UnicodeDecodeError), closing(sqlite3.connect(folder.journal)) as connection:
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    aside = _free_name(folder)
    try:
        aside.hardlink_to(folder.journal)
    except FileExistsError:
        raise
    except OSError:  # there are file systems without links
        folder.journal.rename(aside)
    log = folder.journal.with_name(f"{folder.journal.name}-wal")
    with suppress(FileNotFoundError):
        log.rename(aside.with_name(f"{aside.name}-wal"))
    remove_database(folder.journal, but_itself=True)
    sync(folder.path)
    return aside


def _free_name(folder: DataDirectory) -> Path:
    names = (folder.path / (REPLACED if number == 1 else f"{REPLACED}-{number}") for number in count(1))
    return next(path for path in names if not os.path.lexists(path) and not os.path.lexists(f"{path}-wal"))
