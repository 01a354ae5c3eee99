"""What is forbidden to whom on the whole server, and until when: found at once, however much of it there is.

Bans of networks are found by their lengths: of each length there is one dictionary. Pure; never knows sessions, nor the time.
"""

from collections.abc import Callable, Collection, Iterable, Iterator
from contextlib import contextmanager
from functools import lru_cache
from heapq import heappop, heappush
from ipaddress import IPv4Network, IPv6Network, ip_network
from typing import NamedTuple

from chat_server.accounts.acts import CURBING, ServerAct

Network = IPv4Network | IPv6Network
_Where = tuple[int, int]  # the version of a network, and its length

ADDRESSES_REMEMBERED = 4096
"""Addresses that are not read anew: that takes 5 us, and it is asked for every line while a network is muted."""

OUT: frozenset[str] = frozenset(("kicked", "banned"))
"""What puts somebody out of the server."""

_MUTED: frozenset[str] = frozenset(("muted",))


class Visitor(NamedTuple):
    """Somebody, as far as acts know people: by an account, by what the journal knows a guest by, and by where they come from.

    Who `passes` is let in from a network that is banned, if that is not hard; who `is_immune` in any case.
    """

    account: int = 0
    known_as: tuple[str, ...] = ()
    network: str = ""
    passes: bool = False
    is_immune: bool = False


class InForce:
    """What holds at a server."""

    def __init__(self) -> None:
        self.newest = 0
        """The number of the newest act that is known."""
        self.unrest = False
        """Whether somebody may be muted, or there may be panic: then it is asked of whoever says something whether it is they."""
        self.heard: list[Callable[[ServerAct], None]] = []
        """Called with each act as soon as it is known. Never raise."""
        self._panic_until = 0.0
        self._acts: dict[int, ServerAct] = {}
        self._mutes: set[int] = set()
        self._muted_networks: set[int] = set()
        self._by_whom: dict[int | str, set[int]] = {}
        self._by_network: dict[_Where, dict[int, set[int]]] = {}
        self._ends: list[tuple[float, int]] = []
        self._held = 0

    def __len__(self) -> int:
        return len(self._acts)

    # What happens.

    def note(self, act: ServerAct) -> None:
        """Something has been done, and is stored. Harmless if it is known."""
        if act.number <= self.newest:
            return
        self.newest = act.number
        self._take(act, act.number)
        for tell in self.heard:
            tell(act)

    def load(self, acts: Iterable[ServerAct], newest: int) -> None:
        """Take in what is in force when the server begins; the newest act of all has this number."""
        for act in acts:
            self._take(act, act.number)
        self.newest = max(self.newest, newest)

    @contextmanager
    def holding(self, act: ServerAct) -> Iterator[None]:
        """While an act is being stored in this block it is in force here already: else somebody comes in, or says something, in between."""
        self._held -= 1
        number = self._held
        if act.kind in CURBING:
            self._take(act, number)
        try:
            yield
        finally:
            self._drop(number)

    def _take(self, act: ServerAct, number: int) -> None:
        if act.kind == "lifted":
            self._drop(act.of)
        elif act.kind == "panic":
            # One that was ended is over, whatever the clock says now.
            self._panic_until = act.until if act.until > act.at else 0.0
            self.unrest = True
        elif act.kind in CURBING:
            self._acts[number] = act
            for who in _people_of(act):
                self._by_whom.setdefault(who, set()).add(number)
            if act.network:
                network = ip_network(act.network)
                self._by_network.setdefault(_where(network), {}).setdefault(_prefix(network), set()).add(number)
            if act.kind == "muted":
                self._mutes.add(number)
                if act.network:
                    self._muted_networks.add(number)
                self.unrest = True
            heappush(self._ends, (act.until, number))

    def _drop(self, number: int) -> None:
        act = self._acts.pop(number, None)
        if act is None:
            return
        self._mutes.discard(number)
        self._muted_networks.discard(number)
        for who in _people_of(act):
            self._by_whom[who].discard(number)
            if not self._by_whom[who]:
                del self._by_whom[who]
        if act.network:
            network = ip_network(act.network)
            of_length = self._by_network[_where(network)]
            of_length[_prefix(network)].discard(number)
            if not of_length[_prefix(network)]:
                del of_length[_prefix(network)]
            if not of_length:
                del self._by_network[_where(network)]

    def _forget_over(self, now: float) -> None:
        while self._ends and self._ends[0][0] <= now:
            self._drop(heappop(self._ends)[1])

    # What is asked.

    @property
    def is_idle(self) -> bool:
        """Whether nothing is forbidden to anybody, and there was no panic: as nearly always, and then nothing of whoever comes need be looked at."""
        return not (self._acts or self._panic_until)

    def is_calm(self, now: float) -> bool:
        """Whether nobody is muted, and there is no panic: then no line need be looked at."""
        if self.unrest:
            self._forget_over(now)
            self.unrest = bool(self._mutes) or self._panic_until > now
        return not self.unrest

    def panic_seconds(self, now: float) -> float:
        """For how many seconds there is panic still; 0: there is none."""
        return max(0.0, self._panic_until - now)

    def listed(self, now: float) -> list[ServerAct]:
        """All that is in force and is stored, by their numbers."""
        self._forget_over(now)
        return [act for number, act in sorted(self._acts.items()) if number > 0]

    def act(self, number: int, now: float) -> ServerAct | None:
        """What has this number, if it is in force."""
        self._forget_over(now)
        return self._acts.get(number) if number > 0 else None

    def mute_of(self, visitor: Visitor, now: float) -> ServerAct | None:
        """What forbids somebody to say anything: what ends last."""
        return self._last(visitor if self._muted_networks else visitor._replace(network=""), _MUTED, now)

    def ban_of(self, visitor: Visitor, now: float) -> ServerAct | None:
        """What keeps somebody out: what ends last."""
        return self._last(visitor, OUT, now)

    def _last(self, visitor: Visitor, kinds: frozenset[str], now: float) -> ServerAct | None:
        found = [*self._by_people(visitor.account, visitor.known_as)]
        if visitor.network and not visitor.is_immune and self._by_network:
            found += [act for act in self._of_networks(visitor.network) if act.is_hard or not visitor.passes]
        on = [act for act in found if act.kind in kinds and act.until > now]
        return max(on, key=lambda act: act.until, default=None)

    def _by_people(self, account: int, known_as: Collection[str]) -> Iterator[ServerAct]:
        people: tuple[int | str, ...] = (account, *known_as)
        for who in people:
            if who:
                yield from (self._acts[number] for number in self._by_whom.get(who, ()))

    def _of_networks(self, address: str) -> Iterator[ServerAct]:
        network = _address(address)
        if network is None:
            return
        for (version, length), banned in self._by_network.items():
            if version == network.version and length <= network.prefixlen:
                wider = _prefix(network) >> (network.max_prefixlen - length) << (network.max_prefixlen - length)
                yield from (self._acts[number] for number in banned.get(wider, ()))


def hits(act: ServerAct, visitor: Visitor) -> bool:
    """Whether an act is about somebody."""
    if (visitor.account and visitor.account == act.account) or not {*visitor.known_as}.isdisjoint(act.known_as):
        return True
    if not act.network or visitor.is_immune or (visitor.passes and not act.is_hard):
        return False
    return is_within(visitor.network, act.network)


def is_within(address: str, network: str) -> bool:
    """Whether an address, or a network, is in a network."""
    inner, outer = parsed(address), parsed(network)
    if isinstance(inner, IPv4Network) and isinstance(outer, IPv4Network):
        return inner.subnet_of(outer)
    return isinstance(inner, IPv6Network) and isinstance(outer, IPv6Network) and inner.subnet_of(outer)


def parsed(text: str) -> Network | None:
    """A network, or an address, as it is written; None if it is none."""
    try:
        return ip_network(text, strict=False)
    except ValueError:
        return None


_address = lru_cache(ADDRESSES_REMEMBERED)(parsed)


def _people_of(act: ServerAct) -> tuple[int | str, ...]:
    return (act.account, *act.known_as) if act.account else act.known_as


def _where(network: Network) -> _Where:
    return network.version, network.prefixlen


def _prefix(network: Network) -> int:
    return int(network.network_address)
