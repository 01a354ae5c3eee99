"""What can be asked for, so that a program can complete and explain commands that it was not written for.

Derived from the requests and the places' `do_*` methods, and from nothing else. Never knows how it is sent.
"""

from collections.abc import Iterable

from chat_server.protocol.events import CommandDescribed
from chat_server.protocol.incoming import Unreadable
from chat_server.protocol.requests import Request
from chat_server.protocol.syntax import parameters_of, usage_of, word_of
from chat_server.rooms.chat_room import ChatRoom
from chat_server.rooms.hall import Hall


def described_commands() -> tuple[CommandDescribed, ...]:
    """Every command that people type into a program, and where it works."""
    return tuple(
        _described(request) for request in Request.__subclasses__() if request.is_typed and not request.is_for_terminals
    )


def _described(request: type[Request]) -> CommandDescribed:
    where = [name for name, works in _WHERE.items() if request in works]
    command = ChatRoom.commands.get(request) or Hall.commands[request]
    return CommandDescribed(
        word_of(request),
        usage_of(request),
        command.summary,
        command.explanation,
        parameters_of(request),
        tuple(where),
        request.aliases,
        request.group,
    )


_WHERE: dict[str, Iterable[type[Request | Unreadable]]] = {
    "outside": Hall.FOR_STRANGERS,
    "hall": Hall.commands.keys() - Hall.FOR_NOBODY,
    "room": ChatRoom.commands,
}
