"""What cannot be so of the rows of accounts, whichever engine has these: for `check-journal`, since somebody may have written there by hand."""

from collections.abc import Callable, Iterable, Iterator
from typing import Any, get_args

import msgspec

from chat_server.accounts import Choices, DeviceKind, Ending, Purpose, Role, State
from chat_server.protocol.names import name_key, was_a_name
from chat_server.protocol.requests import NUMBER_MAX

_BELONGING = (
    ("device", "SELECT name FROM device WHERE account NOT IN (SELECT id FROM account WHERE state != 'closed')"),
    (
        "code",
        "SELECT purpose FROM code WHERE account != 0 AND account NOT IN (SELECT id FROM account WHERE state != 'closed')",
    ),
    (
        "network of an account",
        "SELECT network FROM came_from WHERE account NOT IN (SELECT id FROM account WHERE state != 'closed')",
    ),
    ("room of a device", "SELECT device FROM device_room WHERE device NOT IN (SELECT id FROM device)"),
    ("room of a device", "SELECT device FROM device_room WHERE room NOT IN (SELECT id FROM room)"),
    ("room of a code", "SELECT code FROM code_room WHERE code NOT IN (SELECT id FROM code)"),
    ("room of a code", "SELECT code FROM code_room WHERE room NOT IN (SELECT id FROM room)"),
)
"""What belongs to nothing."""

_WORDS = (
    ("account", "role", get_args(Role)),
    ("account", "state", get_args(State)),
    ("device", "kind", get_args(DeviceKind)),
    ("code", "purpose", get_args(Purpose)),
    ("ended", "ending", get_args(Ending)),
)
"""The words that may stand in a column."""

Ask = Callable[[str], Iterable[Any]]
"""Asks the tables, and gives the rows."""

_choices = msgspec.json.Decoder(Choices)


def account_problems(ask: Ask) -> list[str]:
    """What is wrong with accounts, one sentence for each row."""
    return [*_loose(ask), *_accounts(ask)]


def _loose(ask: Ask) -> Iterator[str]:
    for what, question in _BELONGING:
        for (name,) in ask(question):
            yield f"a {what} ({name!r}) belongs to nothing"
    for table, column, words in _WORDS:
        for (word,) in ask(f"SELECT {column} FROM {table}"):  # noqa: S608 - the names stand above
            if word not in words:
                yield f"{table}: {word!r} is no {column}"
    question = "SELECT account FROM ended WHERE account IN (SELECT id FROM account WHERE state != 'closed')"
    for (number,) in ask(question):
        yield f"account {number} has ended, and is not closed"


def _accounts(ask: Ask) -> Iterator[str]:
    question = "SELECT id, name, key, password, state, ending, choices FROM account ORDER BY id"
    for number, name, key, password, state, ending, choices in ask(question):
        where = f"account {number} ({name!r})"
        if not 0 < number <= NUMBER_MAX:
            yield f"{where}: its number cannot be one"
        if not was_a_name(name):
            yield f"{where}: that is no name"
        if key != name_key(name):
            yield f"{where}: {key!r} is not what names that count as the same share"
        if state == "closed" and password is not None:
            yield f"{where}: it is closed, and has a password"
        if (ending is None) != (state == "active") or ending not in (None, *get_args(Ending)):
            yield f"{where}: it is {state}, and its end is {ending!r}"
        try:
            _choices.decode(choices)
        except msgspec.DecodeError:
            yield f"{where}: what it has chosen cannot be read"
