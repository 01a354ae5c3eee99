"""What an operator may ask of a running server, and what it answers: JSON lines, one request, then answers of which the last is `done` or `not-done`.

Values. Imports nothing of ours but the protocol, so that the command need not wait for a server's imports. Never knows who asks, nor what is done.
"""

from functools import reduce
from operator import or_
from typing import Annotated, Literal

import msgspec
from msgspec import UNSET, Meta, Struct, UnsetType

from chat_server.protocol.requests import NUMBER_MAX
from chat_server.server.admin_figures import Figures
from chat_server.server.admin_handover import HANDOVER_ANSWERS, HANDOVER_REQUESTS
from chat_server.server.admin_office import OFFICE_ANSWERS, OFFICE_REQUESTS
from chat_server.server.admin_protocol import ADMIN_PROTOCOL, REASON_MAX, AdminAnswer, AdminRequest, Name

REQUEST_MAX = 4096
"""Bytes in a request, without the end of its line."""


class Who(AdminRequest, frozen=True):
    """Who is connected."""


class Kick(AdminRequest, frozen=True):
    """End all sessions of somebody, and tell them why."""

    name: Name
    reason: Annotated[str, Meta(max_length=REASON_MAX)] = ""


class Rooms(AdminRequest, frozen=True):
    """Which rooms there are."""


class RenameRoom(AdminRequest, frozen=True):
    """Give a room, named by its name or its place in the list (`#3`), another name."""

    room: Name
    name: Name


class DeleteRoom(AdminRequest, frozen=True):
    """Delete a room, with everything that was said in it."""

    room: Name


class ListNodes(AdminRequest, frozen=True):
    """Which nodes there are, where several are one server."""


class Stats(AdminRequest, frozen=True):
    """How the server is."""


class LogLevel(AdminRequest, frozen=True):
    """How much is logged from now on, until the server ends; without a level: how much is."""

    level: Literal["", "normal", "verbose"] = ""


class HowItIs(AdminRequest, frozen=True):
    """Whether all is well with the server, and whether callers should be sent there."""


class Reload(AdminRequest, frozen=True):
    """Read the configuration again, and the certificate of TLS, and use them from now on."""


class MakeOwner(AdminRequest, frozen=True):
    """Make a code by which somebody becomes an owner: whoever registers by this name, or the account that has it."""

    name: Name


class MakeCode(AdminRequest, frozen=True):
    """Make a code that lets an account in, for a password that is forgotten; a long one is a secret, and no wrong tries make it useless."""

    name: Name
    is_long: bool = False


class ListAccounts(AdminRequest, frozen=True):
    """Which accounts there are, in the order of their names: ACCOUNTS_AT_ONCE at most, of those after this one."""

    after: Name = ""


class ShowAccount(AdminRequest, frozen=True):
    """How an account is."""

    name: Name


class EndAccount(AdminRequest, frozen=True):
    """End an account now, for good, and all its sessions."""

    name: Name
    ending: Literal["close", "anonymise", "erase"]


class RestoreAccount(AdminRequest, frozen=True):
    """Have an account go on whose end its holder has asked for."""

    name: Name


class ListDevices(AdminRequest, frozen=True):
    """Which devices an account has."""

    name: Name


class DropDevices(AdminRequest, frozen=True):
    """Drop a device of an account, and end its sessions; without a number all, and whatever is logged in without one."""

    name: Name
    device: Annotated[int, Meta(ge=0, le=NUMBER_MAX)] = 0


ROOMS_COMMAND = "chat-server admin rooms"
"""What lists the rooms of a running server, for whoever asks for one that is not there."""

ACCOUNTS_AT_ONCE = 100
"""Accounts in one answer; whoever wants the next ones asks for those after the last."""

REQUESTS: tuple[type[AdminRequest], ...] = (
    *(Who, Kick, Rooms, RenameRoom, DeleteRoom, ListNodes, Stats, LogLevel, HowItIs, Reload),
    *(MakeOwner, MakeCode, ListAccounts, ShowAccount, EndAccount, RestoreAccount, ListDevices, DropDevices),
    *OFFICE_REQUESTS,
    *HANDOVER_REQUESTS,
)


class Connected(AdminAnswer, frozen=True):
    """A session: of whom ("": they have not logged in), `by` what, from where, in which rooms, for how long, and how many bytes wait for it.

    A `guest` has no account, where anybody has one. `node` is where they are, where several nodes are one server.
    """

    nick: str
    by: str
    address: str
    rooms: tuple[str, ...]
    seconds: float
    waiting: int
    guest: bool = False
    node: str | UnsetType = UNSET


class EndedElsewhere(Struct, frozen=True):
    """So many sessions of somebody's have ended at another node; None: that has not said so in time."""

    node: str
    sessions: int | None


class Kicked(AdminAnswer, frozen=True):
    """So many sessions of this person's have ended here; and where several nodes are one server, at the others where they were."""

    nick: str
    sessions: int
    node: str | UnsetType = UNSET
    elsewhere: tuple[EndedElsewhere, ...] | UnsetType = UNSET
    """Empty where they were nowhere else; not there, while the engine does not say where they are."""


class RoomShown(AdminAnswer, frozen=True):
    """A room: its place in the list, who is in it, the numbers of the lines that are kept of it."""

    number: int
    name: str
    people: int
    first: int
    last: int
    topic: str


class Renamed(AdminAnswer, frozen=True):
    """A room has another name."""

    old: str
    new: str


class Deleted(AdminAnswer, frozen=True):
    """A room is deleted, with so many lines. `left` says why what was said is in the files still; "" if it is not."""

    room: str
    lines: int
    left: str


class NodeShown(AdminAnswer, frozen=True):
    """A node: since how many seconds it is one, and for how many nothing was heard of it; how many people are there.

    One that `is_leaving` ends in order; `is_this` one has answered.
    """

    number: int
    name: str
    seconds: float
    silent: float
    people: int
    is_leaving: bool
    is_this: bool


class LogLevelShown(AdminAnswer, frozen=True):
    """How much is logged."""

    level: str


class HowItIsShown(AdminAnswer, frozen=True):
    """What is wrong with the server, and why callers should not be sent there; "" where that is nothing."""

    trouble: str
    not_ready: str


class ConfigReloaded(AdminAnswer, frozen=True):
    """The configuration has been read again (see ConfigInUse), and these settings are others than before (`limits.rooms`).

    Those that are `waiting` are others in the file, and are used from the next start on.
    """

    generation: int
    changed: tuple[str, ...]
    waiting: tuple[str, ...]


class CodeMade(AdminAnswer, frozen=True):
    """There is a code, for so many seconds: it lets somebody in as `nick`, or to register by that name if it `is_new`; as an owner if `is_owner`.

    One that `is_long` is a secret; another may be seen.
    """

    nick: str
    code: str
    seconds: float
    is_new: bool
    is_owner: bool
    is_long: bool = False

    def __repr__(self) -> str:
        return f"CodeMade(nick={self.nick!r})"


class AccountListed(AdminAnswer, frozen=True):
    """An account: whether it is a member's or an owner's; active, closing or closed; made and used last at these times, in seconds since 1970."""

    nick: str
    role: str
    state: str
    made: float
    seen: float


class AccountDetails(AdminAnswer, frozen=True):
    """An account, and what lets somebody in to it: devices, recovery codes, a password. `sessions` are those that it has now.

    `invited_by` is whose invitation it was made by, "" if nobody's. `ending` is how it ends or has ended, "" if it does not; `ends_at` is when, if
    that is to come.
    """

    nick: str
    role: str
    state: str
    made: float
    seen: float
    invited_by: str
    has_password: bool
    devices: int
    recovery_codes: int
    sessions: int
    ending: str
    ends_at: float


class AccountEnded(AdminAnswer, frozen=True):
    """An account has ended; its lines stand under the name `lines_of`, without what they said if it is erased. So many sessions have ended."""

    nick: str
    ending: str
    lines_of: str
    sessions: int


class AccountRestored(AdminAnswer, frozen=True):
    """An account goes on."""

    nick: str


class DeviceListed(AdminAnswer, frozen=True):
    """A device of an account: a program that logs in by itself. Times are in seconds since 1970; `ends` is when it lets in no more, 0 for never."""

    nick: str
    device: int
    name: str
    kind: str
    made: float
    seen: float
    network: str
    ends: float
    is_here: bool


class DevicesDropped(AdminAnswer, frozen=True):
    """These devices of an account's let nobody in any more, and so many sessions have ended; `bots` of them were bots' tokens."""

    nick: str
    devices: tuple[int, ...]
    bots: int
    sessions: int


class Done(AdminAnswer, frozen=True):
    """Nothing more follows."""


class NotDone(AdminAnswer, frozen=True):
    """It was not done: `why`, in a sentence, by a server of this release. Nothing more follows."""

    why: str
    version: str


ANSWERS: tuple[type[AdminAnswer], ...] = (
    *(Connected, Kicked, RoomShown, Renamed, Deleted, NodeShown, Figures, LogLevelShown, HowItIsShown),
    ConfigReloaded,
    *(CodeMade, AccountListed, AccountDetails, AccountEnded, AccountRestored, DeviceListed, DevicesDropped),
    *OFFICE_ANSWERS,
    *HANDOVER_ANSWERS,
    *(Done, NotDone),
)


class UnreadableRequest(ValueError):
    """It is no request of ours; the sentence says what is wrong."""


class _Envelope(Struct):
    """What every version of the protocol has."""

    protocol: int = 0


def decoded_request(line: bytes) -> AdminRequest:
    """The request in a line. Raises UnreadableRequest."""
    try:
        protocol = _ENVELOPE.decode(line).protocol
        if protocol != ADMIN_PROTOCOL:
            raise UnreadableRequest(
                "this command is of another release than the server: use the server's own chat-server"
            )
        return _REQUEST.decode(line)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise UnreadableRequest(f"the server cannot read the request: {error}") from None


def decoded_answer(line: bytes) -> AdminAnswer:
    """The answer in a line. Raises ValueError."""
    return _ANSWER.decode(line)


_ENVELOPE = msgspec.json.Decoder(_Envelope)
_REQUEST: msgspec.json.Decoder[AdminRequest] = msgspec.json.Decoder(reduce(or_, REQUESTS))
_ANSWER: msgspec.json.Decoder[AdminAnswer] = msgspec.json.Decoder(reduce(or_, ANSWERS))
