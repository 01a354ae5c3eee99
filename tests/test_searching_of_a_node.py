"""The search index of a node on PostgreSQL takes its time while the node stores lines, and none while it does not. Without a database."""

import time
from collections.abc import Mapping, Sequence
from itertools import count
from typing import cast

import pytest
import trio

from chat_server.journal import EVERYTHING
from chat_server.journal.postgresql.indexed import IndexedDatabase
from chat_server.journal.postgresql.searching import Searching
from chat_server.protocol.entries import Entry

SLICE_SECONDS = 0.01
SECONDS = 0.3


class EndlessDatabase:
    """A database in which there is always something more to be indexed."""

    def __init__(self) -> None:
        self.slices = 0

    def indexed(self) -> int:
        return self.slices

    def index_some(self, limit: int) -> bool:
        assert limit > 0
        time.sleep(SLICE_SECONDS)
        self.slices += 1
        return True

    def search(
        self, words: str, rooms: Sequence[str] | None, limit: int, since: Mapping[str, int] = EVERYTHING
    ) -> list[Entry]:
        raise AssertionError((words, rooms, limit, since))

    def close(self) -> None:
        pass


@pytest.mark.parametrize("stores", [True, False], ids=["while the node stores", "while it does not"])
async def test_the_index_takes_its_time_only_while_the_node_stores_lines(stores: bool) -> None:
    database, stored = EndlessDatabase(), count(1)
    searching = Searching(cast("IndexedDatabase", database), lambda: next(stored) if stores else 0)
    async with trio.open_nursery() as nursery:
        await nursery.start(searching.run)
        await trio.sleep(SECONDS)
        searching.close()
    assert (database.slices <= 2) == stores  # of some thirty
