"""The frame of what opens over the panes: in its border stand what it is called and its keys. Never knows what is in it."""

import re

from rich.cells import cell_len
from textual.containers import Vertical
from textual.content import Content
from textual.widgets import Static

from chat_tui.ui.wrapping import pieces

USUAL, WIDEST = 60, 84
"""Columns of a frame, and of a wide one."""

TALL, TOP = 30, 6
"""Rows of a terminal from which on frames begin so many rows from its top, and have an empty row around what is in them (screens.tcss)."""

SOME = 20
"""Rows from which on one stays free above."""

BORDER, IN_BORDER = 2, 6
"""Columns or rows that a border takes, and columns of it in which nothing can stand."""


class Box(Vertical):
    """Things under each other, in a frame."""

    def __init__(self, title: str, keys: str = "", *, classes: str = "", id: str | None = None) -> None:  # noqa: A002 - Textual's name
        """`classes` beside its own: whether it is wide, and whether what it asks is dangerous. `keys` says in sentences which there are."""
        self._heading = Static("", classes="heading")
        super().__init__(self._heading, classes=f"box {classes}".strip(), id=id)
        self._title, self._keys = title, keys

    def on_mount(self) -> None:
        """Say it all."""
        self._fit()

    def on_resize(self) -> None:
        """The terminal is of another size."""
        self._fit()

    def call(self, title: str) -> None:
        """Have it be called so."""
        self._title = title
        self._fit()

    def say_keys(self, keys: str) -> None:
        """Say which keys there are."""
        self._keys = keys
        self._fit()

    def _fit(self) -> None:
        """A title for which the border is too short stands below it; keys for which it is, nowhere: none is cut in half."""
        self.border_title = Content("" if self._is_inside else self._title)
        self._heading.update(Content(self._title))
        self._heading.display = self._is_inside
        said = ""
        for key in filter(None, (key.rstrip(".。 ") for key in re.split(r"(?<=[.。])\s*", self._keys))):
            longer = f"{said} · {key}" if said else key
            said = longer if cell_len(longer) <= self._width - IN_BORDER else said
        self.border_subtitle = Content(said)

    @property
    def _width(self) -> int:
        return min(WIDEST if self.has_class("wide") else USUAL, self.app.size.width)

    @property
    def _is_inside(self) -> bool:
        return cell_len(self._title) > self._width - IN_BORDER

    @property
    def columns(self) -> int:
        """Columns for what is in it."""
        return self._width - BORDER - (4 if self.app.size.height >= TALL else 2)

    @property
    def rows(self) -> int:
        """Rows for what is in it, at the most."""
        height = self.app.size.height
        around = TOP + 2 if height >= TALL else 1 if height >= SOME else 0
        return height - BORDER - around - (len(pieces(self._title, self.columns)) if self._is_inside else 0)
