"""How lines look in a widget, by its style sheet and the app's theme; and a row drawn so. Knows Textual's styles; never knows what is said."""

import re
from typing import NamedTuple

from textual.content import Content
from textual.strip import Strip
from textual.style import Style
from textual.widget import Widget

from chat_server.protocol.mentions import Names
from chat_tui.client.hues import Hues
from chat_tui.ui.beside_lines import Beside
from chat_tui.ui.markup import Styles, resolver
from chat_tui.ui.row import NAME_USUAL, Grid, Look, Mark, Row, Spacing, grid
from chat_tui.ui.themes import nick_colours, part_style

MARK, MARK_CALLED_ASCII, MARK_ASCII = "▌", "!", ">"
"""What stands at the pane's edge beside a line that is marked, for those who see no colours: for the reader; chosen, or found."""

PARTS = {
    f"chat-view--{name}"
    for name in (
        *("dim", "day", "line", "unread", "failed", "pending"),
        *("code", "block", "quote", "link", "mention", "found", "hit", "chosen", "called", "here", "wanted"),
        *("faint", "sign", "own-sign"),
    )
}  # fmt: skip
"""What has a style of its own in the style sheet."""


CSS = """
ChatView {
    scrollbar-size-vertical: 1;
    scrollbar-background: $background;
    scrollbar-background-hover: $background;
    scrollbar-color: $panel;
    overflow-x: hidden;
    overflow-y: scroll;
    & > .chat-view--dim { color: $text-muted; }
    & > .chat-view--day { color: $text-muted; text-style: bold; }
    & > .chat-view--line { color: $line; }
    & > .chat-view--faint { color: $faint; }
    & > .chat-view--unread { color: $text-warning; text-style: bold; }
    & > .chat-view--failed { color: $text-error; }
    & > .chat-view--pending { color: $text-muted; }
    & > .chat-view--code { background: $panel; }
    & > .chat-view--block { background: $code; }
    & > .chat-view--quote { color: $text-muted; text-style: italic; }
    & > .chat-view--link { color: $text-primary; text-style: underline; }
    & > .chat-view--mention { color: $text-warning; text-style: bold; }
    & > .chat-view--found { background: $warning; color: $on-accent; }
    & > .chat-view--hit { background: $selected; }
    & > .chat-view--chosen { background: $selected; }
    & > .chat-view--called { background: $mentioned; }
    & > .chat-view--here { color: $text-primary; }
    & > .chat-view--wanted { color: $text-warning; }
    & > .chat-view--sign { background: $panel; color: $text-muted; }
    & > .chat-view--own-sign { background: $selected; color: $text-primary; text-style: bold; }
    &:ansi { scrollbar-color: ansi_bright_black; }
    &:ansi > .chat-view--unread { color: ansi_default; text-style: bold; }
    &:ansi > .chat-view--failed { color: ansi_default; text-style: bold; }
    &:ansi > .chat-view--code { background: ansi_default; text-style: bold; }
    &:ansi > .chat-view--link { color: ansi_default; text-style: underline; }
    &:ansi > .chat-view--here { color: ansi_blue; }
    &:ansi > .chat-view--wanted { color: ansi_yellow; }
    &:ansi > .chat-view--sign { background: ansi_default; }
    &:ansi > .chat-view--own-sign { background: ansi_default; color: ansi_default; text-style: bold; }
    &:ansi > .chat-view--chosen { background: ansi_default; text-style: bold reverse; }
    &:ansi > .chat-view--mention { background: ansi_default; color: ansi_default; text-style: bold reverse; }
    &:ansi > .chat-view--found { background: ansi_default; color: ansi_default; text-style: reverse; }
    &:ansi > .chat-view--hit { background: ansi_default; text-style: bold reverse; }
}
"""
"""The style sheet of the view whose parts these are."""


def part(widget: Widget, name: str) -> Style:
    """The style of one of the parts."""
    return part_style(widget, f"chat-view--{name}")


NUMBER_MIN = len("#999")
"""Columns of the numbers of lines at the least, so that they need more only where a room has a thousand lines, and ten thousand."""


class Wanted(NamedTuple):
    """How the reader wants lines to look, whatever the widget."""

    time_format: str
    """How times are written."""
    markdown: bool
    """Whether marks in what is said are shown as what they mean."""
    me: str = ""
    mention: Names | None = None
    """What calls the reader."""
    found: re.Pattern[str] | None = None
    """What is searched for."""
    number_width: int = 0
    """Columns of a line's number; 0 where none is shown."""
    name_width: int = NAME_USUAL
    """Columns that the longest name has."""
    has_emoji: bool = True
    """Whether the terminal shows them."""
    is_ascii: bool = False
    """Whether it shows nothing beyond ASCII."""
    spacing: Spacing = Spacing.COMPACT

    def text_width(self, width: int) -> int:
        """Columns that are left for the text, of so many."""
        return self.grid(width).text

    def grid(self, width: int) -> Grid:
        """Where the columns are."""
        return grid(width, self.time_format, self.number_width, self.name_width)


def number_width(last: int) -> int:
    """Columns of the numbers of lines in a room whose newest has this one."""
    return max(NUMBER_MIN, len(f"#{last}"))


def look_of(widget: Widget, width: int, wanted: Wanted) -> Look:
    """How lines look in a widget that has so many columns for them."""
    return Look(
        width=width,
        grid=wanted.grid(width),
        time_format=wanted.time_format,
        markdown=wanted.markdown,
        me=wanted.me,
        text=widget.visual_style,
        rich=widget.rich_style,
        dim=part(widget, "dim"),
        day=part(widget, "day"),
        line=part(widget, "line"),
        unread=part(widget, "unread"),
        failed=part(widget, "failed"),
        pending=part(widget, "pending"),
        called=marked(widget, "called", "wanted", MARK_CALLED_ASCII if wanted.is_ascii else MARK),
        nicks=tuple(Style(foreground=colour) for colour in nick_colours(widget.app.current_theme)),
        hues=Hues(),
        parts=Styles(
            code=part(widget, "code"),
            block=part(widget, "block"),
            quote=part(widget, "quote"),
            link=part(widget, "link"),
            mention=part(widget, "mention"),
            found=part(widget, "found"),
        ),
        resolve=resolver(widget.app.theme_variables),
        mention=wanted.mention,
        found=wanted.found,
        spacing=wanted.spacing,
        beside=Beside(
            is_markdown=wanted.markdown,
            faint=part(widget, "faint"),
            quote=part(widget, "dim"),
            sign=part(widget, "sign"),
            own=part(widget, "own-sign"),
            called=part(widget, "mention"),
            has_emoji=wanted.has_emoji,
            has_tints=not widget.app.current_theme.ansi,
        ),
    )


def marked(widget: Widget, tint: str, sign: str, glyph: str) -> Mark:
    """How a line is marked, by the parts whose styles are the tint's and the sign's."""
    return Mark(part(widget, tint), glyph, part(widget, sign), shows_time=tint != "called")


def drawn(row: Row, number: int, width: int, look: Look, mark: Mark | None) -> Strip:
    """A row of the screen, which is the row of this number among all. `mark`: how its line is marked, if it is."""
    style, gutter = look.text, row.gutter
    is_marked = mark is not None and row.of_line
    if mark is not None and is_marked:
        style = look.text + mark.tint
        gutter = Content.styled(mark.sign, mark.style) + gutter[1:]
    parts = [Strip(gutter.render_segments(style)), Strip(row.text.render_segments(style)).apply_offsets(0, number)]
    if row.beside:
        parts.append(Strip(row.beside.render_segments(style)))
    end = row.marked_end if mark is not None and is_marked and mark.shows_time else row.end
    if end or row.fill is not None:
        parts.append(Strip(_right_of(row, gutter, end, look.grid).render_segments(style)))
    strip = Strip.join(parts)
    if is_marked:
        strip = strip.adjust_cell_length(min(width, look.grid.edge), style.rich_style)
    return strip.adjust_cell_length(width, look.rich)


def _right_of(row: Row, gutter: Content, end: Content, grid: Grid) -> Content:
    """What stands right of a row's text: nothing, and where there is place for it the end; over what is under the row."""
    used = gutter.cell_length + row.text.cell_length + row.beside.cell_length
    rest = grid.right - used - end.cell_length
    right = " " * rest + end if end and rest > 0 else Content("")
    if row.fill is None:
        return right
    return (right + " " * (grid.edge - used - right.cell_length)).stylize_before(row.fill)
