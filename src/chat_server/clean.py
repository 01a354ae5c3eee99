"""The one place where text from outside becomes fit to be shown on somebody else's terminal.

What passes: letters, digits, punctuation, emoji (with their joiners and variation selectors) of every script. What never passes: C0 and C1
controls and DEL (escape sequences), bidi controls (text that reads otherwise than it was written), tag characters and invisible
annotations (hidden text), line and paragraph separators (forged lines), lone surrogates (they cannot be encoded), and more than MARKS_MAX
combining marks and invisible characters in a run ("zalgo"). What kept words or lines apart becomes a space, so that no two words are glued
together. Pure; never knows where the text goes.
"""

import re
from unicodedata import category

MARKS_MAX = 8
"""Combining marks, with the joiners and other invisible characters among them, kept in a run.

Vietnamese needs 2, Hebrew with cantillation 4, Tibetan stacks about 6; UAX #15 allows 30.
"""

# They separate words or lines: removing them would join what was apart.
_SPACES = "\t\n\v\f\r\x1c\x1d\x1e\x1f\x85\u2028\u2029"
# As they stand in a regular expression: single characters and ranges.
_REMOVED = (
    r"\x00-\x08\x0e-\x1b\x7f-\x84\x86-\x9f"  # C0 without what separates; DEL; C1 without NEL
    r"\u061c\u200e\u200f\u202a-\u202e\u2066-\u206f"  # bidi controls, and the deprecated format characters behind them
    r"\u180e\ufeff\ufff9-\ufffb"  # Mongolian vowel separator, byte order mark, interlinear annotation
    r"\ud800-\udfff"  # lone surrogates
    r"\U000e0000-\U000e00ff"  # tag characters and their unassigned neighbours
)
# Nine characters in a row that might all be marks. It skips Latin, Greek, Cyrillic, CJK, kana, Hangul and emoji, so that chat in
# these scripts is not looked at one by one; in the others the exact test is the loop below.
_MAYBE_MARKS = rf"[^\x00-\xac\xae-\u02ff\u0370-\u0482\u048a-\u0590\u2000-\u200a\u2010-\u205f\u2070-\u20cf\u2100-\u2cee\u3041-\u3098\u309b-\ua66e\uac00-\ufaff\U0001f000-\U000e00ff]{{{MARKS_MAX + 1}}}"  # noqa: E501 - one character class

_SUSPECT = re.compile(f"[{_SPACES}{_REMOVED}]|{_MAYBE_MARKS}")
_TABLE = {ord(space): " " for space in _SPACES} | {
    code: None
    for first, last in re.findall(r"\\[xuU]([0-9a-f]+)(?:-\\[xuU]([0-9a-f]+))?", _REMOVED)
    for code in range(int(first, 16), int(last or first, 16) + 1)
}


def clean(text: str) -> str:
    """Return the text without anything that could act on a terminal or pass for what it is not.

    Clean text is returned as it is; cleaning twice changes nothing.
    """
    if text.isascii() and text.isprintable():
        return text
    if _SUSPECT.search(text) is None:
        return text
    return _bound_marks(text.replace("\r\n", "\n").translate(_TABLE))


def clean_lines(text: str) -> str:
    """Return a text of several lines, each of them clean, separated by newlines; without empty lines before and behind."""
    return "\n".join(clean(line).rstrip() for line in text.splitlines()).strip("\n")


def clean_in_one(text: str) -> str:
    """Return a text clean and on one line: where it had several, a space stands between them."""
    lines = text.splitlines()
    return clean(text) if len(lines) < 2 else " ".join(filter(None, (clean(line).strip() for line in lines)))  # noqa: PLR2004 - one line


def _bound_marks(text: str) -> str:
    kept: list[str] = []
    marks = 0
    for character in text:
        marks = marks + 1 if category(character) in {"Mn", "Me", "Cf"} else 0
        if marks <= MARKS_MAX:
            kept.append(character)
    return "".join(kept)
