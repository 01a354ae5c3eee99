"""A second room beside the one where one is: which one it is, and how one comes from one to the other.

Knows where one is, at whichever server, and the sides of the window. Never knows which key or command it was.
"""

from collections.abc import Callable

from textual.screen import Screen

from chat_tui.actions import keymap, shown_key
from chat_tui.client.conversing import MARK
from chat_tui.client.state import RoomState
from chat_tui.language import say
from chat_tui.ui.navigation import Navigation
from chat_tui.ui.panes import Panes
from chat_tui.ui.program import Program
from chat_tui.ui.sides import WIDE


class Splitting:
    """Opens and closes the other side, and goes there."""

    def __init__(
        self,
        program: Program,
        screen: Screen[None],
        panes: Panes,
        navigation: Navigation,
        *,
        paint_soon: Callable[[], None],
    ) -> None:
        self._program, self._screen, self._navigation = program, screen, navigation
        self._sides, self._paint_soon = panes.sides, paint_soon

    def do(self, what: str, name: str = "") -> None:
        """Go to the other side, or show a room there (`split`), or none any more."""
        if what == "split":
            self._split(name)
        else:
            self._change_sides()

    def _split(self, name: str) -> None:
        """Show a room beside this one: the one with this name, or one that is worth it; or, without a name, end that."""
        if self._sides.beside is not None and not name:
            self._sides.close()
        elif not self._sides.is_wide:
            self._program.say_shortly(
                say(
                    "Two rooms beside one another need a window of {columns} columns; this one has {width}.",
                    columns=WIDE,
                    width=self._screen.app.size.width,
                )
            )
        elif (found := self._named(name) if name else self._worth_it()) is not None:
            there, room = found
            self._screen.call_later(self._sides.open, room, there.program, there.places)
        self._paint_soon()

    def _change_sides(self) -> None:
        """Write on the other side from now on."""
        beside = self._sides.beside
        for there, room in self._navigation.rooms_everywhere():
            if beside is not None and room is beside.view.room:
                there.come_to(room)
                return
        self._program.say_shortly(say("No room stands beside this one; {key} or /split shows one.", key=self._key()))

    def _key(self) -> str:
        return shown_key(keymap(self._program.settings.keys).get("split", "alt+v"))

    def _named(self, name: str) -> tuple[Navigation, RoomState] | None:
        """The room with this name, or the conversation with somebody of it, of this server before those of others."""
        here = self._navigation
        for there in (here, *(one for one in here.everywhere() if one is not here)):
            room = _known(there, name)
            if room is not None and room is not here.current:
                return there, room
        known = _known(here, name)
        self._program.say_shortly(
            say("{room} is here already.", room=known.name)
            if known is not None
            else say("You are not in {room}. /join {room} enters it.", room=name)
        )
        return None

    def _worth_it(self) -> tuple[Navigation, RoomState] | None:
        """The room that was beside another one last; else one with something new; else the next one of the list."""
        rooms = self._navigation.rooms_everywhere()
        current = self._navigation.current
        at = next((at for at, (_, room) in enumerate(rooms) if room is current), -1)
        others = [*rooms[at + 1 :], *rooms[: max(at, 0)]]
        if current is None or not others:
            self._program.say_shortly(
                say("You are in no other room to show beside this one. /join NAME enters one, or Ctrl+K.")
            )
            return None
        last = next((found for found in others if found[1] is self._sides.last), None)
        return last or self._navigation.most_wanted() or others[0]


def _known(there: Navigation, name: str) -> RoomState | None:
    known = there.program.client.state.known
    return known(name) or known(MARK + name)
