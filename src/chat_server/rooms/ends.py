"""The end of somebody's account, and of sessions by somebody else's word, as rooms see it: nothing more is stored, nothing is shown that is gone.

Never knows who may, nor how lines are kept.
"""

from collections.abc import Iterable
from contextlib import suppress
from math import inf
from typing import Any, Protocol

import trio

from chat_server.accounts import Accounts, Ending, Rewritten
from chat_server.protocol.events import Dismissed
from chat_server.rooms.directory import Directory
from chat_server.rooms.gate import Gate
from chat_server.rooms.room import Occupant, Room


def kicked_because(reason: str) -> Dismissed:
    """What somebody is told whom an operator puts out, with their reason, if they gave one."""
    return Dismissed("kicked-because", {"reason": reason}) if reason else Dismissed("kicked")


class Remembering(Protocol):
    """A room, as far as it matters here."""

    name: str

    @property
    def gate(self) -> Gate:
        """What may happen in it; see ChatRoom."""

    def account_ended(self, account: int, nick: str) -> None:
        """An account is closed; see ChatRoom."""

    def forget_past(self, topic: str | None = None) -> None:
        """Read again what those who enter are shown; see ChatRoom."""


async def end_account(
    accounts: Accounts, rooms: Iterable[Remembering], account: int, ending: Ending, at: float, *, is_due: bool = False
) -> Rewritten | None:
    """End an account now; see Accounts.end. Raises JournalError, and then it goes on as it was.

    Whoever ends it has seen to it that nobody is logged in with it.
    """
    rewritten = await accounts.end(account, ending, at, is_due=is_due)
    if rewritten is not None:
        for room in rooms:
            if ending != "close":
                room.gate.call(account, rewritten.nick)
            if room.name in rewritten.rooms:
                room.forget_past(rewritten.topics.get(room.name))
            room.account_ended(account, rewritten.nick)
    return rewritten


async def end_sessions(directory: Directory[Room, Any], sessions: Iterable[Occupant], farewell: Dismissed) -> int:
    """End sessions at once; when this returns, nothing of what they say will be stored. Returns how many they are.

    Args:
        directory: where the rooms are in which they are.
        sessions: which.
        farewell: what they are told, if they are not leaving already.

    """
    ended = [*sessions]
    where = [(directory.room(name), one) for one in ended for name in one.rooms]
    for one in ended:
        directory.silenced.add(one)
        one.dismiss(farewell.why, inf, farewell.details)
    for room, one in where:
        if room is not None:
            with suppress(trio.ClosedResourceError):  # it stores nothing more of anybody's
                await room.flushed(one)  # what was being stored is stored when this is answered
    return len(ended)
