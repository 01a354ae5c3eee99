"""A person's connection: a session that is in one place at a time, the hall or a room, which carries out whatever is asked."""

from typing import ClassVar

from chat_server.commands import Pause
from chat_server.events import NUMBER_MAX, Request, Unreadable
from chat_server.room import Occupant, Room
from chat_server.session import ChatSession


class PersonSession(ChatSession[Request | Unreadable]):
    """A person on telnet or nc."""

    hears_itself: ClassVar[bool] = False

    __slots__ = ("_since",)

    def handle(self, asked: Request | Unreadable) -> Pause:
        """Have the place carry it out."""
        return self.place.handle(self, asked)

    @property
    def rooms(self) -> tuple[str, ...]:
        """The room where the person is, if they are in one."""
        return tuple(self.place.position)

    def positions(self) -> dict[str, int]:
        """The last line's number in the room."""
        return self.place.position

    def heard_since(self) -> dict[str, int]:
        """Behind which line the person hears the room, if they are in one where something has been said since."""
        return {room: self._since for room, seq in self.place.position.items() if seq > self._since}

    def has_come_to(self, room: str, seq: int | None) -> None:
        """Nobody on this door asks for a room's whole past."""

    async def enter(self, place: Room, *, is_return: bool = False) -> int:
        """Leave the place where the person is and enter this one."""
        await self.place.leave(self)
        self.place, self._since = place, NUMBER_MAX
        self._since = await place.enter(self, is_return=is_return)
        return self._since

    async def leave(self, place: Room, hall: Room) -> None:
        """Leave the room for the hall."""
        del place
        await self.enter(hall)

    async def leave_all(self) -> None:
        """Leave the place where the person is."""
        await self.place.leave(self)

    def renamed(self, old: str) -> Pause:
        """Tell everybody who should know that the nickname has changed."""
        return self.place.announce_name(self, old)

    async def take_over(self, ghost: Occupant) -> None:
        """Nobody on this door has the token that proves it, so there is nothing to take over."""
