"""Lines from a caller whose own program edits them, or who has no editing at all: `nc`, a raw socket, a telnet client line by line.

Knows the ends of lines and the two keys that raw terminals send for "take that back". Never knows telnet, nor what a line means.
"""

import re
from collections.abc import Iterator
from enum import Enum

from chat_server.protocol.choices import UTF_8
from chat_server.wire.charsets import last_character
from chat_server.wire.line_buffer import LIGHT_BYTES, LineBuffer
from chat_server.wire.telnet.options import Code


class TooLong(Enum):
    """Stands in the stream where a line was too long."""

    LINE = "line"


_OBJECT = re.compile(rb"(?:\xef\xbb\xbf)?[ \t]*(?=\{)")
"""What may stand before a JSON object that begins a line: blanks, and a byte order mark, which Windows' shells put before what they send."""

_TOKENS = re.compile(rb"[^\x00\x08\n\r\x7f]+|.", re.DOTALL)


class LineMode:
    """Cut text into lines. `CR LF`, `CR NUL`, bare `LF` and bare `CR` end one. A lone NUL is nothing. BS and DEL erase a character.

    Any split of the bytes gives the same lines; no bytes make it raise.
    """

    __slots__ = ("_line", "after_cr", "charset", "first_ended_in_cr_lf", "object", "stops_at_object")

    def __init__(self, limit: int) -> None:
        """Take lines of at most `limit` bytes."""
        self._line = LineBuffer(limit)
        self.charset = UTF_8
        """It says how many bytes the character has that is erased."""
        self.stops_at_object = False
        """Whether to take nothing more when a line begins with `{`."""
        self.object = b""
        """What came from that `{` on, if it came."""
        self.after_cr = False
        """Whether the last byte ended a line by CR, so that LF or NUL now is part of that end."""
        self.first_ended_in_cr_lf: bool | None = None
        """How the first line ended; None while that is not known, for there is none or its CR was the last byte."""

    @property
    def limit(self) -> int:
        """Bytes that a line may have."""
        return self._line.limit

    @limit.setter
    def limit(self, limit: int) -> None:
        self._line.limit = limit

    @property
    def is_ascii(self) -> bool:
        """Whether nothing but ASCII has been begun."""
        return self._line.is_ascii

    @property
    def begins_in_ascii(self) -> bool:
        """Whether what has been begun, if anything, is certainly no command: printable ASCII, but no slash, comes first."""
        first = self._line.first
        return first is None or (0x20 <= first <= 0x7E and first != 0x2F)  # noqa: PLR2004 - ASCII from the space on; the slash

    @property
    def is_mid_line(self) -> bool:
        """Whether a line has been begun and not ended."""
        return not self._line.is_empty

    def is_dear(self, data: bytes) -> bool:
        """Whether they end a line, and there is more of it than an ordinary one has."""
        return self._line.size + len(data) > LIGHT_BYTES and (b"\n" in data or b"\r" in data)

    def whole_lines(self, data: bytes) -> list[bytes | TooLong] | None:
        """The lines of text with nothing to erase in it, many times faster than `receive_data`; None if there is."""
        if b"\x08" in data or b"\x7f" in data or b"\x00" in data:
            return None
        if self.after_cr and data.startswith(b"\n"):
            data = data[1:]
            self.after_cr = False
        if not data:
            return []
        self.after_cr = data.endswith(b"\r")
        lines = data.splitlines()
        rest = b"" if data.endswith((b"\r", b"\n")) else lines.pop()
        done: list[bytes | TooLong] = []
        if lines and not self._line.is_empty:
            if self._line.append(lines.pop(0)):
                done.append(TooLong.LINE)
            line = self._line.take()
            if line is not None:
                done.append(line)
        limit = self._line.limit
        done += [line if len(line) <= limit else TooLong.LINE for line in lines]
        if rest and self._line.append(rest):
            done.append(TooLong.LINE)
        return done

    def receive_data(self, data: bytes) -> Iterator[bytes | TooLong]:
        """Take bytes as they came; give each line that they end, in order, as far as it is asked for."""
        for match in _TOKENS.finditer(data):
            if self.stops_at_object and self._begins_object(match[0]):
                self.object += data[match.end() :]
                return
            done = self._take(match[0])
            if done is not None:
                yield done

    def _begins_object(self, token: bytes) -> bool:
        """Whether the line, with these bytes more, is the beginning of a JSON object; then it is no line."""
        begun = self._line.begun + token
        before = _OBJECT.match(begun)
        if before is None or self._line.is_skipping:
            return False
        self._line.erase_line()
        self.object = begun[before.end() :]
        return True

    def _take(self, token: bytes) -> bytes | TooLong | None:
        """Take a run of ordinary bytes, or one byte with a meaning of its own."""
        after_cr, self.after_cr = self.after_cr, False
        byte = token[0]
        if after_cr and self.first_ended_in_cr_lf is None:
            self.first_ended_in_cr_lf = byte == Code.LF
        match byte:
            case Code.CR:
                self.after_cr = True
                return self._line.take()
            case Code.LF if after_cr:
                return None
            case Code.LF:
                if self.first_ended_in_cr_lf is None:
                    self.first_ended_in_cr_lf = False
                return self._line.take()
            case Code.NUL:
                return None
            case Code.BS | Code.DEL:
                self.erase_character()
                return None
            case _:
                return TooLong.LINE if self._line.append(token) else None

    def erase_character(self) -> None:
        """Take back the last character."""
        self._line.erase(lambda data: last_character(data, self.charset))

    def erase_line(self) -> None:
        """Take back everything since the last end of line."""
        self._line.erase_line()

    def take_unfinished(self) -> bytes:
        """Take out what has been begun and not ended."""
        return self._line.take() or b""
