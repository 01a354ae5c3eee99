"""What happens to a room as such: it is made, gets another name, or is no more, or what is said in it waits. Never knows who did it."""

from typing import ClassVar

from chat_server.protocol.events import Event


class ReactionsTold(Event, frozen=True, tag="reactions"):
    """People have reacted to a line of a room: those of a few seconds, with these signs. Programs are sent `reacted` of each instead."""

    is_for_programs: ClassVar[bool] = False

    room: str
    of: int
    whom: str
    nicks: tuple[str, ...]
    more: int
    """So many others have, too."""
    signs: tuple[str, ...]


class ReactionNoted(Event, frozen=True, tag="reaction-noted"):
    """The receiver has reacted to a line, or has taken that back. Programs are sent `reacted`."""

    is_for_programs: ClassVar[bool] = False

    of: int
    sign: str
    is_back: bool = False


class RoomCreated(Event, frozen=True):
    """The receiver has opened a room."""

    sentence: ClassVar[str] = "The room {room} is open. /join {room} enters it."

    room: str


class RoomRenamed(Event, frozen=True):
    """A room where the receiver is, or which it has asked for by its old name, has another name from now on.

    Whoever is there is told by `went-back` and `entered` too.
    """

    sentence: ClassVar[str] = "{room} has a new name: {new}."

    room: str
    new: str


class RoomDeleted(Event, frozen=True):
    """A room where the receiver was is no more, nor is anything that was said there. Whoever was there is told by `went-back` too."""

    sentence: ClassVar[str] = "{room} has been deleted."

    room: str


class AccountNoted(Event, frozen=True):
    """Those in `nicks`, who are in the room, have accounts from now on.

    If it `is_first`, nobody had one before: everybody else in the room is a guest, the receiver too.
    """

    room: str
    nicks: tuple[str, ...] = ()
    is_first: bool = False


class InvitedTo(Event, frozen=True, tag="invited-to"):
    """Somebody has invited the receiver to a room: they can enter it, and are a member then. That ends in so long a time."""

    sentence: ClassVar[str] = "{by} invites you to {room}: /join {room} (for {span})"

    room: str
    by: str
    span: str


class NoMember(Event, frozen=True, tag="no-member"):
    """A room where the receiver was is only for its members now, and they are none. They are told by `went-back` too."""

    sentence: ClassVar[str] = "{room} is only for its members, and you are none: you have been put out."

    room: str


class StoringWaits(Event, frozen=True, tag="storing-waits"):
    """What the receiver says in rooms and to others waits to be stored: what keeps it does not answer just now."""

    sentence: ClassVar[str] = (
        "What keeps all that is said here does not answer. What you say waits, and is shown when it is back."
    )


class StoringGoesOn(Event, frozen=True, tag="storing-goes-on"):
    """What waited to be stored is stored."""

    sentence: ClassVar[str] = "What is said here is stored and shown again."


ROOM_EVENTS: tuple[type[Event], ...] = (
    ReactionsTold,
    ReactionNoted,
    RoomCreated,
    RoomRenamed,
    RoomDeleted,
    AccountNoted,
    InvitedTo,
    NoMember,
    StoringWaits,
    StoringGoesOn,
)
