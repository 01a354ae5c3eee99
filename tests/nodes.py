"""Rooms of several nodes on virtual time: the nodes are handles on what one process keeps, whoever is in their rooms are stand-ins."""

import pickle
from collections.abc import Callable, Mapping, Sequence
from typing import cast

import trio
from trio.testing import wait_all_tasks_blocked

from chat_server.accounts.authentication import Authentication, Policy
from chat_server.journal import JournalError, RoomRecord
from chat_server.journal.kept_in_memory import Kept
from chat_server.journal.keys import SenderKey
from chat_server.journal.memory_nodes import MemoryNode, Waker, at_once
from chat_server.journal.nodes import Beside, Nodes, PendingTurn, TurnReceipt
from chat_server.protocol.entries import Entry
from chat_server.protocol.events import Event
from chat_server.protocol.requests import Say
from chat_server.rooms.chat_room import ChatRoom
from chat_server.rooms.directory import Directory
from chat_server.rooms.hall import Hall
from chat_server.rooms.person import Person
from chat_server.rooms.room import Occupant, Room
from fakes import FakeSession, cheap_hashing


class SlowTurn:
    """A turn that is stored after a while, and of which that is known after another."""

    def __init__(self, store: Callable[[], TurnReceipt], before: float, after: float) -> None:
        self._store, self._before, self._after = store, before, after

    async def stored(self) -> TurnReceipt:
        await trio.sleep(self._before)
        receipt = self._store()
        await trio.sleep(self._after)
        return receipt


class FaultyNode(MemoryNode):
    """A node whose engine can be full, or slow."""

    def __init__(self, kept: Kept, name: str = "", waker: Waker = at_once) -> None:
        super().__init__(kept, name, waker)
        self.is_full = False
        self.pause: Callable[[], float] | None = None

    def append(self, lines: Sequence[Entry], keys: Mapping[int, SenderKey], beside: Beside) -> PendingTurn:
        lines, keys = [*lines], dict(keys)

        def store() -> TurnReceipt:
            if self.is_full:
                raise JournalError("no space left on device")
            return self.store(lines, keys, beside)

        return SlowTurn(store, *((self.pause(), self.pause()) if self.pause else (0, 0)))


class Watcher(FakeSession):
    """A session that remembers the events it was shown."""

    def __init__(self, place: Room, nick: str = "") -> None:
        super().__init__(place, nick)
        self.events: list[Event] = []
        self.render = _pickled

    def push(self, data: bytes) -> None:
        self.events += [pickle.loads(bytes.fromhex(line)) for line in data.decode().splitlines()]  # noqa: S301 - its own

    def take(self, *kinds: type[Event]) -> list[Event]:
        """What it was shown since this was last asked, of these kinds."""
        events, self.events = self.events, []
        return [event for event in events if isinstance(event, kinds)] if kinds else events


def _pickled(event: Event) -> bytes:
    return f"{pickle.dumps(event).hex()}\n".encode()


class Node:
    """One node with the room "python", as far as rooms go."""

    room: ChatRoom

    def __init__(self, kept: Kept, waker: Waker = at_once, *, name: str = "") -> None:
        self.nodes = FaultyNode(kept, name, waker)
        journal = self.nodes.journal
        authentication = Authentication(journal.accounts, cheap_hashing(), Policy())
        self.directory: Directory[Room, Person[Occupant]] = Directory(
            journal,
            journal.accounts,
            cast(Nodes, self.nodes),
            authentication=authentication,
            start_room=lambda name, room_id: ChatRoom(
                RoomRecord(name, "", 1, 0, id=room_id), self.directory, self.hall
            ),
        )
        self.hall = Hall(self.directory)
        self.is_deaf = False
        """Whether it is not woken for now; who has made it sees to that."""

    async def open(self, nursery: trio.Nursery) -> ChatRoom:
        """Be one of the nodes."""
        await nursery.start(self.nodes.journal.run)
        await self.nodes.journal.create_room("python")
        opening = await self.nodes.open("python")
        self.began = opening.record.turn
        self.room = ChatRoom(opening.record, self.directory, self.hall, people=opening.people)
        assert self.room.shared is not None
        self.nodes.follow(self.room.shared)
        self.directory.open_room(self.room)
        nursery.start_soon(self.room.run)
        return self.room

    @property
    def turn(self) -> int:
        """The newest turn that the room has taken in."""
        assert self.room.shared is not None
        return self.room.shared.turn

    async def come(self, nick: str, token: str = "") -> FakeSession:
        """Somebody enters the room at this node."""
        session = FakeSession(self.hall, nick)
        if token:
            session.person.sender = f"token:{token}"
        await session.enter(self.room)
        return session

    async def add(self, other: FakeSession) -> FakeSession:
        """One more session of somebody who is there at this node enters."""
        session = FakeSession(self.hall)
        session.belong_to(other.person)
        await session.enter(self.room)
        return session

    async def rename(self, session: FakeSession, nick: str) -> None:
        """Somebody takes another name at this node."""
        session.person.nick = nick
        self.room.announce_name(session)
        await self.room.flushed(session)

    async def say(self, session: FakeSession, text: str, key: str = "") -> None:
        """Somebody says something."""
        pause = self.room.post(session, Say(text, key=key))
        if pause is not None:
            await pause


async def open_nodes(nursery: trio.Nursery, waker: Waker = at_once) -> tuple[Node, Node]:
    """Two nodes; the second may be woken otherwise."""
    kept = Kept()
    a, b = Node(kept, name="a"), Node(kept, waker, name="b")
    await a.open(nursery)
    await b.open(nursery)
    return a, b


async def settled() -> None:
    """Whatever is under way is done, and who came and went has been told."""
    await trio.sleep(5)
    await wait_all_tasks_blocked()
