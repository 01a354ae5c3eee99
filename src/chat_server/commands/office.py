"""Who does what on the whole server: its moderators and admins, what these do against somebody who spoils it for the others, and what they did.

The words are those of a room's moderators (moderating.py); in the hall they are about the server. Never knows how an act is stored.
"""

import re
from typing import ClassVar

from msgspec.structs import replace

from chat_server.accounts.acts import ActKind, ServerAct
from chat_server.accounts.in_force import OUT, parsed
from chat_server.commands.access import access
from chat_server.commands.acting import CURB_SECONDS_MAX, REASON_MAX, NeedsAccount, NoSuchSpan, ReasonTooLong
from chat_server.commands.case_pages import close_appeals
from chat_server.commands.handler import CommandHandler
from chat_server.commands.letting_in import readable
from chat_server.commands.moderating import BAN_ROWS, BANS_LISTED, KICK, Ban, GiveRole, Kick, ListBans, Mute, Unban
from chat_server.commands.office_acts import act_of, enacted, foreseen, found_whom, hits_elsewhere, meant, shown_whom
from chat_server.commands.spans import parsed_span
from chat_server.protocol.events import Answered, Refused
from chat_server.protocol.late_pattern import LatePattern
from chat_server.protocol.requests import HowMany, Id
from chat_server.protocol.room_state import EMPTY
from chat_server.protocol.stored_event import left_of, span_of
from chat_server.protocol.typed import shortened
from chat_server.rooms.enforcing import hit, let_speak, silence
from chat_server.rooms.rights import OF_ACCOUNT, may, on_server
from chat_server.rooms.room import HALL, MaybeAwaitable, Occupant, Room

_WORDS = LatePattern(r"\s*(?P<word>network|hard|sure)(?:\s+(?P<rest>.*)|\s*)$", re.IGNORECASE | re.ASCII | re.DOTALL)


class OfficeShown(Answered, frozen=True, tag="server-roles"):
    """Who has which role on the server."""

    sentence: ClassVar[str] = "Admins of this server: {admins}. Moderators: {moderators}."

    admins: str
    moderators: str
    roles: dict[str, str]


class NoOffice(Answered, frozen=True, tag="no-server-roles"):
    """Nobody has a role on the server."""

    sentence: ClassVar[str] = (
        "This server has no admins and no moderators. Whoever runs it makes one: chat-server admin owner NAME"
    )


class OfficeGiven(Answered, frozen=True, tag="server-role-given"):
    """The receiver has made somebody one of those who have a role on the server, or no longer one ("none")."""

    sentence: ClassVar[str] = "On this server {whom} is now: {role}. That is number {id} of /audit."

    whom: str
    role: str
    id: Id


class ServerBanned(Answered, frozen=True, tag="server-banned"):
    """The receiver has banned somebody from the server; so many sessions of theirs have ended."""

    sentence: ClassVar[str] = (
        "{whom} is banned from this server for {span}; connections that have ended: {sessions}. /unban {id} lifts it."
    )

    whom: str
    span: str
    sessions: HowMany
    id: Id


class ServerKicked(Answered, frozen=True, tag="server-kicked"):
    """The receiver has put somebody off the server for a minute."""

    sentence: ClassVar[str] = "{whom} is off this server for a minute; connections that have ended: {sessions}."

    whom: str
    sessions: HowMany
    id: Id


class ServerMuted(Answered, frozen=True, tag="server-muted"):
    """The receiver has muted somebody everywhere."""

    sentence: ClassVar[str] = "{whom} can say nothing on this server for {span}. /unban {id} lifts it."

    whom: str
    span: str
    id: Id


class ServerLifted(Answered, frozen=True, tag="server-lifted"):
    """The receiver has lifted what somebody was forbidden on the server."""

    sentence: ClassVar[str] = "Number {id} is lifted: {whom}."

    whom: str
    id: Id


class WouldHit(Answered, frozen=True, tag="would-hit"):
    """What the receiver wants to do to a network has not been done: whom it would hit, of those who are here now (`here` people, by `sessions`).

    And how many accounts that have been in that network or beside it lately: `recent` that it would hit, with the first names of these, and
    `passing` that it would not, for they are old enough, or have a role on the server.
    """

    sentence: ClassVar[str] = (
        "Not done yet. To do it, type: {again}\n"
        "Connections here now that would end: {sessions}.\n"
        "Accounts that came from there or from beside it in the last 30 days and could not come in from there: {recent} ({accounts}).\n"
        "Others that came from there and still could: {passing}."
    )

    word: str
    whom: str
    here: HowMany
    sessions: HowMany
    recent: HowMany
    accounts: tuple[str, ...]
    passing: HowMany
    again: str


class WouldMute(Answered, frozen=True, tag="would-mute"):
    """The same of a network that is to be muted."""

    sentence: ClassVar[str] = (
        "Not done yet. To do it, type: {again}\n"
        "Connections here now that could say nothing: {sessions}.\n"
        "Accounts that came from there or from beside it in the last 30 days and could say nothing from there: {recent} ({accounts}).\n"
        "Others that came from there and still could: {passing}."
    )

    word: str
    whom: str
    here: HowMany
    sessions: HowMany
    recent: HowMany
    accounts: tuple[str, ...]
    passing: HowMany
    again: str


class ServerBansListed(Answered, frozen=True, tag="server-bans"):
    """Who is banned or muted on the server: the newest of so many, by number. A network is shown to admins, and to whoever has given it."""

    sentence: ClassVar[str] = "{count} on this server:\n{listed}"
    listed_in: ClassVar[str] = "bans"
    row_sentences: ClassVar[dict[str, str]] = BAN_ROWS

    count: HowMany
    bans: dict[str, dict[str, str]]


class NoServerBans(Answered, frozen=True, tag="no-server-bans"):
    """Nobody is banned or muted on the server."""

    sentence: ClassVar[str] = "Nobody is banned or muted on this server."


class RoleOfRooms(Refused, frozen=True):
    """The server has no such role."""

    code: str = "role-of-rooms"
    sentence: ClassVar[str] = (
        "On the server one is moderator, admin or none; {role} is a role in a room. /join ROOM, then /role {nick} {role}"
    )


class OfficeCommands(CommandHandler):
    """To share out the server's offices, and to keep the server good."""

    @access(where=(HALL,), bots=False, asks_engine=True)
    def do_role(self, place: Room, session: Occupant, request: GiveRole) -> MaybeAwaitable:
        """Show or give server roles.

        Who moderates the server, and who is one of its admins.
        /role bob moderator lets bob kick, mute and ban on the whole server; /role bob admin shares it; /role bob none takes that back.
        """
        return _give(place, session, request) if request.nick and request.role else _show_holders(place, session)

    @access(where=(HALL,), act="curb", asks_engine=True)
    def do_kick(self, place: Room, session: Occupant, request: Kick) -> MaybeAwaitable:
        """Put somebody off the server for a minute.

        All their connections end.
        """
        return _curb(place, session, request.nick, f"{KICK} {request.reason}", "kicked")

    @access(where=(HALL,), act="curb", asks_engine=True)
    def do_mute(self, place: Room, session: Occupant, request: Mute) -> MaybeAwaitable:
        """Mute somebody on the whole server for a while.

        /mute bob 30m spam. Without a time it is for a day. See /help ban for networks.
        """
        return _curb(place, session, request.nick, request.span, "muted")

    @access(where=(HALL,), act="curb", asks_engine=True)
    def do_ban(self, place: Room, session: Occupant, request: Ban) -> MaybeAwaitable:
        """Keep somebody off the whole server for a while.

        /ban bob 7d spam. Without a time it is for a day. /ban bob network 1d bans where bob comes from, /ban 203.0.113.7 1d an address.
        A network is banned when you add the word sure; accounts older than a week come in from there unless you add hard.
        """
        return _curb(place, session, request.nick, request.span, "banned")

    @access(where=(HALL,), act="curb", asks_engine=True)
    def do_unban(self, place: Room, session: Occupant, request: Unban) -> MaybeAwaitable:
        """Lift a ban or a mute, by the number that /bans shows."""
        return _lift(place, session, request)

    @access(where=(HALL,), act="curb")
    def do_bans(self, place: Room, session: Occupant, request: ListBans) -> MaybeAwaitable:
        """Show who is banned or muted on the server, until when and why."""
        now = place.directory.authentication.now()
        acts = [act for act in place.directory.accounts.acts.in_force.listed(now) if act.kind != "panic"]
        called = place.directory.accounts.names.name_of  # they may have renamed themselves since
        bans = {
            str(act.number): {
                "what": act.kind,
                "whom": called(act.account) or shown_whom(session, act),
                "by": act.by,
                "left": left_of(act.until - now),
                "reason": act.text,
            }
            for act in acts[-BANS_LISTED:]
        }
        session.send(ServerBansListed(len(acts), bans) if bans else NoServerBans())
        return None


# Offices.


async def _show_holders(place: Room, session: Occupant) -> None:
    holders = await readable(place.directory.accounts.acts.holders())
    if isinstance(holders, Refused):
        session.send(holders)
        return
    admins = [one.name for one in holders if one.role in {"admin", "owner"}]
    moderators = [one.name for one in holders if one.role == "moderator"]
    shown = OfficeShown(", ".join(admins) or "-", ", ".join(moderators) or "-", {one.name: one.role for one in holders})
    session.send(shown if holders else NoOffice())


async def _give(place: Room, session: Occupant, request: GiveRole) -> None:
    if request.role in {"member", "owner"}:
        session.send(RoleOfRooms(details={"nick": shortened(request.nick), "role": request.role}))
        return
    found = await found_whom(place, session, request.nick)
    if found is None:
        return
    if not found.act.account:
        session.send(NeedsAccount(details={"nick": found.act.whom}))
        return
    role = "member" if request.role == "none" else request.role
    done = await enacted(place, session, replace(found.act, kind="role-given", text=role))
    if done is not None:
        session.send(OfficeGiven(done.whom, request.role, done.number))


# What is done against somebody.


async def _curb(place: Room, session: Occupant, nick: str, text: str, kind: ActKind) -> None:
    words: set[str] = set()
    typed = text
    while kind != "kicked" and (found := _WORDS.match(text)):
        words.add(found["word"].casefold())
        text = found["rest"] or ""
    seconds, reason = parsed_span(text)
    if seconds > CURB_SECONDS_MAX:
        session.send(NoSuchSpan())
        return
    if len(reason) > REASON_MAX:
        session.send(ReasonTooLong(details={"limit": str(REASON_MAX)}))
        return
    wanted = await meant(place, session, nick, words)
    if wanted is None:
        return
    act = wanted.act
    act = replace(act, kind=kind, until=act.at + seconds, text=reason, is_hard="hard" in words)
    hits = hit(place.directory, act)
    actor, target = on_server(act.author, session.person.role), on_server(act.account, OF_ACCOUNT.get(wanted.role, ""))
    refusal = may("curb-on-server", actor, target if act.account else None, EMPTY)
    if refusal is not None:
        session.send(refusal)
    elif act.network and "sure" not in words:
        await _tell_whom_it_would_hit(place, session, act, hits, (nick, typed))
    else:
        await _curbed(place, session, act, hits)


async def _curbed(place: Room, session: Occupant, act: ServerAct, hits: list[Occupant]) -> None:
    """Do it. Nothing of theirs is stored from here on, so nothing is stored after it."""
    put_out = hits if act.kind in OUT else []
    silence(place.directory, put_out)
    done, sessions = None, len(put_out)
    try:
        if act.kind in OUT:
            sessions += sum(one.sessions for one in await hits_elsewhere(place, act))
        done = await enacted(place, session, act)
    finally:
        if done is None:
            let_speak(place.directory, put_out)
    if done is None:
        return
    whom, span = shown_whom(session, done), span_of(done.until - done.at)
    match done.kind:
        case "banned":
            session.send(ServerBanned(whom, span, sessions, done.number))
        case "muted":
            session.send(ServerMuted(whom, span, done.number))
        case _:
            session.send(ServerKicked(whom, sessions, done.number))


async def _tell_whom_it_would_hit(
    place: Room, session: Occupant, act: ServerAct, hits: list[Occupant], typed: tuple[str, str]
) -> None:
    found = await foreseen(place, act, hits)
    if isinstance(found, Refused):
        session.send(found)
        return
    nick, rest = typed
    kind, word = (WouldMute, "/mute") if act.kind == "muted" else (WouldHit, "/ban")
    whom = shortened(nick) if parsed(nick) is not None else f"{shortened(nick)} network"
    again = " ".join((word, shortened(nick), "sure", *rest.split()))
    elsewhere = await hits_elsewhere(place, act)
    here = len({one.person for one in hits}) + sum(one.people for one in elsewhere)
    sessions = len(hits) + sum(one.sessions for one in elsewhere)
    session.send(kind(word, whom, here, sessions, found.kept_out, found.names, found.passing, again))


async def _lift(place: Room, session: Occupant, request: Unban) -> None:
    if len(request.reason) > REASON_MAX:
        session.send(ReasonTooLong(details={"limit": str(REASON_MAX)}))
        return
    act = replace(act_of(place, session, ""), kind="lifted", of=request.id, text=request.reason)
    done = await enacted(place, session, act)
    if done is not None:
        session.send(ServerLifted(shown_whom(session, done), request.id))
        await close_appeals(place, session, "", lambda case: case.of == request.id, request.reason)
