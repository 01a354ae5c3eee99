"""What the log calls a room: the name of a private one is for those who may know of it. Never knows what is logged."""

from typing import Protocol

PRIVATE = "(private)"


class State(Protocol):
    """How a room is, as far as it matters here."""

    @property
    def is_private(self) -> bool:
        """Whether those alone may know of it who are invited."""


class Gate(Protocol):
    """What has that."""

    @property
    def state(self) -> State:
        """How the room is now."""


class Named(Protocol):
    """A room."""

    name: str

    @property
    def gate(self) -> Gate:
        """What says who may do what."""


def log_name(room: Named, name: str = "") -> str:
    """What it is called in the log, or was when this was its name."""
    return PRIVATE if room.gate.state.is_private else name or room.name
