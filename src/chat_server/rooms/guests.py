"""Who is marked as a guest: everybody without an account, and whatever they say or have said, as soon as anybody has one.

Where nobody has an account, nobody is marked. Knows whose a line is, and who has an account. Never knows how the mark is shown.
"""

from collections.abc import Iterable, Sequence
from typing import Protocol, TypeVar

from msgspec import UNSET, UnsetType
from msgspec.structs import replace

from chat_server.accounts import Accounts
from chat_server.protocol.runs import Piece

P = TypeVar("P", bound=Piece)


class Person(Protocol):
    """Somebody, as far as it matters here."""

    @property
    def account(self) -> int:
        """The number of their account; 0 for somebody who has none."""


class GuestMarks:
    """Marks guests, and what they have said. From the first account on, which may be made while people talk."""

    def __init__(self, accounts: Accounts) -> None:
        """Mark those who have none of these."""
        self._accounts = accounts

    def __bool__(self) -> bool:
        """Whether guests are marked."""
        return bool(self._accounts.names)

    def mark(self, person: Person) -> bool | UnsetType:
        """True for a guest; nothing for anybody else."""
        return True if self and not person.account else UNSET

    def among(self, people: Iterable[tuple[Person, str]]) -> tuple[str, ...] | UnsetType:
        """The names of those among these people who are guests; nothing if none is."""
        if not self:
            return UNSET
        return tuple(nick for person, nick in people if not person.account) or UNSET

    def on(self, lines: Sequence[P]) -> tuple[P, ...]:
        """The lines, those of guests marked. A line of which nobody knows whose it is counts as a guest's."""
        if not self:
            return tuple(lines)
        return tuple(line if line.author or line.guest else replace(line, guest=True) for line in lines)
