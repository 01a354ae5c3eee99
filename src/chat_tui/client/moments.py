"""Finding the first line said at a moment or later, page by page.

The server goes by days, and by its own idea of the reader's zone. The reader means the clock that they see, so from the page that comes
it is a few pages to the line that is meant. Pure.
"""

from collections.abc import Iterable
from itertools import pairwise
from typing import NamedTuple

from chat_server.protocol.entries import PageShown
from chat_tui.client.timeline_entries import Numbered

PAGES_MAX = 30
"""Pages that are looked through for one moment: some 6000 lines of one day."""

AFTER, BEFORE = 200, 20
"""Lines of a page that goes on, and of one that goes back: one before the day begins is enough to know where it does."""


class Step(NamedTuple):
    """What to do next: go to this line, if any, and ask for this page of the room's history, if any."""

    seq: int | None
    ask: dict[str, int] | None


class Moment:
    """One moment in one room, and how far the search for it has come."""

    def __init__(self, room: str, at: float) -> None:
        """Nothing has been looked through yet. `at`: seconds since 1970."""
        self.room = room
        self.at = at
        self._pages = 0
        self._later = 0  # the number of the first line that is known to be late enough

    def first_of(self, lines: Iterable[Numbered]) -> Numbered | None:
        """The first of these lines that was said then or later, if one before it is among them too: else it may not be the first."""
        for before, line in pairwise(lines):
            if before.at < self.at <= line.at and before.seq + 1 == line.seq:
                return line
        return None

    def take(self, page: PageShown) -> Step:
        """See what a page says, and what is to be done then."""
        lines = page.lines
        if not lines:
            return Step(None, None)
        self._pages += 1
        later = [line for line in lines if line.at >= self.at]
        may_ask = self._pages < PAGES_MAX
        if not later and lines[-1].seq + 1 == self._later:
            return Step(self._later, None)
        if not later:
            goes_on = may_ask and lines[-1].seq < page.last
            return Step(lines[-1].seq, {"after": lines[-1].seq, "count": AFTER} if goes_on else None)
        self._later = later[0].seq
        goes_back = may_ask and later[0] is lines[0] and lines[0].seq > page.first
        return Step(later[0].seq, {"before": lines[0].seq, "count": BEFORE} if goes_back else None)
