"""What is done to a room itself when the turn has ended in which it was asked for: another name, or its end; and what all in it are told beside.

Everything that entered the room before has been stored and shown by then, everything after it comes under the new name, or is told that the room is
no more. Only the broadcaster carries it out. Never knows who asks, nor bytes on the wire.
"""

import time
from collections import deque
from collections.abc import Awaitable, Callable, Iterable, Sequence
from contextlib import suppress
from typing import NamedTuple, cast

import trio
from msgspec import Struct
from msgspec.structs import replace

from chat_server.guard import Guard
from chat_server.journal import JournalError, Receipt
from chat_server.journal.times import times_for
from chat_server.logs import log
from chat_server.protocol.entries import Enacted, Entry
from chat_server.protocol.events import Event, NotStored, Refused, Stored
from chat_server.protocol.names import SERVER as SERVER_NAME
from chat_server.protocol.room_events import AccountNoted, RoomDeleted, RoomRenamed
from chat_server.protocol.room_life import NameSet
from chat_server.protocol.stored_event import Author
from chat_server.rooms.audience import Audience
from chat_server.rooms.batch import Acting, Arrival, Barrier, Departure, InboxEntry, Renaming, Takeover, outcome_of
from chat_server.rooms.inbox import Inbox
from chat_server.rooms.members import Members
from chat_server.rooms.person import Person
from chat_server.rooms.recent_history import RecentHistory
from chat_server.rooms.room import Occupant, Room, give_way

NO_MORE = "the room is no more"

MEMBERS_AT_ONCE = 16
"""Members who are told where they are now before others have their turn: a millisecond."""


class Doer(NamedTuple):
    """Who changes a room, as its log has it: what they are called, and their account."""

    nick: str
    account: Author = 0
    asker: Occupant | None = None
    """Whom to tell, under this `key`, that it stands in the log; if there is one."""
    key: str = ""


SERVER = Doer(SERVER_NAME)
"""Who looks after the server, and is not in it: nobody else may be called so (accounts/new_names.py)."""


Store = Callable[[Entry | None], Awaitable[Receipt | None]]

Show = Callable[[Entry, Receipt], Awaitable[None]]
"""Has everybody shown an entry that is stored already."""


class Change(Struct, frozen=True):
    """The room gets another name, or ends ("")."""

    new: str
    store: Store
    """Stores that, and the entry of its log that tells of another name, if one does. Raises JournalError."""
    may: Callable[[], str]
    """Why it may not be done after all that has happened in the room by then, as the code of a refusal; "" if it may."""
    by: Doer | None
    """Whose act it is, of which the room's log is to tell; None: that is another's business."""
    is_told: bool
    """Whether an entry of the log tells everybody at a terminal of it, at whatever node that is made."""
    done: trio.Event
    """Set when that has been done, or has not: `why` says then why not."""
    why: list[str]


class _Nobody:
    """Who wakes the broadcaster: it is no session, but whoever enters something into a room is somebody's."""

    def __init__(self) -> None:
        self.person = Person(cast(Occupant, self), history=0, zone="")


NOBODY = cast(Occupant, _Nobody())


class _Witness(_Nobody):
    """Who says in a room what has been done to it; a program that asked for it may be told what becomes of that."""

    def __init__(self, asker: Occupant | None = None) -> None:
        super().__init__()
        self._asker = asker

    def send_all(self, events: Iterable[Event]) -> None:
        events = [*events]
        if any(isinstance(event, NotStored) for event in events):
            log.error("what was done to a room could not be noted in its log")
        if self._asker is not None:
            self._asker.send_all(events)

    def fail(self) -> None:
        pass


WITNESS = cast(Occupant, _Witness())


async def _nothing(_: Entry | None) -> None:
    """What is stored is for whoever asks for it."""


def _always() -> str:
    return ""


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

    async def ask(
        self,
        new: str = "",
        store: Store = _nothing,
        *,
        may: Callable[[], str] = _always,
        by: Doer | None = None,
        is_told: bool = False,
    ) -> str:
        """Have the room given another name, or ended (""), which `store` stores, and wait for it. See Change.

        Returns why it was not done, which may be the code of a refusal from `may`; "" if it was.
        """
        change = Change(new, store, may, by, is_told, trio.Event(), [])
        if self.has_ended:
            return NO_MORE
        try:
            self._inbox.put_nowait((NOBODY, "", Barrier(trio.Event()), ()))
        except trio.ClosedResourceError:
            return "the server is stopping"
        self._asked.append(change)
        await change.done.wait()
        return "".join(change.why)

    def note_done(self, nick: str, entry: Enacted, asker: Occupant | None = None, key: str = "") -> None:
        """Have an entry of the room's log say what has been done, by whoever is called so; `asker` is told, under this key, if there is one."""
        witness = cast(Occupant, _Witness(asker)) if asker is not None and key else WITNESS
        with suppress(trio.ClosedResourceError):  # the server is stopping
            self._inbox.put_nowait((witness, nick, Acting(entry, is_done=True, key=key), ()))

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

    async def carry_out(self, show: Show) -> None:
        """Do what is to be done, and have shown what tells of it. Everything up to here has been shown."""
        while self._asked:
            change = self._asked.pop(0)
            try:
                with self._guard:
                    if self.has_ended:
                        change.why.append(NO_MORE)
                    elif why := change.may():
                        change.why.append(why)
                    elif change.new:
                        await self._rename(change, show)
                    else:
                        await self._end(change)
            finally:
                change.done.set()

    async def _rename(self, change: Change, show: Show) -> None:
        room, old = self._room, self._room.name
        named = self._named(change)
        receipts = await self._stored(change, named)
        if not receipts:
            return
        room.directory.rename_room(room, change.new)
        past = self._history
        for part in (self._audience, self._members, self._members.presence, past, past.gate):
            part.room = change.new
        self._history.is_read = not self._history.last_seq  # the lines in it have the old name
        at_terminals = (session for session in self._members.sessions if session.has_terminal)
        self._audience.put(RoomRenamed(old, change.new), tuple(at_terminals) if change.by or change.is_told else ())
        self._audience.flush(self._history.last_seq)
        for number, session in enumerate(self._members.sessions, 1):
            if not self._guard.attempt(session.room_renamed, old, self._members.where_it_is(session)):
                self._guard.attempt(session.fail)
            if number % MEMBERS_AT_ONCE == 0:
                await give_way()
        if named is not None and receipts[0] is not None and change.by is not None:
            named = replace(named, seq=receipts[0].first)
            await show(named, receipts[0])
            if change.by.asker is not None and change.by.key:
                answer = (change.by.asker, Stored(change.new, named.seq, change.by.key))
                self._audience.answer(deque([answer]))

    def _named(self, change: Change) -> NameSet | None:
        """The entry of the log that tells of another name, if it is one's here to tell; as it will be if nothing comes in between."""
        if change.by is None:
            return None
        seq, (at, _) = self._history.last_seq + 1, times_for(time.time(), self._history.last_at, 1)
        return NameSet(change.new, seq, at, change.by.nick, change.new, change.by.account, was=self._room.name)

    async def _stored(self, change: Change, named: NameSet | None = None) -> Sequence[Receipt | None]:
        """Where the entry is that tells of the change, once it is stored; nothing: it is not."""
        try:
            return [await change.store(named)]
        except JournalError as error:
            change.why.append(str(error))
            return ()

    async def _end(self, change: Change) -> None:
        """Put everybody out, and whoever was about to come in; answer those whose lines can no longer be stored."""
        if not await self._stored(change):
            return
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
