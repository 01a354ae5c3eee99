"""Whether this server is well, and whether it is there for callers: two answers, each with one line of why not.

Whoever knows of something that may be wrong adds a check. Knows neither what is checked nor by which way somebody asks.
"""

from collections.abc import Callable

STARTING = "it is starting"
STOPPING = "it is stopping"

Check = Callable[[], str]
"""Says what is wrong, in a line that can be shown to whoever runs the server; "" if nothing is. It raises nothing, and never waits."""


class Health:
    """How a server is. It is starting, and nothing is known to be wrong."""

    def __init__(self) -> None:
        self._checks: list[Check] = []
        self._not_ready = STARTING

    def add(self, check: Check) -> None:
        """Ask this, too, whether something is wrong."""
        self._checks.append(check)

    def trouble(self) -> str:
        """What is wrong; "" if nothing is. That it answers at all says that the event loop goes on."""
        return "; ".join(filter(None, (check() for check in self._checks)))

    # Readiness: whether callers should be sent here.

    def ready(self) -> None:
        """Callers are let in."""
        if self._not_ready == STARTING:
            self._not_ready = ""

    def leave(self, why: str = STOPPING) -> None:
        """Callers should be sent here no more, for good; the first who says so says why."""
        if self._not_ready in {"", STARTING}:
            self._not_ready = why

    def not_ready(self) -> str:
        """Why callers should not be sent here; "" if they should."""
        return self._not_ready
