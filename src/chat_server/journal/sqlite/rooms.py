"""What can be done to the rooms of a data directory that no server holds: list, rename, delete. Blocks; never knows a terminal."""

from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager
from pathlib import Path

from chat_server.journal import JournalError, RoomRecord
from chat_server.journal.sqlite.data_directory import JOURNAL_FILE, DataFolder
from chat_server.journal.sqlite.maintenance import FileProblem, open_reader, remove_database
from chat_server.journal.sqlite.writer import Writer
from chat_server.protocol.names import BadName, parse_name, same_name_key
from chat_server.protocol.syntax import REQUESTS


def list_rooms(path: Path) -> list[RoomRecord]:
    """The rooms of a data directory, in the order in which they were opened. A server may hold it."""
    with closing(open_reader(path / JOURNAL_FILE)) as reader:
        return reader.rooms()


def find_room(rooms: Sequence[RoomRecord], wanted: str) -> RoomRecord:
    """The room of this name, or `#3`: the third, for a name that nobody can type.

    Raises:
        FileProblem: there is none.

    """
    if wanted.startswith("#") and wanted[1:].isascii() and wanted[1:].isdigit() and 1 <= int(wanted[1:]) <= len(rooms):
        return rooms[int(wanted[1:]) - 1]
    exactly = [room for room in rooms if room.name == wanted]
    alike = [room for room in rooms if same_name_key(room.name) == same_name_key(wanted)]
    for room in exactly or alike:
        return room
    raise FileProblem(f"there is no room {wanted}; `chat-server rooms list` shows the rooms")


def rename_room(path: Path, wanted: str, new: str) -> tuple[str, str]:
    """Give a room another name. Its lines, their numbers, keys, and how far people have come stay. Returns its old and its new name."""
    with _opened(path) as (folder, writer):
        rooms = writer.rooms()
        room = find_room(rooms, wanted)
        name = _new_name(new, [other for other in rooms if other.name != room.name])
        remove_database(folder.search)  # it has the old name with every line; the server makes it anew
        writer.rename_room(room.name, name)
    return room.name, name


def delete_room(path: Path, wanted: str) -> RoomRecord:
    """Delete a room, with everything that was said in it.

    Raises:
        FileProblem: there is none; or it is deleted, but another program keeps SQLite from overwriting what was said.

    """
    with _opened(path) as (folder, writer):
        room = find_room(writer.rooms(), wanted)
        remove_database(folder.search)
        writer.delete_room(room.name)
        try:
            writer.bring_in_log()
        except JournalError as error:
            raise FileProblem(
                f"{room.name} is deleted, but {error}, so what was said is still in the file: it is overwritten"
                " when that program has ended and the server has been started and stopped"
            ) from error
    return room


@contextmanager
def _opened(path: Path) -> Iterator[tuple[DataFolder, Writer]]:
    """The journal of a directory that nobody else writes to meanwhile."""
    open_reader(path / JOURNAL_FILE).close()  # where there is none, none is made
    folder = DataFolder(path)
    try:
        with closing(Writer(folder.journal)) as writer:
            yield folder, writer
    finally:
        folder.close()


def _new_name(name: str, others: Sequence[RoomRecord]) -> str:
    try:
        parsed = parse_name(name)
    except BadName:
        raise FileProblem(
            f"{name or 'an empty name'} cannot be a room's name: it has 1 to 32 letters, digits, - and _"
        ) from None
    key = same_name_key(parsed)
    if key in REQUESTS:
        raise FileProblem(f"{name} is a command's word: choose another name for the room")
    for other in others:
        if same_name_key(other.name) == key:
            raise FileProblem(f"there is a room {other.name} already, whose name counts as the same")
    return parsed
