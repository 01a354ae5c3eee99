"""How many cases wait for moderators: asked of what keeps them now and then, for whoever watches over the server. Never knows what they are about."""

import trio

from chat_server.accounts.cases import CASE_KINDS
from chat_server.guard import Guard
from chat_server.journal import JournalError
from chat_server.journal.engines import Store

LOOK_SECONDS = 60.0
"""Seconds between two looks: it is one question for what keeps them."""


class OpenCases:
    """What was found when it was last looked."""

    def __init__(self, store: Store) -> None:
        """It has not been looked."""
        self._store = store
        self.waiting: dict[tuple[str, ...], float] | None = None
        """How many wait, by their kind; None: it is not known."""

    async def run(self) -> None:
        """Look, until cancelled."""
        while True:
            with Guard("it cannot be looked how much waits for moderators"):
                self.waiting = await self._counted()
            await trio.sleep(LOOK_SECONDS)

    async def _counted(self) -> dict[tuple[str, ...], float] | None:
        waiting: dict[tuple[str, ...], float] = {(kind,): 0.0 for kind in CASE_KINDS}
        try:
            for one in await self._store.accounts.cases.counted(self._store.now(), 0, ""):
                waiting[one.kind,] += one.how_many
        except JournalError:
            return None
        return waiting
