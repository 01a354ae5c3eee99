"""How long commits take: the newest one by one, and all of them by how long they took, waited and were. Never knows what is stored, nor where."""

from collections import deque
from math import inf

from chat_server.metrics import NUMBERS, Histogram

TIMED = 256
"""Of so many commits, the newest, it is remembered how long they took."""


class CommitTimes:
    """Those of one journal, since it was opened. For Trio's thread."""

    def __init__(self) -> None:
        """There has been none."""
        self.newest: deque[float] = deque(maxlen=TIMED)
        """Seconds that each of the newest took."""
        self.took = Histogram()
        self.waited = Histogram()
        """Seconds for which what was stored had waited for its turn: of each commit, what had waited longest."""
        self.lines = Histogram(NUMBERS)
        """Lines that were stored together."""
        self.failed = 0
        """How often nothing could be stored."""
        self.at = -inf
        """When the last one ended, by the event loop's clock."""

    def note(self, took: float, waited: float, lines: int, now: float) -> None:
        """There has been one, which has just ended."""
        self.newest.append(took)
        self.took.note(took)
        self.waited.note(waited)
        self.lines.note(lines)
        self.at = now
