"""The lines of accounts in PostgreSQL: found some turns at a time, in the order in which they were stored, and stored again as they are to be.

Turns keep their numbers and times. Each function that stores something is one statement, and so one commit: a node that stands still has locked
nothing.
"""

from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import suppress
from itertools import groupby
from typing import Any, NamedTuple

from chat_server.accounts import Ended
from chat_server.journal.account_rows import ENDED
from chat_server.journal.batch_codec import Stored, decode, encode
from chat_server.journal.erasing import concerns, rewritten, state_without
from chat_server.journal.postgresql.arrays import integers, texts
from chat_server.journal.postgresql.link import Connection
from chat_server.protocol.entries import TopicSet

LOOKED_THROUGH = 5000
"""Turns that are looked through at once."""

REWRITTEN_BYTES = 1 << 18
"""Bytes of lines that are rewritten at once, or somewhat more: those of one commit are rewritten together."""


_TICKETS = 1 << 63
"""More tickets than there can be."""


class Place(NamedTuple):
    """A turn of a room, and where it stands in the order in which turns were stored; those of one commit stand at one place."""

    room: int
    turn: int
    position: int


class SomeTurns(NamedTuple):
    """Some turns in which an account has lines. The next ones come `after` this position; None: these were the last."""

    turns: list[Place]
    after: int | None


def turns_of(connection: Connection, account: int, after: int, also: Collection[int] = ()) -> SomeTurns:
    """Some of the turns that may have lines of an account, or are of one of these rooms, in the order in which they were stored."""
    transaction, ticket = divmod(after, _TICKETS)
    rows = connection.execute(
        "SELECT tx::text::bigint, ticket, room, turn, position(%s IN authors) > 0 OR position(%s IN lines) > 0"
        """ OR (position('"accounts":[' IN lines) > 0 AND position(%s IN lines) > 0), octet_length(lines) FROM batch"""
        " WHERE count > 0 AND (tx, ticket) > (%s::text::xid8, %s::bigint) ORDER BY tx, ticket FETCH FIRST %s ROWS WITH TIES",
        [str(account), f'"account":{account}', str(account), str(transaction), ticket, LOOKED_THROUGH],
    ).fetchall()
    rows.sort(key=lambda row: row[:4])
    found: list[Place] = []
    size = 0
    for position, group in groupby(rows, _position_of):
        for _, _, room, turn, is_theirs, length in group:
            if is_theirs or room in also:
                size += length
                found.append(Place(room, turn, position))
        if size >= REWRITTEN_BYTES:
            return SomeTurns(found, position)
    return SomeTurns(found, _position_of(rows[-1]) if len(rows) >= LOOKED_THROUGH else None)


def _position_of(row: Sequence[Any]) -> int:
    """Where a turn stands, by the number of its transaction and, within one that brought many in, its ticket."""
    return int(row[0]) * _TICKETS + int(row[1])


class StoredTurn(NamedTuple):
    """The lines of a turn, and the text in which they stand."""

    place: Place
    text: str
    lines: list[Stored]


def lines_in(connection: Connection, turns: Sequence[Place]) -> Iterator[StoredTurn]:
    """The lines of these turns, in this order, as far as they are there."""
    rows: list[tuple[Any, ...]] = connection.execute(
        "SELECT number, lines, name, first, at, step, authors"
        " FROM unnest(%b, %b) WITH ORDINALITY AS one (room, turn, number) JOIN batch USING (room, turn)"
        " JOIN room ON room.id = batch.room WHERE NOT is_deleted ORDER BY number",
        [integers([one.room for one in turns]), integers([one.turn for one in turns])],
    ).fetchall()
    for number, text, name, first, at, step, authors in rows:
        with suppress(ValueError):  # a turn that nobody can read is shown to nobody, and a check tells of it
            yield StoredTurn(turns[number - 1], text, decode(text, name, first, at, step=step, authors=authors))


class Changed(NamedTuple):
    """In which rooms the account has lines, and the topics that are none any more, by room."""

    rooms: frozenset[str]
    topics: Mapping[str, str]


NOTHING = Changed(frozenset(), {})


def rewrite(connection: Connection, turns: Sequence[Place], ended: Ended) -> Changed | None:
    """Store these turns again, as they are to be. None: somebody else has just rewritten some of them, so not all are.

    Done once more it does no harm: rooms are told of whose lines were stored so before a crash.
    """
    is_erased = ended.ending == "erase"
    topics: dict[str, str] = {}
    rooms = set[str]()
    new: list[tuple[Place, str, bytes]] = []
    for place, text, lines in lines_in(connection, turns):
        mine = [line for line in lines if line.author == ended.account]
        if any(concerns(line, ended.account) for line in lines):
            rooms.add(lines[0].room)
        if is_erased:  # before the lines: they say which topics are to go
            topics.update(_forget_topics(connection, place.room, mine))
        others = [rewritten(line, ended.account, ended.nick, is_erased=is_erased) for line in lines]
        if others != lines:
            new.append((place, text, encode(others)))
    if new:
        done = connection.execute(
            "UPDATE batch SET lines = one.new FROM unnest(%b, %b, %b, %b) AS one (room, turn, old, new)"
            " WHERE batch.room = one.room AND batch.turn = one.turn AND batch.lines = one.old",
            [
                integers([place.room for place, _, _ in new]),
                integers([place.turn for place, _, _ in new]),
                texts([old for _, old, _ in new]),
                texts([lines for _, _, lines in new]),
            ],
        )
        if done.rowcount < len(new):
            return None
    if is_erased:
        connection.execute("DELETE FROM version WHERE author = %s", [ended.account])
    _name_in_states(connection, ended)
    return Changed(frozenset(rooms), topics)


def _name_in_states(connection: Connection, ended: Ended) -> None:
    """Call the account so in what is kept of rooms beside their logs. What has just been changed otherwise is as it is, and so is its log."""
    for number, state in connection.execute(
        "SELECT id, state FROM room WHERE position(%s IN state) > 0", [str(ended.account)]
    ).fetchall():
        with suppress(ValueError):
            new = state_without(state, ended.account, ended.nick)
            connection.execute("UPDATE room SET state = %s WHERE id = %s AND state = %s", [new, number, state])


def _forget_topics(connection: Connection, room: int, lines: Sequence[Stored]) -> Iterator[tuple[str, str]]:
    """A room whose topic was the account's last word on it has none. One that somebody else has set to the same is forgotten too."""
    for line in lines:
        if (
            isinstance(line, TopicSet)
            and connection.execute(
                "UPDATE room SET topic = '' WHERE id = %s AND topic = %s", [room, line.text]
            ).rowcount
        ):
            yield line.room, line.text


def pending(connection: Connection) -> list[Ended]:
    """The accounts whose lines are still to be rewritten."""
    return [
        Ended(*row)
        for row in connection.execute(f"SELECT {ENDED} FROM ended WHERE NOT is_done ORDER BY account")  # noqa: S608 - a list of columns
    ]


def begin(connection: Connection, ended: Ended) -> bool:
    """Have an account's lines for oneself, as long as this connection lasts, or until `end`. False: another node has, or nothing is left to do."""
    end(connection)
    ((is_ours,),) = connection.execute(
        "SELECT pg_try_advisory_lock(%s)", [-ended.account]
    ).fetchall()  # no other lock is below 0
    is_left = "SELECT FROM ended WHERE account = %s AND NOT is_done"
    return bool(is_ours and connection.execute(is_left, [ended.account]).fetchall())


def note_done(connection: Connection, ended: Ended, told: str) -> None:
    """Nothing more is to be done for an account: tell all nodes."""
    connection.execute("SELECT end_rewriting(%s, %s)", [ended.account, told])
    end(connection)


def end(connection: Connection) -> None:
    """Have nobody's lines for oneself any longer."""
    connection.execute("SELECT pg_advisory_unlock_all()")
