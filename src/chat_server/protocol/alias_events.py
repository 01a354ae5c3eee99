"""What somebody is told of the words that they have for what they often type (aliases.py)."""

from typing import ClassVar

from chat_server.protocol.events import Event


class AliasesShown(Event, frozen=True, tag="aliases"):
    """The words that the receiver has, or the one that they asked for, each with what it stands for."""

    aliases: tuple[tuple[str, str], ...]


class AliasSet(Event, frozen=True):
    """A word of the receiver's stands for this text from now on. It is told at their other programs, too."""

    sentence: ClassVar[str] = "/{name} stands for: {stands_for}"

    name: str
    stands_for: str


class AliasRemoved(Event, frozen=True):
    """A word of the receiver's stands for nothing any more. It is told at their other programs, too."""

    sentence: ClassVar[str] = "/{name} is removed."

    name: str


ALIAS_EVENTS: tuple[type[Event], ...] = (AliasesShown, AliasSet, AliasRemoved)
