"""The lines that a user says, from Enter to the server's word that they are stored: on the disk first, then sent, again if they must be, or given up.

Never knows how a line is sent, nor how it is shown meanwhile.
"""

from collections.abc import Callable
from secrets import token_hex

from chat_server.protocol.incoming import Ref
from chat_server.protocol.names import GUEST, name_key
from chat_tui.client.local_store import LocalStore
from chat_tui.client.pending import Pending
from chat_tui.client.sendable import cleaned, too_long
from chat_tui.client.state import RoomState, State
from chat_tui.language import say


class OutgoingLines:
    """Those of one user on one server."""

    def __init__(
        self, store: LocalStore, state: State, send: Callable[[Pending], None], clock: Callable[[], float]
    ) -> None:
        self._store, self._state, self._send, self._clock = store, state, send, clock

    def wrong_with(self, do: str, words: str, room: str) -> str:
        """Why this cannot be said in a room ("": none), in a sentence; "" if it can."""
        if not room:
            return say("You are in no room. /join ROOM enters one.")
        if not cleaned(do, words).strip():
            return say("Nothing in that can be shown.")
        return too_long(self.pending(room, do, words), self._state.limits)

    def pending(self, room: str, do: str, words: str, *, re: int = 0) -> Pending:
        """A line that is to be said, in reply to the line with this number if it is not 0, under a key of its own."""
        known = self._state.known(room)
        mark = GUEST if known is not None and name_key(self._state.nick) in known.guests else ""
        return Pending(token_hex(12), room, do, cleaned(do, words), self._clock(), re=re, mark=mark)

    def say(self, *lines: Pending) -> None:
        """Keep lines on the disk, and send them now or when there is a connection."""
        self._store.add(*lines)
        for pending in lines:
            self._state.typed(pending)
            self._send(pending)

    def to_send(self) -> list[Pending]:
        """What waits to be stored, in order; without what could not be, or never will: a server would not even read it."""
        for pending in self._store.unsent:
            if not pending.why and (why := too_long(pending, self._state.limits)):
                pending.why = why
                self._store.add(pending)
        return [pending for pending in self._store.unsent if not pending.why]

    def send_again(self, room: RoomState) -> int:
        """Send again what could not be stored; return how many lines."""
        for pending in (failed := [pending for pending in room.pending if pending.why]):
            self._say_again(pending)
        return len(failed)

    def send_line_again(self, key: str) -> None:
        """Send one line again that could not be stored."""
        for pending in self._store.unsent:
            if pending.key == key and pending.why:
                self._say_again(pending)

    def _say_again(self, pending: Pending) -> None:
        pending.why = ""
        self._store.add(pending)
        self._send(pending)

    def give_up_line(self, pending: Pending) -> None:
        """Forget a line that will never be stored."""
        self._state.withdrawn(pending.key)
        self._store.remove(pending.key)

    def give_up(self, room: RoomState) -> str:
        """Take back the oldest line that could not be stored; return its text."""
        for pending in room.pending:
            if pending.why:
                self.give_up_line(pending)
                return pending.text
        return ""

    def keep_failed(self, key: Ref | None) -> None:
        """Write down that a line could not be stored: it is not sent again by itself."""
        for pending in self._store.unsent:
            if pending.key == key:
                self._store.add(pending)
