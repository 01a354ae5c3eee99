"""The journal in the database and a node's own search index of it. See search.indexer.Indexed.

The index is a cache: opened when it is first needed, made anew where it does not fit. Everything here blocks, for no longer than the database may
take to answer.
"""

import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path

import psycopg

from chat_server.journal import EVERYTHING, JournalError
from chat_server.journal.postgresql.cached_words import CachedWords
from chat_server.journal.postgresql.index_reading import (
    Connection,
    Rooms,
    batch_at,
    following,
    journal,
    left_out,
    lines_at,
    numbered,
    rewritten,
    rooms_of,
    words_of,
)
from chat_server.journal.postgresql.link import ANSWER_SECONDS, Held, said
from chat_server.journal.words import has_all, terms_of
from chat_server.logs import log
from chat_server.protocol.entries import Entry

REWRITTEN_AT_ONCE = 100
"""Batches that have been rewritten and are read again at once."""


class IndexedDatabase:
    """See Indexed."""

    def __init__(self, connect: Callable[[], Connection], index: Path) -> None:
        """Index what is in the database into a file."""
        self._connect = connect
        self._path = index
        self._held: Held | None = None
        self._words: CachedWords | None = None

    def indexed(self) -> int:
        """The position up to which everything is in the index."""
        return self._opened().indexed

    def end(self) -> int:
        """The position that the next line will have when everything is in the index that is in the database now."""
        words = self._opened()
        with self._snapshot() as connection:
            rooms = rooms_of(connection)
        _make_level(words, rooms)
        return 1 + words.indexed + sum(max(0, room.last - words.rooms[number].last) for number, room in rooms.items())

    def index_some(self, limit: int) -> bool:
        """Index the next lines; see Indexed."""
        words = self._opened()
        with self._snapshot() as connection:
            rooms = rooms_of(connection)
            changed = rewritten(connection, words.changed, REWRITTEN_AT_ONCE)
            lasts = {number: max(room.first - 1, words.last_of(number)) for number, room in rooms.items()}
            found = following(connection, words.stored, lasts, limit)
            is_more = found.batches or found.stored != words.stored
            batches = found.batches if is_more else left_out(connection, rooms, lasts, limit)
        _make_level(words, rooms)
        if changed.batches:
            words.replace(changed.batches, changed.stored)
        if batches or found.stored != words.stored:
            words.add(batches, found.stored)
        elif not changed.batches:
            words.purge()
            return False
        return True

    def search(
        self, words: str, rooms: Sequence[str] | None, limit: int, since: Mapping[str, int] = EVERYTHING
    ) -> list[Entry]:
        """The newest lines that have all the words; see Indexed. What was rewritten a moment ago is found by nothing that it had before."""
        terms = terms_of(words)
        index = self._opened()
        with self._snapshot() as connection:
            called = None if rooms is None else words_of(connection, rooms)
            bounds = {word: (number, seq) for room, seq in since.items() for word, number in numbered(connection, room)}
            found = lines_at(connection, index.search(words, called, limit, bounds))
        return [line for line in found if has_all(terms, line.text)]

    def close(self) -> None:
        """Close the file and the connection."""
        if self._words is not None:
            self._words.close()
        self._let_go()
        self._words = None

    def _let_go(self) -> None:
        if self._held is not None:
            self._held.close()
            self._held = None

    @contextmanager
    def _snapshot(self) -> Iterator[Connection]:
        """A connection that sees one moment. An engine that does not answer in time is given up."""
        try:
            if self._held is None:
                self._held = Held(self._connect())
            giving_up = threading.Timer(ANSWER_SECONDS, self._held.shutter.shut)
            giving_up.daemon = True
            giving_up.start()
            try:
                with self._held.connection.transaction():
                    self._held.connection.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ, READ ONLY")
                    yield self._held.connection
            finally:
                giving_up.cancel()
                giving_up.join()
        except (psycopg.Error, OSError) as error:
            self._let_go()
            raise JournalError(f"cannot read what is in the database: {said(error)}") from error

    def _opened(self) -> CachedWords:
        if self._words is not None and self._words.is_broken:
            log.warning("the search index is broken and is rebuilt")
            self._words.discard()
            self._words = None
        if self._words is None:
            with self._snapshot() as connection:
                self._words = self._index_of(connection)
        return self._words

    def _index_of(self, connection: Connection) -> CachedWords:
        """The index, made anew where it is of what this journal was before a backup was put in its place."""
        identity, oldest, newest = journal(connection)
        words = CachedWords(self._path, identity)
        if not _fits(connection, words, newest):
            log.warning("the search index has lines that the journal has not, and is rebuilt")
            words.discard()
            words = CachedWords(self._path, identity)
        if not words.indexed:
            words.begin((oldest, 0, 0))
        return words


def _make_level(words: CachedWords, rooms: Rooms) -> None:
    """Take out what rooms keep no more, and note rooms that are new."""
    for number in words.rooms.keys() - rooms.keys():
        words.forget(number, None)
    for number, room in rooms.items():
        if number not in words.rooms:
            words.add_room(number, room.first)
        elif words.rooms[number].first < room.first:
            words.forget(number, room.first)


def _fits(connection: Connection, words: CachedWords, newest: int) -> bool:
    """Whether an index is of this journal as it is now: it has nothing that comes later, and what it has last is there."""
    rooms = rooms_of(connection)
    if words.stored[0] >= newest:
        return False
    if any(known.last > rooms[number].last for number, known in words.rooms.items() if number in rooms):
        return False
    place = words.newest()
    if place is None or place.room not in rooms or place.seq < rooms[place.room].first:
        return True
    batch = batch_at(connection, place)
    return batch is not None and bool(words.has_lines(batch))
