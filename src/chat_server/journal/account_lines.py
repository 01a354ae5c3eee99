"""The lines of an export that are about accounts: one for each, for what belongs to it, and for what was done by office. Pure.

Secrets stand in them, as hashes and digests, only if that is wanted; without them a device or a code is of no use, and is left out;
so is where somebody has come from, which is nobody else's affair.
"""

from collections.abc import Callable, Iterable, Iterator

from msgspec import Struct
from msgspec.structs import astuple, replace

from chat_server.accounts import Account, Code, Device, Ended, Ending, Record
from chat_server.accounts.acts import ServerAct
from chat_server.accounts.names_index import KeptName
from chat_server.accounts.networks import CameFrom
from chat_server.accounts.office import KeptAct
from chat_server.protocol.requests import HowMany
from chat_server.protocol.stored_event import Author


class AccountLine(Struct, frozen=True, tag_field="is", tag="account"):
    """An account."""

    account: Account


class DeviceLine(Struct, frozen=True, tag_field="is", tag="device"):
    """A device of one."""

    device: Device


class CodeLine(Struct, frozen=True, tag_field="is", tag="code"):
    """A code that may be used yet."""

    code: Code


class KeptNameLine(Struct, frozen=True, tag_field="is", tag="kept-name"):
    """A name that an account had."""

    key: str
    skeleton: str
    account: Author
    until: float


class CameFromLine(Struct, frozen=True, tag_field="is", tag="came-from"):
    """A network from which an account has logged in."""

    account: Author
    network: str
    at: float


class EndedLine(Struct, frozen=True, tag_field="is", tag="ended"):
    """An account whose lines stand under another name."""

    account: Author
    nick: str
    ending: Ending


class ActLine(Struct, frozen=True, tag_field="is", tag="act", omit_defaults=True):
    """What somebody has done by office: see office.KeptAct."""

    act: ServerAct
    is_lifted: bool = False
    room: str = ""
    gone: HowMany = 0


AccountLines = AccountLine | DeviceLine | CodeLine | KeptNameLine | CameFromLine | EndedLine | ActLine

_VALUES: dict[type[AccountLines], Callable[..., Record]] = {
    KeptNameLine: KeptName,
    CameFromLine: CameFrom,
    EndedLine: Ended,
    ActLine: KeptAct,
}
"""Of which values a line has all fields, in their order."""

TAGS = ("account", "device", "code", "kept-name", "came-from", "ended", "act")


def lines_of_accounts(records: Iterable[Record], *, with_secrets: bool) -> Iterator[AccountLines]:
    """The lines for what is kept of accounts."""
    for record in records:
        match record:
            case Account():
                yield AccountLine(record if with_secrets else replace(record, password=None))
            case Device() if with_secrets:
                yield DeviceLine(record)
            case Code() if with_secrets:
                yield CodeLine(record)
            case KeptName():
                yield KeptNameLine(*record)
            case CameFrom() if with_secrets:
                yield CameFromLine(*record)
            case Ended():
                yield EndedLine(*record)
            case KeptAct():
                yield ActLine(*record)


def record_of(line: AccountLines) -> Record:
    """What a line says is kept."""
    match line:
        case AccountLine():
            return line.account
        case DeviceLine():
            return line.device
        case CodeLine():
            return line.code
        case _:
            return _VALUES[type(line)](*astuple(line))
