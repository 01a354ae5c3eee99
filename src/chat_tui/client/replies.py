"""Unread lines that reply to lines which are not known yet: one of them may be the user's own. Pure; never knows which are mentions."""

from collections.abc import Set as AbstractSet

from chat_server.protocol.entries import LineBlocked, Spoken
from chat_server.protocol.stored_event import StoredEvent
from chat_tui.client.numbers import Numbers


class Replies:
    """Those of a room, by the numbers of what they reply to."""

    def __init__(self) -> None:
        self._waiting: dict[int, set[int]] = {}

    def maybe_wait(self, line: StoredEvent, known: Numbers) -> None:
        """A line has come that calls nobody, as far as is known: unless it replies to a line whose number is not."""
        if line.alerts and isinstance(line, Spoken) and line.re and line.re not in known:
            self._waiting.setdefault(line.re, set()).add(line.seq)

    def to(self, line: StoredEvent | LineBlocked, me: str) -> AbstractSet[int]:
        """A line has come: the numbers of those that reply to it, if it is the user's own."""
        replies = self._waiting.pop(line.seq, set()) if self._waiting else set()
        return replies if not isinstance(line, LineBlocked) and line.nick == me else set()

    def read(self, seq: int) -> None:
        """The user has read up to here."""
        unread = {re: {reply for reply in replies if reply > seq} for re, replies in self._waiting.items()}
        self._waiting = {re: replies for re, replies in unread.items() if replies}
