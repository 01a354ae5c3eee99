"""How a session ends: with which last words, by when, and so that nothing of it is left where it was.

Knows the order of that, and what is cut short where time runs out. Never knows how words are shown, nor why it ends.
"""

from collections.abc import Collection
from typing import Protocol

import trio

from chat_server.guard import Guard
from chat_server.protocol.events import Event
from chat_server.rooms.room import Occupant, Room
from chat_server.sessions.membership import leave_person, let_rooms_forget
from chat_server.sessions.outbox import Outbox


class Leaver(Occupant, Protocol):
    """A session that ends."""

    has_failed: bool
    """Whether a bug ended it, or met it while it ended."""
    place: Room

    async def leave_all(self) -> None:
        """Leave wherever it is."""

    def say_farewell(self, farewell: Event) -> None:
        """Show the last event; nothing follows it."""


class SessionEnd:
    """The end of one session. It has not begun."""

    __slots__ = ("_scope", "_taken_over", "_takeover_done", "farewell")

    def __init__(self) -> None:
        self.farewell: Event | None = None
        """Its last words, if there are any."""
        self._scope: trio.CancelScope | None = None
        self._takeover_done: trio.Event | None = None
        self._taken_over: Collection[Room] = ()  # the rooms where another session comes in the place of this one

    @property
    def has_begun(self) -> bool:
        """Whether it is ending already."""
        return self._scope is not None

    def hurry(self, deadline: float) -> None:
        """Take no longer than until then, if it has begun."""
        if self._scope is not None:
            self._scope.deadline = min(self._scope.deadline, deadline)

    def wait_for_takeover(self, done: trio.Event, rooms: Collection[Room]) -> None:
        """Leave these rooms, when it ends, only after another session has come there in its place."""
        self._takeover_done, self._taken_over = done, rooms

    async def carry_out(self, session: Leaver, outbox: Outbox[dict[str, int]], deadline: float) -> bool:
        """End it; see ChatSession.end."""
        self._scope = leaving = trio.CancelScope(shield=True, deadline=deadline)
        guard = Guard("a session could not end in order", nick=session.nick)
        with leaving, guard:
            while self._takeover_done is not None and not self._takeover_done.is_set():
                await self._takeover_done.wait()
            await session.leave_all()
        if leaving.cancelled_caught:
            guard.attempt(let_rooms_forget, session, session.place.directory, self._taken_over)
        guard.attempt(leave_person, session, session.place.directory, leaving)
        if self.farewell is not None:
            guard.attempt(session.say_farewell, self.farewell)
        session.has_failed = session.has_failed or guard.has_failed
        self._scope = emptying = trio.CancelScope(shield=True, deadline=leaving.deadline)
        with emptying:
            await outbox.emptied()
        outbox.close()
        return not (leaving.cancelled_caught or emptying.cancelled_caught)
