"""The entries by which a line that was said comes to stand otherwise: it is deleted, its author has given it another text, or people react to it.

What they make of the line is said in amendments.py. Never knows who may do that, nor how it is stored.
"""

from collections.abc import Sequence
from typing import ClassVar

from msgspec import Struct

from chat_server.protocol.requests import Number
from chat_server.protocol.stored_event import Author, Shape, StoredEvent


class Reaction(Struct, frozen=True, gc=False, omit_defaults=True):
    """Who has reacted to a line with one sign: what they were called then.

    `accounts` are theirs, in the same order (none: nobody has one); nobody is shown them.
    """

    sign: str
    nicks: tuple[str, ...]
    accounts: tuple[Author, ...] = ()

    def __post_init__(self) -> None:
        if self.accounts and len(self.accounts) != len(self.nicks):
            raise ValueError("expected an account for each name")

    def __len__(self) -> int:
        return len(self.nicks)

    @property
    def people(self) -> list[tuple[str, int]]:
        """Each with their name and their account."""
        return [*zip(self.nicks, self.accounts or (0,) * len(self), strict=True)]


def reaction_of(sign: str, people: Sequence[tuple[str, int]]) -> Reaction:
    """The reaction of some people with a sign."""
    nicks, accounts = zip(*people, strict=True) if people else ((), ())
    return Reaction(sign, nicks, accounts if any(accounts) else ())


class Edited(StoredEvent, frozen=True, gc=False, tag="edited"):
    """Somebody has given their line number `of` another text: this one.

    It has none when the line has been edited again, or deleted: then it stands in no other place either.
    """

    shape: ClassVar[Shape] = Shape("#", " edited line #{of}: ", is_sentence=True, may_lack_text=True)
    alerts: ClassVar[bool] = False
    protocol: ClassVar[int] = 2
    changes_room: ClassVar[bool] = True
    amends: ClassVar[bool] = True
    is_found: ClassVar[bool] = False

    of: Number = 0


class Reacted(StoredEvent, frozen=True, gc=False, tag="reacted"):
    """Somebody has reacted to line number `of` with the sign in the text; or, where it `is_back`, has taken that back.

    The line is of `whom`, whose account is `account` (0: they have none). Where its author takes it back and has another name by now, `called` is the
    one under which they reacted.
    """

    hidden: ClassVar[frozenset[str]] = frozenset({"author", "account"})
    shape: ClassVar[Shape] = Shape("#", " reacted to {whom}'s line #{of}: ", is_sentence=True)
    other_sentences: ClassVar[tuple[str, ...]] = (
        "{nick} took back a reaction to {whom}'s line #{of}: {text}",
        "{nick} reacted to line #{of}",
    )
    alerts: ClassVar[bool] = False
    protocol: ClassVar[int] = 2
    changes_room: ClassVar[bool] = True
    amends: ClassVar[bool] = True
    is_found: ClassVar[bool] = False

    of: Number = 0
    is_back: bool = False
    called: str = ""
    whom: str = ""
    account: Author = 0

    @property
    def own_sentence(self) -> str:
        """What is translated."""
        taken_back, bare = self.other_sentences
        if not self.text:
            return bare
        return taken_back if self.is_back else self.shape.sentence


Ranges = tuple[tuple[Number, Number], ...]
"""Numbers: the first and the last of each row of them, in their order."""


class Redacted(StoredEvent, frozen=True, gc=False, tag="redacted"):
    """Somebody has deleted lines, `of` these numbers, which were of `whom`; the text tells the numbers as people read them.

    Since then Deleted stands under each of them. `account` is that of whom; 0: they had none.
    """

    hidden: ClassVar[frozenset[str]] = frozenset({"author", "account"})
    shape: ClassVar[Shape] = Shape("#", " deleted {whom}'s line ", is_sentence=True)
    other_sentences: ClassVar[tuple[str, ...]] = (
        "{nick} deleted {count} lines of {whom}: {text}",
        "{nick} deleted line {text}",
        "{nick} deleted {count} lines: {text}",
        "{nick} deleted {text}",
    )
    alerts: ClassVar[bool] = False
    protocol: ClassVar[int] = 2
    changes_room: ClassVar[bool] = True
    can_be_blocked: ClassVar[bool] = False

    amends: ClassVar[bool] = True

    whom: str = ""
    of: Ranges = ()
    account: Author = 0

    @property
    def count(self) -> int:
        """How many lines it has deleted."""
        return sum(last - first + 1 for first, last in self.of)

    @property
    def own_sentence(self) -> str:
        """What is translated: of one line or of several, of somebody else's or of one's own, or where it is not said whose."""
        many, own, own_many, unnamed = self.other_sentences
        if not self.whom:
            return unnamed
        if self.whom == self.nick:
            return own_many if self.count > 1 else own
        return many if self.count > 1 else self.shape.sentence

    @property
    def details(self) -> dict[str, str]:
        """What stands in its sentence."""
        return {**super().details, "count": str(self.count)}


class Deleted(StoredEvent, frozen=True, gc=False, tag="deleted"):
    """What somebody has said stood here, and was deleted: see Redacted, which comes later. It has no text, or one that says nothing of the old."""

    shape: ClassVar[Shape] = Shape("#", " said something that was deleted: ", is_sentence=True, may_lack_text=True)
    alerts: ClassVar[bool] = False
    protocol: ClassVar[int] = 2
    can_be_blocked: ClassVar[bool] = False
