"""Brings a journal that an older release has made up to date. First it is copied aside, as that release can read it, for whoever goes back to it.

Says how far it is, for a journal of a million lines takes a quarter of a minute. Blocks; never knows Trio, nor who listens.
"""

import os
import sqlite3
import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path

from chat_server.journal.new_file import sync
from chat_server.journal.sqlite.data_directory import copies_before, remove_database, unfinished
from chat_server.journal.sqlite.schema import migrate, needs_migration, version_of

Tell = Callable[[str, float], None]
"""Called with what is being done, and how much of it is done, from 0 to 1: when it begins, and again every TOLD_EVERY seconds."""

TOLD_EVERY = 5.0

COPIED_PAGES = 1024
"""Pages copied between two looks at the clock: 4 MB."""

LOOK_STEPS = 100_000
"""Steps of SQLite's between two looks at the clock, some 20 ms."""

STEPS_PER_BATCH = 55
"""Steps of SQLite's that version 1 takes for each batch, measured: one statement does them all, so nothing else tells how far it is."""


def tell_nobody(doing: str, done: float) -> None:
    """Nobody listens."""


def bring_up_to_date(connection: sqlite3.Connection, path: Path, tell: Tell) -> None:
    """Make the tables, or bring those of an older release up to date; see `migrate`, which says what is raised. Raises sqlite3.Error and OSError too.

    Whenever this is broken off, the file is as it was, and can be brought up to date the next time.
    """
    if not needs_migration(connection):
        migrate(connection)
        return
    _copy_aside(connection, path, _every(TOLD_EVERY, tell))
    with _told(connection, _every(TOLD_EVERY, tell)):
        migrate(connection)


def _every(seconds: float, tell: Tell) -> Tell:
    """Tell the first of what comes, and later what comes so long after what was told last."""
    next_at = 0.0

    def tell_sometimes(doing: str, done: float) -> None:
        nonlocal next_at
        if time.monotonic() >= next_at:
            next_at = time.monotonic() + seconds
            tell(doing, done)

    return tell_sometimes


def _copy_aside(connection: sqlite3.Connection, path: Path, tell: Tell) -> None:
    """Copy the journal beside itself, whole and synced, unless there is a copy of it as it is: then a start was broken off after that.

    The first copy is never written over: somebody may have gone back to another journal than that. Each later one takes the place of the one before.
    """
    first, later = copies_before(path, version_of(connection))
    if any(_is_copy_of(connection, copy) for copy in (first, later)):
        return
    copy = later if first.exists() else first
    part = unfinished(copy)
    remove_database(part)
    tell("copy it", 0.0)
    try:
        os.close(os.open(part, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600))
        with closing(sqlite3.connect(part)) as target:
            connection.backup(
                target,
                pages=COPIED_PAGES,
                progress=lambda _, left, total: tell("copy it", (total - left) / max(total, 1)),
                sleep=0,
            )
        sync(part)
        part.replace(copy)
        sync(copy.parent)
    finally:
        remove_database(part)


def _is_copy_of(connection: sqlite3.Connection, copy: Path) -> bool:
    try:
        with closing(sqlite3.connect(f"{copy.absolute().as_uri()}?mode=ro&immutable=1", uri=True)) as other:
            return _state_of(other) == _state_of(connection)
    except sqlite3.Error:  # it is not there, or it is something else
        return False


def _state_of(connection: sqlite3.Connection) -> list[tuple[object, ...]]:
    """What differs as soon as anything has been done with a journal."""
    return [
        row
        for question in (
            "SELECT identity, next_id FROM journal",
            "SELECT count(*), total(first) FROM batch",
            "SELECT name, topic, kept_from FROM room ORDER BY id",
            "SELECT count(*), max(id) FROM sent",
            "SELECT count(*), total(seq), max(at) FROM position",
            "PRAGMA user_version",
        )
        for row in connection.execute(question)
    ]


@contextmanager
def _told(connection: sqlite3.Connection, tell: Tell) -> Iterator[None]:
    """Tell how far the tables are."""
    ((batches,),) = connection.execute("SELECT count(*) FROM batch")
    expected = batches * STEPS_PER_BATCH
    done = 0

    def look() -> int:
        nonlocal done
        done += LOOK_STEPS
        tell("change its tables", min(done / max(expected, done), 0.99))
        return 0

    tell("change its tables", 0.0)
    connection.set_progress_handler(look, LOOK_STEPS)
    try:
        yield
    finally:
        connection.set_progress_handler(None, 0)
