"""Where programs that watch over the server come in by the settings of the moment, and how another place comes in place of that.

Never knows what they are answered.
"""

import socket
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from typing import TYPE_CHECKING

import trio

from chat_server.config import Config, MetricsTable
from chat_server.logs import log
from chat_server.server.config_in_use import NotReloaded
from chat_server.server.health import Health
from chat_server.server.monitoring import let_monitors_in, where
from chat_server.server.places import CannotListen, are_for_monitors, listen_for_monitors

if TYPE_CHECKING:
    from chat_server.server.observed import Observed


class MonitorsInUse:
    """The listeners for programs that watch over the server."""

    def __init__(self, listeners: list[socket.socket], table: MetricsTable) -> None:
        """These are open, as the table says; what the list has is what is handed to a server that takes the place of this one."""
        self._listeners = listeners
        self._table = table
        self._opened: list[socket.socket] = []
        self._others = trio.Event()
        self._wanted = trio.Event()
        if listeners:
            self._wanted.set()

    async def prepared(self, config: Config) -> Callable[[], None]:
        """See config_in_use.Prepare. What it opens is closed when the reload ends that it is for, unless it is put into effect.

        Where a name has the address on which it listens, and others (localhost in place of 127.0.0.1), it goes on listening there.
        """
        table = config.metrics
        if table.listen == self._table.listen or are_for_monitors(self._listeners, table.listen):
            return partial(self._note, table)
        try:
            self._opened = await trio.to_thread.run_sync(listen_for_monitors, table.listen, [*self._listeners])
        except CannotListen as error:
            raise NotReloaded(str(error)) from error
        return partial(self._put, table)

    @contextmanager
    def tried(self) -> Iterator[None]:
        """A reload, as long as the block lasts."""
        try:
            yield
        finally:
            for one in self._opened:
                one.close()
            self._opened = []

    def _note(self, table: MetricsTable) -> None:
        self._table = table

    def _put(self, table: MetricsTable) -> None:
        self._table = table
        self._listeners[:], self._opened = self._opened, []  # whoever lets in by the others closes them
        self._others.set()

    async def wait_wanted(self) -> None:
        """Wait until there is anywhere to come in, for the first time."""
        await self._wanted.wait()

    async def run(self, health: Health, observed: "Callable[[], Observed]") -> None:
        """Answer whoever comes, until cancelled; then nothing listens any more."""
        while True:
            self._others = trio.Event()
            async with trio.open_nursery() as nursery:
                if self._listeners:
                    log.info(f"metrics and health: {where(self._listeners)}")
                    self._wanted.set()
                    nursery.start_soon(let_monitors_in, [*self._listeners], health, observed)
                await self._others.wait()
                nursery.cancel_scope.cancel()
