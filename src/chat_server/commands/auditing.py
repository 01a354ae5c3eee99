"""Who did what by an office, to whom, and why, page by page. Never knows how it is kept."""

from functools import partial
from typing import Annotated, ClassVar

from msgspec import Meta

from chat_server.accounts.acts import ActPlace, ServerAct
from chat_server.commands.access import access
from chat_server.commands.handler import CommandHandler
from chat_server.commands.letting_in import readable
from chat_server.commands.office_acts import shown_whom
from chat_server.protocol.events import Answered, Refused
from chat_server.protocol.names import OPERATOR, SERVER
from chat_server.protocol.requests import Id, ReadOn, Request
from chat_server.protocol.stored_event import span_of
from chat_server.protocol.time_zones import local
from chat_server.rooms.room import HALL, ROOM, MaybeAwaitable, Occupant, Room

PAGE = 20
"""Acts that are shown at once."""

_TEXTS = {
    "role-given": "role",
    "room-deleted": "room",
    "rule-set": "rule",
    "word-set": "word",
    "filter-set": "filter",
    "name-set": "name",
    "redacted": "lines",
}
"""What the text of an act is, where it is no reason."""

_SENTENCES = {
    "muted": "{by} muted {whom} for {span}",
    "banned": "{by} banned {whom} for {span}",
    "kicked": "{by} put {whom} out",
    "lifted": "{by} lifted what {whom} was forbidden (number {of})",
    "role-given": "{by} gave {whom} the role: {role}",
    "role-taken": "{by} took {whom}'s role back",
    "role-given-up": "{by} gave up their role",
    "rule-set": "{by} set the rule: {rule}",
    "word-set": "{by} changed the words of the room: {word}",
    "word-hold": "{by} put a word on the room's list: lines with it wait",
    "word-refuse": "{by} put a word on the room's list: lines with it are refused",
    "word-none": "{by} took a word off the room's list",
    "filter-set": "{by} set the filter of {whom}: {filter}",
    "member-invited": "{by} invited {whom}",
    "admin-came": "{by} came in as an admin of the server",
    "redacted": "{by} deleted what {whom} had said: {lines}",
    "founded": "{by} made this room",
    "name-set": "{by} gave the room another name: {name}",
    "archived": "{by} archived the room",
    "unarchived": "{by} took the room out of the archive",
    "room-deleted": "{by} deleted the room {room}",
    "panic": "{by} turned panic on for {span}",
    "panic-off": "{by} turned panic off",
    "report-closed": "{by} closed report {case}, about #{of}, a line of {whom}",
    "appeal-closed": "{by} closed an appeal of {whom} against number {of}",
    "line-accepted": "{by} accepted a line of {whom} that was held (number {case})",
    "line-said": "{by} accepted a line of {whom} that was held (number {case}): it is #{of}",
    "line-declined": "{by} declined a line of {whom} that was held (number {case})",
}


class Audit(Request, frozen=True, gc=False):
    """Ask who did what to whom, and why."""

    group: ClassVar[str] = "moderating"
    before: Annotated[Id, Meta(description="show what was done before this number")] = 0
    nth: Annotated[Id, Meta(description="and, of what was done right after it, before this one")] = 0


class AuditShown(Answered, frozen=True, tag="audit"):
    """What was done in a `room`, or on the server (""), the newest first; times are those of the receiver's zone, where it is `now`.

    `acts` are by number: in a room that of the entry. What is no entry, such as that a report is closed, has that of the entry before it, and
    counts on from there: `15.2` is the second since 15. More was done before the number `before`, `nth`; 0, 0: that is all.
    """

    sentence: ClassVar[str] = "{listed}"
    more_sentence: ClassVar[str] = "What was done before: /audit {before}"
    other_sentences: ClassVar[tuple[str, ...]] = ("What was done before: /audit {before} {nth}",)
    listed_in: ClassVar[str] = "acts"
    row_sentences: ClassVar[dict[str, str]] = _SENTENCES
    row_frames: ClassVar[tuple[str, ...]] = ("#{number}, {when}: {told}", "{number}, {when}: {told}", "{when}: {told}")

    room: str
    now: str
    before: ReadOn
    nth: Id
    acts: dict[str, dict[str, str]]

    @property
    def own_more_sentence(self) -> str:
        """Whoever reads on types a second number only where it is one."""
        return self.other_sentences[0] if self.nth else super().own_more_sentence

    def about(self, row: dict[str, str]) -> str:
        """What a row is about; a line that is accepted has a number from when it is said."""
        match row["what"]:
            case "line-accepted" if "of" in row:
                return "line-said"
            case "role-taken" if row["by"] == row.get("whom"):
                return "role-given-up"
            case "word-set" if f"word-{row.get('word')}" in _SENTENCES:
                return f"word-{row['word']}"
            case what:
                return what

    def frame_of(self, number: str) -> str:
        """Numbers of lines have their sign; what has none of its own has only its time."""
        line, act, unnumbered = self.row_frames
        return unnumbered if "." in number else line if self.room else act


class NothingDone(Answered, frozen=True, tag="nothing-done"):
    """Nothing was done, or nothing before that number."""

    sentence: ClassVar[str] = "Nothing has been done here by moderators."
    other_sentences: ClassVar[tuple[str, ...]] = ("Nothing was done here by moderators before that.",)

    is_before: bool = False

    @property
    def own_sentence(self) -> str:
        """What was asked for."""
        return self.other_sentences[0] if self.is_before else self.sentence


class AuditCommands(CommandHandler):
    """To see what moderators and admins have done."""

    @access(where=(HALL, ROOM), act="audit", bots=False, asks_engine=True)
    def do_audit(self, place: Room, session: Occupant, request: Audit) -> MaybeAwaitable:
        """Show who did what to whom, and why, the newest first.

        In the room, or in the hall on the whole server. It is never deleted.
        """
        return _audit(place, session, request)


async def _audit(place: Room, session: Occupant, request: Audit) -> None:
    kept, room = place.directory.accounts.acts, "" if place.kind == HALL else place.name
    before = ActPlace(request.before, request.nth)
    in_room = partial(kept.of_room, room, before if any(before) else None)
    acts = await readable(in_room(PAGE + 1) if room else kept.listed(request.before, PAGE + 1))
    if isinstance(acts, Refused):
        session.send(acts)
        return
    zone = session.person.zone
    shown = {_number(act): _in_audit(session, act, zone, in_room=bool(room)) for act in acts[:PAGE]}
    further = acts[PAGE - 1].place if len(acts) > PAGE else ActPlace(0)
    session.send(
        AuditShown(room, now_of(place, session), *further, shown) if shown else NothingDone(is_before=any(before))
    )


def now_of(place: Room, session: Occupant) -> str:
    """The time now, as a list has it."""
    return shown_time(place.directory.authentication.now(), session.person.zone)


def shown_time(at: float, zone: str) -> str:
    """A time as a list has it."""
    return f"{local(at, zone):%Y-%m-%d %H:%M}"


def _number(act: ServerAct) -> str:
    return f"{act.number}.{act.nth}" if act.nth else str(act.number)


def _in_audit(session: Occupant, act: ServerAct, zone: str, *, in_room: bool) -> dict[str, str]:
    is_renamed = act.kind == "name-set" and act.by == SERVER  # who runs the server is not in it
    shown = {"at": shown_time(act.at, zone), "by": OPERATOR if is_renamed else act.by, "what": act.kind}
    if whom := shown_whom(session, act):
        shown["whom"] = whom
    if act.until > act.at:
        shown["span"] = span_of(act.until - act.at)
    shown |= {name: str(number) for name, number in (("of", act.of), ("case", act.case)) if number}
    if act.kind == "panic" and act.until <= act.at:
        shown["what"] = "panic-off"
    if act.kind == "role-given" and act.text == ("none" if in_room else "member"):
        shown["what"] = "role-taken"
    elif act.text:
        shown[_TEXTS.get(act.kind, "reason")] = act.text
    return shown
