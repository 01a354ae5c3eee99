"""The command `chat-server admin`: what an operator asks of the server that runs on this machine.

Knows arguments, the server's Unix socket, and what is said on the terminal. Never knows what is done, nor Trio.
"""

import argparse
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing, suppress
from typing import Any

import msgspec

from chat_server import __version__, console
from chat_server.config import Config
from chat_server.journal import RoomRecord, UnusableJournal
from chat_server.journal.archive import FileProblem
from chat_server.journal.engines import engine_named
from chat_server.journal.rooms import find_room
from chat_server.protocol.names import name_key
from chat_server.rooms_cli import is_confirmed, warn_of_configuration
from chat_server.server.admin_requests import (
    REASON_MAX,
    AdminAnswer,
    AdminRequest,
    Connected,
    Deleted,
    DeleteRoom,
    Done,
    Figures,
    Kick,
    Kicked,
    LogLevel,
    LogLevelShown,
    NotDone,
    Renamed,
    RenameRoom,
    Rooms,
    RoomShown,
    Stats,
    Who,
    decoded_answer,
)
from chat_server.server.admin_socket import NoWayIn, connect_to
from chat_server.wire.render.widths import columns_of

PATIENCE = 90.0
"""Seconds for which nothing may come from the server: what takes longest there is to wait for a disk."""


class NotAnswered(Exception):
    """It was not done, or nobody knows; the sentence says why."""


def run_admin_command(chosen: argparse.Namespace, config: Config) -> int:
    """Run one of them. Returns the exit code: 0 well, 1 it was not confirmed, 2 it could not be done."""
    try:
        request = _request(chosen)
        if isinstance(request, DeleteRoom) and not chosen.yes:
            rooms = [answer for answer in _ask(config, Rooms()) if isinstance(answer, RoomShown)]
            room = find_room([RoomRecord(shown.name, "", 1, 0) for shown in rooms], request.room)
            if not is_confirmed(room.name):
                console.say("nothing was deleted")
                return 1
            request = DeleteRoom(room=room.name)
        answers = _ask(config, request)
        if getattr(chosen, "json", False):
            for answer in answers:
                console.say(msgspec.json.encode(answer).decode())
        else:
            _show([*answers], config)
    except (NoWayIn, NotAnswered, FileProblem, UnusableJournal) as error:
        console.complain("chat-server", error)
        return 2
    return 0


def _request(chosen: argparse.Namespace) -> AdminRequest:
    """What the arguments ask for. Raises NotAnswered if that cannot be asked."""
    match chosen.admin_command:
        case "who":
            return Who()
        case "kick":
            reason = " ".join(chosen.reason)
            if len(reason) > REASON_MAX:
                raise NotAnswered(f"a reason has at most {REASON_MAX} characters")
            return Kick(name=chosen.name, reason=reason)
        case "rooms":
            return _about_rooms(chosen)
        case "stats":
            return Stats()
        case _:
            return LogLevel(level=chosen.level or "")


def _about_rooms(chosen: argparse.Namespace) -> AdminRequest:
    match chosen.rooms_command:
        case "rename":
            return RenameRoom(room=chosen.room, name=chosen.name)
        case "delete":
            return DeleteRoom(room=chosen.room)
        case _:
            return Rooms()


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


# On a terminal.


def _show(answers: Sequence[AdminAnswer], config: Config) -> None:
    for line in _SHOWN[type(answers[0])](answers) if answers else ["none"]:
        console.say(line)
    for answer in answers:
        if isinstance(answer, Deleted):
            warn_of_configuration(answer.room, config)
        elif isinstance(answer, Renamed) and name_key(answer.new) != name_key(answer.old):
            warn_of_configuration(answer.old, config)


def _who_shown(people: Sequence[Connected]) -> list[str]:
    rows = [
        (
            one.nick or "(not logged in)",
            one.by,
            one.address,
            duration(one.seconds),
            size(one.waiting) if one.waiting else "-",
            ", ".join(one.rooms) or "-",
        )
        for one in people
    ]
    return table(("NAME", "BY", "FROM", "FOR", "WAITING", "ROOMS"), rows)


def _kicked_shown(answers: Sequence[Kicked]) -> list[str]:
    return [f"{kicked.nick} is removed ({console.counted(kicked.sessions, 'connection')})" for kicked in answers]


def _rooms_shown(rooms: Sequence[RoomShown]) -> list[str]:
    rows = [
        (f"#{room.number}", room.name, str(room.people), str(max(0, room.last - room.first + 1)), room.topic or "-")
        for room in rooms
    ]
    return table(("", "ROOM", "PEOPLE", "LINES", "TOPIC"), rows)


def _renamed_shown(answers: Sequence[Renamed]) -> list[str]:
    return [f"{renamed.old} is now {renamed.new}" for renamed in answers]


def _deleted_shown(answers: Sequence[Deleted]) -> list[str]:
    left = "; what was said is still in the file, and is overwritten when the server has been stopped: "
    return [
        f"{one.room} is deleted, with {console.counted(one.lines, 'line')}{left + one.left if one.left else ''}"
        for one in answers
    ]


def _figures_shown(answers: Sequence[Figures]) -> list[str]:
    (now,) = answers
    most = f" of at most {size(now.waiting_bytes_limit)}" if now.waiting_bytes_limit else ""
    commits = (
        f"{milliseconds(now.commit_median)} at the median, {milliseconds(now.commit_longest)} at the longest, of the newest {now.commits_timed}"
        if now.commits_timed
        else "none yet"
    )
    rows = [
        ("server", f"chat-server {now.version}, for {duration(now.uptime)}{', stopping' if now.is_stopping else ''}"),
        ("people", f"{now.people} (at terminals: {now.terminals}, by programs: {now.programs})"),
        ("not logged in", str(now.not_logged_in)),
        ("rooms", str(now.rooms)),
        ("lines", f"{now.lines_stored} stored since the start"),
        ("waiting", f"{size(now.waiting_bytes)} for slow readers{most}"),
        ("commits", commits),
        ("event loop", f"at most {milliseconds(now.loop_late_longest)} late just now"),
    ]
    return table((), rows)


def _level_shown(answers: Sequence[LogLevelShown]) -> list[str]:
    told = {"verbose": "every caller who comes and goes too", "normal": "no single callers"}
    return [f"{shown.level}: the log has {told.get(shown.level, 'what it says')}" for shown in answers]


_SHOWN: dict[type[AdminAnswer], Callable[[Any], list[str]]] = {
    Connected: _who_shown,
    Kicked: _kicked_shown,
    RoomShown: _rooms_shown,
    Renamed: _renamed_shown,
    Deleted: _deleted_shown,
    Figures: _figures_shown,
    LogLevelShown: _level_shown,
}
"""How answers are shown, all of one request together."""


def table(heading: Sequence[str], rows: Sequence[Sequence[str]]) -> list[str]:
    """The rows under their heading, if there is one, in columns as wide as what is in them; the last is as long as it is."""
    whole = [[console.escaped(cell) for cell in row] for row in ([heading] if heading else []) + [*rows]]
    widths = [max(map(columns_of, column)) for column in zip(*whole, strict=True)]
    return [
        "  ".join(cell + " " * (width - columns_of(cell)) for cell, width in zip(row, widths, strict=True)).rstrip()
        for row in whole
    ]


def duration(seconds: float) -> str:
    """`42 s`, `5 min`, `3 h 5 min`, `2 d 3 h`."""
    minutes, hours, days = int(seconds // 60), int(seconds // 3600), int(seconds // 86400)
    if not minutes:
        return f"{int(seconds)} s"
    if not hours:
        return f"{minutes} min"
    return f"{hours} h {minutes % 60} min" if not days else f"{days} d {hours % 24} h"


def size(count: int) -> str:
    """`512 bytes`, `3.5 KiB`, `20.0 MiB`."""
    if count < 2**10:
        return f"{count} bytes"
    return f"{count / 2**10:.1f} KiB" if count < 2**20 else f"{count / 2**20:.1f} MiB"


def milliseconds(seconds: float) -> str:
    """`0.6 ms`."""
    return f"{seconds * 1000:.1f} ms"
