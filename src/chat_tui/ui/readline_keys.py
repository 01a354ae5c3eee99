"""Editing the prompt as a shell's line is edited: what one kills can be put back. Knows a text area; never knows keys nor the settings."""

import re
from typing import Literal

from textual.widgets import TextArea

Place = tuple[int, int]


class ReadlineKeys:
    """What readline's keys do to one text area."""

    def __init__(self, area: TextArea) -> None:
        self._area = area
        self._killed = ""
        self._after_kill: tuple[str, Place] | None = None  # how things stood after the last kill

    def kill_line(self) -> None:
        """Kill to the end of the line; at its end, the line's end itself."""
        row, column = self._area.cursor_location
        line = str(self._area.document.get_line(row))
        if column < len(line):
            self._kill((row, column), (row, len(line)))
        elif row + 1 < self._area.document.line_count:
            self._kill((row, column), (row + 1, 0))

    def kill_to_start(self) -> None:
        """Kill to the beginning of the line."""
        row, column = self._area.cursor_location
        self._kill((row, 0), (row, column), side="before")

    def kill_word(self) -> None:
        """Kill to the end of the word."""
        row, column = self._area.cursor_location
        line = str(self._area.document.get_line(row))
        found = re.compile(r"\W*\w*").match(line, column)
        end = found.end() if found is not None else column
        if end == column:
            self.kill_line()
        else:
            self._kill((row, column), (row, end))

    def kill_word_back(self) -> None:
        """Kill the word before the cursor, up to a blank."""
        row, column = self._area.cursor_location
        before = str(self._area.document.get_line(row))[:column]
        if column:
            self._kill((row, len(re.sub(r"\S*\s*$", "", before))), (row, column), side="before")
        elif row:
            self._kill((row - 1, len(str(self._area.document.get_line(row - 1)))), (row, 0), side="before")

    def yank(self) -> None:
        """Put what was killed last where the cursor is."""
        if self._killed:
            self._area.insert(self._killed)

    def _kill(self, start: Place, end: Place, *, side: Literal["before", "after"] = "after") -> None:
        """Take a part out and keep it: beside what the kill just before this one took, if nothing was done in between."""
        area = self._area
        text = area.get_text_range(start, end)
        if not text:
            return
        is_next = self._after_kill == (area.text, area.cursor_location)
        kept = self._killed if is_next else ""
        self._killed = text + kept if side == "before" else kept + text
        area.history.checkpoint()
        area.delete(start, end, maintain_selection_offset=False)
        area.move_cursor(start)
        area.history.checkpoint()
        self._after_kill = (area.text, area.cursor_location)
