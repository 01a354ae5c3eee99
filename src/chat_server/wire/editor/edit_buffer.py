"""A line while it is edited: its characters, the cursor, what was deleted last, and the lines before it.

What a reader takes for one character is one cell, however many code points it has. Pure; never knows keys, bytes or a terminal.
"""

from collections import deque
from collections.abc import Sequence

from chat_server.protocol.sanitize import sanitize
from chat_server.wire.render.widths import GRAPHEME_MAX, graphemes

HISTORY_LINES = 100
HISTORY_CHARACTERS = 8192
"""What is kept of the lines that one has typed: a hundred ordinary ones. A longer text than this is in nobody's history."""

KNOWN_MAX = 16384
"""Characters that all lines share: a list of strings of its own costs a line seventy bytes a character."""

_known: dict[str, str] = {}


def _cells(text: str) -> list[str]:
    """The text's cells; the same character is the same string in all lines, as far as there is room for that."""
    if text.isascii():
        return list(text)
    if len(_known) < KNOWN_MAX:
        return [_known.setdefault(cell, cell) for cell in graphemes(text)]
    return [_known.get(cell, cell) for cell in graphemes(text)]


class EditBuffer:
    """Cells and a cursor. Each cell is clean (see sanitize.py); the line has at most `limit` bytes in UTF-8, `text_limit` if it is of several."""

    def __init__(self, limit: int, text_limit: int) -> None:
        self.limit = limit
        self.text_limit = text_limit
        self.work = 0
        """Cells that were put in, taken out or passed over until now: what the line has cost."""
        self.cells: list[str] = []
        """The characters; a line break is one."""
        self._breaks = 0  # how many of them are line breaks
        self.cursor = 0
        """The cell before which it stands."""
        self._size = 0
        self._killed = ""
        self._history: deque[str] = deque()
        self._history_size = 0
        self._may_forget = False  # whether the newest of them was entered last
        self._at: int | None = None  # where in the history the line is from; None: it is new
        self._draft = ""
        self._completing: tuple[int, Sequence[str], int] | None = (
            None  # from which cell on, with what, and which of it is there
        )

    @property
    def text(self) -> str:
        """The line."""
        return "".join(self.cells)

    @property
    def size(self) -> int:
        """The line's bytes."""
        return self._size

    @property
    def held(self) -> int:
        """Bytes of memory for the line and for what can be brought back, about: a cell of more than ASCII may be a string of its own."""
        shown_once = len(self.cells) * 8 + (self._size - len(self.cells)) * 28
        return shown_once + (self._history_size + len(self._killed) + len(self._draft)) * 2

    def forget(self) -> None:
        """Forget everything that was typed."""
        self.replace("")
        self._killed = self._draft = ""
        self._history.clear()
        self._history_size = 0

    @property
    def before_cursor(self) -> str:
        """The line up to the cursor."""
        return "".join(self.cells[: self.cursor])

    def type(self, character: str) -> bool:
        """Put in one code point, which may belong to the character before it. Return whether there was room."""
        self.work += 1
        if not self._has_room(self._size + len(character.encode(errors="replace"))):
            return False
        before = self.cells[self.cursor - 1] if self.cursor else "\n"
        joined = before + character
        if before != "\n" and not character.isascii() and len(joined) <= GRAPHEME_MAX and len(graphemes(joined)) == 1:
            if sanitize(joined) == joined:
                self.cells[self.cursor - 1] = joined
                self._size += len(character.encode())
        elif sanitize(character) == character:
            self._splice(self.cursor, self.cursor, [character])
        return True

    def insert(self, text: str) -> bool:
        """Put in clean text. Return whether there was room; if not, nothing of it was put in."""
        return self._splice(self.cursor, self.cursor, _cells(text))

    def replace(self, text: str) -> None:
        """Have another line."""
        self.cells = _cells(text)
        self.cursor = len(self.cells)
        self.work += 1 + len(text)
        self._breaks = self.cells.count("\n")
        self._size = len(text.encode())
        self._at = None
        self._completing = None

    def _has_room(self, size: int, cells: Sequence[str] = ()) -> bool:
        return size <= self.limit or (size <= self.text_limit and (self._breaks > 0 or "\n" in cells))

    def _splice(self, start: int, end: int, cells: Sequence[str]) -> bool:
        """Put cells in the place of those from `start` to `end`, if there is room, and the cursor after them."""
        size = self._size + len("".join(cells).encode()) - len("".join(self.cells[start:end]).encode())
        if size > self._size and not self._has_room(size, cells):
            return False
        self.work += 1 + len(cells) + end - start
        self._completing = None
        self._breaks += cells.count("\n") - self.cells[start:end].count("\n")
        self.cells[start:end] = cells
        self.cursor = start + len(cells)
        self._size = size
        return True

    # Moving.

    def left(self) -> None:
        """Move one character to the left."""
        self.cursor = max(self.cursor - 1, 0)

    def back_over(self, text: str) -> None:
        """Move the cursor back over a text that has just been put in."""
        for _ in _cells(text):
            self.left()

    def right(self) -> None:
        """Move one character to the right."""
        self.cursor = min(self.cursor + 1, len(self.cells))

    def home(self) -> None:
        """Move to the beginning."""
        self.cursor = 0

    def end(self) -> None:
        """Move to the end."""
        self.cursor = len(self.cells)

    def word_left(self) -> None:
        """Move to the beginning of a word."""
        self.work += self.cursor
        while self.cursor and self.cells[self.cursor - 1].isspace():
            self.cursor -= 1
        while self.cursor and not self.cells[self.cursor - 1].isspace():
            self.cursor -= 1

    def word_right(self) -> None:
        """Move to the end of a word."""
        self.work += len(self.cells) - self.cursor
        while self.cursor < len(self.cells) and self.cells[self.cursor].isspace():
            self.cursor += 1
        while self.cursor < len(self.cells) and not self.cells[self.cursor].isspace():
            self.cursor += 1

    # Deleting. What is deleted by more than a character can be put in again.

    def erase(self) -> None:
        """Delete the character before the cursor."""
        self._splice(max(self.cursor - 1, 0), self.cursor, [])

    def delete(self) -> None:
        """Delete the character under the cursor."""
        self._splice(self.cursor, self.cursor + 1, [])

    def _kill(self, start: int, end: int) -> None:
        if start < end:
            self._killed = "".join(self.cells[start:end])
            self._splice(start, end, [])

    def kill_to_start(self) -> None:
        """Delete everything before the cursor."""
        self._kill(0, self.cursor)

    def kill_to_end(self) -> None:
        """Delete everything after the cursor."""
        self._kill(self.cursor, len(self.cells))

    def kill_all(self) -> None:
        """Delete everything."""
        self._kill(0, len(self.cells))

    def kill_word_before(self) -> None:
        """Delete the word before the cursor."""
        end = self.cursor
        self.word_left()
        self._kill(self.cursor, end)

    def kill_word_after(self) -> None:
        """Delete the word after the cursor."""
        start = self.cursor
        self.word_right()
        self._kill(start, self.cursor)

    def yank(self) -> None:
        """Put in again what was deleted."""
        self._splice(self.cursor, self.cursor, _cells(self._killed))

    def forget_killed(self) -> None:
        """Forget what was deleted."""
        self._killed = ""

    # The lines before.

    def remember(self) -> None:
        """Keep the line for when it is wanted again."""
        text = self.text
        self._may_forget = bool(text.strip())
        if not text.strip() or (self._history and self._history[-1] == text):
            return
        self._history.append(text)
        self._history_size += len(text)
        while len(self._history) > HISTORY_LINES or self._history_size > HISTORY_CHARACTERS:
            self._history_size -= len(self._history.popleft())

    def forget_last(self) -> None:
        """Forget the newest of them, if it is what was entered last."""
        if self._history and self._may_forget:
            self._may_forget = False
            self._history_size -= len(self._history.pop())

    def older(self) -> None:
        """Go to the line before this one."""
        at = len(self._history) if self._at is None else self._at
        if self._at is None:
            self._draft = self.text
        if at:
            self.replace(self._history[at - 1])
            self._at = at - 1

    def newer(self) -> None:
        """Go to the line after this one; the last is the one that was begun."""
        if self._at is None:
            return
        at = self._at + 1
        if at < len(self._history):
            self.replace(self._history[at])
            self._at = at
        else:
            self.replace(self._draft)

    # The rest of a word.

    def complete(self, candidates: Sequence[str]) -> None:
        """Put the first of these in the place of the word before the cursor."""
        start = self.cursor
        while start and self.cells[start - 1] not in (" ", "\n"):
            start -= 1
        self._put(start, candidates, 0)

    def complete_again(self) -> bool:
        """Put in the next of them instead. Return whether there was one before."""
        if self._completing is None:
            return False
        start, candidates, index = self._completing
        self._put(start, candidates, (index + 1) % len(candidates))
        return True

    def end_completing(self) -> None:
        """Something else was typed."""
        self._completing = None

    def _put(self, start: int, candidates: Sequence[str], index: int) -> None:
        if self._splice(start, self.cursor, _cells(candidates[index])):
            self._completing = start, candidates, index
