"""What people write, as styled text: a little Markdown, links, one's own name, what is searched for.

What somebody else typed is text and nothing but text: it is parsed by a Markdown parser and put into `Content` piece by piece, never
given to anything that reads Textual's markup. Pure.
"""

import re
from functools import cache
from typing import TYPE_CHECKING, NamedTuple

from textual.content import Content, Span
from textual.style import Style

from chat_server.mentions import Names

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from markdown_it import MarkdownIt
    from markdown_it.token import Token

_NOT_IN_LINK = r"\s<>\"'`|\\^{}"
_NOT_AT_END = (
    r".,;:!?)\]\u00bb\u201d\u2019\u3001\u3002\uff01\uff09\uff0c\uff1a\uff1b\uff1f"  # what ends a sentence around it
)
_LINK = re.compile(rf"https?://[^{_NOT_IN_LINK}]*[^{_NOT_IN_LINK}{_NOT_AT_END}]")
_MAYBE_MARKDOWN = re.compile(r"[*_`]|^\s{0,3}>", re.MULTILINE)
_QUOTE_END = re.compile(r"^( {0,3}>[^\n]*)\n(?! {0,3}>)(?=[^\n])", re.MULTILINE)
"""Where a quote ends: in chat it ends with its line, in Markdown it would go on."""

_HIGHLIGHT_MAX = 20_000
"""Characters of code that are coloured; more is shown plain."""


class Styles(NamedTuple):
    """How parts of a text are shown."""

    strong: Style = Style(bold=True)
    emphasis: Style = Style(italic=True)
    code: Style = Style()
    quote: Style = Style(dim=True)
    link: Style = Style(underline=True)
    mention: Style = Style(bold=True)
    found: Style = Style(reverse=True)


@cache
def _parser() -> "MarkdownIt":
    from markdown_it import MarkdownIt  # noqa: PLC0415 - it takes 30 ms, which the first paint need not wait for

    return MarkdownIt("zero", {"maxNesting": 10}).enable(["emphasis", "backticks", "fence", "blockquote"])


class _Builder:
    """Puts pieces of text together, with the styles that hold for them."""

    def __init__(self, styles: Styles, resolve: "Callable[[str], Style]") -> None:
        self.text = ""
        self.spans: list[Span] = []
        self._styles = styles
        self._resolve = resolve
        self._open: list[tuple[Style, int]] = []

    def add(self, text: str, style: Style | None = None) -> None:
        if style is not None and text:
            self.spans.append(Span(len(self.text), len(self.text) + len(text), style))
        self.text += text

    def begin(self, style: Style) -> None:
        self._open.append((style, len(self.text)))

    def end(self) -> None:
        if self._open:
            style, start = self._open.pop()
            if start < len(self.text):
                self.spans.append(Span(start, len(self.text), style))

    def add_code(self, code: str, language: str) -> None:
        from textual.highlight import highlight  # noqa: PLC0415 - Pygments is for those who get code

        coloured = highlight(code, language=language or "text") if len(code) <= _HIGHLIGHT_MAX else Content(code)
        start = len(self.text)
        self.add(coloured.plain, self._styles.code)
        for span in coloured.spans:
            style = self._resolve(span.style) if isinstance(span.style, str) else span.style
            self.spans.append(Span(start + span.start, start + span.end, style))

    def block(self, tokens: "list[Token]") -> None:
        """Add blocks, each on a line of its own; an empty line between two that somebody left there."""
        end = 0
        after_quote = False
        for token in tokens:
            if token.type in ("paragraph_open", "fence", "blockquote_open") and token.map is not None:
                if self.text and not self.text.endswith("▎ "):
                    self.text += "\n\n" if token.map[0] > end and not after_quote else "\n"
                after_quote = False
            match token.type:
                case "inline":
                    self.inline(token.children or [])
                case "fence":
                    self.add_code(token.content.rstrip("\n"), token.info.strip().split(" ")[0])
                case "blockquote_open":
                    self.add("▎ ", self._styles.quote)
                    self.begin(self._styles.quote)
                case "blockquote_close":
                    self.end()
                    after_quote = True
            if token.map is not None and token.type in ("inline", "fence"):
                end = token.map[1]

    def inline(self, tokens: "list[Token]") -> None:
        for token in tokens:
            match token.type:
                case "strong_open":
                    self.begin(self._styles.strong)
                case "em_open":
                    self.begin(self._styles.emphasis)
                case "strong_close" | "em_close":
                    self.end()
                case "code_inline":
                    self.add(token.content, self._styles.code)
                case "softbreak" | "hardbreak":
                    self.add("\n")
                case _:
                    self.add(token.content)


def styled(
    text: str,
    styles: Styles,
    *,
    resolve: "Callable[[str], Style]" = Style.parse,
    is_markdown: bool = True,
    mention: Names | None = None,
    found: re.Pattern[str] | None = None,
) -> Content:
    """Make styled text of what somebody wrote.

    Args:
        text: clean text, of one line or more.
        styles: how its parts are shown.
        resolve: gives the style that a name in the theme stands for.
        is_markdown: whether to look for Markdown.
        mention: what counts as the reader's name.
        found: what is searched for.

    """
    if is_markdown and _MAYBE_MARKDOWN.search(text):
        builder = _Builder(styles, resolve)
        builder.block(_parser().parse(_QUOTE_END.sub(r"\1\n\n", text)))
        text, spans = builder.text, builder.spans
    else:
        spans = []
    if "://" in text:
        spans += [Span(*match.span(), styles.link + Style(link=match[0])) for match in _LINK.finditer(text)]
    if mention is not None:
        spans += [Span(*span, styles.mention) for span in mention.spans(text)]
    if found is not None:
        spans += [Span(*match.span(), styles.found) for match in found.finditer(text) if match.end() > match.start()]
    return Content(text, spans)


def resolver(variables: "Mapping[str, str]") -> "Callable[[str], Style]":
    """A function that reads a style's name by a theme's variables."""
    known = dict(variables)

    @cache
    def resolve(name: str) -> Style:
        return Style.parse(name, known)

    return resolve
