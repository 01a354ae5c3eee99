"""Which journal engines there are: the one place that knows them by name.

An engine is imported when it is chosen (`[journal] engine` in config.py), and only then. It must never know what an engine is made of.
"""

import time
from contextlib import AbstractContextManager
from importlib import import_module
from pathlib import Path
from typing import Literal, NamedTuple, Protocol, cast

from msgspec import Struct

from chat_server.accounts import Accounts
from chat_server.journal import Journal, UnusableJournal
from chat_server.journal.archive import Archive, Filler, Progress, RoomEditor
from chat_server.journal.new_file import OwnFiles
from chat_server.journal.nodes import Nodes

EngineName = Literal["sqlite", "postgresql", "memory"]

MODULES: dict[EngineName, str] = {
    "sqlite": "chat_server.journal.sqlite.engine",
    "postgresql": "chat_server.journal.postgresql.engine",
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

    @property
    def url(self) -> str:
        """How the database of an engine that has one is reached."""


class NodeSettings(Protocol):
    """What the configuration says of this server among those with the same journal: its table `[node]`."""

    @property
    def name(self) -> str:
        """What it is called; empty: what the machine is."""

    @property
    def silence_seconds(self) -> float:
        """Seconds after which the others give it up when nothing is heard of it."""


class _Alone(Struct, frozen=True):
    name: str = ""
    silence_seconds: float = 10.0


ALONE: NodeSettings = _Alone()
"""Nothing is said of this server."""


class Store(NamedTuple):
    """What an engine keeps for a server. The accounts are open as long as the journal is.

    `nodes` is there if other servers may have the same journal at the same time: this server among those.
    """

    journal: Journal
    accounts: Accounts
    nodes: Nodes | None = None

    def now(self) -> float:
        """The time, in seconds since 1970: that of this machine, or the engine's if several servers have it together."""
        return time.time() if self.nodes is None else self.nodes.life.now()


class Engine(Protocol):
    """A way of keeping a journal. Every function blocks, and raises UnusableJournal where the settings lead to none that can be used."""

    def check(self, settings: Settings) -> None:
        """See that the settings can be right, as far as that shows without opening anything."""

    def probe(self, settings: Settings) -> list[str]:
        """See whether a start could use what is there, and change nothing. Returns what its owner should know. A database has seconds to answer."""
        ...

    def quick_look(self, settings: Settings, seconds: float) -> str:
        """Look through what is kept for damage, for so long at most: what is wrong, "" if nothing is seen, or nothing is kept."""
        ...

    def open_store(self, settings: Settings, node: NodeSettings = ALONE) -> Store:
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

    def back_up_beside(self, settings: Settings, directory: Path) -> None:
        """Keep, in a directory with copies, what has to outlast all of them: which accounts have ended. Raises FileProblem if that cannot be done."""
        ...

    def open_copy(self, copy: Path) -> Archive:
        """Open what `back_up` has made, for reading. Raises FileProblem if it is none."""
        ...

    def restore(self, settings: Settings, copy: Path, progress: Progress, *, force: bool) -> Path | None:
        """Put a copy in the place of the journal, and take over what is kept beside it. Its rooms are others than they were (RoomRecord.id).

        Args:
            settings: which journal.
            copy: what `back_up` has made.
            progress: told of pages.
            force: whether a journal that is there already may be put aside.

        Returns:
            Where the journal that was there is now; None if there was none.

        Raises:
            FileProblem: it cannot be done, and the journal is as it was.

        """
        ...

    def directory(self, settings: Settings) -> Path | None:
        """The directory that is the server's alone as long as it has the journal open; None if there is none."""
        ...

    def own_files(self, settings: Settings) -> OwnFiles:
        """The files that the engine writes, and nobody else may."""
        ...


def engine_named(name: EngineName) -> Engine:
    """The engine of this name. Raises UnusableJournal if what it needs is not installed."""
    try:
        return cast("Engine", import_module(MODULES[name]))
    except ImportError as error:
        if (error.name or "").startswith("chat_server"):
            raise
        raise UnusableJournal(
            f'[journal] engine = "{name}" needs what is not installed ({error}): pip install "chat-server[{name}]"'
        ) from error
