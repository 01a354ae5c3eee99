"""Whatever breaks, in whatever order, two things at once too: `scripts/soak-cluster` has it for hours.

The rest of this folder has each fault by itself, and what must hold for that one besides.
"""

import os
import random
from collections.abc import Awaitable, Callable
from pathlib import Path

import pytest
import trio

from cluster import engine
from cluster.crowd import Crowd, talking
from cluster.engine import in_thread
from cluster.nodes import Node
from cluster.servers import SHORT_SILENCE, Servers, several
from postgresql import Database

pytestmark = pytest.mark.slow

COUNT = int(os.environ.get("FAULTS", "12"))
"""How many in all."""

SERIES = 50
"""Faults after which the servers begin with an empty database: what is held against each other grows no further."""

Fault = Callable[[Servers, Node, float], Awaitable[None]]


async def kill(servers: Servers, node: Node, seconds: float) -> None:
    """A server ends in whatever it does, and is there again later."""
    await node.kill()
    await trio.sleep(seconds)
    await node.start()


async def restart(servers: Servers, node: Node, seconds: float) -> None:
    """A server ends in order, and is there again later."""
    await node.stop()
    await trio.sleep(seconds / 4)
    await node.start()


async def pause(servers: Servers, node: Node, seconds: float) -> None:
    """A server does nothing for a while."""
    node.pause()
    await trio.sleep(seconds)
    node.go_on()


async def cut(servers: Servers, node: Node, seconds: float) -> None:
    """A server cannot connect to the engine for a while."""
    servers.link(node).cut()
    await trio.sleep(seconds)
    servers.link(node).mend()


async def drop(servers: Servers, node: Node, seconds: float) -> None:
    """A server loses its connections to the engine, again and again."""
    for _ in range(10):
        servers.link(node).drop()
        await trio.sleep(seconds / 10)


async def swallow(servers: Servers, node: Node, seconds: float) -> None:
    """A server hears nothing of the engine for a while."""
    servers.link(node).black_hole()
    await trio.sleep(seconds)
    servers.link(node).mend()


async def mute(servers: Servers, node: Node, seconds: float) -> None:
    """A server is told of nothing that happens, and must look."""
    servers.link(node).mute_listeners()
    await trio.sleep(seconds)
    servers.link(node).mend()


async def slow_down(servers: Servers, node: Node, seconds: float) -> None:
    """The engine is far away."""
    servers.link(node).delay = 0.2
    await trio.sleep(seconds)
    servers.link(node).mend()


async def hang_up(servers: Servers, node: Node, seconds: float) -> None:
    """All callers of a server lose their connections."""
    node.callers.drop()


async def kill_engine(servers: Servers, node: Node, seconds: float) -> None:
    """The engine ends in whatever it does, and is there again later."""
    await in_thread(servers.database.cluster.kill)
    await trio.sleep(seconds / 2)
    await in_thread(servers.database.cluster.start)


async def kill_a_backend(servers: Servers, node: Node, seconds: float) -> None:
    """The engine ends all connections and recovers."""
    await in_thread(engine.kill_a_backend, servers.database.cluster, servers.database.name)


AT_A_SERVER: list[Fault] = [kill, kill, restart, pause, cut, drop, swallow, mute, slow_down, hang_up]
AT_THE_ENGINE: list[Fault] = [kill_engine, kill_a_backend]


@pytest.mark.parametrize("series", range(-(-COUNT // SERIES)))
async def test_nothing_that_anybody_was_shown_is_lost_whatever_breaks(
    series: int, tmp_path: Path, own: Database
) -> None:
    chance = random.Random(f"faults {series}")  # noqa: S311 - the same faults every time
    lock = trio.Lock()
    async with several("abc", tmp_path, own, silence=SHORT_SILENCE) as servers:
        crowd = Crowd(servers.nodes, series, steady=3, wandering=3, callers=2)
        whole = {*servers.nodes}

        async def break_server(fault: Fault, node: Node, seconds: float) -> None:
            print(f"{trio.current_time():.1f} {fault.__name__} {node.name} {seconds:.1f}")  # noqa: T201 - where it fails
            await fault(servers, node, seconds)
            whole.add(node)

        async def break_engine(fault: Fault, node: Node, seconds: float) -> None:
            print(f"{trio.current_time():.1f} {fault.__name__} {seconds:.1f}")  # noqa: T201 - as above
            async with lock:
                await in_thread(servers.database.cluster.wait)  # it may still recover from the one before
                await fault(servers, node, seconds)

        async with talking(crowd):
            async with trio.open_nursery() as nursery:
                for _ in range(min(SERIES, COUNT - series * SERIES)):
                    while not whole:
                        await trio.sleep(0.05)
                    seconds = chance.choice((0.5, 2, SHORT_SILENCE + 2))
                    node = chance.choice(sorted(whole, key=lambda node: node.name))
                    if chance.random() < 0.2:
                        nursery.start_soon(break_engine, chance.choice(AT_THE_ENGINE), node, seconds)
                    else:
                        whole.remove(node)
                        nursery.start_soon(break_server, chance.choice(AT_A_SERVER), node, seconds)
                    await trio.sleep(chance.choice((0.1, 1, 2)))
            await crowd.acknowledge(100)
            await servers.assert_all_is_well(crowd, had_doubts=True)
