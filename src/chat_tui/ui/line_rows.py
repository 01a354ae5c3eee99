"""The rows of one line: its text broken where it must be, with what stands before, above, below and at the end of it. Pure; never knows entries."""

from collections.abc import Sequence
from typing import NamedTuple

from rich.cells import cell_len
from textual.content import Content

from chat_tui.ui.markup import Shown
from chat_tui.ui.row import GAP, MARK, Look, Row
from chat_tui.ui.wrapping import pieces

_NOTHING = Content("")

ROWS_TRIED = 8
"""Of how many of the first rows one is looked for that has place for what stands at the end."""


class Ends(NamedTuple):
    """What stands at the right of a line: its number, its time."""

    shown: Content = _NOTHING
    marked: Content = _NOTHING
    """What stands there while the line is marked."""


NO_ENDS = Ends()


class Rows:
    """The rows of one entry: broken now, made when they are asked for."""

    def __init__(
        self,
        above: list[Row],
        gutter: Content,
        text: Shown,
        look: Look,
        below: Sequence[Content] = (),
        *,
        ends: Ends = NO_ENDS,
        is_called: bool = False,
    ) -> None:
        """Put a text in rows, under those that stand above it, and over what is `below`; the first with its gutter.

        `ends`: what stands at the right. `is_called`: whether it is for the reader.
        """
        self._above, self._below = above, below
        self._gutter, self._ends = gutter, ends
        self.is_called = is_called
        """Whether the line is for the reader."""
        self._blank = Content(" " * (look.grid.gutter if look.grid.name else look.grid.gutter + GAP))
        self._look = look
        self._text = text
        self._length = len(text.text)
        width = max(2, look.grid.text - (0 if look.grid.name else GAP))
        first = width if look.grid.name else look.grid.text - (gutter.cell_length - MARK)
        if not look.grid.is_tight or (look.grid.name and look.grid.number):
            first = min(first, look.grid.text_beside(ends.shown.cell_length))
        self._pieces = pieces(text.text, width, first)
        self._with_ends: tuple[int, int] | None = None

    def __len__(self) -> int:
        """How many there are."""
        return len(self._above) + len(self._pieces) + len(self._below)

    def __getitem__(self, number: int) -> Row:
        """Make one of them."""
        if number < len(self._above):
            return self._above[number]
        if number >= len(self._above) + len(self._pieces):
            beside = self._below[number - len(self._above) - len(self._pieces)]
            return Row(self._blank, Content(""), beside=beside)
        start, end, joins = self._pieces[number - len(self._above)]
        is_code = self._text.is_block(start, end)
        gutter = self._blank if number > len(self._above) else self._gutter
        if is_code and gutter.plain.endswith(" "):
            gutter = gutter[:-1] + Content.styled("│", self._look.line)
        fill = self._look.parts.block if is_code else None
        at = number - len(self._above)
        shown, marked = (
            what if at == place else _NOTHING for what, place in zip(self._ends, self._places_of_ends(), strict=True)
        )
        return Row(gutter, self._text.content(start, end), joins, end=shown, marked_end=marked, fill=fill)

    def _places_of_ends(self) -> tuple[int, int]:
        """In which of the text's rows the ends stand: the first ones that have place for them."""
        if self._with_ends is None:
            self._with_ends = self._place_of(self._ends.shown), self._place_of(self._ends.marked)
        return self._with_ends

    def _place_of(self, end: Content) -> int:
        if not end:
            return -1
        left = self._look.grid.right - GAP - end.cell_length
        for number, (start, stop, _) in enumerate(self._pieces[:ROWS_TRIED]):
            before = self._blank if number else self._gutter
            if before.cell_length + cell_len(self._text.text[start:stop]) <= left:
                return number
        return -1

    def said(self, start: tuple[int, int], end: tuple[int, int] | None = None) -> str:
        """What was said from one place (its row, its column) to another, or to the end; nothing where only what stands above it is."""
        last = self._place(*end) if end is not None else self._length
        return self._text.said(max(self._place(*start), 0), last) if last >= 0 else ""

    def _place(self, row: int, column: int) -> int:
        number = row - len(self._above)
        if number < 0:
            return -1
        if number >= len(self._pieces):
            return self._length
        start, end, _ = self._pieces[number]
        if column < 0 and number == len(self._pieces) - 1:
            return self._length  # spaces at the end, for which its row has no room, too
        return end if column < 0 else min(start + column, end)
