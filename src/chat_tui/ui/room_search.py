"""Searching in the room that one sees: among the lines that are here at once, and among the server's when no more letters come.

Knows what is known of the room, and asks. Never knows where it is shown.
"""

import re
from collections.abc import Callable
from functools import partial

from textual.timer import Timer

from chat_server.protocol.entries import Found
from chat_server.protocol.events import Event
from chat_tui.client.state import RoomState
from chat_tui.language import say
from chat_tui.ui.program import Program, ask

ASK_AFTER = 0.3
"""Seconds after the last letter until the server is asked: not for every letter."""


class RoomSearch:
    """What is searched for, and where it stands."""

    def __init__(
        self,
        program: Program,
        *,
        later: Callable[[float, Callable[[], object]], Timer],
        tell: Callable[[str], None],
    ) -> None:
        """Search for nothing.

        Args:
            program: whose server is asked.
            later: calls a function after some seconds.
            tell: shows what came of it.

        """
        self._program = program
        self.later = later
        self._tell = tell
        self._count = 0
        self._timer: Timer | None = None
        self._room = ""
        self._found: list[int] = []
        self._has_more = False
        self._at = 0
        self.hit: int | None = None
        """The number of the line that one has gone to."""

    def begin(self, room: RoomState | None, words: str) -> re.Pattern[str] | None:
        """Search for other words, or in another room; return what is to be marked in the lines."""
        self._found, self._has_more, self.hit = [], False, None
        self._count += 1
        if self._timer is not None:
            self._timer.stop()
        wanted = words.casefold().split()
        if room is None or not wanted:
            self._tell("")
            return None
        self._room, self._at = room.name, room.last + 1
        self._found = [
            line.seq for line in room.timeline.lines() if all(word in line.text.casefold() for word in wanted)
        ]
        self._tell_count()
        self._timer = self.later(ASK_AFTER, partial(self._ask, room.name, words))
        return re.compile("|".join(map(re.escape, words.split())), re.IGNORECASE)

    def _ask(self, room: str, words: str) -> None:
        ask(self._program, "search", partial(self._answered, self._count), room=room, words=words)

    def _answered(self, count: int, event: Event) -> None:
        """Take what the server has found; what was asked for words before these does not count."""
        if count == self._count and isinstance(event, Found):
            self._take(event)

    def _take(self, found: Found) -> None:
        for name, lines in found.rooms:
            if name == self._room:
                self._found = sorted({*self._found, *(line.seq for line in lines)})
        self._has_more = found.has_more
        self._tell_count()

    def next(self, step: int) -> int | None:
        """The number of the next newer line that has the words (the next older one, if negative); round from one end to the other."""
        if not self._found:
            return None
        if step < 0:
            self._at = max((seq for seq in self._found if seq < self._at), default=self._found[-1])
        else:
            self._at = min((seq for seq in self._found if seq > self._at), default=self._found[0])
        self.hit = self._at
        self._tell_count()
        return self._at

    def _tell_count(self) -> None:
        count = f"{len(self._found)}{'+' if self._has_more else ''}"
        if not self._found:
            self._tell(say("nothing found"))
        elif self.hit in self._found:  # the newest is the first: one goes back from now
            at = len(self._found) - self._found.index(self.hit)
            self._tell(say("{at} of {count}", at=at, count=count))
        else:
            self._tell(say("{count} found", count=count))
