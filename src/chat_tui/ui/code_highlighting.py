"""Which words of a piece of code are keywords, texts, numbers and comments, in the languages that people paste.

Not Pygments: of its lexers nearly all take a time that grows with the square of some text, 30 to 280 ms for 2,000 characters, while nothing else is
drawn (a regular expression in a thread holds everything up as well). Here no expression ever goes back: whatever is opened and not closed goes on
to its end. Pure; never knows colours (markup.py has them).
"""

import re
from enum import Enum, auto
from functools import cache
from typing import NamedTuple

CODE_MAX = 2000
"""Characters of code in one text that are coloured: some fifty lines, 1 ms. More is shown plain."""

TOKENS_MAX = 300
"""Pieces of code in one text that are coloured: what 2,000 characters of usual code have; to draw one costs 5 us."""


class Token(Enum):
    """What a piece of code is."""

    COMMENT = auto()
    TEXT = auto()
    NUMBER = auto()
    KEYWORD = auto()
    ADDED = auto()
    REMOVED = auto()


class _Language(NamedTuple):
    pattern: re.Pattern[str]
    keywords: frozenset[str]
    folds_case: bool = False


_HASH = r"#[^\n]*"
_SLASHES = r"//[^\n]*|/\*(?:[^*]+|\*(?!/))*(?:\*/)?"
_DOUBLE = r'"(?:[^"\\\n]+|\\.)*"?'
_SINGLE = r"'(?:[^'\\\n]+|\\.)*'?"
_TRIPLE = r'"""(?:[^"\\]+|\\.|"(?!""))*(?:""")?|' + r"'''(?:[^'\\]+|\\.|'(?!''))*(?:''')?"
_BACKTICK = r"`(?:[^`\\]+|\\.)*`?"
_CHARACTER = r"'(?:[^'\\\n]|\\[^'\n]{1,10})'"  # in Rust a single quotation mark begins a lifetime, too

_C = "auto break case const continue default do else enum extern for goto if inline return sizeof static struct switch typedef union void while"
_C_TYPES = "bool char double float int long short signed unsigned size_t NULL true false"
_CPP = "class namespace template typename public private protected virtual override new delete this throw try catch using nullptr constexpr noexcept"
_JS = (
    "async await break case catch class const continue default delete do else export extends false finally for from function if import in "
    "instanceof let new null of return static super switch this throw true try typeof undefined var void while yield"
)
_TS = "interface type enum implements private public protected readonly as any string number boolean never unknown namespace declare abstract"
_JAVA = (
    "abstract assert boolean break byte case catch char class const continue default do double else enum extends false final finally float for "
    "if implements import instanceof int interface long native new null package private protected public record return short static super "
    "switch synchronized this throw throws transient true try var void volatile while"
)
_PYTHON = (
    "False None True and as assert async await break case class continue def del elif else except finally for from global if import in is "
    "lambda match nonlocal not or pass raise return self try while with yield"
)
_GO = (
    "break case chan const continue default defer else fallthrough for func go goto if import interface map nil package range return select "
    "struct switch type var true false string int bool byte error"
)
_RUST = (
    "as async await break const continue crate dyn else enum extern false fn for if impl in let loop match mod move mut pub ref return self "
    "Self static struct super trait true type unsafe use where while bool char str String u8 u32 u64 usize i32 i64 f64 Option Result Some None Ok Err"
)
_SHELL = "case do done elif else esac export fi for function if in local return set then while echo cd exit source sudo until"
_SQL = (
    "add all alter and as asc begin between by case check commit create cross default delete desc distinct drop else end exists explain foreign "
    "from full group having if in index inner insert into is join key left like limit not null offset on or order outer primary references "
    "returning rollback select set table then union unique update using values view when where with"
)

_PYTHON_LIKE = ("python py python3 pycon", _HASH, f"{_TRIPLE}|{_DOUBLE}|{_SINGLE}", _PYTHON)
_FAMILIES = [
    _PYTHON_LIKE,
    ("js javascript jsx mjs", _SLASHES, f"{_DOUBLE}|{_SINGLE}|{_BACKTICK}", _JS),
    ("ts typescript tsx", _SLASHES, f"{_DOUBLE}|{_SINGLE}|{_BACKTICK}", f"{_JS} {_TS}"),
    ("c h", _SLASHES, f"{_DOUBLE}|{_CHARACTER}", f"{_C} {_C_TYPES}"),
    ("cpp c++ cc cxx hpp", _SLASHES, f"{_DOUBLE}|{_CHARACTER}", f"{_C} {_C_TYPES} {_CPP}"),
    ("java kotlin kt cs csharp c#", _SLASHES, f"{_DOUBLE}|{_CHARACTER}", _JAVA),
    ("go golang", _SLASHES, f"{_DOUBLE}|{_CHARACTER}|{_BACKTICK}", _GO),
    ("rust rs", _SLASHES, f"{_DOUBLE}|{_CHARACTER}", _RUST),
    ("sh bash shell zsh console", _HASH, f"{_DOUBLE}|{_SINGLE}", _SHELL),
    ("json json5 jsonc", _SLASHES, _DOUBLE, "true false null"),
    ("toml ini cfg conf yaml yml", _HASH, f"{_DOUBLE}|{_SINGLE}", "true false null yes no on off"),
    ("sql", r"--[^\n]*|/\*(?:[^*]+|\*(?!/))*(?:\*/)?", f"{_SINGLE}|{_DOUBLE}", _SQL),
]
_DIFF = re.compile(r"^(?:(?P<ADDED>\+[^\n]*)|(?P<REMOVED>-[^\n]*)|(?P<COMMENT>@@[^\n]*))", re.MULTILINE)


@cache
def _languages() -> dict[str, _Language]:
    found = {"diff": _Language(_DIFF, frozenset()), "patch": _Language(_DIFF, frozenset())}
    for names, comment, text, keywords in _FAMILIES:
        pattern = re.compile(
            rf"(?P<COMMENT>{comment})|(?P<TEXT>{text})|(?P<NUMBER>(?<!\w)\d[\w.]*)|(?P<KEYWORD>[^\W\d]\w*)", re.DOTALL
        )
        language = _Language(pattern, frozenset(keywords.split()), folds_case=names == "sql")
        found |= dict.fromkeys(names.split(), language)
    return found


def languages() -> list[str]:
    """The names of languages whose code is coloured."""
    return sorted(_languages())


def tokens(code: str, name: str) -> list[tuple[int, int, Token]]:
    """What is to be coloured in a piece of code, from the left; nothing in a language that is not known, or in too much code."""
    language = _languages().get(name.casefold())
    if language is None or len(code) > CODE_MAX:
        return []
    found: list[tuple[int, int, Token]] = []
    for match in language.pattern.finditer(code):
        token = Token[match.lastgroup or "TEXT"]
        if token is Token.KEYWORD:
            word = match[0].casefold() if language.folds_case else match[0]
            if word not in language.keywords:
                continue
        found.append((*match.span(), token))
    return found
