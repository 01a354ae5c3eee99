"""Who one is here: the nickname, and the proof by which a program has it again on another connection."""

from msgspec.structs import replace

from chat_server.commands.access import access
from chat_server.commands.handler import CommandHandler
from chat_server.protocol.events import LoggedIn, Refused
from chat_server.protocol.names import BadName, parse_nickname, same_name_key
from chat_server.protocol.requests import Login, Rename
from chat_server.rooms.room import HALL, STRANGER, Occupant, Pause, Room
from chat_server.rooms.tokens import identity_of


class LoginCommands(CommandHandler):
    """To take a nickname, and to change it."""

    @access(
        role=STRANGER,
        where=(HALL,),
        refusal=lambda session: Refused("logged-in-already", {"nick": session.nick}),
    )
    def do_login(self, place: Room, session: Occupant, request: Login) -> Pause:
        """Take a nickname.

        It has 1 to 32 letters of any script, digits, - and _. Upper and lower case count as the same.
        /login NICK plain starts in plain mode (see /help plain).
        """
        old = place.directory.identified(identity_of(request.token))
        if old is not None:
            return _take_over(place, session, old, request.token)
        nick = _claim(place, session, request.nick)
        if nick:
            if request.plain and session.has_terminal:
                session.prefer(replace(session.preferences, plain=True))
            _log_in(place, session, nick, request.token)
        return None

    def do_nick(self, place: Room, session: Occupant, request: Rename) -> Pause:
        """Change your nickname.

        Everybody in the room is told.
        """
        old = session.nick
        nick = _claim(place, session, request.nick)
        if not nick:
            return None
        if nick == old:
            session.send(Refused("same-name", {"nick": nick}))
            return None
        if same_name_key(nick) != same_name_key(old):
            place.directory.release(old, session)
        session.nick = nick
        return session.renamed(old)


def _claim(place: Room, session: Occupant, wanted: str) -> str:
    """Give the session this name in the directory. Return the name in its one form, or "" after saying why not."""
    try:
        nick = parse_nickname(wanted)
    except BadName as error:
        session.send(Refused(error.code))
        return ""
    if not place.directory.claim(nick, session):
        session.send(Refused("name-taken", {"nick": nick}))
        return ""
    return nick


async def _take_over(place: Room, session: Occupant, old: Occupant, token: str) -> None:
    """Give the session the name and the rooms of the same person's connection that was lost."""
    place.directory.hand_over(old.nick, old, session)
    _log_in(place, session, old.nick, token, old.rooms)
    await session.take_over(old)


def _log_in(place: Room, session: Occupant, nick: str, token: str, rooms: tuple[str, ...] = ()) -> None:
    if token:
        place.directory.identify(identity_of(token), session)
    session.logged_in(nick, token)
    session.send(LoggedIn(nick, token, rooms))
