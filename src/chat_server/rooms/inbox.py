"""A room's inbox: everything that happens in the room enters it, and leaves it in the same order.

Whatever is put in has its place at once, for it is true from then on: who may put in no more for now waits afterwards. A run of lines waits before
it is put in, so that one turn of the room has only so many. Who waits goes on before whoever comes later. Never knows what an entry means, nor who
is in the room.
"""

from collections import OrderedDict
from collections.abc import Callable
from contextlib import suppress
from math import inf
from typing import TypeVar, cast

import trio

from chat_server.protocol.runs import RUN_MAX, SayRun
from chat_server.rooms.batch import InboxEntry
from chat_server.rooms.room import MaybeAwaitable

INBOX_MAX = 1024
"""Entries that wait in a room's inbox, and lines of runs among them; then each who has one more waits."""

BATCH_MAX = 2 * INBOX_MAX + RUN_MAX + 1
"""More lines than any turn has: all entries that wait and the one before them, and the lines of runs, of which the last begins below the bound."""

T = TypeVar("T")


class Inbox:
    """What waits for a room's broadcaster: a memory channel, which takes whatever is put in; the bound is what those wait for who put it in."""

    def __init__(self) -> None:
        self._send, self._receive = trio.open_memory_channel[InboxEntry](inf)
        self._entries = 0  # which wait
        self._lines_in_runs = 0  # which wait
        self._taken_out = 0  # entries, since the beginning
        # For whom people wait to go on, in turn, each with what is set then: entries that are in, by their numbers; and runs that are not.
        self._far_behind: OrderedDict[trio.Event, int] = OrderedDict()
        self._outside: OrderedDict[trio.Event, InboxEntry] = OrderedDict()
        self.refuse: Callable[[InboxEntry], None] | None = None
        """What is done with an entry where nothing more is taken in; None: whatever is put in is taken."""

    def __len__(self) -> int:
        return self._entries

    def put(self, entry: InboxEntry) -> MaybeAwaitable:
        """Put something in; if too much waits, return what to await. Raises ClosedResourceError if nothing more is taken in."""
        if type(entry[2]) is SayRun:
            return self._put_run(entry, entry[2].texts.count)
        self.put_nowait(entry)
        return None if self._entries <= INBOX_MAX else self._room_for_more(self._taken_out + self._entries)

    def put_nowait(self, entry: InboxEntry) -> None:
        """Put something in for one who cannot wait. Raises ClosedResourceError if nothing more is taken in."""
        if self.refuse is not None:
            self.refuse(entry)
            return
        self._send.send_nowait(entry)
        self._entries += 1

    async def _room_for_more(self, number: int) -> None:
        if number > self._taken_out + INBOX_MAX:
            await _wait_in(self._far_behind, number)

    def _put_run(self, entry: InboxEntry, lines: int) -> MaybeAwaitable:
        if self._outside or self._is_full_for_runs:
            return self._put_run_later(entry, lines)
        self.put_nowait(entry)
        if self.refuse is None:  # else nothing waits, and nobody may
            self._lines_in_runs += lines
        return None

    async def _put_run_later(self, entry: InboxEntry, lines: int) -> None:
        if self._outside or self._is_full_for_runs:
            await _wait_in(self._outside, entry)
        else:
            self.put_nowait(entry)
            self._lines_in_runs += lines

    @property
    def _is_full_for_runs(self) -> bool:
        return self._lines_in_runs >= INBOX_MAX or self._entries >= INBOX_MAX

    async def first(self) -> InboxEntry:
        """Wait for what comes next, and take it out. Raises EndOfChannel when nothing waits any more and nothing more is taken in."""
        entry = await self._receive.receive()
        self._entries -= 1
        self._taken_out += 1
        return entry

    def take_all_after(self, entries: list[InboxEntry]) -> None:
        """Take out everything that waits by now, but no more than a turn may have, and add it to the one that was taken out before."""
        if self._entries:
            count = min(self._entries, INBOX_MAX)
            self._entries -= count
            self._taken_out += count
            entries += [self._receive.receive_nowait() for _ in range(count)]
        if self._lines_in_runs:
            self._lines_in_runs -= sum([what.texts.count for _, _, what, _ in entries if type(what) is SayRun])
        while self._far_behind and next(iter(self._far_behind.values())) <= self._taken_out + INBOX_MAX:
            self._far_behind.popitem(last=False)[0].set()
        while self._outside and not self._is_full_for_runs:
            self._take_in()

    def _take_in(self) -> None:
        """Put in the run that has waited longest."""
        may_go_on, entry = self._outside.popitem(last=False)
        self.put_nowait(entry)
        self._lines_in_runs += len(cast(SayRun, entry[2]))
        may_go_on.set()

    def end(self, refuse: Callable[[InboxEntry], None]) -> None:
        """Take nothing more in, and have what waits refused, and whatever comes; who waits goes on."""
        self.close()
        with suppress(trio.EndOfChannel):
            while True:
                refuse(self._receive.receive_nowait())
        self._taken_out += self._entries
        self._entries = self._lines_in_runs = 0
        for may_go_on in self._far_behind:
            may_go_on.set()
        self.refuse = refuse

    def close(self) -> None:
        """Take nothing more in but what has waited for that."""
        while self._outside:
            self._take_in()
        self._send.close()


async def _wait_in(line: "OrderedDict[trio.Event, T]", what: T) -> None:
    """Wait until one may go on, after all who are in line already; who gives up before leaves it, however long the line is."""
    may_go_on = trio.Event()
    line[may_go_on] = what
    try:
        await may_go_on.wait()
    finally:
        line.pop(may_go_on, None)
