"""For terminals that show nothing beyond ASCII: the signs of the screen become letters of the same width. Knows Textual's filters only."""

from codecs import register_error

from rich.cells import cell_len
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


def _as_wide(error: UnicodeError) -> tuple[str, int]:
    """As many question marks as it has columns: else what stands behind it in its row is moved."""
    if not isinstance(error, UnicodeEncodeError):
        raise error
    return "".join("?" * cell_len(one) for one in error.object[error.start : error.end]), error.end


AS_WIDE = "chat-tui-as-wide"
register_error(AS_WIDE, _as_wide)


class AsciiFilter(LineFilter):
    """Writes them so, and nothing that the terminal's encoding has not."""

    def __init__(self, encoding: str = "utf-8") -> None:
        """`encoding`: what the terminal reads."""
        super().__init__()
        self._encoding = encoding

    def _shown(self, text: str) -> str:
        return text.translate(_TABLE).encode(self._encoding, AS_WIDE).decode(self._encoding)

    def apply(self, segments: list[Segment], background: Color) -> list[Segment]:
        """A row of the screen."""
        del background
        return [
            segment if segment.text.isascii() else Segment(self._shown(segment.text), segment.style, segment.control)
            for segment in segments
        ]
