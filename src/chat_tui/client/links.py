"""Where a text has addresses of the web. Knows what belongs to one and what to the sentence around it; never opens any. Pure, and linear.

A link begins with http:// or https://, in any case, and goes on to a space, a quotation mark, or punctuation of a script without spaces.
Brackets belong to it in pairs; what ends a sentence does not. It opens what it shows: nothing is added to it, so `www.example.org` is none,
and it ends before any character that cannot be seen.
"""

import re

from chat_server.protocol.late_pattern import LatePattern

LINKS_MAX = 200
"""Links of one text; more than anybody reads, and each costs some microseconds."""

DEPTH_MAX = 8
"""Brackets within brackets in one link. Wikipedia has one or two."""

_INVISIBLE = (
    "\u00ad\u034f\u061c\u115f\u1160\u17b4\u17b5\u180b-\u180f\u200b-\u200f\u2028-\u202f\u205f-\u206f\u2800\u3164\ufe00-\ufe0f\ufeff\uffa0"
    "\ufff0-\ufffb\U000e0000-\U000e0fff"
)
_ENDS = rf"\s<>\"`|\\^{{}}{_INVISIBLE}\u00ab\u00bb\u2018-\u201f\u3001-\u3003\u3008-\u301f\uff01\uff08\uff09\uff0c\uff1a\uff1b\uff1f\uff5e"
_HOST = LatePattern(r"://(?=[^\W_]|\[)")
_SCHEME = LatePattern(r"(?:(?<=[^A-Za-z0-9+.\-])|^)https?$", re.IGNORECASE)
_PIECE = LatePattern(rf"[^{_ENDS}()\[\]]+|[()\[\]]")
_OF_THE_SENTENCE = ".,:;!?'*~\u2026([\u0964\u060c\u061b\u061f"
_CLOSING = {"(": ")", "[": "]"}


def links(text: str) -> list[tuple[int, int]]:
    """Where the text has links, from the left."""
    found: list[tuple[int, int]] = []
    at = 0
    while len(found) < LINKS_MAX and (host := _HOST.search(text, at)):
        at = host.end()
        before = text[max(0, host.start() - 6) : host.start()]
        if scheme := _SCHEME.search(before):
            end = _end(text, at)
            if (
                before[: scheme.start()].endswith("_") and text[end - 1] == "_"
            ):  # an underscore before it has another after it
                end = _stripped(text, at, end - 1)
            if end > at:
                found.append((host.start() - len(scheme[0]), end))
                at = end
    return found


def is_link(text: str) -> bool:
    """Whether the whole text is one link: nothing else is ever opened."""
    return links(text) == [(0, len(text))]


def _end(text: str, at: int) -> int:
    """Where the link ends of which the part up to `at` is known."""
    begin, open_brackets = at, ""
    while piece := _PIECE.match(text, at):
        bracket = piece[0]
        if bracket in _CLOSING:
            open_brackets += _CLOSING[bracket]
            if len(open_brackets) > DEPTH_MAX:
                break
        elif bracket in ")]":
            if not open_brackets.endswith(bracket):
                break
            open_brackets = open_brackets[:-1]
        at = piece.end()
    return _stripped(text, begin, at)


def _stripped(text: str, begin: int, end: int) -> int:
    while end > begin and text[end - 1] in _OF_THE_SENTENCE:
        end -= 1
    return end
