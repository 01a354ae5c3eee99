"""Conversations in which a guest is: kept as everything is until one of the two leaves, and deleted then.

Of several nodes the engine sees to that, which knows who is at any (`Nodes.end_passed`): there it is only left to forget what was deleted. Never
knows who is in them.
"""

import secrets
from math import inf

import trio

from chat_server.guard import Guard
from chat_server.journal import JournalError
from chat_server.journal.conversations import MARK
from chat_server.rooms.directory import Directory
from chat_server.rooms.person import Person
from chat_server.rooms.room import Occupant, Room

ENDED_MAX = 1000
"""Of so many that have ended, the newest, it is remembered that they have: what was read of one just before is looked at just after."""

AGAIN_SECONDS = 1.0
"""Seconds after which it is tried again to delete what the journal would not."""


class Passing:
    """Those of one node."""

    def __init__(self, directory: Directory[Room, Person[Occupant]]) -> None:
        """There is none."""
        self._directory = directory
        self._ended_in, self._ended = trio.open_memory_channel[str](inf)
        self._names: dict[str, None] = {}  # of those that have ended

    def new_name(self) -> str:
        """What one is called in the journal: by the node at which it has begun, and as no other ever."""
        return f"{MARK}{node_of(self._directory)}.{secrets.token_hex(8)}"

    def end(self, name: str) -> None:
        """Have one deleted. Never waits."""
        self._names[name] = None
        while len(self._names) > ENDED_MAX:
            del self._names[next(iter(self._names))]
        self._ended_in.send_nowait(name)

    def has_ended(self, name: str) -> bool:
        """Whether one has ended, though it was still there when somebody began to read."""
        return name in self._names

    async def run(self) -> None:
        """Delete what ends, for ever."""
        guard = Guard("a conversation with a guest could not be deleted")
        async for name in self._ended:
            with guard:
                try:
                    await self._delete(name)
                except JournalError:
                    await trio.sleep(AGAIN_SECONDS)
                    self.end(name)

    async def _delete(self, name: str) -> None:
        journal = self._directory.journal
        if self._directory.nodes is None and await journal.conversations.find(name) is None:
            return  # among nodes the engine may have deleted it, and what is left is to be forgotten
        await journal.delete_room(name)

    async def delete_left(self) -> None:
        """Delete what is left of those who are not here any more. Before anybody is. Raises JournalError."""
        if self._directory.nodes is not None:
            await self._directory.nodes.end_passed()
            return
        for name in await self._directory.journal.conversations.passing():
            await self._directory.journal.delete_room(name)


def node_of(directory: Directory[Room, Person[Occupant]]) -> int:
    """The number of the node; 0: the server has its journal for itself."""
    return directory.nodes.number if directory.nodes is not None else 0
