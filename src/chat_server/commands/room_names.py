"""Why a room cannot be given a name, as whoever runs the server is told, for a server that is running and for one that is not. Pure."""

from collections.abc import Sequence

from chat_server.accounts.look_alikes import difference, skeleton
from chat_server.accounts.new_names import parse_new_name
from chat_server.commands.table import COMMANDS
from chat_server.protocol.names import BadName

_REFUSED = {
    "name-like-mark": "{name} has a letter that looks like one of the server's marks: choose another name for the room",
    "name-mixes-scripts": "{name} mixes scripts, its {letter} is {which}: write the whole name in one script",
    "room-like-another": "{name} looks like the room {other}, the {letter} in it is {which}: choose another name for the room",
}
"""Why a room cannot have a new name that is one (accounts/new_names.py)."""


def problem_with(name: str, others: Sequence[str]) -> str:
    """Why a room cannot be called so beside these others, as if it were founded; "" if it can."""
    if COMMANDS.vocabulary.is_command(name):
        return f"{name} is a command's word: choose another name for the room"
    try:
        parse_new_name(name)
    except BadName as error:
        return _REFUSED[error.code].format_map(error.details | {"name": name})
    alike = next((other for other in others if skeleton(other) == skeleton(name)), None)
    return _REFUSED["room-like-another"].format_map(difference(name, alike)) if alike is not None else ""
