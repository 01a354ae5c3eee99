"""What can stand on the command line of `chat-tui`. The manual page and what completes in shells are made from it (scripts/manuals).

Never knows what is done for it.
"""

import argparse
from collections.abc import Sequence
from math import inf
from pathlib import Path
from typing import NoReturn

from chat_server import __version__, console
from chat_server.protocol.choices import LANGUAGES, find_language
from chat_tui.language import say
from chat_tui.settings import DEFAULT_PORT, settings_file


def parsed(arguments: Sequence[str]) -> argparse.Namespace:
    """What is asked for. Servers may stand before, between and after the flags.

    A start, of which nothing is to be said, is spared finding out how wide the terminal is and where settings usually are: 6 ms.
    """
    quick = _Quick(prog="chat-tui", usage="", add_help=False, conflict_handler="resolve", formatter_class=_Formatter)
    _add_flags(quick, "")
    quick.add_argument("-h", "--help", dest="says_more", action="store_true")
    quick.add_argument("--version", dest="says_more", action="store_true")
    quick.add_argument("--print-completion", dest="says_more", type=lambda _: True)
    try:
        chosen = quick.parse_intermixed_args(arguments)
    except _SaysMore:
        return parser().parse_intermixed_args(arguments)
    return parser().parse_intermixed_args(arguments) if chosen.says_more else chosen


class _SaysMore(Exception):
    """It is for the whole parser to say what is wrong."""


class _Quick(argparse.ArgumentParser):
    def error(self, message: str) -> NoReturn:
        raise _SaysMore(message)


class _Formatter(argparse.HelpFormatter):
    """One that asks for no width: nothing is formatted."""

    def __init__(self, prog: str) -> None:
        super().__init__(prog, width=80)


def parser() -> console.Parser:
    """The parser of everything."""
    whole = console.Parser(
        prog="chat-tui",
        description=say("A terminal client for chat-server."),
        epilog=say(
            "Exit codes with --plain: 0 every line is stored; 1 a line was refused, or a room could not be entered;"
            " 2 it could not start; 3 the wait ended before every line was stored; 4 the server refused the nickname or the"
            " connection, or is not trusted; 5 the output could not be written; 130, 143 interrupted, terminated."
            " chat-tui trust HOST[:PORT] FINGERPRINT has a server's certificate accepted."
        ),
    )
    _add_flags(whole, str(settings_file()))
    # For flags between servers argparse takes the usage line without its first seven letters: those of "usage: " in English.
    whole.usage = whole.format_usage().removeprefix(say("usage: ")).rstrip()
    return whole


def _add_flags(parser: argparse.ArgumentParser, where: str) -> None:
    """Add all of them. `where` settings usually are."""
    parser.add_argument(
        "address",
        metavar="HOST[:PORT]",
        nargs="*",
        help=say(
            "the server, or a profile of the settings; several: each in the same window"
            " (default: the profile called default, or 127.0.0.1:{port})",
            port=DEFAULT_PORT,
        ),
    )
    parser.add_argument(
        "--nick", metavar="NICK", help=say("your nickname (default: the one you had there last, or your user name)")
    )
    parser.add_argument(
        "--room", metavar="ROOM", action="append", default=[], help=say("a room to be in; may be given again")
    )
    parser.add_argument("--profile", metavar="NAME", help=say("a profile of the settings"))
    parser.add_argument("--config", metavar="FILE", type=Path, help=say("settings (default: {path})", path=where))
    parser.add_argument(
        "--state",
        metavar="DIR",
        type=Path,
        help=say("where drafts, unsent lines and read positions are kept (default: where the platform keeps them)"),
    )
    parser.add_argument(
        "--lang",
        metavar="LANGUAGE",
        type=_language,
        help=say("the language in which chat-tui speaks: en or zh (default: as the settings or the environment say)"),
    )
    parser.add_argument(
        "--theme",
        metavar="NAME",
        help=say("chat-dark, chat-light, one of Textual's, or a file of yours (docs/chat-tui.md)"),
    )
    parser.add_argument(
        "--plain",
        action="store_true",
        help=say("line by line, without panes: for screen readers, and where output is no terminal"),
    )
    parser.add_argument(
        "--plaintext",
        action="store_true",
        help=say("go on without encryption where the server has none, though nobody was asked or it had some before"),
    )
    parser.add_argument(
        "--wait",
        metavar="SECONDS",
        type=_seconds,
        help=say(
            "with --plain: how long to wait, after the input has ended, for everything to be stored"
            " (default: as long as lines go on being stored, and 30 s more)"
        ),
    )
    parser.add_argument(
        "--password-file",
        metavar="FILE",
        type=Path,
        help=say(
            "with --plain: a file with the password in its first line, where nobody can be asked for it (/dev/fd/3 is one too)"
        ),
    )
    parser.add_argument(
        "--slow-link",
        action="store_true",
        help=say("send the terminal as little as possible, in its own sixteen colours"),
    )
    parser.add_argument(
        "--print-config", action="store_true", help=say("print the settings as a commented TOML file and exit")
    )
    parser.add_argument(
        "--print-completion",
        action=console.PrintCompletion,
        package=Path(__file__).parent,
        help=say("print what has that shell complete these flags and commands, and exit"),
    )
    parser.add_argument(
        "--version",
        action="version",
        version=f"chat-tui {__version__}",
        help=say("show program's version number and exit"),
    )


def _language(text: str) -> str:
    found = find_language(text)
    if found is None:
        names = ", ".join(f"{code} ({name})" for code, name in LANGUAGES.items())
        raise argparse.ArgumentTypeError(say("{text} is not available. Choose from: {names}", text=text, names=names))
    return found


def _seconds(text: str) -> float:
    try:
        seconds = float(text)
    except ValueError:
        seconds = -1.0
    if not 0 <= seconds < inf:
        raise argparse.ArgumentTypeError(say("{text} is no number of seconds, such as 0, 2.5 or 60", text=repr(text)))
    return seconds
