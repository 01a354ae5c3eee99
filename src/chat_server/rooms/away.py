"""Who is away by their own word: what they have said of it, kept with what they choose. Never knows who is told, nor when."""

from collections.abc import Iterable, Sequence
from typing import Any, NamedTuple

from msgspec import UNSET, UnsetType

from chat_server.accounts import Choices
from chat_server.rooms.roster import Known

AWAY = "away"
"""Under which of the choices that hold wherever they are it is kept that somebody is away: what they say of it, or ""."""

AWAY_MAX = 200
"""Characters in what somebody says of being away."""

ELSEWHERE_MAX = 10_000
"""Accounts of which it is remembered that they are away, as other nodes have told."""

REASON_SHOWN_MAX = 40
"""Characters that are told of what somebody says of being away where many are listed: as much as a list of people has a place for."""


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


class AwayAmong(NamedTuple):
    """Who of some people is away, by name, and what they say of it, of those who say something; nothing where there is nobody."""

    nicks: tuple[str, ...] | UnsetType
    reasons: dict[str, str] | UnsetType


NOBODY = AwayAmong(UNSET, UNSET)


class AwayAmongNodes:
    """Who is away among those who are at whatever node, as far as this one has heard of it (away_elsewhere.py)."""

    def __init__(self) -> None:
        self._accounts: dict[int, str] = {}
        self.unknown: set[int] = set()
        """Accounts that were in rooms at other nodes before this one began: whether they are is to be asked."""
        self.guests_here: dict[str, str] = {}
        """What guests at this node say of it who are, by who they are among the nodes;"""
        self.guests_elsewhere: dict[str, str] = {}
        """and those at others."""

    def note(self, account: int, chosen: Choices) -> None:
        """Somebody has chosen something, at whatever node."""
        if AWAY in chosen.get("", {}):
            self._accounts.pop(account, None)
            if (said := away_of(chosen)) is not None:
                self._accounts[account] = said
                if len(self._accounts) > ELSEWHERE_MAX:
                    del self._accounts[next(iter(self._accounts))]

    def has(self, account: int) -> bool:
        """Whether an account is away, as another node has told."""
        return account in self._accounts

    def among(self, people: Iterable[tuple[Any, str]]) -> AwayAmong:
        """Who among these people is away, and why."""
        said = {
            nick: why
            for who, nick in people
            if (why := self._told_of(who) if type(who) is Known else who.away) is not None
        }
        if not said:
            return NOBODY
        reasons = {nick: why[:REASON_SHOWN_MAX] for nick, why in said.items() if why}
        return AwayAmong(tuple(said), reasons or UNSET)

    def _told_of(self, who: Known) -> str | None:
        """What somebody says of being away who may be at another node; None: they are not. Who is here says it themselves."""
        if who.account:
            return self._accounts.get(who.account)
        return self.guests_here.get(who.person, self.guests_elsewhere.get(who.person))
