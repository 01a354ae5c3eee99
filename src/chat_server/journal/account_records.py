"""What is kept of accounts, for exports and imports, whichever engine has it in tables. Never begins or ends a transaction; never knows SQL."""

from collections.abc import Iterable, Iterator
from typing import Protocol

from chat_server.accounts import Account, Code, Device, Ended, Record
from chat_server.accounts.acts import ServerAct
from chat_server.accounts.names_index import KeptName
from chat_server.accounts.networks import CameFrom, shortened
from chat_server.accounts.office import KeptAct
from chat_server.protocol.names import was_a_name
from chat_server.protocol.requests import NUMBER_MAX
from chat_server.protocol.time_zones import is_possible


class RecordTables(Protocol):
    """The tables of accounts, as far as what they keep moves to another engine."""

    def accounts(self, condition: str) -> Iterable[Account]:
        """The accounts of which something is so, in SQL."""
        ...

    def devices(self, condition: str) -> Iterable[Device]:
        """The devices of which something is so."""
        ...

    def codes(self, condition: str) -> Iterable[Code]:
        """The codes of which something is so."""
        ...

    def kept_names(self, condition: str) -> Iterable[KeptName]:
        """The names that are kept and of which something is so."""
        ...

    def came_from(self) -> Iterable[CameFrom]:
        """From which networks accounts have logged in."""
        ...

    def ended(self) -> Iterable[Ended]:
        """The accounts whose lines stand under another name."""
        ...

    def kept_acts(self) -> Iterable[KeptAct]:
        """What was done by office, on the server and then in rooms, each in its order."""
        ...

    def account(self, number: int) -> Account | None:
        """The account with this id."""

    def is_used(self, number: int) -> bool:
        """Whether this is the id of an account, or was."""
        ...

    # These raise ValueError for what is there already, or belongs to nothing.

    def put_account(self, new: Account) -> None:
        """Store an account."""

    def put_device(self, device: Device) -> None:
        """Store a device under its number."""

    def add_code(self, new: Code) -> None:
        """Store a code."""

    def put_kept_name(self, kept: KeptName) -> None:
        """Store a name that is kept."""

    def put_network(self, one: CameFrom) -> None:
        """Store from which network an account has logged in."""

    def put_done(self, ended: Ended) -> None:
        """Store that the lines of an account have been rewritten."""

    def put_act(self, kept: KeptAct) -> None:
        """Store what was done by office."""


def records(tables: RecordTables) -> Iterator[Record]:
    """Everything but failed tries."""
    yield from tables.accounts("true ORDER BY id")
    yield from tables.devices("true")
    yield from tables.codes("true")
    yield from tables.kept_names("true ORDER BY key")
    yield from tables.came_from()
    yield from tables.ended()
    yield from tables.kept_acts()


def add_record(tables: RecordTables, record: Record) -> None:
    """Store what was kept elsewhere. Raises ValueError if it is of an account that is not there, or there already."""
    match record:
        case Account():
            if tables.is_used(record.id):
                raise ValueError(f"account {record.id} is there already")
            if not was_a_name(record.name):
                raise ValueError(f"expected a name, got {record.name!r}")
            tables.put_account(record)
        case Device():
            _check_account(tables, record.account)
            tables.put_device(record)
        case Code():
            _check_code(tables, record)
            tables.add_code(record)
        case KeptName():
            tables.put_kept_name(record)
        case CameFrom():
            _check_network(tables, record)
            tables.put_network(record)
        case Ended():
            tables.put_done(record)
        case KeptAct():
            _check_act(record.act)
            tables.put_act(record)


def _check_account(tables: RecordTables, number: int) -> None:
    if tables.account(number) is None:
        raise ValueError("expected its account first")


def _check_code(tables: RecordTables, code: Code) -> None:
    if code.account:
        _check_account(tables, code.account)


def _check_network(tables: RecordTables, one: CameFrom) -> None:
    _check_account(tables, one.account)
    if not (one.network and one.network == shortened(one.network) and is_possible(one.at)):
        raise ValueError("expected a network, shortened, and a time in seconds since 1970")


def _check_act(act: ServerAct) -> None:
    if not (
        0 <= act.nth < NUMBER_MAX
        and (act.nth == 0) <= act.number < NUMBER_MAX
        and is_possible(act.at)
        and (not act.until or is_possible(act.until))
    ):
        raise ValueError("expected an act with a number, and times in seconds since 1970")
