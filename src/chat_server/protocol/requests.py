"""What can be asked for. Every request is an imperative (`Say`, `Join`) and a frozen value.

Its fields are what a person types after its word, in that order (flags stand first; what is not `typed` only programs send). Never knows
what a request does, nor by which door it came; this module knows nothing else of ours.
"""

from typing import Annotated, ClassVar, Literal

from msgspec import Meta, Struct

SECRET_MAX = 1024
"""Characters in which a password or a code may be sent."""

Secret = Annotated[
    str, Meta(max_length=SECRET_MAX, description="a password", extra={"typed": False, "longest": SECRET_MAX})
]
"""What people are asked for by itself, so that nobody sees it; only programs send it with a request."""

PROGRAM_MAX = 64
"""Characters in which a program says what it is, or what a device is to be called."""

DeviceName = Annotated[
    str,
    Meta(
        max_length=PROGRAM_MAX,
        description="what the device is to be called among the account's; else what the program has said in its hello",
        extra={"typed": False},
    ),
]

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
InReplyTo = Annotated[
    int, Meta(ge=0, le=NUMBER_MAX, description="the line to which it replies", extra={"typed": False})
]
Id = Annotated[int, Meta(ge=0, le=NUMBER_MAX, description="the number by which it is named, and which is no line's")]
ReadOn = Annotated[int, Meta(ge=0, le=NUMBER_MAX, description="there is more before this number; 0: there is not")]
HowMany = Annotated[int, Meta(ge=0, le=NUMBER_MAX)]
"""How many there are of something that is counted."""

ROOMS_SHOWN_MAX = 100
"""Rooms that /rooms gives a row each, the busiest first; the others are counted."""

TOPIC_SHOWN_MAX = 100
"""Characters of a topic in a list of rooms: more than fit into a row."""

HISTORY_MAX = 50
"""Lines shown on entering a room, at most. A room has them in memory, so that 5000 people who enter read nothing from the disk."""

LAST_MAX = 200
"""Lines that one asks for by their count."""

# A person who asks for too many is told how many there may be; a program is given as many.
Count = Annotated[int, Meta(ge=1, le=NUMBER_MAX, description="how many lines", extra={"most": LAST_MAX})]
Newest = Annotated[int, Meta(ge=0, le=NUMBER_MAX, description="how many lines", extra={"most": HISTORY_MAX})]
Day = Annotated[
    str,
    Meta(
        description="a day: 2026-11-20, yesterday, monday, -3d or 3 days ago; or a moment: 14:30 (its last one), -2h or 2 hours ago, yesterday 14:00",
        extra={"kind": "date"},
    ),
]
Unheard = Annotated[
    str, Meta(description="words of farewell; nobody is shown them", extra={"rest": True, "in_usage": False})
]
"""What people are used to type after a word, and nobody reads."""

Everywhere = Annotated[
    bool, Meta(description="in all rooms and one's own conversations, not only in this one", extra={"flag": "-a"})
]


GROUPS = ("general", "talking", "rooms", "reading", "moderating", "terminal")
"""What commands are about, in the order in which /help has them."""


def tag_of(kind: type[Struct]) -> str:
    """What a request or an event is called in what programs send and are sent."""
    return str(kind.__struct_config__.tag)


class Request(Struct, frozen=True, gc=False, tag_field="do", tag=str.lower):
    """What somebody wants. Its tag is the word that asks for it."""

    aliases: ClassVar[tuple[str, ...]] = ()
    is_typed: ClassVar[bool] = True
    """Whether people type it; the rest only programs send."""
    typed_as: ClassVar[str] = ""
    """The word that people type for it, where that is not its tag."""
    group: ClassVar[str] = "general"
    """Under which heading /help lists it; one of GROUPS."""
    is_about_its_place: ClassVar[bool] = False
    """Whether it is answered in another way in each place where it is asked, hall or room."""

    @property
    def asks_secret(self) -> bool:
        """Whether somebody at a terminal is asked for the secret that it has, if it has one, in this form of it."""
        return True


class Login(Request, frozen=True, gc=False):
    """Take a nickname."""

    nick: str
    plain: Annotated[Literal["", "plain"], Meta(description="begin in plain mode, for screen readers")] = ""
    token: Token = ""
    session: Annotated[
        Literal["", "add"],
        Meta(
            description="add: be one more session of whoever has the token; else take the place of those that they have",
            extra={"typed": False},
        ),
    ] = ""
    code: Annotated[
        str,
        Meta(max_length=SECRET_MAX, description="a code that lets you in once, where the name is registered"),
    ] = ""
    password: Secret = ""
    device: DeviceName = ""

    def __repr__(self) -> str:
        return f"Login(nick={self.nick!r})"


class Logout(Request, frozen=True, gc=False):
    """Leave the server."""

    aliases: ClassVar[tuple[str, ...]] = ("quit", "exit", "bye")
    words: Unheard = ""


class Help(Request, frozen=True, gc=False):
    """Ask what can be done here, or what one command does, or which commands a group has."""

    is_about_its_place: ClassVar[bool] = True
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
    """Say something to everybody in the room; in reply to the line with the number `re`, if that is not 0."""

    group: ClassVar[str] = "talking"
    text: Lines
    key: Key = ""
    re: InReplyTo = 0


class Act(Request, frozen=True, gc=False, tag="me"):
    """Do something that everybody in the room sees."""

    group: ClassVar[str] = "talking"
    action: Lines
    key: Key = ""


class Notice(Request, frozen=True, gc=False):
    """Say something to everybody in the room without notifying anybody."""

    group: ClassVar[str] = "talking"
    text: Lines
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
    is_about_its_place: ClassVar[bool] = True
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


class TimeNextLine(Request, frozen=True, gc=False, tag="time-line"):
    """Have one's next line timed."""

    typed_as: ClassVar[str] = "ping"
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
    charset: str = ""


class ChooseMode(Request, frozen=True, gc=False, tag="mode"):
    """Ask who edits one's line, or choose it."""

    group: ClassVar[str] = "terminal"
    mode: Literal["", "line", "edit"] = ""


class ChooseColour(Request, frozen=True, gc=False, tag="colour"):
    """Ask whether there are colours, or choose it."""

    group: ClassVar[str] = "terminal"
    aliases: ClassVar[tuple[str, ...]] = ("color",)
    colour: Literal["", "on", "off"] = ""


class ChooseWrap(Request, frozen=True, gc=False, tag="wrap"):
    """Ask whether long lines are broken, or choose it, or for how many columns."""

    group: ClassVar[str] = "terminal"
    columns: str = ""


class ChoosePlain(Request, frozen=True, gc=False, tag="plain"):
    """Choose plain mode, or end it."""

    group: ClassVar[str] = "terminal"
    plain: Literal["on", "off"] = "on"


class ChooseKeepalive(Request, frozen=True, gc=False, tag="keepalive"):
    """Ask whether the connection is kept open by telnet, or choose it."""

    group: ClassVar[str] = "terminal"
    keepalive: Literal["", "on", "off"] = ""


class Back(Request, frozen=True, gc=False):
    """Go back to the hall."""

    group: ClassVar[str] = "rooms"
    aliases: ClassVar[tuple[str, ...]] = ("part", "leave", "close")


class Hello(Request, frozen=True, gc=False):
    """Begin, and ask what the server is and can do."""

    is_typed: ClassVar[bool] = False
    protocol: Annotated[int, Meta(ge=1, description="the newest version of the protocol that the program knows")] = 1
    program: Annotated[str, Meta(max_length=PROGRAM_MAX, description="the program's own name and version")] = ""
    language: Annotated[str, Meta(max_length=PROGRAM_MAX, description="to be spoken in until `lang` is chosen")] = ""


class Resume(Request, frozen=True):
    """Enter rooms again after a lost connection, and have what was said in them since."""

    is_typed: ClassVar[bool] = False
    rooms: Annotated[
        dict[str, Number],
        Meta(min_length=1, description="for each room, the number of the last line that the program has"),
    ]
    ids: Annotated[
        dict[str, str],
        Meta(
            description="the ids of these rooms, as far as the program has them: another room of the same name is begun anew"
        ),
    ] = {}


class Ping(Request, frozen=True, gc=False):
    """Ask whether the server is still there."""

    is_typed: ClassVar[bool] = False


class Pong(Request, frozen=True, gc=False):
    """Answer a ping: say that the program is still there. Anything else that it sends says so too."""

    is_typed: ClassVar[bool] = False


REQUESTS: tuple[type[Request], ...] = tuple(Request.__subclasses__())
"""What both programs know, in the order in which it is listed. A command may have a request of its own beside it, and is listed after these."""
