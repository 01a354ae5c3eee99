"""What answers a command where there is no room among whose lines it could stand, and it is too long to be told for some seconds.

Never knows what was asked.
"""

from typing import ClassVar

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import VerticalScroll
from textual.screen import ModalScreen

from chat_tui.language import say
from chat_tui.ui.screens.box import Box
from chat_tui.ui.screens.prose import Prose


class AnswerScreen(ModalScreen[None]):
    """Shows it, and what else answers the same."""

    CSS_PATH = "screens.tcss"
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

    def on_mount(self) -> None:
        """Be as large as there is place; keys scroll what there is to read."""
        self.query_one(VerticalScroll).focus()
        self._fit()

    def on_resize(self) -> None:
        """The terminal is of another size: what is laid out just now is not yet."""
        self.call_after_refresh(self._fit)

    def _fit(self) -> None:
        self.query_one(VerticalScroll).styles.max_height = max(3, self.query_one(Box).rows)

    def add(self, text: str) -> None:
        """Show this too, below the rest."""
        self._text += f"\n{text}"
        for prose in self.query(Prose):  # else it is not there yet
            prose.say(self._text)
