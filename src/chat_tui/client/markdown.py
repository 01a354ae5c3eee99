"""Which characters of a text are marks, and what they mark. The whole of the Markdown that is understood is here; docs/chat-tui.md tells it.

Markdown never changes what somebody said: a mark that is not surely one is a character like any other. Knows texts; never knows how
anything looks. Pure, and linear in the length of the text: what has more marks than MARKS_MAX is taken as it was typed.

- `*slanted*`, `_slanted_`, `**bold**`, `***both***`, `~~struck out~~` and `` `code` `` on one line, where the first mark opens a word and the
  second closes one: never inside a word, a path or a number, nor around what reads like code. Between letters of scripts that put no
  spaces between words, `**`, `~~` and `` ` `` may stand anywhere.
- A backslash before marks that would be a pair takes their meaning from them; anywhere else it is a backslash.
- Lines between two lines of three backticks are code; the word after the first is its language, and is shown.
- A line that begins with `> ` is a quotation, and keeps its sign.
- Everything else (`# headings`, lists, `---`, four spaces, tables, HTML, `__init__`) is shown as it was typed.
"""

import re
from bisect import bisect_right
from enum import Enum, auto
from typing import NamedTuple

from chat_server.protocol.late_pattern import LatePattern
from chat_tui.client.links import links

MARKS_MAX = 500
"""Marks in one text, outside of blocks of code. A text of 16 KiB with one in every line has 200; they cost 2 us each."""

FENCES_MAX = 100
"""Runs of three backticks in one text that is not taken as it was typed."""

_ADJACENT_MAX = 8
"""Marks of other kinds that are passed over to see what they all stand beside: `**_~~` are five."""


class Kind(Enum):
    """What a part of a text is."""

    STRONG = auto()
    EMPHASIS = auto()
    EMPHASIS_TOO = auto()
    """With underscores; it may be in the other, and the other in it."""
    BOTH = auto()
    STRUCK = auto()
    CODE = auto()
    BLOCK = auto()
    LANGUAGE = auto()
    QUOTE = auto()
    LINK = auto()


class Span(NamedTuple):
    """A piece of a text, from `start` up to `end`."""

    start: int
    end: int


class Hidden(NamedTuple):
    """A mark, which is not shown. `opens`: it belongs to what follows it, else to what stands before it."""

    start: int
    end: int
    opens: bool


class Marked(NamedTuple):
    """What a text's marks say.

    `hidden`: the marks, from the left. `parts`: for each kind, where it is, from the left, none over another of its kind.
    `languages`: of blocks of code, by where they begin.
    """

    hidden: list[Hidden]
    parts: dict[Kind, list[Span]]
    languages: dict[int, str]

    @property
    def code(self) -> list[Span]:
        """All that is code."""
        return sorted([*self.parts.get(Kind.CODE, ()), *self.parts.get(Kind.BLOCK, ())])


_MAYBE = LatePattern(r"[*_~`]|^> ", re.MULTILINE)
_FENCE = LatePattern(r"^ {0,3}(`{3,})([\w+#.-]*) *$", re.MULTILINE)
_QUOTES = LatePattern(r"(?:^> [^\n]*(?:\n|\Z))+", re.MULTILINE)
# Every branch begins with a letter of its own: so it is looked for twenty times as fast.
_MARK = LatePattern(r"\*(?:\\?\*)*|\\\*(?:\\?\*)*|_(?:\\?_)*|\\_(?:\\?_)*|~(?:\\?~)*|\\~(?:\\?~)*|`+|\\`+")
_TICKS = LatePattern("`+")
_KINDS = {
    ("*", 1): Kind.EMPHASIS,
    ("_", 1): Kind.EMPHASIS_TOO,
    ("*", 2): Kind.STRONG,
    ("*", 3): Kind.BOTH,
    ("~", 2): Kind.STRUCK,
}
_SINGLE = (Kind.EMPHASIS, Kind.EMPHASIS_TOO)
_ANYWHERE = (Kind.STRONG, Kind.STRUCK, Kind.CODE)
"""Kinds that may stand between letters of scripts without spaces: 长*宽*高 is a product."""

_LETTER = LatePattern(r"[^\W\d_]")
_CODELIKE = LatePattern(r"[;={}<>|\\\[\]]")
# Firsts, and those after the lasts. As a regular expression this costs each start 4 ms to compile.
_UNSPACED = (
    0x0E00,
    0x0F00,
    0x1000,
    0x10A0,
    0x1780,
    0x1800,
    0x2E80,
    0xA4D0,
    0xAC00,
    0xD7B0,
    0xF900,
    0xFB00,
    0x20000,
    0x40000,
)
_WIDE_MARKS = "\u3001\u3002\uff01\uff0c\uff1a\uff1b\uff1f\u2026\u2014\u2013"  # sentences of scripts without spaces go on after them
_BEFORE = frozenset("([{\"'\u201c\u2018\u201e\u00ab\uff08\u300c\u300e\u300a\u3010\u3008" + _WIDE_MARKS)
_AFTER = frozenset(".,;:!?)]}\"'\u201d\u2019\u00bb\uff09\u300d\u300f\u300b\u3011\u3009" + _WIDE_MARKS)
_BEGINS_IN = frozenset("\u201c\u2018\u00ab\u300c\u300e\u300a@#$\u20ac\u00a3:+-\u00bf\u00a1")
_ENDS_IN = frozenset(".,!?:;)%\u2026\u201d\u2019\u00bb\u300d\u300f\u300b\uff01\u3002\uff1f\uff0c")


def marked(text: str) -> Marked:
    """Find the marks in a text and what they mark; the links too, in which nothing is a mark."""
    found = Marked([], {}, {})
    if addresses := [Span(*span) for span in links(text)]:
        found.parts[Kind.LINK] = addresses
    if _MAYBE.search(text) and text.count("```") <= FENCES_MAX:
        outside = _take_blocks(text, found)
        if sum(_marks_in(text, span) for span in outside) <= MARKS_MAX:
            for span in outside:
                _Inline(text, span, found).read()
        found.hidden.sort()
    return found


def plain(text: str) -> Marked:
    """The same for a text in which nothing is to be taken for a mark."""
    addresses = [Span(*span) for span in links(text)]
    return Marked([], {Kind.LINK: addresses} if addresses else {}, {})


def unmarked(text: str) -> str:
    """The text without its marks, where there is no place for what they mean."""
    pieces, end = [], 0
    for mark in marked(text).hidden:
        pieces.append(text[end : mark.start])
        end = mark.end
    return "".join([*pieces, text[end:]])


def _marks_in(text: str, span: Span) -> int:
    return sum(text.count(mark, *span) for mark in ("*", "_", "~", "`", "\n> "))


def _take_blocks(text: str, found: Marked) -> list[Span]:
    """Take the blocks of code; return what is outside of them."""
    outside: list[Span] = []
    at = 0
    for opening, closing in _fences(text):
        outside.append(Span(at, opening.start()))
        at = closing.end()
        word = Span(*opening.span(2))
        if word.start < word.end:
            found.hidden.append(Hidden(opening.start(), word.start, opens=True))
            if word.end < opening.end():
                found.hidden.append(Hidden(word.end, opening.end(), opens=False))
            found.parts.setdefault(Kind.LANGUAGE, []).append(word)
            found.languages[opening.end() + 1] = opening[2]
        else:
            found.hidden.append(Hidden(opening.start(), opening.end() + 1, opens=True))
        found.parts.setdefault(Kind.BLOCK, []).append(Span(opening.end() + 1, closing.start() - 1))
        found.hidden.append(Hidden(closing.start() - 1, closing.end(), opens=False))
    outside.append(Span(at, len(text)))
    return [span for span in outside if span.start < span.end]


def _fences(text: str) -> list[tuple[re.Match[str], re.Match[str]]]:
    """The lines that open a block, with those that close it."""
    lines = list(_FENCE.finditer(text)) if "```" in text else []
    pairs: list[tuple[re.Match[str], re.Match[str]]] = []
    at = 0
    hopeless = len(text)  # backticks that no line below closes
    while at < len(lines):
        opening, ticks = lines[at], len(lines[at][1])
        at += 1
        if ticks >= hopeless:
            continue
        for number in range(at, len(lines)):
            closing = lines[number]
            if len(closing[1]) >= ticks and not closing[2]:
                if text[opening.end() : closing.start()].strip():
                    pairs.append((opening, closing))
                    at = number + 1
                break
        else:
            hopeless = ticks
    return pairs


class _Mark(NamedTuple):
    start: int
    end: int
    is_escaped: bool


class _Open(NamedTuple):
    kind: Kind
    mark: _Mark
    escaped: list[_Mark]
    """Marks that would close it, had they no backslash."""


class _Inline:
    """Reads the marks of a stretch of lines."""

    def __init__(self, text: str, span: Span, found: Marked) -> None:
        self._text = text
        self._span = span
        self._found = found
        self._open: list[_Open] = []
        self._addresses = found.parts.get(Kind.LINK, [])

    def read(self) -> None:
        text, (start, end) = self._text, self._span
        for quote in _QUOTES.finditer(text, start, end):
            self._add(Kind.QUOTE, quote.start(), quote.end() - quote[0].endswith("\n"))
        partner = self._partners()
        past = start  # what is code has no marks in it
        for match in _MARK.finditer(text, start, end):
            if match.start() < past or self._is_in_link(match.start()):
                continue
            if text.find("\n", past, match.start()) >= 0:
                self._end_line()
            past = match.end()
            letter = text[past - 1]
            if letter == "`":
                past = self._tick(_mark(match), partner)
            else:
                kind = _KINDS.get((letter, match[0].count(letter)))
                if kind is not None:
                    self._take(kind, _mark(match))
        self._end_line()

    def _add(self, kind: Kind, start: int, end: int) -> None:
        self._found.parts.setdefault(kind, []).append(Span(start, end))

    def _hide(self, opening: Span, closing: Span) -> None:
        self._found.hidden.append(Hidden(*opening, opens=True))
        self._found.hidden.append(Hidden(*closing, opens=False))

    def _is_in_link(self, at: int) -> bool:
        number = bisect_right(self._addresses, at, key=lambda span: span.start) - 1
        return number >= 0 and at < self._addresses[number].end

    # Code.

    def _partners(self) -> dict[int, Span]:
        """For the end of each run of backticks: the next run of as many on its line."""
        partner: dict[int, Span] = {}
        if "`" not in self._text:
            return partner
        following: dict[int, Span] = {}
        end = self._span.end
        for match in reversed(list(_TICKS.finditer(self._text, *self._span))):
            run = Span(*match.span())
            if self._text.find("\n", run.end, end) >= 0:
                following.clear()
            length, end = run.end - run.start, run.start
            if length in following:
                partner[run.end] = following[length]
            following[length] = run
        return partner

    def _tick(self, mark: _Mark, partner: dict[int, Span]) -> int:
        """Take code, if it is; return how far the text has been read."""
        closing = partner.get(mark.end)
        if closing is None:
            return mark.end
        if not self._opens(Kind.CODE, mark.start) or not self._closes(Kind.CODE, closing.end):
            return mark.end
        is_short = mark.end - mark.start == 1 + mark.is_escaped
        within = self._text[mark.end : closing.start]
        if not within.strip() or (is_short and within != within.strip()):
            return mark.end
        if mark.is_escaped:
            self._hide_backslashes(mark)
            if within.endswith("\\"):
                self._found.hidden.append(Hidden(closing.start - 1, closing.start, opens=True))
            return closing.end
        self._hide(Span(mark.start, mark.end), closing)
        self._add(Kind.CODE, mark.end, closing.start)
        return closing.end

    # Words.

    def _take(self, kind: Kind, mark: _Mark) -> None:
        before = next((number for number, opened in enumerate(self._open) if opened.kind is kind), None)
        if before is not None and self._closes(kind, mark.end) and self._may_end(kind, mark):
            self._close(before, mark)
        elif self._opens(kind, mark.start) and self._may_begin(kind, mark):
            if before is not None:
                self._give_up(self._open.pop(before))
            self._open.append(_Open(kind, mark, []))

    def _close(self, number: int, mark: _Mark) -> None:
        opened = self._open[number]
        if mark.is_escaped and not opened.mark.is_escaped:
            opened.escaped.append(mark)  # unless another closes it
            return
        if opened.kind in _SINGLE:
            within = self._text[opened.mark.end : mark.start]
            if not _LETTER.search(within) or _CODELIKE.search(within.replace("\\*", "").replace("\\_", "")):
                return
        for inner in self._open[number + 1 :]:
            self._give_up(inner)
        del self._open[number:]
        for escaped in opened.escaped:
            self._hide_backslashes(escaped)
        if opened.mark.is_escaped:
            self._hide_backslashes(opened.mark)
            self._hide_backslashes(mark)
        else:
            self._hide(Span(opened.mark.start, opened.mark.end), Span(mark.start, mark.end))
            self._add(opened.kind, opened.mark.end, mark.start)

    def _give_up(self, opened: _Open) -> None:
        """Nothing closes it but what has a backslash, which was put there for that."""
        for escaped in opened.escaped[:1]:
            self._hide_backslashes(escaped)

    def _end_line(self) -> None:
        for opened in self._open:
            self._give_up(opened)
        self._open.clear()

    def _hide_backslashes(self, mark: _Mark) -> None:
        for at in range(mark.start, mark.end):
            if self._text[at] == "\\":
                self._found.hidden.append(Hidden(at, at + 1, opens=True))

    # What stands beside a mark.

    def _opens(self, kind: Kind, start: int) -> bool:
        before = self._beside(start - 1, -1)
        return (
            before in ("", "\n")
            or before.isspace()
            or before in _BEFORE
            or (kind in _ANYWHERE and _is_unspaced(before))
        )

    def _closes(self, kind: Kind, end: int) -> bool:
        after = self._beside(end, 1)
        return after in ("", "\n") or after.isspace() or after in _AFTER or (kind in _ANYWHERE and _is_unspaced(after))

    def _may_begin(self, kind: Kind, mark: _Mark) -> bool:
        within, before = self._beside(mark.end, 1), self._beside(mark.start - 1, -1)
        is_free = before in ("", "\n") or before.isspace() or (kind in _ANYWHERE and _is_unspaced(before))
        return _is_of_word(within) or (is_free and within in _BEGINS_IN)

    def _may_end(self, kind: Kind, mark: _Mark) -> bool:
        within, after = self._beside(mark.start - 1, -1), self._beside(mark.end, 1)
        is_free = after in ("", "\n") or after.isspace() or (kind in _ANYWHERE and _is_unspaced(after))
        return _is_of_word(within) or (is_free and within in _ENDS_IN)

    def _beside(self, at: int, step: int) -> str:
        """The first character from there on that is no mark; none at the text's end, and a mark where there are too many."""
        for number in range(_ADJACENT_MAX):
            place = at + step * number
            character = self._text[place : place + 1] if place >= 0 else ""
            if character not in ("*", "_", "~", "`"):
                return character
        return "*"


def _mark(match: re.Match[str]) -> _Mark:
    return _Mark(match.start(), match.end(), "\\" in match[0])


def _is_unspaced(character: str) -> bool:
    return character != "" and bisect_right(_UNSPACED, ord(character)) % 2 == 1


def _is_of_word(character: str) -> bool:
    """Letters, digits, marks upon letters, and pictures."""
    if character.isascii():
        return character.isalnum()
    return character not in _BEFORE and character not in _AFTER and not character.isspace()
