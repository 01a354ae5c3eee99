"""Whether somebody is whose name they give: by password, by code or by token. And whether they may register.

Everything that proves something goes through here, so that all of it is throttled, costs the same whether the name is known or not, and is
counted where it fails. Never knows sessions, nor what becomes of who is let in.
"""

import time
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from math import ceil
from typing import Literal, NamedTuple

import trio
from msgspec import Struct
from msgspec.structs import replace

from chat_server.accounts import Account, Accounts, Code, Device, Failure, NewDevice
from chat_server.accounts.credentials import (
    TypedCode,
    digest_of_token,
    is_for_bots,
    is_whole,
    parse_code,
)
from chat_server.accounts.hashing import Busy, HashingQueue
from chat_server.accounts.issuing import Issuer
from chat_server.accounts.look_alikes import skeleton
from chat_server.accounts.names_index import Refusal
from chat_server.accounts.networks import shortened
from chat_server.accounts.passwords import BadPassword, Password, parse_password
from chat_server.accounts.refusals import refused
from chat_server.accounts.revocations import Revocations
from chat_server.accounts.throttles import Attempt, FailedTries, Throttled, Throttles
from chat_server.logs import log
from chat_server.protocol.events import Refused
from chat_server.protocol.names import name_key

FRESH_SECONDS = 600.0
"""Seconds after a login by password, by a recovery code or an operator's, in which one may change one's password without it."""

ONE_TIME_TRIES = 5
"""Wrong codes for one account, from all networks together, after which a new one has to be made: there are 2^40."""

REMEMBERED_MAX = 4096
"""Accounts of which it is known that wrong codes have been tried; those are forgotten of which that is longest ago."""


class Policy(Struct, frozen=True):
    """Who may come in, as the settings say."""

    guests: bool = True
    """Whether somebody without an account may."""
    registration: Literal["open", "invite", "closed"] = "open"
    """Who may make an account: everybody, who has been invited, nobody."""
    invitations: Literal["owners", "all"] = "owners"
    """Who may invite."""


class LetIn(NamedTuple):
    """Somebody has proved that an account is theirs. `device` is by which, if it has a token; `failed` what others have tried since they last did."""

    account: Account
    device: Device | None = None
    failed: FailedTries = FailedTries()
    moment: int = 0
    """The moment of revocations before that was looked at."""
    is_old: bool = False
    """Whether it was proved by what a program keeps, and not just now by somebody."""
    is_by_device: bool = False
    """Whether it was proved by a code that one of the account's devices has made: who has that device has no password by it."""
    is_new_owner: bool = False
    """Whether the account is an owner's by this."""
    rooms: tuple[str, ...] = ()
    """Those that whoever made the code by which it was proved wants entered."""

    @property
    def is_bot(self) -> bool:
        """Whether it is a bot of the account's."""
        return self.device is not None and self.device.kind == "bot"


class Registering(Struct, frozen=True):
    """Somebody may register now; `network` is for which that counts, "" for none."""

    network: str = ""


class Authentication:
    """Decides who is let in at one server, and who may register."""

    def __init__(
        self, accounts: Accounts, hashing: HashingQueue, policy: Policy, clock: Callable[[], float] = time.time
    ) -> None:
        self.accounts = accounts
        self.policy = policy
        self.now = clock
        """The time, in seconds since 1970."""
        self.hashing = hashing
        """Where passwords are hashed."""
        self.issuer = Issuer(accounts, self._time)
        """Makes codes, and tokens of bots."""
        self.throttles = Throttles()
        """How often somebody may try."""
        self.revocations = Revocations()
        """What lets nobody in any more."""
        self._wrong_codes: dict[int, deque[float]] = {}

    def _time(self) -> float:
        return self.now()  # the clock may be another one by then

    async def restore(self) -> None:
        """Take in which tries had failed before the server was started. Raises JournalError."""
        for failure in await self.accounts.failures():
            whose = str(failure.account) if failure.account else ""
            self.throttles.restore(whose, failure.network, failure.count, failure.at)

    def refusal_of_name(self, nick: str, account: int = 0) -> Refused | None:
        """Why this account (0: a guest) cannot be called so, as far as accounts have names or had them; None if it can."""
        if not self.accounts.names:
            return None
        refusal = self.accounts.names.refusal(name_key(nick), skeleton(nick), account, self.now())
        return None if refusal is None else refused(refusal, nick)

    async def by_token(self, token: str) -> LetIn | None:
        """Whose token this is, if it is an account's. Raises JournalError."""
        if is_for_bots(token) and not is_whole(token):
            return None
        moment = self.revocations.moment
        holder = await self.accounts.by_token(digest_of_token(token), self.now())
        return LetIn(holder.account, holder.device, moment=moment, is_old=True) if holder else None

    async def by_password(self, nick: str, typed: str, network: str) -> LetIn | Refused:
        """Whether this is the password of whose name this is; a name that nobody has is answered the same, after as long. Raises JournalError."""
        try:
            password = parse_password(typed)
        except BadPassword:
            return Refused("wrong-password")
        moment, account = self.revocations.moment, await self._account_called(nick)
        attempt = await self._begin(account, nick, network)
        if isinstance(attempt, Refused):
            return attempt
        stored = account.password if account else None
        try:
            with self._counted(attempt):
                await trio.sleep(attempt.delay)
                verdict = await self.hashing.compare(password, stored, network, is_known=attempt.is_known)
        except Busy:
            return Refused("busy")
        if account is None or not verdict.matches:
            if account is not None and verdict.is_unusable:
                log.error(
                    "a stored hash of a password cannot be compared with: its account needs a code",
                    account=account.name,
                )
            self._note_failed(attempt, account)
            return Refused("wrong-password")
        if verdict.rehashed and stored is not None:
            self.accounts.rehash(account.id, stored, verdict.rehashed)
            account = replace(
                account, password=None
            )  # which of two hashes is stored is not known, if two log in at once
        return LetIn(account, failed=self._succeeded(attempt, account), moment=moment)

    async def by_code(
        self, nick: str, typed: TypedCode | None, network: str, new: NewDevice | None = None
    ) -> LetIn | Refused:
        """Whether this code lets somebody in who is called so; it is used up by that. With a new device, by that from now on. Raises JournalError.

        One-time codes are short: after ONE_TIME_TRIES wrong ones, from wherever, none that there is lets the account in any more. A recovery code is
        too long to be guessed: it is good where too much has been tried, too, for its owner may share a network with whoever guesses.
        """
        moment, account = self.revocations.moment, await self._account_called(nick)
        attempt = await self._begin(account, nick, network)
        if isinstance(attempt, Refused):
            known = (
                await self.accounts.code(typed.digest, self.now()) if typed and typed.is_recovery and account else None
            )
            if account is None or known is None or known.account != account.id:
                return attempt
            return await self._used(known, nick, new, moment)
        with self._counted(attempt):
            await trio.sleep(attempt.delay)
            known = await self.accounts.code(typed.digest, self.now()) if typed and account else None
        is_right = account is not None and known is not None and known.account == account.id
        if account is None or known is None or not is_right or self._is_guessed_at(known, typed):
            if account is not None:
                self._note_wrong_code(account.id)
            self._note_failed(attempt, account)
            return Refused("wrong-code")
        with self._counted(attempt):
            let_in = await self._used(known, nick, new, moment)
        if isinstance(let_in, Refused):
            self.throttles.take_back(attempt, self.now())
            return let_in
        return let_in._replace(failed=self._succeeded(attempt, account))

    async def _used(self, code: Code, nick: str, new: NewDevice | None, moment: int) -> LetIn | Refused:
        """Use a code up. Raises JournalError."""
        used = await self.accounts.use_code(code.digest, self.now(), new)
        if isinstance(used, Refusal):
            return refused(used, nick)
        return LetIn(
            used.account,
            used.device,
            moment=moment,
            is_by_device=code.purpose == "device",
            is_new_owner=code.purpose == "owner",
            rooms=used.rooms,
        )

    async def _account_called(self, nick: str) -> Account | None:
        """Whose name this is, or was: whoever has a lost device can rename the account, but not keep its owner out by that. Raises JournalError."""
        number = self.accounts.names.whose(name_key(nick), self.now())
        return await self.accounts.account(number) if number else None

    async def _begin(self, account: Account | None, nick: str, network: str) -> Attempt | Refused:
        """Somebody tries to come in by this name, from there; refused if not now. Raises JournalError."""
        whose, now = _whose(account, nick), self.now()
        if account is not None and not self.throttles.knows(whose, network, now):
            for device in await self.accounts.devices(account.id):  # they outlast the server
                if device.network and device.network == shortened(network):
                    self.throttles.remember(whose, network, max(device.made, device.seen))
        attempt = self.throttles.begin(whose, network, self.now())
        if isinstance(attempt, Throttled):
            return Refused("too-many-tries", {"seconds": str(ceil(attempt.seconds))})
        return attempt

    @contextmanager
    def _counted(self, attempt: Attempt) -> Iterator[None]:
        """Look in this block whether somebody may come in. Whoever hangs up meanwhile, or is told that the server cannot just now, has not tried."""
        is_known = False
        try:
            yield
            is_known = True
        finally:
            if not is_known:
                self.throttles.take_back(attempt, self.now())

    def _note_wrong_code(self, account: int) -> None:
        times = self._wrong_codes.pop(account, None) or deque[float](maxlen=ONE_TIME_TRIES)
        times.append(self.now())
        self._wrong_codes[account] = times
        if len(self._wrong_codes) > REMEMBERED_MAX:
            del self._wrong_codes[next(iter(self._wrong_codes))]

    def _is_guessed_at(self, code: Code, typed: TypedCode | None) -> bool:
        """Whether others have been tried since this one-time code was made, as often as may be."""
        times = self._wrong_codes.get(code.account, ())
        return not (typed and typed.is_recovery) and len(times) == ONE_TIME_TRIES and min(times) >= code.made

    async def at_new_device(self, let_in: LetIn, new: NewDevice) -> LetIn | Refused:
        """Let in whoever it is, by a password, by a device of their own from now on, which shows its token the next time. Raises JournalError.

        But not if the password is another one by now: another node may have changed it, and this one not have heard of that.
        """
        account = let_in.account
        device = await self.accounts.add_device(account.id, new, self.now(), password=account.password)
        if isinstance(device, Refusal):
            return refused(device, let_in.account.name)
        return let_in._replace(device=device)

    def is_revoked(self, let_in: LetIn) -> bool:
        """Whether what was proved may let nobody in any more."""
        return self.revocations.were_since(let_in.account.id, let_in.moment)

    def is_fresh(self, at: float) -> bool:
        """Whether somebody who has proved at this time who they are need not do so again for what changes their account."""
        return abs(self.now() - at) < FRESH_SECONDS  # a clock that is set back makes it no longer

    async def hashed(self, password: Password, network: str) -> str | Refused:
        """A hash of a new password; refused if too many wait for theirs."""
        try:
            return await self.hashing.hashed(password, network)
        except Busy:
            return Refused("busy")

    async def may_register(self, typed: str, nick: str, network: str) -> Registering | Refused:
        """Whether somebody from there may register this name by this code now; if they may, it counts, unless it is taken back. Raises JournalError.

        Where everybody may register, no code ("") is good as well. What an owner registers by counts for no network: an operator has asked for it.
        """
        if typed:
            found = await self._invitation(typed, nick, network)
            if isinstance(found, Refused):
                return found
            if found.purpose == "owner":
                return Registering()
        if seconds := self.throttles.register(network, self.now()):
            return Refused("registered-too-often", {"minutes": str(ceil(seconds / 60))})
        return Registering(network)

    def take_back(self, registering: Registering) -> None:
        """Nothing was registered after all."""
        if registering.network:
            self.throttles.take_back_registering(registering.network, self.now())

    async def _invitation(self, typed: str, nick: str, network: str) -> Code | Refused:
        """The code by which somebody of this name may register, if it is one."""
        attempt = self.throttles.begin("invitations", network, self.now())
        if isinstance(attempt, Throttled):
            return Refused("too-many-tries", {"seconds": str(ceil(attempt.seconds))})
        code = parse_code(typed)
        with self._counted(attempt):
            known = await self.accounts.code(code.digest, self.now()) if code else None
        is_good = known is not None and known.may_register(name_key(nick), self.now())
        if known is not None and is_good and (known.purpose == "owner" or self.policy.registration != "closed"):
            self.throttles.take_back(attempt, self.now())
            return known
        self._note_failed(attempt, None)
        return Refused("wrong-code")

    def remember(self, account: int, network: str) -> None:
        """An account was made at this network: whoever tries its password there is no stranger."""
        self.throttles.registered(str(account), network, self.now())

    def _note_failed(self, attempt: Attempt, account: Account | None) -> None:
        now = self.now()
        self.throttles.failed(attempt, now)
        by_network, by_both = self.throttles.counts(attempt, now)
        self.accounts.note_failure(Failure(attempt.network, 0, by_network, now))
        if account is not None:
            self.accounts.note_failure(Failure(attempt.network, account.id, by_both, now))

    def _succeeded(self, attempt: Attempt, account: Account) -> FailedTries:
        now = self.now()
        failed = self.throttles.succeeded(attempt, now)
        self.accounts.note_failure(Failure(attempt.network, account.id, 0, now))
        return failed


def _whose(account: Account | None, nick: str) -> str:
    """For whom a try counts."""
    return f"name:{name_key(nick)}" if account is None else str(account.id)
