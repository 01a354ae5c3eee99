"""How accounts, their devices and codes stand in rows of tables, whichever engine has these: one order of columns, and the values made of them.

What somebody may have written into a table by hand is made fit to be shown. Pure; never knows how a row is asked for.
"""

from collections.abc import Sequence
from typing import Any

import msgspec

from chat_server.accounts import Account, Choices, Code, Device
from chat_server.journal.showable import showable_name, showable_topic
from chat_server.protocol.names import NAME_MAX

ACCOUNT = "id, name, skeleton, made, password, invited_by, role, state, ending, closes_at, choices, seen"
"""The columns of an account that are read; one that is stored has its key besides (`values_of`)."""

DEVICE = "id, account, name, digest, made, kind, seen, network, ends"
"""The columns of a device; what is read has, after these, the names of the rooms that it is limited to (a JSON list), or NULL."""

CODE = "digest, purpose, made, ends, account, name, made_by, uses"
"""The columns of a code; what is read has, after these, the names of its rooms (a JSON list)."""

KEPT_NAME = "key, skeleton, account, until"
FAILURE = "network, account, count, at"
CAME_FROM = "account, network, at"
ENDED = "account, nick, ending"

_choices = msgspec.json.Decoder(Choices)
_names = msgspec.json.Decoder(tuple[str, ...])


def account_of(row: Sequence[Any]) -> Account:
    """The account in a row."""
    number, name, *columns, choices, seen = row
    return Account(*(number, shown(name), *columns, _choices.decode(choices), seen))


def values_of(account: Account) -> tuple[object, ...]:
    """What stands in an account's row, its key last."""
    return (
        *(account.id, account.name, account.skeleton, account.made, account.password, account.invited_by),
        *(account.role, account.state, account.ending, account.closes_at),
        *(msgspec.json.encode(account.choices).decode(), account.seen, account.key),
    )


def shown(name: str) -> str:
    """The name as it may be shown, whoever has written it into the table. Most of them need no look at each letter."""
    is_plain = name.isascii() and len(name) <= NAME_MAX and name.replace("-", "a").replace("_", "a").isalnum()
    return name if is_plain else showable_name(name)


def device_of(row: Sequence[Any]) -> Device:
    """The device in a row."""
    number, account, name, *columns, rooms = row
    shown_name = showable_topic(name)
    return Device(*(number, account, shown_name, *columns, None if rooms is None else _names.decode(rooms)))


def code_of(row: Sequence[Any]) -> Code:
    """The code in a row."""
    *columns, rooms = row
    return Code(*(*columns, _names.decode(rooms)))
