"""What is done with the lines of accounts that have ended, whatever happens meanwhile: it goes on when the journal is next opened.

Some batches at a time, so that no append waits long; then nothing of the old texts is in any file of the data directory. Never knows whose they were.
"""

from collections.abc import Callable, Sequence
from contextlib import closing, suppress
from functools import partial

import trio

from chat_server.guard import Guard
from chat_server.journal import JournalError, UnusableJournal
from chat_server.journal.archive import StoredRecord
from chat_server.journal.sqlite import account_changes
from chat_server.journal.sqlite.committer import Committer
from chat_server.journal.sqlite.data_directory import DataDirectory
from chat_server.journal.sqlite.ended_file import add_ended, read_ended
from chat_server.journal.sqlite.indexer import Indexer
from chat_server.journal.sqlite.reader import Reader, connect, mapped_errors
from chat_server.journal.sqlite.rewriting import Ended, Some, all_ended, batches_of, note_done, pending, rewrite
from chat_server.journal.sqlite.writer import Writer
from chat_server.logs import log

REST = 0.02
"""Seconds between two transactions that rewrite lines: appends go first."""

REST_AFTER_FAILURE = 10.0
"""Seconds before what has failed is tried again."""

LOG_TRIES, LOG_REST = 40, 0.25
"""How often the journal's log is tried to be brought in, and the seconds in between: whoever reads just then keeps it from that."""


def apply_ended(folder: DataDirectory, writer: Writer, at: float) -> list[Ended]:
    """Close the accounts that the file of the data directory says have ended, in a journal that does not know: it was a backup.

    The file learns of those that only the journal knows.

    Returns:
        The accounts whose lines are still to be rewritten.

    Raises:
        UnusableJournal: the file cannot be read or written.

    """
    try:
        missing = {one.account: one for one in read_ended(folder.ended)}
        known = writer.ask(all_ended)
        add_ended(folder.ended, known)
    except (OSError, ValueError) as error:
        raise UnusableJournal(f"cannot use {folder.ended}, which says what has been erased: {error}") from error
    for one in known:
        missing.pop(one.account, None)
    if missing:
        writer.change(lambda connection: account_changes.end_again(connection, missing.values(), at))
    return writer.ask(pending)


class Endings:
    """The accounts that have ended and whose lines are still to be rewritten."""

    def __init__(
        self, folder: DataDirectory, committer: Committer, indexer: Indexer, store_positions: Callable[[], None]
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
        self._rooms: dict[Ended, frozenset[str]] = {}
        self._has_more = trio.Event()

    async def carry_out(self, ended: Ended) -> frozenset[str]:
        """Have an account's lines rewritten, and wait for it; return in which rooms it had some."""
        done = self._waiting.setdefault(ended, trio.Event())
        self._has_more.set()
        await done.wait()
        return self._rooms.pop(ended, frozenset())

    async def catch_up(self, found: list[Ended]) -> None:
        """Do what was left of it when the journal was closed: before anybody is shown a line."""
        self._waiting |= {ended: trio.Event() for ended in found}
        await self._carry_out_all()

    async def run(self) -> None:
        """Rewrite what there is to be rewritten, for ever."""
        try:
            while True:
                await self._has_more.wait()
                self._has_more = trio.Event()
                await self._carry_out_all()
                if self._waiting:
                    await trio.sleep(REST_AFTER_FAILURE)
        finally:
            for done in self._waiting.values():
                done.set()

    async def _carry_out_all(self) -> None:
        """Do for all that wait what the disk lets be done."""
        with Guard("something went wrong while the lines of accounts that have ended were rewritten"):
            try:
                waiting = [*self._waiting]
                for ended in waiting:
                    await self._rewrite(ended)
                if waiting:
                    await self._overwrite_the_rest()
                for ended in waiting:
                    await self._committer.call(partial(_note_done, ended))
                    self._waiting.pop(ended).set()
            except JournalError as error:
                log.error("cannot rewrite the lines of an account that has ended", why=str(error))
        if self._waiting:
            self._has_more.set()

    async def _rewrite(self, ended: Ended) -> None:
        await self._committer.call(lambda _: self._note_in_file(ended))
        after: int | None = 0
        while after is not None:
            some = await trio.to_thread.run_sync(self._find, ended, after)
            after = some.after
            if some.batches:
                changed = await self._committer.call(partial(_rewrite, ended, some.batches))
                rooms = {record.lines[0].room for record in changed}
                self._rooms[ended] = self._rooms.get(ended, frozenset()) | rooms
                await self._indexer.replace(changed)
                await trio.sleep(REST)

    async def _overwrite_the_rest(self) -> None:
        """Leave nothing of the old texts in the files. What reads the journal just then keeps its log from being brought in."""
        await self._indexer.purge()
        await self._committer.call(make_anew)
        for _ in range(LOG_TRIES - 1):
            with suppress(JournalError):
                await self._committer.call(Writer.bring_in_log)
                return
            await trio.sleep(LOG_REST)
        await self._committer.call(Writer.bring_in_log)

    def _find(self, ended: Ended, after: int) -> Some:
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


def make_anew(writer: Writer) -> None:
    """Make the journal's file anew of what is in it. A second for a million lines, in which nothing is stored.

    SQLite overwrites what is deleted; but where it has moved a row to another page it leaves the old copy, until something else needs the place.
    """
    with mapped_errors(), closing(connect(writer.path)) as connection:
        connection.execute("PRAGMA temp_store = FILE")
        connection.execute("VACUUM")


def _note_done(ended: Ended, writer: Writer) -> None:
    writer.change(lambda connection: note_done(connection, ended))


def _rewrite(ended: Ended, batches: Sequence[int], writer: Writer) -> list[StoredRecord]:
    return writer.change(lambda connection: rewrite(connection, batches, ended))
