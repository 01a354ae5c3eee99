"""The Unix socket by which operators reach a server: where it is, how it is made so that nobody else can use it, and how it is found.

Knows the file system. Imports no Trio: the command need not wait for it. Never knows what is asked there.
"""

import os
import socket
import stat
import struct
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

from msgspec import Struct

FOLDER = "admin"
"""The directory that we make, for ourselves alone, in the data directory or in `$RUNTIME_DIRECTORY`."""

SOCKET = "admin.sock"

PATH_MAX = 107
"""Bytes in the path of a Unix socket on Linux (unix(7): 108 with the NUL at its end)."""

BACKLOG = 16
"""Connections that the kernel may hold until they are accepted."""


CONNECT_SECONDS = 10.0
"""Seconds that a server may take to accept a connection."""


CONNECT_AGAIN_SECONDS = 0.05
"""Seconds after which it is asked again."""


class NoWayIn(Exception):
    """The socket cannot be made, or cannot be used; the sentence says why."""


class AdminSocket(Struct, frozen=True):
    """A socket that listens, and the files that lead to it."""

    listener: socket.socket
    path: Path
    made: os.stat_result
    link: Path | None = None

    def close(self) -> None:
        """Listen no more, and leave no files. What another program has put in their place stays."""
        self.listener.close()
        with suppress(OSError):
            if os.path.samestat(self.path.lstat(), self.made):
                self.path.unlink()
                if self.link is not None and self.link.is_symlink():
                    self.link.unlink()


def place_in(directory: Path) -> Path:
    """Where the socket is that belongs to a directory."""
    return directory / FOLDER / SOCKET


def runtime_directory() -> Path | None:
    """What systemd has made for this service to keep such things in (systemd.exec(5), RuntimeDirectory=), if it has; of several the first."""
    named = os.environ.get("RUNTIME_DIRECTORY", "").partition(":")[0]
    return Path(named) if named else None


def open_admin_socket(data: Path | None) -> AdminSocket:
    """Listen for operators.

    Args:
        data: the data directory, of which we hold the lock; None where there is none.

    Raises:
        NoWayIn: that cannot be; the server runs all the same.

    """
    if not hasattr(socket, "SO_PEERCRED"):
        raise NoWayIn("this system does not tell who connects to a Unix socket")
    runtime = runtime_directory()
    base = runtime or data
    if base is None:
        raise NoWayIn("there is neither a data directory nor $RUNTIME_DIRECTORY to have its socket in")
    try:
        listener = _listen(base, may_remove=data is not None)
        path = place_in(base)
        return AdminSocket(listener, path, path.lstat(), _linked(data, path) if runtime and data else None)
    except OSError as error:
        raise NoWayIn(f"cannot listen on {place_in(base)}: {error.strerror or error}") from error


def _listen(base: Path, *, may_remove: bool) -> socket.socket:
    _make_folder(base / FOLDER)
    path = place_in(base)
    if len(os.fsencode(path)) > PATH_MAX:
        raise NoWayIn(
            f"{path} is longer than the path of a Unix socket may be ({PATH_MAX} bytes): choose a data directory with a shorter"
            " path, or set RUNTIME_DIRECTORY to a directory with one"
        )
    _make_way(path, may_remove=may_remove)
    listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    try:
        listener.setblocking(False)
        listener.bind(
            str(path)
        )  # nobody else can look into its directory, so it is nobody's before the next line either
        path.chmod(0o600)
        listener.listen(BACKLOG)
    except OSError:
        listener.close()
        raise
    return listener


def _make_folder(folder: Path) -> None:
    """Make the directory, or take one that is ours."""
    with suppress(FileExistsError):
        folder.mkdir(mode=0o700)
    status = folder.lstat()
    if not stat.S_ISDIR(status.st_mode) or status.st_uid != os.geteuid():
        raise NoWayIn(f"{folder} is there already, and is no directory of this user's: move it away")
    if stat.S_IMODE(status.st_mode) != 0o700:  # noqa: PLR2004 - a mode
        folder.chmod(0o700)


def _make_way(path: Path, *, may_remove: bool) -> None:
    """Remove what a server has left that was killed: a link, or a socket on which nobody listens."""
    try:
        mode = path.lstat().st_mode
    except FileNotFoundError:
        return
    if stat.S_ISLNK(mode):
        path.unlink()
        return
    if not stat.S_ISSOCK(mode):
        raise NoWayIn(f"{path} is there already, and is no socket: move it away")
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as probe:
        probe.setblocking(False)
        try:
            probe.connect(str(path))
        except ConnectionRefusedError:
            if may_remove:
                path.unlink()
                return
        except OSError:  # a backlog that is full: somebody listens, and has not looked yet
            pass
    raise NoWayIn(f"{path} is another server's")


def _linked(data: Path, path: Path) -> Path:
    """Have the socket found in the data directory too: that is what whoever asks can name."""
    _make_folder(data / FOLDER)
    link = place_in(data)
    _make_way(link, may_remove=True)
    link.symlink_to(path.absolute())
    return link


def peer_of(option: Callable[[int, int, int], bytes]) -> int:
    """The user at the other end of a Unix socket whose `getsockopt` this is, by number (unix(7): SO_PEERCRED)."""
    return _credentials(option)[1]


def process_of(option: Callable[[int, int, int], bytes]) -> int:
    """The process there, by number."""
    return _credentials(option)[0]


def _credentials(option: Callable[[int, int, int], bytes]) -> tuple[int, ...]:
    return struct.unpack("3i", option(socket.SOL_SOCKET, socket.SO_PEERCRED, struct.calcsize("3i")))


# The other end.


def connect_to(data: Path | None) -> socket.socket:
    """Connect to the server that has this data directory.

    Raises:
        NoWayIn: no server is running, or we may not use its socket.

    """
    places = [place_in(base) for base in (data, runtime_directory()) if base is not None]
    if not places:
        raise NoWayIn("such a server has no data directory: set RUNTIME_DIRECTORY to where its socket is")
    for place in places:
        _refuse_others(place.parent)
    path = next((place for place in places if os.path.lexists(place)), places[0])
    reached = Path(os.path.realpath(path))
    if len(os.fsencode(reached)) > PATH_MAX:
        raise NoWayIn(
            f"{reached} is longer than the path of a Unix socket may be, so the server has none there: its log says what to do"
        )
    connection = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    connection.settimeout(CONNECT_SECONDS)
    try:
        _connect(connection, str(reached))
    except (FileNotFoundError, ConnectionRefusedError):
        connection.close()
        raise NoWayIn(f"no server is running there: nothing listens on {path}") from None
    except OSError as error:
        connection.close()
        raise NoWayIn(f"cannot connect to {path}: {error.strerror or error}") from error
    if (user := peer_of(connection.getsockopt)) not in {os.geteuid(), path.parent.lstat().st_uid}:
        connection.close()
        raise NoWayIn(f"what listens on {path} is not the server's: it belongs to {_name_of(user)}")
    return connection


def _connect(connection: socket.socket, path: str) -> None:
    """Connect, and again for a while where more wait to be accepted than may: with a time limit, Linux says so at once (unix(7): EAGAIN)."""
    give_up = time.monotonic() + CONNECT_SECONDS
    while time.monotonic() < give_up:
        with suppress(BlockingIOError):
            return connection.connect(path)
        time.sleep(CONNECT_AGAIN_SECONDS)
    return connection.connect(path)


def _refuse_others(folder: Path) -> None:
    """Say whose the directory is, where it is somebody else's. Root may look everywhere."""
    try:
        owner = folder.lstat().st_uid
    except FileNotFoundError:
        return
    except OSError as error:
        raise NoWayIn(f"cannot look into {folder}: {error.strerror}") from error
    if os.geteuid() not in {0, owner}:
        raise NoWayIn(f"the server belongs to {_name_of(owner)}: ask as that user, or as root")


def _name_of(user: int) -> str:
    import pwd  # noqa: PLC0415 - only a refusal needs it

    try:
        return pwd.getpwuid(user).pw_name
    except KeyError:
        return f"the user {user}"
