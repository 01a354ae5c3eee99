"""What people are just doing: who is writing, and how far the other of a conversation has read; and what the server is told of the user.

Only of users who have chosen it (`/typing`, `/receipts`), of which the server tells. Never knows how it is shown.
"""

from collections.abc import Callable
from typing import Any, Protocol

from chat_server.protocol.events import Event, Refused
from chat_server.protocol.people_events import HasRead, Writing
from chat_server.protocol.sanitize import typed_lines
from chat_server.protocol.setting_events import SettingShown
from chat_tui.client.conversing import is_conversation
from chat_tui.language import say, say_count

TYPING, RECEIPTS = "typing", "receipts"
"""What the settings are called by which a user takes part."""

SAY_SECONDS = 3.0
"""Seconds after which it is said again that the user is writing: half of those for which the server takes that for true."""

GOOD_SECONDS = 10.0
"""Seconds after which somebody is not writing any more of whom it was not said again."""

UNSEEN_SECONDS = 60.0
"""Seconds for which nothing is said of a room where nobody is told."""

NAMED_MAX = 2
"""People who are named; of more it is said how many."""

OFF = {"typing-off": TYPING, "receipts-off": RECEIPTS}
"""Refusals of what is told of the user where they have not chosen it."""

UNSEEN = "typing-unseen"
"""That of what is told where nobody is shown it."""


class InRoom:
    """What is known of one room."""

    def __init__(self) -> None:
        self.writing: tuple[str, ...] = ()
        """Who is writing."""
        self.told_at = 0.0
        """When that was told."""
        self.read_line = 0
        """The number of the user's newest line that the other of a conversation has read; 0: none, as far as is known."""

    def has_said(self, nick: str) -> None:
        """Somebody has said something: they are not writing any more."""
        if self.writing:
            self.writing = tuple(one for one in self.writing if one != nick)

    def in_words(self, now: float) -> str:
        """Who is writing, in a few words; "" if nobody is."""
        people = self.writing if now - self.told_at < GOOD_SECONDS else ()
        if not people:
            return ""
        if len(people) > NAMED_MAX:
            return say_count("{number} person is writing", "{number} people are writing", len(people))
        if len(people) == 1:
            return say("{nick} is writing", nick=people[0])
        return say("{one} and {other} are writing", one=people[0], other=people[1])


class Room(Protocol):
    """A room, as far as it matters here."""

    name: str
    is_joined: bool
    last: int
    activity: InRoom

    @property
    def timeline(self) -> Any:
        """Its lines."""


class State(Protocol):
    """What is known of a server, as far as it matters here."""

    nick: str
    now: float
    chosen: dict[str, str]

    def known(self, name: str) -> Any:
        """The room with this name, if it is known."""


def note_choice(state: State, event: SettingShown) -> None:
    """The user takes part in one of the two, or not."""
    if event.setting in (TYPING, RECEIPTS):
        state.chosen[event.setting] = event.value


def writing(state: State, event: Writing) -> None:
    """These are writing."""
    room = state.known(event.room)
    if room is not None:
        room.activity.writing, room.activity.told_at = event.nicks, state.now


def has_read(state: State, event: HasRead) -> None:
    """The other of a conversation has read up to a line: the newest of the user's own up to there is marked."""
    room = state.known(event.room)
    if room is None or not is_conversation(room.name):
        return
    read = room.timeline.newest_of(state.nick, event.seq)
    if read > room.activity.read_line:
        for seq in (room.activity.read_line, read):
            room.timeline.touch(seq)
        room.activity.read_line = read


TAKEN: dict[type[Event], Callable[[Any, Any], None]] = {Writing: writing, HasRead: has_read}
"""What the state takes from here."""


class Activity:
    """What the server is told of the user."""

    def __init__(self, state: State, request: Callable[..., bool], clock: Callable[[], float]) -> None:
        """Nothing has been told. `request` asks the server for something; `clock` never goes back."""
        self._state, self._request, self._clock = state, request, clock
        self._chosen = state.chosen
        self._room, self._text = "", ""
        self._told_at: float | None = None  # when it was last said that the user is writing; None: they are not
        self._unseen: dict[str, float] = {}
        self._told_read: dict[str, int] = {}

    def typed(self, room: Room | None, text: str) -> None:
        """Such a text stands in the prompt now. What stands there when one comes to a room, one has not just written."""
        name = room.name if room is not None else ""
        is_same, was = name == self._room, self._text
        self._room, self._text = name, text
        if not is_same:
            self._told_at = None
        elif room is not None and room.is_joined and self._has_chosen(TYPING):
            self._tell(name, is_writing=_is_said(text) and text != was)

    def sent(self) -> None:
        """What was written has been sent, which says enough."""
        self._told_at, self._text = None, ""

    def _tell(self, room: str, *, is_writing: bool) -> None:
        now = self._clock()
        if is_writing:
            is_due = self._told_at is None or now - self._told_at >= SAY_SECONDS
            if is_due and now >= self._unseen.get(room, now) and self._request("writing", room=room):
                self._told_at = now
        elif not self._text.strip() and self._told_at is not None:
            self._told_at = None
            self._request("writing", room=room, on=False)

    def read(self, room: Room) -> None:
        """The user has read all of a room."""
        is_wanted = self._has_chosen(RECEIPTS) and is_conversation(room.name)
        is_new = room.last > self._told_read.get(room.name, 0)
        if is_wanted and is_new and self._request("has-read", room=room.name, seq=room.last):
            self._told_read[room.name] = room.last

    def refused(self, refused: Refused) -> bool:
        """Whether this refuses what was told from here."""
        if refused.code == UNSEEN and refused.room == self._room:
            self._unseen[refused.room] = self._clock() + UNSEEN_SECONDS
        elif refused.code in OFF:
            self._state.chosen.pop(OFF[refused.code], None)
        return refused.code == UNSEEN or refused.code in OFF

    def _has_chosen(self, what: str) -> bool:
        """Whether the user has, as the server tells after each login: what was told it before, it may not know any more."""
        chosen = self._state.chosen
        if chosen is not self._chosen:
            self._chosen, self._told_at = chosen, None
            self._unseen.clear()
            self._told_read.clear()
        return chosen.get(what) == "on"


def _is_said(text: str) -> bool:
    """Whether a text will be said: not a command."""
    typed = typed_lines(text)
    return bool(typed.strip()) and (not typed.startswith("/") or typed.startswith("//"))
