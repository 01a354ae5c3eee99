"""Who was named while they were not there, in PostgreSQL, for the server. See journal/mentions.py."""

from collections.abc import Awaitable, Callable, Sequence
from typing import Any

from chat_server.journal.mentions import Mention
from chat_server.journal.postgresql.link import Asked, Connection


class PostgresqlMentions:
    """See Mentions."""

    def __init__(self, write: Callable[..., Awaitable[Any]], read: Asked) -> None:
        """`write` has a function of the database do something, by one statement; `read` asks it."""
        self._write = write
        self._read = read

    async def add(self, mentions: Sequence[Mention]) -> None:
        """Keep these; see Mentions."""
        if mentions:
            accounts, rooms, seqs, authors, ats, _ = ([*column] for column in zip(*mentions, strict=True))
            sql = "SELECT note_mentions(%b::bigint[], %b::text[], %b::bigint[], %b::bigint[], %b::float8[])"
            await self._write(sql, accounts, rooms, seqs, authors, ats)

    async def of(self, account: int) -> list[Mention]:
        """Those of an account; see Mentions."""
        return await self._read(lambda connection: mentions_of(connection, account))

    async def mark_read(self, account: int, seen: Sequence[Mention]) -> None:
        """The account has seen these; see Mentions."""
        sql = "SELECT mark_mentions_read(%b, %b::text[], %b::bigint[])"
        await self._write(sql, account, [one.room for one in seen], [one.seq for one in seen])


def mentions_of(connection: Connection, account: int) -> list[Mention]:
    """Those of an account; see Mentions."""
    rows = connection.execute(
        b"SELECT account, name, seq, author, mention.at, is_read FROM mention JOIN room ON room.id = mention.room"
        b" WHERE account = %b AND NOT is_deleted ORDER BY mention.at, room.id, seq",
        [account],
    ).fetchall()
    return [Mention(*row) for row in rows]
