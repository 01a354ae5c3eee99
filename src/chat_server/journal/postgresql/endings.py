"""What becomes of the lines of accounts that have ended, in PostgreSQL: some turns at a time, whatever happens meanwhile.

One node at a time rewrites what is an account's. What it leaves undone, for it was killed, another does, or the one that is next started, before it
shows anybody a line. Bounds: one account at a time. Never knows whose the lines were.
"""

from collections.abc import Callable, Sequence
from functools import partial
from typing import TypeVar

import psycopg
import trio

from chat_server.accounts import Ended, Rewritten
from chat_server.guard import Guard
from chat_server.journal import JournalError
from chat_server.journal.happened import LinesRewritten
from chat_server.journal.postgresql import rewriting
from chat_server.journal.postgresql.link import Connection, Link, said
from chat_server.journal.turn_codec import encode_change
from chat_server.logs import log

REST = 0.02
"""Seconds between two commits that rewrite lines: appends go first."""

LOOK_SECONDS = 10.0
"""Seconds after which a node looks for what others have left undone, and tries again what it could not do."""


LOOK_AGAIN_SECONDS = 0.5
"""Seconds after which a node looks whether another has done what somebody waits for here."""


T = TypeVar("T")


class Endings:
    """The accounts that have ended and whose lines are still to be rewritten."""

    def __init__(self, link: Link, node: Callable[[], int]) -> None:
        """Rewrite by this connection, as the node of this number."""
        self._link = link
        self._node = node
        self._waiting: dict[Ended, trio.Event] = {}
        self._rewritten: dict[Ended, Rewritten] = {}
        self._has_more = trio.Event()

    async def carry_out(self, ended: Ended) -> Rewritten:
        """Have an account's lines rewritten, and wait for it."""
        done = self._waiting.setdefault(ended, trio.Event())
        self._has_more.set()
        await done.wait()
        return self._rewritten.pop(ended, Rewritten(ended.nick))

    async def catch_up(self) -> None:
        """Do what was left undone by nodes that are no more: before anybody is shown a line."""
        await self._carry_out_some(is_all=True)

    async def run(self) -> None:
        """Rewrite what there is to be rewritten, until cancelled."""
        try:
            while True:
                with trio.move_on_after(LOOK_SECONDS) as looking:
                    await self._has_more.wait()
                self._has_more = trio.Event()
                is_done = await self._carry_out_some(is_all=looking.cancelled_caught)
                while is_done and self._waiting:  # another node has begun with it
                    await trio.sleep(LOOK_AGAIN_SECONDS)
                    is_done = await self._carry_out_some(is_all=False)
        finally:
            for done in self._waiting.values():
                done.set()

    async def _carry_out_some(self, *, is_all: bool) -> bool:
        """Do all that can be done just now, or only what is waited for here. Returns whether nothing went wrong."""
        with Guard("something went wrong while the lines of accounts that have ended were rewritten"):
            try:
                for ended in await self._do(rewriting.pending):
                    if (is_all or ended in self._waiting) and await self._do(partial(_begin, ended)):
                        await self._rewrite(ended)
                left = {*await self._do(rewriting.pending)}
            except (JournalError, psycopg.Error) as error:
                log.warning(
                    "cannot look whether accounts have ended whose lines are to be rewritten; it is tried again",
                    why=said(error),
                )
                return False
            for ended in [ended for ended in self._waiting if ended not in left]:
                self._waiting.pop(ended).set()
            return True
        return False

    async def _do(self, step: Callable[[Connection], T]) -> T:
        """All that is done here does no harm if it is done once more."""
        return await self._link.call(step, may_repeat=True)

    async def _rewrite(self, ended: Ended) -> None:
        rooms, topics = frozenset[str](), dict[str, str]()
        after: int | None = 0
        while after is not None:
            some = await self._do(partial(_turns_of, ended, after))
            changed = (
                await self._do(partial(_rewrite, ended, some.turns))
                if some.turns or some.after is None
                else rewriting.NOTHING
            )
            if changed is not None:  # else they are found once more
                after = some.after
                rooms, topics = rooms | changed.rooms, {**topics, **changed.topics}
            await trio.sleep(REST)
        told = encode_change(LinesRewritten(self._node(), tuple(sorted(rooms))))
        await self._do(partial(_note_done, ended, told))
        if ended in self._waiting:
            self._rewritten[ended] = Rewritten(ended.nick, rooms, topics)


def _begin(ended: Ended, connection: Connection) -> bool:
    return rewriting.begin(connection, ended)


def _turns_of(ended: Ended, after: int, connection: Connection) -> rewriting.SomeTurns:
    return rewriting.turns_of(connection, ended.account, after)


def _rewrite(ended: Ended, turns: Sequence[rewriting.Place], connection: Connection) -> rewriting.Changed | None:
    return rewriting.rewrite(connection, turns, ended)


def _note_done(ended: Ended, told: str, connection: Connection) -> None:
    rewriting.note_done(connection, ended, told)
