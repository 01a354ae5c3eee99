"""Reading in a worker thread, one turn at a time: what is asked for meanwhile is read in the next turn, all of it, with one way there and back.

That way costs more than most questions do, so many who log in at once ask theirs in a few turns. Bounds: a turn begins nothing more once it has
taken TURN_SECONDS; whoever asks waits, so no more wait than there are sessions. Never knows what is asked.
"""

from collections import deque
from collections.abc import Callable
from pathlib import Path
from time import perf_counter
from typing import Any, Generic, Protocol, TypeVar

import outcome
import trio

from chat_server.journal.sqlite.reader import Reader

TURN_SECONDS = 0.001
"""Seconds after which a turn begins nothing more: whoever was first in it waits that much longer, and the thread has the interpreter's lock."""

T = TypeVar("T")


class InReader(Protocol):
    """Reads, while nobody else does."""

    async def __call__(self, work: Callable[[Reader], T]) -> T:
        """Do this with what reads."""
        ...


class _Question(Generic[T]):
    """What somebody wants to know, and what came of it."""

    def __init__(self, ask: Callable[[Reader], T]) -> None:
        self.ask = ask
        self.answer: outcome.Outcome[T] | None = None
        self.is_wanted = True
        self.has_turn = trio.Event()
        """Set when it is answered, or whoever asks is to take the next turn."""


class Readings:
    """A connection that reads a journal, one question after the other.

    A page takes 0.2 ms or more, most of it Python's: four connections at once were no faster, and kept the interpreter's lock from the event loop, so
    that lines took 33 ms (99th percentile) while forty callers asked for pages, instead of 19.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._reader: Reader | None = None
        self._waiting: deque[_Question[Any]] = deque()
        self._is_taken = False
        self.limit = trio.CapacityLimiter(1)
        """Nothing is read while somebody else has the one place of it."""

    @property
    def is_open(self) -> bool:
        """Whether there is a connection."""
        return self._reader is not None

    async def __call__(self, work: Callable[[Reader], T]) -> T:
        """Ask something in the thread."""
        question = _Question(work)
        self._waiting.append(question)
        try:
            while question.answer is None:
                if self._is_taken:
                    question.has_turn = trio.Event()
                    await question.has_turn.wait()
                else:
                    await self._take_turn()
        finally:
            question.is_wanted = False
            self._pass_on()  # who was to take the turn may have been cancelled
        return question.answer.unwrap()

    async def _take_turn(self) -> None:
        answered: list[_Question[Any]] = []
        self._is_taken = True
        try:
            await trio.to_thread.run_sync(self._read, answered, limiter=self.limit)
        finally:
            self._is_taken = False
            for question in answered:
                question.has_turn.set()

    def _pass_on(self) -> None:
        """Let the first who waits take the next turn, if nobody has it."""
        while not self._is_taken and self._waiting:
            if self._waiting[0].is_wanted:
                self._waiting[0].has_turn.set()
                return
            self._waiting.popleft()

    def close(self) -> None:
        """Let go of the file."""
        if self._reader is not None:
            self._reader.close()
            self._reader = None

    # In the thread.

    def _read(self, answered: list[_Question[Any]]) -> None:
        begun = perf_counter()
        while self._waiting and (not answered or perf_counter() < begun + TURN_SECONDS):
            question = self._waiting.popleft()
            if question.is_wanted:
                question.answer = outcome.capture(self._ask, question.ask)
                answered.append(question)

    def _ask(self, ask: Callable[[Reader], T]) -> T:
        if self._reader is None:
            self._reader = Reader(self._path)
        is_done = False
        try:
            answer = ask(self._reader)
            is_done = True
        finally:
            if not is_done:
                self.close()  # whatever was wrong with it, the next one starts over
        return answer
