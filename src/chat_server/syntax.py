"""How a request is typed on a line: its word, its arguments, its usage line.

Derived from the requests in events.py and from nothing else, so that a new request is typed, explained and completed without a word
more. Never knows what a request does, nor by which door it came.
"""

from functools import cache
from typing import NamedTuple

from msgspec import NODEFAULT
from msgspec.structs import fields

from chat_server.events import Request, RestOfLine, UnknownCommand, Unreadable, WrongUsage


def word_of(request: type[Request | Unreadable]) -> str:
    """The word that asks for this request, without a slash."""
    return str(request.__struct_config__.tag)


@cache
def usage_of(request: type[Request]) -> str:
    """The usage line: `/login NICK`, `/help [COMMAND]`."""
    shown = [f"/{word_of(request)}"]
    for field in fields(request):
        name = field.name.upper()
        shown.append(name if field.default is NODEFAULT else f"[{name}]")
    return " ".join(shown)


def _table() -> dict[str, type[Request]]:
    table: dict[str, type[Request]] = {}
    for request in Request.__subclasses__():
        for word in (word_of(request), *request.aliases):
            if word in table:
                raise ValueError(f"two requests share the word {word}")
            table[word] = request
    return table


class _Form(NamedTuple):
    """How many arguments a request takes, and whether the last is the rest of the line."""

    required: int
    most: int
    ends_in_rest: bool


@cache
def _form_of(request: type[Request]) -> _Form:
    parameters = fields(request)
    required = sum(parameter.default is NODEFAULT for parameter in parameters)
    return _Form(required, len(parameters), bool(parameters) and parameters[-1].type is RestOfLine)


REQUESTS: dict[str, type[Request]] = _table()
"""Every word that is a command, aliases included."""


def parse_command(line: str) -> Request | Unreadable:
    """Turn `word arguments` (without the slash) into the request it asks for, or into what is wrong with it."""
    word, arguments = [*line.split(maxsplit=1), "", ""][:2]
    request = REQUESTS.get(word) or REQUESTS.get(word.casefold())
    if request is None:
        return UnknownCommand(word, arguments)
    form = _form_of(request)
    values = arguments.split(maxsplit=form.most - 1) if form.ends_in_rest else arguments.split()
    if not form.required <= len(values) <= form.most:
        return WrongUsage(usage_of(request))
    return request(*values)
