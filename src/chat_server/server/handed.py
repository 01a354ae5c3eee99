"""Listening sockets that somebody else has opened for this server: systemd, or the server that this one replaces.

Whoever calls while nobody accepts waits in them. Knows sockets and sd_listen_fds(3); never knows who calls, nor how a predecessor is asked.
"""

import os
import socket
from collections.abc import Iterable, MutableMapping
from contextlib import suppress
from ipaddress import ip_address

from msgspec import Struct
from msgspec.structs import replace

from chat_server.config import Config
from chat_server.server.listening import BACKLOG, address_of, place_of, set_tcp_options

FIRST_DESCRIPTOR = 3
"""The descriptor of the first socket that systemd hands over; the others follow."""

CHAT, TLS, METRICS = "chat", "tls", "metrics"
"""What sockets are called: for all callers, for those who begin TLS before anything else is said, and for programs that watch over the server."""

NAMES = (CHAT, TLS, METRICS)

SOCKET_UNIT = ".socket"
"""With what the name of a socket ends that nobody has named (systemd.socket(5), FileDescriptorName=): it is that of its unit."""


class Unfit(Exception):
    """What was handed over is nothing to listen on; the sentence says why."""


class Handed(Struct, frozen=True):
    """Sockets by what they are for. `are_kept`: whoever has handed them over keeps them open, whatever becomes of this server."""

    chat: tuple[socket.socket, ...] = ()
    tls: tuple[socket.socket, ...] = ()
    metrics: tuple[socket.socket, ...] = ()
    are_kept: bool = False

    @property
    def sockets(self) -> tuple[socket.socket, ...]:
        """All of them."""
        return (*self.chat, *self.tls, *self.metrics)

    def close(self) -> None:
        """Have nothing more to do with them; whoever else has them still listens."""
        for one in self.sockets:
            one.close()


NOTHING = Handed()
"""Nothing was handed over."""


def handed_by_systemd(environment: MutableMapping[str, str] = os.environ) -> Handed:
    """What systemd has handed over, of which nothing is left in the environment then: it was meant for this process alone.

    Raises:
        Unfit: something of it cannot be used.

    """
    pid, count, names = (environment.pop(f"LISTEN_{name}", "") for name in ("PID", "FDS", "FDNAMES"))
    if pid != str(os.getpid()) or not (count.isascii() and count.isdecimal() and int(count)):
        return NOTHING
    descriptors = range(FIRST_DESCRIPTOR, FIRST_DESCRIPTOR + int(count))
    called = names.split(":") if names else [CHAT] * len(descriptors)
    if len(called) != len(descriptors):
        raise Unfit(f"LISTEN_FDNAMES has {len(called)} names for {len(descriptors)} sockets")
    named = [(CHAT if name.endswith(SOCKET_UNIT) else name, at) for name, at in zip(called, descriptors, strict=True)]
    return handed(named, "systemd", are_kept=True)


def handed(named: Iterable[tuple[str, int]], by: str, *, are_kept: bool) -> Handed:
    """Take sockets over, by their names and descriptors. Raises Unfit, and closes the others, if one of them cannot be used."""
    given, taken = [*named], list[tuple[str, socket.socket]]()
    try:
        for name, descriptor in given:
            taken.append((name, _taken(name, descriptor, by)))
    except Unfit:
        for _, one in taken:
            one.close()
        close_all(descriptor for _, descriptor in given[len(taken) + 1 :])
        raise
    chat, tls, metrics = (tuple(one for name, one in taken if name == wanted) for wanted in NAMES)
    return Handed(chat, tls, metrics, are_kept)


def close_all(descriptors: Iterable[int]) -> None:
    """Have nothing to do with these."""
    for descriptor in descriptors:
        with suppress(OSError):
            os.close(descriptor)


def _taken(name: str, descriptor: int, by: str) -> socket.socket:
    try:
        os.set_inheritable(descriptor, False)
        one = socket.socket(fileno=descriptor)
    except OSError as error:
        raise Unfit(f"{by} hands over descriptor {descriptor}, which is no socket: {error.strerror}") from error
    why = ""
    if name not in NAMES:
        why = f"called {name}: expected {', '.join(NAMES)} (FileDescriptorName=)"
    elif not _listens(one):
        why = "that does not listen for streams (ListenStream=, and Accept=no)"
    if why:
        one.close()
        raise Unfit(f"{by} hands over a socket {why}")
    return one


def _listens(one: socket.socket) -> bool:
    is_stream = one.type == socket.SOCK_STREAM and one.family in (socket.AF_INET, socket.AF_INET6, socket.AF_UNIX)
    return is_stream and bool(one.getsockopt(socket.SOL_SOCKET, socket.SO_ACCEPTCONN))


def made_fit(one: socket.socket, keepalive_seconds: float = 0) -> socket.socket:
    """A socket of our own for the same place, with everything that those have which this server opens itself."""
    own = one.dup()
    own.setblocking(False)
    if own.family != socket.AF_UNIX:
        set_tcp_options(own, keepalive_seconds)
    own.listen(BACKLOG)  # whoever waits already stays
    return own


def as_handed(config: Config, given: Handed) -> Config:
    """The settings, with where the sockets listen in place of what they say of that: who may register by itself hangs on it."""
    server, tls = config.server, config.tls
    if given.chat:
        host, port = max((place_of(one) for one in given.chat), key=lambda place: _is_for_others(place[0]))
        server = replace(server, host=host, port=port)
    if given.tls:
        tls = replace(tls, port=place_of(given.tls[0])[1])
    metrics = replace(config.metrics, listen=address_of(given.metrics[0])) if given.metrics else config.metrics
    return replace(config, server=server, tls=tls, metrics=metrics)


def _is_for_others(host: str) -> bool:
    return host.startswith("/") or not ip_address(host.partition("%")[0]).is_loopback
