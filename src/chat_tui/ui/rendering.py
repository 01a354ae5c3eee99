"""How one entry of a timeline looks: in which rows, with which gutter. Pure: the same entry, neighbour and look give the same rows."""

import time
from functools import lru_cache

from rich.cells import cell_len
from textual.content import Content
from textual.style import Style

from chat_server.protocol.amending import Deleted
from chat_server.protocol.entries import Acted, Entry, Spoken
from chat_server.protocol.names import name_key
from chat_tui.client.clocks import minute_of, shown
from chat_tui.client.entry_words import between, told
from chat_tui.client.pending import Pending
from chat_tui.client.timeline_entries import BlockedLines, StatusMessage, TimelineEntry
from chat_tui.language import say
from chat_tui.ui import beside_lines, markup
from chat_tui.ui.above_lines import rows_above
from chat_tui.ui.line_rows import NO_ENDS, Ends, Rows
from chat_tui.ui.markup import Shown
from chat_tui.ui.row import GAP, MARK, Look, Row, Spacing

_NOTHING = Content("")

GROUP_SECONDS = 300
"""Seconds within which lines by one person belong together, and their name stands once."""

TIME_MINUTES = 5
"""Minutes of the clock of which one entry has a time beside it, the first. It divides a quarter of an hour, so it is the same in every zone."""

TIME_PAUSE_SECONDS = 120
"""Seconds without a word after which the next line has a time beside it."""

AGAIN = "·"
"""What stands where names end beside a further line of somebody."""

PAUSE_SECONDS = 1800
"""Seconds without a word after which another talk begins."""

SLOW_SECONDS = 10
"""Seconds after which a line that is not stored yet gets a mark."""


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


def nick_style(nick: str, look: Look) -> Style:
    """The colour of the name of somebody who talks."""
    return look.nicks[look.hues.talks(nick, len(look.nicks))]


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
    unread: int = 0,
    missing: str = "",
    quoted: Entry | None = None,
    deleter: str = "",
    is_read: bool = False,
    now: float = 0.0,
) -> Rows:
    """The rows of an entry, with what stands above it.

    Args:
        entry: a line, a status message, or what is not stored yet.
        before: the entry before, if it is known.
        look: how things look.
        is_first_unread: whether a rule between read and unread stands above it.
        unread: how many lines were unread from there on.
        missing: what there is to say of lines before it that are not loaded; "": there are none.
        quoted: the line to which it replies, if that is known.
        deleter: who has deleted it, if that is known.
        is_read: whether it is the newest of the user's that the other of a conversation has read.
        now: the time, for what takes too long, and for which day is today.

    """
    is_grouped_here = is_grouped(entry, before, look.me) and not replies_to(entry)
    is_new_day = before is None or day_of(entry.at) != day_of(before.at)
    # What stands without a time was said soon after the one above it: to have one in every row is what one would read first.
    shows_time = is_new_day or is_first_unread or bool(missing) or _is_due(entry, before)
    is_on_rule = look.grid.is_tight and (is_new_day or is_first_unread)
    above = rows_above(
        look,
        missing=missing,
        day=entry.at if is_new_day else None,
        unread=unread if is_first_unread else None,
        now=now,
        is_first=before is None,
        is_apart=_is_apart(entry, before, look.spacing, is_grouped=is_grouped_here),
        clock=_clock(minute_of(entry.at), look.time_format) if is_on_rule else "",
    )
    shows_time = shows_time and not is_on_rule
    if isinstance(entry, StatusMessage | BlockedLines):
        return _status_rows(entry, above, look, shows_time=shows_time)
    is_first = not is_grouped_here or bool(above)
    text = _text(entry, look, deleter)
    below = _below(entry, text, look)
    if isinstance(entry, Pending):
        text.add_after(_mark(entry, look, now))
    elif is_read:
        text.add_after(Content.styled("  " + say("read"), look.dim))
    is_called = text.calls or _answers(entry, quoted, look.me)
    ends = _ends(entry, look, shows_time=shows_time or (is_called and not is_on_rule))
    gutter = _name(entry, look, is_shown=is_first)
    if re := replies_to(entry):
        above.append(_reply(re, entry, quoted, look, ends))
        ends, gutter = NO_ENDS, Content(" " * (look.grid.gutter + (0 if look.grid.name else GAP)))
    if not look.grid.name:
        text.add_before(_number(entry, look) + (_inline_name(entry, look) if is_first and not re else ""))
    return Rows(above, gutter, text, look, below, ends=ends, is_called=is_called)


def _is_due(entry: TimelineEntry | Pending, before: TimelineEntry | Pending | None) -> bool:
    """Whether an entry has a time beside it for when it was said: the first of some minutes, or after a pause."""
    return _slot(entry) != _slot(before) or (before is not None and entry.at - before.at >= TIME_PAUSE_SECONDS)


def _ends(entry: TimelineEntry | Pending, look: Look, *, shows_time: bool) -> Ends:
    """What stands at the right of it."""
    marked = _end(entry, look)
    return Ends(marked if shows_time else _end(entry, look, shows_time=False) if look.grid.number else _NOTHING, marked)


def _slot(entry: TimelineEntry | Pending | None) -> int:
    """Which five minutes an entry is of, if it may have a time."""
    if entry is None or (isinstance(entry, StatusMessage) and not entry.has_time):
        return -1
    return minute_of(entry.at) // TIME_MINUTES


def _status_rows(entry: StatusMessage | BlockedLines, above: list[Row], look: Look, *, shows_time: bool = True) -> Rows:
    """What the program says itself: softly, with its arrow where names stand."""
    words = entry.text
    is_error, has_time = (entry.is_error, entry.has_time) if isinstance(entry, StatusMessage) else (False, True)
    has_arrow = words[:2] in ("→ ", "← ") and look.grid.name
    message = Shown(words[2:] if has_arrow else words)
    message.paint_all(look.failed if is_error else look.dim)
    gutter = _at_edge(Content.styled(words[0], look.dim) if has_arrow else _NOTHING, look)
    ends = _ends(entry, look, shows_time=shows_time) if has_time else NO_ENDS
    return Rows(above, gutter, message, look, ends=ends)


def _is_apart(
    entry: TimelineEntry | Pending, before: TimelineEntry | Pending | None, spacing: Spacing, *, is_grouped: bool
) -> bool:
    """Whether an empty row parts it from the entry before."""
    if before is None or spacing is Spacing.COMPACT:
        return False
    if spacing is Spacing.COSY:
        return not is_grouped and not (_is_quiet(entry) and _is_quiet(before))
    return entry.at - before.at >= (GROUP_SECONDS if spacing is Spacing.AIRY else PAUSE_SECONDS)


def _is_quiet(entry: TimelineEntry | Pending | None) -> bool:
    """Whether it is one of those that nobody says: they stand together."""
    return entry is not None and (isinstance(entry, StatusMessage | BlockedLines) or bool(_kind(entry).shape.sign))


def _answers(entry: Entry | Pending, quoted: Entry | None, me: str) -> bool:
    """Whether somebody else replies to the reader."""
    if not isinstance(entry, Spoken) or entry.nick == me:
        return False
    return (quoted.nick if quoted is not None else entry.whom) == me


def replies_to(entry: TimelineEntry | Pending) -> int:
    """The number of the line to which an entry replies; 0: to none."""
    return entry.re if isinstance(entry, Pending | Spoken) else 0


def _reply(re: int, entry: Entry | Pending, quoted: Entry | None, look: Look, ends: Ends) -> Row:
    """The first row of a reply: who speaks, and to which line."""
    whom = entry.whom if isinstance(entry, Spoken) else ""
    name = look.beside.called if (quoted.nick if quoted is not None else whom) == look.me else look.dim
    speaker = _NOTHING if look.grid.name else _inline_name(entry, look)
    width = look.grid.text_beside(ends.marked.cell_length) - speaker.cell_length
    beside = speaker + beside_lines.reply(re, quoted, name, width, look.beside, whom=whom)
    return Row(_name(entry, look, is_shown=True), _NOTHING, beside=beside, end=ends.shown, marked_end=ends.marked)


def _below(entry: Entry | Pending, text: Shown, look: Look) -> list[Content]:
    """What stands below a line; and after its text, that it was edited."""
    if not isinstance(entry, Spoken):
        return []
    if entry.edited:
        text.add_after(Content.styled("  " + say("edited"), look.dim))
    width = look.grid.text - (0 if look.grid.name else GAP)
    return beside_lines.reactions(entry.reactions, look.me, width, look.beside)


def _kind(entry: Entry | Pending) -> type[Entry]:
    return entry.kind if isinstance(entry, Pending) else type(entry)


def _number(entry: Entry | Pending, look: Look) -> Content:
    """The line's number where names stand before texts, as sentences have it; what is not stored yet has none."""
    number = "" if isinstance(entry, Pending) or not look.grid.number else f"#{entry.seq} "
    return Content.styled(number, look.dim)


def _end(entry: TimelineEntry | Pending, look: Look, *, shows_time: bool = True) -> Content:
    """The number of a line, and its time."""
    grid = look.grid
    seq = getattr(entry, "seq", None) if not isinstance(entry, StatusMessage | BlockedLines) else None
    number = f"#{seq}" if seq is not None and grid.number and grid.name else ""  # else it stands before the text
    if grid.is_tight and grid.number and grid.name:
        return Content.styled(number, look.dim)
    clock = _clock(minute_of(entry.at), look.time_format) if shows_time else " " * grid.time
    return Content.styled(f"{number.rjust(grid.number)} {clock}" if grid.number and grid.name else clock, look.dim)


def _at_edge(content: Content, look: Look) -> Content:
    """Something that ends where names end."""
    if not look.grid.name:
        return Content(" " * MARK)
    return " " * (MARK + look.grid.name - content.cell_length) + content + " " * GAP


def _name(entry: Entry | Pending, look: Look, *, is_shown: bool) -> Content:
    if not is_shown:
        again = Content.styled(AGAIN, look.dim)
        return _at_edge(again, look) if look.grid.name else " " * MARK + again + " " * (GAP - 1)
    if not look.grid.name:
        return Content(" " * MARK)
    if sign := _kind(entry).shape.sign:  # in the place of a speaker's name
        return _at_edge(Content.styled(sign, look.dim), look)
    nick = author(entry, look.me)
    mark = entry.mark
    width = look.grid.name - len(mark)
    cut = nick if cell_len(nick) <= width else _cut(nick, width - 1) + "…"
    style = look.pending if isinstance(entry, Pending) else _whose(nick, look)
    return _at_edge(Content.assemble((cut, style + Style(bold=True)), (mark, look.dim)), look)


def _whose(nick: str, look: Look) -> Style:
    """The colour of a name; the reader's own is the one without."""
    return Style() if nick == look.me else nick_style(nick, look)


def _inline_name(entry: Entry | Pending, look: Look) -> Content:
    if sign := _kind(entry).shape.sign:
        return Content.styled(f"{sign} ", look.dim)
    nick = author(entry, look.me)
    return Content.assemble((nick, _whose(nick, look) + Style(bold=True)), (entry.mark, look.dim), " " * GAP)


def _deleted_by(deleter: str, nick: str) -> str:
    if name_key(deleter) == name_key(nick):
        return say("deleted this line")
    return say("said something that {nick} deleted", nick=deleter)


def _cut(text: str, width: int) -> str:
    while cell_len(text) > width:
        text = text[:-1]
    return text


def _text(entry: Entry | Pending, look: Look, deleter: str = "") -> Shown:
    kind = _kind(entry)
    is_mine = isinstance(entry, Pending) or entry.nick == look.me
    is_told = not isinstance(entry, Pending) and (kind.request is None or not entry.text)  # by the server, in its words
    said = told(entry) if not isinstance(entry, Pending) and is_told else entry.text
    if kind is Deleted and deleter:
        said = _deleted_by(deleter, author(entry, look.me))
    text = markup.shown(
        said,
        look.parts,
        resolve=look.resolve,
        is_markdown=look.markdown,
        mention=look.mention if kind.alerts and not is_mine else None,
        found=look.found,
    )
    if isinstance(entry, Pending):
        if not entry.why:
            text.paint_all(look.pending)
    elif kind is Deleted:
        text.paint_all(look.dim + Style(italic=True))
    elif kind is Acted:
        text.paint_all(Style(italic=True))
    if kind.shape.sign:
        nick = author(entry, look.me)
        text.add_before(
            Content.assemble(
                (nick, _whose(nick, look)),
                (entry.mark, look.dim),
                " " if is_told else between(kind.shape),
            )
        )
    return text


def _mark(entry: Pending, look: Look, now: float) -> Content:
    if entry.why:
        keys = say("Alt+R sends it again, Alt+D takes it back")
        return Content.assemble(("  ✗ " + say("not sent: {why}", why=entry.why), look.failed), (f"  {keys}", look.dim))
    return Content.styled("  … " + say("waits") if now - entry.at > SLOW_SECONDS else "  …", look.dim)
