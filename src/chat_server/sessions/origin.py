"""Where a caller comes from, and whether anybody can listen in on the way. A value; never knows sockets, TLS, or what is secret."""

from msgspec import Struct

from chat_server.wire.proxy_protocol import UNIX


class Origin(Struct, frozen=True, gc=False):
    """One caller's, from its first byte on; another one when TLS has begun."""

    address: str
    """The caller's own, as the socket or a proxy tells it; UNIX for one who comes by a Unix socket."""
    is_encrypted: bool = False
    """Whether it comes by TLS, here or as far as a trusted proxy."""
    is_proxied: bool = False
    """Whether a proxy tells the address."""

    @property
    def is_local(self) -> bool:
        """Whether it is a program on this machine. Who is behind a proxy is somewhere else, whatever the proxy says."""
        if self.is_proxied:
            return False
        address = self.address.removeprefix("::ffff:")
        return address in {"::1", UNIX} or (address.startswith("127.") and ":" not in address)

    @property
    def is_confidential(self) -> bool:
        """Whether nobody else can read what goes over this line, so that a secret may."""
        return self.is_encrypted or self.is_local
