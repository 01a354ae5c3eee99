"""That a node is one, in PostgreSQL: a row that it touches every two seconds, by the engine's clock; and who does so no more is buried by any other.

Never knows what a node stores, nor who is at it.
"""

import random

import psycopg
import trio

from chat_server.journal import JournalError
from chat_server.journal.happened import RETURN_SECONDS
from chat_server.journal.node_life import NodeLife
from chat_server.journal.postgresql.link import Connection, Link, said
from chat_server.logs import log

BEAT_SECONDS = 2.0
"""Seconds from one sign of life to the next."""

BEAT_PATIENCE = 3.0
"""Seconds for which one waits for its answer; then another is given, on a new connection."""

BEATS_BEFORE_BURYING = 5
"""Signs of life in a row that a node has given before it buries others: who has been away itself gives them that time to come back."""

LEAVE_SECONDS = 5.0
"""Seconds that the end of a node may take."""

BEAT = "a sign of life"
"""What the engine owes an answer to (NodeLife.asked)."""


def begin(connection: Connection, name: str) -> tuple[int, int, float]:
    """Enter a new node. Blocks. Raises psycopg.Error.

    Returns its number, that of the newest change before it began, and the time by the engine's clock.
    """
    ((node, newest, at),) = connection.execute(
        "INSERT INTO node (name) VALUES (%b)"
        " RETURNING id, (SELECT changes FROM journal), extract(epoch FROM clock_timestamp())::float8",
        [name],
    ).fetchall()
    return node, newest, at


class Heartbeat:
    """A node's signs of life, and its eye on those of the others."""

    def __init__(self, beat_link: Link, bury_link: Link, life: NodeLife, silence: float) -> None:
        """Give signs by one connection, and bury by another: that waits for what it locks.

        `silence` are the seconds after which a node is buried.
        """
        self.node = 0
        """The number of this node."""
        self._beat_link = beat_link
        self._bury_link = bury_link
        self._life = life
        self._limits = silence, max(silence, RETURN_SECONDS)
        self._in_a_row = 0
        self._silence_seen = trio.Event()

    async def run(self) -> None:
        """Give signs of life and bury those who do not, until cancelled."""
        async with trio.open_nursery() as nursery:
            nursery.start_soon(self._keep_burying)
            while True:
                begun = trio.current_time()
                if await self.beat():
                    await trio.sleep_until(begun + BEAT_SECONDS)
                else:
                    await trio.sleep(random.uniform(0.1, BEAT_SECONDS))  # noqa: S311 - no secret

    async def beat(self) -> bool:
        """Give one. Returns whether the engine has answered."""
        silence, for_return = self._limits
        late = max(silence / 2, 2 * BEAT_SECONDS)

        def touch(connection: Connection) -> tuple[int, bool, float] | None:
            rows = connection.execute(
                "UPDATE node SET seen = clock_timestamp(), is_leaving = %b FROM node AS before WHERE node.id = %b AND before.id = node.id"
                " RETURNING (SELECT count(*) FROM node AS other WHERE is_silent(other, %b::float8, %b::float8)),"
                " is_silent(before, %b::float8, %b::float8), extract(epoch FROM clock_timestamp())::float8",
                [self._life.is_leaving, self.node, silence, for_return, late, late],
            ).fetchall()
            return (int(rows[0][0]), bool(rows[0][1]), float(rows[0][2])) if rows else None

        self._life.asked(BEAT)
        try:
            answer = await self._beat_link.call(touch, BEAT_PATIENCE, may_repeat=True)
        except (JournalError, psycopg.Error) as error:
            if self._in_a_row:
                log.warning("the database does not answer", why=said(error))
            self._in_a_row = 0
            return False
        self._life.answered(BEAT)
        if answer is None:
            self._life.give_up()
            return True
        silent, was_silent, at = answer
        self._life.told_the_time(at)
        # By the engine's clock this node was silent itself: if it was not, that clock was set, and the others have not been silent either.
        self._in_a_row = 0 if was_silent else self._in_a_row + 1
        if silent and self._in_a_row >= BEATS_BEFORE_BURYING:
            self._silence_seen.set()
        return True

    async def _keep_burying(self) -> None:
        while True:
            await self._silence_seen.wait()
            self._silence_seen = trio.Event()
            if not self._life.is_over:
                await self._bury()

    async def _bury(self) -> None:
        def bury(connection: Connection) -> list[tuple[str, bool]]:
            """Those that this node has buried: their names, and whether they have ended in order."""
            silent = connection.execute(
                "SELECT id, name, is_leaving FROM node AS other WHERE is_silent(other, %b::float8, %b::float8)",
                [*self._limits],
            ).fetchall()
            ((buried,),) = connection.execute(
                "SELECT bury(%b, %b::float8, %b::float8)", [self.node, *self._limits]
            ).fetchall()
            known = {node: (name, is_leaving) for node, name, is_leaving in silent}
            return [known.get(node, ("", False)) for node in buried]

        try:
            buried = await self._bury_link.call(bury, may_repeat=True)
        except (JournalError, psycopg.Error) as error:
            log.warning("cannot look after the other nodes", why=said(error))
        else:
            for name, has_left in buried:
                self._life.note_buried()
                if has_left:
                    log.info(
                        "a node has ended in order: whoever has not come back from it is not here any more", node=name
                    )
                else:
                    log.warning("a node was silent for too long: whoever was at it is not here any more", node=name)

    async def leave(self) -> None:
        """The end of this node, in order: whoever is still at it is so no more.

        But one from which people can come back at other nodes stays for a while, and is buried then.
        """
        if self._life.is_over:
            return
        if self._life.is_leaving:
            await self.beat()
            return

        def leave(connection: Connection) -> None:
            connection.execute("SELECT take_out(ARRAY[%b::bigint])", [self.node])

        try:
            await self._bury_link.call(leave, LEAVE_SECONDS, may_repeat=True)
        except (JournalError, psycopg.Error) as error:
            log.warning("cannot take leave of the other nodes, which will miss this one soon", why=said(error))
