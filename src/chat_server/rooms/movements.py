"""Who comes, goes and takes another name in one turn of this node's, worked out before the turn is stored: what its engine is told of them.

A person is there by a device from the first session of theirs that is there by it to the last; what sessions do beside that is no movement. Never
knows how turns are stored, nor what anybody is shown.
"""

from collections import Counter, deque
from collections.abc import Callable, Collection, Sequence

import trio
from msgspec import Struct

from chat_server.accounts import sender_of
from chat_server.journal.happened import PersonId
from chat_server.journal.nodes import Called, Came, Movement, Placed, Speaker, Went
from chat_server.protocol.entries import Entry
from chat_server.protocol.runs import SayRun
from chat_server.rooms.batch import (
    STORED_KINDS,
    Accepted,
    Acting,
    Answer,
    Arrival,
    Departure,
    InboxEntry,
    InboxItem,
    Renaming,
    Takeover,
    each_of,
    outcome_of,
)
from chat_server.rooms.room import Occupant
from chat_server.rooms.shared_members import SharedMembers, speaker_now


class Planned(Struct, frozen=True):
    """The movements of one turn."""

    placed: list[Placed]
    """All of them, as the engine is given them."""
    owed: list[Movement]
    """The first of them: what earlier turns could not store."""
    of: dict[trio.Event, list[Movement]]
    """The others, by what is set when that is done in which they are: an Arrival, a Departure, and so on."""
    stored_as: dict[Occupant, Speaker]
    """As whom the turns know sessions from then on."""
    speakers: frozenset[Speaker]
    """Who says something."""
    names: dict[PersonId, str]
    """Under which names they do, up to where the turn calls them otherwise; see Beside."""
    entries: Sequence[InboxEntry]
    """What the turn is of: whatever is said, under the name by which the room lists its author then, whatever they were called when they said it."""


class Planner:
    """Works out the movements of one turn."""

    def __init__(self, members: SharedMembers, holds_back: Callable[[PersonId], bool]) -> None:
        """Take who is there now. Of those whom `holds_back` is true of nobody is told that they go."""
        self._members = members
        self._holds_back = holds_back
        self._as: dict[Occupant, Speaker | None] = {}  # sessions that are there otherwise than they were
        self._more: Counter[Speaker] = Counter()  # how many more sessions, or fewer, there are than there were
        self._nicks: dict[PersonId, str] = {}
        self._called: set[PersonId] = set()
        self._names: dict[PersonId, str] = {}
        self._lines = 0
        self._placed: list[Placed] = []

    def plan(self, entries: Sequence[InboxEntry], *, owes: bool) -> Planned:
        """The movements in these entries; and, if there may be some that are owed, those."""
        if owes:
            self._settle_what_is_owed()
        owed = [placed.movement for placed in self._placed]
        of: dict[trio.Event, list[Movement]] = {}
        speaking: dict[Occupant, Speaker] = {}
        accepted: frozenset[Speaker] = frozenset()
        named = [*entries]
        for index, (session, nick, what, not_for) in enumerate(entries):
            if is_done_already(what):
                self._lines += 1
            elif type(what) in STORED_KINDS or type(what) is SayRun:
                who = speaking[session] = speaking.get(session) or speaker_now(session, self._members.node)
                if type(what) is Accepted:
                    accepted |= _author_of(what)
                if (name := self._name(who.person, nick)) != nick:
                    named[index] = session, name, what, not_for
                self._lines += len(what) if type(what) is SayRun else 1
            elif isinstance(what, Arrival | Takeover | Departure | Renaming):
                before = len(self._placed)
                if isinstance(what, Renaming):
                    self._rename(session, nick)
                else:
                    self._move(session, nick, what)
                if moved := self._placed[before:]:
                    of[what.done] = [placed.movement for placed in moved]
        stored_as = {session: known for session, known in self._as.items() if known is not None}
        return Planned(self._placed, owed, of, stored_as, accepted.union(speaking.values()), self._names, named)

    def _name(self, who: PersonId, nick: str) -> str:
        """Under which name somebody says something who is called `nick` at this node."""
        name = self._nick(who) or nick
        if who not in self._called:
            self._names[who] = name
        return name

    def _move(self, session: Occupant, nick: str, what: Arrival | Takeover | Departure) -> None:
        if isinstance(what, Departure):
            self._depart(session)
            return
        self._arrive(session, nick)
        for old in what.old if isinstance(what, Takeover) else ():
            self._depart(old)

    def _arrive(self, session: Occupant, nick: str) -> None:
        if self._known(session) is None:
            who = speaker_now(session, self._members.node)
            self._as[session] = who
            self._more[who] += 1
            if self._sessions(who) == 1:
                if not self._is_held_back(who):
                    self._place(Came(who.person, who.device, nick, session.person.account, bot=session.proof.is_bot))
                # They may be listed by a node that is no more, or has not heard of their name yet.
                if self._nick(who.person):
                    self._call(who.person, nick)
                else:
                    self._nicks[who.person] = nick

    def _depart(self, session: Occupant) -> None:
        who = self._known(session)
        if who is not None:
            self._as[session] = None
            self._more[who] -= 1
            if not self._sessions(who) and not self._holds_back(who.person):
                self._place(Went(who.person, who.device, has_read=not session.proof.is_bot))

    def _is_held_back(self, who: Speaker) -> bool:
        """Whether somebody who had gone from here is there still by the turns."""
        return self._holds_back(who.person) and self._members.roster.has(self._members.node, who)

    def _rename(self, session: Occupant, nick: str) -> None:
        coming = [other for other in self._as if other.person is session.person]
        for who in {
            known.person for other in (*self._members.here(session.person), *coming) if (known := self._known(other))
        }:
            self._call(who, nick)

    def _call(self, who: PersonId, nick: str) -> None:
        if self._nick(who) != nick:
            self._nicks[who] = nick
            self._called.add(who)
            self._place(Called(who, nick))

    def _nick(self, who: PersonId) -> str:
        """What somebody is called by then; "" if they are not there by the turns that are known."""
        return self._nicks.get(who, self._members.roster.nick(who))

    def _place(self, movement: Movement) -> None:
        self._placed.append(Placed(self._lines, movement))

    def _known(self, session: Occupant) -> Speaker | None:
        """As whom a session is there; None: it is not."""
        if session in self._as:
            return self._as[session]
        return self._members.speaker(session) if session in self._members else None

    def _sessions(self, who: Speaker) -> int:
        """How many there are of somebody by a device."""
        return self._members.sessions_by(who) + self._more[who]

    def _settle_what_is_owed(self) -> None:
        """Whoever has a session at this node and is not there by the turns has come; whoever is there by them without one has gone."""
        members = self._members
        there = members.roster.at(members.node)
        here: set[Speaker] = set()
        for session in members.sessions:
            was, now = members.speaker(session), speaker_now(session, members.node)
            if was != now:
                self._as[session] = now
                self._more[was] -= 1
                self._more[now] += 1
            if now not in there and now not in here:
                person = session.person
                before = was.person if was.person != now.person else ""
                self._place(Came(now.person, now.device, person.nick, person.account, before, session.proof.is_bot))
                if not self._nick(now.person):
                    self._nicks[now.person] = person.nick
            here.add(now)
        for who in sorted(there - here):
            if not self._holds_back(who.person):
                self._place(Went(who.person, who.device, has_read=False))


def is_done_already(what: InboxItem) -> bool:
    """Whether it is only to be said: then it makes no difference who may say something now."""
    return isinstance(what, Acting) and what.is_done


def not_said_by(entries: Sequence[InboxEntry], speakers: Collection[Speaker], node: int) -> Sequence[InboxEntry]:
    """The entries but for what these say."""
    return [entry for entry in entries if not is_said_by(entry, speakers, node)] if speakers else entries


def is_said_by(entry: InboxEntry, speakers: Collection[Speaker], node: int) -> bool:
    """Whether it is something that one of these says."""
    what = entry[2]
    if is_done_already(what):
        return False
    if type(what) is Accepted and not _author_of(what).isdisjoint(speakers):
        return True
    return not hasattr(what, "done") and speaker_now(entry[0], node) in speakers


def _author_of(accepted: Accepted) -> frozenset[Speaker]:
    """Who says what was held, if they have an account: it may have ended."""
    account = accepted.entry.author
    return frozenset((Speaker(sender_of(account), 0),)) if account else frozenset()


def with_refused(
    room: str,
    entries: Sequence[InboxEntry],
    stored: Sequence[Entry | None],
    answers: deque[Answer],
    refused: tuple[Collection[Speaker], int],
) -> tuple[Sequence[Entry | None], deque[Answer], bool]:
    """What became of the entries, where this is stored, and these are the answers, of those that others than these speakers of a node say.

    See Broadcaster._store.
    """
    left = iter(stored)
    lines = [entry for entry in each_of(entries) if type(entry[2]) in STORED_KINDS]
    all_stored = [None if is_said_by(entry, *refused) else next(left) for entry in lines]
    _, more = outcome_of(room, [entry for entry in entries if is_said_by(entry, *refused)], ())
    return all_stored, answers + more, False
