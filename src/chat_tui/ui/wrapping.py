"""Where a text is broken into rows, by the widths that Textual draws its characters in. Pure, and linear in the length of the text.

A row ends at a space, or between two characters of which one is wide; a word that is longer than a row is broken behind one of its joints, such
as the parts of an address have, if one is near the end of the row, else where it must be.
Nothing of a text is lost but spaces at a break.
"""

import re
from bisect import bisect_right
from collections.abc import Iterator
from itertools import accumulate, repeat
from typing import NamedTuple

from rich.cells import cell_len

from chat_server.protocol.late_pattern import LatePattern

_WIDTHS_MAX = 8192
"""Characters whose width is remembered."""

_CANNOT_BEGIN = frozenset("、。，．・：；？！）」』】〉》〕〗”’…—～％,.:;?!)]}")
"""What does not begin a row: it belongs to what stands before it."""

_CANNOT_END = frozenset("（「『【〈《〔〖“‘([{")
"""What does not end one."""

_JOINTS = "/?&#", "=-_.,;:"
"""What stands between the parts of a word that is longer than a row (an address, a path), and between parts of these."""

_SPACES = LatePattern(" *")
_JOINER, _AS_PICTURE = "\u200d", "\ufe0f"
_JOINED = LatePattern(f"{_JOINER}.", re.DOTALL)
_PICTURE = LatePattern(f".{_AS_PICTURE}")


Piece = tuple[int, int, bool]
"""A row: where it begins in the text, where it ends, and whether it goes on with the row before. A plain tuple: 16 KiB may be 8,000."""


class _Widths(dict[str, int]):
    def __missing__(self, character: str) -> int:
        width = cell_len(character)
        if len(self) < _WIDTHS_MAX:
            self[character] = width
        return width


_widths = _Widths()


class _Measure(NamedTuple):
    widths: bytes
    """Of each character: 0, 1 or 2."""
    columns: list[int]
    """How many the text takes up to each."""


def pieces(text: str, width: int, first: int = 0) -> list[Piece]:
    """Break a text into rows of so many columns (2 or more); `first`: of how many the first one is, if of fewer."""
    first = first or width
    measure = None if text.isascii() else _measured(text)  # ASCII has a column for each character
    lengths = list(map(len, text.split("\n")))
    starts = [0, *accumulate(map((1).__add__, lengths))]
    if measure is None and max(lengths) <= width and lengths[0] <= first:
        return list(zip(starts, map(int.__add__, starts, lengths), repeat(False), strict=False))
    found: list[Piece] = []
    for start, length in zip(starts, lengths, strict=False):
        end = start + length
        here = width if start else first
        if (length if measure is None else measure.columns[end] - measure.columns[start]) <= here:
            found.append((start, end, False))
        else:
            found += _broken(text, measure, (start, end), here, width)
    return found


def filled(text: str, width: int) -> list[str]:
    """A text without line breaks in the rows (of 2 columns or more) in which a terminal has it that wraps it by itself: each as full as can be."""
    measure = None if text.isascii() else _measured(text)
    rows: list[str] = []
    at = 0
    while at < len(text) or not rows:
        end = at + width if measure is None else bisect_right(measure.columns, measure.columns[at] + width) - 1
        end = max(end, at + 1)
        rows.append(text[at:end])
        at = end
    return rows


def _measured(text: str) -> _Measure:
    widths = bytearray([_widths[character] for character in text])
    if _JOINER in text:
        for joined in _JOINED.finditer(text):  # one picture with what stands before the joiner
            widths[joined.end() - 1] = 0
    if _AS_PICTURE in text:
        for picture in _PICTURE.finditer(text):
            widths[picture.start()] = max(widths[picture.start()], _widths[picture[0]])
    return _Measure(bytes(widths), [0, *accumulate(widths)])


def _broken(text: str, measure: _Measure | None, line: tuple[int, int], here: int, width: int) -> Iterator[Piece]:
    """Break one line into a row of so many columns, and more of `width`."""
    at, end = line
    joins = False
    while at < end:
        fits = at + here if measure is None else bisect_right(measure.columns, measure.columns[at] + here) - 1
        fits = min(max(fits, at + 1), end)
        stop = end if fits == end else _place(text, measure, at, fits)
        yield at, stop, joins
        joins, here = True, width
        space = _SPACES.match(text, stop, end)
        at = space.end() if space else stop


def _place(text: str, measure: _Measure | None, at: int, fits: int) -> int:
    """Where a row ends that begins at `at` and has room up to `fits`."""
    space = text.rfind(" ", at, fits + 1)
    if measure is not None and (stop := _beside_wide(text, measure.widths, max(space, at), fits)):
        return stop
    if space <= at or text[at:space].isspace():
        return _behind_joint(text, at, fits)
    while text[space - 1] == " ":
        space -= 1
    return space


def _behind_joint(text: str, at: int, fits: int) -> int:
    """Where a row ends in the middle of a word: behind the last joint in its last third, if it has one there."""
    least = fits - (fits - at) // 3
    ends = (max(text.rfind(joint, least, fits) for joint in joints) + 1 for joints in _JOINTS)
    return next(filter(None, ends), fits)


def _beside_wide(text: str, widths: bytes, after: int, fits: int) -> int:
    """The last place beyond `after` and up to `fits` that is beside a wide character, and where a row may end; 0 if there is none."""
    wide = widths.rfind(2, after, fits + 1)
    while wide >= 0:
        end = wide + 1
        while end < fits and not widths[end]:  # its marks, and what is joined to it
            end += 1
        for stop in (end, wide):
            if (
                after < stop <= fits
                and widths[stop]
                and text[stop] not in _CANNOT_BEGIN
                and text[stop - 1] not in _CANNOT_END
            ):
                return stop
        wide = widths.rfind(2, after, wide)
    return 0
