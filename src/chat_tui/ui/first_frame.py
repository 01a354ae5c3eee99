"""A screen on its way to its first frame: nothing is done twice before that, and what can wait waits for it.

Knows when it is seen. Never knows what stands on it.
"""

import asyncio

from textual.events import ScreenResume
from textual.screen import Screen

from chat_tui.ui import terminal

SEEN_SECONDS = 0.1
"""Seconds after which nobody waits any more for the first frame: a window may have no rows."""


class FirstFrame(Screen[None]):
    """The screen with which a program starts."""

    def __init__(self) -> None:
        super().__init__()
        self.seen = asyncio.Event()
        """Set once it has been drawn."""
        terminal.draw_nothing_in_vain(self, self.seen.set)

    def on_screen_resume(self, event: ScreenResume) -> None:
        """Be on the terminal. The first time, everything has just been styled for that, and is not styled once more."""
        if not self.seen.is_set():
            event.refresh_styles = False

    def show(self) -> None:
        """Have it drawn: all that is to be seen at first is there."""
        self.set_timer(SEEN_SECONDS, self.seen.set)
        self.refresh()
