"""The chat rooms of a server, each with the task that is its broadcaster: opened when the server begins or a room is made, closed at the end.

Knows rooms and where they are kept. Never knows connections, nor what can be done in a room.
"""

from collections.abc import Sequence

import trio

from chat_server.guard import Guard
from chat_server.journal import JournalError, RoomRecord, new_room_id
from chat_server.journal.engines import Store
from chat_server.journal.nodes import Elsewhere, Nodes
from chat_server.logs import log
from chat_server.protocol.names import name_key
from chat_server.rooms.broadcaster import REST_AFTER_FAILURE
from chat_server.rooms.called_before import Left, look_before, make_up
from chat_server.rooms.chat_room import ChatRoom
from chat_server.rooms.conversations import conversations_of
from chat_server.rooms.directory import Directory
from chat_server.rooms.log_names import log_name
from chat_server.rooms.person import Person
from chat_server.rooms.room import Occupant, Room
from chat_server.rooms.sink import SendMany
from chat_server.rooms.writing import writing_of
from chat_server.server.confusing_rooms import tell_of_alike, tell_of_hidden

AGAIN_SECONDS, AGAIN_SECONDS_MAX = 2.0, 60.0
"""Seconds after which it is tried again to make up for a node that was given up; each further pause is twice as long, to a bound."""

TRIES_MAX = 60
"""How often that is tried where the engine answers, most of an hour; then rooms of which it cannot be done are left out: nothing waits for them."""


class OpenRooms:
    """The rooms that are open, in the order in which they were opened."""

    def __init__(self, store: Store, send_many: SendMany | None) -> None:
        """None is open."""
        self._store = store
        self._send_many = send_many
        self.listed: list[ChatRoom] = []
        self._is_closing = False
        self._ended = trio.Event()

    @property
    def running(self) -> int:
        """How many broadcasters there are."""
        return len(self.listed)

    async def begin(
        self,
        nursery: trio.Nursery,
        directory: Directory[Room, Person[Occupant]],
        hall: Room,
        configured: Sequence[str],
    ) -> None:
        """Open the rooms that there are, and those of the configuration that are not there yet; and what two people write to each other."""
        self._nursery, self._directory, self._hall = nursery, directory, hall
        left = [await self.open(record) for record in await self._store.journal.rooms()]
        for name in configured:
            try:
                await self._open_configured(name)
            except JournalError as error:  # a full disk: the rooms that are there can still be read
                log.error("cannot open a room of the configuration", room=name, why=str(error))
        conversations = conversations_of(directory)
        await conversations.passing.delete_left()
        nursery.start_soon(conversations.run)
        nursery.start_soon(writing_of(directory).run)
        nursery.start_soon(look_before, left, directory, directory.calls)
        if self._store.nodes is not None:
            nursery.start_soon(self._keep_making_up, self._store.nodes)
        tell_of_hidden(room.name for room in self.listed if not room.gate.state.is_private)
        tell_of_alike(configured)

    async def _keep_making_up(self, nodes: Nodes) -> None:
        """At the start, and whenever this node gives another up, make up for whom nodes have not kept as named at last."""
        guard = Guard("it could not be looked who was named before a node was given up")
        while True:
            pause, tries, is_done = AGAIN_SECONDS, 0, False
            while not is_done:
                is_done = True
                with guard:
                    try:
                        calls = self._directory.calls
                        await make_up(nodes, self._directory, calls, gives_up=tries >= TRIES_MAX)
                    except JournalError:
                        is_done = False
                        tries += not nodes.life.is_engine_away
                        await trio.sleep(pause)
                        pause = min(2 * pause, AGAIN_SECONDS_MAX)
            await nodes.life.wait_buried()

    async def open_new(self, configured: Sequence[str]) -> None:
        """Open those of the configuration that are not there yet, while the server runs: all, or none, and JournalError is raised.

        A room that was made before another one could not be stays in the journal, where nobody sees it; the next time it is there.
        """
        async with self._directory.founding:
            missing = [name for name in configured if self._directory.room(name) is None]
            for name in missing:
                await self._store.journal.create_room(name)
            keys = {name_key(name) for name in missing}
            made = [one for one in await self._store.journal.rooms() if name_key(one.name) in keys]
            for record, people in [await self._as_kept(record) for record in made]:
                self._directory.open_room(self.start(record, people))

    async def _open_configured(self, name: str) -> None:
        if self._directory.room(name) is not None:
            return
        room_id = new_room_id()
        await self._store.journal.create_room(name, room_id=room_id)
        await self.open(RoomRecord(name, "", 1, 0, id=room_id))

    async def open(self, record: RoomRecord) -> Left:
        """Open a room that is kept, with who is in it at other nodes. Raises JournalError if those cannot be asked for."""
        record, people = await self._as_kept(record)
        self._directory.open_room(self.start(record, people))
        return Left(record, people)

    async def _as_kept(self, record: RoomRecord) -> tuple[RoomRecord, Sequence[Elsewhere]]:
        """A room as all nodes have it, and who is in it at others. Raises JournalError."""
        if self._store.nodes is None:
            return record, ()
        record, people = await self._store.nodes.open(record.name)
        self._directory.away.unknown |= {one.account for one in people if one.account}
        return record, people

    def start(self, record: RoomRecord, people: Sequence[Elsewhere] = ()) -> ChatRoom:
        """Make a room as it was left, and start its broadcaster."""
        room = ChatRoom(record, self._directory, self._hall, self._send_many, people)
        self.listed.append(room)
        self._nursery.start_soon(self._run, room)
        return room

    async def _run(self, room: ChatRoom) -> None:
        nodes, shared = self._store.nodes, room.shared
        if nodes is not None and shared is not None:
            nodes.follow(shared)
        await _run_until_closed(room)
        if nodes is not None and shared is not None:
            nodes.unfollow(shared)
        self.listed.remove(room)
        if not self.listed and self._is_closing:
            self._ended.set()

    async def close(self, until: float) -> int:
        """Take nothing more in, and let rooms deliver what waits, until then. Returns how many have not."""
        self._is_closing = True
        for room in self.listed:
            room.close()
        if self.listed:
            with trio.move_on_at(until):
                await self._ended.wait()
        return len(self.listed)


async def _run_until_closed(room: ChatRoom) -> None:
    """Let a room deliver what enters it, and begin anew where a bug ends that."""
    guard = Guard("a room started over", lambda: {"room": log_name(room)})
    guard.has_failed = True
    while guard.has_failed:
        guard.has_failed = False
        with guard:
            await room.run()
        if guard.has_failed:
            await trio.sleep(REST_AFTER_FAILURE)
