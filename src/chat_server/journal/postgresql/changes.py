"""What happens at one node and matters at all, read from PostgreSQL in order: rows with numbers without a hole, some at a time, as they are wanted.

Nothing waits here. Never knows what becomes of it.
"""

from collections.abc import AsyncIterator
from typing import Any

import psycopg
import trio

from chat_server.journal import JournalError
from chat_server.journal.node_life import NodeLife
from chat_server.journal.nodes import Numbered
from chat_server.journal.postgresql.link import Connection, Link, said
from chat_server.journal.turn_codec import decode_change
from chat_server.logs import log

AT_A_TIME = 100

LOOK_SECONDS = 1.0
"""Seconds after which what has happened is looked for, whether anybody has told of it or not."""


class Changes:
    """What happens at all nodes, after some number."""

    def __init__(self, link: Link, life: NodeLife) -> None:
        self._link = link
        self._life = life
        self._happened = trio.Event()
        self._closed = trio.Event()
        self.after = 0
        """The number of the newest one that is passed over: what it tells of was there when this node began to look at anything."""

    def wake(self) -> None:
        """Something may have happened."""
        self._happened.set()

    def close(self) -> None:
        """Let whoever reads come to an end."""
        self._closed.set()
        self._happened.set()

    async def read(self) -> AsyncIterator[Numbered]:
        """What happens, in order. For one who reads; see Nodes.changes."""
        newest = self.after
        while not self._closed.is_set():
            self._happened = trio.Event()
            rows = await self._rows(newest)
            for number, what in rows:
                if number != newest + 1:
                    log.error("changes at other nodes are forgotten that were not read", first=newest + 1, next=number)
                    self._life.give_up()
                    return
                newest = number
                if (change := decode_change(what)) is not None:  # else of a release that comes after this one
                    yield Numbered(number, change)
            if len(rows) < AT_A_TIME and not self._closed.is_set():
                with trio.move_on_after(LOOK_SECONDS):
                    await self._happened.wait()

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
