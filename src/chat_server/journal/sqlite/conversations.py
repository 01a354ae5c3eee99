"""Conversations on disk, for the server. See Conversations in journal/__init__.py."""

import sqlite3
from collections.abc import Callable, Mapping, Sequence
from typing import TypeVar

from chat_server.accounts import sender_of
from chat_server.journal import KeptConversation, Missed, Party
from chat_server.journal.conversations import is_conversation, is_passing, levelled
from chat_server.journal.sqlite.committer import Committer
from chat_server.journal.sqlite.mentions import mentions_of
from chat_server.journal.sqlite.parties import CONVERSATION
from chat_server.journal.sqlite.reader import Reader
from chat_server.journal.sqlite.readings import InReader

T = TypeVar("T")


class SqliteConversations:
    """See Conversations."""

    def __init__(
        self, committer: Committer, in_reader: InReader, waiting: Callable[[], Mapping[tuple[str, str], int]]
    ) -> None:
        """Change by one, read by the other; `waiting` gives the read positions that are not stored yet, by room and person."""
        self._committer = committer
        self._in_reader = in_reader
        self._waiting = waiting

    async def begin(self, name: str, parties: Sequence[Party]) -> None:
        """Store a new conversation; see Conversations."""
        await self._committer.call(lambda writer: writer.create_room(name, parties=parties))

    async def accept(self, name: str, who: str) -> None:
        """One of the two has accepted it; see Conversations."""
        accept = "UPDATE party SET has_accepted = 1 WHERE who = ? AND room = (SELECT id FROM room WHERE name = ?)"
        await self._committer.change(lambda connection: connection.execute(accept, (who, name)))

    async def find(self, name: str) -> KeptConversation | None:
        """The conversation of this name; see Conversations."""
        found = await self._in_reader(lambda reader: reader.rooms("name = ? AND kind = ?", name, CONVERSATION))
        return KeptConversation(found[0]) if found else None

    async def of(self, who: str) -> list[KeptConversation]:
        """All that somebody has; see Conversations."""
        waiting = self._waiting()
        found = await self._in_reader(lambda reader: _of(reader, who))
        return levelled(found, who, waiting)

    async def missed(self, account: int) -> Missed:
        """What waits for the holder of an account, by one reading; see Journal."""
        waiting, who = self._waiting(), sender_of(account)
        found, mentions = await self._in_reader(
            lambda reader: (_of(reader, who), reader.ask(lambda connection: mentions_of(connection, account)))
        )
        return Missed(levelled(found, who, waiting), mentions)

    async def have_met(self, one: str, other: str) -> bool:
        """Whether two have been in the same room; see Conversations."""
        been = [{room for room, person in self._waiting() if person == who} for who in (one, other)]

        def met(asked: sqlite3.Connection) -> bool:
            rooms = [
                found | {name for (name,) in asked.execute(_BEEN, (who,))}
                for found, who in zip(been, (one, other), strict=True)
            ]
            return any(not is_conversation(room) for room in rooms[0] & rooms[1])

        return await self._in_reader(lambda reader: reader.ask(met))

    async def passing(self) -> list[str]:
        """Those in which a guest is; see Conversations."""
        found = await self._in_reader(lambda reader: reader.rooms("kind = ?", CONVERSATION))
        return [record.name for record in found if is_passing(record.parties)]


_BEEN = "SELECT name FROM room JOIN position ON position.room = room.id AND person = ? WHERE kind = ''"


def _of(reader: Reader, who: str) -> list[KeptConversation]:
    read = dict(
        reader.ask(
            lambda asked: asked.execute(
                "SELECT name, seq FROM party JOIN room ON room.id = party.room"
                " JOIN position ON position.room = party.room AND position.person = party.who WHERE who = ?",
                (who,),
            ).fetchall()
        )
    )
    records = reader.rooms("room.id IN (SELECT room FROM party WHERE who = ?)", who)
    return [KeptConversation(record, read.get(record.name, 0)) for record in records]
