"""What is known of a caller's telnet, if there is any. Pure; never knows lines, nor what is asked for."""

from chat_server.wire.telnet.decoder import TelnetDecoder
from chat_server.wire.telnet.negotiation import Negotiation
from chat_server.wire.telnet.terminal import UNKNOWN, Terminal


class CallersTelnet:
    """Its decoder and its negotiation. text.py makes them when there may be telnet: they take 350 bytes, and who is at nc has none."""

    __slots__ = ("_negotiation", "_telnet")

    def __init__(self) -> None:
        """Know of none."""
        self._telnet: TelnetDecoder | None = None
        self._negotiation: Negotiation | None = None

    @property
    def speaks_telnet(self) -> bool:
        """Whether the caller has said something in telnet that no text looks like."""
        return self._negotiation is not None and self._negotiation.has_spoken

    @property
    def terminal(self) -> Terminal:
        """What is known of the caller's terminal."""
        return UNKNOWN if self._negotiation is None else self._negotiation.terminal

    @property
    def wants_editing(self) -> bool:
        """Whether the line is edited here, or will be when the caller's telnet agrees."""
        return self._negotiation is not None and self._negotiation.wants_editing

    @property
    def _is_secret_expected(self) -> bool:
        return self._negotiation is not None and self._negotiation.is_secret_expected

    @property
    def _is_in_sequence(self) -> bool:
        return self._telnet is not None and self._telnet.is_in_sequence
