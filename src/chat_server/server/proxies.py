"""Proxies in front of the server: which are believed, and for whom one of them connects. Their addresses are config.py's `[proxy]`.

Knows a connection until its header has been read. Never knows who is let in.
"""

from collections.abc import Sequence
from ipaddress import ip_address, ip_network

import trio

from chat_server.server.time_limits import TimeLimits
from chat_server.sessions.transport import Transport, receive_some
from chat_server.wire.proxy_protocol import (
    HEADER_BYTES_MAX,
    UNIX,
    BadHeader,
    Forwarded,
    Header,
    Unforwarded,
    read_header,
)

HEADER_SECONDS = 5.0
"""Seconds that a proxy has for its header, which it sends before anything else, in one segment: time for TCP to send that again, and again."""


class Proxies:
    """The proxies that are believed."""

    def __init__(self, trusted: Sequence[str]) -> None:
        """Believe those at these addresses, in these networks, and, where one of these is UNIX, those who come by a Unix socket."""
        self._trusts_unix = UNIX in trusted
        self._networks = [ip_network(network) for network in trusted if network != UNIX]

    def __contains__(self, address: str) -> bool:
        """Whether somebody who connects from this address is believed."""
        if address == UNIX:
            return self._trusts_unix
        if not self._networks:
            return False
        parsed = ip_address(address)
        return any(parsed in network for network in self._networks)


async def receive_header(transport: Transport, limits: TimeLimits) -> tuple[Header, bytes]:
    """Wait for the header with which a connection of a proxy begins; return it, and what the caller has sent after it."""
    received = b""
    header: Header | None = None
    try:
        with limits.within(HEADER_SECONDS):
            while header is None:
                data = await receive_some(transport, HEADER_BYTES_MAX - len(received))
                received += data
                header = read_header(received) if data else _ended(received)
    except (trio.BrokenResourceError, trio.ClosedResourceError):
        header = _ended(received)
    if header is None and not limits.are_over:
        header = BadHeader(f"{'it did not end' if received else 'none came'} within {HEADER_SECONDS:g} seconds")
    return header or Unforwarded(), received[header.size :] if isinstance(header, Forwarded) else b""


def _ended(received: bytes) -> Header:
    """What it means that the connection has ended after these bytes. Many proxies only connect, to see whether the server is there."""
    return BadHeader("the connection ended within it") if received else Unforwarded()
