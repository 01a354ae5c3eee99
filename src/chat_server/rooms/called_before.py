"""Who was named in the last lines before a server was killed: that is kept a moment after the lines, and may be lacking.

So the next start looks through the last seconds of what is kept, for the names of people who are remembered in a room and have not been shown
the line, as far as is known; what is kept already is kept once. Where other nodes live on, the one that gives a node up does so with what was said
around its last sign of life. Who was there when the server was killed may so be told of a line that they have seen. Nothing of this is done while
lines are said. Never knows how mentions are kept.
"""

from collections.abc import Awaitable, Callable, Collection, Mapping, Sequence
from math import inf
from typing import NamedTuple

from chat_server.accounts import sender_of
from chat_server.guard import Guard
from chat_server.journal import JournalError, RoomRecord
from chat_server.journal.happened import account_of
from chat_server.journal.showable import showable_state
from chat_server.logs import log
from chat_server.protocol.entries import Spoken
from chat_server.protocol.mentions import names_in
from chat_server.protocol.names import name_key
from chat_server.protocol.stored_event import StoredEvent
from chat_server.rooms.calls import CALLING, KNOWN_MAX, Call, Calls, Directory

LAST_SECONDS = 2.0
"""Seconds before the newest line of all, or before a node's last sign of life: who was named earlier has been noted by then."""

LINES_MAX = 400
"""Lines of a room that are looked through: what is looked through of two seconds while they are said."""


class Left(NamedTuple):
    """A room as it was left, and the accounts that are in it at other nodes: they hear what is said."""

    record: RoomRecord
    elsewhere: Collection[int] = ()


async def look_before(rooms: Sequence[Left], directory: Directory, calls: Calls) -> None:
    """Have those looked into who were named in the last lines of these rooms, before a start."""
    newest = max((left.record.last_at for left in rooms), default=-inf)

    async def first_of(record: RoomRecord) -> int:
        return record.last - LINES_MAX + 1

    await _look_through(rooms, newest - LAST_SECONDS, first_of, directory, calls)


async def look_around(rooms: Sequence[Left], at: float, directory: Directory, calls: Calls) -> None:
    """The same with what was said around this time, at which a node gave its last sign of life that is given up by now."""

    async def first_of(record: RoomRecord) -> int:
        return await directory.journal.seq_at(record.name, at - LAST_SECONDS)

    await _look_through(rooms, at - LAST_SECONDS, first_of, directory, calls)


async def _look_through(
    rooms: Sequence[Left],
    since: float,
    first_of: Callable[[RoomRecord], Awaitable[int]],
    directory: Directory,
    calls: Calls,
) -> None:
    guard = Guard("it could not be looked who was named before a server was killed")
    for left in rooms:
        record = left.record
        if record.last >= record.first and record.last_at >= since:
            with guard:
                try:
                    first = max(record.first, await first_of(record))
                    await _look(left, first, since, directory, calls)
                except JournalError as error:
                    log.warning("cannot look who was named before a server was killed", why=str(error))


async def _look(left: Left, first: int, since: float, directory: Directory, calls: Calls) -> None:
    record, names = left.record, directory.accounts.names
    read = await directory.journal.positions(record.name)
    were_here = [account for who in read if (account := account_of(who))]
    roles = showable_state(record.state).roles
    accounts = dict.fromkeys([*roles, *reversed(were_here)][:KNOWN_MAX])
    known = {name_key(name): account for account in accounts if (name := names.name_of(account))}
    if not known:
        return
    page = await directory.journal.read(record.name, first, min(first + LINES_MAX - 1, record.last))
    for line in page.lines:
        if isinstance(line, CALLING) and line.at >= since:
            for account in _named(line, known, read):
                if account not in left.elsewhere and names.holder(name_key(names.name_of(account))) == account:
                    calls.put(Call(account, record.name, line.seq, line.at, line.author, line.nick, is_here=False))


def _named(line: StoredEvent, known: Mapping[str, int], read: Mapping[str, int]) -> Sequence[int]:
    """Which accounts a line names that have not been shown it."""
    named = {known[key] for key in names_in(line.text, known)}
    if isinstance(line, Spoken) and line.account in known.values():
        named.add(line.account)
    return [one for one in named if one != line.author and read.get(sender_of(one), 0) < line.seq]
