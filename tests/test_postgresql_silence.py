"""Nodes on a real PostgreSQL that are silent or away, and who is buried for it."""

from functools import partial

import pytest
import trio

from captured_logs import capture_logs
from chat_server.accounts.names_index import Refusal
from chat_server.journal.nodes import Came, Claim, Claimed, NodeIsOver, Placed, Went
from chat_server.journal.postgresql import heartbeat
from chat_server.journal.postgresql.nodes import PostgresqlNodes
from database_nodes import Room, eventually, given, make_room, node, own_cluster, running, through, through_link
from postgresql import Cluster, Database

__all__ = ["own_cluster"]

pytestmark = pytest.mark.timeout(120)


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
