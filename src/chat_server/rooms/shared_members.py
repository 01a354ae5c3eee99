"""Who is in a room of several nodes: those with sessions here, and those who are elsewhere.

Who is there, and what everybody is told of it, follows from the room's turns, this node's own with the others'; which sessions are shown things,
from what they do here. So every node tells the same in the same order. Never knows how turns are stored, nor when they come.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import islice
from typing import assert_never

from chat_server.accounts import sender_of
from chat_server.guard import Guard
from chat_server.journal.happened import PersonId
from chat_server.journal.nodes import Called, Came, Elsewhere, Movement, Speaker, Went
from chat_server.protocol.events import Renamed
from chat_server.protocol.names import name_key
from chat_server.protocol.room_events import AccountNoted
from chat_server.rooms.audience import Audience
from chat_server.rooms.directory import Directory
from chat_server.rooms.members import Members
from chat_server.rooms.person import Person, person_id
from chat_server.rooms.presence import Somebody
from chat_server.rooms.recent_history import RecentHistory
from chat_server.rooms.room import Occupant, Room
from chat_server.rooms.roster import Known, Roster


class SharedMembers(Members):
    """The members of one room at one node, among all who are there."""

    def __init__(
        self,
        room: str,
        audience: Audience,
        past: RecentHistory,
        directory: Directory[Room, Person[Occupant]],
        guard: Guard,
        *,
        node: int,
        people: Iterable[Elsewhere],
    ) -> None:
        """Begin with nobody at this node, where these people are there."""
        super().__init__(room, audience, past, directory, guard)
        self.node = node
        self.roster = Roster(people)
        """Who is there."""
        self._stored_as: dict[Occupant, Speaker] = {}  # each session that is here
        self._to_come: Mapping[Occupant, Speaker] = {}
        self._sessions_of: dict[PersonId, set[Occupant]] = {}  # by whom the turns know
        self.misnamed: set[Person[Occupant]] = set()
        """Who is called otherwise in the room than at this node, which may be about to hear of it, or to tell it."""

    @property
    def population(self) -> int:
        """How many people are there."""
        return len(self.roster)

    @property
    def people(self) -> Iterator[tuple[Somebody, str]]:
        """All of them, each with their nickname."""
        return iter(self.roster)

    def others(self, session: Occupant, most: int | None = None) -> Sequence[tuple[Somebody, str]]:
        """Who is there besides the session's person, each with their nickname; so many of them, if there are more."""
        own, looked_at = self.speaker(session).person, None if most is None else most + 1
        return [other for other in islice(self.roster, looked_at) if other[0].person != own][:most]

    def speaker(self, session: Occupant) -> Speaker:
        """As whom the turns know a session; one that is not here: as whom they would."""
        return self._stored_as.get(session) or self._to_come.get(session) or speaker_now(session, self.node)

    def is_listed_here(self, session: Occupant) -> bool:
        """Whether the turns have a session here."""
        return self.roster.has(self.node, self.speaker(session))

    def here(self, person: Person[Occupant]) -> tuple[Occupant, ...]:
        """Somebody's sessions that are here."""
        return self._here.get(person, ())

    def _hears(self, person: Person[Occupant] | None) -> bool:
        if person is None:
            return False
        return super()._hears(person) or self.roster.hears_elsewhere(person_id(person, self.node), self.node)

    def _known_nick(self, person: Person[Occupant], nick: str) -> str:
        return self.roster.nick(person_id(person, self.node)) or super()._known_nick(person, nick)

    def has_account(self, account: int) -> bool:
        """Whether an account is there by the turns that have been taken in."""
        return bool(self.roster.nick(sender_of(account)))

    def hears(self, account: int) -> bool:
        """Whether an account's person hears the room, at whatever node."""
        return super().hears(account) or self.roster.hears_elsewhere(sender_of(account), self.node)

    def lists(self, person: Person[Occupant]) -> bool:
        """Whether somebody is there by the turns that have been taken in."""
        return bool(self.roster.nick(person_id(person, self.node)))

    # What turns say.

    def known_as(self, stored_as: Mapping[Occupant, Speaker]) -> None:
        """The turns know these sessions so from now on: those that are here, and those that come in the turn that is being taken in."""
        for session, who in stored_as.items():
            if session in self._stored_as:
                self._uncount(session)
                self._count(session, who)
        self._to_come = stored_as

    def sessions_by(self, who: Speaker) -> int:
        """How many sessions are here of somebody by a device."""
        return sum(self._stored_as[session] == who for session in self._sessions_of.get(who.person, ()))

    def _count(self, session: Occupant, who: Speaker) -> None:
        self._stored_as[session] = who
        self._sessions_of.setdefault(who.person, set()).add(session)

    def _uncount(self, session: Occupant) -> None:
        who = self._stored_as.pop(session, None)
        if who is not None:
            self._sessions_of[who.person].remove(session)
            if not self._sessions_of[who.person]:
                del self._sessions_of[who.person]

    def take(self, node: int, movement: Movement, session: Occupant | None = None) -> None:
        """Take a movement in, and have everybody told of it; `session` is whose it is, if that is known."""
        match movement:
            case Came():
                self._came(node, movement, session)
                if self._directory.guest_blocks and not movement.account:
                    self._directory.guest_blocks.seen(movement.person, self.roster.nick(movement.person))
            case Went():
                nick, account = self.roster.nick(movement.person), self.roster.account(movement.person)
                is_last = self.roster.went(node, movement)
                if node != self.node and nick and movement.has_read:
                    self._has_read(movement.person, account, nick)
                if is_last:
                    self._left(Known(movement.person, account), nick)
            case Called():
                self._called(movement)
            case _:
                assert_never(movement)

    def take_misnamed(self) -> list[Occupant]:
        """A session of each who still is."""
        misnamed, self.misnamed = self.misnamed, set()
        return [sessions[0] for one in misnamed if (sessions := self.here(one)) and one.nick != self.nicks[one]]

    def is_called_otherwise(self, session: Occupant, nick: str, moves: Iterable[Movement]) -> bool:
        """Whether somebody who has just come by these is listed by another name: elsewhere, which was not known when the turn was stored.

        They are called by their own before they say anything.
        """
        return any(isinstance(move, Came) for move in moves) and self.nicks.get(session.person, nick) != nick

    def become(self, people: Iterable[Elsewhere]) -> None:
        """These are there, whatever was known of them; everybody is told who has come, who has gone, and who is called otherwise."""
        before, self.roster = dict(self.roster), Roster(people)
        now = dict(self.roster)
        for who, nick in before.items():
            if who not in now:
                self._left(who, nick)
        for who, nick in now.items():
            if who not in before:
                self._joined(who, nick, None)
            elif before[who] != nick:
                self._renamed(who, before[who], nick)

    def _came(self, node: int, came: Came, session: Occupant | None) -> None:
        is_new, called_before = not self.roster.nick(came.person), self.roster.nick(came.was)
        is_first = self.roster.came(node, came)
        nick = self.roster.nick(came.person)
        if node != self.node and not came.bot:
            self._has_read(came.person, came.account, nick)
        if is_first:
            self._joined(Known(came.person, came.account), nick, session)
        elif is_new:
            self._goes_on_as(came, nick, called_before)
            if node != self.node and not self._is_here(came.account):
                self._audience.put(AccountNoted(self.room, (nick,)))
        if session is None and node == self.node:
            self._call_everywhere(came.person, nick)

    def _goes_on_as(self, came: Came, nick: str, before: str) -> None:
        """Somebody has an account now, and perhaps another name by it."""
        if self.presence:
            self.announce()  # who came or went is known otherwise from now on
        if before and before != nick:
            who = Known(came.person, came.account)
            self._audience.put(Renamed(before, nick, self.room, self._guests.mark(who)))

    def _is_here(self, account: int) -> bool:
        """Whether an account's person is here, so that everybody has been told already that they have it."""
        return any(person.account == account for person in self.nicks)

    def is_noted(self, person: Person[Occupant]) -> bool:
        """Whether a turn of another node has said already that somebody who is here has an account."""
        return bool(self.roster.nick(sender_of(person.account)))

    def _called(self, called: Called) -> None:
        before = self.roster.called(called)
        if before:
            self._renamed(Known(called.person, self.roster.account(called.person)), before, called.nick)

    def _renamed(self, who: Known, before: str, nick: str) -> None:
        if self.presence:
            self.announce()
        if self._directory.guest_blocks and not who.account:
            self._directory.guest_blocks.seen(who.person, nick)
        self._audience.put(Renamed(before, nick, self.room, self._guests.mark(who)))
        self._call_everywhere(who.person, nick)

    def _call_everywhere(self, who: PersonId, nick: str) -> None:
        for person in {session.person for session in self._sessions_of.get(who, ())}:
            self._call(person, nick)

    def _call(self, person: Person[Occupant], nick: str) -> None:
        if person.nick != nick:
            self.misnamed.add(person)
        super()._call(person, nick)

    def _has_read(self, person: PersonId, account: int, nick: str) -> None:
        """Somebody has come as far as the room, at another node."""
        self._history.save_position(person if account else name_key(nick))

    # What sessions do: nobody else is told of it.

    def rename(self, person: Person[Occupant], nick: str) -> None:
        """The turn has said so already."""

    def rename_anyway(self, person: Person[Occupant], nick: str) -> None:
        """Have lines shown as they should be to somebody of whom that is not sure."""
        nick = self._known_nick(person, nick)
        for session in self._here.get(person, ()):
            self._know_as(person, nick)
            self._audience.forget(session)
            if not self._guard.attempt(self._audience.add, session, nick):
                self._guard.attempt(session.fail)

    def _note_arrival(self, session: Occupant, nick: str, *, is_first: bool) -> None:
        del nick, is_first
        self.presence.came(session)

    def _note_departure(self, session: Occupant, nick: str) -> None:
        pass

    def _welcome(self, session: Occupant, nick: str) -> None:
        self._count(session, self.speaker(session))
        if session.nick != nick:
            self.misnamed.add(session.person)
        super()._welcome(session, nick)

    def let_go(self, session: Occupant) -> None:
        """Count the session no longer."""
        self._uncount(session)
        super().let_go(session)


def speaker_now(session: Occupant, node: int) -> Speaker:
    """As whom the turns know what a session does now."""
    return Speaker(person_id(session.person, node), session.proof.device)
