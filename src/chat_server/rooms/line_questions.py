"""What is asked of a line before it is said, of several who each have something to say of it, and for how long. Never knows who they are."""

from collections.abc import Iterable
from typing import Generic, TypeVar

import trio

from chat_server.journal.lines_asked import Judgement
from chat_server.protocol.events import Refused
from chat_server.rooms.line_rules import Hold, Verdict

DEADLINE = 0.2
"""Seconds within which a filter has to answer."""

MISSES_MAX = 5
"""Lines in a row that a filter has not answered in time; then it is not asked any more."""

ASKED_MAX = 200
"""Lines of one room of which filters are asked at a time; more pass."""

T = TypeVar("T")


class Question(Generic[T]):
    """A line, and who has not answered yet what becomes of it."""

    def __init__(self, asked: Iterable[T]) -> None:
        self.waiting = {*asked}
        self.verdict: Verdict = None
        self._done = trio.Event()

    def answer(self, one: T, said: Judgement, why: str = "") -> None:
        """One of them says what becomes of it; the strictest counts."""
        self.waiting.discard(one)
        self.verdict = stricter(self.verdict, verdict_of(said, why))
        if not self.waiting or isinstance(self.verdict, Refused):
            self._done.set()

    async def wait(self) -> bool:
        """Wait until it is known, or DEADLINE has passed. Returns whether it is known."""
        with trio.move_on_after(DEADLINE):
            await self._done.wait()
        return self._done.is_set()


def verdict_of(said: Judgement, why: str) -> Verdict:
    """What somebody has said, as what becomes of the line."""
    if said == "refuse":
        return Refused("filter-refused", {"why": why or "-"})
    return Hold("filter") if said == "hold" else None


def said_by(verdict: Verdict) -> tuple[Judgement, str]:
    """The same the other way: what somebody says who comes to this, and why."""
    if isinstance(verdict, Refused):
        return "refuse", verdict.details.get("why", "")
    return ("pass" if verdict is None else "hold"), ""


def stricter(one: Verdict, other: Verdict) -> Verdict:
    """Whichever of two is stricter, the first one of equals."""
    if isinstance(one, Refused) or other is None:
        return one
    return other if one is None or isinstance(other, Refused) else one
