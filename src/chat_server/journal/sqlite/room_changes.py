"""Rooms of a journal that is being written get another name, or are deleted, whatever happens meanwhile.

A room is deleted by one commit; what was said in it is then forgotten some batches at a time, so that no append waits long, and nothing of it is in
any file of the data directory. What was not finished when the server ended is done by the next one. Whoever reads meanwhile by a room's old name goes
on by the new one. Never knows who is in a room.
"""

import sqlite3
from collections.abc import Awaitable, Callable, Sequence
from typing import Any, TypeVar

import trio

from chat_server.guard import Guard
from chat_server.journal import JournalError, Receipt
from chat_server.journal.batch_codec import encode
from chat_server.journal.search.indexer import Indexer
from chat_server.journal.sqlite import deleted_rooms
from chat_server.journal.sqlite.batch_rows import Append
from chat_server.journal.sqlite.committer import Committer
from chat_server.journal.sqlite.endings import REST, REST_AFTER_FAILURE, Endings
from chat_server.journal.sqlite.indexed import IndexedFile
from chat_server.journal.sqlite.reader import Reader, Runs
from chat_server.logs import log
from chat_server.protocol.entries import Entry

WAIT_SECONDS = 60.0
"""Seconds for which whoever has deleted a room waits until nothing of it is left: a hundred million lines, or a disk that is full, take longer."""

T = TypeVar("T")

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
        *,
        remains: "Remains",
    ) -> None:
        """Nothing has been changed.

        Args:
            committer: the thread that writes.
            indexer: what keeps the search index.
            endings: has read positions stored.
            reader_limit: nobody reads who has not a place of it.
            runs: those that are known, by the room's name.
            remains: forgets what was said in rooms that are deleted.

        """
        self._committer = committer
        self._indexer = indexer
        self._endings = endings
        self._reader_limit = reader_limit
        self._runs = runs
        self._remains = remains
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
        self._runs.pop(name, None)

    async def rename(
        self, old: str, new: str, named: Entry | None = None, note: Callable[[Receipt | None], object] = bool
    ) -> Receipt | None:
        """Give a room another name, of which this entry tells; where that stands is noted. The search index, which has the old name, is made anew."""
        append = Append([named], {}, encode([named])) if named is not None else None
        receipts: list[Receipt | None] = []

        async def change() -> None:
            async with self._reader_limit:  # so that nobody looks for a name that is not there any more, or not yet
                self._endings.store_positions()
                receipts.append(await self._committer.call(lambda writer: writer.rename_room(old, new, append), note))
                self._renamed = {name: new if now == old else now for name, now in self._renamed.items()} | {old: new}
                self._renamed.pop(new, None)
                if old in self._runs:
                    self._runs[new] = self._runs.pop(old)

        await self._indexer.call_after(change, IndexedFile.start_over)
        return receipts[0]

    async def delete(self, name: str) -> str:
        """Delete a room. Returns why what was said can still be read in the files; "" if it cannot. Raises JournalError: it is as it was."""
        self._endings.store_positions()
        number = await self._committer.call(lambda writer: writer.delete_room(name), self._remains.add)
        self._runs.pop(name, None)
        self._renamed = {former: now for former, now in self._renamed.items() if now != name}
        with trio.move_on_after(WAIT_SECONDS):
            return await self._remains.wait_gone(number)
        return "it is being overwritten, which takes its time"


class Remains:
    """What is left of rooms that have been deleted, on its way out of the files."""

    def __init__(
        self,
        committer: Committer,
        indexer: Indexer[IndexedFile],
        endings: Endings,
        in_reader: InReader,
        left: Sequence[int],
    ) -> None:
        """Go on with what was left of these rooms, by their numbers."""
        self._committer = committer
        self._indexer = indexer
        self._endings = endings
        self._in_reader = in_reader
        self._rooms = dict.fromkeys(left, "")  # why it is still there, if it has been tried
        self._has_more = trio.Event()
        self._tried = trio.Event()
        self._is_closed = False

    def close(self) -> None:
        """Nothing more is written from now on; the next server does the rest."""
        self._is_closed = True

    def add(self, number: int) -> None:
        """Note that a room has been deleted, by its number."""
        self._rooms[number] = ""
        self._has_more.set()

    async def wait_gone(self, number: int) -> str:
        """Wait until nothing is left of a room, or that has failed once. Returns why, or ""."""
        while number in self._rooms and not self._rooms[number]:
            await self._tried.wait()
        return self._rooms.get(number, "")

    async def run(self) -> None:
        """Leave nothing of any of them, for ever."""
        guard = Guard("something went wrong while what is left of deleted rooms was forgotten")
        try:
            while True:
                if not self._rooms:
                    await self._has_more.wait()
                self._has_more = trio.Event()
                why = "something went wrong"
                rooms = [*self._rooms]
                with guard:
                    try:
                        await self._forget_all(rooms)
                        why = ""
                    except JournalError as error:
                        why = str(error)
                        if not self._is_closed:
                            log.error("cannot forget what is left of deleted rooms; it is tried again", why=why)
                self._note(rooms, why)
                if why:
                    with trio.move_on_after(REST_AFTER_FAILURE):  # or until there is one more
                        await self._has_more.wait()
        finally:
            self._note([*self._rooms], "the server ends, and its next start overwrites it")

    def _note(self, rooms: Sequence[int], why: str) -> None:
        for number in rooms:
            if why:
                self._rooms[number] = why
            else:
                del self._rooms[number]
        self._tried.set()
        self._tried = trio.Event()

    async def _forget_all(self, rooms: Sequence[int]) -> None:
        """Files are made anew once for all of them."""
        for number in rooms:
            await self._forget(number)
        await self._endings.overwrite_the_rest()
        await self._change(lambda connection: deleted_rooms.note_gone(connection, rooms))

    async def _forget(self, room: int) -> None:
        while batches := await self._ask(lambda asked: deleted_rooms.left_batches(asked, room)):
            ranges = [(batch.id, batch.count) for batch in batches]
            await self._indexer.call(lambda file, ranges=ranges: file.forget(ranges))  # type: ignore[misc]
            await self._committer.call(lambda writer, batches=batches: writer.delete(batches))  # type: ignore[misc]
            await trio.sleep(REST)
        after: int | None = 0
        while after is not None:
            ids, after = await self._ask(lambda asked, after=after: deleted_rooms.left_keys(asked, room, after))  # type: ignore[misc]
            await self._change(lambda connection, ids=ids: deleted_rooms.forget_keys(connection, room, ids))  # type: ignore[misc]
        await self._change(lambda connection: deleted_rooms.note_forgotten(connection, room))

    async def _ask(self, question: Callable[[sqlite3.Connection], T]) -> T:
        answer: T = await self._in_reader(lambda reader: reader.ask(question))
        return answer

    async def _change(self, change: Callable[[sqlite3.Connection], object]) -> None:
        await self._committer.call(lambda writer: writer.change(change))
