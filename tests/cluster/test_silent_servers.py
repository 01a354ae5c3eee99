"""A server of which the others hear nothing for as long as `[node] silence_seconds` says is one no more, and its people have left.

In these tests it is what it is by itself, ten seconds: that it is so long is the point.
"""

import random
from pathlib import Path

import pytest
import trio

from cluster.crowd import Crowd, talking
from cluster.people import Caller, Program
from cluster.servers import several
from postgresql import Database
from processes import TIMEOUT

pytestmark = pytest.mark.slow

LEFT_SECONDS = 12.0
"""Seconds after which the people of a server that has died have left."""

LATE_SECONDS = 1.5
"""How late a busy machine may be."""


async def test_the_people_of_a_server_that_dies_leave_once_and_soon_but_who_comes_back_elsewhere_never_leaves(
    tmp_path: Path, shared: Database
) -> None:
    async with several("ab", tmp_path, shared) as servers:
        here, there = servers.nodes
        chance = random.Random(8)  # noqa: S311 - it decides on next to nothing here
        crowd = Crowd([here], 8, steady=2, wandering=0, callers=0, pace=0.1, is_restless=False)
        comer = Program("comer", [there], ["pm"], chance, resumes=True)
        ghosts = [Caller(f"ghost{number}", [there], ["pm"], chance) for number in range(3)]
        crowd.extra += [comer, *ghosts]
        async with talking(crowd) as nursery:
            await crowd.settled()
            watcher, names = crowd.steady[0], {ghost.nick for ghost in ghosts}
            last = (await servers.log()).last["pm"]
            with trio.fail_after(TIMEOUT):
                while watcher.newest("pm") <= last:  # before a line everybody is told who has come until then
                    await trio.sleep(0.02)
            nursery.start_soon(comer.flood)
            await crowd.acknowledge(30)
            for someone in ghosts:
                someone.is_leaving = True
            comer.nodes = servers.nodes
            killed = trio.current_time()
            await there.kill()
            with trio.fail_after(LEFT_SECONDS + LATE_SECONDS):
                while {nick for _, nick in watcher.told_of("left", killed)} != names:
                    await trio.sleep(0.05)
            assert min(at for at, _ in watcher.told_of("left", killed)) > killed + 8
            await crowd.acknowledge(30)
            assert sorted(nick for _, nick in watcher.told_of("left", killed)) == sorted(names)
            assert watcher.told_of("joined", killed) == []
            assert comer.is_here
            await servers.assert_all_is_well(crowd)


async def test_a_server_that_has_been_stopped_for_longer_begins_anew_and_shows_nothing_late(
    tmp_path: Path, shared: Database
) -> None:
    async with several("ab", tmp_path, shared) as servers:
        here, there = servers.nodes
        crowd = Crowd(servers.nodes, 9, steady=3, callers=4, pace=0.05)
        stuck = Program("stuck", [there], ["pm"], random.Random(9), resumes=True)  # noqa: S311
        crowd.extra.append(stuck)
        async with talking(crowd) as nursery:
            await crowd.settled()
            nursery.start_soon(stuck.flood)
            await crowd.acknowledge(50)
            there.pause()
            stuck.nodes = [here]
            with trio.fail_after(20):
                await trio.sleep(15)
            there.go_on()
            await crowd.acknowledge(50)
            await servers.assert_all_is_well(crowd)
        assert stuck.dismissed == ["moved"]
