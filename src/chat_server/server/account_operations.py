"""What operators may do to accounts: codes that let somebody in or make an owner, who has one and by what, and its end. See admin_requests.py.

Whatever ends a way in ends the sessions that came by it. Knows people, and where accounts are kept. Never knows the socket that a request came by,
nor how an answer is shown.
"""

from collections.abc import Awaitable, Callable, Iterable, Sequence
from typing import Any, TypeVar, cast

from chat_server.accounts import Account, sender_of
from chat_server.accounts.issuing import OPERATOR_SECONDS
from chat_server.accounts.new_names import parse_nickname
from chat_server.journal import InDoubt, JournalError
from chat_server.logs import log
from chat_server.protocol.events import Dismissed, Refused
from chat_server.protocol.names import BadName, name_key, parse_name
from chat_server.rooms.chat_room import ChatRoom
from chat_server.rooms.directory import Directory
from chat_server.rooms.ends import end_account, end_sessions
from chat_server.rooms.person import Person
from chat_server.rooms.room import Occupant, Room
from chat_server.server.admin import Impossible
from chat_server.server.admin_protocol import AdminAnswer, AdminRequest
from chat_server.server.admin_requests import (
    ACCOUNTS_AT_ONCE,
    AccountDetails,
    AccountEnded,
    AccountListed,
    AccountRestored,
    CodeMade,
    DeviceListed,
    DevicesDropped,
    DropDevices,
    EndAccount,
    ListAccounts,
    ListDevices,
    MakeCode,
    MakeOwner,
    RestoreAccount,
    ShowAccount,
)
from chat_server.wire.render.sentences import sentence

Operation = Callable[[Any, int], Awaitable[Iterable[AdminAnswer]]]
"""Does what a user, by number, asks for. Raises Impossible."""

NO_CODE = "the code was shown to nobody; ask again when it answers"

T = TypeVar("T")


class AccountOperations:
    """What can be asked for, by the type of the request, in `of`."""

    def __init__(self, directory: Directory[Room, Person[Occupant]]) -> None:
        self._directory = directory
        self._accounts = directory.accounts
        self._authentication = directory.authentication
        self.of: dict[type[AdminRequest], Operation] = {
            MakeOwner: self._make_owner,
            MakeCode: self._make_code,
            ListAccounts: self._list_accounts,
            ShowAccount: self._show_account,
            EndAccount: self._end_account,
            RestoreAccount: self._restore_account,
            ListDevices: self._list_devices,
            DropDevices: self._drop_devices,
        }

    async def _make_owner(self, request: MakeOwner, user: int) -> Iterable[AdminAnswer]:
        """Whoever is to be one need not be here, nor have an account yet: then the name has to be one that they can have."""
        if not self._accounts.names.holder(_key(request.name)):
            nick, is_new = self._new_name(request.name), True
            made = await _kept(self._authentication.issuer.operators_code("owner", 0, nick), NO_CODE)
        else:
            account = await self._account_called(request.name)
            nick, is_new = account.name, False
            if account.role == "owner":
                raise Impossible(
                    f"{nick} is an owner already; `chat-server admin code {nick}` makes a code to log in by"
                )
            made = await _kept(self._authentication.issuer.operators_code("owner", account.id), NO_CODE)
        log.info("an operator has made a code for an owner", nick=nick, user=user)
        return (CodeMade(nick, made.shown, OPERATOR_SECONDS, is_new=is_new, is_owner=True),)

    async def _make_code(self, request: MakeCode, user: int) -> Iterable[AdminAnswer]:
        account = await self._account_called(request.name)
        made = await _kept(
            self._authentication.issuer.operators_code("login", account.id, is_long=request.is_long), NO_CODE
        )
        log.info("an operator has made a code that lets somebody in", nick=account.name, user=user)
        return (
            CodeMade(account.name, made.shown, OPERATOR_SECONDS, is_new=False, is_owner=False, is_long=request.is_long),
        )

    async def _list_accounts(self, request: ListAccounts, user: int) -> Iterable[AdminAnswer]:
        del user
        listed = await _kept(self._accounts.listed(name_key(request.after), ACCOUNTS_AT_ONCE))
        return [AccountListed(one.name, one.role, one.state, one.made, one.seen) for one in listed]

    async def _show_account(self, request: ShowAccount, user: int) -> Iterable[AdminAnswer]:
        del user
        one = await self._account_called(request.name, closed=True)
        devices, codes = await _kept(self._accounts.devices(one.id)), await _kept(self._accounts.codes(one.id))
        return (
            AccountDetails(
                one.name,
                one.role,
                one.state,
                one.made,
                one.seen,
                invited_by=self._accounts.names.name_of(one.invited_by),
                has_password=one.password is not None,
                devices=len(devices),
                recovery_codes=sum(code.purpose == "recovery" for code in codes),
                sessions=len(self._sessions_of(one.id)),
                ending=one.ending or "",
                ends_at=one.closes_at,
            ),
        )

    async def _end_account(self, request: EndAccount, user: int) -> Iterable[AdminAnswer]:
        """Nobody is let in while it ends, and whoever is logged in is not any more: so nothing of theirs is stored that its end does not find."""
        account = await self._account_called(request.name)
        with self._authentication.revocations.revoking(account.id):
            ended = await end_sessions(self._directory, self._sessions_of(account.id), Dismissed("account-ended"))
            rooms = cast(list[ChatRoom], self._directory.rooms)  # there are no others in the list
            rewritten = await _kept(
                end_account(self._accounts, rooms, account.id, request.ending, self._authentication.now()),
                f"once it answers, `chat-server admin accounts {account.name}` says whether it is closed; if it is not, ask again",
            )
        if rewritten is None:
            raise Impossible(f"{account.name} has just been closed")
        log.info("an operator has ended an account", nick=account.name, ending=request.ending, user=user)
        return (AccountEnded(account.name, request.ending, rewritten.nick, ended),)

    async def _restore_account(self, request: RestoreAccount, user: int) -> Iterable[AdminAnswer]:
        account = await self._account_called(request.name)
        look = f"once it answers, `chat-server admin accounts {account.name}` says whether it goes on; if it does not, ask again"
        if not await _kept(self._accounts.take_back_end(account.id), look):
            raise Impossible(f"{account.name} is not about to end")
        log.info("an operator has taken back the end of an account", nick=account.name, user=user)
        return (AccountRestored(account.name),)

    async def _list_devices(self, request: ListDevices, user: int) -> Iterable[AdminAnswer]:
        del user
        account = await self._account_called(request.name)
        here = {session.proof.device for session in self._sessions_of(account.id)}
        return [
            DeviceListed(
                account.name,
                one.id,
                one.name,
                one.kind,
                one.made,
                one.seen,
                one.network,
                one.ends or 0.0,
                one.id in here,
            )
            for one in await _kept(self._accounts.devices(account.id))
        ]

    async def _drop_devices(self, request: DropDevices, user: int) -> Iterable[AdminAnswer]:
        account, is_all = await self._account_called(request.name), not request.device
        with self._authentication.revocations.revoking(account.id):
            known = {one.id: one.kind for one in await _kept(self._accounts.devices(account.id))}
            if not is_all and request.device not in known:
                raise Impossible(
                    f"{account.name} has no device {request.device}: `chat-server admin devices {account.name}` lists them"
                )
            dropped = await _kept(
                self._accounts.drop_devices(
                    account.id, [*known] if is_all else [request.device], why="dropped-by-operator", is_all=is_all
                ),
                f"once it answers, `chat-server admin devices {account.name}` lists those that are left; if it should not, ask again",
            )
            sessions = [one for one in self._sessions_of(account.id) if is_all or one.proof.device in dropped]
            ended = await end_sessions(self._directory, sessions, Dismissed("dropped-by-operator"))
        log.info("an operator has dropped devices", nick=account.name, devices=dropped, sessions=ended, user=user)
        bots = sum(known[number] == "bot" for number in dropped)
        return (DevicesDropped(account.name, tuple(dropped), bots, ended),)

    def _sessions_of(self, account: int) -> Sequence[Occupant]:
        person = self._directory.identified(sender_of(account))
        return (*person.sessions, *person.replaced) if person is not None else ()

    async def _account_called(self, name: str, *, closed: bool = False) -> Account:
        """The account with this name, unless it is closed."""
        account = await _kept(self._accounts.find(_key(name)))
        if account is None:
            names = self._accounts.names
            if number := names.whose(_key(name), self._authentication.now()):
                raise Impossible(f"{name} is called {names.name_of(number)} now")
            raise Impossible(f"nobody has an account called {name}: `chat-server admin accounts` lists them")
        if account.state == "closed" and not closed:
            raise Impossible(f"{account.name} is closed, and cannot be used again")
        return account

    def _new_name(self, wanted: str) -> str:
        """The name in its one form, if somebody who has no account can have it."""
        try:
            nick = parse_nickname(wanted)
        except BadName as error:
            raise Impossible(sentence(error.code, error.details)) from None
        if refusal := self._authentication.refusal_of_name(nick):
            raise Impossible(sentence(refusal.code, refusal.details))
        return nick


def _key(name: str) -> str:
    """What a name shares with those that count as the same; "" if it cannot be one."""
    try:
        return name_key(parse_name(name))
    except BadName:
        return ""


async def _kept(asked: Awaitable[T | Refused], look: str = "") -> T:
    """What came of it. Raises Impossible if that is that it cannot be; `look` is how one learns whether it was done, where that is not known."""
    try:
        found = await asked
    except InDoubt as error:
        raise Impossible(f"{error}{look and ': '}{look}") from error
    except JournalError as error:
        raise Impossible(f"accounts cannot be read or changed just now: {error}") from error
    if isinstance(found, Refused):
        raise Impossible(sentence(found.code, found.details))
    return found
