"""What the engine `memory` keeps: rooms and their lines, keys, read positions, and accounts; and what of the lines is somebody's.

Never knows who opens it.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from math import inf
from typing import Protocol

from msgspec import Struct

from chat_server.accounts import CARRIED_MAX, Choices, OwnLines, Rewritten, sender_of
from chat_server.accounts.acts import ServerAct
from chat_server.accounts.kept_accounts import KeptAccounts
from chat_server.journal import Duplicate, JournalError, KeptConversation, Missed, Party, RoomRecord, new_room_id
from chat_server.journal.act_changes import audited, called
from chat_server.journal.amending_in_memory import amend_by, forget_versions_of
from chat_server.journal.archive import StoredRecord
from chat_server.journal.batch_codec import Stored
from chat_server.journal.conversations import accepted, is_passing
from chat_server.journal.erasing import concerns, rewritten, state_without
from chat_server.journal.happened import (
    AccountChanged,
    ChoicesMade,
    ConversationChanged,
    DevicesRevoked,
    LinesRewritten,
    PersonId,
    ServerActed,
)
from chat_server.journal.keys import SenderKey
from chat_server.journal.lines_asked import LineAsked
from chat_server.journal.memory_names import KeptChanges, KeptNames
from chat_server.journal.mentions import Mention
from chat_server.journal.node_life import NodeLife
from chat_server.journal.nodes import Called, Came, Elsewhere, Movement, NodeSeen, Placed, Turn, Went
from chat_server.journal.showable import showable, showable_state
from chat_server.journal.times import MICROSECOND, settled
from chat_server.journal.versions import Version
from chat_server.protocol.entries import Enacted, Entry, TopicSet
from chat_server.protocol.room_state import after, written


class KeptTurn(Struct, frozen=True):
    """What one turn of a room stored: so many lines from the number `first` on, and the movements at a node (0: none)."""

    number: int
    node: int
    first: int
    length: int
    movements: Sequence[Placed]


@dataclass
class KeptRoom:
    """What is kept of a room."""

    topic: str = ""
    first: int = 1
    id: str = field(default_factory=new_room_id)
    state: str = ""
    state_turn: int = 0
    """The turn that has changed it last."""
    acts: list[ServerAct] = field(default_factory=list)
    """What was done in it by office, whatever becomes of the lines."""
    lines: list[Stored] = field(default_factory=list)
    versions: dict[int, list[Version]] = field(default_factory=dict)
    """What lines have said before they were edited, by their numbers."""
    positions: dict[str, int] = field(default_factory=dict)
    turn: int = 0
    turns: list[KeptTurn] = field(default_factory=list)
    people: dict[tuple[int, PersonId, int], Elsewhere] = field(default_factory=dict)
    """Who is in it at which node, and by which device."""
    parties: tuple[Party, ...] = ()
    """Between whom it is a conversation; none: it is for everybody."""

    @property
    def last(self) -> int:
        """The number of its last line."""
        return self.first + len(self.lines) - 1

    @property
    def last_at(self) -> float:
        """The time of its last line."""
        return self.lines[-1].at if self.lines else -inf

    def add_turn(self, count: int, node: int = 0, movements: Sequence[Placed] = ()) -> None:
        """Keep a turn, of which so many lines have just been added."""
        self.turn += 1
        self.turns.append(KeptTurn(self.turn, node, self.last - count + 1, count, movements))
        for placed in movements:
            self._move(node, placed.movement)

    def _move(self, node: int, movement: Movement) -> None:
        match movement:
            case Came(person, device, nick, account, _, bot):
                known = next((one.nick for one in self.people.values() if one.person == person), nick)
                self.people[node, person, device] = Elsewhere(node, person, device, known, account, bot)
            case Went(person, device):
                self.people.pop((node, person, device), None)
            case Called(person, nick):
                for where, one in self.people.items():
                    if one.person == person:
                        self.people[where] = one._replace(nick=nick)


class Woken(Protocol):
    """A node, as others wake it."""

    life: NodeLife

    def wake(self, room: str, turn: Turn) -> None:
        """Something has happened in a room."""

    def told(self, node: int, sign: str) -> None:
        """Another node gives a sign."""

    def seen(self) -> NodeSeen:
        """The node as the others see it."""
        ...


@dataclass
class KeptNodes:
    """What is kept of nodes: names and what has happened; and which there are, by their numbers. Lines that are asked of: with why one is refused.

    `gone` are those that have ended in order, each as it was then, and the time at which it is buried, by Trio's clock.
    """

    names: KeptNames = field(default_factory=KeptNames)
    changes: KeptChanges = field(default_factory=KeptChanges)
    alive: dict[int, Woken] = field(default_factory=dict)
    gone: dict[int, tuple[NodeSeen, float]] = field(default_factory=dict)
    lines_asked: dict[tuple[int, int], tuple[LineAsked, str]] = field(default_factory=dict)
    to_make_up: dict[int, float] = field(default_factory=dict)
    """Nodes that are none any more, and when a sign of life was last heard of them."""
    begun: int = 0


@dataclass
class Kept:
    """Everything that is kept of one journal."""

    rooms: dict[str, KeptRoom] = field(default_factory=dict)
    records: list[StoredRecord] = field(default_factory=list)
    end: int = 1
    sent: dict[SenderKey, tuple[float, Duplicate]] = field(default_factory=dict)
    accounts: KeptAccounts = field(default_factory=KeptAccounts)
    former: dict[str, str] = field(default_factory=dict)
    """What rooms were called before, each with its next name."""
    nodes: KeptNodes = field(default_factory=KeptNodes)
    mentions: dict[int, list[Mention]] = field(default_factory=dict)
    """Who was named while they were not there, by account, the oldest first."""

    def add(self, lines: Sequence[Stored], node: int = 0, movements: Sequence[Placed] = ()) -> None:
        """Keep a batch that has its numbers, and who moved in its turn."""
        room = self.rooms[lines[0].room]
        room.lines += lines
        self.records.append(StoredRecord(self.end + len(lines) - 1, [*lines]))
        self.end += len(lines)
        room.add_turn(len(lines), node, movements)

    def store(
        self,
        name: str,
        lines: Sequence[Entry],
        keys: Mapping[int, SenderKey],
        *,
        node: int = 0,
        movements: Sequence[Placed] = (),
        is_rising: bool = False,
    ) -> tuple[int, dict[int, Duplicate], list[Entry]]:
        """Keep a turn of a room: see Journal.append, and Nodes.append. `is_rising`: no line is earlier than those before it, whatever its time.

        Returns the number of the first line, which were stored before, and those that are stored now.
        """
        room = self.rooms[name]
        duplicates: dict[int, Duplicate] = {}
        first = room.last + 1
        for index, key in sorted(keys.items()):
            if key in self.sent:
                duplicates[index] = self.sent[key][1]
            else:
                self.sent[key] = lines[index].at, Duplicate(name, first + index - len(duplicates))
        stored: list[Entry] = []
        if lines:
            is_late = is_rising and lines[0].at <= room.last_at
            stored = settled(lines, first, duplicates, room.last_at + MICROSECOND if is_late else lines[0].at)
        room.acts += [act for _, act in audited(stored)]
        for line in stored:
            if isinstance(line, TopicSet):
                room.topic = line.text
            elif isinstance(line, Enacted):
                room.state = written(after(showable_state(room.state), line))
                room.state_turn = room.turn + 1
        left = [Placed(after - sum(index < after for index in duplicates), movement) for after, movement in movements]
        if stored:
            self.add(stored, node, left)
            amend_by(room, self.records, stored)
        elif left:
            room.add_turn(0, node, left)
        return first, duplicates, stored

    def name_now(self, name: str) -> str | None:
        """What the room is called that has or had this name; None if it is no more."""
        while name not in self.rooms:
            if name not in self.former:
                return None
            name = self.former[name]
        return name

    def listed(self) -> list[RoomRecord]:
        """All rooms for everybody, in the order in which they were created."""
        return [self.record(name) for name, room in self.rooms.items() if not room.parties]

    def record(self, name: str) -> RoomRecord:
        """One of them."""
        room = self.rooms[name]
        return RoomRecord(
            name, room.topic, room.first, room.last, room.last_at, room.turn, room.state, room.parties, room.id
        )


class KeptConversations:
    """Between whom there are conversations: see Conversations."""

    def __init__(self, kept: Kept, check_open: Callable[[], None], node: int = 0) -> None:
        """What is done is done at this node (0: there is no other), while `check_open` raises nothing."""
        self._kept = kept
        self._check_open = check_open
        self._node = node

    async def begin(self, name: str, parties: Sequence[Party]) -> None:
        """Keep a new conversation; see Conversations."""
        self._check_open()
        if name not in self._kept.rooms and (not self._node or self._kept.nodes.names.may_converse(parties)):
            self._kept.rooms[name] = KeptRoom(parties=tuple(parties))
            self._tell(name)

    async def accept(self, name: str, who: str) -> None:
        """One of the two has accepted it; see Conversations."""
        self._check_open()
        if (room := self._kept.rooms.get(name)) is not None:
            room.parties = accepted(room.parties, who)
            self._tell(name)

    def _tell(self, name: str) -> None:
        if self._node:
            parties = tuple(one.who for one in self._kept.rooms[name].parties)
            self._kept.nodes.changes.add(ConversationChanged(self._node, name, parties))

    async def find(self, name: str) -> KeptConversation | None:
        """The conversation of this name; see Conversations."""
        self._check_open()
        room = self._kept.rooms.get(name)
        return KeptConversation(self._kept.record(name)) if room is not None and room.parties else None

    async def of(self, who: str) -> list[KeptConversation]:
        """All that somebody has; see Conversations."""
        self._check_open()
        return [
            KeptConversation(self._kept.record(name), room.positions.get(who, 0))
            for name, room in self._kept.rooms.items()
            if any(one.who == who for one in room.parties)
        ]

    async def missed(self, account: int) -> Missed:
        """All that the holder of an account has, and where they were named; see Conversations."""
        return Missed(await self.of(sender_of(account)), [*self._kept.mentions.get(account, ())])

    async def have_met(self, one: str, other: str) -> bool:
        """Whether two have been in the same room; see Conversations."""
        self._check_open()
        return any({one, other} <= room.positions.keys() for room in self._kept.rooms.values() if not room.parties)

    async def passing(self) -> list[str]:
        """Those in which a guest is; see Conversations."""
        self._check_open()
        return [name for name, room in self._kept.rooms.items() if is_passing(room.parties)]


class KeptLines:
    """Whose lines, keys and positions are whose, and what other nodes hear of accounts. See accounts.memory.Lines."""

    def __init__(self, kept: Kept, is_closed: Callable[[], bool], node: int = 0) -> None:
        """What is done to accounts is done at this node (0: there is no other)."""
        self._kept = kept
        self._is_closed = is_closed
        self._node = node

    def check_open(self) -> None:
        """Raise JournalError if the journal is closed."""
        if self._is_closed():
            raise JournalError("the journal is closed")

    def account_changed(self, account: int) -> None:
        """Have other nodes hear of an account; see accounts.memory.Lines."""
        if self._node:
            self._kept.nodes.changes.add(AccountChanged(self._node, account))

    def chosen(self, account: int, chosen: Choices) -> None:
        """Have other nodes hear what somebody has chosen; see accounts.memory.Lines."""
        if self._node:
            self._kept.nodes.changes.add(ChoicesMade(self._node, account, chosen))

    def revoked(self, account: int, devices: tuple[int, ...] | None, why: str) -> None:
        """Have other nodes hear what lets nobody in any more; see accounts.memory.Lines."""
        if self._node:
            self._kept.nodes.changes.add(DevicesRevoked(self._node, account, devices, why))

    def acted(self, act: ServerAct) -> None:
        """Have other nodes hear what has been done; see accounts.memory.Lines."""
        if self._node:
            self._kept.nodes.changes.add(ServerActed(self._node, act.number))
            if act.kind == "role-given":
                self.account_changed(act.account)

    def acts_of(self, room: str) -> list[ServerAct]:
        """What was done in a room by office; see accounts.memory.Lines."""
        return self._kept.rooms[room].acts if room in self._kept.rooms else []

    def call_in_acts(self, account: int, nick: str) -> None:
        """The account is called so in what was done in rooms; see accounts.memory.Lines."""
        for room in self._kept.rooms.values():
            room.acts = [called(act, account, nick) for act in room.acts]

    def carry_over(self, sender: str, person: str, account: int) -> None:
        """The newest keys of a sender, and the positions of a person, are the account's now."""
        kept, to = self._kept, sender_of(account)
        carried = [key for key in kept.sent if sender and key.sender == sender][-CARRIED_MAX:]
        for key in carried:
            kept.sent[key._replace(sender=to)] = kept.sent.pop(key)
        for room in kept.rooms.values():
            if person in room.positions:
                room.positions[to] = room.positions.pop(person)

    def forget(self, account: int) -> None:
        """Forget the account's positions."""
        for room in self._kept.rooms.values():
            room.positions.pop(sender_of(account), None)
        self._kept.mentions.pop(account, None)

    def of(self, account: int, after: int, limit: int) -> OwnLines:
        """Some of the account's lines; see Accounts.lines_of. Whole batches are given, so they may be more than `limit`."""
        found: list[Stored] = []
        for record in self._kept.records:
            if record.position <= after:
                continue
            room = self._kept.rooms[record.lines[0].room]
            is_theirs = any(one.who == sender_of(account) for one in room.parties)  # both sides of a conversation
            found += [line for line in record.lines if is_theirs or line.author == account]
            if len(found) >= limit:
                return OwnLines(showable(found), record.position)
        return OwnLines(showable(found), None)

    def rewrite(self, account: int, nick: str, *, is_erased: bool) -> Rewritten:
        """Put the account's lines under another name; see accounts.memory.Lines."""
        kept = self._kept
        rooms: set[str] = set()
        erased: dict[str, str] = {}
        for name, room in kept.rooms.items():
            topics = [line for line in room.lines if isinstance(line, TopicSet)]
            if is_erased and topics and topics[-1].author == account:
                erased[name], room.topic = room.topic, ""
            room.state = state_without(room.state, account, nick)
            if is_erased:
                forget_versions_of(room, account)
        for index, record in enumerate(kept.records):
            if any(concerns(line, account) for line in record.lines):
                lines = [rewritten(line, account, nick, is_erased=is_erased) for line in record.lines]
                kept.records[index] = record._replace(lines=lines)
                room = kept.rooms[lines[0].room]
                start = lines[0].seq - room.first
                room.lines[start : start + len(lines)] = lines
                rooms.add(lines[0].room)
        if self._node and rooms:
            kept.nodes.changes.add(LinesRewritten(self._node, tuple(sorted(rooms))))
        return Rewritten(nick, frozenset(rooms), erased)
