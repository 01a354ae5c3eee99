"""Several servers on one PostgreSQL are one server, also while they are killed and started again, one by one.

Each test has a crowd that talks, comes and goes all the while; what it was shown is held against what is stored (checker.py).
"""

import os
import random
from pathlib import Path

import pytest
import trio

import canary
from cluster.crowd import ROOMS, Crowd, talking
from cluster.log import Log
from cluster.people import Program
from cluster.servers import SHORT_SILENCE, Servers, several
from postgresql import Database

pytestmark = pytest.mark.slow

KILLS = int(os.environ.get("KILLS", "20"))
"""How often in all; `scripts/soak-cluster` has more."""

SERIES = 100
"""Kills after which the servers begin with an empty database: what is held against each other grows no further."""


async def test_what_a_crowd_is_shown_at_several_servers_is_one_log(tmp_path: Path, shared: Database) -> None:
    async with several("abc", tmp_path, shared) as servers:
        crowd = Crowd(servers.nodes, 2)
        async with talking(crowd):
            await crowd.acknowledge(800)
            log = await servers.assert_all_is_well(crowd)
        assert len({turn.node for room in log.rooms for turn in room.turns if turn.lines}) == 3


@pytest.mark.parametrize("series", range(-(-KILLS // SERIES)))
async def test_servers_that_are_killed_at_any_moment_store_what_anybody_was_shown(
    series: int, tmp_path: Path, shared: Database
) -> None:
    chance = random.Random(series)  # noqa: S311 - the same moments every time
    async with several("abc", tmp_path, shared, silence=SHORT_SILENCE) as servers:
        crowd = Crowd(servers.nodes, series)
        async with talking(crowd):
            for _ in range(min(SERIES, KILLS - series * SERIES)):
                await crowd.acknowledge(chance.randrange(60))
                node = chance.choice(servers.nodes)
                await node.kill()
                await trio.sleep(chance.choice((0, 0, 0.2, SHORT_SILENCE)) * chance.random())
                await node.start()
            await crowd.acknowledge(100)
            await servers.assert_all_is_well(crowd)
    assert crowd.acknowledged > 10 * KILLS


async def test_a_rolling_restart_loses_nothing_for_programs_and_nobody_sees_them_leave(
    tmp_path: Path, shared: Database
) -> None:
    async with several("abc", tmp_path, shared) as servers:
        crowd = Crowd(servers.nodes, 5, wandering=0, is_restless=False)
        async with talking(crowd):
            await crowd.settled()
            await trio.sleep(3)  # that they have come is told by then
            began = trio.current_time()
            for node in servers.nodes:
                await crowd.acknowledge(100)
                assert await node.stop() == 0, node.log
                await crowd.acknowledge(50)
                await node.start()
            await crowd.acknowledge(100)
            steady = {program.nick for program in crowd.steady}
            told = [
                note.event
                for client in crowd.clients
                for visit in client.visits
                for note in visit.notes
                if note.at > began and note.event["is"] in {"joined", "left"} and steady & {*note.event["nicks"]}
            ]
            assert told == []
            assert all({*program.dismissed} <= {"moved"} for program in crowd.steady)
            await servers.assert_all_is_well(crowd)


async def test_nothing_is_stored_of_a_device_once_it_has_been_dropped_at_another_server(
    tmp_path: Path, shared: Database
) -> None:
    async with several("ab", tmp_path, shared) as servers:
        here, there = servers.nodes
        crowd = Crowd(servers.nodes, 6, steady=1, wandering=0, callers=1)
        owner = Program("owner", [here], ROOMS, random.Random(7), resumes=False)  # noqa: S311
        crowd.extra.append(owner)
        async with talking(crowd) as nursery:
            await crowd.settled()
            await owner.register(canary.PASSWORD)
            for number in range(4):
                flooder = Program(f"flood{number}", [there], ROOMS, random.Random(number), resumes=False)  # noqa: S311
                flooder.nick, flooder.password, flooder.token = owner.nick, canary.PASSWORD, ""
                nursery.start_soon(flooder.run)
                with trio.fail_after(60):
                    while not flooder.is_here:
                        await trio.sleep(0.01)
                crowd.gone.append(flooder)
                flooder.comes_back = False
                nursery.start_soon(flooder.flood)
                await crowd.acknowledge(20)
                last = await drop_others(owner, servers)
                with trio.fail_after(5):
                    while flooder.is_here:
                        await trio.sleep(0.01)
                assert flooder.dismissed == ["dropped"]
                assert said_after(await servers.log(), last, flooder.client.name) == []
            await servers.assert_all_is_well(crowd)


async def drop_others(owner: Program, servers: Servers) -> dict[str, int]:
    """Have all other devices of an account be good no more; the newest number in each room just after the answer."""
    assert owner.connection
    assert (await owner.connection.ask("drop", device="others"))["is"] == "dropped"
    return (await servers.log()).last


def said_after(log: Log, last: dict[str, int], name: str) -> list[str]:
    """What somebody has said after these numbers."""
    return [
        line.text
        for room in log.rooms
        for line in room.lines
        if line.seq > last[room.name] and line.text.startswith(f"{name} ")
    ]
