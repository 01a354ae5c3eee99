"""What becomes of a room: another name, the archive, its end; asked for by its owners, and (server/operations.py) by who looks after the server.

Never knows who may (rooms/rights.py), nor how any of it is stored.
"""

from typing import Annotated, ClassVar

from msgspec import Meta

from chat_server.accounts.new_names import parse_new_name
from chat_server.commands.access import access
from chat_server.commands.acting import REASON_MAX, Reason, ReasonTooLong
from chat_server.commands.handler import CommandHandler
from chat_server.journal import JournalError
from chat_server.protocol.events import Answered, Refused
from chat_server.protocol.names import BadName, name_key
from chat_server.protocol.requests import HowMany, Request
from chat_server.protocol.room_life import Archived, Unarchived
from chat_server.rooms.batch import Acting
from chat_server.rooms.chat_room import ChatRoom
from chat_server.rooms.life import destroy_by_owner, lines_in, rename_by_owner
from chat_server.rooms.room import ROOM, MaybeAwaitable, Occupant


class RenameRoom(Request, frozen=True, gc=False, tag="rename"):
    """Give the room another name."""

    group: ClassVar[str] = "moderating"
    name: Annotated[str, Meta(description="the new name")]


class Archive(Request, frozen=True, gc=False):
    """Let the room be read, and nothing be said in it any more."""

    group: ClassVar[str] = "moderating"
    reason: Reason = ""


class Unarchive(Request, frozen=True, gc=False):
    """Take the room out of the archive again."""

    group: ClassVar[str] = "moderating"
    reason: Reason = ""


class Destroy(Request, frozen=True, gc=False):
    """Delete the room, and everything that was said in it."""

    group: ClassVar[str] = "moderating"
    name: Annotated[str, Meta(description="the room's name once more; without it you are told what would be lost")] = ""


class DestroyAwaited(Answered, frozen=True, tag="destroy-awaited"):
    """What would be lost with a room: to delete it, ask for that once more, with its name."""

    sentence: ClassVar[str] = (
        "{room} would be deleted with everything said in it (lines: {lines}), and whoever is there put out (people: {people}). Nobody can undo"
        " that. /destroy {room} does it; /archive lets it be read."
    )

    room: str
    lines: HowMany
    people: HowMany


class Destroyed(Answered, frozen=True):
    """A room has been deleted, with so many lines."""

    sentence: ClassVar[str] = "{room} is deleted, with everything said in it (lines: {lines})."

    room: str
    lines: HowMany


class AnotherRoomsName(Refused, frozen=True):
    """That is not the name of the room that would be deleted."""

    code: str = "not-its-name"
    sentence: ClassVar[str] = "This room is called {room}: /destroy {room} deletes it."


class ArchivedAlready(Refused, frozen=True):
    """It is in the archive."""

    code: str = "archived-already"
    sentence: ClassVar[str] = "{room} is archived already. /unarchive takes it out again."


class NotArchived(Refused, frozen=True):
    """It is not in the archive."""

    code: str = "not-archived"
    sentence: ClassVar[str] = "{room} is not archived."


class NotWhollyDeleted(Refused, frozen=True):
    """A room is gone, and not yet all of what was said in it."""

    code: str = "not-wholly-deleted"
    sentence: ClassVar[str] = (
        "{room} is closed, but what was said in it is not deleted yet: whoever looks after the server finds in its log why."
    )


class RoomLifeCommands(CommandHandler):
    """To rename a room, to archive it, to delete it."""

    @access(where=(ROOM,), act="govern", bots=False, asks_engine=True)
    def do_rename(self, place: ChatRoom, session: Occupant, request: RenameRoom) -> MaybeAwaitable:
        """Give the room another name.

        Everybody stays in it, and whoever asks for the old name is told the new one, until another room has that.
        """
        try:
            name = parse_new_name(request.name)
        except BadName as error:
            session.send(Refused(error.code, error.details))
            return None
        if name == place.name:
            session.send(Refused("room-exists", {"room": name}))
            return None
        if self.table.vocabulary.is_command(name) and name_key(name) != name_key(place.name):
            session.send(Refused("room-is-command", {"room": name}))
            return None
        return _rename(place, session, name)

    @access(where=(ROOM,), act="govern", bots=False)
    def do_archive(self, place: ChatRoom, session: Occupant, request: Archive) -> MaybeAwaitable:
        """Archive the room: people can only read it.

        It is listed apart, and stays as it is. /unarchive takes it out again.
        """
        if place.is_archived:
            session.send(ArchivedAlready(details={"room": place.name}))
            return None
        return _act(place, session, Archived(place.name, 0, 0.0, "", request.reason))

    @access(where=(ROOM,), act="govern", bots=False)
    def do_unarchive(self, place: ChatRoom, session: Occupant, request: Unarchive) -> MaybeAwaitable:
        """Take the room out of the archive, to talk in it again."""
        if not place.is_archived:
            session.send(NotArchived(details={"room": place.name}))
            return None
        return _act(place, session, Unarchived(place.name, 0, 0.0, "", request.reason))

    @access(where=(ROOM,), act="govern", bots=False, asks_engine=True)
    def do_destroy(self, place: ChatRoom, session: Occupant, request: Destroy) -> MaybeAwaitable:
        """Delete the room for good, with all that was said in it.

        Without a name you are told what would be lost; /destroy and the room's name does it.
        """
        if not request.name:
            return _tell_what_is_lost(place, session)
        if name_key(request.name) != name_key(place.name):
            session.send(AnotherRoomsName(details={"room": place.name}))
            return None
        return _destroy(place, session)


def _act(place: ChatRoom, session: Occupant, entry: Archived | Unarchived) -> MaybeAwaitable:
    if len(entry.text) > REASON_MAX:
        session.send(ReasonTooLong(details={"limit": str(REASON_MAX)}))
        return None
    return place.act(session, Acting(entry))


async def _rename(place: ChatRoom, session: Occupant, name: str) -> None:
    not_done = await rename_by_owner(place, session, name)
    if not_done is not None:
        session.send(not_done.refusal)


async def _tell_what_is_lost(place: ChatRoom, session: Occupant) -> None:
    try:
        lines = await lines_in(place)
    except JournalError:
        session.send(Refused("cannot-read"))
        return
    session.send(DestroyAwaited(place.name, lines, place.population))


async def _destroy(place: ChatRoom, session: Occupant) -> None:
    name = place.name
    try:
        lines = await lines_in(place)
    except JournalError:
        session.send(Refused("cannot-read"))
        return
    not_done = await destroy_by_owner(place, session)
    if not_done is None:
        session.send(Destroyed(name, lines))
    elif not_done.refusal.code == "no-such-room" or place in place.directory.rooms:
        session.send(not_done.refusal)
    else:
        session.send(NotWhollyDeleted(details={"room": name}))
