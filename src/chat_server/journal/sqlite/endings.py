"""What is done with the lines of accounts that have ended, whatever happens meanwhile: it goes on when the journal is next opened.

Some batches at a time, so that no append waits long; then nothing of the old texts is in any file of the data directory. Never knows whose they were.
"""

from collections.abc import Awaitable, Callable
from contextlib import suppress
from functools import partial

import trio

from chat_server.accounts import Ended, Rewritten
from chat_server.guard import Guard
from chat_server.journal import JournalError
from chat_server.journal.archive import StoredRecord
from chat_server.journal.search.indexer import Indexer
from chat_server.journal.sqlite.committer import Committer
from chat_server.journal.sqlite.data_directory import DataDirectory
from chat_server.journal.sqlite.ended_accounts import make_anew, note_done, rewrite_some
from chat_server.journal.sqlite.ended_file import add_ended
from chat_server.journal.sqlite.indexed import IndexedFile
from chat_server.journal.sqlite.reader import Reader
from chat_server.journal.sqlite.rewriting import SomeBatches, batches_of
from chat_server.journal.sqlite.writer import Writer
from chat_server.logs import log

REST = 0.02
"""Seconds between two transactions that rewrite lines: appends go first."""

REST_AFTER_FAILURE = 10.0
"""Seconds before what has failed is tried again."""

LOG_TRIES, LOG_REST = 40, 0.25
"""How often the journal's log is tried to be brought in, and the seconds in between: whoever reads just then keeps it from that."""


class Endings:
    """The accounts that have ended and whose lines are still to be rewritten."""

    def __init__(
        self,
        folder: DataDirectory,
        committer: Committer,
        indexer: Indexer[IndexedFile],
        store_positions: Callable[[], None],
    ) -> None:
        """Rewrite what is in this data directory.

        Args:
            folder: the data directory.
            committer: the thread that writes.
            indexer: what keeps the search index.
            store_positions: has all read positions stored before whatever is stored next.

        """
        self.store_positions = store_positions
        self._folder = folder
        self._committer = committer
        self._indexer = indexer
        self._waiting: dict[Ended, trio.Event] = {}
        self._rewritten: dict[Ended, Rewritten] = {}
        self._has_more = trio.Event()

    async def carry_out(self, ended: Ended) -> Rewritten:
        """Have an account's lines rewritten, and wait for it."""
        done = self._waiting.setdefault(ended, trio.Event())
        self._has_more.set()
        await done.wait()
        return self._rewritten.pop(ended, Rewritten(ended.nick))

    async def catch_up(self, found: list[Ended]) -> None:
        """Do what was left of it when the journal was closed: before anybody is shown a line."""
        self._waiting |= {ended: trio.Event() for ended in found}
        if not await self._carry_out_all():
            self._has_more.set()

    async def run(self) -> None:
        """Rewrite what there is to be rewritten, for ever."""
        try:
            while True:
                await self._has_more.wait()
                self._has_more = trio.Event()
                if not await self._carry_out_all():
                    with trio.move_on_after(REST_AFTER_FAILURE):  # or until there is one more
                        await self._has_more.wait()
                    self._has_more.set()
        finally:
            for done in self._waiting.values():
                done.set()

    async def _carry_out_all(self) -> bool:
        """Do for all that wait what can be done; return whether that was all. Files are made anew once for all of them."""
        waiting = [*self._waiting]
        rewritten = [ended for ended in waiting if await self._is_done(self._rewrite, ended)]
        if rewritten and await self._is_done(self.overwrite_the_rest):
            for ended in rewritten:
                await self._is_done(self._note_done, ended)
        return not any(ended in self._waiting for ended in waiting)

    async def _is_done(self, step: Callable[..., Awaitable[None]], *ended: Ended) -> bool:
        """Take a step, and return whether it was done: what goes wrong with one account keeps no other from its end."""
        is_done = False
        with Guard("something went wrong while the lines of accounts that have ended were rewritten"):
            try:
                await step(*ended)
                is_done = True
            except JournalError as error:
                log.error("cannot rewrite the lines of an account that has ended", why=str(error))
        return is_done

    async def _note_done(self, ended: Ended) -> None:
        await self._committer.call(partial(note_done, ended))
        self._waiting.pop(ended).set()

    async def _rewrite(self, ended: Ended) -> None:
        await self._committer.call(lambda _: self._note_in_file(ended))
        after: int | None = 0
        while after is not None:
            some = await trio.to_thread.run_sync(self._find, ended, after)
            after = some.after
            if some.batches or after is None:  # what rooms know may name somebody of whom no line is left
                changed = await self._committer.call(partial(rewrite_some, ended, some.batches))
                _, rooms, topics = self._rewritten.get(ended, Rewritten(ended.nick))
                rooms |= {record.lines[0].room for record in changed.records}
                self._rewritten[ended] = Rewritten(ended.nick, rooms, {**topics, **changed.topics})
                await self._indexer.call(_indexing_again(changed.records))
                await trio.sleep(REST)

    async def overwrite_the_rest(self) -> None:
        """Leave nothing of what was deleted or rewritten in the files. What reads the journal just then keeps its log from being brought in."""
        await self._indexer.call(IndexedFile.purge)
        await self._committer.call(make_anew)
        for _ in range(LOG_TRIES - 1):
            with suppress(JournalError):
                await self._committer.call(Writer.bring_in_log)
                return
            await trio.sleep(LOG_REST)
        await self._committer.call(Writer.bring_in_log)

    def _find(self, ended: Ended, after: int) -> SomeBatches:
        reader = Reader(self._folder.journal)
        try:
            return reader.ask(lambda connection: batches_of(connection, ended.account, after))
        finally:
            reader.close()

    def _note_in_file(self, ended: Ended) -> None:
        try:
            add_ended(self._folder.ended, [ended])
        except (OSError, ValueError) as error:
            raise JournalError(f"{self._folder.ended}: {error}") from error


def _indexing_again(records: list[StoredRecord]) -> Callable[[IndexedFile], None]:
    return lambda file: file.replace(records)
