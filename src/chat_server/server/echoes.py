"""Whether another node hears this one: each time the canary was heard here, the other nodes are asked, and the first that answers is enough.

They are asked by signs, which go by the engine that all nodes have. Where there is no other node nobody answers, and nothing is wrong. Never knows
how signs are carried.
"""

from math import inf

import trio

from chat_server.journal.signs import CanaryAsked, CanaryHeard, Signs


class Echoes:
    """What is known of the others' answers."""

    def __init__(self, signs: Signs) -> None:
        """Nobody has been asked."""
        self._signs = signs
        self._number = 0
        self._asked_at = 0.0
        self._is_waiting = False
        self.heard_at = -inf
        """When another node last answered, by the event loop's clock."""
        self.seconds: float | None = None
        """How long it took then."""

    def ask(self) -> None:
        """Ask the other nodes."""
        self._number += 1
        self._asked_at, self._is_waiting = trio.current_time(), True
        self._signs.tell(CanaryAsked(self._number))

    def hear(self, node: int, own: int, sign: CanaryAsked | CanaryHeard) -> None:
        """Another node asks this one, which has the number `own`, or has answered whoever asked."""
        if isinstance(sign, CanaryAsked):
            self._signs.tell(CanaryHeard(node, sign.number))
        elif self._is_waiting and (sign.to, sign.number) == (own, self._number):
            self._is_waiting = False
            self.heard_at = trio.current_time()
            self.seconds = self.heard_at - self._asked_at
