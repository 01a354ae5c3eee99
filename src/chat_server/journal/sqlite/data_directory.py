"""The files of a journal in SQLite, in the data directory.

Knows the file system; never knows what is in the files.
"""

import os
from contextlib import suppress
from pathlib import Path

from chat_server.journal.data_directory import LOCK_FILE, LockedDirectory
from chat_server.journal.new_file import OwnFiles

JOURNAL_FILE = "journal.db"
SEARCH_FILE = "search.db"
IMPORT_FILE = "journal.db.import"
"""What an import makes, until it is whole; what an earlier one has left of it is deleted."""

ENDED_FILE = "ended"
"""Which accounts have ended: it outlasts the journal."""

VERSIONS_MAX = 100
"""Versions of the journal's tables that there may be, far more than there are."""

_BESIDE = ("-wal", "-shm", "-journal")
"""What SQLite adds to a database's name for the files beside it."""


def files_in(directory: Path) -> OwnFiles:
    """All files that the server and SQLite make; where the journal is a symbolic link, SQLite's other files stand beside what it leads to."""
    databases = (JOURNAL_FILE, SEARCH_FILE)
    aside = [copy for version in range(1, VERSIONS_MAX) for copy in copies_before(Path(JOURNAL_FILE), version)]
    made = (*databases, IMPORT_FILE, *(unfinished(path).name for path in aside))
    names = {path.name for path in aside} | {name + ending for name in made for ending in ("", *_BESIDE)}
    beside = {Path(os.path.realpath(directory / name) + ending) for name in databases for ending in _BESIDE}
    own = {LOCK_FILE, ENDED_FILE, f"{ENDED_FILE}.part", *names}
    return OwnFiles(directory, frozenset(own), frozenset(beside))


def copies_before(journal: Path, version: int) -> tuple[Path, Path]:
    """Where the journal is copied to before its tables of this version are brought up to date: for the first time, and whenever it is so again."""
    first = journal.with_name(f"{journal.name}.version-{version}")
    return first, first.with_name(f"{first.name}.again")


def unfinished(copy: Path) -> Path:
    """What that copy is called until it is whole; what a start that was broken off has left of it is deleted."""
    return copy.with_name(f"{copy.name}.part")


def remove_database(path: Path, *, but_itself: bool = False) -> None:
    """Delete a file of SQLite's, with those that stand beside it."""
    for ending in _BESIDE if but_itself else ("", *_BESIDE):
        with suppress(FileNotFoundError):
            path.with_name(path.name + ending).unlink()


class DataDirectory(LockedDirectory):
    """The data directory of a journal in SQLite; see LockedDirectory."""

    def __init__(self, path: Path) -> None:
        """Make and lock it; see LockedDirectory."""
        super().__init__(path, (JOURNAL_FILE, SEARCH_FILE))

    @property
    def journal(self) -> Path:
        """The file of the journal."""
        return self.path / JOURNAL_FILE

    @property
    def search(self) -> Path:
        """The file of the search index, which can be rebuilt from the journal."""
        return self.path / SEARCH_FILE

    @property
    def ended(self) -> Path:
        """The file that says which accounts have ended."""
        return self.path / ENDED_FILE
