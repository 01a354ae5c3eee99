"""Conversations: rooms for two, which are listed to nobody else. How they are called, and what follows from between whom they are.

A conversation's lines are a room's lines, under a name that no room for everybody can have. It is made of who the two are, never of what they
are called. How they are kept is `Conversations` in `__init__.py`. Never knows sessions, nor who may write to whom.
"""

from collections.abc import Iterable, Mapping, Sequence

from chat_server.journal import KeptConversation, Party

MARK = "@"
"""What a conversation's name begins with, and no other room's."""

ACCOUNT = "account:"
"""What stands before the number of an account where the journal knows somebody by it; see sender_of in accounts."""


def is_conversation(room: str) -> bool:
    """Whether a room of this name is a conversation."""
    return room.startswith(MARK)


def name_of(parties: Iterable[str]) -> str:
    """The name of the conversation between two accounts, in whichever order they are given."""
    return MARK + "-".join(sorted(one.removeprefix(ACCOUNT) for one in parties))


def is_passing(parties: Iterable[Party]) -> bool:
    """Whether one of them is a guest: it is deleted with the first who leaves."""
    return any(not one.who.startswith(ACCOUNT) for one in parties)


def accepted(parties: Sequence[Party], who: str) -> tuple[Party, ...]:
    """The same parties, when one of them has accepted."""
    return tuple(Party(one.who, one.has_accepted or one.who == who, one.began_at) for one in parties)


def levelled(
    found: Sequence[KeptConversation], who: str, waiting: Mapping[tuple[str, str], int]
) -> list[KeptConversation]:
    """These, as they are by read positions that are not stored yet, by room and person."""
    return [one._replace(read=max(one.read, waiting.get((one.record.name, who), 0))) for one in found]
