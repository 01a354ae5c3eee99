"""Whole lines of text that are said and change nothing, all at once: nearly everything that comes from callers at the plain door.

Looks at a text once where line by line would look at each. What is anything else is left to text.py, which takes it step by step. Pure.
"""

from chat_server.protocol.late_pattern import LatePattern
from chat_server.protocol.sanitize import UNSEEN_COMMAND, sanitize
from chat_server.wire.charsets import decoded

_PLAIN = bytes(range(0x20, 0x7F)) + b"\r\n"
_COMMAND = LatePattern(r"(?:\A|[\r\n])/")
_NOT_KEPT = b"\x00\x08\x7f\xff"  # NUL, the keys that take a character back, and IAC of telnet are no part of a line


def said_in(lines: bytes, rest: bytes, charset: str) -> list[str] | None:
    """What these whole lines say, each as a request to say something has it; None if there may be more in them, or none.

    What comes after them does nothing yet if it can be kept as it is.
    """
    text = _clean_text(lines, rest, charset)
    if not text or (("/" in text or "\uff0f" in text) and (_COMMAND.search(text) or UNSEEN_COMMAND.search(text))):
        return None
    return list(filter(None, map(str.rstrip, text.splitlines())))


def _clean_text(lines: bytes, rest: bytes, charset: str) -> str | None:
    if lines.isascii() and not lines.translate(None, _PLAIN) and not rest.translate(None, _PLAIN):
        return lines.decode("ascii")
    if b"\xff" in lines or any(byte in rest for byte in _NOT_KEPT):
        return None
    text = decoded(lines, charset)
    if text is None:
        return None
    one_line = text.replace("\r", " ").replace("\n", " ")  # in which nothing else ends a line, if it is clean
    return text if sanitize(one_line) == one_line else None
