"""Lines that bots at other nodes are to look at before they are said: each node is asked, and has as long to answer as a bot.

Who does not answer lets the line pass: a node that is killed or hangs, a bot that has just gone, a database that is away. A node that does not for
several lines in a row is not asked for a while, so that nobody waits for each of them. Never knows which bots these are, nor what they are shown.
"""

from collections.abc import Collection
from itertools import count

import trio

from chat_server.journal import JournalError
from chat_server.journal.lines_asked import LINES_MAX, LineAsked
from chat_server.journal.nodes import Nodes
from chat_server.journal.signs import LinesJudged
from chat_server.protocol.events import Refused
from chat_server.rooms.line_questions import DEADLINE, MISSES_MAX, Question, verdict_of
from chat_server.rooms.line_rules import Verdict

SILENT_SECONDS = 10.0
"""Seconds for which a node is not asked that has not answered MISSES_MAX lines in a row. One that is dead is buried by then."""


class FiltersElsewhere:
    """The lines of one node."""

    def __init__(self, nodes: Nodes) -> None:
        """Nothing is asked yet."""
        self._nodes = nodes
        self._lines = nodes.lines_asked
        self._numbers = count(1)
        self._asked: dict[int, Question[int]] = {}
        self._missed: dict[int, int] = {}
        self._silent_until: dict[int, float] = {}

    async def verdict(self, nodes: Collection[int], line: LineAsked) -> Verdict:
        """What the bots at these nodes say of a line."""
        now = trio.current_time()
        asked = [node for node in nodes if self._silent_until.get(node, now) <= now]
        if not asked or len(self._asked) >= LINES_MAX:
            return None
        number, question = next(self._numbers), Question(asked)
        self._asked[number] = question
        try:
            self._lines.put(number, asked, line)
            if not await question.wait():
                for node in question.waiting:
                    self._misses(node)
            if isinstance(question.verdict, Refused):
                return verdict_of("refuse", await self._why(number))
        finally:
            del self._asked[number]
            self._lines.forget(number)
        return question.verdict

    async def _why(self, number: int) -> str:
        with trio.move_on_after(DEADLINE):
            try:
                return await self._lines.why(number)
            except JournalError:
                return ""
        return ""

    def _misses(self, node: int) -> None:
        self._missed[node] = self._missed.get(node, 0) + 1
        if self._missed[node] >= MISSES_MAX:
            del self._missed[node]
            self._silent_until[node] = trio.current_time() + SILENT_SECONDS

    def heard(self, node: int, judged: LinesJudged) -> None:
        """Another node has answered lines of this node's, or of a third one."""
        if judged.to != self._nodes.number:
            return
        self._missed.pop(node, None)  # though it may be too late for these lines
        self._silent_until.pop(node, None)
        for number, said in judged.said.items():
            question = self._asked.get(number)
            if question is not None and node in question.waiting:
                question.answer(node, said)
