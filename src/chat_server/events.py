"""The vocabulary that travels the whole way: requests go in, events come out.

Requests are imperatives (`Say`, `Join`), events are in the past tense (`Said`, `Joined`). All are frozen values; a request's
fields are what a person types after its word, in that order. This module knows nothing else of ours.
"""

from typing import Annotated, ClassVar

from msgspec import Meta, Struct

RestOfLine = Annotated[str, Meta(description="everything up to the end of the line, spaces included")]


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


class Act(Request, frozen=True, gc=False, tag="me"):
    """Do something that everybody in the room sees."""

    action: RestOfLine


class ListOnline(Request, frozen=True, gc=False, tag="online"):
    """Ask who else is in the room."""


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


class Said(Event, frozen=True, gc=False):
    """Somebody has said something. `seq` counts the room's lines, without holes; `at` is in seconds since 1970."""

    room: str
    seq: int
    at: float
    nick: str
    text: str


class Acted(Event, frozen=True, gc=False):
    """Somebody has done something (`/me`). Numbered as `Said` is."""

    room: str
    seq: int
    at: float
    nick: str
    action: str


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
    """The receiver read too slowly; `lines` lines were left out here."""

    lines: int
