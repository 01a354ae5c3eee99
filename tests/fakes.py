"""Stand-ins for what a part of the server sees of the others."""

from collections.abc import Callable

from chat_server.chat_room import ChatRoom
from chat_server.events import Event
from chat_server.hall import Hall
from chat_server.room import Directory, Room
from chat_server.wire.sentences import show


class FakeSession:
    """A session that remembers what it was told."""

    def __init__(self, place: Room, nick: str = "") -> None:
        self.nick = nick
        self.place = place
        self.show: Callable[[Event], bytes] = show
        self.told: list[str] = []
        if nick:
            assert place.directory.claim(nick, self)

    def push(self, data: bytes) -> None:
        self.told += data.decode().splitlines()

    def send(self, event: Event) -> None:
        self.push(show(event))

    def logged_in(self, nick: str) -> None:
        self.nick = nick

    async def enter(self, place: Room) -> None:
        await self.place.leave(self)
        self.place = place
        await place.enter(self)

    def take_told(self) -> list[str]:
        """What it was told since this was last asked."""
        told, self.told = self.told, []
        return told


def make_hall(*rooms: str) -> Hall:
    """A hall with these chat rooms beside it, whose broadcasters are not running."""
    directory = Directory()
    hall = Hall(directory)
    for name in rooms:
        directory.open_room(ChatRoom(name, directory, hall))
    return hall
