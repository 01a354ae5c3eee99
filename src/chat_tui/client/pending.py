"""A line that waits to be stored. Never knows how it is sent, nor where it is kept meanwhile."""

from collections.abc import Iterable
from typing import Protocol

import msgspec

from chat_server.protocol.entries import KIND_BY_WORD, Entry, Said
from chat_tui.language import say


class Pending(msgspec.Struct):
    """A line that its author has sent, and the server has not stored yet. `why` says why it will not be, if so.

    It replies to the line with the number `re`, if that is not 0. `mark` stands behind its author's name, as it will once it is stored.
    """

    key: str
    room: str
    do: str
    text: str
    at: float
    why: str = ""
    re: int = 0
    mark: str = ""

    @property
    def kind(self) -> type[Entry]:
        """What it is to become; what a later release has kept is taken for something said."""
        return KIND_BY_WORD.get(self.do, Said)


class Room(Protocol):
    """A room, as far as it matters here."""

    pending: list[Pending]


def failed(rooms: Iterable[Room], key: str, why: str) -> bool:
    """Note that the line with this key will not be stored. Returns whether there is one."""
    for room in rooms:
        for pending in room.pending:
            if pending.key == key:
                pending.why = why
                return True
    return False


def taken(rooms: Iterable[Room], key: str) -> Pending | None:
    """Take the line with this key away, for it is stored, or taken back; None if there is none."""
    for room in rooms:
        for pending in room.pending:
            if pending.key == key:
                room.pending.remove(pending)
                return pending
    return None


def not_stored() -> str:
    """Why a line is not there, where the server does not say it."""
    return say("the server could not store it")
