"""A room where people talk: its order, its members, its broadcaster.

Everything that happens in the room enters one inbox and leaves it in one order: lines, but joins, leaves and renames too. One task, `run`, takes
from it; only that task changes who is a member and what number a line has. What is said is stored before anybody sees it. A bug in any step
of a turn is logged and hurts that turn at most; nobody waits for ever because of it, and what is stored is shown all the same. Never knows
bytes on the wire.
"""

import time
from collections import deque
from collections.abc import Collection, Container, Sequence
from contextlib import suppress
from math import inf
from typing import ClassVar, cast

import trio

from chat_server.guard import Guard
from chat_server.journal import JournalError, RoomRecord
from chat_server.logs import log
from chat_server.protocol.entries import Entry, Storable
from chat_server.protocol.events import RoomFailed
from chat_server.protocol.runs import Piece, pieces_of
from chat_server.rooms.audience import Audience
from chat_server.rooms.batch import (
    STORED_KINDS,
    Answer,
    Arrival,
    Barrier,
    Batch,
    Departure,
    InboxEntry,
    InboxItem,
    Renaming,
    Takeover,
    TimedRequest,
    each_of,
    outcome_of,
)
from chat_server.rooms.changes import Changes
from chat_server.rooms.directory import Directory
from chat_server.rooms.inbox import BATCH_MAX, Inbox
from chat_server.rooms.members import Members
from chat_server.rooms.person import Person
from chat_server.rooms.recent_history import RecentHistory
from chat_server.rooms.room import ROOM, MaybeAwaitable, Occupant, Room, SendMany

READ_AGAIN_SECONDS = 10.0
"""Seconds after which a room tries again to read its past from a disk that would not."""

REST_AFTER_FAILURE = 0.1
"""Seconds for which a room rests after a turn in which something went wrong: a bug that comes every time must not keep the server busy."""


class ChatRoom(Room):
    """A chat room."""

    kind: ClassVar[str] = ROOM

    def __init__(
        self,
        record: RoomRecord,
        directory: Directory[Room, Person[Occupant]],
        hall: Room,
        send_many: SendMany | None = None,
    ) -> None:
        """Open a room as it was left, from which one goes back to `hall`. Nothing happens in it until `run` runs."""
        super().__init__(record.name, directory)
        self.hall = hall
        """Where one goes back to."""
        self._inbox = Inbox()
        self._read_past_at = -inf
        self._guard = Guard("something went wrong in a room; it goes on", lambda: {"room": self.name})
        self._history = RecentHistory(record)
        self._audience = Audience(record.name, record.last, send_many)
        self._members = Members(record.name, self._audience, self._history, directory, self._guard)
        self.changes = Changes(self, self._inbox, self._audience, self._members, self._history)  # of the room itself
        self.timing = self._members.timing
        """Who wants their next line timed."""

    @property
    def nicks(self) -> list[str]:
        """Who is here."""
        return list(self._members.nicks.values())

    def others(self, session: Occupant) -> list[tuple[Person[Occupant], str]]:
        """Who is here besides the session's person, each with their nickname."""
        return [other for other in self._members.nicks.items() if other[0] is not session.person]

    @property
    def population(self) -> int:
        """How many are here."""
        return len(self._members.nicks)

    def __contains__(self, session: Occupant) -> bool:
        return session in self._members

    @property
    def topic(self) -> str:
        """What was set last as its topic, or ""."""
        return self._history.topic

    @property
    def last_seq(self) -> int:
        """The number of the newest line that everybody has been shown."""
        return self._audience.shown_seq

    @property
    def position(self) -> dict[str, int]:
        """How far somebody who has been shown everything has come."""
        return {self.name: self._audience.shown_seq}

    # What people do here. A request goes into the inbox at once; only when too much waits in it, the session waits before the next.

    def post(self, session: Occupant, what: InboxItem) -> MaybeAwaitable:
        """Put something into the inbox; if too much waits in it, return what to await."""
        return self._inbox.put((session, session.person.nick, what, () if session.receives_own else (session,)))

    def takes_run_of(self, session: Occupant) -> bool:
        """Whether several lines that it says are taken as one run: they are, but for who has the next one timed."""
        return session not in self.timing

    def timed_request(self, session: Occupant, request: Storable) -> Storable | TimedRequest:
        """The request; with the time, if its author wants to know how long it takes."""
        if session not in self.timing:
            return request
        self.timing.remove(session)
        return TimedRequest(request, trio.current_time())

    def announce_name(self, session: Occupant) -> None:
        """Tell everybody here, the person too, after what is in the inbox now."""
        self._inbox.put_nowait((session, session.nick, Renaming(trio.Event()), ()))

    async def enter(self, session: Occupant, *, is_return: bool = False) -> int:
        """Take the session in. When this returns, it has been told where it is, and everything said since then."""
        await self._post_and_wait(session, Arrival(trio.Event(), is_return))
        return self._members.entered_at.pop(session, self._audience.shown_seq)

    async def take_over(self, old: Collection[Occupant], new: Occupant) -> int:
        """Take `new` in instead of `old`; the others are told nothing, for nobody has come or gone."""
        await self._post_and_wait(new, Takeover(old, trio.Event()))
        return self._members.entered_at.pop(new, self._audience.shown_seq)

    async def leave(self, session: Occupant) -> None:
        """Let the session go. When this returns, nothing from here reaches it any more. Harmless for one that is not here."""
        await self._post_and_wait(session, Departure(trio.Event()))

    async def flushed(self, session: Occupant) -> None:
        """Wait until what the session said before has been stored and shown."""
        await self._post_and_wait(session, Barrier(trio.Event()))

    async def _post_and_wait(self, session: Occupant, what: Arrival | Takeover | Departure | Barrier) -> None:
        self._inbox.put_nowait((session, session.nick, what, ()))
        await what.done.wait()

    def known_otherwise(self, old: str, new: str) -> None:
        """Whom the journal knew by one text it knows by another now."""
        self._history.known_otherwise(old, new)

    def forget_past(self, topic: str | None = None) -> None:
        """Something of what was said has been deleted, such as this topic: read again what those who enter are shown."""
        self._history.forget(topic)

    # The broadcaster.

    def close(self) -> None:
        """Take nothing more in; `run` returns when it has delivered what waits."""
        self._inbox.close()

    async def run(self) -> None:
        """Store and deliver what enters the inbox, turn by turn, until `close`. Raises nothing but Cancelled."""
        shown_before = self._audience.shown_seq
        while True:
            with self._guard, suppress(trio.EndOfChannel):
                while not self._guard.has_failed:
                    shown_before = self._audience.shown_seq
                    await self._turn()
            if not self._guard.has_failed:
                return
            await self._recover(shown_before)

    async def _turn(self) -> None:
        first = await self._next_entry()
        if first is not None:
            # Whoever else has something to say now says it first. Without this, S2's batches are a third shorter, and it loses 15 %.
            await trio.lowlevel.checkpoint()
            entries = [first]
            with self._guard:
                self._inbox.take_all_after(entries)
            if self.directory.silenced:
                with self._guard:
                    entries = [entry for entry in entries if not _is_said_by(entry, self.directory.silenced)]
            is_done = False
            try:
                with self._guard:
                    await self._store_and_take(entries)
                    is_done = True
                if not is_done:
                    stored, answers, _ = await self._find_stored(entries)
                    self._take_anyway(entries, stored)
                    self._audience.answer(answers)
            finally:
                _finish(entries)
        with self._guard:
            if self._members.presence and trio.current_time() >= self._members.announcement_due:
                self._members.announce()
            if len(self._audience.kinds) > 1 and self._audience.events:
                await self._audience.show_ahead()
        self._flush()
        if self.changes:
            await self.changes.carry_out()

    async def _next_entry(self) -> InboxEntry | None:
        """Wait for the next entry; None when it is time to announce who came and went."""
        if self.changes:  # the turn before has failed
            return None
        if not self._members.presence:
            return await self._inbox.first()
        with trio.move_on_at(self._members.announcement_due):
            return await self._inbox.first()
        return None

    async def _store_and_take(self, entries: Sequence[InboxEntry]) -> None:
        """Store everything that waited, and turn it into what members will see."""
        if not entries:
            return
        stored, answers, is_plain = await self._store(entries)
        if not self._history.is_read and trio.current_time() >= self._read_past_at:
            with self._guard:
                await self._read_past()
        is_taken = False
        with self._guard:
            if is_plain:
                self._add_lines(pieces_of(cast(Sequence[Entry], stored)), [entry[3] for entry in entries])
            else:
                await self._take_each(entries, stored)
            is_taken = True
        if not is_taken:
            self._take_anyway(entries, stored)
        if answers:
            with self._guard:
                await self._audience.show_ahead()
                self._flush()
                self._audience.answer(answers)
            self._audience.answer(answers)

    async def _store(self, entries: Sequence[InboxEntry]) -> tuple[Sequence[Entry | None], deque[Answer], bool]:
        """Store the lines among the entries. Returns them, None for each that is not stored; what to tell authors; and `Batch.is_plain`."""
        with self._guard:
            past, journal = self._history, self.directory.journal
            after, marks_guests = (past.last_seq, past.last_at), bool(self.directory.guests)
            batch = Batch(self.name, after, time.time(), entries, journal, marks_guests=marks_guests)
            stored = await batch.stored()
            return stored, deque(batch.answers), batch.is_plain
        return await self._find_stored(entries)

    async def _find_stored(self, entries: Sequence[InboxEntry]) -> tuple[Sequence[Entry | None], deque[Answer], bool]:
        """Something went wrong while the lines were being stored: look whether they are, all or none. See `_store`."""
        with self._guard:
            return (*outcome_of(self.name, entries, await self._read_unseen()), False)
        return (*outcome_of(self.name, entries, ()), False)

    async def _read_unseen(self) -> Sequence[Entry]:
        """Lines that are stored, but of which the room does not know: as many as one turn may have."""
        last, directory = self._history.last_seq, self.directory
        return directory.guests.on((await directory.journal.read(self.name, last + 1, last + BATCH_MAX)).lines)

    async def _take_each(self, entries: Sequence[InboxEntry], stored: Sequence[Entry | None]) -> None:
        """Turn every entry into what members will see of it."""
        lines = iter(stored)
        for session, nick, what, not_for in each_of(entries):
            if type(what) not in STORED_KINDS:
                await self._audience.show_ahead()
            if type(what) in STORED_KINDS:
                line = next(lines)
                if line is not None:
                    self._add_lines([line], [() if line.changes_room else not_for])
            elif type(what) is Renaming:
                self._members.rename(session.person, nick)
                what.done.set()
            elif type(what) is Arrival:
                is_due = self._members.arrive(session, nick, is_return=what.is_return)
                what.done.set()
                await _give_way(is_due=is_due)
            elif type(what) is Takeover:
                self._members.take_over(what.old, session, nick)
                what.done.set()
            elif type(what) is Departure:
                self._members.depart(session)
                what.done.set()
            elif type(what) is Barrier:
                self._flush()
                what.done.set()

    def _flush(self) -> None:
        self._audience.flush(self._history.last_seq)

    # When a step has failed. What is done here is the least that keeps the room's books right, and calls as little as it can; see Members, too.

    def _take_anyway(self, entries: Sequence[InboxEntry], stored: Sequence[Entry | None]) -> None:
        """Do what `_take_each` has not done when it failed: lines are to be seen, whoever came is here, whoever left is not."""
        lines = iter(stored)
        for session, nick, what, _ in each_of(entries):
            if type(what) in STORED_KINDS:
                line = next(lines, None)
                if line is not None and line.seq > self._history.last_seq:
                    self._add_anyway([line])
            elif isinstance(what, Renaming) and not what.done.is_set():
                self._members.rename_anyway(session.person, nick)
            elif isinstance(what, Departure) and not what.done.is_set():
                self._members.depart_anyway(session)
            elif isinstance(what, Arrival | Takeover) and not what.done.is_set():
                self._members.arrive_anyway(session, nick, what)

    def _add_anyway(self, lines: Sequence[Entry]) -> None:
        """Add lines to what members, their authors too, will see; the past is read again before it is next needed."""
        for line in lines:
            self._audience.put(line)
            self._history.pass_over(line)

    async def _recover(self, shown_before: int) -> None:
        """A step has failed: show what is stored and was not shown, say to everybody here that it happened, and go on."""
        self.forget_past()
        with self._guard:
            self._add_anyway(await self._read_unseen())
        self._guard.attempt(self._flush)
        for member in self._members.sessions:
            self._audience.tell(member, RoomFailed(self.name, shown_before))
        self._guard.has_failed = False
        await trio.sleep(REST_AFTER_FAILURE)

    def forget(self, session: Occupant) -> None:
        """Let the session go without its waiting for it: it could not leave as others do."""
        with suppress(trio.ClosedResourceError):
            self._inbox.put_nowait((session, session.nick, Departure(trio.Event()), ()))

    async def _read_past(self) -> None:
        try:
            await self._history.read(self.directory.journal)
        except JournalError as error:
            self._read_past_at = trio.current_time() + READ_AGAIN_SECONDS
            log.error("cannot read what was said", room=self.name, why=str(error))

    def _add_lines(self, lines: Sequence[Piece], not_for: Sequence[tuple[Occupant, ...]]) -> None:
        """Add lines to what members will see; who came or went before them is announced before them."""
        if self._members.presence:
            self._members.announce()
        self._history.add(lines)
        self._audience.events += lines
        self._audience.excluded += not_for

    def member_changed(self, session: Occupant) -> None:
        """Show things to a member in another way from now on."""
        self._members.changed(session)


def _is_said_by(entry: InboxEntry, silenced: Container[object]) -> bool:
    """Whether it is something that one of these says."""
    return type(entry[2]) not in _AWAITED and entry[0] in silenced


async def _give_way(*, is_due: bool) -> None:
    if is_due:
        await trio.lowlevel.checkpoint()


def _finish(entries: Sequence[InboxEntry]) -> None:
    """Let everybody go on who waits for one of the entries."""
    for _, _, what, _ in entries:
        if type(what) in _AWAITED:
            what.done.set()  # type: ignore[union-attr]


_AWAITED = frozenset((Arrival, Takeover, Renaming, Departure, Barrier))
