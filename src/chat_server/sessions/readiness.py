"""Which connections something has come by: the kernel is asked for all of them at once, and each is registered with it once, for good.

Trio's own `wait_readable` registers a connection anew for each wait, and keeps 0.8 KiB for whoever waits. Here what comes while a task waits can be
offered to a reader first (transport.py), so that what needs no waiting wakes no task. Never knows what is read.

The events are edge-triggered (epoll(7), "Level-triggered and edge-triggered"): one tells that something has come since the one before, and nothing
is told again of what is left unread.
"""

import select
from contextlib import suppress
from typing import Protocol

import trio

from chat_server.guard import Guard

EVENTS_MAX = 32
"""Connections that are told before others have their turn: 1 ms, where each has said what a room takes in one turn."""

# As <sys/epoll.h> numbers them: `select` has names for them on Linux alone.
_IN, _ERROR, _HUNG_UP, _OTHER_SIDE_ENDED, _EDGE = 1 << 0, 1 << 3, 1 << 4, 1 << 13, 1 << 31

URGENT = 1 << 1
"""Of what is told: urgent data is among what has come (RFC 854's Synch). One `recv` takes what stands before it, and another one the rest."""

ENDED = _ERROR | _HUNG_UP | _OTHER_SIDE_ENDED
"""Of what is told, each of them: the other side has ended, or is gone."""

_GUARD = Guard("a connection could not be told that something has come")


class Readable(Protocol):
    """A connection."""

    def become_readable(self, events: int) -> None:
        """Something has come, or the other side has ended; more is told by URGENT and ENDED."""


class Readiness:
    """Tells all connections of a server."""

    def __init__(self) -> None:
        """Know none. For Linux. Raises OSError if no more files can be opened."""
        self._epoll = select.epoll()
        self._connections: dict[int, Readable] = {}

    def register(self, descriptor: int, connection: Readable) -> None:
        """Tell a connection when something comes, and if something has come already.

        Raises OSError if the kernel takes no more, ClosedResourceError when `run` has ended.
        """
        if self._epoll.closed:
            raise trio.ClosedResourceError
        self._epoll.register(descriptor, _IN | URGENT | _OTHER_SIDE_ENDED | _EDGE)
        self._connections[descriptor] = connection

    def forget(self, descriptor: int) -> None:
        """Tell it nothing more: it is about to be closed. Harmless when repeated."""
        if self._connections.pop(descriptor, None) is not None and not self._epoll.closed:
            with suppress(
                OSError
            ):  # the kernel forgets it by itself, but not while a process that has just been forked has it, too
                self._epoll.unregister(descriptor)

    async def run(self) -> None:
        """Tell connections until cancelled."""
        epoll, connections = self._epoll, self._connections
        try:
            while True:
                await trio.lowlevel.wait_readable(epoll.fileno())
                for descriptor, events in epoll.poll(0, EVENTS_MAX):
                    connection = connections.get(descriptor)
                    if connection is not None:  # else it has been closed for one before it
                        _GUARD.attempt(connection.become_readable, events)
                connection = None  # it may be closed while this waits
        finally:
            trio.lowlevel.notify_closing(epoll.fileno())
            epoll.close()


def new_readiness() -> Readiness | None:
    """What tells connections, where the system has it; else each of them asks Trio."""
    return Readiness() if hasattr(select, "epoll") else None
