"""Who waits until all that happened in a room of several nodes is stored: what was said, and who came, went and has another name.

That may be owed for a while (shared_broadcaster.py), long after the turn in which it happened. Never knows what it is waited for.
"""

from collections.abc import Callable, Sequence

from chat_server.guard import Guard
from chat_server.rooms.batch import Barrier, InboxEntry


class StoredLater:
    """Those who wait in one room."""

    def __init__(self, guard: Guard) -> None:
        self._guard = guard
        self._waiting: dict[Callable[[], object], None] = {}

    def note(self, entries: Sequence[InboxEntry]) -> None:
        """See who waits among these, which a turn has taken. Harmless for those that were noted before."""
        for _, _, what, _ in entries:
            if type(what) is Barrier and what.stored is not None:
                self._waiting[what.stored] = None

    def tell(self) -> None:
        """Nothing is owed, or never will be."""
        while self._waiting:
            self._guard.attempt(self._waiting.popitem()[0])
