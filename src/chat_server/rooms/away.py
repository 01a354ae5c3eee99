"""Who is away by their own word: what they have said of it, kept with what they choose. Never knows who is told, nor when."""

from collections.abc import Iterable, Sequence
from typing import Any

from msgspec import UNSET, UnsetType

from chat_server.accounts import Choices

AWAY = "away"
"""Under which of the choices that hold wherever they are it is kept that somebody is away: what they say of it, or ""."""

AWAY_MAX = 200
"""Characters in what somebody says of being away."""

ELSEWHERE_MAX = 10_000
"""Accounts of which it is remembered that they are away, as other nodes have told."""


def away_of(choices: Choices) -> str | None:
    """What somebody says of being away who has chosen this; None: they are not."""
    said = choices.get("", {}).get(AWAY)
    return said if isinstance(said, str) and len(said) <= AWAY_MAX else None


class AwayGuest:
    """A guest at another node who is away."""

    def __init__(self, sender: str, nick: str, away: str) -> None:
        """Who they are among the nodes, what they are called, and what they say of being away."""
        self.sender, self.nick, self.account = sender, nick, 0
        self.away: str | None = away
        self.sessions: Sequence[Any] = ()


class AwayAmongNodes:
    """Who is away among those who are at whatever node, as far as this one has heard of it (away_elsewhere.py)."""

    def __init__(self) -> None:
        self._accounts: dict[int, None] = {}
        self.unknown: set[int] = set()
        """Accounts that were in rooms at other nodes before this one began: whether they are is to be asked."""
        self.guests_here: set[str] = set()
        """Guests at this node who are, by who they are among the nodes;"""
        self.guests_elsewhere: set[str] = set()
        """and at others."""

    def note(self, account: int, chosen: Choices) -> None:
        """Somebody has chosen something, at whatever node."""
        if AWAY in chosen.get("", {}):
            self._accounts.pop(account, None)
            if away_of(chosen) is not None:
                self._accounts[account] = None
                if len(self._accounts) > ELSEWHERE_MAX:
                    del self._accounts[next(iter(self._accounts))]

    def has(self, account: int) -> bool:
        """Whether an account is away, as another node has told."""
        return account in self._accounts

    def among(self, people: Iterable[tuple[Any, str]]) -> tuple[str, ...] | UnsetType:
        """The names of those among these people who are away; nothing if nobody is."""
        return tuple(nick for who, nick in people if self._is_away(who)) or UNSET

    def _is_away(self, who: Any) -> bool:
        """Whether somebody is: one who is here says so themselves."""
        if hasattr(who, "away"):
            return who.away is not None
        return self.has(who.account) if who.account else self._is_guest_away(who.person)

    def _is_guest_away(self, who: str) -> bool:
        return who in self.guests_here or who in self.guests_elsewhere
