"""Which kind of caller this is, told by its first bytes. Pure; the clock that ends the waiting belongs to the server."""

from enum import Enum

_HTTP_VERBS = tuple(
    verb.encode() + b" "
    for verb in ("GET", "HEAD", "POST", "PUT", "DELETE", "CONNECT", "OPTIONS", "TRACE", "PATCH", "PRI")
)
_TLS_HANDSHAKE = b"\x16\x03"  # record type 22, major version 3 (RFC 8446, section 5.1)

_HINT = b"This is a chat server, not a web server. Connect with telnet or nc instead of a browser.\n"


class Door(Enum):
    """The kinds of caller that one port serves."""

    PERSON = "person"
    JSON_LINES = "JSON lines"
    HTTP = "HTTP"
    TLS = "TLS"


def recognise(first: bytes) -> Door | None:
    """Tell the caller's kind by the first bytes it sent; None when more bytes are needed to know.

    A caller that is silent for a while is a person: that is for whoever has a clock to say.
    """
    if not first:
        return None
    if first.startswith(b"{"):
        return Door.JSON_LINES
    if first.startswith(_TLS_HANDSHAKE):
        return Door.TLS
    if first.startswith(_HTTP_VERBS):
        return Door.HTTP
    if any(start.startswith(first) for start in (_TLS_HANDSHAKE, *_HTTP_VERBS)):
        return None
    return Door.PERSON


CLOSED_DOORS = {
    Door.HTTP: b"HTTP/1.1 400 Bad Request\r\nContent-Type: text/plain; charset=utf-8\r\nContent-Length: %d\r\nConnection: close\r\n\r\n%b"
    % (len(_HINT), _HINT),
    Door.TLS: b"",
}
"""What callers get who cannot be served, in their own tongue. A TLS client would take any answer for a broken one."""
