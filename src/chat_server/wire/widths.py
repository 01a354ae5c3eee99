"""How wide text is on a terminal, and how a long line is broken so that it fits. Widths are the library wcwidth's. Pure.

`ambiguous` is the columns of what Unicode calls ambiguous (Greek, Cyrillic, “quotes”, ①): 1, or 2 on terminals with an East Asian charset of
two bytes, where everything of two bytes is two columns wide.
"""

import re
from collections.abc import Iterator
from functools import lru_cache

import wcwidth

WIDEST = 200
"""Columns beyond which lines are not made longer: they would be hard to read."""

INDENT = "  "
"""What stands before the further rows of a line. Nothing that the server says begins with a space."""

GRAPHEME_MAX = 16
"""Code points that are taken for one character. A family of four with skin tones has 11; without a bound, one could be as long as a line."""

_SLICE = 256
"""Code points among which graphemes are looked for at a time: wcwidth takes a time that grows with the square of a run of flags."""

_CANNOT_BEGIN = frozenset("、。，．・：；？！）」』】〉》〕〗”’…—～％,.:;?!)]}")
"""What does not begin a row: it belongs to what stands before it (the short list that Chinese and Japanese typesetting agree on)."""

_CANNOT_END = frozenset("（「『【〈《〔〖“‘([{")
"""What does not end one."""


def columns_of(text: str, ambiguous: int = 1) -> int:
    """The columns that clean text takes."""
    return len(text) if text.isascii() else wcwidth.width(text, control_codes="ignore", ambiguous_width=ambiguous)


@lru_cache(maxsize=4096)
def columns_of_grapheme(grapheme: str, ambiguous: int = 1) -> int:
    """The columns that one grapheme takes, an emoji of several code points or a letter with its marks."""
    return columns_of(grapheme, ambiguous)


def graphemes(text: str) -> list[str]:
    """What a reader takes for one character each (UAX #29), cut where one would have more than GRAPHEME_MAX code points."""
    if text.isascii():
        return list(text)
    found: list[str] = []
    start = 0
    while start < len(text):
        *whole, last = wcwidth.iter_graphemes(text[start : start + _SLICE])
        if start + _SLICE < len(text) and whole:  # it may go on behind the slice
            start += _SLICE - len(last)
        else:
            whole.append(last)
            start += _SLICE
        found += whole
    return [part for grapheme in found for part in _bounded(grapheme)]


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
    rows: list[str] = []
    row, width = "", 0
    for unit in _units(text, ambiguous):
        needed, kept = columns_of(unit, ambiguous), columns_of(unit.rstrip(" "), ambiguous)
        if width + kept > room and (row or (room < others and (kept <= others or room < _ROOM_MIN))):
            rows.append(row)
            row, width, room = "", 0, others
        if width + kept > room:
            *whole, rest = _broken(unit, room, others, ambiguous)
            rows += whole
            row, width, room = rest, columns_of(rest, ambiguous), others
        else:
            row, width = row + unit, width + needed
    rows.append(row)
    first, *further = [row.rstrip(" ") for row in rows]
    return [first, *(INDENT + row for row in further if row)]


def _units(text: str, ambiguous: int) -> Iterator[str]:
    """What is not broken, if it fits a row: a word, or a wide character; with the spaces behind it, and punctuation where it belongs."""
    if text.isascii():
        yield from _WORDS.findall(text)
        return
    unit, was_wide = "", False
    for grapheme in graphemes(text):
        is_wide = columns_of_grapheme(grapheme, ambiguous) > 1
        ends = unit.endswith(" ") if grapheme != " " else False
        may_part = (is_wide or was_wide) and grapheme not in _CANNOT_BEGIN and unit[-1:] not in _CANNOT_END
        if unit and grapheme != " " and (ends or may_part):
            yield unit
            unit = ""
        unit += grapheme
        was_wide = is_wide
    yield unit


_WORDS = re.compile(r" +|[^ ]+ *")
_ROOM_MIN = 10
"""Columns that are too few to begin a word in which does not fit a row anyway."""


def _broken(word: str, room: int, others: int, ambiguous: int) -> list[str]:
    """Break one word into pieces that fit: the first into `room`."""
    pieces = [""]
    width = 0
    for grapheme in graphemes(word):
        needed = columns_of_grapheme(grapheme, ambiguous)
        if width + needed > room and grapheme != " " and (pieces[-1] or room < others):
            pieces.append("")
            width, room = 0, others
        pieces[-1] += grapheme
        width += needed
    return pieces
