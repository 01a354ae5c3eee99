"""Places beyond the limit of connections, for those who moderate the server: else nobody of them gets in whom a flood keeps out.

Nobody is known to be one before the login. So whoever comes when the server is full, and somebody has a role on it, is let in for the login alone,
for a short while, one from each network at a time; who turns out to be somebody else goes again. Pure; never knows who logs in.
"""

from collections.abc import Callable

RESERVED_MAX = 8
"""Such places. Each is an open file."""

FOR_STRANGERS = 4
"""How many of them are for whoever comes: the rest are for networks from which somebody who has a role has come lately, else strangers from some
networks, each of whom says nothing, would keep all of them taken."""

RESERVED_SECONDS = 30.0
"""Seconds that somebody in such a place has to log in."""


class Reserved:
    """Such a place, and from which network somebody has it."""

    __slots__ = ("is_earned", "network")

    def __init__(self, network: str) -> None:
        self.network = network
        self.is_earned = False
        """Whether they have logged in, and may have it."""


class ReservedPlaces:
    """The places of one server."""

    def __init__(self, is_known: Callable[[str], bool]) -> None:
        """`is_known` says of a network whether somebody who has a role has come from there lately, or from beside it."""
        self._is_known = is_known
        self._taken: set[Reserved] = set()
        self._held = 0

    @property
    def is_full(self) -> bool:
        """Whether no place is left."""
        return len(self._taken) + self._held >= RESERVED_MAX

    def take(self, network: str) -> Reserved | None:
        """A place for somebody from there; None if there is none, or somebody else from there is trying to log in."""
        if self.is_full or any(one.network == network and not one.is_earned for one in self._taken):
            return None
        is_known = self._is_known(network)
        if not is_known and sum(not self._is_known(one.network) for one in self._taken) >= FOR_STRANGERS:
            return None
        place = Reserved(network)
        self._taken.add(place)
        return place

    def leave(self, place: Reserved) -> None:
        """It is free again."""
        self._taken.discard(place)

    def hold(self) -> None:
        """Keep one for somebody of whom a proxy is still to say where they come from."""
        self._held += 1

    def release(self) -> None:
        """Keep it no longer."""
        self._held -= 1
