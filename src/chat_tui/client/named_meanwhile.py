"""What is told of lines that named the user while they were away: what is new since that was told last, and is not shown here anyway.

The server counts all that have not been read, after each login, before it shows what was missed. So that is told once all of this has come. Knows
what is known of the rooms; never knows how it is told.
"""

from collections.abc import Iterable

from chat_server.protocol.entries import Entry
from chat_server.protocol.events import Event, LoggedIn, RoomsListed
from chat_server.protocol.names import name_key
from chat_server.protocol.people_events import MentionsWaiting
from chat_tui.client.notifications import names, replies_to
from chat_tui.client.state import State


class NamedMeanwhile:
    """What has been told of one user on one server."""

    def __init__(self, state: State) -> None:
        self._state = state
        self._nick = ""
        self._told: dict[str, tuple[int, int]] = {}  # by room: the first that waited when it was told, and how many did
        self._waiting: MentionsWaiting | None = None
        self._has_come = False  # what was asked for after the login
        self._shown: dict[str, set[int]] = {}  # which lines that name the user have come since then, by room

    def take(self, event: Event, new: Iterable[Entry]) -> MentionsWaiting | None:
        """Take an event that the state has taken, with what is new in it. Returns what is to be told now, beside the event."""
        match event:
            case LoggedIn():
                self._log_in(event.nick)
            case MentionsWaiting():
                self._waiting = event
            case RoomsListed():  # asked for last
                self._has_come = True
        if not self._has_come:
            for line in new:
                if line.alerts and (names(self._nick, line.text) or replies_to(line, self._nick)):
                    self._shown.setdefault(name_key(line.room), set()).add(line.seq)
            return None
        waiting, self._waiting = self._waiting, None
        return waiting and self._untold(waiting)

    def _log_in(self, nick: str) -> None:
        if name_key(nick) != name_key(self._nick):
            self._told.clear()
        self._nick, self._waiting, self._has_come = nick, None, False
        self._shown.clear()

    def _untold(self, waiting: MentionsWaiting) -> MentionsWaiting | None:
        """Of what waits, what is to be told."""
        rooms = [(room, self._count(room, count, first), first) for room, count, first in waiting.rooms]
        self._told = {name_key(room): (first, count) for room, count, first in waiting.rooms}
        self._shown.clear()
        left = tuple(one for one in rooms if one[1] > 0)
        return MentionsWaiting(left) if left else None

    def _count(self, name: str, count: int, first: int) -> int:
        """How many of those in a room, from this one on, are to be told."""
        key, room = name_key(name), self._state.known(name)
        was_first, was = self._told.get(key, (0, 0))
        if room is not None and room.is_joined:
            is_shown = room.timeline.numbers.run_from(first - 1) >= room.since  # what comes after that is
            if is_shown or was_first == first:
                return 0
        return count - len(self._shown.get(key, ())) - (was if was_first == first else 0)
