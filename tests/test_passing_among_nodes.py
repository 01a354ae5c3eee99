"""Conversations with guests at several nodes, on every engine that has several: there for as long as both of the two have names at some."""

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack

import pytest

from chat_server.journal import Party
from chat_server.journal.engines import Store
from chat_server.journal.happened import ConversationChanged, RoomDeleted
from chat_server.journal.kept_in_memory import Kept
from chat_server.journal.memory_burying import bury
from chat_server.journal.memory_nodes import MemoryNode
from chat_server.journal.nodes import Claim, Claimed, Nodes
from chat_server.protocol.entries import Said
from journals import opened, place_in
from postgresql import Database

ANN, GUS, EVE = "account:7", "1:5", "token:e"
NAME = "@1.x"


class Pair:
    """Two nodes with one journal."""

    def __init__(self, a: Store, b: Store, database: Database | None, kept: Kept) -> None:
        self.a, self.b = a, b
        self._database, self._kept = database, kept

    def bury(self, store: Store) -> None:
        """The others have given this node up."""
        if self._database is None:
            bury(self._kept, nodes(store).number)
        else:
            with self._database.connect() as connection:
                connection.execute("SELECT take_out(ARRAY[%s::bigint])", [nodes(store).number])


@pytest.fixture(params=["memory", "postgresql"])
async def two(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Pair]:
    kept, database = Kept(), None
    stores: list[Store] = []
    for name in "ab":
        if request.param == "memory":
            node = MemoryNode(kept, name)
            stores.append(Store(node.journal, node.journal.accounts, node))
        else:
            database = request.getfixturevalue("database")
            directory = tmp_path_factory.mktemp(name)
            stores.append(place_in(directory, "postgresql", "process", database.url).open_both())
    async with AsyncExitStack() as stack:
        for store in stores:
            await stack.enter_async_context(opened(store.journal))
        a, b = stores
        yield Pair(a, b, database, kept)


def nodes(store: Store) -> Nodes:
    assert store.nodes is not None
    return store.nodes


async def come(store: Store, who: str, nick: str) -> None:
    assert isinstance(await nodes(store).claim(Claim(nick, nick, nick, who)), Claimed)


async def begin(store: Store, one: str, other: str, name: str = NAME) -> None:
    parties = (Party(one, has_accepted=True, began_at=1.0), Party(other, has_accepted=True))
    await store.journal.conversations.begin(name, parties)
    if await store.journal.conversations.find(name) is not None:
        await store.journal.append([Said(name, 0, 1000.0, "ann", "hello", 7)], {}).stored()


async def is_there(store: Store, name: str = NAME) -> bool:
    return await store.journal.conversations.find(name) is not None


async def test_what_is_written_to_a_guest_at_another_node_is_deleted_with_the_name_of_either(two: Pair) -> None:
    a, b = two.a, two.b
    heard = nodes(b).changes()
    await come(a, ANN, "ann")
    await come(b, GUS, "gus")
    await begin(a, ANN, GUS)
    assert isinstance((await anext(heard)).change, ConversationChanged)
    assert await is_there(b)
    await come(b, GUS, "gustav")
    await nodes(b).release("gus", GUS)
    assert await is_there(a)  # who has another name has not gone
    await nodes(b).release("gustav", GUS)
    assert not await is_there(a)
    assert (await anext(heard)).change == RoomDeleted(0, NAME)
    await come(b, GUS, "gus")
    await begin(b, GUS, ANN, "@2.y")
    await nodes(a).release("ann", ANN)
    assert not await is_there(b, "@2.y")


async def test_who_goes_from_one_node_and_is_at_another_keeps_what_was_written(two: Pair) -> None:
    a, b = two.a, two.b
    for store in (a, b):
        await come(store, EVE, "eve")
    await come(a, ANN, "ann")
    await begin(a, ANN, EVE)
    await nodes(a).release("eve", EVE)
    assert await is_there(a)
    await nodes(b).release("eve", EVE)
    assert not await is_there(a)


async def test_nothing_is_begun_with_who_is_at_no_node(two: Pair) -> None:
    await come(two.a, ANN, "ann")
    await begin(two.a, ANN, GUS)
    assert not await is_there(two.a)
    await begin(two.a, ANN, "account:8", "@7-8")
    assert await is_there(two.a, "@7-8")


async def test_a_node_that_is_buried_takes_what_was_written_to_its_guests_along_and_nothing_else(two: Pair) -> None:
    a, b = two.a, two.b
    heard = nodes(a).changes()
    await come(a, ANN, "ann")
    await come(b, GUS, "gus")
    await come(a, EVE, "eve")
    await begin(a, ANN, GUS)
    await begin(a, ANN, EVE, "@1.y")
    await begin(a, ANN, "account:8", "@7-8")
    two.bury(b)
    assert [await is_there(a, name) for name in (NAME, "@1.y", "@7-8")] == [False, True, True]
    assert [(await anext(heard)).change for _ in range(4)][-1] == RoomDeleted(0, NAME)
    assert [one.person for one in await nodes(a).whereabouts_of([ANN, GUS, EVE])] == [ANN, EVE]


async def test_what_was_left_by_who_is_at_no_node_is_deleted_when_that_is_asked_for(two: Pair) -> None:
    await come(two.a, ANN, "ann")
    await come(two.a, EVE, "eve")
    await begin(two.a, ANN, EVE)
    await nodes(two.a).end_passed()
    assert await is_there(two.a)
    await two.a.journal.conversations.begin("@7-8", (Party(ANN, has_accepted=True), Party("account:8")))
    await nodes(two.b).end_passed()
    assert await is_there(two.a, "@7-8")
