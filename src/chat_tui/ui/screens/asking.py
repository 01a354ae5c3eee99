"""Small questions: one line of input, or yes and no. Never knows what is asked."""

from typing import ClassVar

from textual import on
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Horizontal
from textual.content import Content
from textual.screen import ModalScreen
from textual.widgets import Button, Input, Static

from chat_tui.language import say
from chat_tui.ui.field import Field
from chat_tui.ui.screens.box import Box
from chat_tui.ui.screens.prose import Prose

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
        with Box(self._heading, say("Esc goes back.")):
            yield Field(placeholder=self._placeholder, compact=True)

    @on(Input.Submitted)
    def _answer(self, event: Input.Submitted) -> None:
        self.dismiss(event.value.strip())


class ConfirmScreen(ModalScreen[bool]):
    """Asks before something is done that cannot be undone. The harmless answer has the keys."""

    CSS_PATH = "screens.tcss"
    AUTO_FOCUS: ClassVar[str | None] = "#no"
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape", "dismiss(False)", "Back"),
        Binding("left,up", "app.focus_previous", show=False),
        Binding("right,down", "app.focus_next", show=False),
        Binding("ctrl+q", "app.quit", "Quit"),
    ]

    def __init__(self, heading: str, what: str, *, no: str, yes: str) -> None:
        """`what` says what happens then; `no` and `yes` are the answers."""
        super().__init__()
        self._heading, self._what, self._no, self._yes = heading, what, no, yes

    def compose(self) -> ComposeResult:
        """What would be done, and the answers."""
        with Box(self._heading, say("Esc goes back."), classes="danger", id="confirm"):
            yield Prose(self._what, classes="what")
            with Horizontal(classes="answers"):
                yield Button(self._no, id="no", variant="primary", compact=True)
                yield Button(self._yes, id="yes", compact=True)

    @on(Button.Pressed)
    def _answer(self, event: Button.Pressed) -> None:
        self.dismiss(event.button.id == "yes")


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
        with Box(say("Paste {count} lines as one message?", count=len(lines)), say("Enter: yes    Esc: no")):
            yield Static(Content("\n".join(preview)), classes="preview")
