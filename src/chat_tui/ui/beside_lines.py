"""What stands beside a line that was said: above it, to which it replies; below it, how people have reacted. Pure.

Never knows which lines are known, nor what a click does.
"""

from collections.abc import Iterable, Sequence
from functools import lru_cache
from typing import NamedTuple

from rich.cells import cell_len
from textual.content import Content
from textual.style import Style

from chat_server.protocol.amending import Reaction
from chat_server.protocol.entries import Entry, Spoken
from chat_server.protocol.signs import name_of_sign
from chat_tui.client.markdown import unmarked

QUOTE_MAX = 200
"""Characters of the line to which one replies that are looked at: more than a row has."""

SIGN_MAX = 24
"""Columns of one sign. An emoji has two; a name of one, or what a hostile server calls one, any number."""

TARGET, SIGN = "line", "sign"
"""What a click finds under it: the number of the line to go to, or the sign to react with."""


class Beside(NamedTuple):
    """How it looks."""

    faint: Style = Style(dim=True)
    quote: Style = Style(dim=True)
    sign: Style = Style()
    own: Style = Style(bold=True)
    called: Style = Style(bold=True)
    """The reader's own name, where somebody replies to them."""
    is_markdown: bool = True
    """Whether marks in a text are read as such."""
    has_emoji: bool = True
    """Whether the terminal shows emoji; else their names stand there."""
    has_tints: bool = True
    """Whether a tint can tell one's own reactions from others'; else brackets do too."""


def reply(re: int, quoted: Entry | None, name: Style, width: int, looks: Beside, *, whom: str = "") -> Content:
    """To which line one replies, in one row: who has said it and how it begins; of one that is not here its number, and whose it is if known."""
    to = Style.from_meta({TARGET: re})
    row = Content.styled("╭ ", looks.faint)
    if not isinstance(quoted, Spoken):
        is_told = whom and quoted is None
        row += Content.assemble((whom if is_told else "", name), ("  " if is_told else "", ""), (f"#{re}", looks.quote))
    else:
        text = quoted.text[:QUOTE_MAX]
        begins = " ".join((unmarked(text) if looks.is_markdown else text).split())
        row += Content.assemble((f"{quoted.nick}{quoted.mark}", name), ("  ", ""), (begins, looks.quote))
    return row.truncate(max(4, width), ellipsis=True).stylize(to)


def reactions(given: Sequence[Reaction], me: str, width: int, looks: Beside) -> list[Content]:
    """How people have reacted: each sign with how many have, in as many rows as it takes."""
    rows: list[Content] = []
    for chip in _chips(given, me, looks):
        if rows and rows[-1].cell_length + 1 + chip.cell_length <= width:
            rows[-1] += " " + chip
        else:
            rows.append(chip.truncate(max(4, width), ellipsis=True))
    return rows


def _chips(given: Iterable[Reaction], me: str, looks: Beside) -> Iterable[Content]:
    for one in given:
        if not one.nicks:
            continue
        is_own = me in one.nicks
        shown = _cut(one.sign if looks.has_emoji else f":{name_of_sign(one.sign)}:")
        left, right = ("[", "]") if is_own and not (looks.has_tints and looks.has_emoji) else (" ", " ")
        yield Content.styled(f"{left}{shown} {len(one)}{right}", looks.own if is_own else looks.sign).stylize(
            Style.from_meta({SIGN: one.sign})
        )


@lru_cache(256)
def _cut(sign: str) -> str:
    sign = " ".join(sign.split())
    while cell_len(sign) > SIGN_MAX:
        sign = sign[:-1]
    return sign
