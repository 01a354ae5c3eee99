"""Who did what by an office, to whom, and why, page by page. Never knows how it is kept."""

from functools import partial
from typing import Annotated, ClassVar

from msgspec import Meta

from chat_server.accounts.acts import ServerAct
from chat_server.commands.access import access
from chat_server.commands.handler import CommandHandler
from chat_server.commands.letting_in import readable
from chat_server.commands.office_acts import shown_whom
from chat_server.protocol.events import Answered, Refused
from chat_server.protocol.requests import Number, Request
from chat_server.protocol.stored_event import span_of
from chat_server.protocol.time_zones import local
from chat_server.rooms.room import HALL, ROOM, MaybeAwaitable, Occupant, Room

PAGE = 20
"""Acts that are shown at once."""

_TEXTS = {"role-given": "role", "room-deleted": "room"}
"""What the text of an act is, where it is no reason."""


class Audit(Request, frozen=True, gc=False):
    """Ask who did what to whom, and why."""

    group: ClassVar[str] = "general"
    before: Annotated[Number, Meta(description="show what was done before this number")] = 0


class AuditShown(Answered, frozen=True, tag="audit"):
    """What was done, the newest first; `acts` by number. More was done before the number `before`; 0: that is all."""

    sentence: ClassVar[str] = "{listed}"

    listed: str
    before: Number
    acts: dict[str, dict[str, str]]


class NothingDone(Answered, frozen=True, tag="nothing-done"):
    """Nothing was done, or nothing before that number."""

    sentence: ClassVar[str] = "Nothing has been done here by moderators, or nothing before that."


class AuditCommands(CommandHandler):
    """To see what moderators and admins have done."""

    @access(where=(HALL, ROOM), act="audit", bots=False, asks_engine=True)
    def do_audit(self, place: Room, session: Occupant, request: Audit) -> MaybeAwaitable:
        """Show who did what to whom, and why, the newest first: in the room, or in the hall on the whole server. It is never deleted."""
        return _audit(place, session, request)


async def _audit(place: Room, session: Occupant, request: Audit) -> None:
    kept = place.directory.accounts.acts
    is_of_server = place.kind == HALL
    asked = kept.listed if is_of_server else partial(kept.of_room, place.name)
    acts = await readable(asked(request.before, PAGE + 1))
    if isinstance(acts, Refused):
        session.send(acts)
        return
    zone = session.person.zone
    shown = {str(act.number): _in_audit(session, act, zone) for act in acts[:PAGE]}
    before = acts[PAGE - 1].number if len(acts) > PAGE else 0
    rows = [f"{number}: {one['at']} {one['by']}: {_row(one)}" for number, one in shown.items()]
    if before:
        rows.append(f"/audit {before} …")
    session.send(AuditShown("\n".join(rows), before, shown) if shown else NothingDone())


def _in_audit(session: Occupant, act: ServerAct, zone: str) -> dict[str, str]:
    shown = {"at": f"{local(act.at, zone):%Y-%m-%d %H:%M}", "by": act.by, "what": act.kind}
    if whom := shown_whom(session, act):
        shown["whom"] = whom
    if act.until > act.at:
        shown["span"] = span_of(act.until - act.at)
    if act.of:
        shown["of"] = str(act.of)
    if act.kind == "panic" and act.until <= act.at:
        shown["what"] = "panic-off"
    if act.text:
        shown[_TEXTS.get(act.kind, "reason")] = act.text
    return shown


def _row(one: dict[str, str]) -> str:
    return ", ".join(f"{value}" for name, value in one.items() if name not in {"at", "by"})
