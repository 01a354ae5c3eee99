"""A room gets another name, or is deleted: the one way of that, whoever asks for it, an owner of the room or who looks after the server.

What the room itself does then is in changes.py. Never knows how it was asked for, nor how what became of it is told.
"""

from collections.abc import Callable

import trio
from msgspec import Struct

from chat_server.accounts.acts import ServerAct
from chat_server.journal import JournalError, Receipt, RoomTaken
from chat_server.logs import log
from chat_server.protocol.entries import Entry
from chat_server.protocol.events import Refused
from chat_server.protocol.room_life import NameSet
from chat_server.rooms.batch import Acting
from chat_server.rooms.changes import NO_MORE, Doer
from chat_server.rooms.chat_room import ChatRoom
from chat_server.rooms.directory import Directory
from chat_server.rooms.log_names import log_name
from chat_server.rooms.person import Person
from chat_server.rooms.room import Occupant, Room, carried_through

DELETING_SECONDS = 120.0
"""Seconds that deleting a room may take for whoever has asked for it and is gone: some hundred batches go in a twentieth of a second."""


class NotDone(Struct, frozen=True):
    """A room is as it was, or not all of it is deleted: why, for those who look after the server, and for people."""

    why: str
    refusal: Refused


def anybody_may() -> str:
    """Nothing forbids it: who looks after the server may do it always."""
    return ""


def all_are_known(room: Room) -> bool:
    """Who looks after the server may know of all rooms."""
    del room
    return True


async def rename(
    place: ChatRoom,
    name: str,
    by: Doer,
    may: Callable[[], str] = anybody_may,
    is_known: Callable[[Room], bool] = all_are_known,
) -> NotDone | None:
    """Give a room another name, which can be one beside those of the other rooms. Whoever asks has `Directory.founding`.

    Args:
        place: the room.
        name: its new name.
        by: whose act it is.
        may: why it may not be done after all that has happened in the room by then; see Changes.ask.
        is_known: of which rooms whoever asks may know.

    """
    directory, old = place.directory, place.name
    errors: list[JournalError] = []

    async def store(named: Entry | None) -> Receipt | None:
        try:
            return await directory.journal.rename_room(old, name, named)
        except JournalError as error:
            errors.append(error)
            raise

    if why := await place.changes.ask(name, store, may=may, by=by):
        taken = next((error for error in errors if isinstance(error, RoomTaken)), None)
        refusal = directory.another_has(name, taken, is_known) if taken is not None else _refusal(place, why, errors)
        return NotDone(why, refusal)
    log.info("a room has another name", room=log_name(place, old), new=log_name(place), by=by.nick)
    return None


async def destroy(place: ChatRoom, by: Doer, may: Callable[[], str] = anybody_may) -> NotDone | None:
    """Delete a room, and everything that was said in it; first everybody is put out. Whoever asks has `Directory.founding`."""
    errors: list[JournalError] = []

    async def store(_: Entry | None) -> None:
        try:
            await audit_deleting(place, by)
        except JournalError as error:
            errors.append(error)
            raise

    if why := await place.changes.ask(store=store, may=may):
        return NotDone(why, _refusal(place, why, errors))
    try:
        left = await place.directory.journal.delete_room(place.name)
    except JournalError as error:
        log.error("a room is closed, and could not be deleted", room=log_name(place), why=str(error))
        return NotDone(str(error), Refused("cannot-store"))
    log.info("a room has been deleted", room=log_name(place), by=by.nick, left=left)
    return None


async def audit_deleting(place: ChatRoom, by: Doer) -> None:
    """Have it in the server's audit, for good, who deletes a room: the room's goes with it. Raises JournalError."""
    directory = place.directory
    act = ServerAct("room-deleted", directory.authentication.now(), by.nick, by.account, text=place.name)
    await directory.accounts.acts.enact(act, lambda *_: "")  # whether they may has been seen to


def _refusal(place: ChatRoom, why: str, errors: object) -> Refused:
    if errors:
        return Refused("cannot-store")
    return Refused("no-such-room", {"room": place.name}) if why == NO_MORE else Refused("owners-only")


async def rename_by_owner(place: ChatRoom, session: Occupant, name: str) -> NotDone | None:
    """Give a room another name, if that can be one, and its owner has not renamed too many. The session may end meanwhile."""
    directory, person, now = place.directory, session.person.sender, trio.current_time()

    def is_known(room: Room) -> bool:
        return room.is_shown_to(session)

    with carried_through():
        async with directory.founding:
            renaming = Acting(NameSet(place.name, 0, 0.0, "", name))
            refusal = place.refusal_to_act(session, renaming) or directory.refusal_to_rename(person, now)
            if refusal is not None:
                return NotDone(refusal.code, refusal)
            refusal = directory.refusal_of_name(name, place, is_known)
            if refusal is None or refusal.code == "room-name-unusable":  # so that nobody goes through a list of names
                directory.note_renamed(person, now)
            if refusal is not None:
                return NotDone(refusal.code, refusal)
            by = _doer(session)._replace(asker=session, key=session.key_of_act())
            return await rename(place, name, by, _may_still(place, session), is_known)
    return NotDone("time", Refused("cannot-store"))


async def destroy_by_owner(place: ChatRoom, session: Occupant) -> NotDone | None:
    """Delete a room for its owner. The session may end meanwhile."""
    with trio.CancelScope(shield=True, deadline=trio.current_time() + DELETING_SECONDS):
        async with place.directory.founding:
            return await destroy(place, _doer(session), _may_still(place, session))
    return NotDone("time", Refused("cannot-store"))


def _doer(session: Occupant) -> Doer:
    return Doer(session.nick, session.person.account)


def _may_still(place: ChatRoom, session: Occupant) -> Callable[[], str]:
    """Whether they may by then: what was before it in the room may have taken that from them."""

    def may() -> str:
        refusal = place.refusal_of(session, "govern")
        return refusal.code if refusal is not None else ""

    return may


def refusal_to_own(directory: Directory[Room, Person[Occupant]], account: int) -> Refused | None:
    """Why an account cannot own one more room; None if it can."""
    rooms = (room for room in directory.rooms if isinstance(room, ChatRoom))
    owned = sum(room.gate.state.role(account) == "owner" for room in rooms) if account else 0
    limit = directory.owned_max
    return Refused("rooms-owned", {"limit": str(limit)}) if limit and owned >= limit else None


async def lines_in(place: ChatRoom) -> int:
    """How many lines are kept of a room. Raises JournalError."""
    page = await place.directory.journal.read(place.name, place.last_seq, place.last_seq)
    return max(0, place.last_seq - page.first + 1)
