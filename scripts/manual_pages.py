"""Manual pages of both programs and of their settings, written from what can be typed and what can be set.

Knows roff, and what no declaration says: files, exit codes, signals. Never knows argparse.
"""

import re
from collections.abc import Iterator, Sequence
from typing import Annotated, Any, Literal, get_args, get_origin, get_type_hints

import msgspec
from manual_tree import Command, Flag
from msgspec import Meta, Struct
from msgspec.structs import fields

from chat_server import __version__
from chat_server.config import Config
from chat_tui.settings import NotifyTable, Profile, Settings

HEADER = '.\\" Made by scripts/manuals from the declarations in the source: do not edit it.'

Section = tuple[str, Sequence[str | tuple[str, str]]]
"""A heading, and its paragraphs; one of two parts is a term and what is said of it."""

SERVER: Sequence[Section] = (
    (
        "FILES",
        (
            (
                "/etc/chat-server/chat-server.toml",
                "The settings of the service that Debian's package installs. Elsewhere --config names them.",
            ),
            ("~/.local/share/chat-server", "What is said, where neither --data nor the settings say otherwise."),
            (
                "journal.db",
                "In the data directory: all that is kept. While the server runs only backup copies it rightly.",
            ),
            ("tls.pem", "There too: the certificate that the server has made for itself, and its key."),
        ),
    ),
    (
        "SIGNALS",
        (
            (
                "SIGTERM, SIGINT",
                "Stop in good order: everybody is told, and what waits is delivered. A second one stops at once.",
            ),
            ("SIGHUP", "Read again what can be changed while it runs; from a terminal that has gone: stop."),
        ),
    ),
    (
        "EXIT STATUS",
        (
            ("0", "All went well."),
            ("1", "On stopping, something was cut off; of a command: see what it says."),
            (
                "2",
                "It could not start, or the command could not be carried out; standard error has a sentence that says why.",
            ),
            ("130", "It was interrupted."),
        ),
    ),
)
CLIENT: Sequence[Section] = (
    (
        "FILES",
        (
            ("~/.config/chat-tui/config.toml", "The settings; chat-tui.toml(5) has all of them."),
            (
                "~/.local/state/chat-tui",
                "Drafts, lines that are not sent yet, read positions, tokens, and the servers that are trusted.",
            ),
        ),
    ),
    (
        "ENVIRONMENT",
        (
            ("TERM", "Where it says that the terminal can draw nothing, everything comes line by line."),
            (
                "LANG, LC_ALL, LC_MESSAGES",
                "The language in which chat-tui speaks, where neither --lang nor the settings say.",
            ),
            ("COLORFGBG", "Whether the terminal is dark or light, where it says so."),
        ),
    ),
)

SERVER_SETTINGS = (
    "A file in TOML, which chat-server --config FILE reads. Each setting may be left out; it is then what is said here."
    " chat-server --print-config prints such a file with all of them, chat-server --check-config --config FILE says"
    " what is wrong with one. A key that does not exist is an error."
)
CLIENT_SETTINGS = (
    "A file in TOML: ~/.config/chat-tui/config.toml, or what chat-tui --config names. Each setting may be left out; it is"
    " then what is said here. chat-tui --print-config prints such a file with all of them."
)


def server_page(whole: Command) -> str:
    """chat-server(1)."""
    also = ("chat-tui(1)", "chat-server.toml(5)")
    return _page("chat-server", "multi-room chat on a server of your own", whole, SERVER, also)


def client_page(whole: Command) -> str:
    """chat-tui(1)."""
    return _page("chat-tui", "a terminal client for chat-server", whole, CLIENT, ("chat-server(1)", "chat-tui.toml(5)"))


def server_settings_page() -> str:
    """chat-server.toml(5)."""
    parts = [
        *_heading("chat-server.toml", 5, "settings of chat-server", "File Formats"),
        *_paragraphs(
            "DESCRIPTION",
            (SERVER_SETTINGS,),
        ),
    ]
    for table in fields(Config):
        values = getattr(Config(), table.name)
        parts += [f".SH {_text(f'[{table.name}]')}", _text(_first_sentence(type(values)))]
        parts += [
            line
            for setting in fields(values)
            for line in _setting(setting.name, type(values), getattr(values, setting.name))
        ]
    return _finished(parts, ("chat-server(1)",))


def client_settings_page() -> str:
    """chat-tui.toml(5)."""
    values = Settings()
    tables = [setting for setting in fields(Settings) if isinstance(getattr(values, setting.name), Struct | dict)]
    parts = [
        *_heading("chat-tui.toml", 5, "settings of chat-tui", "File Formats"),
        *_paragraphs(
            "DESCRIPTION",
            (CLIENT_SETTINGS,),
        ),
        ".SH SETTINGS",
    ]
    for setting in fields(Settings):
        if setting not in tables:
            parts += _setting(setting.name, Settings, getattr(values, setting.name))
    parts += [".SH [notify]", _text(_first_sentence(NotifyTable))]
    for setting in fields(NotifyTable):
        parts += _setting(setting.name, NotifyTable, getattr(values.notify, setting.name))
    parts += _paragraphs(
        "[keys]",
        (
            ('preset = "readline"', "The prompt edits as a shell does."),
            ('ACTION = "KEY"', "Another key for what can be done by keys; F1 shows all."),
        ),
    )
    parts += [".SH [profiles.NAME]", "A server that one goes to; the one called default is used when none is named."]
    for setting in fields(Profile):
        parts += _setting(setting.name, Profile, getattr(Profile(), setting.name))
    return _finished(parts, ("chat-tui(1)",))


def _page(program: str, purpose: str, whole: Command, sections: Sequence[Section], also: Sequence[str]) -> str:
    parts = [*_heading(program, 1, purpose, "User Commands"), ".SH SYNOPSIS", *_synopsis(program, whole)]
    parts += [".SH DESCRIPTION", _text(whole.description)]
    parts += [".SH OPTIONS", *_described(whole)]
    if whole.commands:
        parts += [".SH COMMANDS"]
        if "--data" in _names(whole):
            parts += [_text("Each takes --data and --config too, after its name or before it, and --help.")]
        for command in whole.commands:
            parts += _command(program, command, _names(whole))
    for heading, paragraphs in sections:
        parts += _paragraphs(heading, paragraphs)
    if whole.epilog:
        parts += _paragraphs("NOTES", (whole.epilog,))
    return _finished(parts, also)


def _command(program: str, command: Command, known: Sequence[str]) -> Iterator[str]:
    """A command, and those in it; flags that are known from those around it are not said again."""
    own = command._replace(flags=tuple(flag for flag in command.flags if flag.names[-1] not in known))
    yield f".SS {_text(' '.join((program, *command.words)))}"
    text = command.description or command.explanation
    yield _text(text[:1].upper() + text[1:].removesuffix(".") + ".")
    yield ".PP"
    words = [_bold(f"{program} {' '.join(command.words)}")]
    words += [f"[{_flag(flag._replace(names=flag.names[-1:]))}]" for flag in own.flags]
    words += [_italic(place.value.shown) for place in command.places]
    if command.commands:
        words += [_italic("COMMAND" if command.needs_command else "[COMMAND]")]
    yield " ".join(words)
    yield from _described(own)
    for further in command.commands:
        yield from _command(program, further, (*known, *_names(command)))


def _names(command: Command) -> list[str]:
    return [name for flag in command.flags for name in flag.names]


def _synopsis(program: str, whole: Command) -> Iterator[str]:
    yield " ".join((_bold(program), "[options]", *(_italic(place.value.shown) for place in whole.places)))
    if whole.commands:
        yield ".br"
        yield f"{_bold(program)} {_italic('COMMAND')} ..."


def _described(command: Command) -> Iterator[str]:
    for flag in command.flags:
        yield from (".TP", _flag(flag), _text(flag.explanation) or "\\&")
    for place in command.places:
        yield from (".TP", _italic(place.value.name), _text(place.explanation) or "\\&")


def _flag(flag: Flag) -> str:
    value = f" {_italic(flag.value.name)}" if flag.value else ""
    return ", ".join(_bold(name) for name in flag.names) + value


def _setting(name: str, table: type[Struct], value: object) -> Iterator[str]:
    hint = get_type_hints(table, include_extras=True)[name]
    metas = [meta for meta in getattr(hint, "__metadata__", ()) if isinstance(meta, Meta)]
    described = " ".join(meta.description for meta in metas if meta.description)
    yield ".TP"
    yield f"{_bold(name)} = {_text(msgspec.json.encode(value).decode())}"
    yield _text(" ".join(filter(None, (described, _allowed(hint, metas))))) or "\\&"


def _allowed(hint: Any, metas: Sequence[Meta]) -> str:
    """What may stand there, where the description alone does not say."""
    bare = get_args(hint)[0] if get_origin(hint) is Annotated else hint
    if get_origin(bare) is Literal:
        words = [word or '""' for word in get_args(bare)]
        return f"One of: {', '.join(words)}."
    least = next(
        (meta.ge if meta.ge is not None else meta.gt for meta in metas if meta.ge is not None or meta.gt is not None),
        None,
    )
    most = next((meta.le for meta in metas if meta.le is not None), None)
    if least is None or most is None:
        return "" if least is None else f"At least {least}."
    return f"From {least:g} to {most:.0f}."


def _heading(name: str, section: int, purpose: str, book: str) -> Iterator[str]:
    yield HEADER
    yield f'.TH {name.upper()} {section} "" "chat-server {__version__}" "{book}"'
    yield ".SH NAME"
    yield f"{_text(name)} \\- {_text(purpose)}"


def _paragraphs(heading: str, paragraphs: Sequence[str | tuple[str, str]]) -> Iterator[str]:
    yield f".SH {_text(heading)}"
    for at, paragraph in enumerate(paragraphs):
        if isinstance(paragraph, tuple):
            yield from (".TP", _bold(paragraph[0]), _text(paragraph[1]))
        else:
            yield from ([".PP"] if at else [])
            yield _text(paragraph)


def _finished(parts: Sequence[str], also: Sequence[str]) -> str:
    names = ", ".join(_bold(name.partition("(")[0]) + f"({name[-2]})" for name in also)
    return "\n".join([*parts, ".SH SEE ALSO", names]) + "\n"


def _first_sentence(table: type[Struct]) -> str:
    return (table.__doc__ or "").partition("\n")[0]


def _bold(text: str) -> str:
    return f"\\fB{_text(text)}\\fR"


def _italic(text: str) -> str:
    return f"\\fI{_text(text)}\\fR"


def _text(text: str) -> str:
    """Plain text: nothing in it is a request or an escape, and hyphens stay such as can be typed."""
    text = (
        text.replace("\\", "\\e").replace("-", "\\-").replace("~", "\\(ti").replace("^", "\\(ha").replace("'", "\\(aq")
    )
    text = re.sub(r"`", r"\\(ga", text)
    return f"\\&{text}" if text.startswith((".", "'")) else text
