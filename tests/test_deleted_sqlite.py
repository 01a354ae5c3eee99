"""Deleted lines in files: nothing is left of them, whatever else is in there, and whenever the server is killed."""

import random
import time
from contextlib import closing, suppress
from pathlib import Path

import pytest
import trio

from archives import checked
from canary import PASSWORD, files_with
from chat_server.journal import Journal
from chat_server.journal.keys import SenderKey
from chat_server.journal.sqlite import deleted, endings
from chat_server.journal.sqlite.reader import Reader
from chat_server.journal.sqlite.rewriting import left_to_overwrite
from chat_server.protocol.amending import Redacted
from chat_server.protocol.entries import Entry, Said
from chat_server.protocol.redactions import ranges_of
from journals import create_rooms, opened
from processes import TIMEOUT
from test_accounts_sqlite import open_store
from test_kill_accounts import Event, World, arranged, is_in_no_file, killed, register

CANARY = "zanzibarcanary"


@pytest.fixture
def at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """Files are made anew as soon as something is deleted."""
    monkeypatch.setattr(deleted, "DELAY", 0.0)
    monkeypatch.setattr(deleted, "REST", 0.0)
    monkeypatch.setattr(deleted, "REST_SHARE", 0)


async def redact(journal: Journal, *numbers: int, room: str = "python") -> None:
    await journal.append([Redacted(room, 0, 2000.0, "bob", "#1", whom="ann", of=ranges_of(numbers))], {}).stored()


async def is_clean(data: Path) -> bool:
    """Whether nothing of it is in any file before long."""
    deadline = time.monotonic() + TIMEOUT
    while files_with(data, [CANARY]):
        if time.monotonic() > deadline:
            return False
        await trio.sleep(0.01)
    return True


async def say_much(journal: Journal) -> list[int]:
    """Lines of sizes with which pages are merged and split, of which old copies stay in their gaps; the numbers of some."""
    chance = random.Random(4)  # noqa: S311 - sizes
    numbers: list[int] = []
    for number in range(300):
        if chance.random() < 0.4:
            old: list[Entry] = [Said("pm", 0, 1000.0 + number, "bob", "o" * chance.randrange(900))]
            await journal.append(old, {}).stored()
        else:
            is_one = chance.random() < 0.5
            text = f"{CANARY if is_one else 'other'} {number} " + "y" * chance.randrange(900)
            receipt = await journal.append([Said("python", 0, 1000.0 + number, "ann", text)], {}).stored()
            numbers += [receipt.first] if is_one else []
    await journal.search("nothing", None, 1)
    return numbers


async def test_what_is_deleted_is_in_no_file_of_the_data_directory(tmp_path: Path, at_once: None) -> None:
    data = tmp_path / "data"
    journal = open_store(data).journal
    async with opened(journal):
        await create_rooms(journal)
        numbers = await say_much(journal)
        assert files_with(data, [CANARY])
        await redact(journal, *numbers[::2])
        assert len((await journal.search(CANARY, None, 300)).lines) == len(numbers[1::2])
        await redact(journal, *numbers[1::2])
        assert (await journal.search(CANARY, None, 300)).lines == []
        assert await is_clean(data), "while the server runs"
        assert (await journal.search("other", None, 300)).lines
    assert checked(data / "journal.db", data / "search.db").problems == []


async def test_what_one_server_has_not_finished_the_next_does(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    data = tmp_path / "data"
    journal = open_store(data).journal
    async with opened(journal):
        await create_rooms(journal)
        numbers = await say_much(journal)
        await journal.append([Said("python", 0, 1999.0, "ann", f"{CANARY} last")], {0: SenderKey("ann", "k")}).stored()
        await journal.search("nothing", None, 1)
        await redact(journal, *numbers, 9999)
        await redact(journal, (await journal.rooms())[0].last - 1)
    assert files_with(data, [CANARY])
    monkeypatch.setattr(deleted, "DELAY", 0.0)
    journal = open_store(data).journal
    async with opened(journal):
        assert await is_clean(data)
        assert (await journal.search(CANARY, None, 300)).lines == []
        with closing(Reader(data / "journal.db")) as reader, trio.fail_after(TIMEOUT):
            while reader.ask(left_to_overwrite).is_any:
                await trio.sleep(0.01)
    assert checked(data / "journal.db", data / "search.db").problems == []
    made: list[object] = []
    monkeypatch.setattr(endings, "make_anew", made.append)
    async with opened(open_store(data).journal):
        await trio.sleep(0.1)
    assert not made, "nothing is left to do"


def delete(world: World) -> bool:
    """Whether somebody is told that their line is deleted, and it is in no file then."""
    program = world.program()
    program.ask("hello", protocol=2)
    program.ask("login", nick="ann", password=PASSWORD)
    program.ask("join", room="python")
    world.arm()
    with suppress(ConnectionError):
        program.tell("delete", room="python", number=2)
    return bool(program.next("redacted")) and is_in_no_file(world, CANARY)


@pytest.mark.slow
def test_whenever_the_server_is_killed_a_line_is_as_it_was_or_deleted_and_everybody_is_told(tmp_path: Path) -> None:
    data = tmp_path / "data"
    with arranged(data) as world:
        ann = register(world, "ann")
        ann.ask("join", room="python")
        for text in ("first", f"{CANARY} second", "third"):
            ann.ask("say", room="python", text=text)
    found: list[bool] = []
    for world, is_done in killed(data, delete, is_quick=True):
        program = world.program()
        program.ask("hello", protocol=2)
        program.ask("login", nick="bob")
        program.ask("join", room="python")
        recalled = program.next("recalled")
        lines: list[Event] = program.ask("last", room="python", count=9)["lines"]
        assert recalled["lines"] == lines
        kinds = [line["is"] for line in lines]
        is_deleted = kinds == ["said", "deleted", "said", "redacted"]
        assert is_deleted or kinds == ["said"] * 3
        assert is_deleted or not is_done
        assert [line["seq"] for line in lines] == list(range(1, len(lines) + 1))
        assert (CANARY in str(lines)) != is_deleted
        assert bool(program.ask("search", words=CANARY)["rooms"]) != is_deleted
        deadline = time.monotonic() + TIMEOUT
        while is_deleted and files_with(data, [CANARY]):
            assert time.monotonic() < deadline, "the next server leaves nothing of it"
            time.sleep(0.01)
        found.append(is_deleted)
    assert found == sorted(found)
    assert found[0] != found[-1]
