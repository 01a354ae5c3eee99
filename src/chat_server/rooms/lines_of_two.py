"""Which of the two between whom a conversation is has said what. Never knows how anything is said."""

from collections import deque
from collections.abc import Sequence
from secrets import token_hex

from msgspec.structs import replace

from chat_server.accounts import is_account
from chat_server.journal import Party
from chat_server.journal.happened import PersonId, may_be_at_several_nodes
from chat_server.journal.nodes import Nodes
from chat_server.protocol.entries import Amending, Entry
from chat_server.protocol.requests import Act, Notice, Say

OWN_MAX = 1000
"""Lines, the newest, of which it is known which of the two guests has said them."""

Said = Say | Act | Notice


class LinesOfTwo:
    """The lines of one conversation.

    What somebody says without an account has nobody's number, and two guests can exchange names. So it is noted at the node where it is said, and
    has a key, by which it is found from another one to which its author goes on.
    """

    def __init__(self, conversation: str, parties: Sequence[Party], nodes: Nodes | None) -> None:
        self._conversation, self._nodes = conversation, nodes
        self._people = tuple(one.who for one in parties)
        self._of_guests: dict[PersonId, deque[int]] = {}

    def has(self, who: PersonId, account: int, line: Entry) -> bool:
        """Whether one of the two has said a line, who has this account; a guest: whatever they and the other are called by now.

        What nobody with an account has said is the guest's, if only one of the two is one.
        """
        if line.author or account:
            return line.author == account
        return not self._is_of_guests or line.seq in self._of_guests.get(who, ())

    def note(self, who: PersonId, line: Entry) -> None:
        """One of the two has just said this here."""
        if not line.author and not isinstance(line, Amending):
            self._of_guests.setdefault(who, deque(maxlen=OWN_MAX)).append(line.seq)

    async def learn(self, who: PersonId, line: Entry) -> None:
        """Find out whether a guest has said this at another node, if it is not known. Raises JournalError."""
        is_known = line.author or not self._is_of_guests or self.has(who, 0, line)
        if self._nodes is None or is_known or not may_be_at_several_nodes(who):
            return
        if await self._nodes.has_said(who, self._conversation, line.seq):
            self.note(who, line)

    def under_key(self, who: PersonId, request: Said) -> Said:
        """What is said, under a key, if it has to be found that it is theirs."""
        is_found = self._nodes is None or request.key or not self._is_of_guests
        return request if is_found or not may_be_at_several_nodes(who) else replace(request, key=token_hex(8))

    @property
    def _is_of_guests(self) -> bool:
        """Whether neither of the two has an account."""
        return not any(map(is_account, self._people))
