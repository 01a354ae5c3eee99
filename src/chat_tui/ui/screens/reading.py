"""A window with something to read, which scrolls where it is longer than the terminal is high. Never knows what it says."""

from textual.containers import VerticalScroll
from textual.screen import ModalScreen

from chat_tui.ui.screens.box import Box


class ReadingScreen(ModalScreen[None]):
    """Has one Box, and in it one VerticalScroll."""

    CSS_PATH = "screens.tcss"

    def on_mount(self) -> None:
        """Be as large as there is place; keys scroll what there is to read."""
        self.query_one(VerticalScroll).focus()
        self.fit()

    def on_resize(self) -> None:
        """The terminal is of another size: what is laid out just now is not yet."""
        self.call_after_refresh(self.fit)

    def fit(self) -> None:
        """Be as high as there is place."""
        self.query_one(VerticalScroll).styles.max_height = max(3, self.query_one(Box).rows)
