"""The keyboard before there is a screen: what is typed then is what it would be if the screen were there.

A terminal that nobody has told otherwise edits lines by itself, shows them, and makes a line feed of Enter, which in the prompt begins another line.
Knows the terminal. Never knows what is done with what is typed, nor Textual: it is asked before that is loaded.
"""

import os
import select
import signal
import sys
import termios
from codecs import getincrementaldecoder
from collections.abc import Iterator
from contextlib import contextmanager, suppress

STDIN = 0
IFLAG, LFLAG, CC = 0, 3, 6
"""Places among a terminal's attributes."""

AT_ONCE = 65536
"""Bytes read at once: more than a terminal keeps (4096 on Linux)."""


class Keyboard:
    """What was typed so far, and how the terminal was before."""

    def __init__(self, attributes: list[object] | None = None) -> None:
        self.attributes = attributes
        """Those that it had; None if it is no terminal."""
        self._typed = b""
        self.decoder = getincrementaldecoder("utf-8")("replace")
        """Makes text of what is typed, now and later: a character may come in two parts, and a wrong byte is no reason to end."""

    def typed(self, data: bytes) -> None:
        """Note what was typed. Enter is a line feed where the terminal still edited lines."""
        self._typed += data.replace(b"\n", b"\r")

    def take(self) -> str:
        """What was typed, for what reads the keyboard from now on."""
        taken, self._typed = self._typed, b""
        return self.decoder.decode(taken)


@contextmanager
def taken_early() -> Iterator[Keyboard]:
    """Have each key as it is from now on, Ctrl+C too; afterwards the terminal is as it was before."""
    try:
        before = termios.tcgetattr(STDIN)
    except (OSError, termios.error):
        yield Keyboard()
        return
    keyboard = Keyboard(before)
    raw = [*before[:CC], [*before[CC]]]
    raw[IFLAG] &= ~(termios.ICRNL | termios.INLCR | termios.IGNCR)
    raw[LFLAG] &= ~(termios.ICANON | termios.ECHO)
    raw[CC][termios.VMIN], raw[CC][termios.VTIME] = 1, 0
    try:
        with _ending_in_order():
            with suppress(OSError, termios.error):
                termios.tcsetattr(STDIN, termios.TCSANOW, raw)
                if select.select([STDIN], [], [], 0)[0]:
                    keyboard.typed(os.read(STDIN, AT_ONCE))
            yield keyboard
    finally:
        with suppress(OSError, termios.error):
            termios.tcsetattr(STDIN, termios.TCSANOW, before)


@contextmanager
def _ending_in_order() -> Iterator[None]:
    """Have signals that end a program do so with what has still to be done then, until the screen looks after them itself (terminal.py)."""

    def end(number: int, frame: object) -> None:
        del frame
        sys.exit(128 + number)

    before = {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)}
    with suppress(ValueError):  # it is not the main thread, and signals come there
        for number, handler in before.items():
            if handler is not signal.SIG_IGN:
                signal.signal(number, end)
    try:
        yield
    finally:
        with suppress(ValueError):
            for number, handler in before.items():
                signal.signal(number, handler)
