"""When the terminal rings, and the desktop is asked to notify: not too often, not in quiet hours, not while somebody looks at the terminal.

Knows the settings and the clock. Never knows which lines count, nor the bytes that a terminal wants (desktop.py).
"""

from collections.abc import Callable, Mapping
from typing import Protocol

from chat_tui.client.clocks import Steady, shown
from chat_tui.client.desktop import BEL as BELL
from chat_tui.client.desktop import notification, terminal_of
from chat_tui.settings import How, NotifyTable

GAP = 5.0
"""Seconds between two at the least: who was called ten times has heard the first."""


class Looker(Protocol):
    """Who may be looking at the terminal."""

    has_focus: bool
    knows_focus: bool


class Attention:
    """Calls the user who looks elsewhere, for all servers."""

    def __init__(
        self,
        rules: NotifyTable,
        clock: Callable[[], float],
        looker: Looker,
        write: Callable[[str], None],
        environment: Mapping[str, str],
    ) -> None:
        self._rules, self._clock, self._looker, self._write = rules, clock, looker, write
        self._steady = Steady(clock)
        self._called_at = -GAP
        known = terminal_of(environment)
        self._terminal = known._replace(form=rules.terminal) if rules.terminal else known

    def call(self, how: How, heading: str, text: str) -> None:
        """Call the user in this way, if it is time."""
        now = self._steady()
        if self._is_looking or self._is_quiet or now - self._called_at < GAP:
            return
        data = BELL if self._rules.bell and how in (True, "bell") else ""
        if self._rules.desktop and how in (True, "desktop"):
            data += notification(self._terminal, heading, text)
        if data:
            self._called_at = now
            self._write(data)

    @property
    def _is_looking(self) -> bool:
        """Whether somebody looks at the terminal, as far as it tells."""
        return self._looker.has_focus and self._looker.knows_focus and not self._rules.focused

    @property
    def _is_quiet(self) -> bool:
        clock = shown(self._clock())
        return is_within(f"{clock.tm_hour:02}:{clock.tm_min:02}", self._rules.quiet)


def is_within(time: str, hours: str) -> bool:
    """Whether a time of day lies within hours: `22:00-07:00` go over midnight, and those that end when they begin are all day; "": none."""
    begin, _, end = hours.partition("-")
    if not end:
        return False
    return begin <= time < end if begin < end else time >= begin or time < end
