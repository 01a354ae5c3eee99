"""What people write, as styled text: their marks, links, code, the reader's name, what is searched for.

What somebody else typed is text and nothing but text: it is put into `Content` with spans, never given to anything that reads Textual's
markup. What is shown knows what was said: marks are not shown, and are copied. Pure.
"""

from bisect import bisect_left, bisect_right
from functools import cache
from itertools import accumulate, islice
from typing import TYPE_CHECKING, NamedTuple

from textual.content import Content, Span
from textual.style import Style

from chat_server.protocol.mentions import Names
from chat_tui.client.markdown import Hidden, Kind, Marked, marked, plain
from chat_tui.ui import code_highlighting
from chat_tui.ui.code_highlighting import CODE_MAX, TOKENS_MAX, Token

if TYPE_CHECKING:
    import re
    from collections.abc import Callable, Iterable, Mapping, Sequence

PAINTED_MAX = 50
"""Names, and hits of a search, that are painted in one text; the first ones. Each costs up to 20 us."""

_TOKENS = {
    Token.COMMENT: "$text-muted",
    Token.TEXT: "$string",
    Token.NUMBER: "$text-warning",
    Token.KEYWORD: "$keyword",
    Token.ADDED: "$text-success",
    Token.REMOVED: "$text-error",
}


_NOTHING = Content("")


class Styles(NamedTuple):
    """How parts of a text are shown."""

    strong: Style = Style(bold=True)
    emphasis: Style = Style(italic=True)
    struck: Style = Style(strike=True)
    code: Style = Style()
    block: Style = Style()
    """Code in rows of its own."""
    quote: Style = Style(dim=True)
    link: Style = Style(underline=True)
    mention: Style = Style(bold=True)
    found: Style = Style(reverse=True)


class Shown:
    """A text as it is shown: without its marks, with what they say."""

    def __init__(self, said: str, hidden: "Sequence[Hidden]" = ()) -> None:
        """Show what was said but for its marks, which stand from the left."""
        self._said = said
        self._layers: list[list[Span]] = []
        self._hidden = hidden
        self._gone = [0, *accumulate(mark.end - mark.start for mark in hidden)]
        self._gaps = [
            mark.start - gone for mark, gone in zip(hidden, self._gone, strict=False)
        ]  # where they would be shown
        ends = (0, *(mark.end for mark in hidden))
        starts = (*(mark.start for mark in hidden), len(said))
        self._text = "".join(said[end:start] for end, start in zip(ends, starts, strict=True))
        self._before = self._after = _NOTHING
        self._blocks: list[tuple[int, int]] = []
        self.calls = False
        """Whether it names the reader."""

    def note_blocks(self, spans: "Iterable[tuple[int, int]]") -> None:
        """Parts of what was said, from the left, that are code in rows of its own."""
        self._blocks = [(self._place(start), self._place(end)) for start, end in spans]

    def is_block(self, start: int, end: int) -> bool:
        """Whether this part of what is shown is of such code."""
        start, end = start - len(self._before), end - len(self._before)
        return any(first <= start and end <= last for first, last in self._blocks)

    @property
    def text(self) -> str:
        """All that is shown, in plain characters."""
        return f"{self._before.plain}{self._text}{self._after.plain}"

    def add_before(self, content: Content) -> None:
        """Show something before it that nobody has written."""
        self._before = content + self._before

    def add_after(self, content: Content) -> None:
        """Show something after it that nobody has written; it is not copied."""
        self._after += content

    def paint(self, spans: "Iterable[tuple[int, int, Style]]") -> None:
        """Give parts of what was said a style over those that they have; from the left, none over another."""
        place = self._place if self._hidden else int
        painted = [Span(place(start), place(end), style) for start, end, style in spans]
        if painted:
            self._layers.append(painted)

    def paint_all(self, style: Style) -> None:
        """Give everything a style under those that it has."""
        self._layers.insert(0, [Span(0, len(self._text), style)])

    def content(self, start: int, end: int) -> Content:
        """A part of what is shown."""
        first, last = len(self._before), len(self._before) + len(self._text)
        part = self._content(max(start - first, 0), min(end, last) - first)
        if start < first:
            part = self._before[start : min(end, first)] + part
        if end > last:
            part += self._after[max(start - last, 0) : end - last]
        return part

    def _content(self, start: int, end: int) -> Content:
        if end <= start:
            return _NOTHING
        spans: list[Span] = []
        for layer in self._layers:
            first = bisect_right(layer, start, key=_end_of)
            last = bisect_left(layer, end, key=_start_of)
            spans += [
                Span(max(span.start, start) - start, min(span.end, end) - start, span.style)
                for span in layer[first:last]
            ]
        return Content(self._text[start:end], spans)

    def said(self, start: int, end: int) -> str:
        """What was said where this part is shown, with the marks that belong to it."""
        before = self._before.plain[start:end]
        start, end = max(start - len(self._before), 0), min(end - len(self._before), len(self._text))
        if end < start:
            return before
        first = self._number(start, is_end=False)
        last = max(self._number(end, is_end=True), first)
        return before + self._said[start + self._gone[first] : end + self._gone[last]]

    def _number(self, at: int, *, is_end: bool) -> int:
        """How many marks stand before a place where somebody begins to copy, or ends to."""
        first, last = bisect_left(self._gaps, at), bisect_right(self._gaps, at)
        if at in (0, len(self._text)):  # all of it, to the last mark
            return last if is_end and at else first
        while first < last and not self._hidden[first].opens:
            first += 1
        return first

    def _place(self, at: int) -> int:
        """Where something of what was said is shown."""
        number = bisect_right(self._hidden, at, key=_start_of) - 1
        if number < 0:
            return at
        mark = self._hidden[number]
        return at - self._gone[number] - (min(at, mark.end) - mark.start)


def _start_of(span: "Span | Hidden") -> int:
    return span.start


def _end_of(span: Span) -> int:
    return span.end


def _without_theme(name: str) -> Style:
    del name
    return Style()


def shown(
    text: str,
    styles: Styles,
    *,
    resolve: "Callable[[str], Style]" = _without_theme,
    is_markdown: bool = True,
    mention: Names | None = None,
    found: "re.Pattern[str] | None" = None,
) -> Shown:
    """Make styled text of what somebody wrote.

    Args:
        text: clean text, of one line or more.
        styles: how its parts are shown.
        resolve: gives the style that a name in the theme stands for.
        is_markdown: whether to look for Markdown.
        mention: what counts as the reader's name.
        found: what is searched for.

    """
    marks = marked(text) if is_markdown else plain(text)
    result = Shown(text, marks.hidden)
    for kind, style in (
        (Kind.QUOTE, styles.quote),
        (Kind.STRONG, styles.strong),
        (Kind.EMPHASIS, styles.emphasis),
        (Kind.EMPHASIS_TOO, styles.emphasis),
        (Kind.BOTH, styles.strong + styles.emphasis),
        (Kind.STRUCK, styles.struck),
        (Kind.LANGUAGE, styles.block + styles.quote),
        (Kind.BLOCK, styles.block),
        (Kind.CODE, styles.code),
    ):
        result.paint((start, end, style) for start, end in marks.parts.get(kind, ()))
    result.note_blocks((*marks.parts.get(Kind.LANGUAGE, ()), *marks.parts.get(Kind.BLOCK, ())))
    result.paint(_coloured(text, marks, resolve))
    result.paint(
        (start, end, styles.link + Style(link=text[start:end])) for start, end in marks.parts.get(Kind.LINK, ())
    )
    if mention is not None:
        calls = list(mention.spans(text, PAINTED_MAX))
        result.calls = bool(calls)
        result.paint((start, end, styles.mention) for start, end in calls)
    if found is not None:
        hits = islice((match.span() for match in found.finditer(text) if match[0]), PAINTED_MAX)
        result.paint((start, end, styles.found) for start, end in hits)
    return result


def _coloured(text: str, marks: Marked, resolve: "Callable[[str], Style]") -> "list[tuple[int, int, Style]]":
    """The colours of code whose language is known, as long as it is not too much in all."""
    coloured: list[tuple[int, int, Style]] = []
    left = CODE_MAX
    for begin, end in marks.parts.get(Kind.BLOCK, ()):
        left -= end - begin
        if left >= 0 and begin in marks.languages:
            found = code_highlighting.tokens(text[begin:end], marks.languages[begin])[: TOKENS_MAX - len(coloured)]
            coloured += [(begin + start, begin + stop, resolve(_TOKENS[token])) for start, stop, token in found]
    return coloured


def resolver(variables: "Mapping[str, str]") -> "Callable[[str], Style]":
    """A function that reads a style's name by a theme's variables."""
    known = dict(variables)

    @cache
    def resolve(name: str) -> Style:
        return Style.parse(name, known)

    return resolve
