"""Who somebody is, and when they were last here: as much as everybody may know, and roughly.

Never tells an address, nor a room of which who asks may not know.
"""

from collections.abc import Iterable
from typing import Annotated, ClassVar

from msgspec import UNSET, Meta, UnsetType

from chat_server.accounts import Account, Choices, sender_of
from chat_server.commands.access import access
from chat_server.commands.acting import Nick, NoSuchPerson
from chat_server.commands.chosen import SEEN, WHEREVER, note_choice
from chat_server.commands.codes import AccountNeeded
from chat_server.commands.handler import CommandHandler
from chat_server.commands.letting_in import readable
from chat_server.protocol.events import Answered, Refused
from chat_server.protocol.names import name_key
from chat_server.protocol.people_events import LastSeen, PersonShown
from chat_server.protocol.requests import ROOMS_SHOWN_MAX, Request
from chat_server.protocol.typed import shortened
from chat_server.rooms.away import away_of
from chat_server.rooms.chat_room import ChatRoom
from chat_server.rooms.known_rooms import known_rooms
from chat_server.rooms.person import Person
from chat_server.rooms.room import MaybeAwaitable, Occupant, Room

IDLE_MINUTES = (0, 5, 15, 30, 60, 120, 240, 480, 1440)
"""For how long somebody has done nothing is told as the longest of these that it has been."""

DAY = 86400.0


class Whois(Request, frozen=True, gc=False):
    """Ask who somebody is."""

    group: ClassVar[str] = "talking"
    nick: Nick


class Seen(Request, frozen=True, gc=False):
    """Ask when somebody was last here; or choose whether others are told when one was."""

    group: ClassVar[str] = "talking"
    nick: Annotated[str, Meta(description="somebody's name; off: others are not told when you were here; on: they are")]


class SeenChosen(Answered, frozen=True):
    """Others are told when the receiver was last here."""

    sentence: ClassVar[str] = "Others are told when you were last here, roughly. /seen off ends that."


class SeenHidden(Answered, frozen=True):
    """Others are not told when the receiver was last here."""

    sentence: ClassVar[str] = (
        "Others are not told when you were last here, nor for how long you have done nothing. /seen on ends that."
    )


class WhoisCommands(CommandHandler):
    """To learn who somebody is."""

    @access(asks_engine=True)
    def do_whois(self, place: Room, session: Occupant, request: Whois) -> MaybeAwaitable:
        """Show who somebody is.

        Whether they have an account, since when, in which rooms they are, and whether they are away.
        """
        return _whois(place, session, request.nick)

    @access(asks_engine=True)
    def do_seen(self, place: Room, session: Occupant, request: Seen) -> MaybeAwaitable:
        """Show when somebody was last here, roughly.

        /seen off: others are not told when you were; /seen on: they are.
        """
        if request.nick in {"on", "off"}:
            return _choose(place, session, is_told=request.nick == "on")
        return _seen(place, session, request.nick)


def _choose(place: Room, session: Occupant, *, is_told: bool) -> MaybeAwaitable:
    if not session.person.account or session.proof.is_bot:
        session.send(AccountNeeded())
        return None
    return note_choice(place, session, SEEN, None if is_told else False, SeenChosen() if is_told else SeenHidden())


async def _account(place: Room, nick: str) -> Account | Refused | None:
    """The account of this name, if there is one that has not ended."""
    found = await readable(place.directory.accounts.find(name_key(nick)))
    return None if isinstance(found, Account) and found.state == "closed" else found


async def _whois(place: Room, session: Occupant, nick: str) -> None:
    account = await _account(place, nick)
    if isinstance(account, Refused):
        session.send(account)
    elif account is not None:
        session.send(_of_account(place, session, account))
    else:
        guest = await _guest(place, session, nick)
        session.send(guest if guest is not None else NoSuchPerson(details={"nick": shortened(nick)}))


def _of_account(place: Room, session: Occupant, account: Account) -> PersonShown:
    person: Person[Occupant] | None = place.directory.identified(sender_of(account.id))
    is_here = _is_here(place, account.id)
    away = away_of(account.choices)
    is_told = _is_told(account.choices)
    now = place.directory.authentication.now()
    return PersonShown(
        account.name,
        is_here,
        session.person.zone,
        since=account.made,
        role="" if account.role == "member" else account.role,
        rooms=_rooms(room for room in _chat_rooms(place, session) if room.has_account(account.id)),
        away=UNSET if away is None else away,
        idle=_idle(person, now) if is_told and person is not None else UNSET,
        days=_days(account.seen, now) if is_told and not is_here else UNSET,
    )


async def _guest(place: Room, session: Occupant, nick: str) -> PersonShown | Refused | None:
    """Somebody of this name without an account, here or in a room at another node, a guest once anybody has one; None: there is none."""
    person, key = place.directory.person(nick), name_key(nick)
    rooms, zone, is_marked = _chat_rooms(place, session), session.person.zone, bool(place.directory.guests)
    if person is not None and person.sessions:
        theirs = {name_key(name) for name in person.rooms}
        now = place.directory.authentication.now()
        shown = _rooms(room for room in rooms if name_key(room.name) in theirs)
        away = UNSET if person.away is None else person.away
        return PersonShown(person.nick, True, zone, is_marked, rooms=shown, away=away, idle=_idle(person, now))
    others = place.directory.others
    named = await readable(others.nodes.whereabouts(key)) if others is not None else ()
    if isinstance(named, Refused):
        return named
    there = [(room.name, known) for one in named for room in rooms if (known := room.nick_of(one.person))]
    if not there:
        return None
    return PersonShown(there[0][1], True, zone, is_marked, rooms=_rooms_named(dict(there)))


def _chat_rooms(place: Room, session: Occupant) -> list[ChatRoom]:
    return [room for room in known_rooms(place, session) if isinstance(room, ChatRoom)]


def _rooms(rooms: Iterable[Room]) -> tuple[str, ...]:
    return _rooms_named(room.name for room in rooms)


def _rooms_named(names: Iterable[str]) -> tuple[str, ...]:
    return tuple(names)[:ROOMS_SHOWN_MAX]


def _is_here(place: Room, account: int) -> bool:
    """Whether an account is here, or in a room at whatever node: in which is not told."""
    person: Person[Occupant] | None = place.directory.identified(sender_of(account))
    if person is not None and any(not one.proof.is_bot for one in person.sessions):
        return True
    return person is None and any(
        isinstance(room, ChatRoom) and room.has_account(account) for room in place.directory.rooms
    )


def _is_told(choices: Choices) -> bool:
    return choices.get(WHEREVER, {}).get(SEEN) is not False


def _idle(person: Person[Occupant], now: float) -> int | UnsetType:
    """For how long somebody has done nothing in a room, roughly; nothing of whom that is not known."""
    if not person.active_at:
        return UNSET
    minutes = max(0.0, now - person.active_at) / 60
    return max(known for known in IDLE_MINUTES if known <= minutes)


def _days(seen: float, now: float) -> int:
    return max(0, int((now - seen) // DAY))


async def _seen(place: Room, session: Occupant, nick: str) -> None:
    account = await _account(place, nick)
    if isinstance(account, Refused):
        session.send(account)
    elif account is not None:
        is_here = _is_here(place, account.id)
        days = _days(account.seen, place.directory.authentication.now())
        session.send(LastSeen(account.name, is_here, days if _is_told(account.choices) and not is_here else UNSET))
    else:
        guest = await _guest(place, session, nick)
        if isinstance(guest, PersonShown):
            session.send(LastSeen(guest.nick, is_here=True))
        else:
            session.send(guest or NoSuchPerson(details={"nick": shortened(nick)}))
