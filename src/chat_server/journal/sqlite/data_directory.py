"""The data directory: which files are in it, who may look into it, and that only one program writes to it.

Knows the file system; never knows what is in the files.
"""

import fcntl
import os
from contextlib import suppress
from pathlib import Path

from chat_server.journal import JournalInUse, UnusableJournal
from chat_server.journal.new_file import OwnFiles

JOURNAL_FILE = "journal.db"
SEARCH_FILE = "search.db"
IMPORT_FILE = "journal.db.import"
"""What an import makes, until it is whole; what an earlier one has left of it is deleted."""

ENDED_FILE = "ended"
"""Which accounts have ended: it outlasts the journal."""

VERSIONS_MAX = 100
"""Versions of the journal's tables that there may be, far more than there are."""

_LOCK_FILE = "lock"
_BESIDE = ("-wal", "-shm", "-journal")
"""What SQLite adds to a database's name for the files beside it."""


class DataFolderError(UnusableJournal):
    """The data directory cannot be used; the sentence says which and why."""


def data_directory(chosen: str) -> Path:
    """The directory that was chosen or, if none was, where the platform keeps the data of programs.

    Raises:
        DataFolderError: it begins with `~` and a user whom the system does not know, or has a NUL, which no name of a file can have.

    """
    if "\0" in chosen:
        raise DataFolderError(f"cannot use the data directory {chosen}: embedded null byte")
    if not chosen:
        import platformdirs  # noqa: PLC0415 - 5 ms, which whoever chooses a directory is spared

        return platformdirs.user_data_path("chat-server", appauthor=False)
    try:
        return Path(chosen).expanduser()
    except RuntimeError as error:
        raise DataFolderError(f"cannot use the data directory {chosen}: {error}") from error


def files_in(directory: Path) -> OwnFiles:
    """All files that the server and SQLite make; where the journal is a symbolic link, SQLite's other files stand beside what it leads to."""
    databases = (JOURNAL_FILE, SEARCH_FILE)
    aside = [copy for version in range(1, VERSIONS_MAX) for copy in copies_before(Path(JOURNAL_FILE), version)]
    made = (*databases, IMPORT_FILE, *(unfinished(path).name for path in aside))
    names = {path.name for path in aside} | {name + ending for name in made for ending in ("", *_BESIDE)}
    beside = {Path(os.path.realpath(directory / name) + ending) for name in databases for ending in _BESIDE}
    own = {_LOCK_FILE, ENDED_FILE, f"{ENDED_FILE}.part", *names}
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


class DataDirectory:
    """A data directory that nobody else writes to as long as this is open."""

    def __init__(self, path: Path) -> None:
        """Make the directory if it is not there, for its owner only, and lock it.

        Raises:
            DataFolderError: it cannot be made or locked.
            JournalInUse: another program has locked it. The lock goes with the process, however it ends.

        """
        self.path = path
        try:
            path.mkdir(mode=0o700, parents=True, exist_ok=True)
            # The directory may be open to others; SQLite's further files are as these are.
            for file in (self.journal, self.search):
                os.close(os.open(file, os.O_RDWR | os.O_CREAT, 0o600))
            self._lock = os.open(path / _LOCK_FILE, os.O_RDWR | os.O_CREAT, 0o600)
        except OSError as error:
            raise DataFolderError(f"cannot use the data directory {path}: {error.strerror}") from error
        try:
            fcntl.flock(self._lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            os.close(self._lock)
            raise JournalInUse(f"the data directory {path} is in use by another chat-server") from error

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

    def close(self) -> None:
        """Let others have it. Harmless if it is closed already."""
        lock, self._lock = self._lock, -1
        with suppress(OSError):
            os.close(lock)
