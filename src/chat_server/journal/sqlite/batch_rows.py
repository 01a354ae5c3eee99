"""Batches on their way into the table: which numbers, positions and turns they get, and the one statement that stores them all."""

import sqlite3
from collections.abc import Mapping, Sequence
from itertools import count, repeat
from typing import NamedTuple

import msgspec

from chat_server.journal.batch_codec import Stored, beginning_of, encode_authors
from chat_server.journal.keys import SenderKey, runs_of

_BATCH = "?, ?, ?, ?, ?, CAST(? AS TEXT), ?, ?, ?"
_KEYS = "NULL, ?, ?, NULL, ?, CAST(? AS TEXT), NULL, NULL, NULL, ?"
"""Rows of the statement; a batch has one value more, NULL, where there are keys.

Texts that are bytes already are given as bytes: to make a text of them, of which SQLite makes the same bytes again, took 3 % of S1zh's time.
"""

RUN_MIN = 16
"""Keys of one sender from which on they are a row of the statement. A row costs SQLite 40 us to compile, a key that has a row together with those of
others 3 us: a room in which two hundred programs say a line each wants one row for their keys, not two hundred."""

INCOMING = """
CREATE TEMP VIEW incoming AS
    SELECT id, room, first, count, at, lines, step, authors, turn, NULL AS sender FROM main.batch;
CREATE TEMP TRIGGER incoming_batch INSTEAD OF INSERT ON incoming WHEN NEW.count IS NOT NULL BEGIN
    INSERT INTO batch (id, room, first, count, at, lines, step, authors, turn) VALUES
        (NEW.id, NEW.room, NEW.first, NEW.count, NEW.at, NEW.lines, NEW.step, NEW.authors, NEW.turn);
END;
CREATE TEMP TRIGGER incoming_keys INSTEAD OF INSERT ON incoming WHEN NEW.sender IS NOT NULL BEGIN
    INSERT INTO sent (sender, key, room, seq, at)
        SELECT NEW.sender, value, NEW.room, NEW.first + key, NEW.at FROM json_each(NEW.lines);
END;
CREATE TEMP TRIGGER incoming_others INSTEAD OF INSERT ON incoming WHEN NEW.count IS NULL AND NEW.sender IS NULL BEGIN
    INSERT INTO sent (sender, key, room, seq, at)
        SELECT json_extract(value, '$[1]'), json_extract(value, '$[2]'), NEW.room, NEW.first + json_extract(value, '$[0]'), NEW.at
        FROM json_each(NEW.lines);
END;
"""
"""For the connection that writes: through this view batches and the keys of their lines are stored by one statement. So the thread that stores them
wants the interpreter's lock once, and can do most of its work while the event loop does its own. In a row of keys `lines` are the keys; where they
are of several senders, each with its line's place and its sender."""


_encode = msgspec.json.Encoder().encode


class Append(NamedTuple):
    """One batch to be stored."""

    lines: Sequence[Stored]
    keys: Mapping[int, SenderKey]
    encoded: bytes


class Last(NamedTuple):
    """The number of a room's last line, and of its last batch."""

    seq: int
    turn: int


class BatchRows:
    """Rows for batches that are to be stored, and what is next after them."""

    def __init__(self, next_id: int, last: Mapping[str, Last], rooms: Mapping[str, int]) -> None:
        self.next_id = next_id
        self.last: dict[str, Last] = {}
        self._values: list[object] = []
        self._key_values: list[object] = []
        self._rows = 0
        self._stored_last = last
        self._rooms = rooms

    def last_of(self, append: Append) -> Last:
        """What is last in the batch's room before it."""
        room = beginning_of(append.lines).room
        return self.last.get(room) or self._stored_last[room]

    def add(self, append: Append) -> Last:
        """Add a row; return what is last then."""
        lines = append.lines
        size = len(lines)
        room, _, at, step = beginning_of(lines)
        seq, turn = self.last.get(room) or self._stored_last[room]
        self._values += (self.next_id, self._rooms[room], seq + 1, size, at, append.encoded)
        self._values += (step, encode_authors(lines), turn + 1)
        self.next_id += size
        self.last[room] = last = Last(seq + size, turn + 1)
        self._rows += 1
        return last

    def add_keys(self, append: Append, first: int) -> None:
        """Add rows for the keys of lines that are numbered from `first`; storing fails if one of them has been stored before."""
        begun = beginning_of(append.lines)  # what it says of the time is near enough: keys are kept for days
        room = self._rooms[begun.room]
        others: list[tuple[int, str, str]] = []
        for run in runs_of(append.keys):
            if len(run.keys) < RUN_MIN:
                others += zip(count(run.first), repeat(run.sender), run.keys)
            else:
                self._key_values += (room, first + run.first, begun.at, _encode(run.keys), run.sender)
        if others:
            self._key_values += (room, first, begun.at, _encode(others), None)

    def store(self, connection: sqlite3.Connection) -> None:
        """Store what has been added since the last time."""
        if self._values or self._key_values:
            connection.execute(self.sql, self.values)
            self._values, self._key_values, self._rows = [], [], 0

    @property
    def values(self) -> list[object]:
        """The statement's values. SQLite takes 32,766 of them; see committer.BATCHES_AT_A_TIME."""
        return self._values + self._key_values

    @property
    def sql(self) -> str:
        """The statement that stores them all."""
        if not self._key_values:
            return f"INSERT INTO batch VALUES {', '.join([f'({_BATCH})'] * self._rows)}"  # noqa: S608 - nothing in it comes from outside
        rows = [f"({_BATCH}, NULL)"] * self._rows + [f"({_KEYS})"] * (len(self._key_values) // _KEYS.count("?"))
        return f"INSERT INTO incoming VALUES {', '.join(rows)}"  # noqa: S608 - as above
