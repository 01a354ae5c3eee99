"""Which journal engines there are: the one place that knows them by name.

An engine is imported when it is chosen (`[journal] engine` in config.py), and only then. It must never know what an engine is made of.
"""

from contextlib import AbstractContextManager
from importlib import import_module
from pathlib import Path
from typing import Literal, NamedTuple, Protocol, cast

from chat_server.accounts import Accounts
from chat_server.journal import Journal
from chat_server.journal.archive import Archive, Filler, Progress, RoomEditor
from chat_server.journal.new_file import OwnFiles
from chat_server.journal.nodes import Nodes

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


class Store(NamedTuple):
    """What an engine keeps for a server. The accounts are open as long as the journal is.

    `nodes` is there if other servers may have the same journal at the same time: this server among those.
    """

    journal: Journal
    accounts: Accounts
    nodes: Nodes | None = None


class Engine(Protocol):
    """A way of keeping a journal. Every function blocks, and raises UnusableJournal where the settings lead to none that can be used."""

    def open_store(self, settings: Settings) -> Store:
        """Open the journal and the accounts of a server, or make them; takes a few milliseconds, and more where there are very many accounts."""
        ...

    def open_archive(self, settings: Settings) -> Archive:
        """Open what is kept for reading. Raises FileProblem if nothing is."""
        ...

    def filling(self, settings: Settings) -> AbstractContextManager[Filler]:
        """A new journal: when the block has ended well it is the one of these settings, and otherwise nothing is left of it.

        Raises:
            FileProblem: something has been said there already, or what is added cannot be stored.

        """
        ...

    def editing(self, settings: Settings) -> AbstractContextManager[RoomEditor]:
        """The rooms of a journal, as long as the block lasts. Raises FileProblem if nothing is kept."""
        ...

    def back_up(self, settings: Settings, copy: Path, progress: Progress) -> None:
        """Copy the journal as it is now into an empty file, while a server may go on writing. Raises FileProblem if that cannot be done."""
        ...

    def directory(self, settings: Settings) -> Path | None:
        """The directory that is the server's alone as long as it has the journal open; None if there is none."""
        ...

    def own_files(self, settings: Settings) -> OwnFiles:
        """The files that the engine writes, and nobody else may."""
        ...


def engine_named(name: EngineName) -> Engine:
    """The engine of this name."""
    return cast("Engine", import_module(MODULES[name]))
