"""What lets somebody in to an account: its devices, and its password; and the account's end.

Whatever ends a way in ends the sessions that came by it in the same moment: of what they say, nothing is stored any more. Never knows how a
session ends, nor where an account is kept.
"""

from collections.abc import Callable
from typing import Annotated, ClassVar, Literal

from msgspec import UNSET, Meta

from chat_server.accounts import CHANGE_OF_MIND_SECONDS, Ending
from chat_server.commands.access import access
from chat_server.commands.asking import HASH_TOKENS, after_password, ask_new_password, chosen_password, proved
from chat_server.commands.codes import AccountNeeded
from chat_server.commands.handler import CommandHandler, EndSession
from chat_server.commands.letting_in import may_be_secret
from chat_server.journal import JournalError
from chat_server.protocol.described import DeviceShown, NetworkShown
from chat_server.protocol.events import AccountShown, Answered, DevicesListed, Dismissed, Refused
from chat_server.protocol.requests import HowMany, Request, Secret
from chat_server.protocol.syntax import usage_of, wrong_usage
from chat_server.protocol.typed import Misuse
from chat_server.rooms.ends import end_sessions
from chat_server.rooms.known_rooms import known_room
from chat_server.rooms.person import HOLDER
from chat_server.rooms.room import MaybeAwaitable, Occupant, Room


class Devices(Request, frozen=True, gc=False):
    """Ask at which devices one is logged in."""


class Drop(Request, frozen=True, gc=False):
    """Drop a device."""

    device: Annotated[str, Meta(max_length=16, description="the number that /devices shows; others: all but this one")]


class ChangePassword(Request, frozen=True, gc=False, tag="password"):
    """Choose another password."""

    new: Secret = ""
    old: Secret = ""

    def __repr__(self) -> str:
        return "ChangePassword()"


class AskAccount(Request, frozen=True, gc=False, tag="account"):
    """Ask about one's account, or end it."""

    ending: Annotated[
        Literal["", "close", "anonymise", "erase"],
        Meta(
            description="close: your lines stay under your name; anonymise: under another, which says nothing; erase: their texts go"
        ),
    ] = ""
    password: Secret = ""

    @property
    def asks_secret(self) -> bool:
        """Only to end it."""
        return bool(self.ending)

    def __repr__(self) -> str:
        return f"AskAccount(ending={self.ending!r})"


class Dropped(Answered, frozen=True):
    """Devices of the receiver's account let nobody in any more, and sessions have ended."""

    sentence: ClassVar[str] = "Dropped: {devices}. Connections ended: {sessions}."

    devices: HowMany
    sessions: HowMany


class PasswordChanged(Answered, frozen=True):
    """The receiver's account has another password; nothing that was logged in before is, but this session."""

    sentence: ClassVar[str] = (
        "Your password is changed. Other connections ended: {sessions}. Other devices log in anew."
    )

    sessions: HowMany


class AccountEnds(Answered, frozen=True):
    """The receiver's account will end, unless somebody logs in with it by its password or a code before."""

    sentence: ClassVar[str] = (
        "{nick} ends in {days} days. To take that back, log in before. Other devices are logged out, and so are you."
    )

    nick: str
    days: HowMany


class NoSuchDevice(Refused, frozen=True):
    """The receiver has no other device of this number."""

    code: str = "no-such-device"
    sentence: ClassVar[str] = "You have no other device {device}. /devices lists them, /drop others drops all."


class DeviceCommands(CommandHandler):
    """What lets one in, and what ends that."""

    @access(role=HOLDER, refusal=lambda _: AccountNeeded(), asks_engine=True)
    def do_devices(self, place: Room, session: Occupant, request: Devices) -> MaybeAwaitable:
        """List your devices: the programs that log in by themselves.

        With when each was used last, and from which network. /drop NUMBER drops one.
        """
        return list_devices(place, session)

    @access(role=HOLDER, refusal=lambda _: AccountNeeded(), asks_engine=True)
    def do_drop(self, place: Room, session: Occupant, request: Drop) -> MaybeAwaitable:
        """Drop one of your devices: it is logged out at once.

        It cannot come back without your password.
        /drop others drops all but the one where you are, and ends your other connections.
        """
        number = request.device.removeprefix("#")
        if number.casefold() == "others":
            return _drop(place, session)
        if not (number.isascii() and number.isdecimal()):
            wrong = wrong_usage(usage_of(Drop), Misuse("usage-not-a-number", {"value": request.device}))
            session.send(Refused(wrong.code, wrong.details))
            return None
        return _drop(place, session, int(number))

    @access(role=HOLDER, refusal=lambda _: AccountNeeded(), asks_engine=True)
    def do_password(self, place: Room, session: Occupant, request: ChangePassword) -> MaybeAwaitable:
        """Choose another password.

        You are asked for the one that you have, unless you have just logged in by it, and for the new one twice.
        All your other devices and connections are logged out.
        """
        if not may_be_secret(session):
            return None
        if not session.has_terminal:
            return proved(place, session, request.old, lambda: _change(place, session, request.new))
        return after_password(place, session, lambda: _ask_new(place, session))

    @access(role=HOLDER, refusal=lambda _: AccountNeeded(), asks_engine=True)
    def do_account(self, place: Room, session: Occupant, request: AskAccount) -> MaybeAwaitable:
        """Show your account, or end it.

        /account close keeps your lines under your name, /account anonymise puts them under another, /account erase overwrites what they say.
        You are logged out everywhere, and it ends after seven days; until then, logging in by your password takes that back.
        """
        ending = request.ending
        if not ending:
            return show_account(place, session)
        if not may_be_secret(session):
            return None
        if not session.has_terminal:
            return proved(place, session, request.password, lambda: _begin_end(place, session, ending))
        return after_password(place, session, lambda: _begin_end(place, session, ending))


async def list_devices(place: Room, session: Occupant) -> None:
    """Tell somebody their devices."""
    person = session.person
    accounts = place.directory.accounts
    try:
        devices, networks = await accounts.devices(person.account), await accounts.acts.networks(person.account)
    except JournalError:
        session.send(Refused("cannot-read"))
        return
    here = {other.proof.device for other in person.sessions}
    shown = tuple(
        DeviceShown(
            one.id,
            one.name,
            one.kind,
            one.made,
            one.seen,
            one.network,
            one.id in here,
            one.id == session.proof.device,
            UNSET if one.ends is None else one.ends,
            # Those that are known to whoever asks: they may have been put out of one that is private, and called otherwise now.
            UNSET if one.rooms is None else tuple(room for room in one.rooms if known_room(place, session, room)),
        )
        for one in devices
    )
    others = sum(not other.proof.device for other in person.sessions if other is not session)
    came = tuple(NetworkShown(one.network, one.at) for one in networks)
    session.send(DevicesListed(shown, others, person.zone, came))


async def _drop(place: Room, session: Occupant, number: int | None = None) -> None:
    """Drop a device, or (None) all but the one where one is; end the sessions that it has, or all others, and tell what was done."""
    directory, person, is_all = place.directory, session.person, number is None
    with directory.authentication.revocations.revoking(person.account):
        try:
            known = [one.id for one in await directory.accounts.devices(person.account)]
            others = [one for one in known if one != session.proof.device and number in (None, one)]
            drop = directory.accounts.drop_devices
            dropped = await drop(person.account, others, is_all=is_all) if others or is_all else []
        except JournalError:
            session.send(Refused("cannot-store"))
            return
        if not dropped and not is_all:
            session.send(NoSuchDevice(details={"device": str(number)}))
            return
        ended = await _end_sessions(
            place, session, Dismissed("dropped"), lambda other: is_all or other.proof.device in dropped
        )
    session.send(Dropped(len(dropped), ended))


async def _end_sessions(
    place: Room, session: Occupant, farewell: Dismissed, is_ended: Callable[[Occupant], bool] = lambda _: True
) -> int:
    """End other sessions of the person at once; see rooms.ends.end_sessions. Whoever does so has it revoked by what they came."""
    directory, person = place.directory, session.person
    others = (other for other in (*person.sessions, *person.replaced) if other is not session and is_ended(other))
    return await end_sessions(directory, others, farewell)


def _ask_new(place: Room, session: Occupant) -> None:
    is_first = place.directory.authentication.is_fresh(session.proof.at)  # else the present one has just been asked for
    ask_new_password(session, session.nick, lambda typed: _change(place, session, typed), is_first=is_first)


async def _change(place: Room, session: Occupant, typed: str) -> None:
    """Have the account another password, and end all that was logged in before."""
    directory, account = place.directory, session.person.account
    password = chosen_password(session, typed, session.nick)
    if password is None:
        return
    session.owe(HASH_TOKENS)
    hashed = await directory.authentication.hashed(password, session.network)
    if isinstance(hashed, Refused):
        session.send(hashed)
        return
    with directory.authentication.revocations.revoking(account):
        try:
            await directory.accounts.change_password(account, hashed, (session.proof.device,))
        except JournalError:
            session.send(Refused("cannot-store"))
            return
        ended = await _end_sessions(place, session, Dismissed("password-changed"))
    session.send(PasswordChanged(ended))


async def show_account(place: Room, session: Occupant) -> None:
    """Tell somebody what there is to say of their account."""
    accounts, person = place.directory.accounts, session.person
    try:
        account = await accounts.account(person.account)
        devices, codes = await accounts.devices(person.account), await accounts.codes(person.account)
    except JournalError:
        session.send(Refused("cannot-read"))
        return
    made, role = (account.made, account.role) if account else (0.0, "member")
    recovery = sum(code.purpose == "recovery" for code in codes)
    session.send(AccountShown(session.nick, made, role, len(devices), recovery, person.zone))


async def _begin_end(place: Room, session: Occupant, ending: Ending) -> None:
    """Log the account out everywhere, for it is to end; this session last."""
    directory, account = place.directory, session.person.account
    closes_at = directory.authentication.now() + CHANGE_OF_MIND_SECONDS
    with directory.authentication.revocations.revoking(account):
        try:
            await directory.accounts.begin_end(account, ending, closes_at)
        except JournalError:
            session.send(Refused("cannot-store"))
            return
        await _end_sessions(place, session, Dismissed("account-ends"))
    session.send(AccountEnds(session.nick, int(CHANGE_OF_MIND_SECONDS // 86400)))
    raise EndSession
