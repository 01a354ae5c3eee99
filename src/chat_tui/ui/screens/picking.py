"""One of several things, by a few letters. Knows nothing of what they are."""

from collections.abc import Callable

from textual import on
from textual.widgets import Input

from chat_tui.language import say
from chat_tui.ui.list_pane import Item
from chat_tui.ui.screens.choosing import ChooseScreen


class PickScreen(ChooseScreen):
    """Returns the key of what is chosen."""

    def __init__(
        self,
        heading: str,
        placeholder: str,
        find: Callable[[str], list[Item]],
        on_mark: Callable[[str], object] | None = None,
    ) -> None:
        """`find` gives what fits the letters, best first; `on_mark` is told of which one the user has marked by moving there."""
        super().__init__(heading, placeholder)
        self._find, self._on_mark = find, on_mark

    def on_mount(self) -> None:
        """Show what there is."""
        self.show(self._find(""))

    def action_move(self, step: int) -> None:
        """Mark another one."""
        super().action_move(step)
        if self._on_mark is not None and self.marked:
            self._on_mark(self.marked)

    @on(Input.Changed)
    def _look(self, event: Input.Changed) -> None:
        items = self._find(event.value.strip())
        self.show(items, "" if items else say("Nothing has these letters. Fewer find more."))
