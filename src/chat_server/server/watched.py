"""A server that is watched over: what looks at it all the time, and answers whoever asks how it is. One for a process.

Knows which parts there are. Never knows what they find, nor what is asked.
"""

import time
from importlib import import_module
from pathlib import Path

import trio

from chat_server.guard import Guard
from chat_server.journal.engines import Store, engine_named
from chat_server.server.backups import Backups
from chat_server.server.beside import Beside
from chat_server.server.certificate_in_use import CertificateInUse
from chat_server.server.damage import look_for_damage
from chat_server.server.disk import Disk
from chat_server.server.lateness import Lateness
from chat_server.server.monitors_in_use import MonitorsInUse
from chat_server.server.open_cases import OpenCases
from chat_server.server.server import Server

BEGIN_SECONDS = 2.0
"""Seconds after the start after which the canary begins: what comes first then is people."""

CANARY = "chat_server.server.canary"
"""What is imported then."""


class Watched:
    """What a process has beside its server, to know how that is."""

    def __init__(
        self,
        server: Server,
        store: Store,
        certificate: CertificateInUse,
        directory: Path | None,
        *,
        files: float,
        backups: Backups | None,
    ) -> None:
        """Nothing is looked at yet; what is kept on a disk is in the `directory`, and so many `files` may be open."""
        self._server = server
        self._disk = Disk(directory)
        server.health.add(self._disk.trouble)
        self._store = store
        self.beside = Beside(
            server.health,
            Lateness(),
            self._disk,
            certificate,
            backups,
            OpenCases(store),
            echoes=server.echoes,
            in_use=server.in_use,
            files=files,
            began_at=time.time(),
        )

    async def back_up(self) -> None:
        """Make copies of what is kept, if any are to be made, until cancelled."""
        if self.beside.backups is not None:
            await self.beside.backups.run()

    async def run_canary(self) -> None:
        """Have a canary from soon after now on, until the server is to end."""
        await trio.sleep(BEGIN_SECONDS)
        # Files that an upgrade has replaced may not fit.
        with Guard("there is no canary: a disk that hangs is not found"):
            await trio.to_thread.run_sync(import_module, CANARY)  # others have their turn meanwhile: it takes 30 ms
            from chat_server.server.canary import Canary  # noqa: PLC0415 - as above

            server = self._server
            in_effect = server.in_effect
            canary = Canary(self._store, lambda: in_effect.config.limits, server.echoes, lambda: server.readiness)
            server.health.add(canary.trouble)
            self.beside = self.beside._replace(canary=canary)
            async with trio.open_nursery() as nursery:
                nursery.start_soon(canary.run)
                await server.ending.requested.wait()
                nursery.cancel_scope.cancel()

    def _look_through(self, seconds: float) -> str:
        settings = self._server.in_effect.config.journal
        return engine_named(settings.engine).quick_look(settings, seconds)

    async def run(self, monitors: MonitorsInUse) -> None:
        """Look, and answer whoever comes by these, until cancelled."""
        async with trio.open_nursery() as nursery:
            nursery.start_soon(self._disk.run)
            nursery.start_soon(look_for_damage, self._look_through)
            nursery.start_soon(monitors.run, self._server.health, lambda: self._server.observed(self.beside))
            await monitors.wait_wanted()
            nursery.start_soon(self.beside.lateness.run)
            if self.beside.cases is not None:
                nursery.start_soon(self.beside.cases.run)
