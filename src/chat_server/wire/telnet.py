"""The telnet protocol (RFC 854, 855): what stands between the bytes of a connection and the lines that a person typed.

Callers who are no telnet client at all (`nc`) are served by the same rules: they never send IAC, and never get one. This module does not know
what a line means, nor its charset beyond what erasing a character needs.
"""

import re
from collections.abc import Iterator
from enum import Enum

from chat_server.events import ProtocolReply
from chat_server.wire.lines import LineBuffer


class Code:
    """The bytes that mean something (RFC 854)."""

    NUL, BS, LF, CR, DEL = 0, 8, 10, 13, 127
    BINARY = 0  # an option (RFC 856)
    SE, EC, EL, SB, WILL, WONT, DO, DONT, IAC = 240, 247, 248, 250, 251, 252, 253, 254, 255


SUBNEGOTIATION_MAX = 1024
"""Bytes after which a subnegotiation that is never closed is given up, and text is text again. Precedent: the longest that MTTS or
CHARSET send is below 512."""

_REFUSALS = {Code.WILL: Code.DONT, Code.DO: Code.WONT}
_SPECIAL = (b"\x00", b"\x08", b"\x7f", b"\xff")
_TOKENS = re.compile(rb"[^\x00\x08\n\r\x7f\xff]+|.", re.DOTALL)


class TooLong(Enum):
    """Stands in the stream where a line was too long."""

    LINE = "line"


Piece = bytes | TooLong | ProtocolReply
"""A line, a line that was too long, or what is due in reply."""


class _State(Enum):
    TEXT = "text"
    IAC = "after IAC"
    OPTION = "after WILL, WONT, DO or DONT"
    SUBNEGOTIATION = "inside a subnegotiation"
    SUBNEGOTIATION_IAC = "after IAC inside a subnegotiation"


class TelnetDecoder:
    """Turn what arrives into lines, and into the replies that the protocol wants.

    `CR LF`, `CR NUL`, bare `LF` and bare `CR` end a line. A lone NUL is nothing. BS, DEL and `IAC EC` erase a character, `IAC EL` the line.

    BINARY is agreed to in both directions, and asked for once the caller has shown that it speaks telnet: without it, Debian's telnet takes the
    eighth bit off before it looks for control characters, finds an interrupt in "本" (E6 9C AC) and eats it. Every other option is refused
    (RFC 854: DONT to WILL, WONT to DO), whenever it is asked: a client that waits for the answer to DO TIMING-MARK shows nothing until it comes.
    What is so already is not answered, so no loop is possible.
    """

    __slots__ = (
        *("_after_cr", "_line", "_line_limit", "_skipped", "_state", "_verb"),
        *("_awaits_binary", "_has_asked_for_binary", "_receives_binary", "_sends_binary"),
    )

    def __init__(self, line_limit: int) -> None:
        """Start with an empty line that may grow to `line_limit` bytes."""
        self._line_limit = line_limit
        self._line = LineBuffer(line_limit)
        self._after_cr = False
        self._state = _State.TEXT
        self._verb = 0
        self._skipped = 0
        self._has_asked_for_binary = False
        self._awaits_binary = False
        self._receives_binary = False
        self._sends_binary = False

    @property
    def is_mid_line(self) -> bool:
        """Whether a line has been begun and not ended."""
        return not self._line.is_empty or self._state is not _State.TEXT

    @property
    def _is_in_sequence(self) -> bool:
        return self._state is not _State.TEXT

    def receive_data(self, data: bytes) -> list[Piece]:
        """Take bytes as they came; return the lines that they complete and the replies due, in order. Never raises."""
        if self._state is _State.TEXT and not any([special in data for special in _SPECIAL]):  # noqa: C419 - a list is faster
            return self._plain_lines(data)
        return list(self._lines(data))

    def _plain_lines(self, data: bytes) -> list[Piece]:
        """Split text without anything of telnet in it: the same as `_lines`, many times faster (docs/performance.md)."""
        if self._after_cr and data.startswith(b"\n"):
            data = data[1:]
            self._after_cr = False
        if not data:
            return []
        self._after_cr = data.endswith(b"\r")
        lines = data.splitlines()
        rest = b"" if data.endswith((b"\r", b"\n")) else lines.pop()
        done: list[Piece] = []
        if lines and not self._line.is_empty:
            if self._line.append(lines.pop(0)):
                done.append(TooLong.LINE)
            done += self._end_line()
        limit = self._line_limit
        done += [line if len(line) <= limit else TooLong.LINE for line in lines]
        if rest and self._line.append(rest):
            done.append(TooLong.LINE)
        return done

    def _lines(self, data: bytes) -> Iterator[Piece]:
        for match in _TOKENS.finditer(data):
            token = match[0]
            # Inside an IAC sequence every byte counts for itself, and a run of text may begin with the sequence's last bytes.
            position = 0
            while position < len(token) and self._is_in_sequence:
                yield from self._control(token[position])
                position += 1
            if position < len(token):
                yield from self._text(token[position:])

    def _text(self, token: bytes) -> Iterator[Piece]:
        """Take a run of ordinary bytes, or one byte with a meaning of its own."""
        after_cr, self._after_cr = self._after_cr, False
        match token[0]:
            case Code.IAC:
                self._state = _State.IAC
                self._after_cr = after_cr
            case Code.CR:
                self._after_cr = True
                yield from self._end_line()
            case Code.LF:
                if not after_cr:
                    yield from self._end_line()
            case Code.NUL:
                pass
            case Code.BS | Code.DEL:
                self._line.erase_character()
            case _:
                if self._line.append(token):
                    yield TooLong.LINE

    def _end_line(self) -> Iterator[bytes]:
        line = self._line.take()
        if line is not None:
            yield line

    def _control(self, byte: int) -> Iterator[Piece]:
        """Take one byte of an IAC sequence."""
        match self._state:
            case _State.IAC:
                yield from self._command(byte)
            case _State.OPTION:
                self._state = _State.TEXT
                verb = self._answer(self._verb, byte)
                if verb is not None:
                    yield ProtocolReply(bytes((Code.IAC, verb, byte)))
            case _State.SUBNEGOTIATION:
                self._skipped += 1
                if byte == Code.IAC:
                    self._state = _State.SUBNEGOTIATION_IAC
                elif self._skipped >= SUBNEGOTIATION_MAX:
                    self._state = _State.TEXT
            case _:
                if byte in (Code.IAC, Code.SE):
                    self._state = (
                        _State.TEXT if byte == Code.SE or self._skipped >= SUBNEGOTIATION_MAX else _State.SUBNEGOTIATION
                    )
                else:  # a command where SE was due: the other side has forgotten to close
                    yield from self._command(byte)

    def _command(self, byte: int) -> Iterator[Piece]:
        """Take the byte after IAC."""
        self._state = _State.TEXT
        if byte != Code.IAC and not self._has_asked_for_binary:
            self._has_asked_for_binary = self._awaits_binary = True
            yield ProtocolReply(bytes((Code.IAC, Code.DO, Code.BINARY)))
        match byte:
            case Code.IAC:  # IAC IAC is the byte 0xFF
                self._after_cr = False
                if self._line.append(b"\xff"):
                    yield TooLong.LINE
            case Code.WILL | Code.WONT | Code.DO | Code.DONT:
                self._verb = byte
                self._state = _State.OPTION
            case Code.SB:
                self._skipped = 0
                self._state = _State.SUBNEGOTIATION
            case Code.EC:
                self._line.erase_character()
            case Code.EL:
                self._line.erase_line()
            case _:
                pass  # NOP, GA, DM, AO, ...: nothing to do here

    def _answer(self, verb: int, option: int) -> int | None:
        """What to answer to WILL, WONT, DO or DONT; None if it is so already."""
        if option != Code.BINARY:
            return _REFUSALS.get(verb)
        match verb:
            case Code.WILL:
                was, self._receives_binary = self._receives_binary, True
                was_asked, self._awaits_binary = self._awaits_binary, False
                return None if was or was_asked else Code.DO
            case Code.WONT:
                was, self._receives_binary = self._receives_binary, False
                self._awaits_binary = False
                return Code.DONT if was else None
            case Code.DO:
                was, self._sends_binary = self._sends_binary, True
                return None if was else Code.WILL
            case _:
                was, self._sends_binary = self._sends_binary, False
                return Code.WONT if was else None
