"""The settings that count just now, and how others come in their place while the server runs: all of them, at one moment, or none.

Knows when. What a setting does is known to whoever prepares for it (`Prepare`). Never knows flags, nor files of settings.
"""

import time
from collections.abc import Awaitable, Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext, suppress
from typing import NamedTuple

import trio

from chat_server.config import Config
from chat_server.config_changes import changes_between
from chat_server.config_file import ConfigError
from chat_server.guard import Guard
from chat_server.logs import log

READ_SECONDS = 30.0
"""Seconds in which the file has to be read: it may be on a disk that does not answer."""

Prepare = Callable[[Config], Awaitable[Callable[[], None]]]
"""Sees whether a configuration can be used, and returns what puts it into effect, which must not fail. Raises NotReloaded if it cannot."""


class NotReloaded(Exception):
    """Nothing has changed; the sentence says why, or several do, each on a line."""


class Reloaded(NamedTuple):
    """What a reload has done: which settings it has changed, and which are others in the file and wait for a restart (`limits.rooms`)."""

    generation: int
    changed: tuple[str, ...]
    waiting: tuple[str, ...]


class ConfigInUse:
    """The settings of a server, from its start to its end."""

    def __init__(
        self,
        config: Config,
        read: Callable[[], Config] | None = None,
        *,
        clock: Callable[[], float] = time.time,
    ) -> None:
        """These count at first. `read` reads them again, in a thread, and raises ConfigError; None: there is nothing to be read again."""
        self.config = config
        self.generation = 1
        """How many configurations have been in use, with this one."""
        self.since = clock()
        """When it came into use, in seconds since 1970."""
        self.tried_at = 0.0
        """When it was last tried to use another; 0: never."""
        self.has_failed = False
        """Whether that came to nothing."""
        self._read = read
        self._clock = clock
        self._prepares: tuple[Prepare, ...] = ()
        self._asked = trio.Event()
        self._around: Callable[[], AbstractContextManager[None]] = nullcontext
        self._turn: trio.Lock | None = None
        self._thread: trio.CapacityLimiter | None = None

    @contextmanager
    def used_by(
        self, *prepares: Prepare, around: Callable[[], AbstractContextManager[None]] = nullcontext
    ) -> Iterator[None]:
        """Have these prepare for other settings, in this order, until this ends: a server's whole life. Each reload is within an `around`."""
        self._prepares, self._turn, self._thread = prepares, trio.Lock(), trio.CapacityLimiter(1)
        self._around = around
        self._asked = trio.Event()
        try:
            yield
        finally:
            self._prepares, self._turn = (), None

    def ask(self) -> None:
        """Have the settings read again. To ask again meanwhile has them read once more when that is done, however often it is asked."""
        self._asked.set()

    async def run(self) -> None:
        """Do what is asked for, for ever. What comes of it is in the log."""
        guard = Guard("the configuration could not be read again")
        while True:
            await self._asked.wait()
            self._asked = trio.Event()
            with guard, suppress(NotReloaded):
                await self.reload()

    async def reload(self) -> Reloaded:
        """Read the settings again, and use them from now on. Raises NotReloaded if that cannot be: then everything stays as it was.

        Of two at a time the second waits, and reads what there is then.
        """
        if self._turn is None or self._read is None:
            raise NotReloaded("the configuration stays as it was: there is nothing to be read again")
        async with self._turn:
            with self._around():
                return await self._tried(self._read)

    async def _tried(self, read: Callable[[], Config]) -> Reloaded:
        self.tried_at, self.has_failed = self._clock(), True
        try:
            done = await self._reload(read)
        except (ConfigError, NotReloaded) as error:
            for why in str(error).splitlines():
                log.error("the configuration stays as it was: the new one cannot be used", why=why)
            raise NotReloaded(f"the configuration stays as it was: {error}") from error
        self.has_failed = False
        return done

    async def _reload(self, read: Callable[[], Config]) -> Reloaded:
        changes = changes_between(self.config, await self._read_in_thread(read))
        puts = [await prepare(changes.usable) for prepare in self._prepares]
        self.config, self.since = changes.usable, self._clock()
        self.generation += 1
        guard = Guard("a changed setting could not be put into effect")
        for put in puts:
            guard.attempt(put)
        log.info("the configuration has been read again", changed=" ".join(changes.changed) or "nothing")
        if changes.waiting:
            log.warning(waiting_sentence(changes.waiting))
        return Reloaded(self.generation, changes.changed, changes.waiting)

    async def _read_in_thread(self, read: Callable[[], Config]) -> Config:
        try:
            with trio.fail_after(READ_SECONDS):
                return await trio.to_thread.run_sync(read, abandon_on_cancel=True, limiter=self._thread)
        except trio.TooSlowError:
            raise NotReloaded(f"its file could not be read within {READ_SECONDS:g} seconds") from None


def waiting_sentence(waiting: tuple[str, ...]) -> str:
    """Which changed settings wait, in a sentence."""
    return f"changed, but waiting for a restart: {', '.join(waiting)}"
