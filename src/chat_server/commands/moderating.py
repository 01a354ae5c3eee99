"""Who does what in a room: its rules, its owners and moderators, and what these do against somebody who spoils it for the others.

What is asked for becomes an entry of the room's log, which the room itself looks at once more (rooms/gate.py). Never knows how it is stored.
"""

from collections.abc import Callable
from typing import Annotated, ClassVar, Literal

from msgspec import Meta

from chat_server.accounts.in_force import parsed
from chat_server.commands.access import access
from chat_server.commands.acting import (
    CURB_SECONDS_MAX,
    REASON_MAX,
    NeedsAccount,
    Nick,
    NoSuchSpan,
    Reason,
    ReasonTooLong,
    act_in,
    target_of,
)
from chat_server.commands.case_pages import lift
from chat_server.commands.handler import CommandHandler
from chat_server.commands.spans import parsed_span
from chat_server.protocol.acts import Banned, Kicked, Lifted, Muted, RoleGiven, RuleSet
from chat_server.protocol.entries import Enacted
from chat_server.protocol.events import Answered, Refused
from chat_server.protocol.requests import Id, Request, RestOfLine
from chat_server.protocol.room_state import NO_ROLE, ROOM_ROLES, RULES, SLOW_MAX, is_rule
from chat_server.protocol.stored_event import left_of
from chat_server.protocol.typed import shortened
from chat_server.rooms.batch import Acting
from chat_server.rooms.chat_room import ChatRoom
from chat_server.rooms.life import refusal_to_own
from chat_server.rooms.room import ROOM, MaybeAwaitable, Occupant

BANS_LISTED = 100
"""Bans that are shown at once, the newest: all that there can be, with their reasons, are more than may wait for a reader."""

KICK = "1m"
"""For how long somebody who has been put out cannot come back: programs come back by themselves, and a kick would mean nothing."""

Span = Annotated[
    RestOfLine, Meta(description="how long (30m, 12h, 7d; else 24h), and why", extra={"in_usage": "[SPAN] [REASON]"})
]


class Rule(Request, frozen=True, gc=False):
    """Ask for the room's rules, or set one."""

    group: ClassVar[str] = "moderating"
    rule: Annotated[str, Meta(description="speak, topic, links, guests, access, history, hold or slow")] = ""
    value: Annotated[str, Meta(description="what it is to be: /rule shows what there is")] = ""


class GiveRole(Request, frozen=True, gc=False, tag="role"):
    """Ask who owns and moderates the room, or give somebody a role."""

    group: ClassVar[str] = "moderating"
    nick: Nick = ""
    role: Annotated[
        Literal["", "member", "moderator", "owner", "admin", "none"], Meta(description="what they are to be")
    ] = ""


class Kick(Request, frozen=True, gc=False):
    """Put somebody out of the room for a minute."""

    group: ClassVar[str] = "moderating"
    nick: Nick
    reason: Reason = ""


class Mute(Request, frozen=True, gc=False):
    """Let somebody say nothing in the room for a while."""

    group: ClassVar[str] = "moderating"
    nick: Nick
    span: Span = ""


class Ban(Request, frozen=True, gc=False):
    """Put somebody out of the room for a while."""

    group: ClassVar[str] = "moderating"
    nick: Nick
    span: Span = ""


class Unban(Request, frozen=True, gc=False):
    """Lift a ban or a mute."""

    group: ClassVar[str] = "moderating"
    aliases: ClassVar[tuple[str, ...]] = ("unmute",)
    id: Annotated[Id, Meta(description="the number that /bans shows")]
    reason: Reason = ""


class ListBans(Request, frozen=True, gc=False, tag="bans"):
    """Ask who is banned or muted here."""

    group: ClassVar[str] = "moderating"


BAN_ROWS = {
    "kicked": "{number}  {name}  put out by {by}, {left} left",
    "muted": "{number}  {name}  muted by {by}, {left} left",
    "banned": "{number}  {name}  banned by {by}, {left} left",
}
"""What is told of each of those who are forbidden something."""


class RulesShown(Answered, frozen=True, tag="rules"):
    """The rules of a room."""

    sentence: ClassVar[str] = "Rules of {room}:\n{listed}"

    room: str
    listed: str
    rules: dict[str, str]


class RolesShown(Answered, frozen=True, tag="roles"):
    """Who has which role in a room."""

    sentence: ClassVar[str] = "Owners of {room}: {owners}\nModerators: {moderators}\nMembers: {members}"

    room: str
    owners: str
    moderators: str
    members: str
    roles: dict[str, str]


class NoRoles(Answered, frozen=True, tag="no-roles"):
    """Nobody has a role in a room."""

    sentence: ClassVar[str] = "{room} belongs to the server: its admins set its rules and moderate it."

    room: str


class BansListed(Answered, frozen=True, tag="bans"):
    """Who is banned or muted in a room, the newest of so many, by the number of that: what it is, for `whom`, by whom, how long still, why."""

    sentence: ClassVar[str] = "{count} in {room}:\n{listed}"
    listed_in: ClassVar[str] = "bans"
    row_sentences: ClassVar[dict[str, str]] = BAN_ROWS

    room: str
    count: int
    bans: dict[str, dict[str, str]]


class NoBans(Answered, frozen=True, tag="no-bans"):
    """Nobody is banned or muted in a room."""

    sentence: ClassVar[str] = "Nobody is banned or muted in {room}."

    room: str


class NoSuchRule(Refused, frozen=True):
    """There is no such rule, or it cannot be so."""

    code: str = "no-such-rule"
    sentence: ClassVar[str] = "There are these rules: {rules}."


class NoSuchBan(Refused, frozen=True):
    """Nothing has this number."""

    code: str = "no-such-ban"
    sentence: ClassVar[str] = "Nothing here has the number {id}. /bans lists what there is."


class NoNetworksHere(Refused, frozen=True):
    """Networks are banned from the whole server."""

    code: str = "networks-in-hall"
    sentence: ClassVar[str] = (
        "A room bans people, by name. A network is banned from the whole server, in the hall: /back, and then the same."
    )


class SameRole(Refused, frozen=True):
    """They have it already."""

    code: str = "same-role"
    sentence: ClassVar[str] = "{nick} is that already."


class ModeratingCommands(CommandHandler):
    """To set a room's rules, to share it with others, and to keep it good."""

    @access(where=(ROOM,), bots=False)
    def do_rule(self, place: ChatRoom, session: Occupant, request: Rule) -> MaybeAwaitable:
        """Show the room's rules, or set one.

        speak: who may say something (all, members, moderators).
        topic: who may set the topic (all, moderators).
        links: who may post links (all, members).
        guests: whether guests may be here (yes, no).
        access: who may enter: all (open); members and whom one of them invites (members); members and whom a moderator invites (invite).
        A room that is not open is private: nobody else is told that it is there.
        history: whether newcomers read what was said before they came (all, joined).
        hold: whose lines wait for a moderator (none, links, newcomers, all). Lines of members never do.
        slow: seconds between two lines of one person.
        """
        if not request.rule:
            rules = {name: place.gate.state.rule(name) for name in RULES}
            widest = max(map(len, rules))
            listed = "\n".join(f"{name.ljust(widest)}  {value}" for name, value in rules.items())
            session.send(RulesShown(place.name, listed, rules))
            return None
        if not is_rule(request.rule, request.value):
            known = [f"{name} {'|'.join(values or (f'0-{SLOW_MAX}',))}" for name, values in RULES.items()]
            session.send(NoSuchRule(details={"rules": ", ".join(known)}))
            return None
        value = str(int(request.value)) if request.rule == "slow" else request.value  # 00 is 0, and changes nothing
        return act_in(place, session, Acting(RuleSet(place.name, 0, 0.0, "", f"{request.rule} {value}")))

    @access(where=(ROOM,), bots=False, asks_engine=True)
    def do_role(self, place: ChatRoom, session: Occupant, request: GiveRole) -> MaybeAwaitable:
        """Show or give roles here.

        Who owns the room, and who moderates it.
        /role bob moderator lets bob kick, mute and ban; /role bob owner shares the room; /role bob none takes that back.
        """
        if not request.nick or not request.role:
            _show_roles(place, session)
            return None
        if request.role == "admin":
            session.send(Refused("role-on-server", {"nick": shortened(request.nick)}))
            return None
        return _give_role(place, session, request)

    @access(where=(ROOM,), act="curb", asks_engine=True)
    def do_kick(self, place: ChatRoom, session: Occupant, request: Kick) -> MaybeAwaitable:
        """Put somebody out of the room for a minute."""
        return _curb(place, session, request.nick, f"{KICK} {request.reason}", Kicked)

    @access(where=(ROOM,), act="curb", asks_engine=True)
    def do_mute(self, place: ChatRoom, session: Occupant, request: Mute) -> MaybeAwaitable:
        """Let somebody say nothing here for a while.

        /mute bob 30m spam. Without a time it is for a day. /unban NUMBER lifts it; /bans has the numbers.
        """
        return _curb(place, session, request.nick, request.span, Muted)

    @access(where=(ROOM,), act="curb", asks_engine=True)
    def do_ban(self, place: ChatRoom, session: Occupant, request: Ban) -> MaybeAwaitable:
        """Put somebody out of the room for a while.

        /ban bob 7d spam. Without a time it is for a day. /unban NUMBER lifts it; /bans has the numbers.
        """
        return _curb(place, session, request.nick, request.span, Banned)

    @access(where=(ROOM,), act="curb")
    def do_unban(self, place: ChatRoom, session: Occupant, request: Unban) -> MaybeAwaitable:
        """Lift a ban or a mute, by the number that /bans shows."""
        curb = next((one for one, _ in place.curbs() if one.id == request.id), None)
        if curb is None:
            session.send(NoSuchBan(details={"id": str(request.id)}))
            return None
        if len(request.reason) > REASON_MAX:
            session.send(ReasonTooLong(details={"limit": str(REASON_MAX)}))
            return None
        lifted = Lifted(place.name, 0, 0.0, "", request.reason, whom=curb.whom, id=curb.id)
        return lift(place, session, lifted, curb)

    @access(where=(ROOM,))
    def do_bans(self, place: ChatRoom, session: Occupant, request: ListBans) -> MaybeAwaitable:
        """Show who is banned or muted here, until when and why."""
        called, curbs = (
            place.directory.accounts.names.name_of,
            place.curbs(),
        )  # they may have renamed themselves elsewhere since
        bans = {
            str(one.id): {"what": one.kind, "whom": called(one.account) or one.whom, "by": called(one.of) or one.by}
            | {"left": left_of(left), "reason": one.reason}
            for one, left in curbs[-BANS_LISTED:]
        }
        session.send(BansListed(place.name, len(curbs), bans) if bans else NoBans(place.name))
        return None


def _show_roles(place: ChatRoom, session: Occupant) -> None:
    state, names = place.gate.state, place.directory.accounts.names
    called = {account: names.name_of(account) or state.names.get(account, "?") for account in state.roles}
    if not called:
        session.send(NoRoles(place.name))
        return
    having = {role: sorted(name for one, name in called.items() if state.roles[one] == role) for role in ROOM_ROLES}
    roles: dict[str, str] = {name: state.roles[account] for account, name in called.items()}
    members, moderators, owners = (", ".join(having[role]) or "-" for role in ROOM_ROLES)
    session.send(RolesShown(place.name, owners, moderators, members, roles))


async def _give_role(place: ChatRoom, session: Occupant, request: GiveRole) -> None:
    target = await target_of(place, session, request.nick)
    if target is None:
        return
    unfit: Refused | None = None if target.account else NeedsAccount(details={"nick": target.nick})
    if unfit is None and request.role == "owner":
        unfit = refusal_to_own(place.directory, target.account)
    if unfit is not None:
        session.send(unfit)
        return
    state = place.gate.state
    if (state.role(target.account) or NO_ROLE) == request.role and target.account not in state.invitations:
        session.send(SameRole(details={"nick": target.nick}))
        return
    given = RoleGiven(place.name, 0, 0.0, "", request.role, whom=target.nick, account=target.account)
    if (pause := act_in(place, session, Acting(given, target.role))) is not None:
        await pause


async def _curb(place: ChatRoom, session: Occupant, nick: str, text: str, kind: Callable[..., Enacted]) -> None:
    seconds, reason = parsed_span(text)
    if parsed(nick) is not None or text.casefold().split()[:1] == ["network"]:
        session.send(NoNetworksHere())
        return
    if seconds > CURB_SECONDS_MAX:
        session.send(NoSuchSpan())
        return
    if len(reason) > REASON_MAX:
        session.send(ReasonTooLong(details={"limit": str(REASON_MAX)}))
        return
    target = await target_of(place, session, nick)
    if target is None:
        return
    sender = "" if target.account else target.sender
    entry = kind(place.name, 0, 0.0, "", reason, whom=target.nick, account=target.account, sender=sender)
    if (pause := act_in(place, session, Acting(entry, target.role, seconds))) is not None:
        await pause
