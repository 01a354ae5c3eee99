"""What was said, kept in order: the one protocol of every journal, its life cycle and its errors, and the values that cross it.

Stored means: committed, so that the chosen durability holds for it (docs/durability.md). Rooms are named by their one name. Never
knows sessions, nor how anything is shown. Which engines there are is in `engines.py`.
"""

from collections.abc import Mapping, Sequence
from math import inf
from secrets import token_hex
from typing import TYPE_CHECKING, NamedTuple, Protocol

from msgspec import Struct

from chat_server.journal.commit_times import CommitTimes
from chat_server.journal.keys import SenderKey
from chat_server.journal.mentions import Mention, Mentions
from chat_server.journal.versions import Version
from chat_server.protocol.entries import Entry

if TYPE_CHECKING:
    import trio  # what works without a server imports this too, and is spared it

KEY_SECONDS = 2 * 86400.0
"""Seconds for which a request's key is remembered. A day is what is promised; a client may have been offline for a night and a day."""

POSITIONS_MAX = 2000
"""People whose place in a room is remembered; beyond it those who left it longest ago are forgotten, and see the room as a newcomer does."""


TERMS_MAX = 16
"""Words that are looked for at once. A line of 4 KiB could have two thousand, and nobody else searches meanwhile."""


class JournalError(Exception):
    """The journal cannot store or read just now. The disk's fault, not the caller's; the next call may work again."""


class Damaged(JournalError):
    """What is kept is damaged. The next call meets the same."""


class InDoubt(JournalError):
    """The engine went away while something was stored, and has not said what became of it: it may be stored, or come to be."""


class RoomTaken(JournalError):
    """There is a room already, made by another node just now, whose name is the same as one that is wanted, counts as the same, or looks like it."""

    def __init__(self, other: str, *, is_same: bool) -> None:
        looks = "counts as the same" if is_same else "looks like it"
        super().__init__(f"another node has just given a room the name {other}, which {looks}")
        self.other = other
        """What that is called."""
        self.is_same = is_same
        """Whether its name counts as the same."""


def new_room_id() -> str:
    """An id that no room has, nor ever had."""
    return token_hex(8)


class UnusableJournal(Exception):
    """The journal cannot be opened; the sentence says which and why."""


class DamagedJournal(UnusableJournal):
    """Nothing can open it as it is: it is damaged, or something else. A copy may take its place."""


class JournalInUse(UnusableJournal):
    """A server has it, or another command."""


class NoWords(ValueError):
    """There is nothing to look for in what was typed."""


class TooManyWords(ValueError):
    """There are more than TERMS_MAX words in what was typed."""


EVERYTHING: Mapping[str, int] = {}
"""All lines of all rooms are looked through."""


class Duplicate(NamedTuple):
    """Where a line is that was sent again."""

    room: str
    seq: int


class Receipt(NamedTuple):
    """How a batch was stored: numbered from `first`, without those lines, by index, that were stored before under their key.

    `turn` is the batch's own number in its room, or the last one's if nothing of it was left to store.
    """

    first: int
    duplicates: dict[int, Duplicate]
    turn: int


class Party(Struct, frozen=True, omit_defaults=True):
    """One of the two of a conversation: `who` they are to the journal (`sender_of` an account; a guest's PersonId).

    `has_accepted`: whatever the other one writes is for them. `began_at` is when they have begun it (0: the other has).
    """

    who: str
    has_accepted: bool = False
    began_at: float = 0.0


class RoomRecord(NamedTuple):
    """A room as it was left: its lines from `first` to `last` are kept (none if `first` is greater).

    `last_at` is the time of the last of them, `turn` the number of its batch: the room's batches are numbered without holes too, as far back as
    anything was ever stored. `state` is what follows from its log beside the topic, as `room_state.written` has it. `parties` are the two between
    whom it is a conversation (conversations.py); none: it is a room for everybody. `id` is the room's for ever, whatever it is called, and never
    another's.
    """

    name: str
    topic: str
    first: int
    last: int
    last_at: float = -inf
    turn: int = 0
    state: str = ""
    parties: tuple[Party, ...] = ()
    id: str = ""


class KeptConversation(NamedTuple):
    """A conversation as it was left, and how far that one of the two has come who was asked for."""

    record: RoomRecord
    read: int = 0


class Missed(Struct, frozen=True):
    """What waits for somebody who comes back: all their conversations, and where they were named while they were not there."""

    conversations: list[KeptConversation]
    mentions: list[Mention]


class Page(NamedTuple):
    """Some of a room's lines, oldest first; the room keeps those from `first` on.

    `hidden` are the numbers whose lines are of kinds that this release does not know.
    """

    lines: list[Entry]
    first: int
    hidden: tuple[int, ...] = ()


class Matches(NamedTuple):
    """What a search found, newest first. `unsearched` counts the lines, the newest, that it could not cover in time."""

    lines: list[Entry]
    has_more: bool
    unsearched: int


class Pruned(Struct, frozen=True):
    """What has been forgotten: lines of these rooms; and how many lines, keys and positions in all, 0 if there is nothing more to do."""

    rooms: frozenset[str]
    total: int


class Activity(Struct, frozen=True):
    """What a journal has done since it was opened: how many lines it has stored, and how long commits took (None: none takes any time).

    `unindexed` lines are in no search index yet, as far as that is known.
    """

    lines: int
    times: CommitTimes | None = None
    unindexed: int | None = None

    @property
    def commit_seconds(self) -> Sequence[float]:
        """How many seconds each of the newest commits took."""
        return self.times.newest if self.times else ()


class PendingAppend(Protocol):
    """A batch that is being stored, whether anybody waits for it or not."""

    async def stored(self) -> Receipt:
        """Wait until it is. Raises JournalError if nothing of it is stored."""


class PendingProbe(Protocol):
    """Something that is being stored to see whether it can be."""

    async def stored(self) -> object:
        """Wait until it is. Raises JournalError if it is not."""
        ...


class Conversations(Protocol):
    """Between whom there are conversations. Every method may raise JournalError."""

    async def begin(self, name: str, parties: Sequence[Party]) -> None:
        """Store a new, empty conversation. Harmless if it is there. Other nodes hear of it (`ConversationChanged`).

        Where there are nodes, one with a guest is not stored unless both have names at some, and is deleted as soon as one of the two has none: by
        the same commit (`Nodes.release`), or when a node is buried. All hear of that (`RoomDeleted`).
        """

    async def accept(self, name: str, who: str) -> None:
        """One of the two has accepted it. Other nodes hear of that, too."""

    async def find(self, name: str) -> KeptConversation | None:
        """The conversation of this name, if there is one."""
        ...

    async def of(self, who: str) -> list[KeptConversation]:
        """All that somebody has, in the order in which they were begun."""
        ...

    async def missed(self, account: int) -> Missed:
        """What waits for the holder of an account, by one question: what `of` has of theirs, and `mentions.of`."""
        ...

    async def have_met(self, one: str, other: str) -> bool:
        """Whether two have been in the same room, as far as that is remembered (`positions`)."""
        ...

    async def passing(self) -> list[str]:
        """The names of those in which a guest is."""
        ...


class Journal(Protocol):
    """The ordered, durable log of all rooms. It is opened by its engine, and stores while `run` runs.

    Every method below the life cycle may raise JournalError, but `save_position`. Conversations (conversations.py) are rooms by their names, as
    `append`, `read`, `delete_room` and the like have them; `rooms` lists none, and only who names one searches it.
    """

    @property
    def conversations(self) -> Conversations:
        """Between whom there are conversations."""
        ...

    @property
    def mentions(self) -> Mentions:
        """Who was named while they were not there."""
        ...

    async def run(self, task_status: "trio.TaskStatus[None]") -> None:
        """Store what is appended until `close`; then store what still waits, and let go of all that was opened."""

    def close(self) -> None:
        """Let `run` end. What is appended from now on is refused."""

    async def wait_closed(self) -> None:
        """Wait until everything is stored and nothing is open any more."""

    def hurry(self, seconds: float) -> None:
        """The server is stopping: what is being stored waits no longer than this for another program, so that authors can still be told."""

    def activity(self) -> Activity:
        """What it has done so far. It raises nothing."""
        ...

    async def rooms(self) -> list[RoomRecord]:
        """All rooms, in the order in which they were created."""

    async def create_room(self, name: str, *, is_new: bool = False, room_id: str = "") -> None:
        """Store a new, empty room, with this id ("": any). Harmless if it is there.

        Where it `is_new`, there is none of the name, nor any that looks like it, as far as this node knows. RoomTaken: another one has just made one.
        """

    async def rename_room(self, old: str, new: str, named: Entry | None = None) -> Receipt | None:
        """Give a room, in which nothing is being stored, another name; all that belongs to it stays. Who reads by the old name meanwhile reads on.

        The entry of its log that tells of that, under the new name, is stored by the same commit, and numbered as the room's next; it is what the
        receipt is of. Where there are nodes, it is a turn of none of them, later than the line before it, and every node is handed it.

        Raises JournalError: it keeps its name, as far as is known; of several nodes, another may have just renamed or deleted it, or given the new
        name, or one that looks like it, to another room (RoomTaken).
        """

    async def delete_room(self, name: str) -> str:
        """Delete a room in which nothing is stored any more, and all that belongs to it.

        Returns why what was said can still be read in what the engine keeps, in a sentence; "" if it cannot.
        """
        ...

    def append(self, lines: Sequence[Entry], keys: Mapping[int, SenderKey]) -> "PendingAppend":
        """Begin to store a batch: all of it, or nothing. Batches of one room are stored in the order in which they are given.

        Args:
            lines: lines of one room, their times a step apart (times.py). The journal numbers them, from the one after the room's last without
                a hole; what number they carry does not matter. Where some are left out, the others close up (`times.settled`).
            keys: the keys of those that have one, by index in `lines`. What was stored before under its key is not stored again, and takes
                no number.

        """
        ...

    def probe(self) -> PendingProbe:
        """Begin to store, in the way that lines go, that this was asked: in one row, over what was there. It takes no number, and nobody reads it."""
        ...

    async def stored_under(self, sent: SenderKey) -> Duplicate | None:
        """Where the line is that this sender has sent under this key; None if there is none, as far as keys are kept."""

    async def read(self, room: str, first: int, last: int) -> Page:
        """The room's lines from one number to another, both included; what is pruned or not there yet is left out."""

    async def versions(self, room: str, seq: int) -> list[Version]:
        """What a line has said before it was edited, the oldest first, as far as that is kept (versions.py)."""
        ...

    async def seq_at(self, room: str, at: float, until: float = inf) -> int:
        """The number of the first line from `at` on and before `until`, wherever the clock has run back in between.

        If there is none: of the one that came next by its time; if none did, one more than the last.
        """

    async def search(
        self, words: str, rooms: Sequence[str] | None, limit: int, since: Mapping[str, int] = EVERYTHING
    ) -> Matches:
        """The newest `limit` lines that have all the words (see words.py), in these rooms or in all. Raises NoWords and TooManyWords.

        `since` are the numbers from which on some of these rooms are looked through; what is before them counts for nothing that is answered.
        """

    def save_position(self, room: str, person: str, seq: int) -> None:
        """Note how far somebody has come in a room. Never blocks; stored within a second or so."""

    async def positions(self, room: str) -> dict[str, int]:
        """How far people had come in a room: POSITIONS_MAX at most, those who left it longest ago first."""

    async def prune(self, before: float, keep_lines: int) -> Pruned:
        """Forget some of what is older than `before`, or what each room has beyond its newest `keep_lines` (0: no bound).

        Only whole batches go, so somewhat more may stay. Also forgets keys older than KEY_SECONDS before now.
        """
        ...
