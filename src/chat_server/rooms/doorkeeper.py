"""What follows from a line that changes who may be in a room: whoever may not be there any more is put out, whoever is invited is told.

That happens with the line, and before the next one: nobody is shown what was said after they were no longer to hear it, nor reads it. Never knows
how lines are stored.
"""

import time
from collections.abc import Iterable
from functools import partial

from chat_server.accounts import sender_of
from chat_server.guard import Guard
from chat_server.protocol.acts import Banned, Kicked, MemberInvited, RoleGiven, RuleSet
from chat_server.protocol.entries import Entry
from chat_server.protocol.names import name_key
from chat_server.protocol.room_events import InvitedTo, NoMember
from chat_server.protocol.runs import Piece, SaidRun
from chat_server.protocol.stored_event import span_of
from chat_server.rooms.members import Members
from chat_server.rooms.person import Person, has_only_a_name
from chat_server.rooms.recent_history import RecentHistory
from chat_server.rooms.room import Occupant, Room

_WHO_MAY_BE_HERE = frozenset(("access", "guests"))
"""The rules that say who may be in a room."""


class Doorkeeper:
    """The doorkeeper of one room."""

    def __init__(self, room: Room, members: Members, history: RecentHistory, guard: Guard) -> None:
        self._room = room
        self._members = members
        self._history = history
        self._guard = guard
        self.is_to_look = False
        """Whether somebody may have to be put out of whom nothing is known yet."""

    def note(self, line: Piece) -> None:
        """A line has been added to what members will see; what it changes is known."""
        if type(line) is SaidRun or not line.changes_rights:
            return
        # If something goes wrong in between, all are looked at by the next turn.
        was_to_look, self.is_to_look = self.is_to_look, True
        self._look_at(self._concerned(line))
        self.is_to_look = was_to_look
        if isinstance(line, MemberInvited):
            self._tell_invited(line)

    def _concerned(self, line: Entry) -> Iterable[Occupant]:
        """Who may be here no more because of this: of most lines that change rights it is nobody, and to ask after one costs 4 us."""
        if isinstance(line, Kicked | Banned | RoleGiven):
            known_as = {line.account, getattr(line, "sender", "")} - {0, ""}
            return [one for one in self._members.sessions if not known_as.isdisjoint(_known_as(one.person))]
        is_for_all = isinstance(line, RuleSet) and line.text.partition(" ")[0] in _WHO_MAY_BE_HERE
        return self._members.sessions if is_for_all else ()

    def look(self) -> None:
        """Put out whoever may not be here any more. They have been shown why, or are told; they leave as others do, and hear nothing until then."""
        self._look_at(self._members.sessions)
        self.is_to_look = False

    def _look_at(self, sessions: Iterable[Occupant]) -> None:
        now, gate = time.time(), self._history.gate
        for session in sessions:
            if session not in self._members.hushed and gate.refusal_to_enter(session, now) is not None:
                self._guard.attempt(self._members.hush, session)
                if not gate.lets_see(session, now):
                    self._guard.attempt(partial(session.send_unasked, NoMember(self._room.name)))
                self.put_out(session)
                self._room.forget(session)

    def put_out(self, session: Occupant) -> None:
        """Let a session be here no more, by what it knows itself."""
        if not self._guard.attempt(session.put_out, self._room):
            self._guard.attempt(session.fail)

    def _tell_invited(self, invited: MemberInvited) -> None:
        """Who is invited, and is at this node, is told at once, in all their sessions but their bots'; not by whom they have blocked."""
        person = self._room.directory.identified(sender_of(invited.account))
        if person is None or person.blocks.hide(invited.author, invited.nick):
            return
        event = InvitedTo(self._room.name, invited.nick, span_of(invited.until - invited.at))
        for session in person.sessions:
            if not session.proof.is_bot:
                self._guard.attempt(partial(session.send_unasked, event))


def _known_as(person: Person[Occupant]) -> tuple[int | str, ...]:
    """By what an entry may name somebody; see gate.py, which looks at it closely."""
    if person.account:
        return person.account, person.came_as
    return (person.sender, name_key(person.nick)) if has_only_a_name(person) else (person.sender,)
