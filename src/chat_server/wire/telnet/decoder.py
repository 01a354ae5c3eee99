"""Telnet (RFC 854): takes the protocol off what a caller sends.

Callers that never send IAC are served by the same code and meet none of it. This module does not know what the bytes of text mean, nor what
is answered to what it finds among them.
"""

import re
from collections.abc import Iterator
from enum import Enum

from msgspec import Struct

from chat_server.wire.telnet.options import Code, Option

SUBNEGOTIATION_MAX = 1024
"""Bytes after which a subnegotiation that is never closed is given up, and text is text again. Precedent: the longest that MTTS or
CHARSET send is below 512."""


_CERTAIN_OPTIONS = frozenset((Option.BINARY, Option.ECHO, Option.SGA, Option.TTYPE, Option.NAWS))
"""Options whose number is a control character that no text has: after WILL, WONT, DO or DONT they are certainly telnet."""


class Command(Struct, frozen=True, gc=False):
    """IAC and one byte: AYT, IP, EC, ..."""

    code: int


class OptionSaid(Struct, frozen=True, gc=False):
    """IAC, WILL, WONT, DO or DONT, and an option."""

    verb: int
    option: int


class Subnegotiation(Struct, frozen=True, gc=False):
    """What stood between IAC SB and IAC SE."""

    option: int
    data: bytes


Piece = bytes | Command | OptionSaid | Subnegotiation
"""Text without anything of telnet in it, or something of telnet."""


class _State(Enum):
    TEXT = "text"
    IAC = "after IAC"
    OPTION = "after WILL, WONT, DO or DONT"
    SUBNEGOTIATION = "inside a subnegotiation"
    SUBNEGOTIATION_IAC = "after IAC inside a subnegotiation"


_PARTS = re.compile(rb"[^\xff]+|\xff")


class TelnetDecoder:
    """Turn what arrives into text and what is of the protocol. Any split of the bytes gives the same; no bytes make it raise."""

    __slots__ = ("_state", "_subnegotiation", "_verb", "doubts_iac")

    def __init__(self) -> None:
        self.doubts_iac = False
        """Whether 0xFF may be a letter: then it is IAC only before WILL, WONT, DO or DONT and an option that no text looks like."""
        self._state = _State.TEXT
        self._verb = 0
        self._subnegotiation: bytearray | None = None  # what has come of one, while there is one

    @property
    def is_in_sequence(self) -> bool:
        """Whether something of the protocol has been begun and not ended."""
        return self._state is not _State.TEXT

    def receive_data(self, data: bytes) -> Iterator[Piece]:
        """Take bytes as they came; give what they hold, in order, as far as it is asked for."""
        for part in _PARTS.findall(data):
            # Inside a sequence every byte counts for itself, and a run of text may begin with the sequence's last bytes.
            position = 0
            while position < len(part) and self._state is not _State.TEXT:
                yield from self._control(part[position])
                position += 1
            if position == len(part):
                continue
            if part[position] == Code.IAC:
                self._state = _State.IAC
            else:
                yield part[position:]

    def _control(self, byte: int) -> Iterator[Piece]:
        """Take one byte of an IAC sequence."""
        match self._state:
            case _State.IAC:
                yield from self._command(byte)
            case _State.OPTION:
                self._state = _State.TEXT
                if self.doubts_iac and byte not in _CERTAIN_OPTIONS:
                    yield from self._letters(byte)
                else:
                    yield OptionSaid(self._verb, byte)
            case _State.SUBNEGOTIATION:
                if byte == Code.IAC:
                    self._state = _State.SUBNEGOTIATION_IAC
                else:
                    self._add(byte)
            case _ if byte == Code.IAC:
                self._state = _State.SUBNEGOTIATION
                self._add(byte)
            case _ if byte == Code.SE:
                self._state = _State.TEXT
                came, self._subnegotiation = self._subnegotiation, None
                if came:
                    yield Subnegotiation(came[0], bytes(came[1:]))
            case _:  # a command where SE was due: the other side has forgotten to close
                yield from self._command(byte)

    def _letters(self, byte: int) -> Iterator[Piece]:
        """What looked like WILL, WONT, DO or DONT was letters, and the byte after them may be one more doubtful."""
        yield bytes((Code.IAC, self._verb))
        if byte == Code.IAC:
            self._state = _State.IAC
        else:
            yield bytes((byte,))

    def _add(self, byte: int) -> None:
        if self._subnegotiation is None:
            self._subnegotiation = bytearray()
        self._subnegotiation.append(byte)
        if len(self._subnegotiation) >= SUBNEGOTIATION_MAX:
            self._subnegotiation = None
            self._state = _State.TEXT

    def _command(self, byte: int) -> Iterator[Piece]:
        """Take the byte after IAC."""
        self._state = _State.TEXT
        match byte:
            case Code.IAC if self.doubts_iac:  # two letters, of which the second may be one more doubtful
                self._state = _State.IAC
                yield b"\xff"
            case _ if self.doubts_iac and byte < Code.WILL:
                yield bytes((Code.IAC, byte))
            case Code.IAC:  # IAC IAC is the byte 0xFF
                yield b"\xff"
            case Code.WILL | Code.WONT | Code.DO | Code.DONT:
                self._verb = byte
                self._state = _State.OPTION
            case Code.SB:
                self._subnegotiation = None
                self._state = _State.SUBNEGOTIATION
            case _ if byte >= Code.EOF:
                yield Command(byte)
            case _:  # no command of telnet: somebody's letter, and the next one
                yield bytes((Code.IAC, byte))
