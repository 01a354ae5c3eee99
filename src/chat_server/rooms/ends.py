"""The end of somebody's account, as rooms see it: they show nothing any more of what is gone.

Whoever ends it has seen to it that nobody is logged in with it. Never knows who may, nor how lines are kept.
"""

from collections.abc import Iterable
from typing import Protocol

from chat_server.accounts import Accounts, Ending, Rewritten


class Remembering(Protocol):
    """A room, as far as it matters here."""

    name: str

    def forget_past(self, topic: str | None = None) -> None:
        """Read again what those who enter are shown; see ChatRoom."""


async def end_account(
    accounts: Accounts, rooms: Iterable[Remembering], account: int, ending: Ending, at: float
) -> Rewritten | None:
    """End an account now; see Accounts.end. Raises JournalError, and then it goes on as it was."""
    rewritten = await accounts.end(account, ending, at)
    if rewritten is not None:
        for room in rooms:
            if room.name in rewritten.rooms:
                room.forget_past(rewritten.topics.get(room.name))
    return rewritten
