"""The row on which a line is edited: what is drawn of it.

Pure. Knows the terminal's width and charset, and no more of it than ECMA-48's erase and cursor sequences. Never knows keys.

The line stands on the last row, after a prompt, and takes one row whatever its length: a longer one scrolls sideways. Whatever else is
written goes through `around`, which takes the row away and draws it again below.
"""

from collections.abc import Callable

from chat_server.protocol.choices import UTF_8
from chat_server.wire.charsets import ambiguous_columns, encode, showable
from chat_server.wire.editor.edit_buffer import EditBuffer
from chat_server.wire.render.widths import columns_of, columns_of_grapheme

COLUMNS_MAX = 500
"""Columns that a terminal is believed to have."""

_ROW_WORK = 60
"""What drawing a row costs beside its columns."""

ERASE = b"\r\x1b[K"
_CLEAR = b"\x1b[H\x1b[2J"
_LINE_BREAK = "↵"
_PROMPT = "> "


class Row:
    """One caller's row."""

    __slots__ = (
        "_ambiguous",
        "_charset",
        "_drawn",
        "_due",
        "_is_cursor_at_end",
        "_line",
        "_write",
        "columns",
        "first",
        "is_secret",
        "prompt",
    )

    def __init__(self, line: EditBuffer, columns: int, write: Callable[[bytes], bytes]) -> None:
        """Draw this line on a terminal of so many columns; `write` is what telnet does to bytes on their way out."""
        self._line = line
        self._write = write
        self.columns = min(columns, COLUMNS_MAX)
        self.prompt = _PROMPT
        self.is_secret = False
        """Whether the line is not drawn."""
        self.first = 0
        """The first cell that is shown."""
        self._due = b""  # to be written before the row, which then is redrawn
        self._drawn = b""
        self._is_cursor_at_end = True
        self.charset = UTF_8

    @property
    def charset(self) -> str:
        """The charset of what is drawn."""
        return self._charset

    @charset.setter
    def charset(self, charset: str) -> None:
        self._charset = charset
        self._ambiguous = ambiguous_columns(charset)

    def redraw(self) -> bytes:
        """Redraw the row."""
        return ERASE + self.drawn_anew()

    def around(self, data: bytes) -> bytes:
        """Write whole lines above the row."""
        return b"".join((ERASE, data, self._drawn))

    def prompted(self, prompt: str, *, is_secret: bool = False) -> bytes:
        """Have another prompt; a secret is not drawn, and kept in no history. Return what to write, if anything."""
        if prompt == self.prompt and is_secret == self.is_secret:
            return b""
        self.prompt, self.is_secret = prompt, is_secret
        return self.redraw()

    def clear(self) -> None:
        """Have the screen cleared before the row is drawn again."""
        self._due = _CLEAR

    def drawn_anew(self) -> bytes:
        """The row as it is to be drawn where nothing stands."""
        self._drawn = self._shown_row()
        return self._drawn

    def resized(self, columns: int) -> bytes:
        """The terminal has another width. Return what to write."""
        self.columns = min(columns, COLUMNS_MAX)
        self.first = 0
        # Below the row there may be what a terminal that re-wraps rows has made of its end.
        return b"\r\x1b[J" + self.redraw()

    def refresh(self) -> bytes:
        """Write what has changed; at the end of the row only what is new, which is one character for most keys."""
        before, was_at_end = self._drawn, self._is_cursor_at_end
        self._drawn = self._shown_row()
        if self._due:
            due, self._due = self._due, b""
            return due + self._drawn
        if self._drawn == before:
            return b""
        if was_at_end and self._is_cursor_at_end and self._drawn.startswith(before):
            return self._drawn[len(before) :]
        return ERASE + self._drawn

    def _shown_row(self) -> bytes:
        prompt = showable(self.prompt, self._charset)
        if columns_of(prompt, self._ambiguous) > self.columns // 2 and not self.is_secret:
            prompt = _PROMPT
        if self.is_secret:
            self._is_cursor_at_end = True
            return self._write(encode(prompt, self._charset))
        room = max(self.columns - 1 - columns_of(prompt, self._ambiguous), 2)
        self._scroll(room)
        shown = ["<"] if self.first else []
        width, after_cursor = len(shown), 0
        for index in range(self.first, len(self._line.cells)):
            cell = self._shown(self._line.cells[index])
            needed = columns_of_grapheme(cell, self._ambiguous)
            if width + needed > room:
                break
            shown.append(cell)
            width += needed
            after_cursor += needed if index >= self._line.cursor else 0
        self._is_cursor_at_end = not after_cursor
        self._line.work += self.columns + _ROW_WORK
        row = encode(prompt + "".join(shown), self._charset)
        return self._write(row) + (b"\x1b[%dD" % after_cursor if after_cursor else b"")

    def _scroll(self, room: int) -> None:
        """Choose the first cell that is shown: the same as before if the cursor is in sight from there."""
        cursor = self._line.cursor
        if not self._is_beyond(room, 0):
            self.first = 0
        elif cursor <= self.first:
            self.first = self._back_from(cursor, room // 3)
        elif self._is_beyond(room, self.first):
            self.first = self._back_from(cursor, room * 2 // 3)

    def _is_beyond(self, room: int, first: int) -> bool:
        """Whether the cursor, seen from the first cell that is shown, is out of sight to the right."""
        width = 1 if first else 0
        for cell in self._line.cells[first : self._line.cursor]:
            width += columns_of_grapheme(self._shown(cell), self._ambiguous)
            if width > room:
                return True
        return False

    def _back_from(self, index: int, columns: int) -> int:
        """The cell that is so many columns before this one."""
        while index > 0 and columns > 0:
            index -= 1
            columns -= columns_of_grapheme(self._shown(self._line.cells[index]), self._ambiguous)
        return index

    def _shown(self, cell: str) -> str:
        return showable(_LINE_BREAK if cell == "\n" else cell, self._charset)
