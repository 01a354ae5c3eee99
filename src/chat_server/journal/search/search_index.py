"""A search index: which words stand at which position of the journal. SQLite's FTS5, in a file of its own.

What it has can be rebuilt from the journal at any time, so it is not synced, not backed up, and thrown away when it does not fit. Every
method blocks. Never knows rooms or people, but as names to filter by.
"""

import os
import sqlite3
from collections.abc import Iterable, Mapping, Sequence
from contextlib import ExitStack, closing, suppress
from pathlib import Path
from typing import Any

from chat_server.journal import EVERYTHING, JournalError
from chat_server.journal.batch_codec import Stored, Unknown
from chat_server.journal.conversations import MARK
from chat_server.journal.words import Term, segmented, signs_in, terms_of

VERSION = 2
"""Of the tables, of `segmented` and of `signs_in` (words.py): an index of another version is rebuilt."""

_TABLES = f"""
    CREATE VIRTUAL TABLE words USING fts5(
        text, signs, room, tokenize = "unicode61 remove_diacritics 2 categories 'L* N* Co M*'", columnsize = 0
    );
    CREATE TABLE state (identity TEXT NOT NULL, indexed INTEGER NOT NULL);
    PRAGMA user_version = {VERSION};
"""


WAIT_SECONDS = 1.0
"""Seconds that the index waits for another program that has locked it: a stop of the server may have to wait as long."""


class OtherRelease(JournalError):
    """The index was made by another release, whose server made it otherwise: the next server rebuilds it."""


def _sign_word(sign: str) -> str:
    """A sign as a word that the tokenizer leaves whole."""
    return "s" + sign.encode().hex()


def indexed_text(line: Stored) -> str:
    """What is found of a line: nothing of one that this release cannot show, or that stands elsewhere too."""
    return "" if isinstance(line, Unknown) or not line.is_found else segmented(line.text)


def _indexed_signs(line: Stored) -> str:
    if isinstance(line, Unknown) or not line.is_found:
        return ""
    return " ".join(map(_sign_word, signs_in(line.text)))


Statement = tuple[str, Sequence[tuple[object, ...]]]
"""What is executed for each of these values."""

_INSERT = "INSERT INTO words (rowid, text, signs, room) VALUES (?, ?, ?, ?)"


def _rows_of(position: int, lines: Sequence[Stored]) -> list[tuple[object, ...]]:
    """The rows of a record, of which the last has this position."""
    start = position - len(lines) + 1
    room = _room_word(lines[0].room)
    return [(start + index, indexed_text(line), _indexed_signs(line), room) for index, line in enumerate(lines)]


def query_of(words: str) -> str:
    """What FTS5 is asked for. Raises NoWords and TooManyWords; see words.py."""
    return " AND ".join(map(_asked_for, terms_of(words)))


def _asked_for(term: Term) -> str:
    asked = [f"signs : {_sign_word(sign)}" for sign in term.signs]
    if term.is_sign_begun:
        asked[-1] += " *"
    if term.phrase:
        asked.insert(0, f'text : "{term.phrase}"{" *" if term.is_phrase_begun else ""}')
    return " AND ".join(asked)


def _room_word(room: str) -> str:
    return "r" + room.encode().hex()


class SearchIndex:
    """Words by position. Every method may raise JournalError.

    What is written can be written together with other statements, about whatever the journal's engine keeps beside the words.
    """

    def __init__(self, path: Path, identity: str | None, end: float, beside: str = "") -> None:
        """Open the index of the journal with this identity, whose next position is `end`; start over if it is another's.

        Args:
            path: the file.
            identity: the journal's; None to take the index as it is.
            end: the position that the journal's next line will have.
            beside: makes the tables of what is kept beside the words.

        """
        self._path = path
        self._identity = identity
        self._tables = _TABLES + beside
        self.is_broken = False
        self._opened = ExitStack()
        try:
            self._open(end)
        except sqlite3.Error as error:
            if identity is None:
                self.close()
                raise JournalError(f"cannot open {path}: {error}") from error
            self.discard()
            try:
                self._open(end)
            except sqlite3.Error as error:
                self.close()
                raise JournalError(f"cannot open {path}: {error}") from error

    def _open(self, end: float) -> None:
        self._connect()
        version = self._connection.execute("PRAGMA user_version").fetchone()[0]
        rows = self._connection.execute("SELECT identity, indexed FROM state").fetchall() if version == VERSION else []
        if rows and (self._identity is None or (rows[0][0] == self._identity and rows[0][1] < end)):
            self.indexed = int(rows[0][1])
            return
        if self._identity is None and version:
            self.close()
            raise OtherRelease(f"{self._path} was made by another release")
        if self._identity is None:
            raise sqlite3.DatabaseError("it is not one of this release")
        if version or self._connection.execute("SELECT count(*) FROM sqlite_master").fetchone()[0]:
            self.discard()
            self._connect()
        self._connection.executescript(f"BEGIN; {self._tables} COMMIT;")
        self._connection.execute("INSERT INTO state VALUES (?, 0)", (self._identity,))
        self.indexed = 0

    def _connect(self) -> None:
        if self._identity is not None:
            with suppress(OSError):  # SQLite says what is wrong, and would make it for everybody to read
                os.close(os.open(self._path, os.O_RDWR | os.O_CREAT, 0o600))
        self._connection = self._opened.enter_context(
            closing(sqlite3.connect(self._path, isolation_level=None, check_same_thread=False, timeout=WAIT_SECONDS))
        )
        self._connection.execute("PRAGMA journal_mode = WAL")
        self._connection.execute("PRAGMA synchronous = OFF")
        self._connection.execute("PRAGMA secure_delete = ON")  # what is deleted is overwritten

    def discard(self) -> None:
        """Close and delete the index."""
        self.close()
        for ending in ("", "-wal", "-shm"):
            with suppress(OSError):
                self._path.with_name(self._path.name + ending).unlink()

    def close(self) -> None:
        """Close the connection, if one was made."""
        with suppress(sqlite3.Error):
            self._opened.close()

    def ask(self, sql: str, *values: object) -> list[Any]:
        """What the tables beside the words have."""
        try:
            return self._connection.execute(sql, values).fetchall()
        except sqlite3.Error as error:
            self._note(error)
            raise JournalError(str(error)) from error

    def add(self, records: Iterable[tuple[int, Sequence[Stored]]], *beside: Statement) -> None:
        """Index records, each after those before: the last position of each, and its lines."""
        rows: list[tuple[object, ...]] = []
        position = self.indexed
        for position, lines in records:
            rows += _rows_of(position, lines)
        self._write((_INSERT, rows), ("UPDATE state SET indexed = ?", [(position,)]), *beside)
        self.indexed = position

    def replace(self, records: Iterable[tuple[int, Sequence[Stored]]], *beside: Statement) -> None:
        """Index records again, as far as they are indexed already."""
        self._write(*self.replacing(records), *beside)

    def replacing(self, records: Iterable[tuple[int, Sequence[Stored]]]) -> Sequence[Statement]:
        """What does that."""
        rows = [row for record in records if record[0] <= self.indexed for row in _rows_of(*record)]
        return ("DELETE FROM words WHERE rowid = ?", [row[:1] for row in rows]), (_INSERT, rows)

    def purge(self) -> None:
        """Overwrite what has been taken out: FTS5 does so bit by bit, and SQLite leaves copies of what it has moved. A million lines take seconds."""
        self._write(("INSERT INTO words (words) VALUES ('optimize')", [()]))
        try:
            self._connection.execute("VACUUM")
            ((is_busy, *_),) = self._connection.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchall()
        except sqlite3.Error as error:
            raise JournalError(str(error)) from error
        if is_busy:
            raise JournalError(f"another program is using {self._path}")

    def pass_over(self, position: int) -> None:
        """Count everything up to a position as indexed: there is nothing any more."""
        self._write(("UPDATE state SET indexed = ?", [(position,)]))
        self.indexed = position

    def forget(self, ranges: Sequence[tuple[int, int]], *beside: Statement) -> None:
        """Take positions out, each range with its first and its count."""
        spans = [(first, first + count - 1) for first, count in ranges]
        self._write(("DELETE FROM words WHERE rowid BETWEEN ? AND ?", spans), *beside)

    def note(self, *beside: Statement) -> None:
        """Write something beside the words, which stay as they are."""
        self._write(*beside)

    def _write(self, *statements: Statement) -> None:
        try:
            self._connection.execute("BEGIN IMMEDIATE")
            for sql, rows in statements:
                self._connection.executemany(sql, rows)
            self._connection.execute("COMMIT")
        except sqlite3.Error as error:
            self._note(error)
            with suppress(sqlite3.Error):
                self._connection.execute("ROLLBACK")
            raise JournalError(str(error)) from error

    def _note(self, error: sqlite3.Error) -> None:
        """Remember that the file is no good any more: a full or busy disk is an OperationalError."""
        self.is_broken = self.is_broken or not isinstance(error, sqlite3.OperationalError)

    def search(
        self, words: str, rooms: Sequence[str] | None, limit: int, lowest: Mapping[str, int] = EVERYTHING
    ) -> list[int]:
        """The newest positions with all the words, newest first, of conversations only where they are named. Raises NoWords where there are none.

        In some of the rooms none below the lowest are found: each of those is searched by itself, and what lies below is not even looked at.
        """
        query = query_of(words)
        if not lowest or rooms is None:
            return self._search(query, rooms, limit, 0)
        found = self._search(query, [room for room in rooms if not lowest.get(room)], limit, 0)
        for room in rooms:
            if lowest.get(room):
                found += self._search(query, [room], limit, lowest[room])
        return sorted(found, reverse=True)[:limit]

    def _search(self, query: str, rooms: Sequence[str] | None, limit: int, lowest: int) -> list[int]:
        if rooms is not None:
            if not rooms:
                return []
            query += f" AND room : ({' OR '.join(map(_room_word, rooms))})"
        else:
            query = f"({query}) NOT room : {_room_word(MARK)} *"
        try:
            return [
                int(position)
                for (position,) in self._connection.execute(
                    "SELECT rowid FROM words WHERE words MATCH ? AND rowid >= ? ORDER BY rowid DESC LIMIT ?",
                    (query, lowest, limit),
                )
            ]
        except sqlite3.Error as error:
            self._note(error)
            raise JournalError(str(error)) from error

    def check(self) -> None:
        """Look the index through. Raises JournalError if it is broken."""
        try:
            self._connection.execute("INSERT INTO words (words) VALUES ('integrity-check')")
        except sqlite3.Error as error:
            raise JournalError(f"the search index is broken: {error}") from error

    def has_lines(self, first: int, lines: Sequence[Stored]) -> bool:
        """Whether these lines, of which the first has this position, are what is indexed there."""
        return self.texts(first, len(lines)) == list(map(indexed_text, lines))

    def texts(self, first: int, count: int) -> list[str]:
        """What is indexed at `count` positions from `first` on. Raises JournalError."""
        try:
            return [
                str(text)
                for (text,) in self._connection.execute(
                    "SELECT c0 FROM words_content WHERE id BETWEEN ? AND ? ORDER BY id", (first, first + count - 1)
                )
            ]
        except sqlite3.Error as error:
            raise JournalError(str(error)) from error
