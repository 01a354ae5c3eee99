"""A user of one server, without a screen: state, keepsakes and link put together.

What a screen, a line-by-line program or a bot does goes through here. Never knows Textual.
"""

import time
from collections.abc import Callable, Iterable
from math import inf
from secrets import token_hex

from chat_server import events
from chat_server.events import Event, Line, Ref
from chat_server.names import same_name_key
from chat_tui.commands import STORED, Misused, parse
from chat_tui.keepsakes import Keepsakes
from chat_tui.link import Identity, Link, LinkChanged, Status
from chat_tui.state import Pending, RoomState, State

OLDER_PAUSE = 5.0
"""Seconds after a refused page of older lines until one is asked for again: a question for every row that is scrolled would be refused too."""

OLDER_COUNT = 100
"""Lines asked for at a time when older ones are wanted: three screens."""

ONLINE_GAP = 10.0
"""Seconds between two questions for everybody in a crowded room."""

ROOMS_GAP = 60.0
"""Seconds between two questions for the rooms there are: others open new ones."""

TYPED_MAX = 100
"""Lines of one's own that are remembered for Up."""

_OLDER = "older "
"""What the mark of a question for older lines begins with; the room's name follows."""

CANNOT_ASK = "There is no connection: this can be asked when there is one again."


class Client:
    """One user on one server."""

    def __init__(
        self,
        host: str,
        port: int,
        nick: str,
        *,
        keepsakes: Keepsakes,
        rooms: Iterable[str] = (),
        show_joins: bool = True,
        clock: Callable[[], float] = time.time,
        on_event: Callable[[Event, Ref | None, list[Line]], None],
        on_change: Callable[[LinkChanged], None],
    ) -> None:
        """Do nothing yet: `link.run()` connects.

        Args:
            host: where the server is.
            port: its port.
            nick: the name that the user wants; "" for the one they had here last.
            keepsakes: what is kept on disk for this server.
            rooms: rooms to be in; those where the user was last, if there are none.
            show_joins: whether who comes and goes is told among the lines.
            clock: the time, in seconds since 1970.
            on_event: called with each event after it has been taken, the mark of the request that it answers, and the lines that are new.
            on_change: called when the connection's state changes.

        """
        self.keepsakes = keepsakes
        self.memory = keepsakes.memory
        self.state = State(show_joins=show_joins)
        self._clock = clock
        self._on_event = on_event
        self._on_change = on_change
        self._asked_online: dict[str, float] = {}
        self._asked_older: dict[str, float] = {}  # by room: until when older lines are not asked for again
        self._asked_rooms = clock()  # the link asks when it has connected
        self._is_dirty = False
        is_same = not nick or not self.memory.nick or same_name_key(nick) == same_name_key(self.memory.nick)
        waiting = [pending.room for pending in keepsakes.unsent]
        wanted = list(dict.fromkeys([*rooms, *(self.memory.rooms if is_same else ()), *waiting]))
        self.link = Link(
            host,
            port,
            Identity(nick or self.memory.nick, self.memory.token if is_same else ""),
            place=self.state,
            rooms=wanted,
            unsent=lambda: [pending for pending in self.keepsakes.unsent if not pending.why],
            on_event=self._take,
            on_change=self._link_changed,
        )
        for name in wanted:
            self.state.room(name)
        for pending in keepsakes.unsent:
            self.state.typed(pending)

    # What the user does.

    def submit(self, text: str, room: str) -> str:
        """Do what a typed text asks for, in a room ("": none). Returns what is wrong with it, in a sentence; "" if nothing is."""
        asked = parse(text, self.state.commands, self.state.listed)
        if isinstance(asked, Misused):
            return asked.why
        field = STORED.get(asked.do)
        if field is not None and asked.fields.get(field):
            if not room:
                return "You are in no room yet. /join ROOM enters one."
            size, limit = len(str(asked.fields[field]).encode()), self.state.limits.get("text_bytes", 0)
            if limit and size > limit:
                return f"That is {size} bytes; a message has {limit:g} at the most."
            self._say(room, asked.do, str(asked.fields[field]))
            return ""
        fields = dict(asked.fields)
        if room and "room" not in fields and self._is_for_room(asked.do):
            fields["room"] = room
        return "" if self.link.request(asked.do, ref="typed", **fields) else CANNOT_ASK

    def _is_for_room(self, do: str) -> bool:
        command = self.state.commands.get(do)
        return (
            command is not None
            and "room" in command.where
            and ("hall" not in command.where or do in ("search", "help"))
        )

    def _say(self, room: str, do: str, text: str) -> None:
        pending = Pending(token_hex(12), room, do, text, self._clock())
        self.keepsakes.add(pending)
        self.state.typed(pending)
        self.link.say(pending)

    def remember_typed(self, text: str) -> None:
        """Note what the user has sent, for Up."""
        self.memory.typed = [*(typed for typed in self.memory.typed if typed != text), text][-TYPED_MAX:]
        self._is_dirty = True

    def send_again(self, room: RoomState) -> int:
        """Send again what could not be stored; return how many lines."""
        failed = [pending for pending in room.pending if pending.why]
        for pending in failed:
            pending.why = ""
            self.keepsakes.add(pending)
            self.link.say(pending)
        return len(failed)

    def give_up(self, room: RoomState) -> str:
        """Take back the oldest line that could not be stored; return its text."""
        for pending in room.pending:
            if pending.why:
                self.state.withdrawn(pending.key)
                self.keepsakes.remove(pending.key)
                return pending.text
        return ""

    def mark_read(self, room: RoomState) -> None:
        """The user has seen everything in the room."""
        room.mark_read(room.last)
        if self.memory.read.get(room.name) != room.read and room.read is not None:
            self.memory.read[room.name] = room.read
            self._is_dirty = True

    def note_draft(self, room: str, text: str) -> None:
        """Keep what is written and not sent, in a room ("": before there is one)."""
        if text == self.memory.drafts.get(room, ""):
            return
        if text:
            self.memory.drafts[room] = text
        else:
            self.memory.drafts.pop(room, None)
        self._is_dirty = True

    def want_older(self, room: str, before: int) -> None:
        """Ask for lines before a number, once at a time; after a refusal, again a little later."""
        if self._clock() >= self._asked_older.get(room, 0) and self.link.request(
            "history", ref=f"{_OLDER}{room}", room=room, before=before, count=OLDER_COUNT
        ):
            self._asked_older[room] = inf

    def tick(self) -> None:
        """Do what is due: write down what has changed, ask who is in crowded rooms. To be called every few seconds."""
        now = self._clock()
        for room in self.state.rooms.values():
            if room.lacks_people and room.is_joined and now - self._asked_online.get(room.name, 0) > ONLINE_GAP:
                self._asked_online[room.name] = now
                self.link.request("online", room=room.name)
        if now - self._asked_rooms > ROOMS_GAP and self.link.request("rooms"):
            self._asked_rooms = now
        if self._is_dirty:
            self._is_dirty = False
            self.keepsakes.save()

    def close(self) -> None:
        """Write down everything, and let another program have the files."""
        self.keepsakes.save()
        self.keepsakes.close()

    # What the server says.

    def _link_changed(self, change: LinkChanged) -> None:
        if change.status is not Status.ONLINE:
            self._asked_older.clear()  # what was asked on a connection that is lost is never answered
        self._on_change(change)

    def _take(self, event: Event, ref: Ref | None) -> None:
        if isinstance(event, events.Entered):
            room = self.state.room(event.room)
            room.read = self.memory.read.get(event.room) if room.read is None else room.read
        new = self.state.apply(event, ref, now=self._clock())
        match event:
            case events.Stored():
                self.keepsakes.remove(event.key)
            case events.NotStored():
                self._keep_failed(event.key)
            case events.Refused():
                self._keep_failed(ref)
                if isinstance(ref, str) and ref.startswith(_OLDER):
                    self._asked_older[ref.removeprefix(_OLDER)] = self._clock() + OLDER_PAUSE
            case events.LoggedIn() | events.Renamed():
                self.memory.nick, self.memory.token = self.state.nick, self.link.identity.token
                self._is_dirty = True
            case events.Entered() | events.WentBack():
                self._note_rooms(event)
            case _:
                self._ask_for_more(event, ref)
        self._on_event(event, ref, new)

    def _ask_for_more(self, event: Event, ref: Ref | None) -> None:
        match event:
            case events.RoomCreated():
                self.link.request("rooms")
            case events.Skipped():
                for name, seq in event.rooms.items():
                    self.link.request("history", room=name, after=seq, count=OLDER_COUNT)
            case events.PageShown() if isinstance(ref, str):
                self._asked_older.pop(ref.removeprefix(_OLDER), None)

    def _keep_failed(self, key: Ref | None) -> None:
        """Write down that a line could not be stored: it is not sent again by itself."""
        for pending in self.keepsakes.unsent:
            if pending.key == key:
                self.keepsakes.add(pending)

    def _note_rooms(self, event: events.Entered | events.WentBack) -> None:
        self._asked_older.pop(event.room, None)
        self.memory.rooms = [room.name for room in self.state.rooms.values() if room.is_joined]
        if isinstance(event, events.Entered):
            room = self.state.room(event.room)
            if room.read is not None:
                self.memory.read[room.name] = room.read
            if event.last and not room.timeline.newest:  # the server recalls what was missed, which may be nothing
                self.want_older(room.name, events.NUMBER_MAX)
        self._is_dirty = True
