"""What the terminal shows, cell by cell, so that it is told only what changes: Textual writes all that it draws, a window that opens four times.

Knows Textual's updates and how a terminal is written to. Never knows what is drawn, nor why.
"""

import re
from collections.abc import Iterable, Iterator
from functools import lru_cache
from itertools import groupby, repeat
from operator import itemgetter
from typing import Any, NamedTuple

from rich.cells import split_graphemes
from rich.color import ColorSystem
from rich.console import Console, RenderableType
from textual._compositor import ChopsUpdate, CompositorUpdate, LayoutUpdate
from textual.app import App
from textual.events import Resize
from textual.screen import Screen
from textual.strip import Strip

from chat_tui.ui.pinned import is_pinned
from chat_tui.ui.screens.box import SOME, TALL

NEAR = 8
"""So many cells that stay are written once more: to go past them takes as many bytes."""

BLANK = 8
"""From so many blank cells on it is shorter to erase the rest of a row and to go past them."""

_ONE_CELL = re.compile(
    "[ -~\u00a0-\u00ac\u00ae-\u02ff\u0370-\u052f\u2010-\u2027\u2030-\u205e\u20a0-\u20bf\u2190-\u25ff\u276f]*"
)
"""Characters of which every terminal knows that they take one cell. A row with any other is written as a whole."""


class Pen(NamedTuple):
    """How cells are written."""

    attributes: str
    colour: str
    background: str
    link: str


PLAIN = Pen("", "", "", "")
_Cell = tuple[str, Pen]
_Part = tuple[int, int, int, list[Strip]]  # the row, from which column to which, and what
_UNKNOWN: _Cell = ("", PLAIN)
_NOT_BLANK = {"4", "5", "6", "7", "9", "21", "51", "52", "53"}
"""Attributes that are seen where nothing stands."""


@lru_cache(maxsize=2048)
def _pen(codes: str, link: str, *, is_blank: bool) -> Pen:
    attributes, colour, background = [], "", ""
    parts = iter(codes.split(";") if codes else ())
    for part in parts:
        if part in ("38", "48"):
            kind = next(parts)
            whole = ";".join([part, kind, *(next(parts) for _ in range(3 if kind == "2" else 1))])
            colour, background = (whole, background) if part == "38" else (colour, whole)
        elif re.fullmatch("3[0-7]|9[0-7]", part):
            colour = part
        elif re.fullmatch("4[0-7]|10[0-7]", part):
            background = part
        elif part not in ("39", "49"):
            attributes.append(part)
    if is_blank and _NOT_BLANK.isdisjoint(attributes):
        attributes, colour = [], ""
    return Pen(";".join(attributes), colour, background, link)


def _change(before: Pen, after: Pen) -> str:
    """What has the terminal write with one pen after another."""
    written = ""
    if before.link != after.link:
        written = f"\x1b]8;{_name_of(after.link)};{after.link}\x1b\\"
    if before[:3] == after[:3]:
        return written
    if after[:3] == PLAIN[:3]:
        return f"{written}\x1b[m"
    codes = []
    if before.attributes != after.attributes:
        if before.attributes:
            before, codes = PLAIN, ["0"]
        codes += [after.attributes] if after.attributes else []
    if before.colour != after.colour:
        codes.append(after.colour or "39")
    if before.background != after.background:
        codes.append(after.background or "49")
    return f"{written}\x1b[{';'.join(codes)}m"


def _name_of(link: str) -> str:
    """What tells a terminal which pieces, of one row and the next, are one link: the same each time that it is drawn, which Rich's is not."""
    return f"id={hash(link) & 0xFFFFFFFF}" if link else ""


def _cells(strip: Strip, colours: ColorSystem) -> Iterator[_Cell]:
    for text, style, control in strip:
        if control or not text:
            continue
        codes = link = ""
        if style is not None:
            codes = style._ansi or style._make_ansi_codes(colours)  # noqa: SLF001 - as Textual's own writing does
            link = style.link or ""
        pen = _pen(codes, link, is_blank=not text.strip(" "))
        if _ONE_CELL.fullmatch(text):
            yield from zip(text, repeat(pen))
        else:  # a character at its first cell, and nothing at the others
            for start, end, width in split_graphemes(text)[0]:
                if width:
                    yield text[start:end], pen
                    yield from repeat(("", pen), width - 1)


class OnTerminal:
    """What the terminal shows, as far as it is known."""

    def __init__(self) -> None:
        self._rows: list[list[_Cell]] = []
        self._size = 0, 0

    def forget(self) -> None:
        """The terminal may show anything: all that is drawn from now on is written."""
        self._size = 0, 0

    def changed(self, update: CompositorUpdate) -> CompositorUpdate:
        """An update that writes what the terminal does not show yet."""
        return _Changes(self, update)

    def written(self, update: CompositorUpdate, console: Console) -> str:
        """What has the terminal show an update, as of now."""
        parts: Iterable[_Part]
        if type(update) is ChopsUpdate:
            self._fit(update.chop_ends[0][-1], len(update.chops))
            parts = _parts(update)
        elif type(update) is LayoutUpdate and not update.region.offset:
            self._fit(*update.region.size)
            parts = ((row, 0, self._size[0], _joined(strips)) for row, strips in enumerate(update.strips))
        else:
            self.forget()
            return update.render_segments(console)
        writing: list[str] = []
        pen = PLAIN
        for row, before in self._draw(parts, console._color_system or ColorSystem.TRUECOLOR):  # noqa: SLF001 - as Textual does
            pen = _write_row(writing, pen, row, before, self._rows[row])
        writing.append(_change(pen, PLAIN))
        return "".join(writing)

    def _fit(self, width: int, height: int) -> None:
        if self._size != (width, height):
            self._size = width, height
            self._rows = [[_UNKNOWN] * width for _ in range(height)]

    def _draw(self, parts: Iterable[_Part], colours: ColorSystem) -> Iterator[tuple[int, list[_Cell]]]:
        """Note what is drawn now. Gives rows that are others than before, and how they were."""
        for row, some in groupby(parts, key=itemgetter(0)):
            before = self._rows[row]
            after = before.copy()
            for _, x, end, strips in some:
                cells = [cell for strip in strips for cell in _cells(strip, colours)][: end - x]
                _cut(after, x)
                _cut(after, x + len(cells))
                after[x : x + len(cells)] = cells
            if after != before:
                self._rows[row] = after
                yield row, before


def _cut(row: list[_Cell], at: int) -> None:
    """Have blanks instead of a character that stands on both sides of a place: what is drawn on one of them leaves nothing of it."""
    if at >= len(row) or not _goes_on(row[at]):
        return
    begin = next(before for before in range(at, -1, -1) if not _goes_on(row[before]))
    end = next((after for after in range(at, len(row)) if not _goes_on(row[after])), len(row))
    row[begin:end] = [(" ", pen) for _, pen in row[begin:end]]


def _goes_on(cell: _Cell) -> bool:
    """Whether this is the second or a further cell of a character."""
    return not cell[0] and cell is not _UNKNOWN


def _joined(strips: Iterable[Strip | None]) -> list[Strip]:
    return [strip for strip in strips if strip is not None]


def _parts(update: ChopsUpdate) -> Iterator[_Part]:
    for row, begin, end in update.spans:
        for ends_at, (x, strip) in zip(update.chop_ends[row], update.chops[row].items(), strict=False):
            if strip is not None and x < end and ends_at > begin:
                yield row, x, ends_at, [strip]


def _is_wide(cell: _Cell) -> bool:
    return len(cell[0]) != 1 and cell is not _UNKNOWN


def _spans(before: list[_Cell], after: list[_Cell]) -> list[tuple[int, int]]:
    """From where to where a row is to be written."""
    if any(map(_is_wide, before)) or any(map(_is_wide, after)):
        wanted = [at for at, cell in enumerate(after) if cell is not _UNKNOWN]
        near = 0
    else:
        wanted = [at for at, (old, new) in enumerate(zip(before, after, strict=True)) if old != new]
        near = NEAR
    spans: list[tuple[int, int]] = []
    for at in wanted:
        if spans and at - spans[-1][1] <= near and _UNKNOWN not in after[spans[-1][1] : at]:
            spans[-1] = spans[-1][0], at + 1
        else:
            spans.append((at, at + 1))
    return spans


def _write_row(writing: list[str], pen: Pen, row: int, before: list[_Cell], after: list[_Cell]) -> Pen:
    """Write what differs, with this pen at first. Returns the last one."""
    for begin, end in _spans(before, after):
        writing.append(f"\x1b[{row + 1};{begin + 1}H" if begin else f"\x1b[{row + 1}H")
        at, is_erased = begin, False
        for wanted, cells in groupby(after[begin:end], key=itemgetter(1)):
            letters = [letter for letter, _ in cells]
            text = "".join(letters)
            at += len(letters)
            if wanted == PLAIN and end == len(after) and len(letters) >= BLANK and not text.strip(" "):
                if not is_erased:
                    writing += _change(pen, PLAIN), "\x1b[K"
                    pen, is_erased = PLAIN, True
                if at < end:
                    writing.append(f"\x1b[{len(letters)}C")
                continue
            writing += _change(pen, wanted), text
            pen = wanted
            if at < end and any(len(letter) != 1 for letter in letters):  # whatever place the terminal gives to it
                writing.append(f"\x1b[{row + 1};{at + 1}H")
    return pen


class _Changes(CompositorUpdate):
    def __init__(self, terminal: OnTerminal, update: CompositorUpdate) -> None:
        self._terminal, self._update = terminal, update

    def render_segments(self, console: Console) -> str:
        return self._terminal.written(self._update, console)


class WritesChanges(App[None]):
    """A program that tells the terminal what it does not show yet, and draws a window that opens once."""

    def __init__(self, **settings: Any) -> None:
        super().__init__(**settings)
        self.on_terminal = OnTerminal()

    def _display(self, screen: Screen[Any], renderable: RenderableType | None) -> None:
        if isinstance(renderable, CompositorUpdate) and is_pinned():
            renderable = self.on_terminal.changed(renderable)
        super()._display(screen, renderable)

    def on_resize(self, event: Resize) -> None:
        """The terminal has another size, and may have moved or forgotten what it showed."""
        self.on_terminal.forget()
        self.update_classes(_height_classes(event.size.height), animate=False)

    def action_redraw(self) -> None:
        """Draw the screen again, if something else has written on it."""
        self.on_terminal.forget()
        self.refresh(layout=True)

    def note_height(self) -> None:
        """Have the classes for so many rows before anything is drawn."""
        self.update_classes(_height_classes(self.size.height), update=False)


def _height_classes(height: int) -> dict[str, bool]:
    """The classes for so many rows. The app has them: Textual gives them to a screen once that has been drawn, and draws it once more."""
    return {"-few-rows": height < SOME, "-some-rows": SOME <= height < TALL, "-many-rows": height >= TALL}
