"""Cut a stream of bytes into lines, and never hold more than one line's limit of it.

Knows nothing of telnet, of text, or of what a line means. How the stream is cut into chunks changes nothing.
"""


class LineBuffer:
    """The line that is being received.

    A line of more than `limit` bytes is reported once, at the byte that is too many, and skipped to its end without being kept.
    """

    __slots__ = ("_bytes", "_skipping", "limit")

    def __init__(self, limit: int) -> None:
        """Hold at most `limit` bytes."""
        self.limit = limit
        self._bytes = b""
        self._skipping = False

    @property
    def is_empty(self) -> bool:
        """Whether no line has been begun."""
        return not self._bytes and not self._skipping

    def append(self, data: bytes) -> bool:
        """Add bytes to the line. Return whether this made it too long."""
        if self._skipping:
            return False
        if len(self._bytes) + len(data) > self.limit:
            self._bytes = b""
            self._skipping = True
            return True
        self._bytes += data
        return False

    def erase_character(self) -> None:
        """Take back the last character, which in UTF-8 is up to four bytes."""
        end = len(self._bytes) - 1
        while end > 0 and self._bytes[end] & 0xC0 == 0x80:  # noqa: PLR2004 - a continuation byte is 10xxxxxx (RFC 3629)
            end -= 1
        self._bytes = self._bytes[: max(end, 0)]

    def erase_line(self) -> None:
        """Take back everything since the last end of line."""
        self._bytes = b""

    def take(self) -> bytes | None:
        """End the line and return it; None if it was too long, which has been reported."""
        line = None if self._skipping else self._bytes
        self._bytes = b""
        self._skipping = False
        return line
