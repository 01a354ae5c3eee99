"""How a long line is broken into rows, so that it fits on a terminal of so many columns. Pure.

How wide each character is, widths.py says; how many columns a reader has, profiles.py.
"""

from bisect import bisect_right
from collections.abc import Sequence
from itertools import accumulate

from chat_server.protocol.late_pattern import LatePattern
from chat_server.wire.render.widths import graphemes, room_for_grapheme

INDENT = "  "
"""What stands before the further rows of a line. Nothing that the server says begins with a space."""

_CANNOT_BEGIN = frozenset("、。，．・：；？！）」』】〉》〕〗”’…—～％,.:;?!)]}")
"""What does not begin a row: it belongs to what stands before it (the short list that Chinese and Japanese typesetting agree on)."""

_CANNOT_END = frozenset("（「『【〈《〔〖“‘([{")
"""What does not end one."""

_ASCII_WIDTHS = b"\1" * 16384
_SPACES = LatePattern(" *")
_FIRST_WORD = LatePattern("[^ ]+ *| +")
_ROOM_MIN = 10
"""Columns that are too few to begin a word in which does not fit a row anyway."""


def wrapped(text: str, columns: int, *, room: int | None = None, ambiguous: int = 1) -> list[str]:
    """Break text into rows of at most `columns`, the first of at most `room`.

    It is broken between words, and between wide characters, which stand without spaces; a word that is longer than a row is broken where it
    must be. The rows after the first begin with INDENT. Spaces at a break are left out, all others stay.
    """
    room = columns if room is None else room
    others = max(columns - len(INDENT), 2)
    cells = _Cells(text, ambiguous)
    first, start = "", 0
    if room >= others or cells.begins_in(room, others):
        start = cells.end_of_row(0, room, is_last_resort=room >= others)
        first = cells.row(0, start)
    further: list[str] = []
    while start < len(cells):
        end = cells.end_of_row(start, others)
        row = cells.row(start, end)
        if row:
            further.append(INDENT + row)
        start = end
    return [first, *further]


class _Cells:
    """A text's graphemes, and after how many columns each ends: worked out once for all rows."""

    __slots__ = ("_ends", "_graphemes", "_widths")

    def __init__(self, text: str, ambiguous: int) -> None:
        self._graphemes: Sequence[str] = text if text.isascii() else graphemes(text)
        if text.isascii():
            self._widths: Sequence[int] = (
                _ASCII_WIDTHS[: len(text)] if len(text) <= len(_ASCII_WIDTHS) else b"\1" * len(text)
            )
        else:
            self._widths = [room_for_grapheme(grapheme, ambiguous) for grapheme in self._graphemes]
        self._ends = [0, *accumulate(self._widths)]

    def __len__(self) -> int:
        return len(self._graphemes)

    def row(self, start: int, end: int) -> str:
        """The row from one cell to another, without the spaces at its end."""
        return "".join(self._graphemes[start:end]).rstrip(" ")

    def begins_in(self, room: int, others: int) -> bool:
        """Whether the text is to begin in a first row of so little room: not with a word that only fits a row of its own."""
        kept = self._ends[self._end_of_first_word(others)]
        return kept <= room or (kept > others and room >= _ROOM_MIN)

    def _end_of_first_word(self, room: int) -> int:
        """The cell after the first word, without the spaces that follow it; or the first that does not fit, where it is longer."""
        cells = self._graphemes
        if isinstance(cells, str):
            word = _FIRST_WORD.match(cells)
            return len(cells[: min(word.end(), room + 1)].rstrip(" ")) if word else 0
        end = min(1, len(cells))
        while end < len(cells) and self._ends[end] <= room and not self._may_part(end):
            end += 1
        while end and cells[end - 1] == " ":
            end -= 1
        return end

    def end_of_row(self, start: int, room: int, *, is_last_resort: bool = True) -> int:
        """The cell before which the row that begins at `start` ends; `is_last_resort`: it has one cell at least, even if that does not fit."""
        full = bisect_right(self._ends, self._ends[start] + room, start + 1) - 1
        end = self._after_spaces(full)
        if end >= len(self._graphemes):
            return end
        if end == full:
            end = self._last_parting(start, full)
        if end > start:
            return end
        return self._after_spaces(max(full, start + 1 if is_last_resort else start))

    def _after_spaces(self, at: int) -> int:
        """Spaces at the end of a row take no room."""
        cells = self._graphemes
        if isinstance(cells, str):
            return _SPACES.match(cells, at).end()  # type: ignore[union-attr]
        while at < len(cells) and cells[at] == " ":
            at += 1
        return at

    def _last_parting(self, start: int, end: int) -> int:
        """The last cell up to `end` before which a row may end; `start` if there is none."""
        if isinstance(self._graphemes, str):
            return max(self._graphemes.rfind(" ", start, end) + 1, start)
        if max(self._widths[start : end + 1]) <= 1 and " " not in self._graphemes[start:end]:
            return start
        while end > start and not self._may_part(end):
            end -= 1
        return end

    def _may_part(self, at: int) -> bool:
        """Whether a row may end before this cell: after spaces, and beside what is wide, but not where punctuation belongs."""
        before, after = self._graphemes[at - 1], self._graphemes[at]
        if after == " ":
            return False
        if before == " ":
            return True
        is_wide = self._widths[at - 1] > 1 or self._widths[at] > 1
        return is_wide and after not in _CANNOT_BEGIN and before[-1] not in _CANNOT_END
