"""What is kept of a room, and what is read back of it.

An entry has a number in its room and is stored before anybody sees it. Each kind is declared here once: what asks for it, and how it is shown.
Never knows where it is stored, nor who is shown it.
"""

from typing import Annotated, ClassVar, NamedTuple, Self, get_args

from msgspec import Meta
from msgspec.structs import replace

from chat_server.protocol.events import Answered, CodeMade, Event, Invited, RecoveryMade
from chat_server.protocol.names import BOT, GUEST
from chat_server.protocol.requests import NUMBER_MAX, Act, HowMany, Notice, Number, Request, Say, Topic, tag_of
from chat_server.protocol.room_events import ROOM_EVENTS

Author = Annotated[int, Meta(ge=0, le=NUMBER_MAX)]


class Shape(NamedTuple):
    """How an entry stands in a text: its sign, who it is of, what is between, its text.

    As a sentence (`is_sentence`) it is the server's own word, and is translated; a door that marks its own word does not show the sign. What is
    `between` may have fields of the entry's kind in braces.
    """

    sign: str = ""
    between: str = ": "
    is_sentence: bool = False
    may_lack_text: bool = False

    @property
    def sentence(self) -> str:
        """What is translated."""
        return f"{{nick}}{self.between}{{text}}"

    @property
    def without_text(self) -> str:
        """The same, where there is no text."""
        return f"{{nick}}{self.between.rstrip(': ')}"


SPAN_MAX = 100 * 366 * 86400.0
"""Seconds beyond which nobody is told how long something is: it may come from a file or a server where anything can stand."""


def span_of(seconds: float) -> str:
    """A time as it is typed, in the largest unit of which it is a whole number, to the minute: `30m`, `24h`, `3d`. Never longer than SPAN_MAX."""
    minutes = max(1, round(min(seconds, SPAN_MAX) / 60))
    if minutes % 60:
        return f"{minutes}m"
    return f"{minutes // 60}h" if minutes % (24 * 60) or minutes == 24 * 60 else f"{minutes // (24 * 60)}d"


class StoredEvent(Event, frozen=True, gc=False, omit_defaults=True):
    """What is kept of a room: numbered, stored, and shown to those who come later.

    `seq` counts the room's lines from 1, without holes; `at` is in seconds since 1970, and in a room it only goes on. `author` is the
    account of its author; 0: nobody known to have one. It is stored, and not sent to programs. `guest` is not stored: it says that the author
    has no account, as soon as anybody has one. `bot` is stored: a bot of the author's has said it. A kind of entry is a class of this; what is said
    here of it is all that doors, journals and clients know of it.
    """

    request: ClassVar[type[Request] | None] = None
    """What asks for it, and has its text as it is stored; None: a command works it out (see `changes_rights`)."""
    hidden: ClassVar[frozenset[str]] = frozenset({"author"})
    """Fields that are stored, and that nobody is shown."""
    text_field: ClassVar[str] = "text"
    """The request's field that holds its text."""
    shape: ClassVar[Shape] = Shape()
    alerts: ClassVar[bool] = True
    """Whether people who are named in it are told so, and users who are not looking are notified."""
    protocol: ClassVar[int] = 1
    """The version of the protocol from which on programs know it; to those of an earlier one it is something said."""
    changes_room: ClassVar[bool] = False
    """Whether the room is another one afterwards: then its author is shown it too."""
    changes_rights: ClassVar[bool] = False
    """Whether somebody may do another thing in the room afterwards: see room_state.py. It has no key."""
    other_sentences: ClassVar[tuple[str, ...]] = ()
    """What its `own_sentence` may be beside what follows from its shape."""
    can_be_blocked: ClassVar[bool] = True
    """Whether it is not shown to somebody who has blocked its author. What makes the room another one is shown to all."""

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

    @property
    def own_sentence(self) -> str:
        """What is translated where it is a sentence; `details` stand in it."""
        return self.shape.sentence if self.text or not self.shape.may_lack_text else self.shape.without_text

    @property
    def without_hidden(self) -> Self:
        """The entry as anybody may see it."""
        if self.request is None:
            return replace(self, **{name: "" if isinstance(getattr(self, name), str) else 0 for name in self.hidden})
        kind = type(
            self
        )  # many lines have authors, and only that to hide: this takes a quarter of the time of `replace`
        return (
            kind(self.room, self.seq, self.at, self.nick, self.text, 0, self.guest, self.bot) if self.author else self
        )

    @property
    def in_words(self) -> str:
        """What stands after the nickname, in English."""
        return self.own_sentence.removeprefix("{nick}").lstrip(": ").format(**self.details)

    @property
    def details(self) -> dict[str, str]:
        """What stands in its sentence: the nickname with its mark, the text, and what else its kind has."""
        details = {"nick": self.nick + self.mark, "text": self.text}
        details |= {name: str(getattr(self, name)) for name in own_fields(type(self)) if name not in self.hidden}
        if "until" in details:
            details["span"] = span_of(getattr(self, "until", self.at) - self.at)
        return details


def own_fields(kind: type[StoredEvent]) -> tuple[str, ...]:
    """The fields that a kind of entry has beside those of all."""
    return kind.__struct_fields__[len(StoredEvent.__struct_fields__) :]


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
    other_sentences: ClassVar[tuple[str, ...]] = ("{nick} took the topic away",)
    changes_room: ClassVar[bool] = True
    can_be_blocked: ClassVar[bool] = False

    @property
    def own_sentence(self) -> str:
        """What is translated: without a text, what set it was deleted, and the room has no topic any more."""
        return self.shape.sentence if self.text else self.other_sentences[0]


class Noticed(StoredEvent, frozen=True, gc=False):
    """Somebody, or a bot, has said something that notifies nobody."""

    request: ClassVar[type[Request]] = Notice
    shape: ClassVar[Shape] = Shape("-", ": ")
    alerts: ClassVar[bool] = False
    protocol: ClassVar[int] = 2


class RuleSet(StoredEvent, frozen=True, gc=False, tag="rule-set"):
    """Somebody has set a rule of the room; the text is its name and its value, with a space between."""

    shape: ClassVar[Shape] = Shape("#", " set the rule: ", is_sentence=True)
    alerts: ClassVar[bool] = False
    protocol: ClassVar[int] = 2
    changes_room: ClassVar[bool] = True
    can_be_blocked: ClassVar[bool] = False
    changes_rights: ClassVar[bool] = True


class RoleGiven(StoredEvent, frozen=True, gc=False, tag="role-given"):
    """Somebody has given an account, which is called `whom`, a role in the room: the text. The role `none` takes it back."""

    hidden: ClassVar[frozenset[str]] = frozenset({"author", "account"})
    shape: ClassVar[Shape] = Shape("#", " gave {whom} the role: ", is_sentence=True)
    alerts: ClassVar[bool] = False
    protocol: ClassVar[int] = 2
    changes_room: ClassVar[bool] = True
    can_be_blocked: ClassVar[bool] = False
    changes_rights: ClassVar[bool] = True

    whom: str = ""
    account: Author = 0


class Kicked(StoredEvent, frozen=True, gc=False):
    """Somebody has been put out of the room, for the reason in the text, and cannot come back until a time (seconds since 1970).

    `whom` is what they were called. `account` is theirs; who has none is known by `sender`, what they are to the journal. `id` is the number of
    what they may not do, among all such things of the room.
    """

    hidden: ClassVar[frozenset[str]] = frozenset({"author", "account", "sender"})
    shape: ClassVar[Shape] = Shape("#", " put {whom} out: ", is_sentence=True, may_lack_text=True)
    alerts: ClassVar[bool] = False
    protocol: ClassVar[int] = 2
    changes_room: ClassVar[bool] = True
    can_be_blocked: ClassVar[bool] = False
    changes_rights: ClassVar[bool] = True

    whom: str = ""
    until: float = 0.0
    id: Number = 0
    account: Author = 0
    sender: str = ""


class Muted(StoredEvent, frozen=True, gc=False):
    """Somebody cannot say anything in the room until a time. The fields are those of Kicked."""

    hidden: ClassVar[frozenset[str]] = Kicked.hidden
    shape: ClassVar[Shape] = Shape("#", " muted {whom} for {span}: ", is_sentence=True, may_lack_text=True)
    alerts: ClassVar[bool] = False
    protocol: ClassVar[int] = 2
    changes_room: ClassVar[bool] = True
    can_be_blocked: ClassVar[bool] = False
    changes_rights: ClassVar[bool] = True

    whom: str = ""
    until: float = 0.0
    id: Number = 0
    account: Author = 0
    sender: str = ""


class Banned(StoredEvent, frozen=True, gc=False):
    """Somebody has been put out of the room and cannot come back until a time. The fields are those of Kicked."""

    hidden: ClassVar[frozenset[str]] = Kicked.hidden
    shape: ClassVar[Shape] = Shape("#", " banned {whom} for {span}: ", is_sentence=True, may_lack_text=True)
    alerts: ClassVar[bool] = False
    protocol: ClassVar[int] = 2
    changes_room: ClassVar[bool] = True
    can_be_blocked: ClassVar[bool] = False
    changes_rights: ClassVar[bool] = True

    whom: str = ""
    until: float = 0.0
    id: Number = 0
    account: Author = 0
    sender: str = ""


class Lifted(StoredEvent, frozen=True, gc=False):
    """Somebody may do again what number `id` of the room has forbidden them: they were called `whom`. The text says why."""

    shape: ClassVar[Shape] = Shape("#", " lifted what {whom} was forbidden: ", is_sentence=True, may_lack_text=True)
    alerts: ClassVar[bool] = False
    protocol: ClassVar[int] = 2
    changes_room: ClassVar[bool] = True
    can_be_blocked: ClassVar[bool] = False
    changes_rights: ClassVar[bool] = True

    whom: str = ""
    id: Number = 0


Ranges = tuple[tuple[Number, Number], ...]
"""Numbers: the first and the last of each row of them, in their order."""


class Redacted(StoredEvent, frozen=True, gc=False, tag="redacted"):
    """Somebody has deleted lines, `of` these numbers, which were of `whom`; the text tells the numbers as people read them.

    Since then Deleted stands under each of them. `account` is that of whom; 0: they had none.
    """

    hidden: ClassVar[frozenset[str]] = frozenset({"author", "account"})
    shape: ClassVar[Shape] = Shape("#", " deleted {whom}'s line ", is_sentence=True)
    other_sentences: ClassVar[tuple[str, ...]] = (
        "{nick} deleted {count} lines of {whom}: {text}",
        "{nick} took back line {text}",
        "{nick} took back {count} lines: {text}",
        "{nick} deleted {text}",
    )
    alerts: ClassVar[bool] = False
    protocol: ClassVar[int] = 2
    changes_room: ClassVar[bool] = True
    can_be_blocked: ClassVar[bool] = False

    whom: str = ""
    of: Ranges = ()
    account: Author = 0

    @property
    def count(self) -> int:
        """How many lines it has deleted."""
        return sum(last - first + 1 for first, last in self.of)

    @property
    def own_sentence(self) -> str:
        """What is translated: of one line or of several, of somebody else's or of one's own, or where it is not said whose."""
        many, own, own_many, unnamed = self.other_sentences
        if not self.whom:
            return unnamed
        if self.whom == self.nick:
            return own_many if self.count > 1 else own
        return many if self.count > 1 else self.shape.sentence

    @property
    def details(self) -> dict[str, str]:
        """What stands in its sentence."""
        return {**super().details, "count": str(self.count)}


class Deleted(StoredEvent, frozen=True, gc=False, tag="deleted"):
    """What somebody has said stood here, and was deleted: see Redacted, which comes later. It has no text, or one that says nothing of the old."""

    shape: ClassVar[Shape] = Shape("#", " said something that was deleted: ", is_sentence=True, may_lack_text=True)
    alerts: ClassVar[bool] = False
    protocol: ClassVar[int] = 2
    can_be_blocked: ClassVar[bool] = False


Entry = Said | Acted | TopicSet | Noticed | RuleSet | RoleGiven | Kicked | Muted | Banned | Lifted | Redacted | Deleted
"""What is kept of a room, whichever it is."""

Storable = Say | Act | Topic | Notice
"""What asks for one of them."""

KINDS: tuple[type[Entry], ...] = get_args(Entry)
KIND_BY_REQUEST: dict[type[Request], type[Entry]] = {kind.request: kind for kind in KINDS if kind.request is not None}
KIND_BY_WORD: dict[str, type[Entry]] = {tag_of(request): kind for request, kind in KIND_BY_REQUEST.items()}
"""Kinds by the word that asks for them."""
CHANGING = frozenset(kind for kind in KINDS if kind.changes_room)
"""Those after which the room is another one."""
Enacted = RuleSet | RoleGiven | Kicked | Muted | Banned | Lifted
"""What changes what somebody may do in the room: see room_state.py."""


class LineBlocked(Event, frozen=True, gc=False, tag="blocked"):
    """Somebody whom the receiver has blocked has said something: its number and its time, and nothing else. It stands in the line's place.

    It is not stored: whoever has not blocked them is shown the line. Programs that know only the first version of the protocol see something said.
    """

    protocol: ClassVar[int] = 2

    room: str
    seq: Number
    at: float


Line = Entry | LineBlocked
"""What stands under a number where somebody reads."""


class Recalled(Event, frozen=True):
    """What was said in the room that the receiver has just entered, oldest first.

    `missed` counts the lines since the receiver was last here, of which `lines` are the newest; it is None for one who was never here
    before, or is here by another session.
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

    `room` is the only room that was searched; "": all were, or all where the receiver may be.
    """

    words: str
    rooms: tuple[tuple[str, tuple[Line, ...]], ...]
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
