"""What people write beside the rooms, on its way: it is carried through in a task of its own, whatever becomes of whoever wrote it.

What a session writes is carried through in its order. While the engine of several nodes does not answer it waits, as what is said in rooms does, and
the session goes on meanwhile: so much of it, and for so long; beyond that its author is told that nothing was sent. Never knows what is written,
nor to whom.
"""

from collections import deque
from collections.abc import Awaitable, Callable, Collection
from typing import Any, Protocol

import trio

from chat_server.guard import Guard
from chat_server.journal.node_life import AWAY_SECONDS
from chat_server.journal.nodes import Nodes
from chat_server.rooms.room import Occupant

PATIENCE_SECONDS = 30.0
"""Seconds for which something waits for an engine that is away: as long as a room's lines."""

WAITING_MAX, WAITING_IN_ALL_MAX = 20, 1000
"""So much of one session's may be on its way, and of all together."""

AGAIN_SECONDS = 0.25
"""Seconds after which it is looked again whether the engine answers."""


class Directory(Protocol):
    """What says how it stands with the engine."""

    @property
    def nodes(self) -> Nodes | None:
        """The server among those with the same journal; None: it has the journal for itself."""
        ...

    @property
    def is_engine_away(self) -> bool:
        """Whether the engine does not answer."""
        ...


class Patience:
    """How long one thing that is written waits for the engine, from now on."""

    def __init__(self, directory: Any) -> None:  # a Directory; one of rooms/directory.py has settable attributes
        """Wait for this server's."""
        self._directory: Directory = directory
        self._began_at = trio.current_time()

    async def engine_answers(self) -> bool:
        """Wait until the engine answers; returns whether it does so in time."""
        while True:
            if not self._directory.is_engine_away or trio.current_time() >= self._began_at + PATIENCE_SECONDS:
                return not self._directory.is_engine_away
            await trio.sleep(AGAIN_SECONDS)

    async def may_try_again(self) -> bool:
        """What was asked of the engine has failed: whether it may have been away just then, and is to be asked again."""
        nodes, now = self._directory.nodes, trio.current_time()
        if nodes is None or nodes.life.is_over:
            return False
        if not self._directory.is_engine_away and now >= self._began_at + AWAY_SECONDS:
            return False  # it answers, and refuses
        await trio.sleep(AGAIN_SECONDS)
        return await self.engine_answers()


class _Work:
    """One thing that is carried through, and the event that is set when the one before it has been."""

    __slots__ = ("before", "do", "done")

    def __init__(self, do: Callable[[], Awaitable[None]], before: trio.Event | None) -> None:
        self.do = do
        self.before = before
        self.done = trio.Event()


class Sending:
    """What is on its way at one node."""

    def __init__(self, directory: Any) -> None:
        """Nothing yet."""
        self._directory = directory
        self._nursery: trio.Nursery | None = None
        self._waiting: dict[Occupant, deque[_Work]] = {}
        self._count = 0
        self._guard = Guard("something that somebody wrote could not be carried through")

    def begin(self, nursery: trio.Nursery) -> None:
        """Carry through in this nursery from now on."""
        self._nursery = nursery

    def start(self, work: Callable[[], Awaitable[None]]) -> None:
        """Do something else about what is written, which nobody waits for and which raises nothing."""
        if self._nursery is not None:
            self._nursery.start_soon(work)

    @property
    def writers(self) -> Collection[Occupant]:
        """The sessions of which something is on its way."""
        return self._waiting.keys()

    def patience(self) -> Patience:
        """For one thing that is written now."""
        return Patience(self._directory)

    def is_full(self, session: Occupant) -> bool:
        """Whether nothing more of the session's can wait."""
        return len(self._waiting.get(session, ())) >= WAITING_MAX or self._count >= WAITING_IN_ALL_MAX

    async def carry(self, session: Occupant, do: Callable[[], Awaitable[None]]) -> None:
        """Do this, after what the session has begun before. Returns when it is done, or when the engine is away. A bug in it ends the session."""
        if self._nursery is None:
            raise trio.ClosedResourceError
        waiting = self._waiting.setdefault(session, deque())
        work = _Work(do, waiting[-1].done if waiting else None)
        waiting.append(work)
        self._count += 1
        self._nursery.start_soon(self._carry, session, waiting, work)
        while not (work.done.is_set() or self._directory.is_engine_away):
            with trio.move_on_after(AGAIN_SECONDS):
                await work.done.wait()

    async def _carry(self, session: Occupant, waiting: deque[_Work], work: _Work) -> None:
        is_done = False
        try:
            if work.before is not None:
                await work.before.wait()
            with self._guard:
                await work.do()
                is_done = True
            if not is_done:
                self._guard.attempt(session.fail)
        finally:
            work.done.set()
            self._count -= 1
            waiting.remove(work)
            if not waiting:
                self._waiting.pop(session, None)
