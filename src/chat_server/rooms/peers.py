"""Somebody to whom one may write, as they are known when one does. Never knows what is kept between two."""

from typing import NamedTuple

from chat_server.accounts import is_account, sender_of
from chat_server.journal.conversations import MARK
from chat_server.protocol.entries import Entry
from chat_server.protocol.names import name_key
from chat_server.rooms.person import Person
from chat_server.rooms.room import Occupant


class Peer(NamedTuple):
    """Somebody to whom one may write: who they are to the journal, what they are called, their account; the guest who is here, if they have none."""

    who: str
    nick: str
    account: int = 0
    guest: Person[Occupant] | None = None

    @property
    def is_elsewhere(self) -> bool:
        """Whether they are a guest, and not at this node."""
        return not self.account and self.guest is None

    @property
    def room(self) -> str:
        """What the conversation with them is called by the other."""
        return MARK + self.nick


def is_own(line: Entry, who: str, room: str) -> bool:
    """Whether one of the two has said a line themselves, who calls the conversation so."""
    if is_account(who):
        return sender_of(line.author) == who
    return name_key(line.nick) != name_key(room.removeprefix(MARK))
