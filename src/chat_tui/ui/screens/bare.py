"""A room's lines as plain text over the whole terminal, whose own selection and copying work there: no panes, no colours, no mouse.

Knows the lines; never knows how a terminal is told.
"""

from collections.abc import Callable
from itertools import pairwise
from typing import ClassVar

from rich.segment import Segment
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.events import Resize, ScreenResume, ScreenSuspend
from textual.screen import Screen
from textual.strip import Strip
from textual.widget import Widget

from chat_tui.client.bare_lines import BareLines
from chat_tui.language import say
from chat_tui.ui import terminal
from chat_tui.ui.wrapping import filled

LOOK_SECONDS = 0.5
"""Seconds between two looks whether something has come."""

Rows = list[tuple[str, bool]]
"""Each with its text, and whether it goes on with the row before."""


class BareText(Widget):
    """The rows that are seen."""

    DEFAULT_CSS = "BareText { width: 100%; height: 100%; }"

    def __init__(self, seen: Callable[[], Rows]) -> None:
        super().__init__()
        self._seen = seen

    def render_line(self, y: int) -> Strip:
        """One of them."""
        rows = self._seen()
        return Strip([Segment(rows[y][0] if y < len(rows) else "")]).adjust_cell_length(self.size.width)


class BareScreen(Screen[None]):
    """Shows them from the newest on, and what comes while the end is seen."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape,q", "dismiss"),
        Binding("alt+x", "dismiss", id="bare"),
        Binding("up", "scroll_rows(-1)"),
        Binding("down", "scroll_rows(1)"),
        Binding("pageup", "scroll_pages(-1)"),
        Binding("pagedown,space", "scroll_pages(1)"),
        Binding("home,ctrl+home", "go_to_top"),
        Binding("end,ctrl+end", "go_to_end"),
    ]

    def __init__(self, lines: BareLines, tell: Callable[[str], None]) -> None:
        """Show these lines. `tell` tells the terminal something."""
        super().__init__()
        self._lines, self._tell = lines, tell
        self._rows: Rows = []
        self._begins: list[int] = [0]  # the row where each line begins, and where all end
        self._top, self._is_at_end = 0, True
        self._has_mouse = True
        self._forget_written = terminal.written_as(self, self._page)

    def compose(self) -> ComposeResult:
        """One text."""
        yield BareText(self._seen)

    def on_mount(self) -> None:
        """Begin at the end."""
        self._lines.take()
        self.set_interval(LOOK_SECONDS, self._look)
        self.app.app_resume_signal.subscribe(self, lambda _: self._begin_anew())

    def on_resize(self, event: Resize) -> None:
        """Rows are as wide as the terminal; what stood at the top stays there, unless the end was seen."""
        del event
        self._fill()
        self._begin_anew()

    def on_screen_resume(self, event: ScreenResume) -> None:
        """The terminal is this screen's."""
        del event
        self._leave_mouse(has_mouse=False)
        self._begin_anew()

    def on_screen_suspend(self, event: ScreenSuspend) -> None:
        """It is another's."""
        del event
        self._leave_mouse(has_mouse=True)

    def on_unmount(self) -> None:
        """The same, for good."""
        self._leave_mouse(has_mouse=True)

    def _leave_mouse(self, *, has_mouse: bool) -> None:
        if has_mouse is not self._has_mouse:
            self._has_mouse = has_mouse
            self._tell(terminal.mouse_reports(self.app, is_on=has_mouse))

    # What is seen.

    def _seen(self) -> Rows:
        return self._rows[self._top : self._top + self.size.height]

    def _page(self) -> str:
        return terminal.plain_page(self._seen(), self.size.height)

    def _begin_anew(self) -> None:
        """The terminal may have forgotten what it was told."""
        self._forget_written()
        self._draw()

    def _draw(self) -> None:
        for text in self.query(BareText):
            text.refresh()

    @property
    def _end(self) -> int:
        return max(0, len(self._rows) - self.size.height)

    def _fill(self, kept: int = 0) -> None:
        """Make the rows; those of the first `kept` lines are there."""
        line = next((at for at, (_, end) in enumerate(pairwise(self._begins)) if self._top < end), 0)
        hint = say("Esc goes back. PageUp and PageDown show more.")
        del self._rows[self._begins[kept] :], self._begins[kept + 1 :]
        for text in (*self._lines.lines[kept:], f"({hint})"):
            self._rows += [(row, at > 0) for at, row in enumerate(filled(text, max(2, self.size.width)))]
            self._begins.append(len(self._rows))
        self._top = self._end if self._is_at_end else min(self._begins[line], self._end)

    def _look(self) -> None:
        """See whether something has come; where one reads further up, or may be selecting, nothing moves."""
        if self._rows and self._is_at_end and self._lines.take():
            self._fill(self._lines.kept)
            self._draw()

    def _go_to(self, row: int) -> None:
        self._top = max(0, min(row, self._end))
        self._is_at_end = self._top == self._end
        self._look()
        self._draw()

    def action_scroll_rows(self, rows: int) -> None:
        """Scroll down by so many rows; up, if negative."""
        self._go_to(self._top + rows)

    def action_scroll_pages(self, pages: int) -> None:
        """Scroll down by so many screens, less a row; up, if negative."""
        self._go_to(self._top + pages * max(1, self.size.height - 1))

    def action_go_to_top(self) -> None:
        """Go to the oldest line that is loaded."""
        self._go_to(0)

    def action_go_to_end(self) -> None:
        """Go to the newest line."""
        self._go_to(self._end)
