"""The line that is in use: whether it is encrypted, by whom the server is known, and its fingerprint in groups that can be compared.

Knows the words (client/line_words.py); never knows the connection.
"""

from typing import ClassVar

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import VerticalScroll
from textual.content import Content
from textual.widgets import Static

from chat_tui.client.line_words import LineWords
from chat_tui.language import say, sentences
from chat_tui.ui.screens.box import Box
from chat_tui.ui.screens.reading import ReadingScreen

SCROLLBAR = 2
"""Columns that a scrollbar takes beside what there is to read."""


class LineScreen(ReadingScreen):
    """Says what is known of the line."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape,q", "dismiss", "Back"),
        Binding("f6", "copy_fingerprint", "Copy the fingerprint"),
        Binding("ctrl+q", "app.quit", "Quit"),
    ]

    def __init__(self, words: LineWords) -> None:
        """`words` is what is to be said."""
        super().__init__()
        self._words = words

    def compose(self) -> ComposeResult:
        """Words that can be selected."""
        words, compared = self._words, self._words.compared
        hint = sentences(say("Esc goes back."), say("F6 copies the fingerprint.") if compared is not None else "")
        with Box(words.title, hint, id="line"), VerticalScroll():
            yield Static(Content("\n".join(words.what)))
            if compared is not None:
                yield Static(Content(f"{compared.label} (SHA-256)"), classes="label")
                yield Static("", classes="fingerprint")
            if words.todo:
                yield Static(Content(words.todo), classes="said")

    def fit(self) -> None:
        """Have the fingerprint in as few rows as there are columns for."""
        super().fit()
        if self._words.compared is not None:
            rows = self._words.compared.rows(self.query_one(Box).columns - SCROLLBAR)
            self.query_one(".fingerprint", Static).update(Content("\n".join(rows)))

    def action_copy_fingerprint(self) -> None:
        """Have the fingerprint in the clipboard."""
        if self._words.compared is not None:
            self.app.copy_to_clipboard(self._words.compared.fingerprint)
            self.notify(say("Copied."), timeout=2, markup=False)
