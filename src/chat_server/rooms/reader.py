"""What somebody may read of what was said: every page, every search and every line that is given to anybody is asked for here.

From which number on somebody reads a room's lines, the room says (`Room.reads_from`); what is before that is to them as what was never kept.
Never knows what was asked for, nor bytes on the wire.
"""

from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from typing import NamedTuple, TypeVar

from msgspec.structs import replace

from chat_server.journal import JournalError
from chat_server.protocol.amending import Deleted
from chat_server.protocol.amendments import after, as_readable
from chat_server.protocol.entries import Amending, Entry, Found, Line, LineBlocked, PageShown
from chat_server.protocol.events import Refused
from chat_server.protocol.room_state import NOTHING
from chat_server.rooms import paging
from chat_server.rooms.conversation import Conversation, lines_in_room
from chat_server.rooms.conversations import conversations_of
from chat_server.rooms.directory import Directory
from chat_server.rooms.paging import READINGS_MAX, Amended, as_amended
from chat_server.rooms.person import Person
from chat_server.rooms.room import Occupant, Room

L = TypeVar("L", bound=Line)


async def page(
    room: Room, session: Occupant, first: int, last: int, *, newest: int | None = None, from_end: bool = False
) -> PageShown:
    """The room's lines from one number to another, as many as fit and as somebody may read. Raises JournalError."""
    since = room.reads_from(session)
    newest = room.last_seq if newest is None else newest
    directory, zone = room.directory, session.person.zone
    if since > newest:
        return room.seen(PageShown(room.name, (), newest + 1, newest, zone))
    first = max(first, since)

    def read() -> Awaitable[PageShown]:
        journal, guests = directory.journal, directory.guests
        return paging.page(journal, guests, room.kept_as, first, last, newest=newest, zone=zone, from_end=from_end)

    shown = await as_amended(room.past, read, _page_after)
    if since:
        shown = replace(shown, lines=tuple(as_readable(shown.lines, since)))
    return room.seen(shown if shown.first >= since else replace(shown, first=since))


def _page_after(page: PageShown, entry: Amending) -> PageShown:
    return replace(
        page, lines=tuple(line if isinstance(line, LineBlocked) else after(line, entry) for line in page.lines)
    )


async def line(room: Room, session: Occupant, number: int) -> Entry | None:
    """The line with this number, as it stands; None if there is none that somebody may read. Raises JournalError."""
    if number < room.reads_from(session):
        return None

    async def read() -> Entry | None:
        found = await room.directory.journal.read(room.kept_as, number, min(number, room.last_seq))
        return found.lines[0] if found.lines else None

    return await as_amended(room.past, read, _line_after)


def _line_after(line: Entry | None, entry: Amending) -> Entry | None:
    return None if line is None else after(line, entry)


class Readable(NamedTuple):
    """Which rooms somebody reads (None: all there are), and from which number on, where that is not the first."""

    rooms: list[str] | None
    since: Mapping[str, int]


def readable(place: Room, session: Occupant, names: Iterable[str] | None) -> Readable:
    """Which of the rooms with these names, or of all, somebody reads."""
    directory = place.directory
    if names is None:
        known = {room.name: room.reads_from(session) for room in directory.rooms}
        if not any(known.values()):
            return Readable(None, {})
    else:
        named = (directory.room(name) for name in names)
        known = {room.name: room.reads_from(session) for room in named if room is not None}
    since = {name: number for name, number in known.items() if 0 < number < NOTHING}
    return Readable([name for name, number in known.items() if number < NOTHING], since)


async def search(place: Room, session: Occupant, words: str, rooms: list[str] | None) -> Found | Refused:
    """The newest lines with all the words in these rooms, or in all, as far as somebody reads them; or why they cannot be looked for.

    In all: in whatever conversations they are too, and in nobody else's ever.
    """
    directory = place.directory
    is_here = rooms == [place.name]  # which may be a conversation: nobody else names one
    found_in = _readable_here(place, session) if is_here else readable(place, session, rooms)
    own: Mapping[str, Conversation] = {}
    try:
        if rooms is None and not session.proof.is_bot:
            own = await _conversations_read_by(session, directory)
    except JournalError:
        return Refused("cannot-read")

    def read() -> Awaitable[Found | Refused]:
        where = [found_in, Readable([*own], {})] if own else [found_in]
        return paging.search(directory.journal, directory.guests, words, where, session.person.zone)

    def past_of(name: str) -> Amended | None:
        if name == place.kept_as:
            return place.past
        room = directory.room(name)
        return own.get(name, None if room is None else room.past)

    def pasts() -> list[Amended]:
        return [place.past, *(room.past for room in directory.rooms), *own.values()]

    try:
        found = await _found_as_amended(pasts, past_of, read)
    except JournalError:
        return Refused("cannot-read")
    if isinstance(found, Refused):
        return found
    if is_here and place.kept_as != place.name:
        return place.seen(replace(found, room=place.name))
    called = conversations_of(directory).called(session.person) if own else {}
    shown = [
        (called.get(name, name), _shown_in(own[name], lines) if name in own else _shown(place, session, lines))
        for name, lines in found.rooms
    ]
    found = replace(found, rooms=tuple((name, lines_in_room(lines, name)) for name, lines in shown if lines))
    return replace(found, room=rooms[0]) if rooms is not None and len(rooms) == 1 else found


async def _found_as_amended(
    pasts: Callable[[], Iterable[Amended]],
    past_of: Callable[[str], Amended | None],
    read: Callable[[], Awaitable[Found | Refused]],
) -> Found | Refused:
    """What is found, as it stands after what has amended it meanwhile, as with pages; what happens where nothing is found makes no difference.

    `pasts` are those of all places, `past_of` gives that of one by what the journal calls it: None if it is nowhere any more. Raises JournalError as
    `as_amended`.
    """
    for _ in range(READINGS_MAX):
        before = {past: past.rewritings for past in pasts()}
        found = await read()
        if isinstance(found, Refused):
            return found
        rooms: list[tuple[str, tuple[Line, ...]]] = []
        for name, lines in found.rooms:
            past = past_of(name)
            amended = () if past is None else past.amended_since(before[past]) if past in before else None
            if amended is None:
                break
            rooms.append((name, _lines_after(lines, amended)))
        else:
            return replace(found, rooms=tuple(rooms))
    raise JournalError("what is found was changed meanwhile, again and again")


def _lines_after(lines: tuple[Line, ...], amended: Iterable[Amending]) -> tuple[Line, ...]:
    """Lines that were found, as they stand after these entries; what is deleted is found no more."""
    for entry in amended:
        lines = tuple(line if isinstance(line, LineBlocked) else after(line, entry) for line in lines)
    return tuple(line for line in lines if not isinstance(line, Deleted))


def _shown(place: Room, session: Occupant, lines: Sequence[L]) -> list[L]:
    """Those that somebody may read now, and that this node has shown: of later ones it does not know whom they are for.

    Of lines that they may not read these say no more than the number, as on a page.
    """
    rooms = {line.room: place.directory.room(line.room) for line in lines}
    spans = {
        name: range(0) if room is None else range(room.reads_from(session), room.last_seq + 1)
        for name, room in rooms.items()
    }
    readable = (line for line in lines if line.seq in spans[line.room])
    return [one for line in readable for one in as_readable((line,), spans[line.room].start)]


async def _conversations_read_by(
    session: Occupant, directory: Directory[Room, Person[Occupant]]
) -> Mapping[str, Conversation]:
    """Those of somebody's that they read, whole, by what the journal calls them. Raises JournalError."""
    conversations = conversations_of(directory)
    who = conversations.who(session.person)
    await conversations.load(who)
    return {one.name: one for one in conversations.open_of(who) if one.party(who).has_accepted}


def _shown_in(conversation: Conversation, lines: Sequence[L]) -> list[L]:
    """The same of lines of a conversation of theirs."""
    return [] if conversation.is_over else [line for line in lines if line.seq <= conversation.last_seq]


def _readable_here(place: Room, session: Occupant) -> Readable:
    since = place.reads_from(session)
    return Readable([place.kept_as] if since < NOTHING else [], {place.kept_as: since} if 0 < since < NOTHING else {})


def own_lines(place: Room, session: Occupant, lines: Iterable[Entry], conversations: Mapping[str, str]) -> list[Entry]:
    """Those of somebody's own lines that they may read; what they have said where they may not read it any more is left out.

    Those of their conversations are in the rooms that they call so, by what the journal calls them.
    """
    known = dict.fromkeys(conversations, 0)
    kept: list[Entry] = []
    for line in lines:
        if line.room not in known:
            room = place.directory.room(line.room)
            known[line.room] = NOTHING if room is None else room.reads_from(session)
        if line.seq >= known[line.room]:
            kept.append(replace(line, room=conversations.get(line.room, line.room)))
    return kept
