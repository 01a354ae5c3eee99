"""The sockets on which a server listens: opened as the settings say, or taken as somebody has handed them over. Never knows who calls."""

import errno
import socket
from collections.abc import Callable, Iterable, Sequence
from typing import NamedTuple

from msgspec.structs import replace

from chat_server.config import Config, host_and_port
from chat_server.server.handed import CHAT, METRICS, TLS, Handed, made_fit
from chat_server.server.listening import open_listeners, place_of, places_at
from chat_server.server.monitoring import open_monitor_listeners

_HINTS = {
    errno.EADDRINUSE: "; another program listens there: stop it, or choose another port",
    errno.EADDRNOTAVAIL: "; this machine has no such address: `ip address` lists those that it has",
    errno.EACCES: "; ports below 1024 are for programs that may have them: choose another one",
}
"""What to do about an address where nobody can listen."""


class CannotListen(Exception):
    """An address cannot be listened on; the sentence says which and why."""


class Places(NamedTuple):
    """Listening, non-blocking sockets: for all callers, for those who begin TLS at once, for programs that watch over the server."""

    chat: list[socket.socket]
    tls: list[socket.socket]
    monitors: list[socket.socket]

    def named(self) -> list[tuple[str, socket.socket]]:
        """All that are open, with what they are called where they are handed over."""
        of = ((CHAT, self.chat), (TLS, self.tls), (METRICS, self.monitors))
        return [(name, one) for name, sockets in of for one in sockets if one.fileno() >= 0]

    def once_more(self) -> Handed:
        """The same, for whoever wants to listen there after these are closed: callers wait in them meanwhile."""
        chat, tls, metrics = (tuple(one.dup() for one in sockets if one.fileno() >= 0) for sockets in self)
        return Handed(chat, tls, metrics)

    def close(self) -> None:
        """Listen no more."""
        for sockets in self:
            _close(sockets)


class Succession(NamedTuple):
    """What another server needs that takes the place of this one, if it may."""

    places: Places
    give_way: Callable[[socket.socket | None], None]
    """Ends this server, in order and soon, for one that says by this connection that it serves; None: it does not say so."""
    why_not: str
    """Why none may, in words; "" if one may."""


def open_places(config: Config, given: Handed) -> Places:
    """Open what the settings name and nobody has handed over. Raises CannotListen, and opens nothing."""
    keepalive = config.limits.keepalive_seconds
    places = Places([], [], [])
    try:
        places.chat.extend([made_fit(one, keepalive) for one in given.chat] or _listen(config, config.server.port))
        if config.tls.port:
            places.tls.extend([made_fit(one, keepalive) for one in given.tls] or _listen(config, config.tls.port))
        places.monitors.extend([made_fit(one) for one in given.metrics] or listen_for_monitors(config.metrics.listen))
    except CannotListen:
        places.close()
        raise
    return places


def fitting(given: Handed, config: Config) -> Handed:
    """Those of a predecessor's sockets that listen where the settings say; a port that the system has chosen for it is as good as any."""
    host, tls = config.server.host, config.tls.port
    return Handed(
        given.chat if _is_at(given.chat, host, config.server.port) else (),
        given.tls if tls and _is_at(given.tls, host, tls) else (),
        given.metrics if are_for_monitors(given.metrics, config.metrics.listen) else (),
    )


def _is_at(sockets: Sequence[socket.socket], host: str, port: int) -> bool:
    """Whether these, but for those that are closed, listen on every address that the host name has, at this port (0: any), and nowhere else."""
    places = {place_of(one) for one in sockets if one.fileno() >= 0}
    if not port:
        places = {(where, 0) for where, _ in places}
    try:
        return bool(places) and places == places_at(host, port)
    except (OSError, ValueError):
        return False


def are_for_monitors(sockets: Sequence[socket.socket], listen: str) -> bool:
    """Whether these listen where the setting says, and nowhere else; nowhere at all is no such place."""
    return bool(listen) and _is_at(sockets, *host_and_port(listen))


Ports = tuple[int, int]
"""That for all callers, and that for those who begin TLS at once; 0 where there is none."""


def ports_of(places: Places) -> Ports:
    """On which ports a server listens."""
    chat, tls = (place_of(sockets[0])[1] if sockets else 0 for sockets in (places.chat, places.tls))
    return chat, tls


def with_ports(config: Config, ports: Ports) -> Config:
    """The settings, with these ports: the system may have chosen them."""
    return replace(config, server=replace(config.server, port=ports[0]), tls=replace(config.tls, port=ports[1]))


def _close(sockets: Iterable[socket.socket]) -> None:
    for one in sockets:
        one.close()


def _listen(config: Config, port: int) -> list[socket.socket]:
    host = config.server.host
    if host.startswith("/") and config.tls.port:
        raise CannotListen("[tls] port needs an address to listen on, and [server] host is a Unix socket")
    try:
        return open_listeners(host, port, config.limits.keepalive_seconds)
    except (OSError, ValueError) as error:  # ValueError: a host name that cannot be one
        hint = "; the port is given by --port" if host.count(":") == 1 else ""  # more colons are an IPv6 address
        place = host if host.startswith("/") else f"{host}:{port}"
        raise CannotListen(f"cannot listen on {place}: {why_not(error, place)}{hint}") from error


def listen_for_monitors(listen: str, has: Sequence[socket.socket] = ()) -> list[socket.socket]:
    """Listen where the setting says; nowhere if it says nothing. See open_listeners. Raises CannotListen."""
    try:
        return open_monitor_listeners(listen, has)
    except OSError as error:
        raise CannotListen(f"cannot listen on {listen} ([metrics] listen): {why_not(error, listen)}") from error


def why_not(error: OSError | ValueError, place: str) -> str:
    """Why nobody can listen at a place, and what to do about it; ValueError: a host name that cannot be one."""
    hint = "" if place.startswith("/") else _HINTS.get(getattr(error, "errno", None) or 0, "")
    return f"{getattr(error, 'strerror', None) or error}{hint}"
