"""Guests at other nodes, as far as somebody here has to do with them: who has a name, what they are called, and what they have chosen.

Who has which name the engine says. What they have chosen their own node knows alone, which is asked by a sign. Never knows what is written to them.
"""

from collections.abc import Iterable
from itertools import count

import trio

from chat_server.accounts import is_account
from chat_server.journal.happened import PersonId
from chat_server.journal.nodes import Nodes, Whereabouts
from chat_server.journal.signs import GuestAsked, GuestTold, ReactionAsked, ReactionTold
from chat_server.protocol.names import name_key
from chat_server.rooms.directory import Directory
from chat_server.rooms.person import Person, ReactionKey, person_id
from chat_server.rooms.room import Occupant, Room

ASKED_SECONDS = 2.0
"""Seconds for which a guest's own node is waited for that is to say what they have chosen."""


REGISTERED_MAX = 1000
"""Guests, the last, of whom it is known that they have registered: whoever was in a conversation with one goes on with the account."""


class GuestsElsewhere:
    """Those of whom this node knows something. One for a server; where there are no other nodes, there are none."""

    def __init__(self, nodes: Nodes | None) -> None:
        """Nobody is known yet."""
        self._nodes = nodes
        self._nicks: dict[PersonId, str] = {}
        self._by_key: dict[str, PersonId] = {}
        self._accounts: dict[PersonId, int] = {}
        self._asked: dict[int, tuple[trio.Event, list[GuestTold | ReactionTold]]] = {}
        self._numbers = count(1)

    def name_of(self, who: PersonId) -> str:
        """What a guest is called; "" if that is not known here."""
        return self._nicks.get(who, "")

    def find(self, name: str) -> PersonId:
        """Which of those who are known has this name; "": none."""
        return self._by_key.get(name_key(name), "")

    def note(self, who: PersonId, nick: str) -> None:
        """A guest is called so, from now on."""
        self.forget(who)
        self._nicks[who] = nick
        self._by_key[name_key(nick)] = who

    def has_account(self, who: PersonId, account: int) -> None:
        """A guest has this account from now on."""
        self._accounts[who] = account
        if len(self._accounts) > REGISTERED_MAX:
            del self._accounts[next(iter(self._accounts))]

    def account_of(self, who: PersonId) -> int:
        """The account of somebody who was a guest, if they have registered lately; 0: they have not, as far as is known."""
        return self._accounts.get(who, 0)

    def forget(self, who: PersonId) -> None:
        """Nobody here has to do with them any more. Harmless if they are not known."""
        nick = self._nicks.pop(who, "")
        if nick and self._by_key.get(name_key(nick)) == who:
            del self._by_key[name_key(nick)]

    async def learn(self, people: Iterable[PersonId]) -> None:
        """Know what these guests are called, as far as they are at any node. Raises JournalError."""
        unknown = [who for who in people if who not in self._nicks]
        if unknown and self._nodes is not None:
            for one in await self._nodes.whereabouts_of(unknown):
                self.note(one.person, one.nick)

    async def look_for(self, name: str) -> Whereabouts | None:
        """The guest who has this name at whatever node; None if nobody has, or an account. Raises JournalError."""
        found = await self._nodes.whereabouts(name_key(name)) if self._nodes is not None else ()
        return found[-1] if found and not is_account(found[-1].person) else None

    async def are_here(self, who: PersonId) -> bool:
        """Whether somebody, guest or not, is at any node. Raises JournalError."""
        return bool(self._nodes is not None and await self._nodes.whereabouts_of([who]))

    # What they have chosen.

    async def chosen(self, who: PersonId) -> GuestTold | None:
        """What a guest has chosen; None if no node says so in time: a sign may be lost."""
        number = next(self._numbers)
        told = await self._asked_elsewhere(number, GuestAsked(who, number))
        return told if isinstance(told, GuestTold) else None

    async def reacted(self, who: PersonId, reaction: ReactionKey) -> str:
        """What a guest was called when they reacted so at another node; "" if none says so in time."""
        number = next(self._numbers)
        told = await self._asked_elsewhere(number, ReactionAsked(who, number, *reaction))
        return told.nick if isinstance(told, ReactionTold) else ""

    async def _asked_elsewhere(self, number: int, sign: GuestAsked | ReactionAsked) -> GuestTold | ReactionTold | None:
        """The first answer."""
        if self._nodes is None:
            return None
        done, told = self._asked[number] = trio.Event(), []
        try:
            self._nodes.signs.tell(sign)
            with trio.move_on_after(ASKED_SECONDS):
                await done.wait()
        finally:
            del self._asked[number]
        return told[0] if told else None

    def heard(self, told: GuestTold | ReactionTold) -> None:
        """A node says what a guest has chosen, or done."""
        if self._nodes is not None and told.to == self._nodes.number and told.number in self._asked:
            done, answers = self._asked[told.number]
            answers.append(told)
            done.set()


def person_here(directory: Directory[Room, Person[Occupant]], who: PersonId) -> Person[Occupant] | None:
    """Who this is at this node, by the id that they have among the nodes; None if they are not here."""
    person, nodes = directory.identified(who), directory.nodes
    if person is None and nodes is not None and who.startswith(f"{nodes.number}:"):
        # By a look at all who are here, as for an operator who puts one of them out: it is asked when something begins with them.
        person = next((one for one in directory.people if one.nick and person_id(one, nodes.number) == who), None)
    return person if person is not None and person.sessions else None
