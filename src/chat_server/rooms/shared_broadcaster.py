"""The turns of a room of several nodes: its own, which are stored with those who come and go in them, and those of the other nodes.

Every node shows all turns in the order of their numbers, and nothing before it is stored. A turn that has been shown is dropped, one that comes too
early waits until those before it have been fetched. What this node's people do that cannot be stored is owed and stored with a later turn, if they
go; if they come, they are told that they cannot. Never knows how an engine stores turns, nor what one can do in a room.
"""

from collections import deque
from collections.abc import Sequence
from contextlib import nullcontext, suppress
from math import inf
from time import time
from typing import cast

import trio
from msgspec.structs import replace

from chat_server.journal import JournalError, Receipt
from chat_server.journal.batch_codec import Stored
from chat_server.journal.nodes import (
    Beside,
    Movement,
    NodeIsOver,
    Nodes,
    Revoked,
    Speaker,
    Stale,
    Turn,
    TurnReceipt,
    Went,
)
from chat_server.journal.showable import showable, showable_in_runs
from chat_server.logs import log
from chat_server.protocol.amendments import referred_to
from chat_server.protocol.entries import Entry
from chat_server.protocol.events import Refused, RoomFailed
from chat_server.protocol.runs import Piece, SaidRun, each_of
from chat_server.rooms.batch import (
    Arrival,
    Barrier,
    Batch,
    InboxEntry,
    InboxItem,
    Renaming,
    Takeover,
    outcome_of,
)
from chat_server.rooms.broadcaster import Broadcaster, Outcome, Parts
from chat_server.rooms.changes import NOBODY
from chat_server.rooms.gathering import Gathering
from chat_server.rooms.misnamed import names_to_tell
from chat_server.rooms.movements import Planned, Planner, not_said_by, with_refused
from chat_server.rooms.own_turn import OwnTurn, after_acts
from chat_server.rooms.room import Occupant, Room
from chat_server.rooms.shared_members import SharedMembers
from chat_server.rooms.stored_later import StoredLater

TURNS_WAITING_MAX = 1024
"""Turns of other nodes that wait in a room. What comes beyond that is dropped: it is handed over again within a second."""

OWED_SECONDS = 1.0
"""Seconds after which a room in which nothing else happens tries again to store what it owes."""

NAME_SECONDS = 3.0
"""Seconds after which somebody whose name came from another node has it at this one too, or the engine is asked: if it knows of none that they were
given later than the one that they have here, that is told of once more. Else this node has not heard of that yet, and lets them have it."""

LOOKS_MAX = 5
"""How often a room looks who is there until no turn comes in between."""


class SharedBroadcaster(Broadcaster):
    """The broadcaster of one room at one node. See Follower: it is one."""

    _members: SharedMembers

    def __init__(self, room: Room, parts: Parts, nodes: Nodes, turn: int) -> None:
        """Go on after this turn."""
        super().__init__(room, parts)
        self._nodes, self.turn, self._heard = nodes, turn, 0
        self._waiting: deque[Turn] = deque()
        self._is_woken = self._owes = False
        self._owed_at, self._names_at, self.rests_until = inf, inf, -inf
        self._gathering = Gathering()
        self._again: list[InboxEntry] = []  # new names that could not be stored
        self._moves: dict[trio.Event, list[Movement]] = {}  # of the turn that is being taken in, by what is set then
        self._refused: set[trio.Event] = set()  # arrivals that could not be stored
        self.stored_later = StoredLater(parts.guard)

    @property
    def name(self) -> str:
        """What the room is called."""
        return self._room.name

    def follow(self, turns: Sequence[Turn]) -> None:
        """Take these turns in; see Follower."""
        room_for = TURNS_WAITING_MAX - len(self._waiting)
        self._waiting.extend([turn for turn in turns if turn.number > self.turn][:room_for])
        if self._waiting:
            self._wake()

    def owe(self) -> None:
        """Somebody here may be otherwise than the turns have it: store what has come of that."""
        self._owes, self._owed_at = True, trio.current_time()
        self._wake()

    def _wake(self) -> None:
        if not self._is_woken:
            self._is_woken = True
            with suppress(trio.ClosedResourceError):
                self._inbox.put_nowait((NOBODY, "", Barrier(trio.Event()), ()))

    async def _next_entry(self) -> InboxEntry | None:
        entry: InboxEntry | None = (NOBODY, "", Barrier(trio.Event()), ())
        with trio.move_on_at(due) if (due := min(self._owed_at, self._names_at)) < inf else nullcontext():
            entry = await super()._next_entry()
        if entry is not None and entry[0] is NOBODY and trio.current_time() < self.rests_until:
            with suppress(trio.EndOfChannel), trio.move_on_at(self.rests_until):
                entry = await super()._next_entry() or entry
        elif pause := self._gathering.pause(len(self._audience)):
            await trio.sleep(pause)
        self._heard = self._nodes.heard  # whoever is not silenced by then has not been put out by what it has heard
        return entry

    def _flush(self) -> None:
        if self._audience.events:
            self.rests_until = self._gathering.end_of_rest(len(self._audience))
        super()._flush()

    async def _store_and_take(self, entries: Sequence[InboxEntry]) -> None:
        self.stored_later.note(entries)
        if self._is_woken:
            self._is_woken = False
            entries = [entry for entry in entries if entry[0] is not NOBODY]
        if self._waiting:
            waiting, self._waiting = [*self._waiting], deque()
            with self._guard:
                await self._take_in(waiting)
        if self._names_at <= trio.current_time():
            self._names_at = inf
            with self._guard:
                self._again += await names_to_tell(self._members, self._nodes, self._directory.others)
        if self._members.misnamed and self._names_at == inf:
            self._names_at = trio.current_time() + NAME_SECONDS
        entries, self._again = [*self._again, *entries] if self._again else entries, []
        if self._owes and not entries:
            entries = [(NOBODY, "", Barrier(trio.Event()), ())]
        await super()._store_and_take(entries)
        if not (self._owes or self._again):
            self.stored_later.tell()

    # The turns of this node.

    async def _store(self, entries: Sequence[InboxEntry]) -> Outcome | None:
        """Store the lines among the entries, and who comes and goes. See Broadcaster."""
        self._moves, self._refused = {}, set()
        with self._guard:
            return await self._store_turn(entries)
        return await self._find_stored(entries)

    async def _store_turn(self, entries: Sequence[InboxEntry]) -> Outcome | None:
        owes, self._owes, self._owed_at = self._owes, False, inf
        revoked: set[Speaker] = set()
        while True:
            may = not_said_by(entries, revoked, self._members.node)
            planned = Planner(self._members, self._nodes.life.holds_back).plan(may, owes=owes)
            may = planned.entries
            beside = Beside(self.name, self.turn, planned.placed, planned.speakers, self._heard, acts=self._acts)
            history = self._history
            own = OwnTurn(self._nodes, beside._replace(names=planned.names), history.gate.state)
            marks_guests, after = bool(self._directory.guests), (history.last_seq, history.last_at)
            batch = Batch(self.name, after, time(), may, own, line_of=history.line, marks_guests=marks_guests)
            await own.settled()
            if isinstance(own.error, Stale):
                self._owes |= owes
                if (missed := await after_acts(own.error, self._directory.accounts.acts)) is not None:
                    await self._take_in(missed)
                    return None
            if not isinstance(own.error, Revoked) or planned.speakers.isdisjoint(own.error.authors):
                break
            revoked |= own.error.authors
        if own.receipt is not None:
            await self._take_missed(own.receipt, batch, planned)
        if own.error is not None:
            self._members.known_as({})
            self._keep_for_later(may)
        else:
            self._members.known_as(planned.stored_as)
            self._moves = planned.of
            for movement in planned.owed:
                self._members.take(self._members.node, movement)
        stored, answers = await batch.stored(), own.to_tell(batch.answers)
        if own.receipt is not None:  # not before: until here, it could be shown from its text
            self.turn = max(self.turn, own.receipt.turn)
        if not revoked:
            return stored, answers, batch.is_plain
        return with_refused(self.name, entries, stored, answers, (revoked, self._members.node))

    async def _take_missed(self, receipt: TurnReceipt, batch: Batch, planned: Planned) -> None:
        """The turn is stored, or there was nothing left to store: take in what comes before it, and number its lines as they are."""
        is_new = bool(planned.placed) or len(receipt.duplicates) < len(batch.lines)
        await self._take_in(receipt.missed)
        before = receipt.turn - 1 if is_new else receipt.turn
        while self.turn < before:  # it has been stored, and what comes before it has to be shown before it
            known = self.turn
            try:
                await self._fetch(before)
                if self.turn == known:
                    self._guard.note(LookupError("turns are forgotten that this room has not taken in"))
                    break
            except NodeIsOver:
                break
            except JournalError:
                await trio.sleep(OWED_SECONDS)
        batch.move(receipt.first, receipt.at)

    def _keep_for_later(self, entries: Sequence[InboxEntry]) -> None:
        """None of it is stored: who goes goes all the same, and that is owed; who would have come is told that they cannot."""
        self._owes, self._owed_at = True, trio.current_time() + OWED_SECONDS
        self._again = [entry for entry in entries if isinstance(entry[2], Renaming)]
        self._refused = {
            what.done
            for session, _, what, _ in entries
            if isinstance(what, Arrival | Takeover) and not self._members.is_listed_here(session)
        }

    async def _take_other(self, session: Occupant, nick: str, what: InboxItem) -> None:
        done = cast(Arrival, what).done
        if done in self._refused:
            self._refuse(session)
            done.set()
            return
        moves = self._moves.pop(done, ())
        for movement in moves:
            if not isinstance(movement, Went):
                self._members.take(self._members.node, movement, session)
        await super()._take_other(session, nick, what)
        for movement in moves:
            if isinstance(movement, Went):
                self._members.take(self._members.node, movement)
        if moves and self._members.is_called_otherwise(session, nick, moves):
            self._again.append((session, nick, Renaming(trio.Event()), ()))
            self.owe()

    def refuses(self, session: Occupant) -> bool:
        """Whether a session cannot come in now, for nothing can be stored for a while; it is told so."""
        if is_away := self._nodes.life.is_engine_away:
            self._refuse(session)
        return is_away

    def _refuse(self, session: Occupant) -> None:
        self._audience.tell(session, Refused("engine-away" if self._nodes.life.is_engine_away else "cannot-store"))
        self._door.put_out(session)

    # The turns of all nodes.

    async def _take_in(self, turns: Sequence[Turn]) -> None:
        """Take in those that come next. Those that cannot be taken in now are handed over again."""
        with suppress(JournalError):
            for turn in turns:
                if turn.number > self.turn + 1:
                    await self._fetch(turn.number - 1)
                if turn.number > self.turn + 1:
                    await self._begin_anew()
                if turn.number == self.turn + 1:
                    if turn is not turns[0]:
                        await trio.lowlevel.checkpoint()
                    self._take_turn(turn)

    async def _fetch(self, until: float = inf) -> list[Entry]:
        """Take in what the room does not know yet, up to this turn. Returns what of it is this node's own."""
        own: list[Entry] = []
        while self.turn < until and (found := await self._nodes.turns(self.name, self.turn)):
            if found[0].number > self.turn + 1:
                break
            for turn in found:
                if turn.number > until:
                    return own
                self._take_turn(turn)
                if turn.node == self._members.node:
                    own += showable(turn.lines)
            await trio.lowlevel.checkpoint()
        else:
            return own
        await self._begin_anew()
        return own

    def _take_turn(self, turn: Turn) -> None:
        """Show a turn, of whatever node, from its text."""
        is_taken, start = False, 0
        with self._guard:
            for after, movement in turn.movements:
                self._add_stored(turn.lines[start:after])
                start = max(start, after)
                self._members.take(turn.node, movement)
            self._add_stored(turn.lines[start:] if start else turn.lines)
            is_taken = True
        if not is_taken:
            self._add_anyway([line for line in showable(turn.lines) if line.seq > self._history.last_seq])
        self.turn = turn.number
        if turn.lines:
            self._gathering.note_lines_elsewhere()
        if turn.node == self._members.node:
            self.owe()  # it was stored, and nobody here knew: whoever came or went in it may be otherwise

    def _add_stored(self, lines: Sequence[Stored]) -> None:
        if not lines:
            return
        shown = _in_room(self.name, self._directory.guests.on(showable_in_runs(lines)))
        if any(type(line) is not SaidRun and (line.changes_room or referred_to(line)) for line in shown):
            for line in each_of(shown):
                self._add_line(line)
                self._door.note(line)
        elif shown:
            self._add_lines(shown, [()] * len(shown))
        if lines[-1].seq > self._history.last_seq:  # it is of a kind that this release does not know
            self._history.skip(lines[-1].seq, lines[-1].at)

    async def _begin_anew(self) -> None:
        """Turns are forgotten that the room has not taken in: go on from how it is now, and say so."""
        opening = await self._nodes.open(self.name)
        log.warning("a room goes on after what its journal has forgotten", room=self._audience.log_name())
        before = self._history.last_seq
        self.turn = opening.record.turn
        self._history.begin_anew(opening.record)
        self._members.become(opening.people)
        self._audience.put(RoomFailed(self.name, before))

    async def _show_stored(self, _: Entry, receipt: Receipt) -> None:
        """It is a turn of no node's, which every node is handed: take it in now, with what comes before it."""
        with self._guard, suppress(JournalError):
            await self._fetch(receipt.turn)
        self._flush()

    # When a step has failed.

    async def _find_stored(self, entries: Sequence[InboxEntry]) -> Outcome:
        """Something went wrong while a turn was being stored: if it is, it is shown from its text. See Broadcaster."""
        own: list[Entry] = []
        with self._guard:
            own = await self._fetch()
        self._moves = {}
        self._keep_for_later(entries)
        nothing, answers = outcome_of(self.name, entries, own)
        return [None] * len(nothing), answers, False

    def _take_anyway(self, entries: Sequence[InboxEntry], stored: Sequence[Entry | None]) -> None:
        self.stored_later.note(entries)
        moves, self._moves = self._moves, {}
        for movements in moves.values():
            for movement in movements:
                self._guard.attempt(self._members.take, self._members.node, movement)
        for session, _, what, _ in entries:
            if (
                isinstance(what, Arrival | Takeover)
                and not what.done.is_set()
                and not self._members.is_listed_here(session)
            ):
                self._refuse(session)
                what.done.set()
        super()._take_anyway(entries, stored)

    async def _show_unseen(self) -> None:
        """Show what is stored and was not shown, and see to it that who is there is who the engine says is."""
        self._owes, self._owed_at = True, trio.current_time() + OWED_SECONDS
        for _ in range(LOOKS_MAX):
            await self._fetch()
            opening = await self._nodes.open(self.name)
            if opening.record.turn == self.turn:
                self._members.become(opening.people)
                return


def _in_room(name: str, lines: Sequence[Piece]) -> Sequence[Piece]:
    if not lines or lines[0].room == name:
        return lines
    return [
        replace(line, room=name) for line in lines
    ]  # renamed at another node, of which nobody has been told here yet
