"""How often somebody may try a password, so that guessing is slow and yet nobody can lock anybody else out of what is theirs.

Counted are tries that failed: by network, and by account and network together. What comes from many networks at once for one account delays
strangers for a moment, and refuses nobody; who has logged in from a network before is no stranger there. An account is whatever text stands for whose
password it is; a name that nobody has is counted like one. Networks are written as server/connection_limits.py writes them.

Pure arithmetic; the clock is the caller's, and may go back. Never knows passwords, nor what is stored. A device's token is too long to be guessed and
needs none of this, so whoever has one comes in whatever happens here.
"""

from collections.abc import Callable, Hashable
from ipaddress import IPv6Network
from math import ceil
from typing import Generic, TypeVar

from msgspec import Struct

MINUTE, HOUR, DAY = 60.0, 3600.0, 86400.0

KEPT_MAX = 4096
"""Networks, accounts, and accounts with networks, of each kind, that are remembered. Of more, those go of whom least counts."""

NETWORKS_MAX = 100
"""Networks that are told apart among those from which an account was tried."""

KNOWN_MAX, KNOWN_SECONDS = 8, 30 * DAY
"""From so many networks, and for so long after the last time, one who has logged in is no stranger. Remembered of the KEPT_MAX who did last."""

DELAY, DELAY_MAX = 2.0, 10.0
"""Seconds that a stranger is delayed after the one before, where many try one account, and at most: on a journey the owner is a stranger too."""


_ROUNDED = 1e-9
"""What is beyond a bucket by no more than this is so by rounding: who waits as long as they are told is not told to wait again."""


class Bucket:
    """A leaky bucket: how often somebody has done something lately. What counts leaks away with time; `count` is all of it."""

    __slots__ = ("_at", "_level", "_most", "_per_second", "count")

    def __init__(self, most: float, seconds: float) -> None:
        """Nothing counts.

        Args:
            most: so much may count at a time.
            seconds: in which one of it goes away.

        """
        self._most, self._per_second = most, 1 / seconds
        self._level = self._at = 0.0
        self.count = 0

    def level(self, now: float) -> float:
        """How much counts."""
        self._at = min(self._at, now)  # where the clock has been set back, it goes away from now on
        return max(0.0, self._level - (now - self._at) * self._per_second)

    def wait(self, now: float) -> float:
        """How many seconds it takes until once more is possible (0: it is)."""
        beyond = self.level(now) + 1 - self._most
        return beyond / self._per_second if beyond > _ROUNDED else 0.0

    def add(self, now: float, times: int = 1) -> None:
        """Count that it was done."""
        self._level, self._at = min(self._most, self.level(now) + times), now
        self.count += times

    def take_back(self, now: float) -> None:
        """It does not count after all."""
        self._level, self._at = max(0.0, self.level(now) - 1), now
        self.count -= 1


K = TypeVar("K", bound=Hashable)


class Buckets(Generic[K]):
    """Leaky buckets by whose they are. Kept are at most KEPT_MAX."""

    def __init__(self, make: Callable[[], Bucket]) -> None:
        self._make = make
        self._of: dict[K, Bucket] = {}

    def of(self, who: K, now: float) -> Bucket:
        """The bucket of this one."""
        if who not in self._of:
            if len(self._of) >= KEPT_MAX:
                self._forget(now)
            self._of[who] = self._make()
        return self._of[who]

    def forget(self, who: K) -> None:
        """Nothing of theirs counts any more."""
        self._of.pop(who, None)

    def _forget(self, now: float) -> None:
        """Forget half of them: those of whom least counts. Seldom, for it takes some milliseconds."""
        by_level = sorted(self._of.items(), key=lambda item: item[1].level(now))
        self._of = dict(by_level[len(by_level) // 2 :])


class Attempt(Struct, frozen=True):
    """Somebody may try a password now, after `delay` seconds. `is_known`: its owner has logged in from there before."""

    account: str
    network: str
    delay: float = 0.0
    is_known: bool = False


class Throttled(Struct, frozen=True):
    """Nobody may try this from there for so many seconds."""

    seconds: float


class FailedTries(Struct, frozen=True):
    """What somebody is told who logs in: how many tries have failed since they last did, from how many networks (NETWORKS_MAX: or more), and when."""

    tries: int = 0
    networks: int = 0
    last: float = 0.0


class _Tried:
    """What was tried with an account since its owner logged in last, and by strangers lately."""

    __slots__ = ("by_strangers", "count", "free_at", "last", "networks")

    def __init__(self) -> None:
        self.by_strangers = Bucket(20, HOUR / 20)
        self.free_at = self.last = 0.0
        self.networks: set[str] = set()
        self.count = 0


class Throttles:
    """Who may try, and who has tried in vain. Each attempt that begins ends by one of `failed`, `succeeded` and `take_back`."""

    def __init__(self) -> None:
        self.tell: Callable[[str, str, bool | None], object] = lambda *_: None
        """Told of each try, with which account and from which network, and whether it was right; None: an account was made. For other nodes."""
        self.tries = dict.fromkeys(("ok", "failed", "throttled"), 0)
        """How many tries there were here, by what became of them."""
        self._networks: Buckets[str] = Buckets(lambda: Bucket(10, MINUTE))
        self._wide: Buckets[str] = Buckets(lambda: Bucket(40, MINUTE / 4))
        self._pairs: Buckets[tuple[str, str]] = Buckets(lambda: Bucket(5, MINUTE))
        self._tried: dict[str, _Tried] = {}
        self._known: dict[str, dict[str, float]] = {}
        self._registering: Buckets[str] = Buckets(lambda: Bucket(2, HOUR / 2))
        self._all_registering = Bucket(30, HOUR / 30)

    def begin(self, account: str, network: str, now: float) -> Attempt | Throttled:
        """Somebody at this network wants to try a password for this account. It counts as failed until it is known to have succeeded."""
        buckets = self._buckets(account, network, now)
        if seconds := max(bucket.wait(now) for bucket in buckets):
            self.tries["throttled"] += 1
            return Throttled(seconds)
        for bucket in buckets:
            bucket.add(now)
        is_known = self.knows(account, network, now)
        return Attempt(account, network, 0.0 if is_known else self._delay(account, now), is_known)

    def knows(self, account: str, network: str, now: float) -> bool:
        """Whether the owner of this account has logged in from this network before, and not too long ago."""
        return now - self._known.get(account, {}).get(network, -KNOWN_SECONDS) < KNOWN_SECONDS

    def failed(self, attempt: Attempt, now: float) -> None:
        """The password was another."""
        self.tries["failed"] += 1
        self._note_failure(attempt, now)
        self.tell(attempt.account, attempt.network, False)

    def _note_failure(self, attempt: Attempt, now: float) -> None:
        tried = self._tried_with(attempt.account, now)
        tried.count += 1
        tried.last = now
        if len(tried.networks) < NETWORKS_MAX:
            tried.networks.add(attempt.network)
        if not attempt.is_known:
            tried.by_strangers.add(now)

    def succeeded(self, attempt: Attempt, now: float) -> FailedTries:
        """The password was right: the try does not count. Return what there is to tell the owner."""
        self.tries["ok"] += 1
        self.tell(attempt.account, attempt.network, True)
        return self._note_success(attempt, now)

    def _note_success(self, attempt: Attempt, now: float) -> FailedTries:
        self.take_back(attempt, now)
        self._pairs.forget((attempt.account, attempt.network))
        self.remember(attempt.account, attempt.network, now)
        tried = self._tried.get(attempt.account)
        if tried is None:
            return FailedTries()
        told = FailedTries(tried.count, len(tried.networks), tried.last)
        tried.count = 0
        tried.networks.clear()
        return told

    def take_back(self, attempt: Attempt, now: float) -> None:
        """Nothing was compared: the server was busy, or whoever wanted it has gone before."""
        for bucket in self._buckets(attempt.account, attempt.network, now):
            bucket.take_back(now)

    def remember(self, account: str, network: str, at: float) -> None:
        """The owner of this account has logged in from this network, at this time. What is stored of that is told before `begin`."""
        known = self._known.pop(account, {})
        known[network] = max(at, known.get(network, at))
        if len(known) > KNOWN_MAX:
            del known[min(known, key=lambda network: known[network])]
        self._known[account] = known  # at the end
        if len(self._known) > KEPT_MAX:
            del self._known[next(iter(self._known))]

    def restore(self, account: str, network: str, count: int, at: float) -> None:
        """So many tries have failed, the last of them at this time, before the server was started: with an account, or ("") any."""
        if not account:
            for bucket in self._buckets_of(network, at):
                bucket.add(at, count)
            return
        self._pairs.of((account, network), at).add(at, count)
        tried = self._tried_with(account, at)
        tried.by_strangers.add(at, count)
        tried.count += count
        tried.last = max(tried.last, at)
        if len(tried.networks) < NETWORKS_MAX:
            tried.networks.add(network)

    def happened_elsewhere(self, account: str, network: str, now: float, *, is_right: bool | None) -> None:
        """Count what another node was told by its `tell`."""
        if is_right is None:
            self._registering.of(network, now).add(now)
            self._all_registering.add(now)
            return
        attempt = Attempt(account, network, is_known=self.knows(account, network, now))
        for bucket in self._buckets(account, network, now):
            bucket.add(now)
        if is_right:
            self._note_success(attempt, now)
        else:
            self._note_failure(attempt, now)

    def registered(self, account: str, network: str, now: float) -> None:
        """An account was made at this network: whoever tries its password there is no stranger."""
        self.remember(account, network, now)
        self.tell(account, network, None)

    def counts(self, attempt: Attempt, now: float) -> tuple[int, int]:
        """How many tries count now: of the network with any account, and with this one. It is what `restore` is given after the next start."""
        network, *_, pair = self._buckets(attempt.account, attempt.network, now)
        return ceil(network.level(now)), pair.count

    def register(self, network: str, now: float) -> float:
        """Somebody at this network wants to register. Return 0.0 if they may, and it counts; else how many seconds it takes until they may."""
        theirs = self._registering.of(network, now)
        if seconds := max(theirs.wait(now), self._all_registering.wait(now)):
            return seconds
        theirs.add(now)
        self._all_registering.add(now)
        return 0.0

    def take_back_registering(self, network: str, now: float) -> None:
        """No account was made at this network, though somebody was allowed to."""
        self._registering.of(network, now).take_back(now)
        self._all_registering.take_back(now)

    def _buckets(self, account: str, network: str, now: float) -> list[Bucket]:
        """What a try counts in: the network's, that of the wider one, and that of account and network together."""
        return [*self._buckets_of(network, now), self._pairs.of((account, network), now)]

    def _buckets_of(self, network: str, now: float) -> list[Bucket]:
        wide = wider(network)
        return [self._networks.of(network, now), *([self._wide.of(wide, now)] if wide else [])]

    def _delay(self, account: str, now: float) -> float:
        """How long a stranger waits: each after the one before, if so many have failed."""
        tried = self._tried.get(account)
        if tried is None or not tried.by_strangers.wait(now):
            return 0.0
        tried.free_at = min(max(tried.free_at, now) + DELAY, now + DELAY_MAX)
        return tried.free_at - now

    def _tried_with(self, account: str, now: float) -> _Tried:
        if account not in self._tried:
            if len(self._tried) >= KEPT_MAX:
                by_count = sorted(
                    self._tried.items(), key=lambda item: (item[1].count, item[1].by_strangers.level(now))
                )
                self._tried = dict(by_count[len(by_count) // 2 :])
            self._tried[account] = _Tried()
        return self._tried[account]


def wider(network: str) -> str:
    """The /48 of an IPv6 /64: who has one of those often has them all. "" for an IPv4 address."""
    return str(IPv6Network(network).supernet(new_prefix=48)) if network.endswith("/64") else ""
