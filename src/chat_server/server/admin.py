"""Operators at a Unix socket: who may ask, how much and for how long. One request for each connection, one JSON line, then the answers.

They count in no limit of callers, and are served while the server is full, and while it stops. Whatever goes wrong in serving one hurts that one.
Knows connections; never knows what a request does.
"""

import os
import socket
from array import array
from collections.abc import Awaitable, Callable, Iterable, Iterator, Sequence
from contextlib import ExitStack

import msgspec
import trio

from chat_server import __version__
from chat_server.guard import Guard
from chat_server.logs import Repeats
from chat_server.server.admin_protocol import AdminAnswer, AdminRequest
from chat_server.server.admin_requests import REQUEST_MAX, Done, NotDone, UnreadableRequest, decoded_request
from chat_server.server.admin_socket import peer_of
from chat_server.server.listening import serve_each

CONNECTIONS_MAX = 8
"""Operators at a time; each has an open file. One more is told so."""

REQUEST_SECONDS = 10.0
"""Seconds that a request may take to come: it is one line, which a program sends."""

ANSWER_SECONDS = 60.0
"""Seconds in which the other side has to take the answers, when they are known. What was asked for is done all the same."""

ANSWERS_AT_ONCE = 100
"""Answers after which others have their turn; a millisecond."""


class Impossible(Exception):
    """What was asked for cannot be done; the sentence says why."""


class WithSockets:
    """Answers, but the last, with sockets that are sent along, and closed here then. They are for a Unix socket: nothing else carries them."""

    def __init__(self, answers: Iterable[AdminAnswer], sockets: Sequence[socket.socket]) -> None:
        self._answers = answers
        self.sockets = sockets

    def __iter__(self) -> Iterator[AdminAnswer]:
        return iter(self._answers)


class KeptConnection:
    """Answers, but the last, and who has the connection then, where it is one of sockets; nobody, if whoever asked has gone."""

    def __init__(self, answers: Iterable[AdminAnswer], keep: Callable[[socket.socket], None]) -> None:
        self._answers = answers
        self.keep = keep

    def __iter__(self) -> Iterator[AdminAnswer]:
        return iter(self._answers)


CarryOut = Callable[[AdminRequest, int], Awaitable[Iterable[AdminAnswer]]]
"""Does what a user, by number, asks for, and gives the answers but the last. Raises Impossible."""


class AdminDoor:
    """The way in for operators."""

    def __init__(self, carry_out: CarryOut) -> None:
        """Nobody is here yet; what they ask for is done by `carry_out`."""
        self._carry_out = carry_out
        self._connections = 0
        self._unwelcome = Repeats()

    async def run(self, listening: socket.socket) -> None:
        """Serve operators until cancelled."""
        await serve_each(listening, self._serve, "an operator", self._unwelcome)

    async def _serve(self, connection: trio.socket.SocketType) -> None:
        await self.serve(trio.SocketStream(connection), peer_of(connection.getsockopt))

    async def serve(self, stream: trio.abc.Stream, user: int) -> None:
        """Serve one who has connected as this user of the system: only our own and root may ask."""
        if user not in {0, os.geteuid()}:
            self._unwelcome.info("refused an operator", user=user)
            await self._answer(stream, (_not_done("only the server's own user and root may ask"),))
        elif self._connections >= CONNECTIONS_MAX:
            await self._answer(stream, (_not_done(f"{CONNECTIONS_MAX} others are asking just now: try again"),))
        else:
            self._connections += 1
            try:
                await self._serve_one(stream, user)
            finally:
                self._connections -= 1

    async def _serve_one(self, stream: trio.abc.Stream, user: int) -> None:
        guard = Guard("something went wrong in what an operator asked for", user=user)
        with guard:
            try:
                line = await _line_from(stream)
                if line is None:
                    return
                answers = await self._carry_out(decoded_request(line), user)
            except (UnreadableRequest, Impossible) as error:
                answers = (_not_done(str(error)),)
            is_answered = await self._answer(stream, answers)
            if is_answered and isinstance(answers, KeptConnection) and isinstance(stream, trio.SocketStream):
                answers.keep(socket.socket(fileno=os.dup(stream.socket.fileno())))
        if guard.has_failed:
            await self._answer(stream, (_not_done("something went wrong on the server's side, and is in its log"),))

    async def _answer(self, stream: trio.abc.Stream, answers: Iterable[AdminAnswer]) -> bool:
        """Send the answers, some at a time, and that there are no more; return whether the other side was there for all of them."""
        with trio.move_on_after(ANSWER_SECONDS), ExitStack() as carried:
            for one in answers.sockets if isinstance(answers, WithSockets) else ():
                carried.enter_context(one)
            try:
                last: AdminAnswer | None = None
                waiting = bytearray()
                for number, last in enumerate(answers, 1):
                    waiting += msgspec.json.encode(last) + b"\n"
                    if number % ANSWERS_AT_ONCE == 0:
                        await stream.send_all(bytes(waiting))
                        waiting.clear()
                if not isinstance(last, NotDone):
                    waiting += msgspec.json.encode(Done()) + b"\n"
                if isinstance(answers, WithSockets) and isinstance(stream, trio.SocketStream):
                    sent = await stream.socket.sendmsg([waiting], [_carried(answers.sockets)])
                    del waiting[:sent]
                await stream.send_all(bytes(waiting))
            except (OSError, trio.BrokenResourceError, trio.ClosedResourceError):
                pass  # whoever asked has gone
            else:
                return True
        return False


def _carried(sockets: Sequence[socket.socket]) -> "tuple[int, int, array[int]]":
    """What is sent beside bytes to hand sockets over (unix(7))."""
    return socket.SOL_SOCKET, socket.SCM_RIGHTS, array("i", [one.fileno() for one in sockets])


def _not_done(why: str) -> NotDone:
    return NotDone(why, __version__)


async def _line_from(stream: trio.abc.Stream) -> bytes | None:
    """The line that is sent, without its end; None if none comes. Raises UnreadableRequest if it is too long."""
    received = bytearray()
    with trio.move_on_after(REQUEST_SECONDS):
        try:
            while (end := received.find(b"\n")) < 0 and len(received) <= REQUEST_MAX:
                data = await stream.receive_some(REQUEST_MAX)
                if not data:
                    return None
                received += data
        except (trio.BrokenResourceError, trio.ClosedResourceError):
            return None
        if not 0 <= end <= REQUEST_MAX:
            raise UnreadableRequest(f"a request has at most {REQUEST_MAX} bytes")
        return bytes(received[:end])
    return None
