"""Who has an account, and what belongs to it: the one protocol of every store of accounts, its values, and what it refuses.

An account is kept by the engine that keeps the journal (journal/engines.py), so that it and what it takes along from a guest are one commit.
Secrets are known here by their digests alone. Never knows passwords, sessions, doors, nor how a code is typed.
"""

from collections.abc import Collection, Mapping, Sequence
from typing import Literal, NamedTuple, Protocol

from msgspec import Struct

from chat_server.accounts.cases import Cases
from chat_server.accounts.names_index import KeptName, NamesIndex, Refusal
from chat_server.accounts.networks import CameFrom
from chat_server.accounts.office import Acts, KeptAct
from chat_server.protocol.entries import Entry
from chat_server.protocol.names import name_key
from chat_server.protocol.stored_event import Author

KEPT_SECONDS = 90 * 86400.0
"""Seconds for which a name that an account had is kept from everybody else."""

KEPT_NAMES_MAX = 10
"""Names that are kept for one account, those that it had first: else one that is renamed all day would take them all, or lose its own."""

CHANGE_OF_MIND_SECONDS = 7 * 86400.0
"""Seconds between asking for an account's end and its end, in which a login takes it back."""

DEVICES_MAX = 25
"""Devices of one account, bots included."""

CODES_MAX = 50
"""Codes that may be used yet and that one account has made, or that are for it."""

CARRIED_MAX = 5000
"""Keys, the newest, that a guest takes along into an account: what a client sends again it has sent a moment ago, and nothing may take long."""

FAILURES_MAX = 10_000
"""Networks, and networks with accounts, of which failed tries are remembered; beyond it those are forgotten that have been quiet longest."""

FAILURE_SECONDS = 30 * 86400.0
"""Seconds after which a failed try is forgotten."""

Role = Literal["member", "moderator", "admin", "owner"]
State = Literal["active", "closing", "closed"]
Ending = Literal["close", "anonymise", "erase"]
"""How an account ends: its lines stay under its name; they stay under a name that says nothing; their texts go."""

DeviceKind = Literal["device", "bot"]
Purpose = Literal["login", "device", "invite", "recovery", "owner"]
Choices = Mapping[str, Mapping[str, str | int | bool | None]]
"""What somebody has chosen, by kind of door; under "" what holds wherever they are."""


def with_choices(choices: Choices, chosen: Choices) -> Choices:
    """What somebody has chosen who has chosen something more, or otherwise; what is chosen to be None is not chosen any more."""
    together = {kind: {**choices.get(kind, {}), **chosen.get(kind, {})} for kind in {**choices, **chosen}}
    for kind, values in chosen.items():
        for name in [name for name, value in values.items() if value is None]:
            del together[kind][name]
    return together


def sender_of(account: int) -> str:
    """Who an account is to the journal, whatever its name becomes: for keys and read positions. No other sender's text begins so."""
    return f"account:{account}"


def is_account(sender: str) -> bool:
    """Whether a sender is an account."""
    return sender.startswith(sender_of(0)[:-1])


class Account(Struct, frozen=True):
    """Somebody who has a name of their own. `id` is random, and no other account's ever.

    `password` is a hash of it; None: there is none. `closes_at` is when one that is `closing` ends as `ending` says. `seen` is when it was last used.
    """

    id: Author
    name: str
    skeleton: str
    made: float
    password: str | None = None
    invited_by: Author = 0
    role: Role = "member"
    state: State = "active"
    ending: Ending | None = None
    closes_at: float = 0.0
    choices: Choices = {}
    seen: float = 0.0

    @property
    def key(self) -> str:
        """What its name shares with those that count as the same."""
        return name_key(self.name)

    def is_due(self, at: float) -> bool:
        """Whether it is to end, and its time has come."""
        return self.state == "closing" and self.closes_at <= at

    def __repr__(self) -> str:
        return f"Account(id={self.id}, name={self.name!r}, state={self.state!r})"


class NewDevice(Struct, frozen=True):
    """A device to add: `digest` is its token's, `ends` when the token does (None: never), `rooms` those that it is limited to (None: it is not)."""

    name: str
    digest: bytes
    kind: DeviceKind = "device"
    network: str = ""
    ends: float | None = None
    rooms: tuple[str, ...] | None = None

    def __repr__(self) -> str:
        return f"NewDevice(name={self.name!r}, kind={self.kind!r})"


class Device(Struct, frozen=True):
    """What logs in as an account by a token of its own. Its number is no other's ever; see NewDevice."""

    id: int
    account: Author
    name: str
    digest: bytes
    made: float
    kind: DeviceKind = "device"
    seen: float = 0.0
    network: str = ""
    ends: float | None = None
    rooms: tuple[str, ...] | None = None

    def __repr__(self) -> str:
        return f"Device(id={self.id}, account={self.account}, name={self.name!r}, kind={self.kind!r})"


class Code(Struct, frozen=True):
    """A code that may be used `uses` times until `ends` (None: for ever).

    `account` is whom it lets in, 0 for nobody yet; `name` is the key of the one name that may register by it, "" for any; `rooms` are those that
    whoever uses it is to enter.
    """

    digest: bytes
    purpose: Purpose
    made: float
    ends: float | None
    account: Author = 0
    name: str = ""
    made_by: Author = 0
    uses: int = 1
    rooms: tuple[str, ...] = ()

    def is_good(self, at: float) -> bool:
        """Whether it may be used at this time."""
        return self.uses > 0 and (self.ends is None or self.ends > at)

    def may_register(self, key: str, at: float) -> bool:
        """Whether an account whose name has this key may be made by it."""
        return self.is_good(at) and self.purpose in {"invite", "owner"} and self.name in {"", key} and not self.account

    def __repr__(self) -> str:
        return f"Code(purpose={self.purpose!r}, account={self.account})"


class Failure(Struct, frozen=True):
    """So many failed tries from a network, the last of them at a time: for an account, or (0) for any."""

    network: str
    account: Author
    count: int
    at: float


class Registration(Struct, frozen=True):
    """What is stored when somebody registers: the account, and what comes with it.

    `sender` and `person` are whose keys and read positions it takes along, "" for nobody's; `code` is what is used up by it, None for nothing.
    `claimed_by` is who has the name at nodes of the same journal (a PersonId, see journal/happened.py), and may.
    """

    name: str
    skeleton: str
    password: str | None = None
    device: NewDevice | None = None
    recovery: tuple[bytes, ...] = ()
    code: bytes | None = None
    sender: str = ""
    person: str = ""
    choices: Choices = {}
    claimed_by: str = ""

    def __repr__(self) -> str:
        return f"Registration(name={self.name!r})"


class Holder(NamedTuple):
    """An account, and the device by which it was found or that was made with it; the rooms of a code that was used."""

    account: Account
    device: Device | None = None
    rooms: tuple[str, ...] = ()


class Ended(NamedTuple):
    """An account that has ended, and whose lines stand under this name, or are to; with their texts erased, or not."""

    account: int
    nick: str
    ending: Ending


Record = Account | Device | Code | KeptName | CameFrom | Ended | KeptAct
"""What is kept of accounts and survives an export."""


class OwnLines(NamedTuple):
    """Lines of one account's, oldest first. The next ones come `after` this position; None: these were the last."""

    lines: list[Entry]
    after: int | None


class Rewritten(NamedTuple):
    """What became of an account's lines when it ended: under which name they stand now, and in which rooms they stand otherwise than before.

    `topics` are the topics that have been erased, by room.
    """

    nick: str
    rooms: frozenset[str] = frozenset()
    topics: Mapping[str, str] = {}


class Accounts(Protocol):
    """Everybody's accounts. Stored while the journal of the same engine runs.

    Every method that waits is one commit, or reads, and may raise JournalError: then nothing has changed. Times are given, in seconds since 1970.
    """

    @property
    def acts(self) -> Acts:
        """What moderators and admins of the server do."""
        ...

    @property
    def names(self) -> NamesIndex:
        """Which names accounts have or had: level with what is stored by the time that whoever stored it goes on.

        It is level with what other nodes have stored by the time that `catch_up` returns which is called when they tell of it.
        """
        ...

    @property
    def cases(self) -> Cases:
        """What waits for moderators."""

    async def catch_up(self) -> None:
        """Take into `names` what other nodes have stored: after each AccountChanged of theirs (journal/happened.py). Harmless at any other time."""

    # Accounts.

    async def register(self, new: Registration, at: float) -> Holder | Refusal:
        """Make an account, with its device, its recovery codes and what it takes along; refused if its name is not free or its code no good."""
        ...

    async def account(self, account: int) -> Account | None:
        """The account with this id."""
        ...

    async def find(self, key: str) -> Account | None:
        """The account with this name's key."""
        ...

    async def by_token(self, digest: bytes, at: float) -> Holder | None:
        """The account, and the device, with this token; None too if the device has ended."""
        ...

    async def listed(self, after: str, limit: int) -> list[Account]:
        """The accounts whose names' keys come after this one, in their order; at most so many."""
        ...

    async def has_owner(self) -> bool:
        """Whether an account that is not closed is an owner's."""
        ...

    async def rename(self, account: int, name: str, skeleton: str, at: float) -> Account | Refusal:
        """Give an account another name. The old one is kept from others for KEPT_SECONDS, as one of KEPT_NAMES_MAX."""
        ...

    async def change_password(self, account: int, password: str | None, keep: Collection[int]) -> None:
        """Store the hash of another password; every device of the account is dropped but these, and the codes that let one more in."""

    def rehash(self, account: int, old: str, new: str) -> None:
        """Have another hash of the same password stored, unless that has been changed meanwhile: `old` is what is stored no more. Never blocks.

        Nobody who logs in waits for it, nor is kept from that if it cannot be stored.
        """

    async def add_choices(self, account: int, chosen: Choices) -> None:
        """Store what somebody has just chosen, beside whatever else they have chosen before."""

    def note_seen(self, account: int, device: int, network: str, at: float) -> None:
        """Note that an account was used, by a device (0: by none) from a network. Never blocks; stored within a second or so."""

    # Devices.

    async def devices(self, account: int) -> list[Device]:
        """The devices of an account, the oldest first."""
        ...

    async def add_device(
        self, account: int, new: NewDevice, at: float, *, password: str | None = None
    ) -> Device | Refusal:
        """Add a device; refused if the account has DEVICES_MAX, or is closed, or if the token is another's.

        `password` is the hash of the password by which it is added: refused too if the account has another one by now.
        """
        ...

    async def drop_devices(
        self, account: int, devices: Collection[int], *, why: str = "dropped", is_all: bool = False
    ) -> list[int]:
        """Drop those of these devices that are the account's; return which. The codes that let one more in are gone in any case.

        Sessions at other nodes end that have come by them, and are told `why` (a reason of Dismissed); with `is_all`, all sessions there.
        """
        ...

    # Codes.

    async def make_codes(self, codes: Sequence[Code], *, is_instead: bool = False) -> Refusal | None:
        """Make codes, all or none; refused if there are CODES_MAX of whoever makes them or is let in by them.

        Those that operators make for an account are counted by themselves: nobody keeps them from letting it in by making many. With `is_instead`,
        the codes that their account, or whoever is to register by their name, had for the same purpose are gone.
        """
        ...

    async def code(self, digest: bytes, at: float) -> Code | None:
        """The code, if it may be used now."""
        ...

    async def codes(self, account: int) -> list[Code]:
        """The codes that an account has made, or that are for it."""
        ...

    async def use_code(self, digest: bytes, at: float, device: NewDevice | None = None) -> Holder | Refusal:
        """Use a code that lets an account in, and add a device to that. One for its owner makes it an owner.

        Refused if the code is no good now, or the device cannot be added: then it is not used.
        """
        ...

    # Failed tries.

    async def failures(self) -> list[Failure]:
        """What was noted last for each network and account: FAILURES_MAX at most, those that have been quiet longest first."""
        ...

    def note_failure(self, failure: Failure) -> None:
        """Note how many tries have failed by now; none, and it is forgotten. Never blocks; stored within a second or so."""

    # The end.

    async def begin_end(self, account: int, ending: Ending, closes_at: float) -> bool:
        """Have an account end later, and drop its devices, and the codes that let one more in: no program takes that back.

        Returns whether it was active.
        """
        ...

    async def take_back_end(self, account: int) -> bool:
        """Have it go on. Returns whether it was about to end."""
        ...

    async def due(self, at: float) -> list[Account]:
        """The accounts whose time has come."""
        ...

    async def end(self, account: int, ending: Ending, at: float, *, is_due: bool = False) -> Rewritten | None:
        """End an account now: its devices, codes, password and choices are gone for good, and its lines are as its end says.

        The account is closed by one commit; then its lines are rewritten, some at a time, whatever happens meanwhile: what is left of it is done
        when the store is next opened. None: it was closed already; or, with `is_due`, its time has
        not come, for its end has been taken back.
        """
        ...

    async def lines_of(self, account: int, after: int, limit: int) -> OwnLines:
        """Some of an account's lines, of all rooms, in the order in which they were stored: those after a position, 0 for the first."""
        ...

    async def forget_old(self, at: float) -> int:
        """Forget some codes and devices that have ended, names that need not be kept, and failed tries; return how many: 0 if there are no more."""
        ...
