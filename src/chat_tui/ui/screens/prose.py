"""Sentences in a box, in rows that end at words; a path or an address that is longer than a row ends where one of its parts does."""

from textual.content import Content
from textual.widgets import Static

from chat_tui.ui.wrapping import pieces


class Prose(Static):
    """Sentences, as wide as there is place."""

    def __init__(self, text: str, *, classes: str | None = None) -> None:
        super().__init__(Content(text), classes=classes)
        self._text = text

    def say(self, text: str) -> None:
        """Say something else."""
        self._text = text
        self._fill()

    def on_resize(self) -> None:
        """There is more place, or less."""
        self._fill()

    def _fill(self) -> None:
        width = self.content_size.width or self.app.size.width
        rows = [self._text[start:end] for start, end, _ in pieces(self._text, max(2, width))]
        self.update(Content("\n".join(rows)))
