"""Lines that are not said yet, of which a node asks others: those where a bot is that filters the room, and none such is at the speaker's own.

What a line says is kept where only the nodes look, for the moment in which it is asked of, and in no sign: signs have numbers. So nothing depends on
its coming: who hears of no answer lets the line be said. Never knows what a bot makes of it, nor for how long one is waited for.
"""

from collections.abc import Collection, Mapping, Sequence
from typing import Literal, NamedTuple, Protocol

LINES_MAX = 1000
"""Lines of one node's of which others are asked at a time, in all rooms."""

Judgement = Literal["pass", "hold", "refuse"]
"""What becomes of a line."""


class LineAsked(NamedTuple):
    """Something that somebody wants to say in the room with this id, by a request of this kind; and the accounts whose bots are asked of it."""

    room: str
    accounts: tuple[int, ...]
    nick: str
    text: str
    kind: str
    is_guest: bool


class LinesAsked(Protocol):
    """One for a node. What it does not wait for is done soon, or not at all."""

    def put(self, number: int, nodes: Collection[int], line: LineAsked) -> None:
        """Ask these nodes of a line (`LinesToJudge`), by a number that no other of this node's has."""

    def forget(self, number: int) -> None:
        """Nobody waits for an answer any more: nothing is left of the line. It is tried until that is so."""

    async def why(self, number: int) -> str:
        """Why a line is refused that has been put and is not forgotten. Raises JournalError."""
        ...

    async def read(self, node: int, numbers: Sequence[int]) -> Mapping[int, LineAsked]:
        """The lines of another node's with these numbers, as far as it still waits. Raises JournalError."""
        ...

    def answer(self, node: int, number: int, said: Judgement, why: str) -> None:
        """Tell another node what becomes of one of them (`LinesJudged`)."""
