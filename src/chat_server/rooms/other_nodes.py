"""What this node of several knows of the same people at others: whose place somebody takes there, and what becomes of their sessions here.

What happens at other nodes comes in one order (journal/happened.py), some time after it has happened. So what somebody does here may come before
or after it there, and is never undone by what was before it. Never knows how somebody logs in, nor how a session ends.
"""

from collections.abc import AsyncIterator, Callable, Collection, Iterable, Mapping, Sequence
from contextlib import asynccontextmanager, suppress
from functools import partial
from typing import Generic, TypeVar
from weakref import WeakKeyDictionary

import trio

from chat_server.accounts import sender_of
from chat_server.journal import JournalError
from chat_server.journal.happened import GuestBlocked, PersonId, may_be_at_several_nodes
from chat_server.journal.nodes import Nodes
from chat_server.protocol.names import name_key
from chat_server.protocol.stored_event import Author
from chat_server.rooms.filters_elsewhere import FiltersElsewhere
from chat_server.rooms.held_names import HeldNames
from chat_server.rooms.hits_elsewhere import HitsElsewhere
from chat_server.rooms.owed import Owed
from chat_server.rooms.shared_names import SharedNames

P = TypeVar("P")

ROOM_SECONDS = 3.0
"""Seconds for which a room is waited for in which somebody is elsewhere, and of which this node has not heard yet."""

ASKED_SECONDS = 3.0
"""Seconds for which the engine is asked at which other nodes somebody is."""

ENDED_SECONDS = 3.0
"""Seconds for which other nodes are waited for that are to put somebody out: they hear of it within one."""


class OtherNodes(Generic[P]):
    """The way from one node to the others, as far as it is about people who are at several."""

    def __init__(self, held: HeldNames[P], nodes: Nodes) -> None:
        """Who has which name at this node is in `held`."""
        self.nodes = nodes
        self._owed = Owed()
        self.names = SharedNames(held, nodes, self._owed)
        """The names of those who are here."""
        self.came: WeakKeyDictionary[object, int] = WeakKeyDictionary()
        """For each session in which order it came, among all of its person's (Claimed.order)."""
        self.sessions_told: Callable[[PersonId], Mapping[int, int]] = lambda _: {}
        """How many sessions somebody has at other nodes, as these tell of whom there are several of."""
        self.hits = HitsElsewhere(nodes)
        """Whom something is about at other nodes that a moderator of the server does here."""
        self.filters = FiltersElsewhere(nodes)
        """What bots at other nodes say of a line that is said here."""
        self._locks: dict[PersonId, trio.Lock] = {}
        self._rooms_changed = trio.Event()
        self._newer_names: dict[PersonId, None] = {}  # of whom this node has not heard it
        self._has_newer_names = trio.Event()
        self._ended: dict[PersonId, dict[int, int]] = {}  # of whom is being put out: at which node how many sessions
        self._has_ended = trio.Event()

    async def run(self) -> None:
        """Tell the engine what it is owed, for ever."""
        await self._owed.run()

    @asynccontextmanager
    async def deciding(self, who: PersonId) -> AsyncIterator[None]:
        """Let nobody else decide meanwhile who this person is here, by which sessions, and what they are called. "" is nobody."""
        if not who:
            yield
            return
        lock = self._locks.setdefault(who, trio.Lock())
        try:
            async with lock:
                yield
        finally:
            if not lock.locked() and not lock.statistics().tasks_waiting:
                self._locks.pop(who, None)

    # What somebody does here.

    def replace(self, who: PersonId, device: int, order: int) -> None:
        """Somebody has come here in this order: their sessions at other nodes by the device, which came before, are to end."""
        self._owed.tell(partial(self.nodes.taken_over, who, device, order))

    def rename(self, who: PersonId, nick: str, order: int) -> None:
        """Somebody has another name here, by the claim of this order. They are to have it at the other nodes too, unless they have a newer one."""
        self._owed.tell(partial(self.nodes.renamed, who, nick, order))

    def register(self, who: PersonId, nick: str, account: Author) -> None:
        """A guest who has this name here has an account now: they are to have it at other nodes too, and who has blocked them there blocks that."""
        self.names.known_otherwise(nick, sender_of(account))
        self._owed.tell(partial(self.nodes.registered, who, account))

    def block(self, by: PersonId, whom: PersonId, nick: str, *, is_blocked: bool) -> None:
        """Somebody has blocked a guest here, or as a guest anybody, or does so no longer: so they are to do at the other nodes, if they are there."""
        if may_be_at_several_nodes(by):
            self._owed.tell(partial(self.nodes.blocked, GuestBlocked(self.nodes.number, by, whom, nick, is_blocked)))

    def tell_blocks(self, by: PersonId, blocked: Iterable[tuple[PersonId, str]]) -> None:
        """Somebody has come to another node, and has blocked these here: they are to do so there."""
        for whom, nick in blocked:
            self.block(by, whom, nick, is_blocked=True)

    def note_newer_name(self, who: PersonId) -> None:
        """Somebody has a newer name at another node, of which this one should have heard by now."""
        self._newer_names[who] = None
        self._has_newer_names.set()

    async def with_newer_name(self) -> PersonId:
        """Wait for one of those."""
        while not self._newer_names:
            self._has_newer_names = trio.Event()
            await self._has_newer_names.wait()
        return self._newer_names.popitem()[0]

    async def put_out(self, who: PersonId, reason: str, nodes: Collection[int]) -> Mapping[int, int]:
        """Have somebody's sessions at other nodes end. Returns how many have, at each of these nodes that says so in time. Raises JournalError."""
        told = self._ended.setdefault(who, {})
        try:
            await self.nodes.put_out(who, reason)
            with trio.move_on_after(ENDED_SECONDS):
                while not told.keys() >= {*nodes}:
                    await self._has_ended.wait()
        finally:
            self._ended.pop(who, None)
        return told

    def note_ended(self, who: PersonId, node: int, sessions: int) -> None:
        """So many of somebody's sessions have ended at another node."""
        if who in self._ended:
            self._ended[who][node] = sessions
            self._has_ended.set()
            self._has_ended = trio.Event()

    async def sessions_elsewhere(self, who: PersonId, nick: str) -> int:
        """How many sessions somebody of this name has at other nodes: at which the engine says, how many each of these.

        It is waited for whatever becomes of who waits. They count as none if the engine does not answer.
        """
        where: set[int] = set()
        with suppress(JournalError), trio.CancelScope(shield=True, deadline=trio.current_time() + ASKED_SECONDS):
            where = {one.node for one in await self.nodes.whereabouts(name_key(nick)) if one.person == who}
        told = self.sessions_told(who)
        return sum(max(1, told.get(node, 0)) for node in where - {self.nodes.number})

    # Rooms.

    def rooms_have_changed(self) -> None:
        """There is another room, or one has another name."""
        self._rooms_changed.set()
        self._rooms_changed = trio.Event()

    async def rooms_of(self, who: PersonId, device: int, is_known: Callable[[str], bool]) -> Sequence[str]:
        """In which rooms somebody is by a device at other nodes, as far as those are known here. Raises JournalError.

        One that has just been made or renamed elsewhere is waited for.
        """
        rooms = await self.nodes.rooms_of(who, device)
        with trio.move_on_after(ROOM_SECONDS):
            while not all(map(is_known, rooms)):
                await self._rooms_changed.wait()
        return [room for room in rooms if is_known(room)]
