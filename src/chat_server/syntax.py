"""How a request is typed on a line: its word, its arguments, its usage line.

Derived from the requests in events.py and from nothing else, so that a new request is typed, explained and completed without a word
more. Never knows what a request does, nor by which door it came.
"""

from functools import cache

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


REQUESTS: dict[str, type[Request]] = _table()
"""Every word that is a command, aliases included."""


def parse_command(line: str) -> Request | Unreadable:
    """Turn `word arguments` (without the slash) into the request it asks for, or into what is wrong with it."""
    word, _, arguments = line.partition(" ")
    arguments = arguments.strip()
    request = REQUESTS.get(word) or REQUESTS.get(word.casefold())
    if request is None:
        return UnknownCommand(word, arguments)
    parameters = fields(request)
    if parameters and parameters[-1].type is RestOfLine:
        values = arguments.split(maxsplit=len(parameters) - 1)
    else:
        values = arguments.split()
    required = sum(parameter.default is NODEFAULT for parameter in parameters)
    if not required <= len(values) <= len(parameters):
        return WrongUsage(usage_of(request))
    return request(*values)
