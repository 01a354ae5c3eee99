"""The engine is killed, cannot be reached, tells nobody anything, or is another one from now on: whoever talks goes on, and nothing is lost."""

from collections.abc import Callable
from pathlib import Path
from statistics import median

import pytest
import trio

from cluster import engine
from cluster.crowd import Crowd, talking
from cluster.engine import in_thread
from cluster.links import Link
from cluster.servers import SHORT_SILENCE, several
from postgresql import Cluster, Database

pytestmark = pytest.mark.slow

CONNECTIONS_MAX = 16
"""Of a server to the engine: 13, and those for what has been given up and waits there still."""


async def test_the_engine_is_killed_and_started_again_and_nobody_is_disconnected(tmp_path: Path, own: Database) -> None:
    async with several("ab", tmp_path, own) as servers:
        crowd = Crowd(servers.nodes, 4)
        async with talking(crowd):
            for away in (0.0, 4.0, 0.5):
                await crowd.acknowledge(100)
                await in_thread(own.cluster.kill)
                await trio.sleep(away)
                await in_thread(own.cluster.start)
            await crowd.acknowledge(100)
            for _ in range(3):
                await in_thread(engine.kill_a_backend, own.cluster, own.name)
                await crowd.acknowledge(100)
            await servers.assert_all_is_well(crowd, had_doubts=True)
        assert {why for program in crowd.programs for why in program.dismissed} <= {"taken-over"}


@pytest.mark.parametrize("fault", [Link.cut, Link.black_hole], ids=["cut", "black hole"])
async def test_people_stay_at_a_server_that_cannot_reach_the_engine_for_a_while(
    fault: Callable[[Link], None], tmp_path: Path, shared: Database
) -> None:
    async with several("ab", tmp_path, shared) as servers:
        link = servers.link(servers.nodes[0])
        crowd = Crowd(servers.nodes, 10)
        async with talking(crowd):
            await crowd.acknowledge(100)
            fault(link)
            await trio.sleep(5)
            link.mend()
            await crowd.acknowledge(200)
            link.delay = 0.2
            await crowd.acknowledge(50)
            link.mend()
            await servers.assert_all_is_well(crowd, had_doubts=True)
        assert {why for program in crowd.programs for why in program.dismissed} <= {"taken-over"}


@pytest.mark.parametrize("fault", [Link.cut, Link.black_hole], ids=["cut", "black hole"])
async def test_a_server_that_cannot_reach_the_engine_for_long_is_given_up_and_begins_anew(
    fault: Callable[[Link], None], tmp_path: Path, shared: Database
) -> None:
    async with several("ab", tmp_path, shared, silence=SHORT_SILENCE) as servers:
        link = servers.link(servers.nodes[0])
        crowd = Crowd(servers.nodes, 11)
        async with talking(crowd):
            await crowd.acknowledge(100)
            fault(link)
            await trio.sleep(SHORT_SILENCE + 4)
            link.mend()
            await crowd.acknowledge(200)
            await servers.assert_all_is_well(crowd, had_doubts=True)
        assert "moved" in {why for program in crowd.programs for why in program.dismissed}


@pytest.mark.parametrize("fault", ["dropped", "muted"])
async def test_what_the_engine_tells_nobody_of_is_shown_at_other_servers_all_the_same(
    fault: str, tmp_path: Path, shared: Database
) -> None:
    async with several("ab", tmp_path, shared) as servers:
        here, there = servers.nodes
        link = servers.link(there)
        crowd = Crowd([here], 12, steady=1, wandering=0, callers=0, pace=0.3, is_restless=False)
        reader = crowd.visitor("reader", [there])
        async with talking(crowd):
            await crowd.settled()
            if fault == "muted":
                link.mute_listeners()
            for _ in range(20):
                if fault == "dropped":
                    link.drop(only_listeners=True)
                await crowd.acknowledge(1)
            link.mend()
            await servers.assert_all_is_well(crowd)
        late = crowd.steady[0].how_late(reader)
        assert len(late) >= 20
        assert median(late) < 1.2
        assert max(late) < 2.4, "on a busy machine"


async def test_what_was_shown_is_stored_when_a_standby_takes_the_place_of_the_engine_and_that_comes_back(
    tmp_path: Path,
) -> None:
    primary = await in_thread(Cluster)
    standby = await in_thread(lambda: Cluster("wal_retrieve_retry_interval=200ms", standby_of=primary))
    try:
        await in_thread(engine.require_standby, primary)
        database = await in_thread(primary.create)
        promoted = Database(standby, database.name)
        async with several("ab", tmp_path, database, promoted) as servers:
            crowd = Crowd(servers.nodes, 13)
            async with talking(crowd):
                await crowd.acknowledge(200)
                await in_thread(primary.kill)
                await in_thread(engine.promote, standby)
                servers.database = promoted
                await crowd.acknowledge(200)
                await in_thread(primary.start)  # and it is the first of those that each server asks
                for links in servers.links.values():
                    for link in links:
                        link.drop()
                    await crowd.acknowledge(50)
                await servers.assert_all_is_well(crowd, had_doubts=True)
            assert {why for program in crowd.programs for why in program.dismissed} <= {"taken-over"}
    finally:
        await in_thread(primary.close)
        await in_thread(standby.close)


async def test_while_the_standby_is_away_nothing_is_shown_and_nobody_leaves_and_no_connections_pile_up(
    tmp_path: Path,
) -> None:
    primary = await in_thread(Cluster)
    standby = await in_thread(lambda: Cluster("wal_retrieve_retry_interval=200ms", standby_of=primary))
    try:
        await in_thread(engine.require_standby, primary)
        database = await in_thread(primary.create)
        async with several("ab", tmp_path, database) as servers:
            crowd = Crowd(servers.nodes, 14)
            async with talking(crowd):
                await crowd.acknowledge(100)
                await in_thread(standby.stop)
                await trio.sleep(1)  # what it has got already is told
                log, acknowledged = await servers.log(), crowd.acknowledged
                await trio.sleep(6)
                assert (await servers.log()).turns == log.turns
                assert crowd.acknowledged == acknowledged
                with database.connect() as connection:
                    ((connections,),) = connection.execute(
                        "SELECT count(*) FROM pg_stat_activity WHERE application_name LIKE 'chat-server %'"
                    ).fetchall()
                assert connections <= 2 * CONNECTIONS_MAX
                await in_thread(standby.start)
                await crowd.acknowledge(100)
                await servers.assert_all_is_well(crowd, had_doubts=True)
            told = [
                note.event["is"] for program in crowd.steady for visit in program.client.visits for note in visit.notes
            ]
            assert "storing-waits" in told
            assert {why for program in crowd.programs for why in program.dismissed} <= {"taken-over"}
    finally:
        await in_thread(primary.close)
        await in_thread(standby.close)
