"""How the answers to an operator are shown on a terminal: tables and sentences. Pure; never knows how they were asked for."""

import time
from collections.abc import Callable, Iterator, Sequence
from datetime import datetime
from typing import Any

from msgspec import UNSET

from chat_server import console
from chat_server.console import size
from chat_server.journal.happened import RETURN_SECONDS
from chat_server.server.admin_figures import BackupsShown, Figures
from chat_server.server.admin_office import PanicShown, RoleGiven
from chat_server.server.admin_protocol import AdminAnswer
from chat_server.server.admin_requests import (
    AccountDetails,
    AccountEnded,
    AccountListed,
    AccountRestored,
    CodeMade,
    ConfigReloaded,
    Connected,
    Deleted,
    DeviceListed,
    DevicesDropped,
    Kicked,
    LogLevelShown,
    NodeShown,
    Renamed,
    RoomShown,
)
from chat_server.wire.render.widths import columns_of


def lines_of(answers: Sequence[AdminAnswer]) -> list[str]:
    """What is shown of the answers to one request, all of one type."""
    return _SHOWN[type(answers[0])](answers) if answers else ["none"]


def _who_shown(people: Sequence[Connected]) -> list[str]:
    at = any(one.node for one in people)
    rows = [
        (
            *((one.node or "-",) if at else ()),
            (one.nick or "(not logged in)") + "?" * one.guest,
            one.by,
            one.address,
            duration(one.seconds),
            size(one.waiting) if one.waiting else "-",
            ", ".join(one.rooms) or "-",
        )
        for one in people
    ]
    return table((*(("NODE",) if at else ()), "NAME", "BY", "FROM", "FOR", "WAITING", "ROOMS"), rows)


def _kicked_shown(answers: Sequence[Kicked]) -> list[str]:
    return [f"{kicked.nick} is removed ({'; '.join(_where_kicked(kicked))})" for kicked in answers]


def _where_kicked(kicked: Kicked) -> Iterator[str]:
    """Where somebody's connections have ended, and where it is not known."""
    here = console.counted(kicked.sessions, "connection")
    if kicked.node is UNSET:
        yield here
        return
    if kicked.sessions or not kicked.elsewhere:
        yield f"{here} at {kicked.node}"
    if kicked.elsewhere is UNSET:
        yield "the database does not say just now whether they are at other nodes"
        return
    for one in kicked.elsewhere:
        if one.sessions is None:
            yield f"{one.node} has not answered yet"
        else:
            yield f"{console.counted(one.sessions, 'connection')} at {one.node}"


_ROLES_TAKEN = {
    "owner": ", and no longer an owner of it: `chat-server admin owner NAME` would give that back",
    "admin": ", and no longer an admin",
    "moderator": ", and no longer a moderator",
}
"""What else it says of a role on the server that somebody had."""


def _roles_shown(answers: Sequence[RoleGiven]) -> list[str]:
    return [
        f"{one.nick} is {'neither admin nor moderator' if one.role == 'none' else one.role} of this server{_ROLES_TAKEN.get(one.was, '')}"
        for one in answers
    ]


def _panic_shown(answers: Sequence[PanicShown]) -> list[str]:
    return [f"panic, for {duration(one.seconds)} still" if one.seconds else "no panic" for one in answers]


def _rooms_shown(rooms: Sequence[RoomShown]) -> list[str]:
    rows = [
        (f"#{room.number}", room.name, str(room.people), str(max(0, room.last - room.first + 1)), room.topic or "-")
        for room in rooms
    ]
    return table(("", "ROOM", "PEOPLE", "LINES", "TOPIC"), rows)


def _renamed_shown(answers: Sequence[Renamed]) -> list[str]:
    return [f"{renamed.old} is now {renamed.new}" for renamed in answers]


def _deleted_shown(answers: Sequence[Deleted]) -> list[str]:
    left = "; what was said is still kept, and is forgotten as soon as that can be done: "
    return [
        f"{one.room} is deleted, with {console.counted(one.lines, 'line')}{left + one.left if one.left else ''}"
        for one in answers
    ]


def _nodes_shown(nodes: Sequence[NodeShown]) -> list[str]:
    rows = [
        (
            f"#{one.number}" + "*" * one.is_this,
            one.name,
            str(one.people),
            duration(one.seconds),
            f"{one.silent:.0f} s ago",
            "ends" if one.is_leaving else "-",
        )
        for one in nodes
    ]
    notes = ["* has answered"]
    if any(one.is_leaving for one in nodes):
        notes.append(
            f"a node that ends stays in the list for {RETURN_SECONDS:g} seconds: whoever was there may come back at another one"
        )
    return [*table(("", "NODE", "PEOPLE", "FOR", "HEARD", "STATE"), rows), *notes]


def _figures_shown(answers: Sequence[Figures]) -> list[str]:
    (now,) = answers
    most = f" of at most {size(now.waiting_bytes_limit)}" if now.waiting_bytes_limit else ""
    commits = (
        f"{milliseconds(now.commit_median)} at the median, {milliseconds(now.commit_longest)} at the longest, of the newest {now.commits_timed}"
        if now.commits_timed
        else "none yet"
    )
    node = [("node", f"{now.node}{', its engine does not answer' if now.is_engine_away else ''}")] if now.node else []
    rows = [
        *node,
        ("server", f"chat-server {now.version}, for {duration(now.uptime)}{', stopping' if now.is_stopping else ''}"),
        ("people", f"{now.people} (at terminals: {now.terminals}, by programs: {now.programs})"),
        ("not logged in", str(now.not_logged_in)),
        ("rooms", str(now.rooms)),
        ("lines", f"{now.lines_stored} stored since the start"),
        ("waiting", f"{size(now.waiting_bytes)} for slow readers{most}"),
        ("commits", commits),
        ("event loop", f"at most {milliseconds(now.loop_late_longest)} late just now"),
        *([("backup", _backups_shown(now.backups))] if now.backups else []),
    ]
    return table((), rows)


def _backups_shown(backups: BackupsShown) -> str:
    problem = f"; NO NEWER ONE: {backups.problem}" if backups.problem else ""
    if backups.age is None:
        return f"none yet{problem}"
    return f"{duration(backups.age)} old, {size(backups.size)}; one every {duration(backups.every)}{problem}"


def _level_shown(answers: Sequence[LogLevelShown]) -> list[str]:
    told = {"verbose": "every caller who comes and goes too", "normal": "no single callers"}
    return [f"{shown.level}: the log has {told.get(shown.level, 'what it says')}" for shown in answers]


def _reload_shown(answers: Sequence[ConfigReloaded]) -> list[str]:
    (done,) = answers
    lines = [
        f"changed: {', '.join(done.changed)}" if done.changed else "read again; nothing has changed that is in use"
    ]
    return lines + (
        [f"changed in the file, but waiting for a restart: {', '.join(done.waiting)}"] if done.waiting else []
    )


def _code_shown(answers: Sequence[CodeMade]) -> list[str]:
    (made,) = answers
    way = "register" if made.is_new else "login"
    typed = f"{made.nick} types this, within {made.seconds / 60:.0f} minutes and once: /{way} {made.nick} {made.code}"
    if made.is_new:
        return [
            typed,
            "that makes the account, an owner's, and asks for a password: on this machine, or by TLS (programs send the code as `invite`)",
            _OWNERS_INVITE,
        ]
    if made.is_owner:
        return [
            typed,
            "that makes an owner of the account; whoever is logged in with it does it on another connection",
            _OWNERS_INVITE,
        ]
    is_secret = ["the code is a secret, and is taken on this machine or by TLS alone"] if made.is_long else []
    return [
        typed,
        *is_secret,
        "and then, within ten minutes, /password: a new password without the old one, on this machine or by TLS",
        f"if {made.nick} was given a code like this before, that one is no good any more",
    ]


_OWNERS_INVITE = "an owner makes codes by which others register: /code invite"


def _accounts_shown(accounts: Sequence[AccountListed]) -> list[str]:
    rows = [(one.nick, one.role, one.state, _day(one.made), _ago(one.seen)) for one in accounts]
    return table(("NAME", "ROLE", "STATE", "MADE", "LAST SEEN"), rows)


def _account_shown(answers: Sequence[AccountDetails]) -> list[str]:
    (one,) = answers
    ends = f"ends in {duration(max(0.0, one.ends_at - time.time()))} ({one.ending}), unless somebody logs in with it before"
    state = {"active": "active", "closing": ends, "closed": f"closed for good ({one.ending})"}[one.state]
    password = "a password" if one.has_password else "no password"
    ways = (
        f"{password}, {console.counted(one.devices, 'device')}, {console.counted(one.recovery_codes, 'recovery code')}"
    )
    invited = f", invited by {one.invited_by}" if one.invited_by else ""
    return table(
        (),
        [
            ("name", one.nick),
            ("role", one.role),
            ("state", state),
            ("made", f"{_day(one.made)}{invited}"),
            ("last seen", _ago(one.seen)),
            ("let in by", ways),
            ("here now", f"by {console.counted(one.sessions, 'connection')}" if one.sessions else "no"),
        ],
    )


def _ended_shown(answers: Sequence[AccountEnded]) -> list[str]:
    (one,) = answers
    lines = {
        "close": "its lines stay under its name, which nobody else gets",
        "anonymise": f"its lines stand under {one.lines_of} now",
        "erase": f"what it said is overwritten, under {one.lines_of}; backups, exports and journal.db.version-… are yours to delete",
    }[one.ending]
    return [f"{one.nick} is closed for good ({console.counted(one.sessions, 'connection')} ended): {lines}"]


def _restored_shown(answers: Sequence[AccountRestored]) -> list[str]:
    return [f"{one.nick} does not end; its devices have been dropped, so each logs in anew" for one in answers]


def _devices_shown(devices: Sequence[DeviceListed]) -> list[str]:
    rows = [
        (
            str(one.device),
            one.name,
            one.kind,
            _day(one.made),
            "now" if one.is_here else _ago(one.seen),
            one.network or "-",
        )
        for one in devices
    ]
    return table(("", "NAME", "KIND", "SINCE", "LAST SEEN", "FROM"), rows)


def _dropped_shown(answers: Sequence[DevicesDropped]) -> list[str]:
    (one,) = answers
    which = console.counted(len(one.devices), "device")
    dropped = f"{which} of {one.nick} dropped ({console.counted(one.sessions, 'connection')} ended)"
    back = []
    if len(one.devices) > one.bots:
        back.append("they log in anew, by the password or a code")
    if one.bots:
        back.append(f"a bot needs another token, which {one.nick} makes by /code bot")
    return [f"{dropped}: {'; '.join(back)}" if back else dropped]


_SHOWN: dict[type[AdminAnswer], Callable[[Any], list[str]]] = {
    Connected: _who_shown,
    Kicked: _kicked_shown,
    RoomShown: _rooms_shown,
    Renamed: _renamed_shown,
    Deleted: _deleted_shown,
    Figures: _figures_shown,
    NodeShown: _nodes_shown,
    LogLevelShown: _level_shown,
    ConfigReloaded: _reload_shown,
    CodeMade: _code_shown,
    AccountListed: _accounts_shown,
    AccountDetails: _account_shown,
    AccountEnded: _ended_shown,
    AccountRestored: _restored_shown,
    DeviceListed: _devices_shown,
    DevicesDropped: _dropped_shown,
    RoleGiven: _roles_shown,
    PanicShown: _panic_shown,
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


def _day(at: float) -> str:
    """The day of a time, here; "-" for none."""
    try:
        return datetime.fromtimestamp(at).strftime("%Y-%m-%d") if at else "-"
    except (ValueError, OverflowError, OSError):  # what an import has brought need not be a time
        return "-"


def _ago(at: float) -> str:
    """`5 min ago`; "-" for never."""
    return f"{duration(max(0.0, time.time() - at))} ago" if at else "-"


def duration(seconds: float) -> str:
    """`42 s`, `5 min`, `3 h 5 min`, `2 d 3 h`."""
    minutes, hours, days = int(seconds // 60), int(seconds // 3600), int(seconds // 86400)
    if not minutes:
        return f"{int(seconds)} s"
    if not hours:
        return f"{minutes} min"
    return f"{hours} h {minutes % 60} min" if not days else f"{days} d {hours % 24} h"


def milliseconds(seconds: float) -> str:
    """`0.6 ms`."""
    return f"{seconds * 1000:.1f} ms"
