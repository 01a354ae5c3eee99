"""The copies that are made by the settings of the moment, and how others come in their place. Never knows how a copy is made, nor when."""

from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import NamedTuple

import trio

from chat_server.config import Config
from chat_server.config_checks import mistakes_in
from chat_server.journal.backups import directory_for
from chat_server.journal.engines import engine_named
from chat_server.server.backups import Backups, KeepBeside, LookForCopies, MakeCopy, by_process, by_thread
from chat_server.server.config_in_use import ConfigInUse, NotReloaded


class Ways(NamedTuple):
    """By what copies are made, found, and what outlasts them is kept beside them."""

    make: MakeCopy
    look: LookForCopies
    keep_beside: KeepBeside


def ways_of(config: Config, data: Path) -> Ways:
    """Those of these settings, for what is in this data directory."""
    table = config.backup
    directory, engine = directory_for(table.directory, data), engine_named(config.journal.engine)
    keep_beside = partial(trio.to_thread.run_sync, engine.back_up_beside, config.journal, directory)
    return Ways(by_process(data, directory, table.keep), by_thread(directory), keep_beside)


def backups_of(config: Config, data: Path | None) -> Backups | None:
    """The copies of what is in this data directory; None if nothing is kept there. Whether any are made is for the settings to say."""
    if data is None:
        return None
    ways = ways_of(config, data)
    return Backups(config.backup, ways.make, ways.look, keep_beside=ways.keep_beside)


class BackupsInUse:
    """What prepares for other settings of copies."""

    def __init__(self, backups: Backups | None, in_use: ConfigInUse, data: Path | None) -> None:
        """These are made by the settings in use."""
        self._backups, self._in_use, self._data = backups, in_use, data

    async def prepared(self, config: Config) -> Callable[[], None]:
        """See config_in_use.Prepare. Of an engine that waits for a restart no copies are made before it."""
        if config.backup == self._in_use.config.backup:
            return lambda: None
        for mistake in mistakes_in(config):
            raise NotReloaded(f"{mistake} (another engine waits for a restart, and so do its copies)")
        if self._backups is None or self._data is None:
            return lambda: None
        return partial(self._backups.use, config.backup, *ways_of(config, self._data))
