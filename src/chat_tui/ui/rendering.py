"""How one entry of a timeline looks: in which rows, with which gutter. Pure: the same entry, neighbour and look give the same rows."""

import re
import time
from collections.abc import Callable, Sequence
from functools import lru_cache
from typing import NamedTuple
from zlib import crc32

from rich.cells import cell_len
from rich.style import Style as RichStyle
from textual.content import Content
from textual.style import Style

from chat_server.protocol.amending import Deleted
from chat_server.protocol.entries import Entry, Spoken
from chat_server.protocol.mentions import Names
from chat_server.protocol.names import name_key
from chat_tui.client.clocks import minute_of, shown
from chat_tui.client.days import whole_day
from chat_tui.client.entry_words import between, told
from chat_tui.client.pending import Pending
from chat_tui.client.timeline import BlockedLines, StatusMessage, TimelineEntry
from chat_tui.language import say, say_count
from chat_tui.ui import beside_lines, markup
from chat_tui.ui.beside_lines import Beside
from chat_tui.ui.markup import Shown, Styles
from chat_tui.ui.wrapping import pieces

GROUP_SECONDS = 300
"""Seconds within which lines by one person belong together, and their name stands once."""

SLOW_SECONDS = 10
"""Seconds after which a line that is not stored yet gets a mark."""

INDENT = 2
"""Columns that a text's further rows are set in by, where there is no gutter."""


class Look(NamedTuple):
    """Everything that rows depend on beside the entry and its neighbour. A new look is a new value."""

    width: int
    time_width: int
    nick_width: int
    time_format: str
    markdown: bool
    me: str
    text: Style
    rich: RichStyle
    dim: Style
    rule: Style
    unread: Style
    failed: Style
    pending: Style
    nicks: tuple[Style, ...]
    parts: Styles
    resolve: Callable[[str], Style]
    mention: Names | None = None
    found: re.Pattern[str] | None = None
    number_width: int = 0
    """Columns of a line's number; 0 where none is shown."""
    beside: Beside = Beside()
    """What stands above and below lines."""

    @property
    def gutter(self) -> int:
        """Columns before the text."""
        return self.time_width + self.number_width + self.nick_width if self.nick_width else 0


class Row(NamedTuple):
    """One row of the screen: what stands in the gutter, text that can be selected, and what is beside it and cannot.

    `joins`: it goes on with the row before. A row that is not `of_line` stands above it for all lines: a day, what is not loaded.
    """

    gutter: Content
    text: Content
    joins: bool = False
    beside: Content = Content("")
    of_line: bool = True

    def marked(self, style: Style, start: int, end: int) -> "Row":
        """The row with a part of its text in another style; up to its end, if `end` is -1."""
        return self._replace(text=self.text.stylize(style, start, len(self.text) if end == -1 else end))


class Rows:
    """The rows of one entry: broken now, made when they are asked for."""

    def __init__(
        self, above: list[Row], gutter: Content, text: Shown, look: Look, below: Sequence[Content] = ()
    ) -> None:
        """Put a text in rows, under those that stand above it, and over what is `below`; the first with its gutter."""
        self._above, self._below = above, below
        self._gutter = gutter
        self._blank = Content(" " * (look.gutter or INDENT))
        self._text = text
        self._length = len(text.text)
        self._pieces = pieces(text.text, max(2, look.width - len(self._blank)))

    def __len__(self) -> int:
        """How many there are."""
        return len(self._above) + len(self._pieces) + len(self._below)

    def __getitem__(self, number: int) -> Row:
        """Make one of them."""
        if number < len(self._above):
            return self._above[number]
        if number >= len(self._above) + len(self._pieces):
            beside = self._below[number - len(self._above) - len(self._pieces)]
            return Row(self._blank, Content(""), beside=beside)
        start, end, joins = self._pieces[number - len(self._above)]
        gutter = self._blank if number > len(self._above) else self._gutter
        return Row(gutter, self._text.content(start, end), joins)

    def said(self, start: tuple[int, int], end: tuple[int, int] | None = None) -> str:
        """What was said from one place (its row, its column) to another, or to the end; nothing where only what stands above it is."""
        last = self._place(*end) if end is not None else self._length
        return self._text.said(max(self._place(*start), 0), last) if last >= 0 else ""

    def _place(self, row: int, column: int) -> int:
        number = row - len(self._above)
        if number < 0:
            return -1
        if number >= len(self._pieces):
            return self._length
        start, end, _ = self._pieces[number]
        if column < 0 and number == len(self._pieces) - 1:
            return self._length  # spaces at the end, for which its row has no room, too
        return end if column < 0 else min(start + column, end)


def columns(width: int, time_format: str) -> tuple[int, int]:
    """How wide the columns of times and of nicks are: (0, 0) where there is no place for columns."""
    if width < 44:  # noqa: PLR2004 - what is left for the text is too little below
        return 0, 0
    return (cell_len(time.strftime(time_format, (2026, 12, 30, 22, 48, 48, 2, 364, 0))) + 1), (10 if width < 64 else 14)  # noqa: PLR2004


@lru_cache(4096)
def _clock(minute: int, time_format: str) -> str:
    return time.strftime(time_format, shown(minute * 60))


@lru_cache(4096)
def _day(quarter: int) -> tuple[int, int, int]:
    at = shown(quarter * 900)
    return at.tm_year, at.tm_mon, at.tm_mday


def day_of(at: float) -> tuple[int, int, int]:
    """The day, on the reader's calendar, of a time in seconds since 1970. No zone changes it but at a quarter of an hour."""
    return _day(minute_of(at) // 15)


def nick_style(nick: str, styles: tuple[Style, ...]) -> Style:
    """The colour of a name: always the same one."""
    return styles[crc32(name_key(nick).encode()) % len(styles)] if styles else Style(bold=True)


def is_grouped(entry: TimelineEntry | Pending, before: TimelineEntry | Pending | None, me: str) -> bool:
    """Whether the name need not be said again."""
    return (
        before is not None
        and not isinstance(before, StatusMessage | BlockedLines)
        and not isinstance(entry, StatusMessage | BlockedLines)
        and not _kind(before).shape.sign
        and not _kind(entry).shape.sign
        and author(entry, me) == author(before, me)
        and (isinstance(entry, Pending) or isinstance(before, Pending) or entry.mark == before.mark)
        and entry.at - before.at < GROUP_SECONDS
        and day_of(entry.at) == day_of(before.at)
    )


def author(entry: Entry | Pending, me: str) -> str:
    """Whose line it is."""
    return me if isinstance(entry, Pending) else entry.nick


def rows_of(
    entry: TimelineEntry | Pending,
    before: TimelineEntry | Pending | None,
    look: Look,
    *,
    is_first_unread: bool = False,
    missing: int = 0,
    quoted: Entry | None = None,
    is_read: bool = False,
    now: float = 0.0,
) -> Rows:
    """The rows of an entry, with what stands above it.

    Args:
        entry: a line, a status message, or what is not stored yet.
        before: the entry before, if it is known.
        look: how things look.
        is_first_unread: whether a rule between read and unread stands above it.
        missing: how many lines before it are not loaded.
        quoted: the line to which it replies, if that is known.
        is_read: whether it is the newest of the user's that the other of a conversation has read.
        now: the time, for what takes too long.

    """
    rows: list[Row] = []
    if missing:
        rows.append(_rule(say_count("{number} earlier line", "{number} earlier lines", missing), look, look.dim, "·"))
    if before is None or day_of(entry.at) != day_of(before.at):
        rows.append(_rule(_long_day(entry.at), look, look.rule, "─"))
    if is_first_unread:
        rows.append(_rule(say("new"), look, look.unread, "─"))
    if isinstance(entry, StatusMessage | BlockedLines):
        message = Shown(entry.text)
        is_error, has_time = (entry.is_error, entry.has_time) if isinstance(entry, StatusMessage) else (False, True)
        message.paint_all(look.failed if is_error else look.dim)
        clock = _clock(minute_of(entry.at), look.time_format) if has_time and look.gutter else ""
        return Rows(rows, Content.styled(clock.ljust(look.gutter), look.dim), message, look)
    if re := replies_to(entry):
        rows.append(_reply(re, entry.whom if isinstance(entry, Spoken) else "", quoted, look))
    grouped = not rows and is_grouped(entry, before, look.me)
    text = _text(entry, look)
    below = _below(entry, text, look)
    if isinstance(entry, Pending):
        text.add_after(_mark(entry, look, now))
    elif is_read:
        text.add_after(Content.styled("  " + say("read"), look.dim))
    if not look.gutter:
        if not grouped:
            text.add_before(_inline_name(entry, look))
        text.add_before(_number(entry, look))
        return Rows(rows, Content(""), text, look, below)
    same_minute = before is not None and grouped and minute_of(entry.at) == minute_of(before.at)
    clock = "" if same_minute else _clock(minute_of(entry.at), look.time_format)
    before_name = Content.styled(clock.ljust(look.time_width), look.dim) + _number(entry, look)
    return Rows(rows, before_name + _name(entry, look, is_shown=not grouped), text, look, below)


def replies_to(entry: TimelineEntry | Pending) -> int:
    """The number of the line to which an entry replies; 0: to none."""
    return entry.re if isinstance(entry, Pending | Spoken) else 0


def _reply(re: int, whom: str, quoted: Entry | None, look: Look) -> Row:
    blank = Content(" " * look.gutter)
    whose = quoted.nick if quoted is not None else whom
    name = look.beside.called if whose and whose == look.me else nick_style(whose, look.nicks) + Style(bold=True)
    return Row(
        blank,
        Content(""),
        beside=beside_lines.reply(re, quoted, name, look.width - look.gutter, look.beside, whom=whom),
    )


def _below(entry: Entry | Pending, text: Shown, look: Look) -> list[Content]:
    """What stands below a line; and behind its text, that it was edited."""
    if not isinstance(entry, Spoken):
        return []
    if entry.edited:
        text.add_after(Content.styled("  " + say("edited"), look.dim))
    return beside_lines.reactions(entry.reactions, look.me, look.width - (look.gutter or INDENT), look.beside)


def _kind(entry: Entry | Pending) -> type[Entry]:
    return entry.kind if isinstance(entry, Pending) else type(entry)


def _number(entry: Entry | Pending, look: Look) -> Content:
    """The line's number, as sentences have it; what is not stored yet has none."""
    if not look.number_width:
        return Content("")
    number = "" if isinstance(entry, Pending) else f"#{entry.seq} "
    return Content.styled(number.rjust(look.number_width if look.gutter else 0), look.dim)


def _name(entry: Entry | Pending, look: Look, *, is_shown: bool) -> Content:
    if not is_shown:
        return Content(" " * look.nick_width)
    if sign := _kind(entry).shape.sign:  # in the place of a speaker's name
        return Content.styled(f"{sign} ".rjust(look.nick_width), look.dim)
    nick = author(entry, look.me)
    mark = _mark_behind(entry)
    width = look.nick_width - 1 - len(mark)
    cut = nick if cell_len(nick) <= width else _cut(nick, width - 1) + "…"
    style = look.pending if isinstance(entry, Pending) else nick_style(nick, look.nicks)
    return Content.assemble(" " * (width - cell_len(cut)), (cut, style + Style(bold=True)), (mark, look.dim), " ")


def _inline_name(entry: Entry | Pending, look: Look) -> Content:
    if sign := _kind(entry).shape.sign:
        return Content.styled(f"{sign} ", look.dim)
    nick = author(entry, look.me)
    return Content.assemble(
        (nick, nick_style(nick, look.nicks) + Style(bold=True)), (_mark_behind(entry), look.dim), ": "
    )


def _mark_behind(entry: Entry | Pending) -> str:
    return "" if isinstance(entry, Pending) else entry.mark


def _cut(text: str, width: int) -> str:
    while cell_len(text) > width:
        text = text[:-1]
    return text


def _text(entry: Entry | Pending, look: Look) -> Shown:
    kind = _kind(entry)
    is_mine = isinstance(entry, Pending) or entry.nick == look.me
    is_told = not isinstance(entry, Pending) and (kind.request is None or not entry.text)  # by the server, in its words
    said = told(entry) if not isinstance(entry, Pending) and is_told else entry.text
    text = markup.shown(
        said,
        look.parts,
        resolve=look.resolve,
        is_markdown=look.markdown,
        mention=look.mention if kind.alerts and not is_mine else None,
        found=look.found,
    )
    if isinstance(entry, Pending):
        text.paint_all(look.failed if entry.why else look.pending)
    elif kind is Deleted:
        text.paint_all(look.dim)
    if kind.shape.sign:
        nick = author(entry, look.me)
        text.add_before(
            Content.assemble(
                (nick, nick_style(nick, look.nicks)),
                (_mark_behind(entry), look.dim),
                " " if is_told else between(kind.shape),
            )
        )
    return text


def _mark(entry: Pending, look: Look, now: float) -> Content:
    if entry.why:
        return Content.styled(
            "  ✗ " + say("{why} (Alt+R sends it again, Alt+D takes it back)", why=entry.why), look.failed
        )
    return Content.styled("  … " + say("waiting") if now - entry.at > SLOW_SECONDS else "  …", look.dim)


def _long_day(at: float) -> str:
    day = shown(at)
    return whole_day(day)


def _rule(text: str, look: Look, style: Style, line: str) -> Row:
    left = max(1, (look.width - cell_len(text) - 2) // 2)
    right = max(1, look.width - cell_len(text) - 2 - left)
    return Row(Content.styled(f"{line * left} {text} {line * right}", style), Content(""), of_line=False)
