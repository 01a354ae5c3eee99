"""Who is here under which name: no name is held by two people, nor are two names that count as the same, or look alike.

People are nothing here but what has a name. Never knows how a name is asked for.
"""

from typing import Generic, TypeVar

from chat_server.accounts.look_alikes import difference, skeleton
from chat_server.protocol.events import Refused
from chat_server.protocol.names import name_key

P = TypeVar("P")


class HeldNames(Generic[P]):
    """The names of those who are here. Somebody who changes theirs has two until all have been told."""

    def __init__(self) -> None:
        self.holders: dict[str, P] = {}
        """Who has the name with this key. To be read only."""
        self._nicks: dict[str, str] = {}
        self._by_skeleton: dict[str, tuple[str, ...]] = {}  # sets took 170 bytes more for each who is there

    def claim(self, nick: str, person: P) -> Refused | None:
        """Give the name to this person. Return why not, if somebody else has it, or one that counts as the same or looks like it."""
        key, shape = name_key(nick), skeleton(nick)
        if self.holders.get(key, person) is not person:
            return Refused("name-taken", {"nick": nick})
        for other in self._by_skeleton.get(shape, ()):
            if self.holders[other] is not person:
                return Refused("name-like-another", difference(nick, self._nicks[other]))
        self._take_back(key)  # it may have been written otherwise
        self.holders[key], self._nicks[key] = person, nick
        self._by_skeleton[shape] = (*self._by_skeleton.get(shape, ()), key)
        return None

    def written(self, key: str) -> str:
        """A name that somebody has, as they write it, by its key."""
        return self._nicks[key]

    def release(self, nick: str, person: object) -> None:
        """Take the name back, if this person has it."""
        key = name_key(nick)
        if self.holders.get(key) is person:
            self._take_back(key)

    def release_all(self, person: object) -> None:
        """Take back whatever this person has."""
        for key in [key for key, other in self.holders.items() if other is person]:
            self._take_back(key)

    def _take_back(self, key: str) -> None:
        if self.holders.pop(key, None) is None:
            return
        shape = skeleton(self._nicks.pop(key))
        alike = tuple(other for other in self._by_skeleton.pop(shape) if other != key)
        if alike:
            self._by_skeleton[shape] = alike
