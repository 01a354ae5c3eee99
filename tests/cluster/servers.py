"""Several servers on one PostgreSQL, with a link from each to it, and one to each for its callers."""

from collections.abc import AsyncIterator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from functools import partial
from pathlib import Path

import trio

from cluster.checker import not_agreed_on_who_is_there, violations
from cluster.crowd import Crowd
from cluster.engine import in_thread, read_log
from cluster.links import Link, linked
from cluster.log import Log
from cluster.nodes import Node, running
from postgresql import Database

SHORT_SILENCE = 4.0
"""Seconds after which a server is given up, where it matters that it is, and not when."""

SETTLED_SECONDS = 40.0
"""Seconds after which whoever has gone has left, everywhere: a server looks after the others when it has run for ten, and those go within these."""

CONFIG = """
[journal]
engine = "postgresql"
url = "{url}"
[node]
name = "{name}"
silence_seconds = {silence}
"""


class Servers:
    """The servers that run, and the links between them and the engine."""

    def __init__(self, database: Database, nodes: dict[str, Node], links: dict[str, list[Link]]) -> None:
        self.database = database
        self.by_name = nodes
        self.links = links
        """Of each server, to the engine, or to each of two that may be it."""

    @property
    def nodes(self) -> list[Node]:
        return [*self.by_name.values()]

    def link(self, node: Node) -> Link:
        """From a server to the engine."""
        return self.links[node.name][0]

    async def log(self) -> Log:
        """Everything that is stored."""
        found: Log = await in_thread(read_log, self.database.url)
        return found

    async def assert_all_is_well(self, crowd: Crowd, *, had_doubts: bool = False) -> Log:
        """Let the crowd be quiet, and hold what it has noted against what is stored.

        Args:
            crowd: who has been talking.
            had_doubts: whether the engine did not answer for a while.
        """
        crowd.quiet()
        give_up_at = trio.current_time() + SETTLED_SECONDS
        log, wrong = await self._held_against_the_log(crowd, had_doubts=had_doubts)
        while (later := await self.log()).turns != log.turns:
            # Something was still on its way, and may have been shown to somebody after the log was read.
            assert trio.current_time() < give_up_at, "somebody goes on and on, though the crowd is to be quiet"
            log, wrong = await self._held_against_the_log(crowd, had_doubts=had_doubts)
        logs = "".join(f"--- {node.name}\n{node.log}" for node in self.nodes)
        assert wrong == [], "\n".join([*wrong[:20], logs[-5000:]])
        return later

    async def _held_against_the_log(self, crowd: Crowd, *, had_doubts: bool) -> tuple[Log, list[str]]:
        """What is stored, once everybody has been shown it; and what is wrong with what they have noted."""
        online, log = await crowd.online(), await self.log()
        with trio.move_on_after(SETTLED_SECONDS):
            while crowd.is_behind(log) or [*not_agreed_on_who_is_there(log, online)]:
                await trio.sleep(0.2)
                online, log = await crowd.online(), await self.log()
        return log, [
            *violations(log, crowd.clients, had_doubts=had_doubts),
            *not_agreed_on_who_is_there(log, online),
        ]


@asynccontextmanager
async def several(
    names: Sequence[str], folder: Path, database: Database, *others: Database, silence: float = 10.0
) -> AsyncIterator[Servers]:
    """Servers of these names on a database, or on whichever of several is the first among them."""
    async with AsyncExitStack() as stack:
        links: dict[str, list[Link]] = {}
        configs: dict[str, str] = {}
        for name in names:
            links[name] = [
                await stack.enter_async_context(linked(partial(trio.open_tcp_stream, "127.0.0.1", each.cluster.port)))
                for each in (database, *others)
            ]
            ports = ",".join(str(link.port) for link in links[name])
            hosts = ",".join("127.0.0.1" for _ in links[name])
            url = f"host={hosts} port={ports} dbname={database.name} user=chat"
            configs[name] = CONFIG.format(url=url, name=name, silence=silence)
        nodes = await stack.enter_async_context(running(configs, folder))
        yield Servers(database, nodes, links)
