"""Who has asked the server for what, so that the answer finds them: a callback under the request's `ref`.

Never knows what was asked, nor what an answer means.
"""

from collections.abc import Callable

from chat_server.protocol.events import Event
from chat_server.protocol.incoming import Ref

Answer = Callable[[Event], bool]
"""Takes an event that answers a request. Returns whether that was all: nobody else has to tell the user of it then."""

ASKERS_MAX = 1000
"""Requests of which it is known who asked. Several events may answer one and none says that it is the last, so the oldest give way."""


class Askers:
    """Who has asked on one connection."""

    def __init__(self) -> None:
        self._answers: dict[Ref, Answer] = {}
        self._count = 0

    def note(self, answer: Answer) -> int:
        """Note who waits for an answer; return the `ref` for the request."""
        self._count += 1
        self._answers[self._count] = answer
        self._answers.pop(self._count - ASKERS_MAX, None)
        return self._count

    def of(self, ref: Ref | None) -> Answer | None:
        """Who made the request; None if nobody did who waits for an answer."""
        return None if ref is None else self._answers.get(ref)

    def forget(self) -> None:
        """The connection is lost, and with it all answers."""
        self._answers.clear()
