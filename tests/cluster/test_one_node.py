"""The harness itself, at one server with files: what must hold of several holds there too."""

from pathlib import Path

import pytest
import trio

from cluster.checker import not_agreed_on_who_is_there, violations
from cluster.crowd import Crowd, talking
from cluster.log import read_sqlite
from cluster.nodes import running
from processes import TIMEOUT


@pytest.mark.slow
async def test_what_a_crowd_is_shown_by_one_server_that_is_killed_again_and_again_is_in_its_log(tmp_path: Path) -> None:
    async with running({"one": ""}, tmp_path) as nodes:
        (node,) = nodes.values()
        crowd = Crowd([node], 1)
        async with talking(crowd):
            for _ in range(3):
                before = crowd.acknowledged
                while crowd.acknowledged < before + 100:
                    await trio.sleep(0.01)
                await node.kill()
                await node.start()
            crowd.quiet()
            online = await crowd.online()
        assert await node.stop() == 0
        log = read_sqlite(tmp_path / "one" / "data" / "journal.db")
    assert violations(log, crowd.clients) == []
    assert [*not_agreed_on_who_is_there(log, online)] == []
    assert crowd.acknowledged > 300


@pytest.mark.slow
async def test_somebody_whose_name_another_has_taken_meanwhile_comes_back_by_their_first_one(tmp_path: Path) -> None:
    async with running({"one": ""}, tmp_path) as nodes:
        crowd = Crowd([*nodes.values()], 1, steady=0, wandering=2, callers=0)
        first, second = crowd.wandering
        async with talking(crowd) as nursery:
            crowd.quiet()
            await crowd.settled()
            await first.rename(["name0"])
            first.leave()
            with trio.fail_after(TIMEOUT):
                while second.nick != "name0":
                    await second.rename(["name0"])
            await first.say()
            first.is_leaving = False
            nursery.start_soon(first.run)
            await crowd.online()
    assert (first.nick, second.nick) == (first.client.name, "name0")
    assert not first.waiting
