"""What commands have in common by which somebody does something in a room, or to somebody: to whom, why, for how long, and whether they may.

What is done becomes an entry of the room's log. Never knows what it is, nor how it is stored.
"""

from typing import Annotated, ClassVar

from msgspec import Meta, Struct

from chat_server.commands.letting_in import readable
from chat_server.protocol.events import Refused
from chat_server.protocol.names import name_key
from chat_server.protocol.requests import RestOfLine
from chat_server.protocol.typed import shortened
from chat_server.rooms.batch import Acting
from chat_server.rooms.chat_room import ChatRoom
from chat_server.rooms.person import sender_elsewhere
from chat_server.rooms.room import MaybeAwaitable, Occupant
from chat_server.rooms.roster import Known

CURB_SECONDS_MAX = 366 * 86400.0
"""Nothing is for ever: who reads a ban in ten years does not know any more what it was for."""

REASON_MAX = 200
"""Characters in a reason."""

Nick = Annotated[str, Meta(description="somebody's name")]
Reason = Annotated[RestOfLine, Meta(description="why; everybody here is shown it", extra={"in_usage": True})]


class NoSuchPerson(Refused, frozen=True):
    """There is nobody of this name."""

    code: str = "no-such-person"
    sentence: ClassVar[str] = "There is nobody called {nick} here, and no account has that name."


class NeedsAccount(Refused, frozen=True):
    """Only accounts have roles."""

    code: str = "role-needs-account"
    sentence: ClassVar[str] = (
        "{nick} has no account, so the name may be somebody else's tomorrow. Let {nick} type /register first."
    )


class NoSuchSpan(Refused, frozen=True):
    """It is too long, or no time."""

    code: str = "no-such-span"
    sentence: ClassVar[str] = (
        "For how long? Say it as 30m, 12h, 7d or 4w, a year at most, and then why. Nothing was done."
    )


class ReasonTooLong(Refused, frozen=True):
    """The reason is too long."""

    code: str = "reason-length"
    sentence: ClassVar[str] = "A reason has at most {limit} characters."


class Target(Struct, frozen=True):
    """Somebody to whom something is done."""

    nick: str
    account: int
    sender: str
    role: str


def act_in(place: ChatRoom, session: Occupant, act: Acting, *, is_answered: bool = False) -> MaybeAwaitable:
    """Have somebody do something in a room, if they may; they are told why not. `is_answered`: the command has an answer of its own."""
    refusal = place.refusal_to_act(session, act)
    if refusal is not None:
        session.send(refusal)
        return None
    return place.post(session, act) if is_answered else place.act(session, act)


async def target_of(place: ChatRoom, session: Occupant, nick: str) -> Target | None:
    """Who has this name, here or at another node, or as an account that is away; None, and the session is told, if nobody has."""
    account = await readable(place.directory.accounts.find(name_key(nick)))
    if isinstance(account, Refused):
        session.send(account)
        return None
    if account is not None and account.state != "closed":
        return Target(account.name, account.id, "", account.role)
    person = place.directory.person(nick)
    if person is not None:
        return Target(person.nick, person.account, person.sender, "")
    for somebody, known in place.others(session):
        if isinstance(somebody, Known) and not somebody.account and name_key(known) == name_key(nick):
            return Target(known, 0, sender_elsewhere(somebody.person, known), "")
    session.send(NoSuchPerson(details={"nick": shortened(nick)}))
    return None
