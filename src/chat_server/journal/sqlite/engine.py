"""The engine `sqlite`: a journal in SQLite files in the data directory. See engines.Engine. What it does with files is in archive.py."""

import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from chat_server.journal import UnusableJournal
from chat_server.journal.archive import Progress
from chat_server.journal.data_directory import data_directory
from chat_server.journal.engines import ALONE, NodeSettings, Settings, Store
from chat_server.journal.new_file import OwnFiles
from chat_server.journal.sqlite.data_directory import JOURNAL_FILE, SEARCH_FILE, DataDirectory, files_in
from chat_server.journal.sqlite.recognising import newer, refuse_other, told
from chat_server.journal.sqlite.schema import NewerSchema

if TYPE_CHECKING:
    from chat_server.journal.sqlite.archive import SqliteArchive, SqliteFiller, SqliteRooms

STEPS = 100_000
"""Steps of SQLite's machine, some milliseconds, after which it asks whether to go on."""


def check(settings: Settings) -> None:
    """Nothing can be wrong with them."""
    del settings


def probe(settings: Settings) -> list[str]:
    """Look at the first bytes of the journal: to open it could make files beside it. What a server writes just then may not be in them yet."""
    path = data_directory(settings.directory) / JOURNAL_FILE
    try:
        refuse_other(path)
    except NotADirectoryError:
        pass
    except OSError as error:
        raise UnusableJournal(f"cannot open {path}: {error.strerror}") from error
    except NewerSchema:
        raise UnusableJournal(newer(path)) from None
    return []


def quick_look(settings: Settings, seconds: float) -> str:
    """See engines.Engine. Beside a running server it reads as any reader does; in it SQLite alone may open the file (see recognising.py)."""
    import sqlite3  # noqa: PLC0415 - few look

    path = data_directory(settings.directory) / JOURNAL_FILE
    until = time.monotonic() + seconds
    try:
        path.stat()
        with closing(sqlite3.connect(f"{path.absolute().as_uri()}?mode=ro", uri=True, timeout=seconds)) as database:
            database.set_progress_handler(lambda: time.monotonic() > until, STEPS)
            (found,) = database.execute("PRAGMA quick_check(1)").fetchone()
    except FileNotFoundError:
        return ""
    except OSError as error:
        raise UnusableJournal(f"cannot read {path}: {error.strerror}") from error
    except sqlite3.OperationalError as error:
        if error.sqlite_errorcode == sqlite3.SQLITE_INTERRUPT:
            return ""  # it is long, and nothing was wrong so far
        raise UnusableJournal(f"cannot read {path}: {error}") from error
    except (sqlite3.DatabaseError, UnicodeDecodeError) as error:  # in what it says may be what it has read
        return str(error)
    return next(iter(told(str(found))), "")


def open_store(settings: Settings, node: NodeSettings = ALONE) -> Store:
    """Open or make the journal, and the accounts, of a data directory that no other program has."""
    del node
    from chat_server.journal.sqlite.journal import SqliteJournal  # noqa: PLC0415 - the commands need no server, nor Trio

    folder = _folder(settings)
    try:
        journal = SqliteJournal(folder, settings.durability)
    except UnusableJournal:
        folder.close()
        raise
    return Store(journal, journal.accounts)


def open_archive(settings: Settings) -> "SqliteArchive":
    """Open the files for reading."""
    from chat_server.journal.sqlite.archive import SqliteArchive  # noqa: PLC0415 - 2 ms, which a server that starts need not wait for

    path = data_directory(settings.directory)
    return SqliteArchive(path / JOURNAL_FILE, path / SEARCH_FILE)


@contextmanager
def filling(settings: Settings) -> "Iterator[SqliteFiller]":
    """Fill the data directory."""
    from chat_server.journal.sqlite import archive  # noqa: PLC0415 - see open_archive

    with closing(_folder(settings)) as folder, archive.filling(folder) as filler:
        yield filler


@contextmanager
def editing(settings: Settings) -> "Iterator[SqliteRooms]":
    """Edit the rooms of the data directory. Where there is no journal, none is made."""
    from chat_server.journal.sqlite import archive  # noqa: PLC0415 - see open_archive

    open_archive(settings).close()
    with closing(_folder(settings)) as folder, archive.editing(folder) as rooms:
        yield rooms


def back_up(settings: Settings, copy: Path, progress: Progress) -> None:
    """Copy the file of the journal."""
    from chat_server.journal.sqlite import archive  # noqa: PLC0415 - see open_archive

    archive.back_up(data_directory(settings.directory) / JOURNAL_FILE, copy, progress)


def back_up_beside(settings: Settings, directory: Path) -> None:
    """Keep the list of accounts that have ended."""
    from chat_server.journal.sqlite.restoring import keep_ended  # noqa: PLC0415 - see open_archive

    keep_ended(data_directory(settings.directory), directory)


def open_copy(copy: Path) -> "SqliteArchive":
    """Open a copy; there is no search index of it."""
    from chat_server.journal.sqlite.archive import SqliteArchive, refuse_other_than_copy  # noqa: PLC0415 - see open_archive

    refuse_other_than_copy(copy)
    return SqliteArchive(copy, copy.with_name(f"{copy.name}.has-no-index"))


def restore(settings: Settings, copy: Path, progress: Progress, *, force: bool) -> Path | None:
    """Put a copy in the place of the journal of the data directory."""
    from chat_server.journal.sqlite import restoring  # noqa: PLC0415 - see open_archive

    with closing(_folder(settings)) as folder:
        return restoring.restore(folder, copy, progress, force=force)


def directory(settings: Settings) -> Path:
    """The data directory."""
    return data_directory(settings.directory)


def own_files(settings: Settings) -> OwnFiles:
    """The files of the data directory."""
    return files_in(data_directory(settings.directory))


def _folder(settings: Settings) -> DataDirectory:
    return DataDirectory(data_directory(settings.directory))
