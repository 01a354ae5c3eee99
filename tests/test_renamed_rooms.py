"""A room's other name and the entry of its log that tells of it are one commit, on every engine: neither is there without the other."""

import sqlite3
from collections.abc import Callable
from contextlib import closing
from itertools import pairwise
from pathlib import Path

import pytest
import trio
import trio.testing

from archives import checked, no_progress
from chat_server.accounts.acts import ServerAct
from chat_server.journal import JournalError, Receipt, RoomTaken
from chat_server.journal.maintenance import check
from chat_server.journal.showable import showable_state
from chat_server.journal.sqlite.archive import editing
from chat_server.journal.sqlite.data_directory import DataDirectory
from chat_server.journal.sqlite.journal import SqliteJournal
from chat_server.journal.sqlite.writer import Writer
from chat_server.protocol.entries import Said
from chat_server.protocol.room_life import NameSet
from chat_server.protocol.room_state import FORMER_MAX
from chat_server.rooms.changes import Doer
from every_engine import place
from journals import Place, create_rooms, opened, said, store
from nodes import open_nodes, settled
from test_accounts_sqlite import killed, open_store

__all__ = ["place"]


def named(new: str, old: str, at: float = 5000.0) -> NameSet:
    return NameSet(new, 99, at, "ann", new, 4711, was=old)


async def acts_in(place: Place, room: str) -> list[ServerAct]:
    store = place.open_both()
    async with opened(store.journal):
        return await store.accounts.acts.of_room(room, None, 9)


async def test_the_entry_is_the_rooms_next_and_all_that_follows_from_it_is_so(place: Place) -> None:
    async with opened(place.open()) as journal:
        await create_rooms(journal)
        await store(journal, said("one", "two"))
        assert await journal.rename_room("python", "snakes", named("snakes", "python")) == Receipt(3, {}, 2)
        (line,) = (await journal.read("snakes", 3, 9)).lines
        assert isinstance(line, NameSet)
        assert (line.room, line.seq, line.nick, line.text, line.author, line.was) == (
            *("snakes", 3, "ann", "snakes", 4711),
            "python",
        )
        record = (await journal.rooms())[0]
        assert (record.name, record.last, record.turn) == ("snakes", 3, 2)
        assert showable_state(record.state).former == ("python",)
        assert record.last_at == line.at
        assert (await store(journal, said("three", room="snakes"))).first == 4
        assert await journal.seq_at("snakes", 0) == 1
    async with opened(place.open()) as journal:
        assert [line.seq for line in (await journal.read("snakes", 1, 9)).lines] == [1, 2, 3, 4]
    with closing(place.engine.open_archive(place.settings)) as archive:
        assert check(archive, no_progress).problems == []
    (act,) = await acts_in(place, "snakes")
    assert (act.kind, act.by, act.author, act.text, act.number) == ("name-set", "ann", 4711, "snakes", 3)


async def test_a_room_that_keeps_its_name_has_no_entry(place: Place) -> None:
    async with opened(place.open()) as journal:
        await create_rooms(journal)
        await store(journal, said("one"))
        if place.settings.engine == "postgresql":
            with pytest.raises(RoomTaken):
                await journal.rename_room("python", "pm", named("pm", "python"))
            with pytest.raises(JournalError):
                await journal.rename_room("nowhere", "snakes", named("snakes", "nowhere"))
        await journal.rename_room("python", "snakes")
        assert [line.seq for line in (await journal.read("snakes", 1, 9)).lines] == [1], "whoever renames tells of it"
        assert {record.last for record in await journal.rooms()} == {0, 1}


async def test_the_newest_of_its_former_names_are_known_each_once(place: Place) -> None:
    names = ["python", *(f"room{number}" for number in range(FORMER_MAX + 1)), "room2", "last"]
    async with opened(place.open()) as journal:
        await create_rooms(journal)
        for old, new in pairwise(names):
            receipt = await journal.rename_room(old, new, named(new, old))
            assert receipt is not None
        record = (await journal.rooms())[0]
        assert record.name == "last"
        assert showable_state(record.state).former == ("room1", "room3", "room4", "room5", "room2")
        times = [line.at for line in (await journal.read("last", 1, 99)).lines]
    assert times == sorted(times)


@pytest.mark.slow
async def test_wherever_the_server_is_killed_there_are_both_or_neither(tmp_path: Path) -> None:
    data = tmp_path / "data"
    journal, *_ = open_store(data)
    async with opened(journal):
        await create_rooms(journal)
        await store(journal, said("one"))
    act = "journal.rename_room('python', 'snakes', NameSet('snakes', 0, 2000.0, 'ann', 'snakes', 0, was='python'))"
    found = []
    for was_done in killed(
        data, act.replace("NameSet(", "__import__('chat_server.protocol.room_life').protocol.room_life.NameSet(")
    ):
        journal, *_ = open_store(data)
        async with opened(journal):
            record = (await journal.rooms())[0]
            lines = (await journal.read(record.name, 1, 9)).lines
        is_renamed = record.name == "snakes"
        assert [type(line) for line in lines] == ([Said, NameSet] if is_renamed else [Said])
        assert showable_state(record.state).former == (("python",) if is_renamed else ())
        assert is_renamed or not was_done
        assert checked(data / "journal.db", data / "search.db").problems == []
        found.append(is_renamed)
    assert len(found) > 5
    assert {*found} == {False}, "before its one commit there is nothing"


def test_nor_is_there_one_without_the_other_where_no_server_runs(tmp_path: Path) -> None:
    """It is killed at each of the statements: here, by an error, for what is not committed is not there."""
    with closing(DataDirectory(tmp_path)) as folder:
        with closing(Writer(folder.journal)) as writer:
            writer.create_room("python")
        for refused in ("UPDATE room SET name", "INTO room_act", "COMMIT"):
            with editing(folder) as rooms:
                rooms._writer._connection = _Refusing(rooms._writer._connection, refused)  # type: ignore[assignment]
                with pytest.raises(JournalError):
                    rooms.rename_room("python", "snakes", ServerAct("name-set", 1.0, "operator", text="snakes"))
            with editing(folder) as rooms:
                assert [room.name for room in rooms.rooms()] == ["python"], refused
                counted = rooms._writer.ask(lambda asked: asked.execute("SELECT count(*) FROM room_act").fetchall())
                assert counted == [(0,)], refused
        with editing(folder) as rooms:
            rooms.rename_room("python", "snakes", ServerAct("name-set", 1.0, "operator", text="snakes"))
            counted = rooms._writer.ask(lambda asked: asked.execute("SELECT count(*) FROM room_act").fetchall())
            assert counted == [(1,)]


class _Refusing:
    """A connection that refuses one statement."""

    def __init__(self, connection: sqlite3.Connection, refused: str) -> None:
        self._connection, self._refused = connection, refused

    def _checked(self, run: Callable[..., sqlite3.Cursor], sql: str, *values: object) -> sqlite3.Cursor:
        if self._refused in sql:
            raise sqlite3.OperationalError("refused")
        return run(sql, *values)

    def execute(self, sql: str, *values: object) -> sqlite3.Cursor:
        return self._checked(self._connection.execute, sql, *values)

    def executemany(self, sql: str, *values: object) -> sqlite3.Cursor:
        return self._checked(self._connection.executemany, sql, *values)

    def __getattr__(self, name: str) -> object:
        return getattr(self._connection, name)


async def test_every_node_shows_the_entry_once_and_in_its_place(
    autojump_clock: trio.testing.MockClock, nursery: trio.Nursery
) -> None:
    a, b = await open_nodes(nursery)
    ann, bob = await a.come("ann"), await b.come("bob")
    await settled()
    ann.take_told(), bob.take_told()
    await b.say(bob, "one")
    await settled()

    async def rename(entry: object) -> Receipt | None:
        return await a.nodes.journal.rename_room("python", "snakes", entry)  # type: ignore[arg-type]

    assert not await a.room.changes.ask("snakes", rename, by=Doer("ann"))
    await a.say(ann, "two")
    await settled()
    for told, shown in ((ann.take_told(), ["one", "snakes"]), (bob.take_told(), ["snakes", "two"])):
        said_then = [line for line in told if "renamed" in line or line.endswith((": one", ": two"))]
        assert [line.split()[-1] for line in said_then] == shown, told
    lines = (await b.nodes.journal.read("snakes", 1, 9)).lines
    assert [type(line) for line in lines] == [Said, NameSet, Said]


async def test_a_line_that_is_said_next_has_the_next_number_though_the_room_has_not_read_its_past(
    tmp_path: Path,
) -> None:
    journal = SqliteJournal(DataDirectory(tmp_path))
    async with opened(journal):
        await create_rooms(journal)
        await store(journal, said("one"))
        await journal.rename_room("python", "snakes", named("snakes", "python"))
        await journal.rename_room("pm", "python", named("python", "pm"))
        assert (await store(journal, said("first here"))).first == 2
        assert (await store(journal, said("three", room="snakes"))).first == 3
        assert journal.activity().lines == 5
