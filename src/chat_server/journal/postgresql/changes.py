"""What happens at one node and matters at all, read from PostgreSQL in order: rows with numbers without a hole, some at a time, as they are wanted.

No more than these wait here. Never knows what becomes of it.
"""

from collections import deque
from typing import Any

import psycopg
import trio
from msgspec.structs import replace

from chat_server.journal import JournalError
from chat_server.journal.happened import Change, Numbered, RoomDeleted, RoomMade, RoomRenamed
from chat_server.journal.node_life import NodeLife
from chat_server.journal.postgresql.link import Connection, Link, said
from chat_server.journal.postgresql.room_numbers import RoomNumbers
from chat_server.journal.turn_codec import decode_change
from chat_server.logs import log

AT_A_TIME = 100

LOOK_SECONDS = 1.0
"""Seconds after which what has happened is looked for, whether anybody has told of it or not."""

DOUBTS_MAX = 1000
"""Changes of this node's of which it does not know whether they are stored; of more, the oldest are forgotten."""


class Changes:
    """What happens at all nodes, after some number, in order. For one who reads."""

    def __init__(self, link: Link, life: NodeLife, numbers: RoomNumbers) -> None:
        self._link = link
        self._life = life
        self._numbers = numbers
        self._happened = trio.Event()
        self._is_closed = False
        self._read: deque[tuple[int, str]] = deque()
        self._carried_out: Change | None = None  # when the next is asked for
        self._doubts: dict[Change, None] = {}
        self.after = 0
        """The number of the newest that is passed over, or that was given: what came until then is known."""
        self.heard = 0
        """See Nodes."""

    def in_doubt(self, change: RoomMade | RoomRenamed) -> None:
        """Take a change of this node's, if it comes, for nobody's (0), so that it is put into effect here: nobody knows if it is stored."""
        self._doubts[change] = None
        if len(self._doubts) > DOUBTS_MAX:
            del self._doubts[next(iter(self._doubts))]

    def known(self, change: RoomMade | RoomRenamed) -> None:
        """It is known."""
        self._doubts.pop(change, None)

    def wake(self) -> None:
        """Something may have happened."""
        self._happened.set()

    def close(self) -> None:
        """Let whoever reads come to an end."""
        self._is_closed = True
        self._happened.set()

    def __aiter__(self) -> "Changes":
        """For `async for`."""
        return self

    async def __anext__(self) -> Numbered:
        """Wait for the next; the one before has been carried out at this node."""
        if isinstance(self._carried_out, RoomRenamed):
            self._numbers.forget(self._carried_out.old)
        elif isinstance(self._carried_out, RoomDeleted):
            self._numbers.forget(self._carried_out.room)
        while True:
            self.heard = self.after
            while not self._read:
                await self._read_more()
            number, what = self._read.popleft()
            if number != self.after + 1:
                log.error("changes at other nodes are forgotten that were not read", first=self.after + 1, next=number)
                self._life.give_up()
                raise StopAsyncIteration
            self.after = number
            self._carried_out = decode_change(what)
            if isinstance(self._carried_out, RoomMade | RoomRenamed) and self._carried_out in self._doubts:
                del self._doubts[self._carried_out]
                self._carried_out = replace(self._carried_out, node=0)
            if self._carried_out is not None:  # else of a release that comes after this one
                return Numbered(number, self._carried_out)

    async def _read_more(self) -> None:
        """Read what has happened; if nothing has, after a while."""
        if self._is_closed:
            raise StopAsyncIteration
        happened = self._happened = trio.Event()
        self._read.extend(await self._rows(self.after))
        if not self._read and not self._is_closed:
            with trio.move_on_after(LOOK_SECONDS):
                await happened.wait()

    async def _rows(self, after: int) -> list[tuple[Any, ...]]:
        def read(connection: Connection) -> list[tuple[Any, ...]]:
            return connection.execute(
                "SELECT number, what FROM change WHERE number > %b ORDER BY number LIMIT %b", [after, AT_A_TIME]
            ).fetchall()

        try:
            return await self._link.call(read, may_repeat=True)
        except JournalError:
            return []  # the engine is away; so it is for all others
        except psycopg.Error as error:
            log.error("what happens at other nodes cannot be read", why=said(error))
            return []
