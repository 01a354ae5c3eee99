"""Lines of which nodes ask each other, in the engine `memory`. See lines_asked.py."""

from collections.abc import Collection, Mapping, Sequence

from chat_server.journal import JournalError
from chat_server.journal.lines_asked import Judgement, LineAsked
from chat_server.journal.signs import LinesJudged, LinesToJudge, Signs


class MemoryLinesAsked:
    """See LinesAsked."""

    def __init__(self, kept: dict[tuple[int, int], tuple[LineAsked, str]], number: int, signs: Signs) -> None:
        """The lines of all nodes are `kept`, each with why it is refused, by its node and its number."""
        self._kept, self._number, self._signs = kept, number, signs

    def put(self, number: int, nodes: Collection[int], line: LineAsked) -> None:
        """Ask of a line; see LinesAsked."""
        self._kept[self._number, number] = line, ""
        for node in nodes:
            self._signs.tell(LinesToJudge(node, (number,)))

    def forget(self, number: int) -> None:
        """Keep nothing of it; see LinesAsked."""
        self._kept.pop((self._number, number), None)

    async def why(self, number: int) -> str:
        """Why it is refused; see LinesAsked."""
        if (self._number, number) not in self._kept:
            raise JournalError("nobody is asked of that line any more")
        return self._kept[self._number, number][1]

    async def read(self, node: int, numbers: Sequence[int]) -> Mapping[int, LineAsked]:
        """Lines of another node's; see LinesAsked."""
        return {number: self._kept[node, number][0] for number in numbers if (node, number) in self._kept}

    def answer(self, node: int, number: int, said: Judgement, why: str) -> None:
        """Tell another node; see LinesAsked."""
        if (node, number) in self._kept:
            if why:
                self._kept[node, number] = self._kept[node, number][0], why
            self._signs.tell(LinesJudged(node, {number: said}))
