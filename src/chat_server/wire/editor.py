"""A line that is edited on the caller's terminal: what keys do to it, and what is drawn.

Pure: bytes of keys in; lines, wishes and bytes to draw out. Knows the terminal's width and charset, and no more of it than ECMA-48's erase and
cursor sequences. Never knows telnet, nor what a line means.

The line stands on the last row, behind a prompt, and takes one row whatever its length: a longer one scrolls sideways. Whatever else is
written goes through `around`, which takes the row away and draws it again below. Bytes that were cut anywhere give the same lines and, in the end,
the same screen.
"""

import re
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from enum import Enum
from typing import ClassVar

from msgspec import Struct

from chat_server.clean import clean, clean_lines
from chat_server.wire.charsets import encode, incremental_decoder, showable
from chat_server.wire.widths import columns_of, columns_of_grapheme, graphemes

HISTORY_LINES = 100
HISTORY_CHARACTERS = 16384
"""What is kept of the lines that one has typed: what a page of text may have. A session costs so much and no more."""

SEQUENCE_MAX = 32
"""Characters of an escape sequence beyond which it is none. The longest that a key sends has 10."""

RAW_MAX = 256
"""Bytes of a line that are kept as they came, to tell which charset they may be of."""

_ERASE = b"\r\x1b[K"
_OPEN = b"\x1b[?2004h"  # bracketed paste: what is pasted comes between two sequences
_CLOSE = b"\x1b[?2004l"
_CLEAR = b"\x1b[H\x1b[2J"
_BELL = b"\a"
_LINE_BREAK = "↵"
_TAB = "    "  # in what is pasted: code keeps its shape

_SEGMENTS = re.compile(rb"[^\r\n]+|[\r\n]")
_PASTE_BEGINS, _PASTE_ENDS = "200~", "201~"


class Typed(Struct, frozen=True):
    """A line that has been ended. It may be of several lines, if it was pasted. `raw` is there if it is not all of the charset."""

    text: str
    raw: bytes = b""


class TooMuch(Struct, frozen=True):
    """A line that is longer than the limit; what was too much of it has not been taken."""


class Completion(Struct, frozen=True):
    """Tab was typed behind this text."""

    before: str


class Closing(Struct, frozen=True):
    """The caller wants to leave: Ctrl+D on an empty line."""


Item = bytes | Typed | TooMuch | Completion | Closing
"""What is to be written to the terminal, or what the caller wants."""


class _State(Enum):
    TEXT = "text"
    ESCAPE = "after ESC"
    CSI = "inside a control sequence"
    SS3 = "after ESC O"


class LineEditor:
    """One caller's line."""

    def __init__(self, columns: int, charset: str, limit: int, write: Callable[[bytes], bytes]) -> None:
        """Begin an empty line.

        Args:
            columns: the terminal's width.
            charset: of both its directions.
            limit: bytes that a line may have in UTF-8.
            write: what telnet does to bytes on their way out.

        """
        self.columns = columns
        self._limit = limit
        self._write = write
        self._prompt = "> "
        self._cells: list[str] = []  # graphemes; a line break is one
        self._cursor = 0
        self._size = 0  # of the text, in UTF-8
        self._first = 0  # the first cell that is shown
        self._state = _State.TEXT
        self._sequence = ""
        self._pasted: list[str] | None = None  # None: nothing is being pasted
        self.after_cr = False
        self._history: deque[str] = deque()
        self._history_size = 0
        self._at: int | None = None  # where in the history the line is from
        self._draft = ""
        self._killed = ""
        self._is_secret = False
        self._completing: tuple[int, list[str], int] | None = (
            None  # from which cell on, with what, and which of it is there
        )
        self._raw = b""  # what came for this line
        self._drawn = b""
        self._is_cursor_at_end = True
        self.charset = charset

    @property
    def charset(self) -> str:
        """The charset of what is typed and drawn."""
        return self._charset

    @charset.setter
    def charset(self, charset: str) -> None:
        self._charset = charset
        self._decoder = incremental_decoder(charset)

    @property
    def text(self) -> str:
        """What has been typed and not sent."""
        return "".join(self._cells)

    # What is drawn.

    def open(self) -> bytes:
        """Begin to draw."""
        return _OPEN + self.redraw()

    def close(self) -> bytes:
        """Take the row away and draw no more."""
        self._drawn = b""
        return _ERASE + _CLOSE

    def redraw(self) -> bytes:
        """Draw the row anew."""
        self._drawn = self._row()
        return _ERASE + self._drawn

    def around(self, data: bytes) -> bytes:
        """Write whole lines above the row."""
        return b"".join((_ERASE, data, self._drawn))

    def prompted(self, prompt: str, *, is_secret: bool = False) -> bytes:
        """Have another prompt; a secret is not drawn, and kept in no history. Return what to write, if anything."""
        if prompt == self._prompt and is_secret == self._is_secret:
            return b""
        self._prompt, self._is_secret = prompt, is_secret
        return self.redraw()

    def resized(self, columns: int) -> bytes:
        """The terminal has another width. Return what to write."""
        self.columns = columns
        self._first = 0
        # Below the row there may be what a terminal that breaks rows anew has made of its end.
        return b"\r\x1b[J" + self.redraw()

    def _refresh(self) -> bytes:
        """Write what has changed; at the end of the row only what is new, which is one character for most keys."""
        before, was_at_end = self._drawn, self._is_cursor_at_end
        self._drawn = self._row()
        if self._drawn == before:
            return b""
        if was_at_end and self._is_cursor_at_end and self._drawn.startswith(before):
            return self._drawn[len(before) :]
        return _ERASE + self._drawn

    def _row(self) -> bytes:
        prompt = self._prompt if columns_of(self._prompt) <= self.columns // 2 else "> "
        room = max(self.columns - 1 - columns_of(prompt), 2)
        if self._is_secret:
            self._is_cursor_at_end = True
            return self._write(encode(prompt, self._charset))
        self._scroll(room)
        shown: list[str] = ["<"] if self._first else []
        width = len(shown)
        behind = 0
        for index in range(self._first, len(self._cells)):
            cell = self._shown(self._cells[index])
            needed = columns_of_grapheme(cell)
            if width + needed > room:
                break
            shown.append(cell)
            width += needed
            behind += needed if index >= self._cursor else 0
        self._is_cursor_at_end = not behind
        row = encode(prompt + "".join(shown), self._charset)
        return self._write(row) + (b"\x1b[%dD" % behind if behind else b"")

    def _scroll(self, room: int) -> None:
        """Choose the first cell that is shown: the same as before if the cursor is in sight from there, else one that has a third before it."""
        if self._cursor <= self._first:
            self._first = self._back_from(self._cursor, room // 3)
        elif self._is_beyond(room):
            self._first = self._back_from(self._cursor, room * 2 // 3)
        if self._first == 1:
            self._first = 0 if not self._is_beyond(room, first=0) else 1

    def _is_beyond(self, room: int, first: int | None = None) -> bool:
        """Whether the cursor is out of sight, or on the last column, to the right."""
        first = self._first if first is None else first
        width = 1 if first else 0
        for cell in self._cells[first : self._cursor]:
            width += columns_of_grapheme(self._shown(cell))
            if width > room - 1:
                return True
        return False

    def _back_from(self, index: int, columns: int) -> int:
        """The cell that is so many columns before this one."""
        while index > 0 and columns > 0:
            index -= 1
            columns -= columns_of_grapheme(self._shown(self._cells[index]))
        return index

    def _shown(self, cell: str) -> str:
        return showable(_LINE_BREAK if cell == "\n" else cell, self._charset)

    # What is typed.

    def receive_data(self, data: bytes) -> Iterator[Item]:
        """Take keys as they came; give what they lead to, in order, as far as it is asked for.

        What was typed is drawn at the end, and before whatever the caller wants.
        """
        for segment in _SEGMENTS.findall(data):  # the charset may be another after any line
            if len(self._raw) < RAW_MAX and segment not in (b"\r", b"\n"):
                self._raw += segment
            for character in self._decoder.decode(segment):
                yield from self._take(character)
        yield from self._drawing()

    def _drawing(self) -> Iterator[bytes]:
        drawn = self._refresh()
        if drawn:
            yield drawn

    def _take(self, character: str) -> Iterator[Item]:
        """Take one character, which may be part of a key's sequence."""
        if self._state is not _State.TEXT:
            yield from self._continue_sequence(character)
        elif character == "\x1b":
            self._state, self._sequence = _State.ESCAPE, ""
        elif self._pasted is not None:
            if len(self._pasted) <= self._limit:  # more than that is not taken, whatever it is
                self._pasted.append(_TAB if character == "\t" else character)
        else:
            yield from self._key(character)

    def _continue_sequence(self, character: str) -> Iterator[Item]:
        state, self._state = self._state, _State.TEXT
        if state is _State.ESCAPE and character in "[O":
            self._state = _State.CSI if character == "[" else _State.SS3
        elif state is _State.ESCAPE:
            yield from self._pressed(f"alt {character}")
        elif state is _State.SS3 or "@" <= character <= "~":
            yield from self._pressed(self._sequence + character)
        elif len(self._sequence) < SEQUENCE_MAX:
            self._state = state
            self._sequence += character

    def _pressed(self, sequence: str) -> Iterator[Item]:
        """Take a key that sends more than one character."""
        if self._pasted is not None:
            if sequence == _PASTE_ENDS:
                yield from self._end_paste()
        elif sequence == _PASTE_BEGINS:
            self._pasted = []
        else:
            self._completing = None
            action = self._KEYS.get(sequence)
            if action is not None:
                action(self)

    def _key(self, character: str) -> Iterator[Item]:
        """Take a key that sends one character."""
        after_cr, self.after_cr = self.after_cr, character == "\r"
        if character == "\t":
            yield from self._tab()
            return
        self._completing = None
        if character in "\r\n":
            if character == "\r" or not after_cr:
                yield from self._enter()
        elif character == "\x03":
            yield self.abandon()
        elif character == "\x04" and not self._cells:
            yield from self._drawing()
            yield Closing()
        elif character == "\x0c":
            yield _CLEAR + self.redraw()
        elif character in self._KEYS:
            self._KEYS[character](self)
        elif character.isprintable() or not character.isascii():
            yield from self._insert(character)

    def _insert(self, character: str) -> Iterator[Item]:
        size = len(character.encode(errors="replace"))
        if self._size + size > self._limit:
            yield _BELL
            return
        before = self._cells[self._cursor - 1] if self._cursor else ""
        joined = before + character
        if before not in ("", "\n") and not character.isascii() and len(graphemes(joined)) == 1:
            if clean(joined) == joined:
                self._cells[self._cursor - 1] = joined
                self._size += size
        elif clean(character) == character:
            self._cells.insert(self._cursor, character)
            self._cursor += 1
            self._size += size

    def _end_paste(self) -> Iterator[Item]:
        pasted = clean_lines("".join(self._pasted or ()))
        self._pasted = None
        self._completing = None
        size = len(pasted.encode())
        if self._size + size > self._limit:
            yield from self._drawing()
            yield TooMuch()
            return
        cells = graphemes(pasted)
        self._cells[self._cursor : self._cursor] = cells
        self._cursor += len(cells)
        self._size += size

    def insert(self, text: str) -> None:
        """Put in text that was typed before the editor was there."""
        for character in clean(text):
            for _ in self._insert(character):
                return

    def _enter(self) -> Iterator[Item]:
        text, raw = self.text, self._raw
        is_command = text.startswith("/") and not text.startswith("//") and "\n" not in text
        stays = is_command or self._is_secret  # what one says is shown as everybody sees it, when it is stored
        if not self._is_secret:
            self._remember(text)
        if stays:
            yield self._refresh() + b"\r\n"
        self._replace("")
        if stays:
            self._drawn = self._row()
            yield self._drawn
        else:
            yield from self._drawing()
        yield Typed(text, raw if "\ufffd" in text else b"")

    def abandon(self) -> bytes:
        """Begin a new line, below; the history has the old one, unless it was secret."""
        if not self._is_secret:
            self._remember(self.text)
        drawn = self._refresh() + b"^C\r\n"
        self._replace("")
        self._drawn = self._row()
        return drawn + self._drawn

    def _replace(self, text: str) -> None:
        self._cells = graphemes(text)
        self._cursor = len(self._cells)
        self._size = len(text.encode())
        self._first = 0
        self._at = None
        self._raw = b""

    # Tab.

    def _tab(self) -> Iterator[Item]:
        if self._is_secret:
            return
        if self._completing is None:
            yield from self._drawing()
            yield Completion("".join(self._cells[: self._cursor]))
        else:
            start, candidates, index = self._completing
            self._put(start, candidates, (index + 1) % len(candidates))

    def complete(self, candidates: Sequence[str]) -> bytes:
        """Put in the first of these for the word before the cursor; Tab again puts in the next. Return what to write."""
        if not candidates:
            return _BELL
        start = self._cursor
        while start and self._cells[start - 1] not in (" ", "\n"):
            start -= 1
        self._put(start, list(candidates), 0)
        return self._refresh()

    def _put(self, start: int, candidates: list[str], index: int) -> None:
        cells = graphemes(candidates[index])
        size = len("".join(cells).encode()) - len("".join(self._cells[start : self._cursor]).encode())
        if self._size + size > self._limit:
            return
        self._cells[start : self._cursor] = cells
        self._cursor = start + len(cells)
        self._size += size
        self._completing = start, candidates, index

    # The history.

    def _remember(self, text: str) -> None:
        if not text.strip() or (self._history and self._history[-1] == text):
            return
        self._history.append(text)
        self._history_size += len(text)
        while len(self._history) > HISTORY_LINES or self._history_size > HISTORY_CHARACTERS:
            self._history_size -= len(self._history.popleft())

    def _recall(self, step: int) -> None:
        if self._is_secret or not self._history:
            return
        if self._at is None:
            if step > 0:
                return
            self._draft = self.text
            at = len(self._history)
        else:
            at = self._at
        at = max(at + step, 0)
        if at < len(self._history):
            self._replace(self._history[at])
            self._at = at
        else:
            self._replace(self._draft)

    # Keys.

    def _left(self) -> None:
        self._cursor = max(self._cursor - 1, 0)

    def _right(self) -> None:
        self._cursor = min(self._cursor + 1, len(self._cells))

    def _home(self) -> None:
        self._cursor = 0

    def _end(self) -> None:
        self._cursor = len(self._cells)

    def _word_before(self) -> int:
        at = self._cursor
        while at and self._cells[at - 1].isspace():
            at -= 1
        while at and not self._cells[at - 1].isspace():
            at -= 1
        return at

    def _word_behind(self) -> int:
        at = self._cursor
        while at < len(self._cells) and self._cells[at].isspace():
            at += 1
        while at < len(self._cells) and not self._cells[at].isspace():
            at += 1
        return at

    def _word_left(self) -> None:
        self._cursor = self._word_before()

    def _word_right(self) -> None:
        self._cursor = self._word_behind()

    def _delete(self, start: int, end: int) -> str:
        deleted = "".join(self._cells[start:end])
        del self._cells[start:end]
        self._cursor = start
        self._size -= len(deleted.encode())
        return deleted

    def _kill(self, start: int, end: int) -> None:
        if start < end:
            self._killed = "" if self._is_secret else "".join(self._cells[start:end])
            self._delete(start, end)

    def _yank(self) -> None:
        size = len(self._killed.encode())
        if self._size + size <= self._limit:
            cells = graphemes(self._killed)
            self._cells[self._cursor : self._cursor] = cells
            self._cursor += len(cells)
            self._size += size

    def erase_character(self) -> None:
        """Take back the character before the cursor, whatever it is made of."""
        self._delete(max(self._cursor - 1, 0), self._cursor)

    def erase_line(self) -> None:
        """Take back everything."""
        self._kill(0, len(self._cells))

    _KEYS: ClassVar[dict[str, Callable[["LineEditor"], object]]] = {
        **dict.fromkeys(("\x01", "H", "1~", "7~"), _home),
        **dict.fromkeys(("\x05", "F", "4~", "8~"), _end),
        **dict.fromkeys(("\x02", "D"), _left),
        **dict.fromkeys(("\x06", "C"), _right),
        **dict.fromkeys(("\x10", "A"), lambda self: self._recall(-1)),
        **dict.fromkeys(("\x0e", "B"), lambda self: self._recall(1)),
        **dict.fromkeys(("\x08", "\x7f"), erase_character),
        **dict.fromkeys(("\x04", "3~"), lambda self: self._delete(self._cursor, self._cursor + 1)),
        **dict.fromkeys(("1;5D", "1;3D", "5D", "alt b"), _word_left),
        **dict.fromkeys(("1;5C", "1;3C", "5C", "alt f"), _word_right),
        **dict.fromkeys(("\x17", "alt \x7f", "alt \x08"), lambda self: self._kill(self._word_before(), self._cursor)),
        "alt d": lambda self: self._kill(self._cursor, self._word_behind()),
        "\x15": lambda self: self._kill(0, self._cursor),
        "\x0b": lambda self: self._kill(self._cursor, len(self._cells)),
        "\x19": _yank,
    }
    """What each key does, by the character or the end of the sequence that it sends (xterm's, and VT220's for Home and End)."""
