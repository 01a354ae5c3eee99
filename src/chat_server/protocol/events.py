"""What has happened: every event but the entries of a room (entries.py). In the past tense (`Joined`), a frozen value.

Never knows to whom it is shown, nor how. Every name and text in an event is clean (sanitize.py).
"""

import re
from typing import ClassVar

from msgspec import UNSET, Struct, UnsetType

from chat_server.protocol.described import CommandDescribed, DeviceShown, Forbidden, LastLogin, NetworkShown
from chat_server.protocol.requests import HowMany, Number

Guests = tuple[str, ...] | UnsetType
"""The names among those in an event that are of people without an account; left out where nobody has one, and where none is."""


def _kebab(name: str) -> str:
    """`LoggedIn`: `logged-in`."""
    return re.sub(r"(?<=[a-z])(?=[A-Z])", "-", name).lower()


class Event(Struct, frozen=True, tag_field="is", tag=_kebab):
    """What has happened. Every name and text in it is clean (see sanitize.py)."""

    is_for_people: ClassVar[bool] = True
    """Whether people are told; the rest only programs are."""
    is_for_programs: ClassVar[bool] = True
    """Whether programs are; the rest only people are."""
    sentence: ClassVar[str] = ""
    """What people are told, its fields put in, where that is all; else wire/render has it."""
    other_sentences: ClassVar[tuple[str, ...]] = ()
    """What its `own_sentence` may be beside that."""

    @property
    def own_sentence(self) -> str:
        """The sentence that is told of this one."""
        return self.sentence


class Answered(Event, frozen=True, kw_only=True):
    """A command has been carried out, and says so in one sentence: what a command that has an answer of its own has it as.

    `text` is its sentence, for programs that do not know the command: they show that.
    """

    listed_in: ClassVar[str] = ""
    """The field with what is told in a row each, where the sentence has `{listed}`: by its number, with what is told of it."""
    row_sentences: ClassVar[dict[str, str]] = {}
    """What such a row says, by what it is about: see `about`. The row's `reason`, or `why`, is told after it."""
    row_frames: ClassVar[tuple[str, ...]] = ("{told}",)
    """In what that stands, with the row's number and its time."""
    more_sentence: ClassVar[str] = ""
    """What is told besides where there is more: where its field `before`, or `nth`, is not 0."""

    text: str = ""

    def about(self, row: dict[str, str]) -> str:
        """What a row is about: one of the keys of `row_sentences`."""
        return row["what"]

    def frame_of(self, number: str) -> str:
        """In which of the `row_frames` the row with this number stands."""
        del number
        return self.row_frames[0]

    @property
    def own_more_sentence(self) -> str:
        """What is told besides of this one."""
        has_more = bool(getattr(self, "before", 0) or getattr(self, "nth", 0))
        return self.more_sentence if has_more else ""


class Greeted(Event, frozen=True):
    """Somebody has connected."""

    version: str


class Welcomed(Event, frozen=True, tag="hello"):
    """What the server is and can do, and which `node` it is of several that are one: the answer to a program's hello.

    `limits`: bytes in a line and in a text, requests a second in the long run and at once, rooms at a time, sessions of a person, seconds of silence.
    `rules` are those that a room can have, each with its values, the one first that holds where nothing was set; a number's range has none.
    """

    is_for_people: ClassVar[bool] = False
    server: str
    version: str
    protocol: int
    limits: dict[str, float]
    commands: tuple[CommandDescribed, ...]
    language: str = "en"
    node: str | UnsetType = UNSET
    rules: dict[str, tuple[str, ...]] = {}


class LoggedIn(Event, frozen=True):
    """The receiver has a nickname now; a program is in `rooms` again, and keeps the token for when its connection is lost.

    Who asked to be one more session is told how many `sessions` the person has now, this one included; whoever has an account, about the
    `last_login`.
    """

    nick: str
    token: str = ""
    rooms: tuple[str, ...] = ()
    sessions: HowMany | UnsetType = UNSET
    last_login: LastLogin | UnsetType = UNSET


class DevicesListed(Event, frozen=True):
    """The devices of the receiver's account, oldest first; and how many other sessions of theirs are at none of them, but at terminals.

    `networks` are those from which the account has logged in last, by whatever: the newest first.
    """

    devices: tuple[DeviceShown, ...]
    terminals: HowMany
    zone: str
    networks: tuple[NetworkShown, ...] = ()


class AccountShown(Event, frozen=True):
    """What there is to say of the receiver's account; so many `recovery` codes are left."""

    nick: str
    made: float
    role: str
    devices: HowMany
    recovery: HowMany
    zone: str


class Registered(Event, frozen=True):
    """The receiver's nickname is an account now; nothing of this is shown again. A program has a new token, and uses no earlier one.

    Each of the `recovery` codes lets one in once, whatever has been forgotten.
    """

    nick: str
    recovery: tuple[str, ...]
    token: str = ""


class LoggedOut(Event, frozen=True):
    """The receiver has left of their own will; nothing follows."""

    sentence: ClassVar[str] = "Goodbye."


class Dismissed(Event, frozen=True):
    """The server ends the receiver's session. `why` is a key of the catalogue, `text` its sentence; `retry_after`: come back by yourself then."""

    why: str
    details: dict[str, str] = {}
    text: str = ""
    retry_after: float | UnsetType = UNSET


# The tag is said, for a command that refuses what no other does has a class of this beside it, with a code and a sentence of its own.
class Refused(Event, frozen=True, tag="refused"):
    """The receiver's request was not carried out. `code` is a key of the catalogue of sentences, `text` its sentence.

    `room` is the one that the request was for; `key` is the request's, where it was refused as late as it was to be stored.
    """

    code: str
    details: dict[str, str] = {}
    room: str = ""
    text: str = ""
    key: str | UnsetType = UNSET


class EnteredHall(Event, frozen=True):
    """The receiver is back in the hall."""

    sentence: ClassVar[str] = "You are in the hall."


class Entered(Event, frozen=True):
    """The receiver is in a room, as a `guest` or not; `nicks` are some of the others, `more` counts the rest, `last` is the newest line's number.

    The room's `id` is never another's, and stays when it is renamed.

    What follows is told where there is something to tell, and is what the room is after that line: `rules` that are not as in every room, the
    receiver's own `role` in the room and on the server, the `roles` of a hundred people at most by what they are called, what the receiver is
    `forbidden`, and the time `now`; that the room is `archived`, where nobody says anything; and who of the `nicks` is `away` by their own word, with
    what they say of it in `reasons`, cut where it is long.
    """

    room: str
    nicks: tuple[str, ...]
    more: HowMany
    topic: str = ""
    last: Number = 0
    guests: Guests = UNSET
    guest: bool | UnsetType = UNSET
    rules: dict[str, str] | UnsetType = UNSET
    role: str | UnsetType = UNSET
    server_role: str | UnsetType = UNSET
    roles: dict[str, str] | UnsetType = UNSET
    forbidden: tuple[Forbidden, ...] | UnsetType = UNSET
    now: float | UnsetType = UNSET
    id: str = ""
    away: Guests = UNSET
    archived: bool | UnsetType = UNSET
    reasons: dict[str, str] | UnsetType = UNSET


class WentBack(Event, frozen=True):
    """The receiver has left a room, and may be in others."""

    sentence: ClassVar[str] = "You have left {room}."

    room: str


class RoomsListed(Event, frozen=True):
    """The rooms, each with the number of people in it; all, or those with `name` in their names.

    `topics` are those of the busiest (ROOMS_SHOWN_MAX), by room, cut after TOPIC_SHOWN_MAX characters. The `archived` are not among `rooms`: there
    nobody says anything any more. `ids` are those of all, by room. `private` are those that are only for their members, of which nobody else is
    told.
    """

    rooms: tuple[tuple[str, HowMany], ...]
    topics: dict[str, str] = {}
    name: str = ""
    archived: tuple[tuple[str, HowMany], ...] = ()
    ids: dict[str, str] = {}
    private: tuple[str, ...] | UnsetType = UNSET


class HelpListed(Event, frozen=True):
    """What works here: (usage, one sentence) for each command, and its group; `rooms` are the names that are commands too.

    `only`: those of one group, which was asked for. Else people are shown of some groups how many they have, where all would not fit on a screen.
    """

    commands: tuple[tuple[str, str], ...]
    rooms: tuple[str, ...]
    groups: tuple[str, ...] = ()
    only: str = ""


class CommandExplained(Event, frozen=True):
    """One command, explained; or that its word enters a room."""

    usage: str
    text: str
    aliases: tuple[str, ...]
    room: str = ""


class Stored(Event, frozen=True, gc=False):
    """The receiver's own line is stored under this number: at once or, when its key had been sent before, since then."""

    sentence: ClassVar[str] = "Stored in {room} as #{seq}."

    room: str
    seq: Number
    key: str


class NotStored(Event, frozen=True, gc=False):
    """So many lines of the receiver's could not be stored: the one with this key, or all of a batch that have none. Nobody has seen them."""

    room: str
    lines: HowMany
    key: str = ""


class Timed(Event, frozen=True, gc=False):
    """How long the receiver's line waited in the room's inbox, and how long storing it took, in seconds."""

    room: str
    seq: Number
    queued: float
    stored: float


class TopicShown(Event, frozen=True):
    """What the room is about, or "" if nobody has said it."""

    room: str
    topic: str


class TimingAwaited(Event, frozen=True):
    """The receiver's next line will be timed."""

    sentence: ClassVar[str] = "Your next line will be timed."


class Joined(Event, frozen=True):
    """People have entered the room: those named in `nicks`, and `more` others."""

    room: str
    nicks: tuple[str, ...]
    more: HowMany = 0
    guests: Guests = UNSET


class Left(Event, frozen=True):
    """People have left the room: those named in `nicks`, and `more` others."""

    room: str
    nicks: tuple[str, ...]
    more: HowMany = 0
    guests: Guests = UNSET


class Renamed(Event, frozen=True, gc=False):
    """Somebody in the room has a new nickname; without a room, the receiver has. `guest` says that they have no account, where others have."""

    old: str
    new: str
    room: str = ""
    guest: bool | UnsetType = UNSET


class Slowed(Event, frozen=True):
    """The receiver sends faster than the limit, in lines per second; what they sent waits its turn.

    If it `is_shared`, it is the limit of all who are connected from the same address.
    """

    limit: float
    is_shared: bool = False


class Skipped(Event, frozen=True):
    """The receiver read too slowly; `lines` lines of text were left out here.

    What was said among them comes after these numbers in the `rooms` where the receiver still is.
    """

    lines: HowMany
    rooms: dict[str, Number] = {}


class RoomFailed(Event, frozen=True, tag="faltered"):
    """Something went wrong on the server's side in a room where the receiver is; it has been noted, and the room goes on.

    What was said is kept: if something was not shown, it comes after the number `after`.
    """

    sentence: ClassVar[str] = (
        "Something went wrong in {room} on the server's side. It has been noted, and the room goes on. /since {after} shows what was said."
    )

    room: str
    after: Number


class Pinged(Event, frozen=True, tag="ping"):
    """The server wants to know whether the program is still there; anything that it sends says so."""

    is_for_people: ClassVar[bool] = False


class Ponged(Event, frozen=True, tag="pong"):
    """The server is there: the answer to a ping, and to telnet's "are you there"."""

    sentence: ClassVar[str] = "I am here."
