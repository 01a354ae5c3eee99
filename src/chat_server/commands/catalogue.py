"""What can be asked for, so that a program can complete and explain commands that it was not written for.

Derived from the requests, and from what each command declares about who may ask for it. Never knows how it is sent.
"""

from msgspec import UNSET

from chat_server.commands.access import COMMON, EVERYWHERE, ROLES, Access, is_open_to
from chat_server.commands.handler import Command, CommandTable
from chat_server.protocol.described import CommandDescribed
from chat_server.protocol.requests import Request, tag_of
from chat_server.protocol.syntax import parameters_of, usage_of, word_of
from chat_server.rooms.person import ADMIN, HOLDER, MEMBER, MODERATOR, OWNER, STRANGER
from chat_server.rooms.rights import GUEST, PLACES, SERVER_ADMIN, SERVER_MODERATOR, TABLE
from chat_server.rooms.room import HALL


def described_commands(table: CommandTable) -> tuple[CommandDescribed, ...]:
    """Every command that people type into a program, and where it works."""
    known = [(request, table.commands_for(request)) for request in table.vocabulary.requests if request.is_typed]
    return tuple(
        _described(request, commands)
        for request, commands in known
        if any(command.access.door != "terminal" for command in commands.values())
    )


def _described(request: type[Request], commands: dict[str, Command]) -> CommandDescribed:
    command = next(commands[kind] for kind in reversed(EVERYWHERE) if kind in commands)
    is_for_strangers = HALL in commands and is_open_to(commands[HALL].access, STRANGER)
    inside = [kind for kind in EVERYWHERE if kind in commands and _is_for_some_member(commands[kind])]
    return CommandDescribed(
        word_of(request),
        usage_of(request),
        command.summary,
        command.explanation,
        parameters_of(request),
        (*["outside"] * is_for_strangers, *inside),
        request.aliases,
        request.group,
        UNSET if command.access.role in COMMON else command.access.role,
        UNSET if word_of(request) == tag_of(request) else tag_of(request),
        {kind: _who_may(commands[kind].access) for kind in inside if _is_for_few(commands[kind].access)} or UNSET,
    )


def _is_for_few(row: Access) -> bool:
    """Whether more counts than to have logged in, and to have an account or none."""
    return row.act is not None or row.role in (MODERATOR, ADMIN, OWNER)


def _who_may(row: Access) -> tuple[str, ...]:
    """The places (rooms/rights.py) at one of which one has to stand."""
    at = range(len(PLACES)) if row.act is None else TABLE[row.act]
    return tuple(PLACES[place] for place in sorted(at) if is_open_to(row, _role_at(place)))


def _role_at(place: int) -> str:
    """What somebody counts as on the server who stands at a place."""
    return {GUEST: MEMBER, SERVER_MODERATOR: MODERATOR, SERVER_ADMIN: ADMIN}.get(place, HOLDER)


def _is_for_some_member(command: Command) -> bool:
    """Whether anybody who has logged in may ask for it."""
    return any(is_open_to(command.access, role) for role in ROLES if role != STRANGER)
