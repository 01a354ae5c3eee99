"""Who may ask for what, where, and what somebody is told who may not.

Every command declares one row on itself (`@access`). The dispatcher refuses by it, and /help, Tab, near misses and the catalogue for programs
show by it; nothing else decides. Pure; never knows what a command does.
"""

from collections.abc import Callable
from typing import Literal, TypeVar

from msgspec import Struct

from chat_server.protocol.events import Refused
from chat_server.rooms.muted import muted_anywhere
from chat_server.rooms.person import ADMIN, HOLDER, MEMBER, MODERATOR, OWNER, STRANGER
from chat_server.rooms.rights import Act
from chat_server.rooms.room import CONVERSATION, HALL, ROOM, Occupant, Room

ANYBODY = "anybody"
NOBODY = "nobody"
UNREGISTERED = "unregistered"

ROLES: dict[str, frozenset[str]] = {
    STRANGER: frozenset((STRANGER, UNREGISTERED, ANYBODY)),
    MEMBER: frozenset((MEMBER, UNREGISTERED, ANYBODY)),
    HOLDER: frozenset((HOLDER, MEMBER, ANYBODY)),
    MODERATOR: frozenset((MODERATOR, HOLDER, MEMBER, ANYBODY)),
    ADMIN: frozenset((ADMIN, MODERATOR, HOLDER, MEMBER, ANYBODY)),
    OWNER: frozenset((OWNER, ADMIN, MODERATOR, HOLDER, MEMBER, ANYBODY)),
}
"""The roles that a session can have, each with all that it counts as: one who stands above members counts as a member too, and has registered."""

COMMON = frozenset((STRANGER, MEMBER, ANYBODY, NOBODY))
"""What programs need not be told: it follows from where a command works."""

EVERYWHERE = (CONVERSATION, HALL, ROOM)


Says = Literal["", "server", "rooms"]
"""To nobody; to whoever is at the server; to them, and at once to whoever is in a room with one."""


class Access(Struct, frozen=True):
    """Who may ask for a command."""

    role: str = MEMBER
    """What one has to count as: a role of ROLES, UNREGISTERED or ANYBODY; NOBODY where asking is only answered."""
    where: tuple[str, ...] = EVERYWHERE
    """The kinds of places where it works."""
    door: Literal["", "terminal", "program"] = ""
    """Whether it works for people at terminals only, or for programs only."""
    refusal: Callable[[Occupant], Refused] | None = None
    """What somebody who has logged in, but does not have the role, is told."""
    bots: bool = True
    """Whether bots may. They never may what needs more than to have logged in: whoever finds their token must not have the account by it."""

    act: Act | None = None
    """What one must be allowed to do in the room where one asks; None: nothing that not everybody may."""
    asks_engine: bool = False
    """Whether it waits for what keeps everything, but not with a line, which may wait: it is refused while the engine of several nodes is away."""
    says: Says = ""
    """To whom one says something by what is typed: whoever is muted there may not, as they may not say a line."""

    @property
    def is_narrow(self) -> bool:
        """Whether more counts than the role and the place."""
        return self.is_for_some or self.asks_engine

    @property
    def is_for_some(self) -> bool:
        """Whether not everybody may ask for it who has the role: see `is_for`."""
        return bool(self.door) or not self.is_for_bots or self.act is not None or bool(self.says)

    @property
    def is_for_bots(self) -> bool:
        """Whether bots may ask for it."""
        return self.bots and self.role in COMMON


DEFAULT = Access()
"""For a command that declares nothing: it works everywhere, for whoever has logged in."""

F = TypeVar("F", bound=Callable[..., object])


def access(
    *,
    role: str = MEMBER,
    where: tuple[str, ...] = EVERYWHERE,
    door: Literal["", "terminal", "program"] = "",
    refusal: Callable[[Occupant], Refused] | None = None,
    bots: bool = True,
    act: Act | None = None,
    asks_engine: bool = False,
    says: Says = "",
) -> Callable[[F], F]:
    """Declare who may ask for the command below; see Access. One without a declaration works everywhere for whoever has logged in."""

    def declare(command: F) -> F:
        command.__dict__["access"] = Access(role, where, door, refusal, bots, act, asks_engine, says)
        return command

    return declare


def is_open_to(row: Access, role: str) -> bool:
    """Whether somebody in this role may ask for it, as far as the role counts."""
    return row.role in ROLES[role]


def is_for(row: Access, session: Occupant, place: Room) -> bool:
    """Whether it is for whoever is at the session's other end: somebody at a terminal, or a program; a bot, or not; one who may do it here."""
    is_for_door = not row.door or (row.door == "terminal") is session.has_terminal
    return is_for_door and (row.is_for_bots or not session.proof.is_bot) and _forbidden(row, session, place) is None


def refused(row: Access, session: Occupant, place: Room, word: str) -> Refused:
    """Why a session is refused a command.

    Args:
        row: the command's.
        session: who asks.
        place: where they are.
        word: the command's word, as it is typed.

    """
    kind = place.kind
    if not is_open_to(row, session.person.role):
        if session.person.role == STRANGER:
            return Refused("login-first")
        return row.refusal(session) if row.refusal else Refused("not-allowed", {"word": word})
    if session.proof.is_bot and not row.is_for_bots:
        return Refused("not-for-bots", {"word": word})
    if kind not in row.where:
        return _not_in(kind, word)
    for_other_door = Refused("for-programs" if session.has_terminal else "for-terminals", {"word": word})
    return _forbidden(row, session, place) or for_other_door


def _forbidden(row: Access, session: Occupant, place: Room) -> Refused | None:
    """Why somebody may not do it here, or is muted, and would say something by it; None if they may."""
    refusal = place.refusal_of(session, row.act) if row.act is not None else None
    if refusal is not None:
        return refusal
    return muted_anywhere(place.directory, session, in_rooms=row.says == "rooms") if row.says else None


def _not_in(kind: str, word: str) -> Refused:
    """That a command does not work in this kind of place."""
    if kind == CONVERSATION:
        return Refused("not-in-conversations", {"word": word})
    return Refused("not-in-hall" if kind == HALL else "not-in-rooms", {"word": word})
