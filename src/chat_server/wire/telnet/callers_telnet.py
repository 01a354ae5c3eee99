"""What is known of a caller's telnet, if there is any. Pure; never knows lines, nor what is asked for."""

from msgspec import Struct

from chat_server.wire.charsets import has_byte_255
from chat_server.wire.telnet.decoder import TelnetDecoder
from chat_server.wire.telnet.negotiation import Negotiation
from chat_server.wire.telnet.terminal import UNKNOWN, Terminal


class CallersTelnet(Struct, frozen=True, gc=False):
    """Its decoder and its negotiation, as far as there may be telnet: they take 350 bytes, and who is at nc has none."""

    decoder: TelnetDecoder | None = None
    negotiation: Negotiation | None = None

    @property
    def is_spoken(self) -> bool:
        """Whether the caller has said something in telnet that no text looks like."""
        return self.negotiation is not None and self.negotiation.has_spoken

    @property
    def terminal(self) -> Terminal:
        """What is known of the caller's terminal."""
        return UNKNOWN if self.negotiation is None else self.negotiation.terminal

    @property
    def wants_editing(self) -> bool:
        """Whether the line is edited here, or will be when the caller's telnet agrees."""
        return self.negotiation is not None and self.negotiation.wants_editing

    @property
    def is_secret_expected(self) -> bool:
        """Whether the next line is a secret, which is not to be shown while it is typed."""
        return self.negotiation is not None and self.negotiation.is_secret_expected

    @property
    def is_in_sequence(self) -> bool:
        """Whether something of the protocol has been begun and not ended."""
        return self.decoder is not None and self.decoder.is_in_sequence

    @property
    def expects_no_text(self) -> bool:
        """Whether what comes next is a secret, or the rest of something of the protocol."""
        return self.is_secret_expected or self.is_in_sequence

    def judge_byte_255(self, charset: str) -> None:
        """Without telnet, 0xFF is a letter where the charset has one there; with it, that letter comes twice."""
        if self.decoder is not None:
            self.decoder.doubts_iac = has_byte_255(charset) and not self.is_spoken


NO_TELNET = CallersTelnet()
"""There has been no sign of any. All callers share it."""
