"""Programs that watch over the server are waited for; what answers them is imported when the first of them comes. See monitor_door.py.

Never knows what is asked for, nor what is measured.
"""

import socket
from collections.abc import Callable, Sequence
from contextlib import closing
from functools import cache
from typing import TYPE_CHECKING

import trio

from chat_server.config import host_and_port
from chat_server.guard import Guard
from chat_server.server.health import Health
from chat_server.server.listening import address_of, open_listeners

if TYPE_CHECKING:
    from chat_server.server.monitor_door import MonitorDoor
    from chat_server.server.observed import Observed


def open_monitor_listeners(listen: str, has: Sequence[socket.socket] = ()) -> list[socket.socket]:
    """Listen where the setting says; nowhere if it says nothing. See open_listeners. Raises OSError."""
    return open_listeners(*host_and_port(listen), has=has) if listen else []


async def let_monitors_in(
    listeners: Sequence[socket.socket], health: Health, observed: "Callable[[], Observed]"
) -> None:
    """Answer whoever comes, until cancelled; then nothing listens there any more."""

    @cache
    def door() -> "MonitorDoor":
        """One for all listeners: so many connections as it has are all that there may be."""
        from chat_server.server.monitor_door import MonitorDoor  # noqa: PLC0415 - 5 ms, which a start need not wait for
        from chat_server.server.monitor_pages import pages  # noqa: PLC0415 - as above

        return MonitorDoor(pages(health, observed))

    async with trio.open_nursery() as nursery:
        for listener in listeners:
            nursery.start_soon(_answer_at, listener, door)


async def _answer_at(listening: socket.socket, door: "Callable[[], MonitorDoor]") -> None:
    with closing(listening), Guard("metrics cannot be fetched"):  # files that an upgrade has replaced may not fit
        await trio.lowlevel.wait_readable(listening)
        await door().run(listening)


def where(listeners: Sequence[socket.socket]) -> str:
    """Where they are reached, as whoever runs the server writes it down; "" for none."""
    return ", ".join(
        address if address.startswith("/") else f"http://{address}/metrics" for address in map(address_of, listeners)
    )
