"""A turn of this node's on its way to the engine: what a batch finds where there is a journal else, and what became of the turn.

Never knows what is in it, nor what anybody is shown of it.
"""

from collections import deque
from collections.abc import Iterable, Mapping, Sequence

import trio

from chat_server.accounts.office import Acts
from chat_server.journal import JournalError, Receipt
from chat_server.journal.keys import SenderKey
from chat_server.journal.nodes import Beside, NodeIsOver, Nodes, PendingTurn, Stale, Turn, TurnReceipt
from chat_server.protocol.entries import Enacted, Entry
from chat_server.protocol.room_state import EMPTY, RoomState, after, written
from chat_server.protocol.runs import SaidRun, pieces_of
from chat_server.rooms.batch import Answer

AGAIN_SECONDS = 0.5
"""Seconds after which it is asked again what has been done, where the engine did not answer."""

ACTS_SECONDS = 10.0
"""Seconds after which nothing is waited for any more: as long as for a name (shared_names.py)."""


class OwnTurn:
    """A turn of this node's."""

    def __init__(self, nodes: Nodes, beside: Beside, state: RoomState = EMPTY) -> None:
        """A turn of a room that is so before it."""
        self._nodes = nodes
        self._beside = beside
        self._state = state
        self._pending: PendingTurn | None = None
        self.receipt: TurnReceipt | None = None
        """How it was stored; None: it was not, or there was nothing to store."""
        self.error: JournalError | None = None
        """Why it was not."""

    def append(self, lines: Sequence[Entry], keys: Mapping[int, SenderKey]) -> "OwnTurn":
        """Begin to store it; see Nodes."""
        beside = self._beside
        if any(type(piece) is not SaidRun and piece.changes_rights for piece in pieces_of(lines)):
            state = self._state
            for line in lines:
                state = after(state, line) if isinstance(line, Enacted) else state
            beside = beside._replace(state=written(state))
        self._pending = self._nodes.append(lines, keys, beside)
        return self

    async def settled(self) -> None:
        """Wait until it is stored, or is not. What has nothing but movements is stored, too."""
        if self._pending is None and self._beside.movements:
            self.append((), {})
        if self._pending is not None:
            try:
                self.receipt = await self._pending.stored()
            except JournalError as error:
                self.error = error

    def to_tell(self, answers: Iterable[Answer]) -> deque[Answer]:
        """What of these answers authors are told. Where the node is over, everybody goes to another: who has a key sends it again there unasked."""
        if not isinstance(self.error, NodeIsOver):
            return deque(answers)
        return deque(answer for answer in answers if not getattr(answer[1], "key", ""))

    async def stored(self) -> Receipt:
        """What became of its lines; see PendingAppend."""
        if self.receipt is None:
            raise self.error or JournalError("nothing was stored")
        return Receipt(self.receipt.first, self.receipt.duplicates, self.receipt.turn)


async def after_acts(refusal: Stale, acts: Acts) -> Sequence[Turn] | None:
    """What a turn has missed that was refused; first what moderators of the server have done is in force here.

    None: the engine has not told what they have done, for so long that whoever waits is told that nothing was stored.
    """
    with trio.move_on_after(ACTS_SECONDS):
        while refusal.lacks_acts:
            try:
                await acts.catch_up()
                break
            except NodeIsOver:
                break
            except JournalError:
                await trio.sleep(AGAIN_SECONDS)
        return refusal.missed
    return None
