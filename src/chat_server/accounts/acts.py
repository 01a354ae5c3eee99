"""What moderators and admins of the server do to people, and by what it is judged whether they may: values.

Where it is kept, office.py says; what of it holds, in_force.py. Never knows sessions, nor who may do what.
"""

from collections.abc import Callable
from typing import Literal, NamedTuple

from msgspec import Struct

from chat_server.protocol.stored_event import Author

ActKind = Literal["kicked", "muted", "banned", "lifted", "role-given", "panic", "room-deleted"]
"""What is done on the server, or to a room that is no more then."""

CaseActKind = Literal["report-closed", "appeal-closed", "line-accepted", "line-declined"]
"""What is done about something that waited for a moderator (cases.py): in its room, or on the server where it has none."""

CURBING: frozenset[str] = frozenset(("kicked", "muted", "banned"))
"""The kinds of acts that forbid somebody something until a time, and can be lifted."""

IN_FORCE_MAX = 200_000
"""What can be forbidden at a time: each costs some 600 bytes of memory at every node."""

ACTS_AT_ONCE = 1000
"""Acts that are read at once."""


class ActPlace(NamedTuple):
    """Where an act stands among all that was done in one place: after what has a smaller number, and of the same number after a smaller `nth`."""

    number: int
    nth: int = 0


class ServerAct(Struct, frozen=True, omit_defaults=True):
    """What somebody has done by office: on the server (ActKind), or in a room, where `kind` is that of the entry, and `number` its own.

    What is done in a room and is no entry of its log (CaseActKind) has the number of the newest act there that is one, 0 where none is, and is the
    `nth` since then. `case` is the number of what waited.

    Who has no account and does so on the server is an operator of the machine: `author` is 0.

    Whom it is done to is an account, or whoever the journal knows as one of `known_as` (a guest's sender, the key of a name), or whoever comes from
    a network; `whom` is what they were called. `until` is when it ends (seconds since 1970; of a panic that is over already: when it began). `of`
    is the number of what is lifted, of the line that was reported, of the ban appealed against, or of the line that
    what was held has become; the `text` is the reason, the role, or the room's
    name, and never what somebody has said. With `is_hard` a network's ban lets nobody from there pass.
    """

    kind: str
    at: float
    by: str
    author: Author = 0
    whom: str = ""
    account: Author = 0
    known_as: tuple[str, ...] = ()
    network: str = ""
    is_hard: bool = False
    until: float = 0.0
    text: str = ""
    of: int = 0
    number: int = 0
    nth: int = 0
    case: int = 0

    @property
    def place(self) -> ActPlace:
        """Where it stands in its audit."""
        return ActPlace(self.number, self.nth)


class Office(NamedTuple):
    """What an act is judged by, as it is when it is stored: the roles on the server of who acts ("": none, any more) and of the one it is done to.

    `has_other_admin`: somebody else is an admin or an owner. `is_there`: there is such an account, or what is to be lifted is in force; `lifted` is
    that.
    """

    actor: str
    target: str
    has_other_admin: bool
    is_there: bool
    lifted: ServerAct | None = None


class NotEnacted(NamedTuple):
    """An act may not be, and nothing is changed: why, as a code."""

    code: str


Judge = Callable[[ServerAct, Office], str]
"""Says why an act may not be; "" if it may."""


class Neighbour(NamedTuple):
    """An account that has come from a network, or from beside it: what there is to know of it where that network is to be banned."""

    account: Author
    name: str
    made: float
    role: str


class OfficeHolder(NamedTuple):
    """An account that has a role on the server."""

    name: str
    role: str
