"""The commands for the rooms of a journal that no server has: `chat-server rooms list`, `rename`, `delete`.

Knows arguments and what is said on the terminal; what is done is in journal/rooms.py.
"""

import argparse
import sys
from collections.abc import Sequence
from contextlib import closing

from chat_server import console
from chat_server.config import Config
from chat_server.journal import JournalInUse, RoomRecord
from chat_server.journal.archive import FileProblem
from chat_server.journal.engines import Engine
from chat_server.journal.rooms import delete_room, find_room, rename_room
from chat_server.protocol.names import name_key


def run_rooms_command(chosen: argparse.Namespace, config: Config, engine: Engine) -> int:
    """Run one of them. Returns the exit code: 0 well, 1 it was not confirmed."""
    try:
        return _run(chosen, config, engine)
    except JournalInUse as error:
        raise FileProblem(
            f"{error}; `chat-server admin rooms {chosen.rooms_command}` asks a server that is running"
        ) from error


def _run(chosen: argparse.Namespace, config: Config, engine: Engine) -> int:
    match chosen.rooms_command:
        case "rename":
            old, new = rename_room(engine.editing(config.journal), chosen.room, chosen.name, _problem)
            console.say(f"{old} is now {new}")
            if name_key(new) != name_key(old):
                warn_of_configuration(old, config)
            return 0
        case "delete":
            return _delete(chosen, config, engine)
        case _:
            return _list(config, engine)


def _problem(name: str, others: Sequence[str]) -> str:
    from chat_server.commands.room_names import problem_with  # noqa: PLC0415 - it takes Trio along, for which no other of these commands need wait

    return problem_with(name, others)


def _rooms(config: Config, engine: Engine) -> list[RoomRecord]:
    with closing(engine.open_archive(config.journal)) as archive:
        return archive.rooms()


def _list(config: Config, engine: Engine) -> int:
    rooms = _rooms(config, engine)
    for number, room in enumerate(rooms, 1):
        numbers = f" ({room.first} to {room.last})" if room.last >= room.first > 1 else ""
        topic = f", topic: {room.topic}" if room.topic else ""
        kind = " (a conversation of two people)" if room.parties else ""
        console.say(f"#{number} {room.name}{kind}: {_lines(room)}{numbers}{topic}")
    if not rooms:
        console.say("no rooms")
    return 0


def _lines(room: RoomRecord) -> str:
    return console.counted(max(0, room.last - room.first + 1), "line")


def _delete(chosen: argparse.Namespace, config: Config, engine: Engine) -> int:
    room = find_room(_rooms(config, engine), chosen.room)
    if not chosen.yes and not is_confirmed(*deleting(room.name)):
        console.say("nothing was deleted")
        return 1
    room = delete_room(engine.editing(config.journal), chosen.room)
    console.say(f"{room.name} is deleted, with {_lines(room)}")
    warn_of_configuration(room.name, config)
    return 0


def deleting(room: str) -> tuple[str, str, str]:
    """What is_confirmed is to ask before a room is deleted."""
    return room, "deleting a room", f"This deletes {room} and everything said in it."


def is_confirmed(name: str, act: str, warning: str) -> bool:
    """Whether the person at the terminal types this name after the warning. Raises FileProblem if there is nobody at a terminal."""
    if sys.stdin is None or not sys.stdin.isatty():
        raise FileProblem(f"{act} cannot be undone: say --yes, or run the command at a terminal")
    sys.stderr.write(console.escaped(f"{warning} Type its name to go on: "))
    sys.stderr.flush()
    return sys.stdin.readline().strip() == name


def warn_of_configuration(name: str, config: Config) -> None:
    """Say that the configuration names a room that is no more under that name."""
    if name_key(name) in map(name_key, config.rooms.names):
        console.say(f"rooms.names in the configuration has {name}: the next start opens an empty room of that name")
