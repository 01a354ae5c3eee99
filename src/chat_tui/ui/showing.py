"""What is shown beside what was said: who comes and goes, and the numbers of lines; and that the user writes. The user says so, and it is kept.

Knows the client, where one is, and the panes. Never knows which key it was.
"""

from collections.abc import Callable

from textual.screen import Screen

from chat_tui.actions import keymap, shown_key
from chat_tui.client.completion import naming_a_line
from chat_tui.language import say
from chat_tui.ui.navigation import Navigation
from chat_tui.ui.panes import Panes
from chat_tui.ui.program import Program
from chat_tui.ui.writing import commands_here


class Showing:
    """Shows it, and hides it."""

    def __init__(
        self,
        program: Program,
        screen: Screen[None],
        panes: Panes,
        navigation: Navigation,
        *,
        paint_soon: Callable[[], None],
    ) -> None:
        self._program, self._screen, self._panes, self._navigation = program, screen, panes, navigation
        self._paint_soon = paint_soon

    def toggle(self, what: str) -> None:
        """Show one of them, `joins` or `numbers`, or do not."""
        if what == "joins":
            self.toggle_joins()
        else:
            self._toggle_numbers()

    def toggle_joins(self) -> None:
        """Tell who comes and goes in this room, or do not."""
        if (room := self._navigation.current) is None:
            return
        client = self._program.client
        is_shown = not client.state.choices.shows_joins(room.name)
        client.state.show_joins(room.name, is_wanted=is_shown)
        client.note_changed()
        key = shown_key(keymap(self._program.settings.keys).get("joins", "alt+j"))
        told = (
            say("Who comes and goes in {room} is shown again from now on.", room=room.name)
            if is_shown
            else say("Who comes and goes in {room} is hidden; {key} or /joins shows it again.", room=room.name, key=key)
        )
        self._screen.notify(told, timeout=5, markup=False)
        self._paint_soon()

    def _toggle_numbers(self) -> None:
        """Show the numbers of lines in all rooms, or do not."""
        client = self._program.client
        client.saved.numbers_shown = not self._shows_numbers
        client.store.save()
        self.numbers()

    @property
    def _shows_numbers(self) -> bool:
        said = self._program.client.saved.numbers_shown
        return self._program.settings.line_numbers if said is None else said

    def typed(self) -> None:
        """Something else stands in the prompt: show numbers if it is about one, and have whoever wants to know told that the user writes."""
        self.numbers()
        self._panes.note_typed(self._navigation.current)
        settings, client = self._program.settings, self._program.client
        if settings.signs and not settings.slow_link and not client.early_typing.may_be_secret:
            client.activity.typed(self._navigation.current, self._panes.prompt.text)

    def numbers(self) -> None:
        """Show the numbers of lines if they are wanted, or while a command is written that names a line by its number."""
        room, text = self._navigation.current, self._panes.prompt.text
        is_needed = text.startswith("/") and naming_a_line(text, commands_here(self._program, room)) is not None
        for view in self._panes.sides.views():
            view.show_numbers(is_wanted=self._shows_numbers or (is_needed and view is self._panes.chat))
