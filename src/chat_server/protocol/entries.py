"""What is kept of a room, and what is read back of it.

An entry has a number in its room and is stored before anybody sees it. Each kind is declared once: what asks for it, and how it is
shown. Those of what people say are declared here, and all are listed. Never knows where it is stored, nor who is shown it.
"""

from typing import ClassVar, get_args

from chat_server.protocol.acts import (
    AdminCame,
    Banned,
    Kicked,
    Lifted,
    MemberInvited,
    MemberJoined,
    Muted,
    RoleGiven,
    RuleSet,
)
from chat_server.protocol.alias_events import ALIAS_EVENTS
from chat_server.protocol.amending import Deleted, Edited, Reacted, Reaction, Redacted
from chat_server.protocol.code_events import CODE_EVENTS
from chat_server.protocol.conversation_events import CONVERSATION_EVENTS
from chat_server.protocol.events import Answered, Event
from chat_server.protocol.filtering import FilterSet, WordSet
from chat_server.protocol.moderation_events import MODERATION_EVENTS
from chat_server.protocol.people_events import PEOPLE_EVENTS
from chat_server.protocol.requests import Act, HowMany, Notice, Number, Request, Say, Topic, tag_of
from chat_server.protocol.room_events import ROOM_EVENTS
from chat_server.protocol.room_life import Archived, Founded, NameSet, Unarchived
from chat_server.protocol.setting_events import SETTING_EVENTS
from chat_server.protocol.snippets import SNIPPET_EVENTS
from chat_server.protocol.stored_event import Author, Shape, StoredEvent


def _has_more(line: "Said | Acted | Noticed") -> bool:
    return bool(line.re or line.edited or line.reactions or line.reacted or line.quote)


def _more_shown(line: "Said | Acted | Noticed") -> tuple[object, ...]:
    reactions = tuple(Reaction(one.sign, one.nicks) for one in line.reactions)
    return line.re, line.edited, reactions, line.whom, 0, line.reacted


class Said(StoredEvent, frozen=True, gc=False):
    """Somebody has said something; in reply to the line with the number `re`, if that is not 0: it is of `whom`.

    `whom` is what its author was called then, and `account` is theirs (0: they have none); who may not read that line is told neither.
    It stands as the entry with the number `edited` has it, if that is not 0 (see Edited). `reactions` are in the order in which the signs came,
    and the people, up to the entry with the number `reacted`.
    `quote` is not stored, nor sent to programs: it is how the line begins to which it replies, for people who are just being shown it.
    """

    request: ClassVar[type[Request]] = Say
    hidden: ClassVar[frozenset[str]] = frozenset({"author", "account", "quote"})

    re: Number = 0
    edited: Number = 0
    reactions: tuple[Reaction, ...] = ()
    whom: str = ""
    account: Author = 0
    reacted: Number = 0
    quote: str = ""

    has_more = property(_has_more)
    more_shown = property(_more_shown)


class Acted(StoredEvent, frozen=True, gc=False):
    """Somebody has done something (`/me`)."""

    request: ClassVar[type[Request]] = Act
    hidden: ClassVar[frozenset[str]] = frozenset({"author", "account", "quote"})
    text_field: ClassVar[str] = "action"
    shape: ClassVar[Shape] = Shape("~", " ")

    re: Number = 0
    edited: Number = 0
    reactions: tuple[Reaction, ...] = ()
    whom: str = ""
    account: Author = 0
    reacted: Number = 0
    quote: str = ""

    has_more = property(_has_more)
    more_shown = property(_more_shown)


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
    hidden: ClassVar[frozenset[str]] = frozenset({"author", "account", "quote"})
    shape: ClassVar[Shape] = Shape("-", ": ")
    alerts: ClassVar[bool] = False
    protocol: ClassVar[int] = 2

    re: Number = 0
    edited: Number = 0
    reactions: tuple[Reaction, ...] = ()
    whom: str = ""
    account: Author = 0
    reacted: Number = 0
    quote: str = ""

    has_more = property(_has_more)
    more_shown = property(_more_shown)


Enacted = (
    RuleSet
    | RoleGiven
    | Kicked
    | Muted
    | Banned
    | Lifted
    | MemberInvited
    | MemberJoined
    | AdminCame
    | WordSet
    | FilterSet
    | Founded
    | NameSet
    | Archived
    | Unarchived
)
"""What changes what somebody may do in the room, or what the room itself is: see room_state.py."""

Entry = Said | Acted | TopicSet | Noticed | Enacted | Redacted | Deleted | Edited | Reacted
"""What is kept of a room, whichever it is."""

Spoken = Said | Acted | Noticed
"""What somebody has said to others: it can be edited by whoever has said it, and people can reply and react to it."""

Amending = Redacted | Edited | Reacted
"""What makes lines that were said before stand otherwise: see amendments.py."""

Storable = Say | Act | Topic | Notice
"""What asks for one of them."""

KINDS: tuple[type[Entry], ...] = get_args(Entry)
KIND_BY_REQUEST: dict[type[Request], type[Entry]] = {kind.request: kind for kind in KINDS if kind.request is not None}
KIND_BY_WORD: dict[str, type[Entry]] = {tag_of(request): kind for request, kind in KIND_BY_REQUEST.items()}
"""Kinds by the word that asks for them."""
CHANGING = frozenset(kind for kind in KINDS if kind.changes_room)
"""Those after which the room is another one."""


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


class MentionsShown(Event, frozen=True, tag="mentions"):
    """The newest lines that have named the receiver while they were away, by room, oldest first in each. So many others are kept (`more`)."""

    rooms: tuple[tuple[str, tuple[Line, ...]], ...]
    more: HowMany
    zone: str


class OwnLines(Event, frozen=True):
    """Some of all lines of the receiver's account, of whatever rooms, in the order in which they were stored."""

    lines: tuple[Entry, ...]
    zone: str


_KINDS: tuple[type[Event], ...] = (
    *Event.__subclasses__(),
    *CODE_EVENTS,
    *ROOM_EVENTS,
    *CONVERSATION_EVENTS,
    *MODERATION_EVENTS,
    *PEOPLE_EVENTS,
    *ALIAS_EVENTS,
    *SNIPPET_EVENTS,
    *SETTING_EVENTS,
    *StoredEvent.__subclasses__(),
)


EVENTS: tuple[type[Event], ...] = tuple(kind for kind in dict.fromkeys(_KINDS) if kind not in (StoredEvent, Answered))
"""Every kind of event that both programs know."""
