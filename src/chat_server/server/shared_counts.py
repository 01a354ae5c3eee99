"""How many are connected from one address at the other nodes, where several are one server, and what those are told of this one.

The same for the sessions of those who have several: a person stands here where a network does otherwise.

Changes are told, so that nothing is asked when somebody connects; what was told is good for a while only, so that nothing has to be taken back that
was lost, or of a node that has gone. Pure but for its clock; never knows how it is told.
"""

from collections.abc import Callable, Iterator
from itertools import islice

GOOD_SECONDS = 15.0
"""Seconds for which a count of another node is good. While the engine carries nothing, each node soon counts its own only."""

AGAIN_SECONDS = 5.0
"""Seconds after which counts that have not changed are told again, if they are large."""

LARGE = 1 / 16
"""The part of the limit from which on a count is told again. Of fewer, the others know only for GOOD_SECONDS after they have come."""

SIGN_NETWORKS = 80
"""Networks in one sign: 3,600 bytes, if they are of IPv6."""

SIGNS_AT_ONCE = 16
"""Signs that are given at once; what is more waits for the next time."""

NETWORKS_MAX = 20_000
"""Networks of which something is to be told, and of which something is known: of more, it is not."""


class SharedCounts:
    """The counts of a node, and of the others."""

    def __init__(self, limit: Callable[[], int], clock: Callable[[], float]) -> None:
        """Nobody is connected from anywhere, and of each address as many may be as `limit` says then."""
        self._limit = limit
        self._clock = clock
        self._changed: dict[str, int] = {}
        self._standing: dict[str, int] = {}  # those that are told again
        self._again_at = 0.0
        self._others: dict[
            str, dict[int, tuple[int, float]]
        ] = {}  # by network: at which node how many, and how long that is good

    def count(self, network: str, connections: int) -> None:
        """So many are connected here from there now."""
        if network in self._changed or len(self._changed) < NETWORKS_MAX:
            self._changed[network] = connections
        if connections >= max(2, round(self._limit() * LARGE)):
            self._standing[network] = connections
        else:
            self._standing.pop(network, None)

    def elsewhere(self, network: str) -> int:
        """How many are connected at other nodes from there."""
        return sum(self.by_node(network).values())

    def by_node(self, network: str) -> dict[int, int]:
        """At which other nodes how many are."""
        now = self._clock()
        return {node: count for node, (count, until) in self._others.get(network, {}).items() if until > now}

    def to_tell(self) -> Iterator[dict[str, int]]:
        """What the others are to be told now, in signs."""
        now = self._clock()
        if now >= self._again_at:
            self._again_at = now + AGAIN_SECONDS
            self._changed = self._standing | self._changed
            self._forget(now)
        for _ in range(SIGNS_AT_ONCE):
            told = dict(islice(self._changed.items(), SIGN_NETWORKS))
            if not told:
                return
            for network in told:
                del self._changed[network]
            yield told

    def heard(self, node: int, counts: dict[str, int]) -> None:
        """So many are connected at another node."""
        until = self._clock() + GOOD_SECONDS
        for network, count in counts.items():
            if count <= 0:
                self._others.get(network, {}).pop(node, None)
            elif network in self._others or len(self._others) < NETWORKS_MAX:
                self._others.setdefault(network, {})[node] = count, until

    def _forget(self, now: float) -> None:
        """Forget what is no longer good."""
        for network, at in [*self._others.items()]:
            good = {node: told for node, told in at.items() if told[1] > now}
            if good:
                self._others[network] = good
            else:
                del self._others[network]
