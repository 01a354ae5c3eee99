"""In which rooms a session is that can be in many: which they are, after which line each is heard, and how far it has been caught up with.

For any door whose requests name their room. Knows rooms, and the session as they do. Never knows a codec, nor what was asked for.
"""

from collections.abc import Collection
from functools import partial

import trio

from chat_server.guard import Guard
from chat_server.protocol.events import Refused, WentBack
from chat_server.protocol.names import name_key
from chat_server.rooms.conversations import conversations_of
from chat_server.rooms.directory import Directory
from chat_server.rooms.person import Person, has_only_a_name
from chat_server.rooms.room import ROOMS_MAX, Occupant, Room


async def left(place: Room, session: Occupant) -> None:
    """Let the session leave a place; if that fails, the place forgets it."""
    guard = Guard("a session could not leave a room", nick=session.nick)
    with guard:
        await place.leave(session)
    if guard.has_failed:
        guard.attempt(place.forget, session)


def let_rooms_forget(
    session: Occupant, directory: Directory[Room, Person[Occupant]], taken_over: Collection[Room]
) -> None:
    """Have rooms forget a session that had no time left to leave them; but those where another takes its place."""
    names = {room.name for room in taken_over}
    for name in session.rooms:
        room = None if name in names else directory.room(name)
        if room is not None:
            room.forget(session)


def leave_person(session: Occupant, directory: Directory[Room, Person[Occupant]], leaving: trio.CancelScope) -> None:
    """Let a session be its person's no longer; with the last one the name is free again.

    Other nodes give it to somebody else when the rooms that it has just left have stored that: most have, unless `leaving` them took too long.
    """
    person = session.person
    person.let_go(session)
    if person.nick and not person.sessions:
        left = [room for name in session.rooms if (room := directory.room(name)) is not None]
        rooms = [room for room in left if leaving.cancelled_caught or room.lists(person)]
        directory.release(person.nick, person, [partial(room.when_stored, session) for room in rooms])
        directory.forget_identity(person.sender, person)
        directory.guest_blocks.left(person, "" if has_only_a_name(person) else person.sender)
        if not person.account:
            if not conversations_of(directory).may_be_elsewhere(person.sender):
                directory.guest_blocks.gone(person.nick)
            directory.calls.guest_is_called(person.nick, "")
        elif not session.proof.is_bot:
            directory.note_seen(person.account, session.proof.device, session.network)
        conversations_of(directory).left(person)


def _forget(old: Collection[Occupant], rooms: Collection[Room], taken_over: Collection[Occupant]) -> None:
    """Have rooms forget old sessions that nobody else takes over: they may not have waited for so long, and leave nowhere by themselves."""
    for session in old:
        if session not in taken_over:
            for room in rooms:
                room.forget(session)


class Membership:
    """The rooms of one session."""

    __slots__ = ("_catching_up", "_rooms")

    def __init__(self) -> None:
        self._rooms: dict[str, tuple[Room, int]] = {}  # by the name's key, with the number after which it is heard
        self._catching_up: dict[str, int] = {}  # the number up to which a room's past has been sent

    @property
    def rooms(self) -> list[Room]:
        """Where the session is, or is about to be."""
        return [room for room, _ in self._rooms.values()]

    @property
    def names(self) -> tuple[str, ...]:
        """What those rooms are called."""
        return tuple(room.name for room, _ in self._rooms.values())

    def room(self, name: str) -> Room | None:
        """The room of this name, if the session is in it."""
        found = self._rooms.get(name_key(name))
        return found[0] if found else None

    async def enter(self, session: Occupant, place: Room, *, is_return: bool = False) -> int:
        """Be in this room too; see `Occupant.enter`. Returns -1 if that cannot be."""
        known = self._heard_from(session, place, is_return=is_return)
        if known is not None:
            return known
        last = await place.enter(session, is_return=is_return)
        self._settle(place, last)
        return last

    def _settle(self, place: Room, last: int) -> None:
        """Note after which line a room is heard, unless it has been deleted meanwhile; it may have another name."""
        for key in [key for key, (room, _) in self._rooms.items() if room is place]:
            if key != name_key(place.name):
                del self._rooms[key]
            self._rooms[name_key(place.name)] = place, last

    def _heard_from(self, session: Occupant, place: Room, *, is_return: bool) -> int | None:
        """After which line the room is heard, if the session is in it already; -1 if it cannot be; else None, and it is about to be."""
        key = name_key(place.name)
        if key in self._rooms:
            if not is_return:
                session.send(Refused("in-room-already", {"room": place.name}))
            return self._rooms[key][1]
        if len(self._rooms) >= ROOMS_MAX:
            session.send(Refused("too-many-rooms", {"limit": str(ROOMS_MAX)}))
            return -1
        self._rooms[key] = place, 0
        return None

    async def leave(self, session: Occupant, place: Room) -> None:
        """Leave this room, and stay in the others."""
        await place.leave(session)
        if self.drop(place):
            session.send(WentBack(place.name))

    def drop(self, place: Room) -> bool:
        """Be in this room no longer. Returns whether the session was."""
        keys = [key for key, (room, _) in self._rooms.items() if room is place]
        for key in keys:
            del self._rooms[key]
        self._catching_up.pop(place.name, None)
        return bool(keys)

    def renamed(self, old: str, new: str) -> None:
        """A room has another name."""
        if name_key(old) in self._rooms:
            self._rooms[name_key(new)] = self._rooms.pop(name_key(old))
        if old in self._catching_up:
            self._catching_up[new] = self._catching_up.pop(old)

    async def leave_all(self, session: Occupant) -> None:
        """Leave all rooms at once: a room whose disk is slow must not keep the session in the others."""
        async with trio.open_nursery() as nursery:
            for room in self.rooms:
                nursery.start_soon(left, room, session)

    async def take_over(self, session: Occupant, rooms: Collection[Room]) -> None:
        """Be in these rooms instead of the person's other sessions at its device. Who takes this one over meanwhile finds all of them here."""
        self._rooms = {name_key(room.name): (room, 0) for room in rooms}
        person = session.person
        replaced = (other for other in person.replaced if other.proof.device == session.proof.device)
        old = (*replaced, *person.at_device(session))
        done = trio.Event()
        for other in old:
            other.end_after_takeover(done, rooms)
        is_done = False
        try:
            for room in rooms:
                self._settle(room, await room.take_over(old, session))
            is_done = True
        finally:
            done.set()
            if not is_done:
                _forget(old, rooms, person.replaced if session in person.replaced else ())

    def positions(self) -> dict[str, int]:
        """The last line's number in each room; where the session is still catching up, how far it has come."""
        positions: dict[str, int] = {}
        for room in self.rooms:
            positions |= room.position
        for name, seq in self._catching_up.items():
            positions[name] = min(positions.get(name, seq), seq)
        return positions

    def live_since(self) -> dict[str, int]:
        """After which line each room is heard."""
        return {room.name: self._catching_up.get(room.name, seq) for room, seq in self._rooms.values()}

    def replayed_up_to(self, room: str, seq: int | None) -> None:
        """Note how far a room has been caught up with."""
        if seq is None:
            self._catching_up.pop(room, None)
        else:
            self._catching_up[room] = seq
