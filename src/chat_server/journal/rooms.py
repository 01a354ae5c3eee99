"""What can be done to the rooms of a journal that no server has, whatever its engine: rename, delete. Blocks; never knows a terminal."""

import time
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager

from chat_server.accounts.acts import ServerAct
from chat_server.journal import RoomRecord
from chat_server.journal.archive import FileProblem, RoomEditor
from chat_server.protocol.names import OPERATOR, BadName, name_key, parse_name


def find_room(rooms: Sequence[RoomRecord], wanted: str, listed_by: str = "chat-server rooms list") -> RoomRecord:
    """The room of this name, or `#3`: the third, for a name that nobody can type; `listed_by` is the command that lists them.

    Raises:
        FileProblem: there is none.

    """
    if wanted.startswith("#") and wanted[1:].isascii() and wanted[1:].isdigit() and 1 <= int(wanted[1:]) <= len(rooms):
        return rooms[int(wanted[1:]) - 1]
    exactly = [room for room in rooms if room.name == wanted]
    alike = [room for room in rooms if name_key(room.name) == name_key(wanted)]
    for room in exactly or alike:
        return room
    raise FileProblem(f"there is no room {wanted}; `{listed_by}` shows the rooms")


def rename_room(
    editing: AbstractContextManager[RoomEditor], wanted: str, new: str, problem: Callable[[str, Sequence[str]], str]
) -> tuple[str, str]:
    """Give a room another name. Its lines, their numbers, keys, and how far people have come stay.

    `problem` says why a new name cannot be taken beside those of the other rooms; "" if it can. Returns the room's old and its new name.
    """
    with editing as editor:
        rooms = editor.rooms()
        room = find_room(rooms, wanted)
        name = new_name(new, [other.name for other in rooms if other.name != room.name], problem)
        editor.rename_room(room.name, name, ServerAct("name-set", time.time(), OPERATOR, text=name))
    return room.name, name


def delete_room(editing: AbstractContextManager[RoomEditor], wanted: str) -> RoomRecord:
    """Delete a room, with everything that was said in it.

    Raises:
        FileProblem: there is none; or it is deleted, but what was said can still be read.

    """
    with editing as editor:
        room = find_room(editor.rooms(), wanted)
        editor.keep_act(ServerAct("room-deleted", time.time(), OPERATOR, text=room.name))
        editor.delete_room(room.name)
    return room


def new_name(name: str, others: Sequence[str], problem: Callable[[str, Sequence[str]], str]) -> str:
    """The name in its one form, if a room beside these others can have it. Raises FileProblem."""
    try:
        parsed = parse_name(name)
    except BadName:
        raise FileProblem(
            f"{name or 'an empty name'} cannot be a room's name: it has 1 to 32 letters, digits, - and _"
        ) from None
    key = name_key(parsed)
    for other in others:
        if name_key(other) == key:
            raise FileProblem(f"there is a room {other} already, whose name counts as the same")
    if why := problem(parsed, others):
        raise FileProblem(why)
    return parsed
