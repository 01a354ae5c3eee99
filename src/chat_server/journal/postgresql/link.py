"""One connection to PostgreSQL: made when it is needed, given up when it does not answer in time, made anew after that.

What it is asked runs in a thread, one thing at a time. Whoever waits does so until a deadline, whatever the engine, the network and the thread do:
then the socket is shut, which lets the thread go in less than a millisecond. Never knows what it is asked.
"""

import os
import socket
import threading
from collections.abc import Callable
from contextlib import suppress
from typing import Any, Protocol, TypeVar

import outcome
import psycopg
import trio

from chat_server.journal import JournalError

Connection = psycopg.Connection[tuple[Any, ...]]

ANSWER_SECONDS = 10.0
"""Seconds after which an engine that has not answered is given up: its kernel answers TCP's keepalives for ever."""

PASSING = frozenset(("40001", "40P01", "55P03", "57014"))
"""Refusals (SQLSTATE) that are about the moment: two transactions met, a lock was held for too long. What is asked again may be done."""

T = TypeVar("T")


class Shutter:
    """The socket of a connection, for another thread, which ends by it whatever waits there.

    It is one of our own for the same connection: libpq may close its at any moment, and another may have its number then.
    """

    def __init__(self, connection: Connection) -> None:
        self._socket = socket.socket(fileno=os.dup(connection.fileno()))

    def shut(self) -> None:
        """End what waits for the connection. Any thread may, at any time."""
        with suppress(OSError):
            self._socket.shutdown(socket.SHUT_RDWR)

    def close(self) -> None:
        """Let go of the socket."""
        self._socket.close()


class Held:
    """An open connection."""

    def __init__(self, connection: Connection) -> None:
        self.connection = connection
        self.shutter = Shutter(connection)

    def close(self) -> None:
        """Close it. For the thread that uses it, or when none does."""
        self.shutter.shut()  # so that nothing waits, not even to say farewell
        with suppress(psycopg.Error):
            self.connection.close()
        self.shutter.close()


class _Question:
    """What a thread does with a connection, and whether anybody still waits for it."""

    def __init__(self, held: Held | None, *, may_repeat: bool) -> None:
        self.held = held
        self.may_repeat = may_repeat
        self.is_given_up = False
        self._is_asked = False
        self._state = threading.Lock()

    def give_up(self) -> None:
        """In Trio's thread."""
        with self._state:
            self.is_given_up = True
            if self.held is not None:
                self.held.shutter.shut()
                if not self._is_asked:  # not yet, or no more
                    self.held.close()

    def begin(self) -> None:
        """In the thread."""
        with self._state:
            self._is_asked = True

    def end(self) -> None:
        """In the thread, which does nothing more with the connection."""
        with self._state:
            self._is_asked = False
            if self.is_given_up and self.held is not None:
                self.held.close()


class Asked(Protocol):
    """The database, as far as it matters here. What it refuses is a JournalError."""

    async def __call__(self, work: Callable[[Connection], T]) -> T:
        """Ask it something."""


class Link:
    """A connection for questions from Trio's thread. One is asked at a time, the others wait in turn."""

    def __init__(self, open_connection: Callable[[], Connection]) -> None:
        """Connect by this, in a thread."""
        self._open_connection = open_connection
        self._held: Held | None = None
        self._turn = trio.Lock()
        self._limiter = trio.CapacityLimiter(2)  # one may be given up and not have noticed yet
        self._is_closed = False

    async def call(
        self, work: Callable[[Connection], T], seconds: float = ANSWER_SECONDS, *, may_repeat: bool = False
    ) -> T:
        """Have this done with the connection, in a thread, and wait for it, no longer than this; its turn and a new connection included.

        Args:
            work: what is done.
            seconds: how long one waits.
            may_repeat: whether it may be done twice: then a connection that was there, and breaks over it, is made anew once.

        Raises:
            JournalError: it is not known to be done.
            psycopg.Error: PostgreSQL has refused it, and the connection goes on. So it does whatever else `work` raises.

        """
        with trio.move_on_after(seconds):
            async with self._turn:
                return await self._in_thread(work, may_repeat=may_repeat)
        raise JournalError("the database does not answer")

    async def take(self) -> Held:
        """Connect, and have the connection for oneself. Raises JournalError."""
        await self.call(lambda _: None)
        held, self._held = self._held, None
        if held is None:
            raise JournalError("the journal is closed")
        return held

    async def _in_thread(self, work: Callable[[Connection], T], *, may_repeat: bool) -> T:
        if self._is_closed:
            raise JournalError("the journal is closed")
        question = _Question(self._held, may_repeat=may_repeat)
        self._held = None  # if it is given up, the next one begins anew
        is_done = False
        try:
            result, held = await trio.to_thread.run_sync(
                self._work, question, work, abandon_on_cancel=True, limiter=self._limiter
            )
            is_done = True
        finally:
            if not is_done:
                question.give_up()
        if held.connection.closed or self._is_closed:
            held.close()
        else:
            self._held = held
        return result.unwrap()

    def _work(self, question: _Question, work: Callable[[Connection], T]) -> tuple[outcome.Outcome[T], Held]:
        """In the thread. Returns what came of it, and the connection."""
        question.begin()
        try:
            held = question.held
            if held is not None:
                result = _asked(held, work)
                if isinstance(result, outcome.Value) or not held.connection.closed:
                    return result, held
                if question.is_given_up or not question.may_repeat:
                    result.unwrap()
            question.held = held = Held(self._open_connection())
            if question.is_given_up:
                raise JournalError("nobody waits for it any more")
            result = _asked(held, work)
            if held.connection.closed:
                result.unwrap()
        except (psycopg.Error, OSError) as error:
            raise JournalError(f"the database is away: {said(error)}") from error
        finally:
            question.end()
        return result, held

    def close(self) -> None:
        """Ask nothing more; what is being asked is still answered."""
        self._is_closed = True
        if self._held is not None:
            self._held.close()
            self._held = None


def is_broken(connection: Connection, error: BaseException) -> bool:
    """Whether the connection is good for nothing after this, and it is not known what came of what was asked.

    libpq may not know so yet: that something could not be sent, or what a backend says before it ends, is an answer to it.
    """
    if connection.closed:
        return True
    if not isinstance(error, psycopg.OperationalError) and type(error) is not psycopg.DatabaseError:
        return False
    return error.diag.severity_nonlocalized != "ERROR"


def _asked(held: Held, work: Callable[[Connection], T]) -> outcome.Outcome[T]:
    """What comes of it. A connection that broke over it is closed."""
    result = outcome.capture(work, held.connection)
    if isinstance(result, outcome.Error):
        if is_broken(held.connection, result.error):
            held.close()
        else:
            held.connection.rollback()
    return result


def said(error: object) -> str:
    """What an error says, in one line that can be shown and logged."""
    return " ".join("".join(letter if letter.isprintable() else " " for letter in str(error)).split())[:300]
