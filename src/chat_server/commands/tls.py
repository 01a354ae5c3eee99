"""Whether anybody can listen in on the way to the server, and by what one knows that it is the server.

Never knows how TLS is spoken, nor where the certificate is kept.
"""

from typing import ClassVar

from chat_server.commands.access import ANYBODY, access
from chat_server.commands.handler import CommandHandler
from chat_server.protocol.events import Answered
from chat_server.protocol.requests import Request
from chat_server.rooms.room import Line, MaybeAwaitable, Occupant, Room


class Tls(Request, frozen=True, gc=False):
    """Ask whether this line is encrypted, and for the fingerprint of the server's certificate."""

    aliases: ClassVar[tuple[str, ...]] = ("fingerprint",)
    group: ClassVar[str] = "general"


class LineEncrypted(Answered, frozen=True):
    """The line is encrypted. The fingerprint of the server's certificate is its SHA-256, in groups of four digits."""

    sentence: ClassVar[str] = (
        "This line is encrypted. The server's certificate has the fingerprint (SHA-256) {fingerprint}. Whoever runs the server can"
        " read it out to you, by telephone for example: if your program shows another, somebody may be in between."
    )

    fingerprint: str


class LineProxied(Answered, frozen=True):
    """The line is encrypted up to a proxy, which has a certificate of its own."""

    sentence: ClassVar[str] = (
        "This line is encrypted as far as a proxy of the server's, whose certificate it is that your program shows."
    )


class LineLocal(Answered, frozen=True):
    """The line is not encrypted, and does not leave the server's machine."""

    sentence: ClassVar[str] = (
        "This line is not encrypted, and does not leave this machine. To others the server shows a certificate with the fingerprint (SHA-256)"
        " {fingerprint}"
    )

    fingerprint: str


class LineOpen(Answered, frozen=True):
    """The line is not encrypted, and could be."""

    sentence: ClassVar[str] = (
        "This line is not encrypted: whoever is on the way can read it. chat-tui encrypts by itself, and so do ncat --ssl and openssl s_client -quiet"
        " -connect. The server's certificate has the fingerprint (SHA-256) {fingerprint}"
    )

    fingerprint: str


class LineUncertified(Answered, frozen=True):
    """The line is not encrypted, for the server has no certificate."""

    sentence: ClassVar[str] = (
        "This line is not encrypted, and cannot be: the server has no certificate. Its log says why, to whoever runs it."
    )


class TlsCommands(CommandHandler):
    """To ask about the line."""

    @access(role=ANYBODY)
    def do_tls(self, place: Room, session: Occupant, request: Tls) -> MaybeAwaitable:
        """Say whether this line is encrypted.

        And by which fingerprint one knows the server's certificate.
        """
        session.send(_answer(session.line))
        return None


def _answer(line: Line) -> Answered:
    if line.is_encrypted:
        return LineProxied() if line.is_proxied else LineEncrypted(line.server_fingerprint)
    if not line.server_fingerprint:
        return LineUncertified()
    return (LineLocal if line.is_local else LineOpen)(line.server_fingerprint)
