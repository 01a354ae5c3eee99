"""A room where people talk: its order, its members, its broadcaster.

Everything that happens in the room enters one inbox and leaves it in one order: lines, but joins, leaves and renames too. One task, `run`, takes
from it; only that task changes who is a member and what number a line has. Never knows bytes on the wire.
"""

import time
from collections.abc import Callable
from itertools import islice
from math import inf
from typing import NamedTuple

import trio

from chat_server.commands import Pause
from chat_server.events import (
    Act,
    Acted,
    Back,
    Entered,
    Event,
    ListOnline,
    OnlineListed,
    Renamed,
    Said,
    Say,
)
from chat_server.presence import Line, Presence
from chat_server.room import Directory, ListedRoom, Occupant, Room

INBOX_MAX = 1024
"""Entries that wait in a room's inbox; then whoever has more waits. A batch is at most this long."""

NAMED_ON_ENTERING_MAX = 20
"""Names shown on entering; /online shows all. Without a bound, 5000 people joining one room cost 12 million names."""

ANNOUNCE_GAP_PER_MEMBER = 0.02
"""Seconds between two announcements of joins and leaves, for each member. Telling one member costs 8 us, so announcing never costs a room
more than 0.04 % of a core; a room of ten waits 0.2 s at the most, and only after another announcement."""

ANNOUNCE_GAP_MAX = 2.0
"""Seconds between two announcements in the largest rooms."""


class Arrival(NamedTuple):
    """Somebody enters. `done` is set when they are a member."""

    done: trio.Event


class Departure(NamedTuple):
    """Somebody leaves. `done` is set when nothing from here reaches them any more."""

    done: trio.Event


Entry = tuple[Occupant, str, Say | Act | Renamed | Arrival | Departure]
"""What waits in the inbox: who, under which nickname at the time, and what."""


class ChatRoom(ListedRoom):
    """A chat room."""

    def __init__(self, name: str, directory: Directory, hall: Room) -> None:
        """Open an empty room, from which one goes back to `hall`. Nothing happens in it until `run` runs."""
        super().__init__(name, directory)
        self._hall = hall
        self._post, self._inbox = trio.open_memory_channel[Entry](INBOX_MAX)
        self._members: dict[Occupant, str] = {}  # with the nickname that the room has heard of
        # The members' `push` by their `show`. To go through the members themselves would bring a thousand more objects into the
        # processor's cache, which the kernel has emptied between two sends: that took S3's CPU from 1.3 times the C reference's to 1.2 times.
        self._audiences: dict[Callable[[Event], bytes], dict[Occupant, Callable[[bytes], None]]] = {}
        self._last_seq = 0
        self._now = 0.0  # seconds since 1970, of the batch
        self._lines: list[Line] = []
        self._presence = Presence(name)
        self._announced_at = -inf

    @property
    def place(self) -> str:
        """Where one is when one is here."""
        return "in a room"

    @property
    def population(self) -> int:
        """How many are here."""
        return len(self._members)

    # What people do here. A request goes into the inbox at once; only when that is full, the session waits.

    def post(self, session: Occupant, what: Say | Act | Renamed | Arrival | Departure) -> Pause:
        """Put something into the inbox; if it is full, return what to await."""
        entry = (session, session.nick, what)
        try:
            self._post.send_nowait(entry)
        except trio.WouldBlock:
            return self._post.send(entry)
        return None

    def do_say(self, session: Occupant, request: Say) -> Pause:
        """Say something to everybody here.

        A line without a slash does the same. A line that begins with // is said with one slash.
        """
        return self.post(session, request)

    def do_me(self, session: Occupant, request: Act) -> Pause:
        """Do something that everybody here sees.

        /me waves is shown to the others as: ~ ann waves
        """
        return self.post(session, request)

    def announce_name(self, session: Occupant, old: str) -> Pause:
        """Tell everybody here, the person too."""
        return self.post(session, Renamed(old, session.nick))

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
        return session.enter(self._hall)

    async def enter(self, session: Occupant) -> None:
        """Take the session in. When this returns, it has been told where it is, and everything said since then."""
        arrival = Arrival(trio.Event())
        await self._post_and_wait(session, arrival)

    async def leave(self, session: Occupant) -> None:
        """Let the session go. When this returns, nothing from here reaches it any more. Harmless for one that is not here."""
        await self._post_and_wait(session, Departure(trio.Event()))

    async def _post_and_wait(self, session: Occupant, what: Arrival | Departure) -> None:
        pause = self.post(session, what)
        if pause is not None:
            await pause
        await what.done.wait()

    # The broadcaster.

    def close(self) -> None:
        """Take nothing more in; `run` returns when it has delivered what waits."""
        self._post.close()

    async def run(self) -> None:
        """Deliver what enters the inbox, batch by batch, until `close`."""
        while True:
            try:
                first = await self._next_entry()
            except trio.EndOfChannel:
                return
            self._now = time.time()
            if first is not None:
                self._take(first)
                self._take_what_waits()
            if self._presence and trio.current_time() >= self._announcement_due:
                self._announce()
            self._flush()

    async def _next_entry(self) -> Entry | None:
        """Wait for the next entry; None when it is time to announce who came and went."""
        if not self._presence:
            return await self._inbox.receive()
        with trio.move_on_at(self._announcement_due):
            return await self._inbox.receive()
        return None

    def _take_what_waits(self) -> None:
        for _ in range(INBOX_MAX):
            try:
                self._take(self._inbox.receive_nowait())
            except (trio.WouldBlock, trio.EndOfChannel):
                return

    def _take(self, entry: Entry) -> None:
        """Turn one entry into what members will see of it."""
        session, nick, what = entry
        if type(what) is Say:
            self._last_seq += 1
            self._add(Said(self.name, self._last_seq, self._now, nick, what.text), (session,))
        elif type(what) is Act:
            self._last_seq += 1
            self._add(Acted(self.name, self._last_seq, self._now, nick, what.action), (session,))
        elif type(what) is Renamed:
            self._add(what, ())
            if session in self._members:
                self._members[session] = what.new
        elif type(what) is Arrival:
            self._arrive(session, nick, what)
        elif type(what) is Departure:
            self._depart(session, what)

    def _add(self, event: Event, not_for: tuple[Occupant, ...]) -> None:
        """Add a line to the batch; who came or went before it is announced before it."""
        if self._presence:
            self._announce()
        self._lines.append((event, not_for))

    def _arrive(self, session: Occupant, nick: str, arrival: Arrival) -> None:
        self._flush()
        others = len(self._members)
        shown = tuple(islice(self._members.values(), NAMED_ON_ENTERING_MAX))
        self._members[session] = nick
        self._audiences.setdefault(session.show, {})[session] = session.push
        self._presence.joined(nick, session)
        session.send(Entered(self.name, shown, others - len(shown)))
        arrival.done.set()

    def _depart(self, session: Occupant, departure: Departure) -> None:
        if session in self._members:
            self._flush()
            nick = self._members.pop(session)
            del self._audiences[session.show][session]
            self._presence.left(nick, session)
        departure.done.set()

    @property
    def _announcement_due(self) -> float:
        return self._announced_at + min(len(self._members) * ANNOUNCE_GAP_PER_MEMBER, ANNOUNCE_GAP_MAX)

    def _announce(self) -> None:
        self._announced_at = trio.current_time()
        self._lines += self._presence.take()

    def _flush(self) -> None:
        """Give every member the batch's lines but their own, in one push each, shown once for each kind of reader."""
        if not self._lines:
            return
        lines, self._lines = self._lines, []
        authors = {author for _, not_for in lines for author in not_for}
        for show, pushes in self._audiences.items():
            pieces = [show(event) for event, _ in lines]
            data = b"".join(pieces)
            apart = {author: pushes.pop(author) for author in authors if author in pushes}
            for push in pushes.values():
                push(data)
            for author, push in apart.items():
                others = [piece for piece, (_, not_for) in zip(pieces, lines, strict=True) if author not in not_for]
                if others:
                    push(b"".join(others))
            pushes.update(apart)
