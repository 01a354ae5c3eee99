"""What the client knows, as a pure function of what has happened: the server's events, and the user's own acts.

Never knows Textual, sockets, clocks or files. What is unread is counted here, after the line up to which ui/read_marker.py says that one has read.
To whom a gap in the events was filled later, the state is the same as to whom it never had one (tests/test_state.py).
"""

from collections.abc import Callable, Collection, Iterable
from typing import Any, ClassVar

from msgspec import UNSET, UnsetType

from chat_server.protocol import entries, events, moderation_events
from chat_server.protocol.described import CommandDescribed
from chat_server.protocol.entries import KINDS, Entry, LineBlocked
from chat_server.protocol.events import Event
from chat_server.protocol.incoming import Ref
from chat_server.protocol.names import marked, name_key
from chat_server.protocol.people_events import OnlineListed, PersonAway
from chat_server.protocol.room_events import AccountNoted, RoomRenamed
from chat_server.protocol.setting_events import SettingShown
from chat_server.protocol.stored_event import StoredEvent
from chat_tui.client import activity, away, conversing, same_room
from chat_tui.client.hues import Hues
from chat_tui.client.notifications import names, replies_to
from chat_tui.client.pending import Pending, failed, not_stored, taken
from chat_tui.client.room_choices import RoomChoices
from chat_tui.client.room_rights import Rights
from chat_tui.client.timeline import UNSHOWN, Timeline

ROOMS_MAX = 256
"""Rooms of which something is known; what a server tells of more is passed over. None lets anybody be in more than a hundred, and every event costs
as much more as there are rooms: thirty thousand, of which a hostile one told in a megabyte, took more than a minute."""


class RoomState:
    """A room that the user is in, or was."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.id = ""
        """What the server knows it by, whatever it is called."""
        self.is_joined = False
        self.topic = ""
        self.people: dict[str, str] = {}
        """Nicknames by their keys, in the order in which they are known."""
        self.guests: set[str] = set()
        """The keys of those who are known to be guests where others have accounts."""
        self.away: dict[str, str] = {}
        """What those say of it who are known to be away ("": nothing), by their keys."""
        self.people_changes = 0
        """How many times any of that has changed."""
        self.lacks_people = False
        """Whether there are people here whom nobody has named."""
        self.timeline = Timeline()
        self.first = 1
        """The number of the oldest line that the server keeps."""
        self.last = 0
        """The number of the newest line that there is."""
        self.since = 0
        """The number after which nothing may be missing: of the newest line when the user first entered, or what was asked for from."""
        self.read: int | None = None
        """The number of the newest line that the user has read; None if they were never here."""
        self.pending: list[Pending] = []
        self.mentions: set[int] = set()
        """The numbers of unread lines that name the user."""
        self.rights = Rights()
        self.is_kept_unread = False
        """Whether the user has marked lines as unread since they came here last: looking at them does not make them read."""
        self.activity = activity.InRoom()
        self.hues = Hues()
        self._own_unread = 0

    def note_guests(self, nicks: Iterable[str], guests: Collection[str] | UnsetType) -> None:
        """Of these people, some are guests, and the others have accounts."""
        if not self.guests and isinstance(guests, UnsetType):
            return
        keys = {name_key(nick) for nick in nicks}
        of_guests = set() if isinstance(guests, UnsetType) else {name_key(nick) for nick in guests}
        now = (self.guests - keys) | (of_guests & keys & self.people.keys())
        if now != self.guests:
            self.guests = now
            self.people_changes += 1

    @property
    def position(self) -> int:
        """The number up to which nothing is missing that the server has."""
        known = self.timeline.numbers
        return known.run_from(max(known.run_from(self.since), self.first - 1))

    @property
    def has_hole(self) -> bool:
        """Whether lines are missing."""
        return self.is_joined and self.position < self.last

    @property
    def unread(self) -> int:
        """How many lines others have said since the user last read."""
        return 0 if self.read is None else max(0, self.last - self.read - self._own_unread)

    def mark_read(self, seq: int) -> None:
        """The user has read up to here."""
        self.is_kept_unread = False
        if self.read is None or seq > self.read:
            self.read = seq
            self.mentions = {mention for mention in self.mentions if mention > seq}
            if seq >= self.last:
                self._own_unread = 0

    def mark_unread(self, seq: int, me: str) -> int:
        """The user has not read this line, nor what comes after it; what is known of these counts as if it were new. Return the number before it."""
        self.read, self.is_kept_unread = max(0, min(seq, self.last) - 1), True
        lines, self.mentions = self.timeline.said_after(self.read), set()
        known = max(self.read, self.timeline.gone) + 1  # of what is kept no longer nobody knows whether it was shown
        self._own_unread = self.timeline.numbers.count(known, self.last) - len(lines)  # what is not shown
        self.note_new(lines, me)
        return self.read

    def note_new(self, lines: list[StoredEvent | LineBlocked], me: str) -> None:
        """Count lines that were not known before. What is not shown where it stands is as little unread as one's own."""
        if self.read is None:
            return
        for line in lines:
            if line.seq <= self.read:
                continue
            if isinstance(line, LineBlocked) or line.nick == me or type(line) in UNSHOWN:
                self._own_unread += 1
            elif line.alerts and (names(me, line.text) or replies_to(line, me)):
                self.mentions.add(line.seq)


class State:
    """Everything that is known of one server."""

    def __init__(self, choices: RoomChoices | None = None) -> None:
        """Nothing has happened yet. `choices`: what the user has chosen for rooms."""
        self.choices = choices or RoomChoices()
        self.nick = ""
        self.server = ""
        self.language = "en"
        """The language in which the server speaks, and in which its answers are put in words here."""
        self.commands: dict[str, CommandDescribed] = {}
        self.rules: dict[str, tuple[str, ...]] = {}
        """The rules that a room can have, each with its values."""
        self.limits: dict[str, float] = {}
        self.rooms: dict[str, RoomState] = {}
        """The rooms that the user is in, by their keys, in the order in which they were entered."""
        self.listed: dict[str, int] = {}
        """All rooms there are, by name, with the number of people in each."""
        self.topics: dict[str, str] = {}
        """What the busiest of them are about, by name, as far as the server has said it of all."""
        self.chosen: dict[str, str] = {}  # what is told of people just now (activity.py), by the name of the setting
        self.private: set[str] = set()
        """The keys of those that are only for their members."""
        self.now = 0.0
        """The time of what happened last, as the caller tells it."""
        self.left: RoomState | None = None
        """The room that the user was in until what happened last."""
        self.put_out = ""
        """Why the user is not in the room any more where they were last, if somebody has put them out."""

    def room(self, name: str) -> RoomState:
        """The room with this name; it is made if it is not known."""
        key = name_key(name)
        if key not in self.rooms:
            self.rooms[key] = RoomState(name)
        return self.rooms[key]

    def known(self, name: str) -> RoomState | None:
        """The room with this name, if it is known."""
        return self.rooms.get(name_key(name))

    def is_of_too_many(self, event: Event) -> bool:
        """Whether an event is of a room that is not known, and more cannot be."""
        if len(self.rooms) < ROOMS_MAX or type(event) not in self._TAKE:
            return False
        name = getattr(event, "room", "")
        return bool(name) and self.known(name) is None

    def positions(self) -> dict[str, int]:
        """For each room that the user is in, the number up to which nothing is missing, and after which nothing may be missed."""
        return {room.name: room.position for room in self.rooms.values() if conversing.is_resumed(room)}

    def ids(self) -> dict[str, str]:
        """The ids of those rooms, as far as the server has told them."""
        return {room.name: room.id for room in self.rooms.values() if room.id and conversing.is_resumed(room)}

    # What the user does.

    def typed(self, pending: Pending) -> None:
        """The user has sent a line."""
        self.room(pending.room).pending.append(pending)

    def withdrawn(self, key: str) -> Pending | None:
        """The user takes a line back that is not stored."""
        return taken(self.rooms.values(), key)

    def noticed(self, room: str, text: str, *, is_error: bool = False) -> None:
        """Something is to be told in a room."""
        self.room(room).timeline.tell(text, self.now, is_error=is_error)

    # What the server says.

    def apply(self, event: Event, ref: Ref | None = None, *, now: float = 0.0) -> list[Entry]:
        """Take an event; return the lines in it that were not known before."""
        self.now, self.left = max(self.now, now), None
        if isinstance(event, events.Refused):
            self._note_refused(event, ref)
            if isinstance(ref, str) and failed(self.rooms.values(), ref, event.text):
                return []
        if isinstance(event, entries.PageShown) and ref is None and event.lines:  # of a resumed past, which goes on
            room = self.room(event.room)
            room.since = min(room.since, event.lines[0].seq - 1)
        take = self._TAKE.get(type(event))
        return (take(self, event) if take else None) or []

    def _note_refused(self, refused: events.Refused, ref: Ref | None) -> None:
        """Who has come back, and may not be in a room where they were, is not there any more."""
        room = self.known(refused.room or refused.details.get("room", ""))
        is_out = room is not None and room.rights.refused(refused, self.now)
        if room is not None and is_out and ref is None and room.is_joined and not room.pending:
            self.left = self.rooms.pop(name_key(room.name))

    def _welcomed(self, event: events.Welcomed) -> None:
        self.server, self.rules = event.server, event.rules
        self.limits = event.limits
        self.language = event.language
        self.commands = {word: command for command in event.commands for word in (command.name, *command.aliases)}

    def _chosen(self, event: SettingShown) -> None:
        if event.setting == "language":
            self.language = event.value
        activity.note_choice(self, event)

    def _logged_in(self, event: events.LoggedIn) -> None:
        self.nick = event.nick
        self.chosen = {}  # the server tells what holds

    def _entered(self, event: events.Entered) -> None:
        room = self.room(event.room)
        room.people_changes, self.put_out = room.people_changes + 1, ""
        room.topic, room.rights = event.topic, Rights.told(event, self.now).goes_on(room.rights)
        room.people = {name_key(nick): nick for nick in (self.nick, *event.nicks)}
        room.lacks_people = event.more > 0
        room.note_guests((*event.nicks, *room.guests), event.guests)
        room.note_guests((self.nick,), (self.nick,) if event.guest is True else UNSET)
        away.note_away(room, event.away, event.reasons)
        same_room.enter(room, event)

    def _room_renamed(self, event: RoomRenamed) -> None:
        """The room stays what it is, where it stands; the server says then that one leaves it and enters it."""
        old, new = name_key(event.room), name_key(event.new)
        if old not in self.rooms or (new != old and new in self.rooms):
            return
        self.rooms[old].name = event.new
        self.rooms = {new if key == old else key: room for key, room in self.rooms.items()}
        for pending in self.rooms[new].pending:
            pending.room = event.new
        self.choices.room_renamed(old, new)

    def _went_back(self, event: events.WentBack) -> None:
        self.left = self.rooms.pop(name_key(event.room), None)

    def _line(self, event: StoredEvent | LineBlocked) -> list[Entry]:
        room = self.room(event.room)
        conversing.heard(room, event.seq)
        room.last = max(room.last, event.seq)
        if isinstance(event, entries.TopicSet):
            room.topic = event.text
        if isinstance(event, Entry):
            room.note_guests((event.nick,), (event.nick,) if event.guest else UNSET)
            away.has_spoken(room, event.nick)
            room.activity.has_said(event.nick)
        return self._add(room, (event,))

    def _recalled(self, event: entries.Recalled) -> list[Entry]:
        room = self.room(event.room)
        room.last = max(room.last, event.last)
        return self._add(room, event.lines)

    def _page(self, event: entries.PageShown) -> list[Entry]:
        room = self.room(event.room)
        if room.first != event.first:  # lines are gone that are still said to be missing
            room.first = event.first
            room.timeline.look_again()
        room.last = max(room.last, event.last)
        return self._add(room, event.lines)

    def _add(self, room: RoomState, lines: tuple[StoredEvent | LineBlocked, ...]) -> list[Entry]:
        new = room.timeline.add(lines)
        for line in new:
            if isinstance(line, entries.Amending):
                room.timeline.amend(line)
        room.note_new(new, self.nick)
        room.rights.take(new, self.nick, self.now)
        return [line for line in new if isinstance(line, Entry)]

    def _joined(self, event: events.Joined) -> None:
        room = self.room(event.room)
        room.people_changes += 1
        room.people |= {name_key(nick): nick for nick in event.nicks}
        room.note_guests(event.nicks, event.guests)
        room.lacks_people = room.lacks_people or event.more > 0
        self._tell_visit(room, event, is_coming=True)

    def _left(self, event: events.Left) -> None:
        room = self.room(event.room)
        room.people_changes += 1
        for nick in event.nicks:
            room.people.pop(name_key(nick), None)
        room.note_guests(event.nicks, UNSET)
        room.lacks_people = room.lacks_people or event.more > 0
        self._tell_visit(room, event, is_coming=False)

    def _account_noted(self, event: AccountNoted) -> None:
        room = self.room(event.room)
        if event.is_first:
            with_accounts = {name_key(nick) for nick in event.nicks}
            room.note_guests(
                room.people.values(), [nick for key, nick in room.people.items() if key not in with_accounts]
            )
        else:
            room.note_guests(event.nicks, UNSET)

    def _renamed(self, event: events.Renamed) -> None:
        if not event.room:
            self.nick = event.new
            return
        room = self.room(event.room)
        room.people_changes += 1
        room.rights.rename(event.old, event.new)
        away.renamed(room, event.old, event.new)
        old, new = name_key(event.old), name_key(event.new)
        room.people = {
            new if key == old else key: event.new if key == old else nick for key, nick in room.people.items()
        }
        names = (event.old, event.new)
        room.note_guests(names, (event.new,) if event.guest else UNSET)
        if self.choices.shows_joins(room.name):
            was, called = marked(names, names if event.guest else UNSET)
            room.timeline.renamed(was, called, self.now)

    def _tell_visit(self, room: RoomState, event: events.Joined | events.Left, *, is_coming: bool) -> None:
        if self.choices.shows_joins(room.name):
            room.timeline.visited(marked(event.nicks, event.guests), event.more, self.now, is_coming=is_coming)

    def show_joins(self, room: str, *, is_wanted: bool) -> None:
        """Tell who comes and goes in this room, or do not, and take away what was told of it."""
        self.choices.show_joins(room, is_wanted=is_wanted)
        known = self.known(room)
        if known is not None and not is_wanted:
            known.timeline.forget_visits()

    def _online(self, event: OnlineListed) -> None:
        room = self.room(event.room)
        room.people_changes += 1
        room.people = {name_key(nick): nick for nick in (self.nick, *event.nicks)}
        room.note_guests((*event.nicks, *room.guests - {name_key(self.nick)}), event.guests)
        room.lacks_people = False
        away.note_away(room, event.away, event.reasons)

    def _stored(self, event: events.Stored | moderation_events.LineHeld) -> None:
        taken(self.rooms.values(), event.key)

    def _not_stored(self, event: events.NotStored) -> None:
        failed(self.rooms.values(), event.key, not_stored())

    def _rooms_listed(self, event: events.RoomsListed) -> None:
        self.listed = {**self.listed, **dict(event.rooms)} if event.name else dict(event.rooms)
        self.topics = {**self.topics, **event.topics} if event.name else dict(event.topics)
        self.private = {name_key(name) for name in event.private or ()}

    def _topic_shown(self, event: events.TopicShown) -> None:
        self.room(event.room).topic = event.topic

    _TAKE: ClassVar[dict[type[Event], Callable[[Any, Any], list[Entry] | None]]] = {
        events.Welcomed: _welcomed,
        SettingShown: _chosen,
        events.LoggedIn: _logged_in,
        events.Entered: _entered,
        events.WentBack: _went_back,
        RoomRenamed: _room_renamed,
        **dict.fromkeys((*KINDS, LineBlocked, StoredEvent), _line),
        entries.Recalled: _recalled,
        entries.PageShown: _page,
        events.Joined: _joined,
        events.Left: _left,
        AccountNoted: _account_noted,
        events.Renamed: _renamed,
        OnlineListed: _online,
        **dict.fromkeys((events.Stored, moderation_events.LineHeld), _stored),
        events.NotStored: _not_stored,
        events.RoomsListed: _rooms_listed,
        **conversing.TAKEN,
        **activity.TAKEN,
        events.TopicShown: _topic_shown,
        PersonAway: away.person_away,
    }
