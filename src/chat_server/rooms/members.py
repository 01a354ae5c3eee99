"""Who is in a room: what changes, and what everybody is told, when somebody comes, goes, takes another name or comes back on another connection.

Only the room's broadcaster calls what is here, so it has one order. Where a step has failed, `..._anyway` does the least that keeps the books
right. Never knows how anybody is shown anything, nor how lines are stored.
"""

from itertools import islice
from math import inf

import trio

from chat_server.guard import Guard
from chat_server.journal import Journal
from chat_server.protocol.events import Entered, Renamed
from chat_server.protocol.names import same_name_key
from chat_server.rooms.audience import Audience
from chat_server.rooms.batch import Arrival, Succession
from chat_server.rooms.presence import Presence
from chat_server.rooms.recent_history import Past
from chat_server.rooms.room import Occupant

NAMED_ON_ENTERING_MAX = 20
"""Names shown on entering; /online shows all. Without a bound, 5000 people joining one room cost 12 million names."""

ANNOUNCE_GAP_PER_MEMBER = 0.02
"""Seconds between two announcements of joins and leaves, for each member. Telling one member costs 8 us, so announcing never costs a room
more than 0.04 % of a core; a room of ten waits 0.2 s at the most, and only after another announcement."""

ANNOUNCE_GAP_MAX = 2.0
"""Seconds between two announcements in the largest rooms."""

ARRIVALS_AT_ONCE = 16
"""Newcomers who are shown nothing of the past, taken in before others have their turn: 2 ms. A turn for each would cost a tenth of a join."""


class Members:
    """The members of one room."""

    def __init__(self, room: str, audience: Audience, past: Past, journal: Journal, guard: Guard) -> None:
        """Begin with nobody. Who comes is put into the audience; what they missed is in the past; how far they came is for the journal."""
        self._room = room
        self._audience = audience
        self._past = past
        self._journal = journal
        self._guard = guard
        self.nicks: dict[Occupant, str] = {}
        """The members, each with the nickname that the room has heard of."""
        self.timing: set[Occupant] = set()
        """Who wants their next line timed."""
        self.entered_at: dict[Occupant, int] = {}
        """Who has entered and does not know yet after which line."""
        self._arrived = 0  # newcomers since others had their turn
        self.presence = Presence(room)
        self._announced_at = -inf

    @property
    def announcement_due(self) -> float:
        """When who came and went may be announced."""
        return self._announced_at + min(len(self.nicks) * ANNOUNCE_GAP_PER_MEMBER, ANNOUNCE_GAP_MAX)

    def announce(self) -> None:
        """Tell who came and went since that was last told."""
        self._announced_at = trio.current_time()
        for event, excluded in self.presence.take():
            self._audience.put(event, excluded)

    def arrive(self, session: Occupant, nick: str, *, is_return: bool) -> bool:
        """Take somebody in, and show them what they missed, unless they ask for it by themselves.

        Returns whether others should have their turn now: after one who was shown something, or some who were not.
        """
        self._take_in(session, nick)
        self.presence.joined(nick, session)
        recalled = None
        if not is_return:
            recalled = self._past.recalled(same_name_key(nick), session.history, session.zone)
            if recalled is not None:
                self._audience.tell(session, recalled)
        self._remember(nick)
        self._arrived = 0 if recalled is not None else (self._arrived + 1) % ARRIVALS_AT_ONCE
        return not self._arrived

    def succeed(self, heir: Occupant, nick: str, ghost: Occupant) -> None:
        """Put the one in for the other, unseen by the rest."""
        if ghost not in self.nicks:  # it has been let go already
            self.arrive(heir, nick, is_return=True)
            return
        self._flush()
        self.timing.discard(ghost)
        self.entered_at.pop(ghost, None)
        known_as = self.nicks.pop(ghost)
        self._audience.remove(ghost, known_as)
        self._take_in(heir, nick)
        self.presence.replaced(ghost, heir)
        if known_as != nick:  # the ghost was lost while it changed its name
            self._audience.put(Renamed(known_as, nick, self._room))

    def depart(self, session: Occupant) -> None:
        """Let somebody go, after they were given what was said before."""
        self.timing.discard(session)
        self.entered_at.pop(session, None)
        if session in self.nicks:
            self._flush()
            nick = self.nicks.pop(session)
            self._audience.remove(session, nick)
            self.presence.left(nick, session)
            self._remember(nick)

    def rename(self, session: Occupant, renamed: Renamed) -> None:
        """Tell everybody of the new name, after who came and went before."""
        if self.presence:
            self.announce()
        self._audience.put(renamed)
        if session in self.nicks:
            self._audience.remove(session, self.nicks[session])
            self._admit(session, renamed.new)

    def changed(self, session: Occupant) -> None:
        """Somebody is shown things in another way from now on. It has no place in the room's order: what happens stays the same."""
        nick = self.nicks.get(session)
        if nick is not None:
            self._audience.remove(session, nick)
            self._audience.add(session, nick)

    def _flush(self) -> None:
        self._audience.flush(self._past.last_seq)

    def _take_in(self, session: Occupant, nick: str) -> None:
        self._flush()
        self._welcome(session, nick)

    def _welcome(self, session: Occupant, nick: str) -> None:
        """Make the session a member, and tell it where it is."""
        others = len(self.nicks)
        shown = tuple(islice(self.nicks.values(), NAMED_ON_ENTERING_MAX))
        self._admit(session, nick)
        last = self._past.last_seq
        self.entered_at[session] = last
        self._audience.tell(session, Entered(self._room, shown, others - len(shown), self._past.topic, last))

    def _admit(self, session: Occupant, nick: str) -> None:
        self.nicks[session] = nick
        self._audience.add(session, nick)

    def _remember(self, nick: str) -> None:
        person = same_name_key(nick)
        self._past.save_position(person)
        self._journal.save_position(self._room, person, self._past.last_seq)

    # When a step has failed.

    def rename_anyway(self, session: Occupant, renamed: Renamed) -> None:
        """Have everybody told of the new name, if that has not been done."""
        if session not in self.nicks or self.nicks[session] == renamed.new:
            return
        self.let_go(session)
        self._guard.attempt(self._admit, session, renamed.new)
        if not any(event is renamed for event in self._audience.events):
            self._audience.put(renamed)

    def arrive_anyway(self, session: Occupant, nick: str, what: Arrival | Succession) -> None:
        """Take somebody in who has not been taken in; who cannot be told where they are ends."""
        if isinstance(what, Succession):
            self.let_go(what.ghost)
        if session in self.entered_at:
            return
        if not self._guard.attempt(self._welcome, session, nick):
            self._guard.attempt(session.fail)
        elif isinstance(what, Succession):
            self._guard.attempt(self.presence.replaced, what.ghost, session)
        else:
            self._guard.attempt(self.presence.joined, nick, session)

    def depart_anyway(self, session: Occupant) -> None:
        """Let somebody go who has not been let go."""
        if session in self.nicks:
            self._guard.attempt(self.presence.left, self.nicks[session], session)
        self.let_go(session)

    def let_go(self, session: Occupant) -> None:
        """Take the session out of all books."""
        self.nicks.pop(session, None)
        self.entered_at.pop(session, None)
        self.timing.discard(session)
        self._audience.forget(session)
