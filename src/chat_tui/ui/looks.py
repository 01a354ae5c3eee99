"""How lines look in a widget, by its style sheet and the app's theme; and a row drawn so. Knows Textual's styles; never knows what is said."""

import re
from typing import NamedTuple

from textual.strip import Strip
from textual.style import Style
from textual.widget import Widget

from chat_server.protocol.mentions import Names
from chat_tui.ui.beside_lines import Beside
from chat_tui.ui.markup import Styles, resolver
from chat_tui.ui.rendering import Look, Row, columns
from chat_tui.ui.themes import nick_colours, part_style

HIT_MARK = "▌"
"""What stands between the name and the text of the line that a search has come to, for those who see no colours."""

PARTS = {
    f"chat-view--{name}"
    for name in (
        *("dim", "rule", "unread", "failed", "pending"),
        *("code", "quote", "link", "mention", "found", "hit", "chosen"),
        *("faint", "sign", "own-sign"),
    )
}  # fmt: skip
"""What has a style of its own in the style sheet."""


def part(widget: Widget, name: str) -> Style:
    """The style of one of the parts."""
    return part_style(widget, f"chat-view--{name}")


NUMBER_MIN = len("#999 ")
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
    has_emoji: bool = True
    """Whether the terminal shows them."""

    def text_width(self, width: int) -> int:
        """Columns that are left for the text, of so many."""
        time_width, nick_width = columns(width, self.time_format)
        return max(2, width - (time_width + self.number_width + nick_width if nick_width else 0))


def number_width(last: int) -> int:
    """Columns of the numbers of lines in a room whose newest has this one."""
    return max(NUMBER_MIN, len(f"#{last} "))


def look_of(widget: Widget, width: int, wanted: Wanted) -> Look:
    """How lines look in a widget that has so many columns for them."""
    time_width, nick_width = columns(width, wanted.time_format)
    return Look(
        width=width,
        time_width=time_width,
        nick_width=nick_width,
        number_width=wanted.number_width,
        time_format=wanted.time_format,
        markdown=wanted.markdown,
        me=wanted.me,
        text=widget.visual_style,
        rich=widget.rich_style,
        dim=part(widget, "dim"),
        rule=part(widget, "rule"),
        unread=part(widget, "unread"),
        failed=part(widget, "failed"),
        pending=part(widget, "pending"),
        nicks=tuple(Style(foreground=colour) for colour in nick_colours(widget.app.current_theme)),
        parts=Styles(
            code=part(widget, "code"),
            quote=part(widget, "quote"),
            link=part(widget, "link"),
            mention=part(widget, "mention"),
            found=part(widget, "found"),
        ),
        resolve=resolver(widget.app.theme_variables),
        mention=wanted.mention,
        found=wanted.found,
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


def drawn(row: Row, number: int, width: int, look: Look, hit: Style | None) -> Strip:
    """A row of the screen, which is the row of this number among all.

    `hit`: how its line is marked, if a search has come to it, or the user has chosen it.
    """
    is_hit = hit is not None and row.of_line
    has_place = row.gutter.plain.endswith(" ")
    style = look.text + hit if hit is not None and is_hit else look.text
    if is_hit and not has_place:  # for those who see no colours
        style += Style(bold=True)
    marked = row.gutter[:-1] + HIT_MARK if is_hit and has_place else row.gutter
    gutter = Strip(marked.render_segments(style))
    body = Strip(row.text.render_segments(style)).apply_offsets(0, number)
    return Strip.join([gutter, body, Strip(row.beside.render_segments(style))]).adjust_cell_length(
        width, style.rich_style if is_hit else look.rich
    )
