"""A start of chat-tui: flags and a file become settings, and the settings a program on the screen, or line by line.

What goes wrong before that is one plain line and exit code 2.
"""

import argparse
import gc
import getpass
import os
import sys
from collections.abc import Callable, Sequence
from functools import partial
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING

from msgspec.structs import replace

from chat_server import console
from chat_server.protocol.names import BadName, parse_name
from chat_tui import argument_words, language
from chat_tui.arguments import parsed
from chat_tui.client.local_store import LocalStore
from chat_tui.client.pipes import secure_descriptors
from chat_tui.language import message, say
from chat_tui.profiles import Named, find_server, find_servers, folder_name
from chat_tui.settings import (
    Settings,
    SettingsError,
    as_toml,
    load,
    settings_file,
    state_directory,
)

if TYPE_CHECKING:
    from chat_tui.client.calling import Caller
    from chat_tui.client.credentials import Keyring
    from chat_tui.ui.keyboard import Keyboard

WITHOUT_SCREEN = message(
    "The screen needs packages that are not installed: pip install 'chat-server[tui]' installs them "
    "(in a checkout, scripts/tui does). chat-tui --plain works without them."
)

ONE_AT_A_TIME = message("line by line there is one server at a time, and {count} are named; name one of {servers}")

PASSWORD_FILE_MAX = 4096
"""Bytes of a file's first line that may be a password, which has a quarter of them at most."""

CAN_NOTHING = ("", "dumb", "unknown")
"""What TERM says where nothing can be drawn over: an editor's shell, a job's log."""


def run(arguments: Sequence[str] | None = None) -> int:
    """Run the command. Returns the exit code: 0 well, 2 it could not start."""
    secure_descriptors()
    language.begin("", os.environ)
    argument_words.speak()
    words = sys.argv[1:] if arguments is None else arguments
    if len(words) > 1 and words[0] == "trust":  # a server of that name is written trust:5000
        from chat_tui.trust_cli import run_trust  # noqa: PLC0415 - who chats need not wait for it

        return run_trust(words[1:])
    return _chat(words)


def _chat(words: Sequence[str]) -> int:
    try:
        chosen = parsed(words)
        if chosen.print_config:
            console.write_text(as_toml())
            console.flush()
            return 0
    except console.OutputError as error:
        if str(error):
            console.complain("chat-tui", error)
        return 2
    try:
        language.begin(chosen.lang or "", os.environ)
        settings = load(chosen.config or settings_file(), must_exist=chosen.config is not None)
        language.begin(chosen.lang or settings.language, os.environ)
        servers = find_servers(
            chosen.address, settings, profile=chosen.profile, nick=chosen.nick or "", rooms=chosen.room
        )
        password = _first_line(chosen.password_file)
    except SettingsError as error:
        console.complain("chat-tui", error)
        return 2
    if chosen.theme:
        settings = replace(settings, theme=chosen.theme)
    if chosen.slow_link:
        settings = replace(settings, slow_link=True)
    state = chosen.state or state_directory()

    def open_store(profile: str, host: str, port: int) -> LocalStore:
        return LocalStore(state / folder_name(profile, host, port))

    from chat_tui.client.calling import Caller  # noqa: PLC0415 - --help need not wait for it
    from chat_tui.client.known_servers import KNOWN_SERVERS, KnownServers  # noqa: PLC0415 - nor for this

    flag = _state_flag(chosen.state) if chosen.state else ""
    caller = Caller(KnownServers(state / KNOWN_SERVERS, flag=flag), allows_plaintext=chosen.plaintext)
    why_plain = _why_no_screen()
    if why_plain and not chosen.plain:
        console.complain("chat-tui", why_plain)
    if chosen.plain or why_plain or not _is_on_terminal():
        return _run_plain(servers, settings, open_store, caller, chosen=chosen, password=password)
    directory = (chosen.config or settings_file()).parent
    from chat_tui.ui.keyboard import taken_early  # noqa: PLC0415 - line by line it stays as it is

    with taken_early() as keyboard:
        return _run_on_screen(servers, settings, open_store, caller, directory, keyboard=keyboard)


def _run_plain(
    servers: Sequence[Named],
    settings: Settings,
    open_store: Callable[[str, str, int], LocalStore],
    caller: "Caller",
    *,
    chosen: argparse.Namespace,
    password: str,
) -> int:
    if len(servers) > 1:
        console.complain("chat-tui", say(ONE_AT_A_TIME, count=len(servers), servers=", ".join(chosen.address)))
        return 2
    from chat_tui.client.plain import run_plain  # noqa: PLC0415 - one of two

    gc.enable()  # the start is over

    return run_plain(
        servers[0].profile,
        settings,
        partial(open_store, servers[0].name),
        caller,
        keyring=_keyring(settings),
        default_nick=_user_name(),
        wait=chosen.wait,
        password=password,
    )


def _keyring(settings: Settings) -> "Keyring | None":
    """The system's, if the package for it is installed; who does not want it may have had it before."""
    if find_spec("keyring") is None:
        return None
    from chat_tui.client.system_keyring import SystemKeyring  # noqa: PLC0415 - few have it

    return SystemKeyring(is_wanted=settings.keyring)


def _first_line(path: Path | None) -> str:
    """What stands in the first line of a file, if one is named. Raises SettingsError."""
    if path is None:
        return ""
    try:
        with path.open("rb") as file:
            line = file.readline(PASSWORD_FILE_MAX).decode().rstrip("\r\n")
    except OSError as error:
        raise SettingsError(f"{path}: {error.strerror}") from None
    except UnicodeDecodeError:
        raise SettingsError(say("{path}: its first line is no text in UTF-8", path=path)) from None
    if not line:
        raise SettingsError(say("{path}: its first line is empty; expected a password", path=path))
    return line


def _state_flag(directory: Path) -> str:
    from shlex import quote  # noqa: PLC0415 - few name a directory

    return f" --state {quote(str(directory))}"


def _is_on_terminal() -> bool:
    """Whether somebody sits before it: a pipe at either end wants lines."""
    return all(stream is not None and stream.isatty() for stream in (sys.stdin, sys.stdout))


def _why_no_screen() -> str:
    """Why the terminal cannot show a screen, in a sentence; "" if it can, or there is none."""
    term = os.environ.get("TERM", "")
    if term not in CAN_NOTHING or not _is_on_terminal():
        return ""
    called = f"TERM={term}" if term else say("TERM is not set")
    sentence = message(
        "This terminal cannot show the panes ({called}), so everything comes line by line, as with --plain."
    )
    return say(sentence, called=called)


def _run_on_screen(
    servers: Sequence[Named],
    settings: Settings,
    open_store: Callable[[str, str, int], LocalStore],
    caller: "Caller",
    directory: Path,
    *,
    keyboard: "Keyboard",
) -> int:
    """Show the panes. `directory` is where the settings are; `keyboard` has what is typed meanwhile."""
    if find_spec("textual") is None:  # found out before the terminal is asked anything
        console.complain("chat-tui", say(WITHOUT_SCREEN))
        return 2
    # What Textual reads from the environment it reads when it is imported.
    frames = "30" if settings.slow_link else "120"  # at 60 a key may wait for two: 33 ms
    os.environ.setdefault("TEXTUAL_FPS", frames)
    if settings.slow_link:
        os.environ.setdefault("TEXTUAL_ANIMATIONS", "none")
    from chat_tui.ui.theme_files import DIRECTORY, read_themes  # noqa: PLC0415 - line by line there are none

    themes = read_themes(directory / DIRECTORY)
    if settings.theme in themes.wrong:
        console.complain("chat-tui", themes.wrong[settings.theme])
        return 2
    if settings.slow_link or _has_few_colours() or os.environ.get("NO_COLOR"):
        is_light = settings.theme in themes.palettes and not themes.palettes[settings.theme].is_dark
        settings = replace(settings, theme="chat-light" if is_light else settings.theme)
        settings = replace(settings, theme=_sixteen_colours(settings.theme, keyboard))
    for name in ("COLUMNS", "LINES"):  # exported by some shells; the terminal knows better, and may be resized
        os.environ.pop(name, None)
    from chat_tui.ui.pinned import leave_out_palette  # noqa: PLC0415 - after the environment

    leave_out_palette()
    from chat_tui.ui.app import ChatApp  # noqa: PLC0415 - it takes 0.25 s, which --help need not wait for
    from chat_tui.ui.server import Wanted  # noqa: PLC0415 - as above
    from chat_tui.ui.terminal import can_report_mouse, given_back, take_over, understand_alt  # noqa: PLC0415 - after the environment

    understand_alt()
    (name, profile), *more = servers
    store = open_store(name, profile.host, profile.port)
    nick = profile.nick or store.saved.nick or _user_name()
    store.close()

    def wanted(server: Named) -> Wanted:
        return Wanted(server.profile, partial(open_store, server.name), server.name)

    app = ChatApp(
        settings,
        profile.host,
        profile.port,
        nick,
        rooms=profile.rooms,
        name=name,
        more=[wanted(server) for server in more],
        open_store=partial(open_store, name),
        find=lambda word: wanted(find_server(word, settings)),
        themes=themes,
        caller=caller,
        keyring=_keyring(settings),
    )
    take_over(app, keyboard)
    with given_back(app):
        app.run(mouse=can_report_mouse())
    return app.return_code or 0


def _sixteen_colours(theme: str, keyboard: "Keyboard") -> str:
    """The theme of the terminal's own colours that is as light as this one; instead of the default, as light as the terminal."""
    from chat_tui.ui.colours import ANSI_THEMES  # noqa: PLC0415 - line by line there are no colours

    if theme in ("chat-light", "textual-light", "ansi-light"):
        return "ansi-light"
    if theme in ANSI_THEMES or (theme not in ("chat-dark", "textual-dark") and not os.environ.get("NO_COLOR")):
        return theme
    from chat_tui.ui.background import is_light  # noqa: PLC0415 - who has the colours need not ask

    return "ansi-light" if theme == "chat-dark" and is_light(keyboard.typed) else "ansi-dark"


def _has_few_colours() -> bool:
    """Whether the terminal says that it has sixteen colours or fewer."""
    term = os.environ.get("TERM", "")
    return (
        "256" not in term
        and not os.environ.get("COLORTERM")
        and term in ("linux", "vt100", "vt220", "ansi", "xterm-16color", "screen", "xterm")
    )


def _user_name() -> str:
    """The user's name on this machine, if it can be a nickname."""
    try:
        return parse_name(getpass.getuser())
    except (BadName, OSError, KeyError):
        return "guest"
