"""A user of one server, without a screen: what is known (state.py), what is kept (local_store.py) and the connection put together.

What a screen, a line-by-line program or a bot does goes through here. Never knows Textual.
"""

import time
from collections.abc import Callable, Container, Iterable
from functools import partial
from itertools import compress
from typing import Any

from msgspec.structs import replace

from chat_server.protocol import events, requests
from chat_server.protocol.conversation_events import ConversationsListed
from chat_server.protocol.entries import Entry
from chat_server.protocol.events import Event
from chat_server.protocol.incoming import Ref
from chat_server.protocol.moderation_events import LineHeld
from chat_server.protocol.names import name_key
from chat_server.protocol.people_events import MentionsWaiting
from chat_server.protocol.room_events import RoomCreated, RoomRenamed
from chat_server.protocol.setting_events import SettingShown
from chat_server.protocol.typed import Misuse, word_of_command
from chat_tui import language
from chat_tui.client.accounts import CANNOT_ASK
from chat_tui.client.activity import Activity
from chat_tui.client.aliases import Aliases
from chat_tui.client.askers import Answer
from chat_tui.client.calling import Caller
from chat_tui.client.clocks import Steady
from chat_tui.client.command_line import ASKED_ANYWHERE, Asked, Misused, misused, parse
from chat_tui.client.connection import Connection, ConnectionChanged, Status
from chat_tui.client.conversing import Requests, is_conversation
from chat_tui.client.credentials import Credentials, Keyring
from chat_tui.client.early_typing import EarlyTyping
from chat_tui.client.gaps import Gaps
from chat_tui.client.local_store import LocalStore
from chat_tui.client.named_meanwhile import NamedMeanwhile
from chat_tui.client.outgoing_lines import OutgoingLines
from chat_tui.client.pending import Pending
from chat_tui.client.room_choices import RoomChoices
from chat_tui.client.same_room import kept_of
from chat_tui.client.state import RoomState, State
from chat_tui.client.typed_secrets import as_meant, before_secrets, secret_below, without_secrets
from chat_tui.language import message, say

ONLINE_GAP = 10.0
"""Seconds between two questions for everybody in a crowded room."""

ROOMS_GAP = 60.0
"""Seconds between two questions for the rooms there are: others open new ones."""

CHOOSING_GAP = 10.0
"""The same where the user is in none, and chooses one by how many are there."""

WRONG = message("Something is wrong in chat-tui: {error}")

TYPED_MAX = 100
"""Lines of one's own that are remembered for Up."""


def _tell_nobody(refused: events.Refused, do: str, room: str) -> None:
    """Nobody looks."""


class Client:
    """One user on one server."""

    def __init__(
        self,
        host: str,
        port: int,
        nick: str,
        *,
        store: LocalStore,
        caller: Caller,
        keyring: Keyring | None = None,
        rooms: Iterable[str] = (),
        show_joins: bool = True,
        loads_older: bool = True,
        clock: Callable[[], float] = time.time,
        on_event: Callable[[Event, list[Entry], bool], object],
        on_change: Callable[[ConnectionChanged], object],
        on_refused: Callable[[events.Refused, str, str], object] = _tell_nobody,
    ) -> None:
        """Do nothing yet: `connection.run()` connects.

        Args:
            host: where the server is.
            port: its port.
            nick: the name that the user wants; "" for the one they had here last.
            store: what is kept on disk for this server.
            caller: calls the server, if it is trusted.
            keyring: keeps the tokens of accounts, if there is one.
            rooms: rooms to be in; those where the user was last, if there are none.
            show_joins: whether who comes and goes is told among the lines.
            loads_older: whether the newest lines of a room are asked for on entering where the server recalls none.
            clock: the time, in seconds since 1970.
            on_event: called with each event after it has been taken, the lines in it that are new, and whether the user need not be told of
                it: who asked has done so, or a line shows itself that it was refused.
            on_change: called when the connection's state changes.
            on_refused: called when what was asked for by itself is refused: why, what (`join`; `history`: a room's lines), and the room.

        """
        self.store = store
        self.saved = store.saved
        self.state = State(RoomChoices(self.saved.choices, self.saved.joins_shown, show_joins=show_joins))
        self._clock = clock
        self._steady = Steady(clock)
        self._on_event = on_event
        self._on_change = on_change
        self._asked_online: dict[str, float] = {}
        self._asked_rooms = self._steady()  # the connection asks when it has connected
        self._loads_older = loads_older
        self._is_dirty = False
        self._requests = Requests()
        self._named = NamedMeanwhile(self.state)
        self.aliases = Aliases()
        self.gaps = Gaps(
            self.state,
            self._ask,
            clock=self._steady,
            on_refused=lambda room, refused: on_refused(refused, "history", room),
        )
        self.credentials = Credentials(store, host, port, keyring)
        self.outgoing = OutgoingLines(store, self.state, self._send, clock)
        """The lines that the user says."""
        is_same = not nick or not self.saved.nick or name_key(nick) == name_key(self.saved.nick)
        self.early_typing = EarlyTyping(is_known=is_same and self.credentials.has_let_in)
        waiting = [pending.room for pending in store.unsent]
        wanted = list(dict.fromkeys([*rooms, *(self.saved.rooms if is_same else ()), *waiting]))
        self.connection = Connection(
            host,
            port,
            self.credentials.identity(nick or self.saved.nick, is_same=is_same),
            caller=caller,
            known=self.state,
            rooms=wanted,
            unsent=self.outgoing.to_send,
            token_for=self.credentials.token_for,
            on_event=self._take,
            on_change=self._connection_changed,
            on_room_refused=partial(_not_entered, self.state, on_refused),
        )
        self.activity = Activity(self.state, self._ask, self._steady)
        for name in wanted:
            self.state.room(name)
        for pending in store.unsent:
            self.state.typed(pending)

    # What the user does.

    def call_oneself(self, nick: str) -> None:
        """Want another name from the next attempt to connect on, with what proves that it is the user's, if it was theirs before."""
        identity = self.connection.identity
        if name_key(nick) != name_key(identity.nick):
            identity.token = self.credentials.identity(nick, is_same=False).token
            self.connection.prove(None)  # it was for the other name
            self.early_typing.is_somebody_else()
        identity.nick = nick

    def submit(self, text: str, room: str, on_answer: Answer, *, re: int = 0) -> str:
        """Do what a text asks for, in a room ("": none), or say it, in reply to line `re` (0: none). Returns what is wrong with it, in a sentence."""
        asked = self.parse(text)
        if isinstance(asked, Misused):
            return asked.why
        if (words := asked.words) is None:
            return "" if self.ask(asked, room, on_answer) else say(CANNOT_ASK)
        wrong = self.outgoing.wrong_with(asked.says, words, room)
        if not wrong:
            self.outgoing.say(self.outgoing.pending(room, asked.says, words, re=asked.re or re))
        return wrong

    def parse(self, text: str) -> Asked | Misused:
        """What a typed text asks for, by the server's own commands."""
        asked = parse(text, self.state.commands, self.state.listed, self.state.language)
        if isinstance(asked, Asked) and asked.words is not None:
            below = secret_below(text, self.state.commands, self.aliases.words)
            if below:
                return misused(Misuse("secret-below", {"word": word_of_command(below)}), "", self.state.language)
        return asked

    def ask(self, asked: Asked, room: str, on_answer: Answer) -> bool:
        """Ask the server for something, from a room ("": none). Returns False if there is no connection."""
        fields = dict(asked.fields)
        if room and "room" not in fields and self._is_for_room(asked.do):
            fields["room"] = room
        return self.connection.request(asked.do, on_answer=on_answer, **fields)

    def _send(self, line: Pending) -> None:
        self.connection.say(line)

    def _ask(self, do: str, **fields: Any) -> bool:
        return self.connection.request(do, **fields)

    def _is_for_room(self, do: str) -> bool:
        command = next((command for command in self.state.commands.values() if command.tag == do), None)
        return (
            command is not None
            and "room" in command.where
            and ("hall" not in command.where or do not in ASKED_ANYWHERE)
        )

    def is_before_secrets(self, text: str) -> bool:
        """Whether a typed text begins with a command behind which a secret may stand, or be typed next."""
        return bool(before_secrets(text, self.state.commands, self.aliases.words))

    def as_meant(self, text: str) -> str:
        """Return a typed text with its slash first, if it is a command before secrets of which the slash has slipped."""
        return as_meant(text, self.state.commands, self.aliases.words)

    def without_secrets(self, text: str) -> str:
        """Return as much of a typed text as may be kept on the disk, or shown again."""
        return without_secrets(text, self.state.commands, self.aliases.words)

    def remember_typed(self, text: str) -> None:
        """Note what the user has sent, for Up, but for what may be a secret."""
        text = self.without_secrets(text)
        before = map(self.without_secrets, self.saved.typed)  # an earlier version may have kept more of it
        self.saved.typed = [*(typed for typed in before if typed != text), text][-TYPED_MAX:]
        self._is_dirty = True

    def mark_read(self, room: RoomState, seq: int | None = None) -> None:
        """The user has seen everything in the room, or everything up to a number."""
        room.mark_read(room.last if seq is None else seq)
        if self.saved.read.get(room.name) != room.read and room.read is not None:
            self.saved.read[room.name] = room.read
            self._is_dirty = True

    def note_changed(self) -> None:
        """Keep what the user has chosen for a room, with the next tick."""
        self._is_dirty = True

    def note_draft(self, room: str, text: str) -> None:
        """Keep what is written and not sent, in a room ("": before there is one), but for what may be a secret."""
        text = self.without_secrets(text)
        if text == self.saved.drafts.get(room, "") or (text and self.early_typing.may_be_secret):
            return
        if text:
            self.saved.drafts[room] = text
        else:
            self.saved.drafts.pop(room, None)
        self._is_dirty = True

    def want_older(self, room: str, before: int) -> None:
        """Ask for lines before a number, once at a time."""
        self.gaps.want_older(room, before)

    def tick(self) -> None:
        """Do what is due: write down what has changed, ask who is in crowded rooms. To be called every few seconds."""
        now = self._steady()
        for room in self.state.rooms.values():
            if room.lacks_people and room.is_joined and now - self._asked_online.get(room.name, 0) > ONLINE_GAP:
                self._asked_online[room.name] = now
                self.connection.request("online", room=room.name)
        is_choosing = not any(room.is_joined for room in self.state.rooms.values())
        if now - self._asked_rooms > (CHOOSING_GAP if is_choosing else ROOMS_GAP) and self.connection.request("rooms"):
            self._asked_rooms = now
        self.gaps.tick()
        self.store.keep_up()
        if self._is_dirty:
            self._is_dirty = False
            self.store.save()

    def close(self) -> None:
        """Write down everything, and let another program have the files."""
        self.credentials.close()
        self.store.save()
        self.store.close()

    # What the server says.

    def _connection_changed(self, change: ConnectionChanged) -> None:
        if change.status is not Status.ONLINE:
            self.gaps.forget_questions()
        else:
            self.aliases.ask(self.connection.request, self.state.commands)
        if change.status is Status.REFUSED:
            self.credentials.ask_again()
        self._on_change(change)
        self.early_typing.changed(change)

    def _take(self, event: Event, ref: Ref | None) -> None:
        if self.state.is_of_too_many(event):
            return
        _prepare(event, ref, self.state, self.store, self.connection)
        if isinstance(event, events.HelpListed):
            event = _without_refused(event, self.state.commands)
        is_of_line = isinstance(event, events.Refused) and _is_told(event, ref, self.store, self.activity)
        new = self.state.apply(event, ref, now=self._clock())
        self.aliases.take(event)
        if isinstance(event, ConversationsListed):
            self.gaps.take(event)
            event = self._requests.new(event)
        match event:
            case events.Stored() | LineHeld():
                self.store.remove(event.key)
            case events.NotStored():
                self.outgoing.keep_failed(event.key)
            case events.Refused():
                self.outgoing.keep_failed(ref)
            case events.LoggedIn() | events.Registered() | events.Renamed():
                self.credentials.take(event, self.connection.identity)
            case events.Entered() | events.WentBack():
                self._note_rooms(event)
            case RoomCreated():
                self.connection.request("rooms")
            case _:
                self.gaps.take(event)
        answer = self.connection.askers.of(ref)
        self._tell(event, new, answer(event) if answer is not None else is_of_line)

    def _tell(self, event: Event, new: list[Entry], is_told: bool) -> None:
        if not isinstance(event, MentionsWaiting):
            self._on_event(event, new, is_told)
        if (named := self._named.take(event, new)) is not None:
            self._on_event(named, [], False)

    def _note_rooms(self, event: events.Entered | events.WentBack) -> None:
        self.gaps.room_changed(event.room)
        if isinstance(event, events.WentBack):
            self._asked_rooms = -ROOMS_GAP  # how many are where is seen now
        joined = (room.name for room in self.state.rooms.values() if room.is_joined)
        self.saved.rooms = [name for name in joined if not is_conversation(name)]  # the server lists those
        if isinstance(event, events.Entered):
            room = self.state.room(event.room)
            self.saved.ids[room.name] = room.id
            if room.read is not None:
                self.saved.read[room.name] = room.read
            if (
                self._loads_older and event.last and not room.timeline.newest
            ):  # the server recalls what was missed, which may be nothing
                self.want_older(room.name, requests.NUMBER_MAX)
        self._is_dirty = True


def _not_entered(
    state: State, on_refused: Callable[[events.Refused, str, str], object], room: str, refused: events.Refused
) -> None:
    """A room that was wanted from the start cannot be entered: nobody waits for it any more, unless lines of the user's do."""
    known = state.known(room)
    if known is not None and not (known.is_joined or known.pending or known.timeline.entries):
        del state.rooms[name_key(room)]
        if not any(one.is_joined for one in state.rooms.values()):
            state.put_out = refused.text
    on_refused(refused, "join", room)


def _prepare(event: Event, ref: Ref | None, state: State, store: LocalStore, connection: Connection) -> None:
    """Have what is kept of a room where its state, which is about to change, will look for it; and speak as the server does from now on."""
    if isinstance(event, events.Entered):
        room = state.room(event.room)
        room.read = kept_of(event, store.saved.read, store.saved.ids) if room.read is None else room.read
    elif isinstance(event, RoomRenamed):
        known = state.known(event.room)
        store.room_renamed(known.name if known else event.room, event.new)
        connection.room_settled(event.room)
    elif isinstance(event, SettingShown) and event.setting == "language":
        language.follow(event.value, was_asked=ref is not None)


def _without_refused(help_: events.HelpListed, commands: Container[str]) -> events.HelpListed:
    """The list of commands without those that a server before 0.2.0 lists to programs, and then refuses to them."""
    known = [usage.removeprefix("/").partition(" ")[0] in commands for usage, _ in help_.commands]
    shown, groups = compress(help_.commands, known), compress(help_.groups, known)
    return replace(help_, commands=tuple(shown), groups=tuple(groups))


def _is_told(refused: events.Refused, ref: Ref | None, store: LocalStore, activity: Activity) -> bool:
    """Whether a line shows itself that it was refused, or the user has asked for nothing that was."""
    return any(pending.key == ref for pending in store.unsent) or (ref is None and activity.refused(refused))
