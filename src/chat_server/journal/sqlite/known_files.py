"""Whether the files that the journal is written to are still those that it was opened with, and whole.

What is stored in a file that was deleted, replaced or cut short would be found by nobody. Knows sizes and identities of files, and how SQLite
lays them out; never what is in them.
"""

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

from chat_server.journal import JournalError

LOG_HEADER, FRAME_HEADER = 32, 24
"""Bytes before the log's frames, and before the page in each."""


class _KnownFile:
    """A file as it was when it was last looked at."""

    def __init__(self, path: str, *, is_log: bool) -> None:
        """Look at it. Raises OSError if it is not there."""
        status = os.stat(path)
        self.path = path
        self.is_log = is_log
        self.size = status.st_size
        self._identity = status.st_dev, status.st_ino

    def look(self) -> int:
        """Its size now. Raises JournalError if it is not the same file."""
        try:
            status = os.stat(self.path)
        except OSError:
            status = None
        if status is None or (status.st_dev, status.st_ino) != self._identity:
            raise JournalError(
                f"{self.path} was deleted or replaced while the server was running: put it back,"
                " or stop the server and restore a backup (docs/durability.md)"
            )
        return status.st_size

    def cut(self) -> JournalError:
        """What is said when it has lost what was in it."""
        return JournalError(
            f"{self.path} was cut short or written over while the server was running:"
            " stop the server and restore a backup (docs/durability.md)"
        )


class KnownFiles:
    """The journal's file and the log that SQLite keeps beside it."""

    def __init__(self, path: Path, rows: Callable[[str], list[Any]]) -> None:
        """Look at them. Raises OSError if one is not there.

        Args:
            path: the journal's.
            rows: asks SQLite; may raise JournalError.

        """
        log = f"{os.path.realpath(path)}-wal"  # SQLite goes through a symbolic link
        self._journal = _KnownFile(str(path), is_log=False)
        self._files = (self._journal, _KnownFile(log, is_log=True))
        self._rows = rows

    def check(self) -> None:
        """Raise JournalError if what is stored now would go into a file that nobody finds again, or that is no journal any more. Takes 3 us."""
        for file in self._files:
            size = file.look()
            if size < file.size and (self._lacks_frames(size) if file.is_log else self._lacks_pages(size)):
                raise file.cut()
            file.size = size

    def check_journal(self) -> None:
        """Raise JournalError if the journal's own file is another one, or shorter than it was."""
        if self._journal.look() < self._journal.size:
            raise self._journal.cut()

    def note_growth(self) -> None:
        """Note how long they are after something has been stored. Raises JournalError if one is another file now."""
        for file in self._files:
            size = file.look()
            file.size = size if file.is_log else max(size, file.size)  # SQLite shortens its log itself

    def _lacks_pages(self, size: int) -> bool:
        """Whether the file, which is shorter than it was, cannot be whole. After somebody's VACUUM it is: the journal has fewer pages then."""
        (((pages,),), ((page_size,),)) = self._rows("PRAGMA page_count"), self._rows("PRAGMA page_size")
        return size < int(pages) * int(page_size)

    def _lacks_frames(self, size: int) -> bool:
        """Whether the log, which is shorter than it was, has lost anything. If somebody has brought it into the file and emptied it, it has not."""
        try:
            ((_, frames, _),) = self._rows("PRAGMA wal_checkpoint(PASSIVE)")
            ((page_size,),) = self._rows("PRAGMA page_size")
        except JournalError:  # there is nothing where something is to be read
            return True
        return frames > 0 and size < LOG_HEADER + int(frames) * (int(page_size) + FRAME_HEADER)
