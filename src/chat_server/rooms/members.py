"""Who is in a room: what changes, and what everybody is told, when somebody comes, goes, takes another name or comes back on another connection.

Somebody is here as long as one of their sessions is. Only the room's broadcaster calls what is here (but `changed`), so it has one order. Where a
step has failed, `..._anyway` does the least that keeps the books right. Never knows how anybody is shown anything, nor how lines are stored.
"""

import time
from collections.abc import Collection, Iterator, Sequence
from functools import partial
from itertools import islice
from math import inf
from typing import Any

import trio
from msgspec.structs import replace

from chat_server.accounts import sender_of
from chat_server.guard import Guard
from chat_server.protocol.events import Entered, Joined, Left, Renamed
from chat_server.rooms.audience import Audience
from chat_server.rooms.batch import Arrival, Takeover
from chat_server.rooms.blocking import shown_to
from chat_server.rooms.directory import Directory
from chat_server.rooms.person import Person
from chat_server.rooms.presence import Presence, Somebody
from chat_server.rooms.recent_history import RecentHistory
from chat_server.rooms.room import Occupant, Room
from chat_server.rooms.taking_back import LinesOfGuests

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

    def __init__(
        self,
        room: str,
        audience: Audience,
        past: RecentHistory,
        directory: Directory[Room, Person[Occupant]],
        guard: Guard,
    ) -> None:
        """Begin with nobody. Sessions that come are put into `audience`; what they missed is in `past`, how far they came in `directory.journal`."""
        self.room = room
        self._audience = audience
        self._history = past
        self._directory = directory
        self._guests = directory.guests
        self._guard = guard
        self.nicks: dict[Person[Occupant], str] = {}
        """Who is here, each with the nickname that the room has heard of."""
        self._here: dict[Person[Occupant], tuple[Occupant, ...]] = {}  # by which of their sessions
        self.timing: set[Occupant] = set()  # who wants their next line timed
        self.entered_at: dict[Occupant, int] = {}
        """After which line those sessions have entered that have not been told yet."""
        self.own = LinesOfGuests(self.nicks)
        """What was said by guests who are here."""
        self._hears_from: dict[Occupant, int] = {}  # from which number on each session has been shown everything
        self._arrived = 0  # newcomers since others had their turn
        self.presence = Presence(room, self._guests)
        self._announced_at = -inf

    def __contains__(self, session: Occupant) -> bool:
        return session in self._here.get(session.person, ())

    @property
    def hushed(self) -> Collection[Occupant]:
        """Those that are shown nothing more, and leave."""
        return self._audience.hushed

    def hush(self, session: Occupant) -> None:
        """Show a session nothing more after what has happened until now, nor let its person read by it; it is about to leave."""
        self._flush()
        self._hears_from.pop(session, None)
        self._audience.hush(session, self.nicks[session.person])

    @property
    def sessions(self) -> list[Occupant]:
        """The sessions that are here."""
        return [session for sessions in self._here.values() for session in sessions]

    @property
    def population(self) -> int:
        """How many people are here."""
        return len(self.nicks)

    @property
    def people(self) -> Iterator[tuple[Somebody, str]]:
        """All of them, each with their nickname."""
        return iter(self.nicks.items())

    def others(self, session: Occupant, most: int | None = None) -> Sequence[tuple[Somebody, str]]:
        """Who is here besides the session's person, each with their nickname; so many of them, if there are more."""
        own, looked_at = session.person, None if most is None else most + 1
        return [other for other in islice(self.nicks.items(), looked_at) if other[0] is not own][:most]

    def reads_from(self, person: Person[Occupant]) -> int:
        """From which number on somebody reads what was said: as their role has it, or since they are here. The one place where that is worked out."""
        state = self._history.gate.state
        if not (state.rules or state.bounds or state.floor):
            return 0
        here = [self._hears_from[session] for session in self._here.get(person, ()) if session in self._hears_from]
        return min([state.reads_from(person.account), *here])

    @property
    def announcement_due(self) -> float:
        """When who came and went may be announced."""
        return self._announced_at + min(len(self._audience) * ANNOUNCE_GAP_PER_MEMBER, ANNOUNCE_GAP_MAX)

    def announce(self) -> None:
        """Tell who came and went since that was last told."""
        self._announced_at = trio.current_time()
        for event, excluded in self.presence.take():
            self._audience.put(event, excluded)

    def arrive(self, session: Occupant, nick: str, *, is_return: bool) -> bool:
        """Take a session in under the name that it had when it came, and show it what its person missed, unless it asks for that by itself.

        Returns whether others should have their turn now: after one who was shown something, or some who were not.
        """
        person = session.person
        is_first = person not in self.nicks
        is_heard = session.proof.is_bot or self._hears(person)
        nick = self._known_nick(person, nick)
        known_as = person.known_as(nick)
        self._flush()
        self._welcome(session, nick)
        self._note_arrival(session, nick, is_first=is_first)
        recalled = None
        if not is_return:
            # Who hears the room by another session has missed nothing: this one is shown what a newcomer is. A bot hears it for nobody.
            missed_as = "" if is_heard else known_as
            recalled = self._history.recalled(missed_as, person.history, person.zone, self.reads_from(person))
            if recalled is not None:
                recalled = replace(recalled, lines=self._guests.on(recalled.lines))
                self._audience.tell(session, shown_to(person.blocks, recalled))
        self._remember(session, known_as)
        self._arrived = 0 if recalled is not None else (self._arrived + 1) % ARRIVALS_AT_ONCE
        return not self._arrived

    def has_account(self, account: int) -> bool:
        """Whether an account is here, at whatever node."""
        return self._directory.identified(sender_of(account)) in self.nicks

    def hears(self, account: int) -> bool:
        """Whether an account's person hears the room, at whatever node: a bot hears it for nobody."""
        return self._hears(self._directory.identified(sender_of(account)))

    def lists(self, _: Person[Occupant]) -> bool:
        """Whether somebody is here by what other nodes know."""
        return False

    def is_noted(self, _: Person[Occupant]) -> bool:
        """Whether everybody has been told already that somebody who is here has an account."""
        return False

    def _hears(self, person: Person[Occupant] | None) -> bool:
        """Whether somebody hears the room already, but for their bots."""
        return person is not None and any(not other.proof.is_bot for other in self._here.get(person, ()))

    def _known_nick(self, person: Person[Occupant], nick: str) -> str:
        """The nickname by which the room knows somebody; the given one if they are not here."""
        return self.nicks.get(person, nick)

    def take_over(self, old: Collection[Occupant], new: Occupant, nick: str) -> None:
        """Put one session in for others of the same person, unseen by the rest."""
        here = [session for session in old if session in self]
        if not here:  # they have been let go already
            self.arrive(new, nick, is_return=True)
            return
        self._flush()
        nick = self.nicks[new.person]
        since = [self._hears_from[session] for session in here if session in self._hears_from]
        for session in here:
            self._audience.remove(session, nick)
            self.let_go(session)
        self._welcome(new, nick)
        self._hears_from[new] = min([self._hears_from[new], *since])
        self.presence.came(new)

    def depart(self, session: Occupant) -> None:
        """Let a session go, after it was given what was said before."""
        if session not in self:
            self.let_go(session)
            return
        self._flush()
        nick = self.nicks[session.person]
        self._audience.remove(session, nick)
        self.let_go(session)
        self._note_departure(session, nick)
        self._remember(session, session.person.known_as(nick))

    def rename(self, person: Person[Occupant], nick: str) -> None:
        """Tell everybody of somebody's new name, after who came and went before."""
        if (known := self.nicks.get(person)) is None or known == nick:
            return
        if self.presence:
            self.announce()
        self._audience.put(Renamed(known, nick, self.room, self._guests.mark(person)))
        self._call(person, nick)

    def _call(self, person: Person[Occupant], nick: str) -> None:
        """Know somebody who is here by another name: lines with it are shown to them in another way, and no longer those with the one before."""
        known = self.nicks[person]
        self._know_as(person, nick)
        for session in self._here[person]:
            self._audience.remove(session, known)
            self._audience.add(session, nick)

    def _know_as(self, person: Person[Occupant], nick: str) -> None:
        """Somebody is here under this name: if they were not before, nothing of what was said until now is theirs by it."""
        before, self.nicks[person] = self.nicks.get(person), nick
        self.own.know_as(person, nick, before, self._history.last_seq)

    def changed(self, session: Occupant) -> None:
        """A session is shown things in another way from now on. It has no place in the room's order: what happens stays the same."""
        if session in self:
            nick = self.nicks[session.person]
            self._audience.remove(session, nick)
            self._audience.add(session, nick)

    def _flush(self) -> None:
        self._audience.flush(self._history.last_seq)

    def _welcome(self, session: Occupant, nick: str) -> None:
        """Make the session a member, and tell it where it is."""
        person = session.person
        self._know_as(person, nick)
        here, all_sessions = (*self._here.get(person, ()), session), person.sessions
        self._here[person] = all_sessions if all_sessions == here else here  # mostly one value does for both
        self._audience.add(session, nick)
        self.entered_at[session] = self._history.last_seq
        self._hears_from[session] = self._history.last_seq + 1
        self._audience.tell(session, self.where_it_is(session))

    def where_it_is(self, session: Occupant) -> Entered:
        """What a session is told that enters: where it is, and who else is."""
        shown = self.others(session, NAMED_ON_ENTERING_MAX)
        return Entered(
            self.room,
            more=self.population - 1 - len(shown),
            topic=self._history.topic,
            last=self._history.last_seq,
            guest=self._guests.mark(session.person),
            id=self._history.room_id,
            **_named(shown, self._directory),
            **self._history.gate.told(session, time.time(), self._directory.accounts.names.name_of),
        )

    def _note_arrival(self, session: Occupant, nick: str, *, is_first: bool) -> None:
        """Have it announced if it is the person's first session here; see that those hear of it to whom it will not be announced."""
        if is_first:
            self._joined(session.person, nick, session)
        else:
            self.presence.came(session)

    def _note_departure(self, session: Occupant, nick: str) -> None:
        """The same, if it was the last."""
        if session.person not in self.nicks:
            self._left(session.person, nick)

    def _joined(self, who: Somebody, nick: str, session: Occupant | None) -> None:
        if told := self.presence.joined(who, nick, session):
            self._flush()
            self._audience.show_alone(told, Joined(self.room, (nick,), guests=self._guests.among([(who, nick)])))

    def _left(self, who: Somebody, nick: str) -> None:
        if told := self.presence.left(who, nick):
            self._flush()
            self._audience.show_alone(told, Left(self.room, (nick,), guests=self._guests.among([(who, nick)])))

    def _remember(self, session: Occupant, known_as: str) -> None:
        if not session.proof.is_bot:
            self._history.save_position(known_as)
            self._directory.journal.save_position(self.room, known_as, self._history.last_seq)

    # When a step has failed.

    def rename_anyway(self, person: Person[Occupant], nick: str) -> None:
        """Have everybody told of the new name, if that has not been done, and lines that name it shown to whom they should be."""
        if (known := self.nicks.get(person)) is None:
            return
        if known != nick:
            self._know_as(person, nick)
            self._audience.put(Renamed(known, nick, self.room, self._guests.mark(person)))
        for session in self._here[person]:
            self._audience.forget(session)
            if not self._guard.attempt(self._audience.add, session, nick):
                self._guard.attempt(session.fail)

    def arrive_anyway(self, session: Occupant, nick: str, what: Arrival | Takeover) -> None:
        """Take a session in that has not been taken in; who cannot be told where they are ends."""
        nick = self._known_nick(session.person, nick)
        old = what.old if isinstance(what, Takeover) else ()
        for other in old:
            self.forget(other)
        if session in self.entered_at:
            return
        self.forget(session)
        is_first = not old and session.person not in self.nicks
        if self._guard.attempt(self._welcome, session, nick):
            self._guard.attempt(partial(self._note_arrival, session, nick, is_first=is_first))
        else:
            self._guard.attempt(session.fail)

    def depart_anyway(self, session: Occupant) -> None:
        """Let a session go that has not been let go."""
        nick = self.nicks.get(session.person, "")
        was_here = session in self
        self.forget(session)
        if was_here:
            self._guard.attempt(self._note_departure, session, nick)

    def forget(self, session: Occupant) -> None:
        """Take the session out of all books, the audience's too."""
        self.let_go(session)
        self._audience.forget(session)

    def let_go(self, session: Occupant) -> None:
        """Count the session no longer, nor its person if it was the last one here."""
        self.timing.discard(session)
        self.entered_at.pop(session, None)
        self._hears_from.pop(session, None)
        self._audience.hushed.discard(session)
        self.presence.went(session)
        left = tuple(other for other in self._here.pop(session.person, ()) if other is not session)
        if left:
            self._here[session.person] = left
        else:
            self.nicks.pop(session.person, None)
            self.own.went(session.person)


def _named(people: Sequence[tuple[Somebody, str]], directory: Directory[Room, Person[Occupant]]) -> dict[str, Any]:
    """What is told of some people in a room."""
    nicks, guests = tuple([nick for _, nick in people]), directory.guests.among(people)
    away = directory.away.among(people)
    return {"nicks": nicks, "guests": guests, "away": away.nicks, "reasons": away.reasons}
