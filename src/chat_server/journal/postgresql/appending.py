"""Turns of rooms on their way into the database: the one statement that stores them, in one commit, and what it answers.

Blocks. Never knows who waits for an answer, nor what becomes of a connection that fails.
"""

from collections.abc import Callable, Mapping, Sequence
from itertools import count
from math import nan
from struct import pack
from typing import Any, NamedTuple, get_args

import psycopg
from psycopg.rows import TupleRow

from chat_server.journal import Duplicate, JournalError
from chat_server.journal.act_changes import audited, written
from chat_server.journal.batch_codec import beginning_of, encode, encode_authors
from chat_server.journal.happened import account_of
from chat_server.journal.keys import SenderKey, runs_of
from chat_server.journal.nodes import (
    Beside,
    Called,
    Came,
    NodeIsOver,
    Placed,
    Revoked,
    Speaker,
    Stale,
    Turn,
    TurnReceipt,
)
from chat_server.journal.postgresql.append_function import NODE_IS_OVER
from chat_server.journal.postgresql.arrays import (
    Array,
    Blobs,
    Floats,
    Integers,
    Texts,
    blobs,
    floats,
    integers,
    texts,
)
from chat_server.journal.postgresql.prepared import Prepared
from chat_server.journal.postgresql.room_numbers import RoomNumbers
from chat_server.journal.postgresql.turn_rows import turn_of
from chat_server.journal.turn_codec import encode_movements
from chat_server.protocol.entries import Amending, Entry, TopicSet
from chat_server.protocol.runs import SaidRun, pieces_of

Connection = psycopg.Connection[TupleRow]

_AMENDING = frozenset(get_args(Amending))

_BIGINT = 20
_TYPES = (
    *(_BIGINT, _BIGINT, Integers.oid, Integers.oid, Integers.oid, Floats.oid, Floats.oid),
    *(Texts.oid, Texts.oid, Texts.oid),
    *(Integers.oid, Integers.oid, Texts.oid),
    *(Integers.oid, Integers.oid, Texts.oid),
    *(Integers.oid, Integers.oid, Integers.oid),
    *(Integers.oid, Integers.oid, Integers.oid, Integers.oid, Texts.oid),
    *(Integers.oid, Integers.oid, Texts.oid, Blobs.oid),
    *(Integers.oid, Texts.oid, Texts.oid, Integers.oid, Texts.oid, Integers.oid),
    *(Integers.oid, Texts.oid, Integers.oid, Integers.oid, Texts.oid, _BIGINT, _BIGINT),
)
"""What the function takes; see append_function.py."""

_APPEND = Prepared(
    b"append",
    f"SELECT * FROM append({', '.join(f'${number}' for number in range(1, len(_TYPES) + 1))})".encode(),  # noqa: S608 - no word of others
    _TYPES,
)


class Append(NamedTuple):
    """A turn that is to be stored.

    `at` is the time of its first line; NaN: when it is stored, by the engine's clock, and after the room's last line. Where `beside.seen` is
    negative, nothing is missed.
    """

    lines: Sequence[Entry]
    keys: Mapping[int, SenderKey]
    beside: Beside
    encoded: bytes
    at: float = nan


def append_of(lines: Sequence[Entry], keys: Mapping[int, SenderKey], beside: Beside) -> Append:
    """What Nodes.append is given."""
    return Append(lines, keys, beside, encode(lines))


def plain_append_of(lines: Sequence[Entry], keys: Mapping[int, SenderKey]) -> Append:
    """What Journal.append is given: lines that have their times, and nothing beside them."""
    room, _, at, _ = beginning_of(lines)
    return Append(lines, keys, Beside(room, -1), encode(lines), at)


def append_all(
    connection: Connection,
    node: int,
    ticket: int,
    appends: Sequence[Append],
    numbers: RoomNumbers,
) -> list[TurnReceipt | JournalError]:
    """Store turns by one statement.

    When the answer does not come it is called again with the same ticket and the same turns, on another connection: what is stored already is not
    stored again, and its receipt is the same.

    Args:
        connection: in autocommit, as connections.py makes it.
        node: the node's number.
        ticket: greater than those of all commits of the node before.
        appends: the turns, of a room one at most.
        numbers: the rooms' numbers, as far as they are known.

    Returns:
        For each turn its receipt, or why nothing of it is stored: Revoked, or that there is no such room.

    Raises:
        NodeIsOver: the others have buried the node. Nothing is stored.
        psycopg.OperationalError: the connection is lost, or the engine stops; whether it is stored is not known.
        psycopg.Error: nothing is stored.

    """
    found = numbers.find(connection, [one.beside.room for one in appends])
    results: list[TurnReceipt | JournalError] = [_gone(one) for one in appends]
    known = sorted((found[one.beside.room], index) for index, one in enumerate(appends) if one.beside.room in found)
    if not known:
        return results
    ordered = [appends[index] for _, index in known]
    seen = [numbers.turn(one.beside.room) if one.beside.seen < 0 else one.beside.seen for one in ordered]
    arrays = [integers([number for number, _ in known]), integers(seen), *_arrays(ordered)]
    heard = min((one.beside.heard for one in ordered if one.beside.speakers), default=0)
    acts = min((one.beside.acts for one in ordered if one.beside.speakers), default=0)
    values = [
        pack(">q", node),
        pack(">q", ticket),
        *(array.binary for array in arrays),
        pack(">q", heard),
        pack(">q", acts),
    ]
    try:
        rows = _APPEND.rows(connection, values)
    except psycopg.Error as error:
        if error.sqlstate == NODE_IS_OVER:
            raise NodeIsOver("the other nodes have given this one up") from error
        raise
    answers = [_Answer(one.beside.room) for one in ordered]
    for row in rows:
        answers[row[1] - 1].take(row)
    for (_, index), one, answer in zip(known, ordered, answers, strict=True):
        results[index] = result = answer.result()
        if isinstance(result, TurnReceipt):
            numbers.note_turn(one.beside.room, result.turn)
        elif answer.is_gone:
            numbers.forget(one.beside.room)
    return results


def _gone(one: Append) -> JournalError:
    return JournalError(f"there is no room {one.beside.room} any more")


def _arrays(appends: Sequence[Append]) -> list[Array]:
    """What the statement is given of the turns, from `counts` on."""
    topics: list[tuple[int, int, str]] = []
    states: list[tuple[int, int, str]] = []
    acts: list[tuple[int, int, int, int, str]] = []
    keys: list[tuple[int, int, str, bytes]] = []
    moves: list[tuple[int, str, str, int, str, int]] = []
    speakers: list[tuple[int, str, int, int, str]] = []
    for place, one in enumerate(appends, 1):
        topics += [(place, *topic) for topic in _topics(one.lines)]
        if one.beside.state is not None:
            states.append((place, beginning_of(one.lines).seq, one.beside.state))
        acts += [(place, *act) for act in _acts(one.lines)]
        for run in runs_of(one.keys):
            keys += [
                (place, index, run.sender, key.encode(errors="surrogatepass"))
                for index, key in zip(count(run.first), run.keys)
            ]
        moves += [(place, *_move(placed)) for placed in one.beside.movements]
        names = one.beside.names
        speakers += [
            (place, *speaker, account_of(speaker.person), names.get(speaker.person, ""))
            for speaker in one.beside.speakers
        ]
    movements = [encode_movements(one.beside.movements) if one.beside.movements else None for one in appends]
    return [
        integers([len(one.lines) for one in appends]),
        floats([one.at for one in appends]),
        floats([beginning_of(one.lines).step if one.lines else 0.0 for one in appends]),
        texts([one.encoded for one in appends]),
        texts([encode_authors(one.lines) for one in appends]),
        texts(movements),
        *_columns(topics, integers, integers, texts),
        *_columns(states, integers, integers, texts),
        integers([place for place, one in enumerate(appends, 1) if _amends(one.lines)]),
        *(integers(()), integers(())),
        *_columns(acts, integers, integers, integers, integers, texts),
        *_columns(keys, integers, integers, texts, blobs),
        *_columns(moves, integers, texts, texts, integers, texts, integers),
        *_columns(speakers, integers, texts, integers, _accounts, texts),
    ]


def _accounts(numbers: Sequence[int]) -> Integers:
    return integers(numbers if any(numbers) else ())


def _columns(rows: Sequence[tuple[Any, ...]], *kinds: Callable[[Any], Array]) -> list[Array]:
    columns = [*zip(*rows, strict=True)] if rows else [()] * len(kinds)
    return [kind(column) for kind, column in zip(kinds, columns, strict=True)]


def _topics(lines: Sequence[Entry]) -> list[tuple[int, str]]:
    """What the room's topic is after which of the lines. No text in PostgreSQL has a NUL."""
    if TopicSet not in map(type, pieces_of(lines)):
        return []
    return [(index, line.text.replace("\0", "")) for index, line in enumerate(lines) if isinstance(line, TopicSet)]


def _amends(lines: Sequence[Entry]) -> bool:
    """Whether lines stand otherwise after these that were said before."""
    return not _AMENDING.isdisjoint(map(type, pieces_of(lines)))


def _acts(lines: Sequence[Entry]) -> list[tuple[int, int, int, str]]:
    """What of the lines somebody has done by office."""
    if all(type(piece) is SaidRun or not piece.changes_room for piece in pieces_of(lines)):
        return []
    return [(place, act.author, act.account, written(act).replace("\\u0000", "")) for place, act in audited(lines)]


def _move(placed: Placed) -> tuple[str, str, int, str, int]:
    movement = placed.movement
    if isinstance(movement, Came):
        return "came", movement.person, movement.device, movement.nick, movement.account
    if isinstance(movement, Called):
        return "called", movement.person, 0, movement.nick, 0
    return "went", movement.person, movement.device, "", 0


class _Answer:
    """What the statement answers about one turn, row by row."""

    def __init__(self, room: str) -> None:
        self._room = room
        self._stored: tuple[int, int, float] | None = None
        self._duplicates: dict[int, Duplicate] = {}
        self._missed: list[Turn] = []
        self._revoked: set[Speaker] = set()
        self.is_gone = False
        self._is_stale = self._lacks_acts = False

    def take(self, row: TupleRow) -> None:
        kind, _, turn, node, first, lines, at, step, text, authors, movements, who, which = row
        match kind:
            case "stored":
                self._stored = first, turn, at or 0.0
            case "duplicate":
                self._duplicates[which] = Duplicate(who, first)
            case "missed":
                self._missed.append(turn_of(self._room, (turn, node, first, lines, at, step, text, authors, movements)))
            case "revoked":
                self._revoked.add(Speaker(who, which))
            case "gone":
                self.is_gone = True
            case "stale":
                self._is_stale = True
            case "unheard":
                self._is_stale = self._lacks_acts = True

    def result(self) -> TurnReceipt | JournalError:
        if self._is_stale:
            return Stale(self._missed, lacks_acts=self._lacks_acts)
        if self._revoked:
            return Revoked(frozenset(self._revoked))
        if self._stored is None:
            return JournalError(f"there is no room {self._room} any more")
        first, turn, at = self._stored
        return TurnReceipt(first, self._duplicates, turn, at, self._missed)
