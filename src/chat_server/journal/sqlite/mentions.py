"""Who was named while they were not there, on disk, for the server. See journal/mentions.py."""

import sqlite3
from collections.abc import Sequence

from chat_server.journal.mentions import MENTIONS_MAX, Mention
from chat_server.journal.sqlite.committer import Committer
from chat_server.journal.sqlite.readings import InReader


class SqliteMentions:
    """See Mentions."""

    def __init__(self, committer: Committer, in_reader: InReader) -> None:
        """Change by one, read by the other."""
        self._committer = committer
        self._in_reader = in_reader

    async def add(self, mentions: Sequence[Mention]) -> None:
        """Keep these; see Mentions."""
        await self._committer.change(lambda connection: _add(connection, mentions))

    async def of(self, account: int) -> list[Mention]:
        """Those of an account; see Mentions."""
        return await self._in_reader(lambda reader: reader.ask(lambda connection: mentions_of(connection, account)))

    async def mark_read(self, account: int, seen: Sequence[Mention]) -> None:
        """The account has seen these; see Mentions."""
        rows = [(account, one.room, one.seq) for one in seen]
        sql = "UPDATE mention SET is_read = 1 WHERE account = ? AND room = (SELECT id FROM room WHERE name = ?) AND seq = ?"
        await self._committer.change(lambda connection: connection.executemany(sql, rows))


def _add(connection: sqlite3.Connection, mentions: Sequence[Mention]) -> None:
    connection.executemany(
        "INSERT OR IGNORE INTO mention (account, room, seq, author, at, is_read)"
        " SELECT ?1, id, ?3, ?4, ?5, ?6 FROM room WHERE name = ?2"
        " AND EXISTS (SELECT 1 FROM account WHERE id = ?1 AND state != 'closed')",
        mentions,
    )
    connection.executemany(
        "DELETE FROM mention WHERE account = ?1 AND (room, seq) IN"
        " (SELECT room, seq FROM mention WHERE account = ?1 ORDER BY at DESC, room DESC, seq DESC LIMIT -1 OFFSET ?2)",
        [(account, MENTIONS_MAX) for account in {one.account for one in mentions}],
    )


def mentions_of(connection: sqlite3.Connection, account: int) -> list[Mention]:
    """Those of an account; see Mentions."""
    rows = connection.execute(
        "SELECT account, name, seq, author, at, is_read FROM mention JOIN room ON room.id = mention.room"
        " WHERE account = ? ORDER BY at, room, seq",
        (account,),
    )
    return [Mention(*row)._replace(is_read=bool(row[-1])) for row in rows]
