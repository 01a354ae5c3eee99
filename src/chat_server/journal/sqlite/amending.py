"""What amends lines, on its way into the tables: the batches of those lines are stored again, and what an edit replaces is kept for a while.

Each function is part of somebody's transaction. What is overwritten is gone from the file once its log has been brought in. Never knows Trio.
"""

import sqlite3
from collections.abc import Callable, Iterator, Sequence

from chat_server.journal.batch_codec import Stored, encode
from chat_server.journal.erasing import amended_after
from chat_server.journal.sqlite.rewriting import batches_with, records_of
from chat_server.journal.versions import VERSION_SECONDS, Version, showable_versions, version_of
from chat_server.protocol.amending import Edited, Ranges, Redacted
from chat_server.protocol.amendments import amended, amends_nothing, without_effect
from chat_server.protocol.entries import Amending, Spoken
from chat_server.protocol.redactions import has, ranges_of

_ROOM = "(SELECT id FROM room WHERE name = ?)"


BATCHES_HELD = 64
"""Batches that are held until they are stored again; of what amends lines in more than so many, some is stored in between."""


class Amended:
    """Batches of a room while entries of one turn amend lines in them.

    However many do, each is read once and stored once: fifty people who react to one line among twenty long ones had 60 KB stored for each of them.
    """

    def __init__(self, connection: sqlite3.Connection, room: str) -> None:
        self._connection = connection
        self._room = room
        self._held: dict[int, list[Stored]] = {}  # by the position of the first line
        self._changed: set[int] = set()

    def lines(self, numbers: Ranges) -> Iterator[Stored]:
        """The lines with these numbers, as they are by now."""
        for _, lines in self._with(numbers):
            yield from (line for line in lines if has(numbers, line.seq))

    def change(self, numbers: Ranges, changed: Callable[[Stored], Stored]) -> None:
        """Let lines stand otherwise."""
        for start, lines in self._with(numbers):
            new = [changed(line) if has(numbers, line.seq) else line for line in lines]
            if new != lines:
                self._held[start] = new
                self._changed.add(start)

    def store(self) -> None:
        """Store what stands otherwise now."""
        for start in sorted(self._changed):
            sql = "UPDATE batch SET lines = CAST(? AS TEXT) WHERE id = ?"
            self._connection.execute(sql, (encode(self._held[start]), start))
        self._held.clear()
        self._changed.clear()

    def _with(self, numbers: Ranges) -> list[tuple[int, list[Stored]]]:
        if len(self._held) > BATCHES_HELD:
            self.store()
        starts = batches_with(self._connection, self._room, numbers)
        for record in records_of(self._connection, [start for start in starts if start not in self._held]):
            self._held[record.position - len(record.lines) + 1] = record.lines
        return [(start, self._held[start]) for start in starts if start in self._held]  # but what nobody can read


def amend(connection: sqlite3.Connection, entries: Sequence[Amending], position: int) -> None:
    """Store what entries of one room make of lines that are stored; they are stored too, before this position. What is pruned is passed over."""
    if entries:
        batches = Amended(connection, entries[0].room)
        for entry in entries:
            _amend(connection, batches, entry, position)
        batches.store()


def _amend(connection: sqlite3.Connection, batches: Amended, entry: Amending, position: int) -> None:
    of = amended(entry)
    lines = [line for line in batches.lines(of) if isinstance(line, Spoken)]
    if not isinstance(entry, Redacted) and amends_nothing(entry, lines[0] if lines else None):
        batches.change(((entry.seq, entry.seq),), lambda _: without_effect(entry))
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
    batches.change((*of, *edits), lambda line: amended_after(line, entry))


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
