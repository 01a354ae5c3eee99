"""A room's inbox: everything that happens in the room enters it, and leaves it in the same order.

A bounded memory channel. Entries count, and the lines of runs among them, so that one turn of the room has only so much to do. Never knows what an
entry means, nor who is in the room.
"""

from contextlib import suppress

import trio

from chat_server.protocol.runs import RUN_MAX, SayRun
from chat_server.rooms.batch import InboxEntry
from chat_server.rooms.room import MaybeAwaitable

INBOX_MAX = 1024
"""Entries that wait in a room's inbox, and lines of runs among them; then whoever has more waits."""

BATCH_MAX = 2 * INBOX_MAX + RUN_MAX + 1
"""More lines than any turn has: all entries that wait and the one before them, and the lines of runs, of which the last begins below the bound."""


class Inbox:
    """What waits for a room's broadcaster."""

    def __init__(self) -> None:
        self._send, self._receive = trio.open_memory_channel[InboxEntry](INBOX_MAX)
        self._lines_in_runs = 0  # which wait
        self._taken = trio.lowlevel.ParkingLot()

    def __len__(self) -> int:
        return self._receive.statistics().current_buffer_used

    def put(self, entry: InboxEntry) -> MaybeAwaitable:
        """Put something in; if there is no room for it, return what to await."""
        if type(entry[2]) is SayRun:
            return self._put_run(entry, len(entry[2]))
        try:
            self._send.send_nowait(entry)
        except trio.WouldBlock:
            return self._send.send(entry)
        return None

    def put_nowait(self, entry: InboxEntry) -> None:
        """Put something in. Raises WouldBlock if there is no room for it, ClosedResourceError if nothing more is taken in."""
        self._send.send_nowait(entry)

    def _put_run(self, entry: InboxEntry, lines: int) -> MaybeAwaitable:
        if self._lines_in_runs >= INBOX_MAX:
            return self._put_run_later(entry, lines)
        try:
            self._send.send_nowait(entry)
        except trio.WouldBlock:
            return self._put_run_later(entry, lines)
        self._lines_in_runs += lines
        return None

    async def _put_run_later(self, entry: InboxEntry, lines: int) -> None:
        while self._lines_in_runs >= INBOX_MAX:
            await self._taken.park()
        self._lines_in_runs += lines
        is_in = False
        try:
            await self._send.send(entry)
            is_in = True
        finally:
            if not is_in:
                self._lines_in_runs -= lines

    async def first(self) -> InboxEntry:
        """Wait for what comes next, and take it out. Raises EndOfChannel when nothing waits any more and nothing more is taken in."""
        return await self._receive.receive()

    def take_all_after(self, entries: list[InboxEntry]) -> None:
        """Take out everything that waits by now, and add it to the one that was taken out before."""
        with suppress(trio.WouldBlock, trio.EndOfChannel):
            entries.extend(self._receive.receive_nowait() for _ in range(INBOX_MAX))
        if self._lines_in_runs:
            self._lines_in_runs -= sum(len(what) for _, _, what, _ in entries if type(what) is SayRun)
            self._taken.unpark_all()

    def close(self) -> None:
        """Take nothing more in."""
        self._send.close()
