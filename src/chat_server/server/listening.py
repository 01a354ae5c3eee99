"""Listening for callers, and accepting them. Knows sockets. Never knows who a caller is, nor what becomes of it."""

import errno
import socket
import stat
from collections.abc import Awaitable, Callable, Iterable, Sequence
from contextlib import suppress
from functools import partial
from pathlib import Path
from typing import Any, Protocol

import trio

from chat_server.guard import Guard
from chat_server.logs import Repeats, log
from chat_server.sessions.readiness import Readiness, new_readiness
from chat_server.sessions.transport import SocketTransport
from chat_server.wire.proxy_protocol import UNIX

BACKLOG = 4096
"""Connections that the kernel may hold until they are accepted: Linux's own limit since 5.4."""

UNIX_SOCKET_MODE = 0o660
"""For its owner, and for the group that a proxy may be in. Whoever can connect there can say for whom, where `unix` is trusted."""

IPV4_MAX = 15
"""Characters in an IPv4 address."""

ACCEPT_MAX = 16
"""Callers accepted before others have their turn: 3 ms, with their greetings."""

REST_SECONDS = 0.1
"""Seconds until somebody else is accepted, after one could not be: what was wrong may last, and would be met again at once."""

_OUT_OF_FILES = {errno.EMFILE, errno.ENFILE, errno.ENOBUFS, errno.ENOMEM}


def open_listeners(
    host: str, port: int, keepalive_seconds: float = 0, has: Sequence[socket.socket] = ()
) -> list[socket.socket]:
    """Listen on every address that the host name has; whoever has been silent for `keepalive_seconds` is asked by TCP whether they are there.

    A host that begins with a slash is the path of a Unix socket. Where one of those listens that the server `has`, it is that one, once more.

    Raises:
        OSError: if the name has no address, or an address is in use or not ours.

    """
    if host.startswith("/"):
        return [_open_unix_listener(host)]
    known = {place_of(one): one for one in has if one.fileno() >= 0}
    listeners: list[socket.socket] = []
    try:
        for family, kind, protocol, _, address in _resolved(host, port):
            if (one := known.get(address[:2])) is not None:
                listeners.append(one.dup())
                continue
            listener = socket.socket(family, kind, protocol)
            listeners.append(listener)
            listener.setblocking(False)
            listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            if family == socket.AF_INET6:
                listener.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
            set_tcp_options(listener, keepalive_seconds)
            listener.bind(address)
            listener.listen(BACKLOG)
    except OSError:
        for listener in listeners:
            listener.close()
        raise
    return listeners


def _resolved(host: str, port: int) -> dict[Any, None]:
    # Of a text it imports what encodes names in all languages, which takes 1 ms.
    name = host.encode() if host.isascii() and host.replace(".", "").isdigit() and len(host) <= IPV4_MAX else host
    return dict.fromkeys(socket.getaddrinfo(name or None, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE))


def places_at(host: str, port: int) -> set[tuple[str, int]]:
    """Where a server listens that listens there; see place_of. Raises as open_listeners does."""
    return {(host, 0)} if host.startswith("/") else {address[:2] for *_, address in _resolved(host, port)}


def _open_unix_listener(path: str) -> socket.socket:
    """Listen there. Who may connect is for the directory to say, and for the group of the socket."""
    _remove_dead_socket(path)
    listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    try:
        listener.setblocking(False)
        listener.bind(path)
        Path(path).chmod(UNIX_SOCKET_MODE)  # before anybody can connect, whatever the umask
        listener.listen(BACKLOG)
    except OSError:
        listener.close()
        raise
    return listener


def _remove_dead_socket(path: str) -> None:
    """Remove what a server has left there that was killed. Of one that lives, and of any other file, the name is taken."""
    with suppress(FileNotFoundError), socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as asking:
        if not stat.S_ISSOCK(Path(path).stat().st_mode):
            return
        try:
            asking.connect(path)
        except ConnectionRefusedError:
            Path(path).unlink()


def place_of(listener: socket.socket) -> tuple[str, int]:
    """Where it listens: address and port, or the path of a Unix socket, and 0."""
    if listener.family == socket.AF_UNIX:
        return str(listener.getsockname()), 0
    host, port = listener.getsockname()[:2]
    return host, port


def address_of(listener: socket.socket) -> str:
    """Where it listens, as people write it."""
    host, port = place_of(listener)
    if not port:
        return host
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"


class Admit(Protocol):
    """Takes a caller who has been accepted, and its address."""

    def __call__(self, transport: SocketTransport, address: str, *, must_encrypt: bool = False) -> None:
        """Let it in, or say that there is no place. Who `must_encrypt` is to begin TLS before anything else is said."""


def let_callers_in(
    nursery: trio.Nursery,
    listeners: Iterable[socket.socket],
    tls_listeners: Iterable[socket.socket],
    admit: Admit,
    unwelcome: Repeats,
) -> Readiness | None:
    """Accept callers, in tasks of the nursery, until the listeners are closed; whoever comes by one of `tls_listeners` has to encrypt.

    Returns what tells their connections that something has come.
    """
    readiness = new_readiness()
    if readiness is not None:
        nursery.start_soon(readiness.run)
    for listener in listeners:
        nursery.start_soon(accept_callers, listener, admit, unwelcome, readiness)
        log.info(f"listening on {address_of(listener)}")
    for listener in tls_listeners:
        nursery.start_soon(accept_callers, listener, partial(admit, must_encrypt=True), unwelcome, readiness)
        log.info(f"listening on {address_of(listener)}, for TLS only")
    return readiness


async def accept_callers(
    listener: socket.socket,
    admit: Callable[[SocketTransport, str], None],
    unwelcome: Repeats,
    readiness: Readiness | None = None,
) -> None:
    """Accept callers until the listener is closed.

    `admit` takes each, with its address; `unwelcome` logs that one cannot be accepted; `readiness` tells them when something has come.
    """
    guard = Guard("a caller could not be let in")
    family, kind, protocol = listener.family, listener.type, listener.proto
    while listener.fileno() >= 0:  # it is closed when the server stops
        try:
            await trio.lowlevel.wait_readable(listener.fileno())
        except trio.ClosedResourceError:
            return
        for _ in range(ACCEPT_MAX):
            try:
                # As `accept` does, which looks up names of its family and its kind for each.
                descriptor, address = listener._accept()  # type: ignore[attr-defined]  # noqa: SLF001
                connection = socket.socket(family, kind, protocol, fileno=descriptor)
            except BlockingIOError:
                break
            except OSError as error:
                if error.errno in _OUT_OF_FILES:
                    unwelcome.info("cannot accept a caller", why=error.strerror)
                    await trio.sleep(REST_SECONDS)
                break
            host = UNIX if family == socket.AF_UNIX else address[0]
            if not guard.attempt(_let_in, connection, host, admit, readiness):
                connection.close()


async def serve_each(
    listening: socket.socket, serve: Callable[[trio.socket.SocketType], Awaitable[None]], who: str, unwelcome: Repeats
) -> None:
    """Serve whoever connects, each in a task, until cancelled: for listeners to which few come. What goes wrong in serving one hurts that one.

    The log calls one of them `who`: "an operator".
    """
    listener = trio.socket.from_stdlib_socket(listening)
    async with trio.open_nursery() as nursery:
        while True:
            try:
                connection, _ = await listener.accept()
            except OSError as error:
                if error.errno in _OUT_OF_FILES:
                    unwelcome.info(f"cannot accept {who}", why=error.strerror)
                await trio.sleep(REST_SECONDS)
            else:
                nursery.start_soon(_serve, connection, serve, who)


async def _serve(
    connection: trio.socket.SocketType, serve: Callable[[trio.socket.SocketType], Awaitable[None]], who: str
) -> None:
    with Guard(f"{who} could not be served"), connection:
        await serve(connection)


def _let_in(
    connection: socket.socket,
    address: str,
    admit: Callable[[SocketTransport, str], None],
    readiness: Readiness | None,
) -> None:
    connection.setblocking(False)
    admit(SocketTransport(connection, readiness), address)


def set_tcp_options(listener: socket.socket, keepalive_seconds: float) -> None:
    """Set what every connection is to have: those that are accepted inherit it. To set it on each of them would be six system calls a caller."""
    listener.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    # A telnet client marks the end of an interrupt with urgent data (RFC 854's Synch); it must stay in its place in the stream.
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_OOBINLINE, 1)
    keep_alive((listener,), keepalive_seconds)


def keep_alive(listeners: Iterable[socket.socket], seconds: float) -> None:
    """Have TCP ask whoever connects from now on, and has been silent for so long, whether they are there; 0: never."""
    for listener in listeners:
        if listener.family == socket.AF_UNIX or listener.fileno() < 0:  # it is closed while the server stops
            continue
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, bool(seconds))
        if not seconds:
            continue
        idle, probes = max(1, round(seconds)), 4
        listener.setsockopt(socket.IPPROTO_TCP, socket.TCP_KEEPIDLE, idle)
        listener.setsockopt(socket.IPPROTO_TCP, socket.TCP_KEEPINTVL, max(1, idle // probes))
        listener.setsockopt(socket.IPPROTO_TCP, socket.TCP_KEEPCNT, probes)
