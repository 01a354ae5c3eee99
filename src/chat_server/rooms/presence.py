"""Who came to a room and who left it since that was last announced, and in which words few enough.

Kept by person, not by name: nobody takes the place of one who left unseen. Somebody comes with the first of their sessions, and leaves with the
last. Pure; never knows when it is time to announce: members.py says that.
"""

from collections.abc import Hashable
from itertools import islice
from typing import Protocol

from chat_server.protocol.events import Event, Joined, Left
from chat_server.rooms.guests import GuestMarks
from chat_server.rooms.room import Occupant

JOINS_NAMED_MAX = 3
"""Joins (or leaves) announced in a line each; more share one line that names two of them."""

TOLD_AT_ONCE_MAX = 16
"""Sessions that are told by themselves of what is announced to nobody else; where more have just come, a crowd has, and nobody keeps count."""

Announcement = tuple[Event, tuple[Occupant, ...]]
"""What members will see, and which of them will not: those who know it already."""


class Somebody(Hashable, Protocol):
    """A person, as far as it matters here: the same one is equal."""

    @property
    def account(self) -> int:
        """The number of their account; 0 for somebody who has none."""


_Movements = dict[Somebody, tuple[int, str]]
"""Who came or went: the number of the movement, counted from the first, and the nickname."""


class Presence:
    """Who came and went since it was last announced. Who came and went again is not worth a line, but to those who came in between."""

    def __init__(self, room: str, guests: GuestMarks) -> None:
        self.room = room
        self._guests = guests
        self._count = 0
        self._joined: _Movements = {}
        self._left: _Movements = {}
        self._came: dict[Occupant, int] = {}  # sessions that have seen for themselves who is here: after which movement

    def __bool__(self) -> bool:
        return bool(self._joined or self._left)

    def joined(self, who: Somebody, nick: str, session: Occupant | None) -> tuple[Occupant, ...]:
        """Somebody has entered, by their first session (None: that is at another node).

        Returns who is to be told that at once, for it will not be announced.
        """
        self._count += 1
        seen: tuple[Occupant, ...] = ()
        if self._left.get(who, (0, ""))[1] == nick:
            when, _ = self._left.pop(who)
            seen = _few(_since(self._came, when))
        else:
            self._joined[who] = (self._count, nick)
        if session is not None:
            self.came(session)
        return seen

    def came(self, session: Occupant) -> None:
        """A session has been told who is here: what happened before need not be announced to it."""
        if self._joined or self._left:
            self._came[session] = self._count

    def went(self, session: Occupant) -> None:
        """A session has left; if it was the person's last, that is for `left` to say, after this."""
        self._came.pop(session, None)

    def left(self, who: Somebody, nick: str) -> tuple[Occupant, ...]:
        """Somebody has left, by their last session. Returns who is to be told that at once, for it will not be announced."""
        self._count += 1
        if who in self._joined:
            when, _ = self._joined.pop(who)
            return _few(_since(self._came, when))
        self._left[who] = (self._count, nick)
        return ()

    def take(self) -> list[Announcement]:
        """Return the announcements, and forget them. Those who came later have seen who is here, and are not told."""
        joined, left, came = self._joined, self._left, self._came
        self._joined, self._left, self._came = {}, {}, {}
        if len(joined) > JOINS_NAMED_MAX:  # among a crowd nobody keeps count, and being told what one knows is no harm
            came = {}
        return self._announced(Left, left, came) + self._announced(Joined, joined, came)

    def _announced(
        self, kind: type[Joined | Left], people: _Movements, came: dict[Occupant, int]
    ) -> list[Announcement]:
        if len(people) <= JOINS_NAMED_MAX:
            return [
                (kind(self.room, (nick,), guests=self._guests.among([(person, nick)])), _since(came, when))
                for person, (when, nick) in people.items()
            ]
        named = [(person, nick) for person, (_, nick) in islice(people.items(), 2)]
        nicks = tuple(nick for _, nick in named)
        return [(kind(self.room, nicks, len(people) - 2, self._guests.among(named)), ())]


def _since(came: dict[Occupant, int], when: int) -> tuple[Occupant, ...]:
    """The sessions that came with a movement or after it."""
    return tuple(session for session, count in came.items() if count >= when)


def _few(sessions: tuple[Occupant, ...]) -> tuple[Occupant, ...]:
    return sessions if len(sessions) <= TOLD_AT_ONCE_MAX else ()
