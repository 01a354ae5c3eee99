"""The directory in which copies of a journal are kept: what they are called, which is the newest, and which are deleted.

Whatever ends a program, and whenever: a file with the name of a copy is whole, and was found good. The clock makes names, and decides nothing: copies
are numbered, so that a clock that was wrong for a while deletes none that is new. Knows the file system; never knows how a copy is made, nor when.
"""

import fcntl
import os
import re
import shutil
import stat
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import NamedTuple

from chat_server.journal.archive import FileProblem
from chat_server.journal.new_file import hand_over, put_new, sync

LOCK_FILE = ".chat-server-lock"
"""Whoever makes a copy, or deletes one, has this locked."""

MAKING = ".chat-server-making"
"""The directory in which a copy is until it is whole and found good; what one that was killed has left of it, the next one deletes."""

DIRECTORY = "backups"
"""The directory of copies in the data directory, if no other is chosen."""

IN_USE = ("journal.db", "lock")
"""What is in every data directory whose engine keeps files, and in no directory of copies."""

RETRY_SECONDS = 900.0
"""Seconds after which a copy that could not be made is tried again, if the next one is not due before."""

_NAME = re.compile(r"chat-(\d{6,18})-(\d{8}T\d{6}Z)\.db", re.ASCII)
_TIME = "%Y%m%dT%H%M%SZ"

_OURS = b"SQLite format 3\0", b"chat"
"""What a journal of ours begins with, and has from byte 68 on: SQLite's application id."""


class Copy(NamedTuple):
    """A copy: the newest has the highest number. It was made at this time, in seconds since 1970."""

    path: Path
    number: int
    made: float


class Kept(NamedTuple):
    """There is another copy; these older ones have been deleted, and of these it is said why they could not be."""

    copy: Copy
    deleted: list[Copy]
    stuck: list[str]


def directory_for(chosen: str, data: Path | None) -> Path:
    """Where copies are kept: in the directory that is chosen, else in the data directory. Raises FileProblem if there is neither."""
    if chosen:
        return Path(chosen).expanduser()
    if data is None:
        raise FileProblem("name a directory for the copies: there is no data directory")
    return data / DIRECTORY


def out_of_place(directory: Path, data: Path | None) -> str:
    """Why copies of what is in a data directory do not belong into a directory, in a sentence; "" if they may go there. Blocks."""
    place = Path(os.path.realpath(directory))
    if data is not None and Path(os.path.realpath(data)).is_relative_to(place):
        what = (
            "is the data directory itself" if place == Path(os.path.realpath(data)) else "has the data directory in it"
        )
        return f"{directory} {what}: keep copies in a directory of their own, such as {data / DIRECTORY}"
    if _is_data_directory(place):
        return f"{directory} is the data directory of another server: keep copies in a directory of their own"
    beside = place.parent
    is_theirs = place.name == DIRECTORY and _is_data_directory(beside)
    if is_theirs and (data is None or beside != Path(os.path.realpath(data))):
        return f"in {directory} are the copies of the server whose data is in {beside}: choose another directory"
    return ""


def _is_data_directory(path: Path) -> bool:
    return all((path / name).exists() for name in IN_USE)


def until_due(copies: Sequence[Copy], every: float, now: float) -> float:
    """Seconds until another copy is due. At once, if the newest seems to be made later than now: the clock was wrong, or is."""
    age = now - copies[-1].made if copies else every
    return every - age if 0 <= age <= every else 0.0


def copies_in(directory: Path) -> list[Copy]:
    """The copies that are there, the oldest first. Raises OSError if that cannot be seen; where no directory is, there are none.

    What has the name of a copy and is no journal is somebody's: it makes none too many, is never the newest, and takes no number.
    """
    try:
        names = os.listdir(directory)
    except FileNotFoundError:
        return []
    found = (_copy_called(directory / name) for name in names)
    return sorted((copy for copy in found if copy is not None and _is_ours(copy.path)), key=lambda copy: copy.number)


def _copy_called(path: Path) -> Copy | None:
    named = _NAME.fullmatch(path.name)
    if named is None:
        return None
    try:
        made = datetime.strptime(named[2], _TIME).replace(tzinfo=UTC).timestamp()
    except ValueError:  # no such day
        return None
    return Copy(path, int(named[1]), made)


def keep_copy(directory: Path, keep: int, make: Callable[[Path], None], now: float) -> Kept:
    """Have another copy made, and then delete the oldest of those that are more than `keep`.

    Args:
        directory: where; it is made, for its owner only, if it is not there.
        keep: how many there are to be, the new one included.
        make: writes the copy into the empty file that it is given, and raises whatever it likes if that is not good.
        now: the time, in seconds since 1970.

    Raises:
        FileProblem: another program makes one there just now.
        OSError: the disk or the system refuses. Nothing is left of the new one, and every older one is there. That one cannot be deleted is no
            such refusal: the new one is there, and another try would only make more of them.

    """
    if not directory.is_dir():
        directory.mkdir(mode=0o700)
        hand_over(directory)
    with _alone_in(directory):
        copy = _make(directory, make, now)
        kept = Kept(copy, [], [])
        for one in copies_in(directory)[:-keep]:
            if one.number < copy.number:
                _delete(one, kept)
        return kept


def _delete(copy: Copy, kept: Kept) -> None:
    try:
        copy.path.unlink()
        kept.deleted.append(copy)
    except OSError as error:
        kept.stuck.append(f"{copy.path}: {error.strerror or error}")


def _make(directory: Path, make: Callable[[Path], None], now: float) -> Copy:
    making = directory / MAKING
    shutil.rmtree(making, ignore_errors=True)
    making.mkdir(mode=0o700)
    hand_over(making)
    try:
        part = making / "copy"
        os.close(os.open(part, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600))
        hand_over(part)
        make(part)
        sync(part)
        number = max((copy.number for copy in copies_in(directory)), default=0) + 1
        stamp = datetime.fromtimestamp(now, UTC).strftime(_TIME)
        copy = Copy(directory / f"chat-{number:06}-{stamp}.db", number, now)
        put_new(part, copy.path)
        sync(directory)
    finally:
        shutil.rmtree(making, ignore_errors=True)
    return copy


@contextmanager
def _alone_in(directory: Path) -> Iterator[None]:
    """Keep others from making copies there meanwhile; the lock goes with the process, however it ends. Raises FileProblem."""
    lock = os.open(directory / LOCK_FILE, os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW, 0o600)
    try:
        hand_over(directory / LOCK_FILE)
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise FileProblem(f"another copy is being made in {directory}: try again when it is there") from None
        yield
    finally:
        os.close(lock)


def _is_ours(path: Path) -> bool:
    """Whether a file is a journal, and no link; whatever else has the name of a copy is somebody's."""
    with suppress(OSError):
        file = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK)
        try:
            begin = os.read(file, 72) if stat.S_ISREG(os.fstat(file).st_mode) else b""
        finally:
            os.close(file)
        return (begin[:16], begin[68:72]) == _OURS
    return False
