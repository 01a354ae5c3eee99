"""What a room does, turn by turn: take what has entered its inbox, store what of it is kept, and have everybody shown it.

Only this changes who is a member and what number a line has, so everything has one order. A bug in any step of a turn is logged and hurts that turn
at most; nobody waits for ever because of it, and what is stored is shown all the same. Never knows what can be asked for in a room, nor
bytes on the wire.
"""

import time
from collections import deque
from collections.abc import Container, Sequence
from contextlib import suppress
from math import inf
from typing import cast

import trio
from msgspec import Struct
from msgspec.structs import replace

from chat_server.guard import Guard
from chat_server.journal import JournalError, Receipt
from chat_server.logs import log
from chat_server.protocol.amending import Edited, Reacted
from chat_server.protocol.amendments import bare, quote_of, referred_to, without_effect
from chat_server.protocol.entries import Entry, Spoken
from chat_server.protocol.events import RoomFailed
from chat_server.protocol.room_events import ReactionNoted
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
    each_of,
    outcome_of,
)
from chat_server.rooms.calls import RoomCalls
from chat_server.rooms.changes import NOBODY, Changes
from chat_server.rooms.doorkeeper import Doorkeeper
from chat_server.rooms.inbox import BATCH_MAX, Inbox
from chat_server.rooms.members import Members
from chat_server.rooms.reactions_told import GatheredReactions
from chat_server.rooms.recent_history import RecentHistory
from chat_server.rooms.room import Occupant, Room
from chat_server.rooms.taking_back import with_topics_cleared
from chat_server.rooms.unseeing import unseeing

READ_AGAIN_SECONDS = 10.0
"""Seconds after which a room tries again to read its past from a disk that would not."""

REST_AFTER_FAILURE = 0.1
"""Seconds for which a room rests after a turn in which something went wrong: a bug that comes every time must not keep the server busy."""


Outcome = tuple[Sequence[Entry | None], deque[Answer], bool]
"""What became of the lines in a turn: see Broadcaster._store."""


class Parts(Struct, frozen=True):
    """What a room is made of."""

    inbox: Inbox
    audience: Audience
    members: Members
    history: RecentHistory
    changes: Changes
    guard: Guard


class Broadcaster:
    """The broadcaster of one room."""

    def __init__(self, room: Room, parts: Parts) -> None:
        """Nothing happens until `run` runs."""
        self._room = room
        self._directory = room.directory
        self._inbox = parts.inbox
        self._audience = parts.audience
        self._members = parts.members
        self._history = parts.history
        self._changes = parts.changes
        self._guard = parts.guard
        self._calls = RoomCalls(self._members, self._history, self._directory.calls, self._directory.accounts.names)
        self._reactions = GatheredReactions(lambda: room.name)
        self._said: Sequence[Piece | None] = ()  # what has been stored in this turn
        self._read_past_at = -inf
        self._acts = 0  # the number of the newest act of the server's moderators when it was looked at what may happen
        self._door = Doorkeeper(room, parts.members, parts.history, parts.guard)
        self._admitted: Sequence[InboxEntry] = ()  # what of the entries of this turn may happen

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
                self._directory.flow.entries.note(len(entries))
            is_done = False
            try:
                self._admitted = entries
                with self._guard:
                    await self._store_and_take(entries)
                    is_done = True
                if not is_done:
                    stored, answers, _ = await self._find_stored(self._admitted)
                    self._take_anyway(self._admitted, stored)
                    self._audience.answer(answers)
            finally:
                self._admitted = ()
                _finish(entries)
        if self._members.presence or self._reactions.due != inf:
            self._guard.attempt(self._tell_what_is_due)
        if len(self._audience.kinds) > 1 and self._audience.events:
            with self._guard:
                await self._audience.show_ahead()
        self._flush()
        if self._said:
            said, self._said = self._said, ()
            self._guard.attempt(self._calls.note, said)
        if self._door.is_to_look:
            with self._guard:
                self._door.look()
        if self._changes:
            await self._changes.carry_out(self._show_stored)

    def _tell_what_is_due(self) -> None:
        """Announce who came and went, and who has reacted, if it is time."""
        now = trio.current_time()
        if self._members.presence and now >= self._members.announcement_due:
            self._members.announce()
        if now >= self._reactions.due:
            for event, excluded in self._reactions.take(self._members.sessions):
                self._audience.put(event, excluded)

    async def _next_entry(self) -> InboxEntry | None:
        """Wait for the next entry; None when it is time to announce who came and went."""
        if self._changes:  # the turn before has failed
            return None
        if not self._members.presence and self._reactions.due == inf:
            return await self._inbox.first()
        due = self._members.announcement_due if self._members.presence else inf
        with trio.move_on_at(min(due, self._reactions.due)):
            return await self._inbox.first()
        return None

    async def _store_and_take(self, entries: Sequence[InboxEntry]) -> None:
        """Store everything that waited, as far as it may happen here, and turn it into what members will see."""
        if not entries:
            return
        found: Outcome | None = None
        while found is None:  # the room may be another one than it was known to be
            entries = self._admitted = self._admit(entries)
            found = await self._store(entries)
        stored, answers, is_plain = found
        self._said = pieces = pieces_of(stored)
        self._history.gate.note_stored()
        if not self._history.is_read and trio.current_time() >= self._read_past_at:
            with self._guard:
                await self._read_past()
        is_taken = False
        with self._guard:
            if is_plain:
                self._add_lines(pieces, [not_for for _, _, _, not_for in entries])  # type: ignore[arg-type]  # all are stored
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

    def _admit(self, entries: Sequence[InboxEntry]) -> Sequence[InboxEntry]:
        """What of the entries may happen here. Who asked for the rest is told why not."""
        gate, now = self._history.gate, time.time()
        self._acts = self._directory.accounts.acts.in_force.newest
        if silenced := self._directory.silenced:
            entries = [entry for entry in entries if not _is_said_by(entry, silenced)]
        if gate.admits_all(entries, now):
            return entries
        admitted = gate.admit(entries, now)
        for (session, _, what, _), refusal in admitted.turned_away:
            self._audience.tell(session, refusal)
            self._door.put_out(session)
            cast(Arrival, what).done.set()
        if admitted.answers:
            self._audience.answer(admitted.answers)
        return with_topics_cleared(admitted.entries, self._history.topic)

    async def _store(self, entries: Sequence[InboxEntry]) -> Outcome | None:
        """Store the lines among the entries. Returns them, None for each that is not stored; what to tell authors; and `Batch.is_plain`.

        None: nothing is stored, for the room is another one than it was known to be, and some of the entries may not happen any more.
        """
        with self._guard:
            past, journal = self._history, self._directory.journal
            after, marks_guests = (past.last_seq, past.last_at), bool(self._directory.guests)
            batch = Batch(
                self._room.name, after, time.time(), entries, journal, line_of=past.line, marks_guests=marks_guests
            )
            stored = await batch.stored()
            return stored, deque(batch.answers), batch.is_plain
        return await self._find_stored(entries)

    async def _find_stored(self, entries: Sequence[InboxEntry]) -> Outcome:
        """Something went wrong while the lines were being stored: look whether they are, all or none. See `_store`."""
        with self._guard:
            return (*outcome_of(self._room.name, entries, await self._read_unseen()), False)
        return (*outcome_of(self._room.name, entries, ()), False)

    async def _show_unseen(self) -> None:
        self._add_anyway(await self._read_unseen())

    async def _read_unseen(self) -> Sequence[Entry]:
        """Lines that are stored, but of which the room does not know: as many as one turn may have."""
        last, directory = self._history.last_seq, self._directory
        return directory.guests.on((await directory.journal.read(self._room.name, last + 1, last + BATCH_MAX)).lines)

    async def _take_each(self, entries: Sequence[InboxEntry], stored: Sequence[Entry | None]) -> None:
        """Turn every entry into what members will see of it."""
        lines = iter(stored)
        for session, nick, what, not_for in each_of(entries):
            if type(what) not in STORED_KINDS and self._audience.events:
                await self._audience.show_ahead()
            if type(what) in STORED_KINDS:
                line = next(lines)
                if line is not None:
                    self._add_line(line, () if line.changes_room else not_for)
                    if isinstance(line, Reacted) and session.has_terminal:
                        self._audience.answer(deque([(session, ReactionNoted(line.of, line.text, line.is_back))]))
                    self._door.note(line)
            else:
                await self._take_other(session, nick, what)

    async def _take_other(self, session: Occupant, nick: str, what: InboxItem) -> None:
        """Take in what is no line; let whoever waits for it go on."""
        if type(what) is Renaming:
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

    async def _show_stored(self, line: Entry, receipt: Receipt) -> None:
        """Show a line that is stored already, with what was done to the room."""
        del receipt
        is_taken = False
        with self._guard:
            if not self._history.is_read:
                await self._read_past()
            self._add_line(line)
            self._door.note(line)
            is_taken = True
        if not is_taken and line.seq > self._history.last_seq:
            self._add_anyway([line])
        self._flush()

    def _flush(self) -> None:
        self._audience.flush(self._history.last_seq)

    def look_again(self) -> None:
        """Somebody here may be another than they were on the server: if they may not be here, put them out."""
        self._door.is_to_look = True
        with suppress(trio.ClosedResourceError):
            self._inbox.put_nowait((NOBODY, "", Barrier(trio.Event()), ()))

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
            # Who may not see what it says something of was not worked out: nobody is shown that here, and pages have it.
            self._audience.put(bare(line))
            self._history.pass_over(line)
            self._door.is_to_look |= line.changes_rights

    async def _recover(self, shown_before: int) -> None:
        """A step has failed: show what is stored and was not shown, say to everybody here that it happened, and go on."""
        self._history.forget(None)
        with self._guard:
            await self._show_unseen()
        self._guard.attempt(self._flush)
        for member in self._members.sessions:
            self._audience.tell(member, RoomFailed(self._room.name, shown_before))
        self._guard.has_failed = False
        await trio.sleep(REST_AFTER_FAILURE)

    async def _read_past(self) -> None:
        try:
            await self._history.read(self._directory.journal)
        except JournalError as error:
            self._read_past_at = trio.current_time() + READ_AGAIN_SECONDS
            log.error("cannot read what was said", room=self._audience.log_name(), why=str(error))

    def _add_line(self, line: Entry, not_for: tuple[Occupant, ...] = ()) -> None:
        """Add one line to what members will see: where it says something of another, only to those who may see that."""
        shown, left_out = line, tuple[Occupant, ...]()
        if of := referred_to(line):
            about = self._history.line(of)
            if isinstance(line, Edited) and about is not None and not isinstance(about, Spoken):
                line = shown = without_effect(line)  # it was deleted at another node meanwhile
            if self._audience.has_blocks or not self._history.gate.state.is_as_made:
                left_out = unseeing(self._members.sessions, self._members.reads_from, of, _whose(line, about))
            if isinstance(line, Spoken) and isinstance(about, Spoken):
                shown = replace(line, quote=quote_of(about))
        self._add_lines([line], [not_for])
        if of:
            self._audience.events[-1] = shown
            self._audience.show_bare(line.seq, left_out)
        if isinstance(line, Reacted):
            self._reactions.note(line, left_out, trio.current_time())

    def _add_lines(self, lines: Sequence[Piece], not_for: Sequence[tuple[Occupant, ...]]) -> None:
        """Add lines to what members will see; who came or went before them is announced before them."""
        if self._members.presence:
            self._members.announce()
        self._history.add(lines)
        self._audience.events += lines
        self._audience.excluded += not_for


def _whose(line: Entry, about: Entry | None) -> tuple[int, str] | None:
    """The account and the name of whoever has said what a line is about, as it tells that itself, or by what it is about; None: not known."""
    if isinstance(line, Reacted | Spoken) and line.whom:
        return line.account, line.whom
    return None if about is None else (about.author, about.nick)


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
