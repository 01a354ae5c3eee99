"""The engine `memory` with several nodes: handles on what one process keeps, each of which is a server among those with the same journal.

For tests. Whoever opens a node may say how it is woken when something has happened elsewhere: a test may have that come late, in another order, or
not at all. See nodes.py; never knows what rooms make of their turns.
"""

import time
from collections.abc import AsyncIterator, Callable, Collection, Iterable, Mapping, Sequence
from functools import partial

import trio
from msgspec.structs import replace

from chat_server.accounts.look_alikes import skeleton
from chat_server.accounts.names_index import Refusal
from chat_server.journal import JournalError, Receipt, RoomTaken
from chat_server.journal.happened import (
    RETURN_SECONDS,
    CameElsewhere,
    Change,
    DevicesRevoked,
    GuestBlocked,
    Numbered,
    PersonId,
    PutOut,
    RegisteredPerson,
    RenamedPerson,
    RoomDeleted,
    RoomMade,
    RoomRenamed,
    account_of,
)
from chat_server.journal.kept_in_memory import Kept, KeptRoom
from chat_server.journal.keys import SenderKey
from chat_server.journal.lines_asked import LinesAsked
from chat_server.journal.memory import MemoryJournal
from chat_server.journal.memory_burying import bury, end_passed, turn_of, wake_all
from chat_server.journal.memory_gone_nodes import MemoryGoneNodes
from chat_server.journal.memory_lines_asked import MemoryLinesAsked
from chat_server.journal.memory_names import ChangesAfter
from chat_server.journal.node_life import NodeLife
from chat_server.journal.nodes import (
    Beside,
    Claim,
    Claimed,
    Follower,
    GoneNodes,
    NodeIsOver,
    NodeSeen,
    Opening,
    PendingTurn,
    Revoked,
    Speaker,
    Stale,
    Turn,
    TurnReceipt,
    Whereabouts,
)
from chat_server.journal.signs import Signs
from chat_server.protocol.entries import Entry
from chat_server.protocol.names import name_key

TURNS_AT_ONCE = 100
"""Turns that are read at once."""

LOOK_SECONDS = 1.0
"""Seconds after which a node looks for what it has not been woken for."""

Waker = Callable[[Callable[[], None]], None]
"""Has a node be handed what has happened, now or later."""


def at_once(hand_over: Callable[[], None]) -> None:
    """Wake a node as soon as something happens."""
    hand_over()


class _Stored:
    """See PendingTurn."""

    def __init__(self, receipt: TurnReceipt) -> None:
        self._receipt = receipt

    async def stored(self) -> TurnReceipt:
        return self._receipt


class _Refused:
    """See PendingTurn."""

    def __init__(self, error: JournalError) -> None:
        self._error = error

    async def stored(self) -> TurnReceipt:
        raise self._error


class MemoryNode:
    """See Nodes."""

    def __init__(self, kept: Kept, name: str = "", waker: Waker = at_once) -> None:
        """Be one more node of what is kept."""
        kept.nodes.begun += 1
        self.number = kept.nodes.begun
        self.name = name
        self.life = NodeLife()
        self.signs = Signs()
        self.gone: GoneNodes = MemoryGoneNodes(kept)
        self.lines_asked: LinesAsked = MemoryLinesAsked(kept.nodes.lines_asked, self.number, self.signs)
        self._began_at = trio.current_time()
        self._kept = kept
        self._waker = waker
        self._followers: list[Follower] = []
        self._hearing: ChangesAfter | None = None
        kept.nodes.alive[self.number] = self
        self.journal = NodeJournal(kept, self)
        """The journal by this node."""

    async def open(self, room: str) -> Opening:
        """A room as it is now; see Nodes."""
        name, kept = self._room(room)
        return Opening(self._kept.record(name), [*kept.people.values()])

    def follow(self, room: Follower) -> None:
        """Hand a room its turns; see Nodes."""
        self._followers.append(room)

    def unfollow(self, room: Follower) -> None:
        """Hand it nothing more."""
        self._followers = [other for other in self._followers if other is not room]

    async def turns(self, room: str, after: int) -> Sequence[Turn]:
        """A room's turns after one; see Nodes."""
        return self._turns(self._room(room)[1], after)[:TURNS_AT_ONCE]

    def append(self, lines: Sequence[Entry], keys: Mapping[int, SenderKey], beside: Beside) -> PendingTurn:
        """Store a turn; see Nodes."""
        try:
            return _Stored(self.store(lines, keys, beside))
        except JournalError as error:
            return _Refused(error)

    def store(self, lines: Sequence[Entry], keys: Mapping[int, SenderKey], beside: Beside) -> TurnReceipt:
        """Store a turn now. Raises what `append` does when it is waited for."""
        name, room = self._room(beside.room)
        if name != beside.room:
            lines = [replace(line, room=name) for line in lines]
        if revoked := frozenset(one for one in beside.speakers if self._is_revoked(one, beside.heard)):
            raise Revoked(revoked)
        if beside.speakers and beside.acts < len(self._kept.accounts.acts):
            raise Stale(self._turns(room, beside.seen), lacks_acts=True)
        if room.turn > beside.seen >= 0 and (room.state_turn > beside.seen or _is_named_otherwise(room, beside)):
            raise Stale(self._turns(room, beside.seen))
        before = room.turn
        first, duplicates, stored = self._kept.store(
            name, lines, keys, node=self.number, movements=beside.movements, is_rising=True
        )
        if room.turn > before:
            wake_all(self._kept, name)
        missed = [turn for turn in self._turns(room, beside.seen) if turn.number <= before]
        return TurnReceipt(first, duplicates, room.turn, stored[0].at if stored else 0.0, missed)

    async def has_said(self, person: PersonId, room: str, seq: int) -> bool:
        """Whether somebody has said a line; see Nodes."""
        return any(one.sender == person and found == (room, seq) for one, (_, found) in self._kept.sent.items())

    def _is_revoked(self, speaker: Speaker, heard: int) -> bool:
        """Whether somebody may say nothing more: the account is at an end, or what they have come by; see Nodes.append."""
        account = account_of(speaker.person)
        if not account:
            return False
        accounts = self._kept.accounts
        device = accounts.devices.get(speaker.device)
        if speaker.device:
            is_gone = device is None or device.account != account
        else:
            is_gone = any(
                isinstance(one, DevicesRevoked)
                and (one.account, one.devices) == (account, None)
                and one.node != self.number
                for one in self._kept.nodes.changes.after(heard)
            )
        return is_gone or accounts.active(account) is None

    def _room(self, name: str) -> tuple[str, KeptRoom]:
        """A room by the name that it has, or had when this node last heard of it; and the name that it has."""
        self._check()
        now = self._kept.name_now(name)
        if now is None:
            raise JournalError(f"there is no room {name}")
        return now, self._kept.rooms[now]

    @staticmethod
    def _turns(room: KeptRoom, after: int) -> list[Turn]:
        return [turn_of(room, kept) for kept in room.turns if kept.number > after]

    # Names.

    async def claim(self, claim: Claim) -> Claimed | Refusal:
        """Give somebody a name; see Nodes."""
        self._check()
        kept = self._kept.nodes
        leaving = [number for number, node in kept.alive.items() if number != self.number and node.seen().is_leaving]
        given = kept.names.claim(self.number, claim, self._kept.accounts, time.time(), [*kept.gone, *leaving])
        return given if isinstance(given, Refusal) else Claimed(*given)

    async def release(self, key: str, person: PersonId) -> None:
        """Take a name back; see Nodes."""
        self._check()
        rooms = self._kept.rooms.values()
        listed = {(one.node, one.nick) for room in rooms for one in room.people.values() if one.person == person}
        self._kept.nodes.names.release(self.number, key, person, listed)
        end_passed(self._kept)

    async def whereabouts(self, key: str) -> Sequence[Whereabouts]:
        """At which nodes somebody has names; see Nodes."""
        return self._placed(self._kept.nodes.names.whereabouts(key))

    async def whereabouts_of(self, people: Collection[PersonId]) -> Sequence[Whereabouts]:
        """Which names these have, and where; see Nodes."""
        return self._placed(self._kept.nodes.names.whereabouts_of(people))

    def _placed(self, held: Iterable[tuple[PersonId, str, int]]) -> list[Whereabouts]:
        self._check()
        kept = self._kept.nodes
        known = {number: gone for number, (gone, _) in kept.gone.items()} | {
            n: one.seen() for n, one in kept.alive.items()
        }
        return [Whereabouts(*one, known[one[2]].name if one[2] in known else "") for one in held]

    async def end_passed(self) -> None:
        """Delete conversations of guests who are gone; see Nodes."""
        self._check()
        end_passed(self._kept)

    async def rooms_of(self, person: PersonId, device: int) -> Sequence[str]:
        """In which rooms somebody is elsewhere; see Nodes."""
        self._check()
        return [
            name
            for name, room in self._kept.rooms.items()
            if any(
                one.node != self.number and (one.person, one.device) == (person, device) for one in room.people.values()
            )
        ]

    async def taken_over(self, person: PersonId, device: int, order: int) -> None:
        """Have the person's sessions at other nodes end; see Nodes."""
        self._tell(CameElsewhere(self.number, person, device, order))

    async def renamed(self, person: PersonId, nick: str, order: int) -> None:
        """Tell of another name; see Nodes."""
        self._tell(RenamedPerson(self.number, person, nick, order))

    async def registered(self, person: PersonId, account: int) -> None:
        """Tell of an account; see Nodes."""
        self._tell(RegisteredPerson(self.number, person, account))

    async def blocked(self, change: GuestBlocked) -> None:
        """Tell of a block; see Nodes."""
        self._tell(change)

    async def put_out(self, person: PersonId, reason: str) -> None:
        """Have somebody's sessions end; see Nodes."""
        self._tell(PutOut(self.number, person, reason))

    def _tell(self, change: Change) -> None:
        self._check()
        self._kept.nodes.changes.add(change)

    def _check(self) -> None:
        if self.number not in self._kept.nodes.alive:
            raise NodeIsOver("the other nodes have given this one up")

    # What happens at other nodes.

    def changes(self) -> AsyncIterator[Numbered]:
        """What happens from now on at any node; see Nodes."""
        changes = self._kept.nodes.changes
        self._hearing = ChangesAfter(changes, changes.newest)
        return self._hearing

    @property
    def heard(self) -> int:
        """The newest change that has been carried out; see Nodes."""
        return self._hearing.carried_out if self._hearing is not None else 0

    def wake(self, room: str, turn: Turn) -> None:
        """Something has happened in a room."""
        self._waker(partial(self._hand_over, room, turn))

    def _hand_over(self, room: str, turn: Turn) -> None:
        for follower in self._followers:
            if self._kept.name_now(follower.name) == room:
                follower.follow([turn])

    def look(self) -> None:
        """Hand over whatever rooms have not taken in; bury who has ended in order and is not to be waited for any longer."""
        if self.number not in self._kept.nodes.alive:
            self.life.give_up()
            return
        for node, (_, ends_at) in [*self._kept.nodes.gone.items()]:
            if ends_at <= trio.current_time():
                bury(self._kept, node)
        for follower in self._followers:
            name = self._kept.name_now(follower.name)
            room = self._kept.rooms[name] if name is not None else None
            if room is not None and room.turn > follower.turn:
                follower.follow(self._turns(room, follower.turn)[:TURNS_AT_ONCE])

    def told(self, node: int, sign: str) -> None:
        """Another node gives a sign."""
        self.signs.came(node, sign)

    def seen(self) -> NodeSeen:
        """The node as the others see it."""
        people = self._kept.nodes.names.people_at(self.number)
        return NodeSeen(self.number, self.name, trio.current_time() - self._began_at, 0.0, people, self.life.is_leaving)

    async def listed(self) -> Sequence[NodeSeen]:
        """All nodes; see Nodes."""
        nodes = self._kept.nodes
        return [*(gone for gone, _ in nodes.gone.values()), *(node.seen() for node in nodes.alive.values())]

    async def run(self) -> None:
        """Look every second, and carry signs."""
        async with trio.open_nursery() as nursery:
            nursery.start_soon(self._carry_signs)
            while True:
                await trio.sleep(LOOK_SECONDS)
                self.look()

    async def _carry_signs(self) -> None:
        while True:
            for sign in await self.signs.to_carry():
                for number, node in self._kept.nodes.alive.items():
                    if number != self.number:
                        node.told(self.number, sign)


class NodeJournal(MemoryJournal):
    """The journal by a node: while it runs, the node is one of those that there are."""

    def __init__(self, kept: Kept, node: MemoryNode) -> None:
        super().__init__(kept, node.number)
        self._node = node

    async def create_room(self, name: str, *, is_new: bool = False, room_id: str = "") -> None:
        """Keep a new room, and tell of it; see Journal."""
        if is_new:
            refuse_taken(name, self._rooms)
        is_there = name in self._rooms
        await super().create_room(name, room_id=room_id)
        if not is_there:
            self._kept.nodes.changes.add(RoomMade(self._node.number, name, self._rooms[name].id))

    async def rename_room(self, old: str, new: str, named: Entry | None = None) -> Receipt | None:
        """Give a room another name, and tell of it; see Journal."""
        if old not in self._rooms:
            raise JournalError("another node has just given it another name, or deleted it")
        refuse_taken(new, [room for room in self._rooms if room != old])
        receipt = await super().rename_room(old, new, named)
        self._kept.nodes.changes.add(RoomRenamed(self._node.number, old, new))
        if receipt is not None:
            wake_all(self._kept, new)
        return receipt

    async def delete_room(self, name: str) -> str:
        """Delete a room, and tell of it; see Journal."""
        called = self._kept.name_now(name)
        if called is None:
            return ""
        why = await super().delete_room(called)
        self._kept.nodes.changes.add(RoomDeleted(self._node.number if called == name else 0, called))
        return why

    async def run(self, task_status: trio.TaskStatus[None] = trio.TASK_STATUS_IGNORED) -> None:
        """Look for what happens elsewhere until `close`; nobody is here by this node then, but who may come back elsewhere. See Journal."""
        async with trio.open_nursery() as nursery:
            nursery.start_soon(self._node.run)
            await super().run(task_status)
            nursery.cancel_scope.cancel()
        nodes, node = self._kept.nodes, self._node
        if node.life.is_leaving and node.number in nodes.alive:
            nodes.gone[node.number] = node.seen(), trio.current_time() + RETURN_SECONDS
            del nodes.alive[node.number]
        else:
            bury(self._kept, node.number)


def refuse_taken(name: str, rooms: Collection[str]) -> None:
    """Raise RoomTaken if one of these rooms has the name, or one that counts as the same or looks like it."""
    same = [room for room in rooms if name_key(room) == name_key(name)]
    for room in same or [room for room in rooms if skeleton(room) == skeleton(name)]:
        raise RoomTaken(room, is_same=bool(same))


def _is_named_otherwise(room: KeptRoom, beside: Beside) -> bool:
    """Whether the room lists somebody under another name than that under which they say something."""
    return any(beside.names.get(one.person, one.nick) != one.nick for one in room.people.values())
