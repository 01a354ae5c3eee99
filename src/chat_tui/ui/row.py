"""The columns of the lines' pane, a row of it, and everything that rows depend on. Pure values; never knows entries."""

import re
import time
from collections.abc import Callable
from enum import Enum
from functools import lru_cache
from typing import NamedTuple

from rich.cells import cell_len
from rich.style import Style as RichStyle
from textual.content import Content
from textual.style import Style

from chat_server.protocol.mentions import Names
from chat_tui.client.hues import Hues
from chat_tui.ui.beside_lines import Beside
from chat_tui.ui.markup import Styles

MARK = 1
"""Columns at the pane's edge for what marks a line: chosen, found, for the reader."""

GAP = 2
"""Blank columns between a name and the text, and between the text and the time; and columns by which further rows are set in that have no name."""

TEXT_MAX = 96
"""Columns at most of what the program says where there are no lines."""

LINE_MAX = 120
"""Columns at most of what somebody says: beyond that the eye loses the line on its way back."""

RIGHT_MAX = 160
"""Columns at most up to where times end: further out they belong to nothing."""

INLINE_BELOW, TIGHT_BELOW = 44, 52
"""Columns of the pane, with its scrollbar, below which names stand before the text, and below which a time stands only where it costs no text."""

NAME_MIN, NAME_USUAL, NAME_MAX, NAME_SHARE = 4, 9, 14, 5
"""Columns for names: the least; what is taken where no name is known; the most, and at most one of so many columns of the pane."""


class Spacing(Enum):
    """Where an empty row stands between lines."""

    COMPACT = "compact"
    """Before another day only."""
    PAUSES = "pauses"
    """Also where nobody has said anything for long."""
    AIRY = "airy"
    """Also where nobody has for a while, and around whatever stands above lines."""
    COSY = "cosy"
    """Also wherever the speaker changes."""


class Grid(NamedTuple):
    """Where the columns are: a mark, a name that ends where its text begins, the text, and at the right number and time.

    Text has the columns of a number and a time too in rows that show none.
    """

    name: int
    """Columns for names; 0 where they stand before the text, in one column with it."""
    text: int
    number: int = 0
    """Columns of a line's number; 0 where none is shown."""
    time: int = 0
    """Columns of a time."""
    right: int = 0
    """The column where numbers and times end."""
    is_tight: bool = False
    """Whether text is not broken to make place for a time."""

    @property
    def gutter(self) -> int:
        """Columns before the text."""
        return MARK + (self.name + GAP if self.name else 0)

    @property
    def edge(self) -> int:
        """The column where rules and surfaces end: text and time have a blank one before it."""
        return self.right + 1

    def text_beside(self, end: int) -> int:
        """Columns of text in a row at whose end so many are taken."""
        return max(2, min(self.text, self.right - self.gutter - GAP - end)) if end else self.text


def grid(width: int, time_format: str, number: int = 0, name: int = NAME_USUAL) -> Grid:
    """The columns of so many in all, beside the blank one before the scrollbar, where the longest name needs so many."""
    pane, right = width + 1, min(width, RIGHT_MAX)
    time_width = _time_width(time_format)
    if pane < INLINE_BELOW:
        return Grid(0, max(2, right - MARK), number, time_width, right, is_tight=True)
    name = max(NAME_MIN, min(name, NAME_MAX, right // NAME_SHARE))
    text = max(2, min(LINE_MAX, right - MARK - name - GAP))
    return Grid(name, text, number, time_width, right, is_tight=pane < TIGHT_BELOW)


@lru_cache(16)
def _time_width(time_format: str) -> int:
    return cell_len(time.strftime(time_format, (2026, 12, 30, 22, 48, 48, 2, 364, 0)))


class Mark(NamedTuple):
    """How a line is marked: by a tint over all of it, and a sign at the pane's edge for those who see no colours."""

    tint: Style
    sign: str
    style: Style
    shows_time: bool = False
    """Whether it shows its time, though it belongs to a group whose first line has one."""


class Look(NamedTuple):
    """Everything that rows depend on beside the entry and its neighbour. A new look is a new value."""

    width: int
    grid: Grid
    time_format: str
    markdown: bool
    me: str
    text: Style
    rich: RichStyle
    dim: Style
    day: Style
    line: Style
    unread: Style
    failed: Style
    pending: Style
    called: Mark
    """How lines are marked that are for the reader."""
    nicks: tuple[Style, ...]
    """The colours of names."""
    hues: Hues
    """Who has which of them."""
    parts: Styles
    resolve: Callable[[str], Style]
    mention: Names | None = None
    found: re.Pattern[str] | None = None
    beside: Beside = Beside()
    """What stands above and below lines."""
    spacing: Spacing = Spacing.COMPACT


class Row(NamedTuple):
    """One row of the screen: what stands before the text, text that can be selected, and what is beside it and cannot.

    `joins`: it goes on with the row before. A row that is not `of_line` stands above it for all lines: a day, what is not loaded.
    `end` stands at the right, and `marked_end` instead of it while the line is marked; `fill` is under all that is not the gutter.
    """

    gutter: Content
    text: Content
    joins: bool = False
    beside: Content = Content("")
    of_line: bool = True
    end: Content = Content("")
    marked_end: Content = Content("")
    fill: Style | None = None

    def marked(self, style: Style, start: int, end: int) -> "Row":
        """The row with a part of its text in another style; up to its end, if `end` is -1."""
        return self._replace(text=self.text.stylize(style, start, len(self.text) if end == -1 else end))
