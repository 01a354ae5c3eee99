"""Batches on their way into the table: which numbers, positions and turns they get, and the one statement that stores them all. Pure."""

from collections.abc import Mapping, Sequence
from typing import NamedTuple

import msgspec

from chat_server.journal.batch_codec import Stored, encode_authors
from chat_server.journal.keys import SenderKey, runs_of
from chat_server.journal.times import step_of

_BATCH = "?, ?, ?, ?, ?, CAST(? AS TEXT), ?, ?, ?"
_KEYS = "NULL, ?, ?, NULL, ?, CAST(? AS TEXT), NULL, NULL, NULL, ?"
"""Rows of the statement; a batch has one value more, NULL, where there are keys.

Texts that are bytes already are given as bytes: to make a text of them, of which SQLite makes the same bytes again, took 3 % of S1zh's time.
"""

VALUES_MAX = 32766
"""Values that SQLite takes in one statement."""

INCOMING = """
CREATE TEMP VIEW incoming AS
    SELECT id, room, first, count, at, lines, step, authors, turn, NULL AS sender FROM main.batch;
CREATE TEMP TRIGGER incoming_batch INSTEAD OF INSERT ON incoming WHEN NEW.sender IS NULL BEGIN
    INSERT INTO batch (id, room, first, count, at, lines, step, authors, turn) VALUES
        (NEW.id, NEW.room, NEW.first, NEW.count, NEW.at, NEW.lines, NEW.step, NEW.authors, NEW.turn);
END;
CREATE TEMP TRIGGER incoming_keys INSTEAD OF INSERT ON incoming WHEN NEW.sender IS NOT NULL BEGIN
    INSERT INTO sent (sender, key, room, seq, at)
        SELECT NEW.sender, value, NEW.room, NEW.first + key, NEW.at FROM json_each(NEW.lines);
END;
"""
"""For the connection that writes: through this view batches and the keys of their lines are stored by one statement. So the thread that stores them
wants the interpreter's lock once, and can do most of its work while the event loop does its own. `lines` are the keys in a row of keys."""


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
        room = append.lines[0].room
        return self.last.get(room) or self._stored_last[room]

    def add(self, append: Append) -> Last:
        """Add a row; return what is last then."""
        lines, room = append.lines, append.lines[0].room
        seq, turn = self.last_of(append)
        self._values += (self.next_id, self._rooms[room], seq + 1, len(lines), lines[0].at, append.encoded)
        self._values += (step_of(lines), encode_authors(lines), turn + 1)
        self.next_id += len(lines)
        self.last[room] = last = Last(seq + len(lines), turn + 1)
        self._rows += 1
        return last

    def add_keys(self, append: Append, first: int) -> None:
        """Add rows for the keys of lines that are numbered from `first`; storing fails if one of them has been stored before."""
        line = append.lines[0]  # what it says of the time is near enough: keys are kept for days
        room = self._rooms[line.room]
        for run in runs_of(append.keys):
            self._key_values += (room, first + run.first, line.at, _encode(run.keys), run.sender)

    @property
    def values(self) -> list[object]:
        """The statement's values: more than VALUES_MAX cannot be stored at once."""
        return self._values + self._key_values

    @property
    def sql(self) -> str:
        """The statement that stores them all."""
        if not self._key_values:
            return f"INSERT INTO batch VALUES {', '.join([f'({_BATCH})'] * self._rows)}"  # noqa: S608 - nothing in it comes from outside
        rows = [f"({_BATCH}, NULL)"] * self._rows + [f"({_KEYS})"] * (len(self._key_values) // _KEYS.count("?"))
        return f"INSERT INTO incoming VALUES {', '.join(rows)}"  # noqa: S608 - as above
