"""Several nodes on a real PostgreSQL: what they store and hear of each other, whatever becomes of a connection, of one of them, of the engine."""

import os
import random
import signal
from collections.abc import AsyncIterator, Callable, Iterator, Mapping, Sequence
from contextlib import asynccontextmanager
from functools import partial
from math import inf
from threading import Event

import msgspec
import psycopg
import pytest
import trio
from psycopg.rows import TupleRow

from captured_logs import capture_logs
from chat_server.accounts.names_index import Refusal
from chat_server.journal import JournalError
from chat_server.journal.happened import CameElsewhere, Numbered, RenamedPerson, RoomMade, RoomRenamed
from chat_server.journal.nodes import (
    Beside,
    Came,
    Claim,
    Claimed,
    Movement,
    NodeIsOver,
    Placed,
    Turn,
    TurnReceipt,
    Went,
)
from chat_server.journal.postgresql import committer, heartbeat, tail
from chat_server.journal.postgresql.connections import connect
from chat_server.journal.postgresql.listening import NotAnswered
from chat_server.journal.postgresql.nodes import PostgresqlNodes
from chat_server.journal.postgresql.turn_reading import Found, asked_of, read_turns
from chat_server.journal.signs import RoomFounded, Signed
from chat_server.journal.turn_codec import encode_change
from chat_server.protocol.entries import Entry, Said
from cluster.links import Link, linked
from postgresql import Cluster, Database

pytestmark = pytest.mark.timeout(120)


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


async def test_a_turn_of_one_node_is_handed_to_the_other_at_once(database: Database) -> None:
    make_room(database)
    a, b = node(database, "a"), node(database, "b")
    async with running(a, b):
        here, there = await Room(a).open(), await Room(b).open()
        await trio.sleep(0.1)
        begun = trio.current_time()
        receipt = await here.say("hello", movements=[Came("token:x", 0, "ann")])
        await there.until(1)
        assert trio.current_time() - begun < 0.5
        assert (receipt.first, receipt.turn, receipt.missed) == (1, 1, [])
        assert there.texts == ["hello"]
        assert there.taken[0].node == a.number
        assert (await there.say("hi")).turn == 2
        await here.until(2)
        assert here.texts == ["hi"]
        assert [seen.number for seen in await a.listed()] == [a.number, b.number]
    with database.connect() as connection:
        assert connection.execute("SELECT count(*) FROM node").fetchall() == [(0,)]
        assert connection.execute("SELECT count(*) FROM member").fetchall() == [(0,)]


@asynccontextmanager
async def through_link(database: Database) -> AsyncIterator[tuple[Link, str]]:
    """A link to the database, and the URL by which one goes through it."""
    cluster = database.cluster
    async with linked(partial(trio.open_tcp_stream, "127.0.0.1", cluster.port)) as link:
        yield link, cluster.url(database.name, host="127.0.0.1", port=link.port)


async def through(url: str, name: str = "a", silence: float = 10.0) -> PostgresqlNodes:
    """A node that reaches the database by a link, which runs in this thread."""
    return await trio.to_thread.run_sync(PostgresqlNodes, url, name, silence)


async def test_connections_that_break_at_random_lose_nothing_and_store_nothing_twice(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(committer, "RECONNECT_SECONDS", (0.0, 0.1))
    rooms = ["python", "pm", "write"]
    for room in rooms:
        make_room(database, room)
    chance = random.Random(5)  # noqa: S311 - no secret
    receipts: list[tuple[str, int, str]] = []
    async with through_link(database) as (link, url):
        all_nodes = [await through(url, name) for name in "abc"]
        for each in all_nodes:
            each._committer._patience = 300.0  # on a machine that is busy, too, nothing is refused
        with capture_logs() as logs:
            async with running(*all_nodes), trio.open_nursery() as nursery:
                is_over = False

                async def talk(room: Room) -> None:
                    count = 0
                    while not is_over:
                        count += 1
                        text = f"{room.nodes.name} {count}"
                        receipts.append((room.name, (await room.say(text)).first, text))
                        await trio.sleep(0.005)

                for each in all_nodes:
                    for name in rooms:
                        nursery.start_soon(talk, await Room(each, name).open())
                cuts = 0
                while cuts < 300 or lost_answers(logs) < 15:
                    await trio.sleep(chance.uniform(0, 0.05))
                    connections = [*link._connections]
                    if connections:
                        chance.choice(connections).scope.cancel()
                        cuts += 1
                is_over = True
    with database.connect() as connection:
        rows = connection.execute(
            "SELECT room.name, first, lines, batch.turn FROM batch JOIN room ON room.id = room WHERE count > 0 ORDER BY 1, batch.turn"
        ).fetchall()
    assert sorted(receipts) == sorted((room, first, text_of(lines)) for room, first, lines, _ in rows)
    for name in rooms:
        assert [first for room, first, _, _ in rows if room == name] == [
            *range(1, sum(row[0] == name for row in rows) + 1)
        ]


def lost_answers(logs: Sequence[Mapping[str, object]]) -> int:
    """How often a connection broke over a commit."""
    return sum("while something was stored" in str(log["event"]) for log in logs)


def text_of(lines: str) -> str:
    ((_, text),) = msgspec.json.decode(lines)
    return str(text)


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


async def test_what_is_said_while_the_engine_is_started_again_is_stored_when_it_is_back(own_cluster: Cluster) -> None:
    database = own_cluster.create()
    make_room(database)
    a, b = node(database, "a"), node(database, "b")
    async with running(a, b):
        here, there = await Room(a).open(), await Room(b).open()
        await here.say("before")
        await trio.to_thread.run_sync(partial(own_cluster.stop, "immediate"))
        with trio.move_on_after(0.5):
            await here.say("lost?")  # its answer is; it is in doubt, or was never sent
        pending = b.append(said("while away"), {}, Beside("python", there.turn))
        await trio.sleep(3.5)
        assert a.life.is_engine_away
        assert b.life.is_engine_away
        await trio.to_thread.run_sync(own_cluster.start)
        with trio.fail_after(8):
            receipt = await pending.stored()
            await here.until(receipt.turn)
            await there.until(receipt.turn - 1)
        await eventually(lambda: not a.life.is_engine_away and not b.life.is_engine_away)
        texts = [line.text for turn in await a.turns("python", 0) for line in turn.lines if isinstance(line, Entry)]
        assert texts in (["before", "lost?", "while away"], ["before", "while away", "lost?"])


async def test_what_was_never_sent_is_refused_after_a_while_and_what_was_is_resolved(database: Database) -> None:
    make_room(database)
    make_room(database, "pm")
    async with through_link(database) as (link, url):
        a = await through(url)
        a._committer._patience = 1.0
        async with running(a):
            here, other = await Room(a).open(), await Room(a, "pm").open()
            await here.say("before")
            link.black_hole()
            in_doubt = a.append(said("in doubt"), {}, Beside("python", here.turn))
            await trio.sleep(0.1)
            link.cut()
            never_sent = a.append(said("never sent", room="pm"), {}, Beside("pm", other.turn))
            with trio.fail_after(6), pytest.raises(JournalError, match="away"):
                await never_sent.stored()
            link.mend()
            with trio.fail_after(6):
                receipt = await in_doubt.stored()
            assert (receipt.first, receipt.turn) == (2, 2)
            assert (await other.say("again")).first == 1


async def test_an_engine_that_hangs_is_given_up_and_what_it_was_asked_is_asked_again(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(committer, "ANSWER_SECONDS", 1.0)
    make_room(database)
    a = node(database)
    async with running(a):
        here = await Room(a).open()
        await here.say("before")
        backend = a._committer.backend
        os.kill(backend, signal.SIGSTOP)
        try:
            pending = a.append(said("hangs"), {}, Beside("python", here.turn))
            await eventually(lambda: a._committer.backend not in (0, backend))  # it has connected anew
            await trio.sleep(0.5)
            with (
                database.connect() as connection
            ):  # nothing was stored by the way of the first, nor is it sent again as long as that may do it
                assert connection.execute("SELECT last FROM room").fetchall() == [(1,)]
        finally:
            os.kill(backend, signal.SIGCONT)
        with trio.fail_after(5):
            assert (await pending.stored()).first == 2
        assert (await here.say("after")).first == 3


async def test_a_room_that_has_just_been_made_is_followed_from_its_beginning(database: Database) -> None:
    a, b = node(database, "a"), node(database, "b")
    async with running(a, b):
        here, there = Room(a), Room(b)
        a.follow(here)
        b.follow(there)  # which has heard of it sooner than it can be found
        await trio.sleep(0.2)
        make_room(database)
        await here.say("first")
        await there.until(1)
        b.unfollow(there)
        await here.say("second")
        await trio.sleep(0.2)
        assert there.texts == ["first"]


@pytest.mark.parametrize(
    "text",
    ["nonsense", "9" * 5000, "-1 {", "", '9 {"type":"nothing"}'],
    ids=("words", "digits", "negative", "empty", "sign"),
)
async def test_what_another_user_of_the_database_tells_hurts_nothing_and_is_not_logged(
    database: Database, text: str
) -> None:
    make_room(database)
    a, b = node(database, "a"), node(database, "b")
    async with running(a, b):
        here, there = await Room(a).open(), await Room(b).open()
        await here.say("first")
        await there.until(1)
        with capture_logs() as logs, database.connect() as connection:
            for channel in ("chat_turns", "chat_signs", "chat_changes"):
                connection.execute(
                    "SELECT pg_notify(%s, %s || repeat(' ', n)) FROM generate_series(1, 1000) AS n", [channel, text]
                )
            await here.say("second")
            await there.until(2)
            connection.execute('NOTIFY chat_signs, \'9 {"type":"room-founded","person":"ann","network":""}\'')
            with trio.fail_after(20):
                assert await anext(b.signs.others) == Signed(9, RoomFounded("ann", ""))
        assert logs == []


async def test_a_room_that_is_renamed_elsewhere_goes_on_by_either_name_and_the_old_one_can_be_another_rooms(
    database: Database,
) -> None:
    make_room(database)
    a, b = node(database, "a"), node(database, "b")
    async with running(a, b):
        here, there = await Room(a).open(), await Room(b).open()
        with database.connect() as connection:
            connection.execute(
                "SELECT rename_room('python', 'snake', 'snake', 'snake', %s)",
                [encode_change(RoomRenamed(a.number, "python", "snake"))],
            )
        await here.say("by the old name")
        async for numbered in b.changes():
            if numbered.change == RoomMade(a.number, "python"):
                break
            assert numbered.change == RoomRenamed(a.number, "python", "snake")
            there.name = "snake"
            with database.connect() as connection:
                connection.execute(
                    "SELECT make_room('python', 'python', 'python', false, %s)",
                    [encode_change(RoomMade(a.number, "python"))],
                )
        await there.say("by the new name")
        assert (await there.say("and again")).first == 3
        other = await Room(b).open()
        assert (await other.say("elsewhere")).first == 1
        await here.until(3)
        assert here.texts == ["by the new name", "and again"]


@pytest.mark.parametrize("is_cut", [False, True])
async def test_a_line_of_which_nothing_is_told_is_shown_within_a_second_or_so(
    database: Database, *, is_cut: bool
) -> None:
    make_room(database)
    async with through_link(database) as (link, url):
        a, b = node(database, "a"), await through(url, "b")
        async with running(a, b):
            here, there = await Room(a).open(), await Room(b).open()
            await here.say("heard")
            await there.until(1)
            link.mute_listeners()
            if is_cut:
                link.drop(only_listeners=True)
            for number in range(2, 5):
                begun = trio.current_time()
                await here.say("not heard")
                await there.until(number)
                assert trio.current_time() - begun < 1.2
            link.mend()
            await trio.sleep(3)  # the connection that was deaf is another one
            begun = trio.current_time()
            await here.say("heard again")
            await there.until(5)
            assert trio.current_time() - begun < 0.4


def stop_beating(nodes: PostgresqlNodes) -> None:
    """A node stands still: it gives no sign of life until it is let go on."""
    nodes._heartbeat._beat_link.close()


async def test_a_node_that_is_silent_is_buried_once_by_whatever_other_and_stores_nothing_more(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(heartbeat, "BEAT_SECONDS", 0.1)
    for room in ("python", "pm"):
        make_room(database, room)
    silent, b, c = (node(database, name, silence=1.0) for name in ("silent", "b", "c"))
    async with running(silent, b, c):
        here, there, pm = await Room(silent).open(), await Room(b).open(), await Room(silent, "pm").open()
        came = [Came("token:x", 0, "ann"), Came("account:5", 3, "bob", 5)]
        await here.say("hello", movements=came)
        await pm.say(movements=came[:1])
        assert await given(silent, Claim("ann", "ann", "ann", "token:x")) == ("ann", "")
        assert isinstance(await b.claim(Claim("ann", "ann", "ann", "token:y")), Refusal)
        stop_beating(silent)
        with trio.fail_after(5):
            await there.until(2)
        (turn,) = there.taken[1:]
        assert (turn.node, turn.lines) == (silent.number, [])
        assert turn.movements == [
            Placed(0, Went(person, device, has_read=False)) for person, device in (("account:5", 3), ("token:x", 0))
        ]
        await trio.sleep(0.5)
        assert there.turn == 2  # once
        assert [seen.number for seen in await b.listed()] == [b.number, c.number]
        assert (await b.open("pm")).people == (await b.open("python")).people == []
        assert [one.number for one in await c.gone.left()] == [silent.number]
        await c.gone.made_up([silent.number])
        assert await b.gone.left() == []
        assert await given(b, Claim("ann", "ann", "ann", "token:y")) == ("ann", "")
        with pytest.raises(NodeIsOver):
            await here.say("late")
        with trio.fail_after(1):
            await silent.life.wait_given_up()
        with pytest.raises(NodeIsOver):
            await silent.claim(Claim("zed", "zed", "zed", "token:z"))
        with pytest.raises(NodeIsOver):
            await here.say("later")
        assert [turn.number for turn in await b.turns("python", 0)] == [1, 2]


@pytest.mark.parametrize(
    ("is_leaving", "level", "event"),
    [(False, "warning", "a node was silent for too long"), (True, "info", "a node has ended in order")],
)
async def test_the_log_tells_a_node_that_is_gone_by_its_name_and_only_one_that_did_not_say_so_is_a_warning(
    database: Database, monkeypatch: pytest.MonkeyPatch, is_leaving: bool, level: str, event: str
) -> None:
    monkeypatch.setattr(heartbeat, "BEAT_SECONDS", 0.05)
    with database.connect() as connection:
        connection.execute(
            "INSERT INTO node (name, is_leaving, seen) VALUES ('gone', %s, clock_timestamp() - interval '1 hour')",
            [is_leaving],
        )
    b = node(database, "b", silence=1.0)
    with capture_logs() as logs:
        async with running(b):
            with trio.fail_after(6):
                while len(await b.listed()) > 1 or not logs:
                    await trio.sleep(0.05)
    (told,) = logs
    assert (told["log_level"], told["node"]) == (level, "gone")
    assert str(told["event"]).startswith(event)


async def test_a_full_disk_of_the_database_is_complained_of_once_and_what_is_said_after_that_is_stored(
    database: Database,
) -> None:
    make_room(database)
    a = node(database)
    with capture_logs() as logs:
        async with running(a):
            here = await Room(a).open()
            with database.connect() as connection:
                connection.execute(
                    "CREATE FUNCTION fill() RETURNS trigger LANGUAGE plpgsql AS $$"
                    "BEGIN RAISE 'No space left on device' USING ERRCODE = 'disk_full'; END $$"
                )
                connection.execute(
                    "CREATE TRIGGER no_space BEFORE INSERT ON batch FOR EACH ROW EXECUTE FUNCTION fill()"
                )
                for _ in range(20):
                    with pytest.raises(JournalError, match="No space left on device"):
                        await here.say("hello")
                connection.execute("DROP TRIGGER no_space ON batch")
            assert not a.life.is_engine_away
            assert (await here.say("hello")).first == 1
    (told,) = [log for log in logs if log["log_level"] == "error"]
    assert "No space left on device" in str(told["why"])


async def test_what_waits_for_a_standby_is_said_to_be_stored_only_when_it_is(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(committer, "ANSWER_SECONDS", 1.0)
    cluster = Cluster()
    try:
        database = cluster.create()
        make_room(database)
        a = node(database)
        with capture_logs() as logs:
            async with running(a), trio.open_nursery() as nursery:
                here = await Room(a).open()
                with database.connect() as connection:
                    connection.execute("ALTER SYSTEM SET synchronous_standby_names = '*'")
                    connection.execute("SELECT pg_reload_conf()")
                await trio.sleep(0.5)
                nursery.start_soon(here.say, "hello")
                await trio.sleep(3.3)
                until = trio.current_time() + 3  # it has given up the first connection, and made another
                while trio.current_time() < until:
                    assert a.life.is_engine_away
                    await trio.sleep(0.05)
                with database.connect() as connection:
                    connection.execute("ALTER SYSTEM SET synchronous_standby_names = ''")
                    connection.execute("SELECT pg_reload_conf()")
                with trio.fail_after(10):
                    while a.life.is_engine_away or here.turn == 0:
                        await trio.sleep(0.05)
        assert [log for log in logs if "its standby is away" in str(log.get("why"))]
        assert not [log for log in logs if "why" in log and "server closed" in str(log["why"])]
    finally:
        cluster.close()


async def test_signs_that_cannot_be_given_while_a_commit_waits_for_a_standby_cost_no_connections() -> None:
    cluster = Cluster()
    try:
        database = cluster.create()
        make_room(database)
        a = node(database)
        async with running(a), trio.open_nursery() as nursery:
            here = await Room(a).open()
            with database.connect() as connection:
                connection.execute("ALTER SYSTEM SET synchronous_standby_names = '*'")
                connection.execute("SELECT pg_reload_conf()")
                await trio.sleep(0.5)
                nursery.start_soon(here.say, "hello")
                before = backend_of(database, a, "life")
                for _ in range(8):
                    await trio.sleep(0.5)
                    a.signs.tell(RoomFounded("token:x", ""))
                await trio.sleep(1)
                assert backend_of(database, a, "life") == before
                assert a.life.is_engine_away  # the commit waits all the time
                connection.execute("ALTER SYSTEM SET synchronous_standby_names = ''")
                connection.execute("SELECT pg_reload_conf()")
    finally:
        cluster.close()


def backend_of(database: Database, nodes: PostgresqlNodes, purpose: str) -> list[int]:
    """The processes at the other end of a node's connections for this."""
    with database.connect() as connection:
        rows = connection.execute(
            "SELECT pid FROM pg_stat_activity WHERE application_name = %s", [f"chat-server {nodes.number} {purpose}"]
        )
        return [pid for (pid,) in rows]


async def test_a_listener_that_stands_still_keeps_nothing_from_being_shown(database: Database) -> None:
    make_room(database)
    a, b = node(database, "a"), node(database, "b")
    async with running(a, b):
        here, there = await Room(a).open(), await Room(b).open()
        await eventually(lambda: len(backend_of(database, b, "listen")) == 1)
        (listener,) = backend_of(database, b, "listen")
        os.kill(listener, signal.SIGSTOP)
        try:
            for number in range(1, 6):
                begun = trio.current_time()
                await here.say("not heard")
                await there.until(number)
                assert trio.current_time() - begun < 1.2
            await eventually(lambda: len(backend_of(database, b, "listen")) == 2)  # another hears again
            begun = trio.current_time()
            await here.say("heard")
            await there.until(6)
            assert trio.current_time() - begun < 0.4
        finally:
            os.kill(listener, signal.SIGCONT)


async def test_a_node_that_stands_still_while_it_is_told_what_it_has_missed_is_buried_all_the_same(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(heartbeat, "BEAT_SECONDS", 0.1)
    b = node(database, "b", silence=1.0)
    with database.connect() as connection:
        ((still,),) = connection.execute("INSERT INTO node (name) VALUES ('still') RETURNING id").fetchall()
    async with running(b):
        appending, listening = (connect(database.url, purpose, node=still) for purpose in ("append", "listen"))
        # It holds its row, as an append does, and does not take the answer, which no kernel has room for.
        appending.pgconn.send_query(
            f"SELECT FROM node WHERE id = {still} FOR KEY SHARE; SELECT repeat('x', 1000) FROM generate_series(1, 100000)".encode()  # noqa: S608
        )
        with trio.fail_after(6):
            while len(await b.listed()) > 1:
                await trio.sleep(0.05)
        for ended in (appending, listening):
            with pytest.raises(psycopg.OperationalError):
                ended.execute("SELECT 1")
            ended.close()


async def test_a_room_that_takes_nothing_in_is_handed_so_much_and_the_others_go_on(database: Database) -> None:
    for room in ("python", "pm"):
        make_room(database, room)
    a, b = node(database, "a"), node(database, "b")

    class Slow(Room):
        def follow(self, turns: Sequence[Turn]) -> None:
            self.taken += turns

    async with running(a, b):
        here, pm = await Room(a).open(), await Room(a, "pm").open()
        slow, other = await Slow(b).open(), await Room(b, "pm").open()
        for number in range(1, 301):
            await here.say(str(number))
        await pm.say("hello")
        await other.until(1)
        assert 0 < len(slow.taken) <= 2 * tail.AHEAD_MAX  # once more, for it may have lost them
        assert slow.taken[0].number == 1
        taken, slow.taken = slow.taken, []
        while slow.turn < 300:
            slow.turn = max([slow.turn, *(turn.number for turn in taken)])
            await trio.sleep(0.1)
            taken, slow.taken = slow.taken, []


async def test_a_room_that_rests_is_handed_nothing_and_has_what_it_missed_by_its_own_turn(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[int] = []

    def counted(after: Mapping[int, int]) -> Sequence[bytes | None]:
        asked.extend(after)
        return asked_of(after)

    monkeypatch.setattr(tail, "asked_of", counted)
    monkeypatch.setattr(tail, "LOOK_SECONDS", 1000.0)
    make_room(database)
    a, b = node(database, "a"), node(database, "b")
    async with running(a, b):
        here, there = await Room(a).open(), await Room(b).open()
        for turn in (1, 3):  # what is handed by the second round has been heard of: both listen by then
            await here.say("before")
            await there.until(turn)
            await there.say("before")
            await here.until(turn + 1)
        there.rests = True
        there.taken.clear()
        asked.clear()
        await here.say("missed")
        await trio.sleep(0.2)
        assert there.turn == 4
        await there.say("own")
        assert there.texts == ["missed"]
        await here.until(6)
        there.rests = False
        await trio.sleep(0.2)
        assert len(asked) == 1, "but for what was said there, nobody asks"
        there.rests = True
        await here.say("after a while")
        await trio.sleep(0.2)
        assert there.turn == 6
        there.rests = False
        await there.until(7)


async def test_what_is_told_of_is_read_by_the_connection_that_listens_and_without_it_by_another(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    read: list[int] = []

    def counted(connection: psycopg.Connection, after: Mapping[int, int]) -> Found:
        read.extend(after)
        return read_turns(connection, after)

    async def cannot(_: Sequence[object]) -> Sequence[TupleRow]:
        raise NotAnswered

    monkeypatch.setattr(tail, "read_turns", counted)
    monkeypatch.setattr(tail, "LOOK_SECONDS", 1000.0)
    make_room(database)
    a, b = node(database, "a"), node(database, "b")
    async with running(a, b):
        here, there = await Room(a).open(), await Room(b).open()
        await here.say("before")
        await there.until(1)
        await trio.sleep(0.3)  # both listen
        read.clear()
        await here.say("heard")
        await there.until(2)
        assert not read
        monkeypatch.setattr(b._tail._listening, "ask", cannot)
        await here.say("heard too")
        await there.until(3)
        assert len(read) == 1
        assert there.texts == ["before", "heard", "heard too"]


async def test_a_room_that_wants_no_more_while_its_turns_are_read_is_handed_none(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    has_read, go_on = Event(), Event()

    def held_up(connection: psycopg.Connection, after: Mapping[int, int]) -> Found:
        found = read_turns(connection, after)
        if found.turns:
            has_read.set()
            go_on.wait(10)
        return found

    monkeypatch.setattr(tail, "FEW", 0)  # as where many rooms are asked for
    monkeypatch.setattr(tail, "read_turns", held_up)
    make_room(database)
    a, b = node(database, "a"), node(database, "b")
    async with running(a, b):
        here, there = await Room(a).open(), await Room(b).open()
        await here.say("hello")
        assert await trio.to_thread.run_sync(has_read.wait, 10)
        b.unfollow(there)
        go_on.set()
        await trio.sleep(0.2)
        assert there.taken == []


@pytest.mark.parametrize(
    ("text", "turns"),
    [
        ("12:7 13:1", {12: 7, 13: 1}),
        ("12", {12: inf}),
        ("12: 13:x", {12: inf, 13: inf}),
        ("", {}),
        ("x:1 :2 " + "9" * 40 + ":1", {}),
    ],
)
def test_a_notification_names_rooms_and_their_newest_turns_as_far_as_it_can_be_understood(
    text: str, turns: dict[int, float]
) -> None:
    assert tail.turns_of(text) == turns


async def test_a_node_that_was_buried_before_it_ran_is_another_one_when_it_does(database: Database) -> None:
    a = node(database)
    before = a.number
    with database.connect() as connection:
        connection.execute("SELECT take_out(ARRAY[%s::bigint])", [before])
    async with running(a):
        await trio.sleep(0.1)
        assert a.number != before
        assert [seen.number for seen in await a.listed()] == [a.number]
        assert isinstance(await a.claim(Claim("ann", "ann", "ann", "1:1")), Claimed)
        assert not a.life.is_over


async def test_nobody_is_buried_because_the_engine_s_clock_is_set(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(heartbeat, "BEAT_SECONDS", 1.0)
    a, b = node(database, "a", silence=4), node(database, "b", silence=4)
    async with running(a):
        await trio.sleep(0.5)  # so that between two signs of one there is time to bury it
        async with running(b):
            await trio.sleep(6)
            with database.connect() as connection:
                connection.execute("UPDATE node SET seen = seen - interval '1 hour'")
            await trio.sleep(2)
            assert not a.life.is_over
            assert not b.life.is_over


async def test_nodes_that_were_away_together_with_the_engine_bury_nobody(
    own_cluster: Cluster, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(heartbeat, "BEAT_SECONDS", 0.1)
    monkeypatch.setattr(heartbeat, "BEATS_BEFORE_BURYING", 0)
    database = own_cluster.create()
    async with through_link(database) as (link, url):
        a, b = node(database, "a", silence=2.0), await through(url, "b", silence=2.0)
        async with running(a, b):
            await trio.sleep(0.5)
            await trio.to_thread.run_sync(partial(own_cluster.stop, "immediate"))
            link.cut()
            await trio.sleep(2.5)
            await trio.to_thread.run_sync(own_cluster.start)
            await trio.sleep(0.4)
            link.mend()  # this one comes back somewhat later
            await eventually(lambda: not a.life.is_engine_away and not b.life.is_engine_away)
            await trio.sleep(2.5)
            assert not a.life.is_over
            assert not b.life.is_over
            assert len(await a.listed()) == 2


async def test_nodes_that_were_cut_off_together_give_each_other_time_to_come_back(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(heartbeat, "BEAT_SECONDS", 0.2)
    async with through_link(database) as (link, url), through_link(database) as (other_link, other_url):
        a, b = await through(url, "a", silence=1.0), await through(other_url, "b", silence=1.0)
        async with running(a, b):
            await trio.sleep(1.5)
            link.cut()
            other_link.cut()
            await trio.sleep(1.5)
            link.mend()
            await trio.sleep(0.3)
            other_link.mend()
            await trio.sleep(1.5)
            assert not a.life.is_over
            assert not b.life.is_over


async def test_a_node_from_which_people_can_come_back_elsewhere_stays_for_a_while(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(heartbeat, "BEAT_SECONDS", 0.1)
    monkeypatch.setattr(heartbeat, "RETURN_SECONDS", 2.0)
    make_room(database)
    b = node(database, "b", silence=1.0)
    async with running(b):
        there = await Room(b).open()
        a = node(database, "a", silence=1.0)
        async with running(a):
            await (await Room(a).open()).say(movements=[Came("token:x", 0, "ann")])
            a.life.leave()
        assert [seen.is_leaving for seen in await b.listed()] == [False, True]
        await trio.sleep(1.4)
        assert there.turn == 1
        assert await b.rooms_of("token:x", 0) == ["python"]
        with trio.fail_after(3):
            await there.until(2)
        assert there.taken[-1].movements == [Placed(0, Went("token:x", 0, has_read=False))]


async def test_of_two_who_want_names_that_look_alike_at_two_nodes_at_once_one_gets_hers(database: Database) -> None:
    a, b = node(database, "a"), node(database, "b")
    answers: dict[str, list[Claimed | Refusal]] = {"a": [], "b": []}
    async with running(a, b):
        for number in range(20):

            async def claim(nodes: PostgresqlNodes, nick: str) -> None:
                answers[nodes.name].append(await nodes.claim(Claim(nick, nick, f"i{number}", f"token:{nodes.name}")))  # noqa: B023

            async with trio.open_nursery() as nursery:
                nursery.start_soon(claim, a, f"l{number}")
                nursery.start_soon(claim, b, f"I{number}")
    for number, pair in enumerate(zip(answers["a"], answers["b"], strict=True)):
        given = [answer for answer in pair if isinstance(answer, Claimed)]
        refused = [answer for answer in pair if isinstance(answer, Refusal)]
        assert (len(given), len(refused)) == (1, 1)
        assert refused[0] == Refusal("like-held", given[0].nick)
        assert given[0].nick[1:] == str(number)


async def test_a_guest_at_another_node_is_called_as_there_and_names_are_free_when_they_are_taken_back(
    database: Database,
) -> None:
    with database.connect() as connection:
        connection.execute(
            "INSERT INTO account VALUES (7, 'Bob', 'bob', 'b0b', NULL, 0, 0, '', 'active', NULL, 0, '{}', 0, 0)"
        )
    a, b = node(database, "a"), node(database, "b")
    async with running(a, b):
        assert await given(a, Claim("Ann", "ann", "ann", "token:x")) == ("Ann", "")
        assert await given(b, Claim("Zoe", "zoe", "zoe", "token:x")) == ("Ann", "Ann")
        assert await given(b, Claim("Zoe", "zoe", "zoe", "token:x")) == ("Zoe", "Ann")  # she has one here now
        assert await a.claim(Claim("zoe", "zoe", "zoe", "1:5")) == Refusal("held", "Zoe")
        await b.release("zoe", "token:x")
        assert await given(a, Claim("zoe", "zoe", "zoe", "1:5")) == ("zoe", "")
        assert await a.claim(Claim("bob", "bob", "b0b", "token:y")) == Refusal("taken", "Bob")
        assert await given(a, Claim("Bob", "bob", "b0b", "account:7")) == ("Bob", "")
        assert await given(b, Claim("Bobby", "bobby", "bobby", "account:7")) == ("Bobby", "Bob")


async def test_of_claims_of_one_person_at_several_nodes_each_comes_after_those_before_it(database: Database) -> None:
    a, b = node(database, "a"), node(database, "b")
    async with running(a, b):
        orders = [
            claimed.order
            for nodes, nick in ((a, "ann"), (b, "bob"), (a, "ann"), (a, "anna"), (b, "bob"))
            if isinstance(claimed := await nodes.claim(Claim(nick, nick, nick, "token:x")), Claimed)
        ]
        assert len({*orders}) == 5
        assert orders == sorted(orders)


async def test_a_person_who_comes_to_two_nodes_at_once_under_two_names_has_one(database: Database) -> None:
    a, b = node(database, "a"), node(database, "b")
    async with running(a, b):
        for number in range(20):
            claims: dict[str, Claimed | Refusal] = {}

            async def claim(nodes: PostgresqlNodes, nick: str, who: str, into: dict[str, Claimed | Refusal]) -> None:
                into[nick] = await nodes.claim(Claim(nick, nick, nick, who))

            async with trio.open_nursery() as nursery:
                nursery.start_soon(claim, a, f"ann{number}", f"token:{number}", claims)
                nursery.start_soon(claim, b, f"bob{number}", f"token:{number}", claims)
            assert len({claimed.nick for claimed in claims.values() if isinstance(claimed, Claimed)}) == 1


async def test_a_claim_that_nobody_waits_for_any_more_leaves_the_name_free(database: Database) -> None:
    async with through_link(database) as (link, url):
        a, b = await through(url, "a"), node(database, "b")
        async with running(a, b):
            assert await given(a, Claim("ann", "ann", "ann", "1:1")) == ("ann", "")
            link.delay = 0.3
            with trio.move_on_after(0.1):
                await a.claim(Claim("zoe", "zoe", "zoe", "1:2"))
            link.delay = 0.0
            await trio.sleep(1.0)
            assert await given(b, Claim("zoe", "zoe", "zoe", "2:1")) == ("zoe", "")


async def test_changes_come_to_every_node_in_one_order_without_a_hole(database: Database) -> None:
    all_nodes = [node(database, name) for name in "abc"]
    read: list[list[Numbered]] = [[], [], []]
    async with running(*all_nodes), trio.open_nursery() as nursery:

        async def follow(nodes: PostgresqlNodes, into: list[Numbered]) -> None:
            async for numbered in nodes.changes():
                into += [numbered]

        async def tell(nodes: PostgresqlNodes) -> None:
            for number in range(40):
                if number % 2:
                    await nodes.renamed(f"{nodes.number}:1", str(number), 0)
                else:
                    await nodes.taken_over(f"{nodes.number}:1", number, 0)

        for nodes, into in zip(all_nodes, read, strict=True):
            nursery.start_soon(follow, nodes, into)
        async with trio.open_nursery() as telling:
            for nodes in all_nodes:
                telling.start_soon(tell, nodes)
        await eventually(lambda: all(len(one) == 120 for one in read))
        nursery.cancel_scope.cancel()
    assert [numbered.number for numbered in read[0]] == [*range(1, 121)]
    assert read[0] == read[1] == read[2]
    for nodes in all_nodes:
        own = [
            one.change
            for one in read[0]
            if isinstance(one.change, CameElsewhere | RenamedPerson) and one.change.node == nodes.number
        ]
        assert [change.nick if isinstance(change, RenamedPerson) else str(change.device) for change in own] == [
            *map(str, range(40))
        ]


async def test_a_sign_comes_to_the_other_nodes_and_not_to_its_own(database: Database) -> None:
    a, b = node(database, "a"), node(database, "b")
    async with running(a, b):
        await trio.sleep(0.3)  # both listen
        a.signs.tell(RoomFounded("token:x", "10.0.0.0/8"))
        b.signs.tell(RoomFounded("token:y", ""))
        with trio.fail_after(2):
            async for signed in b.signs.others:
                assert signed == Signed(a.number, RoomFounded("token:x", "10.0.0.0/8"))
                break
            async for signed in a.signs.others:
                assert signed == Signed(b.number, RoomFounded("token:y", ""))
                break
