"""The command `chat-server`: flags and a file become a Config, and the Config a running server.

Everything that goes wrong before the server listens is one plain line and exit code 2.
"""

import argparse
import gc
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from functools import cache, partial
from pathlib import Path
from typing import TYPE_CHECKING, NoReturn

from chat_server import __version__, console

if TYPE_CHECKING:
    from chat_server.config import Config


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command. Returns the exit code: 0 well, 1 something was cut off on stopping, 2 it could not start, 130 it was interrupted."""
    try:
        code = _main(arguments)
        console.flush()
    except console.OutputError as error:
        if str(error):
            console.complain("chat-server", error)
        return 2
    except KeyboardInterrupt:
        console.complain("chat-server", "interrupted")
        return 130
    return code


def _main(arguments: Sequence[str] | None) -> int:
    chosen = _parsed(arguments)
    with _uncollected():
        from chat_server.config_file import ConfigError  # noqa: PLC0415 - 40 ms, which --version need not wait for

    if chosen.command == "doctor":
        from chat_server.doctor_cli import run_doctor  # noqa: PLC0415 - it looks at everything

        return run_doctor(partial(_configure, chosen), named=chosen.config, as_json=chosen.json)
    try:
        config = _configure(chosen)
    except ConfigError as error:
        for mistake in error.mistakes:
            console.complain("chat-server", mistake)
        return 2
    if instead := _instead(chosen):
        return instead(chosen, config)
    with _uncollected():
        from chat_server.server.process import CannotStart, run  # noqa: PLC0415 - it takes 0.1 s, which --version need not wait for

    try:
        return run(config, partial(_configure, chosen, is_again=True), replaces=chosen.replace)
    except CannotStart as error:
        console.complain("chat-server", error)
        if error.is_damage:
            from chat_server.next_steps import after_damage  # noqa: PLC0415 - few need it

            for step in after_damage(config, chosen.config):
                console.complain("chat-server", step)
        return 2


def _instead(chosen: argparse.Namespace) -> "Callable[[argparse.Namespace, Config], int] | None":
    """What is asked for instead of a server."""
    if chosen.command:
        return _run_command
    if chosen.print_config:
        return _print
    return _check if chosen.check_config else None


def _print(chosen: argparse.Namespace, config: "Config") -> int:
    """Print the settings."""
    del chosen
    from chat_server.config_file import as_toml  # noqa: PLC0415 - see _main

    console.write_text(as_toml(config))
    return 0


def _run_command(chosen: argparse.Namespace, config: "Config") -> int:
    """Run what is asked for instead of a server, which needs none of it."""
    if chosen.command == "admin":
        from chat_server.admin_cli import run_admin_command  # noqa: PLC0415 - it needs no journal

        return run_admin_command(chosen, config)
    if chosen.command in ("health", "ready"):
        from chat_server.health_cli import run_health_command  # noqa: PLC0415 - as above

        return run_health_command(chosen.command, config)
    from chat_server.maintenance_cli import run_command  # noqa: PLC0415 - it has a progress bar, which takes 0.1 s

    return run_command(chosen, config)


def _check(chosen: argparse.Namespace, config: "Config") -> int:
    """Say everything that is in the way of a start, and what is dangerous, a line each; nothing is changed by that."""
    from chat_server.server.start_check import look  # noqa: PLC0415 - see _main

    found = [*look(config, time.time())]
    for one in found:
        console.complain("chat-server", one.sentence if one.is_error else f"warning: {one.sentence}")
    if any(one.is_error for one in found):
        return 2
    console.say(f"{chosen.config or 'the defaults'}: good")
    return 0


@contextmanager
def _uncollected() -> Iterator[None]:
    """Have the garbage collector pass over what is made meanwhile, for good: it looked 87 times through imports, for 9 % of a start's CPU."""
    gc.disable()
    try:
        yield
    finally:
        gc.freeze()
        gc.enable()


def _parsed(arguments: Sequence[str] | None) -> argparse.Namespace:
    """What is asked for. A start, which asks for no command, is spared making the parsers of all of them, 5 ms."""
    flags = _OnlyFlags(prog="chat-server", add_help=False, conflict_handler="resolve")
    _add_flags(flags)
    flags.add_argument("-h", "--help", dest="says_more", action="store_true")
    flags.add_argument("--version", dest="says_more", action="store_true")
    flags.set_defaults(command=None)
    try:
        chosen, rest = flags.parse_known_args(arguments)
    except _NotOnlyFlags:
        return _parser().parse_args(arguments)
    return _parser().parse_args(arguments) if rest or chosen.says_more else chosen


class _NotOnlyFlags(Exception):
    """It is for the whole parser to say what is wrong."""


class _OnlyFlags(argparse.ArgumentParser):
    def error(self, message: str) -> NoReturn:
        raise _NotOnlyFlags(message)


@cache
def _parser() -> argparse.ArgumentParser:
    parser = console.Parser(prog="chat-server", description="A multi-room chat server for telnet and nc.")
    _add_flags(parser)
    commands = parser.add_subparsers(
        dest="command", title="instead of serving", metavar="[COMMAND]", prog="chat-server"
    )
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
    return parser


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


def _configure(chosen: argparse.Namespace, *, is_again: bool = False) -> "Config":
    """The settings of the file, if one was named, and of the flags, which count more. `is_again`: the server has read them once already."""
    from msgspec.structs import replace  # noqa: PLC0415 - see _main

    from chat_server.config import Config  # noqa: PLC0415 - see _main
    from chat_server.config_file import ConfigError, load  # noqa: PLC0415 - see _main
    from chat_server.config_reading import text_of, text_read_again  # noqa: PLC0415 - see _main

    config = Config()
    if chosen.config is not None:
        text = text_read_again(chosen.config) if is_again else text_of(chosen.config)
        config = load(text, str(chosen.config))
    server = {name: value for name, value in (("host", chosen.host), ("port", chosen.port)) if value is not None}
    journal = {"directory": chosen.data} if chosen.data else {}
    log = {"format": chosen.log_format} if chosen.log_format else {}
    if chosen.verbose:
        log["verbose"] = True
    if not 0 <= server.get("port", 0) <= 65535:  # noqa: PLR2004 - the range of TCP ports
        raise ConfigError("--port: expected a number from 0 to 65535")
    return replace(
        config,
        server=replace(config.server, **server),
        journal=replace(config.journal, **journal),
        log=replace(config.log, **log),
    )
