"""The rooms that are open, found by what somebody calls them: by name, by a name that they had before, by id, by what looks like their name.

A room is nothing here but what has names. Never knows who asks, nor what may be a name.
"""

from collections.abc import Sequence
from typing import Generic, Protocol, TypeVar

from chat_server.accounts.look_alikes import skeleton
from chat_server.protocol.names import NAME_MAX, name_key


class NamedRoom(Protocol):
    """A room, as far as it matters here."""

    name: str

    @property
    def id(self) -> str:
        """What it is known by, whatever it is called; "" where that is nothing."""
        ...

    @property
    def former_names(self) -> Sequence[str]:
        """What it was called before, the newest last, as far as that is kept."""
        ...


R = TypeVar("R", bound=NamedRoom)


class ListedRooms(Generic[R]):
    """Those of one server, in the order in which they were opened."""

    def __init__(self) -> None:
        self._rooms: dict[str, R] = {}
        self._by_id: dict[str, R] = {}
        self._former: dict[str, R] = {}  # rooms by the names that they had before
        self._by_skeleton: dict[str, R] = {}
        self._not_compared: list[R] = []  # rooms that are not in _by_skeleton yet: a start does not wait for that

    def __len__(self) -> int:
        return len(self._rooms)

    def add(self, room: R) -> None:
        """List a room."""
        self._rooms[name_key(room.name)] = room
        if room.id:
            self._by_id[room.id] = room
        self._former.pop(name_key(room.name), None)
        for name in room.former_names:
            if name_key(name) not in self._rooms:
                self._former.setdefault(name_key(name), room)
        self._not_compared.append(room)

    def remove(self, room: R) -> None:
        """List a room no longer."""
        self._rooms.pop(name_key(room.name), None)
        self._by_id.pop(room.id, None)
        self._by_skeleton = {known: other for known, other in self._by_skeleton.items() if other is not room}
        self._not_compared = [other for other in self._not_compared if other is not room]
        self._former = {key: other for key, other in self._former.items() if other is not room}

    def rename(self, room: R, name: str) -> None:
        """Give a listed room another name, in its place. Who asks for the old one is given it still, until another room has that name."""
        self._former[name_key(room.name)] = room
        self._rooms = {name_key(name) if other is room else key: other for key, other in self._rooms.items()}
        self._by_skeleton = {known: other for known, other in self._by_skeleton.items() if other is not room}
        room.name = name
        self._former.pop(name_key(name), None)
        if room not in self._not_compared:
            self._not_compared.append(room)

    def room(self, name: str) -> R | None:
        """The room with this name, or with one that counts as the same."""
        return self._rooms.get(name_key(name))

    def formerly(self, name: str) -> R | None:
        """The room that had this name, or one that counts as the same, before it was renamed."""
        return self._former.get(name_key(name))

    def of_id(self, room_id: str) -> R | None:
        """The room with this id, whatever it is called."""
        return self._by_id.get(room_id)

    def like(self, name: str) -> R | None:
        """A room whose name looks like this one."""
        while self._not_compared:
            room = self._not_compared.pop()
            self._by_skeleton[skeleton(room.name)] = room
        return self._by_skeleton.get(skeleton(name))

    def all(self) -> list[R]:
        """All of them."""
        return list(self._rooms.values())

    def with_part(self, part: str) -> list[R]:
        """Those that have this in their names; "" is in all."""
        if len(part) > NAME_MAX:
            return []
        wanted = name_key(part)
        return [room for key, room in self._rooms.items() if wanted in key]
