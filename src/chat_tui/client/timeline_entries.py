"""What stands in a timeline, and where: numbered lines, rows that stand for lines of people who are blocked, and status messages. Pure."""

import msgspec

from chat_server.protocol.entries import Entry
from chat_tui.client.visits import Visits
from chat_tui.language import say


class StatusMessage(msgspec.Struct, frozen=True, gc=False, omit_defaults=True, tag_field="is", tag="status"):
    """Something that is told but not kept: it stands after the line `after`, and is the `order`-th that does."""

    after: int
    order: int
    at: float
    text: str
    is_error: bool = False
    has_time: bool = False
    visits: Visits | None = None
    """Who came and went, if it tells that."""


class BlockedLines(msgspec.Struct, frozen=True, gc=False, tag_field="is", tag="blocked_lines"):
    """Lines up to the number `last`, all of people whom the user has blocked: one row stands for them."""

    seq: int
    last: int
    at: float

    @property
    def text(self) -> str:
        """What stands there."""
        if self.last == self.seq:
            return say("#{number} (blocked)", number=self.seq)
        return say("#{first} to #{last} (blocked)", first=self.seq, last=self.last)


Numbered = Entry | BlockedLines
TimelineEntry = Numbered | StatusMessage


def place(entry: TimelineEntry) -> tuple[int, int]:
    """Where an entry stands."""
    return (entry.after, entry.order) if isinstance(entry, StatusMessage) else (entry.seq, 0)
