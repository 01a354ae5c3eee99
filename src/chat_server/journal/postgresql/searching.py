"""The search of one node: its own index of what the database has, kept level in the background. See search/indexer.py.

What the nodes store is indexed from time to time, and in any case before a search. Never knows how the index is made.
"""

from collections.abc import Callable, Mapping, Sequence
from math import inf

import trio

from chat_server.journal import EVERYTHING, Matches
from chat_server.journal.postgresql.indexed import IndexedDatabase
from chat_server.journal.search.indexer import SLICE, Indexer
from chat_server.journal.words import terms_of

LOOK_SECONDS = 30.0
"""Seconds after which the index is brought level with what has been stored, at whichever node."""

BUSY_SECONDS = 1.0
"""Seconds for which this node counts as busy after it has been found to have stored something: the index takes its time then."""


class Searching:
    """See journal.Search."""

    def __init__(self, database: IndexedDatabase, stored: Callable[[], int]) -> None:
        """Index a database, of whose lines this node has stored so many."""
        self._indexer = Indexer(database)
        self._stored = stored
        self._stored_before = 0
        self._busy_until = -inf
        self._grown = trio.Event()
        self._closing = trio.Event()

    async def run(self, task_status: trio.TaskStatus[None] = trio.TASK_STATUS_IGNORED) -> None:
        """Keep the index level until `close`."""
        task_status.started()
        async with trio.open_nursery() as nursery:
            nursery.start_soon(self._indexer.run, lambda: self._grown, self._is_busy)
            nursery.start_soon(self._keep_looking)
            await self._closing.wait()
            nursery.cancel_scope.cancel()
        await trio.to_thread.run_sync(self._indexer.close)

    def close(self) -> None:
        """Let `run` end."""
        self._closing.set()

    async def search(
        self, words: str, rooms: Sequence[str] | None, limit: int, since: Mapping[str, int] = EVERYTHING
    ) -> Matches:
        """The newest lines with all the words; see Journal."""
        terms_of(words)
        end = await self._indexer.call(IndexedDatabase.end)
        return await self._indexer.search(words, lambda: rooms, limit, end, lambda: since)

    async def forget(self) -> None:
        """Have nothing in the index that the database has not any more."""
        while await self._indexer.call(lambda database: database.index_some(SLICE)):
            pass

    async def _keep_looking(self) -> None:
        while True:
            await trio.sleep(LOOK_SECONDS)
            self._grown.set()
            self._grown = trio.Event()

    def _is_busy(self) -> bool:
        before, self._stored_before = self._stored_before, self._stored()
        if self._stored_before != before:
            self._busy_until = trio.current_time() + BUSY_SECONDS
        return trio.current_time() < self._busy_until
