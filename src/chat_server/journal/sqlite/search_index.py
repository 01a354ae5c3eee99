"""The search index: which words stand at which position of the journal. SQLite's FTS5, in a file of its own.

What it has can be made anew from the journal at any time, so it is not synced, not backed up, and thrown away when it does not fit. Every
method blocks. Never knows rooms or people, but as names to filter by.
"""

import re
import sqlite3
from collections.abc import Iterable, Sequence
from contextlib import suppress
from pathlib import Path
from unicodedata import category, normalize

from chat_server.journal import JournalError
from chat_server.journal.sqlite.batch_codec import Stored, Unknown

VERSION = 2
"""Of the tables, of `segmented` and of `signs_in`: an index of another version is made anew."""

# Scripts that are written without spaces. The first line: Thai, Lao, Burmese, Khmer and their neighbours. The others: Han with radicals and
# extensions, kana, Hangul, half-width kana.
_UNSPACED = re.compile(
    "[\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff\u1950-\u19ff\u1a20-\u1aaf\ua9e0-\ua9ff\uaa60-\uaadf\U00011700-\U0001174f"
    "\u2e80-\u2fdf\u3005-\u3007\u3040-\u30ff\u31f0-\u31ff\u3400-\u4dbf\u4e00-\u9fff\ua960-\ua97f\uac00-\ud7ff"
    "\uf900-\ufaff\U0001b000-\U0001b16f\U00020000-\U0003ffff]+"
)
_VARIATION_SELECTORS = re.compile("[\ufe00-\ufe0f\U000e0100-\U000e01ef]")

# Signs that make another word of what they touch (C++, C#, @ann, $HOME, 50%), unlike punctuation, quotes and Markdown's marks.
_SIGN = re.compile(r"[+#@$%&=^\\]")
_WITH_SIGNS = re.compile(r"[\w+#@$%&=^\\]+")
_SYMBOLS = re.compile("[\U0001f1e6-\U0001f1ff]{2}|[^\x00-\x7f\\w\\s]")
_SIGN_MAX = 64
"""Characters of a word with signs that are looked at."""

_WORDS = re.compile(r'"([^"]*)"?|(\S+)')

_TABLES = f"""
    CREATE VIRTUAL TABLE words USING fts5(
        text, signs, room, tokenize = "unicode61 remove_diacritics 2 categories 'L* N* Co M*'", columnsize = 0
    );
    CREATE TABLE state (identity TEXT NOT NULL, indexed INTEGER NOT NULL);
    PRAGMA user_version = {VERSION};
"""


TERMS_MAX = 16
"""Words that are looked for at once. A line of 4 KiB could have two thousand, and nobody else searches meanwhile."""

WAIT_SECONDS = 1.0
"""Seconds that the index waits for another program that has locked it: a stop of the server may have to wait as long."""

PREFIX_MIN = 3
"""Letters before a `*`. Fewer begin so many words that among a million lines it would take seconds; then the `*` is nothing."""


class OtherRelease(JournalError):
    """The index was made by another release, whose server made it otherwise: the next server makes it anew."""


class NoWords(ValueError):
    """There is nothing to look for in what was typed."""


class TooManyWords(ValueError):
    """There are more than TERMS_MAX words in what was typed."""


def _pairs(run: re.Match[str]) -> str:
    """`你好吗` becomes `你好 好吗 吗`: every two characters that stand together are a word, and so is the last one."""
    return " " + " ".join(run[0][at : at + 2] for at in range(len(run[0]))) + " "


def segmented(text: str) -> str:
    """The text as the tokenizer wants it: spaces between words, also in scripts that have none."""
    return text if text.isascii() else _UNSPACED.sub(_pairs, _normalised(text))


def _normalised(text: str) -> str:
    return text if text.isascii() else _VARIATION_SELECTORS.sub("", normalize("NFKC", text))


def signs_in(text: str) -> list[str]:
    """What the tokenizer would not see: words with signs in them, and each emoji or other symbol. Without doubles, cut after _SIGN_MAX."""
    plain = _normalised(text)
    found: list[str] = []
    if _SIGN.search(plain):
        words = _WITH_SIGNS.findall(plain if plain.isascii() else _UNSPACED.sub(" ", plain))
        found += [word[:_SIGN_MAX].casefold() for word in words if _SIGN.search(word)]
    if not plain.isascii():
        found += [symbol for symbol in _SYMBOLS.findall(plain) if category(symbol[0])[0] == "S"]
    return list(dict.fromkeys(found))


def _sign_word(sign: str) -> str:
    """A sign as a word that the tokenizer leaves whole."""
    return "s" + sign.encode().hex()


def indexed_text(line: Stored) -> str:
    """What is found of a line: nothing of one that this release cannot show."""
    return "" if isinstance(line, Unknown) else segmented(line.text)


def _indexed_signs(line: Stored) -> str:
    return "" if isinstance(line, Unknown) else " ".join(map(_sign_word, signs_in(line.text)))


def query_of(words: str) -> str:
    """What FTS5 is asked for: all the words; "words in quotes" must stand together; `wor*` is whatever begins so.

    Raises:
        NoWords: there is no letter, digit or symbol in it.
        TooManyWords: there are more than TERMS_MAX words.

    """
    terms = [term for quoted, word in _WORDS.findall(words) if (term := _term(quoted or word, is_quoted=bool(quoted)))]
    if not terms:
        raise NoWords
    if len(terms) > TERMS_MAX:
        raise TooManyWords
    return " AND ".join(terms)


def _term(word: str, *, is_quoted: bool) -> str:
    """What FTS5 is asked for one word, or for words that stand together; "" where there is nothing to look for."""
    is_beginning = word.endswith("*") and not is_quoted
    word = word.rstrip("*") if is_beginning else word
    signs = signs_in(word)[:TERMS_MAX]
    asked = [f"signs : {_sign_word(sign)}" for sign in signs]
    if signs and is_beginning and len(signs[-1]) >= PREFIX_MIN and word.casefold().endswith(signs[-1]):
        asked[-1] += " *"
    text = segmented(word).strip()
    if any(character.isalnum() for character in text):
        asked.insert(0, f"text : {_phrase(text, is_beginning=is_beginning)}")
    return " AND ".join(asked)


def _phrase(text: str, *, is_beginning: bool) -> str:
    """The words of a segmented text, which stand together; the last may only begin so."""
    *others, last = text.split()
    # The last of unspaced characters stands alone only at the end of a run; elsewhere it begins the next pair.
    is_run = _UNSPACED.fullmatch(last)
    if is_run and others and len(others[-1]) == 2 and _UNSPACED.fullmatch(others[-1]):  # noqa: PLR2004 - a pair
        last = ""
    begins = (is_run and last) or (is_beginning and len(_LAST_LETTERS.search(last)[0]) >= PREFIX_MIN)  # type: ignore[index]
    phrase = " ".join([*others, last]).replace('"', " ").strip()
    return f'"{phrase}"{" *" if begins else ""}'


_LAST_LETTERS = re.compile(r"[^\W_]*$")


def _room_word(room: str) -> str:
    return "r" + room.encode().hex()


class SearchIndex:
    """Words by position. Every method may raise JournalError."""

    def __init__(self, path: Path | None, identity: str | None, end: int) -> None:
        """Open the index of the journal with this identity, whose next position is `end`; begin anew if it is another's.

        Args:
            path: the file; None for an index in memory.
            identity: the journal's; None to take the index as it is.
            end: the position that the journal's next line will have.

        """
        self._path = path
        self._identity = identity
        self.is_broken = False
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
                raise JournalError(f"cannot open {path}: {error}") from error

    def _open(self, end: int) -> None:
        self._connection = _connect(self._path)
        self._connection.execute("PRAGMA journal_mode = WAL")
        self._connection.execute("PRAGMA synchronous = OFF")
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
            self._connection = _connect(self._path)
            self._connection.execute("PRAGMA journal_mode = WAL")
            self._connection.execute("PRAGMA synchronous = OFF")
        self._connection.executescript(f"BEGIN; {_TABLES} COMMIT;")
        self._connection.execute("INSERT INTO state VALUES (?, 0)", (self._identity,))
        self.indexed = 0

    def discard(self) -> None:
        """Close and delete the index."""
        with suppress(sqlite3.Error):
            self._connection.close()
        if self._path is not None:
            for ending in ("", "-wal", "-shm"):
                with suppress(OSError):
                    self._path.with_name(self._path.name + ending).unlink()

    def close(self) -> None:
        """Close the connection."""
        with suppress(sqlite3.Error):
            self._connection.close()

    def add(self, records: Iterable[tuple[int, Sequence[Stored]]]) -> None:
        """Index records, each after those before: the last position of each, and its lines."""
        rows = []
        position = self.indexed
        for position, lines in records:
            start = position - len(lines) + 1
            room = _room_word(lines[0].room)
            rows += [
                (start + index, indexed_text(line), _indexed_signs(line), room) for index, line in enumerate(lines)
            ]
        self._write(
            ("INSERT INTO words (rowid, text, signs, room) VALUES (?, ?, ?, ?)", rows),
            ("UPDATE state SET indexed = ?", [(position,)]),
        )
        self.indexed = position

    def forget(self, ranges: Sequence[tuple[int, int]]) -> None:
        """Take positions out, each range with its first and its count."""
        self._write(
            ("DELETE FROM words WHERE rowid BETWEEN ? AND ?", [(first, first + count - 1) for first, count in ranges])
        )

    def _write(self, *statements: tuple[str, Sequence[tuple[object, ...]]]) -> None:
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

    def search(self, words: str, rooms: Sequence[str] | None, limit: int) -> list[int]:
        """The newest positions with all the words, newest first. Raises NoWords where there are none."""
        query = query_of(words)
        if rooms is not None:
            query += f" AND room : ({' OR '.join(map(_room_word, rooms))})"
        try:
            return [
                int(position)
                for (position,) in self._connection.execute(
                    "SELECT rowid FROM words WHERE words MATCH ? ORDER BY rowid DESC LIMIT ?", (query, limit)
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

    def texts(self, first: int, count: int) -> list[str]:
        """What is indexed at some positions."""
        try:
            return [
                str(text)
                for (text,) in self._connection.execute(
                    "SELECT c0 FROM words_content WHERE id BETWEEN ? AND ? ORDER BY id", (first, first + count - 1)
                )
            ]
        except sqlite3.Error as error:
            raise JournalError(str(error)) from error


def _connect(path: Path | None) -> sqlite3.Connection:
    return sqlite3.connect(path or ":memory:", isolation_level=None, check_same_thread=False, timeout=WAIT_SECONDS)
