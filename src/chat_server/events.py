"""The vocabulary that travels the whole way: requests go in, events come out.

Requests are imperatives (`Say`, `Join`), events are in the past tense (`Said`, `Joined`). All are frozen values; a request's
fields are what a person types after its word, in that order (flags stand first, keys are not typed). This module knows nothing else of ours.
"""

from datetime import date
from typing import Annotated, ClassVar

from msgspec import Meta, Struct

RestOfLine = Annotated[str, Meta(description="everything up to the end of the line, spaces included")]
Key = Annotated[
    str,
    Meta(
        max_length=64,
        description="the sender's own name for this request: sent again under the same key, it is stored once",
        extra={"typed": False},
    ),
]
NUMBER_MAX = 2**53 - 1
"""The largest number of a line: what every JSON reader can hold."""

Number = Annotated[int, Meta(ge=0, le=NUMBER_MAX, description="a line's number in its room")]
Count = Annotated[int, Meta(ge=1, le=NUMBER_MAX, description="how many lines")]
Everywhere = Annotated[bool, Meta(description="in all rooms, not only in this one", extra={"flag": "-a"})]


class Request(Struct, frozen=True, gc=False, tag_field="do", tag=str.lower):
    """What somebody wants. Its tag is the word that asks for it."""

    aliases: ClassVar[tuple[str, ...]] = ()


class Login(Request, frozen=True, gc=False):
    """Take a nickname."""

    nick: str


class Logout(Request, frozen=True, gc=False):
    """Leave the server."""

    aliases: ClassVar[tuple[str, ...]] = ("quit",)


class Help(Request, frozen=True, gc=False):
    """Ask what can be done here, or what one command does."""

    command: str = ""


class ListRooms(Request, frozen=True, gc=False, tag="rooms"):
    """Ask which rooms there are."""


class Join(Request, frozen=True, gc=False):
    """Go to a room."""

    room: str


class Rename(Request, frozen=True, gc=False, tag="nick"):
    """Change one's nickname."""

    nick: str


class Say(Request, frozen=True, gc=False):
    """Say something to everybody in the room."""

    text: RestOfLine
    key: Key = ""


class Act(Request, frozen=True, gc=False, tag="me"):
    """Do something that everybody in the room sees."""

    action: RestOfLine
    key: Key = ""


class Topic(Request, frozen=True, gc=False):
    """Ask what the room is about, or say it."""

    text: RestOfLine = ""
    key: Key = ""


class ListOnline(Request, frozen=True, gc=False, tag="online"):
    """Ask who else is in the room."""


class Last(Request, frozen=True, gc=False):
    """Read the newest lines."""

    count: Count = 20


class Since(Request, frozen=True, gc=False):
    """Read what came after a line."""

    number: Number


class Before(Request, frozen=True, gc=False):
    """Read what came before a line."""

    number: Number


class Around(Request, frozen=True, gc=False):
    """Read what stands around a line."""

    number: Number


class OnDate(Request, frozen=True, gc=False, tag="date"):
    """Read from the beginning of a day."""

    day: date


class Search(Request, frozen=True, gc=False):
    """Look for lines by their words."""

    words: RestOfLine
    everywhere: Everywhere = False


class History(Request, frozen=True, gc=False):
    """Choose how many lines one sees on entering a room."""

    count: Annotated[int, Meta(ge=0, le=NUMBER_MAX)] | None = None


class Time(Request, frozen=True, gc=False):
    """Ask for the time, or choose the zone in which times are shown."""

    zone: str = ""


class Ping(Request, frozen=True, gc=False):
    """Have one's next line timed."""


class Create(Request, frozen=True, gc=False):
    """Open a new room."""

    room: str


class Back(Request, frozen=True, gc=False):
    """Go back to the hall."""


class Unreadable(Struct, frozen=True, gc=False):
    """A line that is no request. It stands in the stream where the request would have stood, so that answers keep their order."""


class UnknownCommand(Unreadable, frozen=True, gc=False):
    """A command with a word that no request has. It may be a room's name."""

    word: str
    arguments: str


class WrongUsage(Unreadable, frozen=True, gc=False):
    """A known command with too few or too many arguments."""

    usage: str


class LineTooLong(Unreadable, frozen=True, gc=False):
    """A line of more bytes than the limit; it was skipped."""

    limit: int


class ProtocolReply(Struct, frozen=True, gc=False):
    """What a door's own protocol wants sent back.

    It has its place in the stream among the requests: some callers show nothing until they have it.
    """

    data: bytes


class Event(Struct, frozen=True, tag_field="is", tag=str.lower):
    """What has happened. Every name and text in it is clean (see clean.py)."""


class Greeted(Event, frozen=True):
    """Somebody has connected."""

    version: str


class LoggedIn(Event, frozen=True):
    """The receiver has a nickname now."""

    nick: str


class LoggedOut(Event, frozen=True):
    """The receiver has left of their own will; nothing follows."""


class Dismissed(Event, frozen=True):
    """The server ends the receiver's session; nothing follows. `why` is a key of the catalogue of sentences."""

    why: str
    details: dict[str, str] = {}


class Refused(Event, frozen=True):
    """The receiver's request was not carried out. `code` is a key of the catalogue of sentences."""

    code: str
    details: dict[str, str] = {}


class EnteredHall(Event, frozen=True):
    """The receiver is back in the hall."""


class Entered(Event, frozen=True):
    """The receiver is in a room; `nicks` are some of the others there, `more` counts those not named."""

    room: str
    nicks: tuple[str, ...]
    more: int
    topic: str = ""


class RoomsListed(Event, frozen=True):
    """The rooms, each with the number of people in it."""

    rooms: tuple[tuple[str, int], ...]


class OnlineListed(Event, frozen=True):
    """Everybody else in the room."""

    room: str
    nicks: tuple[str, ...]


class HelpListed(Event, frozen=True):
    """What works here: (usage, one sentence) for each command; `rooms` are the names that are commands too."""

    commands: tuple[tuple[str, str], ...]
    rooms: tuple[str, ...]


class CommandExplained(Event, frozen=True):
    """One command, explained."""

    usage: str
    text: str
    aliases: tuple[str, ...]


class Line(Event, frozen=True, gc=False):
    """What is kept of a room: numbered, stored, and shown to whoever comes later.

    `seq` counts the room's lines from 1, without holes; `at` is in seconds since 1970.
    """

    room: str
    seq: int
    at: float
    nick: str
    text: str


class Said(Line, frozen=True, gc=False):
    """Somebody has said something."""


class Acted(Line, frozen=True, gc=False):
    """Somebody has done something (`/me`)."""


class TopicSet(Line, frozen=True, gc=False, tag="topic"):
    """Somebody has said what the room is about."""


class Stored(Event, frozen=True, gc=False):
    """The receiver's own line is stored under this number: at once or, when its key had been sent before, since then."""

    room: str
    seq: int
    key: str


class NotStored(Event, frozen=True, gc=False):
    """So many lines of the receiver's could not be stored. Nobody has seen them, and nobody will."""

    room: str
    lines: int
    keys: tuple[str, ...] = ()


class Timed(Event, frozen=True, gc=False):
    """How long the receiver's line waited in the room's inbox, and how long storing it took, in seconds."""

    room: str
    seq: int
    queued: float
    stored: float


class Recalled(Event, frozen=True):
    """What was said in the room that the receiver has just entered, oldest first.

    `missed` counts the lines since the receiver was last here, of which `lines` are the newest; it is None for one who was never here before.
    """

    room: str
    lines: tuple[Line, ...]
    missed: int | None
    last: int
    zone: str


class PageShown(Event, frozen=True):
    """Lines that the receiver asked for, oldest first. The room has those from `first` to `last`."""

    room: str
    lines: tuple[Line, ...]
    first: int
    last: int
    zone: str


class Found(Event, frozen=True):
    """The newest lines that have the words, by room, oldest first in each. `unsearched` counts lines that the search could not cover yet."""

    words: str
    rooms: tuple[tuple[str, tuple[Line, ...]], ...]
    has_more: bool
    unsearched: int
    zone: str


class TopicShown(Event, frozen=True):
    """What the room is about, or "" if nobody has said it."""

    room: str
    topic: str


class HistoryChosen(Event, frozen=True):
    """So many lines the receiver sees on entering a room."""

    count: int


class ZoneShown(Event, frozen=True):
    """The zone in which times are shown to the receiver ("": the server's own), and the time now, in seconds since 1970."""

    zone: str
    now: float


class TimingAwaited(Event, frozen=True):
    """The receiver's next line will be timed."""


class RoomCreated(Event, frozen=True):
    """The receiver has opened a room."""

    room: str


class Joined(Event, frozen=True):
    """People have entered the room: those named in `nicks`, and `more` others."""

    room: str
    nicks: tuple[str, ...]
    more: int = 0


class Left(Event, frozen=True):
    """People have left the room: those named in `nicks`, and `more` others."""

    room: str
    nicks: tuple[str, ...]
    more: int = 0


class Renamed(Event, frozen=True, gc=False):
    """Somebody has a new nickname."""

    old: str
    new: str


class Slowed(Event, frozen=True):
    """The receiver sends faster than the limit, in lines per second; what they sent waits its turn."""

    limit: float


class Skipped(Event, frozen=True, gc=False):
    """The receiver read too slowly; `lines` lines of text were left out here.

    What was said among them comes after number `seq` of `room`, where the receiver still is; "" if no room's lines can be among them.
    """

    lines: int
    room: str = ""
    seq: int = 0
