"""The contract of several nodes with one journal, run over every engine that has several: what they see of each other's turns."""

from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from math import inf

import pytest
import trio
import trio.testing

from chat_server.accounts import Device, Holder, Registration
from chat_server.accounts.names_index import Refusal
from chat_server.journal import Duplicate, JournalError
from chat_server.journal.happened import PersonId
from chat_server.journal.kept_in_memory import Kept
from chat_server.journal.keys import SenderKey
from chat_server.journal.memory_burying import bury
from chat_server.journal.memory_nodes import MemoryNode, Waker, at_once
from chat_server.journal.nodes import (
    Beside,
    Called,
    Came,
    Claim,
    Claimed,
    Elsewhere,
    Moved,
    Movement,
    NodeIsOver,
    Nodes,
    Placed,
    Revoked,
    Speaker,
    Stale,
    Turn,
    TurnReceipt,
    Went,
)
from chat_server.journal.times import MICROSECOND, MILLISECOND
from chat_server.protocol.entries import Entry, Said, TopicSet
from database_nodes import make_room, running
from database_nodes import node as entered
from postgresql import Database

Two = tuple[Nodes, Nodes]


def said(*texts: str, at: float = 1000.0, nick: str = "ann") -> list[Entry]:
    return [Said("python", 0, at + index * MILLISECOND, nick, text) for index, text in enumerate(texts)]


def placed(*movements: Movement) -> list[Placed]:
    return [Placed(0, movement) for movement in movements]


async def store(
    node: Nodes,
    *texts: str,
    seen: int = 0,
    movements: Sequence[Placed] = (),
    keys: dict[int, str] | None = None,
    at: float = 1000.0,
    speakers: Sequence[Speaker] = (),
    heard: int = 0,
    names: Mapping[PersonId, str] | None = None,
) -> TurnReceipt:
    each = {index: SenderKey("ann", key) for index, key in (keys or {}).items()}
    beside = Beside("python", seen, movements, speakers, heard, names=names or {})
    return await node.append(said(*texts, at=at), each, beside).stored()


async def lines_of(node: Nodes) -> list[Entry]:
    """All lines of the room."""
    turns = await node.turns("python", 0)
    return [line for turn in turns for line in turn.lines if isinstance(line, Entry)]


def shown(turns: Sequence[Turn]) -> list[tuple[int, int, list[str], list[Placed]]]:
    return [
        (turn.number, turn.node, [line.text for line in turn.lines if isinstance(line, Entry)], [*turn.movements])
        for turn in turns
    ]


class FakeRoom:
    """A room that takes in whatever comes next."""

    name = "python"

    def __init__(self) -> None:
        self.turn = 0
        self.rests_until = -inf
        self.handed: list[Turn] = []
        self.moved = trio.Event()

    def follow(self, turns: Sequence[Turn]) -> None:
        self.handed += turns
        for turn in turns:
            if turn.number == self.turn + 1:
                self.turn = turn.number
                self.moved.set()
                self.moved = trio.Event()

    async def until(self, turn: int) -> None:
        """Wait until it has taken this one in."""
        with trio.fail_after(10):
            while self.turn < turn:
                await self.moved.wait()


@pytest.fixture(params=["memory", "postgresql"])
async def two(request: pytest.FixtureRequest) -> AsyncIterator[Two]:
    """Two nodes that are one server, with a room."""
    if request.param == "memory":
        async with opened_nodes() as nodes:
            yield nodes
        return
    database: Database = request.getfixturevalue("database")
    make_room(database)
    a, b = entered(database, "a"), entered(database, "b")
    async with running(a, b):
        yield a, b


async def test_it_is_known_at_every_node_who_has_said_a_line_under_a_key(two: Two) -> None:
    a, b = two
    lines = [Said("python", 0, 1000.0, "gus", "hello"), Said("python", 0, 1000.0, "gus", "without a key")]
    await a.append(lines, {0: SenderKey("token:g", "k")}, Beside("python", 0)).stored()
    assert await b.has_said("token:g", "python", 1)
    assert not await b.has_said("token:t", "python", 1)
    assert not await b.has_said("token:g", "python", 2)
    assert not await a.has_said("token:g", "pm", 1)


async def test_who_has_moved_since_a_line_is_known_at_every_node(two: Two) -> None:
    a, b = two
    came = Came("account:1", 0, "ann", 1)
    await a.append([], {}, Beside("python", 0, [Placed(0, came)])).stored()
    await a.append([Said("python", 0, 1000.0, "ann", "one")], {}, Beside("python", 1)).stored()
    went = [Placed(1, Went("account:1", 0))]
    await a.append(
        [Said("python", 0, 1001.0, "ann", text) for text in ("two", "three")], {}, Beside("python", 2, went)
    ).stored()
    assert [*await b.gone.moved("python", 1)] in (
        [Moved(3, a.number, went[0].movement)],
        [Moved(1, a.number, came), Moved(3, a.number, went[0].movement)],
    )
    assert not await b.gone.moved("pm", 1)
    assert not await b.gone.left()
    await b.gone.made_up([7])


@pytest.fixture
async def two_in_memory() -> AsyncIterator[tuple[MemoryNode, MemoryNode]]:
    async with opened_nodes() as nodes:
        yield nodes


class opened_nodes:  # noqa: N801 - used as a function
    """Two nodes that run for as long as the block lasts."""

    def __init__(self, waker: Waker = at_once) -> None:
        self.kept = Kept()
        self.nodes = MemoryNode(self.kept, "a"), MemoryNode(self.kept, "b", waker)
        self._nursery = trio.open_nursery()

    async def __aenter__(self) -> tuple[MemoryNode, MemoryNode]:
        nursery = await self._nursery.__aenter__()
        for node in self.nodes:
            await nursery.start(node.journal.run)
        await self.nodes[0].journal.create_room("python")
        return self.nodes

    async def __aexit__(self, *error: object) -> None:
        for node in self.nodes:
            node.journal.close()
        await self._nursery.__aexit__(None, None, None)


async def test_the_turns_of_two_nodes_are_one_order_and_each_is_told_what_it_has_missed(two: Two) -> None:
    a, b = two
    assert (await store(a, "one"))[:3] == (1, {}, 1)
    assert (await store(a, "two", "three", seen=1))[:3] == (2, {}, 2)
    receipt = await store(b, "four")
    assert receipt[:3] == (4, {}, 3)
    assert shown(receipt.missed) == [(1, a.number, ["one"], []), (2, a.number, ["two", "three"], [])]
    assert shown(await a.turns("python", 2)) == [(3, b.number, ["four"], [])]
    assert shown(await b.turns("python", 3)) == []
    lines = await lines_of(b)
    assert [(line.seq, line.text) for line in lines] == [*enumerate(("one", "two", "three", "four"), 1)]


async def test_who_comes_and_goes_has_a_turn_and_no_number(two: Two) -> None:
    a, b = two
    came = Came("node:1", 0, "ann")
    receipt = await store(a, movements=placed(came))
    assert receipt[:3] == (1, {}, 1)
    assert (await store(b, "hello", seen=1))[:3] == (1, {}, 2)
    assert shown(await b.turns("python", 0))[0] == (1, a.number, [], placed(came))
    opening = await b.open("python")
    assert (opening.record.turn, opening.record.last) == (2, 1)
    assert [*opening.people] == [Elsewhere(a.number, "node:1", 0, "ann", 0)]
    await store(a, movements=placed(Went("node:1", 0)))
    assert not (await b.open("python")).people


async def test_somebody_has_one_name_in_a_room_by_whatever_nodes_and_devices_they_are_there(two: Two) -> None:
    a, b = two
    await store(a, movements=placed(Came("account:5", 1, "ann", 5)))
    await store(b, movements=placed(Came("account:5", 2, "anna", 5)))
    names = [(one.node, one.device, one.nick) for one in (await a.open("python")).people]
    assert names == [(a.number, 1, "ann"), (b.number, 2, "ann")]
    await store(b, movements=placed(Called("account:5", "anne")))
    assert {one.nick for one in (await b.open("python")).people} == {"anne"}


async def test_a_line_that_is_not_stored_again_is_not_counted_among_those_before_a_movement(two: Two) -> None:
    a, b = two
    await store(a, "one", keys={0: "k"})
    came = Came("node:1", 0, "bob")
    receipt = await store(b, "one", "two", "three", keys={0: "k", 2: "l"}, movements=[Placed(2, came)])
    assert receipt[:3] == (2, {0: Duplicate("python", 1)}, 2)
    assert shown(await a.turns("python", 1)) == [(2, b.number, ["two", "three"], [Placed(1, came)])]


async def test_where_nothing_is_left_to_store_there_is_no_turn_and_what_was_missed_is_told(two: Two) -> None:
    a, b = two
    await store(a, "one", keys={0: "k"})
    receipt = await store(b, "one", keys={0: "k"})
    assert receipt[:3] == (2, {0: Duplicate("python", 1)}, 1)
    assert shown(receipt.missed) == [(1, a.number, ["one"], [])]
    assert (await a.open("python")).record.turn == 1


async def test_in_a_room_time_only_goes_on_whatever_the_clocks_of_the_nodes_say(two: Two) -> None:
    a, b = two
    first = await store(a, "one", "two", at=5000.0)
    second = await store(b, "three", "four", at=1000.0)
    times = [line.at for line in await lines_of(a)]
    assert times[0] == pytest.approx(first.at, abs=MICROSECOND)
    assert times[2] == pytest.approx(second.at, abs=MICROSECOND)
    assert times == sorted(set(times))


async def test_a_topic_that_is_set_at_one_node_is_the_rooms(two: Two) -> None:
    a, b = two
    await a.append([TopicSet("python", 0, 1.0, "ann", "snakes")], {}, Beside("python", 0)).stored()
    assert (await b.open("python")).record.topic == "snakes"


async def test_a_room_is_handed_every_turn_and_nothing_when_it_wants_no_more(two: Two) -> None:
    a, b = two
    room = FakeRoom()
    await b.open("python")
    b.follow(room)
    await store(a, "one")
    await store(b, "two", seen=1)
    await store(a, movements=placed(Came("node:1", 0, "ann")))
    await room.until(3)
    b.unfollow(room)
    await store(a, "three")
    await trio.sleep(0.3)
    assert room.turn == 3


async def test_what_a_node_was_not_woken_for_is_handed_over_within_a_second(
    autojump_clock: trio.testing.MockClock,
) -> None:
    lost: list[Callable[[], None]] = []
    async with opened_nodes(lost.append) as (a, b):
        room = FakeRoom()
        b.follow(room)
        await store(a, "one")
        await store(a, "two")
        assert room.turn == 0
        await trio.sleep(1.1)
        assert room.turn == 2
        lost.reverse()
        for wake in lost:
            wake()
        assert [turn.number for turn in room.handed] == [1, 2, 2, 1], "late ones are harmless, in whatever order"


async def test_the_people_of_a_node_that_is_given_up_are_gone_by_one_turn_and_it_stores_nothing_more(
    two_in_memory: tuple[MemoryNode, MemoryNode],
) -> None:
    a, b = two_in_memory
    room = FakeRoom()
    b.follow(room)
    await store(a, movements=placed(Came("node:1", 0, "ann"), Came("account:5", 1, "bob", 5)))
    await store(b, movements=placed(Came("account:5", 1, "bob", 5)))
    bury(b._kept, a.number)
    gone = (await b.turns("python", 2))[0]
    assert (gone.node, gone.number) == (a.number, 3)
    assert {movement for _, movement in gone.movements} == {
        Went("node:1", 0, has_read=False),
        Went("account:5", 1, has_read=False),
    }
    assert [(one.node, one.person) for one in (await b.open("python")).people] == [(b.number, "account:5")]
    await trio.testing.wait_all_tasks_blocked()
    assert room.turn == 3
    with pytest.raises(NodeIsOver):
        await store(a, "late")
    with pytest.raises(NodeIsOver):
        await a.open("python")
    bury(b._kept, a.number)
    assert (await b.open("python")).record.turn == 3, "it is given up once"


async def test_who_may_say_nothing_more_is_named_and_nothing_of_the_turn_is_stored(
    two_in_memory: tuple[MemoryNode, MemoryNode],
) -> None:
    a, b = two_in_memory
    accounts = b._kept.accounts
    holder = await b.journal.accounts.register(Registration("ann", "ann"), 0.0)
    assert isinstance(holder, Holder)
    number = holder.account.id
    accounts.add(Device(7, number, "phone", b"digest", 0.0))
    speakers = [Speaker(f"account:{number}", 7), Speaker("node:1", 0), Speaker(f"account:{number}", 0)]
    assert (await store(a, "one", speakers=speakers)).turn == 1
    await b.journal.accounts.drop_devices(number, [7])
    with pytest.raises(Revoked) as refused:
        await store(a, "two", speakers=speakers)
    assert refused.value.authors == {speakers[0]}
    assert (await b.open("python")).record.turn == 1


async def test_who_came_without_a_device_may_say_nothing_more_once_another_node_has_logged_all_out(
    two_in_memory: tuple[MemoryNode, MemoryNode],
) -> None:
    a, b = two_in_memory
    holder = await b.journal.accounts.register(Registration("ann", "ann"), 0.0)
    assert isinstance(holder, Holder)
    number = holder.account.id
    speakers = [Speaker(f"account:{number}", 0)]
    changes = a.changes()
    await b.journal.accounts.drop_devices(number, [], is_all=True)
    assert (await store(b, "by who has done it", speakers=speakers)).turn == 1
    with pytest.raises(Revoked) as refused:
        await store(a, "one", seen=1, speakers=speakers, heard=a.heard)
    assert refused.value.authors == {*speakers}
    await anext(changes)
    with pytest.raises(Revoked):
        await store(a, "two", seen=1, speakers=speakers, heard=a.heard)
    with trio.move_on_after(0.01):
        await anext(changes)
    assert (await store(a, "three", seen=1, speakers=speakers, heard=a.heard)).turn == 2


async def test_nothing_is_stored_under_a_name_that_its_author_has_there_no_longer(two: Two) -> None:
    a, b = two
    ann, zoe = Speaker("token:x", 0), Speaker("token:z", 0)
    for node in two:
        assert await claimed(node, "ann") == "ann"
        await store(node, movements=placed(Came("token:x", 0, "ann")))
    await claimed(a, "zoe", "token:z")
    await store(a, seen=2, movements=placed(Came("token:z", 0, "zoe"), Called("token:x", "anna")))
    with pytest.raises(Stale) as refused:
        await store(b, "one", seen=2, speakers=[ann], names={"token:x": "ann"})
    assert [turn.number for turn in refused.value.missed] == [3]
    assert (await store(b, "one", seen=2, speakers=[ann], names={"token:x": "anna"})).turn == 4
    called = [Placed(0, Called("token:x", "anne"))]
    assert (await store(b, "two", seen=2, speakers=[ann], movements=called)).turn == 5, "the turn has called them so"
    receipt = await store(a, "three", seen=3, speakers=[zoe, ann], names={"token:z": "zoe", "token:x": "anne"})
    assert receipt.turn == 6
    with pytest.raises(Stale):
        await store(a, "four", seen=3, speakers=[zoe, ann], names={"token:z": "zoe", "token:x": "anna"})
    assert [line.text for line in await lines_of(a)] == ["one", "two", "three"]


async def test_a_room_that_is_not_there_is_refused(two: Two) -> None:
    with pytest.raises(JournalError):
        await two[0].open("haskell")


# Names.


async def claimed(node: Nodes, nick: str, person: str = "token:x") -> str:
    """The name that somebody is given who asks for this one."""
    given = await node.claim(Claim(nick, nick, nick, person))
    assert isinstance(given, Claimed)
    return given.nick


async def test_a_name_that_somebody_takes_again_while_they_still_have_it_is_the_newest_that_they_have(two: Two) -> None:
    a, b = two
    for nick in ("ann", "zoe", "ann"):
        assert await claimed(a, nick) == nick
    assert await claimed(b, "joe") == "ann"
    assert await claimed(a, "zoe") == "zoe", "at their own node they have what they ask for"


async def test_a_name_at_a_node_that_ends_is_not_given_to_whoever_has_had_another_since_at_another_node(
    two: Two,
) -> None:
    a, b = two
    assert await claimed(a, "ann") == "ann"
    a.life.leave()
    with trio.fail_after(10):
        while not any(one.is_leaving for one in await b.listed()):
            await trio.sleep(0.1)
    assert await claimed(b, "joe") == "ann", "they have come from there"
    assert await claimed(b, "zoe") == "zoe"
    for key in ("ann", "zoe"):
        await b.release(key, "token:x")
    assert await claimed(b, "joe") == "joe"
    refusal = await b.claim(Claim("ann", "ann", "ann", "token:y"))
    assert isinstance(refusal, Refusal)
    assert refusal.why == "held", "rooms list them so still"


async def test_of_the_names_that_somebody_has_at_all_nodes_the_newest_is_told_last(two: Two) -> None:
    a, b = two
    assert await claimed(b, "ann") == "ann"
    assert await claimed(a, "ann") == "ann"
    assert await claimed(a, "zoe") == "zoe"
    assert [(one.nick, one.node) for one in await b.whereabouts("ann")] == [
        ("ann", b.number),
        ("ann", a.number),
        ("zoe", a.number),
    ]
    assert await claimed(b, "joe") == "joe"
    assert [one.nick for one in await a.whereabouts("zoe")][-1] == "joe"


async def is_free(node: Nodes, nick: str, person: str = "token:y") -> bool:
    """Whether somebody else can have a name, who then gives it back."""
    given = await node.claim(Claim(nick, nick, nick, person))
    if isinstance(given, Refusal):
        return False
    await node.release(nick, person)
    return given.nick == nick


async def called_ann_elsewhere(a: Nodes, b: Nodes) -> None:
    """Somebody has come to both nodes as zoe, is called ann by the one of them, which the other has not heard, and goes from there."""
    assert await claimed(a, "zoe") == "zoe"
    await store(a, movements=placed(Came("token:x", 0, "zoe")))
    assert await claimed(b, "joe") == "zoe"
    await store(b, movements=placed(Came("token:x", 0, "zoe")))
    assert await claimed(b, "ann") == "ann"
    await store(b, movements=placed(Called("token:x", "ann")))
    await b.release("zoe", "token:x")
    await store(b, movements=placed(Went("token:x", 0)))
    await b.release("ann", "token:x")


async def test_a_name_by_which_somebody_is_listed_at_another_node_still_is_nobody_elses_when_it_is_given_back(
    two: Two,
) -> None:
    a, b = two
    await called_ann_elsewhere(a, b)
    assert {one.nick for one in (await b.open("python")).people} == {"ann"}
    assert not await is_free(b, "ann"), "the room lists them so at the other node"
    assert await claimed(b, "joe") == "ann", "and so they are called when they come back"
    await b.release("ann", "token:x")
    assert not await is_free(b, "ann")
    await store(a, movements=placed(Went("token:x", 0)))
    await a.release("zoe", "token:x")
    assert await is_free(b, "ann")
    assert await is_free(b, "zoe")


async def test_a_name_that_was_kept_for_a_node_is_that_nodes_own_when_it_has_heard_of_it(two: Two) -> None:
    a, b = two
    await called_ann_elsewhere(a, b)
    assert await claimed(a, "ann") == "ann"
    await a.release("zoe", "token:x")
    assert not await is_free(b, "ann")
    assert await is_free(b, "zoe")
    await store(a, movements=placed(Went("token:x", 0)))
    await a.release("zoe", "token:x")
    assert not await is_free(b, "ann"), "it is given back by its own name"
    await a.release("ann", "token:x")
    assert await is_free(b, "ann")


async def test_a_name_is_kept_for_no_node_at_which_somebody_is_called_otherwise(
    two: Two,
) -> None:
    a, b = two
    assert await claimed(a, "zoe") == "zoe"
    await store(a, movements=placed(Came("token:x", 0, "zoe")))
    for nick in ("joe", "ann"):
        await claimed(b, nick)
    await b.release("ann", "token:x")
    assert await is_free(b, "ann"), "no room lists them so"
    await b.release("zoe", "token:x")
    assert not await is_free(b, "zoe"), "they have it there anyway"


async def test_a_name_that_was_kept_for_a_node_is_free_when_that_is_buried(
    two_in_memory: tuple[MemoryNode, MemoryNode],
) -> None:
    a, b = two_in_memory
    await called_ann_elsewhere(a, b)
    assert not await is_free(b, "ann")
    bury(b._kept, a.number)
    assert await is_free(b, "ann")
