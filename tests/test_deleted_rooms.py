"""Rooms that are deleted, in files: whenever that is broken off, another room of the name has nothing of them, and the next start does the rest."""

import shutil
import sqlite3
import time
from contextlib import closing
from pathlib import Path

import pytest
import trio

from archives import checked, exported
from canary import PASSWORD, files_with
from captured_logs import capture_logs
from chat_server.accounts import Registration
from chat_server.accounts.acts import ServerAct
from chat_server.accounts.look_alikes import skeleton
from chat_server.accounts.names_index import Refusal
from chat_server.journal import Journal, JournalError, Matches
from chat_server.journal.archive import FileProblem
from chat_server.journal.keys import SenderKey
from chat_server.journal.mentions import Mention
from chat_server.journal.sqlite import archive, deleted_rooms, endings, room_changes
from chat_server.journal.sqlite.archive import editing
from chat_server.journal.sqlite.data_directory import DataDirectory
from chat_server.journal.sqlite.ended_accounts import make_anew
from chat_server.journal.sqlite.reader import Reader
from chat_server.journal.sqlite.writer import Writer
from chat_server.protocol.entries import Entry, Said
from journals import opened
from processes import TIMEOUT
from test_accounts_sqlite import open_store
from test_kill_accounts import arranged, living, register

CANARY = "zanzibarcanary"

WRITES = (2, 14, 22, 30)
"""Writes at which the server is killed: before the room is deleted, and while what is left of it is forgotten."""


async def talk(journal: Journal, room: str, *texts: str, key: str) -> int:
    """Say this in a room, for the first time under these keys; return the number of the first line."""
    lines: list[Entry] = [Said(room, 0, 1000.0 + at, "ann", text) for at, text in enumerate(texts)]
    keys = {place: SenderKey("ann", f"{key}{place}") for place in range(len(lines))}
    receipt = await journal.append(lines, keys).stored()
    assert not receipt.duplicates
    return receipt.first


async def fill(data: Path) -> int:
    """Two rooms, of which one is to be deleted, with what can belong to one. Returns an account."""
    store = open_store(data)
    async with opened(store.journal) as journal:
        await journal.create_room("pm")
        await journal.create_room("python")
        made = await store.accounts.register(Registration("ann", skeleton("ann")), 1000.0)
        assert not isinstance(made, Refusal)
        await talk(journal, "pm", "needle one", key="pm")
        for number in range(20):
            await talk(journal, "python", *(f"needle {CANARY} {number} {at}" for at in range(10)), key=f"k{number}-")
        journal.save_position("python", "ann", 7)
        await journal.mentions.add([Mention(made.account.id, "python", 3, 0, 4.0)])
        await journal.search("needle", None, 1)
    assert files_with(data, [CANARY])
    return made.account.id


def killed_as_it_is_deleted(data: Path) -> None:
    with closing(Writer(data / "journal.db")) as writer:
        writer.delete_room("python")


def left(data: Path) -> list[int]:
    with closing(Reader(data / "journal.db")) as reader:
        return reader.ask(deleted_rooms.left_rooms)


async def nothing_is_left(data: Path) -> None:
    with trio.fail_after(TIMEOUT):
        while left(data):
            await trio.sleep(0.01)
    assert files_with(data, [CANARY]) == []


async def never(_: room_changes.Remains) -> None:
    await trio.sleep_forever()


async def test_another_room_of_the_name_has_nothing_of_one_of_which_there_is_still_something(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    data = tmp_path / "data"
    account = await fill(data)
    killed_as_it_is_deleted(data)
    assert checked(data / "journal.db", data / "search.db").problems == []
    assert CANARY.encode() not in exported(data / "journal.db")
    with monkeypatch.context() as patch:
        patch.setattr(room_changes.Remains, "run", never)
        store = open_store(data)
        async with opened(store.journal) as journal:
            assert [room.name for room in await journal.rooms()] == ["pm"]
            await journal.create_room("python")
            python = (await journal.rooms())[1]
            assert (python.name, python.first, python.last, python.state) == ("python", 1, 0, "")
            assert not (await journal.read("python", 1, 999)).lines
            assert await journal.positions("python") == {}
            assert await journal.mentions.of(account) == []
            assert await journal.stored_under(SenderKey("ann", "k3-3")) is None
            assert await talk(journal, "python", "needle new", key="k3-") == 1
            assert await talk(journal, "python", *(f"needle {number}" for number in range(5)), key="k4-") == 2
            assert await journal.seq_at("python", 0) == 1
            found = await journal.search("needle", ["python", "pm"], 20)
            assert [line.room for line in found.lines] == ["python"] * 6 + ["pm"]
            assert await journal.search(CANARY, ["python"], 20) == Matches([], False, 0)
        assert left(data)
    async with opened(open_store(data).journal) as journal:
        await nothing_is_left(data)
        assert [line.seq for line in (await journal.read("python", 1, 99)).lines] == [1, 2, 3, 4, 5, 6]
        assert len((await journal.search("needle", None, 20)).lines) == 7
        again = await journal.append([Said("python", 0, 1.0, "ann", "x")], {0: SenderKey("ann", "k4-4")}).stored()
        assert again.duplicates
    assert checked(data / "journal.db", data / "search.db").problems == []


async def test_what_cannot_be_overwritten_is_told_and_tried_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    data = tmp_path / "data"
    await fill(data)
    tries = 0

    def fails_once(writer: Writer) -> None:
        nonlocal tries
        tries += 1
        if tries == 1:
            raise JournalError("the disk is full")
        make_anew(writer)

    monkeypatch.setattr(endings, "make_anew", fails_once)
    monkeypatch.setattr(room_changes, "REST_AFTER_FAILURE", 0.0)
    async with opened(open_store(data).journal) as journal:
        assert await journal.delete_room("python") == "the disk is full"
        assert [room.name for room in await journal.rooms()] == ["pm"]
        await nothing_is_left(data)
    assert tries == 2


async def test_who_deletes_a_room_and_does_not_wait_has_deleted_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    data = tmp_path / "data"
    await fill(data)
    may_go_on, forgets, forget_all = trio.Event(), trio.Event(), room_changes.Remains._forget_all

    async def held(self: room_changes.Remains, rooms: list[int]) -> None:
        forgets.set()
        await may_go_on.wait()
        await forget_all(self, rooms)

    monkeypatch.setattr(room_changes.Remains, "_forget_all", held)
    async with opened(open_store(data).journal) as journal:
        async with trio.open_nursery() as nursery:
            nursery.start_soon(journal.delete_room, "python")
            await forgets.wait()
            nursery.cancel_scope.cancel()
        assert [room.name for room in await journal.rooms()] == ["pm"]
        monkeypatch.setattr(room_changes, "WAIT_SECONDS", 0.0)
        assert "being overwritten" in await journal.delete_room("pm")
        may_go_on.set()
        await nothing_is_left(data)


async def test_that_somebody_reads_the_files_meanwhile_is_no_commit_that_failed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A copy that is being made is such a reader: nothing is lost, and nobody is to be woken for it."""
    data = tmp_path / "data"
    await fill(data)
    monkeypatch.setattr(endings, "LOG_REST", 0.0)
    with capture_logs() as logs:
        async with opened(open_store(data).journal) as journal:
            with closing(sqlite3.connect(data / "journal.db", isolation_level=None)) as copying:
                copying.execute("BEGIN")
                copying.execute("SELECT * FROM room").fetchall()
                assert "another program is using" in await journal.delete_room("python")
            times = journal.activity().times
            assert times is not None
            assert times.failed == 0
    assert "cannot store what was said" not in {log["event"] for log in logs}


def test_the_command_for_files_leaves_the_rest_to_the_next_start(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    data = tmp_path / "data"
    trio.run(fill, data)

    def fails(_: Writer) -> None:
        raise JournalError("another program is using it")

    with monkeypatch.context() as patch, closing(DataDirectory(data)) as folder, editing(folder) as rooms:
        patch.setattr(archive, "make_anew", fails)
        with pytest.raises(FileProblem, match="python is deleted, but another program is using it"):
            rooms.delete_room("python")
        assert [room.name for room in rooms.rooms()] == ["pm"]
    assert left(data)
    with closing(DataDirectory(data)) as folder, editing(folder) as rooms:
        rooms.rename_room("pm", "python", ServerAct("name-set", 1.0, "operator", text="python"))

    async def start() -> None:
        async with opened(open_store(data).journal) as journal:
            await nothing_is_left(data)
            assert [line.text for line in (await journal.search("needle", ["python"], 9)).lines] == ["needle one"]

    trio.run(start)
    with closing(DataDirectory(data)) as folder, editing(folder) as rooms:
        rooms.delete_room("python")
    assert not left(data)
    assert not files_with(data, ["needle"])


@pytest.mark.slow
def test_whenever_the_server_is_killed_a_room_is_as_it_was_or_gone_for_good(tmp_path: Path) -> None:
    data, original = tmp_path / "data", tmp_path / "original"
    with arranged(data) as world:
        ann = register(world, "ann")
        assert ann.ask("create", room="den")["is"] == "room-created"
        ann.tell("join", room="den", ref=0)
        assert ann.next("recalled"), "else it would be taken for the answer to what is said"
        for number in range(3):
            ann.ask("say", room="den", text=f"{CANARY} {number}", key=f"k{number}")
    data.rename(original)
    found: list[bool] = []
    for dies_at in WRITES:
        shutil.copytree(original, data)
        with living(data, dies_at) as world:
            ann = world.program()
            ann.ask("hello", protocol=2)
            ann.ask("login", nick="ann", password=PASSWORD)
            ann.ask("join", room="den")
            world.arm()
            assert not ann.ask("destroy", room="den", name="den"), "it is killed in between"
        with living(data) as world:
            ann = world.program()
            ann.ask("hello", protocol=2)
            ann.ask("login", nick="ann", password=PASSWORD)
            is_gone = "den" not in ann.ask("rooms")["ids"]
            assert (ann.ask("join", room="den")["is"] == "refused") == is_gone
            lines = [line["text"] for line in ann.ask("last", room="den", count=9).get("lines", ()) if line["text"]]
            assert lines == ([] if is_gone else [f"{CANARY} {number}" for number in range(3)])
            assert bool(ann.ask("search", words=CANARY)["rooms"]) != is_gone
            deadline = time.monotonic() + TIMEOUT
            while is_gone and files_with(data, [CANARY]):
                assert time.monotonic() < deadline, "the next server leaves nothing of it"
                time.sleep(0.01)
            assert world.server.stop() == 0
        assert (CANARY.encode() in exported(data / "journal.db")) != is_gone
        found.append(is_gone)
        shutil.rmtree(data)
    assert found == sorted(found)
    assert found[0] != found[-1]
