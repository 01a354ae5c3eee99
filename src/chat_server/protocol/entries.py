"""What is kept of a room, and what is read back of it.

An entry has a number in its room and is stored before anybody sees it. Each kind is declared here once: what asks for it, and how it is shown.
Never knows where it is stored, nor who is shown it.
"""

from typing import Annotated, ClassVar, NamedTuple, get_args

from msgspec import Meta

from chat_server.protocol.events import Answered, CodeMade, Event, Invited, RecoveryMade
from chat_server.protocol.names import BOT, GUEST
from chat_server.protocol.requests import NUMBER_MAX, Act, HowMany, Notice, Number, Request, Say, Topic, tag_of
from chat_server.protocol.room_events import ROOM_EVENTS

Author = Annotated[int, Meta(ge=0, le=NUMBER_MAX)]


class Shape(NamedTuple):
    """How an entry stands in a text: its sign, who it is of, what is between, its text.

    As a sentence (`is_sentence`) it is the server's own word, and is translated; a door that marks its own word does not show the sign.
    """

    sign: str = ""
    between: str = ": "
    is_sentence: bool = False

    @property
    def sentence(self) -> str:
        """What is translated."""
        return f"{{nick}}{self.between}{{text}}"


class StoredEvent(Event, frozen=True, gc=False, omit_defaults=True):
    """What is kept of a room: numbered, stored, and shown to those who come later.

    `seq` counts the room's lines from 1, without holes; `at` is in seconds since 1970, and in a room it only goes on. `author` is the
    account of its author; 0: nobody known to have one. It is stored, and not sent to programs. `guest` is not stored: it says that the author
    has no account, as soon as anybody has one. `bot` is stored: a bot of the author's has said it. A kind of entry is a class of this; what is said
    here of it is all that doors, journals and clients know of it.
    """

    request: ClassVar[type[Request]]
    """What asks for it."""
    text_field: ClassVar[str] = "text"
    """The request's field that holds its text."""
    shape: ClassVar[Shape] = Shape()
    alerts: ClassVar[bool] = True
    """Whether people who are named in it are told so, and users who are not looking are notified."""
    protocol: ClassVar[int] = 1
    """The version of the protocol from which on programs know it; to those of an earlier one it is something said."""
    changes_room: ClassVar[bool] = False
    """Whether the room is another one afterwards: then its author is shown it too."""

    room: str
    seq: Number
    at: float
    nick: str
    text: str
    author: Author = 0
    guest: bool = False
    bot: bool = False

    @property
    def mark(self) -> str:
        """What stands behind the nickname where people read it."""
        return GUEST if self.guest else BOT if self.bot else ""


class Said(StoredEvent, frozen=True, gc=False):
    """Somebody has said something."""

    request: ClassVar[type[Request]] = Say


class Acted(StoredEvent, frozen=True, gc=False):
    """Somebody has done something (`/me`)."""

    request: ClassVar[type[Request]] = Act
    text_field: ClassVar[str] = "action"
    shape: ClassVar[Shape] = Shape("~", " ")


class TopicSet(StoredEvent, frozen=True, gc=False, tag="topic"):
    """Somebody has said what the room is about."""

    request: ClassVar[type[Request]] = Topic
    shape: ClassVar[Shape] = Shape("#", " set the topic: ", is_sentence=True)
    changes_room: ClassVar[bool] = True


class Noticed(StoredEvent, frozen=True, gc=False):
    """Somebody, or a bot, has said something that notifies nobody."""

    request: ClassVar[type[Request]] = Notice
    shape: ClassVar[Shape] = Shape("-", ": ")
    alerts: ClassVar[bool] = False
    protocol: ClassVar[int] = 2


Entry = Said | Acted | TopicSet | Noticed
"""What is kept of a room, whichever it is."""

Storable = Say | Act | Topic | Notice
"""What asks for one of them."""

KINDS: tuple[type[Entry], ...] = get_args(Entry)
KIND_BY_REQUEST: dict[type[Request], type[Entry]] = {kind.request: kind for kind in KINDS}
KIND_BY_WORD: dict[str, type[Entry]] = {tag_of(kind.request): kind for kind in KINDS}
"""Kinds by the word that asks for them."""


class Recalled(Event, frozen=True):
    """What was said in the room that the receiver has just entered, oldest first.

    `missed` counts the lines since the receiver was last here, of which `lines` are the newest; it is None for one who was never here
    before, or is here by another session.
    """

    room: str
    lines: tuple[Entry, ...]
    missed: Number | None
    last: Number
    zone: str


class PageShown(Event, frozen=True, tag="page"):
    """Lines that the receiver asked for, oldest first. The room has those from `first` to `last`.

    `hidden` are the numbers among them whose lines are of kinds that this server cannot show: nothing is missing there.
    """

    room: str
    lines: tuple[Entry, ...]
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

    `room` is the only room that was searched; "": all were, or all where the receiver may be.
    """

    words: str
    rooms: tuple[tuple[str, tuple[Entry, ...]], ...]
    has_more: bool
    unsearched: HowMany
    zone: str
    room: str = ""


_KINDS: tuple[type[Event], ...] = (
    *Event.__subclasses__(),
    *(CodeMade, Invited, RecoveryMade),
    *ROOM_EVENTS,
    *StoredEvent.__subclasses__(),
)


class OwnLines(Event, frozen=True):
    """Some of all lines of the receiver's account, of whatever rooms, in the order in which they were stored."""

    lines: tuple[Entry, ...]
    zone: str


EVENTS: tuple[type[Event], ...] = tuple(kind for kind in dict.fromkeys(_KINDS) if kind not in (StoredEvent, Answered))
"""Every kind of event that both programs know."""
