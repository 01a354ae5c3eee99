"""What is asked of the journal while something is read is read in the next turn, together; whoever goes meanwhile keeps nobody else waiting."""

import threading
from collections.abc import AsyncIterator
from contextlib import closing
from pathlib import Path

import pytest
import trio
from trio.testing import wait_all_tasks_blocked

from chat_server.journal import JournalError
from chat_server.journal.sqlite import readings as readings_module
from chat_server.journal.sqlite.reader import Reader
from chat_server.journal.sqlite.readings import Readings
from chat_server.journal.sqlite.writer import Writer


class Turns:
    """Readings, and how many questions each turn has answered."""

    def __init__(self, path: Path) -> None:
        self.readings = Readings(path)
        self.sizes: list[int] = []
        read = self.readings._read

        def counted(answered: list[object]) -> None:
            read(answered)  # type: ignore[arg-type]
            self.sizes.append(len(answered))

        self.readings._read = counted  # type: ignore[method-assign, assignment]


@pytest.fixture
async def turns(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Turns]:
    monkeypatch.setattr(readings_module, "TURN_SECONDS", 60.0)
    with closing(Writer(tmp_path / "journal.db")) as writer:
        writer.create_room("python")
        turns = Turns(tmp_path / "journal.db")
        yield turns
        turns.readings.close()


def names(reader: Reader) -> list[str]:
    return [room.name for room in reader.rooms()]


async def test_what_waits_is_read_together(turns: Turns) -> None:
    found: list[list[str]] = []
    free = threading.Event()

    async def ask() -> None:
        found.append(await turns.readings(names))

    async with trio.open_nursery() as nursery:
        nursery.start_soon(turns.readings, lambda _: free.wait())
        await wait_all_tasks_blocked(0.01)
        for _ in range(20):
            nursery.start_soon(ask)
        await wait_all_tasks_blocked(0.01)
        free.set()
    assert found == [["python"]] * 20
    assert sum(turns.sizes) == 21
    assert len(turns.sizes) <= 2


async def test_a_turn_ends_when_it_has_taken_long_enough(turns: Turns, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(readings_module, "TURN_SECONDS", 0.0)
    async with trio.open_nursery() as nursery:
        for _ in range(5):
            nursery.start_soon(turns.readings, names)
    assert turns.sizes == [1] * 5


async def test_one_that_fails_fails_alone(turns: Turns) -> None:
    told: list[str] = []
    free = threading.Event()

    def broken(reader: Reader) -> object:
        return reader._rows("SELECT * FROM nowhere")

    async def ask_broken() -> None:
        with pytest.raises(JournalError, match="nowhere"):
            await turns.readings(broken)
        told.append("failed")

    async def ask() -> None:
        told.extend(await turns.readings(names))

    async with trio.open_nursery() as nursery:
        nursery.start_soon(turns.readings, lambda _: free.wait())
        await wait_all_tasks_blocked(0.01)
        for one in (ask, ask_broken, ask):
            nursery.start_soon(one)
            await wait_all_tasks_blocked(0.01)
        free.set()
    assert sorted(told) == ["failed", "python", "python"]
    assert await turns.readings(names) == ["python"]


async def test_who_goes_meanwhile_keeps_nobody_waiting_whoevers_turn_it_was(turns: Turns) -> None:
    for gone in range(3):
        found: list[list[str]] = []
        asked: list[int] = []

        async def ask(
            number: int,
            scope: trio.CancelScope,
            found: list[list[str]] = found,
            asked: list[int] = asked,
        ) -> None:
            def look(reader: Reader) -> list[str]:
                asked.append(number)
                return names(reader)

            with scope:
                found.append(await turns.readings(look))

        async with trio.open_nursery() as nursery:
            await turns.readings.limit.acquire()  # as one has it who renames a room
            scopes = [trio.CancelScope() for _ in range(3)]
            for number, scope in enumerate(scopes):
                nursery.start_soon(ask, number, scope)
                await wait_all_tasks_blocked(0.01)
            scopes[gone].cancel()
            await wait_all_tasks_blocked(0.01)
            assert not found
            turns.readings.limit.release()
        assert found == [["python"]] * 2
        assert gone not in asked, "nobody wants to know that any more"
    assert await turns.readings(names) == ["python"]
