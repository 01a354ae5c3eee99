"""What is searched for in the room that one sees, in its pane: marked, and gone to. Never knows how it is found."""

from chat_tui.ui.navigation import Navigation
from chat_tui.ui.panes import Panes
from chat_tui.ui.room_search import RoomSearch


class Searching:
    """A search, on the screen."""

    def __init__(self, search: RoomSearch, panes: Panes, navigation: Navigation) -> None:
        self.search, self._panes, self._navigation = search, panes, navigation

    def again(self) -> None:
        """Another room is shown."""
        if self._panes.bar.display:
            self.begin(self._panes.bar.words)

    def begin(self, words: str) -> None:
        """Search for other words."""
        self._panes.chat.highlight(self.search.begin(self._navigation.current, words))

    def step(self, step: int) -> None:
        """Go to the next newer line that has the words, or the next older one."""
        seq, room = self.search.next(step), self._navigation.current
        if seq is not None and room is not None:
            self._panes.chat.mark_hit(seq)
            self._navigation.line.want(room.name, seq)

    def end(self) -> None:
        """Search for nothing any more."""
        self._panes.chat.highlight(None)
        self._panes.prompt.focus()
