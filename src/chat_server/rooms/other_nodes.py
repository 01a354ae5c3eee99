"""What this node of several knows of the same people at others: whose place somebody takes there, and what becomes of their sessions here.

What happens at other nodes comes in one order (journal/happened.py), some time after it has happened. So what somebody does here may come before
or after it there, and is never undone by what was before it. Never knows how somebody logs in, nor how a session ends.
"""

from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from functools import partial
from typing import Generic, TypeVar
from weakref import WeakKeyDictionary

import trio

from chat_server.accounts import sender_of
from chat_server.journal.happened import PersonId
from chat_server.journal.nodes import Nodes
from chat_server.protocol.entries import Author
from chat_server.rooms.held_names import HeldNames
from chat_server.rooms.owed import Owed
from chat_server.rooms.shared_names import SharedNames

P = TypeVar("P")

ROOM_SECONDS = 3.0
"""Seconds for which a room is waited for in which somebody is elsewhere, and of which this node has not heard yet."""


class OtherNodes(Generic[P]):
    """One for a server."""

    def __init__(self, held: HeldNames[P], nodes: Nodes) -> None:
        """Who has which name at this node is in `held`."""
        self.nodes = nodes
        self._owed = Owed()
        self.names = SharedNames(held, nodes, self._owed)
        """The names of those who are here."""
        self.came: WeakKeyDictionary[object, int] = WeakKeyDictionary()
        """For each session in which order it came, among all of its person's (Claimed.order)."""
        self._locks: dict[PersonId, trio.Lock] = {}
        self._rooms_changed = trio.Event()

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
        """A guest who has this name here has an account now: they are to have it at the other nodes too."""
        self.names.known_otherwise(nick, sender_of(account))
        if who.startswith("token:"):  # nobody else is at several nodes without an account
            self._owed.tell(partial(self.nodes.registered, who, account))

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
