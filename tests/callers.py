"""How the client calls servers in tests: nothing is known of any, and nothing kept; and servers made of asyncio that have no TLS."""

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import closing
from typing import Any, cast

from chat_tui.client.calling import Caller
from chat_tui.client.known_servers import KnownServers

Serve = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]


def newcomer() -> Caller:
    """Somebody who has never called a server."""
    return Caller(KnownServers(None))


def without_tls(serve: Serve) -> Serve:
    """A server that hangs up on who says hello as TLS does, as chat-server does where it has no certificate."""

    async def accept(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        first = await reader.read(1)
        if first == b"\x16":
            with closing(writer):
                return
        cast("Any", reader)._buffer[:0] = first
        await serve(reader, writer)

    return accept
