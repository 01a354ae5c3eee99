"""The journal's file and its search index, in the one order in which both are read and written. See search.indexer.Indexed.

The index is opened when it is first needed, and made anew where it does not fit. Everything here blocks; never knows Trio.
"""

from collections.abc import Mapping, Sequence
from contextlib import suppress
from functools import partial
from pathlib import Path

from chat_server.journal import EVERYTHING, JournalError
from chat_server.journal.archive import StoredRecord
from chat_server.journal.search.search_index import SearchIndex
from chat_server.journal.sqlite.deleted_rooms import deleted_names
from chat_server.journal.sqlite.reader import Reader
from chat_server.journal.sqlite.rewriting import records_with
from chat_server.logs import log
from chat_server.protocol.amending import Deleted, Edited, Ranges
from chat_server.protocol.entries import Entry


class IndexedFile:
    """See Indexed."""

    def __init__(self, journal: Path, index: Path) -> None:
        """Index the journal in one file into the other."""
        self._journal = journal
        self._path = index
        self._reader: Reader | None = None
        self._index: SearchIndex | None = None

    def indexed(self) -> int:
        """The position up to which everything is in the index."""
        return self._index.indexed if self._index is not None else self._opened()[1].indexed

    def index_some(self, limit: int) -> bool:
        """Index the next lines; see Indexed."""
        reader, index = self._opened()
        end = reader.end()
        records = reader.records(index.indexed, limit)
        if records:
            index.add(records, *index.replacing(_edited_in(reader, records)))
        elif index.indexed < end - 1:
            index.pass_over(end - 1)  # the newest lines have been deleted
        return bool(records)

    def search(
        self, words: str, rooms: Sequence[str] | None, limit: int, since: Mapping[str, int] = EVERYTHING
    ) -> list[Entry]:
        """The newest lines that have all the words; see Indexed."""
        reader, index = self._opened()
        lowest = {room: reader.position_of(room, seq) for room, seq in since.items()}
        for room, before in reader.ask(deleted_names):
            lowest[room] = max(before, lowest.get(room, 0))
        found = reader.at_positions(index.search(words, rooms, limit, lowest))
        return [line for line in found if type(line) is not Deleted]  # the index may hear of it a moment later

    def forget(self, ranges: Sequence[tuple[int, int]]) -> None:
        """Take positions out, each range with its first and its count."""
        self._opened()[1].forget(ranges)

    def replace(self, records: Sequence[StoredRecord]) -> None:
        """Index records again that are no longer as they were."""
        self._opened()[1].replace(records)

    def replace_numbers(self, room: str, numbers: Ranges) -> None:
        """Index again the records of a room in which lines with these numbers are."""
        reader, index = self._opened()
        index.replace(reader.ask(lambda connection: records_with(connection, room, numbers)))

    def purge(self) -> None:
        """Leave nothing of what is not indexed any more in the index's file; where that cannot be done, there is no file, and it is made anew."""
        try:
            self._opened()[1].purge()
        except JournalError:
            if self._index is not None:
                self._index.discard()
                self._index = None

    def start_over(self) -> None:
        """Throw the index away, which fits no longer; it is made anew in the background."""
        self._opened()[1].discard()
        self._index = None

    def close(self) -> None:
        """Close the files."""
        if self._index is not None:
            self._index.close()
        if self._reader is not None:
            self._reader.close()
        self._index = self._reader = None

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


def _edited_in(reader: Reader, records: Sequence[StoredRecord]) -> list[StoredRecord]:
    """The records in which the lines are that have been edited in these."""
    edited = [line for _, lines in records for line in lines if isinstance(line, Edited)]
    found = {
        record.position: record
        for line in edited
        for record in reader.ask(partial(records_with, room=line.room, numbers=((line.of, line.of),)))
    }
    return [*found.values()]
