"""Which connections something has come by: the kernel is asked for all of them at once, and each is registered with it once, for good.

Trio's own `wait_readable` registers a connection anew for each wait, and keeps 0.5 KiB for whoever waits. Here what comes while a task waits can be
offered to a reader first (transport.py), so that what needs no waiting wakes no task. Never knows what is read.

The events are edge-triggered (epoll(7), "Level-triggered and edge-triggered"): one tells that something has come since the one before, and nothing
is told again of what is left unread.
"""

import select
from typing import Protocol

import trio

EVENTS_MAX = 64
"""Connections that are told before others have their turn."""


class Readable(Protocol):
    """A connection."""

    def become_readable(self, *, has_ended: bool) -> None:
        """Something has come, or the other side has ended, or is gone. Raises nothing."""


class Readiness:
    """Tells all connections of a server."""

    def __init__(self) -> None:
        """Know none. For Linux. Raises OSError if no more files can be opened."""
        self._epoll = select.epoll()
        self._told = select.EPOLLIN | select.EPOLLRDHUP | select.EPOLLET
        self._ended = select.EPOLLRDHUP | select.EPOLLHUP | select.EPOLLERR
        self._connections: dict[int, Readable] = {}

    def register(self, descriptor: int, connection: Readable) -> None:
        """Tell a connection when something comes, and if something has come already. Raises OSError if the kernel takes no more."""
        self._epoll.register(descriptor, self._told)
        self._connections[descriptor] = connection

    def forget(self, descriptor: int) -> None:
        """Tell it nothing more: it is about to be closed, and then the kernel forgets it, too. Harmless when repeated."""
        self._connections.pop(descriptor, None)

    async def run(self) -> None:
        """Tell connections until cancelled."""
        epoll, connections = self._epoll, self._connections
        try:
            while True:
                await trio.lowlevel.wait_readable(epoll.fileno())
                for descriptor, events in epoll.poll(0, EVENTS_MAX):
                    connection = connections.get(descriptor)
                    if connection is not None:  # else it has been closed for one before it
                        connection.become_readable(has_ended=events & self._ended != 0)
                connection = None  # it may be closed while this waits
        finally:
            trio.lowlevel.notify_closing(epoll.fileno())
            epoll.close()


def new_readiness() -> Readiness | None:
    """What tells connections, where the system has it; else each of them asks Trio."""
    return Readiness() if hasattr(select, "epoll") else None
