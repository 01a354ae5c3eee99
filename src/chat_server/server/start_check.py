"""What a start would meet, seen without starting anything: nothing is made, written or listened on. For `chat-server --check-config`.

Blocks; a database that does not answer for some seconds. Knows settings, files, ports. Never knows flags, nor how what it finds is shown.
"""

import errno
import os
import socket
import stat
from collections.abc import Iterator
from contextlib import suppress
from ipaddress import ip_network
from pathlib import Path
from typing import NamedTuple

from chat_server import systemctl
from chat_server.config import BackupTable, Config, host_and_port
from chat_server.journal import UnusableJournal
from chat_server.journal.backups import directory_for, out_of_place
from chat_server.journal.data_directory import is_in_use
from chat_server.journal.engines import engine_named
from chat_server.server.certificates import (
    CREDENTIAL,
    CertificateProblem,
    day_of,
    files_named,
    is_open_to_all,
    own_files,
    read_pair,
    read_valid_pair,
)
from chat_server.server.places import why_not
from chat_server.server.policy import policy_of
from chat_server.server.self_signed import can_make
from chat_server.sessions.origin import Origin
from chat_server.wire.proxy_protocol import UNIX

ENDS_SOON_SECONDS = 14 * 86400.0
"""Seconds before its end from which a certificate is warned of."""

NETWORK_DISKS = (
    "nfs",
    "cifs",
    "smb",
    "9p",
    "afs",
    "ceph",
    "lustre",
    "glusterfs",
    "sshfs",
    "davfs",
    "beegfs",
    "ocfs",
    "gfs",
)
"""How the names of file systems begin, after `fuse.` or not, on which a lock or a write may not be what it is on a disk of one's own."""

MOUNTS = Path("/proc/self/mounts")

NARROWEST = {4: (8, 24), 6: (16, 48)}
"""Digits of a network's address below which it is too wide for proxies: of one that is private, of any other; by the version of IP."""

EVERYWHERE = {"": "", "0.0.0.0": ".", "::": ":"}  # noqa: S104 - this is compared, not listened on
"""What to listen on for all addresses, and what is in each of them."""

SOCKETS = "chat-server.socket"
"""The unit with which systemd listens for the service: docs/restarting.md."""

BEHIND_A_SOCKET = "/"
"""How a place begins that is a Unix socket's."""


class Found(NamedTuple):
    """What is in the way of a start, or if not `is_error` what is dangerous; and what to do about it.

    Or what was not looked at from here: `of_running` because a server runs, `is_unseen` for another reason.
    """

    is_error: bool
    sentence: str
    of_running: bool = False
    is_unseen: bool = False

    @property
    def is_warning(self) -> bool:
        """Whether it is dangerous."""
        return not (self.is_error or self.of_running or self.is_unseen)


def look(config: Config, now: float) -> Iterator[Found]:
    """Find everything, at this time of day in seconds since 1970."""
    directory, problem = None, ""
    try:
        engine = engine_named(config.journal.engine)
        engine.check(config.journal)
        directory = engine.directory(config.journal)
    except UnusableJournal as error:
        problem = str(error)
        yield Found(True, problem)
    yield from _certificate(config, directory, now)
    is_running = False
    if directory is not None:
        is_running = is_in_use(directory)
        if is_running:
            yield Found(
                False,
                f"a server is running in {directory}: whether its ports are free for another one was not looked at",
                of_running=True,
            )
        yield from _directory(directory)
        yield from _backups(config.backup, directory)
    if not problem:
        try:
            yield from (Found(False, warning) for warning in engine_named(config.journal.engine).probe(config.journal))
        except UnusableJournal as error:
            yield Found(True, str(error))
    yield from _clashes(config)
    if not is_running:
        yield from _places(config)
    yield from _dangers(config)


def _certificate(config: Config, directory: Path | None, now: float) -> Iterator[Found]:
    named = config.tls.certificate
    if not named and (directory is None or not own_files(directory).certificate.exists()):
        if not can_make():
            yield Found(False, "TLS would be off, for nothing here can make a certificate: install openssl")
        return
    if named.startswith(CREDENTIAL) and "CREDENTIALS_DIRECTORY" not in os.environ:
        yield Found(
            False,
            f"{named} is handed to the service alone, by systemd: whether it can be used was not looked at",
            is_unseen=True,
        )
        return
    try:
        files = files_named(named, config.tls.key) if directory is None or named else own_files(directory)
        pair = read_valid_pair(files, now) if named else read_pair(files)
    except CertificateProblem as problem:
        yield Found(bool(named), str(problem) if named else f"TLS would be off: {problem}")
        return
    ends = pair.certificate.ends
    if ends.timestamp() - now < ENDS_SOON_SECONDS:
        yield Found(False, f"{files.certificate} is valid until {day_of(ends)} only: renew it")
    if is_open_to_all(files.key):
        yield Found(False, f"everybody on this machine may read the key of TLS: chmod 600 {files.key}")


def _directory(directory: Path) -> Iterator[Found]:
    """Whether the data directory can be used, or made."""
    there = directory
    while not there.exists() and there != there.parent:
        there = there.parent
    what = "" if there == directory else f" ({there} is the first of it that is there)"
    if not there.is_dir():
        yield Found(True, f"cannot use the data directory {directory}: {there} is not a directory")
    elif not os.access(there, os.W_OK | os.X_OK):
        yield Found(
            True,
            f"cannot use the data directory {directory}{what}: this user may not write there; ask as the server's own user",
        )
    elif there == directory and there.stat().st_mode & (stat.S_IROTH | stat.S_IXOTH):
        yield Found(False, f"everybody on this machine may look into the data directory: chmod 700 {directory}")
    kind = _file_system(there)
    if kind.removeprefix("fuse.").startswith(NETWORK_DISKS):
        yield Found(
            False,
            f"the data directory {directory} is on a disk of another machine ({kind}), where locks and what is written may be lost: put it on one"
            " of this machine",
        )


def _backups(backup: BackupTable, data: Path) -> Iterator[Found]:
    """Whether copies can be made, if any are to be: no start needs it, and it is not known that none are made until one is needed."""
    if not backup.every:
        return
    directory = directory_for(backup.directory, data)
    if not backup.directory and not data.exists():
        return  # both are made
    if why := out_of_place(directory, data):
        yield Found(False, f"no copies can be made ([backup] directory): {why}")
        return
    there = directory if directory.exists() else directory.parent
    if not there.is_dir():
        yield Found(False, f"no copies can be made ([backup] directory): there is no directory {there}")
    elif not os.access(there, os.W_OK | os.X_OK):
        yield Found(
            False,
            f"no copies can be made ([backup] directory): this user may not write to {there}; ask as the server's own",
        )


def _file_system(path: Path) -> str:
    """What kind of file system a file is on; "" if that is not known."""
    found = ""
    with suppress(OSError, ValueError):
        real, longest = os.path.realpath(path), -1
        for line in MOUNTS.read_text(encoding="utf-8", errors="surrogateescape").splitlines():
            _, place, kind, *_ = line.split(" ")
            place = place.replace("\\040", " ")
            if os.path.commonpath([real, place]) == place and len(place) >= longest:
                found, longest = kind, len(place)
    return found


def _clashes(config: Config) -> Iterator[Found]:
    """Whether two are to listen at one place."""
    host, port, tls_port, monitors = config.server.host, config.server.port, config.tls.port, config.metrics.listen
    if host.startswith(BEHIND_A_SOCKET) and tls_port:
        yield Found(True, "[tls] port needs an address to listen on, and [server] host is a Unix socket")
    if tls_port and tls_port == port:
        yield Found(
            True, f"[tls] port is {tls_port}, as [server] port is: two cannot listen there; give them different ports"
        )
    if monitors and not monitors.startswith(BEHIND_A_SOCKET):
        address, _, digits = monitors.rpartition(":")
        if int(digits) in {port, tls_port} - {0} and _meet(host, address.strip("[]")):
            yield Found(True, f"[metrics] listen is {monitors}, where callers come in: give it a port of its own")


def _places(config: Config) -> Iterator[Found]:
    """Whether all that is listened on is free."""
    host, port, tls_port, monitors = config.server.host, config.server.port, config.tls.port, config.metrics.listen
    places = [(host, port, "[server] host, port")]
    if tls_port and tls_port != port and not host.startswith(BEHIND_A_SOCKET):
        places.append((host, tls_port, "[tls] port"))
    if monitors:
        places.append((*host_and_port(monitors), "[metrics] listen"))
    for address, number, setting in places:
        at = address if address.startswith(BEHIND_A_SOCKET) else f"{address}:{number}"
        why = _why_taken(address, number)
        if why.startswith(os.strerror(errno.EADDRINUSE)) and systemctl.asked("is-active", SOCKETS) == "active":
            # It is systemd that listens there, as it should, and the service does without an address of its own.
            yield Found(
                False,
                f"systemd has sockets for the service ({SOCKETS}), and these count: whether {at} ({setting}) is free was not looked at",
                is_unseen=True,
            )
        elif why:
            yield Found(True, f"cannot listen on {at} ({setting}): {why}")


def _meet(host: str, address: str) -> bool:
    """Whether who listens at `host` takes this address of the machine itself too."""
    if host in EVERYWHERE:
        return EVERYWHERE[host] in address
    return host == address or {host, address} == {"localhost", "127.0.0.1"}


def _why_taken(host: str, port: int) -> str:
    """Why nobody can listen there; "" if somebody can."""
    try:
        if host.startswith(BEHIND_A_SOCKET):
            return _why_no_socket(Path(host))
        for family, kind, protocol, _, address in dict.fromkeys(
            socket.getaddrinfo(host or None, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)
        ):
            with socket.socket(family, kind, protocol) as tried:
                tried.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
                if family == socket.AF_INET6:
                    tried.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
                tried.bind(address)
    except (OSError, ValueError) as error:  # ValueError: a host name that cannot be one
        return why_not(error, host)
    return ""


def _why_no_socket(path: Path) -> str:
    if not path.parent.is_dir():
        return f"{path.parent} is not there"
    if not os.access(path.parent, os.W_OK | os.X_OK):
        return f"this user may not write to {path.parent}; ask as the server's own user"
    if not path.exists():
        return ""
    if not path.is_socket():
        return "there is a file already that is no socket"
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as asking:
        asking.settimeout(1)
        try:
            asking.connect(str(path))
        except ConnectionRefusedError:  # what a server has left that was killed
            return ""
    return "another program listens there"


def _dangers(config: Config) -> Iterator[Found]:
    """What works, and is not what anybody should want."""
    host = config.server.host
    is_open = not (host == "localhost" or host.startswith(BEHIND_A_SOCKET) or Origin(host).is_local)
    if is_open and config.tls.require == "none":
        yield Found(
            False,
            f'[server] host = "{host}" lets others in, and with [tls] require = "none" their passwords go over lines that anybody on the way can'
            ' read: make it "passwords"',
        )
        if policy_of(config).registration == "open":
            yield Found(
                False,
                '[accounts] registration = "open" has anybody make accounts whose passwords go over such lines: make it "invite", or require TLS',
            )
    for trusted in config.proxy.trusted:
        if trusted == UNIX:
            continue
        network = ip_network(trusted)
        private, other = NARROWEST[network.version]
        if network.prefixlen < (private if network.is_private else other):
            yield Found(
                False,
                f'[proxy] trusted has "{trusted}": whoever connects from one of its {network.num_addresses} addresses can pass for anybody; name the'
                " proxies' own addresses",
            )
