"""How wide text is on a terminal, and how a long line is broken so that it fits. Widths are the library wcwidth's. Pure.

`ambiguous` is the columns of what Unicode calls ambiguous (Greek, Cyrillic, “quotes”, ①): 1, or 2 on terminals with an East Asian charset of
two bytes, where everything of two bytes is two columns wide.
"""

import re
from bisect import bisect_right
from collections.abc import Sequence
from functools import lru_cache
from itertools import accumulate
from unicodedata import category, east_asian_width

import wcwidth

from chat_server.protocol.late_pattern import LatePattern

WIDEST = 200
"""Columns beyond which lines are not made longer: they would be hard to read."""

INDENT = "  "
"""What stands before the further rows of a line. Nothing that the server says begins with a space."""

GRAPHEME_MAX = 16
"""Code points that are taken for one character. A family of four with skin tones has 11; without a bound, one could be as long as a line."""

_SLICE = 256
"""Code points among which graphemes are looked for at a time: wcwidth takes a time that grows with the square of a run of flags."""

_OWN = (
    r" -~\u00a1-\u00ac\u00ae-\u02ff\u0370-\u0482\u048a-\u052f\u0e01-\u0e30\u0e3f-\u0e46\u1e00-\u1fff\u2010-\u2027\u2030-\u205e\u20a0-\u20c0"
    r"\u2190-\u21ff\u2460-\u25ff\u3000-\u3029\u3041-\u3096\u309b-\u30ff\u3105-\u312f\u3400-\u4dbf\u4e00-\ua48c\uac00-\ud7a3\uf900-\ufad9"
    r"\uff01-\uff9d\U00020000-\U0002fa1d"
)
"""Characters that are graphemes of their own wherever they stand, unless a mark or a joiner comes after them: most of what people write. They
need not be looked for, which takes twenty times as long as `list` does."""

OWN = LatePattern(f"[{_OWN}]")
_ALONE = LatePattern(rf"[{_OWN}]+(?=[{_OWN}]|\Z)")
_MINGLED = LatePattern(rf".[^{_OWN}]*(?:[{_OWN}][^{_OWN}]+)*.?", re.DOTALL)
_SPACES = re.compile(" *")

_CANNOT_BEGIN = frozenset("、。，．・：；？！）」』】〉》〕〗”’…—～％,.:;?!)]}")
"""What does not begin a row: it belongs to what stands before it (the short list that Chinese and Japanese typesetting agree on)."""

_CANNOT_END = frozenset("（「『【〈《〔〖“‘([{")
"""What does not end one."""


def columns_of(text: str, ambiguous: int = 1) -> int:
    """The columns that clean text takes."""
    if text.isascii():
        return len(text)
    if len(text) > _SLICE:  # all at once, a run of flags would take a time that grows with its square
        return sum(columns_of_grapheme(grapheme, ambiguous) for grapheme in graphemes(text))
    return wcwidth.width(text, control_codes="ignore", ambiguous_width=ambiguous)


@lru_cache(maxsize=8192)
def columns_of_grapheme(grapheme: str, ambiguous: int = 1) -> int:
    """The columns that one grapheme takes, an emoji of several code points or a letter with its marks."""
    return columns_of(grapheme, ambiguous)


def room_for(text: str, ambiguous: int = 1) -> int:
    """The columns that clean text takes at most, whichever table its terminal goes by: see `room_for_grapheme`."""
    return len(text) if text.isascii() else sum(room_for_grapheme(part, ambiguous) for part in graphemes(text))


@lru_cache(maxsize=8192)
def room_for_grapheme(grapheme: str, ambiguous: int = 1) -> int:
    """The columns that a grapheme takes on the terminal that gives it most.

    Some go by tables like wcwidth's and know what makes one character; others add up what Unicode's East Asian Width says of each code point: a
    spacing mark takes a column, a Hangul vowel too, and a family of four takes eight.
    """
    return max(columns_of_grapheme(grapheme, ambiguous), sum(_most_for(part, ambiguous) for part in grapheme))


def _most_for(character: str, ambiguous: int) -> int:
    own = max(wcwidth.wcwidth(character), 0)
    if category(character) in {"Mn", "Me", "Cf"}:
        return own
    wide = {"W": 2, "F": 2, "A": ambiguous}
    return max(own, wide.get(east_asian_width(character), 1))


def graphemes(text: str) -> list[str]:
    """What a reader takes for one character each (UAX #29), cut where one would have more than GRAPHEME_MAX code points."""
    if text.isascii():
        return list(text)
    found: list[str] = []
    start = 0
    while start < len(text):
        alone = _ALONE.match(text, start)
        if alone:
            found += alone[0]
            start = alone.end()
            continue
        end = min(_MINGLED.match(text, start).end(), start + _SLICE)  # type: ignore[union-attr]
        *whole, last = wcwidth.iter_graphemes(text[start:end])
        if end < len(text) and whole:  # it may go on after the slice
            end -= len(last)
        else:
            whole.append(last)
        for grapheme in whole:
            found += _bounded(grapheme)
        start = end
    return found


def _bounded(grapheme: str) -> list[str]:
    if len(grapheme) <= GRAPHEME_MAX:
        return [grapheme]
    return [grapheme[at : at + GRAPHEME_MAX] for at in range(0, len(grapheme), GRAPHEME_MAX)]


def width_class(columns: int) -> int:
    """For how many columns lines are made on a terminal of so many: rounded down, so that a room has few kinds of readers. 0 is unknown.

    One column stays free: some terminals (Windows' telnet) begin a new row as soon as the last column is filled.
    """
    if columns <= 0:
        return 0
    step = 4 if columns < 40 else 8  # noqa: PLR2004 - on a narrow screen four columns are a tenth
    return max(min(columns, WIDEST) // step * step, 8) - 1


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
        """The cell behind the first word, without the spaces behind it; or the first that does not fit, where it is longer."""
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
        end = self._behind_spaces(full)
        if end >= len(self._graphemes):
            return end
        if end == full:
            end = self._last_parting(start, full)
        if end > start:
            return end
        return self._behind_spaces(max(full, start + 1 if is_last_resort else start))

    def _behind_spaces(self, at: int) -> int:
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
        """Whether a row may end before this cell: behind spaces, and beside what is wide, but not where punctuation belongs."""
        before, after = self._graphemes[at - 1], self._graphemes[at]
        if after == " ":
            return False
        if before == " ":
            return True
        is_wide = self._widths[at - 1] > 1 or self._widths[at] > 1
        return is_wide and after not in _CANNOT_BEGIN and before[-1] not in _CANNOT_END


_ASCII_WIDTHS = b"\1" * 16384
_FIRST_WORD = re.compile("[^ ]+ *| +")
_ROOM_MIN = 10
"""Columns that are too few to begin a word in which does not fit a row anyway."""
