"""What is noticed of a caller at the plain door that is nobody's request: of its terminal, its keys, its charset. Values; they know nothing."""

from msgspec import Struct

from chat_server.wire.telnet.decoder import Piece, TelnetDecoder
from chat_server.wire.telnet.negotiation import Negotiation


class Noticed(Struct, frozen=True):
    """Something about the connection itself, which is nobody's request."""


class Learnt(Noticed, frozen=True):
    """Something is known of the caller's terminal that was not, or the editing of its line has begun or ended."""


class Secret(Noticed, frozen=True):
    """What was typed at a prompt for a password."""

    text: str


class CharsetUnclear(Noticed, frozen=True):
    """A line that is not UTF-8, and may be Chinese in another charset. It was not read further."""


class Tab(Noticed, frozen=True):
    """Tab was typed after this text."""

    before: str


class Toil(Noticed, frozen=True):
    """The keys have cost as much as a part of a line, of which TOILS_PER_LINE make one."""


class ProgramCame(Noticed, frozen=True):
    """A line begins with `{` before anybody has logged in: the caller is a program. Nothing more is read here; these are what has come since."""

    telnet: TelnetDecoder
    negotiation: Negotiation
    pieces: tuple[Piece, ...]


class AreYouThere(Noticed, frozen=True):
    """The caller's telnet asks whether somebody is there (RFC 854's AYT)."""
