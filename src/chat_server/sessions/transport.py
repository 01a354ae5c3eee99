"""One connection's bytes, as the rest of the server sees them. Never knows what they mean.

Trio's own socket has no send that tells at once how much the kernel took, and that is what the fan-out lives on: so this is the operating
system's non-blocking socket, with Trio's `wait_writable` beside it, and what readiness.py tells, or else Trio's `wait_readable`.
"""

import socket
from collections.abc import Awaitable, Callable
from contextlib import suppress
from typing import Any, Protocol

import outcome
import trio

from chat_server.rooms.sink import TARGETS
from chat_server.sessions.readiness import ENDED, URGENT, Readiness

_DISCARD_MAX = 128
"""Reads of 64 KiB thrown away before closing: as much as Linux lets a receive buffer grow (6 MiB), and a little.

Closing a socket with unread bytes, or before the last ones have come, makes the kernel reset the connection, and the other side, or a proxy in
between, may then lose the last words sent to it.
"""

LAST_WORDS_SECONDS = 1.0
"""Seconds that the other side has to end its part after the last words. Whoever is put out because they send much would else not be told why."""

HELD = -1
"""What `send_nowait` returns that has taken everything and passed on only part of it, as a transport that encrypts may: the rest waits in it."""


class Reader(Protocol):
    """Is offered what comes while a task waits for it."""

    def take(self) -> bool:
        """Take what has come, or some of it, or leave it. Returns whether the task may go on waiting; what is raised is raised where it waits."""


class Transport(Protocol):
    """A connection: TCP, or any Trio stream behind an adapter."""

    reader: Reader | None
    """What may be offered what comes before the task is woken that waits for it; a transport need not heed it."""

    descriptor: int
    """To which bytes may be written as `send_nowait` does it; -1 if that cannot be, or can be no longer."""

    @property
    def prepare(self) -> Callable[[bytes], None] | None:
        """Does what a `send_nowait` of the same data would do before it writes; None if that is nothing. Nothing else may be sent in between."""

    @property
    def send_nowait(self) -> Callable[[bytes], int]:
        """Send what can be sent at once; return how many bytes, or HELD.

        What a non-blocking socket's `send` does, so that it can be just that: a Python function around it would be a tenth of what a
        line to a thousand members costs. Raises BlockingIOError if nothing can be sent now, another OSError if the connection is gone.
        """

    async def wait_writable(self) -> None:
        """Wait until more can be sent, and nothing is held any more.

        Raises ClosedResourceError or BrokenResourceError if the connection is gone.
        """

    def wait_readable(self) -> Awaitable[None]:
        """Wait until there is something that `receive_nowait` can take, or may be. To be awaited at once. Raises as `wait_writable` does.

        Who waits for as long as the caller is there does so by this: to wait in `receive_some` takes 200 bytes more.
        """

    def receive_nowait(self, limit: int) -> bytes:
        """Take bytes that have come, at most `limit`; b"" when the other side has ended.

        Raises WouldBlock if there are none yet, BrokenResourceError if the connection is gone.
        """

    def is_lost(self) -> bool:
        """Whether the connection is known to be gone, without reading what the other side sent before."""

    async def linger(self) -> None:
        """Say that nothing follows, and throw away what comes until the other side has ended as well, is gone, or sends too much. Raises nothing."""

    def close(self) -> None:
        """Close; whoever waits gets ClosedResourceError. What has been sent still arrives, if nothing more comes. Harmless when repeated."""


async def receive_some(transport: Transport, limit: int) -> bytes:
    """Wait for bytes, at most `limit`; b"" when the other side has ended. Raises as `wait_readable` does."""
    while True:
        await transport.wait_readable()
        with suppress(trio.WouldBlock):
            return transport.receive_nowait(limit)


async def see_off(transport: Transport) -> None:
    """End a connection by which the last words have been sent: close when the other side has ended as well, or its time is over."""
    try:
        with trio.move_on_after(LAST_WORDS_SECONDS):
            await transport.linger()
    finally:
        transport.close()


class SocketTransport:
    """A TCP connection."""

    __slots__ = (
        *("_has_ended", "_is_registered", "_may_have_more", "_may_stop_short", "_readiness", "_socket", "_waiting"),
        *("descriptor", "reader", "send_nowait"),
    )

    prepare = None

    def __init__(self, connection: socket.socket, readiness: Readiness | None = None) -> None:
        """Take over a connected, non-blocking socket. Without `readiness`, Trio is asked when something has come, and no reader is heeded."""
        self._socket = connection
        self._readiness = readiness
        self._is_registered = False
        self._may_have_more = False  # whether something may be left to take of which nothing will be told again
        # Whether a `recv` may give less than there is: it stops before urgent data, and where descriptors have been sent along.
        self._may_stop_short = connection.family == socket.AF_UNIX
        self._has_ended = False  # whether the other side has
        self._waiting: trio.lowlevel.Task | None = None
        self.reader: Reader | None = None
        self.descriptor = connection.fileno()
        self.send_nowait: Callable[[bytes], int] = connection.send

    async def wait_writable(self) -> None:
        """Wait until the kernel takes more."""
        if self.descriptor < 0:
            raise trio.ClosedResourceError
        await trio.lowlevel.wait_writable(self.descriptor)

    def wait_readable(self) -> Awaitable[None]:
        """Wait until something has come."""
        if self.descriptor < 0:
            raise trio.ClosedResourceError
        if self._readiness is not None:
            return self._wait_to_be_told(self._readiness)
        # A number of its own would be kept for as long as that waits.
        return trio.lowlevel.wait_readable(self.descriptor)  # noqa: ASYNC105 - who is given it awaits it

    async def _wait_to_be_told(self, readiness: Readiness) -> None:
        if not self._is_registered:
            readiness.register(self.descriptor, self)
            self._is_registered = True
        if self._may_have_more or self._has_ended:
            await trio.lowlevel.checkpoint()
            return
        if self._waiting is not None:
            raise trio.BusyResourceError("somebody waits for what comes here already")
        self._waiting = trio.lowlevel.current_task()
        await trio.lowlevel.wait_task_rescheduled(self._wait_no_longer)

    def _wait_no_longer(self, _: object) -> trio.lowlevel.Abort:
        self._waiting = None
        return trio.lowlevel.Abort.SUCCEEDED

    def become_readable(self, events: int) -> None:
        """Something has come, or the other side has ended: offer it to the reader, and wake who waits if there is more to it. See Readable."""
        self._may_have_more = True
        if events & URGENT:
            self._may_stop_short = True
        if events & ENDED:
            self._has_ended = True
        if self._waiting is None:
            return
        if self.reader is None:
            self._wake(outcome.Value(None))
            return
        taken = outcome.capture(self.reader.take)
        try:
            if isinstance(taken, outcome.Value) and taken.value and not (self._may_have_more or self._has_ended):
                return
            if self._waiting is None:  # it was dismissed by what it asked for: nobody is left to be told of a bug
                taken.unwrap()
            self._wake(taken)
        finally:
            del taken  # its traceback, if it has one, leads back to here

    def _wake(self, woken: outcome.Outcome[Any]) -> None:
        task, self._waiting = self._waiting, None
        if task is not None:
            trio.lowlevel.reschedule(task, woken)

    def receive_nowait(self, limit: int) -> bytes:
        """Take bytes that have come, at most `limit`; b"" when the other side has ended."""
        try:
            data = self._socket.recv(limit)
        except BlockingIOError:
            self._may_have_more = self._has_ended = False
            raise trio.WouldBlock from None
        except OSError as error:
            raise trio.BrokenResourceError from error
        if len(data) < limit and not self._may_stop_short:  # else more may have come together with it
            self._may_have_more = False
        return data

    def is_lost(self) -> bool:
        """Whether the other side has reset the connection. That it has ended its own side says nothing: `nc -N` does, and still reads."""
        return self._socket.fileno() < 0 or self._socket.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR) != 0

    async def linger(self) -> None:
        """Say that nothing follows, and wait until the other side has ended as well."""
        with suppress(OSError, trio.BrokenResourceError, trio.ClosedResourceError):
            self._socket.shutdown(socket.SHUT_WR)
            for _ in range(_DISCARD_MAX):
                if not await receive_some(self, 65536):
                    break

    def close(self) -> None:
        """Close; what has been sent still arrives."""
        if self._readiness is not None:
            self._readiness.forget(self.descriptor)
        self._wake(outcome.Error(trio.ClosedResourceError()))
        self.reader = None
        self.descriptor = -1  # it will be another connection's
        TARGETS.changes += 1
        if self._socket.fileno() < 0:
            return
        trio.lowlevel.notify_closing(self._socket.fileno())
        with suppress(OSError):
            self._socket.shutdown(socket.SHUT_WR)
            for _ in range(_DISCARD_MAX):
                if not self._socket.recv(65536):
                    break
        self._socket.close()
