"""How long to wait before the next attempt to connect, and whether the user is told meanwhile. Never knows what a connection is."""

import random
from collections.abc import Mapping
from math import inf

from msgspec import UnsetType

from chat_tui.client.accounts import seconds_to_wait

FIRST_PAUSE = 0.5
"""Seconds before the first new attempt, on average. Each further one waits twice as long."""

LONGEST_PAUSE = 30.0
"""Seconds between two attempts at most."""

STEADY_SECONDS = 10.0
"""Seconds for which a connection must have been on line before the pauses begin small again: a server that drops everybody after the login is not
called twice a second for ever."""

QUIET_SECONDS = 5.0
"""Seconds after a server has sent its callers to another node in which an attempt may fail before the user is told: what stands before the nodes
may take two or three to see that one has gone."""

SPREAD_MAX = 10.0
"""Seconds that a server may have its callers spread over: after 15 those who have not come back are seen to leave."""

SAID_MAX = 60.0
"""Seconds that a server may have one of its callers wait; it says up to 20."""


class Pauses:
    """The pauses of one connection. Times are in seconds, of any clock that never goes back."""

    def __init__(self) -> None:
        self.attempts = 0
        """How many have failed since the last pauses were small."""
        self._online_at = inf  # when the server let the user in; inf: it has not, since the last pause
        self._quiet_until = -inf

    def online(self, now: float) -> None:
        """The server has let the user in."""
        self._online_at = now

    def begin_small(self) -> None:
        """The user wants to be connected now."""
        self.attempts = 0

    def next(self, now: float) -> float:
        """The connection is lost, or there was none: how long to wait."""
        if now - self._online_at >= STEADY_SECONDS:
            self.attempts = 0
        self._online_at = inf
        pause = min(FIRST_PAUSE * float(2**self.attempts), LONGEST_PAUSE)
        self.attempts = min(self.attempts + 1, 10)
        return pause * random.uniform(0.5, 1.5)  # noqa: S311 - so that not all come back at once

    def after_move(self, details: Mapping[str, str], retry_after: float | UnsetType, now: float) -> float:
        """The server has sent the user to another node, or begins anew: how long to wait.

        That is as long as it says, `retry_after`. One that does not say it wants nobody to wait but where many are sent; and whoever is sent to
        and fro waits longer.
        """
        said = 0.0 if isinstance(retry_after, UnsetType) else min(max(0.0, retry_after), SAID_MAX)
        if now - self._online_at < STEADY_SECONDS:
            pause = max(said, self.next(now))
        else:
            self.attempts, self._online_at = 0, inf
            spread = min(seconds_to_wait(details), SPREAD_MAX) if isinstance(retry_after, UnsetType) else 0.0
            pause = said + random.uniform(0, spread)  # noqa: S311 - so that not all come at once
        self._quiet_until = now + pause + QUIET_SECONDS
        return pause

    def is_quiet(self, now: float) -> bool:
        """Whether an attempt that fails now is not told."""
        return now < self._quiet_until
