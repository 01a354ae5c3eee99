"""The one place where text from outside becomes fit to be shown on somebody else's terminal.

What passes: letters, digits, punctuation, emoji (with their joiners and variation selectors) of every script. What never passes: C0 and C1
controls and DEL (escape sequences), bidi controls (text that reads otherwise than it was written), tag characters and invisible
annotations (hidden text), line and paragraph separators (forged lines), fillers that are drawn as nothing, or as blank columns of which
terminals make different numbers (forged rows), lone surrogates (they cannot be encoded), and more than MARKS_MAX combining marks and
invisible characters in a run ("zalgo", and a canonical order that takes a time that grows with the square of the run to find). What kept words
or lines apart becomes a space, so that no two words are glued together. Pure; never knows where the text goes.
"""

import re
from functools import cache
from unicodedata import category, combining

from chat_server.protocol.late_pattern import LatePattern

MARKS_MAX = 8
"""Combining marks, with the joiners and other invisible characters among them, kept in a run.

Vietnamese needs 2, Hebrew with cantillation 4, Tibetan stacks about 6; UAX #15 allows 30.
"""

# They separate words or lines: removing them would join what was apart. The last four are drawn as one blank column, as a space is: BRAILLE
# PATTERN BLANK (pictures made of braille have it), MUSICAL SYMBOL NULL NOTEHEAD, EGYPTIAN HIEROGLYPH FULL and HALF BLANK.
_SPACES = "\t\n\v\f\r\x1c\x1d\x1e\x1f\x85\u2028\u2029\u2800\U0001d159\U00013441\U00013442"
# As they stand in a regular expression: single characters and ranges.
_REMOVED = (
    r"\x00-\x08\x0e-\x1b\x7f-\x84\x86-\x9f"  # C0 without what separates; DEL; C1 without NEL
    r"\u061c\u200e\u200f\u202a-\u202e\u2066-\u206f"  # bidi controls, and the deprecated format characters after them
    r"\u180e\ufeff\ufff9-\ufffb"  # Mongolian vowel separator, byte order mark, interlinear annotation
    r"\ud800-\udfff"  # lone surrogates
    r"\U000e0000-\U000e00ff\U000e01f0-\U000e0fff"  # tag characters and their unassigned neighbours
    # What else Unicode draws as nothing (Default_Ignorable_Code_Point), but for what shapes the characters beside it: joiners, variation
    # selectors, the grapheme joiner, the zero-width space and the word joiner. Soft hyphen; Hangul and Khmer fillers; invisible operators;
    # unassigned; shorthand and musical format controls. And the Khitan filler, which is blank and two columns wide in one table of two.
    r"\xad\u115f\u1160\u3164\uffa0\u17b4\u17b5\u2061-\u2065\ufff0-\ufff8"
    r"\U0001bca0-\U0001bca3\U0001d173-\U0001d17a\U00016fe4"
)
# What passes, and is drawn as nothing by itself: joiners, variation selectors, the grapheme joiner, the zero-width space and the word joiner.
_UNSEEN = r"\u034f\u180b-\u180d\u180f\u200b-\u200d\u2060\ufe00-\ufe0f\U000e0100-\U000e01ef"
# Nine characters in a row that might all be marks. It skips Latin, Greek, Cyrillic, CJK, kana, Hangul and emoji, so that chat in
# these scripts is not looked at one by one; in the others the exact test is the loop below.
_MAYBE_MARKS = rf"[^\x00-\xac\xae-\u02ff\u0370-\u0482\u048a-\u0590\u2000-\u200a\u2010-\u205f\u2070-\u20cf\u2100-\u2cee\u3041-\u3098\u309b-\ua66e\uac00-\ufaff\U0001f000-\U000e00ff]{{{MARKS_MAX + 1}}}"  # noqa: E501 - one character class

# What most people write, none of which is removed or might be a mark: to look for what is not among it takes half as long as to look for the rest.
_UNSAFE = LatePattern(
    r"[^ -~\xa0-\xac\xae-\u02ff\u0370-\u0482\u048a-\u0590\u2000-\u200a\u2010-\u2027\u202f-\u205f\u2070-\u20cf\u2100-\u27ff\u2801-\u2cee"
    r"\u3000-\u3029\u3041-\u3098\u309b-\u3163\u3165-\ua66e\uac00-\ud7ff\uf900-\ufaff\uff01-\uff9d\U0001f000-\U0001faff\U00020000-\U0002fa1f]"
)
BLANKS = " \t\xa0\u1680\u2000\u2001\u2002\u2003\u2004\u2005\u2006\u2007\u2008\u2009\u200a\u202f\u205f\u3000"
"""What is drawn as nothing but room: blanks of every width, as copied text has them."""

# What keys and copied text leave before a slash, among blanks: what an arrow sends, whole; controls; what is drawn as nothing. An ideographic comma
# is on the slash's key. No tab: it is a blank.
_LEFT = rf"\x1b\[[0-?]*[ -/]*[@-~]|\x1bO[0-9;]*[@-~]|[{_REMOVED}{_UNSEEN}\n\v\f\r\x1c-\x1f\x85\u2028\u2029]"
_BEFORE_SLASH = LatePattern(rf"(?:{_LEFT}|[{BLANKS}])+(?=[/\uff0f\u3001])")
_LEFT_BEFORE_SLASH = LatePattern(_LEFT)
SLIPPED_COMMAND = LatePattern(
    rf"(?:\A|[\r\n])(?:[{BLANKS}]+/[^/*\r\n]|[{BLANKS}]*[{_UNSEEN}][{_UNSEEN}{BLANKS}]*/|[{_UNSEEN}{BLANKS}]*[\uff0f\u3001])"
)
"""In clean lines: what may be meant for a slash that is the first of its line, and is not, or is not written as one."""

_WIDE_SLASH = "\uff0f"

_SUSPECT = LatePattern(f"[{_SPACES}{_REMOVED}]|{_MAYBE_MARKS}")

_MARKS = frozenset({"Mn", "Me", "Cf"})
_VOICED = "\uff9e\uff9f"  # letters by category, but marks in compatibility form: half-width katakana's


def sanitize(text: str) -> str:
    """Return the text without anything that could act on a terminal or pass for what it is not.

    Clean text is returned as it is; cleaning twice changes nothing.
    """
    if text.isascii() and text.isprintable():
        return text
    if _UNSAFE.search(text) is None or _SUSPECT.search(text) is None:
        return text
    return _bound_marks(text.replace("\r\n", "\n").translate(_table()))


@cache
def _table() -> dict[int, str | None]:
    """What each code point becomes that does not pass. Made when the first comes that does not."""
    ranges = re.findall(r"\\[xuU]([0-9a-f]+)(?:-\\[xuU]([0-9a-f]+))?", _REMOVED)
    removed = {code: None for first, last in ranges for code in range(int(first, 16), int(last or first, 16) + 1)}
    return {ord(space): " " for space in _SPACES} | removed


def without_unseen_start(text: str) -> str:
    """Return what was typed without what nobody sees before a slash, and with a slash for the wide one of a Chinese or Japanese keyboard.

    Blanks before it are seen, and are left. A line that is shown as a command is one. Whoever presses Ctrl+L before /register, or types it with a
    wide slash, would tell it to the room otherwise, and what they type next too. Must come before what cleans the text.
    """
    if " " < text[:1] <= "~":
        return text
    blanks = ""
    if (found := _BEFORE_SLASH.match(text)) is not None:
        above = found[0].rfind("\n") + 1  # empty lines at a text's beginning are not shown
        blanks, text = _LEFT_BEFORE_SLASH.sub("", found[0][above:]), text[found.end() :]
    slashes = len(text) - len(text.lstrip(_WIDE_SLASH)) if text[:1] == _WIDE_SLASH and not blanks else 0
    return f"{blanks}{'/' * slashes}{text[slashes:]}"


def sanitize_lines(text: str) -> str:
    """Return a text of several lines, each of them clean, separated by newlines; without empty lines at its beginning and end."""
    return "\n".join(sanitize(line).rstrip() for line in text.splitlines()).strip("\n")


def typed_lines(text: str) -> str:
    """Return what was typed in several lines, clean, and with its slash where it is seen, also after empty lines."""
    return without_unseen_start(sanitize_lines(without_unseen_start(text)))


def sanitize_to_line(text: str) -> str:
    """Return a text clean and on one line: where it had several, a space stands between them."""
    lines = text.splitlines()
    return sanitize(text) if lines == [text] else " ".join(filter(None, (sanitize(line).strip() for line in lines)))


def _bound_marks(text: str) -> str:
    kept: list[str] = []
    marks = 0
    for character in text:
        kind = category(character)
        is_mark = kind in _MARKS or (kind == "Mc" and combining(character)) or (kind == "Lm" and character in _VOICED)
        marks = marks + 1 if is_mark else 0
        if marks <= MARKS_MAX:
            kept.append(character)
    return "".join(kept)
