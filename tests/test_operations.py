"""What is done to a server that is left alone for years, again and again, while people talk: reloads, certificates, restarts, copies, logs.

Nothing is lost, nothing doubled, and memory stays as it is: an hour of it on virtual time. test_operated.py does so to a real server.
"""

import gc
import io
import os
import sys
from collections.abc import Awaitable, Callable
from typing import Any

import trio
from msgspec.structs import replace

from captured_logs import capture_logs
from chat_server.config import BackupTable, Config
from chat_server.config_changes import changes_between
from chat_server.journal.export_lines import read_line
from chat_server.journal.kept_in_memory import Kept
from chat_server.journal.maintenance import export
from chat_server.journal.memory import MemoryJournal
from chat_server.journal.memory_archive import MemoryArchive
from chat_server.protocol.entries import Said
from chat_server.server.backups import Backups, Found
from chat_server.server.server import Server
from chatterers import Chatterer, check, until_all_is_told
from fakes import cheap_hashing, store_of
from streams import House

ROOMS = ("python", "write")


def kept_in(archive: Any) -> dict[str, dict[int, str]]:
    """What is kept of each room: its lines by their numbers."""
    out = io.BytesIO()
    export(archive, out, lambda *_: None)
    found: dict[str, dict[int, str]] = {room: {} for room in ROOMS}
    for line in map(read_line, out.getvalue().splitlines(keepends=True)):
        if isinstance(line, Said) and line.room in found:
            assert line.seq not in found[line.room]
            found[line.room][line.seq] = line.text
    return found


def people(connect: Callable[[], Awaitable[trio.abc.Stream]], talkers: int, pause: float) -> list[Chatterer]:
    """So many who talk in each room, and one who only reads."""
    return [
        Chatterer(connect, f"{room[0]}{number}", room, pause if number else 0.0)
        for room in ROOMS
        for number in range(talkers + 1)
    ]


# An hour on virtual time.

LIVES, MINUTES_EACH = 12, 5


class Shift:
    """A server that is begun anew again and again, on the same journal."""

    def __init__(self) -> None:
        self.kept = Kept()
        self.house: House | None = None
        self.copies: list[int] = []
        self.reloads = 0

    async def connect(self) -> trio.abc.Stream:
        if self.house is None or self.house.server.ending.requested.is_set():
            raise OSError("nobody listens")
        return self.house.connect().stream

    async def live(self, config: Config) -> None:
        """One life of five minutes."""
        journal = MemoryJournal(self.kept)
        backups = Backups(BackupTable("2m"), self.copy, self.look, now=trio.current_time)
        server = Server(
            config, store_of(journal), fingerprint=lambda: f"certificate {self.reloads}", hashing=cheap_hashing()
        )
        async with trio.open_nursery() as nursery:
            house = House(server, nursery)
            await nursery.start(house.run)
            self.house = house
            nursery.start_soon(backups.run)
            for minute in range(MINUTES_EACH):
                await trio.sleep(60)
                await self.reload(house, config, 1000 + minute)
            server.ending.ask_for(is_restart=True)
            await house.ended.wait()
            assert house.exit_code == 0
            nursery.cancel_scope.cancel()

    async def reload(self, house: House, config: Config, rooms: int) -> None:
        other = replace(config, limits=replace(config.limits, rooms=rooms))
        usable = changes_between(house.server.in_effect.config, other).usable
        (await house.server.in_effect.prepared(usable))()
        self.reloads += 1
        caller = house.call()
        await caller.type("/tls")
        await caller.read_until(f"certificate {self.reloads}")
        await caller.stream.aclose()

    async def copy(self) -> None:
        """Look through all that there is, as whoever makes a copy does."""
        self.copies.append(sum(map(len, kept_in(MemoryArchive(self.kept)).values())))

    async def look(self) -> Found:
        return Found()


async def test_an_hour_of_reloads_restarts_and_copies_loses_and_doubles_nothing(
    autojump_clock: trio.abc.Clock,
) -> None:
    shift = Shift()
    config = Config()
    config = replace(config, limits=replace(config.limits, messages_per_second=0, connections_per_address=0))
    everybody = people(shift.connect, 3, 5.0)
    objects, files = [], []
    with capture_logs() as log:
        async with trio.open_nursery() as nursery:
            for one in everybody:
                nursery.start_soon(one.run)
            for _ in range(LIVES):
                await shift.live(config)
                gc.collect()
                objects.append(len(gc.get_objects()) - len(log))
                files.append(len(os.listdir("/proc/self/fd")) if sys.platform == "linux" else 0)
            nursery.start_soon(shift.live, config)
            await until_all_is_told(everybody)
            nursery.cancel_scope.cancel()
    assert [line for line in log if line["log_level"] == "error"] == []
    said = check(everybody, kept_in(MemoryArchive(shift.kept)))
    assert said > 4000
    assert min(one.comes for one in everybody) >= LIVES
    assert max(gap for one in everybody for gap in one.away[:LIVES]) < 5
    assert len(shift.copies) >= 2 * LIVES
    assert files[-1] <= files[1]
    # What is said is kept: here in memory, some objects a line. Nothing else grows.
    assert objects[-1] - objects[1] < 12 * said
