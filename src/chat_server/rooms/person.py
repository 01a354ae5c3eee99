"""Somebody with one or several sessions, and what is theirs wherever they are connected.

Whether a session joins the others of its person or takes their place, commands/coming_back.py says; how it takes it, room by room,
sessions/membership.py says. Knows of its sessions only where they are, and that they can fail. Never knows connections, nor how anything is
shown.
"""

from collections.abc import Callable
from itertools import count
from math import inf
from typing import Any, Generic, Protocol, TypeVar

from msgspec import Struct

from chat_server.accounts import Choices, sender_of
from chat_server.guard import Guard
from chat_server.protocol.names import name_key
from chat_server.protocol.stored_event import Author
from chat_server.rooms.blocking import NO_BLOCKS
from chat_server.rooms.former_names import Called, called

_NEVER = -inf
"""One number for all who never were guests."""

STRANGER = "stranger"
MEMBER = "member"
HOLDER = "holder"
MODERATOR = "moderator"
ADMIN = "admin"
OWNER = "owner"


class Proof(Struct, frozen=True):
    """By what a session has logged in: by the token of this device (0: by none of an account's), and when (seconds since 1970)."""

    device: int = 0
    at: float = 0.0
    is_bot: bool = False
    """Whether a bot has."""
    seconds: float = inf
    """For how long that is good; then the session ends."""


NO_PROOF = Proof()
NOTHING_CHOSEN: Choices = {}
"""What all who come begin with: one of each for everybody, for ten thousand of them are memory."""

ReactionKey = tuple[str, int, str]
"""The id of a room, the number of a line, a sign."""

Reactions = dict[ReactionKey, str]
"""And under which name."""

NO_REACTIONS: Reactions = {}


class Device(Protocol):
    """A session, as far as it matters here."""

    proof: Proof
    """By what it has logged in."""

    @property
    def rooms(self) -> tuple[str, ...]:
        """The names of the rooms where it is."""

    def fail(self) -> None:
        """End: something of the server's went wrong for this session alone. Never raises."""


S = TypeVar("S", bound=Device)

_serials = count(1)


class Person(Generic[S]):
    """Somebody: a stranger with one session before login, then a guest or the holder of an account, with one or several."""

    __slots__ = (
        "account",
        "account_made",
        "active_at",
        "away",
        "blocks",
        "came_as",
        "cases",
        "choices",
        "choosing",
        "formerly",
        "history",
        "is_naming",
        "language",
        "name_order",
        "named_at",
        "nick",
        "reacted",
        "replaced",
        "role",
        "sender",
        "serial",
        "sessions",
        "zone",
    )

    def __init__(self, session: S, *, history: int, zone: str) -> None:
        self.nick = ""
        """The nickname, or "" before login."""
        self.name_order = 0
        """Which of the claims of several nodes has given it (Claimed.order); 0: none that they asked for by this name."""
        self.is_naming = False
        """Whether one of their sessions is changing the nickname, or registering it."""
        self.account: Author = 0
        """The number of their account; 0 for somebody who has none."""
        self.account_made = 0.0
        """When that was made, in seconds since 1970."""
        self.choices = NOTHING_CHOSEN
        """What they have chosen about how they are shown things, by kind of door."""
        self.away: str | None = None
        """What they say of being away, which follows from `choices`; None: they are not."""
        self.active_at = 0.0
        """When they have last done something in a room (seconds since 1970)."""
        self.blocks = NO_BLOCKS
        """Whom they have blocked: what follows from `choices`, and guests."""
        self.choosing = 0
        """How many choices of theirs are being stored: until they are, none that was made before at any node is put into effect here."""
        self.role = STRANGER
        """STRANGER before login, then MEMBER, or what their account makes them: what one may ask for follows from it."""
        self.sender = ""
        """Who this is to the journal, whatever the nickname becomes: the same key from the same sender is stored once."""
        self.named_at = _NEVER
        """Since when a guest has their name (seconds since 1970); -inf: they never were one."""
        self.formerly: Called = ()
        """The names that a guest had before that, and since when they had each: they may be another's by now."""
        self.came_as = ""
        """Who this was to the journal as a guest, of somebody who has registered since; "" for others. What that guest may not do they may not."""
        self.cases: tuple[int, ...] = ()
        """The numbers of what waits for moderators and is theirs, if they are known by a name alone, which may be another's later: the newest."""
        self.reacted = NO_REACTIONS
        """With which sign a guest has reacted to which line of which room here, and what they were called then: that name may be another's by now."""
        self.serial = next(_serials)
        """Which one they are of all who have come since the server began."""
        self.history = history
        """How many lines one wants to see on entering a room."""
        self.zone = zone
        """In which zone one wants times shown (see time_zones.py)."""
        self.language = ""
        """In which language one wants to be spoken to; "" for one who has not said so."""
        self.sessions: tuple[S, ...] = (session,)
        """Those that are there, not one that has left all rooms."""
        self.replaced: tuple[S, ...] = ()
        """Those whose place another is taking, or has taken: they end as soon as it is in their rooms."""

    def known_as(self, nick: str) -> str:
        """Who this is to the journal where it keeps how far somebody has come, with the nickname that they have or had there."""
        return sender_of(self.account) if self.account else name_key(nick)

    @property
    def called(self) -> Called:
        """A guest's names, and since when they have each: the last is that of now. Whoever has registered has none that count as a guest's."""
        if self.account or self.named_at == _NEVER:
            return ()
        return called(self.formerly, name_key(self.nick), self.named_at)

    @property
    def rooms(self) -> tuple[str, ...]:
        """The names of the rooms where any of the sessions is."""
        return tuple(dict.fromkeys(room for session in self.sessions for room in session.rooms))

    def at_device(self, session: S) -> tuple[S, ...]:
        """The other sessions at the same device; all are at one to whoever has no account."""
        return tuple(
            other for other in self.sessions if other is not session and other.proof.device == session.proof.device
        )

    def add(self, session: S) -> None:
        """Have one more session."""
        self.sessions = (*self.sessions, session)

    def let_go(self, session: object) -> None:
        """Have a session no longer. Harmless if it is not one of these."""
        self.sessions = tuple(other for other in self.sessions if other is not session)
        self.replaced = tuple(other for other in self.replaced if other is not session)

    def replace(self, session: S) -> None:
        """Another session takes the place of this one."""
        self.let_go(session)
        self.replaced = (*self.replaced, session)

    def each_other(self, session: S, act: Callable[[S], object]) -> None:
        """Do something for each session but this one; if it fails for one of them, it is the end of that one and of no other."""
        guard = Guard("something could not be done for a person's other session", nick=self.nick)
        for other in self.sessions:
            if other is not session and not guard.attempt(act, other):
                guard.attempt(other.fail)


def person_id(person: Person[S], node: int) -> str:
    """Who somebody at this node is among the people of all nodes: see PersonId in journal/happened.py."""
    return person.sender if ":" in person.sender else f"{node}:{person.serial}"


def has_only_a_name(person: Person[Any]) -> bool:
    """Whether they have come by neither an account nor a token: the journal knows them by the name with which they came."""
    return is_name(person.sender)


def is_name(sender: str) -> bool:
    """Whether the journal knows somebody so by a name, and not by an account or a token."""
    return ":" not in sender


def sender_elsewhere(who: str, nick: str) -> str:
    """Who somebody at another node is to the journal, by their id (`person_id`) and what they are called."""
    return name_key(nick) if who[:1].isdigit() else who
