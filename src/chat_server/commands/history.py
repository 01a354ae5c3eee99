"""Reading back what was said: pages by number, by day, by words.

A page is a range of numbers, since numbers have no holes. What a search finds is decided in journal/words.py. Never knows who is in the room.
"""

from collections.abc import Awaitable, Callable

from chat_server.commands.access import access
from chat_server.commands.bots import rooms_of_bot
from chat_server.commands.chosen import note_choice
from chat_server.commands.handler import CommandHandler
from chat_server.journal import JournalError
from chat_server.protocol.days import NotADay, Span, span_of
from chat_server.protocol.entries import PageShown
from chat_server.protocol.events import Event, Refused
from chat_server.protocol.requests import (
    HISTORY_MAX,
    LAST_MAX,
    Around,
    Before,
    History,
    Last,
    OnDate,
    Search,
    Since,
)
from chat_server.protocol.setting_events import HistoryChosen
from chat_server.protocol.typed import shortened
from chat_server.rooms.blocking import shown_to
from chat_server.rooms.paging import AROUND, PAGE_MAX
from chat_server.rooms.reader import page, search
from chat_server.rooms.room import CONVERSATION, HALL, ROOM, MaybeAwaitable, Occupant, Room


class HistoryCommands(CommandHandler):
    """To read back what was said."""

    @access(where=(ROOM, CONVERSATION), asks_engine=True)
    def do_last(self, place: Room, session: Occupant, request: Last) -> MaybeAwaitable:
        """Read the newest lines.

        Up to 200; 20 if you give no number.
        """
        return _show_last(place, session, min(request.count, LAST_MAX))

    @access(where=(ROOM, CONVERSATION), asks_engine=True)
    def do_since(self, place: Room, session: Occupant, request: Since) -> MaybeAwaitable:
        """Read what came after a line.

        A line is named by its number in this room, such as 4711.
        """
        return _show_since(place, session, request.number, PAGE_MAX)

    @access(where=(ROOM, CONVERSATION), asks_engine=True)
    def do_before(self, place: Room, session: Occupant, request: Before) -> MaybeAwaitable:
        """Read what came before a line.

        A line is named by its number in this room, such as 4711.
        """
        return _show_before(place, session, request.number, PAGE_MAX)

    @access(where=(ROOM, CONVERSATION), asks_engine=True)
    def do_around(self, place: Room, session: Occupant, request: Around) -> MaybeAwaitable:
        """Read the lines around a line.

        A line is named by its number in this room, such as 4711.
        """
        return _show_around(place, session, request.number)

    @access(where=(ROOM, CONVERSATION), asks_engine=True)
    def do_date(self, place: Room, session: Occupant, request: OnDate) -> MaybeAwaitable:
        """Read from the beginning of a day, or from a time of day.

        A day is written as 2026-11-20, yesterday, monday, -3d or 3 days ago; it begins at midnight in the zone that /time shows.
        /date 14:30 is the last time that it was half past two; there are also -2h or 2 hours ago, and yesterday 14:00.
        """
        try:
            span = span_of(request.day, place.directory.authentication.now(), session.person.zone)
        except NotADay:
            session.send(Refused("usage-not-a-day", {"value": shortened(request.day)}))
            return None
        return _answered(session, place, lambda: _page_of(place, session, span))

    @access(where=(ROOM, CONVERSATION), asks_engine=True)
    def do_search(self, place: Room, session: Occupant, request: Search) -> MaybeAwaitable:
        """Search this room (-a: all rooms).

        It finds lines that have all of the words.
        "Words in quotes" are found together; wor* is any word that begins with wor (three letters or more).
        With -a it looks in all rooms, and in your conversations.
        """
        return _search(place, session, request.words, None if request.everywhere else [place.name])

    @access(where=(HALL,), asks_engine=True)
    def do_search_from_hall(self, place: Room, session: Occupant, request: Search) -> MaybeAwaitable:
        """Search all rooms, and your conversations.

        It finds lines that have all of the words.
        "Words in quotes" are found together; wor* is any word that begins with wor (three letters or more).
        """
        return _search(place, session, request.words, None)

    def do_history(self, place: Room, session: Occupant, request: History) -> MaybeAwaitable:
        """Choose how many lines you see on entering a room.

        It is 0 to 50. Without a number: show how many.
        """
        if request.before is not None or request.after is not None:
            return self._page(place, session, request)
        if request.count is not None and session.proof.is_bot:
            session.send(Refused("not-for-bots", {"word": "history"}))
            return None
        if request.count is not None:
            session.person.history = min(request.count, HISTORY_MAX)
        session.send(HistoryChosen(session.person.history))
        return None if request.count is None else note_choice(place, session, "history", session.person.history)

    def _page(self, place: Room, session: Occupant, request: History) -> MaybeAwaitable:
        """So many lines before or after a number, which only rooms have."""
        if place.kind == HALL:
            session.send(Refused("not-in-hall", {"word": "history"}))
            return None
        count = min(request.count or PAGE_MAX, LAST_MAX)
        if request.before is None:
            return _show_since(place, session, request.after or 0, count)
        return _show_before(place, session, request.before, count)


async def _answered(session: Occupant, room: Room, answer: Callable[[], Awaitable[Event]]) -> None:
    """Send the answer, when what was said before is in it; or that the journal cannot be read just now."""
    await room.flushed(session)
    try:
        await room.opened()
        found = await answer()
        session.send(shown_to(session.person.blocks, found))  # whom they have blocked by now
    except JournalError:
        session.send(Refused("cannot-read"))


async def _show(
    room: Room, session: Occupant, wanted: Callable[[int], tuple[int, int]], *, from_end: bool = False
) -> None:
    """Show the lines that are wanted of a room, of which the newest has a number."""
    await _answered(session, room, lambda: page(room, session, *wanted(room.last_seq), from_end=from_end))


async def _show_last(room: Room, session: Occupant, count: int) -> None:
    await _show(room, session, lambda newest: (newest - count + 1, newest), from_end=True)


async def _show_since(room: Room, session: Occupant, number: int, count: int) -> None:
    await _show(room, session, lambda _: (number + 1, number + count))


async def _show_before(room: Room, session: Occupant, number: int, count: int) -> None:
    def wanted(newest: int) -> tuple[int, int]:
        last = min(number - 1, newest)
        return last - count + 1, last

    await _show(room, session, wanted, from_end=True)


async def _show_around(room: Room, session: Occupant, number: int) -> None:
    await _show(room, session, lambda _: (number - AROUND, number + AROUND))


async def _page_of(room: Room, session: Occupant, span: Span) -> PageShown:
    first = await room.directory.journal.seq_at(room.kept_as, span.start, span.end)
    first = max(first, room.reads_from(session))
    return await page(room, session, first, first + PAGE_MAX - 1)


async def _search(place: Room, session: Occupant, words: str, rooms: list[str] | None) -> None:
    limited_to = await rooms_of_bot(place, session) if rooms is None and session.proof.is_bot else None
    if isinstance(limited_to, Refused):
        session.send(limited_to)
        return
    await place.flushed(session)
    try:
        await place.opened()
    except JournalError:
        session.send(Refused("cannot-read"))
        return
    found = await search(place, session, words, rooms if limited_to is None else [*limited_to])
    session.send(shown_to(session.person.blocks, found))


async def catch_up(room: Room, session: Occupant, after: int, last: int) -> None:
    """Show the session every line after the number `after`, up to and with `last`: page by page, as fast as it reads."""
    try:
        await _catch_up(room, session, after, last)
    except JournalError:
        session.send(Refused("cannot-read"))
    finally:
        session.replayed_up_to(room.name, None)


async def _catch_up(room: Room, session: Occupant, after: int, last: int) -> None:
    while True:
        session.replayed_up_to(room.name, after)
        await session.drained()
        shown = await page(room, session, after + 1, min(after + PAGE_MAX, last), newest=last)
        session.send(shown_to(session.person.blocks, shown))
        come_from = after
        after = shown.numbers[1] if shown.numbers else max(after, shown.first - 1)
        if after >= last or after == come_from:
            return
