"""Signals that end a command, as exceptions: it undoes what it has begun. Never knows what a command does."""

import signal
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress


class Interrupted(BaseException):
    """A signal has ended the command."""

    def __init__(self, number: int) -> None:
        super().__init__(number)
        self.number = number


@contextmanager
def interruptible() -> Iterator[Callable[[], None]]:
    """Turn signals that end a program into Interrupted. What it gives raises that again where a library has swallowed it."""
    seen: list[int] = []

    def interrupt(number: int, _frame: object) -> None:
        seen.append(number)
        raise Interrupted(number)

    def raise_again() -> None:
        if seen:
            raise Interrupted(seen[0])

    before = {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)}
    with suppress(ValueError):  # not in the main thread
        for number, handler in before.items():
            if handler is not signal.SIG_IGN:  # nohup
                signal.signal(number, interrupt)
    try:
        yield raise_again
    finally:
        with suppress(ValueError):
            for number, handler in before.items():
                signal.signal(number, handler)
