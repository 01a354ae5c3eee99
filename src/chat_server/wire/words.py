"""How the server's own word is marked, and how a long list is cut into lines."""

from collections.abc import Iterable

WIDTH = 78
"""Columns after which a long list goes on in a new line: every terminal is this wide."""


def own_words(*sentences: str) -> str:
    """Lines of the server's own."""
    return "".join(f"* {sentence}\r\n" for sentence in sentences)


def indented(text: str) -> str:
    """A text of several lines, those after the first set in: nothing that the server says begins with a space."""
    return text.replace("\n", "\r\n  ") if "\n" in text else text


def items(start: str, items: Iterable[str]) -> list[str]:
    """`start item, item, item`, in as many lines as it takes."""
    lines = [start]
    for item in items:
        if len(lines[-1]) + len(item) + 2 > WIDTH and lines[-1] != start:
            lines[-1] += ","
            lines.append(item)
        elif lines[-1] == start:
            lines[-1] += f" {item}"
        else:
            lines[-1] += f", {item}"
    return lines
