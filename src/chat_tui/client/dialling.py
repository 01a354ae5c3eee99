"""Connecting, and saying the first words, in a thread of its own.

A server greets a caller that says nothing for a moment as a person. An event loop that is busy just then (a screen is painted for the first
time, modules are read, both cores have other things to do) would come too late to speak; a thread that has nothing else to do does
not. Nor does a name server that gives no answer hold up the end of the program. What nobody waits for any more is not said: a login
that came late would take the place of the one after it. Knows sockets; never knows what is said.
"""

import asyncio
import socket
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from typing import Any


async def dial(host: str, port: int, first_words: bytes, *, seconds: float) -> socket.socket:
    """Connect, and say the first words at once.

    Args:
        host: a name or an address; each address of a name is tried in turn.
        port: its port.
        first_words: what is sent as soon as there is a connection; a few hundred bytes.
        seconds: how long all that may take.

    Returns:
        A connected socket that does not block.

    Raises:
        OSError: there is no connection. TimeoutError is one of these.
        ValueError: the host is no name at all. UnicodeError is one of these.

    """
    loop = asyncio.get_running_loop()
    answer: asyncio.Future[socket.socket] = loop.create_future()

    def hand_over(connection: socket.socket | None, error: Exception | None) -> None:
        if answer.done():  # nobody waits any more
            if connection is not None:
                connection.close()
        elif connection is not None:
            answer.set_result(connection)
        elif error is not None:
            answer.set_exception(error)

    def work() -> None:
        connection, error = None, None
        try:
            connection = _connect(host, port, first_words, time.monotonic() + seconds, answer.done)
        except Exception as caught:  # noqa: BLE001 - whatever it is, it is for the one who waits
            error = caught
        try:
            loop.call_soon_threadsafe(hand_over, connection, error)
        except RuntimeError:  # the program has ended meanwhile
            if connection is not None:
                connection.close()

    threading.Thread(target=work, name="dial", daemon=True).start()
    async with asyncio.timeout(seconds):
        return await answer


def _connect(
    host: str, port: int, first_words: bytes, deadline: float, is_given_up: Callable[[], bool]
) -> socket.socket:
    addresses = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    trouble: OSError = OSError("there is no address")
    for index, (family, kind, protocol, _, address) in enumerate(addresses):
        # One that is silent must not take the time of the others.
        seconds = max(0.1, (deadline - time.monotonic()) / (len(addresses) - index))
        try:
            connection = socket.socket(family, kind, protocol)  # fails for IPv6 where the system is without it
        except OSError as error:
            trouble = error
            continue
        try:
            _begin(connection, address, first_words, seconds, is_given_up)
        except OSError as error:
            connection.close()
            trouble = error
        else:
            return connection
    raise trouble


def _begin(
    connection: socket.socket,
    address: Any,
    first_words: bytes,
    seconds: float,
    is_given_up: Callable[[], bool],
) -> None:
    """Connect to one address and say the first words, unless nobody waits for that any more. Raises OSError."""
    connection.settimeout(seconds)
    connection.connect(address)
    with suppress(OSError):
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    if is_given_up():
        raise TimeoutError
    connection.sendall(first_words)
    connection.setblocking(False)
