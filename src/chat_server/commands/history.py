"""A room whose past can be read: the commands for pages.

A page is a range of numbers, since numbers have no holes. Never knows who is in the room.
"""

import time
from abc import abstractmethod

from chat_server.commands.handler import Pause
from chat_server.journal import Journal, JournalError
from chat_server.protocol.days import NotADay, Span, span_of
from chat_server.protocol.entries import PageShown
from chat_server.protocol.events import Refused
from chat_server.protocol.requests import LAST_MAX, Around, Before, History, Last, OnDate, Search, Since
from chat_server.protocol.typed import shortened
from chat_server.rooms.paging import AROUND, PAGE_MAX, answered, page
from chat_server.rooms.room import ListedRoom, Occupant


class ReadableRoom(ListedRoom):
    """A room that is kept."""

    @property
    @abstractmethod
    def last_seq(self) -> int:
        """The number of the newest line that everybody has been shown."""

    @property
    def position(self) -> dict[str, int]:
        """How far somebody has come who has been shown everything."""
        return {self.name: self.last_seq}

    @property
    def _journal(self) -> Journal:
        return self.directory.journal

    def rooms_to_search(self, request: Search) -> list[str] | None:
        """The room itself, if not all."""
        return None if request.everywhere else [self.name]

    async def _show(self, session: Occupant, first: int, last: int, *, from_end: bool = False) -> None:
        await answered(
            session,
            page(self._journal, self.name, first, last, newest=self.last_seq, zone=session.zone, from_end=from_end),
        )

    def do_last(self, session: Occupant, request: Last) -> Pause:
        """Read the newest lines.

        Up to 200; 20 if you give no number.
        """
        return self._show_last(session, min(request.count, LAST_MAX))

    async def _show_last(self, session: Occupant, count: int) -> None:
        await self.settled(session)
        await self._show(session, self.last_seq - count + 1, self.last_seq, from_end=True)

    def do_since(self, session: Occupant, request: Since) -> Pause:
        """Read what came after a line.

        A line is named by its number in this room, such as 4711.
        """
        return self._show_since(session, request.number, PAGE_MAX)

    async def _show_since(self, session: Occupant, number: int, count: int) -> None:
        await self.settled(session)
        await self._show(session, number + 1, number + count)

    def do_before(self, session: Occupant, request: Before) -> Pause:
        """Read what came before a line.

        A line is named by its number in this room, such as 4711.
        """
        return self._show_before(session, request.number, PAGE_MAX)

    async def _show_before(self, session: Occupant, number: int, count: int) -> None:
        await self.settled(session)
        last = min(number - 1, self.last_seq)
        await self._show(session, last - count + 1, last, from_end=True)

    def read_history(self, session: Occupant, request: History) -> Pause:
        """Show so many lines before or after a number."""
        count = min(request.count or PAGE_MAX, LAST_MAX)
        if request.before is None:
            return self._show_since(session, request.after or 0, count)
        return self._show_before(session, request.before, count)

    async def catch_up(self, session: Occupant, after: int, last: int) -> None:
        """Show the session every line behind `after`, up to and with `last`: page by page, as fast as it reads."""
        try:
            await self._catch_up(session, after, last)
        except JournalError:
            session.send(Refused("cannot-read"))
        finally:
            session.has_come_to(self.name, None)

    async def _catch_up(self, session: Occupant, after: int, last: int) -> None:
        while True:
            session.has_come_to(self.name, after)
            await session.drained()
            shown = await page(
                self._journal, self.name, after + 1, min(after + PAGE_MAX, last), newest=last, zone=session.zone
            )
            session.send(shown)
            come_from = after
            after = shown.numbers[1] if shown.numbers else max(after, shown.first - 1)
            if after >= last or after == come_from:
                return

    def do_around(self, session: Occupant, request: Around) -> Pause:
        """Read the lines around a line.

        A line is named by its number in this room, such as 4711.
        """
        return self._show(session, request.number - AROUND, request.number + AROUND)

    def do_date(self, session: Occupant, request: OnDate) -> Pause:
        """Read from the beginning of a day, or from a time of day.

        A day is written as 2026-11-20, today, yesterday, or -3d for three days ago; it begins at midnight in the zone that /time shows.
        /date 14:30 is the last time that it was half past two in the afternoon.
        """
        try:
            span = span_of(request.day, time.time(), session.zone)
        except NotADay:
            session.send(Refused("usage-not-a-day", {"value": shortened(request.day)}))
            return None
        return answered(session, self._page_of(span, session.zone))

    async def _page_of(self, span: Span, zone: str) -> PageShown:
        first = await self._journal.seq_at(self.name, span.start, span.end)
        return await page(self._journal, self.name, first, first + PAGE_MAX - 1, newest=self.last_seq, zone=zone)
