"""How each terminal is asked to notify the desktop: by which escape sequence, and how that, and what is copied, goes through tmux and screen. Pure.

A terminal is known by its environment, and never asked: one that does not answer would have to be waited for, and what it answers late would stand in
the prompt. Nothing of what others write ends a sequence, or begins one.

- OSC 99 (kitty): heading and text, under a name by which a newer notification takes the place of the last.
- OSC 777 (urxvt, foot, Ghostty): heading and text, with semicolons between.
- OSC 9 (iTerm2, WezTerm, Windows Terminal, ConEmu): one text.
- The bell, for all others that are known: some raise a window by it, or mark it.

What is not known may be any of these, at the end of a connection that does not carry the environment. OSC 9 is what most of them understand; the
others pass over it.
"""

from base64 import b64encode
from collections.abc import Callable, Mapping
from typing import Literal, NamedTuple

from chat_server.protocol.late_pattern import LatePattern

Form = Literal["99", "777", "9", "bell"]
"""The number of the sequence."""

Wrap = Literal["", "tmux", "screen"]
"""Through what it goes before it comes to the terminal."""

HEADING_MAX, TEXT_MAX = 80, 200
"""Characters that are told."""

IN_SCREEN_MAX = 80
"""Characters of each within screen, which passes on 768 bytes at once: 80 take 320 at most."""

PASSED_MAX = 700
"""Characters that screen is given at once to pass on; the terminal has them as one."""

NAME = "chat-tui"

ST, BEL = "\x1b\\", "\a"

_ACTING = LatePattern(r"[\x00-\x1f\x7f-\x9f;]+")
"""What ends a sequence or begins one, or parts what stands in it."""


class Terminal(NamedTuple):
    """What is known of a terminal."""

    form: Form
    wrap: Wrap = ""


_BY_VARIABLE: tuple[tuple[str, Form], ...] = (
    ("KITTY_WINDOW_ID", "99"),
    ("GHOSTTY_RESOURCES_DIR", "777"),
    ("WEZTERM_PANE", "9"),
    ("ITERM_SESSION_ID", "9"),
    ("WT_SESSION", "9"),
    ("ConEmuPID", "9"),
)
"""What terminals set for their programs, also for those that run in tmux or screen."""

_BY_PROGRAM: dict[str, Form] = {
    "kitty": "99",
    "ghostty": "777",
    "rxvt": "777",
    "foot": "777",
    "wezterm": "9",
    "iterm.app": "9",
    "iterm2": "9",
    "apple_terminal": "bell",
    "alacritty": "bell",
    "linux": "bell",
}
"""By TERM_PROGRAM, LC_TERMINAL (which ssh carries on), or the beginning of TERM, with or without `xterm-`."""

_CANNOT = ("linux", "dumb", "unknown", "vt1", "vt2", "vt3", "vt4", "vt5", "ansi", "cons", "cygwin")
"""Beginnings of TERM of those that do not pass over what they do not understand, or can nothing."""


def terminal_of(environment: Mapping[str, str]) -> Terminal:
    """Which terminal it is."""
    term = environment.get("TERM", "").lower()
    program = environment.get("TERM_PROGRAM", "").lower()
    wrap: Wrap = ""
    if environment.get("TMUX") or program == "tmux" or term.startswith("tmux"):
        wrap = "tmux"
    elif environment.get("STY") or term.startswith("screen"):
        wrap = "screen"
    return Terminal(_form_of(environment, term, program), wrap)


def _form_of(environment: Mapping[str, str], term: str, program: str) -> Form:
    if not term or term.startswith(_CANNOT):
        return "bell"
    named = (program, environment.get("LC_TERMINAL", "").lower(), term.removeprefix("xterm-"))
    for name, form in _BY_PROGRAM.items():
        if any(one.startswith(name) for one in named):
            return form
    return next((form for variable, form in _BY_VARIABLE if environment.get(variable)), "9")


def notification(terminal: Terminal, heading: str, text: str) -> str:
    """What has the terminal notify the desktop; "" if it cannot."""
    limits = (IN_SCREEN_MAX, IN_SCREEN_MAX) if terminal.wrap == "screen" else (HEADING_MAX, TEXT_MAX)
    heading, text = (
        _cut(_ACTING.sub(" ", one).strip(), most) for one, most in zip((heading, text), limits, strict=True)
    )
    return "".join(map(_WRAPPED[terminal.wrap], _FORMS[terminal.form](heading, text)))


def passed_on(terminal: Terminal, text: str) -> str:
    """What has tmux or screen hand the clipboard's text on to the terminal outside (OSC 52), which either keeps from it as they come; "" in none."""
    if not terminal.wrap:
        return ""
    told = f"52;c;{b64encode(text.encode()).decode()}"
    if terminal.wrap == "tmux":
        return _WRAPPED["tmux"](told)
    whole = f"\x1b]{told}{BEL}"
    return "".join(f"\x1bP{whole[at : at + PASSED_MAX]}{ST}" for at in range(0, len(whole), PASSED_MAX))


def _cut(text: str, most: int) -> str:
    return text if len(text) <= most else text[: most - 1] + "\N{HORIZONTAL ELLIPSIS}"


_FORMS: dict[Form, Callable[[str, str], list[str]]] = {
    "99": lambda heading, text: [
        f"99;i={NAME}:d=0:o=unfocused;{heading}",
        f"99;i={NAME}:d=1:o=unfocused:p=body;{text}",
    ],
    "777": lambda heading, text: [f"777;notify;{heading};{text}"],
    "9": lambda heading, text: [f"9;{heading}: {text}"],
    "bell": lambda _heading, _text: [],
}

_WRAPPED: dict[Wrap, Callable[[str], str]] = {
    "": lambda told: f"\x1b]{told}{ST}",
    # Each ESC twice; it passes this on where allow-passthrough is on.
    "tmux": lambda told: f"\x1bPtmux;\x1b\x1b]{told}\x1b{ST}{ST}",
    # The first ST would end it.
    "screen": lambda told: f"\x1bP\x1b]{told}{BEL}{ST}",
}
