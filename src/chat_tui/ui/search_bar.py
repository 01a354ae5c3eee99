"""The bar for searching in the room that one sees. Never knows what is found."""

from typing import ClassVar

from textual import on
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Horizontal
from textual.content import Content
from textual.events import Resize
from textual.message import Message
from textual.widgets import Input, Static

from chat_tui.language import say
from chat_tui.ui.field import Field

TIGHT = 60
"""Columns below which the bar has place for the key alone that closes it."""


class SearchBar(Horizontal):
    """Hidden until one searches."""

    DEFAULT_CSS = """
    SearchBar {
        height: 1;
        display: none;
        background: $panel;
        & > Static { width: auto; padding: 0 1; color: $text-muted; }
        & > Input { width: 1fr; min-width: 12; background: $panel; color: $foreground; }
    }
    """
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape", "close", show=False, priority=True),  # the bar says itself what they do
        Binding("enter,up,shift+enter", "next(-1)", show=False, priority=True),
        Binding("down", "next(1)", show=False, priority=True),
    ]

    class Changed(Message):
        """Other words are searched for."""

        def __init__(self, words: str) -> None:
            super().__init__()
            self.words = words

    class Next(Message):
        """Another place where they stand is wanted."""

        def __init__(self, step: int) -> None:
            """Newer if 1, older if -1."""
            super().__init__()
            self.step = step

    class Closed(Message):
        """Nothing is searched for any more."""

    def compose(self) -> ComposeResult:
        """A line and what came of it."""
        yield Static("", id="search-name", markup=False)
        yield Field(compact=True)
        yield Static("", id="found")
        yield Static("", id="search-keys", markup=False)

    def on_mount(self) -> None:
        """Say what it is."""
        self.name_again()

    def name_again(self) -> None:
        """Say what it is, in the language that is spoken now."""
        self.query_one("#search-name", Static).update(say("Search:"))
        is_tight = self.has_class("tight")
        self.query_one("#search-keys", Static).update("Esc" if is_tight else say("Enter older · ↓ newer · Esc"))

    def on_resize(self, event: Resize) -> None:
        """A hint that there is no place for is left out, and not cut."""
        self.set_class(event.size.width < TIGHT, "tight")
        self.name_again()

    def open(self) -> None:
        """Begin to search."""
        self.display = True
        self.query_one(Input).focus()

    @property
    def words(self) -> str:
        """What is searched for."""
        return self.query_one(Input).value.strip()

    def tell(self, text: str) -> None:
        """Say what was found."""
        self.query_one("#found", Static).update(Content(text))

    @on(Input.Changed)
    def _changed(self, event: Input.Changed) -> None:
        event.stop()
        self.post_message(self.Changed(event.value))

    def action_next(self, step: int) -> None:
        """Go to another place where the words stand."""
        self.post_message(self.Next(step))

    def action_close(self) -> None:
        """Search no more."""
        self.display = False
        self.query_one(Input).clear()
        self.post_message(self.Closed())
