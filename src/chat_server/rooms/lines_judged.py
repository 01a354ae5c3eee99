"""Lines of other nodes of which the bots at this one are asked before they are said there. Never knows how long is waited for that there."""

from collections.abc import Mapping, Sequence
from contextlib import suppress

import trio

from chat_server.guard import Guard
from chat_server.journal import JournalError
from chat_server.journal.lines_asked import LINES_MAX, LineAsked
from chat_server.journal.nodes import Nodes
from chat_server.journal.signs import FilterQuiet, LinesJudged, LinesToJudge
from chat_server.rooms.case_news import tell_filter_quiet
from chat_server.rooms.chat_room import ChatRoom
from chat_server.rooms.directory import Directory
from chat_server.rooms.judging import filter_bots, judged_here
from chat_server.rooms.line_questions import DEADLINE, said_by
from chat_server.rooms.line_rules import Verdict
from chat_server.rooms.person import Person
from chat_server.rooms.room import Occupant, Room


class LinesToBeJudged:
    """One for a node."""

    def __init__(self, directory: Directory[Room, Person[Occupant]], nodes: Nodes) -> None:
        """Nothing has been asked."""
        self._directory, self._nodes = directory, nodes
        self._guard = Guard("bots could not be asked of what is said at another node")
        self._nursery: trio.Nursery | None = None
        self._judged = 0

    async def run(self) -> None:
        """Answer, until cancelled."""
        async with trio.open_nursery() as self._nursery:
            await trio.sleep_forever()

    def hear(self, node: int, sign: LinesToJudge | LinesJudged | FilterQuiet) -> None:
        """Another node asks this one, or answers it, or a third one; or one of its bots does not answer."""
        if isinstance(sign, LinesToJudge):
            self._hear_asked(node, sign)
        elif isinstance(sign, FilterQuiet):
            room = self._directory.room_of_id(sign.room)
            if isinstance(room, ChatRoom):
                tell_filter_quiet(room, sign.nick)
        elif self._directory.others is not None:
            self._directory.others.filters.heard(node, sign)

    def _hear_asked(self, node: int, asked: LinesToJudge) -> None:
        """What is too much passes there."""
        if asked.to == self._nodes.number and self._nursery is not None and self._judged < LINES_MAX:
            self._judged += len(asked.numbers)
            self._nursery.start_soon(self._judge, node, asked.numbers)

    async def _judge(self, node: int, numbers: Sequence[int]) -> None:
        lines: Mapping[int, LineAsked] = {}
        try:
            with self._guard, suppress(JournalError), trio.move_on_after(DEADLINE):
                lines = await self._nodes.lines_asked.read(node, numbers)
            if self._nursery is not None:
                for number, line in lines.items():
                    self._judged += 1
                    self._nursery.start_soon(self._judge_line, node, number, line)
        finally:
            self._judged -= len(numbers)

    async def _judge_line(self, node: int, number: int, line: LineAsked) -> None:
        verdict: Verdict = None
        try:
            with self._guard:
                room = self._directory.room_of_id(line.room)
                if isinstance(room, ChatRoom):
                    verdict = await judged_here(room, filter_bots(room, line.accounts), line)
            self._nodes.lines_asked.answer(node, number, *said_by(verdict))
        finally:
            self._judged -= 1
