"""Which journal engines there are: the one place that knows them by name. An engine is imported when it is chosen, and only then.

It must never know what an engine is made of.
"""

from importlib import import_module
from typing import Literal, Protocol, cast

from chat_server.journal import Journal

EngineName = Literal["sqlite", "memory"]

MODULES: dict[EngineName, str] = {
    "sqlite": "chat_server.journal.sqlite.engine",
    "memory": "chat_server.journal.memory",
}
"""Where each is. Each of these modules has the functions of Engine."""


class Settings(Protocol):
    """What the configuration says of the journal: its table `[journal]`."""

    @property
    def directory(self) -> str:
        """The data directory; empty: where the platform keeps the data of programs."""

    @property
    def durability(self) -> str:
        """What a stored line survives: `full` or `process`."""


class Engine(Protocol):
    """A way of keeping a journal."""

    def open_journal(self, settings: Settings) -> Journal:
        """Open the journal of a server, or make it. Blocks, for a few milliseconds. Raises UnusableJournal."""
        ...


def engine_named(name: EngineName) -> Engine:
    """The engine of this name."""
    return cast("Engine", import_module(MODULES[name]))
