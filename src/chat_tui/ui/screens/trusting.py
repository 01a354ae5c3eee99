"""What is shown when a server is not trusted: what happened, the fingerprints to compare, and what to do next.

Whoever was typing when it opens agrees to nothing: the harmless answer has the keys. Knows the words (client/trust_words.py); never knows the
connection.
"""

from enum import Enum
from typing import ClassVar

from textual import on
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Horizontal, VerticalScroll
from textual.content import Content
from textual.screen import ModalScreen
from textual.widgets import Button, Static

from chat_tui.client.trust_words import Compared, Doubt
from chat_tui.language import say, sentences
from chat_tui.ui.labels import from_server
from chat_tui.ui.screens.box import Box

ANSWERS, SCROLLBAR = 1, 2
"""Rows that the answers take, and columns that a scrollbar takes beside what there is to read."""


class Answer(Enum):
    """What the user wants."""

    TRUST = "trust"
    AGAIN = "again"
    ELSEWHERE = "elsewhere"


class TrustScreen(ModalScreen[Answer | None]):
    """Says why a server is not trusted. Returns what is to be done; None if one goes back to the chat."""

    CSS_PATH = "screens.tcss"
    AUTO_FOCUS: ClassVar[str | None] = "#back"
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape", "dismiss(None)", "Back"),
        Binding("f3", "elsewhere", "Another server"),
        Binding("f6", "copy_command", "Copy the command"),
        Binding("pageup", "page(-1)", "Up", show=False),
        Binding("pagedown", "page(1)", "Down", show=False),
        Binding("ctrl+q", "app.quit", "Quit"),
    ]

    def __init__(self, doubt: Doubt, *, server: str = "") -> None:
        """`doubt` is what is to be said; `server`: of which of several."""
        super().__init__()
        self.doubt = doubt
        self._server = server
        self._command = "" if doubt.yes else doubt.command
        copies = say("F6 copies the command.") if self._command else ""
        self._hint = sentences(say("Esc goes back. F3 takes another server."), copies)

    def compose(self) -> ComposeResult:
        """Words that can be selected, and the answers."""
        doubt = self.doubt
        with Box(from_server(self._server, doubt.title), self._hint, classes="" if doubt.yes else "danger", id="trust"):
            with VerticalScroll(can_focus=False):
                yield Static(Content(doubt.what))
                for compared in doubt.compared:
                    yield Static(Content(f"{compared.label} (SHA-256)"), classes="label")
                    yield Static("", classes="fingerprint")
                yield Static(Content(doubt.todo(is_asked=True)), classes="todo before" if self._command else "todo")
                if self._command:
                    yield Static(Content(self._command), classes="preview")
            with Horizontal(classes="answers"):
                yield Button(
                    say("Do not connect") if doubt.yes else say("Back"), id="back", variant="primary", compact=True
                )
                if doubt.yes:
                    yield Button(doubt.yes, id="yes", compact=True)
                else:
                    yield Button(say("Try again"), id="again", compact=True)

    def on_mount(self) -> None:
        """Be as large as there is place."""
        self._fit()

    def on_resize(self) -> None:
        """The terminal is of another size: what is laid out just now is not yet."""
        self.call_after_refresh(self._fit)

    def _rows(self, compared: Compared) -> Content:
        """A fingerprint, with as many groups in a row as there is place for."""
        return Content("\n".join(compared.rows(self.query_one(Box).columns - SCROLLBAR)))

    def _fit(self) -> None:
        """What there is to read scrolls, and the answers are always seen."""
        self.query_one(VerticalScroll).styles.max_height = max(3, self.query_one(Box).rows - ANSWERS)
        for shown, compared in zip(self.query(".fingerprint").results(Static), self.doubt.compared, strict=True):
            rows = self._rows(compared)
            if shown.content != rows:
                shown.update(rows)

    def action_page(self, pages: int) -> None:
        """Show more, where there is no place for all."""
        scroll = self.query_one(VerticalScroll)
        scroll.scroll_relative(y=pages * max(1, scroll.size.height - 1), animate=False)

    def action_elsewhere(self) -> None:
        """Take another server."""
        self.dismiss(Answer.ELSEWHERE)

    def action_copy_command(self) -> None:
        """Have the command in the clipboard."""
        if self._command:
            self.app.copy_to_clipboard(self._command)
            self.notify(say("Copied."), timeout=2, markup=False)

    @on(Button.Pressed, "#back")
    def _back(self) -> None:
        self.dismiss(None)

    @on(Button.Pressed, "#yes")
    def _yes(self) -> None:
        self.dismiss(Answer.TRUST)

    @on(Button.Pressed, "#again")
    def _again(self) -> None:
        self.dismiss(Answer.AGAIN)
