"""What the service manager is told that has started this process (systemd; sd_notify(3)): that it is ready, reads its settings again, ends, lives.

Where nobody has asked for that, nothing is told. Knows the protocol; never knows what makes a server ready, nor why it ends.
"""

import faulthandler
import os
import socket
import sys
import time
from collections.abc import Callable, Iterator, MutableMapping
from contextlib import contextmanager, suppress

import trio

from chat_server.guard import Guard

PATIENCE = 0.1
"""Seconds for which what is told may wait for a manager that has much to do: one that does not listen holds up nobody's lines for longer."""

STATUS_SECONDS = 10.0
"""Seconds between two times at which it is told how the server is."""

SIGNS_IN_TIME = 3
"""So often a sign of life is given within the time in which one must come: one that is lost, or late, kills nobody."""

STOP_MARGIN = 15.0
"""Seconds that an ordered stop may take beside what readers have: the last commits, and bringing SQLite's log into its file."""


class ServiceManager:
    """Whoever has started this process, and wants to be told how it is."""

    def __init__(self, environment: MutableMapping[str, str] = os.environ) -> None:
        """Take what the environment says of it, and leave nothing there: it was meant for this process alone."""
        path = environment.pop("NOTIFY_SOCKET", "")
        microseconds, pid = environment.pop("WATCHDOG_USEC", ""), environment.pop("WATCHDOG_PID", "")
        self._socket: socket.socket | None = None
        if path[:1] in ("/", "@"):
            with suppress(OSError):
                self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
                self._socket.settimeout(PATIENCE)
                self._socket.connect("\0" + path[1:] if path[0] == "@" else path)
        is_ours = pid in ("", str(os.getpid())) and microseconds.isascii() and microseconds.isdecimal()
        self._watched_seconds = int(microseconds) / 1e6 if is_ours and self._socket is not None else 0.0

    @property
    def is_there(self) -> bool:
        """Whether anybody wants to be told."""
        return self._socket is not None

    def _tell(self, *lines: str) -> None:
        if self._socket is not None:
            with suppress(OSError):
                self._socket.send("\n".join(lines).encode())

    def ready(self) -> None:
        """Callers are let in."""
        self._tell("READY=1")

    @contextmanager
    def reloading(self) -> Iterator[None]:
        """The settings are read again, as long as the block lasts."""
        now = time.clock_gettime_ns(time.CLOCK_MONOTONIC) // 1000
        self._tell("RELOADING=1", f"MONOTONIC_USEC={now}")
        try:
            yield
        finally:
            self.ready()

    def stopping(self, seconds: float) -> None:
        """The server ends; readers have so many seconds to take what waits for them."""
        self._tell("STOPPING=1", f"EXTEND_TIMEOUT_USEC={round((seconds + STOP_MARGIN) * 1e6)}")

    async def run(self, status: Callable[[], str]) -> None:
        """Tell now and then how the server is, and that its event loop goes on, until cancelled.

        A loop that is stuck gives no sign, is killed by SIGABRT, and its threads are in the log then. A commit that hangs is none of it: no new
        process would make the disk answer, and people are told what becomes of their lines.
        """
        if self._socket is None:
            return
        if self._watched_seconds and sys.stderr is not None:
            faulthandler.enable()
        pause = min(STATUS_SECONDS, self._watched_seconds / SIGNS_IN_TIME or STATUS_SECONDS)
        told_at = -STATUS_SECONDS
        guard = Guard("the service manager could not be told how the server is")
        while True:
            if self._watched_seconds:
                self._tell("WATCHDOG=1")
            if trio.current_time() >= told_at + STATUS_SECONDS:
                told_at = trio.current_time()
                with guard:
                    self._tell(f"STATUS={status()}")
            await trio.sleep(pause)

    def close(self) -> None:
        """Tell nothing more."""
        if self._socket is not None:
            self._socket.close()
            self._socket = None
