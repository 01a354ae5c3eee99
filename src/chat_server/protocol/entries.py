"""What is kept of a room, and what is read back of it.

An entry has a number in its room and is stored before anybody sees it. Never knows where it is stored, nor how it is shown.
"""

from chat_server.protocol.events import Event
from chat_server.protocol.requests import HowMany, Number


class Kept(Event, frozen=True, gc=False):
    """What is kept of a room: numbered, stored, and shown to whoever comes later.

    `seq` counts the room's lines from 1, without holes; `at` is in seconds since 1970.
    """

    room: str
    seq: Number
    at: float
    nick: str
    text: str


class Said(Kept, frozen=True, gc=False):
    """Somebody has said something."""


class Acted(Kept, frozen=True, gc=False):
    """Somebody has done something (`/me`)."""


class TopicSet(Kept, frozen=True, gc=False, tag="topic"):
    """Somebody has said what the room is about."""


Line = Said | Acted | TopicSet
"""What is kept of a room, whichever it is."""


class Recalled(Event, frozen=True):
    """What was said in the room that the receiver has just entered, oldest first.

    `missed` counts the lines since the receiver was last here, of which `lines` are the newest; it is None for one who was never here before.
    """

    room: str
    lines: tuple[Line, ...]
    missed: Number | None
    last: Number
    zone: str


class PageShown(Event, frozen=True, tag="page"):
    """Lines that the receiver asked for, oldest first. The room has those from `first` to `last`.

    `hidden` are the numbers among them whose lines are of kinds that this server cannot show: nothing is missing there.
    """

    room: str
    lines: tuple[Line, ...]
    first: Number
    last: Number
    zone: str
    hidden: tuple[int, ...] = ()

    @property
    def numbers(self) -> tuple[int, int] | None:
        """The first and the last number that the page has; None if it has none."""
        ends = [*self.hidden[:1], *self.hidden[-1:], *(line.seq for line in (*self.lines[:1], *self.lines[-1:]))]
        return (min(ends), max(ends)) if ends else None


class Found(Event, frozen=True):
    """The newest lines that have the words, by room, oldest first in each. `unsearched` counts lines that the search could not cover yet.

    `room` is the only room that was searched; "": all were.
    """

    words: str
    rooms: tuple[tuple[str, tuple[Line, ...]], ...]
    has_more: bool
    unsearched: HowMany
    zone: str
    room: str = ""


EVENTS: tuple[type[Event], ...] = tuple(
    kind for kind in (*Event.__subclasses__(), *Kept.__subclasses__()) if kind is not Kept
)
"""Every kind of event."""
