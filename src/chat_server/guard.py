"""Where everything is caught: keeps what goes wrong in one step from the steps after it, logged with its traceback, and noted.

Only what every caller has for as long as they are there, serving them and their session, catches by itself and has it noted here: guards around
both would cost each 0.3 KiB.
Cancellation, and whatever else is no ordinary exception, passes. Knows nothing but the log; never knows what the steps do.
"""

from collections.abc import Callable
from types import TracebackType
from typing import TypeVar

from chat_server.logs import log

T = TypeVar("T")
R = TypeVar("R")


class Guard:
    """A place where any exception ends. `with guard:` around a step, or `guard.attempt(step, ...)`."""

    __slots__ = ("_details", "_what", "has_failed")

    def __init__(self, what: str, described: Callable[[], dict[str, object]] | None = None, **details: object) -> None:
        """Log exceptions as `what`, with these details, or with those that `described` gives when something goes wrong."""
        self._what = what
        self._details = described or details
        self.has_failed = False
        """Whether anything has gone wrong since somebody last set this to False."""

    def __enter__(self) -> None:
        """Begin a step."""

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> bool:
        """End a step. Returns whether an exception ends here."""
        if error is None or not isinstance(error, Exception):
            return False
        self.note(error)
        return True

    def attempt(self, step: Callable[..., object], *given: object) -> bool:
        """Do a step; return whether it did not fail."""
        try:
            step(*given)
        except Exception as error:  # noqa: BLE001 - this is the place
            self.note(error)
            return False
        return True

    def made_by(self, step: Callable[[T], R], given: T) -> R | None:
        """What a step makes of this; None if it failed."""
        try:
            return step(given)
        except Exception as error:  # noqa: BLE001 - this is the place
            self.note(error)
            return None

    def note(self, error: Exception) -> None:
        """Log an exception that has been caught elsewhere."""
        self.has_failed = True
        details = self._details() if callable(self._details) else self._details
        log.error(self._what, exc_info=error, **details)
