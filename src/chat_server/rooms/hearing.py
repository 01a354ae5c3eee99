"""Waiting for what this node of several has not heard yet of a place, and somebody who comes from another one has. Never knows what is said there."""

from typing import Protocol

import trio

from chat_server.journal.nodes import Nodes

HEARD_SECONDS = 3.0
"""Seconds for which a node waits to hear what somebody has heard already at another one: it hears of it within one, unless the engine is away."""

FIRST_LOOK_SECONDS = 0.01
"""Seconds after which it is looked for the first time whether that has been heard; each time after twice as many."""


class Numbering(Protocol):
    """A place whose lines are numbered."""

    @property
    def last_seq(self) -> int:
        """The number of its newest line."""


class Hearing:
    """Waits until this node has heard of places what somebody comes with who was at another one, for all of these together HEARD_SECONDS.

    Else they would be told that a place ends before what they know: that it is another one, restored from a copy.
    """

    def __init__(self, nodes: Nodes | None) -> None:
        """It begins now. Where there are no nodes, there is nothing to be waited for."""
        self._until = trio.current_time() + (HEARD_SECONDS if nodes is not None else 0.0)

    async def wait(self, number: int, place: Numbering) -> None:
        """Wait until the place has the line with this number."""
        rest = FIRST_LOOK_SECONDS
        while place.last_seq < number and trio.current_time() < self._until:
            await trio.sleep(min(rest, self._until - trio.current_time()))
            rest *= 2
