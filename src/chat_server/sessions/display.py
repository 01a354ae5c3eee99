"""How somebody at a terminal is shown things, and who edits their line: what follows from what they chose and from what their telnet has told.

Pure. Never knows a session, nor what is shown.
"""

from functools import lru_cache

from msgspec import Struct

from chat_server.protocol.choices import LANGUAGES, UTF_8
from chat_server.protocol.preferences import AS_THE_TERMINAL, Preferences
from chat_server.wire.charsets import can_write, has_byte_255
from chat_server.wire.render.profiles import RenderProfile
from chat_server.wire.render.widths import width_class
from chat_server.wire.telnet.terminal import Terminal


class Display(Struct, frozen=True):
    """What is to be shown how."""

    profile: RenderProfile
    wants_editing: bool = False
    """Whether the line is to be edited here, if telnet agrees."""


@lru_cache(maxsize=1024)
def display_for(chosen: Preferences, terminal: Terminal, *, speaks_telnet: bool) -> Display:
    """How somebody is shown things; one value for all who are shown them alike."""
    charset = chosen.charset or terminal.charset or UTF_8
    is_plain = terminal.is_screen_reader if chosen.plain is None else chosen.plain
    profile = RenderProfile(
        chosen.language if can_write(charset, LANGUAGES[chosen.language]) else "en",
        charset,
        speaks_telnet and has_byte_255(charset),
        _colours(chosen.colour, terminal.colours, is_plain=is_plain),
        width_class(_columns(chosen.wrap, terminal.columns, is_plain=is_plain)),
        is_plain,
    )
    return Display(profile, _wants_editing(chosen.mode, terminal, is_plain=is_plain))


def _columns(chosen: int | None, columns: int, *, is_plain: bool) -> int:
    if chosen == AS_THE_TERMINAL:
        return columns
    if chosen is not None:
        return chosen
    return 0 if is_plain else columns


def _colours(chosen: bool | None, suggested: int, *, is_plain: bool) -> int:
    if chosen is None:
        return 0 if is_plain else suggested
    return (suggested or 16) if chosen else 0


def _wants_editing(chosen: str | None, terminal: Terminal, *, is_plain: bool) -> bool:
    if is_plain:  # what is edited is drawn again and again, and a screen reader reads all of it
        return False
    return terminal.can_be_edited_on if chosen is None else chosen == "edit"


def effective(
    setting: str, profile: RenderProfile, chosen: Preferences, *, is_edited: bool, speaks_telnet: bool
) -> str:
    """What a setting comes to."""
    match setting:
        case "mode":
            return "edit" if is_edited else "line"
        case "colour":
            return "on" if profile.colours else "off"
        case "wrap":
            return str(profile.columns + 1) if profile.columns else "off"
        case "plain":
            return "on" if profile.is_plain else "off"
        case "keepalive":
            return "on" if chosen.keepalive and speaks_telnet else "off"
    return str(getattr(profile, setting))
