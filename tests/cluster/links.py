"""What is between a server and the engine, or a server and its callers: a TCP proxy that cuts, delays, and lets nothing through."""

import re
import socket
import struct
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress

import trio

Dial = Callable[[], Awaitable[trio.abc.Stream]]

CHUNK = 65536

_LISTENS = re.compile(rb"\bLISTEN\b")
_ABRUPTLY = struct.pack("ii", 1, 0)
"""For SO_LINGER: whoever closes now sends a reset."""


class _Connection:
    """Somebody's connection through the link, and ours for them."""

    def __init__(self, near: trio.SocketStream, far: trio.abc.Stream) -> None:
        self.near, self.far = near, far
        self.listens = False
        """Whether it is told of what happens, by NOTIFY."""
        self.flows = trio.Event()
        self.flows.set()
        self.scope = trio.CancelScope()

    def hold(self) -> None:
        if self.flows.is_set():
            self.flows = trio.Event()


class Link:
    """One way to somewhere, on a port of its own. As it is made, it lets everything through."""

    def __init__(self, dial: Dial) -> None:
        self._dial = dial
        self._connections: set[_Connection] = set()
        self._listeners: list[trio.SocketListener] = []
        self._is_cut = self._is_black = False
        self.mutes_listeners = False
        """Whether nothing is let through to those that are told of what happens, by NOTIFY."""
        self.delay = 0.0
        """Seconds that everything takes on the way, each way."""

    @property
    def port(self) -> int:
        return int(self._listeners[0].socket.getsockname()[1])

    def cut(self) -> None:
        """End every connection, and let nobody in."""
        self._is_cut = True
        self.drop()

    def drop(self, *, only_listeners: bool = False) -> int:
        """End every connection, or those that are told of what happens by NOTIFY. Returns how many."""
        dropped = [each for each in self._connections if each.listens or not only_listeners]
        for each in dropped:
            each.scope.cancel()
        return len(dropped)

    def black_hole(self) -> None:
        """Let nothing through, of what is connected and of what will be, and tell nobody."""
        self._is_black = True
        for each in self._connections:
            each.hold()

    def mute_listeners(self) -> None:
        """Let nothing through for those that are told of what happens by NOTIFY, and tell nobody."""
        self.mutes_listeners = True
        for each in self._connections:
            if each.listens:
                each.hold()

    def mend(self) -> None:
        """Be as at first. What was held goes on its way."""
        self._is_cut = self._is_black = self.mutes_listeners = False
        self.delay = 0.0
        for each in self._connections:
            each.flows.set()

    async def run(self, task_status: trio.TaskStatus[None] = trio.TASK_STATUS_IGNORED) -> None:
        self._listeners = await trio.open_tcp_listeners(0, host="127.0.0.1")
        task_status.started()
        await trio.serve_listeners(self._serve, self._listeners)

    async def _serve(self, near: trio.SocketStream) -> None:
        if self._is_cut:
            await _end(near)
            return
        try:
            far = await self._dial()
        except OSError:
            await _end(near)
            return
        connection = _Connection(near, far)
        if self._is_black:
            connection.hold()
        self._connections.add(connection)
        try:
            with connection.scope:
                async with trio.open_nursery() as nursery:
                    nursery.start_soon(self._pass_on, connection, near, far)
                    nursery.start_soon(self._pass_on, connection, far, near)
        finally:
            self._connections.discard(connection)
            await _end(near)
            await _end(far)

    async def _pass_on(self, connection: _Connection, source: trio.abc.Stream, sink: trio.abc.Stream) -> None:
        with suppress(trio.BrokenResourceError, trio.ClosedResourceError):
            while data := await source.receive_some(CHUNK):
                if source is connection.near and _LISTENS.search(data):
                    connection.listens = True
                    if self.mutes_listeners:
                        connection.hold()
                if self.delay:
                    await trio.sleep(self.delay)
                await connection.flows.wait()
                await sink.send_all(data)
        await connection.flows.wait()  # the end of it is told no sooner than the rest
        connection.scope.cancel()


async def _end(stream: trio.abc.Stream) -> None:
    if isinstance(stream, trio.SocketStream):
        with suppress(OSError):
            stream.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _ABRUPTLY)
        stream.socket.close()
    else:
        with trio.CancelScope(shield=True):
            await trio.aclose_forcefully(stream)


@asynccontextmanager
async def linked(dial: Dial) -> AsyncIterator[Link]:
    """A link, as long as the block lasts."""
    link = Link(dial)
    async with trio.open_nursery() as nursery:
        await nursery.start(link.run)
        yield link
        nursery.cancel_scope.cancel()
