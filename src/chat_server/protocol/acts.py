"""Entries of a room's log by which somebody may do there something else than before: its rules, its roles, who is put out, who is a member.

Never knows who may do that (rooms/rights.py), nor what follows from it (room_state.py). See entries.py.
"""

from typing import ClassVar

from chat_server.protocol.requests import Id
from chat_server.protocol.stored_event import Author, Shape, StoredEvent


class RuleSet(StoredEvent, frozen=True, gc=False, tag="rule-set"):
    """Somebody has set a rule of the room; the text is its name and its value, with a space between."""

    shape: ClassVar[Shape] = Shape("#", " set the rule: ", is_sentence=True)
    alerts: ClassVar[bool] = False
    protocol: ClassVar[int] = 2
    changes_room: ClassVar[bool] = True
    can_be_blocked: ClassVar[bool] = False
    changes_rights: ClassVar[bool] = True


class RoleGiven(StoredEvent, frozen=True, gc=False, tag="role-given"):
    """Somebody has given an account, which is called `whom`, a role in the room: the text. The role `none` takes it back."""

    hidden: ClassVar[frozenset[str]] = frozenset({"author", "account"})
    shape: ClassVar[Shape] = Shape("#", " gave {whom} the role: ", is_sentence=True)
    other_sentences: ClassVar[tuple[str, ...]] = (
        "{nick} took {whom}'s role back",
        "{nick} gave up the role that they had here",
    )
    alerts: ClassVar[bool] = False
    protocol: ClassVar[int] = 2
    changes_room: ClassVar[bool] = True
    can_be_blocked: ClassVar[bool] = False
    changes_rights: ClassVar[bool] = True

    whom: str = ""
    account: Author = 0

    @property
    def own_sentence(self) -> str:
        """What is translated."""
        taken, given_up = self.other_sentences
        if self.text != "none":
            return self.shape.sentence
        return given_up if self.whom == self.nick else taken


class Kicked(StoredEvent, frozen=True, gc=False):
    """Somebody has been put out of the room, for the reason in the text, and cannot come back until a time (seconds since 1970).

    `whom` is what they were called. `account` is theirs; who has none is known by `sender`, what they are to the journal. `id` is the number of
    what they may not do, among all such things of the room. `place` is where `nick` stood then (PLACES in room_state.py). What has the
    numbers in `instead_of` holds no more: of two of one kind the newer does.
    """

    hidden: ClassVar[frozenset[str]] = frozenset({"author", "account", "sender", "place"})
    shape: ClassVar[Shape] = Shape("#", " put {whom} out: ", is_sentence=True, may_lack_text=True)
    alerts: ClassVar[bool] = False
    protocol: ClassVar[int] = 2
    changes_room: ClassVar[bool] = True
    can_be_blocked: ClassVar[bool] = False
    changes_rights: ClassVar[bool] = True

    whom: str = ""
    until: float = 0.0
    id: Id = 0
    account: Author = 0
    sender: str = ""
    place: str = ""
    instead_of: tuple[Id, ...] = ()


class Muted(StoredEvent, frozen=True, gc=False):
    """Somebody cannot say anything in the room until a time. The fields are those of Kicked."""

    hidden: ClassVar[frozenset[str]] = Kicked.hidden
    shape: ClassVar[Shape] = Shape("#", " muted {whom} for {span}: ", is_sentence=True, may_lack_text=True)
    alerts: ClassVar[bool] = False
    protocol: ClassVar[int] = 2
    changes_room: ClassVar[bool] = True
    can_be_blocked: ClassVar[bool] = False
    changes_rights: ClassVar[bool] = True

    whom: str = ""
    until: float = 0.0
    id: Id = 0
    account: Author = 0
    sender: str = ""
    place: str = ""
    instead_of: tuple[Id, ...] = ()


class Banned(StoredEvent, frozen=True, gc=False):
    """Somebody has been put out of the room and cannot come back until a time. The fields are those of Kicked."""

    hidden: ClassVar[frozenset[str]] = Kicked.hidden
    shape: ClassVar[Shape] = Shape("#", " banned {whom} for {span}: ", is_sentence=True, may_lack_text=True)
    alerts: ClassVar[bool] = False
    protocol: ClassVar[int] = 2
    changes_room: ClassVar[bool] = True
    can_be_blocked: ClassVar[bool] = False
    changes_rights: ClassVar[bool] = True

    whom: str = ""
    until: float = 0.0
    id: Id = 0
    account: Author = 0
    sender: str = ""
    place: str = ""
    instead_of: tuple[Id, ...] = ()


class Lifted(StoredEvent, frozen=True, gc=False):
    """Somebody may do again what number `id` of the room has forbidden them: they were called `whom`. The text says why."""

    shape: ClassVar[Shape] = Shape("#", " lifted what {whom} was forbidden: ", is_sentence=True, may_lack_text=True)
    alerts: ClassVar[bool] = False
    protocol: ClassVar[int] = 2
    changes_room: ClassVar[bool] = True
    can_be_blocked: ClassVar[bool] = False
    changes_rights: ClassVar[bool] = True

    whom: str = ""
    id: Id = 0


class MemberInvited(StoredEvent, frozen=True, gc=False, tag="member-invited"):
    """Somebody has invited an account, which is called `whom`, to be a member; that ends at a time (seconds since 1970)."""

    hidden: ClassVar[frozenset[str]] = frozenset({"author", "account"})
    shape: ClassVar[Shape] = Shape("#", " invited {whom}: ", is_sentence=True, may_lack_text=True)
    alerts: ClassVar[bool] = False
    protocol: ClassVar[int] = 2
    changes_room: ClassVar[bool] = True
    changes_rights: ClassVar[bool] = True

    whom: str = ""
    until: float = 0.0
    account: Author = 0


class MemberJoined(StoredEvent, frozen=True, gc=False, tag="member-joined"):
    """Somebody who was invited has come, and is a member from now on."""

    shape: ClassVar[Shape] = Shape("#", " is a member now: ", is_sentence=True, may_lack_text=True)
    alerts: ClassVar[bool] = False
    protocol: ClassVar[int] = 2
    changes_room: ClassVar[bool] = True
    changes_rights: ClassVar[bool] = True


class AdminCame(StoredEvent, frozen=True, gc=False, tag="admin-came"):
    """An admin of the server, who is no member, has come into a room that is only for its members."""

    shape: ClassVar[Shape] = Shape("#", " came in as an admin of the server: ", is_sentence=True, may_lack_text=True)
    alerts: ClassVar[bool] = False
    protocol: ClassVar[int] = 2
    changes_room: ClassVar[bool] = True
    changes_rights: ClassVar[bool] = True
