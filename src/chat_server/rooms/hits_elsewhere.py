"""Whom something that a moderator of the server does is about at the other nodes: each is asked by a sign, and answers by one.

Who does not answer in time counts as nobody: a node that hangs is given up, with whoever is there. Never knows what is done to them.
"""

from contextlib import suppress
from itertools import count

import trio
from msgspec.structs import replace

from chat_server.accounts.acts import ServerAct
from chat_server.journal import JournalError
from chat_server.journal.nodes import Nodes
from chat_server.journal.signs import HitAsked, HitTold

ANSWER_SECONDS = 1.0
"""Seconds for which answers are waited for: they take some milliseconds."""


class HitsElsewhere:
    """The questions of one node."""

    def __init__(self, nodes: Nodes) -> None:
        """Nothing is asked."""
        self._nodes = nodes
        self._numbers = count(1)
        self._told: dict[int, dict[int, HitTold]] = {}  # by question, of which node
        self._has_heard = trio.Event()

    async def asked(self, act: ServerAct, nick: str = "") -> list[HitTold]:
        """What each of the other nodes says whom the act would be about, and from where somebody comes who is called so. Never waits for long."""
        told = self._told.setdefault(number := next(self._numbers), {})
        try:
            with suppress(JournalError), trio.move_on_after(ANSWER_SECONDS):
                listed = await self._nodes.listed()
                others = {one.number for one in listed if not one.is_leaving} - {self._nodes.number}
                if others:
                    self._nodes.signs.tell(HitAsked(number, replace(act, by="", whom="", text=""), nick))
                while not told.keys() >= others:
                    await self._has_heard.wait()
        finally:
            del self._told[number]
        return [*told.values()]

    def heard(self, node: int, told: HitTold) -> None:
        """Another node has answered a question: of this node, or of a third one."""
        if told.to == self._nodes.number and told.number in self._told:
            self._told[told.number][node] = told
            self._has_heard.set()
            self._has_heard = trio.Event()
