"""The vocabulary that travels the whole way: requests go in, events come out.

Requests are imperatives (`Say`, `Join`), events are in the past tense (`Said`, `Joined`). All are frozen values; a request's
fields are what a person types after its word, in that order (flags stand first; what is not `typed` only programs send). This module knows
nothing else of ours.
"""

import re
from typing import Annotated, ClassVar, Literal

from msgspec import Meta, Struct

RestOfLine = Annotated[
    str, Meta(description="everything up to the end of the line, spaces included", extra={"rest": True})
]
Lines = Annotated[
    str,
    Meta(
        description="everything up to the end of the line, spaces included; a program may send several lines",
        extra={"rest": True, "lines": True},
    ),
]
Key = Annotated[
    str,
    Meta(
        max_length=64,
        description="the sender's own name for this request: sent again under the same key, it is stored once",
        extra={"typed": False},
    ),
]
Token = Annotated[
    str,
    Meta(
        max_length=64,
        pattern="^([A-Za-z0-9_-]{22,})?$",
        description="the secret that the answer to an earlier login carried: takes the name back from a connection that was lost",
        extra={"typed": False},
    ),
]
NUMBER_MAX = 2**53 - 1
"""The largest number of a line: what every JSON reader can hold."""

Number = Annotated[int, Meta(ge=0, le=NUMBER_MAX, description="a line's number in its room")]
HowMany = Annotated[int, Meta(ge=0, le=NUMBER_MAX)]
"""How many there are of something that is counted."""

ROOMS_SHOWN_MAX = 100
"""Rooms that /rooms gives a row each, the busiest first; the others are counted."""

TOPIC_SHOWN_MAX = 100
"""Characters of a topic in a list of rooms: more than fit into a row."""

HISTORY_MAX = 50
"""Lines shown on entering a room, at the most. A room has them in memory, so that 5000 people who enter read nothing from the disk."""

LAST_MAX = 200
"""Lines that one asks for by their count."""

# A person who asks for too many is told how many there may be; a program is given as many.
Count = Annotated[int, Meta(ge=1, le=NUMBER_MAX, description="how many lines", extra={"most": LAST_MAX})]
Newest = Annotated[int, Meta(ge=0, le=NUMBER_MAX, description="how many lines", extra={"most": HISTORY_MAX})]
Day = Annotated[
    str,
    Meta(
        description="a day: 2026-11-20, today, yesterday, -3d (three days ago); or a time of day, which is its last one: 14:30",
        extra={"kind": "date"},
    ),
]
Unheard = Annotated[
    str, Meta(description="words of farewell; nobody is shown them", extra={"rest": True, "in_usage": False})
]
"""What people are used to type after a word, and nobody reads."""

Everywhere = Annotated[bool, Meta(description="in all rooms, not only in this one", extra={"flag": "-a"})]


REF_MAX = 64
"""Characters in a request's mark."""

Ref = Annotated[str, Meta(max_length=REF_MAX)] | Annotated[int, Meta(ge=-NUMBER_MAX, le=NUMBER_MAX)]
"""A request's mark, which comes back on its answer."""


GROUPS = ("general", "talking", "rooms", "reading", "terminal")
"""What commands are about, in the order in which /help has them."""


class Request(Struct, frozen=True, gc=False, tag_field="do", tag=str.lower):
    """What somebody wants. Its tag is the word that asks for it."""

    aliases: ClassVar[tuple[str, ...]] = ()
    is_typed: ClassVar[bool] = True
    """Whether people type it; the rest only programs send."""
    group: ClassVar[str] = "general"
    """Under which heading /help lists it; one of GROUPS."""
    is_for_terminals: ClassVar[bool] = False
    """Whether it is about telnet and how a terminal is written to, which is no business of programs."""


class Login(Request, frozen=True, gc=False):
    """Take a nickname."""

    nick: str
    plain: Annotated[Literal["", "plain"], Meta(description="begin in plain mode, for screen readers")] = ""
    token: Token = ""


class Logout(Request, frozen=True, gc=False):
    """Leave the server."""

    aliases: ClassVar[tuple[str, ...]] = ("quit", "exit", "bye")
    words: Unheard = ""


class Help(Request, frozen=True, gc=False):
    """Ask what can be done here, or what one command does."""

    command: str = ""


class ListRooms(Request, frozen=True, gc=False, tag="rooms"):
    """Ask which rooms there are, or which have this in their name."""

    group: ClassVar[str] = "rooms"
    aliases: ClassVar[tuple[str, ...]] = ("list",)
    name: str = ""


class Join(Request, frozen=True, gc=False):
    """Go to a room."""

    group: ClassVar[str] = "rooms"
    aliases: ClassVar[tuple[str, ...]] = ("j",)

    room: str


class Rename(Request, frozen=True, gc=False, tag="nick"):
    """Change one's nickname."""

    nick: str


class Say(Request, frozen=True, gc=False):
    """Say something to everybody in the room."""

    group: ClassVar[str] = "talking"
    text: Lines
    key: Key = ""


class Act(Request, frozen=True, gc=False, tag="me"):
    """Do something that everybody in the room sees."""

    group: ClassVar[str] = "talking"
    action: Lines
    key: Key = ""


class Topic(Request, frozen=True, gc=False):
    """Ask what the room is about, or say it."""

    group: ClassVar[str] = "rooms"
    text: RestOfLine = ""
    key: Key = ""


class ListOnline(Request, frozen=True, gc=False, tag="online"):
    """Ask who else is in the room."""

    group: ClassVar[str] = "rooms"
    aliases: ClassVar[tuple[str, ...]] = ("who", "names", "users")


class Last(Request, frozen=True, gc=False):
    """Read the newest lines."""

    group: ClassVar[str] = "reading"
    count: Count = 20


class Since(Request, frozen=True, gc=False):
    """Read what came after a line."""

    group: ClassVar[str] = "reading"
    number: Number


class Before(Request, frozen=True, gc=False):
    """Read what came before a line."""

    group: ClassVar[str] = "reading"
    number: Number


class Around(Request, frozen=True, gc=False):
    """Read what stands around a line."""

    group: ClassVar[str] = "reading"
    number: Number


class OnDate(Request, frozen=True, gc=False, tag="date"):
    """Read from the beginning of a day, or from a time of day."""

    group: ClassVar[str] = "reading"
    day: Day


class Search(Request, frozen=True, gc=False):
    """Look for lines by their words."""

    group: ClassVar[str] = "reading"
    words: RestOfLine
    everywhere: Everywhere = False


class History(Request, frozen=True, gc=False):
    """Choose how many lines one sees on entering a room; or, with a number, read a page of lines."""

    group: ClassVar[str] = "reading"
    count: Newest | None = None
    before: Annotated[Number | None, Meta(description="read what came before this line", extra={"typed": False})] = None
    after: Annotated[Number | None, Meta(description="read what came after this line", extra={"typed": False})] = None


class Time(Request, frozen=True, gc=False):
    """Ask for the time, or choose the zone in which times are shown."""

    group: ClassVar[str] = "terminal"
    zone: str = ""


class Ping(Request, frozen=True, gc=False):
    """Have one's next line timed."""

    group: ClassVar[str] = "talking"


class Create(Request, frozen=True, gc=False):
    """Open a new room."""

    group: ClassVar[str] = "rooms"
    room: str


class ChooseLanguage(Request, frozen=True, gc=False, tag="lang"):
    """Ask in which language the server speaks, or choose it."""

    group: ClassVar[str] = "terminal"
    language: str = ""


class ChooseCharset(Request, frozen=True, gc=False, tag="charset"):
    """Ask in which charset one's text is read and written, or choose it."""

    group: ClassVar[str] = "terminal"
    is_for_terminals: ClassVar[bool] = True
    charset: str = ""


class ChooseMode(Request, frozen=True, gc=False, tag="mode"):
    """Ask who edits one's line, or choose it."""

    group: ClassVar[str] = "terminal"
    is_for_terminals: ClassVar[bool] = True
    mode: Literal["", "line", "edit"] = ""


class ChooseColour(Request, frozen=True, gc=False, tag="colour"):
    """Ask whether there are colours, or choose it."""

    group: ClassVar[str] = "terminal"
    aliases: ClassVar[tuple[str, ...]] = ("color",)
    is_for_terminals: ClassVar[bool] = True
    colour: Literal["", "on", "off"] = ""


class ChooseWrap(Request, frozen=True, gc=False, tag="wrap"):
    """Ask whether long lines are broken, or choose it, or for how many columns."""

    group: ClassVar[str] = "terminal"
    is_for_terminals: ClassVar[bool] = True
    columns: str = ""


class ChoosePlain(Request, frozen=True, gc=False, tag="plain"):
    """Choose plain mode, or end it."""

    group: ClassVar[str] = "terminal"
    is_for_terminals: ClassVar[bool] = True
    plain: Literal["on", "off"] = "on"


class ChooseKeepalive(Request, frozen=True, gc=False, tag="keepalive"):
    """Ask whether the connection is kept open by telnet, or choose it."""

    group: ClassVar[str] = "terminal"
    is_for_terminals: ClassVar[bool] = True
    keepalive: Literal["", "on", "off"] = ""


class Back(Request, frozen=True, gc=False):
    """Go back to the hall."""

    group: ClassVar[str] = "rooms"
    aliases: ClassVar[tuple[str, ...]] = ("part", "leave", "close")


class Hello(Request, frozen=True, gc=False):
    """Begin, and ask what the server is and can do."""

    is_typed: ClassVar[bool] = False
    protocol: Annotated[int, Meta(ge=1, description="the newest version of the protocol that the program knows")] = 1
    program: Annotated[str, Meta(max_length=64, description="the program's own name and version")] = ""


class Resume(Request, frozen=True):
    """Enter rooms again after a lost connection, and have what was said in them since."""

    is_typed: ClassVar[bool] = False
    rooms: Annotated[
        dict[str, Number], Meta(description="for each room, the number of the last line that the program has")
    ]


class AskAlive(Request, frozen=True, gc=False, tag="are-you-there"):
    """Ask whether the server is still there (RFC 854's AYT)."""

    is_typed: ClassVar[bool] = False


class AnswerAlive(Request, frozen=True, gc=False, tag="here"):
    """Say that the program is still there. Anything else that it sends says so too."""

    is_typed: ClassVar[bool] = False


class Unreadable(Struct, frozen=True, gc=False):
    """A line that is no request. It stands in the stream where the request would have stood, so that answers keep their order."""


class UnknownCommand(Unreadable, frozen=True, gc=False):
    """A command with a word that no request has. It may be a room's name."""

    word: str
    arguments: str


class Invalid(Unreadable, frozen=True):
    """What cannot be a request, and why: a key of the catalogue of sentences, and the details of its sentence."""

    code: str
    details: dict[str, str] = {}


class Addressed(Struct, frozen=True):
    """A program's request, with the room that it is for ("": none in particular) and the mark that it wants back on the answer."""

    request: Request | Unreadable
    room: str = ""
    ref: Ref | None = None


class ProtocolReply(Struct, frozen=True, gc=False):
    """What a door's own protocol wants sent back, to a reader however slow.

    It has its place in the stream among the requests: some callers show nothing until they have it.
    """

    data: bytes


class Echo(Struct, frozen=True, gc=False):
    """What a door shows of what is being typed. A slow reader may miss it: it is drawn anew."""

    data: bytes


def _kebab(name: str) -> str:
    """`LoggedIn`: `logged-in`."""
    return re.sub(r"(?<=[a-z])(?=[A-Z])", "-", name).lower()


class Event(Struct, frozen=True, tag_field="is", tag=_kebab):
    """What has happened. Every name and text in it is clean (see sanitize.py)."""

    is_for_people: ClassVar[bool] = True
    """Whether people are told; the rest only programs are."""


class Greeted(Event, frozen=True):
    """Somebody has connected."""

    version: str


class Parameter(Struct, frozen=True):
    """What a command takes: a `word`, a `text` up to the end of the line, a `number`, a `date`, or a `flag` that is given or not.

    `typed` is what stands on a line for it, where that is not the value itself: a flag's letter. A text may have several `lines`, or is made one.
    A word is one of the `choices`, if there are any. A number that a person types is from `least` to `most`.
    """

    name: str
    kind: str
    required: bool
    help: str
    typed: str = ""
    lines: bool = False
    choices: tuple[str, ...] = ()
    least: int | None = None
    most: int | None = None


class CommandDescribed(Struct, frozen=True):
    """A command, as a program can complete and explain it. `where` it works: before login (`outside`), in the `hall`, in a `room`.

    `group` says what it is about: `general`, `talking`, `rooms`, `reading` back, one's `terminal`.
    """

    name: str
    usage: str
    help: str
    explanation: str
    parameters: tuple[Parameter, ...]
    where: tuple[str, ...]
    aliases: tuple[str, ...] = ()
    group: str = ""


class Welcomed(Event, frozen=True, tag="hello"):
    """What the server is and can do: the answer to a program's hello.

    `limits`: bytes in a line and in a text, requests a second in the long run and at once, rooms at a time, seconds of silence.
    """

    is_for_people: ClassVar[bool] = False
    server: str
    version: str
    protocol: int
    limits: dict[str, float]
    commands: tuple[CommandDescribed, ...]
    language: str = "en"


class LoggedIn(Event, frozen=True):
    """The receiver has a nickname now; a program is in `rooms` again, and keeps the token for when its connection is lost."""

    nick: str
    token: str = ""
    rooms: tuple[str, ...] = ()


class LoggedOut(Event, frozen=True):
    """The receiver has left of their own will; nothing follows."""


class Dismissed(Event, frozen=True):
    """The server ends the receiver's session; nothing follows. `why` is a key of the catalogue of sentences, `text` its sentence."""

    why: str
    details: dict[str, str] = {}
    text: str = ""


class Refused(Event, frozen=True):
    """The receiver's request was not carried out. `code` is a key of the catalogue of sentences, `text` its sentence.

    `room` is the one that the request was for.
    """

    code: str
    details: dict[str, str] = {}
    room: str = ""
    text: str = ""


class EnteredHall(Event, frozen=True):
    """The receiver is back in the hall."""


class Entered(Event, frozen=True):
    """The receiver is in a room; `nicks` are some of the others there, `more` counts those not named, `last` is the newest line's number."""

    room: str
    nicks: tuple[str, ...]
    more: HowMany
    topic: str = ""
    last: Number = 0


class WentBack(Event, frozen=True):
    """The receiver has left a room, and may be in others."""

    room: str


class RoomsListed(Event, frozen=True):
    """The rooms, each with the number of people in it; all, or those with `name` in their names.

    `topics` are those of the busiest (ROOMS_SHOWN_MAX), by room, cut after TOPIC_SHOWN_MAX characters.
    """

    rooms: tuple[tuple[str, HowMany], ...]
    topics: dict[str, str] = {}
    name: str = ""


class OnlineListed(Event, frozen=True):
    """Everybody else in the room."""

    room: str
    nicks: tuple[str, ...]


class HelpListed(Event, frozen=True):
    """What works here: (usage, one sentence) for each command, and its group; `rooms` are the names that are commands too."""

    commands: tuple[tuple[str, str], ...]
    rooms: tuple[str, ...]
    groups: tuple[str, ...] = ()


class CommandExplained(Event, frozen=True):
    """One command, explained; or that its word enters a room."""

    usage: str
    text: str
    aliases: tuple[str, ...]
    room: str = ""


class Kept(Event, frozen=True, gc=False):
    """What is kept of a room: numbered, stored, and shown to whoever comes later.

    `seq` counts the room's lines from 1, without holes; `at` is in seconds since 1970.
    """

    room: str
    seq: Number
    at: float
    nick: str
    text: str


class Said(Kept, frozen=True, gc=False):
    """Somebody has said something."""


class Acted(Kept, frozen=True, gc=False):
    """Somebody has done something (`/me`)."""


class TopicSet(Kept, frozen=True, gc=False, tag="topic"):
    """Somebody has said what the room is about."""


Line = Said | Acted | TopicSet
"""What is kept of a room, whichever it is."""


class Stored(Event, frozen=True, gc=False):
    """The receiver's own line is stored under this number: at once or, when its key had been sent before, since then."""

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


class Recalled(Event, frozen=True):
    """What was said in the room that the receiver has just entered, oldest first.

    `missed` counts the lines since the receiver was last here, of which `lines` are the newest; it is None for one who was never here before.
    """

    room: str
    lines: tuple[Line, ...]
    missed: Number | None
    last: Number
    zone: str


class PageShown(Event, frozen=True, tag="page"):
    """Lines that the receiver asked for, oldest first. The room has those from `first` to `last`.

    `hidden` are the numbers among them whose lines are of kinds that this server cannot show: nothing is missing there.
    """

    room: str
    lines: tuple[Line, ...]
    first: Number
    last: Number
    zone: str
    hidden: tuple[int, ...] = ()

    @property
    def numbers(self) -> tuple[int, int] | None:
        """The first and the last number that the page has; None if it has none."""
        ends = [*self.hidden[:1], *self.hidden[-1:], *(line.seq for line in (*self.lines[:1], *self.lines[-1:]))]
        return (min(ends), max(ends)) if ends else None


class Found(Event, frozen=True):
    """The newest lines that have the words, by room, oldest first in each. `unsearched` counts lines that the search could not cover yet.

    `room` is the only room that was searched; "": all were.
    """

    words: str
    rooms: tuple[tuple[str, tuple[Line, ...]], ...]
    has_more: bool
    unsearched: HowMany
    zone: str
    room: str = ""


class TopicShown(Event, frozen=True):
    """What the room is about, or "" if nobody has said it."""

    room: str
    topic: str


class HistoryChosen(Event, frozen=True):
    """So many lines the receiver sees on entering a room."""

    count: HowMany


class ZoneShown(Event, frozen=True):
    """The zone in which times are shown to the receiver ("": the server's own), and the time now, in seconds since 1970."""

    zone: str
    now: float


class Chosen(Event, frozen=True):
    """How the receiver is shown things: a setting and its value, chosen just now or, if not `is_new`, before."""

    setting: str
    value: str
    is_new: bool = True


class CharsetHinted(Event, frozen=True):
    """The receiver's line was not read: its charset seems to be another than it was taken for."""


class TimingAwaited(Event, frozen=True):
    """The receiver's next line will be timed."""


class RoomCreated(Event, frozen=True):
    """The receiver has opened a room."""

    room: str


class Joined(Event, frozen=True):
    """People have entered the room: those named in `nicks`, and `more` others."""

    room: str
    nicks: tuple[str, ...]
    more: HowMany = 0


class Left(Event, frozen=True):
    """People have left the room: those named in `nicks`, and `more` others."""

    room: str
    nicks: tuple[str, ...]
    more: HowMany = 0


class Renamed(Event, frozen=True, gc=False):
    """Somebody in the room has a new nickname; without a room, the receiver has."""

    old: str
    new: str
    room: str = ""


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


class Faltered(Event, frozen=True):
    """Something went wrong on the server's side in a room where the receiver is; it has been noted, and the room goes on.

    What was said is kept: if something was not shown, it comes after the number `after`.
    """

    room: str
    after: Number


class AliveAsked(Event, frozen=True, tag="are-you-there"):
    """The server wants to know whether the program is still there; anything that it sends says so."""

    is_for_people: ClassVar[bool] = False


class AliveAnswered(Event, frozen=True, tag="here"):
    """The server is there: the answer to are-you-there."""
