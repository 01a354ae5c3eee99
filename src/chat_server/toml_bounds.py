"""How long a text of TOML may be, and how deep what it says, before anybody reads it: to read one that was made for that takes minutes. Pure."""

import re

TEXT_MAX = 2**17
"""Characters. All settings with their reasons have 25,000; to read so many takes a tenth of a second."""

DEPTH_MAX = 16
"""Names in a key, with dots between them, and brackets within brackets. Settings are two deep."""

_TOKENS = (  # compiled when there is a file of settings: it takes 1 ms
    r'"""(?:[^"\\]|\\.|"(?!""))*(?:"{3,5})?'
    r"|'''(?:[^']|'(?!''))*(?:'{3,5})?"
    r'|"(?:[^"\\\n]|\\[^\n])*"?'
    r"|'[^'\n]*'?"
    r"|#[^\n]*"
    r"|[.\[\]{}=,\n]"
)
"""What counts, and what must be passed over because what counts may stand in it: texts in quotes, and comments.

A text that does not end is passed over too, so that none is looked at twice: there reading it as TOML ends.
"""


def is_too_deep(text: str) -> bool:
    """Whether something in it is nested deeper than any settings are."""
    depth = dots = 0
    for token in re.finditer(_TOKENS, text, re.DOTALL):
        match token[0]:
            case ".":
                dots += 1
            case "[" | "{":
                depth, dots = depth + 1, 0
            case "]" | "}":
                depth, dots = max(0, depth - 1), 0
            case "=" | "," | "\n":
                dots = 0
        if max(depth, dots) >= DEPTH_MAX:
            return True
    return False
