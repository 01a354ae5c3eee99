"""Keeps a search index level with the journal in the background, and searches it.

The index may lag behind; a search first lets it catch up, so it covers every line that was stored before it was asked for. One thing at a
time: a search waits for the slice that is being indexed (3 ms), the indexer for the search. Never knows where the journal is, nor what writes it.
"""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from contextlib import suppress
from typing import Generic, Protocol, TypeVar

import trio

from chat_server.guard import Guard
from chat_server.journal import EVERYTHING, JournalError, Matches
from chat_server.journal.search.search_index import query_of
from chat_server.logs import log
from chat_server.protocol.entries import Entry

SLICE = 500
"""Lines indexed in one transaction, about 3 ms."""

DELAY = 5.0
"""Seconds that the indexer waits for more to come: one transaction for many lines, and few of them in the way of anything else."""

REST = 50
"""While lines are being stored, the indexer rests so many times as long as it works: 2 % of a core at most."""

PATIENCE = 5.0
"""Seconds in which a search lets the index catch up. A million lines that were never indexed take about ten."""


class Indexed(Protocol):
    """A journal and its index. Every method blocks, is called by one thread at a time, and may raise JournalError."""

    def indexed(self) -> int:
        """The position up to which everything is in the index."""
        ...

    def index_some(self, limit: int) -> bool:
        """Index the next lines, about so many; return whether there were any."""
        ...

    def search(
        self, words: str, rooms: Sequence[str] | None, limit: int, since: Mapping[str, int] = EVERYTHING
    ) -> list[Entry]:
        """The newest lines that have all the words, newest first; of some rooms, only since a number. Raises NoWords where there are none."""
        ...

    def close(self) -> None:
        """Close the files."""


J = TypeVar("J", bound=Indexed)
T = TypeVar("T")


class Indexer(Generic[J]):
    """What looks after the search index of one journal."""

    def __init__(self, journal: J) -> None:
        """Look after this one. Nothing is opened before it is needed."""
        self._journal = journal
        self._turn = trio.Lock()
        self.indexed: int | None = None
        """The position up to which everything was in the index when it was last looked at; None: it has not been."""

    async def run(self, next_growth: Callable[[], trio.Event], is_busy: Callable[[], bool]) -> None:
        """Index for ever.

        Args:
            next_growth: the event that is set when something more has been stored.
            is_busy: whether lines are being stored just now.

        """
        guard = Guard("something went wrong while the search index was made; searches find less")
        while True:
            growth = next_growth()
            start = trio.current_time()
            has_more: bool | None = None
            with guard:
                try:
                    has_more, self.indexed = await self.call(lambda journal: (_index_slice(journal), journal.indexed()))
                except JournalError as error:
                    log.error("cannot index what was said; searches find less", why=str(error))
            if has_more is None:
                await trio.sleep(60)
                continue
            if has_more:
                await trio.sleep((trio.current_time() - start) * REST if is_busy() else 0)
            else:
                await growth.wait()
                await trio.sleep(DELAY)

    async def search(
        self,
        words: str,
        rooms: Callable[[], Sequence[str] | None],
        limit: int,
        end: int,
        since: Callable[[], Mapping[str, int]] = dict,
    ) -> Matches:
        """The newest lines before the position `end` that have all the words; see Journal. Raises NoWords."""
        query_of(words)
        give_up = trio.current_time() + PATIENCE
        async with self._turn:
            with suppress(JournalError):  # what could not be indexed is counted in the answer
                while trio.current_time() < give_up and await self._in_thread(
                    lambda journal: journal.indexed() < end - 1 and _index_slice(journal)
                ):
                    pass
            return await self._in_thread(lambda journal: _search(journal, words, (rooms(), since()), limit, end))

    async def call(self, work: Callable[[J], T]) -> T:
        """Do something with the journal's index in a thread, while nothing else is done with it."""
        async with self._turn:
            return await self._in_thread(work)

    async def call_after(self, change: Callable[[], Awaitable[None]], work: Callable[[J], None]) -> None:
        """Do something to the journal and then something to its index, while nobody searches."""
        async with self._turn:
            await change()
            await self._in_thread(work)

    def close(self) -> None:
        """Close the files."""
        self._journal.close()

    async def _in_thread(self, work: Callable[[J], T]) -> T:
        return await trio.to_thread.run_sync(work, self._journal)


def _index_slice(journal: Indexed) -> bool:
    return journal.index_some(SLICE)


def _search(
    journal: Indexed, words: str, where: tuple[Sequence[str] | None, Mapping[str, int]], limit: int, end: int
) -> Matches:
    rooms, since = where
    found = journal.search(words, rooms, limit + 1, since)
    return Matches(found[:limit], len(found) > limit, max(0, end - 1 - journal.indexed()))
