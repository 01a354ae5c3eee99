"""To report what somebody has said, to appeal against what one is forbidden, and to see what others have reported.

A report has a copy of the line, which moderators see until it is closed. Never knows how it is stored, nor what is done to whom.
"""

from typing import Annotated, ClassVar

from msgspec import Meta
from msgspec.structs import replace

from chat_server.accounts.case_bounds import BOUNDS
from chat_server.accounts.cases import DAY, PAGE, Case, CaseKind, NotTaken
from chat_server.accounts.in_force import hits
from chat_server.accounts.networks import shortened
from chat_server.commands.access import ANYBODY, access
from chat_server.commands.acting import REASON_MAX, ReasonTooLong
from chat_server.commands.auditing import now_of, shown_time
from chat_server.commands.case_pages import BeforeCase, CaseNumber, CasesShown, close, page_of
from chat_server.commands.handler import CommandHandler
from chat_server.commands.letting_in import readable, storable
from chat_server.protocol.entries import Entry
from chat_server.protocol.events import Answered, Refused
from chat_server.protocol.names import name_key
from chat_server.protocol.requests import HowMany, Id, Number, ReadOn, Request, RestOfLine
from chat_server.protocol.sanitize import sanitize_to_line
from chat_server.rooms.case_news import is_of_server, keeper_of, note_author, stands, state_of, tell_author, tell_of
from chat_server.rooms.chat_room import ChatRoom
from chat_server.rooms.direct import Direct
from chat_server.rooms.known_rooms import known_rooms
from chat_server.rooms.person import STRANGER, has_only_a_name, person_id
from chat_server.rooms.reader import line as readable_line
from chat_server.rooms.room import CONVERSATION, HALL, ROOM, MaybeAwaitable, Occupant, Room
from chat_server.rooms.visitors import visitor_of

REPORT_TOKENS = 3.0
"""What it costs to report something, or to appeal, in lines: it is stored, and others are told."""

REPORTS: tuple[CaseKind, ...] = ("report", "appeal")

APPEAL_MAX = 500
"""Characters in an appeal."""

Why = Annotated[RestOfLine, Meta(description="why; only moderators are shown it", extra={"in_usage": True})]


class Report(Request, frozen=True, gc=False):
    """Report a line to the moderators."""

    group: ClassVar[str] = "talking"
    number: Number
    why: Why = ""


class Appeal(Request, frozen=True, gc=False):
    """Ask for a ban or a mute to be lifted."""

    group: ClassVar[str] = "talking"
    id: Annotated[Id, Meta(description="the number of the ban or the mute, as you were told it")]
    why: Annotated[RestOfLine, Meta(description="what there is to say for it; only moderators are shown it")]


class ListReports(Request, frozen=True, gc=False, tag="reports"):
    """Ask what has been reported, and who appeals."""

    group: ClassVar[str] = "moderating"
    before: BeforeCase = 0
    limit: CasesShown = PAGE


class Resolve(Request, frozen=True, gc=False):
    """Close a report or an appeal."""

    group: ClassVar[str] = "moderating"
    id: CaseNumber
    why: Annotated[
        RestOfLine, Meta(description="an answer; whoever has appealed is shown it", extra={"in_usage": True})
    ] = ""


class Reported(Answered, frozen=True):
    """The receiver has reported a line."""

    sentence: ClassVar[str] = (
        "Line {number} is reported to the moderators, with a copy (number {id}). Its author is not told. Thank you."
    )

    room: str
    number: Number
    id: Id


class Appealed(Answered, frozen=True):
    """The receiver has appealed."""

    sentence: ClassVar[str] = "Those who may lift it are told (number {id})."

    room: str
    id: Id


class ReportsListed(Answered, frozen=True, tag="reports"):
    """What has been reported, and who appeals, by number.

    Each has its `kind`, its `room`, the number of the line or ban (`of`), the line's author (`whom`), the copy (`line`), and `why`. By whom a line
    was reported (`by`) only moderators of the server are told. Times are those of the receiver's zone, where it is `now`. More may
    wait with numbers below `before`; 0: that is all.
    """

    sentence: ClassVar[str] = "Waiting ({count} shown): /resolve NUMBER closes one.\n{listed}"
    more_sentence: ClassVar[str] = "/reports {before} shows those before."
    listed_in: ClassVar[str] = "reports"
    row_sentences: ClassVar[dict[str, str]] = {
        "report": "#{of} in {room} is reported, where {whom} said “{line}”",
        "report by": "{by} reports #{of} in {room}, where {whom} said “{line}”",
        "message by": "{by} reports a direct message, in which {whom} said “{line}”",
        "appeal": "{by} asks that number {of} in {room} be lifted",
        "server appeal": "{by} asks that number {of} on this server be lifted",
    }
    row_frames: ClassVar[tuple[str, ...]] = ("{number}, {when}: {told}",)

    count: HowMany
    now: str
    reports: dict[str, dict[str, str]]
    before: ReadOn = 0

    def about(self, row: dict[str, str]) -> str:
        """What a row is about."""
        if row["kind"] == "appeal":
            return "appeal" if row["room"] else "server appeal"
        return ("report by" if row["room"] else "message by") if "by" in row else "report"


class NoReports(Answered, frozen=True, tag="no-reports"):
    """Nothing waits, or nothing with a lower number."""

    sentence: ClassVar[str] = "There are no reports or appeals to show."


class Resolved(Answered, frozen=True):
    """A report or an appeal is closed, and the copy is gone."""

    sentence: ClassVar[str] = "Number {id} is closed, and gone from the list."

    id: Id


class NothingToReport(Refused, frozen=True):
    """There is nothing to report."""

    code: str = "nothing-to-report"
    sentence: ClassVar[str] = (
        "#{number} is no line here that somebody else has said. /last shows the newest ones with their numbers."
    )


class ReportedAlready(Refused, frozen=True):
    """It was reported by the same person."""

    code: str = "reported-already"
    sentence: ClassVar[str] = "You have reported that already; it waits for a moderator."


class TooManyCases(Refused, frozen=True):
    """Enough for today."""

    code: str = "too-many-cases"
    sentence: ClassVar[str] = "That is enough for today: no more than {limit} a day."


class CasesFull(Refused, frozen=True):
    """Too much waits."""

    code: str = "cases-full"
    sentence: ClassVar[str] = (
        "Too much waits for the moderators just now, so this was not kept. Send it again later, or tell one of them."
    )


class NothingToAppeal(Refused, frozen=True):
    """Nothing of that number holds for whoever asks."""

    code: str = "nothing-to-appeal"
    sentence: ClassVar[str] = "You are forbidden nothing under the number {id}."


class WhichRoom(Refused, frozen=True):
    """It has that number in several rooms."""

    code: str = "appeal-which-room"
    sentence: ClassVar[str] = (
        "That number is one of yours in several rooms: {rooms}. Begin what you say with the room's name."
    )


class AppealLength(Refused, frozen=True):
    """It is too long, or there is nothing."""

    code: str = "appeal-length"
    sentence: ClassVar[str] = "An appeal has 1 to {limit} characters."


class ReportingCommands(CommandHandler):
    """To report, to appeal, and to see to it."""

    @access(where=(CONVERSATION, ROOM), act="report", asks_engine=True)
    def do_report(self, place: ChatRoom | Direct, session: Occupant, request: Report) -> MaybeAwaitable:
        """Report a line to the moderators, by its number.

        /report 4711 insults. They are given a copy, which they keep until they have dealt with it, 30 days at most; its author is not told.
        """
        if len(request.why) > REASON_MAX:
            session.send(ReasonTooLong(details={"limit": str(REASON_MAX)}))
            return None
        session.owe(REPORT_TOKENS)
        return _report(place, session, request)

    @access(role=ANYBODY, bots=False, asks_engine=True)
    def do_appeal(self, place: Room, session: Occupant, request: Appeal) -> MaybeAwaitable:
        """Ask for a ban or a mute of yours to be lifted, by its number.

        /appeal 3 it was my cat. Whoever may lift it is told. Once a day. Who is banned from the server can do so before logging in.
        """
        why = sanitize_to_line(request.why)
        if not 1 <= len(why) <= APPEAL_MAX:
            session.send(AppealLength(details={"limit": str(APPEAL_MAX)}))
            return None
        session.owe(REPORT_TOKENS)
        if session.person.role == STRANGER:
            return _appeal_outside(place, session, request.id, why)
        room = _room_of_curb(place, session, request.id, why)
        if isinstance(room, Refused):
            session.send(room)
            return None
        case = replace(new_case("appeal", session, room or place), of=request.id, why=why)
        return _put(place, session, case if room else replace(case, room="", keeper=0))

    @access(where=(HALL, ROOM), act="judge", asks_engine=True)
    def do_reports(self, place: Room, session: Occupant, request: ListReports) -> MaybeAwaitable:
        """Show what has been reported, and who appeals.

        The newest twenty, or those before a number.
        In the hall: on the whole server, for its moderators and admins.
        """
        return _list(place, session, request)

    @access(where=(HALL, ROOM), act="judge", asks_engine=True)
    def do_resolve(self, place: Room, session: Occupant, request: Resolve) -> MaybeAwaitable:
        """Close a report or an appeal, by its number in /reports.

        /resolve 7 you are welcome again. Whoever has appealed is shown what you say.
        """
        return _resolve(place, session, request)


def _appeal_outside(place: Room, session: Occupant, number: int, why: str) -> MaybeAwaitable:
    """Somebody who is not let in says that they are banned by this: nobody knows who they are, so their network has one a day."""
    now = place.directory.authentication.now()
    act = place.directory.accounts.acts.in_force.act(number, now)
    if act is None or act.kind == "muted":
        session.send(NothingToAppeal(details={"id": str(number)}))
        return None
    network = shortened(session.network)
    return _put(place, session, Case("appeal", now, "", act.whom, f"network:{network}", 0, network, of=number, why=why))


def new_case(kind: CaseKind, session: Occupant, room: Room) -> Case:
    """Something of a session's that is to wait."""
    person, now = session.person, room.directory.authentication.now()
    is_new = not person.account or now - person.account_made < DAY  # a few networks can make many
    case = Case(kind, now, room.name, person.nick, person.sender, person.account, bot=session.proof.is_bot)
    nodes = room.directory.nodes
    who = person_id(person, nodes.number) if nodes is not None and has_only_a_name(person) else ""
    return replace(case, network=shortened(session.network) if is_new else "", keeper=keeper_of(room), who=who)


async def _report(place: ChatRoom | Direct, session: Occupant, request: Report) -> None:
    line = await readable(_line(place, session, request.number))
    if isinstance(line, Refused):
        session.send(line)
        return
    if line is None or line.request is None or place.is_own(session, line):
        session.send(NothingToReport(details={"number": str(request.number)}))
        return
    why = sanitize_to_line(request.why)
    case = new_case("report", session, place)
    if place.kind == CONVERSATION:
        case = replace(case, room="", keeper=0)  # it has no moderators but those of the server
    await _put(place, session, replace(case, whom=line.nick, author=line.author, of=line.seq, text=line.text, why=why))


async def _line(place: Room, session: Occupant, number: int) -> Entry | None:
    await place.opened()
    return await readable_line(place, session, number)


async def _put(place: Room, session: Occupant, case: Case) -> None:
    """Have a case wait, and tell who may see it."""
    added = await storable(place.directory.accounts.cases.add(case))
    if isinstance(added, NotTaken):
        added = not_taken(added, case)
    if isinstance(added, Refused):
        session.send(added)
        return
    report = case.kind == "report"
    session.send(Reported(added.room, added.of, added.number) if report else Appealed(added.room, added.number))
    note_author(session.person, added)
    tell_of(place.directory, added)


def not_taken(full: NotTaken, case: Case) -> Refused:
    """Why something does not wait."""
    if full.why == "again":
        return ReportedAlready()
    if full.why == "day":
        return TooManyCases(details={"limit": str(BOUNDS[case.kind].day)})
    return CasesFull()


def _room_of_curb(place: Room, session: Occupant, number: int, why: str) -> Room | Refused | None:
    """In which room somebody is forbidden something under this number: where they are, if it is there too; None: on the whole server."""
    now = place.directory.authentication.now()
    found = [
        room
        for room in known_rooms(place, session)
        if isinstance(room, ChatRoom) and room.curb_of(session.person, number)
    ]
    if place in found or len(found) == 1:
        return place if place in found else found[0]
    act = place.directory.accounts.acts.in_force.act(number, now) if not found else None
    if act is not None and hits(act, visitor_of(session, now)):
        return None
    if not found:
        return NothingToAppeal(details={"id": str(number)})
    named = [room for room in found if name_key(why.partition(" ")[0].strip("#:,")) == name_key(room.name)]
    return named[0] if named else WhichRoom(details={"rooms": ", ".join(room.name for room in found)})


async def _list(place: Room, session: Occupant, request: ListReports) -> None:
    page = await page_of(place, session, REPORTS, request.before, request.limit)
    if isinstance(page, Refused):
        session.send(page)
        return
    if not page.cases and not page.before:
        session.send(NoReports())
        return
    reports: dict[str, dict[str, str]] = {}
    zone = session.person.zone
    for case in page.cases:
        by_name = case.kind == "appeal" or is_of_server(stands(session, state_of(place.directory, case.room)))
        shown = {"kind": case.kind, "at": shown_time(case.at, zone), "room": case.room, "of": str(case.of)}
        shown |= {"whom": case.whom, "line": case.text, "why": case.why}
        reports[str(case.number)] = shown | ({"by": case.by} if by_name else {})
    session.send(ReportsListed(len(reports), now_of(place, session), reports, page.before))


async def _resolve(place: Room, session: Occupant, request: Resolve) -> None:
    if len(request.why) > REASON_MAX:
        session.send(ReasonTooLong(details={"limit": str(REASON_MAX)}))
        return
    why = sanitize_to_line(request.why)
    closed = await close(place, session, request.id, REPORTS, why=why)
    if isinstance(closed, Refused):
        session.send(closed)
        return
    session.send(Resolved(closed.case.number))
    if closed.case.kind == "appeal":
        tell_author(place.directory, closed.case, why)
