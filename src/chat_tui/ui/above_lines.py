"""What stands above a line for all that come after it: a day, where the unread lines begin, how many are not loaded; and empty rows. Pure."""

from rich.cells import cell_len
from textual.content import Content

from chat_tui.client.clocks import shown
from chat_tui.client.days import heading_of
from chat_tui.language import say
from chat_tui.ui.row import GAP, MARK, Look, Row, Spacing

_EMPTY = Row(Content(""), Content(""), of_line=False)


def rows_above(
    look: Look, *, missing: str, day: float | None, unread: int | None, now: float, is_first: bool, is_apart: bool
) -> list[Row]:
    """Those rows.

    Args:
        look: how things look.
        missing: what there is to say of lines before this one that are not loaded; "": there are none.
        day: when it was said, if no line before it is of that day.
        unread: how many lines are unread from this one on, if it is the first of them; 0: one does not know.
        now: the time.
        is_first: whether nothing is known before it.
        is_apart: whether the line itself stands apart from the one before it.

    """
    rows: list[Row] = []
    if missing:
        rows.append(_row(look, "", Content.styled(missing, look.dim)))
    if day is not None:
        rows.append(_day(look, day, now))
    if unread is not None:
        rows.append(_unread(look, unread))
    has_place = look.spacing in (Spacing.AIRY, Spacing.COSY)
    is_after = not is_first and (is_apart or (has_place and bool(rows)))
    if not rows or not has_place:
        has_space = is_after or (day is not None and not is_first)
        return [_EMPTY, *rows] if has_space else rows
    spaced = [each for row in rows for each in (row, _EMPTY)]
    return [_EMPTY, *spaced] if is_after else spaced


def _row(look: Look, name: str, beside: Content) -> Row:
    """A row with something at the edge of names, if it fits there; else before the rest."""
    width = look.grid.name
    if cell_len(name) <= width:
        gutter = Content.styled(
            " " * (MARK + width - cell_len(name)) + name + (" " * GAP if width else ""), look.unread
        )
    else:
        gutter, beside = Content(" " * look.grid.gutter), Content.styled(name + " ", look.unread) + beside
    return Row(gutter, Content(""), beside=beside.truncate(look.grid.text), of_line=False)


def _day(look: Look, at: float, now: float) -> Row:
    words = heading_of(shown(at), shown(now)) + " "
    return _row(look, "", Content.styled(words, look.day) + _line(look, cell_len(words)))


def _line(look: Look, used: int) -> Content:
    return Content.styled("─" * max(0, look.grid.text - used), look.line)


def _unread(look: Look, count: int) -> Row:
    words = say("{number} new", number=count) if count else say("new")
    used = 0 if cell_len(words) <= look.grid.name else cell_len(words) + 1
    return _row(look, words, Content.styled("─" * max(0, look.grid.text - used), look.unread))
