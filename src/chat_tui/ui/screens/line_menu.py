"""What can be done with a line: by Enter, by its key, by a click. Knows nothing of what that is."""

from collections.abc import Sequence
from typing import ClassVar

from textual import on
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.content import Content
from textual.events import Key
from textual.screen import ModalScreen
from textual.widgets import Static

from chat_tui.actions import shown_key
from chat_tui.language import say
from chat_tui.ui.list_pane import Item, ListPane
from chat_tui.ui.screens.box import Box


class LineMenuScreen(ModalScreen[str]):
    """Returns what is chosen, or ""."""

    CSS_PATH = "screens.tcss"
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape", "dismiss('')", "Back"),
        Binding("enter", "choose", "Choose", show=False),
        Binding("up,alt+up", "move(-1)", show=False),
        Binding("down,alt+down", "move(1)", show=False),
    ]

    def __init__(self, heading: str, said: str, rows: Sequence[tuple[str, str, str]], told: Sequence[str]) -> None:
        """`said` stands above, and `told` below; `rows` are what there is to choose, each with its key and what it is."""
        super().__init__()
        self._heading, self._said, self._rows, self._told = heading, said, rows, told
        self._keys = {key: name for name, keys, _ in rows for key in keys.split(",")}
        self._at = 0

    def compose(self) -> ComposeResult:
        """The line, what can be done with it, and how people have reacted."""
        with Box(self._heading, say("Enter chooses. Esc goes back."), id="line-menu"):
            yield Static(Content(self._said), classes="quoted")
            yield ListPane()
            yield Static(Content("\n".join(self._told)), classes="told")

    def on_mount(self) -> None:
        """Show it all."""
        self.query_one(".told").display = bool(self._told)
        self._show()

    def _show(self) -> None:
        items = [
            Item(name, Content(say(title)), Content.styled(shown_key(keys), "bold")) for name, keys, title in self._rows
        ]
        self.query_one(ListPane).show(items, self._rows[self._at][0] if self._rows else None)

    def action_move(self, step: int) -> None:
        """Mark another one."""
        self._at = max(0, min(self._at + step, len(self._rows) - 1))
        self._show()

    def action_choose(self) -> None:
        """Return what is marked."""
        self.dismiss(self._rows[self._at][0] if self._rows else "")

    def on_key(self, event: Key) -> None:
        """A key chooses what it does."""
        if (name := self._keys.get(event.key)) is not None:
            event.stop()
            self.dismiss(name)

    @on(ListPane.Chosen)
    def _click(self, event: ListPane.Chosen) -> None:
        self.dismiss(event.key)
