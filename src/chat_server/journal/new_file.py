"""A file that a command makes: it is on the disk under its name, whole, or it is not there and what was there before stays.

Knows the file system; never knows what is written, nor which files are a server's own.
"""

import errno
import os
import shutil
import stat
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from tempfile import mkdtemp
from typing import NamedTuple


class TargetError(Exception):
    """The file cannot be made; the sentence says which and why."""


class OwnFiles(NamedTuple):
    """Files that a server itself writes: those in a directory that have one of these names, and those elsewhere."""

    directory: Path = Path()
    names: frozenset[str] = frozenset()
    elsewhere: frozenset[Path] = frozenset()


def refuse_own_file(status: os.stat_result, own: OwnFiles, shown: object) -> None:
    """Refuse to write into a file that a server writes, under whatever name and through whatever link.

    Raises:
        TargetError: it is one.

    """
    for path in {own.directory / name for name in own.names} | own.elsewhere:
        with suppress(OSError):
            if os.path.samestat(status, os.stat(path)):
                also = "" if str(path) == str(shown) else f"{path}, "
                raise TargetError(f"{shown} is {also}a file that the server itself writes: choose another")


def is_stream(target: Path) -> bool:
    """Whether what is written goes somewhere at once: a pipe, a device, or the standard output or error under a name such as /dev/stdout."""
    try:
        status = target.stat()
    except OSError:
        return False
    if not stat.S_ISREG(status.st_mode):
        return not stat.S_ISDIR(status.st_mode)
    return any(_is_open_as(number, status) for number in (1, 2))


def _is_open_as(number: int, status: os.stat_result) -> bool:
    try:
        return os.path.samestat(os.fstat(number), status)
    except OSError:
        return False


@contextmanager
def new_file(target: Path, own: OwnFiles, *, force: bool) -> Iterator[Path]:
    """Make a file. The block writes to the path that it is given: a file beside the target, for its owner only, under a name that nobody can guess.

    When the block has ended well, what it wrote is synced and becomes the target. Otherwise nothing is left of it.

    Args:
        target: the file that is wanted; through a symbolic link, what that leads to.
        own: the files that are refused.
        force: whether a file that is there already may be replaced.

    Raises:
        TargetError: it is a directory, a file that a server writes, or there already.
        OSError: the disk or the system refuses.

    """
    place = Path(os.path.realpath(target))
    _check(place, target, own, force=force)
    try:
        beside = Path(mkdtemp(prefix=".chat-server-", dir=place.parent))
    except OSError as error:
        raise TargetError(f"cannot write {target}: {error.strerror}") from error
    try:
        part = beside / "new"
        os.close(os.open(part, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600))
        yield part
        sync(part)
        if force:
            part.replace(place)
        else:
            _put(part, place, target)
        sync(place.parent)
    finally:
        shutil.rmtree(beside, ignore_errors=True)


def _check(place: Path, target: Path, own: OwnFiles, *, force: bool) -> None:
    try:
        status = place.stat()
    except FileNotFoundError:
        status = None
    if status is None:
        with suppress(OSError):
            if place.name.lower() in own.names and os.path.samestat(place.parent.stat(), own.directory.stat()):
                raise TargetError(f"{target} has a name that the server itself uses: choose another file")
        return
    refuse_own_file(status, own, target)
    if stat.S_ISDIR(status.st_mode):
        raise TargetError(f"{target} is a directory: name a file in it")
    if not force:
        raise _taken(target)


def _taken(target: Path) -> TargetError:
    return TargetError(f"{target} is there already; --force replaces it")


def _put(part: Path, place: Path, target: Path) -> None:
    try:
        put_new(part, place)
    except FileExistsError:
        raise _taken(target) from None


def put_new(part: Path, place: Path) -> None:
    """Let a file have a name too that no other has. A link is never made over a file that has come meanwhile, as a rename would be.

    Raises:
        FileExistsError: there is one.

    """
    try:
        place.hardlink_to(part)
    except FileExistsError:
        raise
    except OSError:  # there are file systems without links
        if os.path.lexists(place):
            raise FileExistsError(errno.EEXIST, os.strerror(errno.EEXIST), str(place)) from None
        part.rename(place)


def hand_over(path: Path) -> None:
    """Let what root has made belong to whoever the directory belongs to: a server that runs as a user of its own must be able to use it."""
    owner = path.parent.stat()
    if owner.st_uid and os.geteuid() == 0:
        with suppress(PermissionError):  # root in a container may not
            os.chown(path, owner.st_uid, owner.st_gid, follow_symlinks=False)


def sync(path: Path) -> None:
    """Wait until a file, or what a directory lists, is on the disk. Raises OSError if the disk says that it is not."""
    file = os.open(path, os.O_RDONLY)
    try:
        os.fsync(file)
    except OSError as error:
        if not (
            path.is_dir() and error.errno in {errno.EINVAL, errno.ENOTSUP}
        ):  # some file systems sync no directories
            raise
    finally:
        os.close(file)
