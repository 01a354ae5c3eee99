"""Marks a room as read once its newest line has been seen for long enough. Knows time; never knows what is on the screen."""

from chat_tui.client.clocks import Steady
from chat_tui.client.connection import Status
from chat_tui.client.state import RoomState
from chat_tui.ui.program import Program

READ_AFTER = 1.0
"""Seconds that a room's bottom must have been seen before it counts as read: hopping over rooms reads nothing."""


class ReadMarker:
    """Watches one room at a time."""

    def __init__(self, program: Program) -> None:
        self._program = program
        self._steady = Steady(program.clock)
        self._room: RoomState | None = None
        self._since = 0.0

    def watch(self, seen: RoomState | None) -> bool:
        """The newest line of this room is seen now; None: of none. Returns whether a room counts as read by that."""
        is_online = self._program.change.status is Status.ONLINE
        room, now = seen if is_online else None, self._steady()
        if room is None or room is not self._room or room.is_kept_unread:
            self._room, self._since = room, now
        elif now - self._since >= READ_AFTER and room.read != room.last and room.last == room.timeline.newest:
            self._program.client.mark_read(room)
            if self._program.settings.signs:
                self._program.client.activity.read(room)
            return True
        return False
