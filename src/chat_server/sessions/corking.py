"""What a task writes between two waits goes out in one piece.

Knows coroutines, and that something can be corked (outbox.py is that). Never knows what is written, nor what is waited for.
"""

from collections.abc import Coroutine, Generator
from typing import Any, Generic, Protocol, TypeVar

R = TypeVar("R")


class Corkable(Protocol):
    """An outbox."""

    def cork(self) -> None:
        """Gather what is pushed until `uncork`."""

    def uncork(self) -> None:
        """Write what has been gathered."""


class Corked(Generic[R]):
    """To await: work during which an outbox is corked as long as it runs: never while it waits for anything, nor when it has ended, however it ends.

    What a newcomer is told is three sentences. One `send` instead of three takes a tenth off a join, for each wakes the reader.
    """

    __slots__ = ("_error", "_outbox", "_work")

    def __init__(self, outbox: Corkable, work: Coroutine[Any, Any, R]) -> None:
        self._outbox = outbox
        self._work = work
        self._error: Exception | None = None  # which is to be raised in the work

    def __await__(self) -> Generator[Any, Any, R]:
        """Do the work: this is the generator too, so that nothing stands between it and Trio."""
        return self

    def __iter__(self) -> "Corked[R]":
        """A generator is its own iterator."""
        return self

    def __next__(self) -> Any:
        """Work until something is to be waited for; return that."""
        return self.send(None)

    def send(self, given: Any) -> Any:
        """Go on with what was waited for."""
        if self._error is not None:
            error, self._error = self._error, None
            return self.throw(error)
        self._outbox.cork()
        try:
            awaited = self._work.send(given)
        except BaseException:  # it has ended, StopIteration says that too
            self._outbox.uncork()
            raise
        try:
            self._outbox.uncork()
        except Exception as error:  # noqa: BLE001 - any bug. Trio has to hear what is waited for all the same, or it would wake who waits no more
            self._error = error
        return awaited

    def throw(self, *error: Any) -> Any:
        """Raise this in the work, where it waits. Trio hardly ever does: what it has to say comes by `send`."""
        return self._work.throw(*error)

    def close(self) -> None:
        """End, wherever it waits."""
        self._work.close()
