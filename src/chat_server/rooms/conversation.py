"""One conversation of two, as it is at this node: what is said in it is stored, and shown to whoever of them is here, wherever they are here.

It has no task: each line has itself stored and shown by one of its own (sending.py), one after the other by a lock. What is said at other nodes
comes as turns, as in every room, and is shown in their order. Never knows who may write to whom, nor how anybody is shown anything.
"""

import time
from collections import deque
from collections.abc import Iterable, Sequence
from contextlib import suppress
from functools import partial
from math import inf
from typing import Protocol, TypeVar, cast

import trio
from msgspec import UNSET
from msgspec.structs import replace

from chat_server.guard import Guard
from chat_server.journal import JournalError, KeptConversation, Party, RoomRecord
from chat_server.journal.conversations import accepted, is_passing
from chat_server.journal.nodes import Beside, NodeIsOver, Revoked, Speaker, Stale, Turn
from chat_server.journal.showable import showable
from chat_server.logs import log
from chat_server.protocol.entries import KIND_BY_REQUEST, Amending, Entry, Line
from chat_server.protocol.events import Event, NotStored, Refused, Stored
from chat_server.protocol.requests import Act, Notice, Request, Say
from chat_server.rooms.amending import refusal_of_amending
from chat_server.rooms.batch import Acting, Batch, InboxEntry
from chat_server.rooms.directory import Directory
from chat_server.rooms.gate import Gate
from chat_server.rooms.lines_of_two import LinesOfTwo
from chat_server.rooms.passing import node_of
from chat_server.rooms.person import Person, person_id
from chat_server.rooms.referred import ReferredLines
from chat_server.rooms.room import Occupant, Room, carried_through
from chat_server.rooms.sending import Sending

TURNS_WAITING_MAX = 64
"""Turns of other nodes that wait while something is stored. What comes beyond that is handed over again within a second."""

LINES_AT_ONCE = 100
"""Lines that are read at once where some have not been shown."""

L = TypeVar("L", bound=Line)

Sayable = Say | Act | Notice | Acting
"""What is stored of somebody's: something said, or that it is deleted."""

AGAIN_SECONDS = 0.5
"""Seconds after which it is asked again what other nodes have stored, where the engine did not answer."""


class Here(Protocol):
    """All conversations of this node, and who is here."""

    directory: Directory[Room, Person[Occupant]]
    gate: Gate
    """What the server's moderators forbid."""
    sending: Sending

    def show(self, conversation: "Conversation", lines: Sequence[Entry], but: Occupant | None) -> None:
        """Show lines, which are stored, to whoever of the two is here, but to one session."""

    def tell_failed(self, conversation: "Conversation") -> None:
        """Tell whoever of the two is here that some of what they were shown is not kept."""


class Conversation:
    """A conversation. Where there are other nodes, it is a Follower."""

    def __init__(
        self,
        record: RoomRecord,
        here: Here,
        *,
        is_new: bool = False,
    ) -> None:
        """Go on after what has been said. One that `is_new` to this node, though somebody is here, shows everything."""
        self.name = record.name
        """What it is called in the journal."""
        self.parties = record.parties
        """Who the two are."""
        self.first = record.first
        self.last_seq = 0 if is_new else record.last
        """The number of the newest line that has been shown."""
        self.turn = 0 if is_new else record.turn
        """The newest turn that has been taken in; see Follower."""
        self.rests_until = -inf
        self.read: dict[str, int] = {}
        """How far each of the two who is here has come."""
        self.rewritings = 0
        """How often something of what was said has come to stand otherwise; see Amended."""
        self.referred = ReferredLines()
        """Lines that somebody is about to reply to, or to amend."""
        self.is_over = False
        """Whether it has been deleted."""
        self._last_at = record.last_at
        self._here = here
        self._directory = here.directory
        self._gate = here.gate
        self._is_behind = False
        self._lock = trio.Lock()
        self._waiting: deque[Turn] = deque()
        self.own = LinesOfTwo(record.name, record.parties, here.directory.nodes)
        """Which of them has said what."""
        self._guard = Guard("something went wrong in a conversation")

    @property
    def is_passing(self) -> bool:
        """Whether it is deleted with the first of the two who leaves."""
        return is_passing(self.parties)

    def amended_since(self, rewritings: int) -> Sequence[Amending] | None:
        """None, if there were as many rewritings then; else it is not known which. See Amended."""
        return () if rewritings == self.rewritings else None

    def other(self, who: str) -> Party:
        """The other one of the two."""
        return next(one for one in self.parties if one.who != who)

    def party(self, who: str) -> Party:
        """One of the two."""
        return next(one for one in self.parties if one.who == who)

    def unread(self, who: str) -> int:
        """How many lines somebody has not been shown."""
        return max(0, self.last_seq - max(self.read.get(who, 0), self.first - 1))

    def note_read(self, who: str, seq: int) -> None:
        """Somebody has been shown everything up to this line."""
        if seq > self.read.get(who, 0):
            self.read[who] = seq
            self._directory.journal.save_position(self.name, who, seq)

    def level(self, kept: KeptConversation, who: str) -> None:
        """Take over what is kept of it: who has accepted it, and how far somebody has come."""
        self.take_parties(kept.record.parties)
        self.first = kept.record.first
        self.read[who] = max(kept.read, self.read.get(who, 0))

    def take_parties(self, parties: Sequence[Party]) -> None:
        """Take over what is kept of the two. Who has accepted it goes on to, whether that was stored when it was read or not."""
        for one in self.parties:
            parties = accepted(parties, one.who) if one.has_accepted else parties
        self.parties = tuple(parties)

    # What somebody says.

    async def say(self, session: Occupant, request: Sayable, *, is_echoed: bool = True) -> Event:
        """Store something, and show it, to the session too if it `is_echoed`. Returns what its author is told: Stored, NotStored or Refused.

        What somebody has said there is deleted in the same way. It is called in a task that goes on whatever becomes of the session (Sending), and
        waits for as long as it is not known whether it is stored.
        """
        async with self._lock:
            answer: Event = NotStored(self.name, 1, _key_of(request))
            is_done = False
            with self._guard:
                answer = await self._say(session, request, None if is_echoed else session)
                is_done = True
            if not is_done:
                with self._guard:
                    answer = await self._found_stored(session, request)
        self._take_waiting()
        return answer

    async def _say(self, session: Occupant, request: Sayable, but: Occupant | None) -> Event:
        key, who = _key_of(request), person_id(session.person, node_of(self._directory))
        stored: Batch | Event | None = None
        while stored is None:  # the server's moderators may have done something of which this node has not heard
            acts = self._directory.accounts.acts.in_force.newest
            if self.is_over or session in self._directory.silenced:
                return NotStored(self.name, 1, key)
            said = request if isinstance(request, Acting) else self.own.under_key(who, request)
            entry: InboxEntry = (session, session.person.nick, said, ())
            if isinstance(request, Acting) and (changed := refusal_of_amending(request.entry, self.referred.get)):
                return changed
            admitted = self._gate.admit((entry,), self._directory.authentication.now())
            if not admitted.entries:
                refusal = next(answer for _, answer in admitted.answers if isinstance(answer, Refused))
                return replace(refusal, room="", key=UNSET)  # whoever says it is waiting for that
            self._gate.note_stored()  # now: the gate is that of all conversations, and what others say meanwhile goes through it
            stored = await self._store(entry, acts)
        if not isinstance(stored, Batch):
            return stored
        (line,) = await stored.stored()
        if line is not None:
            self.own.note(who, line)
            await self._show_before(line.seq)
            self._show_lines([line], but)
            return Stored(self.name, line.seq, key)
        return stored.answers[0][1] if stored.answers else NotStored(self.name, 1, key)  # type: ignore[return-value]  # one line is no run

    async def _store(self, entry: InboxEntry, acts: int) -> Batch | Event | None:
        """Store what is said, which may be said by all acts of the server's moderators up to this one.

        Returns what is stored, or why it is not; None: it is not, for there is a newer act, which is in force here now.
        """
        session, _, request, _ = entry
        after = (self.last_seq, self._last_at)
        marks_guests, line_of = bool(self._directory.guests), self.referred.get
        nodes = self._directory.nodes
        if nodes is None:
            journal = self._directory.journal
            return Batch(self.name, after, time.time(), (entry,), journal, line_of=line_of, marks_guests=marks_guests)
        from chat_server.rooms.own_turn import OwnTurn, after_acts  # noqa: PLC0415 - only where there are several nodes

        speakers = {Speaker(person_id(session.person, nodes.number), session.proof.device)}
        own = OwnTurn(nodes, Beside(self.name, self.turn, speakers=speakers, heard=nodes.heard, acts=acts))
        batch = Batch(self.name, after, time.time(), (entry,), own, line_of=line_of, marks_guests=marks_guests)
        await own.settled()
        if isinstance(own.error, Stale):
            missed = await after_acts(own.error, self._directory.accounts.acts)
            if missed is None:
                return self._why_not(own.error, _key_of(cast(Sayable, request)))
            for turn in missed:
                self._take(turn)
            return None
        if own.receipt is None:
            return self._why_not(own.error, _key_of(cast(Sayable, request)))
        await self._take_missed(own.receipt.missed, own.receipt.turn, is_stored=not own.receipt.duplicates)
        batch.move(own.receipt.first, own.receipt.at)
        self.turn = max(self.turn, own.receipt.turn)
        return batch

    async def _found_stored(self, session: Occupant, request: Sayable) -> Event:
        """Something went wrong: show what is stored and has not been shown, which may be the line."""
        page = await self._directory.journal.read(self.name, self.last_seq + 1, self.last_seq + LINES_AT_ONCE)
        self._show_lines(page.lines)
        nick, key = session.person.nick, _key_of(request)
        asked = request.entry if isinstance(request, Acting) else request
        text = getattr(asked, KIND_BY_REQUEST[type(asked)].text_field if isinstance(asked, Request) else "text")
        seqs = [line.seq for line in page.lines if (line.nick, line.text) == (nick, text)]
        return Stored(self.name, seqs[-1], key) if seqs else NotStored(self.name, 1, key)

    def _why_not(self, error: JournalError | None, key: str) -> Event:
        if isinstance(error, Revoked):
            return Refused("changed-meanwhile")
        if isinstance(error, NodeIsOver):
            return Refused("engine-away")
        return NotStored(self.name, 1, key)

    async def _take_missed(self, missed: Sequence[Turn], turn: int, *, is_stored: bool) -> None:
        """Show what other nodes have stored before this turn."""
        for one in missed:
            self._take(one)
        before, is_level = turn - 1 if is_stored else turn, False
        while not is_level:
            try:
                await self._fetch(before)
                is_level = True
            except NodeIsOver:
                is_level = True
            except JournalError:  # it is stored, and what comes before it has to be shown before it
                await trio.sleep(AGAIN_SECONDS)

    async def _fetch(self, until: int) -> None:
        """Take in what has not been taken in, up to this turn. Raises JournalError."""
        nodes = self._directory.nodes
        while nodes is not None and self.turn < until:
            known = self.turn
            for turn in await nodes.turns(self.name, known):
                if turn.number <= until:
                    self._take(turn)
            if self.turn == known:
                await self._begin_anew()
                return

    async def _begin_anew(self) -> None:
        """Turns are forgotten that have not been taken in: show what is kept of what was said in them, and go on from there. Raises JournalError.

        If that is less than has been shown, the journal is another one than it was, and both are told.
        """
        kept = await self._directory.journal.conversations.find(self.name)
        if kept is None:
            self.is_over = True
            return
        record, shown = kept.record, self.last_seq
        log.warning("a conversation has missed what its journal has forgotten; it goes on from there")
        self.first, self.turn = record.first, record.turn
        self.take_parties(record.parties)
        await self._show_before(record.last + 1)
        if record.last < shown:
            self.last_seq, self._last_at = record.last, record.last_at
            self.read = {who: min(read, record.last) for who, read in self.read.items()}
            self.rewritings += 1
            self._guard.attempt(self._here.tell_failed, self)

    async def _show_before(self, seq: int) -> None:
        """Show what is stored before this number and has not been shown: who said it has not waited for that."""
        while self.last_seq < seq - 1:
            last = min(seq - 1, self.last_seq + LINES_AT_ONCE)
            page = await self._directory.journal.read(self.name, self.last_seq + 1, last)
            if page.lines:
                self._show_lines(page.lines)
            self.last_seq = max(self.last_seq, last)

    def _show_lines(self, lines: Sequence[Entry], but: Occupant | None = None) -> None:
        new = [line for line in lines if line.seq > self.last_seq]
        if new:
            self.last_seq, self._last_at = new[-1].seq, new[-1].at
            for amending in (line for line in new if isinstance(line, Amending)):
                self.rewritings += 1
                self.referred.amend(amending)
            self._guard.attempt(self._here.show, self, self._directory.guests.on(new), but)

    async def accept(self, who: str) -> list[Entry]:
        """Let one of the two have accepted it. Returns what they have not been shown until then. Raises JournalError."""
        async with self._lock:
            with carried_through():
                await self._directory.journal.conversations.accept(self.name, who)
                self.parties = accepted(self.parties, who)
            if not self.party(who).has_accepted:
                raise JournalError("it took too long")
            read = max(self.read.get(who, 0), self.first - 1, self.last_seq - LINES_AT_ONCE)
            page = await self._directory.journal.read(self.name, read + 1, self.last_seq)
            self.note_read(who, self.last_seq)
        self._take_waiting()
        return [*self._directory.guests.on(page.lines)]

    # What is said at other nodes.

    def follow(self, turns: Sequence[Turn]) -> None:
        """Take these turns in; see Follower."""
        room_for = TURNS_WAITING_MAX - len(self._waiting)
        self._waiting.extend([turn for turn in turns if turn.number > self.turn][:room_for])
        if not self._lock.locked():
            self._take_waiting()

    def _take_waiting(self) -> None:
        while self._waiting:
            self._take(self._waiting.popleft())

    def _take(self, turn: Turn) -> None:
        """Show a turn that comes next. For one that comes too early, those before it are fetched; it is handed over again."""
        if turn.number == self.turn + 1:
            self.turn = turn.number
            self._show_lines(showable(turn.lines))
            if turn.lines:
                self.last_seq = max(self.last_seq, turn.lines[-1].seq)
        elif turn.number > self.turn + 1 and not (self._is_behind or self._lock.locked()):
            self._is_behind = True
            self._here.sending.start(partial(self._catch_up, turn.number - 1))

    async def _catch_up(self, until: int) -> None:
        """Take in what this node has missed, up to this turn. What the journal refuses is tried again when the turn is handed over again."""
        async with self._lock:
            with self._guard, suppress(JournalError):
                await self._fetch(until)
        self._is_behind = False
        self._take_waiting()


def _key_of(request: Sayable) -> str:
    return "" if isinstance(request, Acting) else request.key


def in_room(event: Entry, room: str) -> Entry:
    """An entry as it is seen in a room of this name."""
    return replace(event, room=room)


def lines_in_room(lines: Iterable[L], room: str) -> tuple[L, ...]:
    """The same of several."""
    return tuple(replace(line, room=room) for line in lines)
