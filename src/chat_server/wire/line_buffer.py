"""Cut a stream of bytes into lines, and never hold more than one line's limit of it.

Knows nothing of telnet, of text, or of what a line means. How the stream is cut into chunks changes nothing.
"""

from collections.abc import Callable

LIGHT_BYTES = 400
"""Bytes that may be taken without waiting for a turn, where they end a line. To make a text clean takes up to 0.25 us a byte, so what forty callers
send at once takes 4 ms; nearly all that people and programs say is shorter."""


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

    @property
    def begun(self) -> bytes:
        """What is kept of the line."""
        return self._bytes

    @property
    def is_skipping(self) -> bool:
        """Whether the line was too long, and has not ended."""
        return self._skipping

    @property
    def size(self) -> int:
        """Bytes that are kept."""
        return len(self._bytes)

    def give_up(self) -> None:
        """Keep nothing of the line, and skip what still comes of it; the caller of this tells the sender."""
        if self._bytes:
            self._bytes = b""
            self._skipping = True

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

    def erase(self, last: Callable[[bytes], int]) -> None:
        """Take back as many bytes as `last` says of what there is."""
        self._bytes = self._bytes[: len(self._bytes) - last(self._bytes)]

    def erase_line(self) -> None:
        """Take back everything since the last end of line."""
        self._bytes = b""

    def take(self) -> bytes | None:
        """End the line and return it; None if it was too long, which has been reported."""
        line = None if self._skipping else self._bytes
        self._bytes = b""
        self._skipping = False
        return line
