"""What can be typed on the command lines of both programs, read from their parsers as plain values.

Knows argparse. Never knows how a manual page or a completion is written.
"""

import argparse
from collections.abc import Iterable
from typing import NamedTuple

from chat_server import arguments as server_arguments
from chat_server.protocol.choices import LANGUAGES
from chat_tui import arguments as tui_arguments
from chat_tui import trust_cli
from chat_tui.settings import settings_file

KINDS = {"FILE": "file", "DIR": "directory", "PATH": "file"}
"""What a value is, by what it is called in the help."""

KNOWN = {"LANGUAGE": tuple(LANGUAGES)}
"""Values that a parser checks by a function, by what they are called in the help."""


class Value(NamedTuple):
    """What stands after a flag, or at a place in a command."""

    name: str
    choices: tuple[str, ...] = ()
    kind: str = ""
    is_optional: bool = False
    is_repeated: bool = False

    @property
    def shown(self) -> str:
        """As it stands in a usage line."""
        shown = f"{self.name} ..." if self.is_repeated else self.name
        return f"[{shown}]" if self.is_optional else shown


class Flag(NamedTuple):
    """A flag, by all its names."""

    names: tuple[str, ...]
    explanation: str
    value: Value | None
    is_repeated: bool = False


class Place(NamedTuple):
    """What is typed without a flag."""

    value: Value
    explanation: str


class Command(NamedTuple):
    """A program, or a command of it. `words` has the commands that lead to it."""

    words: tuple[str, ...]
    explanation: str
    description: str
    flags: tuple[Flag, ...]
    places: tuple[Place, ...]
    commands: tuple["Command", ...]
    epilog: str = ""
    needs_command: bool = False

    def walk(self) -> Iterable["Command"]:
        """Itself, and all commands in it, in the order of the help."""
        yield self
        for command in self.commands:
            yield from command.walk()


def server() -> Command:
    """What can be typed after `chat-server`."""
    return _read(server_arguments.parser(), ())


def client() -> Command:
    """What can be typed after `chat-tui`; `trust` has a parser of its own there."""
    whole = _read(tui_arguments.parser(), ())
    trust = _read(trust_cli._parser(), ("trust",))  # noqa: SLF001 - the program's own parser is what this is about
    return whole._replace(commands=(trust._replace(explanation="accept a server's certificate by its fingerprint"),))


def _read(parser: argparse.ArgumentParser, words: tuple[str, ...], explanation: str = "") -> Command:
    flags, places, commands, needs_command = [], [], [], False
    for action in parser._actions:  # noqa: SLF001 - argparse has no other list of what it has been told
        if isinstance(action, argparse._SubParsersAction):  # noqa: SLF001 - the program's own parser is what this is about
            helps = {choice.dest: choice.help or "" for choice in action._choices_actions}  # noqa: SLF001 - the program's own parser is what this is about
            needs_command = action.required
            commands += [_read(each, (*words, word), helps[word]) for word, each in action.choices.items()]
        elif action.option_strings:
            flags.append(
                Flag(
                    tuple(action.option_strings),
                    _explained(action, parser),
                    None if action.nargs == 0 else _value(action),
                    isinstance(action, argparse._AppendAction),  # noqa: SLF001 - the program's own parser is what this is about
                )
            )
        else:
            places.append(Place(_value(action), _explained(action, parser)))
    return Command(
        words,
        explanation,
        parser.description or "",
        tuple(flags),
        tuple(places),
        tuple(commands),
        parser.epilog or "",
        needs_command,
    )


def _value(action: argparse.Action) -> Value:
    choices = tuple(map(str, action.choices or ()))
    name = str(action.metavar or "|".join(choices) or action.dest.upper())
    return Value(
        name,
        choices or KNOWN.get(name, ()),
        KINDS.get(name, ""),
        action.nargs in ("?", "*"),
        action.nargs in ("*", "+"),
    )


def _explained(action: argparse.Action, parser: argparse.ArgumentParser) -> str:
    text = (action.help or "").replace(str(settings_file()), "~/.config/chat-tui/config.toml")  # for everybody's home
    return text % {**vars(action), "prog": parser.prog} if "%" in text else text
