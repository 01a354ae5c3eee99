"""What the screen does at a key and at a command alike, and by which of its parts.

Never knows which of the two it was, nor how it is done.
"""

from collections.abc import Callable, Mapping

from chat_tui.ui.jumping import Jumping
from chat_tui.ui.moderating import Moderating
from chat_tui.ui.navigation import Navigation
from chat_tui.ui.program import Program
from chat_tui.ui.room_options import RoomOptions
from chat_tui.ui.showing import Showing
from chat_tui.ui.splitting import Splitting
from chat_tui.ui.writing import Writing


class Doing:
    """Has it done, by its word."""

    def __init__(
        self,
        *,
        navigation: Navigation,
        showing: Showing,
        writing: Writing,
        moderating: Moderating,
        options: RoomOptions,
        jumping: Jumping,
        splitting: Splitting,
        program: Program,
        paint_soon: Callable[[], None],
    ) -> None:
        self._navigation, self._showing, self._writing = navigation, showing, writing
        self._moderating, self._options, self._jumping = moderating, options, jumping
        self._splitting = splitting
        self._program, self._paint_soon = program, paint_soon

    def do(self, what: str, fields: Mapping[str, object]) -> None:
        """Do this; `fields` are what a command was given."""
        match what:
            case "next-activity":
                self._navigation.go_to_activity()
            case "jump" | "search-everywhere":
                (self._jumping.begin if what == "jump" else self._jumping.search)()
            case "joins" | "numbers":
                self._showing.toggle(what)
            case "split" | "other-side":
                self._splitting.do(what, str(fields.get("room", "")))
            case "links":
                self._writing.show_links(self._navigation.current)
            case "send-again":
                self._writing.send_again(self._navigation.current)
            case "give-up":
                self._writing.give_up(self._navigation.current)
                self._paint_soon()
            case "moderate":
                self._moderating.begin()
            case "connect" | "disconnect":
                self._program.change_servers(what, str(fields.get("server", "")))
            case _:
                self._options.choose(what, fields)
