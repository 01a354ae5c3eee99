"""A person's name, while it becomes another or an account's: that is stored first, and nothing else may be done to it meanwhile.

Never knows what is stored.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import ClassVar

from chat_server.protocol.events import Refused
from chat_server.rooms.person import Person
from chat_server.rooms.room import Occupant


class NameBusy(Refused, frozen=True):
    """The receiver's name is just being changed, or registered, by another session of theirs."""

    code: str = "name-busy"
    sentence: ClassVar[str] = "Your name is just being changed or registered elsewhere. Try again in a moment."


@contextmanager
def naming(person: Person[Occupant]) -> Iterator[None]:
    """Let no other session change the person's name, nor register it, for as long as the block lasts."""
    person.is_naming = True
    try:
        yield
    finally:
        person.is_naming = False
