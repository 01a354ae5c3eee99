"""How somebody comes in: as a guest or as the holder of an account, whether or not they are here already (coming_back.py).

Knows what has been proved, and by which session. Never knows how (accounts/authentication.py), nor what was asked for.
"""

from collections.abc import Awaitable, Sequence
from contextlib import suppress
from math import inf
from typing import TYPE_CHECKING, TypeVar

from chat_server.accounts import Account, NewDevice, sender_of
from chat_server.accounts.authentication import LetIn
from chat_server.accounts.credentials import digest_of_token
from chat_server.accounts.networks import shortened
from chat_server.commands.chosen import take_up_choices
from chat_server.commands.coming_back import (
    Place,
    are_too_many,
    come_back,
    found_here,
    go_on,
    join,
    note_elsewhere,
    refuse_one_more,
    rooms_of,
    sessions_elsewhere,
    tell,
)
from chat_server.commands.invited import tell_invitations
from chat_server.commands.settings import speak_as_chosen
from chat_server.journal import JournalError
from chat_server.journal.nodes import Claimed
from chat_server.protocol.described import LastLogin
from chat_server.protocol.events import Refused
from chat_server.protocol.names import BadName, name_key, parse_name
from chat_server.protocol.requests import Login
from chat_server.rooms.case_news import tell_waiting
from chat_server.rooms.conversation_life import guest_registered
from chat_server.rooms.conversations import conversations_of
from chat_server.rooms.enforcing import refusal_of_visitor, tell_if_muted
from chat_server.rooms.known_rooms import shown_to
from chat_server.rooms.person import MEMBER, OWNER, Person, Proof
from chat_server.rooms.rights import OF_ACCOUNT
from chat_server.rooms.room import ROOMS_MAX, Occupant, Room
from chat_server.rooms.tokens import identity_of
from chat_server.rooms.visitors import holder_as_visitor

if TYPE_CHECKING:
    from chat_server.rooms.other_nodes import OtherNodes

T = TypeVar("T")


def let_in_guest(place: Room, session: Occupant, nick: str, token: str) -> None:
    """Somebody without an account has this name now, and by their token again later."""
    identity = identity_of(token)
    if identity:
        place.directory.identify(identity, session.person)
        session.person.reacted = place.directory.guest_reactions.of(identity)
        place.directory.guest_blocks.is_back(session.person, identity)
    session.person.named_at = place.directory.authentication.now()
    session.logged_in(nick, identity or name_key(nick), MEMBER)
    tell_if_muted(place.directory, session)


def known_as_holder(place: Room, person: Person[Occupant], nick: str, account: Account) -> None:
    """Somebody who has this name, by all their sessions, is the account's from now on: for the directory, and for what rooms remember of them."""
    directory, sender = place.directory, sender_of(account.id)
    directory.forget_identity(person.sender, person)
    if not person.account:
        person.came_as = person.sender
    person.account, person.account_made = account.id, account.made
    directory.identify(sender, person)
    directory.guest_blocks.has_account(nick, account.id)
    directory.calls.guest_is_called(nick, "")
    guest_registered(conversations_of(directory), person)
    for room in directory.rooms:
        room.known_otherwise(name_key(nick), sender)


def holds_an_account(place: Room, name: str) -> bool:
    """Whether an account has this name, as it is typed, or had it until lately."""
    names = place.directory.accounts.names
    if not names:
        return False
    try:
        return bool(names.whose(name_key(parse_name(name)), place.directory.authentication.now()))
    except BadName:
        return False


def new_device(session: Occupant, name: str, token: str) -> NewDevice:
    """The device at a session's other end, which shows this token from now on: called as it asks to be, or what its program calls itself."""
    shown = name.strip() or session.program.strip()
    return NewDevice(shown or "program", digest_of_token(token), network=shortened(session.network))


def may_be_secret(session: Occupant) -> bool:
    """Whether a secret may be asked for here, or accepted; says so if not."""
    if not session.takes_secrets:
        session.send(Refused("no-secrets-here"))
    return session.takes_secrets


async def readable(found: Awaitable[T]) -> T | Refused:
    """What is read, or that it cannot be read just now."""
    try:
        return await found
    except JournalError:
        return Refused("cannot-read")


async def storable(stored: Awaitable[T]) -> T | Refused:
    """What came of storing something, or that nothing can be stored just now."""
    try:
        return await stored
    except JournalError:
        return Refused("cannot-store")


async def enter_rooms(place: Room, session: Occupant, names: Sequence[str]) -> None:
    """Enter the rooms that whoever made a code wants entered by it; where one can be in one place only, the first, if one is in none."""
    if session.nick and session.is_in_hall:
        for room in shown_to(rooms_of(place, names), session)[: 1 if session.has_terminal else ROOMS_MAX]:
            if room.name not in session.rooms:
                await session.enter(room)


async def let_in_at_new_device(place: Room, session: Occupant, let_in: LetIn, request: Login) -> bool:
    """The same as `let_in_holder`, where a device was made for this, if any was. Returns whether they are in; if not, that is not kept either.

    Nobody has been told its token, and there may be few devices.
    """
    await let_in_holder(place, session, let_in, request)
    is_in = session.person.account == let_in.account.id
    if not is_in and let_in.device is not None:
        with suppress(JournalError):
            await place.directory.accounts.drop_devices(let_in.account.id, [let_in.device.id])
    return is_in


async def let_in_holder(place: Room, session: Occupant, let_in: LetIn, request: Login) -> None:
    """Whoever has proved that an account is theirs has its name, beside their other sessions; or, at the same device, in their place.

    They are told what has waited for them.
    """
    await _let_in(place, session, let_in, request)
    if session.person.account == let_in.account.id:
        tell_if_muted(place.directory, session)
        tell_invitations(place, session)
        await tell_waiting(place.directory, session)


async def _let_in(place: Room, session: Occupant, let_in: LetIn, request: Login) -> None:
    directory, account = place.directory, let_in.account
    if (refusal := _refusal_of(place, session, let_in)) is not None:
        session.send(refusal)
        return
    was_ending = account.state == "closing" and await _taken_back(place, session, account)
    if was_ending and directory.authentication.is_revoked(let_in):
        session.send(Refused("changed-meanwhile"))
        was_ending = None
    if was_ending is None:
        return
    if directory.others is not None:
        await _let_in_among_nodes(place, directory.others, session, let_in, request, was_ending=was_ending)
        return
    person = directory.identified(sender_of(account.id))
    last = _last_login(let_in, (person or session.person).zone, was_ending=was_ending)
    nick = directory.accounts.names.name_of(account.id)  # it may have been renamed just now
    if person is None and (refusal := directory.claim(nick, session.person)) is not None:
        session.send(refusal)
        return
    _prove(place, session, person, let_in)
    if person is not None:
        await come_back(place, session, person, request, last)
        return
    session.logged_in(nick, sender_of(account.id), OF_ACCOUNT[account.role])
    tell(place, session, request, last=last)


def _refusal_of(place: Room, session: Occupant, let_in: LetIn) -> Refused | None:
    """Why somebody does not come in who has proved that an account is theirs; None if they do."""
    directory = place.directory
    if directory.authentication.is_revoked(let_in):
        return Refused("changed-meanwhile")
    visitor = holder_as_visitor(session, let_in.account, directory.authentication.now())
    return refusal_of_visitor(directory, visitor)


async def _let_in_among_nodes(
    place: Room,
    others: "OtherNodes[Person[Occupant]]",
    session: Occupant,
    let_in: LetIn,
    request: Login,
    *,
    was_ending: bool,
) -> None:
    """The same where there are other nodes, at which they may be too. What was proved may have been revoked while the engine was asked."""
    directory, account, who = place.directory, let_in.account, sender_of(let_in.account.id)
    async with others.deciding(who):
        person, claimed, elsewhere = await _found_or_claimed(place, others, session, account, request)
        if isinstance(claimed, Claimed) and directory.authentication.is_revoked(let_in):
            directory.release(claimed.nick, session.person)
            claimed = Refused("changed-meanwhile")
        if isinstance(claimed, Refused):
            session.send(claimed)
            return
        has_shown_password = not (let_in.is_old or let_in.is_by_device)
        if person is None and not has_shown_password and are_too_many(place, elsewhere):
            directory.release(claimed.nick, session.person)
            refuse_one_more(place, session, request)
            return
        last = _last_login(let_in, (person or session.person).zone, was_ending=was_ending)
        _prove(place, session, person, let_in)
        following: Place | None = Place()
        if person is not None:
            following = join(place, session, person, request, elsewhere)
        else:
            session.logged_in(claimed.nick, who, OF_ACCOUNT[account.role])
        if following is None:
            return
        following = note_elsewhere(others, session, request, claimed, following)
    await go_on(place, others, session, request, following, last=last)
    speak_as_chosen(session)


async def _found_or_claimed(
    place: Room, others: "OtherNodes[Person[Occupant]]", session: Occupant, account: Account, request: Login
) -> tuple[Person[Occupant] | None, Claimed | Refused, int]:
    """The account's person, if they are here, and what the engine says of their name; else claim that: it may be another one meanwhile.

    And how many sessions they have elsewhere (see sessions_elsewhere).
    """
    directory, who = place.directory, sender_of(account.id)
    try:
        if (here := await found_here(place, others, who, request)) is not None:
            return here
        while True:
            nick = directory.accounts.names.name_of(account.id)
            given = await others.names.claim(nick, session.person, who)
            if isinstance(given, Refused):
                return None, given, 0
            elsewhere = await sessions_elsewhere(place, others, who, given, request)
            if given.nick == directory.accounts.names.name_of(account.id):
                return None, given, elsewhere
            directory.release(given.nick, session.person)
    except JournalError:
        return None, Refused("engine-away"), 0


def _last_login(let_in: LetIn, zone: str, *, was_ending: bool) -> LastLogin | None:
    """What whoever is let in is told of what was before. A program that comes by its token may come every minute, and nobody reads it."""
    if let_in.is_old:
        return None
    return LastLogin(let_in.account.seen, let_in.failed.tries, let_in.failed.networks, zone, was_ending)


def _prove(place: Room, session: Occupant, person: Person[Occupant] | None, let_in: LetIn) -> None:
    """A session has proved that it is the account's: the person's, who is here already; or whoever it is itself from now on."""
    directory, account = place.directory, let_in.account
    now = directory.authentication.now()
    if person is None:
        session.person.account, session.person.account_made = account.id, account.made
        directory.identify(sender_of(account.id), session.person)
        directory.guest_blocks.is_back(session.person, sender_of(account.id))
    elif let_in.is_new_owner:
        person.role = OWNER
    if let_in.is_bot:  # what it chose before it logged in is not its person's choice
        session.person.choices, session.person.language = {}, ""
    take_up_choices(place, session, person or session.person, person.choices if person else account.choices)
    device = let_in.device
    is_old = let_in.is_old or let_in.is_by_device
    seconds = inf if device is None or device.ends is None else device.ends - now
    session.proof = Proof(device.id if device else 0, 0.0 if is_old else now, let_in.is_bot, seconds)
    directory.accounts.note_seen(account.id, session.proof.device, shortened(session.network), now)


async def _taken_back(place: Room, session: Occupant, account: Account) -> bool | None:
    """Have an account that is to end go on: whether it was about to; None, and the session has been told, if it has ended meanwhile."""
    accounts = place.directory.accounts
    try:
        was_ending = await accounts.take_back_end(account.id)
        now = account if was_ending else await accounts.account(account.id)  # else another login has taken it back
    except JournalError:
        session.send(Refused("cannot-store"))
        return None
    if now is None or now.state == "closed":
        session.send(Refused("account-gone", {"nick": account.name}))
        return None
    return was_ending
