"""How a server ends: what its sessions are told, and by when they have to be gone.

One of several nodes sends everybody to the others, unless there are none; it also ends when those have given it up. A server that begins anew at once
tells everybody when to come back. Never knows listeners nor rooms.
"""

from collections.abc import Callable, Collection
from math import ceil, inf
from random import uniform
from typing import Any

import trio

from chat_server.journal import JournalError
from chat_server.journal.nodes import Nodes
from chat_server.logs import log
from chat_server.protocol.events import Dismissed
from chat_server.sessions.session import ChatSession

OTHERS_SECONDS = 1.0
"""Seconds for which the engine is asked whether there are other nodes. If it does not say, there are."""

SILENT_SECONDS = 6.0
"""Seconds of silence after which another node is no place to send anybody to: it has left out three signs of life."""

MOVED_PER_SECOND = 200
"""How many are sent to other nodes in a second. Of 600 who came within one second, the last was back after 8 s, on two cores that had much to do."""

SPREAD_SECONDS_MAX = 10
"""Seconds over which they are spread at most: after 15 it is seen that those have left who are not back."""


RESTART_SECONDS = 0.5
"""Seconds that readers have where the server begins anew at once: so long may those wait who call meanwhile. Who comes back has what they missed."""

LEFT_PER_SECOND = 500
"""How many may leave their rooms in a second: a large house has so much more time for that."""

RETURN_FIRST = 0.5
"""Seconds after which the first are back: by then the next server accepts callers, or lets them wait."""

RETURNS_PER_SECOND = 100
"""How many come back in a second: half as many as may begin TLS in it (handshakes.PER_SECOND), for others come too."""

RETURN_LAST = 20.0
"""Seconds after which the last are back, however many they are."""


class Ending:
    """The end of a server. It has not been asked for yet."""

    def __init__(self, nodes: Nodes | None, seconds: Callable[[], float]) -> None:
        """Readers will have as many seconds to take what waits for them as is said then."""
        self._nodes = nodes
        self._seconds = seconds
        self.requested = trio.Event()
        """It has been asked for."""
        self.at = inf
        """When everybody has to be gone."""
        self.was_given_up = False
        """Whether it was asked for because the other nodes have given this one up."""
        self._is_restart = False
        self._farewell: Callable[[bool], Dismissed] | None = None
        self._spread = 0.0

    def ask_for(self, *, is_restart: bool = False) -> None:
        """Ask for it. `is_restart`: the next server has this one's listeners, and begins as soon as this one has ended."""
        self._is_restart = is_restart
        self.requested.set()

    def hurry(self) -> None:
        """Everybody has to be gone at once."""
        self.requested.set()
        self.at = -inf

    async def watch(self, nodes: Nodes) -> None:
        """Ask for the end when the others have given this node up."""
        await nodes.life.wait_given_up()
        if not self.requested.is_set():
            log.warning("the other nodes have given this one up: everybody is sent to them, and it begins anew")
            self.was_given_up = True
            self.requested.set()

    async def begin(self, sessions: Collection[ChatSession[Any]]) -> None:
        """Dismiss everybody; from now on those too who only come."""
        count = len(sessions)
        longest = self._seconds()
        seconds = min(longest, RESTART_SECONDS + count / LEFT_PER_SECOND) if self._is_restart else longest
        self.at = min(self.at, trio.current_time() + seconds)
        if self._nodes is not None and not self.was_given_up:
            self._nodes.life.leave()
        if self._nodes is not None and (self.was_given_up or await _has_others(self._nodes)):
            self._spread = float(min(count // MOVED_PER_SECOND, SPREAD_SECONDS_MAX))
            self._farewell = self._moved
        elif self._is_restart:
            self._spread = min(count / RETURNS_PER_SECOND, RETURN_LAST - RETURN_FIRST)
            self._farewell = self._restarting
        else:
            self._farewell = _stopping
        for session in sessions:
            self.dismiss(session)

    def dismiss(self, session: ChatSession[Any]) -> None:
        """End a session, if everybody's is to end."""
        if self._farewell is not None:
            session.dismiss(self._farewell(bool(session.nick)), self.at)

    def _moved(self, is_known: bool) -> Dismissed:
        """What somebody is told who goes on at another node: after a part of the time over which all are spread."""
        del is_known
        details = {"seconds": f"{self._spread:g}"} if self._spread else {}
        return Dismissed("moved", details, retry_after=_part_of(self._spread))

    def _restarting(self, is_known: bool) -> Dismissed:
        """What somebody is told who is to come back here. Those who have not logged in yet are few, and are the first."""
        seconds = RETURN_FIRST + (_part_of(self._spread) if is_known else 0.0)
        return Dismissed("restarting", {"seconds": str(ceil(seconds))}, retry_after=seconds)


def _stopping(is_known: bool) -> Dismissed:
    del is_known
    return Dismissed("stopping")


def _part_of(seconds: float) -> float:
    """A random part of so many seconds, in tenths: another one for everybody, so that not all come at once."""
    return round(uniform(0, seconds), 1)  # noqa: S311 - no secret


async def _has_others(nodes: Nodes) -> bool:
    """Whether there are nodes to which somebody can be sent."""
    try:
        with trio.move_on_after(OTHERS_SECONDS):
            return any(
                node.number != nodes.number and not node.is_leaving and node.silence < SILENT_SECONDS
                for node in await nodes.listed()
            )
    except JournalError:
        pass
    return True
