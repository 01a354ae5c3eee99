"""Who may write to whom beside the rooms: the one place where that is decided, and whether what somebody writes is shown to somebody.

Whoever has accepted somebody, or written to them, has them answer whatever else holds. Somebody new is a request, of which there are few at a time.
Pure; never knows how a conversation is kept, nor how anything is shown.
"""

from collections.abc import Sequence

from msgspec import Struct

from chat_server.accounts import Choices
from chat_server.journal import KeptConversation, Party
from chat_server.journal.happened import account_of
from chat_server.protocol.events import Refused
from chat_server.rooms.blocking import Blocks

DAY = 86400.0

REQUESTS_MAX = 3
"""People who have not answered yet, to whom somebody has begun to write."""

PARTNERS_MAX, YOUNG_PARTNERS_MAX = 10, 2
"""People to whom somebody begins to write within a day: with an account, and with one that is younger than a day."""

REQUEST_LINES_MAX = 10
"""Lines that wait for somebody who has not answered yet."""

UNREAD_MAX = 1000
"""Lines that one may have written and the other has not been shown yet."""

UNREAD_IN_ALL_MAX = 5000
"""Lines that may wait for somebody in all: of those whom they have accepted, for one of these; of whomever, for anybody else."""

CHOICES = ("all", "accounts", "shared", "known")
"""Who may begin to write to somebody: everybody; whoever has an account; of those, whoever has been in a room with them; nobody new."""

SHARED = "shared"
"""What holds for whoever has chosen nothing."""


def choice_of(choices: Choices) -> str:
    """Which of CHOICES somebody has made who has chosen this."""
    chosen = choices.get("", {}).get("dm", SHARED)
    return str(chosen) if chosen in CHOICES else SHARED


class Writer(Struct, frozen=True):
    """Somebody who begins to write: who they are to the journal, since when they have an account (None: they have none), what they have already."""

    who: str
    since: float | None
    conversations: Sequence[KeptConversation] = ()


def refusal_to_begin(writer: Writer, nick: str, choice: str, *, have_met: bool, now: float) -> Refused | None:
    """Why somebody may not begin to write to an account that is called `nick` and has chosen that; None if they may."""
    if writer.since is None and choice != "all":
        return Refused("dm-accounts", {"nick": nick})
    if choice == "known":
        return Refused("dm-known", {"nick": nick})
    if choice == SHARED and not have_met:
        return Refused("dm-shared", {"nick": nick})
    return _refusal_of_one_more(writer, now)


def _refusal_of_one_more(writer: Writer, now: float) -> Refused | None:
    """Why somebody may write to nobody new just now, whoever it is."""
    begun = [one.record.parties for one in writer.conversations if _party(one.record.parties, writer.who).began_at]
    unanswered = [parties for parties in begun if not all(one.has_accepted for one in parties)]
    if len(unanswered) >= REQUESTS_MAX:
        return Refused("dm-requests", {"limit": str(REQUESTS_MAX)})
    limit = YOUNG_PARTNERS_MAX if writer.since is None or writer.since > now - DAY else PARTNERS_MAX
    if sum(_party(parties, writer.who).began_at > now - DAY for parties in begun) >= limit:
        return Refused("dm-partners", {"limit": str(limit)})
    return None


def refusal_to_go_on(parties: Sequence[Party], writer: str, nick: str, unread: int) -> Refused | None:
    """Why somebody may write nothing more to the other, who is called `nick` and has so many of their lines to read; None if they may."""
    other = next(one for one in parties if one.who != writer)
    if not other.has_accepted and unread >= REQUEST_LINES_MAX:
        return Refused("dm-unanswered", {"nick": nick})
    if unread >= UNREAD_MAX:
        return Refused("dm-unread", {"nick": nick, "limit": str(UNREAD_MAX)})
    return None


def refusal_of_more(nick: str, waiting: int) -> Refused | None:
    """Why nothing more can be written to somebody for whom so many lines wait, whoever has written them; None if it can."""
    return Refused("dm-full", {"nick": nick}) if waiting >= UNREAD_IN_ALL_MAX else None


def is_shown(blocks: Blocks, writer: str, nick: str) -> bool:
    """Whether somebody who has blocked these is shown what this one writes to them, which is stored and answered whether they are or not."""
    return not blocks.hide(account_of(writer), nick)


def _party(parties: Sequence[Party], who: str) -> Party:
    return next(one for one in parties if one.who == who)
