"""How the turns of rooms are read from PostgreSQL. Never knows who follows them."""

from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from typing import NamedTuple

from psycopg.rows import TupleRow

from chat_server.journal.nodes import Turn
from chat_server.journal.postgresql.arrays import Integers, integers
from chat_server.journal.postgresql.link import Connection
from chat_server.journal.postgresql.prepared import Prepared
from chat_server.journal.postgresql.turn_rows import COLUMNS, turn_of

TURNS_AT_ONCE = 32
"""Turns of one room that are read at once."""

BYTES_AT_ONCE = 100_000
"""Bytes of lines of one room that are read at once, beside the last turn, which goes beyond."""


READ_TURNS = Prepared(
    b"read turns",
    (
        f"SELECT room, name, octet_length(lines), {COLUMNS}"  # noqa: S608 - nothing in it comes from outside
        " FROM unnest($1, $2) AS w (id, after) JOIN (SELECT id, name FROM room) AS named USING (id) CROSS JOIN LATERAL ("
        "  SELECT *, sum(octet_length(lines)) OVER (ORDER BY turn) - octet_length(lines) AS before FROM"
        f"  (SELECT * FROM batch WHERE room = w.id AND turn > w.after ORDER BY turn LIMIT {TURNS_AT_ONCE}) AS next"
        f" ) AS found WHERE before < {BYTES_AT_ONCE} ORDER BY room, turn"
    ).encode(),
    (Integers.oid, Integers.oid),
)


class Found(NamedTuple):
    """The turns of each room, by its number, in order; and the rooms of which there may be more."""

    turns: Mapping[int, Sequence[Turn]]
    more: frozenset[int]


def read_turns(connection: Connection, after: Mapping[int, int]) -> Found:
    """The turns of rooms, by their numbers, after those that stand beside each. Blocks."""
    return found_in(READ_TURNS.rows(connection, asked_of(after)))


def asked_of(after: Mapping[int, int]) -> Sequence[bytes | None]:
    """The statement's parameters: see read_turns."""
    return [integers([*after]).binary, integers([*after.values()]).binary]


def found_in(rows: Sequence[TupleRow]) -> Found:
    """What the statement's rows tell."""
    turns: defaultdict[int, list[Turn]] = defaultdict(list)
    sizes: Counter[int] = Counter()
    for room, name, size, *row in rows:
        turns[room].append(turn_of(name, tuple(row)))
        sizes[room] += size
    more = {room for room, some in turns.items() if len(some) == TURNS_AT_ONCE or sizes[room] >= BYTES_AT_ONCE}
    return Found(turns, frozenset(more))
