"""Who is in a room at which node and by which device, as its turns say; somebody is there from the first of those to the last.

Whatever order turns come in from elsewhere, a room gives them to this in their own. Pure; never knows sessions, nor what anybody is shown.
"""

from collections.abc import Iterable, Iterator

from msgspec import Struct

from chat_server.journal.happened import PersonId
from chat_server.journal.nodes import Called, Came, Elsewhere, Speaker, Went
from chat_server.protocol.stored_event import Author


class Known(Struct, frozen=True):
    """Who somebody is, at whatever node."""

    person: PersonId
    account: Author


class _Somebody:
    """Where somebody is: at which nodes and by which devices, and whether a bot is that."""

    __slots__ = ("account", "nick", "places")

    def __init__(self, nick: str, account: Author) -> None:
        self.nick = nick
        self.account = account
        self.places: dict[tuple[int, int], bool] = {}


class Roster:
    """The people of one room, at all nodes."""

    def __init__(self, people: Iterable[Elsewhere]) -> None:
        """Begin with these."""
        self._people: dict[PersonId, _Somebody] = {}
        self._by_nick: dict[str, PersonId] = {}
        self._followed: dict[
            PersonId, PersonId
        ] = {}  # who somebody is now that has an account, as long as both are listed
        for one in people:
            self.came(one.node, Came(one.person, one.device, one.nick, one.account, bot=one.bot))

    def __len__(self) -> int:
        """How many people there are."""
        return len(self._people) - len(self._followed)

    def __iter__(self) -> Iterator[tuple[Known, str]]:
        """All of them, each with their nickname."""
        for person, one in self._people.items():
            if person not in self._followed:
                yield Known(person, one.account), one.nick

    def nick(self, person: PersonId) -> str:
        """What somebody is called; "" if they are not there."""
        one = self._people.get(person)
        return one.nick if one else ""

    def account(self, person: PersonId) -> Author:
        """The number of somebody's account; 0 if they have none, or are not there."""
        one = self._people.get(person)
        return one.account if one else 0

    def has(self, node: int, who: Speaker) -> bool:
        """Whether somebody is there at a node, by a device."""
        one = self._people.get(who.person)
        return one is not None and (node, who.device) in one.places

    def at(self, node: int) -> set[Speaker]:
        """Who is there at a node, by which devices."""
        return {
            Speaker(person, device)
            for person, one in self._people.items()
            for where, device in one.places
            if where == node
        }

    def hears_elsewhere(self, person: PersonId, node: int) -> bool:
        """Whether somebody hears the room at another node than this, but for their bots."""
        one = self._people.get(person)
        return one is not None and any(where != node and not bot for (where, _), bot in one.places.items())

    def bots_elsewhere(self, person: PersonId, node: int) -> set[int]:
        """At which nodes but this one somebody is there by a bot."""
        one = self._people.get(person)
        return {where for (where, _), bot in one.places.items() if bot and where != node} if one is not None else set()

    # What turns say. Said again, it is harmless.

    def came(self, node: int, came: Came) -> bool:
        """Somebody is there at a node by a device. Returns whether they have been at none until now."""
        one = self._people.get(came.person)
        was = came.was or self._guest_called(came)
        before = self._people.get(was)
        is_first = one is None and before is None
        if one is None:
            one = self._people[came.person] = _Somebody(came.nick, came.account)
            self._by_nick[one.nick] = came.person
        if before:
            self._followed[was] = came.person
        one.places[node, came.device] = came.bot
        return is_first

    def _guest_called(self, came: Came) -> PersonId:
        """A guest with the name of an account whose holder has come: that is who the holder was, for nobody else could have it; "": there is none."""
        person = self._by_nick.get(came.nick, "") if came.account else ""
        return person if person and person != came.person and not self._people[person].account else ""

    def went(self, node: int, went: Went) -> bool:
        """Somebody is there at a node by a device no longer. Returns whether they are at none any more."""
        one = self._people.get(went.person)
        if one is None or one.places.pop((node, went.device), None) is None or one.places:
            return False
        del self._people[went.person]
        if self._by_nick.get(one.nick) == went.person:
            del self._by_nick[one.nick]
        is_last = self._followed.pop(went.person, None) is None
        for before in [before for before, after in self._followed.items() if after == went.person]:
            del self._followed[before]  # who is there without the account still is so
            is_last = False
        return is_last

    def called(self, called: Called) -> str:
        """Somebody has another nickname. Returns the one before; "" if they are not there, or have had it already."""
        one = self._people.get(called.person)
        if one is None or one.nick == called.nick:
            return ""
        before, one.nick = one.nick, called.nick
        if self._by_nick.get(before) == called.person:
            del self._by_nick[before]
        self._by_nick[called.nick] = called.person
        return before
