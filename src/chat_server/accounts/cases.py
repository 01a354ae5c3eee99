"""What waits for moderators: reports, appeals, and lines that are held. The one protocol of every store of them, its values, and its bounds.

A report has a copy of what was said: deleting the line leaves the copy, erasing its author does not. Of a case that is closed nothing is left but
that it was one, for a day: so often may somebody report. Never knows sessions, nor who may see what.
"""

from collections.abc import Iterable, Sequence
from typing import Literal, NamedTuple, Protocol

from msgspec import Struct
from msgspec.structs import replace

from chat_server.protocol.stored_event import Author

CaseKind = Literal["report", "appeal", "held"]
Ending = Literal["close", "anonymise", "erase"]

DAY = 86400.0

KEPT_SECONDS: dict[CaseKind, float] = {"report": 30 * DAY, "appeal": 30 * DAY, "held": 3 * DAY}
"""Seconds after which what nobody has closed is gone."""

CASES_MAX = 2000
"""Cases of one kind, of all rooms together, closed ones of the last day too: all of them are looked at where one more is made."""

NETWORK_FACTOR = 4
"""How much more those without an account may do together who come from one network than one person may."""


class Bound(NamedTuple):
    """How many cases of a kind there may be (0: no bound): of one person within a day, open of one person, open of one room."""

    day: int
    waiting: int
    room: int


BOUNDS: dict[CaseKind, Bound] = {"report": Bound(5, 0, 500), "appeal": Bound(1, 0, 500), "held": Bound(100, 5, 100)}
"""Without that of a day, somebody who declines in a room of their own what another has held there would use up what there may be of all rooms."""


class Case(Struct, frozen=True, omit_defaults=True):
    """Something that waits for a moderator.

    `by` is who reports, appeals, or has said what is held: the journal knows them as `sender`, `account` is theirs, `network` where they come from.
    Of a report, `whom` is the author of the line `of`, `author` their account, `text` the copy of it, `why` what the reporter says. An appeal is
    about the ban or mute `of` (of the whole server where there is no room), and `why` is what is said for it. What is held is the `text`, which
    was asked for by the word `word`, under `key`. Of a room that is no more, `room` is "".
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

    def is_on(self, at: float) -> bool:
        """Whether it still waits."""
        return self.is_open and self.at > at - KEPT_SECONDS[self.kind]

    @property
    def closed(self) -> "Case":
        """What is left of it when it is closed: nothing that anybody has written."""
        return replace(self, is_open=False, text="", why="", whom="")


class NotTaken(NamedTuple):
    """Why a case is not one more: there are too many of one person's of a `day`, or `waiting`, of the `room`, in `all`; or it is the same `again`."""

    why: Literal["day", "waiting", "room", "all", "again"]


class Cases(Protocol):
    """The cases of one server. Every method is one commit, or reads, and may raise JournalError: then nothing has changed."""

    async def add(self, case: Case) -> Case | NotTaken:
        """Store one more, with a number of its own; or what is known of it already, where the same line is held that was sent again.

        NotTaken if there are too many (see BOUNDS), or if they have reported that already.
        """
        ...

    async def listed(self, at: float) -> list[Case]:
        """Those that wait, in the order of their numbers."""
        ...

    async def close(self, number: int, kinds: Sequence[CaseKind], at: float) -> Case | None:
        """Close one that waits, and is of one of these kinds; return what it was. None: there is none, or another moderator has just closed it."""
        ...

    async def open_again(self, case: Case) -> None:
        """Nothing has come of it that one was closed: let it wait again."""


def refusal_of(new: Case, known: Iterable[Case]) -> Case | NotTaken | None:
    """Why a case cannot be one more beside those of its kind that are known; or which one it is already."""
    bound, since = BOUNDS[new.kind], new.at - DAY
    own = of_network = waiting = in_room = every = 0
    for one in known:
        is_recent, is_on = one.at > since, one.is_on(new.at)
        every += is_recent or is_on
        in_room += is_on and one.room == new.room
        if one.sender == new.sender:
            if new.key and one.key == new.key:
                return one
            if new.kind == "report" and is_on and (one.room, one.of) == (new.room, new.of):
                return NotTaken("again")
            own += is_recent
            waiting += is_on
        of_network += is_recent and not (one.account or new.account) and one.network == new.network != ""
    if bound.day and (own >= bound.day or of_network >= bound.day * NETWORK_FACTOR):
        return NotTaken("day")
    if bound.waiting and waiting >= bound.waiting:
        return NotTaken("waiting")
    return NotTaken("all") if every >= CASES_MAX else NotTaken("room") if in_room >= bound.room else None


def after_room(case: Case) -> Case:
    """What is left of a case whose room is no more. Nobody can say there what was held, nor lift what was forbidden; a report is still one."""
    return replace(case if case.kind == "report" else case.closed, room="")


def is_old(case: Case, at: float) -> bool:
    """Whether nothing needs to be known of it any more."""
    return case.at <= at - (KEPT_SECONDS[case.kind] if case.is_open else DAY)


def after_end(case: Case, account: int, nick: str, ending: Ending) -> Case | None:
    """What is left of a case when an account has ended that has to do with it, and is called so; None: nothing."""
    is_erased = ending == "erase"
    if case.author == account:
        if is_erased:
            return None
        case = replace(case, whom=nick if case.whom else "")
    if case.account == account:
        if case.kind == "held" or (is_erased and case.kind == "appeal"):
            return None
        case = replace(case, by=nick, why="" if is_erased else case.why)
    return case
