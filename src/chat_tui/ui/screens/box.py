"""The frame of what opens over the panes: in its border stand what it is called and its keys. Never knows what is in it."""

from textual.containers import Vertical
from textual.content import Content


class Box(Vertical):
    """Things under each other, in a frame."""

    def __init__(self, title: str, keys: str = "", *, classes: str = "", id: str | None = None) -> None:  # noqa: A002 - Textual's name
        """`classes` beside its own: how wide it is, and whether what it asks is dangerous."""
        super().__init__(classes=f"box {classes}".strip(), id=id)
        self.call(title)
        self.say_keys(keys)

    def call(self, title: str) -> None:
        """Have it be called so."""
        self.border_title = Content(title)

    def say_keys(self, keys: str) -> None:
        """Say which keys there are."""
        self.border_subtitle = Content(keys)
