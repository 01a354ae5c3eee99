"""Reactions to lines of a room, gathered for people at terminals: a crowd that reacts to a line is one row on the screen, a few seconds later.

Programs are sent each by itself, as everything that is stored. Never knows when it is time, but from when on (`due`).
"""

from collections.abc import Callable, Iterable
from math import inf

from chat_server.protocol.amending import Reacted
from chat_server.protocol.events import Event
from chat_server.protocol.room_events import ReactionsTold
from chat_server.rooms.blocking import Blocks
from chat_server.rooms.room import Occupant

GATHERED_SECONDS = 2.0
"""Seconds for which reactions are gathered."""

NAMED_MAX = 3
"""People who are named; of more it is said how many."""

LINES_MAX = 20
"""Lines of which it is told at once that somebody has reacted; more scroll away unread."""


class _Line:
    """A line to which people have reacted."""

    def __init__(self) -> None:
        self.whom = ""
        self.by: dict[tuple[str, int, str], None] = {}  # who, by name and account, and with which sign
        self.unseeing: set[Occupant] = set()


class GatheredReactions:
    """What has not been told yet."""

    def __init__(self, room: Callable[[], str]) -> None:
        """Nothing. `room` gives the room's name."""
        self._room = room
        self._lines: dict[int, _Line] = {}
        self.due = inf
        """When it is to be told."""

    def note(self, line: Reacted, unseeing: Iterable[Occupant], now: float) -> None:
        """Somebody has reacted, or taken that back; these may not see to what."""
        if not line.text:
            return
        if line.of not in self._lines and len(self._lines) >= LINES_MAX:
            return
        about = self._lines.setdefault(line.of, _Line())
        about.whom = line.whom
        about.unseeing.update(unseeing)
        who = (line.nick, line.author, line.text)
        if line.is_back:
            about.by.pop((line.called or line.nick, line.author, line.text), None)
        else:
            about.by[who] = None
        self.due = min(self.due, now + GATHERED_SECONDS)

    def take(self, members: Iterable[Occupant]) -> list[tuple[Event, tuple[Occupant, ...]]]:
        """What is to be told to the members, and to which of them it is not; forget it."""
        lines, self._lines, self.due = self._lines, {}, inf
        everybody = [*members]
        return [
            (self._told(number, line), tuple(one for one in everybody if _is_left_out(one, line)))
            for number, line in lines.items()
            if line.by
        ]

    def _told(self, number: int, line: _Line) -> ReactionsTold:
        nicks = [*dict.fromkeys(nick for nick, _, _ in line.by)]
        signs = tuple(dict.fromkeys(sign for _, _, sign in line.by))
        return ReactionsTold(self._room(), number, line.whom, tuple(nicks[:NAMED_MAX]), len(nicks[NAMED_MAX:]), signs)


def _is_left_out(member: Occupant, line: _Line) -> bool:
    """Whether somebody may not see the line, has blocked somebody who has reacted, or is the only one who has: they were told."""
    blocks: Blocks = member.person.blocks
    if member in line.unseeing or any(blocks.hide(account, nick) for nick, account, _ in line.by):
        return True
    account, nick = member.person.account, member.person.nick
    return all(whose == account if account else called == nick for called, whose, _ in line.by)
