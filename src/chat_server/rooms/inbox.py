"""A room's inbox: everything that happens in the room enters it, and leaves it in the same order.

Whatever is put in has its place at once, for it is true from then on: who may put in no more for now waits afterwards. A run of lines waits before
it is put in, so that one turn of the room has only so many. Never knows what an entry means, nor who is in the room.
"""

from collections import deque

import trio

from chat_server.protocol.runs import RUN_MAX, SayRun
from chat_server.rooms.batch import InboxEntry
from chat_server.rooms.room import MaybeAwaitable

INBOX_MAX = 1024
"""Entries that wait in a room's inbox, and lines of runs among them; then each who has one more waits."""

BATCH_MAX = 2 * INBOX_MAX + RUN_MAX + 1
"""More lines than any turn has: all entries that wait and the one before them, and the lines of runs, of which the last begins below the bound."""


class Inbox:
    """What waits for a room's broadcaster. A deque, as a memory channel lets nobody in who does not wait, and costs each line 0.4 us more."""

    def __init__(self) -> None:
        self._entries: deque[InboxEntry] = deque()
        self._lines_in_runs = 0  # which wait
        self._is_awaited = False
        self._filled = trio.lowlevel.ParkingLot()
        self._taken = trio.lowlevel.ParkingLot()
        self._is_closed = False

    def __len__(self) -> int:
        return len(self._entries)

    def put(self, entry: InboxEntry) -> MaybeAwaitable:
        """Put something in; if too much waits, return what to await. Raises ClosedResourceError if nothing more is taken in."""
        if type(entry[2]) is SayRun:
            return self._put_run(entry, len(entry[2]))
        self.put_nowait(entry)
        return None if len(self._entries) <= INBOX_MAX else self._room_for_more()

    def put_nowait(self, entry: InboxEntry) -> None:
        """Put something in for one who cannot wait. Raises ClosedResourceError if nothing more is taken in."""
        if self._is_closed:
            raise trio.ClosedResourceError
        self._entries.append(entry)
        if self._is_awaited:
            self._is_awaited = False
            self._filled.unpark()

    async def _room_for_more(self) -> None:
        while len(self._entries) > INBOX_MAX:
            await self._taken.park()

    def _put_run(self, entry: InboxEntry, lines: int) -> MaybeAwaitable:
        if self._lines_in_runs >= INBOX_MAX or len(self._entries) >= INBOX_MAX:
            return self._put_run_later(entry, lines)
        self.put_nowait(entry)
        self._lines_in_runs += lines
        return None

    async def _put_run_later(self, entry: InboxEntry, lines: int) -> None:
        while self._lines_in_runs >= INBOX_MAX or len(self._entries) >= INBOX_MAX:
            await self._taken.park()
        self.put_nowait(entry)
        self._lines_in_runs += lines

    async def first(self) -> InboxEntry:
        """Wait for what comes next, and take it out. Raises EndOfChannel when nothing waits any more and nothing more is taken in."""
        if self._entries:
            await trio.lowlevel.checkpoint()
        while not self._entries:
            if self._is_closed:
                raise trio.EndOfChannel
            self._is_awaited = True
            await self._filled.park()
        return self._entries.popleft()

    def take_all_after(self, entries: list[InboxEntry]) -> None:
        """Take out everything that waits by now, but no more than a turn may have, and add it to the one that was taken out before."""
        if len(self._entries) <= INBOX_MAX:
            entries += self._entries
            self._entries.clear()
        else:
            entries += [self._entries.popleft() for _ in range(INBOX_MAX)]
        if self._lines_in_runs:
            self._lines_in_runs -= sum(len(what) for _, _, what, _ in entries if type(what) is SayRun)
        if self._taken:
            self._taken.unpark_all()

    def close(self) -> None:
        """Take nothing more in."""
        self._is_closed = True
        self._filled.unpark_all()
