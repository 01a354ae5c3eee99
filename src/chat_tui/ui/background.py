"""Whether the terminal's background is light, which no terminal description says.

Knows COLORFGBG and the answer to OSC 11. Never knows themes nor Textual: it is asked before Textual has the terminal.
"""

import os
import re
import select
import sys
import termios
import time
import tty
from collections.abc import Callable
from contextlib import suppress

WAIT = 1.0
"""Seconds for an answer. A terminal that does not know the question answers the one after it, which all know, so few wait that long."""

ASK = b"\x1b]11;?\x1b\\\x1b[c"
"""What is the background? And what are you? (OSC 11, DA1)"""

_ANSWERED = re.compile(rb"\x1b\[\?[\d;]*c")
_COLOUR = re.compile(rb"\x1b\]11;rgba?:([0-9a-fA-F]{1,4})/([0-9a-fA-F]{1,4})/([0-9a-fA-F]{1,4})(?:\x1b\\|\x07|$)")


def is_light(typed: Callable[[bytes], None]) -> bool:
    """Whether the background is light, as the environment or the terminal says. False where neither does.

    `typed` is told of what was typed while the terminal was asked.
    """
    said = from_environment(os.environ.get("COLORFGBG", ""))
    if said is not None:
        return said
    if os.environ.get("TERM") == "linux" or not (sys.stdin.isatty() and sys.stdout.isatty()):
        return False  # the console is dark, and would show the question
    answer = _asked()
    typed(_ANSWERED.sub(b"", _COLOUR.sub(b"", answer)))
    return bool(from_answer(answer))


def from_environment(colorfgbg: str) -> bool | None:
    """What COLORFGBG says, as `0;15` or `0;default;15`: the last is the background's number. None if that says nothing."""
    number = colorfgbg.rpartition(";")[2]
    if not number.isdecimal():
        return None
    return int(number) in (7, *range(9, 16))


def from_answer(answer: bytes) -> bool | None:
    """What the answer to OSC 11 says, as `ESC ] 11 ; rgb:fafa/fbfb/fcfc`. None if there is none in it."""
    found = _COLOUR.search(answer)
    if found is None:
        return None
    red, green, blue = (int(part, 16) / (16 ** len(part) - 1) for part in found.groups())
    return bool(0.299 * red + 0.587 * green + 0.114 * blue > 0.5)  # noqa: PLR2004 - the middle between black and white


def _asked() -> bytes:
    """Ask the terminal, and return what it answers in time."""
    answer = b""
    keyboard, screen = sys.stdin.fileno(), sys.stdout.fileno()
    with suppress(OSError, termios.error):
        before = termios.tcgetattr(keyboard)
        try:
            tty.setcbreak(keyboard, termios.TCSANOW)
            os.write(screen, ASK)
            deadline = time.monotonic() + WAIT
            while not _ANSWERED.search(answer):
                if not select.select([keyboard], [], [], max(0.0, deadline - time.monotonic()))[0]:
                    break
                answer += os.read(keyboard, 1024)
        finally:
            termios.tcsetattr(keyboard, termios.TCSANOW, before)
    return answer
