"""One's account, and what can be done with it. Never knows how that is done."""

from typing import ClassVar

from textual import on
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import VerticalScroll
from textual.screen import ModalScreen
from textual.widgets import Button

from chat_tui.language import message, say
from chat_tui.ui.screens.box import Box
from chat_tui.ui.screens.prose import Prose

CHOICES = {
    "devices": message("Your devices"),
    "password": message("Another password"),
    "device": message("A code for another device"),
    "invite": message("An invitation for somebody"),
    "recovery": message("New recovery codes"),
    "close": message("End it; your lines stay"),
    "anonymise": message("End it; lines without your name"),
    "erase": message("End it; your lines are erased"),
}
"""What can be done."""


class AccountScreen(ModalScreen[str | None]):
    """Shows an account. Returns what is to be done; None if nothing is."""

    CSS_PATH = "screens.tcss"
    AUTO_FOCUS: ClassVar[str | None] = "Button"
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape,q", "dismiss(None)", "Back"),
        Binding("down,j", "app.focus_next", show=False),
        Binding("up,k", "app.focus_previous", show=False),
        Binding("ctrl+q", "app.quit", "Quit"),
    ]

    def __init__(self, nick: str, what: str) -> None:
        """`what` says what there is to say of the account."""
        super().__init__()
        self._nick, self._what = nick, what

    def compose(self) -> ComposeResult:
        """What it is, and what can be done with it."""
        title, keys = say("Your account {nick}", nick=self._nick), say("Enter goes on. Esc goes back.")
        with Box(title, keys, id="account"), VerticalScroll(can_focus=False):
            yield Prose(self._what, classes="what")
            for name, choice in CHOICES.items():
                yield Button(say(choice), id=name, compact=True)

    def on_mount(self) -> None:
        """Be as large as there is place."""
        self.on_resize()

    def on_resize(self) -> None:
        """What there is to read scrolls."""
        self.query_one(VerticalScroll).styles.max_height = max(3, self.query_one(Box).rows)

    @on(Button.Pressed)
    def _chosen(self, event: Button.Pressed) -> None:
        self.dismiss(event.button.id)
