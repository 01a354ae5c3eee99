"""Short turns that are told whole: who hears of them, and that a room is handed each turn once and in order, whatever becomes of what is told."""

import random
from collections.abc import Callable, Mapping, Sequence
from math import inf
from types import SimpleNamespace
from typing import Any, cast

import msgspec
import psycopg
import pytest
import trio

from chat_server.journal.batch_codec import encode
from chat_server.journal.nodes import Beside, Turn
from chat_server.journal.postgresql import tail as tail_module
from chat_server.journal.postgresql.append_function import TURNS_CHANNEL
from chat_server.journal.postgresql.appending import Append, append_all, append_of
from chat_server.journal.postgresql.connections import connect
from chat_server.journal.postgresql.link import Link
from chat_server.journal.postgresql.room_numbers import RoomNumbers
from chat_server.journal.postgresql.tail import Tail
from chat_server.journal.postgresql.telling_function import TOLD_CHANNELS, TOLD_MAX
from chat_server.journal.postgresql.told_turns import AT_ONCE, ToldTurns, rows_in
from chat_server.journal.postgresql.turn_reading import Found
from chat_server.journal.postgresql.turn_rows import turn_of
from chat_server.protocol.amending import Redacted
from chat_server.protocol.entries import Entry, Said
from postgresql import Database

OWN, OTHER = 1, 2
"""PostgreSQL's processes that store for this node and for another."""


# What is told.


class Store:
    """A node, as far as it stores turns in the room `python`; and what somebody hears who knows the channel."""

    def __init__(self, database: Database) -> None:
        self._connection = connect(database.url, "append")
        ((self._node,),) = self._connection.execute("INSERT INTO node (name) VALUES ('a') RETURNING id").fetchall()
        self._connection.execute("SELECT make_room('python', 'python', 'python', false, '{}')")
        self._rooms = RoomNumbers()
        self._ticket = 0
        self.hearing = connect(database.url, "listen")
        self.hearing.execute("SELECT hear_turns()")

    def store(self, *lines: Entry) -> None:
        self._ticket += 1
        append: Append = append_of(lines, {}, Beside("python", 0))
        append_all(self._connection, self._node, self._ticket, [append], self._rooms)

    def heard(self) -> list[str]:
        """What was told on the channel, and comes within a moment."""
        return [one.payload for one in self.hearing.notifies(timeout=0.2) if one.channel.startswith(TOLD_CHANNELS)]

    def close(self) -> None:
        self._connection.close()
        self.hearing.close()


@pytest.fixture
def store(database: Database) -> Any:
    one = Store(database)
    yield one
    one.close()


def said(text: str) -> Said:
    return Said("python", 0, 1000.0, "ann", text)


@pytest.mark.parametrize(
    ("text", "is_whole"),
    [
        ("hello", True),
        ("x" * (TOLD_MAX - 200), True),
        ("x" * TOLD_MAX, False),
        ('"' * (TOLD_MAX // 2), False),
        ("é" * (TOLD_MAX - 200), False),
        ("x" * 9000, False),
    ],
    ids=(
        "short",
        "nearly-too-long",
        "too-long",
        "too-long-with-escapes",
        "too-long-in-bytes",
        "longer-than-can-be-told",
    ),
)
def test_what_is_short_is_told_whole(store: Store, text: str, *, is_whole: bool) -> None:
    store.store(said(text))
    heard = store.heard()
    assert [text in str(row) for told in heard for _, row in rows_in(told)] == [True] * is_whole
    assert all(len(told.encode()) <= TOLD_MAX for told in heard)


def test_what_deletes_a_line_is_not_told_whole_so_that_it_is_taken_in_by_what_the_database_has_then(
    store: Store,
) -> None:
    store.store(said("secret"))
    assert len(store.heard()) == 1
    store.store(said("with it"), Redacted("python", 0, 1000.0, "ann", "", of=((1, 1),)))
    assert store.heard() == []


def test_no_other_user_of_the_database_learns_the_channel(store: Store, database: Database) -> None:
    with database.connect() as owner:
        owner.execute("DROP ROLE IF EXISTS stranger")
        owner.execute("CREATE ROLE stranger LOGIN")
    with psycopg.connect(database.url, user="stranger", autocommit=True) as stranger:
        for asked in ("SELECT channel FROM journal", "SELECT hear_turns()"):
            with pytest.raises(psycopg.errors.InsufficientPrivilege):
                stranger.execute(asked)
        stranger.execute(f"LISTEN {TURNS_CHANNEL}")
        store.store(said("secret"))
        assert [one.payload for one in stranger.notifies(timeout=0.2)] == ["1:1"]
        statements = [str(row) for row in stranger.execute("SELECT query FROM pg_stat_activity").fetchall()]
        sources = [str(row) for row in stranger.execute("SELECT prosrc FROM pg_proc").fetchall()]
        ((channel,),) = store.hearing.execute("SELECT channel FROM journal").fetchall()
        assert len(channel) == len(TOLD_CHANNELS) + 32
        assert channel not in "".join(statements + sources)
    with database.connect() as owner:
        owner.execute("DROP ROLE stranger")


# What is made of it.


def row(number: int, text: str) -> tuple[Any, ...]:
    lines = encode([Said("python", number, 1000.0, "ann", text)]).decode()
    return number, 9, number, 1, 1000.0, 0.0, lines, "", None


def told_of(number: int, text: str) -> str:
    return msgspec.json.encode([(7, *row(number, text))]).decode()


@pytest.mark.parametrize(
    "text",
    ["", "nonsense", "[]", "[[7]]", "7:3", '[[7,1,1,1,1,"x",0,"[]","",null]]', told_of(1, "cut")[:-9], "[" * 9000],
)
def test_what_is_no_turn_is_none(text: str) -> None:
    assert [*rows_in(text)] == []


def test_turns_that_were_told_are_taken_only_if_none_is_missing() -> None:
    told = ToldTurns()

    def taken(after: int, until: float, *numbers: int) -> list[int]:
        for number in numbers:
            told.keep(cast(Any, row(number, "hello")))
        return [turn.number for turn in told.take("python", after, until)]

    assert taken(0, 2, 2, 1, 1) == [1, 2]
    assert taken(0, 2) == [], "what was told is forgotten"
    assert taken(0, 3, 1, 3) == []
    assert taken(0, inf, 1) == []
    assert taken(0, 2, 1) == [], "the second was not told whole: it may take back what the first says"
    assert taken(3, 3, 3) == []
    assert taken(0, 10**18, 1) == []
    assert len(taken(0, AT_ONCE, *range(1, AT_ONCE + 1))) == AT_ONCE
    assert taken(0, AT_ONCE + 1, *range(1, AT_ONCE + 2)) == []


class Turns:
    """A room's turns as a database has them. Each has a text; one that deletes another leaves that none."""

    def __init__(self) -> None:
        self.texts: list[str] = []
        self.deleted_by: dict[int, int] = {}  # by the number of a turn that of the one that has deleted it
        self.is_away = False

    @property
    def newest(self) -> int:
        return len(self.texts)

    def read(self, _: object, after: Mapping[int, int]) -> Found:
        if self.is_away:
            raise psycopg.OperationalError("away")
        ((room, last),) = after.items()
        turns = [turn_of("python", row(number, self.texts[number - 1])) for number in range(last + 1, self.newest + 1)]
        return Found({room: turns[:5]} if turns else {}, frozenset([room] if len(turns) > 5 else []))

    def execute(self, *_: object) -> Any:
        return SimpleNamespace(fetchall=lambda: [] if self.is_away else [(7, self.newest)])


class FakeLink:
    """Asks that database, which takes a moment."""

    def __init__(self, database: Turns) -> None:
        self._database = database

    async def call(self, work: Callable[[Any], Any], *, may_repeat: bool) -> Any:
        assert may_repeat
        await trio.sleep(0.02)
        return work(self._database)


class Room:
    """A room that takes in what comes next, and knows up to where something had been told when it did."""

    name = "python"

    def __init__(self) -> None:
        self.turn = 0
        self.rests_until = -inf
        self.told = 0
        self.taken: list[tuple[int, str, int]] = []

    def follow(self, turns: Sequence[Turn]) -> None:
        for turn in turns:
            assert turn.number <= self.turn + 1, "a hole"
            if turn.number == self.turn + 1:
                (line,) = turn.lines
                assert isinstance(line, Entry)
                self.taken.append((turn.number, line.text, self.told))
                self.turn = turn.number


class World:
    """A room at this node, what another stores in it, and what is told of that, which may be lost, doubled, cut off and in another order."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, seed: int = 0) -> None:
        self.chance = random.Random(seed)  # noqa: S311 - no secret
        self.loses, self.shuffles = bool(seed % 2), seed % 3 == 0
        self.database, self.room = Turns(), Room()
        self.waiting: list[tuple[str, str, int]] = []  # what is told and has not come yet
        numbers = RoomNumbers()
        numbers.note("python", 7, 0)
        monkeypatch.setattr(tail_module, "read_turns", self.database.read)
        link = cast(Link, FakeLink(self.database))
        self.tail = Tail(cast(Any, None), link, numbers, lambda *_: None, lambda: OWN)
        monkeypatch.setattr(self.tail, "_keep_listening", trio.sleep_forever)

    def store(self, *, deletes: int = 0, is_short: bool = True) -> None:
        number = self.database.newest + 1
        self.database.texts.append(f"text {number}")
        if deletes:
            self.database.deleted_by[deletes] = number
            self.database.texts[deletes - 1] = ""
        elif is_short:
            self.waiting.append((TOLD_CHANNELS + "x", told_of(number, f"text {number}"), number))
        self.waiting.append((TURNS_CHANNEL, f"7:{number}", number))

    def store_something(self) -> None:
        number = self.database.newest + 1
        left = [other for other in range(max(1, number - 4), number) if other not in self.database.deleted_by]
        is_deletion = bool(left) and self.chance.random() < 0.2
        self.store(deletes=self.chance.choice(left) if is_deletion else 0, is_short=self.chance.random() < 0.8)

    def tell(self, count: int) -> None:
        for _ in range(count):
            channel, text, number = self.waiting.pop(0)
            if channel == TURNS_CHANNEL:
                self.room.told = max(self.room.told, number)
            self.tail.told(channel, text, OTHER)
        self.tail.all_told()

    def tell_some(self) -> None:
        if self.shuffles:
            self.chance.shuffle(self.waiting)
        some, self.waiting = self.waiting, []
        for channel, text, number in some:
            fate = self.chance.random() if self.loses else 1.0
            if 0.15 <= fate < 0.25 and channel != TURNS_CHANNEL:
                self.waiting.append((channel, text[: self.chance.randrange(len(text))], number))
            elif fate >= 0.15:  # else it is lost
                self.waiting += [(channel, text, number)] * (2 if fate < 0.35 else 1)
        self.tell(self.chance.randint(0, len(self.waiting)))

    async def store_own(self) -> None:
        """Begin to store something here, of which nothing comes."""
        append = append_of([said("own")], {}, Beside("python", self.room.turn))
        self.tail.storing(append)
        await trio.sleep(0.01)
        self.tail.stored(append, 0)

    async def follow(self) -> None:
        self.tail.follow(self.room)
        self.tail.begun()
        await trio.sleep(0.1)


@pytest.mark.parametrize("seed", range(60))
async def test_whatever_is_lost_or_comes_twice_a_room_is_handed_each_turn_once_and_nothing_that_it_was_told_is_deleted(
    seed: int, autojump_clock: trio.abc.Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    world = World(monkeypatch, seed)
    async with trio.open_nursery() as nursery:
        nursery.start_soon(world.tail.run)
        await world.follow()
        for _ in range(150):
            match world.chance.randrange(8):
                case 0 | 1 | 2:
                    world.store_something()
                case 3 | 4:
                    world.tell_some()
                case 5 | 6:
                    await trio.sleep(world.chance.choice([0, 0.005, 0.01, 0.02, 1.5]))
                case 7:
                    world.database.is_away = world.chance.random() < 0.2
                    await world.store_own()
        world.database.is_away = False
        await trio.sleep(8)
        nursery.cancel_scope.cancel()
    database, room = world.database, world.room
    assert [number for number, _, _ in room.taken] == [*range(1, database.newest + 1)]
    for number, text, told in room.taken:
        assert text == f"text {number}" or (not text and number in database.deleted_by)
        if text:
            assert told < database.deleted_by.get(number, told + 1), "it was told that this is deleted"


async def test_what_is_told_late_is_not_taken_while_it_is_read_what_has_deleted_it(
    autojump_clock: trio.abc.Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    world = World(monkeypatch)
    async with trio.open_nursery() as nursery:
        nursery.start_soon(world.tail.run)
        await world.follow()
        world.store()
        world.store(deletes=1)
        world.waiting = [world.waiting[2], *world.waiting[:2]]
        world.tell(1)
        await trio.sleep(0.01)  # it is read just now
        world.tell(2)
        await trio.sleep(1)
        nursery.cancel_scope.cancel()
    assert [text for _, text, _ in world.room.taken] == ["", "text 2"]


async def test_what_an_engine_told_that_is_no_more_is_not_taken_for_what_the_next_one_has(
    autojump_clock: trio.abc.Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    world = World(monkeypatch)
    async with trio.open_nursery() as nursery:
        nursery.start_soon(world.tail.run)
        await world.follow()
        world.database.is_away = True
        world.store()
        world.store()
        world.waiting = [world.waiting[2]]
        world.tell(1)  # the second, and the first has not come
        world.database.texts.clear()  # and is lost, with the second
        world.tail.begun()
        world.database.is_away = False
        world.store()
        world.store(is_short=False)
        world.database.texts[1] = "another"
        world.tell(3)
        await trio.sleep(3)
        nursery.cancel_scope.cancel()
    assert [text for _, text, _ in world.room.taken] == ["text 1", "another"]


async def test_what_an_engine_told_that_is_no_more_is_not_taken_before_the_next_one_is_heard_either(
    autojump_clock: trio.abc.Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    world = World(monkeypatch)

    async def hear(_: object) -> None:
        await trio.sleep(5)
        raise psycopg.OperationalError("the engine is gone")

    monkeypatch.setattr(world.tail._listening, "hear", hear)
    async with trio.open_nursery() as nursery:
        nursery.start_soon(world.tail.run)
        nursery.start_soon(Tail._keep_listening, world.tail)
        await world.follow()
        append = append_of([said("own")], {}, Beside("python", 0))
        world.tail.storing(append)
        world.store()
        world.tell(2)  # it waits for what is being stored here
        world.database.texts.clear()  # and is lost with the engine
        await trio.sleep(6)
        world.tail.stored(append, 0)
        await trio.sleep(3)
        assert world.room.taken == []
        world.store()
        world.database.texts[0] = "another"
        await trio.sleep(3)
        nursery.cancel_scope.cancel()
    assert [text for _, text, _ in world.room.taken] == ["another"]


async def test_what_is_told_of_rooms_that_are_not_here_is_not_kept(
    autojump_clock: trio.abc.Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    world = World(monkeypatch)
    async with trio.open_nursery() as nursery:
        nursery.start_soon(world.tail.run)
        await world.follow()
        world.tail.told(TURNS_CHANNEL, "8:1 7:2 9:1 7:1", OTHER)
        assert world.tail._told == {7: 1}
        world.tail.told(TURNS_CHANNEL, "7:3 8:2", OTHER)
        world.tail.told(TURNS_CHANNEL, "7:2", OTHER)
        assert world.tail._told == {7: 3}
        nursery.cancel_scope.cancel()


async def test_a_room_that_rests_is_looked_at_when_that_is_over_and_not_each_time_that_something_is_told(
    autojump_clock: trio.abc.Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    world = World(monkeypatch)
    looks: list[float] = []
    take = world.tail._take_ready

    def noted() -> Any:
        looks.append(trio.current_time())
        return take()

    monkeypatch.setattr(world.tail, "_take_ready", noted)
    async with trio.open_nursery() as nursery:
        nursery.start_soon(world.tail.run)
        await world.follow()
        looks.clear()
        over = world.room.rests_until = trio.current_time() + 0.05
        for _ in range(5):
            world.store(is_short=False)
            world.tell(1)
            await trio.sleep(0.005)
        assert len(looks) == 1
        await trio.sleep_until(over + 0.03)
        assert world.room.turn == 5
        assert looks[1] == over
        world.store(is_short=False)
        world.tell(1)
        await trio.sleep(0.03)
        assert world.room.turn == 6, "it rests no more"
        nursery.cancel_scope.cancel()
