"""Batches on their way into the table: which numbers, positions and turns they get, and the one statement that stores them all. Pure."""

from collections.abc import Mapping, Sequence
from typing import NamedTuple

from chat_server.journal import SenderKey
from chat_server.journal.batch_codec import Stored, encode_authors
from chat_server.journal.times import step_of

_ROW = "(?, ?, ?, ?, ?, CAST(? AS TEXT), ?, ?, ?)"
"""The lines are given as the bytes that they are: to make a text of them, of which SQLite makes the same bytes again, took 3 % of S1zh's time."""


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
        self.rows = 0
        self.values: list[object] = []
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
        self.values += (self.next_id, self._rooms[room], seq + 1, len(lines), lines[0].at, append.encoded)
        self.values += (step_of(lines), encode_authors(lines), turn + 1)
        self.next_id += len(lines)
        self.last[room] = last = Last(seq + len(lines), turn + 1)
        self.rows += 1
        return last

    @property
    def sql(self) -> str:
        """The statement that stores them all."""
        return f"INSERT INTO batch VALUES {', '.join([_ROW] * self.rows)}"  # noqa: S608 - nothing in it comes from outside
