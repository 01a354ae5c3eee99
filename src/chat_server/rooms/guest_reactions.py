"""Which reactions are a guest's, whatever they are called: what is stored of a reaction is the name alone, which may be another's by now.

A guest with a token has theirs also when they come back, and at other nodes (guests_elsewhere.py). Never knows what a reaction is about.
"""

from typing import Any

from chat_server.journal.happened import PersonId
from chat_server.rooms.person import NO_REACTIONS, Person, ReactionKey, Reactions, has_only_a_name

REACTED_MAX = 256
"""Reactions of a guest, the newest, of which it is known that they are theirs."""

GUESTS_MAX = 1000
"""Guests with a token, those that have reacted last, of whom it is known when they come back."""


class GuestReactions:
    """Those that were made at this node."""

    def __init__(self) -> None:
        """None yet."""
        self._kept: dict[PersonId, Reactions] = {}

    def note(self, person: Person[Any], reaction: ReactionKey, *, is_back: bool) -> None:
        """A guest has reacted, by the name that they have now, or has taken that back."""
        others = {one: name for one, name in person.reacted.items() if one != reaction}
        while len(others) >= REACTED_MAX:
            del others[next(iter(others))]
        person.reacted = others if is_back else others | {reaction: person.nick}
        if has_only_a_name(person):
            return
        self._kept.pop(person.sender, None)
        self._kept[person.sender] = person.reacted
        if len(self._kept) > GUESTS_MAX:
            del self._kept[next(iter(self._kept))]

    def taken_back(self, who: PersonId, person: Person[Any] | None, reaction: ReactionKey) -> None:
        """At another node a guest has taken that back, who may be here."""
        if reaction in self._kept.get(who, NO_REACTIONS):
            self._kept[who] = {one: name for one, name in self._kept[who].items() if one != reaction}
            if person is not None:
                person.reacted = self._kept[who]

    def of(self, who: PersonId) -> Reactions:
        """Those of a guest who comes by this token, or is here by it."""
        return self._kept.get(who, NO_REACTIONS)
