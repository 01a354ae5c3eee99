"""What is told over the lines for some seconds: it stands in one place, once, whatever it replaces and whatever opens. Never knows what is told."""

from textual.app import App
from textual.events import ScreenResume
from textual.screen import Screen

from chat_tui.ui import terminal

TOAST_MAX = 200
"""Characters of what is told over the lines, where they hide it."""


class ToldShortly(App[None]):
    """An app that says such things."""

    def clear_notifications(self) -> None:
        """Have nothing told over the lines any more, nor a place kept for it, which Textual leaves."""
        super().clear_notifications()
        terminal.forget_toasts(self)

    def say_shortly(self, text: str) -> None:
        """Say what came of a key, for some seconds: it does not stay among the lines."""
        self.clear_notifications()
        self.notify(text[:TOAST_MAX], markup=False, severity="error", timeout=8)


class Covered(Screen[None]):
    """A screen over which others open."""

    def on_screen_suspend(self) -> None:
        """Something opens over the panes, and shows what is told just now: below its own words (chat.tcss). Here it would stand a second time."""
        terminal.mark_toasts(self, "covered", is_on=True)

    def on_screen_resume(self, event: ScreenResume) -> None:
        """Nothing is over the panes any more."""
        del event
        terminal.mark_toasts(self, "covered", is_on=False)
