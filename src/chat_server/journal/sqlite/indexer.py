"""Keeps the search index level with the journal in the background, and searches it.

The index may lag behind; a search first lets it catch up, so it covers every line that was stored before it was asked for. One thing at a
time: a search waits for the slice that is being indexed (3 ms), the indexer for the search. Never knows what writes the journal.
"""

from collections.abc import Awaitable, Callable, Sequence
from contextlib import suppress
from pathlib import Path
from typing import TypeVar

import trio

from chat_server.guard import Guard
from chat_server.journal import JournalError, Matches
from chat_server.journal.archive import StoredRecord
from chat_server.journal.sqlite.reader import Reader
from chat_server.journal.sqlite.search_index import SearchIndex, query_of
from chat_server.logs import log

SLICE = 500
"""Lines indexed in one transaction, about 3 ms."""

DELAY = 5.0
"""Seconds that the indexer waits for more to come: one transaction for many lines, and few of them in the way of anything else."""

REST = 50
"""While lines are being stored, the indexer rests so many times as long as it works: 2 % of a core at most."""

PATIENCE = 5.0
"""Seconds in which a search lets the index catch up. A million lines that were never indexed take about ten."""

T = TypeVar("T")


class Indexer:
    """The search index of one journal."""

    def __init__(self, journal: Path, index: Path) -> None:
        """Index the journal in one file into the other. Nothing is opened before it is needed."""
        self._journal = journal
        self._path = index
        self._reader: Reader | None = None
        self._index: SearchIndex | None = None
        self._turn = trio.Lock()

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
                    async with self._turn:
                        has_more = await self._in_thread(self._index_some)
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

    async def search(self, words: str, rooms: Callable[[], Sequence[str] | None], limit: int, end: int) -> Matches:
        """The newest lines before the position `end` that have all the words; see Journal. Raises NoWords."""
        query_of(words)
        give_up = trio.current_time() + PATIENCE
        async with self._turn:
            with suppress(JournalError):  # what could not be indexed is counted in the answer
                while await self._indexed() < end - 1 and trio.current_time() < give_up:
                    if not await self._in_thread(self._index_some):
                        break
            return await self._in_thread(lambda: self._search(words, rooms(), limit, end))

    async def indexed(self) -> int:
        """The position up to which everything is in the index."""
        async with self._turn:
            return await self._indexed()

    async def _indexed(self) -> int:
        """The same, for whoever has the turn: two who open the index at once would each make its tables."""
        if self._index is None:
            return await self._in_thread(lambda: self._opened()[1].indexed)
        return self._index.indexed

    async def forget(self, ranges: Sequence[tuple[int, int]]) -> None:
        """Take positions out, each range with its first and its count."""
        async with self._turn:
            await self._in_thread(lambda: self._opened()[1].forget(ranges))

    async def replace(self, records: Sequence[StoredRecord]) -> None:
        """Index records again that are no longer as they were."""
        async with self._turn:
            await self._in_thread(lambda: self._opened()[1].replace(records))

    async def purge(self) -> None:
        """Leave nothing of what is not indexed any more in the index's file; where that cannot be done, there is no file, and it is made anew."""
        async with self._turn:
            await self._in_thread(self._purge)

    async def start_over_after(self, change: Callable[[], Awaitable[None]]) -> None:
        """Do something after which the index fits no longer, while nobody searches; it is made anew in the background."""
        async with self._turn:
            await change()
            await self._in_thread(self._discard)

    def close(self) -> None:
        """Close the files."""
        if self._index is not None:
            self._index.close()
        if self._reader is not None:
            self._reader.close()
        self._index = self._reader = None

    async def _in_thread(self, work: Callable[[], T]) -> T:
        return await trio.to_thread.run_sync(work)

    # In a thread, one call at a time.

    def _opened(self) -> tuple[Reader, SearchIndex]:
        if self._index is not None and self._index.is_broken:
            log.warning("the search index is broken and is rebuilt")
            self._index.discard()
            self._index = None
        if self._reader is None:
            self._reader = Reader(self._journal)
        if self._index is None:
            self._index = self._index_of(self._reader)
        return self._reader, self._index

    def _index_of(self, reader: Reader) -> SearchIndex:
        """The index, made anew where it is of what this journal was before a backup was put in its place."""
        index = SearchIndex(self._path, reader.identity(), reader.end())
        last = None
        with suppress(JournalError):  # a batch that cannot be read is for whoever reads it
            last = reader.record_at(index.indexed)
        if last is None or index.has_lines(last.position - len(last.lines) + 1, last.lines):
            return index
        log.warning("the search index has lines that the journal has not, and is rebuilt")
        index.discard()
        return SearchIndex(self._path, reader.identity(), reader.end())

    def _discard(self) -> None:
        self._opened()[1].discard()
        self._index = None

    def _purge(self) -> None:
        try:
            self._opened()[1].purge()
        except JournalError:
            if self._index is not None:
                self._index.discard()
                self._index = None

    def _index_some(self) -> bool:
        """Index the next slice; return whether there was one."""
        reader, index = self._opened()
        end = reader.end()
        records = reader.records(index.indexed, SLICE)
        if records:
            index.add(records)
        elif index.indexed < end - 1:
            index.pass_over(end - 1)  # the newest lines have been deleted
        return bool(records)

    def _search(self, words: str, rooms: Sequence[str] | None, limit: int, end: int) -> Matches:
        reader, index = self._opened()
        found = reader.at_positions(index.search(words, rooms, limit + 1))
        return Matches(found[:limit], len(found) > limit, max(0, end - 1 - index.indexed))
