"""What follows from a line that changes who may be in a room: whoever may not be there any more is put out, whoever is invited is told.

That happens with the line, and before the next one: nobody is shown what was said after they were no longer to hear it, nor reads it. Never knows
how lines are stored.
"""

import time
from functools import partial

from chat_server.accounts import sender_of
from chat_server.guard import Guard
from chat_server.protocol.entries import MemberInvited
from chat_server.protocol.room_events import InvitedTo, NoMember
from chat_server.protocol.runs import Piece, SaidRun
from chat_server.protocol.stored_event import span_of
from chat_server.rooms.members import Members
from chat_server.rooms.recent_history import RecentHistory
from chat_server.rooms.room import Occupant, Room


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
        self.is_to_look = True
        self.look()
        if isinstance(line, MemberInvited):
            self._tell_invited(line)

    def look(self) -> None:
        """Put out whoever may not be here any more. They have been shown why, or are told; they leave as others do, and hear nothing until then."""
        now, gate = time.time(), self._history.gate
        for session in self._members.sessions:
            if session not in self._members.hushed and gate.refusal_to_enter(session, now) is not None:
                self._guard.attempt(self._members.hush, session)
                if not gate.lets_see(session, now):
                    self._guard.attempt(partial(session.send_unasked, NoMember(self._room.name)))
                self.put_out(session)
                self._room.forget(session)
        self.is_to_look = False

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
