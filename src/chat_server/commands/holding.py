"""What is looked at before it is said: lines that wait for a moderator, the words of a room, and bots that filter it.

What waits is stored among what waits for moderators, and nowhere in the room. Never knows how.
"""

from contextlib import suppress
from math import ceil
from typing import Annotated, ClassVar

from msgspec import Meta
from msgspec.structs import replace

from chat_server.accounts.cases import PAGE, SAYING_SECONDS, Case, Closing, NotTaken
from chat_server.commands.access import access
from chat_server.commands.acting import REASON_MAX, ReasonTooLong
from chat_server.commands.auditing import now_of, shown_time
from chat_server.commands.case_authors import name_now
from chat_server.commands.case_pages import BeforeCase, CaseNumber, CasesShown, NoSuchCase, close, find, page_of
from chat_server.commands.handler import CommandHandler
from chat_server.commands.letting_in import readable, storable
from chat_server.commands.reporting import new_case, not_taken
from chat_server.journal import Duplicate, JournalError
from chat_server.journal.keys import SenderKey
from chat_server.protocol.entries import KIND_BY_REQUEST, KIND_BY_WORD, Entry, Storable
from chat_server.protocol.events import Answered, Refused, Stored
from chat_server.protocol.moderation_events import LineHeld
from chat_server.protocol.requests import HowMany, Id, Number, ReadOn, Request, RestOfLine, Say, tag_of
from chat_server.protocol.sanitize import sanitize_to_line
from chat_server.rooms import reader
from chat_server.rooms.batch import HELD, Accepted
from chat_server.rooms.case_news import note_author, tell_author, tell_of
from chat_server.rooms.chat_room import ChatRoom
from chat_server.rooms.judging import asked_filters, filters_for
from chat_server.rooms.line_rules import Hold
from chat_server.rooms.room import HALL, ROOM, MaybeAwaitable, Occupant, Room, carried_through

HOLD_TOKENS = 2.0
"""What it costs to say something that has to wait, in lines: it is stored by a commit of its own."""


class ListHeld(Request, frozen=True, gc=False, tag="held"):
    """Ask which lines wait for a moderator."""

    group: ClassVar[str] = "moderating"
    before: BeforeCase = 0
    limit: CasesShown = PAGE


class AcceptHeld(Request, frozen=True, gc=False, tag="accept-held"):
    """Let a line be said that waits: what people type as /accept, with its number."""

    is_typed: ClassVar[bool] = False
    id: CaseNumber


class Decline(Request, frozen=True, gc=False):
    """Have a line that waits not be said."""

    group: ClassVar[str] = "moderating"
    id: CaseNumber
    why: Annotated[RestOfLine, Meta(description="a reason; its author is shown it", extra={"in_usage": True})] = ""


class HeldListed(Answered, frozen=True, tag="held"):
    """The lines that wait, by number: since when, in which `room`, `by` whom, and what (`line`). In the receiver's zone it is `now`.

    More may wait with numbers below `before`; 0: that is all.
    """

    sentence: ClassVar[str] = "Waiting ({count} shown): /accept NUMBER says one, /decline NUMBER does not.\n{listed}"
    more_sentence: ClassVar[str] = "/held {before} shows those before."
    listed_in: ClassVar[str] = "lines"
    row_sentences: ClassVar[dict[str, str]] = {"held": "{by} wants to say in {room}: “{line}”"}
    row_frames: ClassVar[tuple[str, ...]] = ("{number}, {when}: {told}",)

    count: HowMany
    now: str
    lines: dict[str, dict[str, str]]
    before: ReadOn = 0

    def about(self, row: dict[str, str]) -> str:
        """All rows are about the same."""
        del row
        return "held"


class NothingHeld(Answered, frozen=True, tag="nothing-held"):
    """No line waits, or none with a lower number."""

    sentence: ClassVar[str] = "There are no held lines to show."


class AcceptedLine(Answered, frozen=True, tag="accepted"):
    """A line that waited is said."""

    sentence: ClassVar[str] = "Number {id} is said in {room}, as #{seq}."

    room: str
    id: Id
    seq: Number


class DeclinedLine(Answered, frozen=True, tag="declined"):
    """A line that waited is not said, and is gone."""

    sentence: ClassVar[str] = "Number {id} is declined, and gone. Its author is told."

    id: Id


class TooMuchHeld(Refused, frozen=True):
    """Enough waits."""

    code: str = "too-much-held"
    sentence: ClassVar[str] = (
        "Too much waits for the moderators of {room}, of you, or of all, so your line was not kept. Send it again later."
    )


class WasDecided(Refused, frozen=True):
    """It was sent again."""

    code: str = "was-decided"
    sentence: ClassVar[str] = "A moderator has decided on that line already."


class NotAccepted(Refused, frozen=True):
    """It could not be said."""

    code: str = "not-accepted"
    sentence: ClassVar[str] = "Number {id} could not be said just now. It still waits."


class BeingSaid(Refused, frozen=True):
    """Somebody has just accepted it."""

    code: str = "being-said"
    sentence: ClassVar[str] = (
        "Number {id} has just been accepted, and is being said. "
        "If /held still shows it in {seconds} s, the server had to stop before that: decide again then."
    )


def say(place: ChatRoom, session: Occupant, request: Storable) -> MaybeAwaitable:
    """Say something, or do it, unless it may not be said here, or has to wait; its author is told."""
    if place.gate.is_open_to(session):
        return _post(place, session, request)
    verdict = place.refusal_to_say(session, request) or place.verdict(session, request)
    if verdict is not None:
        return _keep_from_saying(place, session, request, verdict)
    return _ask(place, session, request) if filters_for(place, session) else _post(place, session, request)


async def _keep_from_saying(place: ChatRoom, session: Occupant, request: Storable, verdict: Hold | Refused) -> None:
    """Refuse something, or have it wait, unless it was said: a program that has not heard what became of it sends it again.

    A bot may have something against it for the very reason that it was said before.
    """
    stored = None
    if request.key:
        with suppress(JournalError):
            stored = await place.directory.journal.stored_under(SenderKey(session.person.sender, request.key))
    if stored is not None:
        session.send(Stored(stored.room, stored.seq, request.key))
    elif isinstance(verdict, Hold):
        await _hold(place, session, request)
    else:
        session.send(verdict)


def _post(place: ChatRoom, session: Occupant, request: Storable) -> MaybeAwaitable:
    return place.post(session, place.timed_request(session, request) if place.timing else request)


async def _ask(place: ChatRoom, session: Occupant, request: Storable) -> None:
    """Have bots look at a line, which is said if they have nothing against it."""
    verdict = await asked_filters(place, session, request)
    if isinstance(verdict, Hold):  # what they may not say any more does not wait either
        verdict = place.refusal_to_say(session, request) or verdict
    if verdict is not None:
        await _keep_from_saying(place, session, request, verdict)
    elif (pause := _post(place, session, request)) is not None:
        await pause


async def _hold(place: ChatRoom, session: Occupant, request: Storable) -> None:
    """Have a line wait for a moderator."""
    session.owe(HOLD_TOKENS)
    kind = type(request)
    text = str(getattr(request, KIND_BY_REQUEST[kind].text_field))
    case = replace(new_case("held", session, place), text=text, word=tag_of(kind), key=request.key)
    if isinstance(request, Say):
        case = replace(case, re=request.re)
    held = await storable(place.directory.accounts.cases.add(case))
    if isinstance(held, NotTaken):
        held = TooMuchHeld(details={"room": place.name}) if held.why != "day" else not_taken(held, case)
    if isinstance(held, Refused):
        session.send(held)
    elif not held.is_open:
        session.send(WasDecided())
    else:
        session.send(LineHeld(held.room, held.number, held.key))
        if held.at == case.at:  # else it was sent again
            note_author(session.person, held)
            tell_of(place.directory, held)


class HoldingCommands(CommandHandler):
    """To see to lines that wait, and to say which do."""

    @access(where=(HALL, ROOM), act="hold", asks_engine=True)
    def do_held(self, place: Room, session: Occupant, request: ListHeld) -> MaybeAwaitable:
        """Show which lines wait for a moderator.

        The newest twenty, or those before a number.
        In the hall: on the whole server, for its moderators and admins. What nobody accepts is gone after three days.
        """
        return _list(place, session, request)

    @access(where=(HALL, ROOM), act="hold", asks_engine=True)
    def do_accept_held(self, place: Room, session: Occupant, request: AcceptHeld) -> MaybeAwaitable:
        """Let a line be said that waits, by its number in /held."""
        return accept_held(place, session, request.id)

    @access(where=(HALL, ROOM), act="hold", asks_engine=True)
    def do_decline(self, place: Room, session: Occupant, request: Decline) -> MaybeAwaitable:
        """Refuse a line that waits, by its number in /held.

        /decline 8 no links here, please. Its author is told, if they are here, and shown what you say.
        """
        return _decline(place, session, request)


async def _list(place: Room, session: Occupant, request: ListHeld) -> None:
    page = await page_of(place, session, ("held",), request.before, request.limit)
    if isinstance(page, Refused):
        session.send(page)
        return
    if not page.cases and not page.before:
        session.send(NothingHeld())
        return
    zone = session.person.zone
    lines = {
        str(case.number): {"at": shown_time(case.at, zone), "room": case.room, "by": case.by, "line": case.text}
        for case in page.cases
    }
    session.send(HeldListed(len(lines), now_of(place, session), lines, page.before))


async def _decline(place: Room, session: Occupant, request: Decline) -> None:
    if len(request.why) > REASON_MAX:
        session.send(ReasonTooLong(details={"limit": str(REASON_MAX)}))
        return
    number, why = request.id, sanitize_to_line(request.why)
    found = await _find_to_decide(place, session, number)
    said = found if isinstance(found, Refused) else await _said_already(place, found)
    if isinstance(said, Duplicate):
        await _close_said_already(place, session, number, said)
        return
    closed = said if isinstance(said, Refused) else await close(place, session, number, ("held",), why=why)
    if isinstance(closed, Refused):
        session.send(closed)
        return
    session.send(DeclinedLine(closed.case.number))
    tell_author(place.directory, closed.case, why)


async def _find_to_decide(place: Room, session: Occupant, number: int) -> Case | Refused:
    """What is held and that somebody may decide on now."""
    found = await find(place, session, number, ("held",))
    now = place.directory.authentication.now()
    if isinstance(found, Case) and found.is_being_said(now):
        left = ceil(found.saying_at + SAYING_SECONDS - now)
        return BeingSaid(details={"id": str(number), "seconds": str(max(1, left))})
    return found


async def _said_already(place: Room, case: Case) -> Duplicate | Refused | None:
    """Where a line stands that a moderator has accepted, or that was said when it was sent again; None: it was not, and is not if it is declined."""
    said = await readable(place.directory.journal.stored_under(SenderKey(HELD, _key_of(case))))
    if said is None and case.key:
        said = await readable(place.directory.journal.stored_under(SenderKey(case.sender, case.key)))
    return said


async def _close_said_already(place: Room, session: Occupant, number: int, said: Duplicate) -> None:
    with carried_through():
        await _close_said(place, session, number, said.room, said.seq)


def _key_of(case: Case) -> str:
    """Under which what was held is said once, however often it is accepted."""
    return f"{case.number}-{int(case.at)}"


async def accept_held(place: Room, session: Occupant, number: int) -> None:
    """Say what was held. Where it cannot be said, or its author may say nothing just now, it waits on."""
    found = await _find_to_decide(place, session, number)
    if isinstance(found, Refused):
        session.send(found)
        return
    said = await _said_already(place, found)
    if isinstance(said, Duplicate):
        await _close_said_already(place, session, number, said)
        return
    nick = said or await name_now(place, found)
    if isinstance(nick, Refused):
        session.send(nick)
        return
    with carried_through() as scope:  # else it would be said and wait on, where the moderator goes meanwhile
        await _accept(place, session, number, nick)
    if scope.cancelled_caught:
        session.send(NotAccepted(details={"id": str(number)}))


async def _accept(place: Room, session: Occupant, number: int, nick: str) -> None:
    """The same of a line that is said under this name. It waits until it is stored: whenever the server is killed, it is said or can be."""
    cases = place.directory.accounts.cases
    case = await storable(cases.begin_saying(number, place.directory.authentication.now()))
    if case is None or isinstance(case, Refused):
        session.send(case or NoSuchCase(details={"id": str(number)}))
        return
    room = place.directory.room(case.room)
    if isinstance(room, ChatRoom):
        if case.re:
            await _know(room, session, case.re)
        said = Accepted(_entry_of(replace(case, by=nick)), case.sender, _key_of(case), [])
        pause = room.post(session, said)
        if pause is not None:
            await pause
        await room.flushed(session)
        if said.seqs:
            await _close_said(place, session, number, room.name, said.seqs[0])
            return
    session.send(NotAccepted(details={"id": str(number)}))
    await storable(cases.end_saying(number))


async def _know(room: ChatRoom, session: Occupant, number: int) -> None:
    """Have the room know the line to which what was held replies, so that it is said whose that is, if the moderator may read it."""
    with suppress(JournalError):
        line = await reader.line(room, session, number)
        if line is not None:
            room.referred.note(line)


async def _close_said(place: Room, session: Occupant, number: int, room: str, seq: int) -> None:
    """Close what is said. Where that cannot be stored it waits on, and whoever decides on it then is told that it is said."""
    now = place.directory.authentication.now()
    closing = Closing(session.nick, session.person.account, now, accepts=True, seq=seq)
    await storable(place.directory.accounts.cases.close(number, ("held",), closing))
    session.send(AcceptedLine(room, number, seq))


def _entry_of(case: Case) -> Entry:
    """What somebody has said that waited, as it is to be stored."""
    kind = KIND_BY_WORD[case.word]
    entry = kind(case.room, 0, 0.0, case.by, case.text, case.account, not case.account, case.bot)
    return replace(entry, re=case.re) if case.re else entry
