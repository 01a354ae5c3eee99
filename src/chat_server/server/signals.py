"""What a signal asks the server for: to stop in order, to stop at once, to read again what may have changed. Never knows how that is done."""

import os
import signal
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import contextmanager, suppress
from types import FrameType

from chat_server.logs import log

OBEYED = (signal.SIGTERM, signal.SIGINT, signal.SIGHUP)
"""The signals that `Signals` is to receive."""


class Signals:
    """What signals ask for."""

    def __init__(self, stop: Callable[[], None], cut: Callable[[], None], read_again: Callable[[], None]) -> None:
        """Call `stop` on the first signal that ends the server, `cut` on the second, and `read_again` on SIGHUP."""
        self._stop = stop
        self._cut = cut
        self._read_again = read_again
        self.is_stopping = False
        """Whether the server was asked to end."""
        self._ends_with_terminal = signal.getsignal(signal.SIGHUP) is not signal.SIG_IGN and _has_terminal()  # nohup

    async def obey(self, received: AsyncIterator[int]) -> None:
        """Do what the signals ask for that come."""
        async for number in received:
            is_hangup = number == signal.SIGHUP
            if is_hangup and not (self._ends_with_terminal and not _has_terminal()):
                log.info("SIGHUP: reading the configuration and the certificate of TLS again")
                self._read_again()
            elif not self.is_stopping:
                self.is_stopping = True
                log.info(f"stopping on {signal.Signals(number).name}; a second signal stops at once")
                self._stop()
            elif not is_hangup:  # of a terminal that goes, the kernel and the shell tell
                self._cut()


@contextmanager
def hangups_survived() -> Iterator[None]:
    """Have SIGHUP not end the process while nobody obeys it: before it serves, and while it waits to serve again. Nothing is read again then.

    But it does where the terminal has gone from which the program was started.
    """
    before, has_terminal = signal.getsignal(signal.SIGHUP), _has_terminal()

    def survive(number: int, frame: FrameType | None) -> None:
        del frame
        if has_terminal and not _has_terminal():
            signal.signal(number, signal.SIG_DFL)
            os.kill(os.getpid(), number)

    if before is not signal.SIG_IGN:  # nohup
        signal.signal(signal.SIGHUP, survive)
    try:
        yield
    finally:
        signal.signal(signal.SIGHUP, before)


def _has_terminal() -> bool:
    """Whether somebody may sit before a terminal from which this program was started: SIGHUP tells that it has gone, too."""
    with suppress(OSError):
        os.close(os.open(os.ctermid(), os.O_RDONLY | os.O_NOCTTY))
        return True
    return False
