"""The canary, on virtual time: that it is heard while all is well, that it is not when lines cannot be stored, and that nobody sees it."""

import gc
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest
import trio

from captured_logs import capture_logs
from chat_server.journal import Journal, JournalError, PendingProbe
from chat_server.journal.kept_in_memory import Kept
from chat_server.journal.memory import MemoryJournal
from chat_server.journal.memory_nodes import MemoryNode
from chat_server.limits import Limits
from chat_server.server.beside import Beside
from chat_server.server.canary import AGAIN_SECONDS, EVERY_SECONDS, HEARD_WITHIN, SILENT_SECONDS, Canary
from chat_server.server.disk import Disk
from chat_server.server.echoes import Echoes
from chat_server.server.lateness import Lateness
from fakes import FaultyJournal, store_of
from node_houses import open_nodes
from streams import open_house


class HangingDisk(MemoryJournal):
    """A journal whose disk may store nothing for a while, or refuse."""

    def __init__(self) -> None:
        super().__init__()
        self.goes_on = trio.Event()
        self.goes_on.set()
        self.refuses = ""
        self.probes = 0

    def probe(self) -> PendingProbe:
        self.probes += 1
        return self

    async def stored(self) -> None:
        await self.goes_on.wait()
        if self.refuses:
            raise JournalError(self.refuses)


@asynccontextmanager
async def at_work(journal: Journal, limits: Limits | None = None) -> AsyncIterator[Canary]:
    canary = Canary(store_of(journal), lambda: limits or Limits())
    async with trio.open_nursery() as nursery:
        nursery.start_soon(canary.run)
        yield canary
        nursery.cancel_scope.cancel()


async def heard(canary: Canary, seconds: float = 5.0) -> None:
    """Wait until it is; real sockets take real time."""
    before = canary.heard_at
    with trio.fail_after(seconds):
        while canary.heard_at == before:
            await trio.sleep(0.01)


async def until(canary: Canary, *, is_wrong: bool) -> str:
    """Wait until it says that something is wrong, or nothing is."""
    while bool(canary.trouble()) != is_wrong:
        await trio.sleep(0.01)
    return canary.trouble()


async def test_it_is_heard_twice_a_minute_and_takes_little_time(autojump_clock: trio.abc.Clock) -> None:
    journal = HangingDisk()
    async with at_work(journal) as canary:
        await heard(canary)
        first = canary.heard_at
        assert canary.seconds is not None
        assert canary.seconds < 1
        for _ in range(3):
            await heard(canary, EVERY_SECONDS + 5)
        assert canary.heard_at - first == pytest.approx(3 * EVERY_SECONDS, abs=5)
        assert journal.probes == 4
        assert canary.unheard == 0
        assert canary.trouble() == ""


async def test_a_disk_that_hangs_is_found_and_that_it_goes_on_too(autojump_clock: trio.abc.Clock) -> None:
    journal = HangingDisk()
    async with at_work(journal) as canary:
        await heard(canary)
        journal.goes_on = trio.Event()
        hung_at = trio.current_time()
        told = await until(canary, is_wrong=True)
        assert trio.current_time() - hung_at < EVERY_SECONDS + HEARD_WITHIN + 5
        assert "no line could be stored and shown: the disk, or the database, does not answer" in told
        await trio.sleep(3600)
        assert canary.trouble()
        assert journal.probes == 2  # nothing piles up meanwhile
        journal.goes_on.set()
        await heard(canary)
        assert canary.trouble() == ""
        assert canary.seconds is not None
        assert canary.seconds > 3600
        await heard(canary, EVERY_SECONDS + 5)
        assert canary.seconds < 1


async def test_a_full_disk_is_found_and_room_on_it_soon(autojump_clock: trio.abc.Clock) -> None:
    journal = HangingDisk()
    async with at_work(journal) as canary:
        await heard(canary)
        with capture_logs() as logs:
            journal.refuses = "no space left on device"
            told = await until(canary, is_wrong=True)
            await trio.sleep(60)
        assert told == "a line cannot be stored and shown: no space left on device"
        assert canary.unheard > 5
        assert "the canary is not heard" in logs[0]["event"]
        journal.refuses = ""
        freed_at = trio.current_time()
        await until(canary, is_wrong=False)
        assert trio.current_time() - freed_at < 2 * AGAIN_SECONDS


async def test_a_server_that_ends_is_well_however_long_that_takes(autojump_clock: trio.abc.Clock) -> None:
    async with at_work(HangingDisk()) as canary:
        await heard(canary)
    await trio.sleep(10 * SILENT_SECONDS)
    assert canary.trouble() == ""


async def test_one_that_has_ended_is_missed(autojump_clock: trio.abc.Clock) -> None:
    canary = Canary(store_of(HangingDisk()), Limits)
    await trio.sleep(SILENT_SECONDS - 1)
    assert canary.trouble() == ""
    await trio.sleep(2)
    assert "no line could be stored and shown" in canary.trouble()


@pytest.mark.goes_wrong
async def test_a_bug_in_the_way_of_a_line_is_found(
    autojump_clock: trio.abc.Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    journal = HangingDisk()
    async with at_work(journal) as canary:
        await heard(canary)
        monkeypatch.setattr(canary._journal, "append", None)
        assert await until(canary, is_wrong=True)
        monkeypatch.undo()
        await until(canary, is_wrong=False)


@pytest.mark.parametrize(
    "limits", [Limits(), Limits(messages_per_second=0, connections_per_address=0), Limits(message_burst=1)]
)
async def test_it_keeps_to_whatever_bounds_callers_have(autojump_clock: trio.abc.Clock, limits: Limits) -> None:
    async with at_work(HangingDisk(), limits) as canary:
        await heard(canary)
        await heard(canary, EVERY_SECONDS + 5)
        assert canary.unheard == 0


async def test_nobody_sees_it(autojump_clock: trio.abc.Clock) -> None:
    async with open_house() as house:
        ann, _ = await house.ann_and_bob()
        server = house.server
        canary = Canary(server._store, lambda: server.in_effect.config.limits)
        house.nursery.start_soon(canary.run)
        await heard(canary)
        await ann.type("/online", "/rooms", "/last", "/search tweet", "/back", "/online", "/rooms", "/time UTC")
        told = await ann.read_until("UTC")
        assert "python" in told
        assert "canary" not in told
        assert told.count("tweet") <= 1  # what was looked for
        await ann.type("/join python", "the end")
        await trio.sleep(1)
        program = house.connect()
        await program.enter("canary")  # the name is anybody's
        answers = await house.ask_as_operator("who")
        assert [one["nick"] for one in answers if one["is"] == "connected" and one["nick"] == "canary"] == ["canary"]
        assert [one for one in answers if one.get("rooms") == ["canary"]] == []
        rooms = [one["name"] for one in await house.ask_as_operator("rooms") if one["is"] == "room-shown"]
        assert "canary" not in rooms
        (figures, _) = await house.ask_as_operator("stats")
        assert (figures["people"], figures["lines_stored"]) == (3, 1)
        observed = server.observed(Beside(server.health, Lateness(), Disk(None), canary=canary))
        await observed.look()
        assert observed.connections == 3
        assert observed.tally.callers["let-in"] == 3
        assert sum(observed.seen.sessions.values()) == 3
        assert server.hall.directory.room("canary") is None


async def test_nothing_of_it_is_left_behind(autojump_clock: trio.abc.Clock) -> None:
    async with at_work(HangingDisk()) as canary:
        await heard(canary)
        for _ in range(3):
            await heard(canary, EVERY_SECONDS + 5)
        gc.collect()
        before = len(gc.get_objects())
        for _ in range(20):
            await heard(canary, EVERY_SECONDS + 5)
        gc.collect()
        assert len(gc.get_objects()) - before < 200


async def test_a_full_disk_of_the_whole_server_is_no_health(autojump_clock: trio.abc.Clock) -> None:
    journal = FaultyJournal()
    async with open_house(journal=journal) as house:
        canary = Canary(house.server._store, Limits)
        house.server.health.add(canary.trouble)
        house.nursery.start_soon(canary.run)
        await heard(canary)
        assert house.server.health.trouble() == ""
        journal.is_full = True
        assert "no space left on device" in await until(canary, is_wrong=True)
        assert "no space left on device" in house.server.health.trouble()


# Among nodes.


async def test_another_node_hears_of_it_where_there_is_one(autojump_clock: trio.abc.Clock) -> None:
    async with open_nodes(2) as (one, other):
        echoes = one.server.echoes
        assert echoes is not None
        echoes.ask()
        await trio.sleep(2)
        assert echoes.seconds is not None
        assert other.server.echoes is not None
        assert other.server.echoes.seconds is None


async def test_a_node_alone_hears_nothing_and_that_is_well(autojump_clock: trio.abc.Clock) -> None:
    node = MemoryNode(Kept())
    echoes = Echoes(node.signs)
    echoes.ask()
    await trio.sleep(60)
    assert echoes.seconds is None
