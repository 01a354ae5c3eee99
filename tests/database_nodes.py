"""Nodes on a real PostgreSQL, and rooms at them that note what they are handed."""

from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from contextlib import asynccontextmanager
from functools import partial
from math import inf

import pytest
import trio

from chat_server.journal.nodes import Beside, Claim, Claimed, Movement, Placed, Turn, TurnReceipt
from chat_server.journal.postgresql.nodes import PostgresqlNodes
from chat_server.protocol.entries import Entry, Said
from cluster.links import Link, linked
from postgresql import Cluster, Database


def make_room(database: Database, room: str = "python") -> None:
    with database.connect() as connection:
        connection.execute("INSERT INTO room (name, key, skeleton) VALUES (%s, %s, %s)", [room, room, room])


def said(*texts: str, room: str = "python") -> list[Entry]:
    return [Said(room, 0, 1000.0, "ann", text) for text in texts]


class Room:
    """A room of a node as it may be: what comes too early is asked for."""

    def __init__(self, nodes: PostgresqlNodes, name: str = "python") -> None:
        self.name = name
        self.nodes = nodes
        self.turn = 0
        self.rests = False
        self.taken: list[Turn] = []
        self.moved = trio.Event()

    @property
    def rests_until(self) -> float:
        """As long as it rests, a little later than now."""
        return trio.current_time() + 0.05 if self.rests else -inf

    async def open(self) -> "Room":
        self.turn = (await self.nodes.open(self.name)).record.turn
        self.nodes.follow(self)
        return self

    def follow(self, turns: Sequence[Turn]) -> None:
        for turn in turns:
            if turn.number == self.turn + 1:
                self.turn = turn.number
                self.taken.append(turn)
        self.moved.set()
        self.moved = trio.Event()

    async def until(self, turn: int) -> None:
        while self.turn < turn:
            await self.moved.wait()

    async def say(self, *texts: str, movements: Sequence[Movement] = ()) -> TurnReceipt:
        """Store a turn, and take in what it had missed."""
        lines = said(*texts, room=self.name)
        beside = Beside(self.name, self.turn, [Placed(0, movement) for movement in movements])
        receipt = await self.nodes.append(lines, {}, beside).stored()
        self.follow(receipt.missed)
        if self.turn == receipt.turn - 1:
            self.turn = receipt.turn
        return receipt

    @property
    def texts(self) -> list[str]:
        return [line.text for turn in self.taken for line in turn.lines if isinstance(line, Entry)]


@asynccontextmanager
async def running(*all_nodes: PostgresqlNodes) -> AsyncIterator[None]:
    async with trio.open_nursery() as nursery:
        for nodes in all_nodes:
            await nursery.start(nodes.run)
        yield
        for nodes in all_nodes:
            nodes.close()


def node(database: Database, name: str = "a", silence: float = 10.0, url: str = "") -> PostgresqlNodes:
    return PostgresqlNodes(url or database.url, name, silence)


async def given(nodes: PostgresqlNodes, claim: Claim) -> tuple[str, str]:
    """The name that somebody is given, and the one that they have elsewhere."""
    claimed = await nodes.claim(claim)
    assert isinstance(claimed, Claimed)
    return claimed[:2]


@asynccontextmanager
async def through_link(database: Database) -> AsyncIterator[tuple[Link, str]]:
    """A link to the database, and the URL by which one goes through it."""
    cluster = database.cluster
    async with linked(partial(trio.open_tcp_stream, "127.0.0.1", cluster.port)) as link:
        yield link, cluster.url(database.name, host="127.0.0.1", port=link.port)


async def through(url: str, name: str = "a", silence: float = 10.0) -> PostgresqlNodes:
    """A node that reaches the database by a link, which runs in this thread."""
    return await trio.to_thread.run_sync(PostgresqlNodes, url, name, silence)


async def eventually(is_so: Callable[[], bool], seconds: float = 5.0) -> None:
    with trio.fail_after(seconds):
        while not is_so():
            await trio.sleep(0.01)


@pytest.fixture
def own_cluster() -> Iterator[Cluster]:
    """A PostgreSQL that a test may harm."""
    made = Cluster()
    yield made
    made.close()


def backend_of(database: Database, nodes: PostgresqlNodes, purpose: str) -> list[int]:
    """The processes at the other end of a node's connections for this."""
    with database.connect() as connection:
        rows = connection.execute(
            "SELECT pid FROM pg_stat_activity WHERE application_name = %s", [f"chat-server {nodes.number} {purpose}"]
        )
        return [pid for (pid,) in rows]
