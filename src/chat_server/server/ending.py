"""How a server ends: what its sessions are told, and by when they have to be gone.

One of several nodes sends everybody to the others, unless there are none; it also ends when those have given it up. Never knows listeners nor rooms.
"""

from collections.abc import Callable, Collection
from math import inf
from typing import Any

import trio

from chat_server.journal import JournalError
from chat_server.journal.nodes import Nodes
from chat_server.logs import log
from chat_server.sessions.session import ChatSession

OTHERS_SECONDS = 1.0
"""Seconds for which the engine is asked whether there are other nodes. If it does not say, there are."""

SILENT_SECONDS = 6.0
"""Seconds of silence after which another node is no place to send anybody to: it has left out three signs of life."""

MOVED_PER_SECOND = 200
"""How many are sent to other nodes in a second. Of 600 who came within one second, the last was back after 8 s, on two cores that had much to do."""

SPREAD_SECONDS_MAX = 10
"""Seconds over which they are spread at most: after 15 it is seen that those have left who are not back."""


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
        self._is_told = False
        self._is_move = False
        self._details: dict[str, str] = {}

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
        self.at = min(self.at, trio.current_time() + self._seconds())
        if self._nodes is not None:
            if not self.was_given_up:
                self._nodes.life.leave()
            self._is_move = self.was_given_up or await _has_others(self._nodes)
            if seconds := min(len(sessions) // MOVED_PER_SECOND, SPREAD_SECONDS_MAX):
                self._details = {"seconds": str(seconds)}
        self._is_told = True
        for session in sessions:
            self.dismiss(session)

    def dismiss(self, session: ChatSession[Any]) -> None:
        """End a session, if everybody's is to end."""
        if self._is_move:
            session.dismiss("moved", self.at, self._details)
        elif self._is_told:
            session.dismiss("stopping", self.at)


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
