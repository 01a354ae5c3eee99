"""Conversations in PostgreSQL, for the server. See Conversations in journal/__init__.py."""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Any, TypeVar

from chat_server.accounts import sender_of
from chat_server.journal import KeptConversation, Missed, Party
from chat_server.journal.conversations import is_passing, levelled
from chat_server.journal.happened import ConversationChanged
from chat_server.journal.postgresql.link import Asked, Connection
from chat_server.journal.postgresql.mentions import mentions_of
from chat_server.journal.postgresql.reading import CONVERSATION, read_rooms
from chat_server.journal.turn_codec import encode_change

T = TypeVar("T")


class PostgresqlConversations:
    """See Conversations."""

    def __init__(
        self,
        node: Callable[[], int],
        write: Callable[..., Awaitable[Any]],
        read: Asked,
        store_positions: Callable[[], Awaitable[None]],
        waiting: Callable[[], Mapping[tuple[str, str], int]],
    ) -> None:
        """Be this node's.

        Args:
            node: its number.
            write: has a function of the database do something, by one statement.
            read: asks the database.
            store_positions: has all read positions stored that are noted.
            waiting: gives those that are not stored yet, by room and person.

        """
        self._node = node
        self._write = write
        self._read = read
        self._store_positions = store_positions
        self._waiting = waiting

    async def begin(self, name: str, parties: Sequence[Party]) -> None:
        """Store a new conversation; see Conversations."""
        whos, accepted, begans = ([*column] for column in zip(*map(_columns, parties), strict=True))
        told = self._told(name, parties)
        sql = "SELECT make_conversation(%b, %b::text[], %b::boolean[], %b::float8[], %b)"
        await self._write(sql, name, whos, accepted, begans, told)

    async def accept(self, name: str, who: str) -> None:
        """One of the two has accepted it; see Conversations."""
        kept = await self.find(name)
        if kept is not None:
            told = self._told(name, kept.record.parties)
            await self._write("SELECT accept_conversation(%b, %b, %b)", name, who, told)

    def _told(self, name: str, parties: Sequence[Party]) -> str:
        return encode_change(ConversationChanged(self._node(), name, tuple(one.who for one in parties)))

    async def find(self, name: str) -> KeptConversation | None:
        """The conversation of this name; see Conversations."""
        records = await self._read(
            lambda connection: read_rooms(connection, "name = %b AND kind = %b", name, CONVERSATION)
        )
        return KeptConversation(records[0]) if records else None

    async def of(self, who: str) -> list[KeptConversation]:
        """All that somebody has; see Conversations."""
        waiting = self._waiting()
        found = await self._read(lambda connection: _of(connection, who))
        return levelled(found, who, waiting)

    async def missed(self, account: int) -> Missed:
        """What waits for the holder of an account, while a connection is had once; see Journal."""
        waiting, who = self._waiting(), sender_of(account)
        found, mentions = await self._read(lambda connection: (_of(connection, who), mentions_of(connection, account)))
        return Missed(levelled(found, who, waiting), mentions)

    async def have_met(self, one: str, other: str) -> bool:
        """Whether two have been in the same room; see Conversations."""
        await self._store_positions()
        return await self._read(
            lambda connection: bool(connection.execute(b"SELECT have_met(%b, %b)", [one, other]).fetchall()[0][0])
        )

    async def passing(self) -> list[str]:
        """Those in which a guest is; see Conversations."""
        records = await self._read(lambda connection: read_rooms(connection, "kind = %b", CONVERSATION))
        return [record.name for record in records if is_passing(record.parties)]


def _columns(one: Party) -> tuple[str, bool, float]:
    return one.who, one.has_accepted, one.began_at


def _of(connection: Connection, who: str) -> list[KeptConversation]:
    read: dict[str, int] = dict(
        connection.execute(
            "SELECT name, seq FROM party JOIN room ON room.id = party.room"
            " JOIN position ON position.room = party.room AND position.person = party.who WHERE who = %b",
            [who],
        ).fetchall()
    )
    records = read_rooms(connection, "id IN (SELECT room FROM party WHERE who = %b)", who)
    return [KeptConversation(record, read.get(record.name, 0)) for record in records]
