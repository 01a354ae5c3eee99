"""Who was named while they were not there: numbers of lines, and never their texts, which are read where they stand when somebody wants to see them.

They are stored soon after the lines, not with them: what the last moment before a server was killed lacks is made up at its next start
(rooms/called_before.py). They are neither exported nor imported. Pure; never knows who is named in what.
"""

from collections.abc import Sequence
from typing import NamedTuple, Protocol

from chat_server.protocol.stored_event import Author

MENTIONS_MAX = 200
"""Mentions that are kept of one account's: the newest."""


class Mention(NamedTuple):
    """An account was named in this line of a room, by another (0: by somebody without one), at a time; and whether it has seen that."""

    account: Author
    room: str
    seq: int
    by: Author
    at: float
    is_read: bool = False


class Mentions(Protocol):
    """What is kept of them. Every method may raise JournalError."""

    async def add(self, mentions: Sequence[Mention]) -> None:
        """Keep these, unless the account, or the room, is no more; of each account MENTIONS_MAX. Harmless if they are kept."""

    async def of(self, account: Author) -> list[Mention]:
        """Those of an account, the oldest first."""
        ...

    async def mark_read(self, account: Author, seen: Sequence[Mention]) -> None:
        """The account has seen these, at whatever device."""
