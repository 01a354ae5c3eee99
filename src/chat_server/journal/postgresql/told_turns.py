"""What is told of turns: in which rooms there are new ones, and short ones whole, which need not be read then.

A turn that was told is taken for what it is only if nothing is missing before it, and nothing later is known of that was not told whole: that may be
a deletion of what it says, which the database has carried out already. Never knows a connection, nor what a room makes of a turn.
"""

from collections.abc import Iterator, Sequence
from math import inf

import msgspec

from chat_server.journal.nodes import Turn
from chat_server.journal.postgresql.turn_rows import turn_of

AT_ONCE = 32
"""Turns of a room that are kept until they can be taken. If there are more they are read."""

DIGITS = 20
"""No number of a room or a node has so many."""

Row = tuple[int, int, int, int, float, float, str, str, str | None]
"""A turn as it is told: the columns of turn_rows.py."""

_rows_decoder: msgspec.json.Decoder[list[tuple[int, *Row]]] = msgspec.json.Decoder(
    list[tuple[int, int, int, int, int, float, float, str, str, str | None]]
)


def rows_in(text: str) -> Iterator[tuple[int, Row]]:
    """The turns that are told whole, each with the number of its room. None, if it is something else."""
    try:
        found = _rows_decoder.decode(text)
    except msgspec.DecodeError:
        return
    for room, *row in found:
        yield room, tuple(row)  # type: ignore[misc]


def newest_in(text: str) -> dict[int, float]:
    """What is told of rooms: the newest turn of each, by its number; inf where it is not told. Empty: it names no room."""
    told: dict[int, float] = {}
    for one in text.split():
        room, _, turn = one.partition(":")
        if number := number_of(room):
            told[number] = number_of(turn) or inf
    return told


def number_of(text: str) -> int:
    """A number in what was told; 0: it is none. Any user of the database tells what they like, however often: it is not even logged."""
    return int(text) if text.isdecimal() and len(text) < DIGITS else 0


class ToldTurns:
    """Turns of one room that were told whole and are not taken yet."""

    def __init__(self) -> None:
        """None yet."""
        self._rows: dict[int, Row] = {}  # by their numbers

    def keep(self, row: Row) -> None:
        """One more."""
        if len(self._rows) >= AT_ONCE:
            self._rows.clear()
        self._rows[row[0]] = row

    def clear(self) -> None:
        """Nothing of it is needed any more, or it may not be what the database has now."""
        self._rows.clear()

    def take(self, room: str, after: int, until: float) -> Sequence[Turn]:
        """All turns of a room of this name after one and up to another, if each was told; else none. What was told is forgotten."""
        if not self._rows:
            return ()
        rows, self._rows = self._rows, {}
        if not after < until <= after + AT_ONCE:
            return ()
        wanted = [rows.get(number) for number in range(after + 1, int(until) + 1)]
        return () if None in wanted else [turn_of(room, row) for row in wanted if row]
