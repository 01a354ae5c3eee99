"""The server that takes the place of this one, until it serves: if it comes to nothing before, this one serves again, at the same sockets.

So it does where it stands still without the data directory. One that has that may be making an older journal new: the log tells who it is.

Blocks. Knows the connection by which it was asked; never knows how a server begins anew.
"""

import socket
import time
from collections.abc import Callable

import msgspec

from chat_server.logs import log
from chat_server.server.admin_handover import LetGo
from chat_server.server.admin_socket import process_of
from chat_server.server.handed import Handed

SAID_MAX = 4096
"""Bytes of what it says then: one line. That it says anything is enough."""

QUIET_SECONDS = 10.0
"""Seconds after which it is looked, again and again, at what one does that has not said that it serves."""


class Successor:
    """It has asked this server to end, and has the sockets; it takes the data directory as soon as this server has let go of that."""

    def __init__(self, connection: socket.socket, places: Handed) -> None:
        """It says by this connection that it serves; these sockets are where this server has listened, open still."""
        self._connection = connection
        self.places = places

    def serves(self, is_data_taken: Callable[[], bool]) -> bool:
        """Tell it that the data directory is let go of, and wait until it serves, or comes to nothing.

        That is so when the system ends the connection with the process; and when the process says nothing, and the data is still nobody's.
        """
        with self._connection:
            if self._says_so(is_data_taken):
                self.places.close()
                return True
        log.error("the server that was to take the place of this one has not: this one serves again")
        return False

    def _says_so(self, is_data_taken: Callable[[], bool]) -> bool:
        began = time.monotonic()
        self._connection.settimeout(QUIET_SECONDS)
        try:
            self._connection.sendall(msgspec.json.encode(LetGo()) + b"\n")
            while True:
                try:
                    return bool(self._connection.recv(SAID_MAX))
                except TimeoutError:
                    if not is_data_taken():
                        return False
                    log.warning(
                        "nobody serves: the server that takes the place of this one has the data directory, and does not say that it serves;"
                        " if it hangs, end it, and this one serves again",
                        process=process_of(self._connection.getsockopt),
                        seconds=round(time.monotonic() - began),
                    )
        except OSError:
            return False
