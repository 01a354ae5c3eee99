"""What Tab puts in: the rest of a command, of a nickname, of a room's name, or of one of a few words; and among which of them it looks.

Never knows how the line is edited, nor what looking among so many costs.
"""

from collections.abc import Iterable, Mapping

from msgspec.structs import fields

from chat_server.commands.aliases import ChooseAlias
from chat_server.commands.conversing import Message
from chat_server.commands.inviting import Invite
from chat_server.commands.snippets import ChooseSnippet, UseSnippet
from chat_server.commands.table import COMMANDS
from chat_server.journal.conversations import MARK
from chat_server.protocol.aliases import aliases_of
from chat_server.protocol.choices import CHARSETS, LANGUAGES
from chat_server.protocol.requests import ChooseCharset, ChooseLanguage, ChooseWrap, Help, Join, Login, Request
from chat_server.protocol.snippets import snippets_of
from chat_server.protocol.syntax import choices_of
from chat_server.rooms.conversations import conversations_of
from chat_server.rooms.known_rooms import known_rooms
from chat_server.rooms.room import Occupant, Room

CANDIDATES_MAX = 100
"""What Tab goes through; nobody presses it more often."""


def completions(before: str, place: Room, session: Occupant) -> tuple[list[str], int]:
    """What Tab may put in after this text, and among how many names it looked."""
    commands = COMMANDS.words_here(place, session)
    rooms = [room.name for room in known_rooms(place, session)] if COMMANDS.works_for(place, session, Join) else []
    nicks = _elsewhere(place, session) if _asks(before, commands, Invite) else place.nicks
    if _asks(before, commands, Message):
        called = conversations_of(place.directory).called(session.person)
        nicks = [*nicks, *(room.removeprefix(MARK) for room in called.values())]
    aliases = [*aliases_of(session.person.choices)]
    snippets = [*snippets_of(session.person.choices)]
    found = candidates(before, commands=commands, rooms=rooms, nicks=nicks, aliases=aliases, snippets=snippets)
    return found, len(rooms) + len(nicks)


def _asks(before: str, commands: Mapping[str, type[Request]], request: type[Request]) -> bool:
    """Whether the line begins with a word for this."""
    first, space, _ = before.partition(" ")
    return bool(space) and first.startswith("/") and commands.get(first[1:].casefold()) is request


def _elsewhere(place: Room, session: Occupant) -> list[str]:
    """Who is in rooms of which somebody may know, and not in theirs."""
    here = set(place.nicks)
    return list(dict.fromkeys(nick for room in known_rooms(place, session) for nick in room.nicks if nick not in here))


def candidates(
    before: str,
    *,
    commands: Mapping[str, type[Request]],
    rooms: Iterable[str],
    nicks: Iterable[str],
    aliases: Iterable[str] = (),
    snippets: Iterable[str] = (),
) -> list[str]:
    """What may stand for the word at the end of `before`, each with what follows it: a space, or a colon where somebody is spoken to.

    Args:
        before: the line up to the cursor.
        commands: what can be asked for in the place, by every word for it.
        rooms: the names of all rooms.
        nicks: who is in the place.
        aliases: the words of one's own for what one often types.
        snippets: the names of one's own texts.

    """
    *words, begun = before.replace("\n", " ").split(" ")
    if not words and begun.startswith("/"):
        return _beginning(begun, [f"/{word}" for word in (*commands, *aliases, *rooms)], " ")
    if not words:
        return _beginning(begun, nicks, ": ") if begun else []
    request = commands.get(words[0][1:].casefold()) if words[0].startswith("/") else None
    if request is None:
        return _beginning(begun, nicks, " ") if begun else []
    own = aliases if request is ChooseAlias else snippets if request in (ChooseSnippet, UseSnippet) else None
    known = [*_words_for(request, commands, rooms)] if own is None else [*own] if len(words) == 1 else []
    if request is Login and len(words) == 1:
        known = []
    return _beginning(begun, known or (nicks if begun else ()), " ")


def _words_for(request: type[Request], commands: Mapping[str, type[Request]], rooms: Iterable[str]) -> Iterable[str]:
    """What may follow a command; nothing where any text may."""
    if request is ChooseCharset:
        return CHARSETS
    if request is ChooseLanguage:
        return LANGUAGES
    if request is ChooseWrap:
        return ("on", "off")
    if request is Join:
        return rooms
    if request is Help:
        return [*commands, *(f"/{command}" for command in commands), *{asked.group for asked in commands.values()}]
    return [word for field in fields(request) for word in choices_of(field)]


def _beginning(begun: str, words: Iterable[str], after: str) -> list[str]:
    wanted = begun.casefold()
    found = sorted({word for word in words if word.casefold().startswith(wanted)}, key=str.casefold)
    return [word + after for word in found[:CANDIDATES_MAX]]
