"""Colours, for terminals that have them: a name's own, dim for times, bright for a line that names its reader. Pure."""

from functools import lru_cache
from zlib import crc32

from chat_server.protocol.names import name_key

MANY = 256
"""The depth of a terminal with xterm's palette; a lesser one has 16, or none (0)."""

_OF_256 = (130, 64, 28, 30, 31, 27, 63, 98, 129, 164, 162, 131)
"""Of xterm's palette, twelve hues whose contrast is at least 3.9 with black and with white alike (WCAG asks 3 for large text, 4.5 for
small; no colour has more than 4.6 with both)."""

_OF_16 = (31, 32, 35, 36)
"""SGR's red, green, magenta and cyan. How they look is the terminal's to say; blue on black and yellow on white are bad everywhere."""

_END = "\x1b[0m"


@lru_cache(maxsize=4096)
def _colour_of(name: str, depth: int) -> str:
    """The SGR sequence of a name's colour: the same for every spelling that counts as the same name, on every server, for ever."""
    number = crc32(name_key(name).encode())
    if depth >= MANY:
        return f"\x1b[38;5;{_OF_256[number % len(_OF_256)]}m"
    return f"\x1b[{_OF_16[number % len(_OF_16)]}m"


def named(name: str, depth: int) -> str:
    """The name in its colour, for a terminal with `depth` colours; 0: it has none."""
    return f"{_colour_of(name, depth)}{name}{_END}" if name and depth else name


def dim(text: str, depth: int) -> str:
    """The text in a weaker shade, if there are colours."""
    return f"\x1b[2m{text}{_END}" if text and depth else text


def bright(text: str, depth: int) -> str:
    """The text so that it stands out, if there are colours."""
    return f"\x1b[1m{text}{_END}" if text and depth else text
