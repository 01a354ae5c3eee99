"""Several nodes on a real PostgreSQL: what they store and hear of each other, whatever becomes of a connection or of the engine."""

import os
import random
import signal
from collections.abc import Mapping, Sequence
from functools import partial

import msgspec
import pytest
import trio

from captured_logs import capture_logs
from chat_server.journal import JournalError
from chat_server.journal.happened import CameElsewhere, Numbered, RenamedPerson, RoomMade, RoomRenamed
from chat_server.journal.nodes import Beside, Came
from chat_server.journal.postgresql import committer
from chat_server.journal.postgresql.nodes import PostgresqlNodes
from chat_server.journal.signs import RoomFounded, Signed
from chat_server.journal.turn_codec import encode_change
from chat_server.protocol.entries import Entry
from database_nodes import (
    Room,
    backend_of,
    eventually,
    make_room,
    node,
    own_cluster,
    running,
    said,
    through,
    through_link,
)
from postgresql import Cluster, Database

__all__ = ["own_cluster"]

pytestmark = pytest.mark.timeout(120)


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
