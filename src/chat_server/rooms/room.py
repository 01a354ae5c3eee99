"""A place where sessions are, and what a place knows of a session.

A `Room` sees each session only as an `Occupant`, so each is tested with a fake. Never knows what can be asked for in it, nor bytes on the wire.
"""

from abc import ABC, abstractmethod
from collections.abc import Awaitable, Callable, Collection, Iterable, Mapping, Sequence
from typing import ClassVar, Protocol, TypeVar

import trio
from msgspec import Struct

from chat_server.protocol.events import Entered, Event, Refused
from chat_server.protocol.preferences import Preferences
from chat_server.protocol.room_state import NOTHING
from chat_server.rooms.directory import Directory
from chat_server.rooms.paging import UNCHANGED, Amended
from chat_server.rooms.person import Person, Proof
from chat_server.rooms.rights import Act
from chat_server.rooms.sink import Sink

MaybeAwaitable = Awaitable[None] | None
"""What a command returns: None when it is done, else what the session awaits before it takes the next request."""

E = TypeVar("E", bound=Event)

HALL = "hall"
ROOM = "room"
CONVERSATION = "conversation"

ROOMS_MAX = 100
"""Rooms in which one session can be at a time. Each costs its broadcaster one push a batch."""

ROOMS_NAMED_MAX = 20
"""Rooms that /help names, and among which a near miss is looked for, at 30 us each; /rooms names them all."""


async def give_way() -> None:
    """Let others have their turn."""
    await trio.lowlevel.checkpoint()


STORING_SECONDS = 10.0
"""Seconds for which a session that has been ended meanwhile waits for what it is having stored."""


def carried_through() -> trio.CancelScope:
    """A scope in which what is stored is put into effect too, though the session ends meanwhile: else a name would be two people's, or nobody's."""
    return trio.CancelScope(shield=True, deadline=trio.current_time() + STORING_SECONDS)


class Line(Struct, frozen=True):
    """What a place knows of the way from a session to who is at its other end."""

    is_encrypted: bool
    """Whether it is, here or as far as a trusted proxy."""
    is_proxied: bool
    """Whether it leads by a proxy, which has not only passed on what is encrypted."""
    is_local: bool
    """Whether it leads to a program on this machine."""
    server_fingerprint: str
    """That of the certificate which was shown there, or else would be now, in groups; "" if the server has none."""


class Occupant(Protocol):
    """What a place knows of a session."""

    person: "Person[Occupant]"
    """Whose session it is: a stranger's of its own before login."""

    @property
    def nick(self) -> str:
        """The person's nickname, or "" before login."""

    @property
    def network(self) -> str:
        """The address that it is from: what one may do seldom is counted by it too."""

    proof: Proof
    """By what it has logged in."""

    def ask_secret(self, prompt: str, then: Callable[[str], MaybeAwaitable]) -> None:
        """Ask for a secret, which is not shown while it is typed; `then` is called with it, and with nothing else ever.

        A program is told to send it with what it asks for. It is in no history, in no log, and shown to nobody. `prompt` is a key of the prompts
        in wire/render/sentences.py.
        """

    def withhold_next(self) -> None:
        """Have nobody told what is sent right behind this: who expects to be asked for a secret may type it before they read that they are not.

        Nothing if one is asked for, nor where nothing can be said. See sessions/withheld.py for how long.
        """

    @property
    def program(self) -> str:
        """What the program at its other end says it is, in its own words; "" if it has said nothing."""

    @property
    def takes_secrets(self) -> bool:
        """Whether a secret may be asked for here, and accepted: nobody can listen in on the way, or the settings do not mind."""

    @property
    def line(self) -> Line:
        """The way to who is at its other end."""

    render: Callable[[Event], bytes]
    """How this kind of reader is shown an event. Readers of one kind have the same function, so a room calls it once for all of them."""

    def renderer_among(self, kinds: Collection[Callable[[Event], bytes]], limit: int) -> Callable[[Event], bytes]:
        """How it can be shown things where so many kinds of readers are known that there should be no more of them, if possible."""

    render_mention: Callable[[Event], bytes] | None
    """The same for a line that names the reader; None if that makes no difference."""

    @property
    def sink(self) -> Sink:
        """Where what the reader is shown goes; another one when `Room.member_changed` is called."""

    @property
    def receives_own(self) -> bool:
        """Whether it is shown its own lines as everybody else is. Somebody who types them into a program of their own sees them already."""

    @property
    def rooms(self) -> tuple[str, ...]:
        """The names of the rooms where it is."""

    def logged_in(self, nick: str, sender: str, role: str) -> None:
        """The person has this nickname from now on, and what somebody in this role may; `sender` is who they are to the journal."""

    def belong_to(self, person: "Person[Occupant]") -> None:
        """Be one more session of somebody who has logged in already; a language that was chosen here just now is what they want."""

    async def enter(self, place: "Room", *, is_return: bool = False) -> int:
        """Enter this place; a session that can be in one place only leaves the other first.

        `is_return`: it was here on a connection that was lost, and asks for what it missed. Returns the number of the last line said before.
        """

    async def leave(self, place: "Room", hall: "Room") -> None:
        """Leave this place; a session that can be in one place only enters the hall."""

    @property
    def is_in_hall(self) -> bool:
        """Whether it is in the hall; a session that can be in many rooms always is."""

    async def take_over(self, rooms: "Collection[Room]") -> None:
        """Be in these rooms instead of the same person's other sessions, and end those."""

    def room_renamed(self, old: str, entered: Entered) -> None:
        """A room where it is had the name `old` until now. It has been told so; `entered` is what it would be told if it entered now."""

    def put_out(self, room: "Room") -> None:
        """Be in the hall, and not in this room any more, which is no more; harmless if it is not there."""

    async def drained(self) -> None:
        """Wait until nothing waits to be written to the reader."""

    def replayed_up_to(self, room: str, seq: int | None) -> None:
        """Note that the reader has been given a room's lines up to this one, and is being given more; None: up to where the room is."""

    def end_after_takeover(self, done: trio.Event, rooms: "Collection[Room]") -> None:
        """Carry out nothing more, and end when the session that takes this one over is in these rooms (`done`)."""

    def dismiss(self, why: str, deadline: float, details: Mapping[str, str] | None = None) -> None:
        """End, for this reason, and carry nothing more out; if it is ending already, let that take no longer than until `deadline`."""

    def fail(self) -> None:
        """End: something of the server's went wrong for this session alone. Never raises."""

    @property
    def preferences(self) -> Preferences:
        """What it has chosen about how it is shown things."""

    @property
    def has_terminal(self) -> bool:
        """Whether there is a terminal at the other end, as far as can be known; a program shows text in its own way."""

    @property
    def shows_typing(self) -> bool:
        """Whether a secret is shown while it is typed, as far as is known: at a terminal, without telnet."""

    @property
    def speaks_telnet(self) -> bool:
        """Whether there is telnet at the other end."""

    def set_preferences(self, preferences: Preferences) -> None:
        """Show it things in this way from now on."""

    def effective(self, setting: str) -> str:
        """What a setting comes to, whether it was chosen or suggested by the terminal."""

    def send(self, event: Event) -> None:
        """Show it an event, as the answer to what it asked for last."""

    def send_all(self, events: Iterable[Event]) -> None:
        """Show it several events as `send` does, in one piece if that can be."""

    def send_unasked(self, event: Event) -> None:
        """Show it an event that answers no request."""

    def answer_later(self) -> Callable[[Event], None]:
        """What shows it an event as the answer to what it asks for now, whenever that is, and whatever it has asked for by then."""

    def key_of_act(self, key: str = "") -> str:
        """Under which key it is to be told what becomes of what it is doing in a room: its own, if it has given one; "" if it need not be told."""

    def owe(self, tokens: float) -> None:
        """Count something that it has asked for and that costs as much as so many lines; it is paid before the next request."""


class Room(ABC):
    """A place where sessions are."""

    kind: ClassVar[str]
    """HALL, ROOM or CONVERSATION: what can be asked for in it follows from that."""

    def __init__(self, name: str, directory: "Directory[Room, Person[Occupant]]") -> None:
        self.name = name
        self.directory = directory

    @property
    def kept_as(self) -> str:
        """What the journal calls it."""
        return self.name

    async def opened(self) -> object:
        """Know what has been said here; return what knows it. Raises JournalError."""
        return self

    def seen(self, event: E) -> E:
        """What was read of the journal, as it is seen here."""
        return event

    @property
    def id(self) -> str:
        """What it is known by, whatever it is called; "" where that is nothing."""
        return ""

    @property
    def is_archived(self) -> bool:
        """Whether it is only to be read."""
        return False

    @property
    def former_names(self) -> Sequence[str]:
        """What it was called before, the newest last, as far as that is kept."""
        return ()

    @property
    def nicks(self) -> list[str]:
        """Who is here, as far as others can see."""
        return []

    @property
    def population(self) -> int:
        """How many are here, as far as others can see."""
        return 0

    @property
    def topic(self) -> str:
        """What was set last as its topic, or ""."""
        return ""

    @property
    def last_seq(self) -> int:
        """The number of the newest line that everybody has been shown; 0 where nothing is said."""
        return 0

    @property
    def past(self) -> Amended:
        """What of the lines has come to stand otherwise."""
        return UNCHANGED

    @property
    def position(self) -> dict[str, int]:
        """The room, and the number of its line, up to which somebody who is here has been shown everything; {} where nothing is said."""
        return {}

    @abstractmethod
    async def enter(self, session: Occupant, *, is_return: bool = False) -> int:
        """Take the session in. When this returns, it has been told where it is; see `Occupant.enter`."""

    @abstractmethod
    async def leave(self, session: Occupant) -> None:
        """Let the session go. When this returns, nothing from here reaches it any more. Harmless for one that is not here."""

    async def take_over(self, old: Collection[Occupant], new: Occupant) -> int:
        """Take `new` in instead of the same person's `old` sessions, unseen by the others; see `enter`."""
        for session in old:
            await self.leave(session)
        return await self.enter(new, is_return=True)

    def takes_run_of(self, session: Occupant) -> bool:
        """Whether several lines that the session says are taken as one run here."""
        del session
        return False

    def is_shown_to(self, session: Occupant) -> bool:
        """Whether somebody may know that there is this room; see known_rooms.py."""
        del session
        return True

    def shows_topic_to(self, session: Occupant) -> bool:
        """Whether somebody who is not here is told the topic."""
        del session
        return True

    def refusal_to_enter(self, session: Occupant) -> Refused | None:
        """Why somebody may not come in; None if they may."""
        del session
        return None

    def reads_from(self, session: Occupant) -> int:
        """From which number on somebody reads what was said here; see reader.py, which asks."""
        del session
        return NOTHING

    def refusal_of(self, session: Occupant, act: Act) -> Refused | None:
        """Why somebody may not do such a thing here; None if they may."""
        del session, act
        return None

    def forget(self, session: Occupant) -> None:
        """Let the session go without its waiting for it: `leave` has failed."""
        del session

    async def flushed(self, session: Occupant) -> None:
        """Wait until what the session has said here is stored and shown: what it reads then must not lack its own last line."""
        del session

    def lists(self, person: Person[Occupant]) -> bool:
        """Whether somebody is here by what other nodes know."""
        del person
        return False

    def when_stored(self, session: Occupant, then: Callable[[], object]) -> None:
        """Call this once, when all that has been done here until now is stored for other nodes, however late, or there is no such room any more.

        Raises ClosedResourceError if nothing more is taken in: nothing is called then.
        """
        del session
        then()

    def member_changed(self, session: Occupant) -> None:
        """Somebody who is here is shown things in another way from now on, or by another `sink`."""
        del session

    def known_otherwise(self, old: str, new: str) -> None:
        """Whom the journal knew by one text it knows by another now; see Person.known_as."""
        del old, new

    def announce_name(self, session: Occupant) -> None:
        """Tell everybody here that the session's person has a new nickname. Harmless where none of the person's sessions is."""
        del session
