"""Codes, shown to be read, typed elsewhere or written down.

A one-time code may be seen, and copied. Recovery codes are secrets, shown once: the screen is left only by saying so. Never knows how they are made.
"""

from collections.abc import Sequence
from typing import ClassVar

from textual import on
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Horizontal, VerticalScroll
from textual.content import Content
from textual.screen import ModalScreen
from textual.widgets import Button, Static

from chat_tui.language import say
from chat_tui.ui.screens.box import Box
from chat_tui.ui.screens.form import ANSWERS


def spaced(code: str) -> str:
    """The letters of a code apart, so that each is read by itself."""
    return "   ".join(" ".join(group) for group in code.split("-"))


class CodeScreen(ModalScreen[None]):
    """Shows a code that is good once."""

    CSS_PATH = "screens.tcss"
    AUTO_FOCUS: ClassVar[str | None] = ""
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape,q", "dismiss", "Back"),
        Binding("f6", "copy_code", "Copy"),
        Binding("ctrl+q", "app.quit", "Quit"),
    ]

    def __init__(self, heading: str, code: str, what: str) -> None:
        """`what` says what is done with it."""
        super().__init__()
        self._heading, self._code, self._what = heading, code, what

    def compose(self) -> ComposeResult:
        """The code, and what is done with it."""
        with Box(self._heading, say("F6 copies the code. Esc goes back."), id="code"), VerticalScroll():
            yield Static(Content(spaced(self._code)), classes="letters")
            yield Static(Content(self._what))

    def on_mount(self) -> None:
        """Be as large as there is place."""
        self.query_one(VerticalScroll).focus()
        self.on_resize()

    def on_resize(self) -> None:
        """What there is to read scrolls."""
        self.query_one(VerticalScroll).styles.max_height = max(3, self.query_one(Box).rows)

    def action_copy_code(self) -> None:
        """Have it in the clipboard."""
        self.app.copy_to_clipboard(self._code)
        self.notify(say("Copied."), timeout=2, markup=False)


class RecoveryScreen(ModalScreen[None]):
    """Shows recovery codes. No key that somebody may be pressing anyway takes them away."""

    CSS_PATH = "screens.tcss"
    AUTO_FOCUS: ClassVar[str | None] = ""
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("up", "scroll(-1)", show=False),
        Binding("down", "scroll(1)", show=False),
        Binding("pageup", "scroll(-5)", show=False),
        Binding("pagedown", "scroll(5)", show=False),
        Binding("ctrl+q", "app.quit", "Quit"),
    ]

    def __init__(self, heading: str, what: str, codes: Sequence[str]) -> None:
        """`what` says what they are for."""
        super().__init__()
        self._heading, self._what, self._codes = heading, what, codes

    def compose(self) -> ComposeResult:
        """The codes, what they are for, and the one way to go on."""
        with Box(self._heading, say("Tab and Enter: go on. Nothing shows them again."), id="code"):
            with VerticalScroll(can_focus=False):
                for code in self._codes:
                    yield Static(Content("  ".join(code.split("-"))), classes="letters close")
                yield Static(Content(self._what), classes="what")
                yield Static(
                    Content(say("Write them down, and keep them secret. They are not shown again.")), classes="what"
                )
            with Horizontal(classes="answers"):
                yield Button(say("I have written them down"), id="written", compact=True)

    def on_mount(self) -> None:
        """Be as large as there is place; the answer has no key yet."""
        self.set_focus(None)
        self.on_resize()

    def on_resize(self) -> None:
        """What there is to read scrolls, and the answer is always seen."""
        self.query_one(VerticalScroll).styles.max_height = max(3, self.query_one(Box).rows - ANSWERS)

    def action_scroll(self, rows: int) -> None:
        """Show more, where there is no place for all."""
        self.query_one(VerticalScroll).scroll_relative(y=rows, animate=False)

    @on(Button.Pressed)
    def _written(self) -> None:
        self.dismiss()
