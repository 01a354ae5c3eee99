"""What lets somebody in, made: codes of accounts, of operators and for those who are invited, and tokens of bots.

Each is returned as it is shown, once; only its digest is kept. Never knows who asks, nor whether they may.
"""

from collections.abc import Callable
from typing import Literal

from msgspec import Struct

from chat_server.accounts import Accounts, Code, Device, NewDevice
from chat_server.accounts.credentials import (
    ONE_TIME,
    RECOVERY,
    RECOVERY_CODES,
    NewCode,
    digest_of_token,
    new_bot_token,
    new_code,
)
from chat_server.accounts.names_index import Refusal
from chat_server.accounts.refusals import refused
from chat_server.protocol.events import Refused
from chat_server.protocol.names import name_key

DAY = 86400.0

DEVICE_SECONDS, INVITE_SECONDS, OPERATOR_SECONDS = 600.0, 86400.0, 3600.0
"""Seconds for which a code for a device is good, one for somebody who is invited, and one of an operator's: that is told to somebody on the way."""


class NewBot(Struct, frozen=True):
    """A bot's token as it is shown, once, and what is kept of it."""

    token: str
    device: Device

    def __repr__(self) -> str:
        return "NewBot(…)"


class Issuer:
    """Makes them for the accounts of one server."""

    def __init__(self, accounts: Accounts, clock: Callable[[], float]) -> None:
        """`clock` gives the time, in seconds since 1970."""
        self._accounts, self._clock = accounts, clock

    async def new_code(self, purpose: Literal["device", "invite"], account: int) -> NewCode | Refused:
        """A code that lets the account in elsewhere, instead of an earlier one; or one by which somebody may register. Raises JournalError."""
        made, now = new_code(), self._clock()
        seconds = DEVICE_SECONDS if purpose == "device" else INVITE_SECONDS
        code = Code(made.digest, purpose, now, now + seconds, account * (purpose == "device"), made_by=account)
        refusal = await self._accounts.make_codes([code], is_instead=purpose == "device")
        if refusal is not None:
            return refused(refusal, "")
        return made

    async def new_recovery(self, account: int) -> list[NewCode] | Refused:
        """New recovery codes, instead of those that there are. Raises JournalError."""
        made, now = [new_code(RECOVERY) for _ in range(RECOVERY_CODES)], self._clock()
        codes = [Code(code.digest, "recovery", now, None, account, made_by=account) for code in made]
        refusal = await self._accounts.make_codes(codes, is_instead=True)
        return refused(refusal, "") if refusal is not None else made

    async def operators_code(
        self, purpose: Literal["login", "owner"], account: int, name: str = "", *, is_long: bool = False
    ) -> NewCode | Refused:
        """A code of an operator's, instead of an earlier one for the same: it lets the account in, or makes an owner of it; or of whoever registers.

        Args:
            purpose: what it is for.
            account: whose it is; 0: it is for somebody who is to register
            name: by this name.
            is_long: whether it is as long as a recovery code, so that no wrong tries make it useless; it is a secret then, as those are.

        Raises:
            JournalError: it cannot be stored.

        """
        made, now = new_code(RECOVERY if is_long else ONE_TIME), self._clock()
        code = Code(made.digest, purpose, now, now + OPERATOR_SECONDS, account, "" if account else name_key(name))
        refusal = await self._accounts.make_codes([code], is_instead=True)
        return made if refusal is None else refused(refusal, name)

    async def new_bot(
        self, account: int, name: str, rooms: tuple[str, ...] | None, days: int | None
    ) -> NewBot | Refused:
        """A token by which a bot logs in as this account; `rooms` and `days` are what it is limited to. Raises JournalError."""
        token, now = new_bot_token(), self._clock()
        for one in await self._accounts.devices(account):
            if one.kind == "bot" and name_key(one.name) == name_key(name) and (one.ends is None or one.ends > now):
                return Refused("name-taken", {"nick": name})
        ends = None if days is None else now + days * DAY
        new = NewDevice(name, digest_of_token(token), "bot", ends=ends, rooms=rooms)
        device = await self._accounts.add_device(account, new, now)
        return refused(device, "") if isinstance(device, Refusal) else NewBot(token, device)
