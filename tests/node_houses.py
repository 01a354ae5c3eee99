"""Several servers with one journal, in one process on virtual time: each a whole server, whose engine may answer late."""

from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from typing import Any

import trio
from msgspec.structs import replace

from chat_server.accounts import sender_of
from chat_server.accounts.hashing import HashingQueue
from chat_server.accounts.names_index import Refusal
from chat_server.config import Config
from chat_server.journal.engines import Store
from chat_server.journal.happened import Numbered, PersonId
from chat_server.journal.kept_in_memory import Kept
from chat_server.journal.keys import SenderKey
from chat_server.journal.memory_nodes import MemoryNode
from chat_server.journal.nodes import Beside, Claim, Claimed, PendingTurn
from chat_server.protocol.entries import Entry
from chat_server.server.server import Server
from fakes import cheap_hashing
from nodes import SlowTurn
from streams import House


class SlowNode(MemoryNode):
    """A node whose engine takes its time over names, and tells late what has happened elsewhere."""

    def __init__(self, kept: Kept, name: str, delay: Callable[[], float]) -> None:
        super().__init__(kept, name)
        self._delay = delay
        self.hears_late = 0.0
        """Seconds more after which it is told what has happened elsewhere."""
        self.accounts: dict[PersonId, PersonId] = {}
        """Who has an account, and whose; shared by all nodes."""
        self._order = trio.Lock()  # claims and releases are carried out in the order in which they are asked for

    async def _wait(self) -> None:
        """The way there, or back."""
        await trio.sleep(self._delay())

    def append(self, lines: Sequence[Entry], keys: Mapping[int, SenderKey], beside: Beside) -> PendingTurn:
        lines, keys = [*lines], dict(keys)
        return SlowTurn(lambda: self.store(lines, keys, beside), self._delay(), self._delay())

    async def claim(self, claim: Claim) -> Claimed | Refusal:
        async with self._order:
            await self._wait()
            claimed = await super().claim(claim)
        await self._wait()
        return claimed

    async def release(self, key: str, person: PersonId) -> None:
        async with self._order:
            await self._wait()
            await super().release(key, person)
        await self._wait()

    async def taken_over(self, person: PersonId, device: int, order: int) -> None:
        await self._wait()
        await super().taken_over(person, device, order)

    async def renamed(self, person: PersonId, nick: str, order: int) -> None:
        await self._wait()
        await super().renamed(person, nick, order)

    async def registered(self, person: PersonId, account: int) -> None:
        self.accounts[person] = sender_of(account)
        await self._wait()
        await super().registered(person, account)

    def changes(self) -> AsyncIterator[Numbered]:
        return LateChanges(super().changes(), self._hear)

    async def _hear(self) -> None:
        await self._wait()
        await trio.sleep(self.hears_late)


class LateChanges:
    """What has happened, a while after."""

    def __init__(self, changes: AsyncIterator[Numbered], wait: Callable[[], Awaitable[None]]) -> None:
        self._changes = changes
        self._wait = wait

    def __aiter__(self) -> "LateChanges":
        return self

    async def __anext__(self) -> Numbered:
        change = await anext(self._changes)
        await self._wait()
        return change


class NodeHouse(House):
    """One of several servers."""

    def __init__(self, server: Server, nursery: trio.Nursery, node: SlowNode) -> None:
        super().__init__(server, nursery)
        self.node = node


@asynccontextmanager
async def open_nodes(
    count: int = 2,
    *,
    kept: Kept | None = None,
    delay: Callable[[], float] = lambda: 0.0,
    config: Config | None = None,
    hashing: HashingQueue | None = None,
    **limits: Any,
) -> AsyncIterator[list[NodeHouse]]:
    """Run so many servers with one journal for as long as the block lasts. `delay` gives the seconds by which the next answer is late."""
    config = config or Config()
    config = replace(config, limits=replace(config.limits, **limits))
    kept = kept or Kept()
    async with trio.open_nursery() as nursery:
        houses: list[NodeHouse] = []
        for number in range(count):
            node = SlowNode(kept, f"node-{number}", delay)
            await nursery.start(node.journal.run)
            node.accounts = houses[0].node.accounts if houses else {}
            store = Store(node.journal, node.journal.accounts, node)
            house = NodeHouse(Server(config, store, hashing=hashing or cheap_hashing()), nursery, node)
            await nursery.start(house.run)
            houses.append(house)
        yield houses
        nursery.cancel_scope.cancel()
