"""What the engine `memory` keeps of its nodes beside what is said: who has which name at which of them, and what has happened there. See nodes.py.

Never knows who asks, nor when a node is over.
"""

from collections.abc import Collection, Sequence
from typing import NamedTuple

import trio

from chat_server.accounts import sender_of
from chat_server.accounts.kept_accounts import KeptAccounts
from chat_server.accounts.names_index import NamesIndex, Refusal
from chat_server.journal import Party
from chat_server.journal.conversations import is_passing
from chat_server.journal.happened import Change, Numbered, PersonId
from chat_server.journal.nodes import Claim


class _Held(NamedTuple):
    nick: str
    skeleton: str
    person: PersonId
    is_outdated: bool = False
    """Whether the person has had another since, and the node where this is, which ends, will not hear of that."""
    is_left: bool = False
    """Whether another node has given it back, where rooms list the person by it at this one."""


class KeptNames:
    """The names that people have at nodes."""

    def __init__(self) -> None:
        self._held: dict[tuple[str, int], _Held] = {}  # by key and node, the newest last
        self._claims = 0

    def claim(
        self, node: int, claim: Claim, accounts: KeptAccounts, at: float, ending: Collection[int] = ()
    ) -> tuple[str, str, int] | Refusal:
        """Give somebody a name at a node; see Nodes.claim. Returns it, the one that they have elsewhere, and the number of the claim.

        `ending` are the nodes that end in order.
        """
        elsewhere = [
            (key, held) for (key, other), held in self._held.items() if held.person == claim.person and other != node
        ]
        elsewhere.sort(key=lambda one: not one[1].is_outdated)
        newest = elsewhere[-1][1].nick if elsewhere else ""
        is_here = any(
            held.person == claim.person and not held.is_left for (_, other), held in self._held.items() if other == node
        )
        key, held = claim.key, _Held(claim.nick, claim.skeleton, claim.person)
        is_asked_for = not elsewhere or is_here or elsewhere[-1][1].is_outdated or claim.person.startswith("account:")
        if not is_asked_for:
            key, held = elsewhere[-1]
        elif (refusal := self._refusal(claim, accounts, at)) is not None:
            return refusal
        if is_asked_for:
            self._outdate(claim, ending)
        if any(other == node and one.person == claim.person for (_, other), one in self._after(key, node)):
            del self._held[key, node]  # it is the newest again
        self._held[key, node] = held._replace(is_left=False)
        self._claims += 1
        return held.nick, newest, self._claims

    def _outdate(self, claim: Claim, ending: Collection[int]) -> None:
        for where, one in self._held.items():
            if where[1] in ending and where[0] != claim.key and one.person == claim.person:
                self._held[where] = one._replace(is_outdated=True)

    def _after(self, key: str, node: int) -> Sequence[tuple[tuple[str, int], _Held]]:
        """What was given after the name at the node; nothing if it is nobody's there."""
        places = [*self._held]
        return [*self._held.items()][places.index((key, node)) + 1 :] if (key, node) in self._held else []

    def _refusal(self, claim: Claim, accounts: KeptAccounts, at: float) -> Refusal | None:
        account = next((one for one in accounts.accounts if sender_of(one) == claim.person), 0)
        own = accounts.accounts[account].key if account else ""
        others = [] if own == claim.key else [one for one in self._held.items() if one[1].person != claim.person]
        if any(key == claim.key for (key, _), _ in others):
            return Refusal("held")
        for _, held in others:
            if held.skeleton == claim.skeleton:
                return Refusal("like-held", held.nick)
        names = NamesIndex()
        names.load(((one.id, one.name, one.key, one.skeleton) for one in accounts.accounts.values()), accounts.names)
        return names.refusal(claim.key, claim.skeleton, account, at)

    def release(self, node: int, key: str, person: PersonId, listed: Collection[tuple[int, str]] = ()) -> None:
        """Take a name back, as far as somebody has it at a node: it is left to the other nodes at which they are `listed` by it.

        What was left to this node so, and they are not listed by any more, is nobody's.
        """
        held = self._held.get((key, node))
        if held is not None and held.person == person:
            del self._held[key, node]
            for other, nick in listed:
                if other != node and nick == held.nick:
                    self._held.setdefault((key, other), held._replace(is_outdated=False, is_left=True))
        for where, one in [*self._held.items()]:
            if where[1] == node and one.person == person and one.is_left and (node, one.nick) not in listed:
                del self._held[where]

    def whereabouts(self, key: str) -> list[tuple[PersonId, str, int]]:
        """Who has the name with this key, with all that they have, and at which nodes."""
        return self.whereabouts_of({held.person for (other, _), held in self._held.items() if other == key})

    def whereabouts_of(self, people: Collection[PersonId]) -> list[tuple[PersonId, str, int]]:
        """All names that these have, and at which nodes."""
        ordered = sorted(self._held.items(), key=lambda one: not one[1].is_outdated)
        return [(held.person, held.nick, node) for (_, node), held in ordered if held.person in people]

    def may_converse(self, parties: Sequence[Party]) -> bool:
        """Whether these two may have a conversation: where one of them is a guest, while both have names at some node."""
        return not is_passing(parties) or {one.who for one in parties} <= {held.person for held in self._held.values()}

    def forget(self, node: int) -> None:
        """Nobody is at a node any more."""
        self._held = {where: held for where, held in self._held.items() if where[1] != node}

    def people_at(self, node: int) -> int:
        """How many have names at a node."""
        return len({held.person for (_, other), held in self._held.items() if other == node})


class KeptChanges:
    """What has happened at any node, in order."""

    def __init__(self) -> None:
        self._changes: list[Change] = []
        self._more = trio.Event()

    @property
    def newest(self) -> int:
        """The number of the newest."""
        return len(self._changes)

    def add(self, change: Change) -> None:
        """Something has happened."""
        self._changes.append(change)
        self._more.set()
        self._more = trio.Event()

    def after(self, number: int) -> Sequence[Change]:
        """All that there are after one."""
        return self._changes[number:]

    async def at(self, number: int) -> Change:
        """Wait until there is one of this number."""
        while number > len(self._changes):
            await self._more.wait()
        return self._changes[number - 1]


class ChangesAfter:
    """What has happened after some number, and what happens, for ever: an asynchronous iterator."""

    def __init__(self, changes: KeptChanges, number: int) -> None:
        self._changes = changes
        self._number = number
        self.carried_out = 0
        """The number of the newest after which the next was asked for."""

    def __aiter__(self) -> "ChangesAfter":
        return self

    async def __anext__(self) -> Numbered:
        self.carried_out = self._number
        change = await self._changes.at(self._number + 1)
        self._number += 1
        return Numbered(self._number, change)
