"""What metrics say of a server, on virtual time: that each is true, and that none tells of rooms or people."""

from pathlib import Path
from typing import Any

import pytest
import trio
from prometheus_client.metrics_core import Metric
from prometheus_client.parser import text_string_to_metric_families

from chat_server.server.beside import Beside
from chat_server.server.disk import FULL_BYTES, Disk, Sizes
from chat_server.server.lateness import Lateness
from chat_server.server.measured import METRICS
from chat_server.server.monitor_pages import FRESH_SECONDS, pages
from chat_server.server.observed import SESSIONS_AT_ONCE, Observed
from streams import House, open_house


class Watch:
    """What is fetched from a house, as Prometheus reads it."""

    def __init__(self, house: House, disk: Disk | None = None) -> None:
        beside = Beside(house.server.health, Lateness(), disk or Disk(None))
        self.pages = pages(house.server.health, lambda: house.server.observed(beside))

    async def text(self) -> str:
        await trio.sleep(FRESH_SECONDS)
        return (await self.pages["/metrics"]()).body

    async def families(self) -> dict[str, Metric]:
        return {family.name: family for family in text_string_to_metric_families(await self.text())}

    async def value(self, name: str, **labels: str) -> float:
        """The one value of this name with these labels."""
        found = [
            sample.value
            for family in (await self.families()).values()
            for sample in family.samples
            if sample.name == name and sample.labels == labels
        ]
        (value,) = found
        return float(value)


async def test_what_is_fetched_is_what_prometheus_reads(autojump_clock: trio.abc.Clock) -> None:
    async with open_house() as house:
        await house.ann_and_bob()
        families = await Watch(house).families()
    declared = {metric.name.removesuffix("_total"): metric for metric in METRICS}
    assert families.keys() <= declared.keys()
    assert len(families) > len(declared) / 2
    for name, family in families.items():
        assert family.type == declared[name].kind, name
        assert family.documentation == declared[name].help, name
        assert all(set(sample.labels) <= {*declared[name].labels, "le"} for sample in family.samples), name


async def test_who_is_here_is_counted_by_door_and_kind(autojump_clock: trio.abc.Clock) -> None:
    async with open_house() as house:
        await house.ann_and_bob()
        program = house.connect()
        await program.enter("carl", "python")
        silent = house.call()
        watch = Watch(house)
        assert await watch.value("chat_sessions", door="text", tls="no") == 3
        assert await watch.value("chat_sessions", door="json", tls="no") == 1
        assert await watch.value("chat_sessions", door="json", tls="yes") == 0
        assert await watch.value("chat_people", kind="guest") == 3
        assert await watch.value("chat_people", kind="account") == 0
        assert await watch.value("chat_connections") == 4
        assert await watch.value("chat_callers_total", outcome="let-in") == 4
        await silent.stream.aclose()
        assert await watch.value("chat_connections") == 3
        assert await watch.value("chat_callers_total", outcome="let-in") == 4


async def test_what_is_refused_is_counted_by_its_code_at_both_doors(autojump_clock: trio.abc.Clock) -> None:
    async with open_house(connections=3) as house:
        ann, _ = await house.ann_and_bob()
        program = house.connect()
        await program.enter("carl", "python")
        refused = house.call()
        await refused.read_to_end()
        await ann.type("/join nowhere-at-all")
        await program.ask("join", room="nowhere-at-all")
        await program.wait_for("refused")
        watch = Watch(house)
        assert await watch.value("chat_refusals_total", code="no-such-room") == 2
        assert await watch.value("chat_callers_total", outcome="server-full") == 1


async def test_turns_and_lines_are_counted(autojump_clock: trio.abc.Clock) -> None:
    async with open_house() as house:
        ann, bob = await house.ann_and_bob()
        watch = Watch(house)
        turns, shown = await watch.value("chat_turn_entries_count"), await watch.value("chat_fan_out_seconds_count")
        await ann.type("hello")
        await bob.read_until("hello")
        assert await watch.value("chat_lines_stored_total") == 1
        assert await watch.value("chat_turn_entries_count") == turns + 1
        assert await watch.value("chat_fan_out_seconds_count") > shown
        assert await watch.value("chat_inbox_entries_max") == 0


async def test_slow_readers_are_seen_and_what_they_miss_is_counted_once(autojump_clock: trio.abc.Clock) -> None:
    async with open_house(waiting_bytes=4096, messages_per_second=0) as house:
        ann, bob = await house.ann_and_bob(bob_is_stuck=True)
        watch = Watch(house)
        await ann.type("what the connection takes")
        await trio.sleep(1)
        await ann.type(*(f"line {number}" for number in range(20)))
        await trio.sleep(1)
        assert await watch.value("chat_waiting_readers") == 1
        assert await watch.value("chat_waiting_bytes") > 0
        lines = await watch.value("chat_waiting_lines")
        assert 15 <= lines <= 25
        assert await watch.value("chat_skipped_lines_total") == 0
        await ann.type(*(f"line {number}" for number in range(300)))
        await trio.sleep(1)
        told = await bob.read_until("skipped")
        assert str(int(await watch.value("chat_skipped_lines_total"))) in told


async def test_passwords_that_are_tried_are_counted(autojump_clock: trio.abc.Clock) -> None:
    async with open_house() as house:
        tries = house.server.observed(Beside(house.server.health, Lateness(), Disk(None)))
        throttles = tries.directory.authentication.throttles
        attempt: Any = throttles.begin("1", "192.0.2.1", 0.0)
        throttles.failed(attempt, 0.0)
        attempt = throttles.begin("1", "192.0.2.1", 0.0)
        throttles.succeeded(attempt, 0.0)
        while isinstance(attempt, type(throttles.begin("2", "192.0.2.2", 0.0))):
            attempt = throttles.begin("1", "192.0.2.1", 0.0)
        watch = Watch(house)
        assert await watch.value("chat_logins_total", result="failed") == 1
        assert await watch.value("chat_logins_total", result="ok") == 1
        assert await watch.value("chat_logins_total", result="throttled") == 1


async def test_nothing_tells_of_rooms_people_or_addresses(autojump_clock: trio.abc.Clock) -> None:
    async with open_house() as house:
        ann, _ = await house.ann_and_bob()
        await ann.type("/create secretroom")
        await ann.type("a secret word")
        await house.connect().enter("xavierprivate", "python")
        text = await Watch(house).text()
    for told in ("secret", "xavier", 'python"', '"ann', '"bob', "192.0.2", '"pm'):
        lines = [line for line in text.splitlines() if told in line and not line.startswith("#")]
        assert lines == [], told


async def test_a_walk_through_many_sessions_gives_way(autojump_clock: trio.abc.Clock) -> None:
    async with open_house(connections_per_address=0) as house:
        for _ in range(3 * SESSIONS_AT_ONCE):
            house.call()
        await trio.testing.wait_all_tasks_blocked()
        watch = Watch(house)
        steps = 0

        async def count_steps() -> None:
            nonlocal steps
            while True:
                await trio.lowlevel.checkpoint()
                steps += 1

        async with trio.open_nursery() as nursery:
            await trio.sleep(FRESH_SECONDS)
            nursery.start_soon(count_steps)
            await watch.pages["/metrics"]()
            nursery.cancel_scope.cancel()
        assert steps > 3


async def test_whoever_asks_without_end_has_it_looked_at_once_a_second(
    autojump_clock: trio.abc.Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    looks = 0
    look = Observed.look

    async def counted(self: Observed) -> None:
        nonlocal looks
        looks += 1
        await look(self)

    monkeypatch.setattr(Observed, "look", counted)
    async with open_house() as house:
        watch = Watch(house)
        async with trio.open_nursery() as nursery:
            for _ in range(50):
                nursery.start_soon(watch.pages["/metrics"])
        assert looks == 1
        await watch.text()
        assert looks == 2


@pytest.mark.goes_wrong
async def test_a_metric_that_cannot_be_read_hurts_no_other(
    autojump_clock: trio.abc.Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with open_house() as house:
        watch = Watch(house)
        monkeypatch.setattr(house.server._budget, "total", None)
        families = await watch.families()
        assert "chat_waiting_bytes" not in families
        assert "chat_waiting_limit_bytes" in families


async def test_readiness_follows_the_server(autojump_clock: trio.abc.Clock) -> None:
    async with open_house() as house:
        watch = Watch(house)
        assert (await watch.pages["/readyz"]()).body == "it is starting\n"
        house.server.health.ready()
        assert (await watch.pages["/readyz"]()).status == 200
        assert await watch.value("chat_ready") == 1
        house.server.stop()
        assert await watch.pages["/readyz"]() == (503, "it is stopping\n", "text/plain; charset=utf-8")
        assert (await watch.pages["/healthz"]()).status == 200


async def test_a_full_disk_is_no_health(tmp_path: Path) -> None:
    free = FULL_BYTES

    def look(_: Path | None) -> Sizes:
        return Sizes(free)

    disk = Disk(tmp_path, look)
    async with trio.open_nursery() as nursery:
        nursery.start_soon(disk.run)
        while disk.looked_at < 0:
            await trio.sleep(0.001)
        assert disk.trouble() == ""
        nursery.cancel_scope.cancel()
    disk.sizes = Sizes(FULL_BYTES // 4)
    assert disk.trouble() == "the disk of the data directory is full: 4 MiB are free"


async def test_how_late_the_loop_is_is_seen(autojump_clock: trio.abc.Clock) -> None:
    lateness = Lateness()
    with trio.move_on_after(1.05):
        await lateness.run()
    assert sum(lateness.seconds.counts) == 10
    assert lateness.seconds.total < 0.001
