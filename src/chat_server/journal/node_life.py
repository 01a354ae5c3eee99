"""How one node stands: with the engine, which answers or not and has a clock, and with the others, from which it goes or which have given it up.

Its engine notes what it meets; the server, the rooms and the commands look. Never knows how an engine is asked, nor what becomes of anybody.
"""

import time

import trio

from chat_server.journal.happened import PersonId, may_be_at_several_nodes

AWAY_SECONDS = 3.0
"""Seconds for which the engine may owe an answer until it counts as away. One that is started again, or fails over, answers after 1 to 5 s."""


class NodeLife:
    """How a node stands."""

    def __init__(self) -> None:
        """It is one of the nodes, and the engine owes it nothing."""
        self.is_leaving = False
        """Whether the node ends in order: whoever is at it goes to another one."""
        self._owed: dict[str, float] = {}
        self._given_up = trio.Event()
        self._has_buried = trio.Event()
        self._ahead: float | None = None  # of the clock that is never set, the engine's

    # With the engine.

    def asked(self, what: str) -> None:
        """Something of this kind is asked of the engine, for the first time or again: it owes an answer."""
        self._owed.setdefault(what, trio.current_time())

    def answered(self, what: str) -> None:
        """The engine has answered. That it cannot be reached is no answer."""
        self._owed.pop(what, None)

    @property
    def is_engine_away(self) -> bool:
        """Whether the engine has owed an answer for AWAY_SECONDS. What is being stored waits for it then; nothing else is asked of it."""
        return bool(self._owed) and trio.current_time() - min(self._owed.values()) >= AWAY_SECONDS

    @property
    def may_be_away_at(self) -> float:
        """When, by Trio's clock, the engine may count as away at the earliest."""
        return min(self._owed.values(), default=trio.current_time()) + AWAY_SECONDS

    def told_the_time(self, at: float) -> None:
        """By the engine's clock it is this now, in seconds since 1970."""
        self._ahead = at - time.monotonic()

    def now(self) -> float:
        """The time by the engine's clock, which is the same for all nodes: what ends, or is forgotten, does so by it and not by a machine's."""
        return time.time() if self._ahead is None else time.monotonic() + self._ahead

    # With the other nodes.

    def leave(self) -> None:
        """The node ends in order.

        The engine writes that down with the next sign of life, at the latest when the journal closes: this node is buried RETURN_SECONDS later,
        by any other, and until then those of whom nothing was told are where they were.
        """
        self.is_leaving = True

    def holds_back(self, person: PersonId) -> bool:
        """Whether nobody is told now that this person goes, who can come back elsewhere: by no movement, and no name that is free."""
        return self.is_leaving and may_be_at_several_nodes(person)

    def note_buried(self) -> None:
        """Another node was given up by this one."""
        self._has_buried.set()

    async def wait_buried(self) -> None:
        """Wait until this node has given others up, since this was last waited for."""
        await self._has_buried.wait()
        self._has_buried = trio.Event()

    def give_up(self) -> None:
        """The others have buried this node."""
        self._given_up.set()

    @property
    def is_over(self) -> bool:
        """Whether the others have."""
        return self._given_up.is_set()

    async def wait_given_up(self) -> None:
        """Wait until the others have."""
        await self._given_up.wait()
