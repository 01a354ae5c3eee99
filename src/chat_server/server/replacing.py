"""The server that takes another one's place: it asks for the sockets, sees to all that it can, and only then has the other one end.

Until that, whatever goes wrong is the end of this one alone, and the other goes on. Blocks; never knows what is done with the sockets, nor Trio.
"""

import socket
import time
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import TypeVar

import msgspec

from chat_server.journal import JournalInUse
from chat_server.logs import log
from chat_server.server.admin_handover import AskListeners, GiveWay, ListenersGiven
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

TOLD_SECONDS = 5.0
"""Seconds between two lines of the log that say that it has not."""

T = TypeVar("T")


class CannotReplace(Exception):
    """The other server goes on; the sentence says why."""


class Unanswered(CannotReplace):
    """It is not known whether it does what it was asked for."""


def listeners_of_predecessor(directory: Path | None) -> Handed:
    """Have the sockets of the server that has this data directory; nothing if none is running. Raises CannotReplace."""
    try:
        connection = connect_to(directory)
    except NoWayIn as why:
        log.info("there is no server to be replaced: this one starts as ever", why=str(why))
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


def have_it_give_way(directory: Path | None) -> None:
    """Have the server end that has this data directory. Raises CannotReplace if it does not."""
    try:
        with closing(connect_to(directory)) as connection:
            _asked(connection, GiveWay())
    except (NoWayIn, Unanswered) as why:  # it may end, or have ended: whoever calls waits in the sockets that we have
        log.warning("the server that is replaced has not said that it ends", why=str(why))


def when_it_is_free(open_it: Callable[[], T]) -> T:
    """Open what is in the data directory as soon as nobody else has it. Raises what `open_it` does, but JournalInUse."""
    began = told = time.monotonic()
    while True:
        try:
            return open_it()
        except JournalInUse as error:
            now = time.monotonic()
            if now - told >= TOLD_SECONDS:
                told = now
                log.warning("waiting for the server that is replaced", why=str(error), seconds=round(now - began))
            time.sleep(LOOK_SECONDS)


def _asked(connection: socket.socket, request: AdminRequest) -> tuple[list[AdminAnswer], list[int]]:
    """What is answered, but the last, and the descriptors that come with it. Raises CannotReplace if it is refused, and Unanswered."""
    from chat_server.server.admin_requests import (  # noqa: PLC0415 - who replaces nobody needs it not
        Done,
        NotDone,
        decoded_answer,
    )

    connection.settimeout(ANSWER_SECONDS)
    received, descriptors = b"", list[int]()
    try:
        connection.sendall(msgspec.json.encode(request) + b"\n")
        while len(received) < ANSWER_MAX:
            data, more, _, _ = socket.recv_fds(connection, ANSWER_MAX, SOCKETS_MAX)
            descriptors += more
            received += data
            if not data:
                break
        answers = [decoded_answer(line) for line in received.splitlines()]
    except (OSError, ValueError) as error:
        close_all(descriptors)
        raise Unanswered(f"the running server has not answered as expected: {error}") from error
    last = answers[-1] if answers else None
    if isinstance(last, NotDone):
        raise CannotReplace(last.why)
    if not isinstance(last, Done):
        raise Unanswered("the running server has ended the connection without an answer")
    return answers[:-1], descriptors
