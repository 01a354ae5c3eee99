"""What a task writes between two waits goes out in one piece.

Knows coroutines, and that something can be corked (outbox.py is that). Never knows what is written, nor what is waited for.
"""

from collections.abc import Coroutine, Generator
from types import CoroutineType
from typing import Any, Generic, Protocol, TypeVar, cast

from chat_server.guard import Guard

R = TypeVar("R")

_GUARD = Guard("what was gathered could not be written")  # one for all: a session does this for every chunk that comes


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

    __slots__ = ("_has_failed", "_outbox", "_work")

    def __init__(self, outbox: Corkable, work: Coroutine[Any, Any, R]) -> None:
        self._outbox = outbox
        self._work = work
        self._has_failed = False  # to write, while it waits

    def __await__(self) -> Generator[Any, Any, R]:
        """Do the work: this is the generator too, so that nothing stands between it and Trio."""
        return self

    def __iter__(self) -> "Corked[R]":
        """A generator is its own iterator."""
        return self

    @property
    def gi_frame(self) -> Any:
        """Where the work is: with this, and what it waits for, Trio says where a task waits."""
        return cast("CoroutineType[Any, Any, R]", self._work).cr_frame

    @property
    def gi_yieldfrom(self) -> Any:
        """What the work waits for."""
        return cast("CoroutineType[Any, Any, R]", self._work).cr_await

    def __next__(self) -> Any:
        """Work until something is to be waited for; return that."""
        return self.send(None)

    def send(self, given: Any) -> Any:
        """Go on with what was waited for."""
        if self._has_failed:
            self._has_failed = False
            return self.throw(RuntimeError("what was gathered could not be written"))
        self._outbox.cork()
        has_ended = True
        try:
            awaited = self._work.send(given)
            has_ended = False
        finally:
            if has_ended:
                self._outbox.uncork()
        # Trio has to hear what is waited for whatever goes wrong here, or it would wake who waits no more.
        self._has_failed = not _GUARD.attempt(self._outbox.uncork)
        return awaited

    def throw(self, *error: Any) -> Any:
        """Raise this in the work, where it waits. Trio hardly ever does: what it has to say comes by `send`."""
        return self._work.throw(*error)

    def close(self) -> None:
        """End, wherever it waits."""
        self._work.close()
