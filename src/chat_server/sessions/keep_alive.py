"""Telnet's NOP, sent whenever a connection has been silent for a while, so that no router forgets it. Knows the outbox; never knows whose it is."""

from collections.abc import Awaitable, Callable
from typing import Any

import trio

from chat_server.rooms.room import Occupant
from chat_server.sessions.outbox import Outbox
from chat_server.wire.telnet.options import Code

NOP = bytes((Code.IAC, Code.NOP))


def is_kept_alive(session: Occupant) -> bool:
    """Whether that is wanted, and there is telnet at the other end."""
    return session.preferences.keepalive and session.speaks_telnet


async def wait_kept_alive(
    wait: Callable[[], Awaitable[None]],
    session: Occupant,
    outbox: Outbox[Any],
    seconds: float,
    heard_at: Callable[[], float],
) -> None:
    """Wait for what comes next; after each so many seconds of silence send a NOP, as long as that is wanted and nothing else waits.

    `heard_at` tells when something came last that wakes nobody.
    """
    due = trio.current_time() + seconds
    while is_kept_alive(session):
        with trio.move_on_at(due):
            await wait()
            return
        now = trio.current_time()
        due = heard_at() + seconds
        if due <= now:
            due = now + seconds
            if outbox.is_empty:
                outbox.push(NOP)
    await wait()
