"""The commands `chat-server health` and `ready`: whether the server that runs on this machine is well, and there for callers.

Where the settings have a listener for metrics, that is asked; else the operators' socket. Knows both. Never knows what is wrong, nor Trio.
"""

import socket
from contextlib import closing, suppress
from math import inf

import msgspec

from chat_server import console
from chat_server.config import Config, host_and_port
from chat_server.journal import UnusableJournal
from chat_server.journal.engines import engine_named
from chat_server.server.admin_requests import HowItIs, HowItIsShown, NotDone, decoded_answer
from chat_server.server.admin_socket import NoWayIn, connect_to

PATIENCE = 5.0
"""Seconds in which a server that is well has answered long ago."""

ANSWER_MAX = 65536
"""Bytes that are read of an answer."""

PATHS = {"health": "/healthz", "ready": "/readyz"}
FINE = {"health": "all is well", "ready": "callers are let in"}


class NoAnswer(Exception):
    """There is none; the sentence says why."""


def run_health_command(which: str, config: Config) -> int:
    """Run one of them. Returns the exit code: 0 it is so, 1 it is not, or nobody answers."""
    try:
        trouble = ask(which, config)
    except (NoAnswer, NoWayIn, UnusableJournal) as error:
        trouble = str(error)
    if trouble:
        console.complain("chat-server", trouble)
        return 1
    console.say(FINE[which])
    return 0


def ask(which: str, config: Config) -> str:
    """What is wrong; "" if nothing is. Raises NoAnswer, NoWayIn, UnusableJournal."""
    listen = config.metrics.listen
    if listen and not listen.endswith(":0"):
        with closing(_connected(listen)) as connection:
            return _fetched(connection, PATHS[which])
    with closing(connect_to(engine_named(config.journal.engine).directory(config.journal))) as connection:
        shown = _told_by_operators_door(connection)
    return shown.trouble if which == "health" else shown.not_ready


def _connected(listen: str) -> socket.socket:
    """Connect to the listener for metrics."""
    try:
        if not listen.startswith("/"):
            return socket.create_connection(host_and_port(listen), PATIENCE)
        connection = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        connection.settimeout(PATIENCE)
        try:
            connection.connect(listen)
        except OSError:
            connection.close()
            raise
    except OSError as error:
        raise NoAnswer(f"no server answers at {listen} ([metrics] listen): {error.strerror or error}") from error
    return connection


def _fetched(connection: socket.socket, path: str) -> str:
    answer = _exchanged(connection, f"GET {path} HTTP/1.0\r\n\r\n".encode(), inf).decode("utf-8", "replace")
    head, _, body = answer.partition("\r\n\r\n")
    if head.startswith("HTTP/1.0 200 "):
        return ""
    if head.startswith("HTTP/1.0 503 "):
        return body.strip()
    raise NoAnswer("what listens there is no server of this release")


def _told_by_operators_door(connection: socket.socket) -> HowItIsShown:
    line = _exchanged(connection, msgspec.json.encode(HowItIs()) + b"\n", 1).partition(b"\n")[0]
    try:
        answer = decoded_answer(line)
    except ValueError:
        raise NoAnswer("what listens there is no server of this release") from None
    if isinstance(answer, HowItIsShown):
        return answer
    raise NoAnswer(answer.why if isinstance(answer, NotDone) else "the server has answered something else")


def _exchanged(connection: socket.socket, request: bytes, lines: float) -> bytes:
    """Send a request, and read so many lines, or all there is. Raises NoAnswer."""
    connection.settimeout(PATIENCE)
    received = bytearray()
    try:
        with suppress(BrokenPipeError):  # it may have said why before it ended the connection
            connection.sendall(request)
        while received.count(b"\n") < lines and len(received) < ANSWER_MAX and (data := connection.recv(ANSWER_MAX)):
            received += data
    except TimeoutError:
        raise NoAnswer(f"the server has not answered for {PATIENCE:g} seconds") from None
    except OSError as error:
        raise NoAnswer(f"the connection to the server was lost: {error.strerror or error}") from error
    return bytes(received)
