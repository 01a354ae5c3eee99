"""How many may be connected, in all and from one address, and how fast those behind one address may ask. The numbers are config.py's `[limits]`.

Pure; never knows sockets.
"""

import ipaddress
from collections.abc import Callable
from math import inf

from chat_server.limits import Limits
from chat_server.server.shared_counts import SharedCounts
from chat_server.sessions.pace import Address
from chat_server.sessions.token_bucket import TokenBucket

RETURN_TIMES = 5
"""So many times as much as ever may those of one address ask for at once when all come back: a hundred of them log in, enter their rooms again and
send what was not stored, some ten things each. It is a bound all the same: a restart is no opening for a flood."""

GONE_MAX = 4096
"""Addresses remembered from which nobody is connected any more, until they have their whole burst again."""


class Admission:
    """Counts connections, and gives those of one address one bucket. 0 means no limit."""

    def __init__(
        self,
        total: int,
        per_address: int,
        per_second: float = 0,
        burst: int = 1,
        counts: SharedCounts | None = None,
        *,
        is_halved: Callable[[], bool] = lambda: False,
    ) -> None:
        """Nobody is connected.

        Args:
            total: connections in all.
            per_address: connections from one address.
            per_second: what those behind one address may ask for together in the long run, in requests a second.
            burst: how many requests pass at once before that counts.
            counts: how many are connected from each address at other nodes, if there are any.
            is_halved: whether only half of what one address may have is given to whoever comes now.

        """
        self._is_halved = is_halved
        self._is_lifted = False
        self._total = total
        self._per_address = per_address
        self._per_second = per_second
        self._burst = burst
        self._counts = counts
        self._count = 0
        self._by_network: dict[str, Address] = {}
        self._gone: dict[str, Address] = {}  # who left last stands last

    def allow(self, limits: Limits, files: float, now: float) -> None:
        """Let in, and have asked, as much as these limits say from now on. Nobody who is connected goes because of that."""
        was_per_second, was_burst = self._per_second, self._burst
        self._total, self._per_address, self._per_second, self._burst = _numbers_of(limits, files)
        if (self._per_second, self._burst) != (was_per_second, was_burst):
            self._allow_known(now)

    def lift(self, is_lifted: bool, now: float) -> None:
        """Take what counts for each address by itself easy from now on, or not: as long as everybody comes back at once."""
        self._is_lifted = is_lifted
        self._allow_known(now)

    def _allow_known(self, now: float) -> None:
        for known in (*self._by_network.values(), *self._gone.values()):
            known.allow(self._per_second, self._burst_now, now)

    @property
    def _burst_now(self) -> int:
        return self._burst * RETURN_TIMES if self._is_lifted else self._burst

    @property
    def _is_easy(self) -> bool:
        """Whether one address may have as many connections as it likes: as long as half of all places are free for others."""
        return self._is_lifted and not self._is_halved() and (not self._total or self._count * 2 < self._total)

    @property
    def is_full(self) -> bool:
        """Whether as many are connected as there may be."""
        return 0 < self._total <= self._count

    def refusal(self, address: str) -> str | None:
        """Why a caller from this address cannot be let in now, as a key of the catalogue of sentences; None if it can."""
        if self.is_full:
            return "server-full"
        network = network_of(address)
        known = self._by_network.get(network)
        connections = known.connections if known is not None else 0
        if self._counts is not None:
            connections += self._counts.elsewhere(network)
        half = -(-self._per_address // 2)
        if not 0 < half <= connections:  # as nearly always
            return None
        most = half if self._is_halved() else self._per_address
        if most <= connections and not self._is_easy:
            return "address-full"
        return None

    def hold(self) -> None:
        """Count a caller whose address is not known yet: a proxy is still to tell it."""
        self._count += 1

    def release(self) -> None:
        """Count it no longer: it has gone, or its address is known and it enters like any other."""
        self._count -= 1

    def enter(self, address: str, now: float) -> Address:
        """Count a caller in, at the time `now` in seconds."""
        network = network_of(address)
        known = self._by_network.get(network) or self._gone.pop(network, None)
        if known is None:
            part = 2 if self._is_halved() else 1
            bucket = (
                TokenBucket(self._per_second / part, max(1, self._burst_now // part), now) if self._per_second else None
            )
            known = Address(network, bucket)
        self._by_network[network] = known
        self._count += 1
        known.connections += 1
        if self._counts is not None:
            self._counts.count(network, known.connections)
        return known

    def leave(self, address: Address, now: float) -> None:
        """Count a caller out, at the time `now` in seconds."""
        self._count -= 1
        address.connections -= 1
        if self._counts is not None:
            self._counts.count(address.network, address.connections)
        if address.connections:
            return
        del self._by_network[address.network]
        if address.has_rested(now):
            return
        self._gone[address.network] = address
        if len(self._gone) > GONE_MAX:
            self._forget(now)

    def _forget(self, now: float) -> None:
        """Forget those whose bucket is full again, and of the others who left longest ago, so that this is seldom needed."""
        kept = [(network, gone) for network, gone in self._gone.items() if not gone.has_rested(now)]
        self._gone = dict(kept[-GONE_MAX // 2 :])


def admission_within(
    limits: Limits, files: float, counts: SharedCounts | None = None, is_halved: Callable[[], bool] = lambda: False
) -> Admission:
    """What lets in as many as the settings allow, and as there are files for; see Admission."""
    return Admission(*_numbers_of(limits, files), counts, is_halved=is_halved)


def _numbers_of(limits: Limits, files: float) -> tuple[int, int, float, int]:
    """Connections in all and from one address; how fast those of one address may ask, and how many requests pass at once before that counts."""
    counts_requests = limits.connections_per_address and limits.messages_per_second
    return (
        int(min(limits.connections or inf, max(1, files), 2**31)),
        limits.connections_per_address,
        limits.requests_per_address if counts_requests else 0,
        limits.request_burst_per_address,
    )


def network_of(address: str) -> str:
    """What counts as one address: an IPv4 address, also one written as IPv6; of IPv6, the /64."""
    if ":" not in address:
        return address
    parsed = ipaddress.IPv6Address(address.partition("%")[0])
    if parsed.ipv4_mapped is not None:
        return str(parsed.ipv4_mapped)
    return str(ipaddress.IPv6Network((parsed, 64), strict=False))
