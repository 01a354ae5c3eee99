"""In which scripts a name is written: Unicode's "highly restrictive" profile (UTS #39, section 5.2) of what may be mixed.

Pure. Unicode's table of scripts (unicode_tables.py) is read when the first name comes that is not ASCII.
"""

from bisect import bisect_right
from collections import Counter
from collections.abc import Sequence
from functools import cache
from unicodedata import normalize

_ANY = {"Common", "Inherited"}
"""What is in use with every script: digits, `-` and `_`, marks."""

_TOGETHER = (
    frozenset({"Latin", "Han", "Hiragana", "Katakana"}),
    frozenset({"Latin", "Han", "Bopomofo"}),
    frozenset({"Latin", "Han", "Hangul"}),
)
"""Scripts that people write in one word."""


def foreign_letter(name: str) -> str:
    """Return the letter of a name that is not of the script of the rest; "" if all are of one, or of several that people write together."""
    if name.isascii() or (letters := normalize("NFKC", name)).isascii():
        return ""
    used = [(letter, scripts) for letter in letters if not (scripts := _scripts_of(letter)) & _ANY]
    if any(all(scripts & together for _, scripts in used) for together in _TOGETHER):
        return ""
    counted = Counter(script for _, scripts in used for script in scripts)
    if not counted or max(counted.values()) == len(used):
        return ""
    most = max(counted, key=lambda script: counted[script])  # of several as many, the one that comes first
    return next(letter for letter, scripts in used if most not in scripts)


def _scripts_of(letter: str) -> frozenset[str]:
    starts, scripts = _runs()
    return scripts[bisect_right(starts, ord(letter)) - 1]


@cache
def _runs() -> tuple[Sequence[int], Sequence[frozenset[str]]]:
    """Where in Unicode letters of other scripts begin, and which those are."""
    from chat_server.accounts.unicode_tables import SCRIPTS  # noqa: PLC0415 - for nothing where all names are ASCII

    words = SCRIPTS.split(" ")
    sets = {word: frozenset(word.split("+")) for word in words[1::2]}
    return [int(start, 16) for start in words[::2]], [sets[word] for word in words[1::2]]
