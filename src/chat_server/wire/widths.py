"""How wide text is on a terminal, and how a long line is broken so that it fits. Widths are the library wcwidth's. Pure."""

from functools import lru_cache

import wcwidth

WIDEST = 200
"""Columns beyond which lines are not made longer: they would be hard to read."""

INDENT = "  "
"""What stands before the further rows of a line. Nothing that the server says begins with a space."""

_CANNOT_BEGIN = frozenset("、。，．・：；？！）」』】〉》〕〗”’…—～％,.:;?!)]}")
"""What does not begin a row: it belongs to what stands before it (the short list that Chinese and Japanese typesetting agree on)."""


def columns_of(text: str) -> int:
    """The columns that clean text takes."""
    return len(text) if text.isascii() else wcwidth.width(text, control_codes="ignore")


@lru_cache(maxsize=4096)
def columns_of_grapheme(grapheme: str) -> int:
    """The columns that one grapheme takes, an emoji of several code points or a letter with its marks."""
    return columns_of(grapheme)


def graphemes(text: str) -> list[str]:
    """What a reader takes for one character each (UAX #29)."""
    return list(text) if text.isascii() else list(wcwidth.iter_graphemes(text))


def width_class(columns: int) -> int:
    """For how many columns lines are made on a terminal of so many: rounded down, so that a room has few kinds of readers. 0 is unknown.

    One column stays free: some terminals (Windows' telnet) begin a new row as soon as the last column is filled.
    """
    if columns <= 0:
        return 0
    step = 4 if columns < 40 else 8  # noqa: PLR2004 - on a narrow screen four columns are a tenth
    return max(min(columns, WIDEST) // step * step, 8) - 1


def wrapped(text: str, columns: int, *, room: int | None = None) -> list[str]:
    """Break text at words into rows of at most `columns`, the first of at most `room`; a word that is longer is broken where it must be.

    The rows after the first begin with INDENT. Spaces at a break are left out, all others stay.
    """
    room = columns if room is None else room
    others = max(columns - len(INDENT), 2)
    rows: list[str] = []
    row, width = "", 0
    for word in _words(text):
        needed = columns_of(word)
        if width + columns_of(word.rstrip(" ")) <= room:
            row, width = row + word, width + needed
            continue
        if (needed <= others and needed == len(word)) or room - width < 2:  # noqa: PLR2004 - the widest character
            if row or not rows:
                rows.append(row)
            row, width, room = "", 0, others
        *whole, last = _broken(word, room - width, others)
        for piece in whole:
            rows.append(row + piece)
            row, room = "", others
        row += last
        width = columns_of(row)
    if row or not rows:
        rows.append(row)
    first, *rest = [row.rstrip(" ") for row in rows]
    return [first, *(INDENT + row for row in rest if row)]


def _words(text: str) -> list[str]:
    """The words, each with the spaces behind it; spaces at the beginning are a word of their own."""
    words: list[str] = []
    for part in text.split(" "):
        if words:
            words[-1] += " "
        if part or not words:
            words.append(part)
    return words


def _broken(word: str, first: int, others: int) -> list[str]:
    """Break one word into pieces of at most `first` columns, then `others`."""
    pieces: list[str] = []
    room = max(first, 0)
    piece: list[str] = []
    width = 0
    for grapheme in graphemes(word):
        needed = columns_of_grapheme(grapheme)
        if width + needed > room and (piece or not pieces) and grapheme != " ":
            kept = piece.pop() if grapheme in _CANNOT_BEGIN and piece and (len(piece) > 1 or not pieces) else ""
            pieces.append("".join(piece))
            piece = [kept] if kept else []
            width, room = columns_of(kept), others
        piece.append(grapheme)
        width += needed
    return [*pieces, "".join(piece)]
