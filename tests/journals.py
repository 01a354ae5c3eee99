"""Journals of every engine, and what their tests store and read."""

import io
import shutil
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager, closing
from itertools import groupby, product
from pathlib import Path
from typing import NamedTuple

import pytest
import trio

from archives import no_progress
from chat_server.config import JournalTable
from chat_server.journal import Journal, Receipt
from chat_server.journal.engines import MODULES, Engine, EngineName, Store, engine_named
from chat_server.journal.keys import KeysInRuns, SenderKey
from chat_server.journal.maintenance import export, import_
from chat_server.protocol.entries import Entry, Said, TopicSet
from postgresql import url_beside

Kind = tuple[EngineName, str]
KINDS: list[Kind] = [*product(MODULES, ("full", "process"))]
"""Every engine, with every durability."""


class Place(NamedTuple):
    """An engine, and where it is to keep a journal."""

    engine: Engine
    settings: JournalTable

    def open(self) -> Journal:
        return self.open_both().journal

    def open_both(self) -> Store:
        return self.engine.open_store(self.settings)


def place_in(directory: Path, engine: EngineName, durability: str = "full", url: str = "") -> Place:
    return Place(
        engine_named(engine), JournalTable(engine, str(directory), "full" if durability == "full" else "process", url)
    )


@asynccontextmanager
async def opened(journal: Journal) -> AsyncIterator[Journal]:
    """Run a journal for as long as the block lasts."""
    async with trio.open_nursery() as nursery:
        await nursery.start(journal.run)
        yield journal
        journal.close()
        await journal.wait_closed()


async def create_rooms(journal: Journal) -> None:
    await journal.create_room("python", room_id="1" * 16)
    await journal.create_room("pm", room_id="2" * 16)


@pytest.fixture(scope="module", params=KINDS, ids=", ".join)
def begun(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> tuple[Kind, Path]:
    """An engine, and a directory in which it has kept two rooms, for tests to copy: a disk takes ten times as long to make them."""
    directory = tmp_path_factory.mktemp("begun") / "data"
    if request.param[0] == "postgresql":
        return request.param, directory

    async def begin() -> None:
        async with opened(place_in(directory, *request.param).open()) as journal:
            await create_rooms(journal)

    trio.run(begin)
    return request.param, directory


@pytest.fixture
def place(begun: tuple[Kind, Path], tmp_path: Path, request: pytest.FixtureRequest) -> Place:
    kind, directory = begun
    if directory.exists():
        shutil.copytree(directory, tmp_path / "data")
    url = request.getfixturevalue("database").url if kind[0] == "postgresql" else ""
    return place_in(tmp_path / "data", *kind, url)


@pytest.fixture
async def journal(place: Place) -> AsyncIterator[Journal]:
    async with opened(place.open()) as journal:
        if not await journal.rooms():
            await create_rooms(journal)
        yield journal


def said(*texts: str, room: str = "python", at: float = 1000.0, nick: str = "ann") -> list[Entry]:
    """Lines with whatever number: it is the journal that numbers them."""
    return [Said(room, 0, at, nick, text) for text in texts]


async def store(
    journal: Journal, lines: Sequence[Entry], keys: dict[int, str] | None = None, *, in_runs: bool = False
) -> Receipt:
    each = {n: SenderKey("ann", key) for n, key in (keys or {}).items()}
    return await journal.append(lines, keys_in_runs(each) if in_runs else each).stored()


def keys_in_runs(each: Mapping[int, SenderKey]) -> KeysInRuns:
    """The same keys, those of lines in a row of one sender together."""
    keys = KeysInRuns()
    for (sender, _), row in groupby(
        enumerate(sorted(each)), lambda numbered: (each[numbered[1]][0], numbered[1] - numbered[0])
    ):
        places = [place for _, place in row]
        keys.add(places[0], sender, [each[place].key for place in places])
    return keys


async def texts(journal: Journal, first: int, last: int, room: str = "python") -> list[tuple[int, str]]:
    return [(line.seq, line.text) for line in (await journal.read(room, first, last)).lines]


async def found(journal: Journal, words: str, rooms: list[str] | None = None, limit: int = 20) -> list[str]:
    return [line.text for line in (await journal.search(words, rooms, limit)).lines]


async def prune_all(journal: Journal, before: float, keep_lines: int) -> int:
    pruned = 0
    while some := (await journal.prune(before, keep_lines)).total:
        pruned += some
    return pruned


async def talk(place: Place) -> None:
    """Two rooms, five numbers in them, a topic, a key, and how far Bob has come."""
    async with opened(place.open()) as journal:
        await create_rooms(journal)
        await store(journal, said("a", "b"), {0: "k"})
        await store(journal, said("x\x1b[2J", room="pm", at=2000.0))
        await store(journal, [TopicSet("python", 0, 3000.0, "bob", "snakes")])
        await store(journal, said("c", at=4000.0))
        journal.save_position("python", "bob", 3)


def exported(place: Place, *, with_secrets: bool = False) -> bytes:
    out = io.BytesIO()
    with closing(place.engine.open_archive(place.settings)) as archive:
        export(archive, out, no_progress, with_secrets=with_secrets)
    return out.getvalue()


def imported(place: Place, lines: Sequence[bytes]) -> int:
    return import_(place.engine.filling(place.settings), lines, no_progress)


def elsewhere(place: Place) -> Place:
    url = url_beside(place.settings.url) if place.settings.url else ""
    return Place(place.engine, JournalTable(directory=f"{place.settings.directory}-elsewhere", url=url))
