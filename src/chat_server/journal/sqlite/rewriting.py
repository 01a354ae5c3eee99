"""The lines of accounts that have ended: found batch by batch, and stored again under another name or without their texts.

Batches keep their numbers and times. What is overwritten is gone from the file once its log has been brought in. Each function is part of somebody's
transaction, or of a reading; never knows Trio.
"""

import sqlite3
from collections.abc import Collection, Iterator, Sequence
from contextlib import suppress
from typing import NamedTuple

from chat_server.accounts import Ended
from chat_server.journal.archive import StoredRecord
from chat_server.journal.batch_codec import Stored, decode, encode
from chat_server.journal.erasing import concerns, rewritten, state_without
from chat_server.protocol.amending import Ranges, Redacted
from chat_server.protocol.entries import TopicSet

LOOKED_THROUGH = 5000
"""Batches that are looked through at once, some 5 ms."""

REWRITTEN_BYTES = 1 << 18
"""Bytes of lines that are rewritten at once, some 3 ms: that long an append may have to wait."""


class SomeBatches(NamedTuple):
    """Some batches in which an account has lines, by their ids. The next ones come `after` this id; None: these were the last."""

    batches: list[int]
    after: int | None


def batches_of(connection: sqlite3.Connection, account: int, after: int, also: Collection[int] = ()) -> SomeBatches:
    """Some of the batches that may have lines of an account, or are in one of these rooms."""
    rows = connection.execute(
        "SELECT id, iif(authors = '', 0, instr(authors, ?1)) OR instr(lines, ?4)"
        """ OR (instr(lines, '"reactions":[{') AND instr(lines, ?1)), length(lines), room FROM batch"""
        " WHERE id > ?2 ORDER BY id LIMIT ?3",
        (str(account), after, LOOKED_THROUGH, f'"account":{account}'),
    ).fetchall()
    found: list[int] = []
    size = 0
    for number, is_theirs, length, room in rows:
        if is_theirs or room in also:
            size += length
            found.append(number)
        if size >= REWRITTEN_BYTES:
            return SomeBatches(found, number)
    return SomeBatches(found, rows[-1][0] if len(rows) == LOOKED_THROUGH else None)


def records_of(connection: sqlite3.Connection, batches: Sequence[int]) -> Iterator[StoredRecord]:
    """These batches, as far as they are there."""
    for number in batches:
        for name, first, count, at, text, step, authors in connection.execute(
            "SELECT name, first, count, at, lines, step, authors FROM batch JOIN room ON room.id = batch.room"
            " WHERE batch.id = ?",
            (number,),
        ).fetchall():
            with suppress(ValueError):  # a batch that nobody can read is shown to nobody, and a check tells of it
                yield StoredRecord(number + count - 1, decode(text, name, first, at, step=step, authors=authors))


class Changed(NamedTuple):
    """Batches with lines of the account, as they are now, and the topics that are none any more, by room."""

    records: list[StoredRecord]
    topics: dict[str, str]


def rewrite(connection: sqlite3.Connection, batches: Sequence[int], ended: Ended) -> Changed:
    """Store these batches again, as they are to be, and return those that have lines of the account.

    Done once more it does no harm: those that were stored so before a crash are returned too, for what was to be done with them next may be undone.
    """
    changed = Changed([], {})
    is_erased = ended.ending == "erase"
    for position, lines in records_of(connection, batches):
        new: list[Stored] = [rewritten(line, ended.account, ended.nick, is_erased=is_erased) for line in lines]
        if not any(concerns(line, ended.account) for line in lines):
            continue
        if new != lines:
            start = position - len(lines) + 1
            connection.execute("UPDATE batch SET lines = CAST(? AS TEXT) WHERE id = ?", (encode(new), start))
        if is_erased:
            changed.topics.update(_forget_topics(connection, lines, ended.account))
        changed.records.append(StoredRecord(position, new))
    if is_erased:
        connection.execute("DELETE FROM version WHERE author = ?", (ended.account,))
    for number, state in connection.execute(
        "SELECT id, state FROM room WHERE instr(state, ?)", (str(ended.account),)
    ).fetchall():
        with suppress(ValueError):
            new_state = state_without(state, ended.account, ended.nick)
            connection.execute("UPDATE room SET state = ? WHERE id = ?", (new_state, number))
    return changed


def _forget_topics(connection: sqlite3.Connection, lines: Sequence[Stored], account: int) -> Iterator[tuple[str, str]]:
    """A room whose topic was the account's last word on it has none. One that somebody else has set to the same is forgotten too."""
    for line in lines:
        if isinstance(line, TopicSet) and line.author == account:
            where = line.room, line.text
            if connection.execute("UPDATE room SET topic = '' WHERE name = ? AND topic = ?", where).rowcount:
                yield where


def batches_with(connection: sqlite3.Connection, room: str, numbers: Ranges) -> list[int]:
    """The batches of a room in which lines with these numbers are."""
    found: dict[int, None] = {}
    for first, last in numbers:
        rows = connection.execute(
            "SELECT batch.id FROM batch, (SELECT id FROM room WHERE name = ?1) AS room WHERE room = room.id AND first <= ?3"
            " AND first >= coalesce((SELECT max(first) FROM batch WHERE room = room.id AND first <= ?2), 0) ORDER BY first",
            (room, first, last),
        )
        found |= dict.fromkeys(number for (number,) in rows)
    return [*found]


def records_with(connection: sqlite3.Connection, room: str, numbers: Ranges) -> list[StoredRecord]:
    """These batches, as far as they are there."""
    return [*records_of(connection, batches_with(connection, room, numbers))]


class Left(NamedTuple):
    """What was deleted since the files were last made anew: whether anything was, and by which entries, as far as they are still there."""

    is_any: bool
    redactions: list[Redacted]


def left_to_overwrite(connection: sqlite3.Connection) -> Left:
    """What may still be in the files of what was deleted."""
    ((redacted, overwritten),) = connection.execute("SELECT redacted, overwritten FROM journal").fetchall()
    if not redacted or redacted < overwritten:
        return Left(is_any=False, redactions=[])
    rows = connection.execute(
        """SELECT id FROM batch WHERE id >= ? AND instr(lines, '"redacted"') ORDER BY id""", (overwritten,)
    ).fetchall()
    records = records_of(connection, [number for (number,) in rows])
    return Left(is_any=True, redactions=[line for _, lines in records for line in lines if isinstance(line, Redacted)])


def note_overwritten(connection: sqlite3.Connection, position: int) -> None:
    """Nothing is left in the files of what was deleted before this position."""
    connection.execute("UPDATE journal SET overwritten = ?", (position,))


def pending(connection: sqlite3.Connection) -> list[Ended]:
    """The accounts whose lines are still to be rewritten."""
    return [Ended(*row) for row in connection.execute("SELECT account, nick, ending FROM ended WHERE NOT is_done")]


def all_ended(connection: sqlite3.Connection) -> list[Ended]:
    """All accounts whose lines are, or are to be, under another name."""
    return [Ended(*row) for row in connection.execute("SELECT account, nick, ending FROM ended ORDER BY account")]


def note_done(connection: sqlite3.Connection, ended: Ended) -> None:
    """Nothing more is to be done for an account."""
    connection.execute("UPDATE ended SET is_done = 1 WHERE account = ?", (ended.account,))
