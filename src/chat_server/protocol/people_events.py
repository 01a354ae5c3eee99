"""What somebody is told of other people: who is here, who is away, who they are, when they were last here; and what has waited for them."""

from typing import ClassVar

from msgspec import UNSET, UnsetType

from chat_server.protocol.events import Event, Guests
from chat_server.protocol.requests import HowMany, Number


class OnlineListed(Event, frozen=True):
    """Everybody else in the room; those in `away` are so by their own word, and `reasons` has what they say of it, cut where it is long."""

    room: str
    nicks: tuple[str, ...]
    guests: Guests = UNSET
    away: Guests = UNSET
    reasons: dict[str, str] | UnsetType = UNSET


class PersonAway(Event, frozen=True):
    """Somebody whom the receiver has named, or written to, is away, and has said this of it (or ""). It is told once an hour; nobody else is told."""

    nick: str
    away: str
    room: str = ""


class NowBack(Event, frozen=True):
    """The receiver is away no longer: they have said so, or something else."""

    sentence: ClassVar[str] = "You are back."


class MentionsWaiting(Event, frozen=True):
    """So many lines have named the receiver while they were away, by room, each with the number of the first."""

    rooms: tuple[tuple[str, HowMany, Number], ...]


class PersonShown(Event, frozen=True, tag="whois"):
    """Who somebody is: a guest, or since when they have an account; their role on the server; in which rooms they are of which the receiver may know.

    Where nobody has an account nobody is a guest. `away` is what they say of being away. For so many minutes they have done nothing (`idle`); who is
    not here was last here so many `days` ago, if that is told. Both are rounded.
    """

    nick: str
    is_here: bool
    zone: str
    guest: bool = False
    since: float | UnsetType = UNSET
    role: str = ""
    rooms: tuple[str, ...] = ()
    away: str | UnsetType = UNSET
    idle: HowMany | UnsetType = UNSET
    days: HowMany | UnsetType = UNSET


class LastSeen(Event, frozen=True, tag="seen"):
    """When somebody was last here: they are, or were so many `days` ago; nothing, if they do not want that told."""

    nick: str
    is_here: bool
    days: HowMany | UnsetType = UNSET


class Writing(Event, frozen=True):
    """These are writing just now in the room, as far as the receiver is told: five at most; nobody any more, if there are none.

    Said again every three seconds; who is not named again for ten is not writing any more, and neither is who has said something.
    """

    is_for_people: ClassVar[bool] = False

    room: str
    nicks: tuple[str, ...]


class HasRead(Event, frozen=True):
    """The other of a conversation has read it up to this line, in the words of their program. It is kept nowhere, and may be lost."""

    is_for_people: ClassVar[bool] = False

    room: str
    seq: Number


PEOPLE_EVENTS: tuple[type[Event], ...] = (
    PersonAway,
    NowBack,
    MentionsWaiting,
    PersonShown,
    LastSeen,
    Writing,
    HasRead,
)
