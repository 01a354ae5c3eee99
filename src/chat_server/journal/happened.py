"""What happens at one node of several and matters at all, in the values in which the others hear of it.

Each has a number, without a hole, in the order in which it is stored. One of node 0 has not been put into effect anywhere: it was done without a
server, or by one that does not know whether it has done it. Never knows how nodes hear of it, nor what becomes of it there.
"""

from typing import NamedTuple

from msgspec import Struct

from chat_server.accounts import Choices, is_account
from chat_server.protocol.stored_event import Author

PersonId = str
"""Who somebody is at whatever node: `account:…`, `token:…`, or for a guest without a token what nobody else ever is (`node:serial`).

See `person_id` in rooms/person.py.
"""


def account_of(person: PersonId) -> int:
    """The number of an account (see `sender_of` in accounts); 0: they have none. What is stored may be anything."""
    kind, _, number = person.partition(":")
    return int(number) if kind == "account" and number.isdecimal() else 0


RETURN_SECONDS = 15.0
"""Seconds for which those who can come back at another node count as being where they were when theirs ends in order."""


def may_be_at_several_nodes(person: PersonId) -> bool:
    """Whether somebody may be at several nodes, one after the other or at once: by an account, or as a guest with a token."""
    return is_account(person) or person.startswith("token:")


class RoomMade(Struct, frozen=True, tag="room-made", omit_defaults=True):
    """There is a new room."""

    node: int
    room: str
    id: str = ""


class RoomRenamed(Struct, frozen=True, tag="room-renamed"):
    """A room has another name."""

    node: int
    old: str
    new: str


class RoomDeleted(Struct, frozen=True, tag="room-deleted"):
    """A room is no more."""

    node: int
    room: str


class ConversationChanged(Struct, frozen=True, tag="conversation-changed"):
    """There is a new conversation between these two (`Party.who`), or one of them has accepted it."""

    node: int
    room: str
    parties: tuple[str, ...]


class CameElsewhere(Struct, frozen=True, tag="came-elsewhere"):
    """Somebody has come to a node in the place of their sessions at other nodes, by the same device, which came there before (Claimed.order)."""

    node: int
    person: PersonId
    device: int
    order: int


class RenamedPerson(Struct, frozen=True, tag="renamed-person"):
    """A guest who is at several nodes has another name, by the claim of this order. Of an account's the nodes hear by AccountChanged."""

    node: int
    person: PersonId
    nick: str
    order: int


class RegisteredPerson(Struct, frozen=True, tag="registered-person"):
    """Somebody who may be at several nodes has an account now, which is in the index of names already: they are `account:…` from now on."""

    node: int
    person: PersonId
    account: Author


class AccountChanged(Struct, frozen=True, tag="account-changed"):
    """An account was made, renamed or closed: its name, the names that are kept for it, or its role are other ones."""

    node: int
    account: Author


class ChoicesMade(Struct, frozen=True, tag="choices-made"):
    """Somebody with an account has chosen how they are shown things; of each thing the newest choice is in force, at all nodes."""

    node: int
    account: Author
    chosen: Choices


class GuestBlocked(Struct, frozen=True, tag="guest-blocked"):
    """Somebody who may be at several nodes has blocked a guest who is called so, or does so no longer; or as a guest anybody: `account:…`."""

    node: int
    person: PersonId
    whom: PersonId
    nick: str
    is_blocked: bool


class DevicesRevoked(Struct, frozen=True, tag="devices-revoked"):
    """Devices of an account let nobody in any more; None: nothing that has let somebody in until now does."""

    node: int
    account: Author
    devices: tuple[int, ...] | None
    why: str


class ServerActed(Struct, frozen=True, tag="server-acted"):
    """A moderator or an admin of the server has done something: what is stored of it (Acts) is not known at other nodes yet."""

    node: int
    number: int


class PutOut(Struct, frozen=True, tag="put-out"):
    """An operator at a node has put somebody out; so their sessions at others end too. They may be told why, or not ("")."""

    node: int
    person: PersonId
    reason: str


class LinesRewritten(Struct, frozen=True, tag="lines-rewritten"):
    """What was said in these rooms stands otherwise now: an account has ended, or old lines were deleted. What was read of it is read again."""

    node: int
    rooms: tuple[str, ...]


Change = (
    RoomMade
    | RoomRenamed
    | RoomDeleted
    | ConversationChanged
    | CameElsewhere
    | RenamedPerson
    | RegisteredPerson
    | AccountChanged
    | ChoicesMade
    | GuestBlocked
    | DevicesRevoked
    | ServerActed
    | PutOut
    | LinesRewritten
)


class Numbered(NamedTuple):
    """A change, and its number among all that there ever were."""

    number: int
    change: Change
