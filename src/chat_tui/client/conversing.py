"""Conversations among what the client knows: rooms of two, called `@NAME`, in which one is without entering. Pure; never knows how they are shown."""

from collections.abc import Callable
from typing import Any, Protocol

from msgspec.structs import replace

from chat_server.protocol.conversation_events import ConversationsListed
from chat_server.protocol.events import Event

MARK = "@"
"""What a conversation's name begins with."""


class Timeline(Protocol):
    """A room's lines, as far as they matter here."""

    @property
    def newest(self) -> int:
        """The number of the newest; 0: there is none."""


class Room(Protocol):
    """A room, as far as it matters here."""

    name: str
    is_joined: bool
    last: int
    since: int
    read: int | None

    @property
    def timeline(self) -> Timeline:
        """Its lines."""


class Rooms(Protocol):
    """What makes rooms."""

    def room(self, name: str) -> Room:
        """The room with this name; it is made if it is not known."""


def is_conversation(room: str) -> bool:
    """Whether a room of this name is a conversation."""
    return room.startswith(MARK)


def heard(room: Room, seq: int) -> None:
    """A line has come, of whatever room: the first of a conversation begins it here."""
    if is_conversation(room.name) and not room.is_joined:
        _begin(room, seq - 1)


def listed(rooms: Rooms, event: ConversationsListed) -> None:
    """The server has listed conversations: those that are not known begin after what the user has been shown. A request has nothing to show yet."""
    for one in event.conversations:
        if not one.is_request and is_conversation(one.room):
            room = rooms.room(one.room)
            room.last = max(room.last, one.last)
            if not room.is_joined:
                _begin(room, one.last - one.unread)


TAKEN: dict[type[Event], Callable[[Any, Any], None]] = {ConversationsListed: listed}
"""What the state takes from here."""


def is_resumed(room: Room) -> bool:
    """Whether one goes on there on another connection: where one is. Of conversations, where something is known of what was said."""
    return room.is_joined and (not is_conversation(room.name) or bool(room.timeline.newest))


def _begin(room: Room, after: int) -> None:
    room.is_joined = True
    room.since = after
    room.read = after if room.read is None else room.read


class Requests:
    """Who has asked to write to the user, and of whom that has been told."""

    def __init__(self) -> None:
        self._told: set[str] = set()

    def new(self, event: ConversationsListed) -> ConversationsListed:
        """Those in the list who have not been told of. Servers list them again and again; what has come is told in the list of rooms."""
        asking = tuple(one for one in event.conversations if one.is_request and one.room not in self._told)
        self._told = {one.room for one in event.conversations if one.is_request}
        return replace(event, conversations=asking)
