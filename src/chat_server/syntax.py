"""How a request is typed on a line: its word, its arguments, its usage line.

Derived from the requests in events.py and from nothing else, so that a new request is typed, explained and completed without a word
more. Never knows what a request does, nor by which door it came.
"""

from functools import cache
from typing import Any, Literal, NamedTuple, get_args, get_origin, get_type_hints

import msgspec
from msgspec import NODEFAULT, Meta
from msgspec.structs import FieldInfo, fields

from chat_server.events import Request, UnknownCommand, Unreadable, WrongUsage
from chat_server.names import same_name_key


def word_of(request: type[Request | Unreadable]) -> str:
    """The word that asks for this request, without a slash."""
    return str(request.__struct_config__.tag)


def extra(field: FieldInfo, name: str) -> Any:
    """What the field's declaration says under this name; None if nothing."""
    for meta in getattr(field.type, "__metadata__", ()):
        if isinstance(meta, Meta) and meta.extra and name in meta.extra:
            return meta.extra[name]
    return None


class _Form(NamedTuple):
    """How a request is typed."""

    flags: dict[str, str]  # the field that each flag sets
    parameters: tuple[FieldInfo, ...]
    required: int
    ends_in_rest: bool
    is_text: bool  # its parameters are strings, and any string will do

    @property
    def most(self) -> int:
        return len(self.parameters)


@cache
def _form_of(request: type[Request]) -> _Form:
    flags = {flag: field.name for field in fields(request) if (flag := extra(field, "flag"))}
    parameters = tuple(
        field for field in fields(request) if extra(field, "typed") is not False and not extra(field, "flag")
    )
    required = sum(parameter.default is NODEFAULT for parameter in parameters)
    hints = get_type_hints(request)
    is_text = not flags and all(hints[parameter.name] is str for parameter in parameters)
    return _Form(flags, parameters, required, bool(parameters) and bool(extra(parameters[-1], "rest")), is_text)


def choices_of(field: FieldInfo) -> tuple[str, ...]:
    """The words of which the field is one; () if it may be another."""
    kinds = (field.type, *get_args(field.type))
    return tuple(word for kind in kinds if get_origin(kind) is Literal for word in get_args(kind) if word)


@cache
def usage_of(request: type[Request]) -> str:
    """The usage line: `/login NICK`, `/help [COMMAND]`, `/search [-a] WORDS`."""
    form = _form_of(request)
    shown = [f"/{word_of(request)}", *(f"[{flag}]" for flag in form.flags)]
    for field in form.parameters:
        if extra(field, "in_usage") is False:
            continue
        name = "|".join(choices_of(field)) or field.name.upper()
        shown.append(name if field.default is NODEFAULT else f"[{name}]")
    return " ".join(shown)


def _table() -> dict[str, type[Request]]:
    table: dict[str, type[Request]] = {}
    for request in filter(lambda request: request.is_typed, Request.__subclasses__()):
        for word in (word_of(request), *request.aliases):
            if word in table:
                raise ValueError(f"two requests share the word {word}")
            table[word] = request
    return table


REQUESTS: dict[str, type[Request]] = _table()
"""Every word that is typed as a command, aliases included."""


def is_command(name: str) -> bool:
    """Whether the name is a command's word, so that a room of that name can be entered by /join only."""
    return same_name_key(name) in REQUESTS


def parse_command(line: str) -> Request | Unreadable:
    """Turn `word arguments` (without the slash) into the request it asks for, or into what is wrong with it."""
    word, arguments = [*line.split(maxsplit=1), "", ""][:2]
    request = REQUESTS.get(word) or REQUESTS.get(word.casefold())
    if request is None:
        return UnknownCommand(word, arguments)
    form = _form_of(request)
    flags: dict[str, bool] = {}
    while form.flags and (found := form.flags.get(arguments.partition(" ")[0])):
        flags[found] = True
        arguments = arguments.partition(" ")[2].lstrip()
    values = arguments.split(maxsplit=form.most - 1) if form.ends_in_rest else arguments.split()
    if not form.required <= len(values) <= form.most:
        return WrongUsage(usage_of(request))
    return request(*values) if form.is_text else _converted(request, form, values, flags)


def _converted(request: type[Request], form: _Form, values: list[str], flags: dict[str, bool]) -> Request | Unreadable:
    """Make the request, its numbers and days read from text; a number may be written as it is shown, `#4711`."""
    named: dict[str, object] = dict(flags)
    for field, given in zip(form.parameters, values, strict=False):
        is_number = given[:1] == "#" and given[1:].isdecimal() and not extra(field, "rest")
        value = given[1:] if is_number else given.casefold() if choices_of(field) else given
        try:
            named[field.name] = msgspec.convert(value, field.type, strict=False)
        except msgspec.ValidationError:
            return WrongUsage(usage_of(request))
    return request(**named)
