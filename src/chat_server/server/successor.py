"""The server that takes the place of this one, until it serves: if it comes to nothing before, this one serves again, at the same sockets.

Blocks. Knows the connection by which it was asked; never knows how a server begins anew.
"""

import socket
from contextlib import suppress

import msgspec

from chat_server.logs import log
from chat_server.server.admin_handover import LetGo
from chat_server.server.handed import Handed

SAID_MAX = 4096
"""Bytes of what it says then: one line. That it says anything is enough."""


class Successor:
    """It has asked this server to end, and has the sockets; it takes the data directory as soon as this server has let go of that."""

    def __init__(self, connection: socket.socket, places: Handed) -> None:
        """It says by this connection that it serves; these sockets are where this server has listened, open still."""
        self._connection = connection
        self.places = places

    def serves(self) -> bool:
        """Tell it that the data directory is let go of, and wait until it serves, or is no more: the system ends a connection with the process."""
        with self._connection:
            self._connection.setblocking(True)
            said = b""
            with suppress(OSError):
                self._connection.sendall(msgspec.json.encode(LetGo()) + b"\n")
                said = self._connection.recv(SAID_MAX)
        if said:
            self.places.close()
            return True
        log.error("the server that was to take the place of this one has ended before it served: this one serves again")
        return False
