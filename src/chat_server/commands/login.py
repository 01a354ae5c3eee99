"""To take a nickname, by whatever proves that it is one's own: a password, a code, a token; and to change it.

What is proved is decided in accounts/authentication.py; what becomes of who is let in, letting_in.py and coming_back.py say.
"""

from typing import TYPE_CHECKING, ClassVar

from msgspec.structs import replace

from chat_server.accounts.authentication import LetIn
from chat_server.accounts.credentials import TypedCode, is_for_bots, parse_code
from chat_server.accounts.new_names import parse_nickname
from chat_server.commands.access import access
from chat_server.commands.asking import HASH_TOKENS, ask_until_right
from chat_server.commands.chosen import note_choice
from chat_server.commands.coming_back import (
    Place,
    are_too_many,
    come_back,
    found_here,
    go_on,
    join,
    note_elsewhere,
    refuse_one_more,
    sessions_elsewhere,
    tell,
)
from chat_server.commands.handler import CommandHandler
from chat_server.commands.letting_in import (
    enter_rooms,
    holds_an_account,
    let_in_at_new_device,
    let_in_guest,
    let_in_holder,
    may_be_secret,
    new_device,
    readable,
    storable,
)
from chat_server.commands.naming import NameBusy
from chat_server.commands.renaming import call_by_newest_name, claim_name, claimed_name, free_name, rename
from chat_server.commands.settings import speak_as_chosen
from chat_server.journal import JournalError
from chat_server.journal.nodes import Claimed
from chat_server.protocol.events import Answered, Refused
from chat_server.protocol.names import BadName, name_key, parse_name
from chat_server.protocol.requests import Login, Rename
from chat_server.protocol.syntax import usage_of, wrong_usage
from chat_server.protocol.typed import unexpected
from chat_server.rooms.enforcing import refusal_of_guest
from chat_server.rooms.person import STRANGER, Person, person_id
from chat_server.rooms.room import HALL, MaybeAwaitable, Occupant, Room
from chat_server.rooms.tokens import identity_of, new_token
from chat_server.rooms.visitors import guest_as_visitor

if TYPE_CHECKING:
    from chat_server.rooms.other_nodes import OtherNodes


class PasswordAsked(Answered, frozen=True):
    """The receiver has given a name that is registered, and is asked for its password."""

    sentence: ClassVar[str] = (
        "{nick} is registered. If that is you, type the password; else an empty line, then another name, or /login {nick} CODE."
    )

    nick: str


class NowOwner(Answered, frozen=True):
    """The receiver's account is an owner's from now on. It answers nothing: it is told beside what the receiver has asked for."""

    sentence: ClassVar[str] = (
        "You are an owner of this server now. /code invite makes a code by which somebody else makes an account."
    )


class NoGuestsButInvited(Refused, frozen=True):
    """Nobody comes in without an account, and whoever makes one is invited."""

    code: str = "no-guests-but-invited"
    sentence: ClassVar[str] = (
        "Only people with an account come in here. Ask for a code that invites you, then /register {nick} CODE."
    )


class NoGuestsNoAccounts(Refused, frozen=True):
    """Nobody comes in without an account, and none are made."""

    code: str = "no-guests-no-accounts"
    sentence: ClassVar[str] = (
        "Only people with an account come in here, and none are made by /register. Ask whoever runs the server."
    )


class NotRegistered(Refused, frozen=True):
    """A code does not let anybody in by a name that is nobody's."""

    code: str = "not-registered"
    sentence: ClassVar[str] = (
        "{nick} is not registered. If a code invites you: /register {nick} CODE. Else /login {nick} without one."
    )


class LoginCommands(CommandHandler):
    """To take a nickname, and to change it."""

    @access(
        role=STRANGER,
        where=(HALL,),
        refusal=lambda session: Refused("logged-in-already", {"nick": session.nick}),
        asks_engine=True,
    )
    def do_login(self, place: Room, session: Occupant, request: Login) -> MaybeAwaitable:
        """Take a nickname.

        It has 1 to 32 letters of one script, digits, - and _. Upper and lower case count as the same.
        /login NICK plain starts in plain mode (see /help plain).
        If the name is registered, you are asked for its password, unseen; or /login NICK CODE with a code that /code has made.
        """
        if request.code:
            return _log_in_by_code(place, session, request)
        directory = place.directory  # the first account of all may have been made just now at another node
        if session.has_terminal or not (request.password or directory.accounts.names or directory.others):
            return _log_in_if_possible(place, session, request)
        return _log_in_as_program(place, session, request)

    @access(bots=False, asks_engine=True, says="rooms")
    def do_nick(self, place: Room, session: Occupant, request: Rename) -> MaybeAwaitable:
        """Change your nickname.

        Everybody in the room is told.
        If you have an account, it is called so from then on; the old name is kept from others for 90 days.
        """
        if session.person.is_naming:
            session.send(NameBusy())
            return None
        return rename(place, session, request.nick)


def _log_in_if_possible(place: Room, session: Occupant, request: Login) -> MaybeAwaitable:
    """The same as `_log_in`, unless guests cannot come in, or this one cannot."""
    refusal = _refusal_of_guest(place, session, request)
    if refusal is not None:
        session.send(refusal)
        return None
    return _log_in(place, session, request)


def _log_in(place: Room, session: Occupant, request: Login) -> MaybeAwaitable:
    """Let somebody in who is not known to have an account; or, where the name is registered, ask them to prove that it is theirs."""
    if place.directory.others is not None:
        return _log_in_among_nodes(place, place.directory.others, session, request)
    person = place.directory.identified(identity_of(request.token))
    if person is not None:
        return come_back(place, session, person, request)
    if holds_an_account(place, request.nick):
        return _ask_password(place, session, request)
    nick = claim_name(place, session.person, request.nick, session)
    if not nick:
        return None
    if not place.directory.authentication.policy.guests:
        place.directory.release(nick, session.person)
        session.send(_no_guests(place, nick))
        return None
    _be_plain_if_asked(place, session, request)
    request = _with_token(session, request)
    let_in_guest(place, session, nick, request.token)
    tell(place, session, request)
    return None


def _refusal_of_guest(place: Room, session: Occupant, request: Login) -> Refused | None:
    """Why a guest may not come in; None if they may, or will be asked for a password."""
    if place.directory.accounts.acts.in_force.is_idle:
        return None
    identity = identity_of(request.token)
    if not identity and holds_an_account(place, request.nick):
        return None
    try:
        key = name_key(parse_name(request.nick))
    except BadName:
        key = ""
    return refusal_of_guest(place.directory, guest_as_visitor(session, identity, key))


def _with_token(session: Occupant, request: Login) -> Login:
    """A program has a token by which it comes back: its own, or a new one."""
    return request if session.has_terminal or request.token else replace(request, token=new_token())


async def _log_in_among_nodes(
    place: Room, others: "OtherNodes[Person[Occupant]]", session: Occupant, request: Login
) -> None:
    """The same where there are other nodes: whoever has a token may be there, and the engine says whose a name is."""
    identity = identity_of(request.token)  # nobody is elsewhere by a token that is only made now
    request = _with_token(session, request)
    async with others.deciding(identity):
        following = await _decided(place, others, session, request, identity)
    if following is not None:
        await go_on(place, others, session, request, following)
        speak_as_chosen(session)


async def _decided(
    place: Room, others: "OtherNodes[Person[Occupant]]", session: Occupant, request: Login, identity: str
) -> Place | None:
    """Decide who somebody is who is not known to have an account: where their session goes on, if it has come in."""
    try:
        await call_by_newest_name(place, others, identity)
        here = await found_here(place, others, identity, request)
    except JournalError:
        session.send(Refused("engine-away"))
        return None
    if here is not None:
        following = join(place, session, here.person, request, here.elsewhere)
        return following and note_elsewhere(others, session, request, here.claimed, following)
    if not identity and holds_an_account(place, request.nick):
        _ask_password(place, session, request)
        return None
    given = await _claimed_by_guest(place, others, session, request, is_known=bool(identity))
    if given is None:
        return None
    if are_too_many(place, await sessions_elsewhere(place, others, identity, given, request)):
        place.directory.release(given.nick, session.person)
        refuse_one_more(place, session, request)
        return None
    _be_plain_if_asked(place, session, request)
    let_in_guest(place, session, given.nick, request.token)
    session.person.name_order = (
        0 if given.elsewhere else given.order
    )  # what they are called there they may be no longer
    return note_elsewhere(others, session, request, given, Place())


async def _claimed_by_guest(
    place: Room, others: "OtherNodes[Person[Occupant]]", session: Occupant, request: Login, *, is_known: bool
) -> Claimed | None:
    """Give a guest a name; who comes by a token the one that they have elsewhere. None after telling the session why not."""
    if is_known:  # an account may have this one, and they another elsewhere: the engine knows
        try:
            nick = parse_nickname(request.nick)
        except BadName as error:
            session.send(Refused(error.code, error.details))
            return None
    else:
        nick = free_name(place, session.person, request.nick, session)
    if nick and not place.directory.authentication.policy.guests:
        session.send(_no_guests(place, nick))
        return None
    who = identity_of(request.token) or person_id(session.person, others.nodes.number)
    return await claimed_name(place, others, session, nick, who) if nick else None


def _no_guests(place: Room, nick: str) -> Refused:
    match place.directory.authentication.policy.registration:
        case "open":
            return Refused("no-guests", {"nick": nick})
        case "invite":
            return NoGuestsButInvited(details={"nick": nick})
        case "closed":
            return NoGuestsNoAccounts()


def _ask_password(place: Room, session: Occupant, request: Login) -> MaybeAwaitable:
    nick = parse_name(request.nick)
    if not session.has_terminal:
        session.send(place.directory.authentication.refusal_of_name(nick) or Refused("name-registered", {"nick": nick}))
    elif may_be_secret(session):
        session.send(PasswordAsked(nick))
        request = replace(request, nick=nick)
        ask_until_right(
            session, lambda typed: _log_in_by_password(place, session, request, typed), Refused("login-first")
        )
    return None


async def _log_in_as_program(place: Room, session: Occupant, request: Login) -> None:
    """A program shows a password, or the token of an account's device; or it comes as a guest."""
    if request.password:
        if may_be_secret(session):
            refusal = await _log_in_by_password(place, session, request, request.password)
            if refusal is not None:
                session.send(refusal)
        return
    let_in = await readable(place.directory.authentication.by_token(request.token)) if request.token else None
    if isinstance(let_in, Refused):
        session.send(let_in)
    elif let_in is None and is_for_bots(request.token):
        session.send(Refused("wrong-token"))
    elif let_in is None:
        pause = _log_in_if_possible(place, session, request)
        if pause is not None:
            await pause
    elif may_be_secret(session):
        await let_in_holder(place, session, let_in, request)


def _log_in_by_code(place: Room, session: Occupant, request: Login) -> MaybeAwaitable:
    """Let in whoever has a code; only one that is good for ever is a secret."""
    typed = parse_code(request.code)
    if not holds_an_account(place, request.nick):
        if session.has_terminal and not place.directory.accounts.names:
            wrong = wrong_usage(usage_of(Login), unexpected(request.code))
            session.send(Refused(wrong.code, wrong.details))
        else:
            session.send(_no_such_account(request.nick))
    elif typed is None or not typed.is_recovery or may_be_secret(session):
        return _use_code(place, session, request, typed)
    return None


def _no_such_account(typed: str) -> Refused:
    try:
        return NotRegistered(details={"nick": parse_name(typed)})
    except BadName as error:
        return Refused(error.code, error.details)


async def _use_code(place: Room, session: Occupant, request: Login, typed: TypedCode | None) -> None:
    # Whoever listens in has seen a code that is good no more; a token would be good tomorrow.
    token = "" if session.has_terminal or not session.takes_secrets else new_token()
    authentication, nick = place.directory.authentication, parse_name(request.nick)
    device = new_device(session, request.device, token) if token else None
    let_in = await storable(authentication.by_code(nick, typed, session.network, device))
    if isinstance(let_in, Refused):
        session.send(let_in)
        return
    _be_plain_if_asked(place, session, request)
    if not await let_in_at_new_device(place, session, let_in, replace(request, token=token)):
        return
    if let_in.is_new_owner:
        session.send_unasked(NowOwner())
    await enter_rooms(place, session, let_in.rooms)


async def _log_in_by_password(place: Room, session: Occupant, request: Login, typed: str) -> Refused | None:
    """Let in whoever knows the password, or return why not; a program becomes a device of the account's, with a token of its own."""
    authentication = place.directory.authentication
    session.owe(HASH_TOKENS)
    let_in: LetIn | Refused
    try:
        nick = parse_name(request.nick)
    except BadName as error:
        let_in = Refused(error.code, error.details)
    else:
        let_in = await readable(authentication.by_password(nick, typed, session.network))
    token = ""
    if isinstance(let_in, LetIn) and not session.has_terminal:
        token = new_token()
        let_in = await storable(authentication.at_new_device(let_in, new_device(session, request.device, token)))
    if isinstance(let_in, Refused):
        return let_in
    _be_plain_if_asked(place, session, request)
    await let_in_at_new_device(place, session, let_in, replace(request, token=token))
    return None


def _be_plain_if_asked(place: Room, session: Occupant, request: Login) -> None:
    if request.plain and session.has_terminal:
        session.set_preferences(replace(session.preferences, plain=True))
        note_choice(place, session, "plain", value=True)
