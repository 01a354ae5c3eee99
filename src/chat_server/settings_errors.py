"""What is wrong with a file of settings, in one sentence: the key, and what was expected. For both programs.

Knows the types of settings; never knows which settings there are, nor where they were read.
"""

import re
from collections.abc import Iterator
from typing import Annotated, Any, get_args, get_origin

import msgspec
from msgspec import Struct
from msgspec.structs import fields

from chat_server.protocol.typed import nearest

KINDS = {
    "int": "a whole number",
    "float": "a number",
    "str": "text in quotes",
    "bool": "true or false",
    "array": "a list in brackets",
    "object": "a table",
    "date": "a date",
    "time": "a time",
    "datetime": "a date and time",
}
"""What msgspec calls the kinds of values that TOML has, and what somebody calls them who writes such a file."""


def explained(error: msgspec.ValidationError, settings: type[Struct]) -> str:
    """Turn ``Expected `int`, got `str` - at `$.log.x` `` into ``log.x: expected a whole number, got text in quotes``."""
    message = str(error)
    located = re.fullmatch(r"(.*) - at `\$\.?(.*)`", message, re.DOTALL)
    problem, path = located.groups() if located else (message, "")
    problem = re.sub(
        r"(?<=xpected )`\w+`|(?<=, got )`\w+`", lambda kind: KINDS.get(kind[0].strip("`"), kind[0]), problem
    )
    problem = problem.replace("`", "")
    problem = problem[:1].lower() + problem[1:]
    where = _where(settings, path)
    unknown = problem.removeprefix("object contains unknown field ")
    if unknown != problem:
        return f"{f'{where}.' if where else ''}{unknown}: unknown key; {_instead(settings, path, unknown)}"
    if problem.startswith("invalid enum value"):
        wanted = " or ".join(one or '""' for one in _known(settings, path))
        return f"{where}: expected {wanted}, got {problem.removeprefix('invalid enum value ')}"
    return f"{where}: {problem}" if where else problem


def _instead(settings: type[Struct], path: str, unknown: str) -> str:
    """Which key was meant: the same one in another table, one that looks like it, or else any of those that there are."""
    elsewhere = [
        f"{table.name}.{unknown}"
        for table in fields(settings)
        if isinstance(table.type, type) and issubclass(table.type, Struct) and unknown in table.type.__struct_fields__
    ]
    known = _known(settings, path)
    near = nearest(unknown, known)
    meant = elsewhere or ([f"{_where(settings, path)}.{near}".lstrip(".")] if near else [])
    return f"did you mean {' or '.join(meant)}?" if meant else f"expected one of: {', '.join(known)}"


def _known(settings: type[Struct], path: str) -> list[str]:
    """The keys of the table at this path, or the values of the setting there."""
    *_, (_, found) = _steps(settings, path)
    return list(_values(found)) or [field.name for field in fields(found)]


def _where(settings: type[Struct], path: str) -> str:
    """The path as it stands in a file: a table in a table has whatever name was given to it, and what is in a list has none."""
    return ".".join(name for name, _ in _steps(settings, path) if name)


def _steps(settings: type[Struct], path: str) -> Iterator[tuple[str, Any]]:
    """The types on the way to the end of a path, from the one of all settings, each with its name."""
    found: Any = settings
    yield "", found
    for part in re.findall(r"\w+|\[(?:\.\.\.|\d+)\]", path):
        if part.startswith("["):
            name, found = "NAME" if get_origin(found) is dict else "", get_args(found)[-1]
        else:
            name, found = part, {field.name: field.type for field in fields(found)}[part]
        while get_origin(found) is Annotated:
            found = get_args(found)[0]
        yield name, found


def _values(kind: Any) -> Iterator[str]:
    """What a setting of this kind may be, if that is one of some values."""
    for value in get_args(kind):
        if isinstance(value, str):
            yield value
        elif value is bool:
            yield from ("true", "false")
        else:
            yield from _values(value)
