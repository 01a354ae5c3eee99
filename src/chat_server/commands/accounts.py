"""Accounts: to make one of one's nickname.

Never knows how a password is hashed, nor where an account is kept.
"""

from collections import deque
from collections.abc import Awaitable
from typing import TYPE_CHECKING, Annotated, ClassVar

from msgspec import Meta

from chat_server.accounts import Holder, Registration, sender_of
from chat_server.accounts.authentication import Registering
from chat_server.accounts.credentials import RECOVERY, RECOVERY_CODES, new_code, parse_code
from chat_server.accounts.look_alikes import skeleton
from chat_server.accounts.names_index import Refusal
from chat_server.accounts.passwords import Password
from chat_server.accounts.refusals import refused
from chat_server.commands.access import UNREGISTERED, access
from chat_server.commands.asking import HASH_TOKENS, ask_new_password, chosen_password
from chat_server.commands.codes import NobodyRegisters
from chat_server.commands.coming_back import rooms_of
from chat_server.commands.handler import CommandHandler
from chat_server.commands.letting_in import enter_rooms, known_as_holder, may_be_secret, new_device, readable
from chat_server.commands.login import NowOwner
from chat_server.commands.naming import NameBusy, naming
from chat_server.commands.renaming import ROOMS_AT_ONCE, claim_name, claimed_name, free_name
from chat_server.journal import JournalError
from chat_server.protocol.events import Refused, Registered
from chat_server.protocol.names import BadName, name_key, parse_name
from chat_server.protocol.requests import DeviceName, Request, Secret
from chat_server.protocol.stored_event import left_of
from chat_server.rooms.chat_room import ChatRoom
from chat_server.rooms.conversations import conversations_of
from chat_server.rooms.enforcing import refusal_of_visitor
from chat_server.rooms.person import STRANGER, Person, Proof, person_id
from chat_server.rooms.rights import OF_ACCOUNT
from chat_server.rooms.room import MaybeAwaitable, Occupant, Room, carried_through, give_way
from chat_server.rooms.tokens import new_token
from chat_server.rooms.visitors import visitor_of

if TYPE_CHECKING:
    from chat_server.rooms.other_nodes import OtherNodes


class Register(Request, frozen=True, gc=False):
    """Make an account of a nickname."""

    nick: Annotated[str, Meta(description="your nickname")] = ""
    invite: Annotated[str, Meta(description="the code that invites you, if one is needed")] = ""
    password: Secret = ""
    device: DeviceName = ""

    def __repr__(self) -> str:
        return f"Register(nick={self.nick!r})"


class RegisteredAlready(Refused, frozen=True):
    """Whoever has an account registers no other."""

    code: str = "registered-already"
    sentence: ClassVar[str] = "{nick} is your account already."


class AnothersName(Refused, frozen=True):
    """Somebody who is here wants to register another name than theirs."""

    code: str = "register-own-name"
    sentence: ClassVar[str] = (
        "Your name here is {nick}, and /register keeps that one for you. For another, take it first: /nick NAME."
    )


class InviteNeeded(Refused, frozen=True):
    """Only who is invited makes an account."""

    code: str = "invite-needed"
    sentence: ClassVar[str] = "Whoever makes an account here is invited: ask for a code, then /register {nick} CODE."


class AccountCommands(CommandHandler):
    """To have an account."""

    @access(
        role=UNREGISTERED, refusal=lambda session: RegisteredAlready(details={"nick": session.nick}), asks_engine=True
    )
    def do_register(self, place: Room, session: Occupant, request: Register) -> MaybeAwaitable:
        """Keep your nickname for yourself, by a password.

        It is an account then: nobody else can have it, and you have it wherever you log in.
        You are asked for a password, twice. Where you must be invited: /register NICK CODE.
        """
        nick = _nick_to_be(place, session, request)
        if not nick or not _may_register(place, session, nick, request) or not may_be_secret(session):
            return None
        if request.password or not session.has_terminal:
            return _register(place, session, nick, request, request.password)
        return _ask_if_possible(place, session, nick, request)


def _nick_to_be(place: Room, session: Occupant, request: Register) -> str:
    """Which name is to be registered, in its one form; "", and the session has been told, if none can be."""
    if session.person.role == STRANGER:
        if not request.nick:
            session.send(Refused("register-which-nick"))
            return ""
        nick = claim_name(place, session.person, request.nick, session)
        if nick:  # nobody may hold it for as long as somebody thinks of a password
            place.directory.release(nick, session.person)
        return nick
    try:
        is_own = not request.nick or name_key(parse_name(request.nick)) == name_key(session.nick)
    except BadName:
        is_own = False
    if not is_own:
        session.send(AnothersName(details={"nick": session.nick}))
    return session.nick if is_own else ""


def _may_register(place: Room, session: Occupant, nick: str, request: Register) -> bool:
    """Whether somebody may make an account, as far as that is known before it is tried; says so if not."""
    authentication = place.directory.authentication
    registration, now = authentication.policy.registration, authentication.now()
    refusal = refusal_of_visitor(place.directory, visitor_of(session, now))
    if refusal is None and not request.invite:
        refusal = _refusal_in_panic(place)
    if refusal is not None:
        session.send(refusal)
        return False
    if registration == "open" or request.invite:
        return True
    session.send(NobodyRegisters() if registration == "closed" else InviteNeeded(details={"nick": nick}))
    return False


def _refusal_in_panic(place: Room) -> Refused | None:
    seconds = place.directory.accounts.acts.in_force.panic_seconds(place.directory.authentication.now())
    return Refused("panic-registration", {"span": left_of(seconds)}) if seconds else None


async def _registering(place: Room, session: Occupant, nick: str, request: Register) -> Registering | Refused:
    """Whether somebody may register now, see Authentication.may_register; while there is panic by an operator's code alone, which makes an owner."""
    authentication = place.directory.authentication
    registering = await readable(authentication.may_register(request.invite, nick, session.network))
    if isinstance(registering, Registering) and registering.network and (refusal := _refusal_in_panic(place)):
        authentication.take_back(registering)
        return refusal
    return registering


async def _ask_if_possible(place: Room, session: Occupant, nick: str, request: Register) -> None:
    """Ask for a password, unless the code is wrong: nobody thinks of one for nothing."""
    authentication = place.directory.authentication
    registering = await _registering(place, session, nick, request)
    if isinstance(registering, Refused):
        session.send(registering)
        return
    authentication.take_back(registering)  # it counts when the password is there
    ask_new_password(session, nick, lambda typed: _register(place, session, nick, request, typed))


async def _register(place: Room, session: Occupant, nick: str, request: Register, typed: str) -> None:
    """Make the account, unless another session of the person's has given them another name, or an account, since they asked for it."""
    person = session.person
    if person.is_naming:
        session.send(NameBusy())
    elif person.account:
        session.send(RegisteredAlready(details={"nick": session.nick}))
    elif person.nick and person.nick != nick:
        session.send(AnothersName(details={"nick": session.nick}))
    else:
        with naming(person):
            await _register_as(place, session, nick, request, typed)


async def _register_as(place: Room, session: Occupant, nick: str, request: Register, typed: str) -> None:
    """Make the account, if this may be its password and another may be made just now."""
    authentication = place.directory.authentication
    password = chosen_password(session, typed, nick) if typed else None
    if password is None:
        if not typed:
            session.send(Refused("password-missing"))
        return
    session.owe(HASH_TOKENS)
    registering = await _registering(place, session, nick, request)
    if isinstance(registering, Refused):
        session.send(registering)
        return
    is_made = False
    try:
        is_made = await _register_by(place, session, nick, request, password)
    finally:
        if not is_made:
            authentication.take_back(registering)


async def _register_by(place: Room, session: Occupant, nick: str, request: Register, password: Password) -> bool:
    """Make the account, with what the person has had here as a guest, in one commit; tell why not, if it cannot be. Returns whether it was made."""
    person = session.person
    hashed = await place.directory.authentication.hashed(password, session.network)
    if isinstance(hashed, Refused):
        session.send(hashed)
        return False
    others = place.directory.others
    if others is None:
        if person.role == STRANGER and not (nick := claim_name(place, person, nick, session)):
            return False
        return await _make_or_release(place, session, nick, hashed, request)
    async with others.deciding(person_id(person, others.nodes.number)):
        if not await _is_called(place, others, session, nick):
            return False
        return await _make_or_release(place, session, nick, hashed, request)


async def _is_called(place: Room, others: "OtherNodes[Person[Occupant]]", session: Occupant, nick: str) -> bool:
    """Whether the session's person is called so, or is now, and nobody else at any node; says so if not."""
    person = session.person
    if person.role == STRANGER:
        free = free_name(place, person, nick, session)
        who = person_id(person, others.nodes.number)
        return bool(free) and await claimed_name(place, others, session, free, who) is not None
    if person.nick != nick or person.account:  # it was changed elsewhere meanwhile
        session.send(AnothersName(details={"nick": session.nick}))
        return False
    return True


async def _make_or_release(place: Room, session: Occupant, nick: str, hashed: str, request: Register) -> bool:
    """Make the account by a name that the person has; a stranger has it no longer if that cannot be."""
    person = session.person
    is_made = False
    try:
        for room in rooms_of(place, person.rooms):
            await room.flushed(session)  # what was said is stored under the guest's keys, which are carried over
        is_made = await _make(place, session, nick, hashed, request)
    finally:
        if person.role == STRANGER and not is_made:
            place.directory.release(nick, person)
    return is_made


async def _make(place: Room, session: Occupant, nick: str, hashed: str, request: Register) -> bool:
    """Have the account stored, and the person be its holder; tell them why not, if it cannot be. Returns whether it was made."""
    directory, person = place.directory, session.person
    authentication = directory.authentication
    codes = [new_code(RECOVERY) for _ in range(RECOVERY_CODES)]
    token = "" if session.has_terminal else new_token()
    device = new_device(session, request.device, token) if token else None
    new = Registration(
        nick,
        skeleton(nick),
        hashed,
        device,
        tuple(code.digest for code in codes),
        code.digest if (code := parse_code(request.invite)) else None,
        sender=person.sender,
        person=name_key(nick) if person.nick else "",
        choices=person.choices,
        claimed_by=person_id(person, directory.others.nodes.number) if directory.others is not None else "",
    )
    is_first = not directory.guests
    made: Holder | Refusal | None = None
    with carried_through():
        made = await _stored(directory.accounts.register(new, authentication.now()))
        if isinstance(made, Holder):
            _become_holder(place, session, nick, made)
    if not isinstance(made, Holder):
        session.send(refused(made, nick) if made else Refused("cannot-store"))
        return False
    session.send(Registered(nick, tuple(code.shown for code in codes), token))
    if made.account.role == "owner":
        session.send_unasked(NowOwner())
    conversations_of(directory).came(session)
    await _tell_rooms(place, person, is_first=is_first)
    await enter_rooms(place, session, made.rooms)
    return True


async def _tell_rooms(place: Room, person: Person[Occupant], *, is_first: bool) -> None:
    """Have rooms told that somebody has an account now: where they are; or all, if nobody had one before and so nobody was marked as a guest."""
    rooms = place.directory.rooms if is_first else rooms_of(place, person.rooms)
    left = deque(room for room in rooms if isinstance(room, ChatRoom))
    try:
        while len(left) > ROOMS_AT_ONCE:
            for _ in range(ROOMS_AT_ONCE):
                left.popleft().changes.note_account(person, is_first=is_first)
            await give_way()
    finally:  # whoever hangs up meanwhile has the account all the same
        for room in left:
            room.changes.note_account(person, is_first=is_first)


async def _stored(making: Awaitable[Holder | Refusal]) -> Holder | Refusal | None:
    """What came of it; None if it could not be stored."""
    try:
        return await making
    except JournalError:
        return None


def _become_holder(place: Room, session: Occupant, nick: str, made: Holder) -> None:
    """Whoever has this name here is the account's from now on, by all their sessions."""
    directory, person, account = place.directory, session.person, made.account
    sender = sender_of(account.id)
    if directory.others is not None:
        directory.others.register(person_id(person, directory.others.nodes.number), nick, account.id)
    known_as_holder(place, person, nick, account)
    session.proof = Proof(made.device.id if made.device else 0, directory.authentication.now())
    session.logged_in(nick, sender, OF_ACCOUNT[account.role])
    directory.authentication.remember(account.id, session.network)
    directory.note_seen(account.id, session.proof.device, session.network)
