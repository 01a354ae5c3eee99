"""The settings: a TOML file in the platform's directory for settings, and flags, become one typed value. Pure but for reading the file."""

import re
from pathlib import Path
from socket import AF_INET6, inet_pton
from typing import Annotated, Literal

import msgspec
from msgspec import Meta, Struct, field
from msgspec.structs import FieldInfo, fields

from chat_server.protocol.choices import LANGUAGES
from chat_server.protocol.late_pattern import LatePattern
from chat_server.settings_errors import explained
from chat_tui.actions import ACTIONS, PRESETS
from chat_tui.language import message, say, sentences

DEFAULT_PORT = 5000


class SettingsError(Exception):
    """The settings cannot be used; the sentence says where and why."""


How = bool | Literal["bell", "desktop"]
"""How one is told of a kind of line: by both, by one of the two, or not."""


class NotifyTable(Struct, frozen=True, forbid_unknown_fields=True):
    """When and how you are notified of lines that you do not see."""

    mentions: Annotated[
        How, Meta(description='Lines that name you, or reply to you: true, false, or only by "bell" or "desktop".')
    ] = True
    direct: Annotated[How, Meta(description="Lines that somebody writes to you alone; in the same way.")] = True
    words: Annotated[list[str], Meta(description="Words that count as if they were your name,")] = field(
        default_factory=list
    )
    words_by: Annotated[How, Meta(description="and how you are told of them.")] = True
    rooms: Annotated[list[str], Meta(description="Rooms of which every line counts,")] = field(default_factory=list)
    rooms_by: Annotated[How, Meta(description="and how you are told of those lines.")] = True
    muted: Annotated[list[str], Meta(description="Rooms that never count.")] = field(default_factory=list)
    quiet: Annotated[
        str,
        Meta(description="Hours in which nothing rings and the desktop is left alone, as 22:00-07:00. Empty: none."),
    ] = ""
    focused: Annotated[
        bool, Meta(description="Notify you also while the terminal has the focus, of rooms that you do not see.")
    ] = False
    bell: Annotated[bool, Meta(description="Ring the terminal's bell.")] = True
    desktop: Annotated[bool, Meta(description="Ask the terminal to notify the desktop.")] = True
    terminal: Annotated[
        Literal["", "99", "777", "9", "bell"],
        Meta(
            description="The escape sequence by which it is asked: 99 (kitty), 777 (urxvt, foot, Ghostty), 9 (iTerm2, WezTerm, Windows Terminal)"
            " or bell, for none. Empty: as the environment says which terminal it is."
        ),
    ] = ""
    title: Annotated[bool, Meta(description="Show the count in the terminal's title.")] = True


class Profile(Struct, frozen=True, forbid_unknown_fields=True):
    """A server that one goes to."""

    host: str = "127.0.0.1"
    port: Annotated[int, Meta(ge=1, le=65535)] = DEFAULT_PORT
    nick: str = ""
    rooms: list[str] = field(default_factory=list)


class Settings(Struct, frozen=True, forbid_unknown_fields=True):
    """All settings."""

    theme: Annotated[
        str,
        Meta(
            description="A theme's name: chat-dark, chat-light, one of Textual's, or a file in themes/ beside this one."
        ),
    ] = "chat-dark"
    spacing: Annotated[
        Literal["auto", "cosy", "compact"],
        Meta(
            description="An empty row where the speaker changes: cosy, compact (none), or auto: where there is place."
        ),
    ] = "auto"
    time_format: Annotated[str, Meta(description="How times are shown, as strftime has it.")] = "%H:%M"
    show_joins: Annotated[bool, Meta(description="Show who comes and goes among the lines.")] = True
    line_numbers: Annotated[bool, Meta(description="Show the numbers of lines beside their times.")] = False
    markdown: Annotated[bool, Meta(description="Show *emphasis*, `code`, quotes and code blocks as such.")] = True
    emoji: Annotated[bool, Meta(description="Show emoji with which people react; false: their names, as :+1:.")] = True
    ascii: Annotated[
        bool, Meta(description="Draw with letters of ASCII only; by itself so where the locale is not UTF-8.")
    ] = False
    slow_link: Annotated[bool, Meta(description="Send the terminal as little as possible.")] = False
    signs: Annotated[
        bool,
        Meta(
            description="Show who is writing and what was read, and say it of you, where you have chosen that (/typing, /receipts)."
        ),
    ] = True
    keyring: Annotated[
        bool, Meta(description="Keep the tokens of accounts in the system's keyring, where there is one.")
    ] = True
    spelling: Annotated[
        str,
        Meta(
            description="Dictionaries that mark misspelt words: en_US, de_DE. Empty: as the environment says (LANG). off: none."
        ),
    ] = ""
    language: Annotated[
        str,
        Meta(description="The language in which chat-tui speaks: en or zh. Empty: as the environment says (LANG)."),
    ] = ""
    notify: NotifyTable = field(default_factory=NotifyTable)
    keys: dict[str, str] = field(default_factory=dict)
    profiles: dict[str, Profile] = field(default_factory=dict)


def settings_file() -> Path:
    """Where the platform keeps settings."""
    from platformdirs import user_config_path  # noqa: PLC0415 - not needed where a file is named

    return user_config_path("chat-tui") / "config.toml"


def state_directory() -> Path:
    """Where the platform keeps what a program remembers."""
    from platformdirs import user_state_path  # noqa: PLC0415 - not needed where a directory is named

    return user_state_path("chat-tui")


def load(path: Path, *, must_exist: bool) -> Settings:
    """Read the settings.

    Raises:
        SettingsError: with one sentence that names the file, the key, and what was expected.

    """
    try:
        text = path.read_text(encoding="utf-8-sig")
    except FileNotFoundError:
        if must_exist:
            raise SettingsError(say("{path}: no such file", path=path)) from None
        return Settings()
    except (OSError, UnicodeDecodeError) as error:
        raise SettingsError(f"{path}: {error}") from error
    settings = _read(text, path)
    if settings.language and settings.language not in LANGUAGES:
        raise SettingsError(say("{path}: language: expected en or zh", path=path))
    if not settings.time_format.isprintable():
        raise SettingsError(say("{path}: time_format: expected a format such as %H:%M", path=path))
    if settings.notify.quiet and not _HOURS.fullmatch(settings.notify.quiet):
        raise SettingsError(say("{path}: notify.quiet: expected hours such as 22:00-07:00", path=path))
    names = {action.name for action in ACTIONS}
    preset = settings.keys.get("preset")
    if preset is not None and preset not in PRESETS:
        known = ", ".join(PRESETS)
        raise SettingsError(
            say(
                "{path}: keys.preset: there is no preset {preset}; there is {known}",
                path=path,
                preset=preset,
                known=known,
            )
        )
    for name in settings.keys.keys() - {"preset"}:
        if name not in names:
            raise SettingsError(
                say("{path}: keys.{name}: there is no such action; docs/keys.md has their names", path=path, name=name)
            )
    return settings


_HOURS = LatePattern(r"(?:[01]\d|2[0-3]):[0-5]\d-(?:[01]\d|2[0-3]):[0-5]\d")


def _read(text: str, path: Path) -> Settings:
    import tomllib  # noqa: PLC0415 - only a file needs it

    try:
        return msgspec.convert(tomllib.loads(text), Settings)
    except msgspec.ValidationError as error:
        raise SettingsError(f"{path}: {explained(error, Settings)}") from error
    except ValueError as error:  # TOMLDecodeError is one, and a number of too many digits another
        raise SettingsError(say("{path}: not TOML: {error}", path=path, error=error)) from error
    except RecursionError:
        raise SettingsError(say("{path}: these are no settings: they are nested too deeply", path=path)) from None


def as_toml() -> str:
    """Every setting with its default, under its description, as TOML."""
    defaults = Settings()
    plain = [setting for setting in fields(Settings) if not isinstance(getattr(defaults, setting.name), Struct | dict)]
    lines = [line for setting in plain for line in _toml(setting, defaults)]
    lines += ["# " + say("When and how you are notified of lines that you do not see."), "[notify]"]
    lines += [line for setting in fields(NotifyTable) for line in _toml(setting, defaults.notify)]
    lines += [
        "# " + say("Other keys for actions: docs/keys.md has their names."),
        "[keys]",
        '# preset = "readline"',
        '# jump = "ctrl+o"',
        "",
    ]
    lines += [
        "# " + say("Servers, for --profile NAME; the one called default is used when none is named."),
        "# [profiles.default]",
    ]
    lines += [f"# {setting.name} = {_value(getattr(Profile(), setting.name))}" for setting in fields(Profile)]
    return "\n".join(lines) + "\n"


def _toml(setting: FieldInfo, values: Struct) -> list[str]:
    described = [meta.description for meta in getattr(setting.type, "__metadata__", ()) if isinstance(meta, Meta)]
    return [
        *("# " + say(text) for text in described if text),
        f"{setting.name} = {_value(getattr(values, setting.name))}",
        "",
    ]


def _value(value: object) -> str:
    return msgspec.json.encode(value).decode()


def parse_address(text: str) -> tuple[str, int]:
    """`HOST[:PORT]`, `[::1]:5000`. Raises SettingsError, which says what is wrong with it and how it is written."""
    text = text.strip()
    scheme = re.match(r"[a-zA-Z]+://", text)
    if scheme:
        raise _bad_address(message("Leave out {text} and whatever stands after the port:"), scheme[0])
    if _is_ipv6(text):
        return text, DEFAULT_PORT
    found = re.fullmatch(r"\[([^]]*)\](?::(.*))?|([^:]*)(?::(.*))?", text)
    if found is None:
        raise _bad_address(_NO_SERVER, text)
    host, port = found[1] or found[3] or "", found[2] if found[1] else found[4]
    if not host:
        raise _bad_address(message("The server's name is missing."))
    if not (_is_ipv6(host) if found[1] else _is_host(host)):
        raise _bad_address(_NO_SERVER, host)
    return host, DEFAULT_PORT if port is None else _port(port)


_NO_SERVER = message('"{text}" cannot be the name of a server.')


def _bad_address(what: str, text: str = "") -> SettingsError:
    as_in = say("Write it as chat.example.org or chat.example.org:5000.")
    return SettingsError(sentences(say(what, text=text), as_in))


def _is_ipv6(text: str) -> bool:
    """Whether this is an address of IPv6, with nothing before or after it."""
    try:
        inet_pton(AF_INET6, text.partition("%")[0])
    except (OSError, ValueError):
        return False
    return True


def _is_host(text: str) -> bool:
    """Whether this can be a host's name: words of 1 to 63 characters with dots between them."""
    return all(
        re.fullmatch(r"[^\W](?:[\w-]{0,61}\w)?|_[\w-]{0,62}", part) for part in text.removesuffix(".").split(".")
    )


def _port(text: str) -> int:
    if not re.fullmatch(r"[0-9]{1,5}", text) or not 1 <= int(text) <= 65535:  # noqa: PLR2004 - the range of TCP ports
        raise _bad_address(message('"{text}" is no port: a port is a number from 1 to 65535.'), text)
    return int(text)
