"""Rooms of a journal that is being written get another name, or are deleted, some batches at a time so that no append waits long.

Whoever reads meanwhile by the old name goes on by the new one. Never knows who is in a room.
"""

from collections.abc import Awaitable, Callable, Sequence
from typing import Any

import trio

from chat_server.journal import JournalError
from chat_server.journal.search.indexer import Indexer
from chat_server.journal.sqlite.committer import Committer
from chat_server.journal.sqlite.endings import REST, Endings
from chat_server.journal.sqlite.indexed import IndexedFile
from chat_server.journal.sqlite.reader import Prunable, Reader, Runs

InReader = Callable[[Callable[[Reader], Any]], Awaitable[Any]]


class RoomChanges:
    """What is done to the rooms of one journal."""

    def __init__(
        self,
        committer: Committer,
        indexer: Indexer[IndexedFile],
        endings: Endings,
        reader_limit: trio.CapacityLimiter,
        runs: dict[str, Runs],
    ) -> None:
        """Nothing has been changed. `runs` are those that are known, by the room's name; nobody reads who has not a place of `reader_limit`."""
        self._committer = committer
        self._indexer = indexer
        self._endings = endings
        self._reader_limit = reader_limit
        self._runs = runs
        self._renamed: dict[str, str] = {}

    def current(self, name: str) -> str:
        """What a room is called now that was called so when somebody asked."""
        return self._renamed.get(name, name)

    def current_of(self, names: Sequence[str] | None) -> list[str] | None:
        """What rooms are called now; None stays None."""
        return None if names is None else [self.current(name) for name in names]

    def created(self, name: str) -> None:
        """There is a room of this name again."""
        self._renamed.pop(name, None)

    async def rename(self, old: str, new: str) -> None:
        """Give a room another name. The search index has the old one with every line, and is made anew."""

        async def change() -> None:
            async with self._reader_limit:  # so that nobody looks for a name that is not there any more, or not yet
                self._endings.store_positions()
                await self._committer.call(lambda writer: writer.rename_room(old, new))
                self._renamed = {name: new if now == old else now for name, now in self._renamed.items()} | {old: new}
                self._renamed.pop(new, None)
                if old in self._runs:
                    self._runs[new] = self._runs.pop(old)

        await self._indexer.call_after(change, IndexedFile.start_over)

    async def delete(self, name: str, in_reader: InReader, limit: int) -> str:
        """Delete a room, `limit` batches at a time, the oldest first. Returns why what was said can still be read in the files; "" if it cannot."""
        self._endings.store_positions()
        while batches := await in_reader(lambda reader: reader.oldest_batches(name, limit)):
            await self._forget(batches)
            await trio.sleep(REST)
        await self._committer.call(lambda writer: writer.delete_room(name))
        self._runs.pop(name, None)
        self._renamed = {former: now for former, now in self._renamed.items() if now != name}
        try:
            await self._endings.overwrite_the_rest()
        except JournalError as error:
            return str(error)
        return ""

    async def _forget(self, batches: list[Prunable]) -> None:
        ranges = [(batch.id, batch.count) for batch in batches]
        await self._indexer.call(lambda file: file.forget(ranges))
        await self._committer.call(lambda writer: writer.delete(batches))
