"""What the engine is to be told at this node of several, and cannot be just now: it is told later, however long it is away.

Never knows what it is told.
"""

from collections.abc import Awaitable, Callable
from math import inf

import trio

from chat_server.guard import Guard
from chat_server.journal import JournalError
from chat_server.journal.nodes import NodeIsOver

OWED_MAX = 10_000
"""What is owed beyond which nobody is given a name: who leaves cannot be refused that their name is given back, who comes can."""

TOLD_AT_ONCE = 8
"""What is told at the same time: all of a node's people may leave at once, and each takes as long as a commit."""

AGAIN_SECONDS = 0.5
"""Seconds after which what could not be told is told again."""

Telling = Callable[[], Awaitable[None]]


class Owed:
    """What is to be told."""

    def __init__(self) -> None:
        self._send, self._receive = trio.open_memory_channel[Telling](inf)

    def is_full(self, more: int) -> bool:
        """Whether so much is owed, with what will be, that nothing should be begun by which there is more."""
        return self._send.statistics().current_buffer_used + more >= OWED_MAX

    def tell(self, telling: Telling) -> None:
        """Have this done, in no order. It is done again as long as it raises JournalError."""
        self._send.send_nowait(telling)

    async def run(self) -> None:
        """Tell whatever there is to be told, for ever."""
        async with trio.open_nursery() as nursery:
            for _ in range(TOLD_AT_ONCE):
                nursery.start_soon(self._tell_each)

    async def _tell_each(self) -> None:
        guard = Guard("something could not be told to the engine")
        async for telling in self._receive:
            with guard:
                await _tell(telling)


async def _tell(telling: Telling) -> None:
    while True:
        try:
            await telling()
        except NodeIsOver:
            return  # nothing of this node is kept any more
        except JournalError:
            await trio.sleep(AGAIN_SECONDS)
        else:
            return
