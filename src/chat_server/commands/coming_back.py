"""How somebody comes who is here already, or at another node: as one more session of theirs, or in the place of those at the same device.

Never knows how it was proved who has come.
"""

from collections.abc import Iterable, Sequence
from contextlib import suppress
from math import inf
from typing import TYPE_CHECKING, NamedTuple

from msgspec import UNSET

from chat_server.commands.settings import speak_as_chosen
from chat_server.commands.writing import tell_chosen
from chat_server.journal import JournalError
from chat_server.journal.happened import PersonId
from chat_server.journal.nodes import Claimed
from chat_server.journal.signs import BlocksAsked
from chat_server.protocol.described import LastLogin
from chat_server.protocol.events import LoggedIn, Refused
from chat_server.protocol.requests import Login
from chat_server.rooms.conversations import conversations_of
from chat_server.rooms.person import Person, person_id
from chat_server.rooms.room import ROOMS_MAX, Occupant, Room

if TYPE_CHECKING:
    from chat_server.rooms.other_nodes import OtherNodes


class Place(NamedTuple):
    """Where a session goes on that has become one of somebody's.

    `rooms` are those of their other sessions at the device, whose place it takes if it `takes_over`; `elsewhere` is who they are at other nodes, if
    it takes the place of those there too.
    """

    rooms: tuple[str, ...] = ()
    takes_over: bool = False
    elsewhere: PersonId = ""


def rooms_of(place: Room, names: Iterable[str]) -> list[Room]:
    """The rooms with these names."""
    found = (place.directory.room(name) for name in names)
    return [room for room in found if room is not None]


async def come_back(
    place: Room, session: Occupant, person: Person[Occupant], request: Login, last: LastLogin | None = None
) -> None:
    """Log in as somebody who is here already: as one more session, or in the place of those at the same device. They keep the name that they have."""
    following = join(place, session, person, request)
    if following is not None:
        rooms = rooms_of(place, following.rooms)[:ROOMS_MAX]
        tell(place, session, request, rooms, last)
        if following.takes_over:
            await session.take_over(rooms)
        speak_as_chosen(session)


def join(place: Room, session: Occupant, person: Person[Occupant], request: Login, elsewhere: int = 0) -> Place | None:
    """Let a session be one of somebody's who is here already. None if it cannot be: then it has been told why.

    `elsewhere` is how many sessions they have at other nodes, if it is to be one more.
    """
    others = [other for other in person.sessions if other.proof.device == session.proof.device]
    takes_over = bool(others) and _is_in_place_of_others(session, person, request)
    if not takes_over and are_too_many(place, len(person.sessions) + elsewhere):
        if not session.proof.at:
            refuse_one_more(place, session, request)
            return None
        _end_one(person)
    names = tuple(dict.fromkeys(room for other in others for room in other.rooms)) if takes_over else ()
    session.belong_to(person)
    session.logged_in(person.nick, person.sender, person.role)
    return Place(names, takes_over)


def are_too_many(place: Room, sessions: int) -> bool:
    """Whether somebody with so many sessions may have no more."""
    return 0 < place.directory.sessions_max <= sessions


def refuse_one_more(place: Room, session: Occupant, request: Login) -> None:
    """Tell a session that it cannot be one more of somebody's."""
    limit = {"limit": str(place.directory.sessions_max)}
    session.send(Refused("too-many-sessions" if request.session else "connected-too-often", limit))


def _is_in_place_of_others(session: Occupant, person: Person[Occupant], request: Login) -> bool:
    """Whether it takes the place of those at its device, if there are any."""
    return not request.session and (bool(session.proof.device) or not person.account)


def _end_one(person: Person[Occupant]) -> None:
    """End a session, for somebody has just shown the password: else whoever has a token that was lost could keep its owner out by logging in often.

    It is a bot's, if there is one, or that for which the password was shown longest ago, or never.
    """
    ended = min(person.sessions, key=lambda other: (not other.proof.is_bot, other.proof.at))
    person.replace(ended)
    ended.dismiss("taken-over", inf)


def tell(
    place: Room, session: Occupant, request: Login, rooms: Sequence[Room] = (), last: LastLogin | None = None
) -> None:
    """Tell a session who it is now, and in which rooms it will be; it will be told what others have written to it."""
    sessions = len(session.person.sessions) if request.session else UNSET
    session.send(LoggedIn(session.nick, request.token, tuple(room.name for room in rooms), sessions, last or UNSET))
    tell_chosen(session)
    conversations_of(place.directory).came(session)


# Where there are other nodes.


class Found(NamedTuple):
    """Who is here already, what the engine says of their name, and how many sessions they have elsewhere (see sessions_elsewhere)."""

    person: Person[Occupant]
    claimed: Claimed
    elsewhere: int


async def found_here(
    place: Room, others: "OtherNodes[Person[Occupant]]", who: PersonId, request: Login
) -> Found | None:
    """Who is here already by this proof; None if nobody is. Raises JournalError."""
    while (person := place.directory.identified(who)) is not None:
        claimed = await others.names.is_given(person.nick, who) or Claimed(person.nick)
        elsewhere = await sessions_elsewhere(place, others, who, claimed, request)
        if place.directory.identified(who) is person:  # else they have gone meanwhile
            return Found(person, claimed, elsewhere)
    return None


async def sessions_elsewhere(
    place: Room, others: "OtherNodes[Person[Occupant]]", who: PersonId, claimed: Claimed, request: Login
) -> int:
    """How many sessions somebody has at other nodes of whose name the engine says this, if one more is asked for and there is a limit.

    It is waited for whatever becomes of who waits: they have the name already.
    """
    if claimed.elsewhere and request.session and place.directory.sessions_max:
        return await others.sessions_elsewhere(who, claimed.nick)
    return 0


def note_elsewhere(
    others: "OtherNodes[Person[Occupant]]", session: Occupant, request: Login, claimed: Claimed, following: Place
) -> Place:
    """A session has just become one of somebody's, by a name of which the engine says this: where it goes on then."""
    others.came[session] = claimed.order
    if claimed.elsewhere:
        others.nodes.signs.tell(BlocksAsked(person_id(session.person, others.nodes.number)))
    if not claimed.elsewhere or not _is_in_place_of_others(session, session.person, request):
        return following
    return following._replace(elsewhere=person_id(session.person, others.nodes.number))


async def go_on(
    place: Room,
    others: "OtherNodes[Person[Occupant]]",
    session: Occupant,
    request: Login,
    following: Place,
    *,
    last: LastLogin | None = None,
) -> None:
    """Tell a session who it is, and let it be where its person is at its device, here and elsewhere, instead of the sessions that are there."""
    directory, names = place.directory, following.rooms
    who, device = following.elsewhere, session.proof.device
    is_known = False  # where the person is elsewhere
    if who:
        with suppress(JournalError):
            there = await others.rooms_of(who, device, lambda name: directory.room(name) is not None)
            names = tuple(dict.fromkeys((*names, *there)))
            is_known = True
    rooms = rooms_of(place, names)[:ROOMS_MAX]
    tell(place, session, request, rooms, last)
    if following.takes_over or is_known:
        await session.take_over(rooms)
    if is_known:
        others.replace(who, device, others.came[session])
