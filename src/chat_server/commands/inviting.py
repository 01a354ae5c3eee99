"""Who may be in a room that is not for everybody: to invite somebody, and to see who has which role.

What is asked for becomes an entry of the room's log, which the room itself looks at once more (rooms/gate.py). Never knows how it is stored.
"""

from typing import Annotated, ClassVar

from msgspec import Meta

from chat_server.commands.access import access
from chat_server.commands.acting import NeedsAccount, Nick, act_in, target_of
from chat_server.commands.handler import CommandHandler
from chat_server.commands.moderating import NoRoles
from chat_server.protocol.acts import MemberInvited
from chat_server.protocol.events import Answered
from chat_server.protocol.requests import HowMany, Id, Request
from chat_server.protocol.room_state import ROOM_ROLES
from chat_server.rooms.batch import Acting
from chat_server.rooms.chat_room import ChatRoom
from chat_server.rooms.room import ROOM, MaybeAwaitable, Occupant

INVITED_SECONDS = 14 * 86400.0
"""How long an invitation is good: whoever comes once a week has seen it twice."""

MEMBERS_ON_PAGE = 50
"""People on a page of /members: a screen or two."""

INVITED = "invited"
"""What somebody is who may come in, and has not."""


class Invite(Request, frozen=True, gc=False):
    """Invite somebody to the room: they can come in, and are a member then."""

    group: ClassVar[str] = "rooms"
    nick: Nick


class ListMembers(Request, frozen=True, gc=False, tag="members"):
    """Ask who has which role in the room, and who is invited."""

    group: ClassVar[str] = "rooms"
    page: Annotated[Id, Meta(description="which page; the first if you give none")] = 1


class MembersListed(Answered, frozen=True, tag="members"):
    """Who has a role in a room, owners first, or is invited: some of `count`, on a page of several, each with what they are."""

    sentence: ClassVar[str] = "{count} in {room}, page {page} of {pages}:\n{listed}"

    room: str
    count: HowMany
    page: HowMany
    pages: HowMany
    listed: str
    members: dict[str, str]


class InvitingCommands(CommandHandler):
    """To let somebody into a room, and to see who may be there."""

    @access(where=(ROOM,), act="invite", asks_engine=True)
    def do_invite(self, place: ChatRoom, session: Occupant, request: Invite) -> MaybeAwaitable:
        """Invite somebody to this room, for two weeks.

        They are told, and are a member once they come in.
        /rule access members lets in members and who is invited by one; /rule access invite the same, where only moderators invite.
        """
        return _invite(place, session, request.nick)

    @access(where=(ROOM,))
    def do_members(self, place: ChatRoom, session: Occupant, request: ListMembers) -> MaybeAwaitable:
        """Show who has which role in this room, and who is invited."""
        rows = _rows(place)
        if not rows:
            session.send(NoRoles(place.name))
            return None
        pages = -(-len(rows) // MEMBERS_ON_PAGE)
        page = min(max(request.page, 1), pages)
        shown = rows[(page - 1) * MEMBERS_ON_PAGE : page * MEMBERS_ON_PAGE]
        listed = "\n".join(f"{name}: {role}" for name, role in shown)
        session.send(MembersListed(place.name, len(rows), page, pages, listed, dict(shown)))
        return None


def _rows(place: ChatRoom) -> list[tuple[str, str]]:
    """Everybody with a role, the highest first, and everybody who is invited, each by their name."""
    state, names = place.gate.state, place.directory.accounts.names
    rows = [
        (name, role)
        for role in reversed(ROOM_ROLES)
        for name in sorted(
            names.name_of(account) or state.names.get(account, "?")
            for account, theirs in state.roles.items()
            if theirs == role
        )
    ]
    return rows + [(name, INVITED) for name in sorted(place.invited())]


async def _invite(place: ChatRoom, session: Occupant, nick: str) -> None:
    target = await target_of(place, session, nick)
    if target is None:
        return
    if not target.account:
        session.send(NeedsAccount(details={"nick": target.nick}))
        return
    invited = MemberInvited(place.name, 0, 0.0, "", "", whom=target.nick, account=target.account)
    pause = act_in(place, session, Acting(invited, target.role, INVITED_SECONDS))
    if pause is not None:
        await pause
