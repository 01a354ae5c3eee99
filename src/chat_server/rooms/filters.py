"""Bots that filter a room: each line is shown to them before it is said, and what they answer within a moment decides.

Only its author waits meanwhile, so nobody else's line is held up, and everybody's stay in their order. Who does not answer in time lets the line
pass; who does not for several lines in a row is not asked any more, until they come back by a new connection. Never knows what makes a line good.
"""

from collections.abc import Callable, Iterable
from itertools import count
from math import inf
from typing import Literal
from weakref import WeakKeyDictionary

import trio

from chat_server.guard import Guard
from chat_server.logs import log
from chat_server.protocol.entries import KIND_BY_REQUEST, Storable
from chat_server.protocol.events import Refused
from chat_server.protocol.moderation_events import FilterAsked
from chat_server.protocol.requests import tag_of
from chat_server.rooms.line_rules import Hold, Verdict
from chat_server.rooms.room import Occupant

DEADLINE = 0.2
"""Seconds within which a filter has to answer."""

MISSES_MAX = 5
"""Lines in a row that a filter has not answered in time; then it is not asked any more."""

ASKED_MAX = 200
"""Lines of one room of which filters are asked at a time; more pass."""

Said = Literal["pass", "hold", "refuse"]


class _Question:
    """A line, and who has not answered yet what becomes of it."""

    def __init__(self, bots: Iterable[Occupant]) -> None:
        self.waiting = set(bots)
        self.verdict: Verdict = None
        self.done = trio.Event()

    def answer(self, bot: Occupant, said: Said, why: str) -> None:
        """One of them says what becomes of it; the strictest counts."""
        self.waiting.discard(bot)
        if said == "refuse":
            self.verdict = Refused("filter-refused", {"why": why or "-"})
        elif said == "hold" and self.verdict is None:
            self.verdict = Hold("filter")
        if not self.waiting or isinstance(self.verdict, Refused):
            self.done.set()


class Filters:
    """The filters of one room."""

    def __init__(self, room: Callable[[], str]) -> None:
        """`room` gives the room's name."""
        self._room = room
        self.told_at = -inf
        """When those who moderate the room were told last that lines wait in it."""
        self._numbers = count(1)
        self._asked: dict[int, _Question] = {}
        self._missed: WeakKeyDictionary[Occupant, int] = WeakKeyDictionary()
        self._guard = Guard("a filter could not be asked", lambda: {"room": room()})

    def are_asked(self, bots: Iterable[Occupant]) -> list[Occupant]:
        """Those that still answer."""
        return [bot for bot in bots if self._missed.get(bot, 0) < MISSES_MAX]

    async def verdict(
        self, bots: Iterable[Occupant], author: Occupant, request: Storable, *, is_guest: bool
    ) -> tuple[Verdict, list[Occupant]]:
        """What these bots say of a line; and which of them are not asked any more from now on."""
        asked = self.are_asked(bots)
        if not asked or len(self._asked) >= ASKED_MAX:
            return None, []
        number, question = next(self._numbers), _Question(asked)
        kind = KIND_BY_REQUEST[type(request)]
        text = str(getattr(request, kind.text_field))
        event = FilterAsked(self._room(), number, author.nick, text, tag_of(kind), is_guest)
        self._asked[number] = question
        try:
            for bot in asked:
                if not self._guard.attempt(bot.send_unasked, event):
                    self._guard.attempt(bot.fail)
            with trio.move_on_after(DEADLINE):
                await question.done.wait()
        finally:
            del self._asked[number]
        if question.done.is_set():
            return question.verdict, []
        return question.verdict, [bot for bot in question.waiting if self._misses(bot)]

    def _misses(self, bot: Occupant) -> bool:
        """Note that a filter has not answered; return whether it is not asked any more because of that."""
        missed = self._missed[bot] = self._missed.get(bot, 0) + 1
        if missed == MISSES_MAX:
            log.warning("a filter does not answer, and is asked no more", room=self._room(), nick=bot.nick)
        return missed == MISSES_MAX

    def answer(self, bot: Occupant, number: int, said: Said, why: str) -> bool:
        """A bot answers. Returns whether it was asked that, and not too long ago."""
        question = self._asked.get(number)
        if question is None or bot not in question.waiting:
            return False
        self._missed.pop(bot, None)
        question.answer(bot, said, why)
        return True
