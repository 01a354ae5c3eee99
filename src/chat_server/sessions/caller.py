"""Somebody on a connection of whom nothing is known but where they come from: what a session begins with. A value; it knows nothing."""

from msgspec import Struct

from chat_server.rooms.room import Line
from chat_server.sessions.origin import Origin
from chat_server.sessions.pace import Address
from chat_server.sessions.reserved import Reserved
from chat_server.sessions.transport import Transport


class Caller(Struct, frozen=True, gc=False):
    """One at the other end of a connection."""

    transport: Transport
    origin: Origin
    address: Address
    """What is known of all who come from there."""
    since: float = 0.0
    """When it came, by the event loop's clock."""
    must_encrypt: bool = False
    """Whether it is to begin TLS before anything else is said: it came by a port for that."""
    certificate: str = ""
    """The fingerprint of the certificate that it was shown, in groups; "" if it has not begun TLS here, or only a proxy has."""

    reserved: Reserved | None = None
    """The place beyond the limit of connections that it has until it has logged in, and keeps if it moderates the server."""

    def line(self, server_fingerprint: str) -> Line:
        """The way to them, as places know it, where a certificate with this fingerprint is shown to whoever comes now."""
        origin, shown = self.origin, self.certificate
        return Line(origin.is_encrypted, origin.is_proxied and not shown, origin.is_local, shown or server_fingerprint)
