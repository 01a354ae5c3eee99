"""What is left in the files of lines that were deleted: in the index until a moment later, elsewhere in their bytes until they are made anew.

In the journal's tables the old text is overwritten by the commit that deletes it (amending.py). What was not finished when the server ended is done
by the next one. Bounds: files are made anew for a thousandth of the time. Never knows who has deleted what.
"""

from collections import deque
from collections.abc import Callable, Iterable, Sequence
from math import inf

import trio

from chat_server.guard import Guard
from chat_server.journal import JournalError
from chat_server.journal.batch_codec import Stored
from chat_server.journal.search.indexer import Indexer
from chat_server.journal.sqlite import rewriting
from chat_server.journal.sqlite.committer import Committer
from chat_server.journal.sqlite.endings import Endings
from chat_server.journal.sqlite.indexed import IndexedFile
from chat_server.journal.sqlite.writer import Writer
from chat_server.logs import log
from chat_server.protocol.amending import Redacted
from chat_server.protocol.runs import pieces_of

DELAY = 30.0
"""Seconds after which the files are made anew: once for all that is deleted meanwhile."""

REST, REST_SHARE = 600.0, 1000
"""Seconds between two times, and for how many times as long as the last one took: nothing is stored meanwhile, a second for a million lines, and
anybody may delete a line of theirs as often as they like."""

REST_AFTER_FAILURE = 10.0
"""Seconds before what has failed is tried again."""


class Deletions:
    """What was deleted, on its way out of the files."""

    def __init__(
        self,
        committer: Committer,
        indexer: Indexer[IndexedFile],
        endings: Endings,
        current: Callable[[str], str],
        left: rewriting.Left,
    ) -> None:
        """Go on with what was left. `current` tells what a room is called now that was called so when lines of it were deleted."""
        self._committer = committer
        self._indexer = indexer
        self._endings = endings
        self._current = current
        self._to_index: deque[Redacted] = deque()
        self._has_more = trio.Event()
        self._due_at: float | None = None
        self._rests_until = 0.0
        self._is_closed = False
        self._left = left

    def close(self) -> None:
        """Nothing more is written from now on; the next server does the rest."""
        self._is_closed = True

    def note(self, lines: Sequence[Stored]) -> None:
        """These have been stored."""
        if Redacted in map(type, pieces_of(lines)):
            self._add(line for line in lines if isinstance(line, Redacted))

    def _add(self, redactions: Iterable[Redacted]) -> None:
        self._to_index += redactions
        if self._due_at is None:
            self._due_at = max(trio.current_time() + DELAY, self._rests_until)
        self._has_more.set()

    async def run(self) -> None:
        """Have nothing left of what is deleted, until `close`."""
        guard = Guard("something went wrong while what is left of deleted lines was overwritten")
        if self._left.is_any:
            self._add(self._left.redactions)
        while not self._is_closed:
            is_done = False
            with guard:
                try:
                    await self._do_next()
                    is_done = True
                except JournalError as error:
                    if not self._is_closed:
                        log.error("cannot overwrite what is left of deleted lines; it is tried again", why=str(error))
            if not is_done:
                await trio.sleep(REST_AFTER_FAILURE)

    async def _do_next(self) -> None:
        """Wait until there is something to do, and do it."""
        with trio.move_on_at(inf if self._due_at is None else self._due_at):
            await self._has_more.wait()
        self._has_more = trio.Event()
        await self._index_again()
        if self._due_at is not None and trio.current_time() >= self._due_at:
            await self._make_anew()

    async def _index_again(self) -> None:
        while self._to_index:
            redacted = self._to_index[0]
            room = self._current(redacted.room)
            await self._indexer.call(lambda file, room=room, of=redacted.of: file.replace_numbers(room, of))  # type: ignore[misc]
            if self._to_index and self._to_index[0] is redacted:
                self._to_index.popleft()

    async def _make_anew(self) -> None:
        position = await self._committer.call(Writer.end)
        self._due_at = None  # what is deleted from now on is for the next time
        began = trio.current_time()
        is_done = False
        try:
            await self._index_again()
            await self._endings.overwrite_the_rest()
            await self._committer.call(
                lambda writer: writer.change(lambda connection: rewriting.note_overwritten(connection, position))
            )
            is_done = True
        finally:
            now = trio.current_time()
            self._rests_until = now + max(REST, (now - began) * REST_SHARE)
            if not is_done:
                self._due_at = now
