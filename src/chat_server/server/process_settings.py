"""What of the process the settings rule, at the start and after a reload: the log, and how long a silent connection is kept.

Never knows whence settings come.
"""

from collections.abc import Callable
from functools import partial

import trio

from chat_server import logs
from chat_server.config import Config, LogTable
from chat_server.server.config_in_use import ConfigInUse, Prepare
from chat_server.server.listening import keep_alive
from chat_server.server.places import Places

LOG_LOOK_SECONDS = 1.0
"""Seconds between two looks whether it is to be told how often something has repeated."""


def configure_log(table: LogTable) -> None:
    """Have the log written as it is set."""
    logs.configure(table.format, verbose=table.verbose, addresses=table.addresses)


async def tell_repeats() -> None:
    """Have the log tell how often something has repeated, when that is due, until cancelled."""
    while True:
        await trio.sleep(LOG_LOOK_SECONDS)
        logs.tell_repeats()


def prepares(in_use: ConfigInUse, places: Places) -> tuple[Prepare, ...]:
    """What prepares for other settings."""

    async def log_asked(other: Config) -> Callable[[], None]:
        is_same = other.log == in_use.config.log  # what an operator has chosen until the end stays then
        return (lambda: None) if is_same else partial(configure_log, other.log)

    async def keep_alive_asked(other: Config) -> Callable[[], None]:
        return partial(keep_alive, (*places.chat, *places.tls), other.limits.keepalive_seconds)

    return log_asked, keep_alive_asked
