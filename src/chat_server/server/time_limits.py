"""Waits that end when their time is over, or when the server stops. Never knows what is waited for."""

from weakref import WeakSet

import trio


class TimeLimits:
    """Limits how long those who arrive may take, and ends all their waits at once."""

    def __init__(self) -> None:
        """Nobody waits."""
        self._scopes: WeakSet[trio.CancelScope] = WeakSet()
        self.are_over = False
        """Whether the server stops."""

    def within(self, seconds: float) -> trio.CancelScope:
        """Return a scope to be entered, whose block is left after so many seconds."""
        scope = trio.move_on_after(seconds)
        self._scopes.add(scope)
        if self.are_over:
            scope.cancel()
        return scope

    def end(self) -> None:
        """Leave all blocks, and those that are entered later, at their next wait."""
        self.are_over = True
        for scope in self._scopes:
            scope.cancel()
