"""The data directory: where it is, who may look into it, and that only one program writes to it.

Knows the file system; never knows which files are in it, nor what is in them.
"""

import fcntl
import os
from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path

from chat_server.journal import JournalInUse, UnusableJournal
from chat_server.journal.new_file import hand_over

LOCK_FILE = "lock"


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


class LockedDirectory:
    """A data directory that nobody else writes to as long as this is open."""

    def __init__(self, path: Path, files: Iterable[str] = ()) -> None:
        """Make the directory if it is not there, for its owner only, with these files in it, and lock it.

        Raises:
            DataFolderError: it cannot be made or locked.
            JournalInUse: another program has locked it. The lock goes with the process, however it ends.

        """
        self.path = path
        try:
            path.mkdir(mode=0o700, parents=True, exist_ok=True)
            # The directory may be open to others; SQLite's further files are as these are.
            for name in files:
                os.close(os.open(path / name, os.O_RDWR | os.O_CREAT, 0o600))
                hand_over(path / name)
            self._lock = os.open(path / LOCK_FILE, os.O_RDWR | os.O_CREAT, 0o600)
            hand_over(path / LOCK_FILE)
        except OSError as error:
            raise DataFolderError(f"cannot use the data directory {path}: {error.strerror}") from error
        try:
            fcntl.flock(self._lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            os.close(self._lock)
            raise JournalInUse(f"the data directory {path} is in use by another chat-server") from error

    def close(self) -> None:
        """Let others have it. Harmless if it is closed already."""
        lock, self._lock = self._lock, -1
        with suppress(OSError):
            os.close(lock)


def is_in_use(directory: Path) -> bool:
    """Whether another program has a data directory just now."""
    try:
        lock = os.open(directory / LOCK_FILE, os.O_RDONLY)
    except OSError:
        return False
    try:
        fcntl.flock(lock, fcntl.LOCK_SH | fcntl.LOCK_NB)  # shared, and for a moment
    except BlockingIOError:
        return True
    except OSError:
        return False
    finally:
        os.close(lock)
    return False
