"""Whole lines of text that are said and change nothing, all at once: nearly everything that comes from callers at the plain door.

Looks at a text once where line by line would look at each. What is anything else is left to text.py, which takes it step by step. Pure.
"""

from chat_server.protocol.late_pattern import LatePattern
from chat_server.protocol.runs import RunTexts
from chat_server.protocol.sanitize import SLIPPED_COMMAND, sanitize
from chat_server.wire.charsets import decoded

_PLAIN = bytes(range(0x20, 0x7F)) + b"\r\n"
_KINDS = bytes(0 if byte not in _PLAIN else ord("\n") if byte in b" \n" else byte for byte in range(256))
"""Of each byte, whether it is plain; blanks are as line feeds, so that where no two of these are beside one another, no blank is at a line's end."""

_SLASH = ord("/")
_COMMAND = LatePattern(r"(?:\A|[\r\n])/")
_NOT_KEPT = b"\x00\x08\x7f\xff"  # NUL, the keys that take a character back, and IAC of telnet are no part of a line


def said_in(lines: bytes, rest: bytes, charset: str) -> RunTexts | None:
    """What these whole lines say; None if there may be more in them, or none.

    What comes after them does nothing yet if it can be kept as it is.
    """
    text = lines.replace(b"\r", b"")
    kinds = text.translate(_KINDS)
    # A byte is looked for by its number, several by `find`: what makes `in` of bytes dear is an error that it makes and forgets each time.
    if not kinds or 0 in kinds or (rest and rest.translate(None, _PLAIN)):
        return _cleaned(lines, rest, charset)
    if _SLASH in text and (text.startswith(b"/") or text.find(b"\n/") >= 0):
        return None
    with_returns = text.replace(b"\n", b"\r\n")
    if lines not in (with_returns, text):  # some end otherwise than others
        return _cleaned(lines, rest, charset)
    if kinds.find(b"\n\n") >= 0 or kinds.startswith(b"\n"):
        if _SLASH in text and SLIPPED_COMMAND.search(text.decode("ascii")):
            return None
        if _has_what_is_not_said(text):
            return _each_said(text.decode("ascii"))
    return RunTexts(text[:-1], len(with_returns) - len(text))  # to count b"\n" would look at each byte


def _has_what_is_not_said(text: bytes) -> bool:
    """Whether a line is blank, or blanks are at its end."""
    return b" \n" in text or b"\n\n" in text or text.startswith(b"\n")


def _each_said(text: str) -> RunTexts:
    return RunTexts.of(list(filter(None, map(str.rstrip, text.splitlines()))))


def _cleaned(lines: bytes, rest: bytes, charset: str) -> RunTexts | None:
    if b"\xff" in lines or any(byte in rest for byte in _NOT_KEPT):
        return None
    text = decoded(lines, charset)
    if not text:
        return None
    one_line = text.replace("\r", " ").replace("\n", " ")  # in which nothing else ends a line, if it is clean
    if sanitize(one_line) != one_line:
        return None
    if any(slash in text for slash in "/\uff0f\u3001") and (_COMMAND.search(text) or SLIPPED_COMMAND.search(text)):
        return None
    return _each_said(text)
