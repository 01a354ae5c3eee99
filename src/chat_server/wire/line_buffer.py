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

    __slots__ = ("begun", "is_skipping", "limit")

    def __init__(self, limit: int) -> None:
        """Hold at most `limit` bytes."""
        self.limit = limit
        self.begun = b""
        """What is kept of the line."""
        self.is_skipping = False
        """Whether the line was too long, and has not ended."""

    @property
    def is_empty(self) -> bool:
        """Whether no line has been begun."""
        return not self.begun and not self.is_skipping

    @property
    def size(self) -> int:
        """Bytes that are kept."""
        return len(self.begun)

    def give_up(self) -> None:
        """Keep nothing of the line, and skip what still comes of it; the caller of this tells the sender."""
        if self.begun:
            self.begun = b""
            self.is_skipping = True

    def append(self, data: bytes) -> bool:
        """Add bytes to the line. Return whether this made it too long."""
        if self.is_skipping:
            return False
        if len(self.begun) + len(data) > self.limit:
            self.begun = b""
            self.is_skipping = True
            return True
        self.begun += data
        return False

    def erase(self, last: Callable[[bytes], int]) -> None:
        """Take back as many bytes as `last` says of what there is."""
        self.begun = self.begun[: len(self.begun) - last(self.begun)]

    def erase_line(self) -> None:
        """Take back everything since the last end of line."""
        self.begun = b""

    def take(self) -> bytes | None:
        """End the line and return it; None if it was too long, which has been reported."""
        line = None if self.is_skipping else self.begun
        self.begun = b""
        self.is_skipping = False
        return line
