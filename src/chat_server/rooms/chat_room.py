"""A room where people talk: its order, its members, its broadcaster.

Everything that happens in the room enters one inbox and leaves it in one order: lines, but joins, leaves and renames too. One task, `run`, takes
from it; only that task changes who is a member and what number a line has. What is said is stored before anybody sees it. A bug in any step
of a turn is logged and hurts that turn at most; nobody waits for ever because of it, and what is stored is shown all the same. Never knows
bytes on the wire.
"""

import time
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from itertools import islice
from math import inf
from operator import length_hint
from typing import ClassVar

import structlog
import trio

from chat_server.guard import Guard
from chat_server.journal import JournalError, RoomRecord
from chat_server.protocol.entries import KINDS, Kept, Line, Storable, TopicSet
from chat_server.protocol.events import (
    Entered,
    Event,
    Faltered,
    NotStored,
    Renamed,
    Stored,
)
from chat_server.protocol.mentions import names_in
from chat_server.protocol.names import same_name_key
from chat_server.rooms.batch import (
    STORED_KINDS,
    Arrival,
    Batch,
    Departure,
    Entry,
    Happening,
    Marker,
    Succession,
    Timing,
)
from chat_server.rooms.directory import Directory
from chat_server.rooms.presence import Presence
from chat_server.rooms.recent_history import Past
from chat_server.rooms.room import ROOM, Occupant, Pause, Room

INBOX_MAX = 1024
"""Entries that wait in a room's inbox; then whoever has more waits. A batch is at most this long."""

NAMED_ON_ENTERING_MAX = 20
"""Names shown on entering; /online shows all. Without a bound, 5000 people joining one room cost 12 million names."""

ANNOUNCE_GAP_PER_MEMBER = 0.02
"""Seconds between two announcements of joins and leaves, for each member. Telling one member costs 8 us, so announcing never costs a room
more than 0.04 % of a core; a room of ten waits 0.2 s at the most, and only after another announcement."""

ANNOUNCE_GAP_MAX = 2.0
"""Seconds between two announcements in the largest rooms."""


KINDS_MAX = 6
"""Kinds of readers in a room (languages, charsets, widths, colours) beyond which a newcomer is shown lines as the nearest of them. Each costs a
rendering of every line; the rooms of honest people have two or three."""

SHOWN_AT_A_TIME = 4096
"""Bytes shown to one kind of reader after the other before others have their turn: 0.1 to 1.5 ms."""

READ_AGAIN_SECONDS = 10.0
"""Seconds after which a room tries again to read its past from a disk that would not."""

REST_AFTER_FAILURE = 0.1
"""Seconds for which a room rests after a turn in which something went wrong: a bug that comes every time must not keep the server busy."""

_Answer = tuple[Occupant, Event]
"""An author, and what became of their line."""

_CALLING: tuple[type[Kept], ...] = tuple(kind for kind in KINDS if kind.alerts and not kind.shape.is_sentence)
"""Kinds of lines that are shown in another way to somebody who is named in them; the server's own word is not."""

_log = structlog.get_logger()


class ChatRoom(Room):
    """A chat room."""

    kind: ClassVar[str] = ROOM

    def __init__(self, record: RoomRecord, directory: Directory[Room, Occupant], hall: Room) -> None:
        """Open a room as it was left, from which one goes back to `hall`. Nothing happens in it until `run` runs."""
        super().__init__(record.name, directory)
        self.hall = hall
        """Where one goes back to."""
        self._post, self._inbox = trio.open_memory_channel[Entry](INBOX_MAX)
        self._members: dict[Occupant, str] = {}  # with the nickname that the room has heard of
        # The members' `push` by their `show`. To go through the members themselves would bring a thousand more objects into the
        # processor's cache, which the kernel has emptied between two sends: that took S3's CPU from 1.3 times the C reference's to 1.2 times.
        self._audiences: dict[Callable[[Event], bytes], dict[Occupant, Callable[[bytes], None]]] = {}
        self._seats: dict[Occupant, Callable[[Event], bytes]] = {}  # under which of them each member is
        self._shown_ahead: dict[Callable[[Event], bytes], list[bytes]] = {}  # the first of `_events`, as kinds see them
        self._watchful: dict[
            str, Occupant
        ] = {}  # by the name's key: whom a line with their name in it is shown in another way
        self._topic = record.topic
        self._past = Past(record.name, record.last)
        self._shown_seq = record.last
        self.timing: set[Occupant] = set()
        """Who wants their next line timed."""
        self._entered_at: dict[Occupant, int] = {}  # who has entered and does not know yet behind which line
        self._strays: list[Occupant] = []  # who left while the inbox was full, and could not wait
        self._events: list[Event] = []  # what members will see next
        self._not_for: list[tuple[Occupant, ...]] = []  # who of them will not: the author, or who knows it already
        self._presence = Presence(record.name)
        self._announced_at = -inf
        self._read_past_at = -inf
        self._guard = Guard("something went wrong in a room; it goes on", room=record.name)
        # What goes wrong while something is shown to some of the members is the business of those alone.
        self._aside = Guard("something could not be shown in a room", room=record.name)

    @property
    def nicks(self) -> list[str]:
        """Who is here."""
        return list(self._members.values())

    def others(self, session: Occupant) -> tuple[str, ...]:
        """Who else is here."""
        return tuple(nick for member, nick in self._members.items() if member is not session)

    @property
    def population(self) -> int:
        """How many are here."""
        return len(self._members)

    def __contains__(self, session: object) -> bool:
        return session in self._members

    @property
    def topic(self) -> str:
        """What was set last as its topic, or ""."""
        return self._topic

    @property
    def last_seq(self) -> int:
        """The number of the newest line that everybody has been shown."""
        return self._shown_seq

    @property
    def position(self) -> dict[str, int]:
        """How far somebody has come who has been shown everything."""
        return {self.name: self._shown_seq}

    # What people do here. A request goes into the inbox at once; only when that is full, the session waits.

    def post(self, session: Occupant, what: Happening) -> Pause:
        """Put something into the inbox; if it is full, return what to await."""
        entry = (session, session.nick, what, () if session.hears_itself else (session,))
        try:
            self._post.send_nowait(entry)
        except trio.WouldBlock:
            return self._post.send(entry)
        return None

    def take_timing(self, session: Occupant, request: Storable) -> Storable | Timing:
        """The request; with the time, if its author wants to know how long it takes."""
        if session not in self.timing:
            return request
        self.timing.remove(session)
        return Timing(request, trio.current_time())

    def announce_name(self, session: Occupant, old: str) -> Pause:
        """Tell everybody here, the person too."""
        return self.post(session, Renamed(old, session.nick, self.name))

    async def enter(self, session: Occupant, *, is_return: bool = False) -> int:
        """Take the session in. When this returns, it has been told where it is, and everything said since then."""
        await self._post_and_wait(session, Arrival(trio.Event(), is_return))
        return self._entered_at.pop(session, self._shown_seq)

    async def succeed(self, ghost: Occupant, heir: Occupant) -> int:
        """Take `heir` in instead of `ghost`; the others are told nothing, for nobody has come or gone."""
        await self._post_and_wait(heir, Succession(ghost, trio.Event()))
        return self._entered_at.pop(heir, self._shown_seq)

    async def leave(self, session: Occupant) -> None:
        """Let the session go. When this returns, nothing from here reaches it any more. Harmless for one that is not here."""
        await self._post_and_wait(session, Departure(trio.Event()))

    async def settled(self, session: Occupant) -> None:
        """Wait until what the session said before has been stored and shown."""
        await self._post_and_wait(session, Marker(trio.Event()))

    async def _post_and_wait(self, session: Occupant, what: Arrival | Succession | Departure | Marker) -> None:
        pause = self.post(session, what)
        if pause is not None:
            try:
                await pause
            except trio.Cancelled:
                if type(what) is Departure:
                    self._strays.append(session)
                raise
        await what.done.wait()

    def forget_past(self) -> None:
        """Something of what was said has been deleted: read again what those who enter are shown."""
        self._past.is_read = not self._past.last_seq

    # The broadcaster.

    def close(self) -> None:
        """Take nothing more in; `run` returns when it has delivered what waits."""
        self._post.close()

    async def run(self) -> None:
        """Store and deliver what enters the inbox, turn by turn, until `close`. Raises nothing but Cancelled."""
        shown_before = self._shown_seq
        while True:
            with self._guard, suppress(trio.EndOfChannel):
                while not self._guard.has_failed:
                    shown_before = self._shown_seq
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
            with suppress(trio.WouldBlock, trio.EndOfChannel):
                entries.extend(self._inbox.receive_nowait() for _ in range(INBOX_MAX))
            is_done = False
            try:
                with self._guard:
                    await self._store_and_take(entries)
                    is_done = True
                if not is_done:
                    stored, answers, _ = await self._find_stored(entries)
                    self._take_anyway(entries, stored)
                    self._answer_each(answers)
            finally:
                _finish(entries)
        with self._guard:
            if self._presence and trio.current_time() >= self._announcement_due:
                self._announce()
            if len(self._audiences) > 1 and self._events:
                await self._show_ahead()
        self._flush()

    async def _next_entry(self) -> Entry | None:
        """Wait for the next entry; None when it is time to announce who came and went."""
        if not self._presence:
            return await self._inbox.receive()
        with trio.move_on_at(self._announcement_due):
            return await self._inbox.receive()
        return None

    async def _store_and_take(self, entries: Sequence[Entry]) -> None:
        """Store everything that waited, and turn it into what members will see."""
        stored, answers, is_plain = await self._store(entries)
        if not self._past.is_read and trio.current_time() >= self._read_past_at:
            with self._guard:
                await self._read_past()
        is_taken = False
        with self._guard:
            await self._take(entries, stored, is_plain=is_plain)
            is_taken = True
        if not is_taken:
            self._take_anyway(entries, stored)
        while self._strays:
            stray = self._strays.pop()
            if not self._guard.attempt(self._depart, stray):
                self._let_go(stray)
        if answers:
            with self._guard:
                await self._show_ahead()
                self._answer(answers)
            self._answer_each(answers)

    async def _store(self, entries: Sequence[Entry]) -> tuple[Sequence[Line | None], deque[_Answer], bool]:
        """Store the lines among the entries. Returns them, None for each that is not stored; what to tell authors; and `Batch.is_plain`."""
        with self._guard:
            batch = Batch(self.name, self._past.last_seq, time.time(), entries, self.directory.journal)
            stored = await batch.stored()
            return stored, deque(batch.answers), batch.is_plain
        return await self._find_stored(entries)

    async def _find_stored(self, entries: Sequence[Entry]) -> tuple[Sequence[Line | None], deque[_Answer], bool]:
        """Something went wrong while the lines were being stored: look whether they are, all or none. See `_store`."""
        keys = [(entry[0], _key_of(entry)) for entry in entries if type(entry[2]) in STORED_KINDS]
        found: Sequence[Line] = ()
        with self._guard:
            found = await self._read_unseen()
        if len(found) == len(keys):
            answers = [
                (author, Stored(self.name, line.seq, key))
                for (author, key), line in zip(keys, found, strict=True)
                if key
            ]
            return found, deque(answers), False
        return [None] * len(keys), deque((author, NotStored(self.name, 1, key)) for author, key in keys), False

    async def _read_unseen(self) -> Sequence[Line]:
        """Lines that are stored, but of which the room does not know: as many as one turn may have."""
        last = self._past.last_seq
        return (await self.directory.journal.read(self.name, last + 1, last + INBOX_MAX + 1)).lines

    async def _take(self, entries: Sequence[Entry], stored: Sequence[Line | None], *, is_plain: bool) -> None:
        """Turn every entry into what members will see of it."""
        if is_plain:
            self._add_lines([line for line in stored if line], [entry[3] for entry in entries])
        else:
            await self._take_each(entries, stored)

    async def _take_each(self, entries: Sequence[Entry], stored: Sequence[Line | None]) -> None:
        lines = iter(stored)
        for session, nick, what, not_for in entries:
            if type(what) not in STORED_KINDS:
                await self._show_ahead()
            if type(what) in STORED_KINDS:
                line = next(lines)
                if line is not None:
                    self._add_lines([line], [() if line.changes_room else not_for])
            elif type(what) is Renamed:
                self._rename(session, what)
            elif type(what) is Arrival:
                self._arrive(session, nick, is_return=what.is_return)
                what.done.set()
                await trio.lowlevel.checkpoint()  # what it was shown of the past may have been dear
            elif type(what) is Succession:
                self._succeed(session, nick, what.ghost)
                what.done.set()
            elif type(what) is Departure:
                self._depart(session)
                what.done.set()
            elif type(what) is Marker:
                self._flush()
                what.done.set()

    def _answer(self, answers: deque[_Answer]) -> None:
        """Tell authors what became of their lines, after what came before."""
        self._flush()
        self._answer_each(answers)

    def _answer_each(self, answers: deque[_Answer]) -> None:
        while answers:
            self._tell(*answers.popleft())

    def _tell(self, session: Occupant, event: Event) -> None:
        """Show something to one session; if that fails, it is the end of that session and of no other."""
        if not self._aside.attempt(session.send, event):
            self._aside.attempt(session.fail)

    # When a step has failed. What is done here is the least that keeps the room's books right, and calls as little as it can.

    def _take_anyway(self, entries: Sequence[Entry], stored: Sequence[Line | None]) -> None:
        """Do what `_take` has not done when it failed: lines are to be seen, whoever came is here, whoever left is not."""
        lines = iter(stored)
        for session, nick, what, _ in entries:
            if type(what) in STORED_KINDS:
                line = next(lines, None)
                if line is not None and line.seq > self._past.last_seq:
                    self._add_anyway([line])
            elif type(what) is Renamed:
                self._rename_anyway(session, what)
            elif isinstance(what, Departure) and not what.done.is_set():
                if session in self._members:
                    self._guard.attempt(self._presence.left, self._members[session], session)
                self._let_go(session)
            elif isinstance(what, Arrival | Succession) and not what.done.is_set():
                self._arrive_anyway(session, nick, what)

    def _rename_anyway(self, session: Occupant, renamed: Renamed) -> None:
        if session not in self._members or self._members[session] == renamed.new:
            return
        self._let_go(session)
        self._guard.attempt(self._admit, session, renamed.new)
        if not any(event is renamed for event in self._events):
            self._events.append(renamed)
            self._not_for.append(())

    def _arrive_anyway(self, session: Occupant, nick: str, what: Arrival | Succession) -> None:
        if isinstance(what, Succession):
            self._let_go(what.ghost)
        if session in self._entered_at:
            return
        if not self._guard.attempt(self._welcome, session, nick):
            self._aside.attempt(session.fail)
        elif isinstance(what, Succession):
            self._guard.attempt(self._presence.replaced, what.ghost, session)
        else:
            self._guard.attempt(self._presence.joined, nick, session)

    def _add_anyway(self, lines: Sequence[Line]) -> None:
        """Add lines to what members, their authors too, will see; the past is read again before it is next needed."""
        for line in lines:
            self._events.append(line)
            self._not_for.append(())
            self._past.last_seq = line.seq
            if type(line) is TopicSet:
                self._topic = line.text
        self.forget_past()

    def _let_go(self, session: Occupant) -> None:
        """Take the session out of all books."""
        self._members.pop(session, None)
        self._seats.pop(session, None)
        self._entered_at.pop(session, None)
        self.timing.discard(session)
        self._audiences = {
            show: kept
            for show, pushes in self._audiences.items()
            if (kept := {m: p for m, p in pushes.items() if m is not session})
        }
        self._watchful = {name: member for name, member in self._watchful.items() if member is not session}

    async def _recover(self, shown_before: int) -> None:
        """A step has failed: show what is stored and was not shown, say to everybody here that it happened, and go on."""
        self.forget_past()
        with self._guard:
            self._add_anyway(await self._read_unseen())
        self._guard.attempt(self._flush)
        for member in list(self._members):
            self._tell(member, Faltered(self.name, shown_before))
        self._guard.has_failed = False
        await trio.sleep(REST_AFTER_FAILURE)

    def forget(self, session: Occupant) -> None:
        """Let the session go in the next turn: it could not leave as others do."""
        self._strays.append(session)
        with suppress(trio.WouldBlock, trio.ClosedResourceError):
            self._post.send_nowait((session, session.nick, Marker(trio.Event()), ()))

    async def _read_past(self) -> None:
        try:
            await self._past.read(self.directory.journal)
        except JournalError as error:
            self._read_past_at = trio.current_time() + READ_AGAIN_SECONDS
            _log.error("cannot read what was said", room=self.name, why=str(error))

    def _add_lines(self, lines: Sequence[Line], not_for: Sequence[tuple[Occupant, ...]]) -> None:
        """Add lines to what members will see; who came or went before them is announced before them."""
        if self._presence:
            self._announce()
        self._past.add(lines)
        self._events += lines
        self._not_for += not_for
        if type(lines[-1]) is TopicSet:
            self._topic = lines[-1].text

    def _rename(self, session: Occupant, renamed: Renamed) -> None:
        if self._presence:
            self._announce()
        self._events.append(renamed)
        self._not_for.append(())
        if session in self._members:
            self._unseat(session, self._members[session])
            self._members[session] = renamed.new
            self._seat(session, renamed.new)

    def _arrive(self, session: Occupant, nick: str, *, is_return: bool) -> None:
        self._take_in(session, nick)
        self._presence.joined(nick, session)
        if not is_return:
            recalled = self._past.recalled(same_name_key(nick), session.history, session.zone)
            if recalled is not None:
                self._tell(session, recalled)
        self._remember(nick)

    def _succeed(self, heir: Occupant, nick: str, ghost: Occupant) -> None:
        if ghost not in self._members:  # it has been let go already
            self._arrive(heir, nick, is_return=True)
            return
        self._flush()
        known_as = self._members.pop(ghost)
        self._unseat(ghost, known_as)
        self._take_in(heir, nick)
        self._presence.replaced(ghost, heir)
        if known_as != nick:  # the ghost was lost while it changed its name
            self._events.append(Renamed(known_as, nick, self.name))
            self._not_for.append(())

    def _take_in(self, session: Occupant, nick: str) -> None:
        self._flush()
        self._welcome(session, nick)

    def _welcome(self, session: Occupant, nick: str) -> None:
        """Make the session a member, and tell it where it is."""
        others = len(self._members)
        shown = tuple(islice(self._members.values(), NAMED_ON_ENTERING_MAX))
        self._admit(session, nick)
        self._entered_at[session] = self._past.last_seq
        self._tell(session, Entered(self.name, shown, others - len(shown), self._topic, self._past.last_seq))

    def _admit(self, session: Occupant, nick: str) -> None:
        self._members[session] = nick
        self._seat(session, nick)

    def _seat(self, member: Occupant, nick: str) -> None:
        """Put a member among those who are shown things in the same way."""
        show = member.show
        if show not in self._audiences and len(self._audiences) >= KINDS_MAX:
            show = member.show_among(self._audiences, KINDS_MAX)
        self._seats[member] = show
        self._audiences.setdefault(show, {})[member] = member.push
        if member.show_naming is not None and show is member.show:
            self._watchful[same_name_key(nick)] = member

    def _unseat(self, member: Occupant, nick: str) -> None:
        show = self._seats.pop(member)
        audience = self._audiences[show]
        del audience[member]
        if not audience:
            del self._audiences[show]
        self._watchful.pop(same_name_key(nick), None)

    def shown_anew(self, session: Occupant, shown_before: Callable[[Event], bytes]) -> None:
        """Show things to a member in another way from now on. It has no place in the room's order: what happens stays the same."""
        del shown_before
        nick = self._members.get(session)
        if nick is not None:
            self._unseat(session, nick)
            self._seat(session, nick)

    def _depart(self, session: Occupant) -> None:
        self.timing.discard(session)
        self._entered_at.pop(session, None)
        if session in self._members:
            self._flush()
            nick = self._members.pop(session)
            self._unseat(session, nick)
            self._presence.left(nick, session)
            self._remember(nick)

    def _remember(self, nick: str) -> None:
        person = same_name_key(nick)
        self._past.remember(person)
        self.directory.journal.remember(self.name, person, self._past.last_seq)

    @property
    def _announcement_due(self) -> float:
        return self._announced_at + min(len(self._members) * ANNOUNCE_GAP_PER_MEMBER, ANNOUNCE_GAP_MAX)

    def _announce(self) -> None:
        self._announced_at = trio.current_time()
        for event, not_for in self._presence.take():
            self._events.append(event)
            self._not_for.append(not_for)

    async def _show_ahead(self) -> None:
        """Work out how each kind of reader is shown what comes next, and let others have their turn in between. `_flush` has little left to do."""
        size = 0
        for show in list(self._audiences):
            ahead = self._shown_ahead.setdefault(show, [])
            for event in self._events[len(ahead) :]:
                ahead.append(self._shown(show, event))
                size += len(ahead[-1])
                if size > SHOWN_AT_A_TIME:
                    size = 0
                    await trio.lowlevel.checkpoint()

    def _flush(self) -> None:
        """Give every member the batch's lines but their own, in one push each, shown once for each kind of reader."""
        if not self._events:
            return
        events, self._events = self._events, []
        not_for, self._not_for = self._not_for, []
        ahead, self._shown_ahead = self._shown_ahead, {}
        authors = set().union(*set(not_for))
        named: dict[Occupant, dict[int, bytes]] = {}
        if self._watchful:
            with self._aside:
                named = self._named_in(events)
        for show, pushes in self._audiences.items():
            pieces = ahead.get(show, [])
            with self._aside:
                pieces += [show(event) for event in events[len(pieces) :]]
            pieces += [self._shown(show, event) for event in events[len(pieces) :]]  # one by one, if that failed
            data = b"".join(pieces)
            apart = {member: pushes.pop(member) for member in (*authors, *named) if member in pushes}
            waiting = iter(pushes.values())
            while not self._aside.attempt(_push_each, waiting, data):
                failed = len(pushes) - length_hint(waiting) - 1
                self._aside.attempt(next(islice(pushes, failed, None)).fail)
            for member, push in apart.items():
                own = pieces
                if member in named:
                    own = [named[member].get(number, piece) for number, piece in enumerate(pieces)]
                others = [piece for piece, excluded in zip(own, not_for, strict=True) if member not in excluded]
                if others and not self._aside.attempt(push, b"".join(others)):
                    self._aside.attempt(member.fail)
            pushes.update(apart)
        self._shown_seq = self._past.last_seq

    def _shown(self, show: Callable[[Event], bytes], event: Event) -> bytes:
        """An event as one kind of reader is shown it; where that fails, that it does."""
        with self._aside:
            return show(event)
        after = event.seq - 1 if isinstance(event, Kept) else self._shown_seq
        with self._aside:
            return show(Faltered(self.name, after))
        return b""

    def _named_in(self, events: Sequence[Event]) -> dict[Occupant, dict[int, bytes]]:
        """For each watchful member who is named: the events that do, by their place, as they are shown to such a one."""
        named: dict[Occupant, dict[int, bytes]] = {}
        for number, event in enumerate(events):
            if not isinstance(event, _CALLING):
                continue
            shown: dict[Callable[[Event], bytes], bytes] = {}
            for name in names_in(event.text, self._watchful):
                member = self._watchful[name]
                show = member.show_naming
                if show is not None:
                    if show not in shown:
                        shown[show] = show(event)
                    named.setdefault(member, {})[number] = shown[show]
        return named


def _push_each(pushes: Iterator[Callable[[bytes], None]], data: bytes) -> None:
    """Give the data to all that are left; if one fails, those after it are still left. A guard around each push would cost as much again."""
    for push in pushes:
        push(data)


def _key_of(entry: Entry) -> str:
    """The key of something that is stored."""
    what = entry[2].request if isinstance(entry[2], Timing) else entry[2]
    return what.key if isinstance(what, Storable) else ""


def _finish(entries: Sequence[Entry]) -> None:
    """Let everybody go on who waits for one of the entries."""
    for _, _, what, _ in entries:
        if type(what) in _AWAITED:
            what.done.set()  # type: ignore[union-attr]


_AWAITED = frozenset((Arrival, Succession, Departure, Marker))
