"""What the commands for a journal do, on the files of a data directory that a test holds."""

import io
import re
from collections.abc import Iterable
from contextlib import closing
from pathlib import Path

from chat_server.journal.maintenance import Findings, check, export, import_
from chat_server.journal.sqlite.archive import SqliteArchive, filling
from chat_server.journal.sqlite.data_directory import DataDirectory


def no_progress(done: int, total: int) -> None:
    assert 0 <= done <= (total or done)


def exported(path: Path) -> bytes:
    out = io.BytesIO()
    with closing(SqliteArchive(path, path)) as archive:
        export(archive, out, no_progress)
    return out.getvalue()


def without_ids(export: bytes) -> bytes:
    """An export without the ids of rooms: a journal from before there were any gets them when it is opened, others each time."""
    return re.sub(rb',"id":"[0-9a-f]{16}"', b"", export)


def imported(folder: DataDirectory, lines: Iterable[bytes]) -> int:
    return import_(filling(folder), lines, no_progress)


def checked(path: Path, index: Path) -> Findings:
    with closing(SqliteArchive(path, index)) as archive:
        return check(archive, no_progress)
