"""A room where people talk: its order, its members, its broadcaster.

Everything that happens in the room enters one inbox and leaves it in one order: lines, but joins, leaves and renames too. One task, `run`, takes
from it; only that task changes who is a member and what number a line has. What is said is stored before anybody sees it. Never knows
bytes on the wire.
"""

import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from itertools import islice
from math import inf

import structlog
import trio

from chat_server.batch import STORED_KINDS, Arrival, Batch, Departure, Entry, Happening, Marker, Succession, Timing
from chat_server.commands import Pause
from chat_server.directory import Directory
from chat_server.events import (
    Act,
    Acted,
    Back,
    Entered,
    Event,
    Line,
    ListOnline,
    OnlineListed,
    Ping,
    Refused,
    Renamed,
    Request,
    Said,
    Say,
    TimingAwaited,
    Topic,
    TopicSet,
    TopicShown,
    Unreadable,
)
from chat_server.journal import JournalError, RoomRecord
from chat_server.mentions import names_in
from chat_server.names import same_name_key
from chat_server.past import Past
from chat_server.presence import Presence
from chat_server.readable_room import ReadableRoom
from chat_server.room import ListedRoom, Occupant, Room
from chat_server.syntax import word_of

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

TOPIC_MAX = 300
"""Characters in a topic: about what IRC servers allow. Whoever enters is shown it."""

_log = structlog.get_logger()


class ChatRoom(ReadableRoom):
    """A chat room."""

    def __init__(self, record: RoomRecord, directory: Directory[ListedRoom, Occupant], hall: Room) -> None:
        """Open a room as it was left, from which one goes back to `hall`. Nothing happens in it until `run` runs."""
        super().__init__(record.name, directory)
        self._hall = hall
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
        self._timed: set[Occupant] = set()  # who wants their next line timed
        self._entered_at: dict[Occupant, int] = {}  # who has entered and does not know yet behind which line
        self._strays: list[Occupant] = []  # who left while the inbox was full, and could not wait
        self._events: list[Event] = []  # what members will see next
        self._not_for: list[tuple[Occupant, ...]] = []  # who of them will not: the author, or who knows it already
        self._presence = Presence(record.name)
        self._announced_at = -inf
        self._read_past_at = -inf

    def not_here(self, request: type[Request | Unreadable]) -> Refused:
        """That this works in the hall only."""
        return Refused("not-in-rooms", {"word": word_of(request)})

    @property
    def nicks(self) -> list[str]:
        """Who is here."""
        return list(self._members.values())

    @property
    def population(self) -> int:
        """How many are here."""
        return len(self._members)

    @property
    def topic(self) -> str:
        """What was set last as its topic, or ""."""
        return self._topic

    @property
    def last_seq(self) -> int:
        """The number of the newest line that everybody has been shown."""
        return self._shown_seq

    # What people do here. A request goes into the inbox at once; only when that is full, the session waits.

    def post(self, session: Occupant, what: Happening) -> Pause:
        """Put something into the inbox; if it is full, return what to await."""
        entry = (session, session.nick, what, () if session.hears_itself else (session,))
        try:
            self._post.send_nowait(entry)
        except trio.WouldBlock:
            return self._post.send(entry)
        return None

    def do_say(self, session: Occupant, request: Say) -> Pause:
        """Say something to everybody here.

        A line without a slash does the same. A line that begins with // is said with one slash.
        """
        return self.post(session, self._maybe_timed(session, request) if self._timed else request)

    def do_me(self, session: Occupant, request: Act) -> Pause:
        """Do something that everybody here sees.

        /me waves is shown to the others as: ~ ann waves
        """
        return self.post(session, self._maybe_timed(session, request))

    def do_topic(self, session: Occupant, request: Topic) -> Pause:
        """Show or set the topic.

        Everybody who enters sees it. Without a text: show it.
        """
        if not request.text:
            session.send(TopicShown(self.name, self._topic))
            return None
        if len(request.text) > TOPIC_MAX:
            session.send(Refused("topic-length", {"limit": str(TOPIC_MAX)}))
            return None
        return self.post(session, self._maybe_timed(session, request))

    def _maybe_timed(self, session: Occupant, request: Say | Act | Topic) -> Say | Act | Topic | Timing:
        if session not in self._timed:
            return request
        self._timed.remove(session)
        return Timing(request, trio.current_time())

    def do_ping(self, session: Occupant, request: Ping) -> Pause:
        """Measure how long your next line takes.

        You are told its number, how long it waited in the room's queue, and how long storing it took.
        """
        del request
        self._timed.add(session)
        session.send(TimingAwaited())
        return None

    def announce_name(self, session: Occupant, old: str) -> Pause:
        """Tell everybody here, the person too."""
        return self.post(session, Renamed(old, session.nick, self.name))

    def do_online(self, session: Occupant, request: ListOnline) -> Pause:
        """Show who else is here."""
        del request
        session.send(
            OnlineListed(self.name, tuple(nick for member, nick in self._members.items() if member is not session))
        )
        return None

    def do_back(self, session: Occupant, request: Back) -> Pause:
        """Go back to the hall."""
        del request
        return session.leave(self, self._hall)

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
        """Store and deliver what enters the inbox, batch by batch, until `close`."""
        while True:
            try:
                first = await self._next_entry()
            except trio.EndOfChannel:
                return
            if first is not None:
                # Whoever else has something to say now says it first. Without this, S2's batches are a third shorter, and it loses 15 %.
                await trio.lowlevel.checkpoint()
                batch = self._begin(first)
                stored = await batch.stored()
                if not self._past.is_read and trio.current_time() >= self._read_past_at:
                    await self._read_past()
                await self._take(batch, stored)
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

    def _begin(self, first: Entry) -> Batch:
        """Begin to store everything that waits."""
        entries = [first]
        with suppress(trio.WouldBlock, trio.EndOfChannel):
            entries.extend(self._inbox.receive_nowait() for _ in range(INBOX_MAX))
        return Batch(self.name, self._past.last_seq, time.time(), entries, self.directory.journal)

    async def _take(self, batch: Batch, stored: Sequence[Line | None]) -> None:
        """Turn every entry into what members will see of it."""
        if batch.is_plain:
            self._add_lines([line for line in stored if line], [entry[3] for entry in batch.entries])
        else:
            await self._take_each(batch.entries, stored)
        while self._strays:
            self._depart(self._strays.pop())
        if batch.answers:
            await self._show_ahead()
            self._answer(batch.answers)

    async def _take_each(self, entries: Sequence[Entry], stored: Sequence[Line | None]) -> None:
        lines = iter(stored)
        for session, nick, what, not_for in entries:
            if type(what) not in STORED_KINDS:
                await self._show_ahead()
            if type(what) in STORED_KINDS:
                line = next(lines)
                if line is not None:
                    self._add_lines([line], [() if type(line) is TopicSet else not_for])
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

    def _answer(self, answers: Sequence[tuple[Occupant, Event]]) -> None:
        """Tell authors what became of their lines, after what came before."""
        self._flush()
        for author, answer in answers:
            author.send(answer)

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
                session.send(recalled)
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
        others = len(self._members)
        shown = tuple(islice(self._members.values(), NAMED_ON_ENTERING_MAX))
        self._members[session] = nick
        self._seat(session, nick)
        self._entered_at[session] = self._past.last_seq
        session.send(Entered(self.name, shown, others - len(shown), self._topic, self._past.last_seq))

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
        self._timed.discard(session)
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
                ahead.append(show(event))
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
        named = self._named_in(events) if self._watchful else {}
        for show, pushes in self._audiences.items():
            pieces = ahead.get(show, [])
            pieces += [show(event) for event in events[len(pieces) :]]
            data = b"".join(pieces)
            apart = {member: pushes.pop(member) for member in (*authors, *named) if member in pushes}
            for push in pushes.values():
                push(data)
            for member, push in apart.items():
                own = pieces
                if member in named:
                    own = [named[member].get(number, piece) for number, piece in enumerate(pieces)]
                others = [piece for piece, excluded in zip(own, not_for, strict=True) if member not in excluded]
                if others:
                    push(b"".join(others))
            pushes.update(apart)
        self._shown_seq = self._past.last_seq

    def _named_in(self, events: Sequence[Event]) -> dict[Occupant, dict[int, bytes]]:
        """For each watchful member who is named: the events that do, by their place, as they are shown to such a one."""
        named: dict[Occupant, dict[int, bytes]] = {}
        for number, event in enumerate(events):
            if not isinstance(event, Said | Acted):
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
