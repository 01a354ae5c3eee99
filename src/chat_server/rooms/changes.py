"""What is done to a room itself when the turn has ended in which it was asked for: another name, or its end; and what all in it are told beside.

Everything that entered the room before has been stored and shown by then, everything after it comes under the new name, or is told that the room is
no more. Only the broadcaster carries it out. Never knows who asks, nor bytes on the wire.
"""

from collections.abc import Awaitable, Callable
from contextlib import suppress
from typing import NamedTuple, cast

import trio

from chat_server.guard import Guard
from chat_server.journal import JournalError
from chat_server.protocol.events import Refused
from chat_server.protocol.room_events import AccountNoted, RoomDeleted, RoomRenamed
from chat_server.rooms.audience import Audience
from chat_server.rooms.batch import Arrival, Barrier, Departure, InboxEntry, Renaming, Takeover, outcome_of
from chat_server.rooms.inbox import Inbox
from chat_server.rooms.members import Members
from chat_server.rooms.person import Person
from chat_server.rooms.recent_history import RecentHistory
from chat_server.rooms.room import Occupant, Room, give_way

NO_MORE = "the room is no more"

MEMBERS_AT_ONCE = 16
"""Members who are told where they are now before others have their turn: a millisecond."""


class Change(NamedTuple):
    """The room gets another name, or ends ("")."""

    new: str
    store: Callable[[], Awaitable[None]]
    """Stores the new name. Raises JournalError."""
    done: trio.Event
    """Set when that has been done, or has not: `why` says then why not."""
    why: list[str]


class _Nobody:
    """Who wakes the broadcaster: it is no session, but whoever enters something into a room is somebody's."""

    def __init__(self) -> None:
        self.person = Person(cast(Occupant, self), history=0, zone="")


NOBODY = cast(Occupant, _Nobody())


async def _nothing() -> None:
    """What is stored of a room's end is for whoever asks for it: it takes long."""


class Changes:
    """What is to be done to one room."""

    def __init__(self, room: Room, inbox: Inbox, audience: Audience, members: Members, history: RecentHistory) -> None:
        """Nothing is."""
        self._room = room
        self._inbox = inbox
        self._audience = audience
        self._members = members
        self._history = history
        self._guard = Guard("something went wrong while a room was renamed or deleted", lambda: {"room": room.name})
        self._asked: list[Change] = []
        self.has_ended = False
        """Whether the room is no more."""

    def __bool__(self) -> bool:
        return bool(self._asked)

    async def ask(self, new: str = "", store: Callable[[], Awaitable[None]] = _nothing) -> str:
        """Have the room given another name, which `store` stores, or ended (""), and wait for it. Returns why it was not done; "" if it was."""
        change = Change(new, store, trio.Event(), [])
        if self.has_ended:
            return NO_MORE
        try:
            self._inbox.put_nowait((NOBODY, "", Barrier(trio.Event()), ()))
        except trio.ClosedResourceError:
            return "the server is stopping"
        self._asked.append(change)
        await change.done.wait()
        return "".join(change.why)

    def note_account(self, person: Person[Occupant] | None, *, is_first: bool) -> None:
        """Have everybody told that somebody has an account now, if they are here; and if it is the first, that all others are guests."""
        nick = None if person is None or self._members.is_noted(person) else self._members.nicks.get(person)
        if nick is None and not is_first:
            return
        sessions = person.sessions if person is not None else ()
        at_terminals = tuple(session for session in sessions if session.has_terminal)  # where they have been told
        with self._guard, suppress(trio.ClosedResourceError):
            self._audience.put(AccountNoted(self._room.name, () if nick is None else (nick,), is_first), at_terminals)
            self._inbox.put_nowait((NOBODY, "", Barrier(trio.Event()), ()))

    async def carry_out(self) -> None:
        """Do what is to be done. Everything up to here has been shown."""
        while self._asked:
            change = self._asked.pop(0)
            try:
                with self._guard:
                    if self.has_ended:
                        change.why.append(NO_MORE)
                    elif change.new:
                        await self._rename(change)
                    else:
                        await self._end()
            finally:
                change.done.set()

    async def _rename(self, change: Change) -> None:
        try:
            await change.store()
        except JournalError as error:
            change.why.append(str(error))
            return
        room, old = self._room, self._room.name
        room.directory.rename_room(room, change.new)
        past = self._history
        for part in (self._audience, self._members, self._members.presence, past, past.gate):
            part.room = change.new
        self._history.is_read = not self._history.last_seq  # the lines in it have the old name
        self._audience.put(RoomRenamed(old, change.new))
        self._audience.flush(self._history.last_seq)
        for number, session in enumerate(self._members.sessions, 1):
            if not self._guard.attempt(session.room_renamed, old, self._members.where_it_is(session)):
                self._guard.attempt(session.fail)
            if number % MEMBERS_AT_ONCE == 0:
                await give_way()

    async def _end(self) -> None:
        """Put everybody out, and whoever was about to come in; answer those whose lines can no longer be stored."""
        room = self._room
        self.has_ended = True
        room.directory.close_room(room)
        self._audience.put(RoomDeleted(room.name))
        self._audience.flush(self._history.last_seq)
        for number, session in enumerate(self._members.sessions, 1):
            self._put_out(session)
            self._members.forget(session)
            if number % MEMBERS_AT_ONCE == 0:
                await give_way()
        self._inbox.end(self._refuse)

    def _refuse(self, entry: InboxEntry) -> None:
        """Answer somebody who wants something of a room that is no more; let them go on, whatever comes of it."""
        session, _, what, _ = entry
        if isinstance(what, Arrival | Takeover):
            self._audience.tell(session, Refused("no-such-room", {"room": self._room.name}))
            self._put_out(session)
        if isinstance(what, Arrival | Takeover | Departure | Renaming | Barrier):
            what.done.set()
            if isinstance(what, Barrier) and what.stored is not None:
                self._guard.attempt(what.stored)
            return
        with self._guard:
            _, answers = outcome_of(self._room.name, (entry,), ())
            self._audience.answer(answers)

    def _put_out(self, session: Occupant) -> None:
        if not self._guard.attempt(session.put_out, self._room):
            self._guard.attempt(session.fail)
