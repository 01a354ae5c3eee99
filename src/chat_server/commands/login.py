"""Who one is here: the nickname, and the proof by which a program has it again on another connection, beside its others or in their place."""

from collections import deque
from collections.abc import Iterable, Sequence
from contextlib import ExitStack

from msgspec import UNSET
from msgspec.structs import replace

from chat_server.accounts.new_names import parse_nickname
from chat_server.commands.access import access
from chat_server.commands.handler import CommandHandler
from chat_server.commands.settings import speak_as_chosen
from chat_server.protocol.events import LoggedIn, Refused, Renamed
from chat_server.protocol.names import BadName, name_key
from chat_server.protocol.requests import Login, Rename
from chat_server.rooms.person import MEMBER, STRANGER, Person
from chat_server.rooms.room import HALL, ROOMS_MAX, MaybeAwaitable, Occupant, Room, give_way
from chat_server.rooms.tokens import identity_of

ROOMS_AT_ONCE = 8
"""Rooms that are told of a new name before others have their turn, at 80 us each; they cost no more than the request."""

ROOMS_PER_LINE = 4
"""Further rooms that count as a line. One person may be in eight hundred by eight sessions, which took 67 ms of the event loop in one piece."""


class LoginCommands(CommandHandler):
    """To take a nickname, and to change it."""

    @access(
        role=STRANGER,
        where=(HALL,),
        refusal=lambda session: Refused("logged-in-already", {"nick": session.nick}),
    )
    def do_login(self, place: Room, session: Occupant, request: Login) -> MaybeAwaitable:
        """Take a nickname.

        It has 1 to 32 letters of one script, digits, - and _. Upper and lower case count as the same.
        /login NICK plain starts in plain mode (see /help plain).
        """
        person = place.directory.identified(identity_of(request.token))
        if person is not None:
            return _come_back(place, session, person, request)
        nick = _claim(place, session.person, request.nick, session)
        if nick:
            if request.plain and session.has_terminal:
                session.set_preferences(replace(session.preferences, plain=True))
            _log_in(place, session, nick, request)
        return None

    def do_nick(self, place: Room, session: Occupant, request: Rename) -> MaybeAwaitable:
        """Change your nickname.

        Everybody in the room is told.
        """
        person = session.person
        old = person.nick
        nick = _claim(place, person, request.nick, session)
        if not nick:
            return None
        if nick == old:
            session.send(Refused("same-name", {"nick": nick}))
            return None
        person.nick = nick
        rooms = _rooms_of(place, person)
        session.owe(max(0, len(rooms) - ROOMS_AT_ONCE) / ROOMS_PER_LINE)
        if len(rooms) > ROOMS_AT_ONCE:
            return _announce_in_turn(place, session, old, rooms)
        _announce(place, session, old, rooms)  # they tell it later than this is told, and whatever becomes of this
        _tell_sessions(session, Renamed(old, nick))
        return None


def _tell_sessions(session: Occupant, renamed: Renamed) -> None:
    """Tell the person's sessions of the new name, apart from what they are told in rooms."""
    session.person.each_other(session, lambda other: other.send_unasked(renamed) if other.is_in_hall else None)
    if session.is_in_hall:
        session.send(renamed)


async def _announce_in_turn(place: Room, session: Occupant, old: str, rooms: Iterable[Room]) -> None:
    """Tell many rooms of the person's new name, and let others have their turn in between; if that is broken off, the rest at once."""
    left = deque(rooms)
    try:
        _tell_sessions(session, Renamed(old, session.nick))
        while len(left) > ROOMS_AT_ONCE:
            for _ in range(ROOMS_AT_ONCE):
                left.popleft().announce_name(session)
            await give_way()
    finally:
        _announce(place, session, old, left)


def _announce(place: Room, session: Occupant, old: str, rooms: Sequence[Room]) -> None:
    """Tell rooms of the person's new name. Others may have the old one when all have been told: no room shows two people of one name."""
    with ExitStack() as told:  # what goes wrong in one room keeps it from no other
        told.callback(_release, place, session.person, old)
        for room in reversed(rooms):
            told.callback(room.announce_name, session)


def _release(place: Room, person: Person[Occupant], old: str) -> None:
    if name_key(person.nick) != name_key(old):  # another session may have chosen it again
        place.directory.release(old, person)


def _claim(place: Room, person: Person[Occupant], wanted: str, session: Occupant) -> str:
    """Give the person this name in the directory. Return the name in its one form, or "" after telling the session why not."""
    try:
        nick = parse_nickname(wanted)
    except BadName as error:
        session.send(Refused(error.code, error.details))
        return ""
    if (refusal := place.directory.claim(nick, person)) is not None:
        session.send(refusal)
        return ""
    return nick


def _rooms_of(place: Room, person: Person[Occupant]) -> list[Room]:
    """The rooms where somebody is by any session."""
    found = (place.directory.room(name) for name in person.rooms)
    return [room for room in found if room is not None]


def _log_in(place: Room, session: Occupant, nick: str, request: Login, rooms: Iterable[Room] = ()) -> None:
    if request.token:
        place.directory.identify(identity_of(request.token), session.person)
    session.logged_in(nick, identity_of(request.token) or name_key(nick), MEMBER)
    sessions = len(session.person.sessions) if request.session else UNSET
    session.send(LoggedIn(nick, request.token, tuple(room.name for room in rooms), sessions))


def _come_back(place: Room, session: Occupant, person: Person[Occupant], request: Login) -> MaybeAwaitable:
    """Log in as somebody who is here already: as one more session, or in the place of all the others. They keep the name that they have."""
    limit = place.directory.sessions_max
    if request.session and limit and len(person.sessions) >= limit:
        session.send(Refused("too-many-sessions", {"limit": str(limit)}))
        return None
    if request.session:
        session.belong_to(person)
        _log_in(place, session, person.nick, request)
        speak_as_chosen(session)
        return None
    return _take_over(place, session, person, request)


async def _take_over(place: Room, session: Occupant, person: Person[Occupant], request: Login) -> None:
    rooms = _rooms_of(place, person)[:ROOMS_MAX]
    session.belong_to(person)
    _log_in(place, session, person.nick, request, rooms)
    await session.take_over(rooms)
    speak_as_chosen(session)
