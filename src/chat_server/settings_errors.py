"""What is wrong with a file of settings, in one sentence: the key, and what was expected. For both programs.

Knows the types of settings; never knows which settings there are, nor where they were read.
"""

import re
from collections.abc import Iterator
from typing import Annotated, Any, get_args, get_origin

import msgspec
from msgspec import Struct
from msgspec.structs import fields


def explained(error: msgspec.ValidationError, settings: type[Struct]) -> str:
    """Turn ``Expected `int`, got `str` - at `$.limits.connections` `` into ``limits.connections: expected int, got str``."""
    message = str(error)
    located = re.fullmatch(r"(.*) - at `\$\.?(.*)`", message, re.DOTALL)
    problem, path = located.groups() if located else (message, "")
    problem = problem.replace("`", "")
    problem = problem[:1].lower() + problem[1:]
    where = path.replace("[...]", ".NAME")
    unknown = problem.removeprefix("object contains unknown field ")
    if unknown != problem:
        return f"{f'{where}.' if where else ''}{unknown}: unknown key; expected one of: {', '.join(_known(settings, path))}"
    if problem.startswith("invalid enum value"):
        wanted = " or ".join(one or '""' for one in _known(settings, path))
        return f"{where}: expected {wanted}, got {problem.removeprefix('invalid enum value ')}"
    return f"{where}: {problem}" if where else problem


def _known(settings: type[Struct], path: str) -> list[str]:
    """The keys of the table at this path, or the values of the setting there."""
    found: Any = settings
    for part in re.findall(r"\w+|\[\.\.\.\]", path):
        found = get_args(found)[1] if part == "[...]" else {field.name: field.type for field in fields(found)}[part]
        while get_origin(found) is Annotated:
            found = get_args(found)[0]
    return list(_values(found)) or [field.name for field in fields(found)]


def _values(kind: Any) -> Iterator[str]:
    """What a setting of this kind may be, if that is one of some values."""
    for value in get_args(kind):
        if isinstance(value, str):
            yield value
        elif value is bool:
            yield from ("true", "false")
        else:
            yield from _values(value)
