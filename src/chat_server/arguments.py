"""What can stand on the command line of `chat-server`: flags, commands, and what each of them takes.

The manual page and what completes in shells are made from these parsers (scripts/manuals). Never knows what is done for it.
"""

import argparse
from collections.abc import Sequence
from functools import cache
from pathlib import Path
from typing import NoReturn

from chat_server import __version__, console


def parsed(arguments: Sequence[str] | None) -> argparse.Namespace:
    """What is asked for. A start, which asks for no command, is spared making the parsers of all of them, 5 ms."""
    flags = _OnlyFlags(prog="chat-server", add_help=False, conflict_handler="resolve")
    _add_flags(flags)
    flags.add_argument("-h", "--help", dest="says_more", action="store_true")
    flags.add_argument("--version", dest="says_more", action="store_true")
    flags.set_defaults(command=None)
    try:
        chosen, rest = flags.parse_known_args(arguments)
    except _NotOnlyFlags:
        return parser().parse_args(arguments)
    return parser().parse_args(arguments) if rest or chosen.says_more else chosen


class _NotOnlyFlags(Exception):
    """It is for the whole parser to say what is wrong."""


class _OnlyFlags(argparse.ArgumentParser):
    def error(self, message: str) -> NoReturn:
        raise _NotOnlyFlags(message)


@cache
def parser() -> argparse.ArgumentParser:
    """The parser of everything that can stand on the command line."""
    whole = console.Parser(prog="chat-server", description="A multi-room chat server for telnet and nc.")
    _add_flags(whole)
    commands = whole.add_subparsers(dest="command", title="instead of serving", metavar="[COMMAND]", prog="chat-server")
    for word, (explanation, file, optional) in _FILE_COMMANDS.items():
        command = _add_command(commands, word, explanation)
        if file:
            default = "" if word == "backup" else "-"
            command.add_argument("file", metavar="FILE", nargs="?" if optional else None, default=default, help=file)
        if word in _FORCED:
            command.add_argument("--force", action="store_true", help=_FORCED[word])
        if word == "backup":
            command.add_argument(
                "--keep",
                metavar="N",
                type=int,
                help="make a copy, named by number and time, in the directory FILE, look through it, and delete all but the newest N",
            )
            command.add_argument(
                "--every",
                metavar="TIME",
                help="do so again after each such time, as 24h, 90m or 7d, until it is stopped",
            )
        if word == "export":
            command.add_argument(
                "--with-secrets",
                action="store_true",
                help="with hashes of passwords and digests of tokens, so that an import keeps logins",
            )
    _add_command(commands, "health", "ask the running server whether all is well: exit code 0, or 1 and why not")
    _add_command(commands, "ready", "ask it whether callers should be sent there: exit code 0, or 1 and why not")
    doctor = _add_command(
        commands,
        "doctor",
        "look at this installation, and say what to do: exit code 0, or 1 if something is to be warned of, 2 if something must be done",
    )
    doctor.add_argument("--json", action="store_true", help="write each finding as a line of JSON")
    _add_rooms_commands(commands)
    _add_admin_commands(commands)
    return whole


def _add_flags(parser: argparse.ArgumentParser) -> None:
    """Add the flags of a server."""
    parser.add_argument(
        "--host",
        metavar="H",
        help="address to listen on (default: 127.0.0.1, this machine only; 0.0.0.0 for everybody; /PATH for a Unix socket)",
    )
    parser.add_argument("--port", metavar="P", type=int, help="port to listen on (default: 5000; 0: any free one)")
    parser.add_argument(
        "--config", metavar="FILE", type=Path, help="read settings from this TOML file; flags override it"
    )
    parser.add_argument(
        "--data",
        metavar="DIR",
        help="directory in which what is said is kept (default: where the platform keeps the data of programs)",
    )
    parser.add_argument("--log-format", choices=("text", "json"), help="log for people or for machines (default: text)")
    parser.add_argument("-v", "--verbose", action="store_true", help="also log every caller who comes and goes")
    parser.add_argument(
        "--replace",
        action="store_true",
        help="take the place of the server that has this data directory: whoever calls meanwhile waits a moment, and nothing is lost",
    )
    parser.add_argument("--version", action="version", version=f"chat-server {__version__}")
    parser.add_argument(
        "--check-config",
        action="store_true",
        help="say what would be in the way of a start with these settings, and what is dangerous, and exit",
    )
    parser.add_argument(
        "--print-config", action="store_true", help="print the settings as a commented TOML file and exit"
    )
    parser.add_argument(
        "--print-completion",
        action=console.PrintCompletion,
        package=Path(__file__).parent,
        help="print what has that shell complete these flags and commands, and exit",
    )


_FILE_COMMANDS = {
    "export": ("write everything that is kept as JSON lines", "where to (default: standard output)", True),
    "import": ("fill an empty data directory from an export", "where from (default: standard input)", True),
    "check-journal": (
        "look for holes, wrong order, impossible times, and a search index that does not fit",
        "",
        True,
    ),
    "backup": (
        "copy the journal into a file, or keep the newest copies of it in a directory; the server may be running",
        "where to; with --keep or --every a directory (default: [backup] directory, or backups in the data directory)",
        True,
    ),
    "restore": (
        "put a copy of the journal in its place; the server must be stopped",
        "which copy: accounts that have ended since stay ended by the file `ended` beside it",
        False,
    ),
    "fingerprint": ("print the fingerprint of the server's certificate, for whoever wants to compare it", "", True),
}


_FORCED = {
    "export": "replace FILE if it is there already",
    "backup": "replace FILE if it is there already",
    "restore": "put the journal aside that is there already",
}


def _add_command(commands: "argparse._SubParsersAction[console.Parser]", word: str, explanation: str) -> console.Parser:
    """Add a command that takes the flags which say where the journal is."""
    command = commands.add_parser(word, help=explanation, description=explanation)
    for flag, metavar, kind in (("--data", "DIR", str), ("--config", "FILE", Path)):
        command.add_argument(
            flag, metavar=metavar, type=kind, default=argparse.SUPPRESS, help=f"as in chat-server {flag}"
        )
    return command


def _add_rooms_commands(commands: "argparse._SubParsersAction[console.Parser]") -> None:
    explanation = "list, rename or delete rooms; the server must be stopped for all but list"
    rooms = _add_command(commands, "rooms", explanation)
    words = rooms.add_subparsers(
        dest="rooms_command", title="commands", metavar="COMMAND", prog="chat-server rooms", required=True
    )
    _add_command(words, "list", "list the rooms: number, name, lines, topic")
    _add_room_changes(words)


def _add_room_changes(words: "argparse._SubParsersAction[console.Parser]") -> None:
    rename = _add_command(words, "rename", "give a room another name; what was said and its numbers stay")
    delete = _add_command(words, "delete", "delete a room and everything said in it, for good")
    for command in (rename, delete):
        command.add_argument("room", metavar="ROOM", help="its name, or its number in the list as #3")
    rename.add_argument("name", metavar="NEW", help="its new name")
    delete.add_argument("--yes", action="store_true", help="do not ask")


def _add_admin_commands(commands: "argparse._SubParsersAction[console.Parser]") -> None:
    explanation = (
        "ask a running server on this machine: who is connected, removing somebody, rooms, figures, the log, a reload"
    )
    admin = _add_command(commands, "admin", explanation)
    words = admin.add_subparsers(
        dest="admin_command", title="commands", metavar="COMMAND", prog="chat-server admin", required=True
    )
    _add_command(words, "who", "list who is connected")
    kick = _add_command(words, "kick", "end all connections of somebody, who is told why")
    kick.add_argument("name", metavar="NAME", help="their nickname")
    kick.add_argument("reason", metavar="REASON", nargs="*", help="why, in words that they are shown")
    explanation = "list the rooms (number, name, people, lines, topic), rename one, or delete one"
    changes = _add_command(words, "rooms", explanation).add_subparsers(
        dest="rooms_command", title="instead of listing", metavar="[COMMAND]", prog="chat-server admin rooms"
    )
    _add_room_changes(changes)
    _add_command(
        words, "nodes", "which nodes there are, where several are one server: people, when each was heard of last"
    )
    _add_command(words, "stats", "how the server is: people, rooms, lines, what waits, how long commits take")
    level = _add_command(words, "log-level", "choose how much is logged until the server ends, or see how much is")
    level.add_argument("level", metavar="LEVEL", nargs="?", choices=("normal", "verbose"), help="normal or verbose")
    _add_command(
        words,
        "reload",
        "read the configuration again, and the certificate of TLS, as SIGHUP does: all is used from now on, or nothing, and it is said why;"
        " which changed settings wait for a restart is said too",
    )
    _add_account_commands(words)
    _add_office_commands(words)
    for command in (admin, *words.choices.values(), *changes.choices.values()):
        command.add_argument(
            "--json", action="store_true", default=argparse.SUPPRESS, help="write the answers as JSON lines"
        )


def _add_account_commands(words: "argparse._SubParsersAction[console.Parser]") -> None:
    owner = _add_command(
        words, "owner", "make a code by which somebody becomes an owner, who invites others; they need no account yet"
    )
    code = _add_command(words, "code", "make a code that lets somebody in who has forgotten their password")
    accounts = _add_command(words, "accounts", "list the accounts, show one, end one for good, or take its end back")
    devices = _add_command(
        words, "devices", "list the devices of an account, or drop one or all: their connections end at once"
    )
    for command in (owner, code, devices):
        command.add_argument("name", metavar="NAME", help="their nickname")
    code.add_argument(
        "--long",
        action="store_true",
        help="one that wrong tries do not make useless; it is a secret: for TLS, or this machine",
    )
    accounts.add_argument("name", metavar="NAME", nargs="?", help="whose (default: list all)")
    accounts.add_argument(
        "act",
        metavar="ACT",
        nargs="?",
        choices=("close", "anonymise", "erase", "restore"),
        help="close: its lines stay under its name; anonymise: under a name that says nothing; erase: their texts are overwritten;"
        " restore: take back the end that its holder has asked for",
    )
    accounts.add_argument("--yes", action="store_true", help="do not ask")
    devices.add_argument(
        "act", metavar="drop", nargs="?", choices=("drop",), help="drop devices instead of listing them"
    )
    devices.add_argument("device", metavar="NUMBER", nargs="?", default="", help="which one: its number, or all")


def _add_office_commands(words: "argparse._SubParsersAction[console.Parser]") -> None:
    role = _add_command(words, "role", "make an account an admin or a moderator of the server, or neither")
    role.add_argument("name", metavar="NAME", help="their nickname")
    role.add_argument("role", metavar="ROLE", choices=("admin", "moderator", "none"), help="admin, moderator or none")
    panic = _add_command(words, "panic", "keep the server quiet while it is being raided, end that, or see how it is")
    panic.add_argument("state", metavar="on|off", nargs="?", choices=("on", "off"), help="on or off")
    panic.add_argument(
        "minutes",
        metavar="MINUTES",
        nargs="?",
        type=int,
        default=60,
        help="after how many it ends by itself (default: 60)",
    )
