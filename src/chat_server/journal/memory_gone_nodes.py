"""Nodes that are none any more, in the engine `memory`. See GoneNodes in nodes.py."""

from collections.abc import Collection, Sequence

from chat_server.journal.kept_in_memory import Kept
from chat_server.journal.nodes import GoneNode, Moved


class MemoryGoneNodes:
    """See GoneNodes."""

    def __init__(self, kept: Kept) -> None:
        self._kept = kept

    async def left(self) -> Sequence[GoneNode]:
        """Those for which nobody has made up; see GoneNodes."""
        return [GoneNode(*one) for one in self._kept.nodes.to_make_up.items()]

    async def made_up(self, nodes: Collection[int]) -> None:
        """Somebody has made up for these; see GoneNodes."""
        for node in nodes:
            self._kept.nodes.to_make_up.pop(node, None)

    async def moved(self, room: str, seq: int) -> Sequence[Moved]:
        """Who has moved; see GoneNodes."""
        name = self._kept.name_now(room)
        turns = self._kept.rooms[name].turns if name is not None else ()
        return [
            Moved(turn.first + placed.after, turn.node, placed.movement)
            for turn in turns
            if turn.first + turn.length >= seq
            for placed in turn.movements
        ]
