"""Who may do what in a room: one table, and one function that reads it. Nothing else decides.

Everybody stands somewhere in a room, by their account, by their role in the room and by their role on the server; whoever stands in several
places may what any of them may. What somebody may do to another also needs that the other stands below. Pure: never knows sessions, nor the time.
"""

import re
from collections.abc import Mapping
from typing import Literal

from msgspec import Struct

from chat_server.accounts.acts import Office, ServerAct
from chat_server.protocol.events import Refused
from chat_server.protocol.late_pattern import LatePattern
from chat_server.protocol.room_state import EMPTY, NO_ROLE, RoomState
from chat_server.rooms.person import ADMIN, HOLDER, MODERATOR, OWNER
from chat_server.rooms.person import MEMBER as MEMBER_ROLE

Act = Literal[
    "enter",
    "say",
    "set-topic",
    "take-back",
    "report",
    "delete",
    "hold",
    "judge",
    "invite",
    "curb",
    "govern",
    "make-owner",
    "curb-on-server",
    "panic",
    "give-office",
    "audit",
    "audit-server",
]
"""To come in, or know that there is such a room; to say or do something; to set the topic; to delete what one has said oneself; to report a line, or
appeal; to delete what others have said; to say which words are held, and accept what is; to see and close reports and appeals; to make somebody a
member who wants to be one; to kick, mute or ban somebody, or to lift that; to set rules, give roles but that of an owner, rename
the room, archive or delete it; to make owners; to see who did what in a room.
On the whole server: to kick, mute or ban somebody, or to lift that; to begin and end a panic; to make moderators and admins; to see who did what."""

GUEST, ACCOUNT, MEMBER, ROOM_MODERATOR, ROOM_OWNER, SERVER_MODERATOR, SERVER_ADMIN = range(7)
"""Where one can stand. Who stands higher cannot be acted on by who stands lower, nor by an equal."""

_EVERYBODY = frozenset(range(7))
_MODERATING = frozenset((ROOM_MODERATOR, ROOM_OWNER, SERVER_MODERATOR, SERVER_ADMIN))
_SERVING = frozenset((SERVER_MODERATOR, SERVER_ADMIN))
_OWNING = frozenset((ROOM_OWNER, SERVER_ADMIN))
_INSIDE = frozenset((MEMBER, ROOM_MODERATOR, ROOM_OWNER, SERVER_ADMIN))

TABLE: Mapping[Act, frozenset[int]] = {
    "enter": _EVERYBODY,
    "say": _EVERYBODY,
    "set-topic": _EVERYBODY,
    "take-back": _EVERYBODY,
    "delete": _MODERATING,
    "invite": _INSIDE | _MODERATING,
    "report": _EVERYBODY,
    "hold": _MODERATING,
    "judge": _MODERATING,
    "curb": _MODERATING,
    "govern": _OWNING,
    "make-owner": _OWNING,
    "audit": _MODERATING,
    "curb-on-server": _SERVING,
    "panic": _SERVING,
    "give-office": frozenset((SERVER_ADMIN,)),
    "audit-server": frozenset((SERVER_ADMIN,)),
}
"""Where one has to stand, to do what."""

_RULES: Mapping[Act, tuple[str, Mapping[str, frozenset[int]]]] = {
    "say": ("speak", {"members": frozenset(range(MEMBER, 7)), "moderators": _MODERATING}),
    "set-topic": ("topic", {"moderators": _MODERATING}),
    "enter": ("access", {"members": _INSIDE, "invite": _INSIDE}),
    "invite": ("access", {"open": _MODERATING, "invite": _MODERATING}),
}
"""What rules of a room make narrower: by which, and who may then."""

_WRITING: frozenset[Act] = frozenset(("say", "set-topic"))
"""What nobody may in a room that is only to be read."""

_ROOM_ROLES = {"member": MEMBER, "moderator": ROOM_MODERATOR, "owner": ROOM_OWNER}
_SERVER_ROLES = {MODERATOR: SERVER_MODERATOR, ADMIN: SERVER_ADMIN, OWNER: SERVER_ADMIN}

ON_SERVER: Mapping[Act, Act] = {"curb": "curb-on-server", "govern": "give-office", "audit": "audit-server"}
"""What is done to the whole server by what one does to a room where one is in one."""

OF_ACCOUNT = {"member": HOLDER, "moderator": MODERATOR, "admin": ADMIN, "owner": OWNER}
"""What the holder of an account is at the server, by what the account is."""

SERVER_ROLE_RANKS = ("member", "moderator", "admin", "owner")
"""What an account can be, each more than those before it."""

_LINK = LatePattern(r"\b(?:https?://|www\.)", re.IGNORECASE)


class Standing(Struct, frozen=True):
    """Where somebody stands in a room: at all of these places."""

    places: frozenset[int]

    @property
    def rank(self) -> int:
        """The highest of them."""
        return max(self.places)


def standing(state: RoomState, account: int, server_role: str) -> Standing:
    """Where somebody stands, by the account (0: none) and the role on the server (rooms/person.py)."""
    places = {ACCOUNT if account else GUEST}
    if (role := state.role(account)) is not None:
        places.add(_ROOM_ROLES[role])
    if (higher := _SERVER_ROLES.get(server_role)) is not None:
        places.add(higher)
    return Standing(frozenset(places))


def may(act: Act, actor: Standing, target: Standing | None, state: RoomState) -> Refused | None:
    """Why somebody may not do something in a room, to this target where it has one; None if they may."""
    if actor.places.isdisjoint(TABLE[act]):
        return _refusal_of_place(act)
    if act in _RULES:
        if state.is_archived and act in _WRITING:
            return Refused("archived")
        rule, narrower = _RULES[act]
        allowed = narrower.get(state.rule(rule))
        if allowed is not None and actor.places.isdisjoint(allowed):
            return _refusal_by_rule(act, state.rule(rule))
    if target is not None and actor.rank <= target.rank:
        return Refused("stands-above")
    return None


def _refusal_by_rule(act: Act, value: str) -> Refused:
    match act:
        case "enter":
            return Refused("no-such-room")
        case "invite":
            return Refused("moderators-only")
        case "set-topic":
            return Refused("topic-rule", {"who": value})
        case _:
            return Refused("speak-rule", {"who": value})


def _refusal_of_place(act: Act) -> Refused:
    if act in {"curb-on-server", "panic"}:
        return Refused("server-moderators-only")
    if act in {"give-office", "audit-server"}:
        return Refused("server-admins-only")
    return Refused("owners-only" if TABLE[act] is _OWNING else "moderators-only")


def may_give(role: str, actor: Standing, target: Standing, state: RoomState, *, is_own: bool) -> Refused | None:
    """Why somebody may not give somebody a role in a room (NO_ROLE: take it back); None if they may. One may always step down, but the last owner."""
    if ROOM_OWNER in target.places and role != "owner" and state.owners == 1:
        return Refused("last-owner")
    wanted = _ROOM_ROLES.get(role, ACCOUNT)
    if is_own and (role == NO_ROLE or wanted < max(target.places & {MEMBER, ROOM_MODERATOR, ROOM_OWNER}, default=0)):
        return None
    refusal = may("make-owner" if role == "owner" else "govern", actor, None, state)
    if refusal is None and ROOM_OWNER in target.places and SERVER_ADMIN not in actor.places:
        return Refused("stands-above")
    return refusal


def on_server(account: int, server_role: str) -> Standing:
    """Where somebody stands on the server, as in a room in which nobody has a role."""
    return standing(EMPTY, account, server_role)


OPERATOR = Standing(frozenset((SERVER_ADMIN + 1, SERVER_ADMIN)))
"""Whoever has the machine on which the server runs: above everybody."""


def judged(act: ServerAct, office: Office) -> str:
    """Why something may not be done by a moderator or an admin of the server, as it is when it is stored: a code; "" if it may."""
    actor = on_server(act.author, OF_ACCOUNT.get(office.actor, MEMBER_ROLE)) if act.author else OPERATOR
    target = on_server(act.account, OF_ACCOUNT.get(office.target, MEMBER_ROLE)) if act.account else None
    if not office.is_there:
        return "no-such-ban" if act.kind == "lifted" else Refused("no-such-account").code
    if act.kind == "role-given":
        return _judged_office(act, office, actor)
    refusal = may("panic" if act.kind == "panic" else "curb-on-server", actor, None, EMPTY)
    if act.kind == "lifted" and office.lifted is not None and office.lifted.account:
        is_own = office.lifted.account == act.author and SERVER_ADMIN not in actor.places
        return "stands-above" if is_own else refusal.code if refusal else ""
    if refusal is None and target is not None:
        refusal = may("curb-on-server", actor, target, EMPTY)
    return refusal.code if refusal else ""


def _judged_office(act: ServerAct, office: Office, actor: Standing) -> str:
    """The same of a role on the server. An admin's is taken by an owner, by the operator, or given back; an owner's is given back alone."""
    wanted = SERVER_ROLE_RANKS.index(act.text)
    had = SERVER_ROLE_RANKS.index(office.target) if office.target in SERVER_ROLE_RANKS else 0
    if act.text == office.target:
        return Refused("same-office").code
    is_less = wanted < had
    if is_less and had >= SERVER_ROLE_RANKS.index("admin") > wanted and not office.has_other_admin:
        return Refused("last-admin").code
    if is_less and act.author == act.account:
        return ""
    refusal = may("give-office", actor, None, EMPTY)
    if refusal is not None:
        return refusal.code
    has_above = had > 1 and actor is not OPERATOR and SERVER_ROLE_RANKS.index(office.actor or "member") <= had
    return "stands-above" if has_above else ""


def has_link(text: str) -> bool:
    """Whether there is a link in what somebody says."""
    return _LINK.search(text) is not None
