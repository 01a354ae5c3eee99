"""How an engine reads and changes the tables in which it keeps accounts, and what other nodes hear of a change: the one protocol of these engines."""

from collections.abc import Callable
from typing import Protocol, TypeVar

from msgspec import Struct

from chat_server.accounts import Choices, Ended, Rewritten
from chat_server.accounts.names_index import NamesIndex
from chat_server.journal.account_changes import Tables

T = TypeVar("T")


class News(Struct, frozen=True):
    """What other nodes hear of a change."""

    changed: int = 0
    """The account whose name, kept names or role are other ones; 0: nobody's are."""
    revoked: int = 0
    """The account into which less lets anybody; 0: as much as before does, to everybody's."""
    devices: tuple[int, ...] | None = None
    """The devices by which nobody comes in any more; None: nothing that has let anybody in until now does."""
    why: str = ""
    """What those are told who have come by them."""
    chooser: int = 0
    """The account whose holder has chosen something; 0: nobody has."""
    chosen: Choices | None = None
    """What they have."""
    acted: int = 0
    """The number of what a moderator or an admin of the server has done; 0: nobody has done anything."""


class Storage(Protocol):
    """How an engine reads and changes its tables."""

    names: NamesIndex

    async def read(self, question: Callable[[Tables], T]) -> T:
        """Ask the tables. Raises JournalError."""
        ...

    async def store(
        self,
        change: Callable[[Tables], T],
        note: Callable[[T], object] | None = None,
        *,
        news: Callable[[T], News] | None = None,
        person: str = "",
    ) -> T:
        """Change the tables by one commit. Raises JournalError, and then nothing is changed.

        Args:
            change: what is done; it may be done anew, if something else came between.
            note: called with what came of it when that is stored, before anybody goes on.
            news: what other nodes hear of it.
            person: who may have a name that is taken here, among those who are at any node.

        """
        ...

    def submit(self, change: Callable[[Tables], object]) -> None:
        """Have the tables changed, for which nobody waits."""

    async def store_positions(self) -> None:
        """Have everybody's read positions stored that are noted."""

    async def rewrite(self, ended: Ended) -> Rewritten:
        """Have the lines of an account rewritten that has ended, and wait for it."""
        ...
