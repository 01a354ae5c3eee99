"""Who somebody is to what the server's moderators forbid: see accounts/in_force.py. Never knows what that is."""

from chat_server.accounts import Account
from chat_server.accounts.acts import Neighbour, ServerAct
from chat_server.accounts.in_force import InForce, Visitor, hits
from chat_server.protocol.events import Refused
from chat_server.protocol.names import name_key
from chat_server.protocol.stored_event import Author, left_of
from chat_server.rooms.line_rules import NEW_SECONDS
from chat_server.rooms.person import ADMIN, MODERATOR, OWNER, Person
from chat_server.rooms.person import MEMBER as MEMBER_ROLE
from chat_server.rooms.rights import MEMBER, OF_ACCOUNT, on_server
from chat_server.rooms.room import Occupant

SETTLED_SECONDS = 7 * 86400.0
"""Seconds after which an account passes where its network is banned, if it is not for all who come from there: a school, an office, a campus."""

IN_OFFICE = frozenset((MODERATOR, ADMIN, OWNER))


def known_as(person: Person[Occupant]) -> tuple[str, ...]:
    """As whom they are known beside by an account: as the guest that they are, or were here before they registered."""
    if person.account:
        return (person.came_as,) if person.came_as else ()
    return (person.sender, name_key(person.nick)) if person.nick else ()


def visitor_of(session: Occupant, now: float) -> Visitor:
    """Who is at a session's other end."""
    person = session.person
    passes = bool(person.account) and now - person.account_made >= SETTLED_SECONDS
    return Visitor(person.account, known_as(person), session.network, passes, person.role in IN_OFFICE)


def holder_as_visitor(session: Occupant, account: Account, now: float) -> Visitor:
    """Whoever is to log in at a session with an account."""
    return _holder(account.id, session.network, account.role, now - account.made)


def would_pass(one: Neighbour, act: ServerAct) -> bool:
    """Whether an act about a network would not be about whoever has this account and comes from there, at the time of the act."""
    return not hits(act, _holder(one.account, act.network, one.role, act.at - one.made))


def _holder(account: Author, network: str, role: str, age: float) -> Visitor:
    """Whoever has an account with this role on the server, which is so many seconds old, and comes from a network."""
    return Visitor(account, (), network, age >= SETTLED_SECONDS, OF_ACCOUNT.get(role) in IN_OFFICE)


def guest_as_visitor(session: Occupant, sender: str, key: str) -> Visitor:
    """Whoever is to come in at a session as a guest, by what the journal knows them by (""), and by the key of a name."""
    return Visitor(0, tuple(one for one in (sender, key) if one), session.network)


def is_at_ease(in_force: InForce, session: Occupant, now: float) -> bool:
    """Whether nothing on the whole server bears on what somebody says: they are not muted, and there is no panic."""
    return in_force.is_calm(now) or (
        not in_force.panic_seconds(now) and muted_on_server(in_force, session, now) is None
    )


def muted_on_server(in_force: InForce, session: Occupant, now: float) -> Refused | None:
    """Why somebody who is muted on the whole server may say nothing; None if they are not."""
    act = in_force.mute_of(visitor_of(session, now), now)
    if act is None:
        return None
    details = {"span": left_of(act.until - now), "reason": act.text or "-", "id": str(act.number)}
    return Refused("muted-on-server", details)


def refusal_by_server(in_force: InForce, session: Occupant, rank: int, now: float) -> Refused | None:
    """Why somebody, whose rank is this, may say nothing just now by what the server's moderators have done; None if they may."""
    if (muted := muted_on_server(in_force, session, now)) is not None:
        return muted
    person, seconds = session.person, in_force.panic_seconds(now)
    if not seconds or rank > MEMBER:
        return None
    if not person.account:
        return Refused("panic-guests", {"span": left_of(seconds)})
    return Refused("panic-new", {"span": left_of(seconds)}) if now - person.account_made < NEW_SECONDS else None


def refusal_beside_rooms(in_force: InForce, session: Occupant, now: float) -> Refused | None:
    """The same of what somebody says in no room: that they are away and why, or how they, or a room of theirs, are called from now on."""
    role = MEMBER_ROLE if session.proof.is_bot else session.person.role
    return refusal_by_server(in_force, session, on_server(session.person.account, role).rank, now)
