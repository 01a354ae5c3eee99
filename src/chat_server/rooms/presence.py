"""Who came to a room and who left it since that was last announced, and in which words few enough.

Kept by person, not by name: nobody takes the place of one who left unseen. Pure; never knows when it is time to announce: members.py says that.
"""

from itertools import islice

from chat_server.protocol.events import Event, Joined, Left
from chat_server.rooms.room import Occupant

JOINS_NAMED_MAX = 3
"""Joins (or leaves) announced in a line each; more share one line that names two of them."""

Announcement = tuple[Event, tuple[Occupant, ...]]
"""What members will see, and who of them will not: the author, or who knows it already."""

_Movements = dict[Occupant, tuple[int, str]]
"""Who came or went: the how-manieth movement it was, and the nickname."""


class Presence:
    """Who came and went since it was last announced. Who came and went again is not worth a line."""

    def __init__(self, room: str) -> None:
        self._room = room
        self._count = 0
        self._joined: _Movements = {}
        self._left: _Movements = {}

    def __bool__(self) -> bool:
        return bool(self._joined or self._left)

    def joined(self, nick: str, session: Occupant) -> None:
        """Somebody has entered."""
        self._count += 1
        if self._left.get(session, (0, ""))[1] == nick:
            del self._left[session]
        else:
            self._joined[session] = (self._count, nick)

    def left(self, nick: str, session: Occupant) -> None:
        """Somebody has left."""
        self._count += 1
        if session in self._joined:
            del self._joined[session]
        else:
            self._left[session] = (self._count, nick)

    def replaced(self, old: Occupant, new: Occupant) -> None:
        """The same person is here on another connection; if their coming has not been announced yet, it still will be."""
        if old in self._joined:
            self._joined[new] = self._joined.pop(old)

    def take(self) -> list[Announcement]:
        """Return the announcements, and forget them. Who came later has seen for themselves who is here, and is not told."""
        joined, left = self._joined, self._left
        self._joined, self._left = {}, {}
        return self._announced(Left, left, joined) + self._announced(Joined, joined, joined)

    def _announced(self, kind: type[Joined | Left], people: _Movements, joined: _Movements) -> list[Announcement]:
        if len(people) <= JOINS_NAMED_MAX:
            return [(kind(self._room, (nick,)), _since(joined, when)) for when, nick in people.values()]
        nicks = tuple(nick for _, nick in islice(people.values(), 2))
        return [(kind(self._room, nicks, len(people) - 2), ())]


def _since(joined: _Movements, when: int) -> tuple[Occupant, ...]:
    """Those who came then or later; among a crowd nobody keeps count, and being told what one knows is no harm."""
    if len(joined) > JOINS_NAMED_MAX:
        return ()
    return tuple(session for session, (came, _) in joined.items() if came >= when)
