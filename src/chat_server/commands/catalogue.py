"""What can be asked for, so that a program can complete and explain commands that it was not written for.

Derived from the requests, and from what each command declares about who may ask for it. Never knows how it is sent.
"""

from msgspec import UNSET

from chat_server.commands.access import COMMON, EVERYWHERE, ROLES, Access, is_open_to
from chat_server.commands.handler import Command, CommandTable
from chat_server.protocol.described import CommandDescribed
from chat_server.protocol.requests import Request, tag_of
from chat_server.protocol.room_state import PLACES
from chat_server.protocol.syntax import parameters_of, usage_of, word_of
from chat_server.rooms.person import ADMIN, HOLDER, MEMBER, MODERATOR, OWNER, STRANGER
from chat_server.rooms.rights import (
    GUEST,
    ON_SERVER,
    ROOM_MODERATOR,
    ROOM_OWNER,
    SERVER_ADMIN,
    SERVER_MODERATOR,
    TABLE,
)
from chat_server.rooms.rights import MEMBER as ROOM_MEMBER
from chat_server.rooms.room import HALL, ROOM

_IN_ROOMS_ALONE = (ROOM_MEMBER, ROOM_MODERATOR, ROOM_OWNER)
"""Places at which nobody stands anywhere else."""


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
        _who_may(commands, inside) or UNSET,
    )


def _who_may(commands: dict[str, Command], where: list[str]) -> dict[str, tuple[str, ...]]:
    """By kind of place the places (rooms/rights.py) at one of which one has to stand, where not everybody may who has logged in."""
    found = {kind: _few(commands[kind].access, kind) for kind in where}
    return {kind: few for kind, few in found.items() if few}


def _few(row: Access, kind: str) -> tuple[str, ...]:
    """Who may, or nobody, where more does not count than to have logged in, and to have an account or none."""
    act = ON_SERVER.get(row.act, row.act) if row.act is not None and kind == HALL else row.act
    there = [place for place in range(len(PLACES)) if kind == ROOM or place not in _IN_ROOMS_ALONE]
    may = [place for place in there if (act is None or place in TABLE[act]) and is_open_to(row, _role_at(place))]
    is_narrow = row.role in (MODERATOR, ADMIN, OWNER) or (row.act is not None and may != there)
    return tuple(PLACES[place] for place in may) if is_narrow else ()


def _role_at(place: int) -> str:
    """What somebody counts as on the server who stands at a place."""
    return {GUEST: MEMBER, SERVER_MODERATOR: MODERATOR, SERVER_ADMIN: ADMIN}.get(place, HOLDER)


def _is_for_some_member(command: Command) -> bool:
    """Whether anybody who has logged in may ask for it."""
    return any(is_open_to(command.access, role) for role in ROLES if role != STRANGER)
