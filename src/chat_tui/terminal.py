"""What chat-tui needs of the terminal and Textual has no public name for. All of it is here; tests/test_terminal.py is its contract.

- Alt with a letter or digit, on terminals without the Kitty protocol: they send ESC and the letter, for which Textual waits 100 ms, takes
  two in that time for text, and digits for symbols. Here they become what a Kitty terminal sends, at once.
- Escape sequences that tell the terminal something: its bell, its title, a desktop notification.
"""

import os
import re
import sys
from collections.abc import Iterable

import textual
from textual.app import App
from textual.message import Message

PINNED = "8.2.8"
"""The version of Textual of which all this is known."""

_SAFE = re.compile(r"[\x00-\x1f\x7f-\x9f;]")


def kitty_form(data: str) -> str:
    """What was read, with each Alt and letter, if that is all that was read, in the form of the Kitty protocol."""
    if data[:1] != "\x1b" or not re.fullmatch(r"(\x1b[a-zA-Z0-9])+", data):
        return data
    return re.sub(r"\x1b([a-zA-Z0-9])", lambda found: f"\x1b[{ord(found[1])};3u", data)


def understand_alt() -> None:
    """Have Textual's parser understand Alt on every terminal. Does nothing with a version of Textual that is not known."""
    if textual.__version__ != PINNED:
        return
    from textual._xterm_parser import XTermParser  # noqa: PLC0415 - the one private thing that is replaced

    feed = XTermParser.feed
    if feed.__name__ == "feed_with_alt":
        return

    def feed_with_alt(self: XTermParser, data: str) -> Iterable[Message]:
        return feed(self, kitty_form(data))

    setattr(XTermParser, "feed", feed_with_alt)  # noqa: B010 - for a type checker a method cannot be replaced


def tell_terminal(app: App[None], data: str) -> None:
    """Write to the terminal beside what is on the screen."""
    driver = app._driver  # noqa: SLF001 - Textual has no public way to it
    if driver is not None and not app.is_headless:
        driver.write(data)
        driver.flush()


def has_desktop() -> bool:
    """Whether there is a desktop on which a browser can open."""
    return sys.platform in ("darwin", "win32") or bool(os.environ.get("DISPLAY") or os.environ.get("WAYLAND_DISPLAY"))


def bell() -> str:
    """The terminal's bell."""
    return "\a"


def title(text: str) -> str:
    """Set the window's title (OSC 0)."""
    return f"\x1b]0;{_SAFE.sub(' ', text)}\x1b\\"


def desktop_notification(heading: str, text: str) -> str:
    """Ask for a desktop notification: OSC 777 (urxvt, foot, Ghostty, WezTerm) and OSC 9 (iTerm2, kitty, Windows Terminal)."""
    heading, text = _SAFE.sub(" ", heading), _SAFE.sub(" ", text)[:200]
    return f"\x1b]777;notify;{heading};{text}\x1b\\\x1b]9;{heading}: {text}\x1b\\"
