"""One of several things, by a few letters. What is marked and cut in the list is said whole below it. Knows nothing of what they are."""

from collections.abc import Callable, Sequence

from textual import on
from textual.widgets import Input

from chat_tui.language import say
from chat_tui.ui.list_pane import Item, ListPane, item_place
from chat_tui.ui.screens.box import Box
from chat_tui.ui.screens.choosing import ChooseScreen


class PickScreen(ChooseScreen):
    """Returns the key of what is chosen."""

    def __init__(
        self,
        heading: str,
        placeholder: str,
        find: Callable[[str], list[Item]],
        on_mark: Callable[[str], object] | None = None,
        *,
        is_wide: bool = False,
    ) -> None:
        """`find` gives what fits the letters, best first; `on_mark` is told of which one the user has marked by moving there."""
        super().__init__(heading, placeholder, is_wide=is_wide)
        self._find, self._on_mark = find, on_mark

    def on_mount(self) -> None:
        """Show what there is."""
        self.show(self._find(""))

    def show(self, items: Sequence[Item], hint: str = "") -> None:
        """Show these items, the first one marked."""
        super().show(items, hint)
        if not hint:
            self._say_whole()

    def _say_whole(self) -> None:
        item = next((item for item in self.query_one(ListPane).items if item.key == self.marked), None)
        is_cut = item is not None and item.content.cell_length > item_place(item, self.query_one(Box).columns)
        self.hint(item.content.plain if item is not None and is_cut else "")

    def action_move(self, step: int) -> None:
        """Mark another one."""
        super().action_move(step)
        self._say_whole()
        if self._on_mark is not None and self.marked:
            self._on_mark(self.marked)

    @on(Input.Changed)
    def _look(self, event: Input.Changed) -> None:
        items = self._find(event.value.strip())
        self.show(items, "" if items else say("Nothing has these letters. Fewer find more."))
