"""How far people have come in rooms, on the way into PostgreSQL: noted at once, stored soon, and before anything that depends on it.

Bounds: POSITIONS_WAITING of them wait for a database that is away. Never knows who reads them.
"""

from collections.abc import Awaitable, Callable, Mapping
from functools import partial

import trio

from chat_server.guard import Guard
from chat_server.journal import JournalError
from chat_server.journal.postgresql.arrays import integers, texts
from chat_server.journal.postgresql.link import Connection
from chat_server.journal.postgresql.room_numbers import RoomNumbers

POSITIONS_DELAY = 1.0
"""Seconds after which people's places are stored."""

POSITIONS_WAITING = 20_000
"""Places of people that wait for the database; beyond it those that were noted first are forgotten, and their owners see rooms as newcomers do."""


class Positions:
    """Those of one node that are not stored yet."""

    def __init__(self, numbers: RoomNumbers, write: Callable[[Callable[[Connection], None]], Awaitable[None]]) -> None:
        """`write` does something by a connection that writes, and raises JournalError."""
        self._numbers, self._write = numbers, write
        self.waiting: dict[tuple[str, str], int] = {}
        """What is not stored yet, by room and person; those that were noted first come first."""
        self._has_more = trio.Event()

    def note(self, room: str, person: str, seq: int) -> None:
        """Note how far somebody has come in a room; stored soon."""
        self.waiting.pop((room, person), None)
        self.waiting[room, person] = seq
        if len(self.waiting) > POSITIONS_WAITING:
            del self.waiting[next(iter(self.waiting))]
        self._has_more.set()

    async def run(self) -> None:
        """Store what is noted, until cancelled."""
        while True:
            await self._has_more.wait()
            self._has_more = trio.Event()
            await trio.sleep(POSITIONS_DELAY)
            with Guard("cannot note how far people have come"):
                try:
                    await self.store()
                except JournalError:  # they still wait
                    self._has_more.set()

    async def store(self) -> None:
        """Have all stored that are noted. Raises JournalError."""
        taken, self.waiting = self.waiting, {}
        is_done = False
        try:
            if taken:
                await self._write(partial(self._store, taken))
            is_done = True
        finally:
            if not is_done:
                self.waiting = {**taken, **self.waiting}

    def _store(self, taken: Mapping[tuple[str, str], int], connection: Connection) -> None:
        numbers = self._numbers.find(connection, {room for room, _ in taken})
        rows = [(numbers[room], person, seq) for (room, person), seq in taken.items() if room in numbers]
        if rows:
            rooms, persons, seqs = zip(*rows, strict=True)
            connection.execute("SELECT note_positions(%b, %b, %b)", [integers(rooms), texts(persons), integers(seqs)])
