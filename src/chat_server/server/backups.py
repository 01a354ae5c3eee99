"""The copies that the server makes of what is kept, by itself: when one is due, and how the last ones went.

A copy is made and looked through by a process of its own (backup_cli.py), with memory of its own, and the processor after everybody else. So nobody
who is connected waits for it, however large the journal is. Never knows how a copy is made, nor what is in it.
"""

import os
import subprocess
import sys
import time
from collections.abc import Awaitable, Callable
from contextlib import suppress
from functools import partial
from pathlib import Path
from typing import NamedTuple

import trio

from chat_server.config import BackupTable
from chat_server.guard import Guard
from chat_server.intervals import seconds_of
from chat_server.journal.archive import FileProblem
from chat_server.journal.backups import RETRY_SECONDS, Copy, copies_in, until_due
from chat_server.logs import log

NICENESS = 10
"""How much whoever makes a copy lets others go first: looking through a million lines takes nine seconds of a processor."""

_STREAMS = {"stdin": subprocess.DEVNULL, "stdout": subprocess.DEVNULL, "stderr": subprocess.PIPE}

BESIDE_SECONDS = 60.0
"""Seconds between two looks whether what has to outlast all copies is beside them as it is now: who was erased stays so, also if the disk is lost."""

TOLD_MAX = 1000
"""Bytes of what is said of a copy that could not be made."""


class NoCopy(Exception):
    """The copy could not be made; the sentence says why."""


MakeCopy = Callable[[], Awaitable[object]]
"""Makes a copy, and deletes those that are too old. Raises NoCopy."""


KeepBeside = Callable[[], Awaitable[object]]
"""Keeps something beside the copies. Raises FileProblem."""


class Found(NamedTuple):
    """What is there of copies: the newest, if there is one, and its bytes."""

    newest: Copy | None = None
    size: int = 0


LookForCopies = Callable[[], Awaitable[Found]]
"""Looks for copies. Raises OSError."""


class Backups:
    """The copies; what it counts is for whoever wants to know how they are."""

    def __init__(
        self,
        table: BackupTable,
        make: MakeCopy,
        look: LookForCopies,
        *,
        now: Callable[[], float] = time.time,
        keep_beside: KeepBeside | None = None,
    ) -> None:
        """Make none yet.

        Args:
            table: the settings.
            make: makes one.
            look: looks for those that are there.
            now: tells the time, in seconds since 1970.
            keep_beside: keeps what has to outlast all copies beside them, if anything has.

        """
        self.every = 0.0
        """Seconds between two copies; 0: none are made."""
        self.made = self.failed = 0
        """How many have been made since the start, and how many could not be."""
        self.problem = ""
        """Why the last one could not be made; "" if it could."""
        self.seconds = 0.0
        """How long the last one took."""
        self.size = 0
        """The bytes of the newest copy."""
        self._newest_at: float | None = None
        self._now = now
        self._is_changed = trio.Event()
        self.use(table, make, look, keep_beside)

    def use(
        self, table: BackupTable, make: MakeCopy, look: LookForCopies, keep_beside: KeepBeside | None = None
    ) -> None:
        """Make copies by these from now on; one that is being made is given up, and due again."""
        self.every = float(seconds_of(table.every) or 0)
        self.problem = ""
        self.size, self._newest_at = 0, None
        self._make, self._look, self._keep_beside = make, look, keep_beside
        self._is_changed.set()

    @property
    def age(self) -> float | None:
        """Seconds since the newest copy was made, whether since this start or before; None if there is none."""
        return None if self._newest_at is None else max(0.0, self._now() - self._newest_at)

    async def run(self) -> None:
        """Make a copy whenever one is due, for ever."""
        while True:
            self._is_changed = trio.Event()
            async with trio.open_nursery() as nursery:
                if self.every:
                    nursery.start_soon(self._go_on_keeping_beside)
                    nursery.start_soon(self._go_on_making)
                await self._is_changed.wait()
                nursery.cancel_scope.cancel()

    async def _go_on_keeping_beside(self) -> None:
        while self._keep_beside is not None:
            await trio.sleep(BESIDE_SECONDS)
            # What cannot be kept is said by whoever makes the next copy.
            with Guard("cannot keep beside the copies what outlasts them"), suppress(FileProblem):
                await self._keep_beside()

    async def _go_on_making(self) -> None:
        due = trio.current_time()
        with Guard("cannot look for copies"):
            newest = await self._look_again()
            due += until_due([newest] if newest else [], self.every, self._now())
        while True:
            await trio.sleep_until(due)
            is_made = False
            with Guard("something went wrong with a copy of the journal"):
                is_made = await self.make()
            due = max(trio.current_time(), due + (self.every if is_made else min(self.every, RETRY_SECONDS)))

    async def make(self) -> bool:
        """Make a copy now; return whether that could be done, whatever can be seen of it afterwards. The log says so."""
        began = trio.current_time()
        try:
            await self._make()
        except (NoCopy, OSError) as error:
            self.failed += 1
            self.problem = str(error)
            log.error("a copy of the journal could not be made", why=self.problem)
            return False
        self.made += 1
        self.problem = ""
        self.seconds = trio.current_time() - began
        self._newest_at = self._now()
        newest = None
        with Guard("a copy of the journal is made, but the directory it is in cannot be looked at"):
            newest = await self._look_again()
        log.info("a copy of the journal is made", file=newest and newest.path, seconds=round(self.seconds, 1))
        return True

    async def _look_again(self) -> Copy | None:
        found = await self._look()
        self.size, self._newest_at = found.size, found.newest and found.newest.made
        return found.newest


def look_into(directory: Path) -> Found:
    """See what is there of copies. Blocks. Raises OSError."""
    copies = copies_in(directory)
    return Found(copies[-1], copies[-1].path.stat().st_size) if copies else Found()


def by_thread(directory: Path) -> LookForCopies:
    """Look into a directory in a thread: the disk may be slow, or far away."""
    return partial(trio.to_thread.run_sync, look_into, directory)


def by_process(data: Path, directory: Path, keep: int) -> MakeCopy:
    """Make copies of what is in a data directory by `chat-server backup`, in a process of its own."""
    command = [*(sys.executable, "-P", "-m", "chat_server", "backup", "--data", str(data.absolute()))]
    command += ["--keep", str(keep), "--", str(directory.absolute())]

    async def make() -> None:
        told = b""
        async with trio.open_nursery() as nursery:
            process: trio.Process = await nursery.start(partial(trio.run_process, command, check=False, **_STREAMS))
            with suppress(OSError):  # it may have ended
                os.setpriority(os.PRIO_PROCESS, process.pid, NICENESS)
            if process.stderr is not None:
                async for some in process.stderr:
                    told = (told + some)[-TOLD_MAX:]
        why = told.decode(errors="replace").strip().removeprefix("chat-server: ")
        if why and not process.returncode:
            log.warning("a copy of the journal is made, but not all is well", why=why)
        if process.returncode:
            raise NoCopy(why or f"the process that makes it has ended with {process.returncode}")

    return make
