"""The server that takes another one's place: it asks for the sockets, sees to all that it can, and only then has the other one end.

Until that, whatever goes wrong is the end of this one alone, and the other goes on. Blocks; never knows what is done with the sockets, nor Trio.
"""

import socket
import time
from collections.abc import Callable
from contextlib import closing, suppress
from math import inf
from pathlib import Path
from typing import TypeVar

import msgspec

from chat_server.journal import JournalInUse
from chat_server.logs import log
from chat_server.server.admin_handover import AskListeners, GiveWay, ListenersGiven, Serves
from chat_server.server.admin_protocol import AdminAnswer, AdminRequest
from chat_server.server.admin_socket import NoWayIn, connect_to
from chat_server.server.handed import NOTHING, Handed, Unfit, close_all, handed

SOCKETS_MAX = 64
"""Sockets that a server may listen on: a host name has an address or two."""

ANSWER_MAX = 65536

ANSWER_SECONDS = 10.0
"""Seconds that the other server may take to answer."""

LOOK_SECONDS = 0.01
"""Seconds between two looks whether the other server has let go of the data directory: whoever calls waits for that."""

UNHEARD_LOOK_SECONDS, UNHEARD_SECONDS = 0.25, 15.0
"""Seconds until one looks, and looks again, that has not been heard when it asked the other server to end; and for how long it looks."""

TAKEN_SECONDS = 5.0
"""Seconds after the other server has let go of it, after which it is somebody else who has it."""

TOLD_SECONDS = 5.0
"""Seconds between two lines of the log that say that it has not."""

T = TypeVar("T")


class CannotReplace(Exception):
    """The other server goes on; the sentence says why."""


class Unanswered(CannotReplace):
    """It is not known whether it does what it was asked for."""


class HungUp(CannotReplace):
    """It has ended, or ends, for another one or because it was killed: it does not hear any more what it is asked for."""


class Predecessor:
    """The server that has a data directory, and is to give its place to this one."""

    def __init__(self, directory: Path | None) -> None:
        """Nothing is asked of it yet."""
        self._directory = directory
        self._connection: socket.socket | None = None

    def listeners(self) -> Handed:
        """Have its sockets; nothing if none answers. Raises CannotReplace, of which HungUp is that it ends just now."""
        try:
            connection = connect_to(self._directory)
        except NoWayIn:
            return NOTHING
        with closing(connection):
            answers, descriptors = _asked(connection, AskListeners())
        names = next((answer.names for answer in answers if isinstance(answer, ListenersGiven)), ())
        if len(names) != len(descriptors):
            close_all(descriptors)
            raise CannotReplace("the running server has not handed its sockets over: stop it, and start this one then")
        try:
            return handed(zip(names, descriptors, strict=True), "the running server", are_kept=False)
        except Unfit as error:
            raise CannotReplace(str(error)) from error

    def give_way(self) -> None:
        """Have it end, and wait to be told that this one serves: with the end of this process before that, it serves again. Raises CannotReplace."""
        try:
            self._connection = connect_to(self._directory)
            _asked(self._connection, GiveWay(will_say=True))
        except (NoWayIn, Unanswered, HungUp) as why:
            # It may end, or have ended: whoever calls waits in the sockets that we have.
            if isinstance(why, HungUp) and self._connection is not None:
                self._connection.close()
                self._connection = None
            log.warning("the server that is replaced has not said that it ends", why=str(why))

    def when_it_has_let_go(self, open_it: Callable[[], T]) -> T:
        """Open what is in the data directory as soon as nobody else has it. Raises what `open_it` does, and CannotReplace.

        One that was not heard, because the other server ends already or was killed, looks less often, and not for ever: another may wait that was.
        """
        began = told = time.monotonic()
        is_heard = self._connection is not None
        until = inf if is_heard else began + UNHEARD_SECONDS
        if not is_heard:
            time.sleep(UNHEARD_LOOK_SECONDS)
        while True:
            try:
                return open_it()
            except JournalInUse as error:
                now = time.monotonic()
                if until == inf and self._says_that_it_has_let_go():
                    until = now + TAKEN_SECONDS
                if now >= until:
                    raise CannotReplace(
                        f"another server has taken the place of the one that was running: {error}"
                    ) from error
                if now - told >= TOLD_SECONDS:
                    told = now
                    log.warning("waiting for the server that is replaced", why=str(error), seconds=round(now - began))
                time.sleep(LOOK_SECONDS if is_heard else UNHEARD_LOOK_SECONDS)

    def _says_that_it_has_let_go(self) -> bool:
        """Whether it has said so; its end says nothing: one of an earlier release ends the connection before all else."""
        connection = self._connection
        if connection is None:
            return False
        connection.setblocking(False)
        with suppress(OSError):
            return bool(connection.recv(ANSWER_MAX))
        return False

    def told_that_we_serve(self) -> None:
        """Have it wait no longer."""
        if self._connection is not None:
            self._connection.setblocking(True)
            with self._connection, suppress(OSError):  # one of an earlier release does not wait
                self._connection.sendall(msgspec.json.encode(Serves()) + b"\n")


def _asked(connection: socket.socket, request: AdminRequest) -> tuple[list[AdminAnswer], list[int]]:
    """What is answered, and the descriptors that come with it. Raises CannotReplace if it is refused, Unanswered and HungUp."""
    from chat_server.server.admin_requests import (  # noqa: PLC0415 - who replaces nobody needs it not
        Done,
        NotDone,
        decoded_answer,
    )

    connection.settimeout(ANSWER_SECONDS)
    received, descriptors, answers = b"", list[int](), list[AdminAnswer]()
    try:
        connection.sendall(msgspec.json.encode(request) + b"\n")
        while len(received) < ANSWER_MAX and not any(isinstance(answer, Done | NotDone) for answer in answers):
            data, more, _, _ = socket.recv_fds(connection, ANSWER_MAX, SOCKETS_MAX)
            descriptors += more
            received += data
            if not data:
                break
            if data.endswith(b"\n"):
                answers = [decoded_answer(line) for line in received.splitlines()]
    except (TimeoutError, ValueError) as error:
        close_all(descriptors)
        raise Unanswered(f"the running server has not answered as expected: {error}") from error
    except OSError as error:
        close_all(descriptors)
        raise HungUp(f"the connection to the running server was lost: {error.strerror or error}") from error
    last = next((answer for answer in answers if isinstance(answer, Done | NotDone)), None)
    if isinstance(last, NotDone):
        raise CannotReplace(last.why)
    if last is None:
        raise HungUp("the running server has ended the connection without an answer")
    return answers, descriptors
