"""Lines from a caller whose own program edits them, or who has no editing at all: `nc`, a raw socket, a telnet client line by line.

Knows the ends of lines and the two keys that raw terminals send for "take that back". Never knows telnet, nor what a line means.
"""

import re
from collections.abc import Iterator
from typing import NamedTuple

from chat_server.protocol.choices import UTF_8
from chat_server.protocol.late_pattern import LatePattern
from chat_server.wire.charsets import last_character
from chat_server.wire.line_buffer import LIGHT_BYTES, LineBuffer
from chat_server.wire.telnet.options import Code

BEGUN_MAX = 64
"""Bytes that are kept of a line that was too long: it may be a command."""


class TooLong(NamedTuple):
    """Stands in the stream where a line was too long."""

    begun: bytes
    """How it began."""


_OBJECT = LatePattern(rb"(?:\xef\xbb\xbf)?[ \t]*(?=\{)|(?=\x16)")
"""What may stand before a JSON object that begins a line: blanks, and a byte order mark, which Windows' shells put before what they send; before
what TLS begins with, nothing."""

_COMMAND = LatePattern(rb"(/[ -~]*)\r?\n")
_TOKENS = LatePattern(rb"[^\x00\x08\n\r\x7f]+|.", re.DOTALL)


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
        """Whether to take nothing more when a line begins with `{`, or as TLS does."""
        self.object = b""
        """What came from there on, if it came."""
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
    def is_mid_line(self) -> bool:
        """Whether a line has been begun and not ended."""
        return not self._line.is_empty

    def is_dear(self, data: bytes) -> bool:
        """Whether they end a line, and there is more of it than an ordinary one has."""
        return self._line.size + len(data) > LIGHT_BYTES and (b"\n" in data or b"\r" in data)

    def command(self, data: bytes) -> str | None:
        """Take the bytes if they are one line in ASCII that begins with a slash, as most commands come; return it, or None where they are not.

        It takes a fifth of the time in which `receive_data` cuts it.
        """
        found = _COMMAND.fullmatch(data)
        if found is None or self.after_cr or self.is_mid_line or len(found[1]) > self._line.limit:
            return None
        if self.first_ended_in_cr_lf is None:
            self.first_ended_in_cr_lf = data.endswith(b"\r\n")
        return found[1].decode()

    def cut(self, data: bytes) -> tuple[bytes, bytes]:
        """The lines that the bytes end, with what has been begun of the first, and what they begin. Nothing is taken.

        There are no lines where none ends, and where one is or would be too long that has not ended.
        """
        line = self._line
        start = 1 if self.after_cr and data.startswith(b"\n") else 0
        end = len(data) if data.endswith(b"\n") else max(data.rfind(b"\n"), data.rfind(b"\r")) + 1
        whole, rest = line.begun + data[start:end], data[end:]
        if end == start or line.is_skipping or _may_be_too_long(whole, line.limit) or len(rest) > line.limit:
            return b"", data
        return whole, rest

    def begin(self, rest: bytes, *, after_cr: bool) -> None:
        """Go on after the lines that were cut."""
        self._line.begun = rest
        self.after_cr = after_cr

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
                begun = self._line.begun
                return TooLong((begun + token)[: min(BEGUN_MAX, self.limit)]) if self._line.append(token) else None

    def erase_character(self) -> None:
        """Take back the last character."""
        self._line.erase(lambda data: last_character(data, self.charset))

    def erase_line(self) -> None:
        """Take back everything since the last end of line."""
        self._line.erase_line()

    def take_unfinished(self) -> bytes:
        """Take out what has been begun and not ended."""
        return self._line.take() or b""


def _may_be_too_long(lines: bytes, limit: int) -> bool:
    """Whether one of them may have more bytes than that. To look at the length of each takes ten times as long."""
    end = 0
    while len(lines) - end > limit:
        end = lines.rfind(b"\n", end, end + limit + 1) + 1
        if not end:
            return True
    return False
