"""Connecting, and saying the first words, in a thread of its own.

A server greets a caller that says nothing for a moment as a person. An event loop that is busy just then (a screen is painted for the first
time, modules are read, both cores have other things to do) would come too late to speak; a thread that has nothing else to do does
not. Nor does a name server that gives no answer hold up the end of the program, nor TLS, which is many steps. What nobody waits for any more is
not said: a login that came late would take the place of the one after it. Knows threads, names and addresses; never knows what is said.
"""

import asyncio
import socket
import ssl
import threading
import time
from collections.abc import Callable
from typing import Protocol, TypeVar

from chat_tui.client.calling import Address
from chat_tui.language import say


class Closable(Protocol):
    """What comes of a call."""

    def close(self) -> None:
        """Nobody wants it any more."""


T = TypeVar("T", bound=Closable)


async def dial(host: str, port: int, call: Callable[[Address], T], *, seconds: float) -> T:
    """Connect, and say the first words at once.

    Args:
        host: a name or an address; each address of a name is tried in turn.
        port: its port.
        call: connects to an address and says the first words, in the thread; an OSError has the next address tried.
        seconds: how long all that may take.

    Returns:
        What `call` returned.

    Raises:
        OSError: there is no connection. TimeoutError is one of these.
        ValueError: the host is no name at all. UnicodeError is one of these.
        Exception: whatever else `call` raised.

    """
    loop = asyncio.get_running_loop()
    answer: asyncio.Future[T] = loop.create_future()

    def hand_over(called: T | None, error: Exception | None) -> None:
        if answer.done():  # nobody waits any more
            if called is not None:
                called.close()
        elif called is not None:
            answer.set_result(called)
        elif error is not None:
            answer.set_exception(error)

    def work() -> None:
        called, error = None, None
        try:
            called = _call_each(host, port, call, time.monotonic() + seconds, answer.done)
        except Exception as caught:  # noqa: BLE001 - whatever it is, it is for the one who waits
            error = caught
        try:
            loop.call_soon_threadsafe(hand_over, called, error)
        except RuntimeError:  # the program has ended meanwhile
            if called is not None:
                called.close()

    threading.Thread(target=work, name="dial", daemon=True).start()
    async with asyncio.timeout(seconds):
        return await _come(answer)


async def _come(answer: asyncio.Future[T]) -> T:
    """Wait for it; if it comes in the moment in which it is given up, nobody wants it any more."""
    try:
        return await answer
    except asyncio.CancelledError:
        if answer.done() and not answer.cancelled() and answer.exception() is None:
            answer.result().close()
        raise


def _call_each(
    host: str, port: int, call: Callable[[Address], T], deadline: float, is_given_up: Callable[[], bool]
) -> T:
    addresses = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    trouble: OSError = OSError(say("there is no address"))
    for index, found in enumerate(addresses):
        now = time.monotonic()
        # One that is silent must not take the time of the others.
        share = max(0.1, (deadline - now) / (len(addresses) - index))
        try:
            return call(Address(found, now + share, is_given_up))
        except OSError as error:
            trouble = error
    raise trouble


def reason(error: OSError) -> str:
    """Why one cannot connect, for people."""
    if isinstance(error, ConnectionRefusedError):
        return say("nothing listens there")
    if isinstance(error, socket.gaierror):
        return say("there is no such host")
    if isinstance(error, ssl.SSLError):
        return say("TLS could not be agreed upon ({why})", why=error.reason or say("it broke off"))
    words = error.strerror or ""
    return words[:1].lower() + words[1:] if words else say("it could not be reached")
