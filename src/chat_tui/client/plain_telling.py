"""What chat-tui writes line by line of what happens: each line once and in order, who comes and goes, how the connection is.

Knows the client, and what has been written. Never knows what is typed, nor where it is written.
"""

from collections.abc import Callable, Iterable, Sequence

from msgspec import UNSET, UnsetType

from chat_server.protocol import entries, events
from chat_server.protocol.amending import Edited, Reacted
from chat_server.protocol.entries import Entry, LineBlocked
from chat_server.protocol.events import Event
from chat_server.protocol.names import marked, name_key
from chat_server.protocol.room_events import RoomRenamed
from chat_tui.client.answers import words_for
from chat_tui.client.calling import Line
from chat_tui.client.client import Client
from chat_tui.client.connection import ConnectionChanged, Status
from chat_tui.client.conversing import is_conversation
from chat_tui.client.in_order import Reading
from chat_tui.client.plain_options import PlainOptions
from chat_tui.language import message, say, sentences

TOKEN_KEPT = message("A token is kept in {place}: chat-tui logs in by it from now on. The password is kept nowhere.")


class Teller:
    """Writes what happens."""

    def __init__(
        self,
        client: Client,
        write: Callable[[str], None],
        warn: Callable[[str], None],
        options: PlainOptions,
    ) -> None:
        """Write nothing yet.

        Args:
            client: what is known.
            write: writes what comes, one line or more at a time.
            warn: writes what is wrong.
            options: what the user has chosen.

        """
        self._client, self._write, self._warn, self._options = client, write, warn, options
        self._reading = Reading(write, options.is_told, lambda: options.has_times, lambda: client.state.nick)
        self._renamed: set[str] = set()
        self._carried: set[str] = set()  # rooms in which the user was when they logged in
        self._holes_told: set[str] = set()
        self._trouble = ""
        self._has_listed = False
        self._is_moving = self._is_restart = False
        self._moved: set[str] = (
            set()
        )  # rooms where the user was before the connection moved, of which nothing has come since

    def is_own(self, line: Entry) -> None:
        """A line comes back to the user who has just sent it."""
        self._reading.is_own(line)

    def tick(self) -> None:
        """Half a second has passed."""
        self._reading.tick()

    def end(self) -> None:
        """Write what has waited for more."""
        self._reading.end()

    def go_on(self, new: Iterable[Entry] = ()) -> None:
        """Write the lines that can be written without leaving any out; these have just come, and were not known before."""
        new = [*new]
        self._reading.take(new)
        self._options.note(new)
        for room in self._client.state.rooms.values():
            if room.is_joined:
                if is_conversation(room.name):  # nobody enters it
                    self._reading.entered(room, room.since)
                written = self._reading.go_on(room)
                if not (room.is_kept_unread or self._client.state.choices.of(room.name).is_muted):
                    self._client.mark_read(room, written)
                room.timeline.let_go(written)  # nothing is shown twice, and this may run for months
                if not room.has_hole:
                    self._holes_told.discard(room.name)

    def tell(self, event: Event, new: list[Entry]) -> None:
        """Write what an event means that nobody has asked for."""
        self._note(event)
        match event:
            case events.LoggedOut() | events.NotStored():
                pass
            case events.Registered():  # before the user was let in: nothing shows the codes again
                self._write(words_for(event, was_typed=True, language=self._client.state.language))
                self._write(say(TOKEN_KEPT, place=self._client.credentials.place()))
            case events.Stored():
                self._reading.stored(event.room, event.seq)
            case events.Entered():
                self._entered(event)
            case entries.Recalled():
                self._recalled(event, new)
            case events.WentBack():
                self._went_back(event)
            case events.RoomsListed():
                self._rooms_listed(event)
            case events.Joined() | events.Left() | events.Renamed() if event.room:
                self._tell_of_others(event)
            case _:
                words = words_for(event, was_typed=False, language=self._client.state.language)
                if words:
                    self._write(words)

    def _note(self, event: Event) -> None:
        """Note in which rooms one is from the beginning, which one leaves only to be in it under its new name, and that nothing follows what came."""
        if isinstance(event, events.LoggedIn):
            self._carried = {name_key(name) for name in event.rooms}
        elif isinstance(event, RoomRenamed) and name_key(event.room) != name_key(event.new):
            self._renamed.add(name_key(event.room))
        elif isinstance(event, events.Entered):
            self._renamed.discard(name_key(event.room))
        elif isinstance(event, events.Skipped):
            self._reading.connection_lost()

    def _tell_of_others(self, event: events.Joined | events.Left | events.Renamed) -> None:
        if isinstance(event, events.Renamed):
            if event.new != self._client.state.nick:
                names = (event.old, event.new)
                was, now = marked(names, names if event.guest else UNSET)
                self._write(_in(event.room, say("{old} is now {new}", old=was, new=now)))
        elif self._client.state.choices.shows_joins(event.room):
            people = _named(event.nicks, event.guests, event.more)
            done = (
                say("{names} joined", names=people)
                if isinstance(event, events.Joined)
                else say("{names} left", names=people)
            )
            self._write(_in(event.room, done))

    def _entered(self, event: events.Entered) -> None:
        room = self._client.state.room(event.room)
        key = name_key(event.room)
        seen = self._client.saved.read.get(event.room, event.last) if key in self._carried else event.last
        self._reading.entered(room, min(seen, event.last))
        if key in self._moved:
            self._moved.discard(key)
            return
        people = _named(event.nicks, event.guests, event.more)
        told = [
            say("You are in {room}.", room=event.room),
            say("It is archived: you can only read.") if event.archived is True else "",
            say("Topic: {topic}.", topic=event.topic) if event.topic else "",
            say("Also here: {people}.", people=people) if people else "",
        ]
        self._write(sentences(*told))

    def _recalled(self, event: entries.Recalled, new: list[Entry]) -> None:
        """What was said before one came stands before what is said from now on."""
        if event.missed and event.missed > len(event.lines):
            number = event.last - event.missed
            told = say(
                "{count} lines since you were here; /since {number} shows them from the first.",
                count=event.missed,
                number=number,
            )
            self._write(_in(event.room, told))
        blocked = [line for line in event.lines if isinstance(line, LineBlocked)]
        shown = {line.seq for line in new}
        for line in sorted((*new, *blocked), key=lambda line: line.seq):
            is_seen = isinstance(line, Edited | Reacted) and line.of in shown  # in the line itself
            if line.seq <= event.last and not is_seen:
                self._reading.write(line)
        self._reading.tell_reactions(
            is_over=True
        )  # those to lines before: later they would be told as if they were new

    def _went_back(self, event: events.WentBack) -> None:
        self._reading.left(event.room)
        if name_key(event.room) in self._renamed:
            return
        others = [room.name for room in self._client.state.rooms.values() if room.is_joined]
        left = say("You have left {room}.", room=event.room)
        rooms = say(", ").join(others)
        also = say("You are also in {rooms}; /join and its name goes there.", rooms=rooms) if others else ""
        self._write(sentences(left, also))

    def _rooms_listed(self, event: events.RoomsListed) -> None:
        if not self._client.state.rooms and not self._has_listed:
            rooms = say(", ").join(name for name, _ in event.rooms)
            self._write(say("Rooms: {rooms}. /join ROOM enters one.", rooms=rooms))
        self._has_listed = True

    def lines_missing(self, room: str, why: str) -> None:
        """Lines cannot be had just now: say so, once for each hole."""
        if room not in self._holes_told:
            self._holes_told.add(room)
            told = sentences(
                say("Lines of {room} are missing: {why}", room=room, why=why), say("They are being asked for again.")
            )
            self._warn(told)

    def given_up(self, room: str, why: str, text: str) -> None:
        """A line will never be stored: say so, with its words, for nothing keeps them."""
        self._write(_in(room, sentences(say("not sent: {why}", why=why), say("It was: {text}", text=text))))

    def changed(self, change: ConnectionChanged) -> None:
        """Write how the connection is, once for each trouble."""
        connection = self._client.connection
        if change.status is not Status.ONLINE:
            self._reading.connection_lost()
            self.go_on()
        told = ""
        if change.is_moving and not self._is_moving:
            self._is_moving = True
            self._moved = {name_key(room.name) for room in self._client.state.rooms.values() if room.is_joined}
        match change.status:
            case Status.ONLINE if self._is_moving and not change.why:  # what was begun goes on
                told = say("You are back.") if self._is_restart else ""
                self._is_moving, self._is_restart, self._trouble = False, False, ""
            case Status.ONLINE:
                where = {"host": connection.host, "port": connection.port, "nick": connection.identity.nick}
                told = sentences(
                    say("Connected to {host}, port {port}, as {nick}.", **where),
                    say("The line is not encrypted.") if change.line is Line.OPEN else "",
                )
                if change.why:
                    told += f"\n{change.why}"
                self._trouble = ""
            case Status.CONNECTING:
                told = change.why
            case Status.WAITING if change.is_moving:
                self._is_restart = True
                told = say("The server is being restarted. You are back in a moment.")
            case Status.WAITING:
                self._is_moving, self._is_restart, self._moved = False, False, set()
                told = say("No connection: {why}. It will be tried again.", why=change.why.rstrip(".。"))
        if told and told != self._trouble:
            self._write(told)
            self._trouble = "" if change.status is Status.ONLINE else told


def _in(room: str, told: str) -> str:
    """`[python] ann joined`: in which room something is."""
    return f"[{room}] {told}"


def _named(nicks: Sequence[str], guests: Sequence[str] | UnsetType, more: int) -> str:
    """Some people; so many more are not named."""
    names = say(", ").join(marked(nicks, guests))
    return say("{names} and {number} more", names=names, number=more) if more else names
