"""What stands above a line for all that come after it: a day, where the unread lines begin, how many are not loaded; and empty rows. Pure."""

from rich.cells import cell_len
from textual.content import Content
from textual.style import Style

from chat_tui.client.clocks import shown
from chat_tui.client.days import heading_of
from chat_tui.language import say
from chat_tui.ui.row import MARK, Look, Row, Spacing

_EMPTY = Row(Content(""), Content(""), of_line=False)


def rows_above(
    look: Look,
    *,
    missing: str,
    day: float | None,
    unread: int | None,
    now: float,
    is_first: bool,
    is_apart: bool,
    clock: str = "",
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
        clock: the time of the line, where there is no place for it beside that; "": there is.

    """
    rows: list[Row] = []
    if missing:
        rows.append(_row(look, "", Content.styled(missing, look.dim)))
    if day is not None:
        rows.append(_day(look, day, now, clock if unread is None else ""))
    if unread is not None:
        rows.append(_unread(look, unread, clock))
    has_place = look.spacing in (Spacing.AIRY, Spacing.COSY)
    is_after = not is_first and (is_apart or (has_place and bool(rows)))
    if not rows or not has_place:
        has_space = is_after or (day is not None and not is_first)
        return [_EMPTY, *rows] if has_space else rows
    spaced = [each for row in rows for each in (row, _EMPTY)]
    return [_EMPTY, *spaced] if is_after else spaced


def _row(look: Look, name: str, beside: Content) -> Row:
    """A row with something at the edge of names, or as near to it as it has place; if there is none, before the rest."""
    grid = look.grid
    if grid.name and cell_len(name) < grid.gutter:
        left = MARK + grid.name - cell_len(name)
        gutter = Content.styled((" " * left + name).ljust(grid.gutter + len(name) - cell_len(name)), look.unread)
    else:
        gutter = Content(" " * grid.gutter)
        beside = Content.styled(name + " ", look.unread) + beside if name else beside
    return Row(gutter, Content(""), beside=beside.truncate(grid.edge - grid.gutter), of_line=False)


def _rule(look: Look, used: int, style: Style, clock: str) -> Content:
    """A line to the pane's edge, behind so many columns of words; or to a time."""
    end = Content.styled(f" {clock}", look.dim) if clock else Content("")
    width = (look.grid.right if clock else look.grid.edge) - look.grid.gutter - used - end.cell_length
    return Content.styled("─" * max(0, width), style) + end


def _day(look: Look, at: float, now: float, clock: str) -> Row:
    words = heading_of(shown(at), shown(now)) + " "
    return _row(look, "", Content.styled(words, look.day) + _rule(look, cell_len(words), look.line, clock))


def _unread(look: Look, count: int, clock: str) -> Row:
    words = say("{number} new", number=count) if count else say("new")
    is_beside = look.grid.name and cell_len(words) < look.grid.gutter
    return _row(look, words, _rule(look, 0 if is_beside else cell_len(words) + 1, look.unread, clock))
