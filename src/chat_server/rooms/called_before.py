"""Who was named in the last lines before a server was killed: that is kept a moment after the lines, and may be lacking.

So the next start looks through the last seconds of what is kept, for the names of people who are remembered in a room and have not been shown
the line, as far as is known; what is kept already is kept once. Where other nodes live on, the engine notes each that is given up, until one of them
has done so with what was said around its last sign of life; if that one is killed over it, another does. Who has come into the room since was not
there: the room's turns say so. Who was there by the server that was killed may be told of a line that they have seen. Nothing of this is done
while lines are said. Never knows how mentions are kept.
"""

from collections import defaultdict
from collections.abc import AsyncIterator, Collection, Mapping, Sequence
from math import inf
from typing import NamedTuple

from chat_server.accounts import sender_of
from chat_server.guard import Guard
from chat_server.journal import JournalError, RoomRecord
from chat_server.journal.happened import PersonId, account_of
from chat_server.journal.nodes import Came, Elsewhere, Moved, Nodes, Went
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
    """A room as it was left, and who is in it at other nodes: they hear what is said."""

    record: RoomRecord
    elsewhere: Sequence[Elsewhere] = ()


async def look_before(rooms: Sequence[Left], directory: Directory, calls: Calls) -> None:
    """Have those looked into who were named in the last lines of these rooms, before a start."""
    newest = max((left.record.last_at for left in rooms), default=-inf)
    await _look_through(rooms, newest - LAST_SECONDS, directory, calls)


async def make_up(nodes: Nodes, directory: Directory, calls: Calls, *, gives_up: bool = False) -> None:
    """The same for nodes that were given up, with what was said around the time of their last signs of life; then they are noted no more.

    A room of which it cannot be looked keeps nobody from the others.

    Args:
        nodes: this one among them.
        directory: who is here.
        calls: what is found is kept by these.
        gives_up: whether a room that cannot be read is left out for good.

    Raises:
        JournalError: something cannot be read now, or stored, and is to be tried again. They are noted still.

    """
    gone, refused = await nodes.gone.left(), list[JournalError]()
    guard = Guard("it could not be looked who was named before a node was given up")
    for at in sorted({one.seen for one in gone}):
        for record in await directory.journal.rooms():
            if record.last >= record.first and record.last_at >= at - LAST_SECONDS:
                with guard:
                    try:
                        await _make_up(nodes, record, at - LAST_SECONDS, directory, calls)
                    except JournalError as error:
                        refused.append(error)
                if refused and nodes.life.is_engine_away:
                    raise refused[-1]
    if refused and not gives_up:
        raise refused[0]
    if refused:
        log.warning("cannot look who was named in some rooms before a node was given up", why=str(refused[0]))
    if gone:
        await nodes.gone.made_up([one.number for one in gone])


async def _make_up(nodes: Nodes, record: RoomRecord, since: float, directory: Directory, calls: Calls) -> None:
    first = max(record.first, await directory.journal.seq_at(record.name, since))
    # In this order: whoever comes or goes meanwhile has moved by what is read last.
    read = await directory.journal.positions(record.name)
    people = (await nodes.open(record.name)).people
    moved, living = await nodes.gone.moved(record.name, first), {one.number for one in await nodes.listed()}
    there = _There(read, people, moved, living)
    await calls.keep([one async for one in _called(record, there, first, since, directory)])


async def _look_through(
    rooms: Sequence[Left],
    since: float,
    directory: Directory,
    calls: Calls,
) -> None:
    guard = Guard("it could not be looked who was named before a server was killed")
    for left in rooms:
        record = left.record
        if record.last >= record.first and record.last_at >= since:
            with guard:
                try:
                    there = _There(await directory.journal.positions(record.name), left.elsewhere)
                    first = max(record.first, record.last - LINES_MAX + 1)
                    async for call in _called(record, there, first, since, directory):
                        calls.put(call)
                except JournalError as error:
                    log.warning("cannot look who was named before a server was killed", why=str(error))


async def _called(
    record: RoomRecord, there: "_There", first: int, since: float, directory: Directory
) -> AsyncIterator[Call]:
    names = directory.accounts.names
    were_here = [account for who in there.read if (account := account_of(who))]
    roles = showable_state(record.state).roles
    accounts = dict.fromkeys([*roles, *reversed(were_here)][:KNOWN_MAX])
    known = {name_key(name): account for account in accounts if (name := names.name_of(account))}
    if not known:
        return
    page = await directory.journal.read(record.name, first, min(first + LINES_MAX - 1, record.last))
    for line in reversed(page.lines):
        there.go_back(line.seq)
        if isinstance(line, CALLING) and line.at >= since:
            for account in _named(line, known):
                has_heard = there.has_heard(sender_of(account), line.seq)
                if not has_heard and names.holder(name_key(names.name_of(account))) == account:
                    yield Call(account, record.name, line.seq, line.at, line.author, line.nick, is_here=False)


class _There:
    """Who is in a room at other nodes, and who was, line by line back from the newest; and how far everybody has read by now."""

    def __init__(
        self,
        read: Mapping[PersonId, int],
        people: Sequence[Elsewhere],
        moved: Sequence[Moved] = (),
        living: Collection[int] = (),
    ) -> None:
        """These are there, and have moved; the nodes with these numbers live."""
        self.read = read
        self._living = living
        self._places: defaultdict[PersonId, set[tuple[int, int]]] = defaultdict(set)
        self._given_up: defaultdict[PersonId, set[tuple[int, int]]] = defaultdict(set)  # with the node
        for one in people:
            if not one.bot:  # which hears it for nobody
                self._places[one.person].add((one.node, one.device))
        self._moved = [*moved]
        self._came: set[PersonId] = set()

    def go_back(self, seq: int) -> None:
        """It is as it was when the line with this number was said."""
        while self._moved and self._moved[-1].before > seq:
            _, node, movement = self._moved.pop()
            if isinstance(movement, Came):
                if not movement.bot:
                    self._came.add(movement.person)
                for places in (self._places, self._given_up):
                    places[movement.person].discard((node, movement.device))
            elif isinstance(movement, Went) and (
                movement.has_read or node not in self._living
            ):  # else it was a bot, mostly
                places = self._places if movement.has_read else self._given_up
                places[movement.person].add((node, movement.device))

    def has_heard(self, who: PersonId, seq: int) -> bool:
        """Whether somebody has heard the line with this number, as far as is known.

        What somebody has read does not count who came later, but of those who were there by a node that was given up nothing else is known.
        """
        came_later = who in self._came and not self._given_up[who]
        return bool(self._places[who]) or (self.read.get(who, 0) >= seq and not came_later)


def _named(line: StoredEvent, known: Mapping[str, int]) -> Sequence[int]:
    """Which accounts a line names, but its author."""
    named = {known[key] for key in names_in(line.text, known)}
    if isinstance(line, Spoken) and line.account in known.values():
        named.add(line.account)
    return [one for one in named if one != line.author]
