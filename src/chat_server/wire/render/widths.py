"""How wide text is on a terminal, and what is one character there. Widths are the library wcwidth's. Pure; wrapping.py breaks long lines by them.

`ambiguous` is the columns of what Unicode calls ambiguous (Greek, Cyrillic, “quotes”, ①): 1, or 2 on terminals with an East Asian charset of
two bytes, where everything of two bytes is two columns wide.
"""

import re
from functools import lru_cache
from importlib.util import find_spec
from unicodedata import category, east_asian_width

from chat_server.protocol.late_pattern import LatePattern

if find_spec("wcwidth") is None:  # a start says so, not somebody's first line in Chinese
    raise ModuleNotFoundError("No module named 'wcwidth'", name="wcwidth")

WIDEST = 200
"""Columns beyond which lines are not made longer: they would be hard to read."""

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


def columns_of(text: str, ambiguous: int = 1) -> int:
    """The columns that clean text takes."""
    if text.isascii():
        return len(text)
    if len(text) > _SLICE:  # all at once, a run of flags would take a time that grows with its square
        return sum(columns_of_grapheme(grapheme, ambiguous) for grapheme in graphemes(text))
    import wcwidth  # noqa: PLC0415 - 18 ms, for nothing where everybody writes ASCII

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
    import wcwidth  # noqa: PLC0415 - see columns_of

    own = max(wcwidth.wcwidth(character), 0)
    if category(character) in {"Mn", "Me", "Cf"}:
        return own
    wide = {"W": 2, "F": 2, "A": ambiguous}
    return max(own, wide.get(east_asian_width(character), 1))


def graphemes(text: str) -> list[str]:
    """What a reader takes for one character each (UAX #29), cut where one would have more than GRAPHEME_MAX code points."""
    if text.isascii():
        return list(text)
    import wcwidth  # noqa: PLC0415 - see columns_of

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
