"""Whether a room is the one that was known by its name: what is known of one that is no more is none of another of the same name. Pure."""

from collections.abc import Mapping
from typing import Protocol

from chat_server.protocol.events import Entered


class Timeline(Protocol):
    """A room's lines, as far as they matter here."""

    newest: int

    def forget(self) -> None:
        """Know none of them."""


class Room(Protocol):
    """A room, as far as it matters here."""

    id: str
    is_joined: bool
    last: int
    since: int
    read: int | None

    @property
    def position(self) -> int:
        """The number up to which nothing is missing."""

    @property
    def timeline(self) -> Timeline:
        """Its lines."""


class KnownState(Protocol):
    """What the connection needs to know of the state."""

    def positions(self) -> dict[str, int]:
        """For each room to be in again, the number of the line after which nothing may be missed."""

    def ids(self) -> dict[str, str]:
        """The ids of those rooms, as far as they are known."""


def enter(room: Room, event: Entered) -> None:
    """The user is in the room; if it is another one than was known, or an older state of it, nothing of it is known yet."""
    is_another = bool(room.id and event.id) and room.id != event.id
    room.id = event.id or room.id
    if is_another or event.last < room.position:  # beyond that, another node may have told more than this one knows yet
        room.timeline.forget()
        room.read, room.since = None, event.last
    if is_another or not room.is_joined:
        room.since = event.last
    room.is_joined = True
    room.last = event.last
    if room.read is None:
        room.read = event.last


def kept_of(event: Entered, read: Mapping[str, int], ids: Mapping[str, str]) -> int | None:
    """How far the user had read, as it is kept by names; None if that is nothing, or was in another room of this name."""
    known = ids.get(event.room, "")
    return None if known and event.id and known != event.id else read.get(event.room)
