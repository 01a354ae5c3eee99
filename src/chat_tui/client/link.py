"""What is said to the server and by it, over TLS or not: an open connection, as the event loop reads and writes it.

Knows asyncio's streams and TLS. Never knows what is said, nor whether the server is trusted.
"""

import asyncio
import ssl

from chat_tui.client.calling import Called
from chat_tui.client.tls import READ_MAX

WAITING_MAX = 2**28
"""Bytes that may wait for a server which does not read, but asks: whether one is there, or for new keys of TLS. Of our own there are 160 MiB at most
(plain_typing.KEPT_MAX), when a pipe's lines are sent again."""


class Link:
    """A connection on which the first words have been said."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, called: Called) -> None:
        self._reader, self._writer, self._tls = reader, writer, called.tls
        self.line = called.line
        """Who may listen in."""
        self.details = called.details
        """How it is encrypted, and what is known of the server."""
        self.news = called.news
        """What the user is told about who vouches for it, in sentences."""

    async def read(self) -> bytes:
        """What the server says next; b"" if it says no more, or the line has ended.

        Raises:
            OSError: the connection broke. ssl.SSLError is one of these.

        """
        if self._tls is None:
            return await self._reader.read(READ_MAX)
        data = b""
        while (
            True
        ):  # something may have come with the end of the handshake: TLS is asked before the socket is waited for
            said, to_send = self._tls.receive_data(data)
            if to_send:
                self._send(to_send)
            if said or self._tls.is_ended:
                return said
            data = await self._reader.read(READ_MAX)
            if not data:  # in the middle of a record, or without TLS's own end: what was whole has been said
                return b""

    def write(self, data: bytes) -> None:
        """Send this, or as much as there is place for; the rest waits. What cannot be sent is the end of the connection, which `read` tells."""
        try:
            self._send(data if self._tls is None else self._tls.encrypt(data))
        except ssl.SSLError:
            self._writer.transport.abort()

    def _send(self, data: bytes) -> None:
        if self._writer.transport.is_closing():
            return  # asyncio would write to standard error of each of the lines that are sent before `read` tells
        if self._writer.transport.get_write_buffer_size() > WAITING_MAX:
            self._writer.transport.abort()
        else:
            self._writer.write(data)

    def close(self) -> None:
        """End it at once; the server is told, if it still listens."""
        if self._tls is not None:
            self._writer.write(self._tls.farewell())
        self._writer.transport.abort()
