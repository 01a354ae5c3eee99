"""Charsets: how callers' bytes become text, and how text becomes bytes that they can show.

Every charset here has ASCII where ASCII is, and no control character inside a longer sequence: so lines are cut, and telnet is taken off,
before anything is decoded. Pure; never knows who is at the other end: which charset somebody has, sessions/display.py says, and whoever seems to
write in another is told so once (text.py, where `may_be_gb18030` is asked).
"""

import codecs
import unicodedata
from functools import lru_cache

from chat_server.protocol.choices import UTF_8
from chat_server.protocol.late_pattern import LatePattern

_CODECS = {
    UTF_8: "utf-8",
    "gbk": "gbk",
    "gb18030": "gb18030",
    "big5": "cp950",
    "euc-kr": "cp949",
    "shift_jis": "cp932",
    "euc-jp": "euc_jp",
    "koi8-r": "koi8_r",
    "koi8-u": "koi8_u",
    "windows-1251": "cp1251",
    "cp866": "cp866",
    "latin-1": "iso8859_1",
    "iso-8859-2": "iso8859_2",
    "iso-8859-15": "iso8859_15",
    "windows-1252": "cp1252",
    "cp437": "cp437",
    "ascii": "ascii",
}
"""Python's codec for each of the CHARSETS. Of the East Asian ones, what the vendors made of them, as the WHATWG's
Encoding standard has it: a file or a terminal that says Shift_JIS is nearly always Windows' code page 932."""

_HAS_BYTE_255 = {
    "koi8-r",
    "koi8-u",
    "windows-1251",
    "cp866",
    "latin-1",
    "iso-8859-2",
    "iso-8859-15",
    "windows-1252",
    "cp437",
}
"""Where a letter may be the byte that is IAC to telnet."""

_OF_TWO_BYTES = {"gbk", "big5", "euc-kr", "shift_jis", "euc-jp"}
_OF_SEVERAL_BYTES = {"gbk", "gb18030", "big5", "euc-kr", "shift_jis", "euc-jp"}


def has_byte_255(charset: str) -> bool:
    """Whether text in this charset may have the byte 0xFF in it."""
    return charset in _HAS_BYTE_255


def decode(data: bytes, charset: str) -> str:
    """Text of whole bytes; what is none becomes U+FFFD."""
    return data.decode(_CODECS[charset], "replace")


def decoded(data: bytes, charset: str) -> str | None:
    """Text of whole bytes; None if something in them is none."""
    try:
        return data.decode(_CODECS[charset])
    except UnicodeDecodeError:
        return None


def incremental_decoder(charset: str) -> codecs.IncrementalDecoder:
    """A decoder for bytes as they come."""
    return codecs.getincrementaldecoder(_CODECS[charset])("replace")


def encode(text: str, charset: str) -> bytes:
    """Bytes of text; what the charset has not becomes something that can be read in its place (see `substitute`)."""
    if charset == "shift_jis":
        text = text.translate(_NOT_FOR_SHIFT_JIS)
    return text.encode(_CODECS[charset], _READABLE)


_NOT_FOR_SHIFT_JIS = dict.fromkeys(range(0xF8F0, 0xF8F4), "?")
"""Characters for private use which code page 932 makes the single bytes A0, FD, FE and FF of: the last is IAC to telnet."""


def ambiguous_columns(charset: str) -> int:
    """The columns of what Unicode calls ambiguous: terminals with these charsets make two of whatever has two bytes."""
    return 2 if charset in _OF_TWO_BYTES else 1


def can_write(charset: str, text: str) -> bool:
    """Whether the charset has all of the text."""
    try:
        text.encode(_CODECS[charset])
    except UnicodeEncodeError:
        return False
    return True


def showable(text: str, charset: str) -> str:
    """The text as it looks when it has gone through the charset."""
    if charset in (UTF_8, "gb18030") or text.isascii():
        return text
    return encode(text, charset).decode(_CODECS[charset])


_INSTEAD = {
    **dict.fromkeys("“”„‟«»″", '"'),
    **dict.fromkeys("‘’‚‛′‹›", "'"),
    **dict.fromkeys("‐‑‒–—―−", "-"),
    **dict.fromkeys("•·∙◦▪●", "*"),
    "…": "...",
    "×": "x",
    "€": "EUR",
    "£": "GBP",
    "¥": "YEN",
    "©": "(c)",
    "®": "(r)",
    "™": "(tm)",
    "°": "deg",
    "←": "<-",
    "→": "->",
    "↔": "<->",
    "⇐": "<=",
    "⇒": "=>",
    "≤": "<=",
    "≥": ">=",
    "≠": "!=",
    "↵": "|",
    "、": ",",
    "。": ".",
    "ß": "ss",
    "æ": "ae",
    "Æ": "AE",
    "ø": "o",
    "Ø": "O",
    "œ": "oe",
    "Œ": "OE",
    "đ": "d",
    "Đ": "D",
    "ł": "l",
    "Ł": "L",
    # Two of these letters are a flag. Their names would make forty characters of each.
    **{chr(0x1F1E6 + number): chr(ord("A") + number) for number in range(26)},
}
_PICTURES = 0x2600
"""Where in Unicode symbols begin to be pictures, with names that say what one sees."""


@lru_cache(maxsize=4096)
def substitute(character: str) -> str:
    """What stands for a character where there is no other way: ASCII, without control characters, and never nothing for a letter.

    `é` becomes `e`, `…` three dots, an emoji its name (`:waving hand sign:`); a letter of another script becomes `?`.
    """
    if character in _INSTEAD:
        return _INSTEAD[character]
    category = unicodedata.category(character)
    if category in {"Mn", "Me", "Cf", "Sk"}:
        return ""
    plain = "".join(part for part in unicodedata.normalize("NFKD", character) if part.isascii() and part.isprintable())
    if plain:
        return plain
    if category == "So" and ord(character) >= _PICTURES:
        return f":{unicodedata.name(character, 'symbol').lower()}:"
    return " " if category == "Zs" else "?"


def _replace(error: UnicodeError) -> tuple[str, int]:
    if not isinstance(error, UnicodeEncodeError):
        raise error
    return "".join(map(substitute, error.object[error.start : error.end])), error.end


_READABLE = "chat_server.readable"
codecs.register_error(_READABLE, _replace)


_OF_CHINESE_TEXT = LatePattern("[\u4e00-\u9fff\u3000-\u301f\uff01-\uff5e“”‘’—…·\x20-\x7e]+")


def may_be_gb18030(line: bytes) -> bool:
    """Whether a line that is not UTF-8 reads as Chinese if it is taken for GB18030.

    Two letters of Latin-1 are a character of it too, but a rare one: half of the characters must be among the 3755 of GB 2312's first level,
    which make up 99.7 % of running text (their first byte is B0 to D7).
    """
    try:
        line.decode()
    except UnicodeDecodeError:
        pass
    else:
        return False
    try:
        text = line.decode("gb18030")
    except UnicodeDecodeError:
        return False
    if not _OF_CHINESE_TEXT.fullmatch(text):
        return False
    leads = [character.encode("gb18030")[0] for character in text if "\u4e00" <= character <= "\u9fff"]
    common = sum(0xB0 <= lead <= 0xD7 for lead in leads)  # noqa: PLR2004 - see above
    return bool(leads) and common * 2 >= len(leads)


def last_character(data: bytes, charset: str) -> int:
    """How many bytes the last character of the text has, as far as the bytes are text in the charset."""
    if not data:
        return 0
    if charset == UTF_8:
        end = len(data) - 1
        while end > 0 and data[end] & 0xC0 == 0x80:  # noqa: PLR2004 - a continuation byte is 10xxxxxx (RFC 3629)
            end -= 1
        return len(data) - end
    if data.isascii() or charset not in _OF_SEVERAL_BYTES:
        return 1
    # Where a character begins can only be known from the beginning.
    last = decode(data, charset)[-1]
    return 1 if last == "\ufffd" else len(last.encode(_CODECS[charset], "replace"))
