"""A line that a person reads, and how the server's own word is marked in it."""

from collections.abc import Iterable
from typing import NamedTuple

from chat_server.wire.render.widths import columns_of, graphemes

WIDTH = 77
"""Columns after which a long list goes on in a new line, without the mark before it, where the terminal is not known to be narrower."""


class TextLine(NamedTuple):
    """One line: what marks it, who it is of, and the text, which may be of several lines."""

    text: str
    mark: str = "* "
    nick: str = ""
    between: str = ""


def server_lines(*sentences: str) -> list[TextLine]:
    """Lines of the server's own."""
    return [TextLine(sentence) for sentence in sentences]


def indented(text: str) -> str:
    """A text of several lines, those after the first set in: nothing that the server says begins with a space."""
    return text.replace("\n", "\r\n  ") if "\n" in text else text


def as_text(lines: Iterable[TextLine]) -> str:
    """The lines as they stand where nothing is known of the terminal."""
    return "".join([f"{mark}{nick}{between}{indented(text)}\r\n" for text, mark, nick, between in lines])


def cut(text: str, columns: int) -> str:
    """The text, or as much of it as these columns hold, and a sign that it goes on."""
    if columns_of(text) <= columns:
        return text
    kept, taken = "", 1
    for grapheme in graphemes(text):
        taken += columns_of(grapheme)
        if taken > columns:
            break
        kept += grapheme
    return f"{kept.rstrip()}…"


def row_width(columns: int) -> int:
    """The columns of a row in a list for a terminal of so many, without the mark before it; 0 is unknown."""
    return min(WIDTH, columns - len("* ")) if columns else WIDTH


def items(start: str, items: Iterable[str], separator: str, *, columns: int = 0) -> list[str]:
    """`start item, item, item`, in as many lines as it takes on a terminal of so many columns; 0 is unknown."""
    most, items = row_width(columns), [*items]
    # Of ASCII, as most names are, characters are columns: twenty names are in what everybody is told who comes.
    measure = len if f"{start}{separator}{''.join(items)}".isascii() else columns_of
    lines: list[str] = []
    between = measure(separator)
    first, width = 0, measure(start) - between  # of the line
    for at, needed in enumerate(map(measure, items)):
        if at and width + needed + 2 * between > most:
            lines.append(separator.join(items[first:at]) + separator.rstrip())
            first, width = at, needed
        else:
            width += between + needed
    lines.append(separator.join(items[first:]))
    lines[0] = start + lines[0]
    return lines
