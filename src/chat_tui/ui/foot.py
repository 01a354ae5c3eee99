"""The keys at the foot of the screen. Knows nothing of what they do."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

from textual.app import ComposeResult
from textual.widgets import Footer
from textual.widgets._footer import FooterKey

from chat_tui.language import message, say, spoken

OF_A_LINE = "line("
"""How actions begin that are for the line which is chosen: while there is one, no others are shown."""

BACK = message("Back")

Active = Any
"""A key that does something just now, as Textual has it."""


def for_footer(active: dict[str, Active], can: Callable[[str], bool]) -> dict[str, Active]:
    """Of the keys that do something just now those that are to be shown; of a line's those that can be done with it."""
    of_line = {key: one for key, one in active.items() if one.binding.action.startswith(OF_A_LINE)}
    of_line = {key: one for key, one in of_line.items() if can(one.binding.action[len(OF_A_LINE) :].strip("')"))}
    back = active.get("escape")
    if not of_line or back is None:
        return active
    return {**of_line, "escape": back._replace(binding=replace(back.binding, show=True, description=BACK))}


class Foot(Footer):
    """Keys that are made again only where others are shown than before: Textual says three times while it starts that they may be others."""

    _made: object = None

    def _wanted(self) -> object:
        return spoken(), [
            (key, active.binding, active.enabled, active.tooltip)
            for key, active in self.screen.active_bindings.items()
            if active.binding.show
        ]

    def compose(self) -> ComposeResult:
        """One widget a key, with its word in the language that is spoken."""
        if self._bindings_ready:
            self._made = self._wanted()
        for widget in super().compose():
            if isinstance(widget, FooterKey) and widget.description:
                widget.description = say(widget.description)
            yield widget

    async def recompose(self) -> None:
        """Make them again, if they are others."""
        if self.is_attached and self._wanted() != self._made:
            await super().recompose()
