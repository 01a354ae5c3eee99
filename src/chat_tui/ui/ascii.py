"""For terminals that show nothing beyond ASCII: the signs of the screen become letters of the same width. Knows Textual's filters only."""

from rich.segment import Segment
from textual.color import Color
from textual.filter import LineFilter

SIGNS = {
    **dict.fromkeys("▌❯→", ">"),  # noqa: RUF001 - that is the sign before the prompt
    **dict.fromkeys("│▎▏▕┃║", "|"),
    **dict.fromkeys("─━═", "-"),
    **dict.fromkeys("╭╮╰╯┌┐└┘", "+"),
    **dict.fromkeys("▄▅▆▇█", "#"),
    **dict.fromkeys("▁▂▃", "_"),
    "●": "*",
    "○": "o",
    "←": "<",
    "↓": "v",
    "↑": "^",
    "✗": "x",
    "…": ".",
    "·": "-",
}
"""Every sign that the program itself draws, and what stands for it: in what people write, too, for the terminal would show neither there."""

_TABLE = str.maketrans(SIGNS)


class AsciiFilter(LineFilter):
    """Writes them so."""

    def apply(self, segments: list[Segment], background: Color) -> list[Segment]:
        """A row of the screen."""
        del background
        return [
            segment
            if segment.text.isascii()
            else Segment(segment.text.translate(_TABLE), segment.style, segment.control)
            for segment in segments
        ]
