"""A server hands its place to another one: the sockets on which it listens first, and when that one is ready, its data directory, by ending.

Knows what may be asked, and when. Never knows the connection that is asked by, nor how a server ends.
"""

import socket
from collections.abc import Callable, Iterable
from contextlib import suppress
from functools import partial

import msgspec

from chat_server.logs import log
from chat_server.server.account_operations import Operation
from chat_server.server.admin import Impossible, KeptConnection, WithSockets
from chat_server.server.admin_handover import AskListeners, GiveWay, LetGo, ListenersGiven
from chat_server.server.admin_protocol import AdminAnswer, AdminRequest
from chat_server.server.places import Succession


class Handover:
    """What a server does for the one that takes its place."""

    def __init__(self, succession: Succession, is_ending: Callable[[], bool]) -> None:
        """Hand over what there is, unless the server ends already."""
        self._places, self._give_way, self._why_not = succession
        self._is_ending = is_ending
        self.of: dict[type[AdminRequest], Operation] = {AskListeners: self._listeners, GiveWay: self._end}

    def _refuse_if_it_cannot_be(self) -> None:
        if why := self._why_not or (
            "it is ending already; ask again when the next one serves, or this one has ended"
            if self._is_ending()
            else ""
        ):
            raise Impossible(f"the server hands its place to no other: {why}")

    async def _listeners(self, request: AdminRequest, user: int) -> Iterable[AdminAnswer]:
        del request
        self._refuse_if_it_cannot_be()
        named = self._places.named()
        log.info("another server is to take the place of this one, and is handed its sockets", user=user)
        answer = ListenersGiven(tuple(name for name, _ in named))
        return WithSockets((answer,), [one.dup() for _, one in named])

    async def _end(self, request: AdminRequest, user: int) -> Iterable[AdminAnswer]:
        self._refuse_if_it_cannot_be()
        if isinstance(request, GiveWay) and request.will_say:
            return KeptConnection((), partial(self._go, user))  # who has gone meanwhile changes nothing
        self._go(user, None)
        return ()

    def _go(self, user: int, connection: socket.socket | None) -> None:
        if self._is_ending():  # two have asked at once: this one looks whether the other one comes to nothing
            if connection is not None:
                with connection, suppress(OSError):
                    connection.send(msgspec.json.encode(LetGo()) + b"\n")
            return
        log.info("another server takes the place of this one", user=user)
        self._give_way(connection)
