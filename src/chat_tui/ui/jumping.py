"""Going to a room or a person by a few letters, at whichever server.

Knows where one is, and what is known of all servers. Never knows which key it was.
"""

from textual.screen import Screen

from chat_tui.ui.list_pane import Item
from chat_tui.ui.navigation import Navigation
from chat_tui.ui.server_groups import found_everywhere, split_key


class Jumping:
    """Asks for the letters, and goes there."""

    def __init__(self, screen: Screen[None], navigation: Navigation) -> None:
        self._screen, self._navigation = screen, navigation

    def begin(self) -> None:
        """Choose a room or a person by a few letters."""
        from chat_tui.ui.screens.choosing import JumpScreen  # noqa: PLC0415 - who asks pays

        self._screen.app.push_screen(JumpScreen(self._items), self._go)

    def _items(self, letters: str) -> list[Item]:
        everywhere = self._navigation.everywhere()
        if len(everywhere) == 1:
            return self._navigation.found(letters)
        return found_everywhere(letters, [(there.title, there.found(letters)) for there in everywhere])

    def _go(self, key: str | None) -> None:
        server, key = split_key(key or "")
        there = self._navigation if server is None else self._navigation.everywhere()[server]
        there.jump_to(key)

    def search(self) -> None:
        """Search in all rooms of all servers, and go to a line that was found."""
        from chat_tui.ui.screens.choosing import SearchScreen  # noqa: PLC0415 - who asks pays

        everywhere = [*self._navigation.everywhere()]

        def go(key: str | None) -> None:
            place, _, line = (key or "").partition(" ")
            if line:
                everywhere[int(place)].go_to_found(line)

        self._screen.app.push_screen(SearchScreen([(there.title, there.search) for there in everywhere]), go)
