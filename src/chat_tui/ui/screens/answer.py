"""What answers a command where there is no room among whose lines it could stand, and it is too long to be told for some seconds.

Never knows what was asked.
"""

from typing import ClassVar

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import VerticalScroll

from chat_tui.language import say
from chat_tui.ui.screens.box import Box
from chat_tui.ui.screens.prose import Prose
from chat_tui.ui.screens.reading import ReadingScreen


class AnswerScreen(ReadingScreen):
    """Shows it, and what else answers the same."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape,q", "dismiss", "Back"),
        Binding("ctrl+q", "app.quit", "Quit"),
    ]

    def __init__(self, text: str) -> None:
        super().__init__()
        self._text = text

    def compose(self) -> ComposeResult:
        """Words that can be selected."""
        hint = say("Esc goes back. PageUp and PageDown show more.")
        with Box(say("Answer"), hint, classes="wide", id="answer"), VerticalScroll():
            yield Prose(self._text)

    def add(self, text: str) -> None:
        """Show this too, below the rest."""
        self._text += f"\n{text}"
        for prose in self.query(Prose):  # else it is not there yet
            prose.say(self._text)
