"""Which kind of caller this is, told by its first bytes.

Which kinds there are, sessions/doors.py says; how long a silent one is waited for, server/arrival.py; and late_programs.py takes over from the plain
door where a program speaks later than that. Pure.
"""

from collections.abc import Sequence
from typing import Protocol, TypeVar

HTTP_STARTS = tuple(
    verb.encode() + b" "
    for verb in ("GET", "HEAD", "POST", "PUT", "DELETE", "CONNECT", "OPTIONS", "TRACE", "PATCH", "PRI")
)
TLS_STARTS = (b"\x16",)
"""Record type 22, handshake (RFC 8446, section 5.1). One byte is enough: typed it is Ctrl+V, with which nobody begins, and a client may be slow."""

JSON_STARTS = (b"{",)

_HINT = b"This is a chat server, not a web server. Connect with telnet or nc instead of a browser.\n"

HTTP_REFUSAL = (
    b"HTTP/1.1 400 Bad Request\r\nContent-Type: text/plain; charset=utf-8\r\nContent-Length: %d\r\nConnection: close\r\n\r\n%b"
    % (len(_HINT), _HINT)
)


class Kind(Protocol):
    """A kind of caller."""

    @property
    def starts(self) -> tuple[bytes, ...]:
        """What callers of this kind send first, any of these."""


K = TypeVar("K", bound=Kind)


def detect(first: bytes, kinds: Sequence[K], otherwise: K) -> K | None:
    """Tell the caller's kind by the first bytes it sent; None when more bytes are needed to know.

    A caller that is silent for a while is of none of the kinds that speak first: that is for whoever has a clock to say.
    """
    if not first:
        return None
    for kind in kinds:
        if first.startswith(kind.starts):
            return kind
    if any(start.startswith(first) for kind in kinds for start in kind.starts):
        return None
    return otherwise
