"""What happens on a connection at the plain door and is no request: to its terminal, its keys, its charset. Values; they know nothing."""

from msgspec import Struct

from chat_server.wire.detect import TLS_STARTS
from chat_server.wire.telnet.decoder import Piece, TelnetDecoder
from chat_server.wire.telnet.negotiation import Negotiation


class ConnectionEvent(Struct, frozen=True):
    """Something about the connection itself, which is nobody's request."""


class TerminalChanged(ConnectionEvent, frozen=True):
    """Something is known of the caller's terminal that was not, or the editing of its line has begun or ended."""


class SecretEntered(ConnectionEvent, frozen=True):
    """What was typed at a prompt for a password."""

    text: str


class LineWithheld(ConnectionEvent, frozen=True):
    """A line that may be a secret, though none was asked for. What it says is not here."""

    left: int
    """Lines behind it that may be so too."""
    waited: float = 0.0
    """Seconds for which nothing came since what was told before the first of them."""


class CharsetUnclear(ConnectionEvent, frozen=True):
    """A line that is not UTF-8, and may be Chinese in another charset. It was not read further."""

    may_be_command: bool
    """Whether it begins with a slash, an ordinary or a wide one."""


class CompletionRequested(ConnectionEvent, frozen=True):
    """Tab was typed after this text."""

    before: str


class InputCost(ConnectionEvent, frozen=True):
    """The keys have cost as much as a part of a line, of which INPUT_COSTS_PER_LINE make one."""


class ProgramDetected(ConnectionEvent, frozen=True):
    """A line begins with `{`, or as TLS does, before anybody has logged in: the caller is a program. Nothing more is read here."""

    telnet: TelnetDecoder
    negotiation: Negotiation
    pieces: tuple[Piece, ...]
    """What has come since."""

    @property
    def is_tls(self) -> bool:
        """Whether it begins TLS, which is too late for that."""
        return isinstance(self.pieces[0], bytes) and self.pieces[0].startswith(TLS_STARTS)


class AreYouThere(ConnectionEvent, frozen=True):
    """The caller's telnet asks whether somebody is there (RFC 854's AYT)."""
