"""Themes that are files of the user's: TOML files beside the settings, each a palette of colours. Reads files; never knows Textual."""

from pathlib import Path
from typing import NamedTuple

import msgspec

from chat_server.protocol.late_pattern import LatePattern
from chat_server.settings_errors import explained
from chat_tui.language import say, say_count
from chat_tui.settings import SettingsError
from chat_tui.ui.colours import CONTRAST_MIN, DARK, LIGHT, Palette

DIRECTORY = "themes"
"""Where they are, beside the settings."""

BYTES_MAX = 65_536
"""Of one of them; those of the program have a thousand."""


class Themes(NamedTuple):
    """Those that can be used, by their names, which are their files'; and what is wrong with the others, in sentences."""

    palettes: dict[str, Palette]
    wrong: dict[str, str]


_CALLED = LatePattern("[A-Za-z0-9_-]+")
"""What a theme may be called: its name is a class of Textual's styles."""

_A_COLOUR = ' such as "#1d1a24"'

NO_THEMES = Themes({}, {})


def read_themes(directory: Path) -> Themes:
    """All of a directory. None, if there is no such directory."""
    found = Themes({}, {})
    try:
        paths = sorted(directory.glob("*.toml"))
    except OSError:
        return found
    for path in paths:
        if not _CALLED.fullmatch(path.stem):
            found.wrong[path.stem] = say(
                "{path}: a theme is called by letters from a to z, digits, - and _ alone", path=path
            )
            continue
        try:
            found.palettes[path.stem] = read_theme(path)
        except SettingsError as error:
            found.wrong[path.stem] = str(error)
    return found


def read_theme(path: Path) -> Palette:
    """Read one. What it leaves out is as in chat-dark, or as in chat-light where it says `is_dark = false`.

    Raises:
        SettingsError: with one sentence that names the file, the colour, and what was expected.

    """
    import tomllib  # noqa: PLC0415 - only a file needs it

    try:
        with path.open("rb") as file:
            data = file.read(BYTES_MAX + 1)
        if len(data) > BYTES_MAX:
            raise SettingsError(say("{path}: this is no theme: it is too long", path=path))
        said = tomllib.loads(data.decode("utf-8-sig"))
        base = LIGHT if said.get("is_dark") is False else DARK
        return msgspec.convert(msgspec.to_builtins(base) | said, Palette)
    except OSError as error:
        raise SettingsError(f"{path}: {error.strerror}") from error
    except UnicodeDecodeError:
        raise SettingsError(say("{path}: this is no theme: it is not UTF-8", path=path)) from None
    except msgspec.ValidationError as error:
        expected, pattern, _ = explained(error, Palette).partition(" matching regex ")
        raise SettingsError(f"{path}: {expected}{_A_COLOUR if pattern else ''}") from error
    except ValueError as error:  # TOMLDecodeError is one, and a number of too many digits another
        raise SettingsError(say("{path}: not TOML: {error}", path=path, error=error)) from error
    except RecursionError:
        raise SettingsError(say("{path}: this is no theme: it is nested too deeply", path=path)) from None


def doubts(name: str, palette: Palette) -> str:
    """What can hardly be read with it, in a sentence; "" if everything can."""
    poor = palette.poor_contrasts()
    if not poor:
        return ""
    text, surface, ratio = poor[0]
    worst = say(
        "Theme {name}: {text} on {surface} has a contrast of {ratio} to 1; {least} can be read.",
        name=name,
        text=text,
        surface=surface,
        ratio=f"{ratio:.1f}",
        least=CONTRAST_MIN,
    )
    more = len(poor) - 1
    return worst + (" " + say_count("So has one more pair.", "So have {number} more pairs.", more) if more else "")


def complaints(themes: Themes, name: str, wanted: str) -> list[str]:
    """What is wrong with files of the user's, what can hardly be read in the theme that is used, and that it is not the one that they wanted."""
    told = [*themes.wrong.values()]
    if name in themes.palettes and (doubt := doubts(name, themes.palettes[name])):
        told.append(doubt)
    if name != wanted:
        told.append(say("There is no theme {name}. F2 has all that there are.", name=wanted))
    return told
