"""Listening for callers, and accepting them. Knows sockets. Never knows who a caller is, nor what becomes of it."""

import errno
import socket
from collections.abc import Callable

import trio

from chat_server.guard import Guard
from chat_server.logs import Sampler
from chat_server.sessions.transport import SocketTransport

BACKLOG = 4096
"""Connections that the kernel may hold until they are accepted: Linux's own limit since 5.4."""

ACCEPT_MAX = 16
"""Callers accepted before others have their turn: 3 ms, with their greetings."""

_OUT_OF_FILES = {errno.EMFILE, errno.ENFILE, errno.ENOBUFS, errno.ENOMEM}


def open_listeners(host: str, port: int, keepalive_seconds: float = 0) -> list[socket.socket]:
    """Listen on every address that the host name has; whoever has been silent for `keepalive_seconds` is asked by TCP whether they are there.

    Raises:
        OSError: if the name has no address, or an address is in use or not ours.

    """
    listeners: list[socket.socket] = []
    try:
        for family, kind, protocol, _, address in dict.fromkeys(
            socket.getaddrinfo(host or None, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)
        ):
            listener = socket.socket(family, kind, protocol)
            listeners.append(listener)
            listener.setblocking(False)
            listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            if family == socket.AF_INET6:
                listener.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
            _set_tcp_options(listener, keepalive_seconds)
            listener.bind(address)
            listener.listen(BACKLOG)
    except OSError:
        for listener in listeners:
            listener.close()
        raise
    return listeners


def address_of(listener: socket.socket) -> str:
    """Where it listens, as people write it."""
    host, port = listener.getsockname()[:2]
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"


async def accept_callers(
    listener: socket.socket, admit: Callable[[SocketTransport, str], None], unwelcome: Sampler
) -> None:
    """Accept callers until the listener is closed; `admit` takes each, with its address, and `unwelcome` logs that one cannot be accepted."""
    guard = Guard("a caller could not be let in")
    while listener.fileno() >= 0:  # it is closed when the server stops
        try:
            await trio.lowlevel.wait_readable(listener.fileno())
        except trio.ClosedResourceError:
            return
        for _ in range(ACCEPT_MAX):
            try:
                connection, address = listener.accept()
            except BlockingIOError:
                break
            except OSError as error:
                if error.errno in _OUT_OF_FILES:
                    unwelcome.note("cannot accept a caller", trio.current_time(), why=error.strerror)
                    await trio.sleep(0.1)
                break
            if not guard.attempt(_let_in, connection, address[0], admit):
                connection.close()


def _let_in(connection: socket.socket, address: str, admit: Callable[[SocketTransport, str], None]) -> None:
    connection.setblocking(False)
    admit(SocketTransport(connection), address)


def _set_tcp_options(listener: socket.socket, keepalive_seconds: float) -> None:
    """Set what every connection is to have: those that are accepted inherit it. To set it on each of them would be six system calls a caller."""
    listener.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    # A telnet client marks the end of an interrupt with urgent data (RFC 854's Synch); it must stay in its place in the stream.
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_OOBINLINE, 1)
    if keepalive_seconds:
        idle, probes = max(1, round(keepalive_seconds)), 4
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
        listener.setsockopt(socket.IPPROTO_TCP, socket.TCP_KEEPIDLE, idle)
        listener.setsockopt(socket.IPPROTO_TCP, socket.TCP_KEEPINTVL, max(1, idle // probes))
        listener.setsockopt(socket.IPPROTO_TCP, socket.TCP_KEEPCNT, probes)
