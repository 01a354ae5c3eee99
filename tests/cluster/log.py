"""What is stored, as the checker wants it: turns of rooms, keys, and who is where; and what reads it from an engine, past the server."""

import json
import sqlite3
from collections.abc import Sequence
from contextlib import closing
from itertools import groupby
from pathlib import Path
from typing import Any, NamedTuple

from chat_server.journal.nodes import Placed


class Line(NamedTuple):
    """A line of a room."""

    seq: int
    nick: str
    text: str


class Turn(NamedTuple):
    """A turn of a room at a node."""

    number: int
    lines: Sequence[Line] = ()
    movements: Sequence[Placed] = ()
    node: int = 0


class Room(NamedTuple):
    """A room: what its row says of it, and its turns in order."""

    name: str
    last: int
    turn: int
    turns: Sequence[Turn]

    @property
    def lines(self) -> list[Line]:
        """All lines, in order."""
        return [line for turn in self.turns for line in turn.lines]


class Keyed(NamedTuple):
    """A key under which a line was sent, and where that is."""

    key: str
    room: str
    seq: int


class Member(NamedTuple):
    """Somebody who is in a room at a node by a device, as the engine has it."""

    room: str
    node: int
    person: str
    device: int
    nick: str


class Held(NamedTuple):
    """Somebody who has a name at a node, by what names that are the same share."""

    key: str
    person: str
    node: int


class Log(NamedTuple):
    """Everything that is stored. An engine for one server keeps nothing of who is where, nor that anybody came or went."""

    rooms: Sequence[Room]
    sent: Sequence[Keyed]
    members: Sequence[Member] = ()
    held: Sequence[Held] = ()
    has_people: bool = True

    @property
    def last(self) -> dict[str, int]:
        """The number of each room's newest line."""
        return {room.name: room.last for room in self.rooms}

    @property
    def turns(self) -> dict[str, int]:
        """The number of each room's newest turn: while it stays the same nothing is stored, nor does anybody come or go."""
        return {room.name: room.turn for room in self.rooms}


def lines_of(text: str, first: int) -> list[Line]:
    """The lines of a batch, as they stand in it: `[["ann","hello"],["bob","waves","acted"]]`."""
    return [Line(seq, nick, said) for seq, (nick, said, *_) in enumerate(json.loads(text), first)]


def read_sqlite(file: Path) -> Log:
    """What the journal of one server has."""
    with closing(sqlite3.connect(file)) as connection:
        batches: list[tuple[Any, ...]] = connection.execute(
            "SELECT room.name, batch.turn, first, lines FROM batch JOIN room ON room.id = batch.room ORDER BY room.name, first"
        ).fetchall()
        sent = connection.execute("SELECT key, room.name, seq FROM sent JOIN room ON room.id = sent.room").fetchall()
    rooms = []
    for name, found in groupby(batches, lambda row: row[0]):
        turns = [Turn(number, lines_of(lines, first)) for _, number, first, lines in found]
        rooms.append(Room(name, sum(len(turn.lines) for turn in turns), len(turns), turns))
    return Log(rooms, [Keyed(*row) for row in sent], has_people=False)
