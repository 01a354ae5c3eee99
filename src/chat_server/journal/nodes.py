"""Several servers with one journal, its nodes: what one of them has to know of what happens at the others, and the values in which it is told.

Whatever happens in a room at any node is a turn of that room: lines, and people who come, go and take other names. The engine puts a room's turns
into one order and numbers them without a hole; every node shows them in that order, its own with the others'. Names are given by the engine,
so no two nodes give one to two people. Never knows sessions, nor how an engine tells its nodes of each other.
"""

from collections.abc import AsyncIterator, Collection, Mapping, Sequence
from typing import TYPE_CHECKING, NamedTuple, Protocol

from msgspec import Struct

from chat_server.accounts.names_index import Refusal
from chat_server.journal import Duplicate, JournalError, RoomRecord
from chat_server.journal.batch_codec import Stored
from chat_server.journal.happened import GuestBlocked, Numbered, PersonId
from chat_server.journal.keys import SenderKey
from chat_server.protocol.entries import Entry
from chat_server.protocol.stored_event import Author

if TYPE_CHECKING:  # both import Trio, which what works without a server is spared
    from chat_server.journal.lines_asked import LinesAsked
    from chat_server.journal.node_life import NodeLife
    from chat_server.journal.signs import Signs


class NodeIsOver(JournalError):
    """The others have given this node up: nothing that it has is stored any more. It ends, and another begins in its place."""


class Revoked(JournalError):
    """Nothing of a turn is stored, for some of its authors may say nothing any more: they were put out, or their names taken over, at any node."""

    def __init__(self, authors: "frozenset[Speaker]") -> None:
        super().__init__("some who say something may do so no more")
        self.authors = authors


class Stale(JournalError):
    """Nothing of a turn is stored, for a turn that this node has not taken in has changed what may happen in the room, or how a speaker is called.

    Or a moderator of the server has done something (Acts) of which this node has not heard: it `lacks_acts`. `missed` are those turns, as far as
    they were read.
    """

    def __init__(self, missed: "Sequence[Turn]", *, lacks_acts: bool = False) -> None:
        super().__init__("the room is another one than it was known to be")
        self.missed = missed
        self.lacks_acts = lacks_acts


class Came(Struct, frozen=True, tag="came", omit_defaults=True):
    """Somebody is in the room at a node by a device (0: by none of an account's), and was not there by that one.

    Whoever is there already, by whatever node and device, keeps the nickname that they have there. `was` is who they have been there until now,
    if they have an account only since then: nobody has come. `bot`: by it no person reads what is said.
    """

    person: PersonId
    device: int
    nick: str
    account: Author = 0
    was: PersonId = ""
    bot: bool = False


class Went(Struct, frozen=True, tag="went", omit_defaults=True):
    """Somebody is in the room at a node no longer by a device.

    `has_read`: and has been shown everything up to here, unless it was a bot, or the node was given up, or nothing could be stored when they went.
    """

    person: PersonId
    device: int
    has_read: bool = True


class Called(Struct, frozen=True, tag="called"):
    """Somebody has another nickname, by whatever nodes and devices they are in the room."""

    person: PersonId
    nick: str


Movement = Came | Went | Called


class Placed(NamedTuple):
    """A movement, and how many of its turn's lines are before it: of those that are given, and of those that are stored once it is."""

    after: int
    movement: Movement


class Turn(NamedTuple):
    """What one turn of a room's broadcaster stored at a node. `node` is the one whose people move."""

    number: int
    node: int
    lines: Sequence[Stored]
    movements: Sequence[Placed] = ()


class Speaker(NamedTuple):
    """Who says something, and by which device they have logged in (0: by none of an account's)."""

    person: PersonId
    device: int


class Beside(NamedTuple):
    """What a turn has besides its lines.

    `seen` is the number of the room's newest turn that this node has taken in; `heard` is Nodes.heard, as it was before it was looked at whether the
    sessions may speak in which the lines were said. `state` is what follows from the room's log after the turn (`room_state.written`), if that is
    another thing than before it. `names` are those under which the speakers say what they say before the turn calls them otherwise, if it does: if
    a turn that the node has not taken in has given one of them another, the node is to look again (Stale). `acts` is the number of the newest act
    of the server's moderators that was known when it was looked at whether the sessions may speak.
    """

    room: str
    seen: int
    movements: Sequence[Placed] = ()
    speakers: Collection[Speaker] = ()
    heard: int = 0
    state: str | None = None
    names: Mapping[PersonId, str] = {}
    acts: int = 0


class TurnReceipt(NamedTuple):
    """How a turn was stored; see Receipt.

    `at` is the time of its first line by the engine's clock; the others are as far apart as they were given (times.py). If nothing of it was left to
    store, `turn` is the number of the room's newest. `missed` are the turns after those that the room has taken in and before this one (up to the
    newest one, if there is none), in order.
    """

    first: int
    duplicates: dict[int, Duplicate]
    turn: int
    at: float
    missed: Sequence[Turn] = ()


class PendingTurn(Protocol):
    """A turn that is being stored, whether anybody waits for it or not."""

    async def stored(self) -> TurnReceipt:
        """Wait until it is. Raises JournalError if nothing of it is stored: Revoked, NodeIsOver."""
        ...


class Elsewhere(NamedTuple):
    """Somebody who is in a room at another node, by a device; `bot`: by it no person reads what is said."""

    node: int
    person: PersonId
    device: int
    nick: str
    account: Author
    bot: bool = False


class Opening(NamedTuple):
    """A room as it is after its newest turn (`record.turn`), with everybody who is in it at any node."""

    record: RoomRecord
    people: Sequence[Elsewhere]


class Follower(Protocol):
    """A room of this node."""

    @property
    def name(self) -> str:
        """What it is called now."""
        ...

    @property
    def turn(self) -> int:
        """The number of the newest turn that it has taken in."""
        ...

    @property
    def rests_until(self) -> float:
        """Trio's time until which it need not be handed anything: what it stores of its own by then brings that along."""

    def follow(self, turns: Sequence[Turn]) -> None:
        """Take these in, in their order, after what waits in it. Never blocks. Some may be known to it already, or come too early."""


class Claim(NamedTuple):
    """A name that somebody is to have at this node. `key` and `skeleton` are what names share that count as the same, or look alike."""

    nick: str
    key: str
    skeleton: str
    person: PersonId


class Claimed(NamedTuple):
    """A name is theirs: the one that was asked for, unless the person was at other nodes and not at this one (see Nodes.claim).

    `elsewhere` is the one that the person has at other nodes already, the newest of them if there are several; "" if they are at none. `order`
    is greater than in any claim of the same person's that was granted before, at whatever node.
    """

    nick: str
    elsewhere: str = ""
    order: int = 0


class Whereabouts(NamedTuple):
    """Somebody has a name at a node."""

    person: PersonId
    nick: str
    node: int
    node_name: str


class NodeSeen(NamedTuple):
    """A node as the engine knows it: for how many seconds it has been one, and for how many nothing was heard of it.

    `people` counts those who have names there. One that ends in order `is_leaving`.
    """

    number: int
    name: str
    age: float
    silence: float
    people: int
    is_leaving: bool


class GoneNode(NamedTuple):
    """A node that is none any more, and when a sign of life was last heard of it, by the engine's clock."""

    number: int
    seen: float


class Moved(NamedTuple):
    """Somebody has moved in a room at a node, before the line that has this number, or will have it."""

    before: int
    node: int
    movement: Movement


class GoneNodes(Protocol):
    """Nodes that may not have kept whom was named in the last lines that they stored (rooms/called_before.py).

    The engine notes each as it is given up, until one has made up for it, whichever that is. Every method may raise JournalError.
    """

    async def left(self) -> Sequence[GoneNode]:
        """Those for which nobody has made up."""
        ...

    async def made_up(self, nodes: Collection[int]) -> None:
        """Somebody has made up for these. Harmless if it is said twice."""

    async def moved(self, room: str, seq: int) -> Sequence[Moved]:
        """Who has moved in a room since about this line, or before it, in order; as far as that is kept."""
        ...


class Nodes(Protocol):
    """One node among those with the same journal. It is one of them while the journal runs.

    Every method that waits may raise JournalError, and NodeIsOver.
    """

    number: int
    """Which it is: never another's, and another one after each start."""
    name: str
    """What people call it."""
    life: "NodeLife"
    """How it stands with the engine and the others."""
    signs: "Signs"
    """What nodes tell each other and nobody keeps."""
    gone: GoneNodes
    """Nodes that are none any more."""
    lines_asked: "LinesAsked"
    """Lines that are not said yet, of which nodes ask each other."""

    @property
    def heard(self) -> int:
        """The number of the newest change that has been carried out here, with all before it; 0 before `changes` is read."""
        ...

    # Rooms.

    async def open(self, room: str) -> Opening:
        """A room as it is now. Whoever follows it from there on misses nothing."""
        ...

    def follow(self, room: Follower) -> None:
        """Hand a room the turns that it has not taken in, as they come: soon after each is stored, and every second what was missed."""

    def unfollow(self, room: Follower) -> None:
        """Hand it nothing more."""

    async def turns(self, room: str, after: int) -> Sequence[Turn]:
        """A room's turns after one, this node's own too, in order; some at a time, none if there are none or that one is forgotten already."""
        ...

    def append(self, lines: Sequence[Entry], keys: Mapping[int, SenderKey], beside: Beside) -> PendingTurn:
        """Begin to store a turn of a room: what a journal's `append` does, and what is beside the lines, of which there may be none.

        While the engine is away it waits, and looks again when that is back: nobody is told that something is not stored which is. Refused (Revoked)
        are speakers whose account has ended, or whose device has; and those who came by none, if another node has revoked all that had let somebody
        in and this one had not heard of it when they spoke: it may still have sessions that are to end.
        """
        ...

    async def has_said(self, person: PersonId, room: str, seq: int) -> bool:
        """Whether somebody has said this line of a room under a key, at whatever node; as far as keys are kept."""
        ...

    # Names.

    async def claim(self, claim: Claim) -> Claimed | Refusal:
        """Give somebody a name at this node, beside others that they have at it; harmless if they have this one.

        Refused if another person has it at any node (`held`), or one that looks like it (`like-held`), or if an account has it that is not theirs (as
        NamesIndex.refusal says). But a guest who is at other nodes and has no name at this one is given the newest of the names that they have
        there, whatever they ask for: nobody is called otherwise at each node. (Not one that they have at a node that ends, and have changed since
        at another: it is nobody else's, and not theirs to come back to.) JournalError: they have it not, unless they had it before.

        Claims and releases of one name at one node are carried out in the order in which they are asked for, whether or not anybody waits for them.
        """
        ...

    async def release(self, key: str, person: PersonId) -> None:
        """Take it back, as far as they have it at this node.

        Where rooms list them by it at another node, which may not have heard of it, it is kept for that one: until that is buried, or gives back
        another of theirs when they are listed there by it no longer.
        """

    async def whereabouts(self, key: str) -> Sequence[Whereabouts]:
        """At which nodes, this one too, somebody has names who has the one with this key: the newest is the last."""
        ...

    async def whereabouts_of(self, people: Collection[PersonId]) -> Sequence[Whereabouts]:
        """Which names these have, and at which nodes, this one too: of each the newest is the last. Who has none is at no node."""
        ...

    async def end_passed(self) -> None:
        """Delete each conversation with a guest of which one of the two has no name at any node.

        Where a name is given back, a node is buried or a conversation begins that is seen to at once, by the same commit; here, to what is left of
        an earlier release, or was imported.
        """

    async def rooms_of(self, person: PersonId, device: int) -> Sequence[str]:
        """In which rooms somebody is by a device at other nodes."""
        ...

    async def taken_over(self, person: PersonId, device: int, order: int) -> None:
        """Have the person's sessions at other nodes end that are there by the same device and came before: they go on here (`CameElsewhere`)."""

    async def renamed(self, person: PersonId, nick: str, order: int) -> None:
        """Tell the other nodes that a guest has another name, by the claim of this order (`RenamedPerson`)."""

    async def registered(self, person: PersonId, account: Author) -> None:
        """Tell the other nodes that somebody has an account now (`RegisteredPerson`)."""

    async def blocked(self, change: GuestBlocked) -> None:
        """Tell the other nodes that somebody has blocked a guest, or does so no longer."""

    async def put_out(self, person: PersonId, reason: str) -> None:
        """Have a person's sessions at other nodes end (`PutOut`)."""

    # What happens elsewhere.

    async def listed(self) -> Sequence[NodeSeen]:
        """All nodes that there are, this one too, in the order of their numbers."""
        ...

    def changes(self) -> AsyncIterator[Numbered]:
        """What happens from this call on at any node, this one too, in order. For one who reads. It ends when the journal does.

        Who asks for the next has carried out the one before: the old name of a room stands for another from then on, or for none.
        """
        ...
