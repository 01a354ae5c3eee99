"""What can be asked for, so that a program can complete and explain commands that it was not written for.

Derived from the requests and the places' `do_*` methods, and from nothing else. Never knows how it is sent.
"""

from collections.abc import Iterable
from datetime import date
from typing import get_args, get_type_hints

from msgspec import NODEFAULT, Meta
from msgspec.structs import FieldInfo, fields

from chat_server.chat_room import ChatRoom
from chat_server.events import CommandDescribed, Parameter, Request, Unreadable
from chat_server.hall import Hall
from chat_server.syntax import extra, usage_of, word_of

_KINDS = {bool: "flag", int: "number", date: "date"}


def described_commands() -> tuple[CommandDescribed, ...]:
    """Every command that people type into a program, and where it works."""
    return tuple(
        _described(request) for request in Request.__subclasses__() if request.is_typed and not request.is_for_terminals
    )


def _described(request: type[Request]) -> CommandDescribed:
    where = [name for name, works in _WHERE.items() if request in works]
    command = ChatRoom.commands.get(request) or Hall.commands[request]
    parameters = tuple(_parameter(request, field) for field in fields(request) if extra(field, "typed") is not False)
    return CommandDescribed(
        word_of(request),
        usage_of(request),
        command.summary,
        command.explanation,
        parameters,
        tuple(where),
        request.aliases,
    )


def _parameter(request: type[Request], field: FieldInfo) -> Parameter:
    hint = get_type_hints(request)[field.name]
    kinds = [kind for kind in get_args(hint) or (hint,) if kind is not type(None)]
    kind = "text" if extra(field, "rest") else _KINDS.get(kinds[0], "word")
    return Parameter(field.name, kind, field.default is NODEFAULT, _help(field), extra(field, "flag") or "")


def _help(field: FieldInfo) -> str:
    found = (meta.description for meta in getattr(field.type, "__metadata__", ()) if isinstance(meta, Meta))
    return next((description for description in found if description), "")


_WHERE: dict[str, Iterable[type[Request | Unreadable]]] = {
    "outside": Hall.FOR_STRANGERS,
    "hall": Hall.commands.keys() - Hall.FOR_NOBODY,
    "room": ChatRoom.commands,
}
