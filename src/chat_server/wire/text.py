"""The plain door: people on telnet, nc, or anything else that sends lines of text.

Turns bytes into requests: the telnet protocol is taken off, UTF-8 is decoded, the text is cleaned, a line that begins with `/` is a command.
What is written to people is in sentences.py.
"""

from chat_server.clean import clean
from chat_server.events import LineTooLong, ProtocolReply, Request, Say, Unreadable
from chat_server.syntax import parse_command
from chat_server.wire.telnet import TelnetDecoder

_PLAIN = bytes(range(0x20, 0x7F)) + b"\r\n"


def parse_line(line: bytes, *, is_clean: bool = False) -> Request | Unreadable | None:
    """Turn one line, without its end, into what it asks for; None for a line with nothing on it.

    Args:
        line: the bytes as they came.
        is_clean: they are known to be printable ASCII.

    """
    text = (line.decode() if is_clean else clean(line.decode(errors="replace"))).rstrip()
    if not text:
        return None
    if text[0] != "/":
        return Say(text)
    if text.startswith("//"):
        return Say(text[1:])
    return parse_command(text[1:])


class TextDecoder:
    """Turn the bytes of one caller into requests. Any split of the bytes gives the same requests; no bytes make it raise."""

    __slots__ = ("_limit", "_telnet")

    def __init__(self, line_limit: int) -> None:
        """Refuse lines of more than `line_limit` bytes."""
        self._limit = line_limit
        self._telnet = TelnetDecoder(line_limit)

    @property
    def is_mid_line(self) -> bool:
        """Whether the caller has begun a line and not ended it."""
        return self._telnet.is_mid_line

    def receive_data(self, data: bytes) -> list[Request | Unreadable | ProtocolReply]:
        """Take bytes as they came; return the requests that they complete and the replies due, in order."""
        # One look at everything that came costs a tenth of a look at each of its lines.
        is_clean = not self._telnet.is_mid_line and not data.translate(None, _PLAIN)
        requests: list[Request | Unreadable | ProtocolReply] = []
        for piece in self._telnet.receive_data(data):
            if type(piece) is bytes:
                request = parse_line(piece, is_clean=is_clean)
                if request is not None:
                    requests.append(request)
            elif type(piece) is ProtocolReply:
                requests.append(piece)
            else:
                requests.append(LineTooLong(self._limit))
        return requests
