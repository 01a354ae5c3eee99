"""The command `chat-server admin`: what an operator asks of the server that runs on this machine.

Knows arguments, the server's Unix socket, and what is said on the terminal. Never knows what is done, nor Trio.
"""

import argparse
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing, suppress
from typing import Any

import msgspec

from chat_server import __version__, console
from chat_server.admin_shown import lines_of
from chat_server.config import Config
from chat_server.journal import RoomRecord, UnusableJournal
from chat_server.journal.archive import FileProblem
from chat_server.journal.engines import engine_named
from chat_server.journal.rooms import find_room
from chat_server.protocol.names import name_key
from chat_server.protocol.requests import NUMBER_MAX
from chat_server.rooms_cli import deleting, is_confirmed, warn_of_configuration
from chat_server.server.admin_office import PANIC_MINUTES_MAX, GiveRole, SetPanic
from chat_server.server.admin_protocol import REASON_MAX, AdminAnswer, AdminRequest
from chat_server.server.admin_requests import (
    ACCOUNTS_AT_ONCE,
    ROOMS_COMMAND,
    AccountDetails,
    AccountListed,
    Deleted,
    DeleteRoom,
    Done,
    DropDevices,
    EndAccount,
    Kick,
    ListAccounts,
    ListDevices,
    ListNodes,
    LogLevel,
    MakeCode,
    MakeOwner,
    NotDone,
    Reload,
    Renamed,
    RenameRoom,
    RestoreAccount,
    Rooms,
    RoomShown,
    ShowAccount,
    Stats,
    Who,
    decoded_answer,
)
from chat_server.server.admin_socket import NoWayIn, connect_to

PATIENCE = 90.0
"""Seconds for which nothing may come from the server: what takes longest there is to wait for a disk."""


DIGITS_MAX = 16
"""Digits in the number of a device."""


class NotAnswered(Exception):
    """It was not done, or nobody knows; the sentence says why."""


def run_admin_command(chosen: argparse.Namespace, config: Config) -> int:
    """Run one of them. Returns the exit code: 0 well, 1 it was not confirmed, 2 it could not be done."""
    try:
        request = _request(chosen)
        if isinstance(request, DeleteRoom | EndAccount) and not chosen.yes:
            confirmed = _confirmed(config, request)
            if confirmed is None:
                console.say("nothing was deleted" if isinstance(request, DeleteRoom) else "nothing was changed")
                return 1
            request = confirmed
        answers = _all_accounts(config) if isinstance(request, ListAccounts) else _ask(config, request)
        if getattr(chosen, "json", False):
            for answer in answers:
                console.say(msgspec.json.encode(answer).decode())
        else:
            _show([*answers], config)
    except (NoWayIn, NotAnswered, FileProblem, UnusableJournal) as error:
        for line in str(error).splitlines():  # of a file of settings all mistakes are told
            console.complain("chat-server", line)
        return 2
    return 0


def _request(chosen: argparse.Namespace) -> AdminRequest:
    """What the arguments ask for. Raises NotAnswered if that cannot be asked."""
    return _REQUESTS[chosen.admin_command](chosen)


def _kick(chosen: argparse.Namespace) -> AdminRequest:
    reason = " ".join(chosen.reason)
    if len(reason) > REASON_MAX:
        raise NotAnswered(f"a reason has at most {REASON_MAX} characters")
    return Kick(name=chosen.name, reason=reason)


def _about_rooms(chosen: argparse.Namespace) -> AdminRequest:
    match chosen.rooms_command:
        case "rename":
            return RenameRoom(room=chosen.room, name=chosen.name)
        case "delete":
            return DeleteRoom(room=chosen.room)
        case _:
            return Rooms()


def _about_accounts(chosen: argparse.Namespace) -> AdminRequest:
    match chosen.act:
        case "close" | "anonymise" | "erase":
            return EndAccount(name=chosen.name, ending=chosen.act)
        case "restore":
            return RestoreAccount(name=chosen.name)
        case _:
            return ShowAccount(name=chosen.name) if chosen.name else ListAccounts()


def _about_devices(chosen: argparse.Namespace) -> AdminRequest:
    if not chosen.act:
        return ListDevices(name=chosen.name)
    which = chosen.device.removeprefix("#")
    if which == "all":
        return DropDevices(name=chosen.name)
    if not (which.isascii() and which.isdecimal() and len(which) <= DIGITS_MAX and 0 < int(which) <= NUMBER_MAX):
        raise NotAnswered(
            f"say which one: `chat-server admin devices {chosen.name}` lists their numbers; `drop all` drops all"
        )
    return DropDevices(name=chosen.name, device=int(which))


def _about_panic(chosen: argparse.Namespace) -> AdminRequest:
    if chosen.state is None:
        return SetPanic()
    if not 1 <= chosen.minutes <= PANIC_MINUTES_MAX:
        raise NotAnswered(f"minutes: 1 to {PANIC_MINUTES_MAX}")
    return SetPanic(minutes=chosen.minutes if chosen.state == "on" else 0)


_REQUESTS: dict[str, Callable[[argparse.Namespace], AdminRequest]] = {
    "who": lambda _: Who(),
    "kick": _kick,
    "rooms": _about_rooms,
    "nodes": lambda _: ListNodes(),
    "stats": lambda _: Stats(),
    "log-level": lambda chosen: LogLevel(level=chosen.level or ""),
    "reload": lambda _: Reload(),
    "owner": lambda chosen: MakeOwner(name=chosen.name),
    "code": lambda chosen: MakeCode(name=chosen.name, is_long=chosen.long),
    "accounts": _about_accounts,
    "devices": _about_devices,
    "role": lambda chosen: GiveRole(name=chosen.name, role=chosen.role),
    "panic": _about_panic,
}
"""What each of the commands asks for."""

_WARNINGS = {
    "close": "This closes the account {name} for good; its lines stay under its name.",
    "anonymise": "This closes the account {name} for good; its lines stay under a name that says nothing.",
    "erase": "This closes the account {name} for good and overwrites everything that it has said.",
}


def _confirmed(config: Config, request: DeleteRoom | EndAccount) -> DeleteRoom | EndAccount | None:
    """The same request, if the person at the terminal has confirmed it; None if not."""
    if isinstance(request, DeleteRoom):
        rooms = [answer for answer in _ask(config, Rooms()) if isinstance(answer, RoomShown)]
        room = find_room([RoomRecord(shown.name, "", 1, 0) for shown in rooms], request.room, ROOMS_COMMAND).name
        return DeleteRoom(room=room) if is_confirmed(*deleting(room)) else None
    for account in _ask(config, ShowAccount(name=request.name)):
        if isinstance(account, AccountDetails) and is_confirmed(
            account.nick, "ending an account", _WARNINGS[request.ending].format(name=account.nick)
        ):
            return request
    return None


def _all_accounts(config: Config) -> Iterator[AdminAnswer]:
    """All accounts, some at a time."""
    after = ""
    while True:
        some = [answer for answer in _ask(config, ListAccounts(after=after)) if isinstance(answer, AccountListed)]
        yield from some
        if len(some) < ACCOUNTS_AT_ONCE:
            return
        after = some[-1].nick


def _ask(config: Config, request: AdminRequest) -> Iterator[AdminAnswer]:
    """Ask the server that has the data directory of this configuration; give its answers as they come. Raises NoWayIn and NotAnswered."""
    with closing(connect_to(engine_named(config.journal.engine).directory(config.journal))) as connection:
        connection.settimeout(PATIENCE)
        with suppress(OSError):  # it may have said why before it ended the connection
            connection.sendall(msgspec.json.encode(request) + b"\n")
        with connection.makefile("rb") as lines:
            for answer in _answers(lines):
                if isinstance(answer, NotDone):
                    other = (
                        ""
                        if answer.version == __version__
                        else f" (the server is {answer.version}, this is {__version__})"
                    )
                    raise NotAnswered(f"{answer.why}{other}")
                if isinstance(answer, Done):
                    return
                yield answer
    raise NotAnswered("the server has ended the connection; whether it was done is not known")


def _answers(lines: Any) -> Iterator[AdminAnswer]:
    try:
        for line in lines:
            yield decoded_answer(line)
    except TimeoutError:
        raise NotAnswered(
            f"the server has said nothing for {PATIENCE:g} seconds; whether it was done is not known"
        ) from None
    except OSError as error:
        raise NotAnswered(f"the connection to the server was lost: {error.strerror or error}") from error
    except ValueError:
        raise NotAnswered(
            f"the server answers otherwise than {__version__} expects: use the chat-server that it was started with"
        ) from None


def _show(answers: Sequence[AdminAnswer], config: Config) -> None:
    for line in lines_of(answers):
        console.say(line)
    for answer in answers:
        if isinstance(answer, Deleted):
            warn_of_configuration(answer.room, config)
        elif isinstance(answer, Renamed) and name_key(answer.new) != name_key(answer.old):
            warn_of_configuration(answer.old, config)
