"""What a file is that is to be a journal, by its first bytes and its length: to open it could change it, and what SQLite says of it is a riddle.

Blocks. Never knows what is in a journal. Not for a program that has the file open by SQLite: whichever way a file is closed, the system takes from
the program all locks that it has on it (https://sqlite.org/howtocorrupt.html, 2.2), and the next reader who goes deletes the log under the server.
"""

import os
import sqlite3
from contextlib import suppress
from pathlib import Path

from chat_server.journal import DamagedJournal
from chat_server.journal.sqlite.schema import APPLICATION_ID, MIGRATIONS, NewerSchema

MAGIC, HEAD_BYTES = b"SQLite format 3\0", 100
"""How a file of SQLite begins, and the length of its head (https://sqlite.org/fileformat2.html, 1.3)."""

_PAGE_SIZE, _CHANGES, _PAGES, _VERSION, _APPLICATION, _CHANGES_THEN = 16, 24, 28, 60, 68, 92
"""Where in the head the size of a page is, how often the file was changed, how many pages it has, the version of the tables, whose they are, and
after which change the number of pages was right."""

_PACKED = {
    b"\x1f\x8b": "gzip",
    b"BZh": "bzip2",
    b"\xfd7zXZ": "xz",
    b"\x28\xb5\x2f\xfd": "zstd",
    b"PK\x03\x04": "zip",
}
"""How files begin that somebody has compressed, as they do with copies."""

_CUT_SHORT = "it is cut short"

_EXPORT = b'{"is":"export"'

OF_THE_SYSTEM = frozenset(
    (
        sqlite3.SQLITE_PERM,
        sqlite3.SQLITE_BUSY,
        sqlite3.SQLITE_LOCKED,
        sqlite3.SQLITE_NOMEM,
        sqlite3.SQLITE_READONLY,
        sqlite3.SQLITE_INTERRUPT,
        sqlite3.SQLITE_FULL,
        sqlite3.SQLITE_CANTOPEN,
    )
)
"""What SQLite says of a file that may be whole (https://sqlite.org/rescode.html)."""


JOURNAL = "no journal of chat-server"


def why_not(path: Path, what: str = JOURNAL) -> str:
    """Why a file cannot be a journal, in a sentence; "": it may be one, as far as this shows. `what`: that it is not.

    Raises:
        OSError: it cannot be read.
        NewerSchema: it was made by a newer release.

    """
    why = _trouble_with(path)
    return why and f"{path} is {'damaged' if why.startswith(_CUT_SHORT) else what}: {why}"


def refuse_other(path: Path) -> None:
    """See that a file, unless it is not there, or empty, can be a journal. Raises DamagedJournal, NewerSchema and OSError."""
    with suppress(FileNotFoundError):
        if path.stat().st_size and (why := why_not(path)):
            raise DamagedJournal(why)


def newer(path: Path) -> str:
    """What is said of one that was made by a newer release."""
    return f"{path} was made by a newer release of chat-server; this one cannot use it"


def _trouble_with(path: Path) -> str:
    with path.open("rb") as file:
        head = file.read(HEAD_BYTES)
        size = os.fstat(file.fileno()).st_size
    if not head:
        return "it is empty"
    if not head.startswith(MAGIC):
        return _other(head)
    if len(head) < HEAD_BYTES:
        return f"{_CUT_SHORT}: only {size} bytes of it are there"
    if _number(head, _APPLICATION) != APPLICATION_ID:
        return "it is a database of another program, or its beginning is damaged"
    if _number(head, _VERSION) > len(MIGRATIONS):
        raise NewerSchema
    page = int.from_bytes(head[_PAGE_SIZE : _PAGE_SIZE + 2])
    wanted = (page if page > 1 else 65536) * _number(head, _PAGES)
    # What is still in the log has yet to come into the file, and an older SQLite may have left the number of pages as it was.
    if size < wanted and _number(head, _CHANGES) == _number(head, _CHANGES_THEN) and not _has_log(path):
        return f"{_CUT_SHORT}: {size} of its {wanted} bytes are there"
    return ""


def _other(head: bytes) -> str:
    if head.startswith(_EXPORT):
        return "it is an export, which `chat-server import` reads"
    packed = next((name for begin, name in _PACKED.items() if head.startswith(begin)), "")
    if packed:
        return f"it is compressed ({packed}), and has to be unpacked first"
    return "it is no database of SQLite, or its beginning is damaged"


def _number(head: bytes, place: int) -> int:
    return int.from_bytes(head[place : place + 4])


def _has_log(path: Path) -> bool:
    with suppress(OSError):
        return os.stat(f"{os.path.realpath(path)}-wal").st_size > 0
    return False


def told(found: str) -> list[str]:
    """What SQLite's checks say, line by line; nothing if all is well."""
    return [line for line in found.splitlines() if line != "ok" and not line.startswith("*** in database")]


def is_damage(error: BaseException | None) -> bool:
    """Whether an error, or what it came of, says that a file is damaged: not that the disk is full, or somebody else has it."""
    while error is not None:
        if isinstance(error, sqlite3.Error):
            code = getattr(error, "sqlite_errorcode", sqlite3.SQLITE_CORRUPT)
            return code & 0xFF not in OF_THE_SYSTEM
        if isinstance(error, (ValueError, LookupError, TypeError)):
            return True
        error = error.__cause__
    return False
