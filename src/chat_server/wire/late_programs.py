"""Programs that came in by the plain door: they spoke too late to be known by their first byte, or a person pastes what a program would send.

Knows telnet, for whoever pastes may have a terminal that goes on speaking it, and JSON lines. Never knows what the caller did before. Pure.
"""

from collections.abc import Sequence

from chat_server.protocol.incoming import Addressed, ProtocolReply
from chat_server.wire.json_lines import JsonDecoder, Parse
from chat_server.wire.telnet.decoder import OptionSaid, Piece, Subnegotiation, TelnetDecoder
from chat_server.wire.telnet.negotiation import Negotiation

_ENDS = bytes.maketrans(b"\r", b"\n")
"""Telnet ends a line with CR LF or CR NUL. JSON has neither of them raw in a string, and empty lines are nothing."""


class LateJsonDecoder(JsonDecoder):
    """Turn what a caller sends from its first `{` on into requests. Any split of the bytes gives the same; no bytes make it raise."""

    __slots__ = ("_negotiation", "_pieces", "_telnet")

    def __init__(
        self,
        parse: Parse,
        line_limit: int,
        text_limit: int,
        *,
        telnet: TelnetDecoder,
        negotiation: Negotiation,
        pieces: Sequence[Piece],
    ) -> None:
        """Refuse lines and texts as JsonDecoder does; go on with the caller's telnet as it stands, and with what has come already."""
        super().__init__(parse, line_limit, text_limit)
        self._telnet = telnet
        self._negotiation = negotiation
        self._pieces = pieces

    def receive_data(self, data: bytes) -> list[Addressed | ProtocolReply]:
        """Take bytes as they came; return the requests that they complete, and what telnet is to be answered, in order."""
        pieces, self._pieces = self._pieces, ()
        requests: list[Addressed | ProtocolReply] = []
        for piece in (*pieces, *self._telnet.receive_data(data)):
            if isinstance(piece, bytes):
                requests += super().receive_data(piece.translate(_ENDS, b"\0"))
            elif said := self._answer(piece):
                requests.append(ProtocolReply(said))
        return requests

    def _answer(self, piece: Piece) -> bytes:
        match piece:
            case OptionSaid():
                return self._negotiation.receive_option(piece.verb, piece.option)
            case Subnegotiation():
                return self._negotiation.receive_subnegotiation(piece.option, piece.data)
            case _:
                return b""
