"""Small questions: one line of input, or yes and no."""

from typing import ClassVar

from textual import on
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Vertical
from textual.content import Content
from textual.screen import ModalScreen
from textual.widgets import Input, Static

from chat_tui.ui.field import Field

PREVIEW_LINES = 8
"""Lines of a paste that are shown before it goes in."""


class AskScreen(ModalScreen[str]):
    """Asks for one line. Returns it, or "" if there is no answer."""

    CSS_PATH = "screens.tcss"
    BINDINGS: ClassVar[list[BindingType]] = [Binding("escape", "dismiss('')", "Cancel")]

    def __init__(self, heading: str, placeholder: str) -> None:
        super().__init__()
        self._heading = heading
        self._placeholder = placeholder

    def compose(self) -> ComposeResult:
        """A heading and a line."""
        with Vertical(classes="box small"):
            yield Static(self._heading, classes="heading", markup=False)
            yield Field(placeholder=self._placeholder, compact=True)

    @on(Input.Submitted)
    def _answer(self, event: Input.Submitted) -> None:
        self.dismiss(event.value.strip())


class ConfirmPasteScreen(ModalScreen[bool]):
    """Asks before many lines go into the prompt."""

    CSS_PATH = "screens.tcss"
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("enter,y", "dismiss(True)", "Paste"),
        Binding("escape,n", "dismiss(False)", "Do not"),
    ]

    def __init__(self, text: str) -> None:
        super().__init__()
        self._text = text

    def compose(self) -> ComposeResult:
        """How many lines, and the first of them."""
        lines = self._text.split("\n")
        preview = lines[:PREVIEW_LINES] + (["…"] if len(lines) > PREVIEW_LINES else [])
        with Vertical(classes="box"):
            yield Static(f"Paste {len(lines)} lines as one message?", classes="heading", markup=False)
            yield Static(Content("\n".join(preview)), classes="preview")
            yield Static("Enter: yes    Esc: no", classes="hint", markup=False)
