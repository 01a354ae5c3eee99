"""Programs that watch over the server: a listener of their own, where HTTP/1.0 is spoken, and three paths are there to be fetched.

They count in no limit of callers, and are answered while the server is full, while it starts and while it stops. Whatever one of them does hurts
that one. Knows connections and what is just enough of HTTP; never knows what a page says.
"""

import socket
from collections.abc import Awaitable, Callable, Mapping
from contextlib import suppress
from typing import NamedTuple

import trio

from chat_server.guard import Guard
from chat_server.logs import Repeats
from chat_server.server.listening import serve_each

CONNECTIONS_MAX = 16
"""Connections at a time, by whichever listener; each has an open file. For one more the eldest goes, so that those who only stay keep nobody from
asking whether all is well."""

REQUEST_MAX = 8192
"""Bytes of a request, with its headers: Prometheus sends some 400."""

REQUEST_SECONDS = 5.0
"""Seconds that a request may take to come."""

ANSWER_SECONDS = 10.0
"""Seconds in which the other side has to take the answer: as long as Prometheus waits for one."""

LINGER_SECONDS = 1.0
"""Seconds that the other side has to end the connection when it has been answered."""

LINGER_READS = 16
"""Reads thrown away meanwhile."""

WORDS = 3
"""A request begins with three: what to do, with what, and by which HTTP."""

_REASONS = {
    200: "OK",
    400: "Bad Request",
    404: "Not Found",
    405: "Method Not Allowed",
    500: "Internal Server Error",
    503: "Service Unavailable",
}
_TEXT = "text/plain; charset=utf-8"


class Answer(NamedTuple):
    """What is answered to who fetches something."""

    status: int
    body: str
    kind: str = _TEXT


Page = Callable[[], Awaitable[Answer]]
"""Makes the answer to who fetches it."""


def told(trouble: str) -> Answer:
    """A page of one line: that nothing is wrong, or what."""
    return Answer(503, f"{trouble}\n") if trouble else Answer(200, "ok\n")


class MonitorDoor:
    """The way in for programs that watch over the server."""

    def __init__(self, pages: Mapping[str, Page]) -> None:
        """Nobody is here yet; `pages` are what can be fetched, by its path."""
        self._pages = pages
        self._here: dict[trio.CancelScope, None] = {}  # the eldest first
        self._unwelcome = Repeats()

    async def run(self, listening: socket.socket) -> None:
        """Serve whoever connects there until cancelled."""
        await serve_each(listening, self._serve, "a program that watches over the server", self._unwelcome)

    async def _serve(self, connection: trio.socket.SocketType) -> None:
        await self.serve(trio.SocketStream(connection))

    async def serve(self, stream: trio.abc.HalfCloseableStream) -> None:
        """Answer one who has connected."""
        if len(self._here) >= CONNECTIONS_MAX:
            eldest = next(iter(self._here))
            del self._here[eldest]
            eldest.cancel()
        with trio.CancelScope() as here:
            self._here[here] = None
            try:
                with suppress(trio.BrokenResourceError, trio.ClosedResourceError):
                    await self._answer(stream)
            finally:
                self._here.pop(here, None)

    async def _answer(self, stream: trio.abc.HalfCloseableStream) -> None:
        head: bytes | None = b""
        with trio.move_on_after(REQUEST_SECONDS):
            head = await _head_from(stream)
        if not head:
            return
        answer = Answer(500, "something went wrong on the server's side, and is in its log\n")
        with Guard("something went wrong in answering a program that watches over the server"):
            answer = await self._answer_to(head)
        with trio.move_on_after(ANSWER_SECONDS):
            await stream.send_all(_as_http(answer, with_body=not head.startswith(b"HEAD ")))
            await stream.send_eof()
        with trio.move_on_after(LINGER_SECONDS):  # closing before it has read all could reset what it has not
            for _ in range(LINGER_READS):
                if not await stream.receive_some(REQUEST_MAX):
                    break

    async def _answer_to(self, head: bytes) -> Answer:
        words = head.partition(b"\n")[0].rstrip(b"\r").split(b" ")
        if len(head) > REQUEST_MAX:
            return Answer(400, f"a request has at most {REQUEST_MAX} bytes\n")
        if len(words) != WORDS or not words[2].startswith(b"HTTP/"):
            return Answer(400, "this is for HTTP; people and programs that chat come by another port\n")
        if words[0] not in {b"GET", b"HEAD"}:
            return Answer(405, "there is only something to GET here\n")
        page = self._pages.get(words[1].partition(b"?")[0].decode("ascii", "replace"))
        return await page() if page else Answer(404, f"there is {', '.join(self._pages)}\n")


async def _head_from(stream: trio.abc.ReceiveStream) -> bytes | None:
    """A request with its headers, or so much of it as is too much; None if it ends before."""
    received = bytearray()
    while len(received) <= REQUEST_MAX:
        data = await stream.receive_some(REQUEST_MAX)
        if not data:
            return None
        received += data
        if b"\r\n\r\n" in received or b"\n\n" in received:
            break
    return bytes(received)


def _as_http(answer: Answer, *, with_body: bool) -> bytes:
    body = answer.body.encode()
    head = (
        f"HTTP/1.0 {answer.status} {_REASONS[answer.status]}\r\nContent-Type: {answer.kind}\r\nContent-Length: {len(body)}\r\n"
        "Cache-Control: no-store\r\nX-Content-Type-Options: nosniff\r\nConnection: close\r\n\r\n"
    )
    return head.encode() + (body if with_body else b"")
