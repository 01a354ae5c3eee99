"""What waits for moderators: reports, appeals, and lines that are held. The one protocol of every store of them, and its values.

A report has a copy of what was said: deleting the line leaves the copy, erasing its author does not. Of a case that is closed nothing is left but
that it was one, for a day: so often may somebody report. Never knows sessions, nor who may see what.
"""

from collections.abc import Sequence
from typing import Literal, NamedTuple, Protocol

from msgspec import Struct
from msgspec.structs import replace

from chat_server.accounts.acts import CaseActKind, ServerAct
from chat_server.protocol.stored_event import Author

CaseKind = Literal["report", "appeal", "held"]
Ending = Literal["close", "anonymise", "erase"]

DAY = 86400.0

KEPT_SECONDS: dict[CaseKind, float] = {"report": 30 * DAY, "appeal": 30 * DAY, "held": 3 * DAY}
"""Seconds after which what nobody has closed is gone."""

CASE_KINDS: tuple[CaseKind, ...] = ("report", "appeal", "held")

SAYING_SECONDS = 60.0
"""Seconds for which nobody else decides on a line that is being said: longer than who accepts it waits (`rooms.room.carried_through`)."""

PAGE = 20
"""Cases that are shown at once."""


class Case(Struct, frozen=True, omit_defaults=True):
    """Something that waits for a moderator.

    `by` is who reports, appeals, or has said what is held: the journal knows them as `sender`, `account` is theirs, `network` where they come from.
    Of a report, `whom` is the author of the line `of`, `author` their account, `text` the copy of it, `why` what the reporter says. An appeal is
    about the ban or mute `of` (of the whole server where there is no room), and `why` is what is said for it. What is held is the `text`, which
    was asked for by the word `word`, under `key`. Of a room that is no more, `room` is "".
    `keeper` is the account of one of the room's owners, if it had any. What is held is being said since `saying_at`, when a moderator has
    accepted it; 0: it is not. It replies to the line with the number `re`, if that is not 0. `who` is who has said it among the people of several
    nodes (PersonId), where the journal knows them by a name alone, which may be another's later.
    """

    kind: CaseKind
    at: float
    room: str
    by: str
    sender: str
    account: Author = 0
    network: str = ""
    bot: bool = False
    whom: str = ""
    author: Author = 0
    of: int = 0
    text: str = ""
    why: str = ""
    word: str = ""
    key: str = ""
    is_open: bool = True
    number: int = 0
    keeper: Author = 0
    saying_at: float = 0.0
    re: int = 0
    who: str = ""

    def is_on(self, at: float) -> bool:
        """Whether it still waits."""
        return self.is_open and self.at > at - KEPT_SECONDS[self.kind]

    def is_being_said(self, at: float) -> bool:
        """Whether somebody has just accepted it: where the server was killed meanwhile, it is said already, or waits on."""
        return bool(self.saying_at) and abs(at - self.saying_at) < SAYING_SECONDS

    @property
    def closed(self) -> "Case":
        """What is left of it when it is closed: nothing that anybody has written."""
        return replace(self, is_open=False, text="", why="", whom="")


class Closing(NamedTuple):
    """Who closes a case, and when; whether that says what was held (`accepts`), as which line (`seq`); and what they say to it."""

    by: str
    author: Author
    at: float
    accepts: bool = False
    why: str = ""
    seq: int = 0


class Closed(Struct, frozen=True):
    """What a case was that is closed, and what stands of that in the audit, for good."""

    case: Case
    act: ServerAct


class NotTaken(Struct, frozen=True):
    """Why a case is not one more: too many of one person in a `day`, `waiting`, of a `room`, in `all`, in a `share`; or it is the same `again`."""

    why: Literal["day", "waiting", "room", "all", "share", "again"]


class Wanted(Struct, frozen=True):
    """Which cases: of these kinds, in this room (None: in all), with lower numbers than `before` (0: the newest), and so many at most."""

    kinds: Sequence[CaseKind] = CASE_KINDS
    room: str | None = None
    before: int = 0
    limit: int = PAGE


EVERYTHING = Wanted()
"""The newest of all that waits."""


class Waiting(NamedTuple):
    """So many cases wait that are of this kind, in this room, and about lines of this account (0: of nobody's)."""

    kind: CaseKind
    room: str
    author: Author
    how_many: int


class Cases(Protocol):
    """The cases of one server. Every method is one commit, or reads, and may raise JournalError: then nothing has changed."""

    async def add(self, case: Case) -> Case | NotTaken:
        """Store one more, with a number of its own; or what is known of it already, where the same line is held that was sent again.

        NotTaken if there are too many (see case_bounds.py), or if they have reported that already.
        """
        ...

    async def listed(self, at: float, wanted: Wanted = EVERYTHING) -> list[Case]:
        """The newest of those that wait and are wanted, in the order of their numbers. Nothing else is read."""
        ...

    async def case(self, number: int, at: float) -> Case | None:
        """The case with this number, if it waits."""
        ...

    async def counted(self, at: float, account: Author, sender: str) -> list[Waiting]:
        """How much waits that is not by this account, nor by whom the journal knows so."""
        ...

    async def close(self, number: int, kinds: Sequence[CaseKind], closing: Closing) -> Closed | None:
        """Close one that waits, and is of one of these kinds, and keep for good who did; None: there is none, or it has just been closed.

        What is held in a room that is no more cannot be accepted, and what is being said is closed by nothing else than that it is said.
        """
        ...

    async def begin_saying(self, number: int, at: float) -> Case | None:
        """Somebody accepts what is held: nobody else decides on it while it is being said. It waits until it is closed, which is when it is said.

        None: it does not wait any more, its room is no more, or somebody else has just accepted it.
        """
        ...

    async def end_saying(self, number: int) -> None:
        """It could not be said: it waits on, as if nobody had done anything."""


def after_room(case: Case) -> Case:
    """What is left of a case whose room is no more. Nobody can say there what was held, nor lift what was forbidden; a report is still one."""
    return replace(case if case.kind == "report" else case.closed, room="")


def can_be_closed(case: Case, kinds: Sequence[CaseKind], closing: Closing) -> bool:
    """Whether somebody can close a case so; see Cases.close."""
    is_free = bool(case.room) if closing.accepts else not case.is_being_said(closing.at)
    return case.is_on(closing.at) and case.kind in kinds and is_free


def can_be_said(case: Case, at: float) -> bool:
    """Whether somebody can accept a case; see Cases.begin_saying."""
    return case.is_on(at) and case.kind == "held" and bool(case.room) and not case.is_being_said(at)


def act_of(case: Case, closing: Closing) -> ServerAct:
    """What is kept for good of a case that is closed: numbers and names, and what the moderator says. Who has reported, no audit says."""
    kinds: dict[CaseKind, CaseActKind] = {"report": "report-closed", "appeal": "appeal-closed"}
    kind = kinds.get(case.kind, "line-accepted" if closing.accepts else "line-declined")
    whom, account = (case.whom, case.author) if case.kind == "report" else (case.by, case.account)
    by, author, at, _, why, seq = closing
    return ServerAct(kind, at, by, author, whom, account, text=why, of=seq or case.of, case=case.number)


def is_old(case: Case, at: float) -> bool:
    """Whether nothing needs to be known of it any more."""
    return case.at <= at - (KEPT_SECONDS[case.kind] if case.is_open else DAY)


def after_end(case: Case, account: int, nick: str, ending: Ending) -> Case | None:
    """What is left of a case when an account has ended that has to do with it, and is called so; None: nothing."""
    is_erased = ending == "erase"
    if case.keeper == account and is_erased:
        case = replace(case, keeper=0)
    if case.author == account:
        if is_erased:
            return None
        case = replace(case, whom=nick if case.whom else "")
    if case.account == account:
        if case.kind == "held" or (is_erased and case.kind == "appeal"):
            return None
        case = replace(case, by=nick, why="" if is_erased else case.why, network="" if is_erased else case.network)
    return case
