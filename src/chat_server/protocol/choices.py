"""What one may choose by name: the charset of one's terminal, the language in which the server speaks.

Knows the names, and what else people call them. Never knows how text is read or written in a charset, nor what a sentence is in a language.
"""

UTF_8 = "utf-8"

CHARSETS = (
    UTF_8,
    "gbk",
    "gb18030",
    "big5",
    "euc-kr",
    "shift_jis",
    "euc-jp",
    "koi8-r",
    "koi8-u",
    "windows-1251",
    "cp866",
    "latin-1",
    "iso-8859-2",
    "iso-8859-15",
    "windows-1252",
    "cp437",
    "ascii",
)
"""The charsets that can be chosen, by the names that are shown."""

_ALIASES = {
    "utf8": UTF_8,
    "gb2312": "gbk",
    "cp936": "gbk",
    "euc-cn": "gbk",
    "gb-18030": "gb18030",
    "big-5": "big5",
    "cp950": "big5",
    "euckr": "euc-kr",
    "cp949": "euc-kr",
    "uhc": "euc-kr",
    "ks-c-5601-1987": "euc-kr",
    "shift-jis": "shift_jis",
    "sjis": "shift_jis",
    "cp932": "shift_jis",
    "eucjp": "euc-jp",
    "koi8r": "koi8-r",
    "koi8": "koi8-r",
    "koi8u": "koi8-u",
    "cp1251": "windows-1251",
    "1251": "windows-1251",
    "ibm866": "cp866",
    "866": "cp866",
    "latin1": "latin-1",
    "l1": "latin-1",
    "iso-8859-1": "latin-1",
    "iso8859-1": "latin-1",
    "latin2": "iso-8859-2",
    "iso8859-2": "iso-8859-2",
    "latin9": "iso-8859-15",
    "latin-9": "iso-8859-15",
    "iso8859-15": "iso-8859-15",
    "cp1252": "windows-1252",
    "ibm437": "cp437",
    "437": "cp437",
    "us-ascii": "ascii",
    "ansi-x3.4-1968": "ascii",
}

SOURCE = "en"
"""What the sentences are written in."""

LANGUAGES = {"en": "English", "zh": "中文"}
"""What can be chosen, each under its own name for itself."""


def find_charset(name: str) -> str | None:
    """The charset that somebody means by this name, as it is shown; None if it is not one of ours."""
    wanted = name.casefold().replace("_", "-")
    return next((known for known in CHARSETS if known.replace("_", "-") == wanted), None) or _ALIASES.get(wanted)


def find_language(name: str) -> str | None:
    """The language that somebody means: `zh`, `zh_CN.UTF-8`, `Chinese` or `中文`; None if it is not one of ours."""
    wanted = name.casefold()
    for code, own_name in LANGUAGES.items():
        if wanted in (code, own_name.casefold()) or wanted[: len(code) + 1] in (f"{code}-", f"{code}_"):
            return code
    return {"english": "en", "chinese": "zh", "cn": "zh"}.get(wanted)
