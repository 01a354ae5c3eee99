"""Why somebody may not do what changes what may happen in a room: by where they stand, and by how much of it there is. Pure."""

from chat_server.protocol.acts import Banned, Kicked, Lifted, MemberInvited, Muted, RoleGiven, RuleSet
from chat_server.protocol.amending import Redacted
from chat_server.protocol.entries import Amending, Enacted, TopicSet
from chat_server.protocol.events import Refused
from chat_server.protocol.filtering import FilterSet, WordSet
from chat_server.protocol.room_life import Archived, Founded, NameSet, Unarchived
from chat_server.protocol.room_state import (
    CURBS_MAX,
    EMPTY,
    FILTERS_MAX,
    INVITATIONS_MAX,
    ROLES_MAX,
    ROOM_ROLES,
    WORDS_MAX,
    RoomState,
)
from chat_server.rooms.batch import Acting
from chat_server.rooms.rights import SERVER_ADMIN, Standing, may, may_give, standing
from chat_server.rooms.room import Occupant


def refusal_of_act(session: Occupant, actor: Standing, act: Acting, now: float, state: RoomState) -> Refused | None:
    """Why somebody, who stands there in the room, may not do this in it; None if they may."""
    match act.entry:
        case RuleSet() | WordSet() | FilterSet() | Founded() | NameSet() | Archived() | Unarchived() as ruled:
            return _refusal_to_rule(ruled, actor, state)
        case Lifted() as lifted:
            is_own = SERVER_ADMIN not in actor.places and _is_of(session, lifted, state)
            above = actor if is_own else None  # whoever has forbidden them something stands above them
            return may("curb", actor, above, state) or _refusal_to_lift(actor, lifted, state)
        case MemberInvited() as invited:
            return _refusal_to_invite(actor, invited, state, now)
        case RoleGiven() as given:
            return _refusal_to_give(session, actor, act, given, state)
        case Kicked() | Muted() | Banned() as curb:
            return _refusal_to_curb(actor, standing(state, curb.account, act.target_role), state, now)
        case _:
            return _refusal_to_delete(session, actor, act, state)


def says_something(entry: Enacted | Amending | TopicSet) -> bool:
    """Whether others are told by this what somebody wants to say: by a reason, by the room's name, or as somebody who is invited to it."""
    if isinstance(entry, Kicked | Muted | Banned | Lifted | Archived | Unarchived):
        return bool(entry.text)
    return isinstance(entry, MemberInvited | NameSet)


def _refusal_to_give(
    session: Occupant, actor: Standing, act: Acting, entry: RoleGiven, state: RoomState
) -> Refused | None:
    if entry.text in ROOM_ROLES and entry.account not in state.roles and len(state.roles) >= ROLES_MAX:
        return Refused("too-many-roles", {"limit": str(ROLES_MAX)})
    target = standing(state, entry.account, act.target_role)
    return may_give(entry.text, actor, target, state, is_own=entry.account == session.person.account)


def _refusal_to_invite(actor: Standing, entry: MemberInvited, state: RoomState, now: float) -> Refused | None:
    if (refusal := may("invite", actor, None, state)) is not None:
        return refusal
    if state.role(entry.account) is not None:
        return Refused("member-already", {"nick": entry.whom})
    if state.is_invited(entry.account, now):
        return Refused("invited-already", {"nick": entry.whom})
    if len(state.roles) >= ROLES_MAX:
        return Refused("too-many-roles", {"limit": str(ROLES_MAX)})
    if sum(one.until > now for one in state.invitations.values()) >= INVITATIONS_MAX:
        return Refused("too-many-invitations", {"limit": str(INVITATIONS_MAX)})
    return None


def _refusal_to_delete(session: Occupant, actor: Standing, act: Acting, state: RoomState) -> Refused | None:
    account = act.entry.account if isinstance(act.entry, Redacted) else 0
    if act.is_own or account == session.person.account != 0:
        return may("take-back", actor, None, state)
    return may("delete", actor, standing(state, account, act.target_role), state)


def _refusal_to_rule(
    entry: RuleSet | WordSet | FilterSet | Founded | NameSet | Archived | Unarchived, actor: Standing, state: RoomState
) -> Refused | None:
    """Why somebody may not set a rule, put a word on the room's list, let bots filter it, or do something to the room as a whole."""
    if isinstance(entry, Founded):
        return None if state == EMPTY else Refused("owners-only")
    if isinstance(entry, WordSet):
        if entry.text != "none" and entry.word not in state.words and len(state.words) >= WORDS_MAX:
            return Refused("too-many-listed-words", {"limit": str(WORDS_MAX)})
        return may("hold", actor, None, state)
    if (
        isinstance(entry, FilterSet)
        and entry.text == "on"
        and entry.account not in state.filters
        and len(state.filters) >= FILTERS_MAX
    ):
        return Refused("too-many-filters", {"limit": str(FILTERS_MAX)})
    return may("govern", actor, None, state)


def _refusal_to_lift(actor: Standing, lifted: Lifted, state: RoomState) -> Refused | None:
    """Why somebody may not lift what was forbidden: who forbade it stood above them."""
    is_above = any(one.id == lifted.id and one.rank > actor.rank for one in state.curbs)
    return Refused("lifts-above") if is_above else None


def _refusal_to_curb(actor: Standing, target: Standing, state: RoomState, now: float) -> Refused | None:
    if len(state.curbs) >= CURBS_MAX and sum(one.until > now for one in state.curbs) >= CURBS_MAX:
        return Refused("too-many-curbs", {"limit": str(CURBS_MAX)})
    return may("curb", actor, target, state)


def _is_of(session: Occupant, lifted: Lifted, state: RoomState) -> bool:
    """Whether what is to be lifted is what they themselves may not do."""
    own = {session.person.account, session.person.sender} - {0}
    return any(one.id == lifted.id and (one.account or one.sender) in own for one in state.curbs)
