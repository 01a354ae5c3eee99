"""What amends lines, on its way into the tables: the batches of those lines are stored again, and what an edit replaces is kept for a while.

Each function is part of somebody's transaction. What is overwritten is gone from the file once its log has been brought in. Never knows Trio.
"""

import sqlite3
from collections.abc import Callable, Iterable

from chat_server.journal.batch_codec import Stored, encode
from chat_server.journal.erasing import amended_after
from chat_server.journal.sqlite.rewriting import records_with
from chat_server.journal.versions import VERSION_SECONDS, Version, showable_versions, version_of
from chat_server.protocol.amending import Edited, Ranges, Redacted
from chat_server.protocol.amendments import amended, amends_nothing, without_effect
from chat_server.protocol.entries import Amending, Spoken
from chat_server.protocol.redactions import has, ranges_of

_ROOM = "(SELECT id FROM room WHERE name = ?)"


def amend(connection: sqlite3.Connection, entry: Amending, position: int) -> None:
    """Store what an entry makes of lines that are stored; it is stored itself, before this position. What has been pruned is passed over."""
    of = amended(entry)
    lines = [line for line in _lines(connection, entry.room, of) if isinstance(line, Spoken)]
    if not isinstance(entry, Redacted) and amends_nothing(entry, lines[0] if lines else None):
        _store_again(connection, entry.room, ((entry.seq, entry.seq),), lambda _: without_effect(entry))
        return
    if isinstance(entry, Edited):
        _keep(connection, lines[0], entry.at)
    elif isinstance(entry, Redacted):
        _forget(connection, entry.room, of)
        connection.execute(
            "UPDATE journal SET redacted = ?1, overwritten = iif(redacted = 0 OR redacted < overwritten, ?1, overwritten)",
            (position,),
        )
    edits = ranges_of(sorted(line.edited for line in lines if line.edited))
    _store_again(connection, entry.room, (*of, *edits), lambda line: amended_after(line, entry))


def _lines(connection: sqlite3.Connection, room: str, numbers: Ranges) -> Iterable[Stored]:
    for _, lines in records_with(connection, room, numbers):
        yield from (line for line in lines if has(numbers, line.seq))


def _store_again(
    connection: sqlite3.Connection, room: str, numbers: Ranges, changed: Callable[[Stored], Stored]
) -> None:
    for last, lines in records_with(connection, room, numbers):
        new = [changed(line) if has(numbers, line.seq) else line for line in lines]
        if new != lines:
            start = last - len(lines) + 1
            connection.execute("UPDATE batch SET lines = CAST(? AS TEXT) WHERE id = ?", (encode(new), start))


def _keep(connection: sqlite3.Connection, line: Spoken, until: float) -> None:
    version = version_of(line, until)
    connection.execute(
        f"INSERT OR REPLACE INTO version (room, seq, number, until, text, author) SELECT {_ROOM}, ?, ?, ?, ?, ?",
        (line.room, line.seq, *version),
    )


def _forget(connection: sqlite3.Connection, room: str, numbers: Ranges) -> None:
    sql = f"DELETE FROM version WHERE room = {_ROOM} AND seq BETWEEN ? AND ?"  # noqa: S608 - as above
    connection.executemany(sql, [(room, first, last) for first, last in numbers])


def versions_of(connection: sqlite3.Connection, room: str, seq: int) -> list[Version]:
    """What a line has said before, the oldest first."""
    sql = f"SELECT number, until, text, author FROM version WHERE room = {_ROOM} AND seq = ? ORDER BY number"  # noqa: S608 - as above
    return showable_versions(Version(*row) for row in connection.execute(sql, (room, seq)))


def forget_versions(connection: sqlite3.Connection, now: float) -> int:
    """Forget versions that are old enough. Returns how many went."""
    return connection.execute("DELETE FROM version WHERE until < ?", (now - VERSION_SECONDS,)).rowcount
