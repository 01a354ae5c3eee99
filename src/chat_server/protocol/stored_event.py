"""What every kind of entry of a room has: its number, its time, its author; and what a kind says of itself.

The kinds are in entries.py. Never knows where an entry is stored, nor who is shown it.
"""

from math import ceil
from typing import Annotated, ClassVar, Self

from msgspec import Meta, Struct
from msgspec.structs import replace

from chat_server.protocol.events import Event
from chat_server.protocol.names import BOT, GUEST
from chat_server.protocol.requests import NUMBER_MAX, Number, Request

Author = Annotated[int, Meta(ge=0, le=NUMBER_MAX)]


class Shape(Struct, frozen=True):
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


def left_of(seconds: float) -> str:
    """How long something lasts still, roughly, rounded up: in hours if more than two, in days if more than two. Nobody reads `1433m`."""
    seconds = min(seconds, SPAN_MAX)
    for unit in (86400, 3600):
        if seconds > 2 * unit:
            return span_of(ceil((seconds - 30) / unit) * unit)
    return span_of(seconds)


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
    amends: ClassVar[bool] = False
    """Whether lines that were said before stand otherwise afterwards: see amendments.py."""
    is_found: ClassVar[bool] = True
    """Whether a search finds it by its text, which stands nowhere else."""
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
        """What stands after the nickname where people read it."""
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
        if not (self.author or self.has_more):
            return self
        return kind(self.room, self.seq, self.at, self.nick, self.text, 0, self.guest, self.bot, *self.more_shown)

    @property
    def has_more(self) -> bool:
        """Whether it has anything that few lines have."""
        return False

    @property
    def more_shown(self) -> tuple[object, ...]:
        """The fields that its kind has beside those of all, as anybody may see them."""
        return ()

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
