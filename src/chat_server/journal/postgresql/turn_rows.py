"""Turns as they stand in rows of the table `batch`. Pure; never knows how a row is asked for."""

from collections.abc import Sequence
from typing import Any

from chat_server.journal.batch_codec import Stored, Unknown, decode_in_runs
from chat_server.journal.nodes import Placed, Turn
from chat_server.journal.times import times_of
from chat_server.journal.turn_codec import decode_movements

COLUMNS = "turn, node, first, count, at, step, lines, authors, movements"


def turn_of(room: str, row: tuple[Any, ...]) -> Turn:
    """The turn in a row of these columns. What is damaged in it takes its place, and is shown to nobody: the room goes on after it."""
    turn, node, first, count, at, step, text, authors, movements = row
    lines: Sequence[Stored]
    try:
        lines = decode_in_runs(text, room, first, at, step=step, authors=authors)
    except ValueError:
        lines = [Unknown(room, first + index, time, b"null") for index, time in enumerate(times_of(at, step, count))]
    placed: list[Placed] = []
    if movements is not None:
        try:
            placed = decode_movements(movements)
        except ValueError:
            placed = []
    return Turn(turn, node, lines, placed)
