"""Bots that filter a room: each line is shown to them before it is said, and what they answer within a moment decides.

Only its author waits meanwhile, so nobody else's line is held up, and everybody's stay in their order. Who does not answer in time lets the line
pass; who does not for several lines in a row is not asked any more, until they come back by a new connection. Never knows what makes a line good,
nor at which node it is said.
"""

from collections.abc import Callable, Iterable
from itertools import count
from math import inf
from weakref import WeakKeyDictionary

from chat_server.guard import Guard
from chat_server.journal.lines_asked import Judgement, LineAsked
from chat_server.logs import log
from chat_server.protocol.moderation_events import FilterAsked
from chat_server.rooms.line_questions import ASKED_MAX, MISSES_MAX, Question
from chat_server.rooms.line_rules import Verdict
from chat_server.rooms.room import Occupant


class Filters:
    """The filters of one room, at one node."""

    def __init__(self, room: Callable[[], str], shown: Callable[[], str]) -> None:
        """`room` gives the room's name as bots are shown it, `shown` as the log is."""
        self._room = room
        self._shown = shown
        self.told_at = -inf
        """When those who moderate the room were told last that lines wait in it."""
        self._numbers = count(1)
        self._asked: dict[int, Question[Occupant]] = {}
        self._missed: WeakKeyDictionary[Occupant, int] = WeakKeyDictionary()
        self._guard = Guard("a filter could not be asked", lambda: {"room": shown()})

    def are_asked(self, bots: Iterable[Occupant]) -> list[Occupant]:
        """Those that still answer."""
        return [bot for bot in bots if self._missed.get(bot, 0) < MISSES_MAX]

    async def verdict(self, bots: Iterable[Occupant], line: LineAsked) -> tuple[Verdict, list[Occupant]]:
        """What these bots say of a line; and which of them are not asked any more from now on."""
        asked = self.are_asked(bots)
        if not asked or len(self._asked) >= ASKED_MAX:
            return None, []
        number, question = next(self._numbers), Question(asked)
        event = FilterAsked(self._room(), number, line.nick, line.text, line.kind, line.is_guest)
        self._asked[number] = question
        try:
            for bot in asked:
                if not self._guard.attempt(bot.send_unasked, event):
                    self._guard.attempt(bot.fail)
            is_known = await question.wait()
        finally:
            del self._asked[number]
        return question.verdict, [] if is_known else [bot for bot in question.waiting if self._misses(bot)]

    def _misses(self, bot: Occupant) -> bool:
        """Note that a filter has not answered; return whether it is not asked any more because of that."""
        missed = self._missed[bot] = self._missed.get(bot, 0) + 1
        if missed == MISSES_MAX:
            log.warning("a filter does not answer, and is asked no more", room=self._shown(), nick=bot.nick)
        return missed == MISSES_MAX

    def answer(self, bot: Occupant, number: int, said: Judgement, why: str) -> bool:
        """A bot answers. Returns whether it was asked that, and not too long ago."""
        question = self._asked.get(number)
        if question is None or bot not in question.waiting:
            return False
        self._missed.pop(bot, None)
        question.answer(bot, said, why)
        return True
