"""By what a server of a process ends: a signal, for good or until the next one takes its place; and what there is to be done then.

Never knows how a server ends, nor what the next one is.
"""

import os
import socket
from typing import NamedTuple

from chat_server.journal import Journal
from chat_server.server.places import Places, Succession
from chat_server.server.server import Server
from chat_server.server.service_manager import ServiceManager
from chat_server.server.successor import Successor

HURRY_PART = 0.5
"""The part of `stop_seconds` for which a commit may go on waiting for a lock; the rest is for telling authors that it was refused."""


class Ended(NamedTuple):
    """How serving has ended."""

    cut: int
    """How much was cut off."""
    begins_anew: bool = False
    """The other nodes have given this one up: it is to begin anew, as another one."""
    successor: Successor | None = None
    """Who takes the place of this one, if that is to be seen to."""


class Stops:
    """What ends a server; nothing has yet."""

    def __init__(
        self, server: Server, journal: Journal, manager: ServiceManager, places: Places, *, is_kept: bool
    ) -> None:
        """End this one. `is_kept`: somebody keeps its sockets, so that whoever calls from then on has the next server started."""
        self._server, self._journal, self._manager, self._places = server, journal, manager, places
        self._is_kept = is_kept
        self._successor: Successor | None = None

    def stop(self) -> None:
        """Have it end in order."""
        self._stop(is_restart=self._is_kept)

    def _stop(self, *, is_restart: bool) -> None:
        seconds = self._server.in_use.config.server.stop_seconds
        self._manager.stopping(seconds)
        self._journal.hurry(seconds * HURRY_PART)
        self._server.stop(is_restart=is_restart)

    def cut_off(self) -> None:
        """Have it end at once."""
        self._journal.hurry(0)
        self._server.abort()

    def succession(self) -> Succession:
        """What another server needs that takes its place."""
        return Succession(self._places, self._give_way, why_no_successor(is_managed=self._manager.is_there))

    def _give_way(self, connection: socket.socket | None) -> None:
        if connection is not None:
            self._successor = Successor(connection, self._places.once_more())
        self._stop(is_restart=True)

    def ended(self, cut: int, *, is_for_good: bool) -> Ended:
        """How it has ended, with so much cut off. `is_for_good`: this process was asked to end, whatever else there is."""
        if is_for_good:
            return Ended(cut)
        return Ended(cut, self._server.ending.was_given_up and self._successor is None, self._successor)


def why_no_successor(*, is_managed: bool) -> str:
    """Why a process like this one hands its place to no other; "": it does. `is_managed`: a service manager has started it."""
    if is_managed:
        return "systemd has started it, and would take its end for one: use `systemctl restart`"
    if os.getpid() == 1:
        return "it is the first process of a container, which ends with it: restart the container"
    return ""
